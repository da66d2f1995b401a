"""Compile what a client asked for into one Cypher statement, whatever is nested in it; pure.

Every function returns a Plan: name, text and parameters of the statement, and `shape`, which turns its rows
into the answer. Values are parameters only, so equal structures have equal texts (graph.plan.structure_of).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import graph.model
import graph.parents
from graph.class_matrix import ENROLLMENT, make_class_template, make_enrollments_template
from graph.concept_map import make_template as make_map_template
from graph.concept_map import map_values
from graph.joins import Joins, read_tables
from graph.layout import Answers, Either, Layout, Read, Record, Shaped
from graph.plan import Build, Gather, Inputs, Key, KeyOf, Plan, PlanCache, Row, Scope, Template, structure_of
from graph.projection import member, targets
from graph.selection import Field, Selection
from graph.shapes import GraphType
from graph.space import Projection, Space, UnknownField, returned

__all__ = [
    "Plan",
    "PlanCache",
    "Row",
    "Scope",
    "Shaped",
    "UnknownField",
    "compile_chapter_sequence",
    "compile_children",
    "compile_class_mastery",
    "compile_concept_map",
    "compile_concept_relations",
    "compile_lookup",
    "compile_student_mastery",
]


def compile_lookup(
    type_names: str | Sequence[str],
    keys: Sequence[Key],
    selection: Selection,
    scope: Scope,
    cache: PlanCache | None = None,
) -> Plan:
    """Find records by key; the plan shapes to `{key: Row}`, without the keys that are not in the graph.

    `type_names` is one concrete type, or Reading and Video for a resource of either kind. Keys of edge types
    are tuples in the order of their natural key. Rows carry `course_id` and, for marks, `student_id`.
    """
    names = (type_names,) if isinstance(type_names, str) else tuple(type_names)
    template = _cached(
        cache, ("lookup", names, structure_of(selection)), lambda: _lookup_template(names, selection)
    )
    return template.bind(Inputs(selection, [_plain_key(key) for key in keys], scope), selection.reader)


def compile_children(
    parent_type: str,
    fields: Field | Sequence[Field],
    parent_keys: Sequence[Key],
    scope: Scope,
    cache: PlanCache | None = None,
) -> Plan:
    """Answer graph fields of many parents; the plan shapes to `{parent key: value}` for one Field.

    For a sequence of fields the value is a dict by response key. Parents are SQL types by their key (Course,
    Student, Enrollment by (course, student), ExtractionDocument by its theory) or graph types by natural key;
    graph parents that are not in the graph are left out.
    """
    single = isinstance(fields, Field)
    asked = (fields,) if isinstance(fields, Field) else tuple(fields)
    selection = Selection({parent_type: asked})
    keys = [_plain_key(key) for key in parent_keys]
    structure = ("children", parent_type, structure_of(selection))
    reader = None
    if parent_type == ENROLLMENT:
        keys = _by_course(parent_keys)
        template = _cached(cache, structure, lambda: make_enrollments_template(asked))
    elif parent_type in graph.parents.PARENTS:
        template = _cached(cache, structure, lambda: _children_template(parent_type, asked))
        if single and asked[0].selection is not None:
            reader = asked[0].selection.reader
    else:
        template = _cached(
            cache,
            ("lookup", (parent_type,), structure[2]),
            lambda: _lookup_template((parent_type,), selection),
        )
    plan = template.bind(Inputs(selection, keys, scope), reader)

    def shape(rows: list[list[Any]]) -> dict[Key, Any]:
        found: dict[Key, Row | Shaped] = plan.shape(rows)
        if single:
            name = asked[0].response_key
            return {key: row.values[name] if isinstance(row, Row) else row for key, row in found.items()}
        return {key: row.values for key, row in found.items() if isinstance(row, Row)}

    return Plan(plan.name, plan.text, plan.parameters, shape, plan.key_of)


def compile_chapter_sequence(
    course_id: int, asked: Field, scope: Scope, cache: PlanCache | None = None
) -> Plan:
    """Walk NEXT_CHAPTER from the head; the plan shapes to a list of chapters, first to last."""
    return _root("Course", "chapterSequence", course_id, asked, scope, cache)


def compile_concept_relations(
    course_id: int, asked: Field, scope: Scope, cache: PlanCache | None = None
) -> Plan:
    """List the relations of a course (conceptId, direction, types and page are the field's arguments)."""
    return _root("Course", "conceptRelations", course_id, asked, scope, cache)


def compile_student_mastery(
    course_id: int, student_id: int, asked: Field, scope: Scope, cache: PlanCache | None = None
) -> Plan:
    """List a student's mastery of all skills of a course (filters, order, page: the field's arguments)."""
    arguments = {**asked.arguments, "courseId": course_id}
    field = Field(asked.response_key, "masteries", arguments, asked.selection)
    return _root("Student", "masteries", student_id, field, scope, cache)


def compile_class_mastery(
    course_id: int,
    student_ids: Sequence[int],
    asked: Field,
    scope: Scope,
    cache: PlanCache | None = None,
) -> Plan:
    """Compare a page of students with the skills of a course (chapterId is the field's argument).

    The plan shapes to the Row of a ClassMasteryConnection; graph.class_matrix says what is left to the caller.
    """
    # The response key of the root stays out of the text, and which page it is decides nothing here.
    chapter = {name: value for name, value in asked.arguments.items() if name == "chapterId"}
    field = Field("classMastery", "classMastery", chapter, asked.selection)
    selection = Selection({"Query": (field,)})
    template = _cached(cache, ("class", structure_of(selection)), lambda: make_class_template(field))
    return template.bind(Inputs(selection, [[course_id, list(student_ids)]], scope))


def compile_concept_map(course_id: int, asked: Field, scope: Scope, cache: PlanCache | None = None) -> Plan:
    """Draw a part of a course's concepts; the plan shapes to a ConceptGraph, None for an unknown centre."""
    selection = Selection({"Query": (asked,)})
    template = _cached(cache, ("map", structure_of(selection)), lambda: make_map_template(asked))
    reader = asked.selection.reader if asked.selection else None
    return template.bind(Inputs(selection, (), scope, map_values(course_id, asked)), reader)


def _root(parent_type: str, name: str, key: Key, asked: Field, scope: Scope, cache: PlanCache | None) -> Plan:
    # The response key of the root stays out of the text: an alias there makes no second statement.
    field = Field(name, name, asked.arguments, asked.selection)
    plan = compile_children(parent_type, field, [key], scope, cache)
    return Plan(plan.name, plan.text, plan.parameters, lambda rows: plan.shape(rows)[key], plan.key_of)


def _cached(cache: PlanCache | None, structure: Hashable, make: Any) -> Template:
    template: Template = make() if cache is None else cache.get(structure, make)
    return template


def _plain_key(key: Key) -> Any:
    return list(key) if isinstance(key, tuple) else key


def _by_course(keys: Sequence[Key]) -> list[Any]:
    """Return [course, its students] for keys of enrollments."""
    courses: dict[int, list[int]] = {}
    for course_id, student_id in keys:
        courses.setdefault(course_id, []).append(student_id)
    return [[course_id, student_ids] for course_id, student_ids in courses.items()]


def _lookup_template(names: tuple[str, ...], selection: Selection) -> Template:
    build = Build()
    first = graph.model.TYPES[names[0]]
    root = names[0][0].lower() + names[0][1:] if len(names) == 1 else "resource"
    space = Space(build, {"key": "key"}, root, ())
    if len(names) == 1 and first.key == ("@self.id",):
        space.bind("self", build.variable(root))
    lookup = first.lookup if len(names) == 1 else graph.model.RESOURCE_LOOKUP
    keys = build.shared_parameter("keys", lambda inputs: list(inputs.keys))
    lines = [f"UNWIND {keys} AS key", space.render(lookup)]
    in_scope = space.plain_variables()
    item = targets(build, names, selection, space.known(), root, (), with_owners=True)
    name = build.variable("item") if item.aggregates else ""
    lines += returned(item, in_scope, name, "")

    def shape(rows: list[list[Any]], inputs: Inputs) -> dict[Key, Row]:
        found = (item.shape(row[0], inputs) for row in rows)
        return {row.key: row for row in found}

    text, key_of = "\n".join(lines), _record_key(item.layout)

    def gather(rows: list[list[Any]], read: Read, inputs: Inputs) -> dict[Key, Shaped]:
        assert key_of is not None  # noqa: S101 (there is a layout to read by)
        return {key_of(row): Shaped(read(row[0], inputs)) for row in rows}

    return build.template(f"read_{root}", text, shape, item.layout, gather, key_of)


def _record_key(layout: Layout | None) -> KeyOf | None:
    """Return what finds the key of the record in a row."""
    if isinstance(layout, Record):
        return functools.partial(_natural_key, layout.key_size)
    if isinstance(layout, Either):
        sizes = [each.key_size for each in layout.options]
        return lambda row: _natural_key(sizes[row[0][0]], [row[0][1]])
    return None


def _natural_key(size: int, row: list[Any]) -> Key:
    return row[0][0] if size == 1 else tuple(row[0][:size])


def _gather_answers(places: Sequence[int]) -> Gather:
    """Return what puts the answer of the one field under the key of each parent."""

    def gather(rows: list[list[Any]], read: Read, inputs: Inputs) -> dict[Key, Shaped]:
        return {_parent_key(row): Shaped(read(row[0], _of_row(row, places, inputs))) for row in rows}

    return gather


def _parent_key(row: list[Any]) -> Key:
    return tuple(row[1]) if isinstance(row[1], list) else row[1]


def _of_row(row: list[Any], places: Sequence[int], inputs: Inputs) -> Inputs:
    """Return the inputs with the tables that stand at the end of a row."""
    return dataclasses.replace(inputs, tables=read_tables(places, row[-1])) if places else inputs


def _children_template(parent_type: str, fields: tuple[Field, ...]) -> Template:
    build = Build()
    parent = graph.parents.PARENTS[parent_type]
    root = parent_type[0].lower() + parent_type[1:]
    keys = build.shared_parameter("keys", lambda inputs: list(inputs.keys))
    lines = [f"UNWIND {keys} AS key"]
    bindings = _parent_bindings(build, parent, lines)
    joins = Joins("key")
    if parent is graph.parents.SQL_COURSE:
        build.joins = joins
    answers = _members(build, parent, fields, bindings, root)
    expressions = [answer.expression for answer in answers.values()]
    # All outer variables are returned: an aggregate in a subquery may use those only (Projection.aggregates).
    outer = ", ".join(dict.fromkeys(["key", *bindings.values()]))
    tables = f", [{', '.join(joins.expressions)}] AS tables" if joins.expressions else ""
    lines.append(f"RETURN [{', '.join(expressions)}] AS items, {outer}{tables}")
    places = tuple(joins.places)

    def shape(rows: list[list[Any]], inputs: Inputs) -> dict[Key, Row]:
        found = {}
        for row in rows:
            parent_key, here = _parent_key(row), _of_row(row, places, inputs)
            found[parent_key] = Row(
                parent_type,
                {
                    name: answer.shape(value, here)
                    for (name, answer), value in zip(answers.items(), row[0], strict=True)
                },
                parent_key,
            )
        return found

    names = "_".join(dict.fromkeys(field.name for field in fields))
    layout = Answers(tuple(answer.layout for answer in answers.values()))
    return build.template(
        f"read_{root}_{names}", "\n".join(lines), shape, layout, _gather_answers(places), _parent_key
    )


def _parent_bindings(build: Build, parent: GraphType, lines: list[str]) -> dict[str, str]:
    roles = [part[1:] for part in parent.key]
    if len(roles) == 1:
        return {roles[0]: "key"}
    names = {role: build.variable(role) for role in roles}
    parts = ", ".join(f"key[{index}] AS {name}" for index, name in enumerate(names.values()))
    lines.append(f"WITH key, {parts}")
    return names


def _members(
    build: Build, parent: GraphType, fields: Sequence[Field], bindings: Mapping[str, str], root: str
) -> dict[str, Projection]:
    answers: dict[str, Projection] = {}
    for index, asked in enumerate(fields):
        answer = member(
            build,
            parent.members.get(asked.name),
            asked,
            bindings,
            f"{root}_{asked.response_key}",
            ((parent.name, index),),
            parent.name,
        )
        if not isinstance(answer, Projection):
            raise UnknownField(f"{parent.name}.{asked.name}")
        answers[asked.response_key] = answer
    return answers
