"""What stands between a course and its publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql.models import (
    Chapter,
    Course,
    ExtractionStatus,
    PrerequisiteStatus,
    SkillPrerequisite,
    SkillTheory,
    Theory,
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of publication."""

    kind: str
    passed: bool
    message: str


async def readiness_of(session: AsyncSession, course_ids: Sequence[int]) -> dict[int, list[Gate]]:
    """Return the gates of each course, in order; one statement for all courses."""
    chapters = select(func.count()).where(Chapter.course_id == Course.id).correlate(Course).scalar_subquery()
    empty = (
        select(func.count())
        .where(Chapter.course_id == Course.id, ~exists().where(Theory.chapter_id == Chapter.id))
        .correlate(Course)
        .scalar_subquery()
    )
    unskilled = (
        select(func.count())
        .where(Theory.course_id == Course.id, ~exists().where(SkillTheory.theory_id == Theory.id))
        .correlate(Course)
        .scalar_subquery()
    )
    proposed = (
        select(func.count())
        .where(
            SkillPrerequisite.course_id == Course.id,
            SkillPrerequisite.status == PrerequisiteStatus.PROPOSED,
        )
        .correlate(Course)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            Course.id, Course.description, Course.extraction_status, chapters, empty, unskilled, proposed
        ).where(Course.id.in_(course_ids))
    )
    return {row[0]: _gates(*row[1:]) for row in rows}


def _gates(
    description: str | None,
    extraction: ExtractionStatus,
    chapters: int,
    empty: int,
    unskilled: int,
    proposed: int,
) -> list[Gate]:
    described = bool(description and description.strip())
    working = extraction is ExtractionStatus.IN_PROGRESS
    failed = extraction is ExtractionStatus.FAILED
    return [
        Gate(
            "DESCRIPTION",
            described,
            "The course has a description." if described else "The course needs a description.",
        ),
        Gate(
            "CURRICULUM",
            chapters > 0 and empty == 0,
            "The course needs at least one chapter."
            if not chapters
            else f"{_count(empty, 'chapter')} without a theory."
            if empty
            else f"{_count(chapters, 'chapter')}, none without a theory.",
        ),
        Gate(
            "SKILLS",
            unskilled == 0,
            f"{_count(unskilled, 'theory', 'theories')} without a skill."
            if unskilled
            else "Every theory has a skill.",
        ),
        Gate(
            "EXTRACTION",
            not (working or failed),
            "An extraction run is at work."
            if working
            else "The newest extraction run failed."
            if failed
            else "No extraction run is at work or failed.",
        ),
        Gate(
            "PREREQUISITES",
            proposed == 0,
            f"{_count(proposed, 'proposed prerequisite')} without a decision."
            if proposed
            else "No proposed prerequisite waits for a decision.",
        ),
    ]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
