"""Theories: ordered within their chapter, from 0 without gaps; the NEXT_THEORY chain is derived from that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.concepts
import sql.sync_state
from sql import errors, guards, models
from sql.models import (
    Chapter,
    ConceptMention,
    Course,
    Kind,
    Resource,
    ResourceTheory,
    Skill,
    SkillTheory,
    Theory,
)
from sql.text import Checker
from sql.unset import UNSET

GREATEST_COUNT = 100


async def theories_of(session: AsyncSession, chapter_id: str) -> list[Theory]:
    """Return the theories of a chapter in order."""
    rows = await session.scalars(
        select(Theory)
        .where(Theory.chapter_id == chapter_id)
        .order_by(Theory.order, Theory.id)
        # What this session read before it had the course's lock may be old.
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def put_in_order(session: AsyncSession, chapter_id: str, theories: Sequence[Theory]) -> list[Theory]:
    """Number theories as they stand; record those whose place changed and the sequence as a whole."""
    moved = []
    for position, theory in enumerate(theories):
        if theory.order != position or theory.chapter_id != chapter_id:
            theory.order = position
            theory.chapter_id = chapter_id
            moved.append(theory)
    await guards.touch_all(session, moved, Kind.THEORY)
    await sql.sync_state.record(session, Kind.THEORY_SEQUENCE, chapter_id)
    return list(theories)


async def append_to(session: AsyncSession, chapter_id: str, theories: Sequence[Theory]) -> None:
    """Put theories at the end of a chapter; raise InvalidInput when it would hold too many."""
    present = await theories_of(session, chapter_id)
    if len(present) + len(theories) > GREATEST_COUNT:
        message = (
            f"A chapter has at most {GREATEST_COUNT} theories; it would have {len(present) + len(theories)}."
        )
        raise errors.InvalidInput([errors.FieldError(("moveTheoriesTo",), message)])
    await put_in_order(session, chapter_id, [*present, *theories])


async def create_theory(
    session: AsyncSession,
    *,
    actor_id: int,
    chapter_id: str,
    name: str,
    summary: str | None = None,
    order: int | None = None,
) -> Theory:
    """Add a theory at a place of a chapter, or at its end; raise NotFound, InvalidInput, Conflict (archived)."""
    course_id = await session.scalar(select(Chapter.course_id).where(Chapter.id == chapter_id))
    if course_id is None:
        raise errors.NotFound(Kind.CHAPTER, chapter_id, ("chapterId",))
    await guards.live_course(session, course_id)
    # Read behind the lock: who held it before may have deleted the chapter.
    if await session.get(Chapter, chapter_id, populate_existing=True) is None:
        raise errors.NotFound(Kind.CHAPTER, chapter_id, ("chapterId",))
    others = await theories_of(session, chapter_id)
    checker = Checker()
    checker.text(("name",), name, models.NAME_LENGTH)
    checker.optional_text(("summary",), summary, models.SUMMARY_LENGTH)
    if order is not None and not 0 <= order <= len(others):
        checker.add(("order",), f"order must be between 0 and {len(others)}, not {order}.")
    if len(others) >= GREATEST_COUNT:
        checker.add(("chapterId",), f"A chapter has at most {GREATEST_COUNT} theories.")
    checker.raise_if_any()
    place = len(others) if order is None else order
    theory = Theory(course_id=course_id, chapter_id=chapter_id, name=name, summary=summary, order=place)
    session.add(theory)
    await session.flush()
    await guards.touch(session, theory, Kind.THEORY, theory.id)
    await put_in_order(session, chapter_id, [*others[:place], theory, *others[place:]])
    await sql.audit.write(session, actor_id, "createTheory", Kind.THEORY, theory.id, course_id=course_id)
    return theory


async def _live_theory(session: AsyncSession, theory_id: str) -> tuple[Theory, Course]:
    """Return a theory and its course, locked; raise NotFound, Conflict (archived)."""
    course_id = await session.scalar(select(Theory.course_id).where(Theory.id == theory_id))
    if course_id is None:
        raise errors.NotFound(Kind.THEORY, theory_id)
    course = await guards.live_course(session, course_id)
    # Read behind the lock: who held it before may have changed, moved or deleted the theory.
    theory = await session.get(Theory, theory_id, populate_existing=True)
    if theory is None:
        raise errors.NotFound(Kind.THEORY, theory_id)
    return theory, course


async def update_theory(
    session: AsyncSession,
    *,
    actor_id: int,
    theory_id: str,
    name: Any = UNSET,
    summary: Any = UNSET,
    expected_version: int | None = None,
) -> Theory:
    """Change a theory's own data; what is UNSET stays. Raises NotFound, StaleVersion, InvalidInput, Conflict."""
    theory, course = await _live_theory(session, theory_id)
    guards.check_version(theory, expected_version)
    checker = Checker()
    if name is not UNSET:
        checker.text(("name",), name, models.NAME_LENGTH)
    if summary is not UNSET:
        checker.optional_text(("summary",), summary, models.SUMMARY_LENGTH)
    checker.raise_if_any()
    changes = guards.assign(theory, {"name": name, "summary": summary})
    if changes:
        await guards.touch(session, theory, Kind.THEORY, theory.id)
        await sql.audit.write(
            session, actor_id, "updateTheory", Kind.THEORY, theory.id, course_id=course.id, changes=changes
        )
    return theory


async def delete_theory(
    session: AsyncSession, *, actor_id: int, theory_id: str, expected_version: int | None = None
) -> dict[str, int]:
    """Delete a theory and what it says of concepts; skills and resources stay in the course.

    Returns how many of each kind went: a concept goes when nothing needs it any more.
    """
    theory, course = await _live_theory(session, theory_id)
    guards.check_version(theory, expected_version)
    chapter_id = theory.chapter_id
    deleted = await delete_theories(session, course.id, [theory])
    await put_in_order(session, chapter_id, await theories_of(session, chapter_id))
    await sql.audit.write(
        session,
        actor_id,
        "deleteTheory",
        Kind.THEORY,
        theory_id,
        course_id=course.id,
        changes=[sql.audit.Change("name", theory.name, None)],
    )
    return deleted


async def delete_theories(
    session: AsyncSession, course_id: int, theories: Sequence[Theory]
) -> dict[str, int]:
    """Delete theories with their mentions and links; return how many of each kind went."""
    ids = [theory.id for theory in theories]
    if not ids:
        return {}
    mentions = (
        await session.execute(
            select(ConceptMention.theory_id, ConceptMention.concept_id).where(
                ConceptMention.theory_id.in_(ids)
            )
        )
    ).all()
    skill_ids = select(SkillTheory.skill_id).where(SkillTheory.theory_id.in_(ids))
    skills = list(await session.scalars(select(Skill).where(Skill.id.in_(skill_ids))))
    resource_ids = select(ResourceTheory.resource_id).where(ResourceTheory.theory_id.in_(ids))
    resources = list(await session.scalars(select(Resource).where(Resource.id.in_(resource_ids))))
    await sql.sync_state.record_many(session, Kind.THEORY, ids, deleted=True)
    await sql.sync_state.record_many(
        session,
        Kind.CONCEPT_MENTION,
        [f"{theory_id}:{concept_id}" for theory_id, concept_id in mentions],
        deleted=True,
    )
    # Links go with their theory; the records that carry them have changed.
    await guards.touch_all(session, skills, Kind.SKILL)
    await guards.touch_all(session, resources, Kind.RESOURCE)
    await session.flush()
    await session.execute(delete(Theory).where(Theory.id.in_(ids)))
    concept_ids = sorted({concept_id for _, concept_id in mentions})
    unused = await sql.concepts.remove_unused(session, course_id=course_id, concept_ids=concept_ids)
    counts = {
        Kind.THEORY.value: len(ids),
        Kind.CONCEPT_MENTION.value: len(mentions),
        Kind.CONCEPT.value: unused,
    }
    return {kind: count for kind, count in counts.items() if count}


async def move_theory(
    session: AsyncSession,
    *,
    actor_id: int,
    theory_id: str,
    order: int,
    chapter_id: str | None = None,
    expected_version: int | None = None,
) -> list[Theory]:
    """Put a theory at another place, in its chapter or another one of the course.

    Returns the theories of the chapter that holds it now, in order.
    """
    theory, course = await _live_theory(session, theory_id)
    guards.check_version(theory, expected_version)
    former = theory.chapter_id
    target_id = chapter_id or former
    if target_id != former:
        target = await session.get(Chapter, target_id, populate_existing=True)
        if target is None or target.course_id != course.id:
            raise errors.NotFound(Kind.CHAPTER, target_id, ("chapterId",))
    others = [other for other in await theories_of(session, target_id) if other.id != theory_id]
    checker = Checker()
    if not 0 <= order <= len(others):
        checker.add(("order",), f"order must be between 0 and {len(others)}, not {order}.")
    if target_id != former and len(others) >= GREATEST_COUNT:
        checker.add(("chapterId",), f"A chapter has at most {GREATEST_COUNT} theories.")
    checker.raise_if_any()
    wanted = [*others[:order], theory, *others[order:]]
    if target_id == former and theory.order == order:
        return wanted
    await put_in_order(session, target_id, wanted)
    if target_id != former:
        await session.flush()
        await put_in_order(session, former, await theories_of(session, former))
    await sql.audit.write(session, actor_id, "moveTheory", Kind.THEORY, theory_id, course_id=course.id)
    return wanted
