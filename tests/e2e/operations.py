"""The operations of examples/operations, ready to run on a course, and what each of them costs.

People paste them into the playground, and a front end's screens are made of them: each is one request.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api_fixtures import Actor, Api

FOLDER = Path(__file__).parents[2] / "examples" / "operations"
# Several answers to one request, over a connection of their own: tests/ui runs it.
STREAMS = {"27-follow-write"}
TEXTS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted(FOLDER.glob("*.graphql"))
    if path.stem not in STREAMS
}

# Operation -> (SQL, Cypher) statements of its one request, the viewer's own row included.
READS = {
    "02-course-list": (7, 1),
    "03-course-outline": (4, 1),
    "04-chapter-sequence": (2, 1),
    "05-theory": (2, 1),
    "06-skill": (2, 1),
    "07-concept-map": (2, 1),
    "08-concept-relations": (2, 1),
    "09-student-mastery": (4, 1),
    "10-extraction-page": (3, 0),
    # The viewer, the course, how many students, a page of them with their names.
    "11-class-mastery": (4, 1),
    "22-wait-for-graph": (4, 0),
}
# The inline attempt at the graph included.
WRITES = {
    "01-log-in": (5, 0),
    "20-join-course": (23, 1),
    "21-create-course": (19, 1),
    "23-reorder-chapters": (28, 3),
    "24-set-concept-relation": (23, 3),
    "25-record-assessments": (32, 3),
    "26-upload-extraction": (24, 1),
}
BY_TEACHER = {
    "09-student-mastery",
    "10-extraction-page",
    "11-class-mastery",
    "21-create-course",
    "22-wait-for-graph",
    "23-reorder-chapters",
    "24-set-concept-relation",
    "25-record-assessments",
    "26-upload-extraction",
}


@dataclass
class Filled:
    """A course with a student in it, and what stands in for the made-up values of the examples' variables."""

    teacher: Actor
    student: Actor
    course_id: str
    values: dict[str, str]


async def settle(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop what runs statements of its own, so that only those of an operation are counted."""
    # The freshness of the graph is read once for many requests: not a cost of the operation.
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", 3_600)
    # The extraction worker looks for work now and then: not a cost of the operation either.
    await stop_workers(api)


async def stop_workers(api: Api) -> None:
    """Let what works beside requests end."""
    api.application.stop.set()
    api.application.extraction_wake.set()
    await asyncio.gather(*api.application.tasks)


async def fill_in(
    api: Api, *, course_id: str, teacher: Actor, student: Actor, email: str, password: str
) -> Filled:
    """Return a course with a theory, skill and concept of it for the examples, and an account to log in to."""
    data = await api.data(
        "query($c: ID!) { course(id: $c) { chapters { theories { id skills { id } mentions { concept { id } } } } } }",
        teacher,
        c=course_id,
    )
    theory = next(
        theory
        for chapter in data["course"]["chapters"]
        for theory in chapter["theories"]
        if theory["skills"] and theory["mentions"]
    )
    # One mastery to show, and to change: the first evidence of a skill costs one statement more.
    evidence = {"studentId": student.id, "skillId": theory["skills"][0]["id"], "score": 1}
    await api.ok("recordAssessments", teacher, assessments=[{**evidence, "idempotencyKey": "first"}])
    concept_id = theory["mentions"][0]["concept"]["id"]
    values = {
        "ada@example.org": email,
        "correct horse battery": password,
        "COURSE_ID": course_id,
        "THEORY_ID": theory["id"],
        "SKILL_ID": theory["skills"][0]["id"],
        "CONCEPT_ID": concept_id,
        "CONCEPT_2_ID": concept_id,
        "STUDENT_ID": student.id,
    }
    return Filled(teacher, student, course_id, values)


async def prepare(api: Api, filled: Filled, name: str) -> tuple[Actor | None, dict[str, Any]]:
    """Return who runs an example and its own variables with real ids; make what has to be there first."""
    actor: Actor | None = filled.teacher if name in BY_TEACHER else filled.student
    values, course_id, teacher = dict(filled.values), filled.course_id, filled.teacher
    chapters: list[str] = []
    if name == "01-log-in":
        actor = None
    elif name == "20-join-course":
        actor = await api.student("Late")
    elif name == "22-wait-for-graph":
        made = await api.ok("createChapter", teacher, courseId=course_id, name="To wait for")
        values["TOKEN"] = made["sync"]["token"]
    elif name == "23-reorder-chapters":
        await api.ok("createChapter", teacher, courseId=course_id, name="To put first")
        data = await api.data("query($c: ID!) { chapterSequence(courseId: $c) { id } }", teacher, c=course_id)
        chapters = [chapter["id"] for chapter in data["chapterSequence"]]
    elif name == "24-set-concept-relation":
        made = await api.ok("createConcept", teacher, "concept { id }", courseId=course_id, name="To connect")
        values["CONCEPT_1_ID"] = made["concept"]["id"]
    line = next(line for line in TEXTS[name].splitlines() if line.startswith("# Variables: "))
    given = line.removeprefix("# Variables: ")
    for made_up, value in values.items():
        given = given.replace(f'"{made_up}"', json.dumps(value))
    variables: dict[str, Any] = json.loads(given)
    if chapters:
        variables["input"]["chapterIds"] = chapters[::-1]
    return actor, variables


async def send(api: Api, name: str, actor: Actor | None, variables: dict[str, Any]) -> tuple[int, int]:
    """Run an example once, in one request; it must succeed. Return its (SQL, Cypher) statements."""
    with api.statements() as counted:
        body = await api.ask(TEXTS[name], actor, **variables)
        # What the inline attempt leaves to the worker is given back after the answer: counted too.
        await api.application.stores.mirror.close()
    assert "errors" not in body, (name, body["errors"])
    for answer in body["data"].values():
        assert answer is not None, (name, body["data"])
        # Every example asks a refused mutation for its code.
        assert "code" not in answer, (name, answer)
    return counted.sql, counted.cypher


async def cost(api: Api, filled: Filled, name: str) -> tuple[int, int]:
    """Run an example once; return its statements. A reading one runs twice, and the second is counted."""
    actor, variables = await prepare(api, filled, name)
    if name in READS:
        await send(api, name, actor, variables)
    return await send(api, name, actor, variables)
