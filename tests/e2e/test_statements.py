"""How many statements each operation costs: the same for one chapter and for many.

The operations are those of examples/operations, which people paste into the playground.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sql.course_import
from resolvers import ids
from sql import course_file
from sql.models import Role
from tests.api_fixtures import Actor, Api

OPERATIONS = Path(__file__).parents[2] / "examples" / "operations"

# Operation -> (SQL, Cypher) statements of one request, the viewer's own row included.
PINNED = {
    "02-course-list": (7, 1),
    "03-course-outline": (4, 1),
    "04-chapter-sequence": (2, 1),
    "05-theory": (2, 1),
    "06-skill": (2, 1),
    "07-concept-map": (2, 1),
    "08-concept-relations": (2, 1),
    "09-student-mastery": (4, 1),
    "10-extraction-page": (3, 0),
}
SIZES = {"one": (1, 1), "many": (25, 4)}


@dataclass
class Filled:
    """A course of some size with one student in it, and the values of the operations' variables."""

    teacher: Actor
    student: Actor
    values: dict[str, str]


async def _fill(api: Api, chapters: int, theories: int) -> Filled:
    keys = [f"{chapter}-{theory}" for chapter in range(chapters) for theory in range(theories)]
    file, findings = course_file.check(
        {
            "version": 1,
            "course": {"title": "Sized", "description": "A course of some size."},
            "chapters": [
                {
                    "key": str(chapter),
                    "name": f"Chapter {chapter}",
                    "theories": [
                        {
                            "key": f"{chapter}-{theory}",
                            "name": f"Theory {chapter}-{theory}",
                            "skills": [f"{chapter}-{theory}"],
                            "mentions": [{"concept": f"{chapter}-{theory}", "definition": "So it is."}],
                            "readings": [
                                {
                                    "title": "A text",
                                    "url": f"https://example.org/{chapter}/{theory}",
                                    "concepts": [f"{chapter}-{theory}"],
                                }
                            ],
                        }
                        for theory in range(theories)
                    ],
                }
                for chapter in range(chapters)
            ],
            "concepts": [{"key": key, "name": f"Concept {key}"} for key in keys],
            "skills": [{"key": key, "name": f"Do {key}", "concepts": [key]} for key in keys],
            "relations": [
                {"source": keys[0], "type": "PREREQUISITE", "target": key, "reason": "First."}
                for key in keys[1:]
            ],
            "skill_prerequisites": [{"prerequisite": keys[0], "dependent": key} for key in keys[1:]],
        }
    )
    assert file is not None, findings
    teacher, student = await api.teacher(), await api.student()
    imported = await sql.course_import.import_course(
        api.database, teacher_id=teacher.key, file=file, sha256="0" * 64, publish=True
    )
    await api.drain()
    course_id = ids.encode("course", imported.course_id)
    await api.ok("joinCourse", student, courseId=course_id)
    data = await api.data(
        "query($c: ID!) { course(id: $c) { chapters { theories { id skills { id } mentions { concept { id } } } } } }",
        teacher,
        c=course_id,
    )
    theory = data["course"]["chapters"][0]["theories"][0]
    skill_id = theory["skills"][0]["id"]
    await api.ok(
        "recordAssessments",
        teacher,
        assessments=[{"studentId": student.id, "skillId": skill_id, "score": 1, "idempotencyKey": "a"}],
    )
    values = {
        "COURSE_ID": course_id,
        "THEORY_ID": theory["id"],
        "SKILL_ID": skill_id,
        "CONCEPT_ID": theory["mentions"][0]["concept"]["id"],
        "STUDENT_ID": student.id,
    }
    return Filled(teacher, student, values)


def _variables(text: str, filled: Filled) -> dict[str, Any]:
    line = next(line for line in text.splitlines() if line.startswith("# Variables: "))
    given = line.removeprefix("# Variables: ")
    for name, value in filled.values.items():
        given = given.replace(name, value)
    found: dict[str, Any] = json.loads(given)
    return found


@pytest.mark.parametrize("size", SIZES)
async def test_reading_operations_cost_the_same_at_any_size(
    plain_api: Api, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = plain_api
    # The freshness of the graph is read once for many requests: not a cost of the operation.
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", 3_600)
    # The extraction worker looks for work now and then: not a cost of the operation either.
    api.application.stop.set()
    await asyncio.gather(*api.application.tasks)
    filled = await _fill(api, *SIZES[size])
    found = {}
    for name in PINNED:
        text = (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
        actor = filled.teacher if name in ("09-student-mastery", "10-extraction-page") else filled.student
        variables = _variables(text, filled)
        await api.ask(text, actor, **variables)
        with api.statements() as counted:
            body = await api.ask(text, actor, **variables)
        assert "errors" not in body, (name, body["errors"])
        assert None not in body["data"].values(), (name, body["data"])
        found[name] = (counted.sql, counted.cypher)
    assert found == PINNED, repr(found)


# Writing operation -> statements of one request, the inline attempt at the graph included.
WRITES = {
    "20-join-course": (23, 1),
    "21-create-course": (19, 1),
    "23-reorder-chapters": (28, 3),
    "24-set-concept-relation": (23, 3),
    "25-record-assessments": (32, 3),
}
# A write of over a hundred records leaves the graph to the worker: nothing is projected inline.
LEFT_TO_THE_WORKER = {"25-record-assessments": (28, 1)}


async def _write(api: Api, filled: Filled, name: str, size: str) -> tuple[int, int]:
    """Run a writing operation of the examples once; return its statements."""
    text = (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
    course_id, actor = filled.values["COURSE_ID"], filled.teacher
    given: dict[str, Any] = {}
    if name == "20-join-course":
        actor, given = await api.student("Late"), {"courseId": course_id}
    elif name == "21-create-course":
        given = {"title": f"Another of {size}", "level": "MASTER", "idempotencyKey": "k"}
    elif name == "23-reorder-chapters":
        query = "query($c: ID!) { chapterSequence(courseId: $c) { id } }"
        data = await api.data(query, actor, c=course_id)
        chapters = [chapter["id"] for chapter in data["chapterSequence"]]
        if size == "one":
            made = await api.ok("createChapter", actor, "chapter { id }", courseId=course_id, name="Two")
            chapters.append(made["chapter"]["id"])
        given = {"courseId": course_id, "chapterIds": chapters[::-1]}
    elif name == "24-set-concept-relation":
        made = await api.ok("createConcept", actor, "concept { id }", courseId=course_id, name="New")
        source = made["concept"]["id"]
        given = {"sourceId": source, "type": "PREREQUISITE", "targetId": filled.values["CONCEPT_ID"]}
    else:
        entries = 1 if size == "one" else 100
        given = {
            "assessments": [
                {
                    "studentId": filled.student.id,
                    "skillId": filled.values["SKILL_ID"],
                    "score": 0.75,
                    "assessedAt": "2026-03-01T09:30:00Z",
                    "idempotencyKey": f"quiz-{entry}",
                }
                for entry in range(entries)
            ]
        }
    with api.statements() as counted:
        body = await api.ask(text, actor, input=given)
    assert "errors" not in body, (name, body["errors"])
    (payload,) = body["data"].values()
    assert "code" not in payload, (name, payload)
    return counted.sql, counted.cypher


@pytest.mark.parametrize("size", SIZES)
async def test_writing_operations_cost_the_same_at_any_size(
    plain_api: Api, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = plain_api
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", 3_600)
    api.application.stop.set()
    await asyncio.gather(*api.application.tasks)
    filled = await _fill(api, *SIZES[size])
    found = {name: await _write(api, filled, name, size) for name in WRITES}
    wanted = WRITES if size == "one" else WRITES | LEFT_TO_THE_WORKER
    assert found == wanted, repr(found)


@pytest.mark.parametrize("students", [2, 25])
async def test_a_class_costs_the_same_for_few_and_for_many(
    plain_api: Api, students: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = plain_api
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", 3_600)
    api.application.stop.set()
    await asyncio.gather(*api.application.tasks)
    filled = await _fill(api, 1, 1)
    others = [(await api.person(Role.STUDENT)).id for _ in range(students - 1)]
    await api.ok("enrollStudents", filled.teacher, courseId=filled.values["COURSE_ID"], studentIds=others)
    await api.drain()
    query = """query($c: ID!) { course(id: $c) { enrollments(first: 100) { nodes {
      student { lastName } masterySummary { skillCount } } } } }"""
    await api.data(query, filled.teacher, c=filled.values["COURSE_ID"])
    with api.statements() as counted:
        data = await api.data(query, filled.teacher, c=filled.values["COURSE_ID"])
    nodes = data["course"]["enrollments"]["nodes"]
    assert [node["masterySummary"] for node in nodes] == [{"skillCount": 1}] * students
    # The viewer, the course, the page, the students, what the viewer teaches.
    assert (counted.sql, counted.cypher) == (5, 1)


async def test_every_reading_example_is_pinned() -> None:
    reading = {
        path.stem
        for path in OPERATIONS.glob("*.graphql")
        if "\nquery " in path.read_text(encoding="utf-8") and path.stem != "22-wait-for-graph"
    }
    assert reading == set(PINNED)


async def test_a_mutation_costs_one_graph_transaction(plain_api: Api) -> None:
    api = plain_api
    teacher = await api.teacher()
    await api.ok("createCourse", teacher, title="One")
    with api.statements() as counted:
        payload = await api.ok("createCourse", teacher, "course { id title version }", title="Two")
    assert payload["sync"]["state"] == "SYNCED"
    # One statement writes the course; what the payload shows comes from the row.
    assert counted.cypher == 1
