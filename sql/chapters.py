"""Chapters: `order` is the truth, from 0 without gaps; the NEXT_CHAPTER chain is derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
import sql.theories
from sql import errors, guards, models
from sql.models import Chapter, Course, Kind
from sql.text import Checker
from sql.unset import UNSET

GREATEST_COUNT = 200


async def chapters_of(session: AsyncSession, course_id: int) -> list[Chapter]:
    """Return the chapters of a course in order."""
    rows = await session.scalars(
        select(Chapter)
        .where(Chapter.course_id == course_id)
        .order_by(Chapter.order, Chapter.id)
        # What this session read before it had the course's lock may be old.
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def put_in_order(session: AsyncSession, course_id: int, chapters: Sequence[Chapter]) -> list[Chapter]:
    """Number chapters as they stand; record those whose number changed and the sequence as a whole."""
    moved = []
    for position, chapter in enumerate(chapters):
        if chapter.order != position:
            chapter.order = position
            moved.append(chapter)
    await guards.touch_all(session, moved, Kind.CHAPTER)
    await sql.sync_state.record(session, Kind.CHAPTER_SEQUENCE, course_id)
    return list(chapters)


def _check_order(checker: Checker, order: int | None, greatest: int) -> None:
    if order is not None and not 0 <= order <= greatest:
        checker.add(("order",), f"order must be between 0 and {greatest}, not {order}.")


async def create_chapter(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    name: str,
    description: str | None = None,
    order: int | None = None,
) -> Chapter:
    """Add a chapter at a place, or at the end; raise NotFound, InvalidInput, Conflict (archived)."""
    await guards.live_course(session, course_id, path=("courseId",))
    others = await chapters_of(session, course_id)
    checker = Checker()
    checker.text(("name",), name, models.NAME_LENGTH)
    checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    _check_order(checker, order, len(others))
    if len(others) >= GREATEST_COUNT:
        checker.add(("courseId",), f"A course has at most {GREATEST_COUNT} chapters.")
    checker.raise_if_any()
    place = len(others) if order is None else order
    chapter = Chapter(course_id=course_id, name=name, description=description, order=place)
    session.add(chapter)
    await session.flush()
    await guards.touch(session, chapter, Kind.CHAPTER, chapter.id)
    await put_in_order(session, course_id, [*others[:place], chapter, *others[place:]])
    await sql.audit.write(session, actor_id, "createChapter", Kind.CHAPTER, chapter.id, course_id=course_id)
    return chapter


async def _live_chapter(session: AsyncSession, chapter_id: str) -> tuple[Chapter, Course]:
    """Return a chapter and its course, locked; raise NotFound, Conflict (archived)."""
    course_id = await session.scalar(select(Chapter.course_id).where(Chapter.id == chapter_id))
    if course_id is None:
        raise errors.NotFound(Kind.CHAPTER, chapter_id)
    course = await guards.live_course(session, course_id)
    # Read behind the lock: who held it before may have changed or deleted the chapter.
    chapter = await session.get(Chapter, chapter_id, populate_existing=True)
    if chapter is None:
        raise errors.NotFound(Kind.CHAPTER, chapter_id)
    return chapter, course


async def update_chapter(
    session: AsyncSession,
    *,
    actor_id: int,
    chapter_id: str,
    name: Any = UNSET,
    description: Any = UNSET,
    expected_version: int | None = None,
) -> Chapter:
    """Change a chapter's own data; what is UNSET stays. Raises NotFound, StaleVersion, InvalidInput, Conflict."""
    chapter, course = await _live_chapter(session, chapter_id)
    guards.check_version(chapter, expected_version)
    checker = Checker()
    if name is not UNSET:
        checker.text(("name",), name, models.NAME_LENGTH)
    if description is not UNSET:
        checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    checker.raise_if_any()
    changes = guards.assign(chapter, {"name": name, "description": description})
    if changes:
        await guards.touch(session, chapter, Kind.CHAPTER, chapter.id)
        await sql.audit.write(
            session, actor_id, "updateChapter", Kind.CHAPTER, chapter.id, course_id=course.id, changes=changes
        )
    return chapter


async def delete_chapter(
    session: AsyncSession,
    *,
    actor_id: int,
    chapter_id: str,
    move_theories_to: str | None = None,
    expected_version: int | None = None,
) -> dict[str, int]:
    """Delete a chapter, and its theories unless another chapter takes them at its end.

    Returns how many of each kind went. Raises NotFound, StaleVersion, InvalidInput, Conflict.
    """
    chapter, course = await _live_chapter(session, chapter_id)
    guards.check_version(chapter, expected_version)
    theories = await sql.theories.theories_of(session, chapter_id)
    deleted: dict[str, int] = {Kind.CHAPTER.value: 1}
    # First, so that the write is known by the chapter and not by one of its theories.
    await sql.sync_state.record(session, Kind.CHAPTER, chapter_id, deleted=True)
    if move_theories_to is not None:
        target = await session.get(Chapter, move_theories_to)
        if target is None or target.course_id != course.id:
            raise errors.NotFound(Kind.CHAPTER, move_theories_to, ("moveTheoriesTo",))
        if target.id == chapter.id:
            message = "moveTheoriesTo must be another chapter than the one that is deleted."
            raise errors.InvalidInput([errors.FieldError(("moveTheoriesTo",), message)])
        await sql.theories.append_to(session, target.id, theories)
    else:
        for kind, count in (await sql.theories.delete_theories(session, course.id, theories)).items():
            deleted[kind] = deleted.get(kind, 0) + count
    others = [other for other in await chapters_of(session, course.id) if other.id != chapter_id]
    await sql.sync_state.record(session, Kind.THEORY_SEQUENCE, chapter_id, deleted=True)
    await session.flush()
    await session.execute(delete(Chapter).where(Chapter.id == chapter_id))
    await put_in_order(session, course.id, others)
    await sql.audit.write(
        session,
        actor_id,
        "deleteChapter",
        Kind.CHAPTER,
        chapter_id,
        course_id=course.id,
        changes=[sql.audit.Change("name", chapter.name, None)],
    )
    return deleted


async def move_chapter(
    session: AsyncSession,
    *,
    actor_id: int,
    chapter_id: str,
    order: int,
    expected_version: int | None = None,
) -> list[Chapter]:
    """Put one chapter at another place; return all chapters in their new order.

    `expected_version` is the course's: every new order is a change of the course.
    """
    chapter, course = await _live_chapter(session, chapter_id)
    guards.check_version(course, expected_version)
    chapters = await chapters_of(session, course.id)
    checker = Checker()
    _check_order(checker, order, len(chapters) - 1)
    checker.raise_if_any()
    others = [other for other in chapters if other.id != chapter_id]
    wanted = [*others[:order], chapter, *others[order:]]
    return await _reorder(session, course, chapters, wanted, actor_id, "moveChapter")


async def reorder_chapters(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    chapter_ids: Sequence[str],
    expected_version: int | None = None,
) -> list[Chapter]:
    """Give all chapters of a course a new order; raise InvalidInput saying which are missing, foreign or twice."""
    course = await guards.live_course(session, course_id, path=("courseId",))
    guards.check_version(course, expected_version)
    chapters = await chapters_of(session, course_id)
    by_id = {chapter.id: chapter for chapter in chapters}
    checker = Checker()
    seen: set[str] = set()
    for index, chapter_id in enumerate(chapter_ids):
        if chapter_id not in by_id:
            checker.add(("chapterIds", str(index)), "This chapter is not one of the course.")
        elif chapter_id in seen:
            checker.add(("chapterIds", str(index)), "This chapter is named twice.")
        seen.add(chapter_id)
    missing = [chapter.name for chapter in chapters if chapter.id not in seen]
    if missing:
        names = ", ".join(f"“{name}”" for name in missing[:5]) + (" and more" if len(missing) > 5 else "")
        checker.add(("chapterIds",), f"Every chapter of the course must be named once; missing: {names}.")
    checker.raise_if_any()
    wanted = [by_id[chapter_id] for chapter_id in chapter_ids]
    return await _reorder(session, course, chapters, wanted, actor_id, "reorderChapters")


async def _reorder(
    session: AsyncSession,
    course: Course,
    before: Sequence[Chapter],
    wanted: list[Chapter],
    actor_id: int,
    action: str,
) -> list[Chapter]:
    if [chapter.id for chapter in before] == [chapter.id for chapter in wanted]:
        return wanted
    await guards.touch(session, course, Kind.COURSE, course.id)
    await put_in_order(session, course.id, wanted)
    await sql.audit.write(session, actor_id, action, Kind.COURSE, course.id, course_id=course.id)
    return wanted
