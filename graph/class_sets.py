"""State the sets of a class in Cypher: its columns, the students of its page, and the edges between two sets.

Each set is found once, in a subquery of its own; what is projected of them is graph/class_matrix.py's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import graph.parents
from graph.plan import Build
from graph.selection import Field
from graph.space import Space

MOST_COLUMNS = 100
ROLES = {"course": "course", "students": "students"}


class Matrix:
    """Gather the parts of one statement."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.before: list[str] = []  # subqueries for the sets that the parts join
        self.parts: list[str] = []
        self.column = Space(build, ROLES, "column", (("Query", 0),))
        self.column_parts = [self.column.render("@item.id")]
        self.columns = build.variable("columns")
        self.cell = Space(build, {**ROLES, "skills": self.columns}, "cell", ())
        self.cell_parts: list[str] = []
        self.has_cells = False
        self.people = self.pairs = ""

    def part(self, expression: str) -> int:
        """Return the place of a new part of the answer."""
        self.parts.append(expression)
        return len(self.parts) - 1

    def join(self, space: Space, grouped: Callable[[str], list[str]]) -> int:
        """Return the place of a part made of @skill, @r and a student's id between @skills and the page's students.

        `grouped` is given the expression of the id, and ends a subquery; of either side that may be walked there is
        a list of its own in the part.
        """
        if not self.people:
            people = Space(self.build, ROLES, "people", ())
            self.people, self.pairs = self.build.variable("people_all"), self.build.variable("people_pairs")
            item, student = people.variable("item"), people.variable("student")
            self.before.append(
                subquery(
                    ["students"],
                    [
                        people.render(graph.parents.CLASS_PEOPLE),
                        f"RETURN collect({item}) AS {self.people}, collect([{student}, {item}]) AS {self.pairs}",
                    ],
                )
            )
        space.bind("people", self.people)
        space.bind("pairs", self.pairs)
        sets = [space.variable("skills"), self.people, self.pairs]
        from_skills = [
            space.render(graph.parents.CLASS_FROM_SKILLS),
            *grouped(f"{space.variable('student')}.id"),
        ]
        from_people = [space.render(graph.parents.CLASS_FROM_PEOPLE), *grouped(space.variable("who"))]
        rows = from_people[-1].rpartition(" AS ")[2]
        sides = self.build.variable(f"{space.path}_sides")
        walked = [*sets, space.variable("up"), space.variable("down")]
        lines = [
            space.render(graph.parents.CLASS_COUNTS),
            subquery(walked, [*from_skills, "UNION ALL", *from_people]),
            f"RETURN collect({rows}) AS {sides}",
        ]
        self.before.append(subquery(sets, lines))
        return self.part(sides)

    def text(self) -> str:
        """Return the statement."""
        head = ["UNWIND $keys AS key", "WITH key[0] AS course, key[1] AS students"]
        parts = ", ".join(self.parts)
        return "\n".join([*head, *self.before, f"RETURN [{parts}] AS parts, course, students"])


def subquery(variables: Sequence[str], lines: Sequence[str]) -> str:
    """Return a CALL that sees some variables."""
    body = "\n".join(lines).replace("\n", "\n  ")
    return f"CALL ({', '.join(variables)}) {{\n  {body}\n}}"


def columns_text(matrix: Matrix, asked: Field, rows: str) -> str:
    """Return the subquery that collects the columns in the order of the course, cut to the greatest number."""
    space, build = matrix.column, matrix.build
    order = space.render(", ".join(graph.parents.CLASS_ORDER))
    limit = build.parameter("columns_limit", lambda inputs: MOST_COLUMNS)
    item, row = space.variable("item"), build.variable("column_row")
    place = space.variable("place")
    parts = f"[{', '.join(matrix.column_parts)}] AS {row}"
    first = f"WITH {item}, {place} ORDER BY {order} LIMIT {limit}"
    columns = f"RETURN collect({item}) AS {matrix.columns}, collect({row}) AS {rows}"
    if asked.arguments.get("chapterId") is not None:
        found = space.render(graph.parents.CLASS_COLUMNS_OF_CHAPTER)
        return subquery(
            ["course"], [found, first, f"WITH {item}, {place}, {parts} ORDER BY {order}", columns]
        )
    placed, loose = space.variable("placed"), space.variable("loose")
    space.give_parameter("limit", limit)
    rest, everything, number = (build.variable(f"column_{name}") for name in ("rest", "list", "number"))
    lines = [
        subquery(
            ["course"],
            [space.render(graph.parents.CLASS_COLUMNS), first, f"RETURN collect({item}) AS {placed}"],
        ),
        subquery(
            ["course", placed],
            [space.render(graph.parents.CLASS_LOOSE), f"RETURN collect({loose}) AS {rest}"],
        ),
        f"WITH ({placed} + {rest})[0..{limit}] AS {everything}",
        f"UNWIND range(0, size({everything}) - 1) AS {number}",
        f"WITH {number}, {everything}[{number}] AS {item}",
        f"WITH {number}, {item}, {parts} ORDER BY {number}",
        columns,
    ]
    return subquery(["course"], lines)


def join_cells(matrix: Matrix) -> int:
    space, cells, rows = matrix.cell, matrix.build.variable("cells"), matrix.build.variable("cell_rows")
    skill = space.variable("skill")
    return matrix.join(
        space,
        lambda student: [
            f"WITH {skill}, collect([{', '.join([student, *matrix.cell_parts])}]) AS {cells}",
            f"RETURN collect([{skill}.id, {cells}]) AS {rows}",
        ],
    )
