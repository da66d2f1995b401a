"""Mutations of courses: their results in SQL and in the graph, and every refusal."""

from __future__ import annotations

from typing import Any

from resolvers import ids
from tests.api_fixtures import Api
from tests.e2e.mutation_cases import (
    Row,
    ask,
    conflict,
    cypher,
    done,
    invalid,
    missing,
    refuse,
    repeat,
    stale,
    unchanged,
    unknown,
)
from tests.e2e.test_course_life import Course
from tests.e2e.test_permissions import World

BY_VERSION = (
    "updateCourse",
    "unpublishCourse",
    "publishCourse",
    "archiveCourse",
    "restoreCourse",
    "archiveCourse",
)
FIELDS = "course { id title description level version publicationStatus archivedAt teacher { id } }"


async def in_graph(api: Api, course_id: str) -> dict[str, object]:
    """Return the properties of a course's node and its teacher; nothing when there is none."""
    names = ("title", "description", "level", "publication_status", "archived")
    rows = await cypher(
        api,
        "MATCH (c:CLASS {id: $id}) OPTIONAL MATCH (t:TEACHER)-[:TEACHES_CLASS]->(c) "
        f"RETURN {', '.join(f'c.{name}' for name in names)}, t.id",
        id=ids.decode(course_id, "course"),
    )
    return dict(zip((*names, "teacher"), rows[0], strict=True)) if rows else {}


async def test_a_course_is_made_and_changed_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    made = await done(
        api, "createCourse", teacher, FIELDS, title="Sets", description="All of them.", level="PHD"
    )
    course = made["course"]
    assert course == {
        "id": course["id"],
        "title": "Sets",
        "description": "All of them.",
        "level": "PHD",
        "version": 1,
        "publicationStatus": "DRAFT",
        "archivedAt": None,
        "teacher": {"id": teacher.id},
    }
    node = {
        "title": "Sets",
        "description": "All of them.",
        "level": "PHD",
        "publication_status": "DRAFT",
        "archived": False,
        "teacher": teacher.key,
    }
    assert await in_graph(api, course["id"]) == node
    given = {"id": course["id"], "title": "Sets II", "description": None, "expectedVersion": 1}
    updated = await done(api, "updateCourse", teacher, FIELDS, **given)
    expected = {**course, "title": "Sets II", "description": None, "version": 2}
    assert updated["course"] == expected
    assert await in_graph(api, course["id"]) == {**node, "title": "Sets II", "description": None}
    same = await unchanged(api, "updateCourse", teacher, FIELDS, id=course["id"], title="Sets II")
    assert same["course"] == expected


async def test_a_course_is_published_archived_and_deleted_in_both_stores(api: Api) -> None:
    world = await World(api).make()
    teacher, course = world.people["teacher"], world.course
    assert teacher is not None
    given = {"id": course.id}

    async def status() -> object:
        return (await in_graph(api, course.id))["publication_status"]

    assert await status() == "PUBLISHED"
    await unchanged(api, "publishCourse", teacher, **given)
    draft = await done(api, "unpublishCourse", teacher, FIELDS, **given)
    assert draft["course"]["publicationStatus"] == await status() == "DRAFT"
    await unchanged(api, "unpublishCourse", teacher, **given)
    published = await done(api, "publishCourse", teacher, FIELDS, **given)
    assert published["course"]["publicationStatus"] == await status() == "PUBLISHED"
    archived = await done(api, "archiveCourse", teacher, FIELDS, **given)
    assert archived["course"]["archivedAt"] is not None
    assert (await in_graph(api, course.id))["archived"] is True
    await unchanged(api, "archiveCourse", teacher, **given)
    restored = await done(api, "restoreCourse", teacher, FIELDS, **given)
    assert restored["course"]["archivedAt"] is None
    assert (await in_graph(api, course.id))["archived"] is False
    await unchanged(api, "restoreCourse", teacher, **given)
    await done(api, "archiveCourse", teacher, **given)
    gone = await done(api, "deleteCourse", teacher, "deletedId deleted { kind count }", **given)
    assert gone["deletedId"] == course.id
    counts = {entry["kind"]: entry["count"] for entry in gone["deleted"]}
    assert counts == {
        "COURSE": 1,
        "ENROLLMENT": 1,
        "CHAPTER": 1,
        "THEORY": 2,
        "SKILL": 2,
        "SKILL_PREREQUISITE": 1,
        "CONCEPT": 3,
        "CONCEPT_MENTION": 1,
        "CONCEPT_RELATION": 1,
        "RESOURCE": 1,
    }
    assert await in_graph(api, course.id) == {}
    kinds = "n:CHAPTER OR n:THEORY OR n:SKILL OR n:CONCEPT OR n:READING"
    assert await cypher(api, f"MATCH (n) WHERE {kinds} RETURN count(n)") == [[0]]
    assert await ask(api, teacher, "course(id: $id) { id }", id=course.id) is None


async def test_refusals_of_courses(api: Api) -> None:
    teacher, admin, student = await api.teacher(), await api.admin(), await api.student()
    other = await api.teacher()
    course = await Course(api, teacher).write()
    second = (await api.ok("createCourse", teacher, "course { id }", title="Second"))["course"]["id"]
    foreign = (await api.ok("createCourse", other, "course { id }", title="Second"))["course"]["id"]
    version = {"expectedVersion": 99}
    rows: list[Row] = []
    for given in [*unknown("course"), foreign]:
        rows += [
            ("updateCourse", {"id": given, "title": "X"}, missing("COURSE")),
            ("archiveCourse", {"id": given}, missing("COURSE")),
            ("restoreCourse", {"id": given}, missing("COURSE")),
            ("publishCourse", {"id": given}, missing("COURSE")),
            ("unpublishCourse", {"id": given}, missing("COURSE")),
            ("deleteCourse", {"id": given}, missing("COURSE")),
        ]
    first = {"id": course.id}
    rows += [
        ("updateCourse", {**first, **version, "title": "X"}, stale(1)),
        ("archiveCourse", {**first, **version}, stale(1)),
        ("restoreCourse", {**first, **version}, stale(1)),
        ("publishCourse", {**first, **version}, stale(1)),
        ("unpublishCourse", {**first, **version}, stale(1)),
        ("deleteCourse", {**first, **version}, stale(1)),
        ("updateCourse", {**first, "expectedVersion": -1, "title": "X"}, stale(1)),
        ("createCourse", {"title": ""}, invalid("title", "1 to 255 characters, not 0")),
        ("createCourse", {"title": " \t"}, invalid("title", "blank")),
        ("createCourse", {"title": "x" * 256}, invalid("title", "1 to 255 characters, not 256")),
        ("createCourse", {"title": "x", "description": "d" * 1001}, invalid("description", "0 to 1000")),
        ("createCourse", {"title": "Second"}, conflict("DUPLICATE", second, path=["input", "title"])),
        ("updateCourse", {**first, "title": "Second"}, conflict("DUPLICATE", second)),
        ("updateCourse", {**first, "title": None}, invalid("title", "null")),
        ("updateCourse", {**first, "level": None}, invalid("level", "null")),
        ("updateCourse", {**first, "title": "x" * 256}, invalid("title", "1 to 255 characters, not 256")),
        ("updateCourse", {**first, "description": "d" * 10_000}, invalid("description", "1000")),
        ("publishCourse", {"id": second}, conflict("WRONG_STATE", path=["input", "id"])),
    ]
    await refuse(api, teacher, rows)
    # For an admin: whom a course may be given to.
    nobody: list[Row] = [
        ("createCourse", {"title": "T", "teacherId": given}, missing("USER", "teacherId"))
        for given in [*unknown("user"), student.id]
    ]
    # An operator does not teach: without a teacher there is no course.
    nobody += [
        ("createCourse", given, invalid("teacherId", "must name the course's teacher"))
        for given in ({"title": "T"}, {"title": "T", "teacherId": None})
    ]
    await refuse(api, admin, nobody)
    given_away = await done(api, "createCourse", admin, FIELDS, title="Sets", teacherId=other.id)
    assert given_away["course"]["teacher"] == {"id": other.id}


async def test_courses_with_students_or_archived(api: Api) -> None:
    world = await World(api).make()
    teacher, course = world.people["teacher"], world.course
    assert teacher is not None
    await refuse(api, teacher, [("deleteCourse", {"id": course.id}, conflict("WRONG_STATE"))])
    await done(api, "unpublishCourse", teacher, id=course.id)
    # A draft, but with a student.
    await refuse(api, teacher, [("deleteCourse", {"id": course.id}, conflict("WRONG_STATE"))])
    await done(api, "archiveCourse", teacher, id=course.id)
    await refuse(
        api,
        teacher,
        [
            ("updateCourse", {"id": course.id, "title": "X"}, conflict("WRONG_STATE")),
            ("publishCourse", {"id": course.id}, conflict("WRONG_STATE")),
            ("unpublishCourse", {"id": course.id}, conflict("WRONG_STATE")),
        ],
    )


async def test_archiving_needs_nothing_and_conflicts_with_nothing(api: Api) -> None:
    """archiveCourse and restoreCourse name Conflict in their unions; no state of a course leads there."""
    teacher = await api.teacher()
    made = await done(api, "createCourse", teacher, "course { id }", title="Sets")
    for mutation in ("archiveCourse", "restoreCourse", "archiveCourse", "deleteCourse"):
        await done(api, mutation, teacher, id=made["course"]["id"])


async def test_a_course_is_made_once_under_a_key(api: Api) -> None:
    teacher, other = await api.teacher(), await api.teacher()
    await repeat(api, teacher, "createCourse", "course", {"title": "Sets"}, {"title": "More"})
    # The key is the caller's own.
    mine = await done(api, "createCourse", other, FIELDS, title="Own", idempotencyKey="one-key")
    assert mine["course"]["teacher"] == {"id": other.id}


async def test_the_version_read_is_the_version_accepted(api: Api) -> None:
    world = await World(api).make()
    teacher = world.people["teacher"]
    assert teacher is not None
    for mutation in BY_VERSION:
        before = await ask(api, teacher, "course(id: $id) { version }", id=world.course.id)
        await done(api, mutation, teacher, id=world.course.id, expectedVersion=before["version"])


async def test_a_key_outlives_its_record(api: Api) -> None:
    """A repeat under the key of what was deleted since says that it is gone, and makes nothing."""
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    key = {"idempotencyKey": "gone"}
    document = {"filename": "a", "sha256": "0" * 64, "topic": "A"}
    theory = course.theories[0]
    made: list[tuple[str, dict[str, Any]]] = [
        ("createCourse", {"title": "Sets"}),
        ("createChapter", {"courseId": course.id, "name": "N"}),
        ("createTheory", {"chapterId": course.chapters[0], "name": "N"}),
        ("createSkill", {"courseId": course.id, "name": "N"}),
        ("createConcept", {"courseId": course.id, "name": "N"}),
        (
            "createResource",
            {"kind": "VIDEO", "title": "N", "url": "https://example.org/n", "theoryIds": [theory]},
        ),
        ("ingestExtraction", {"courseId": course.id, "documents": [document]}),
    ]
    for mutation, given in made:
        payload = await api.ok(
            mutation, teacher, "course { id }" if mutation == "createCourse" else "__typename", **given, **key
        )
        if mutation == "createCourse":
            await done(api, "deleteCourse", teacher, id=payload["course"]["id"])
    await done(api, "archiveCourse", teacher, id=course.id)
    await done(api, "deleteCourse", teacher, id=course.id)
    rows: list[Row] = [
        ("createCourse", {**made[0][1], **key}, missing("COURSE", "idempotencyKey")),
        ("createChapter", {**made[1][1], **key}, missing("CHAPTER", "idempotencyKey")),
        ("createTheory", {**made[2][1], **key}, missing("THEORY", "idempotencyKey")),
        ("createSkill", {**made[3][1], **key}, missing("SKILL", "idempotencyKey")),
        ("createConcept", {**made[4][1], **key}, missing("CONCEPT", "idempotencyKey")),
        ("createResource", {**made[5][1], **key}, missing("RESOURCE", "idempotencyKey")),
        ("ingestExtraction", {**made[6][1], **key}, missing("EXTRACTION_RUN", "idempotencyKey")),
    ]
    await refuse(api, teacher, rows)
