"""Batched SQL reads for nested fields: one statement for all parents of a tick."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from strawberry import Info

import sql.accounts
import sql.courses
import sql.enrollments
import sql.extraction
import sql.skills
from resolvers import columns
from resolvers.context import Context
from sql import models


async def _read(
    context: Context,
    read: Callable[..., Awaitable[Mapping[Any, Any]]],
    key: Any,
    *given: Any,
    missing: Any = None,
) -> Any:
    """Return what a reader of the store, (session, keys, given) -> by key, finds for one key; batched by tick."""

    async def load(keys: list[Any]) -> list[Any]:
        async with context.database.read() as session:
            found = await read(session, keys, *given)
        return [found.get(key, missing) for key in keys]

    return await context.loader((read, *given), load).load(key)


async def course(info: Info, course_id: int) -> models.Course | None:
    """Return a course by id, whoever asks: its parent was visible."""
    asked = columns.of(info, models.Course)
    found: models.Course | None = await _read(info.context, sql.courses.courses_by_ids, course_id, asked)
    return found


async def user(info: Info, user_id: int) -> models.User | None:
    """Return a person by id, whoever asks: its parent was visible."""
    context: Context = info.context
    if context.viewer is not None and context.viewer.id == user_id:
        return context.viewer

    asked = columns.of(info, models.User)
    found: models.User | None = await _read(context, sql.accounts.users_by_ids, user_id, asked)
    return found


async def student_count(context: Context, course_id: int) -> int:
    """Return the number of enrolled students of a course."""
    return int(await _read(context, sql.courses.student_counts, course_id, missing=0))


async def chapter_count(context: Context, course_id: int) -> int:
    """Return the number of chapters of a course."""
    return int(await _read(context, sql.courses.chapter_counts, course_id, missing=0))


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
    return await _read(context, sql.courses.readiness_of, course_id)


async def metadata(context: Context, student_id: int) -> list[models.Metadata]:
    """Return the profile of a student, by key."""
    return list(await _read(context, sql.accounts.metadata_of, student_id, missing=[]))


async def run_counts(context: Context, run_id: str) -> Any:
    """Return (document_count, processed_count, failed_count) of an extraction run."""
    return await _read(context, sql.extraction.run_counts, run_id)


async def run_documents(info: Info, run_id: str) -> list[models.ExtractionDocument]:
    """Return the documents of an extraction run in the order they were given."""
    asked = columns.of(info, models.ExtractionDocument)
    documents = sql.extraction.documents_by_run_ids
    return list(await _read(info.context, documents, run_id, asked, missing=[]))


async def prerequisite(context: Context, key: tuple[str, str]) -> models.SkillPrerequisite | None:
    """Return the row of an edge between skills: who decided about it is not in the graph."""
    found: models.SkillPrerequisite | None = await _read(context, sql.skills.prerequisites_by_keys, key)
    return found


async def skill(context: Context, skill_id: str) -> models.Skill | None:
    """Return the row of a skill."""
    found: models.Skill | None = await _read(context, sql.skills.skills_by_ids, skill_id)
    return found
