"""Ask both engines for a class, students by skills, and compare with what plain Python says."""

from __future__ import annotations

from typing import Any

import pytest

import graph.model
from graph.client import GraphClient
from graph.plan import Scope
from graph.repository import GraphRepository
from graph.selection import Field, Selection
from graph.statements import Statement
from tests.graph import sample_graph
from tests.graph.oracle import Oracle, flat

SAMPLE = sample_graph.build_sample()
TEACHER = Scope(taught_course_ids=(1,))
STUDENTS = (13, 11, 99, 12)  # in the order of a page; 99 has not reached the graph yet


@pytest.fixture
async def repository(graph_client: GraphClient) -> GraphRepository:
    """Return a repository over the sample graph and nothing else."""
    await graph_client.write(
        [Statement("sample", text, parameters, "write") for text, parameters in sample_graph.writes(SAMPLE)],
        deadline_seconds=120,
    )
    return GraphRepository(graph_client, deadline_seconds=120)


def ask(
    name: str, arguments: dict[str, Any] | None = None, below: Selection | None = None, alias: str = ""
) -> Field:
    """Return a field."""
    return Field(alias or name, name, arguments or {}, below)


def choose(typename: str, *fields: str | Field) -> Selection:
    """Return a selection on one type."""
    return Selection({typename: tuple(ask(each) if isinstance(each, str) else each for each in fields)})


THEORIES = ask("theories", {}, choose("Theory", "name", ask("chapter", {}, choose("Chapter", "name"))))
SUMMARY = choose("MasterySummary", "averageMastery", "skillCount", *graph.model.SUMMARY_COUNTS)
SKILL = choose("Skill", "id", "name", "course", THEORIES)
CELL = choose(
    "SkillMastery",
    *("id", "student", *(name for name in graph.model.TYPES["SkillMastery"].members if name != "skill")),
    ask("skill", {}, choose("Skill", "name", THEORIES), "of"),
)


def summary(alias: str = "", **arguments: Any) -> Field:
    """Return what is asked of an enrollment."""
    return ask("masterySummary", arguments, SUMMARY, alias)


WHOLE = choose(
    "ClassMasteryConnection",
    "totalCount",
    ask("skills", {}, SKILL),
    ask(
        "skills", {}, choose("Skill", ask("mastery", {"studentId": 11}, choose("SkillMastery", "trend"))), "s"
    ),
    ask(
        "edges",
        {},
        choose(
            "ClassMasteryEdge",
            "cursor",
            ask("node", {}, choose("Enrollment", summary(), summary("part", chapterId="ch-1-1"))),
            ask("cells", {}, CELL),
        ),
    ),
    ask("edges", {}, choose("ClassMasteryEdge", ask("cells", {}, choose("SkillMastery", "trend"), "c")), "e"),
    ask("nodes", {}, choose("Enrollment", summary("none", chapterId="ch-2-0"))),
)


class ClassOracle(Oracle):
    """Answer a class from the sample's records."""

    def columns(self, course: int, chapter: str | None) -> list[str]:
        """Return the skills of a course, or of its chapter, in the course's order."""

        def place(row: dict[str, Any]) -> Any:
            places = [
                self.place(link["theory"]) for link in self.sample.teaches if link["skill"] == row["id"]
            ]
            return (min(places, default=(10**9, 0)), row["name"], row["id"])

        inside = self.skills_of_chapter(chapter) if chapter else None
        rows = [row for row in self.sample.skills if row["course_id"] == course]
        found = [row["id"] for row in sorted(rows, key=place)]
        return [skill for skill in found if inside is None or skill in inside]

    def connection(self, course: int, students: tuple[int, ...], asked: Field) -> dict[str, Any]:
        """Return the connection as `flat` would, without what SQL answers."""
        columns = self.columns(course, asked.arguments.get("chapterId"))
        values: dict[str, Any] = {"": ("ClassMasteryConnection", None)}
        for each in asked.selection.fields("ClassMasteryConnection") if asked.selection else ():
            if each.name == "skills":
                values[each.response_key] = [self.row(("Skill", key), each.selection) for key in columns]
            elif each.name == "nodes":
                values[each.response_key] = [self.enrollment(course, s, each) for s in students]
            elif each.name == "edges":
                values[each.response_key] = [self.edge(course, s, columns, each) for s in students]
        return values

    def edge(self, course: int, student: int, columns: list[str], asked: Field) -> dict[str, Any]:
        """Return one row."""
        values: dict[str, Any] = {"": ("ClassMasteryEdge", (course, student))}
        for each in asked.selection.fields("ClassMasteryEdge") if asked.selection else ():
            if each.name == "node":
                values[each.response_key] = self.enrollment(course, student, each)
            elif each.name == "cells":
                values[each.response_key] = [
                    self.row(("SkillMastery", (student, key)), each.selection) for key in columns
                ]
        return values

    def enrollment(self, course: int, student: int, asked: Field) -> dict[str, Any]:
        """Return the graph fields of an enrollment."""
        values: dict[str, Any] = {"": ("Enrollment", (course, student))}
        for each in asked.selection.fields("Enrollment") if asked.selection else ():
            skills = self.columns(course, each.arguments.get("chapterId"))
            values[each.response_key] = self._summary({"student": student, "skills": skills}, each)
        return values


@pytest.mark.parametrize("students", [STUDENTS, (11,), ()], ids=["page", "one", "nobody"])
@pytest.mark.parametrize("chapter", [None, "ch-1-0", "ch-1-1", "ch-2-0", "no"])
async def test_a_class_is_what_plain_python_says(
    repository: GraphRepository, students: tuple[int, ...], chapter: str | None
) -> None:
    """One student has fewer edges than the columns, a page more than a chapter: both sides are walked."""
    asked = ask("classMastery", {"chapterId": chapter, "first": 4}, WHOLE)
    found = await repository.class_mastery(1, students, asked, TEACHER)
    oracle = ClassOracle(SAMPLE, TEACHER)
    assert flat(found) == oracle.connection(1, students, asked)
    assert len(found.values["skills"]) == len(oracle.columns(1, chapter)) > (0 if chapter == "ch-1-0" else -1)


async def test_a_course_without_skills_has_rows_without_cells(repository: GraphRepository) -> None:
    found = await repository.class_mastery(9, (11,), ask("classMastery", {}, WHOLE), TEACHER)
    assert (found.values["skills"], found.values["edges"][0].values["cells"]) == ([], [])
    assert flat(found.values["nodes"][0])["none"]["skillCount"] == 0


async def test_a_chapter_without_skills_has_rows_without_cells(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    text = (
        "MATCH (c:CLASS {id: 1}) CREATE (c)-[:COVERS_CHAPTER]->(h:CHAPTER {id: 'empty', name: 'E', order: 9, "
        "course_id: 1})-[:HAS_THEORY]->(:THEORY {id: 'bare', name: 'B', order: 0, course_id: 1})"
    )
    await graph_client.write([Statement("empty", text, {}, "write")])
    asked = ask("classMastery", {"chapterId": "empty"}, WHOLE)
    found = await repository.class_mastery(1, STUDENTS, asked, TEACHER)
    assert flat(found) == ClassOracle(SAMPLE, TEACHER).connection(1, STUDENTS, asked) | {
        "skills": [],
        "s": [],
    }


async def test_columns_are_the_first_hundred_skills(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    rows = [{"id": f"more-{number:03d}", "name": f"More {number:03d}"} for number in range(120)]
    text = (
        "UNWIND $rows AS row MATCH (t:THEORY {id: 'th-1-1-0'}) "
        "CREATE (t)-[:HAS_SKILL]->(:SKILL {id: row.id, name: row.name, course_id: 1})"
    )
    await graph_client.write([Statement("more", text, {"rows": rows}, "write")])
    below = choose(
        "ClassMasteryConnection",
        ask("skills", {}, choose("Skill", "name")),
        ask("edges", {}, choose("ClassMasteryEdge", ask("cells", {}, choose("SkillMastery", "id")))),
    )
    found = await repository.class_mastery(1, (11, 12), ask("classMastery", {}, below), TEACHER)
    columns = ClassOracle(SAMPLE, TEACHER).columns(1, None)
    place = columns.index("sk-1-1-0-0") + 1
    expected = [*columns[:place], *(row["id"] for row in rows), *columns[place:]][:100]
    assert [row.key for row in found.values["skills"]] == expected
    for row, student in zip(found.values["edges"], (11, 12), strict=True):
        assert [cell.values["id"] for cell in row.values["cells"]] == [(student, key) for key in expected]


async def test_a_skill_of_two_theories_at_one_place_is_one_column(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    """Orders may be equal for a moment, while a new order is on its way."""
    text = (
        "MATCH (h:CHAPTER)-[:HAS_THEORY]->(t:THEORY {id: 'th-1-1-0'}) WITH h, t "
        "CREATE (h)-[:HAS_THEORY]->(w:THEORY {id: 'twin', name: 'T', order: t.order, course_id: 1}) WITH t, w "
        "MATCH (t)-[:HAS_SKILL]->(k) CREATE (w)-[:HAS_SKILL]->(k)"
    )
    await graph_client.write([Statement("twin", text, {}, "write")])
    below = choose("ClassMasteryConnection", ask("skills", {}, choose("Skill", "name")))
    found = await repository.class_mastery(1, (11,), ask("classMastery", {}, below), TEACHER)
    assert [row.key for row in found.values["skills"]] == ClassOracle(SAMPLE, TEACHER).columns(1, None)


async def test_other_pages_and_chapters_are_the_same_statement(repository: GraphRepository) -> None:
    asked = [
        ask("classMastery", {"first": 2}, WHOLE),
        ask("classMastery", {"last": 3, "before": "x"}, WHOLE, "alias"),
    ]
    for each in asked:
        await repository.class_mastery(1, (11,), each, TEACHER)
    for chapter in ("ch-1-0", "ch-1-1"):
        await repository.class_mastery(1, (11, 12), ask("c", {"chapterId": chapter}, WHOLE), TEACHER)
    assert len(repository._plans) == 2


async def test_enrollments_of_many_courses_are_one_statement(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    keys = [(1, 11), (2, 11), (1, 13), (9, 12), (1, 12)]
    before = graph_client.statement_count
    fields = [summary(), summary("part", chapterId="ch-1-1")]
    found = await repository.children("Enrollment", fields, keys, TEACHER)
    assert graph_client.statement_count == before + 1
    oracle = ClassOracle(SAMPLE, TEACHER)
    for course, student in keys:
        expected = oracle.enrollment(course, student, ask("node", {}, choose("Enrollment", *fields)))
        assert {name: flat(value) for name, value in found[course, student].items()} == {
            name: value for name, value in expected.items() if name
        }
