"""Batched SQL reads for nested fields: one statement for all parents of a tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sql.accounts
import sql.courses
import sql.enrollments
import sql.extraction
import sql.skills
from resolvers.context import Context
from sql import models


async def course(context: Context, course_id: int) -> models.Course | None:
    """Return a course by id, whoever asks: its parent was visible."""

    async def load(keys: list[int]) -> list[models.Course | None]:
        async with context.database.read() as session:
            found = await sql.courses.courses_by_ids(session, keys)
        return [found.get(key) for key in keys]

    found: models.Course | None = await context.loader("course", load).load(course_id)
    return found


async def user(context: Context, user_id: int) -> models.User | None:
    """Return a person by id, whoever asks: its parent was visible."""
    if context.viewer is not None and context.viewer.id == user_id:
        return context.viewer

    async def load(keys: list[int]) -> list[models.User | None]:
        async with context.database.read() as session:
            found = await sql.accounts.users_by_ids(session, keys)
        return [found.get(key) for key in keys]

    found: models.User | None = await context.loader("user", load).load(user_id)
    return found


async def student_count(context: Context, course_id: int) -> int:
    """Return the number of enrolled students of a course."""

    async def load(keys: list[int]) -> list[int]:
        async with context.database.read() as session:
            found = await sql.courses.student_counts(session, keys)
        return [found.get(key, 0) for key in keys]

    return int(await context.loader("student_count", load).load(course_id))


async def chapter_count(context: Context, course_id: int) -> int:
    """Return the number of chapters of a course."""

    async def load(keys: list[int]) -> list[int]:
        async with context.database.read() as session:
            found = await sql.courses.chapter_counts(session, keys)
        return [found.get(key, 0) for key in keys]

    return int(await context.loader("chapter_count", load).load(course_id))


async def viewer_enrollment(context: Context, course_id: int) -> models.Enrollment | None:
    """Return the viewer's own enrollment in a course."""
    viewer = context.viewer
    if viewer is None or viewer.role is not models.Role.STUDENT:
        return None

    async def load(keys: list[int]) -> list[models.Enrollment | None]:
        async with context.database.read() as session:
            found = await sql.courses.viewer_enrollments(session, viewer.id, keys)
        return [found.get(key) for key in keys]

    found: models.Enrollment | None = await context.loader("viewer_enrollment", load).load(course_id)
    return found


async def readiness(context: Context, course_id: int) -> Any:
    """Return the gates of a course's publication."""

    async def load(keys: list[int]) -> list[Any]:
        async with context.database.read() as session:
            found = await sql.courses.readiness_of(session, keys)
        return [found[key] for key in keys]

    return await context.loader("readiness", load).load(course_id)


async def metadata(context: Context, student_id: int) -> list[models.Metadata]:
    """Return the profile of a student, by key."""

    async def load(keys: list[int]) -> list[list[models.Metadata]]:
        async with context.database.read() as session:
            found = await sql.accounts.metadata_of(session, keys)
        return [found.get(key, []) for key in keys]

    return list(await context.loader("metadata", load).load(student_id))


async def run_counts(context: Context, run_id: str) -> Any:
    """Return (document_count, processed_count, failed_count) of an extraction run."""

    async def load(keys: list[str]) -> list[Any]:
        async with context.database.read() as session:
            found = await sql.extraction.run_counts(session, keys)
        return [found[key] for key in keys]

    return await context.loader("run_counts", load).load(run_id)


async def run_documents(context: Context, run_id: str) -> list[models.ExtractionDocument]:
    """Return the documents of an extraction run in the order they were given."""

    async def load(keys: list[str]) -> list[Sequence[models.ExtractionDocument]]:
        async with context.database.read() as session:
            found = await sql.extraction.documents_by_run_ids(session, keys)
        return [found.get(key, []) for key in keys]

    return list(await context.loader("run_documents", load).load(run_id))


async def prerequisite(context: Context, key: tuple[str, str]) -> models.SkillPrerequisite | None:
    """Return the row of an edge between skills: who decided about it is not in the graph."""

    async def load(keys: list[tuple[str, str]]) -> list[models.SkillPrerequisite | None]:
        async with context.database.read() as session:
            found = await sql.skills.prerequisites_by_keys(session, keys)
        return [found.get(key) for key in keys]

    found: models.SkillPrerequisite | None = await context.loader("prerequisite", load).load(key)
    return found


async def skill(context: Context, skill_id: str) -> models.Skill | None:
    """Return the row of a skill."""

    async def load(keys: list[str]) -> list[models.Skill | None]:
        async with context.database.read() as session:
            found = await sql.skills.skills_by_ids(session, keys)
        return [found.get(key) for key in keys]

    found: models.Skill | None = await context.loader("skill", load).load(skill_id)
    return found
