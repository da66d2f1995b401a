"""What the demo asks before it adds to a course, so that a second run adds nothing twice."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models


async def list_skills_in_course_order(session: AsyncSession, course_id: int) -> list[str]:
    """Return the ids of a course's skills in the order in which its theories first teach them."""
    found = await session.scalars(
        select(models.Skill.id)
        .join(models.SkillTheory, models.SkillTheory.skill_id == models.Skill.id)
        .join(models.Theory, models.Theory.id == models.SkillTheory.theory_id)
        .join(models.Chapter, models.Chapter.id == models.Theory.chapter_id)
        .where(models.Skill.course_id == course_id)
        .group_by(models.Skill.id, models.Skill.name_key)
        # A chapter holds at most 100 theories, so the sum keeps both orders.
        .order_by(func.min(models.Chapter.order * 1_000 + models.Theory.order), models.Skill.name_key)
    )
    return list(found)


async def list_enrolled_students(session: AsyncSession, course_id: int) -> set[int]:
    """Return the ids of the students of a course."""
    return set(
        await session.scalars(
            select(models.Enrollment.student_id).where(models.Enrollment.course_id == course_id)
        )
    )


async def list_assessment_keys(session: AsyncSession, course_id: int) -> set[str]:
    """Return the idempotency keys of a course's assessments."""
    return set(
        await session.scalars(
            select(models.Assessment.idempotency_key).where(models.Assessment.course_id == course_id)
        )
    )
