"""How many statements each operation costs: the same for one chapter and for many, and on the demo's courses.

The operations are those of examples/operations, which people paste into the playground.
"""

from __future__ import annotations

import pytest

import sql.course_import
from graphql_api import demo
from graphql_api.cli.demo import fill
from resolvers import ids
from sql import course_file, models
from sql.models import Role
from tests.api_fixtures import Api
from tests.e2e.operations import READS, TEXTS, WRITES, Filled, cost, fill_in, prepare, send, settle

SIZES = {"one": (1, 1), "many": (25, 4)}
PASSWORD = "correct horse battery"
# The smaller of the demo's two courses, and fewer answers of its class: what an operation costs depends on neither.
COURSES = {"d2l.course.json": 150}


async def _fill(api: Api, chapters: int, theories: int) -> Filled:
    """Import a course of some size, with one student in it."""
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
    account = {"email": "ada@example.org", "password": PASSWORD}
    await api.ok("register", None, firstName="Ada", lastName="Lovelace", **account)
    return await fill_in(api, course_id=course_id, teacher=teacher, student=student, **account)


async def _demo(api: Api) -> Filled:
    """Fill a course and its class in as `lab-tutor demo` does."""
    (course_id,), learners = await fill(api.application.stores, COURSES)
    async with api.database.read() as session:
        teacher = await sql.accounts.find_by_email(session, demo.TEACHER)
        student = await session.get(models.User, learners[0])
    assert teacher is not None
    assert student is not None
    return await fill_in(
        api,
        course_id=ids.encode("course", course_id),
        teacher=api.acting(teacher),
        student=api.acting(student),
        email=demo.TEACHER,
        password=demo.PASSWORD,
    )


@pytest.mark.parametrize("size", SIZES)
async def test_operations_cost_the_same_at_any_size(
    plain_api: Api, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(plain_api, monkeypatch)
    filled = await _fill(plain_api, *SIZES[size])
    found = {name: await cost(plain_api, filled, name) for name in READS | WRITES}
    assert found == READS | WRITES, repr(found)


async def test_operations_cost_the_same_on_the_demos_courses(
    plain_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(plain_api, monkeypatch)
    filled = await _demo(plain_api)
    found = {name: await cost(plain_api, filled, name) for name in READS | WRITES}
    assert found == READS | WRITES, repr(found)


async def test_a_long_write_leaves_the_graph_to_the_worker(
    plain_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of over a hundred records nothing is projected inline."""
    await settle(plain_api, monkeypatch)
    filled = await _fill(plain_api, 1, 1)
    name = "25-record-assessments"
    actor, variables = await prepare(plain_api, filled, name)
    (entry,) = variables["input"]["assessments"]
    variables["input"]["assessments"] = [
        {**entry, "idempotencyKey": f"quiz-{number}"} for number in range(100)
    ]
    assert await send(plain_api, name, actor, variables) == (29, 1)


async def test_every_example_runs(api: Api) -> None:
    """On each database and graph engine, with the variables that the example itself gives."""
    filled = await _fill(api, 2, 1)
    for name in TEXTS:
        await send(api, name, *await prepare(api, filled, name))


def test_every_example_is_pinned() -> None:
    assert set(TEXTS) == set(READS | WRITES)


@pytest.mark.parametrize("students", [2, 25])
async def test_a_class_costs_the_same_for_few_and_for_many(
    plain_api: Api, students: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = plain_api
    await settle(api, monkeypatch)
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


@pytest.mark.parametrize("students", [1, 30])
async def test_a_matrix_costs_the_same_for_one_student_and_for_many(
    plain_api: Api, students: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = plain_api
    await settle(api, monkeypatch)
    filled = await _fill(api, 2, 2)
    others = [(await api.person(Role.STUDENT)).id for _ in range(students - 1)]
    if others:
        await api.ok("enrollStudents", filled.teacher, courseId=filled.course_id, studentIds=others)
    text = TEXTS["11-class-mastery"]
    await api.data(text, filled.teacher, courseId=filled.course_id)
    with api.statements() as counted:
        data = await api.data(text, filled.teacher, courseId=filled.course_id)
    found = data["classMastery"]
    assert [len(edge["cells"]) for edge in found["edges"]] == [4] * students
    assert found["totalCount"] == students
    assert (counted.sql, counted.cypher) == (4, 1)


async def test_a_mutation_costs_one_graph_transaction(plain_api: Api) -> None:
    api = plain_api
    teacher = await api.teacher()
    await api.ok("createCourse", teacher, title="One")
    with api.statements() as counted:
        payload = await api.ok("createCourse", teacher, "course { id title version }", title="Two")
    assert payload["sync"]["state"] == "SYNCED"
    # One statement writes the course; what the payload shows comes from the row.
    assert counted.cypher == 1
