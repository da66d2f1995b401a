"""Compile a class: skills as columns, students as rows, and the edges between these two sets.

The students come as a list of ids, since who is in a class is SQL's to say. Only edges that exist travel: a
cell without one is made here, of the same table (Scalar.missing). What belongs to a skill is projected once
for its column and not for each of its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import graph.model
import graph.parents
from graph import summaries
from graph.class_sets import ROLES, Matrix, columns_text, join_cells, subquery
from graph.layout import UNREADABLE, Aggregates, Key, Layout, Many, Read, Record, Shaped, Value
from graph.plan import Address, Build, Inputs, Row, Shaper, Template
from graph.projection import member, record
from graph.selection import Field, Selection
from graph.shapes import Bound, Scalar
from graph.space import Projection, Space, UnknownField

CONNECTION, EDGE, CELL, ENROLLMENT = (
    "ClassMasteryConnection",
    "ClassMasteryEdge",
    "SkillMastery",
    "Enrollment",
)
# What the page of students answers, from SQL.
_OF_THE_PAGE = frozenset({"pageInfo", "totalCount", "cursor"})


@dataclass(slots=True)
class _Found:
    """Hold what a statement found for one course; `edges` are (skill, its edges), which begin with the student."""

    course_id: int
    parts: list[Any]
    columns: list[list[Any]]
    edges: list[tuple[str, list[list[Any]]]]
    _by_student: dict[int, dict[int, list[Any]]] = field(default_factory=dict)

    def sides(self, places: Sequence[int]) -> list[Side]:
        """Return for each column: its edges by student, its skill, and some parts of it."""
        edges = {skill: {edge[0]: edge for edge in edges} for skill, edges in self.edges}
        return [
            (edges.get(column[0], {}), column[0], [column[place] for place in places])
            for column in self.columns
        ]

    def of_student(self, place: int, student: int) -> list[Any] | None:
        """Return a student's row of a part whose rows begin with the student."""
        rows = self._by_student.get(place)
        if rows is None:
            rows = self._by_student[place] = {row[0]: row for row in chain.from_iterable(self.parts[place])}
        return rows.get(student)


Side = tuple[Mapping[int, list[Any]], str, list[Any]]
Students = Sequence[int]
OfPage = Callable[[_Found, Students, Inputs], list[Any]]
"""Return one answer for each student of the page."""
Readers = Sequence[tuple[str, OfPage]]


def make_class_template(asked: Field) -> Template:
    """Return the template of `classMastery`; its plan shapes to the Row of one course's connection.

    The key is (course, ids of the students of the page). `edges` holds one Row for each student, in their
    order; `nodes` and `edges.node` hold Rows of the enrollment with its graph fields. What SQL answers
    (cursor, pageInfo, totalCount) is left to the caller.
    """
    build = Build()
    build.shared_parameter("keys", lambda inputs: list(inputs.keys))
    matrix = Matrix(build)
    columns: list[tuple[str, int, Address, Layout | None, Shaper]] = []
    rows: list[tuple[str, str, Readers]] = []
    for index, each in enumerate((asked.selection or Selection()).fields(CONNECTION)):
        address = (("Query", 0), (CONNECTION, index))
        if each.name == "skills":
            place, skill = _skill(matrix, each, f"column_{each.response_key}", address)
            layout = Many(skill.layout) if skill.layout else None
            columns.append((each.response_key, place, address, layout, skill.shape))
        elif each.name == "edges":
            rows.append((each.response_key, EDGE, _edge(matrix, each, address)))
        elif each.name == "nodes":
            path = f"class_{each.response_key}"
            rows.append((each.response_key, ENROLLMENT, _enrollment(matrix, each, path, address)))
        elif each.name not in _OF_THE_PAGE:
            raise UnknownField(f"{CONNECTION}.{each.name}")
    column_place = edge_place = -1
    if columns or matrix.has_cells:
        column_rows = build.variable("column_rows")
        matrix.before.append(columns_text(matrix, asked, column_rows))
        column_place = matrix.part(column_rows)
    if matrix.has_cells:
        edge_place = join_cells(matrix)

    def shape(found_rows: list[list[Any]], inputs: Inputs) -> Row:
        (key,) = inputs.keys
        course_id, student_ids = key
        found = _found(course_id, found_rows[0][0], column_place, edge_place)
        values: dict[str, Any] = {}
        for name, place, address, layout, shape_skill in columns:
            skills = [column[place] for column in found.columns]
            values[name] = _read(inputs, address, layout, skills, _each(shape_skill, inputs))
        for name, typename, readers in rows:
            values[name] = _rows(typename, readers, found, student_ids, inputs)
        return Row(CONNECTION, values)

    return build.template("read_class_mastery", matrix.text(), shape)


def make_enrollments_template(fields: Sequence[Field]) -> Template:
    """Return the template of graph fields of enrollments; its plan shapes to `{(course, student): Row}`.

    Each key is (course, ids of its students): what a course has to say is asked once for all of them.
    """
    build = Build()
    build.shared_parameter("keys", lambda inputs: list(inputs.keys))
    matrix = Matrix(build)
    asked = Field(ENROLLMENT, ENROLLMENT, {}, Selection({ENROLLMENT: tuple(fields)}))
    readers = _enrollment(matrix, asked, "enrollment", ())

    def shape(found_rows: list[list[Any]], inputs: Inputs) -> dict[tuple[int, int], Row]:
        answers: dict[tuple[int, int], Row] = {}
        for parts, course_id, student_ids in found_rows:
            found = _found(course_id, parts, -1, -1)
            rows = _rows(ENROLLMENT, readers, found, student_ids, inputs)
            answers.update(
                ((course_id, student), row) for student, row in zip(student_ids, rows, strict=True)
            )
        return answers

    names = "_".join(dict.fromkeys(each.name for each in fields))
    return build.template(f"read_enrollment_{names}", matrix.text(), shape)


def _found(course_id: int, parts: list[Any], column_place: int, edge_place: int) -> _Found:
    columns = parts[column_place] if column_place >= 0 else []
    edges = list(chain.from_iterable(parts[edge_place])) if edge_place >= 0 else []
    return _Found(course_id, parts, columns, edges)


def _reader_at(inputs: Inputs, address: Address, layout: Layout | None) -> Read | None:
    selection = inputs.field_at(address).selection
    reader = selection.reader if selection is not None else None
    return reader(layout) if reader is not None and layout is not None else None


def _read(
    inputs: Inputs, address: Address, layout: Layout | None, value: Any, shape: Callable[[Any], Any]
) -> Any:
    """Return a value as the reader of its field makes it, else in Rows."""
    read = _reader_at(inputs, address, layout)
    if read is not None:
        try:
            return Shaped(read(value, inputs))
        except UNREADABLE:
            pass  # who reads the Rows says which value breaks its type's rule
    return shape(value)


def _each(shape: Shaper, inputs: Inputs) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [shape(value, inputs) for value in values]


def _rows(typename: str, readers: Readers, found: _Found, students: Students, inputs: Inputs) -> list[Row]:
    rows = [Row(typename, {}, (found.course_id, student)) for student in students]
    for name, read in readers:
        for row, value in zip(rows, read(found, students, inputs), strict=True):
            row.values[name] = value
    return rows


def _skill(matrix: Matrix, asked: Field, path: str, address: Address) -> tuple[int, Projection]:
    """Return the place in each column of what is asked of its skill."""
    skill = graph.model.TYPES["Skill"]
    fields = (asked.selection or Selection()).fields("Skill")
    answer = record(matrix.build, skill, fields, {"self": matrix.column.variable("item")}, path, address)
    matrix.column_parts.append(answer.expression)
    return len(matrix.column_parts) - 1, answer


def _edge(matrix: Matrix, asked: Field, address: Address) -> Readers:
    readers: list[tuple[str, OfPage]] = []
    for index, each in enumerate((asked.selection or Selection()).fields(EDGE)):
        here = (*address, (EDGE, index))
        path = f"{asked.response_key}_{each.response_key}"
        if each.name == "cells":
            readers.append((each.response_key, _cells(matrix, each, f"cell_{path}", here)))
        elif each.name == "node":
            enrollment = _enrollment(matrix, each, f"class_{path}", here)
            readers.append((each.response_key, _as_rows(enrollment)))
        elif each.name not in _OF_THE_PAGE:
            raise UnknownField(f"{EDGE}.{each.name}")
    return readers


def _as_rows(readers: Readers) -> OfPage:
    return lambda found, students, inputs: _rows(ENROLLMENT, readers, found, students, inputs)


def _cells(matrix: Matrix, asked: Field, path: str, address: Address) -> OfPage:
    """Return the reader of the students' cells: one for each column, with or without an edge.

    Each is put together as a statement would lay it out: the key, values of the edge, the skill. Where an edge's
    values are all that is asked, edges are read as they travel, and the cell without one is read once.
    """
    matrix.has_cells = True
    members: dict[str, tuple[int, Layout | None]] = {}
    shapes: list[tuple[str, int, Shaper]] = []
    skills: list[tuple[str, int, Projection]] = []
    missing: list[Any] = []
    start = len(matrix.cell_parts) + 1  # a row opens with the student
    for index, each in enumerate((asked.selection or Selection()).fields(CELL)):
        name, here = each.response_key, (*address, (CELL, index))
        of_type = graph.model.TYPES[CELL].members.get(each.name)
        if each.name == "id":
            members[name] = (0, Key())
        elif isinstance(of_type, Bound):
            skills.append((name, *_skill(matrix, each, f"column_{path}_{name}", here)))
        elif isinstance(of_type, Scalar) and "@r" not in of_type.expression:
            members[name] = (0, Value(of_type.kind))
        else:
            answer = member(matrix.build, of_type, each, {"r": matrix.cell.variable("r")}, path, here, CELL)
            assert isinstance(answer, Projection) and isinstance(of_type, Scalar)  # noqa: S101, PT018
            members[name] = (2 + len(missing), answer.layout)
            shapes.append((name, 2 + len(missing), answer.shape))
            missing.append(of_type.missing)
            matrix.cell_parts.append(answer.expression)
    end = len(matrix.cell_parts) + 1
    for place, (name, _, skill) in enumerate(skills, 2 + len(missing)):
        members[name] = (place, skill.layout)
        shapes.append((name, place, skill.shape))
    places = [place for _, place, _ in skills]
    keys = [name for name, (_, layout) in members.items() if isinstance(layout, Key)]
    people = [name for name, (place, layout) in members.items() if place == 0 and not isinstance(layout, Key)]
    layout = Many(Record(CELL, 2, members))
    edges_alone = None
    if not (keys or people or skills):
        travelling = {name: (place - 2 + start, inner) for name, (place, inner) in members.items()}
        edges_alone = Many(Record(CELL, 1, travelling))

    def shape(cell: list[Any], inputs: Inputs) -> Row:
        key = (cell[0], cell[1])
        values: dict[str, Any] = {**dict.fromkeys(keys, key), **dict.fromkeys(people, cell[0])}
        for name, place, shape_value in shapes:
            values[name] = shape_value(cell[place], inputs)
        return Row(CELL, values, key)

    def cells_of(student: int, sides: Sequence[Side]) -> list[list[Any]]:
        cells = []
        for edges, skill, of_skill in sides:
            edge = edges.get(student)
            values = missing if edge is None else edge[start:end]
            cells.append([student, skill, *values, *of_skill])
        return cells

    def read_edges(read_all: Read, found: _Found, students: Students, inputs: Inputs) -> list[Shaped]:
        column_of = {column[0]: number for number, column in enumerate(found.columns)}
        (untouched,) = read_all([[*[None] * start, *missing]], inputs)
        rows = {student: [untouched] * len(found.columns) for student in students}
        for skill, edges in found.edges:
            column = column_of[skill]
            for edge, cell in zip(edges, read_all(edges, inputs), strict=True):
                rows[edge[0]][column] = cell
        return [Shaped(row) for row in rows.values()]

    def read(found: _Found, students: Students, inputs: Inputs) -> list[Any]:
        try:
            if edges_alone is not None:
                read_all = _reader_at(inputs, address, edges_alone)
                if read_all is not None:
                    return read_edges(read_all, found, students, inputs)
            else:
                read_all = _reader_at(inputs, address, layout)
                if read_all is not None:
                    sides = found.sides(places)
                    return [Shaped(read_all(cells_of(student, sides), inputs)) for student in students]
        except UNREADABLE:
            pass  # who reads the Rows says which value breaks its type's rule
        sides = found.sides(places)
        return [[shape(cell, inputs) for cell in cells_of(student, sides)] for student in students]

    return read


def _enrollment(matrix: Matrix, asked: Field, path: str, address: Address) -> Readers:
    """Return the readers of the graph fields that are asked of an enrollment."""
    readers: list[tuple[str, OfPage]] = []
    for index, each in enumerate((asked.selection or Selection()).fields(ENROLLMENT)):
        if each.name not in graph.parents.SQL_ENROLLMENT.members:
            raise UnknownField(f"{ENROLLMENT}.{each.name}")
        here = (*address, (ENROLLMENT, index))
        readers.append((each.response_key, _summary(matrix, each, f"{path}_{each.response_key}", here)))
    return readers


def _summary(matrix: Matrix, asked: Field, path: str, address: Address) -> OfPage:
    """Return the reader of the students' summaries: the set of skills once, then its edges by student."""
    build, skills = matrix.build, matrix.build.variable(f"{path}_skills")
    sets = Space(build, ROLES, f"{path}_set", address)
    narrowed = asked.arguments.get("chapterId") is not None
    found_by = graph.parents.CLASS_SKILLS_OF_CHAPTER if narrowed else graph.parents.CLASS_SKILLS
    distinct = f"RETURN collect(DISTINCT {sets.variable('item')}) AS {skills}"
    matrix.before.append(subquery(["course"], [sets.render(found_by), distinct]))
    size_place = matrix.part(f"size({skills})")
    fields = summaries.fields_of(asked)
    space = Space(build, {**ROLES, "skills": skills}, path, address)
    count, rows = build.variable(f"{path}_edges"), build.variable(f"{path}_rows")
    aggregates = summaries.aggregates(build, space, path, fields)
    terms = [f"count({space.variable('r')}) AS {count}", *(f"{text} AS {name}" for text, name in aggregates)]
    key = build.variable(f"{path}_key")
    names = ", ".join([key, count, *(name for _, name in aggregates)])
    place = matrix.join(
        space,
        lambda student: [
            f"WITH {student} AS {key}, {', '.join(terms)}",
            f"RETURN collect([{names}]) AS {rows}",
        ],
    )
    join, shape = summaries.joiner(fields), summaries.reader(fields)
    layout = Aggregates(summaries.members(fields))

    def read(found: _Found, students: Students, inputs: Inputs) -> list[Any]:
        size, answers = found.parts[size_place], []
        for student in students:
            row = found.of_student(place, student)
            parts = join(size, row[1:] if row else None)
            answers.append(_read(inputs, address, layout, [parts], lambda rows: shape(rows[0])))
        return answers

    return read
