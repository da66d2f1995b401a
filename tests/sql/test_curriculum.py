"""Chapters and theories: orders without gaps, what goes along with a deletion, and every refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from sql import chapters, errors, sync_state, sync_status, theories
from sql.models import (
    Chapter,
    Concept,
    ConceptMention,
    Course,
    Kind,
    Resource,
    ResourceConcept,
    ResourceKind,
    ResourceTheory,
    Role,
    Skill,
    SkillTheory,
    SyncWriteRecord,
    Theory,
    User,
)
from sql.session import Database
from tests.sql import campus
from tests.sql.campus import archive, audited, changed, contents, marks, paths, person, refusal


@pytest.fixture
async def teacher(database: Database) -> User:
    return await person(database, "t@example.org", Role.TEACHER, "Tea", "Cher")


@pytest.fixture
async def course(database: Database, teacher: User) -> Course:
    return await campus.course(database, teacher)


@pytest.fixture
async def abc(database: Database, course: Course) -> list[Chapter]:
    return [await campus.chapter(database, course, name) for name in "ABC"]


async def outline(database: Database, course: Course) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Return the chapters of a course with their theories, as the rows say."""
    async with database.read() as session:
        return [
            (
                chapter.order,
                chapter.name,
                [(theory.order, theory.name) for theory in await theories.theories_of(session, chapter.id)],
            )
            for chapter in await chapters.chapters_of(session, course.id)
        ]


async def call(database: Database, function: Callable[..., Awaitable[Any]], **values: Any) -> Any:
    async with database.write() as session:
        return await function(session, **{"actor_id": 1} | values)


async def refuse(
    database: Database,
    expected: type[errors.SqlError],
    function: Callable[..., Awaitable[Any]],
    **values: Any,
) -> Any:
    async with refusal(database, expected) as refused:
        await function(refused.session, **{"actor_id": 1} | values)
    return refused.error


# —— Chapters ——


async def test_chapters_are_added_at_the_end_or_at_a_place(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    before = await marks(database)
    made = await call(
        database, chapters.create_chapter, course_id=course.id, name="N", description="D", order=1
    )
    assert [(order, name) for order, name, _ in await outline(database, course)] == [
        (0, "A"),
        (1, "N"),
        (2, "B"),
        (3, "C"),
    ]
    assert (made.description, made.version) == ("D", 1)
    assert changed(before, await marks(database)) == {
        (Kind.CHAPTER, made.id): (1, False),
        (Kind.CHAPTER, abc[1].id): (2, False),
        (Kind.CHAPTER, abc[2].id): (2, False),
        (Kind.CHAPTER_SEQUENCE, str(course.id)): (4, False),
    }
    async with database.read() as session:
        assert [row.version for row in await chapters.chapters_of(session, course.id)] == [1, 1, 2, 2]
    assert (await audited(database))[-1] == (1, "createChapter", "CHAPTER", made.id)


async def test_the_new_record_is_the_main_one_of_its_write(database: Database, course: Course) -> None:
    async with database.write() as session:
        write = await sync_state.open_write(session, 1)
        made = await chapters.create_chapter(session, actor_id=1, course_id=course.id, name="A")
    async with database.write() as session:
        status = await sync_status.write_state(session, write.id)
        rows = await session.scalars(select(SyncWriteRecord.kind).where(SyncWriteRecord.write_id == write.id))
        assert set(rows) == {Kind.CHAPTER, Kind.CHAPTER_SEQUENCE}
    assert (status.state, status.version) == ("PENDING", made.version)


async def test_making_a_chapter_is_refused(
    database: Database, teacher: User, course: Course, abc: list[Chapter]
) -> None:
    error = await refuse(
        database,
        errors.InvalidInput,
        chapters.create_chapter,
        course_id=course.id,
        name="x" * 101,
        description="\ud800",
        order=4,
    )
    assert set(paths(error)) == {"name", "description", "order"}
    assert paths(error)["order"] == "order must be between 0 and 3, not 4."
    error = await refuse(
        database, errors.InvalidInput, chapters.create_chapter, course_id=course.id, name=" ", order=-1
    )
    assert set(paths(error)) == {"name", "order"}
    error = await refuse(database, errors.NotFound, chapters.create_chapter, course_id=999, name="N")
    assert (error.kind, error.path) == ("COURSE", ("courseId",))
    await archive(database, course)
    error = await refuse(database, errors.Conflict, chapters.create_chapter, course_id=course.id, name="N")
    assert error.code == "WRONG_STATE"


async def test_a_course_has_at_most_200_chapters(database: Database, course: Course) -> None:
    async with database.write() as session:
        session.add_all(Chapter(course_id=course.id, name="C", order=order) for order in range(200))
    error = await refuse(
        database, errors.InvalidInput, chapters.create_chapter, course_id=course.id, name="N"
    )
    assert paths(error) == {"courseId": "A course has at most 200 chapters."}


async def test_a_chapter_is_changed_where_something_is_new(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    before = await marks(database)
    row = await call(
        database,
        chapters.update_chapter,
        chapter_id=abc[0].id,
        name="Z",
        description="D",
        expected_version=1,
    )
    assert (row.name, row.description, row.version) == ("Z", "D", 2)
    assert changed(before, await marks(database)) == {(Kind.CHAPTER, abc[0].id): (2, False)}
    same = await contents(database)
    await call(database, chapters.update_chapter, chapter_id=abc[0].id, name="Z")
    assert await contents(database) == same
    row = await call(database, chapters.update_chapter, chapter_id=abc[0].id, description=None)
    assert (row.name, row.description) == ("Z", None)


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (chapters.update_chapter, {"name": "N"}),
        (chapters.delete_chapter, {}),
        (chapters.move_chapter, {"order": 0}),
    ],
)
async def test_changes_of_a_chapter_are_refused(
    database: Database, course: Course, abc: list[Chapter], function: Any, values: dict[str, Any]
) -> None:
    key = abc[1].id
    error = await refuse(
        database, errors.StaleVersion, function, chapter_id=key, expected_version=7, **values
    )
    assert error.current_version == 1
    error = await refuse(database, errors.NotFound, function, chapter_id="x", **values)
    assert (error.kind, error.key) == ("CHAPTER", "x")
    await archive(database, course)
    error = await refuse(database, errors.Conflict, function, chapter_id=key, **values)
    assert error.code == "WRONG_STATE"


async def test_bad_values_of_a_chapter_are_all_named(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    error = await refuse(
        database,
        errors.InvalidInput,
        chapters.update_chapter,
        chapter_id=abc[0].id,
        name=None,
        description="x" * 1_001,
    )
    assert set(paths(error)) == {"name", "description"}


@pytest.mark.parametrize(
    ("place", "names", "touched"),
    [(0, "CAB", "ABC"), (1, "ACB", "BC"), (2, "ABC", "")],
)
async def test_a_chapter_is_moved_and_the_course_gets_a_version(
    database: Database, course: Course, abc: list[Chapter], place: int, names: str, touched: str
) -> None:
    before = await marks(database)
    rows = await call(database, chapters.move_chapter, chapter_id=abc[2].id, order=place, expected_version=1)
    assert "".join(row.name for row in rows) == names
    assert [(order, name) for order, name, _ in await outline(database, course)] == list(enumerate(names))
    expected = {(Kind.CHAPTER, chapter.id): (2, False) for chapter in abc if chapter.name in touched}
    if touched:
        expected |= {
            (Kind.COURSE, str(course.id)): (2, False),
            (Kind.CHAPTER_SEQUENCE, str(course.id)): (4, False),
        }
    assert changed(before, await marks(database)) == expected


async def test_a_chapter_is_moved_within_the_bounds(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    for place in (-1, 3):
        error = await refuse(
            database, errors.InvalidInput, chapters.move_chapter, chapter_id=abc[0].id, order=place
        )
        assert paths(error) == {"order": f"order must be between 0 and 2, not {place}."}


async def test_chapters_get_a_whole_new_order(database: Database, course: Course, abc: list[Chapter]) -> None:
    wanted = [abc[2].id, abc[0].id, abc[1].id]
    rows = await call(
        database, chapters.reorder_chapters, course_id=course.id, chapter_ids=wanted, expected_version=1
    )
    assert [(row.order, row.name) for row in rows] == [(0, "C"), (1, "A"), (2, "B")]
    error = await refuse(
        database,
        errors.StaleVersion,
        chapters.reorder_chapters,
        course_id=course.id,
        chapter_ids=wanted,
        expected_version=1,
    )
    assert error.current_version == 2
    same = await contents(database)
    await call(database, chapters.reorder_chapters, course_id=course.id, chapter_ids=wanted)
    assert await contents(database) == same


async def test_a_new_order_names_what_is_missing_foreign_or_twice(
    database: Database, teacher: User, course: Course, abc: list[Chapter]
) -> None:
    foreign = await campus.chapter(database, await campus.course(database, teacher, "Other"), "F")
    error = await refuse(
        database,
        errors.InvalidInput,
        chapters.reorder_chapters,
        course_id=course.id,
        chapter_ids=[abc[0].id, foreign.id, abc[0].id, "x"],
    )
    assert paths(error) == {
        "chapterIds.1": "This chapter is not one of the course.",
        "chapterIds.2": "This chapter is named twice.",
        "chapterIds.3": "This chapter is not one of the course.",
        "chapterIds": "Every chapter of the course must be named once; missing: “B”, “C”.",
    }
    await archive(database, course)
    await refuse(
        database,
        errors.Conflict,
        chapters.reorder_chapters,
        course_id=course.id,
        chapter_ids=[one.id for one in abc],
    )


# —— Deleting chapters ——


async def test_deleting_a_chapter_closes_the_gap_and_takes_its_theories(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    gone = [await campus.theory(database, abc[1], name) for name in "xy"]
    kept = await campus.theory(database, abc[2], "z")
    before = await marks(database)
    deleted = await call(database, chapters.delete_chapter, chapter_id=abc[1].id, expected_version=1)
    assert deleted == {"CHAPTER": 1, "THEORY": 2}
    assert await outline(database, course) == [(0, "A", []), (1, "C", [(0, "z")])]
    assert changed(before, await marks(database)) == {
        (Kind.CHAPTER, abc[1].id): (2, True),
        (Kind.THEORY_SEQUENCE, abc[1].id): (3, True),
        (Kind.THEORY, gone[0].id): (2, True),
        (Kind.THEORY, gone[1].id): (2, True),
        (Kind.CHAPTER, abc[2].id): (2, False),
        (Kind.CHAPTER_SEQUENCE, str(course.id)): (4, False),
    }
    assert kept.name == "z"
    assert (await audited(database))[-1] == (1, "deleteChapter", "CHAPTER", abc[1].id)


async def test_another_chapter_takes_the_theories_at_its_end(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    moved = [await campus.theory(database, abc[0], name) for name in "xy"]
    await campus.theory(database, abc[2], "z")
    before = await marks(database)
    deleted = await call(database, chapters.delete_chapter, chapter_id=abc[0].id, move_theories_to=abc[2].id)
    assert deleted == {"CHAPTER": 1}
    assert await outline(database, course) == [(0, "B", []), (1, "C", [(0, "z"), (1, "x"), (2, "y")])]
    assert changed(before, await marks(database)) == {
        (Kind.CHAPTER, abc[0].id): (2, True),
        (Kind.THEORY_SEQUENCE, abc[0].id): (3, True),
        (Kind.THEORY, moved[0].id): (2, False),
        (Kind.THEORY, moved[1].id): (2, False),
        (Kind.THEORY_SEQUENCE, abc[2].id): (2, False),
        (Kind.CHAPTER, abc[1].id): (2, False),
        (Kind.CHAPTER, abc[2].id): (2, False),
        (Kind.CHAPTER_SEQUENCE, str(course.id)): (4, False),
    }


async def test_theories_can_not_move_anywhere(
    database: Database, teacher: User, course: Course, abc: list[Chapter]
) -> None:
    await campus.theory(database, abc[0], "x")
    foreign = await campus.chapter(database, await campus.course(database, teacher, "Other"), "F")

    async def delete_to(expected: type[errors.SqlError], target: str) -> Any:
        return await refuse(
            database, expected, chapters.delete_chapter, chapter_id=abc[0].id, move_theories_to=target
        )

    for target in (foreign.id, "x"):
        error = await delete_to(errors.NotFound, target)
        assert (error.kind, error.path) == ("CHAPTER", ("moveTheoriesTo",))
    assert set(paths(await delete_to(errors.InvalidInput, abc[0].id))) == {"moveTheoriesTo"}
    async with database.write() as session:
        session.add_all(
            Theory(course_id=course.id, chapter_id=abc[1].id, name="T", order=order) for order in range(100)
        )
    assert "at most 100 theories" in paths(await delete_to(errors.InvalidInput, abc[1].id))["moveTheoriesTo"]


# —— Theories ——


async def test_theories_are_added_at_the_end_or_at_a_place(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    first, second = [await campus.theory(database, abc[0], name) for name in "xy"]
    before = await marks(database)
    made = await call(database, theories.create_theory, chapter_id=abc[0].id, name="n", summary="S", order=0)
    assert (made.course_id, made.summary, made.version) == (course.id, "S", 1)
    assert (await outline(database, course))[0] == (0, "A", [(0, "n"), (1, "x"), (2, "y")])
    assert changed(before, await marks(database)) == {
        (Kind.THEORY, made.id): (1, False),
        (Kind.THEORY, first.id): (2, False),
        (Kind.THEORY, second.id): (2, False),
        (Kind.THEORY_SEQUENCE, abc[0].id): (3, False),
    }


async def test_making_a_theory_is_refused(database: Database, course: Course, abc: list[Chapter]) -> None:
    error = await refuse(
        database,
        errors.InvalidInput,
        theories.create_theory,
        chapter_id=abc[0].id,
        name="",
        summary="x" * 10_001,
        order=1,
    )
    assert set(paths(error)) == {"name", "summary", "order"}
    error = await refuse(database, errors.NotFound, theories.create_theory, chapter_id="x", name="n")
    assert (error.kind, error.path) == ("CHAPTER", ("chapterId",))
    async with database.write() as session:
        session.add_all(
            Theory(course_id=course.id, chapter_id=abc[1].id, name="T", order=order) for order in range(100)
        )
    error = await refuse(
        database, errors.InvalidInput, theories.create_theory, chapter_id=abc[1].id, name="n"
    )
    assert paths(error) == {"chapterId": "A chapter has at most 100 theories."}
    moved = await campus.theory(database, abc[0], "x")
    error = await refuse(
        database, errors.InvalidInput, theories.move_theory, theory_id=moved.id, chapter_id=abc[1].id, order=0
    )
    assert paths(error) == {"chapterId": "A chapter has at most 100 theories."}
    await archive(database, course)
    error = await refuse(database, errors.Conflict, theories.create_theory, chapter_id=abc[0].id, name="n")
    assert error.code == "WRONG_STATE"


async def test_a_theory_is_changed_where_something_is_new(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    made = await campus.theory(database, abc[0], "x")
    before = await marks(database)
    row = await call(
        database, theories.update_theory, theory_id=made.id, name="z", summary="S", expected_version=1
    )
    assert (row.name, row.summary, row.version) == ("z", "S", 2)
    assert changed(before, await marks(database)) == {(Kind.THEORY, made.id): (2, False)}
    same = await contents(database)
    await call(database, theories.update_theory, theory_id=made.id, summary="S")
    assert await contents(database) == same
    error = await refuse(
        database, errors.InvalidInput, theories.update_theory, theory_id=made.id, name=None, summary="\x00"
    )
    assert set(paths(error)) == {"name", "summary"}


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (theories.update_theory, {"name": "N"}),
        (theories.delete_theory, {}),
        (theories.move_theory, {"order": 0}),
    ],
)
async def test_changes_of_a_theory_are_refused(
    database: Database, course: Course, abc: list[Chapter], function: Any, values: dict[str, Any]
) -> None:
    made = await campus.theory(database, abc[0], "x")
    error = await refuse(
        database, errors.StaleVersion, function, theory_id=made.id, expected_version=7, **values
    )
    assert error.current_version == 1
    error = await refuse(database, errors.NotFound, function, theory_id="x", **values)
    assert (error.kind, error.key) == ("THEORY", "x")
    await archive(database, course)
    error = await refuse(database, errors.Conflict, function, theory_id=made.id, **values)
    assert error.code == "WRONG_STATE"


async def test_a_theory_is_moved_within_its_chapter(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    made = [await campus.theory(database, abc[0], name) for name in "xyz"]
    before = await marks(database)
    rows = await call(database, theories.move_theory, theory_id=made[2].id, order=1, expected_version=1)
    assert [(row.order, row.name) for row in rows] == [(0, "x"), (1, "z"), (2, "y")]
    assert changed(before, await marks(database)) == {
        (Kind.THEORY, made[2].id): (2, False),
        (Kind.THEORY, made[1].id): (2, False),
        (Kind.THEORY_SEQUENCE, abc[0].id): (4, False),
    }
    same = await contents(database)
    await call(database, theories.move_theory, theory_id=made[2].id, chapter_id=abc[0].id, order=1)
    assert await contents(database) == same


async def test_a_theory_is_moved_to_another_chapter_and_both_are_in_order(
    database: Database, teacher: User, course: Course, abc: list[Chapter]
) -> None:
    made = [await campus.theory(database, abc[0], name) for name in "xy"]
    other = await campus.theory(database, abc[1], "z")
    before = await marks(database)
    rows = await call(database, theories.move_theory, theory_id=made[0].id, chapter_id=abc[1].id, order=0)
    assert [(row.order, row.name) for row in rows] == [(0, "x"), (1, "z")]
    assert (await outline(database, course))[:2] == [
        (0, "A", [(0, "y")]),
        (1, "B", [(0, "x"), (1, "z")]),
    ]
    assert changed(before, await marks(database)) == {
        (Kind.THEORY, made[0].id): (2, False),
        (Kind.THEORY, made[1].id): (2, False),
        (Kind.THEORY, other.id): (2, False),
        (Kind.THEORY_SEQUENCE, abc[0].id): (3, False),
        (Kind.THEORY_SEQUENCE, abc[1].id): (2, False),
    }
    foreign = await campus.chapter(database, await campus.course(database, teacher, "Other"), "F")
    for target in (foreign.id, "x"):
        error = await refuse(
            database, errors.NotFound, theories.move_theory, theory_id=other.id, chapter_id=target, order=0
        )
        assert (error.kind, error.path) == ("CHAPTER", ("chapterId",))
    for target, place, most in ((None, 2, 1), (abc[2].id, 1, 0), (abc[2].id, -1, 0)):
        error = await refuse(
            database,
            errors.InvalidInput,
            theories.move_theory,
            theory_id=other.id,
            chapter_id=target,
            order=place,
        )
        assert paths(error) == {"order": f"order must be between 0 and {most}, not {place}."}


async def test_deleting_a_theory_takes_mentions_and_the_concepts_that_nothing_needs(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    first, second = [await campus.theory(database, abc[0], name) for name in "xy"]
    async with database.write() as session:
        unused, by_hand, elsewhere, covered = (
            Concept(course_id=course.id, name=name, key=name, by_hand=name == "by hand")
            for name in ("unused", "by hand", "elsewhere", "covered")
        )
        skill = Skill(course_id=course.id, name="s", name_key="s")
        resource = Resource(course_id=course.id, kind=ResourceKind.VIDEO, title="V", url="https://a.org/")
        session.add_all([unused, by_hand, elsewhere, covered, skill, resource])
        await session.flush()
        session.add_all(
            [
                *(
                    ConceptMention(theory_id=first.id, concept_id=concept.id)
                    for concept in (unused, by_hand, elsewhere, covered)
                ),
                ConceptMention(theory_id=second.id, concept_id=elsewhere.id),
                ResourceConcept(resource_id=resource.id, concept_id=covered.id),
                ResourceTheory(resource_id=resource.id, theory_id=first.id),
                SkillTheory(skill_id=skill.id, theory_id=first.id),
                SkillTheory(skill_id=skill.id, theory_id=second.id),
            ]
        )
    before = await marks(database)
    deleted = await call(database, theories.delete_theory, theory_id=first.id, expected_version=1)
    assert deleted == {"THEORY": 1, "CONCEPT_MENTION": 4, "CONCEPT": 1}
    assert changed(before, await marks(database)) == {
        (Kind.THEORY, first.id): (2, True),
        **{
            (Kind.CONCEPT_MENTION, f"{first.id}:{concept.id}"): (1, True)
            for concept in (unused, by_hand, elsewhere, covered)
        },
        (Kind.CONCEPT, unused.id): (1, True),
        (Kind.SKILL, skill.id): (1, False),
        (Kind.RESOURCE, resource.id): (1, False),
        (Kind.THEORY, second.id): (2, False),
        (Kind.THEORY_SEQUENCE, abc[0].id): (3, False),
    }
    async with database.read() as session:
        assert set(await session.scalars(select(Concept.name))) == {"by hand", "elsewhere", "covered"}
        assert list(await session.scalars(select(SkillTheory.theory_id))) == [second.id]
        assert list(await session.scalars(select(ResourceTheory.theory_id))) == []
        assert (await session.get_one(Skill, skill.id)).version == 1
    assert (await outline(database, course))[0] == (0, "A", [(0, "y")])
    assert (await audited(database))[-1] == (1, "deleteTheory", "THEORY", first.id)


# —— Several teachers at once ——


async def test_changes_at_once_leave_one_order_without_gaps(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    async def move(chapter: Chapter, place: int) -> None:
        async with database.write() as session:
            # As the policy does: what is read before the lock must not be what the rule goes by.
            # Held, as the session forgets rows that nobody holds.
            early = [await session.get(Course, course.id), *await chapters.chapters_of(session, course.id)]
            await asyncio.sleep(0.01)
            await chapters.move_chapter(session, actor_id=1, chapter_id=chapter.id, order=place)
            assert len(early) > 2

    await asyncio.gather(
        move(abc[0], 2),
        move(abc[2], 0),
        call(database, chapters.create_chapter, course_id=course.id, name="N", order=0),
        call(database, chapters.delete_chapter, chapter_id=abc[1].id),
        call(database, chapters.create_chapter, course_id=course.id, name="M"),
    )
    found = await outline(database, course)
    assert [order for order, _, _ in found] == [0, 1, 2, 3]
    assert {name for _, name, _ in found} == {"A", "C", "N", "M"}


async def test_a_move_goes_by_the_order_that_the_one_before_left(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    both_read = asyncio.Barrier(2) if database.dialect == "postgresql" else None

    async def move(chapter: Chapter, place: int) -> None:
        async with database.write() as session:
            early = await chapters.chapters_of(session, course.id)
            if both_read is not None:  # SQLite has one writer at a time: nobody to wait for
                await both_read.wait()
            await chapters.move_chapter(session, actor_id=1, chapter_id=chapter.id, order=place)
            assert sorted(row.order for row in early) == [0, 1, 2]

    await asyncio.gather(move(abc[0], 2), move(abc[2], 0))
    assert [(order, name) for order, name, _ in await outline(database, course)] == [
        (0, "C"),
        (1, "B"),
        (2, "A"),
    ]


async def test_of_two_updates_with_one_expected_version_one_is_stale(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    made = await campus.theory(database, abc[0], "x")

    async def rename(model: Any, key: str, function: Any, argument: str, name: str) -> bool:
        try:
            async with database.write() as session:
                early = await session.get_one(model, key)
                await asyncio.sleep(0.02)
                await function(session, actor_id=1, name=name, expected_version=1, **{argument: key})
                assert early.name == name
        except errors.StaleVersion:
            return False
        return True

    for case in (
        (Chapter, abc[0].id, chapters.update_chapter, "chapter_id"),
        (Theory, made.id, theories.update_theory, "theory_id"),
    ):
        assert sorted(await asyncio.gather(rename(*case, "A1"), rename(*case, "A2"))) == [False, True]


async def test_a_chapter_deleted_meanwhile_takes_no_theory(
    database: Database, course: Course, abc: list[Chapter]
) -> None:
    started = asyncio.Event()

    async def remove() -> None:
        async with database.write() as session:
            await chapters.delete_chapter(session, actor_id=1, chapter_id=abc[0].id)
            started.set()
            await asyncio.sleep(0.05)

    async def add() -> Any:
        await started.wait()
        try:
            return await call(database, theories.create_theory, chapter_id=abc[0].id, name="n")
        except errors.NotFound as error:
            return error.kind

    assert (await asyncio.gather(remove(), add()))[1] == "CHAPTER"
    async with database.write() as session:
        assert list(await session.scalars(select(Theory.id))) == []
