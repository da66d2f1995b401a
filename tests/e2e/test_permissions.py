"""Every cell of the table of permissions, tried over HTTP: each mutation and each question by each kind of person."""

from __future__ import annotations

from typing import Any

import pytest

from resolvers import ids
from sql import models
from tests.api_fixtures import Actor, Api
from tests.e2e.mutation_cases import A_UUID
from tests.e2e.operations import stop_workers
from tests.e2e.permission_table import FIELDS, MUTATIONS, OPEN, PEOPLE
from tests.e2e.test_course_life import Course

LATE = (
    "leaveCourse",
    "joinCourse",
    "removeStudents",
    "removeConceptMention",
    "removeConceptRelation",
    "removePrerequisite",
    "deleteResource",
    "deleteSkill",
    "deleteConcept",
    "deleteTheory",
    "deleteChapter",
    "archiveCourse",
    "restoreCourse",
    "deleteCourse",
)


class World:
    """A published course and everybody around it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.people: dict[str, Actor | None] = {}
        # There are none unless a test makes them.
        self.entry, self.run = ids.encode("meta", A_UUID), ids.encode("run", A_UUID)

    async def make(self) -> World:
        api = self.api
        teacher = await api.teacher()
        self.people = {
            "anonymous": None,
            "student": await api.student("Outside"),
            "enrolled": await api.student("Inside"),
            "other_student": await api.student("Elsewhere"),
            "teacher": teacher,
            "other_teacher": await api.teacher(),
            "admin": await api.admin(),
        }
        elsewhere, student = self.people["other_teacher"], self.people["other_student"]
        assert student is not None
        theirs = await api.ok("createCourse", elsewhere, "course { id }", title="Elsewhere")
        await api.ok("enrollStudents", elsewhere, courseId=theirs["course"]["id"], studentIds=[student.id])
        self.course = course = await Course(api, teacher).write()
        for chapter in course.chapters[1:]:
            await api.ok("deleteChapter", teacher, id=chapter)
        course.chapters = course.chapters[:1]
        await api.ok("updateSkill", teacher, id=course.skills[1], theoryIds=[course.theories[1]])
        await api.ok("updateCourse", teacher, id=course.id, description="All of it.")
        await api.ok("publishCourse", teacher, id=course.id)
        await api.ok("joinCourse", self.people["enrolled"], courseId=course.id)
        edge = await api.ok(
            "setPrerequisite",
            teacher,
            "prerequisite { id }",
            prerequisiteId=course.skills[0],
            dependentId=course.skills[1],
        )
        self.prerequisite = edge["prerequisite"]["id"]
        data = await api.data(
            "query($c: ID!) { course(id: $c) { chapters { theories { mentions { id } readings { id } } } "
            "concepts { nodes { relations { id } } } } }",
            teacher,
            c=course.id,
        )
        theory = data["course"]["chapters"][0]["theories"][0]
        self.mention, self.reading = theory["mentions"][0]["id"], theory["readings"][0]["id"]
        self.relation = next(r["id"] for n in data["course"]["concepts"]["nodes"] for r in n["relations"])
        return self

    async def add_entry_and_run(self) -> None:
        """Add a profile entry of the enrolled student, and a run of the course whose document failed."""
        entry = await self.api.ok(
            "setMetadata", self.people["enrolled"], "metadata { id }", key="habit", value="early"
        )
        self.entry = entry["metadata"]["id"]
        course_id, failed = ids.decode(self.course.id, "course"), models.ExtractionStatus.FAILED
        async with self.api.database.write() as session:
            run = models.ExtractionRun(course_id=course_id, status=failed)
            session.add(run)
            await session.flush()
            document = {"position": 0, "filename": "a.txt", "sha256": "0" * 64, "status": failed}
            session.add(models.ExtractionDocument(run_id=run.id, course_id=course_id, **document))
        self.run = ids.encode("run", run.id)

    def inputs(self, name: str) -> dict[str, Any]:
        course = self.course
        enrolled = self.people["enrolled"]
        assert enrolled is not None
        chapter, theory, skill, concept = (
            course.chapters[0],
            course.theories[0],
            course.skills[0],
            course.concepts[0],
        )
        return {
            "changePassword": {
                "currentPassword": "not this one at all",
                "newPassword": "correct horse battery",
            },
            "updateUser": {"id": enrolled.id, "firstName": "Grace"},
            "setUserRole": {"id": enrolled.id, "role": "STUDENT"},
            "setMetadata": {"studentId": enrolled.id, "key": "goal", "value": "an A"},
            "removeMetadata": {"id": self.entry},
            "createCourse": {"title": "Another"},
            "updateCourse": {"id": course.id, "title": "Calculus I"},
            "joinCourse": {"courseId": course.id},
            "leaveCourse": {"courseId": course.id},
            "enrollStudents": {"courseId": course.id, "studentIds": [enrolled.id]},
            "removeStudents": {"courseId": course.id, "studentIds": [enrolled.id]},
            "createChapter": {"courseId": course.id, "name": "More"},
            "updateChapter": {"id": chapter, "name": "Limits!"},
            "deleteChapter": {"id": chapter},
            "moveChapter": {"id": chapter, "order": 0},
            "reorderChapters": {"courseId": course.id, "chapterIds": [chapter]},
            "createTheory": {"chapterId": chapter, "name": "More"},
            "updateTheory": {"id": theory, "name": "Sequences!"},
            "deleteTheory": {"id": theory},
            "moveTheory": {"id": theory, "order": 1},
            "createResource": {
                "kind": "VIDEO",
                "title": "A film",
                "url": "https://example.org/film",
                "theoryIds": [theory],
            },
            "updateResource": {"id": self.reading, "title": "On limits!"},
            "deleteResource": {"id": self.reading},
            "createSkill": {"courseId": course.id, "name": "Do more"},
            "updateSkill": {"id": skill, "name": "Do it"},
            "deleteSkill": {"id": skill},
            "setPrerequisite": {"prerequisiteId": course.skills[0], "dependentId": course.skills[1]},
            "removePrerequisite": {"id": self.prerequisite},
            "createConcept": {"courseId": course.id, "name": "Series"},
            "updateConcept": {"id": concept, "name": "Limit!"},
            "deleteConcept": {"id": concept},
            "setConceptMention": {"theoryId": theory, "conceptId": concept},
            "removeConceptMention": {"id": self.mention},
            "setConceptRelation": {"sourceId": concept, "type": "IS_A", "targetId": course.concepts[1]},
            "removeConceptRelation": {"id": self.relation},
            "recordAssessments": {
                "assessments": [
                    {"studentId": enrolled.id, "skillId": skill, "score": 1, "idempotencyKey": "p-1"}
                ]
            },
            "ingestExtraction": {
                "courseId": course.id,
                "documents": [{"filename": "a.txt", "sha256": "0" * 64, "topic": "A"}],
            },
            "retryExtraction": {"runId": self.run},
            "retrySync": {},
            "repairDrift": {"courseId": course.id},
        }.get(name, {"id": course.id})


def _outcome(body: dict[str, Any], name: str) -> str:
    if "errors" in body:
        code = body["errors"][0]["extensions"]["code"]
        return {"UNAUTHENTICATED": "U", "FORBIDDEN": "F"}.get(code, code)
    payload = body["data"][name]
    return "N" if payload["__typename"] == "NotFoundProblem" else "Y"


def test_the_table_covers_every_mutation() -> None:
    from graphql_api import schema

    mutation = schema.build().mutation_type
    assert mutation is not None
    assert set(MUTATIONS) | set(OPEN) == set(mutation.fields)


@pytest.mark.parametrize("person", PEOPLE)
async def test_every_mutation(api: Api, person: str) -> None:
    world = await World(api).make()
    await world.add_entry_and_run()
    # What a retry wakes would write while a refusal is looked at.
    await stop_workers(api)
    actor = world.people[person]
    column = PEOPLE.index(person)
    # What takes something away comes after what needs it.
    order = sorted(MUTATIONS, key=lambda name: LATE.index(name) if name in LATE else -1)
    found, expected = {}, {}
    for name in order:
        before = await api.versions()
        title = name[0].upper() + name[1:]
        body = await api.ask(
            f"mutation($i: {title}Input!) {{ {name}(input: $i) {{ __typename ... on Problem {{ code message }} }} }}",
            actor,
            i=world.inputs(name),
        )
        found[name] = _outcome(body, name)
        expected[name] = MUTATIONS[name].split()[column]
        if found[name] != "Y":
            assert await api.versions() == before, f"{name} was refused and changed something"
    assert found == expected


async def _questions(api: Api) -> tuple[World, dict[str, str]]:
    """Return a world in which `enrolled` has one of everything, and the ids that the table's questions name."""
    world = await World(api).make()
    await world.add_entry_and_run()
    enrolled, teacher = world.people["enrolled"], world.people["teacher"]
    assert enrolled is not None
    await api.ok("setMetadata", enrolled, key="goal", value="an A")
    result = {"studentId": enrolled.id, "skillId": world.course.skills[0], "score": 1, "idempotencyKey": "q"}
    await api.ok("recordAssessments", teacher, assessments=[result])
    write = await api.ok("updateCourse", teacher, id=world.course.id, description="Again.")
    await api.drain()
    return world, {
        "s": enrolled.id,
        "c": world.course.id,
        "h": world.course.chapters[0],
        "t": world.course.theories[0],
        "k": world.course.skills[0],
        "n": world.course.concepts[0],
        "r": world.run,
        "y": write["sync"]["token"],
    }


def _given(query: str, values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if f"${key}:" in query}


def _shown(body: dict[str, Any]) -> str:
    if "errors" in body:
        code = body["errors"][0]["extensions"]["code"]
        return {"UNAUTHENTICATED": "U", "FORBIDDEN": "F"}.get(code, code)
    value = body["data"]
    while isinstance(value, dict | list) and value:
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return "N" if value is None or value == [] else "Y"


def test_the_table_covers_every_root_field() -> None:
    from graphql_api import schema

    query = schema.build().query_type
    assert query is not None
    assert {f"Query.{name}" for name in query.fields} == {
        name for name in FIELDS if name.startswith("Query.")
    }


async def test_every_question(api: Api) -> None:
    world, values = await _questions(api)
    found = {
        name: " ".join(
            [_shown(await api.ask(query, world.people[person], **_given(query, values))) for person in PEOPLE]
        )
        for name, (query, _) in FIELDS.items()
    }
    assert found == {name: wanted for name, (_, wanted) in FIELDS.items()}


def absent(given: str) -> str:
    """Return an id of the same kind that finds nothing."""
    prefix, key = ids.decode_any(given)
    parts = key if isinstance(key, tuple) else (key,)
    gone = [987_654_321 if isinstance(part, int) else A_UUID if len(part) == 36 else part for part in parts]
    return ids.encode(prefix, tuple(gone))


async def test_hidden_and_absent_are_alike(attacked_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # How far behind the graph is, each answer asks anew: otherwise only the first in a while does.
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", -1.0)
    api = attacked_api
    world, values = await _questions(api)
    await stop_workers(api)
    compared = 0
    for name, (query, outcomes) in FIELDS.items():
        given = _given(query, values)
        for person, outcome in zip(PEOPLE, outcomes.split(), strict=True):
            hidden = [key for key in given if key in "sry" and outcome in "NF"]
            for key in hidden:
                answers = []
                for value in (given[key], absent(given[key])):
                    with api.statements() as counts:
                        body = await api.ask(query, world.people[person], **{**given, key: value})
                    body.pop("extensions", None)
                    answers.append((body, counts.sql, counts.cypher))
                if name == "User.email" and person == "teacher":
                    continue  # the student is there for the teacher, the address is not
                assert answers[0] == answers[1], (name, person, key)
                compared += 1
    assert compared > 30


async def test_an_email_is_shown_to_its_owner_and_admins(api: Api) -> None:
    world = await World(api).make()
    enrolled = world.people["enrolled"]
    assert enrolled is not None
    seen = {}
    for person in ("enrolled", "teacher", "admin"):
        data = await api.data(
            "query($s: ID!) { student(id: $s) { email } }", world.people[person], s=enrolled.id
        )
        seen[person] = data["student"]["email"]
    assert seen == {"enrolled": enrolled.email, "teacher": None, "admin": enrolled.email}


async def test_a_draft_is_hidden_with_all_that_is_in_it(api: Api) -> None:
    world = await World(api).make()
    await api.ok("unpublishCourse", world.people["teacher"], id=world.course.id)
    outsider = world.people["student"]
    for query, key in [
        ("query($i: ID!) { course(id: $i) { id } }", world.course.id),
        ("query($i: ID!) { chapter(id: $i) { id } }", world.course.chapters[0]),
        ("query($i: ID!) { theory(id: $i) { id } }", world.course.theories[0]),
        ("query($i: ID!) { skill(id: $i) { id } }", world.course.skills[0]),
        ("query($i: ID!) { concept(id: $i) { id } }", world.course.concepts[0]),
        ("query($i: ID!) { node(id: $i) { id } }", world.mention),
        ("query($i: ID!) { node(id: $i) { id } }", world.relation),
        ("query($i: ID!) { node(id: $i) { id } }", world.prerequisite),
        ("query($i: ID!) { node(id: $i) { id } }", world.reading),
        ("query($i: ID!) { chapterSequence(courseId: $i) { id } }", world.course.id),
        ("query($i: ID!) { conceptMap(courseId: $i) { truncated } }", world.course.id),
        ("query($i: ID!) { conceptRelations(courseId: $i) { totalCount } }", world.course.id),
        ("query($i: ID!) { studentMastery(courseId: $i) { totalCount } }", world.course.id),
    ]:
        data = await api.data(query, outsider, i=key)
        assert list(data.values()) == [None], query
        shown = await api.data(query, world.people["enrolled"], i=key)
        assert list(shown.values()) != [None], query
