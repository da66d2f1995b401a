"""Mutations of chapters and theories: the order in SQL, the chains in the graph, and every refusal."""

from __future__ import annotations

from typing import Any

from tests.api_fixtures import Actor, Api
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

GREATEST_INT = 2**31 - 1


async def outline(api: Api, actor: Actor, course_id: str) -> list[tuple[str, list[str]]]:
    """Return names of chapters with their theories, following the chains of the graph."""
    chapters = await ask(
        api,
        actor,
        "chapterSequence(courseId: $id) { name order next { name } theories { name order next { name } } }",
        id=course_id,
    )
    for rows in (chapters, *(chapter["theories"] for chapter in chapters)):
        assert [row["order"] for row in rows] == list(range(len(rows)))
        following = [row["name"] for row in rows[1:]]
        assert [row["next"] and row["next"]["name"] for row in rows] == [
            *following,
            *([None] if rows else []),
        ]
    return [(c["name"], [theory["name"] for theory in c["theories"]]) for c in chapters]


async def test_chapters_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    start = [("Limits", ["Sequences", "Continuity"]), ("Derivatives", []), ("Integrals", [])]
    assert await outline(api, teacher, course.id) == start
    fields = "chapter { id name description order version createdAt course { id } }"
    given: dict[str, Any] = {"courseId": course.id, "name": "Series", "description": "Sums.", "order": 1}
    made = await done(api, "createChapter", teacher, fields, **given)
    chapter = made["chapter"]
    assert {**chapter, "createdAt": None} == {
        "id": chapter["id"],
        "name": "Series",
        "description": "Sums.",
        "order": 1,
        "version": 1,
        "createdAt": None,
        "course": {"id": course.id},
    }
    # The graph, asked for the same, says the same.
    assert await ask(api, teacher, f"chapter(id: $id) {fields[8:-1]}}}", id=chapter["id"]) == chapter
    assert await outline(api, teacher, course.id) == [start[0], ("Series", []), *start[1:]]
    change = {"id": chapter["id"], "name": "Sums", "description": None, "expectedVersion": 1}
    updated = await done(api, "updateChapter", teacher, fields, **change)
    expected = {**chapter, "name": "Sums", "description": None, "version": 2}
    assert updated["chapter"] == expected
    assert await ask(api, teacher, f"chapter(id: $id) {fields[8:-1]}}}", id=chapter["id"]) == expected
    await unchanged(api, "updateChapter", teacher, id=chapter["id"], name="Sums")
    moved = await done(api, "moveChapter", teacher, "chapters { name order }", id=chapter["id"], order=3)
    names = ["Limits", "Derivatives", "Integrals", "Sums"]
    assert moved["chapters"] == [{"name": name, "order": order} for order, name in enumerate(names)]
    assert [name for name, _ in await outline(api, teacher, course.id)] == names
    await unchanged(api, "moveChapter", teacher, id=chapter["id"], order=3)
    wanted = [chapter["id"], *reversed(course.chapters)]
    turned = {"courseId": course.id, "chapterIds": wanted}
    reordered = await done(api, "reorderChapters", teacher, "chapters { id }", **turned)
    assert [row["id"] for row in reordered["chapters"]] == wanted
    names = ["Sums", "Integrals", "Derivatives", "Limits"]
    assert [name for name, _ in await outline(api, teacher, course.id)] == names
    await unchanged(api, "reorderChapters", teacher, **turned)
    # Theories go to another chapter, or with their own.
    gone = await done(
        api,
        "deleteChapter",
        teacher,
        "deletedId deleted { kind count }",
        id=course.chapters[0],
        moveTheoriesTo=course.chapters[1],
    )
    assert gone["deletedId"] == course.chapters[0]
    assert gone["deleted"] == [{"kind": "CHAPTER", "count": 1}]
    kept = [("Sums", []), ("Integrals", []), ("Derivatives", ["Sequences", "Continuity"])]
    assert await outline(api, teacher, course.id) == kept
    gone = await done(
        api, "deleteChapter", teacher, "deleted { kind count }", id=course.chapters[1], expectedVersion=None
    )
    assert gone["deleted"] == [
        {"kind": "CHAPTER", "count": 1},
        {"kind": "THEORY", "count": 2},
        {"kind": "CONCEPT_MENTION", "count": 1},
    ]
    assert await outline(api, teacher, course.id) == kept[:2]
    # Skills, concepts and resources belong to the course and stay.
    rows = await cypher(api, "MATCH (n) WHERE n:SKILL OR n:CONCEPT OR n:READING RETURN count(n)")
    assert rows == [[6]]


async def test_theories_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    first, second, _ = course.chapters
    fields = "theory { id name summary order version chapter { id } }"
    given: dict[str, Any] = {"chapterId": first, "name": "Series", "summary": "s" * 10_000, "order": 0}
    theory = (await done(api, "createTheory", teacher, fields, **given))["theory"]
    assert theory == {
        "id": theory["id"],
        "name": "Series",
        "summary": "s" * 10_000,
        "order": 0,
        "version": 1,
        "chapter": {"id": first},
    }
    assert await ask(api, teacher, f"theory(id: $id) {fields[7:]}", id=theory["id"]) == theory
    assert (await outline(api, teacher, course.id))[0][1] == ["Series", "Sequences", "Continuity"]
    change = {"id": theory["id"], "name": "Sums", "summary": None, "expectedVersion": 1}
    updated = await done(api, "updateTheory", teacher, fields, **change)
    assert updated["theory"] == {**theory, "name": "Sums", "summary": None, "version": 2}
    assert (await ask(api, teacher, "theory(id: $id) { summary name }", id=theory["id"])) == {
        "summary": None,
        "name": "Sums",
    }
    await unchanged(api, "updateTheory", teacher, id=theory["id"], summary=None)
    moved = await done(api, "moveTheory", teacher, "theories { name order }", id=theory["id"], order=2)
    names = ["Sequences", "Continuity", "Sums"]
    assert moved["theories"] == [{"name": name, "order": order} for order, name in enumerate(names)]
    assert (await outline(api, teacher, course.id))[0][1] == names
    await unchanged(api, "moveTheory", teacher, id=theory["id"], order=2)
    # To another chapter: both chains are whole again.
    given = {"id": course.theories[0], "chapterId": second, "order": 0}
    moved = await done(api, "moveTheory", teacher, "theories { name chapter { id } }", **given)
    assert moved["theories"] == [{"name": "Sequences", "chapter": {"id": second}}]
    assert [names for _, names in await outline(api, teacher, course.id)] == [
        ["Continuity", "Sums"],
        ["Sequences"],
        [],
    ]
    gone = await done(api, "deleteTheory", teacher, "deletedId deleted { kind count }", id=course.theories[0])
    assert gone["deletedId"] == course.theories[0]
    assert gone["deleted"] == [{"kind": "THEORY", "count": 1}, {"kind": "CONCEPT_MENTION", "count": 1}]
    assert [names for _, names in await outline(api, teacher, course.id)] == [["Continuity", "Sums"], [], []]
    assert await cypher(api, "MATCH (t:THEORY) RETURN count(t)") == [[2]]


async def test_refusals_of_chapters_and_theories(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()  # a draft of somebody else: not there
    made = await api.ok("createCourse", teacher, "course { id }", title="Second")
    sibling = (
        await api.ok("createChapter", teacher, "chapter { id }", courseId=made["course"]["id"], name="Own")
    )["chapter"]["id"]
    chapter, theory = course.chapters[0], course.theories[0]
    rows: list[Row] = []
    for given in [*unknown("course"), other.id]:
        rows += [
            ("createChapter", {"courseId": given, "name": "N"}, missing("COURSE", "courseId")),
            (
                "reorderChapters",
                {"courseId": given, "chapterIds": course.chapters},
                missing("COURSE", "courseId"),
            ),
        ]
    for given in [*unknown("ch"), other.chapters[0]]:
        rows += [
            ("updateChapter", {"id": given, "name": "N"}, missing("CHAPTER")),
            ("deleteChapter", {"id": given}, missing("CHAPTER")),
            ("moveChapter", {"id": given, "order": 0}, missing("CHAPTER")),
            ("createTheory", {"chapterId": given, "name": "N"}, missing("CHAPTER", "chapterId")),
            ("moveTheory", {"id": theory, "order": 0, "chapterId": given}, missing("CHAPTER", "chapterId"))
            if given
            else ("moveTheory", {"id": given, "order": 0}, missing("THEORY")),
            (
                "deleteChapter",
                {"id": chapter, "moveTheoriesTo": given},
                missing("CHAPTER", "moveTheoriesTo"),
            )
            if given
            else ("deleteChapter", {"id": given}, missing("CHAPTER")),
        ]
    for given in [*unknown("th"), other.theories[0]]:
        rows += [
            ("updateTheory", {"id": given, "name": "N"}, missing("THEORY")),
            ("deleteTheory", {"id": given}, missing("THEORY")),
            ("moveTheory", {"id": given, "order": 0}, missing("THEORY")),
        ]
    # Another course of the same teacher is not a place to go.
    rows += [
        (
            "moveTheory",
            {"id": theory, "order": 0, "chapterId": sibling},
            missing("CHAPTER", "chapterId"),
        ),
        ("deleteChapter", {"id": chapter, "moveTheoriesTo": sibling}, missing("CHAPTER", "moveTheoriesTo")),
        ("deleteChapter", {"id": chapter, "moveTheoriesTo": chapter}, invalid("moveTheoriesTo", "another")),
    ]
    for name, says in (("", "1 to 100 characters, not 0"), ("  ", "blank"), ("n" * 101, "not 101")):
        rows += [
            ("createChapter", {"courseId": course.id, "name": name}, invalid("name", says)),
            ("updateChapter", {"id": chapter, "name": name}, invalid("name", says)),
            ("createTheory", {"chapterId": chapter, "name": name}, invalid("name", says)),
            ("updateTheory", {"id": theory, "name": name}, invalid("name", says)),
        ]
    long = "x" * 1_001
    rows += [
        ("updateChapter", {"id": chapter, "name": None}, invalid("name", "null")),
        ("updateTheory", {"id": theory, "name": None}, invalid("name", "null")),
        (
            "createChapter",
            {"courseId": course.id, "name": "N", "description": long},
            invalid("description", "0 to 1000"),
        ),
        ("updateChapter", {"id": chapter, "description": long}, invalid("description", "0 to 1000")),
        (
            "createTheory",
            {"chapterId": chapter, "name": "N", "summary": "x" * 10_001},
            invalid("summary", "10000"),
        ),
        ("updateTheory", {"id": theory, "summary": "x" * 10_001}, invalid("summary", "0 to 10000")),
    ]
    for order in (-1, 4, GREATEST_INT, -GREATEST_INT - 1):
        rows += [
            (
                "createChapter",
                {"courseId": course.id, "name": "N", "order": order},
                invalid("order", "0 and 3"),
            ),
            (
                "createTheory",
                {"chapterId": chapter, "name": "N", "order": order},
                invalid("order", "0 and 2"),
            ),
            ("moveChapter", {"id": chapter, "order": order}, invalid("order", "0 and 2")),
            ("moveTheory", {"id": theory, "order": order}, invalid("order", "0 and 1")),
        ]
    first, second, third = course.chapters
    for ids, path, says in (
        ([], "chapterIds", "missing: “Limits”, “Derivatives”, “Integrals”"),
        ([first, second], "chapterIds", "missing: “Integrals”"),
        ([first, second, third, third], "chapterIds.3", "twice"),
        ([first, second, third, sibling], "chapterIds.3", "not one of the course"),
    ):
        rows.append(
            ("reorderChapters", {"courseId": course.id, "chapterIds": ids}, invalid(path, says)),
        )
    rows += [
        (
            "reorderChapters",
            {"courseId": course.id, "chapterIds": [first, given]},
            missing("CHAPTER", "chapterIds", "1"),
        )
        for given in ("nonsense", theory)
    ]
    version = (await ask(api, teacher, "course(id: $id) { version }", id=course.id))["version"]
    chapter_version = (await ask(api, teacher, "chapter(id: $id) { version }", id=chapter))["version"]
    theory_version = (await ask(api, teacher, "theory(id: $id) { version }", id=theory))["version"]
    old = {"expectedVersion": 99}
    rows += [
        ("updateChapter", {"id": chapter, "name": "N", **old}, stale(chapter_version)),
        ("deleteChapter", {"id": chapter, **old}, stale(chapter_version)),
        ("moveChapter", {"id": chapter, "order": 1, **old}, stale(version)),
        (
            "reorderChapters",
            {"courseId": course.id, "chapterIds": course.chapters, **old},
            stale(version),
        ),
        ("updateTheory", {"id": theory, "name": "N", **old}, stale(theory_version)),
        ("deleteTheory", {"id": theory, **old}, stale(theory_version)),
        ("moveTheory", {"id": theory, "order": 1, **old}, stale(theory_version)),
    ]
    await refuse(api, teacher, rows)
    await repeat(
        api, teacher, "createChapter", "chapter", {"courseId": course.id, "name": "Once"}, {"name": "Twice"}
    )
    await repeat(api, teacher, "createTheory", "theory", {"chapterId": chapter, "name": "Once"}, {"order": 0})
    await api.ok("archiveCourse", teacher, id=course.id)
    archived: list[Row] = [
        ("createChapter", {"courseId": course.id, "name": "N"}, conflict("WRONG_STATE")),
        ("updateChapter", {"id": chapter, "name": "N"}, conflict("WRONG_STATE")),
        ("deleteChapter", {"id": chapter}, conflict("WRONG_STATE")),
        ("moveChapter", {"id": chapter, "order": 1}, conflict("WRONG_STATE")),
        ("reorderChapters", {"courseId": course.id, "chapterIds": course.chapters}, conflict("WRONG_STATE")),
        ("createTheory", {"chapterId": chapter, "name": "N"}, conflict("WRONG_STATE")),
        ("updateTheory", {"id": theory, "name": "N"}, conflict("WRONG_STATE")),
        ("deleteTheory", {"id": theory}, conflict("WRONG_STATE")),
        ("moveTheory", {"id": theory, "order": 1}, conflict("WRONG_STATE")),
    ]
    await refuse(api, teacher, archived)


async def test_an_empty_id_is_not_a_missing_one(api: Api) -> None:
    """moveTheoriesTo: "" must not delete the theories, chapterId: "" must not be the present chapter."""
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    rows: list[Row] = [
        (
            "deleteChapter",
            {"id": course.chapters[0], "moveTheoriesTo": ""},
            missing("CHAPTER", "moveTheoriesTo"),
        ),
        (
            "moveTheory",
            {"id": course.theories[0], "order": 1, "chapterId": ""},
            missing("CHAPTER", "chapterId"),
        ),
    ]
    await refuse(api, teacher, rows)
