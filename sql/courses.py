"""Courses: rules of their life, and every change of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import course_reads, errors, guards, models
from sql.course_readiness import Gate, readiness_of
from sql.course_reads import (
    chapter_counts,
    course_of,
    courses_by_ids,
    list_courses,
    student_counts,
    taught_course_ids,
    viewer_enrollments,
    visible_course,
    visible_courses,
    visible_key,
    visible_keys,
    visible_progress,
)
from sql.models import Course, CourseLevel, Kind, PublicationStatus, Role
from sql.text import Checker
from sql.unset import UNSET

__all__ = [
    "Gate",
    "archive_course",
    "chapter_counts",
    "course_of",
    "courses_by_ids",
    "create_course",
    "delete_course",
    "list_courses",
    "publish_course",
    "readiness_of",
    "restore_course",
    "student_counts",
    "taught_course_ids",
    "unpublish_course",
    "update_course",
    "viewer_enrollments",
    "visible_course",
    "visible_courses",
    "visible_key",
    "visible_keys",
    "visible_progress",
]


# What goes with a course without being in the graph.
_UNMIRRORED: dict[
    str, type[models.ConceptMerge] | type[models.ExtractionRun] | type[models.ExtractionDocument]
] = {
    "CONCEPT_MERGE": models.ConceptMerge,
    "EXTRACTION_RUN": models.ExtractionRun,
    "EXTRACTION_DOCUMENT": models.ExtractionDocument,
}


async def create_course(
    session: AsyncSession,
    *,
    actor_id: int,
    teacher_id: int,
    title: str,
    description: str | None = None,
    level: CourseLevel = CourseLevel.BACHELOR,
) -> Course:
    """Make a course, as a draft.

    Its teacher is a teacher, or the admin who makes it. Raises NotFound (no such teacher), InvalidInput,
    Conflict DUPLICATE (the teacher has the title).
    """
    checker = Checker()
    checker.text(("title",), title, models.TITLE_LENGTH)
    checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    checker.raise_if_any()
    # Locked against a change of role meanwhile; several courses at once are no harm.
    teacher = await session.get(
        models.User, teacher_id, with_for_update={"read": True}, populate_existing=True
    )
    allowed = teacher is not None and (
        teacher.role is Role.TEACHER or (teacher.role is Role.ADMIN and teacher_id == actor_id)
    )
    if not allowed:
        raise errors.NotFound("USER", teacher_id, ("teacherId",))
    await _refuse_taken_title(session, teacher_id, title)
    course = Course(teacher_id=teacher_id, title=title, description=description, level=CourseLevel(level))
    session.add(course)
    await session.flush()
    await guards.touch(session, course, Kind.COURSE, course.id)
    await sql.audit.write(
        session,
        actor_id,
        "createCourse",
        Kind.COURSE,
        course.id,
        course_id=course.id,
        changes=[sql.audit.Change("title", None, title)],
    )
    return course


async def _refuse_taken_title(
    session: AsyncSession, teacher_id: int, title: str, course_id: int | None = None
) -> None:
    other = await session.scalar(
        select(Course.id).where(
            Course.teacher_id == teacher_id, Course.title == title, Course.id != course_id
        )
        if course_id is not None
        else select(Course.id).where(Course.teacher_id == teacher_id, Course.title == title)
    )
    if other is not None:
        raise errors.Conflict(
            "DUPLICATE",
            "The teacher already has a course of this title.",
            path=("title",),
            conflicting=(Kind.COURSE.value, str(other)),
        )


async def update_course(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    title: Any = UNSET,
    description: Any = UNSET,
    level: Any = UNSET,
    expected_version: int | None = None,
) -> Course:
    """Change a course's own data; what is UNSET stays.

    Raises NotFound, StaleVersion, InvalidInput, Conflict (archived, or the title is taken).
    """
    course = await guards.live_course(session, course_id)
    guards.check_version(course, expected_version)
    checker = Checker()
    if title is not UNSET:
        checker.text(("title",), title, models.TITLE_LENGTH)
    if description is not UNSET:
        checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    if level is None:
        checker.add(("level",), "level can not be null.")
    checker.raise_if_any()
    if title is not UNSET and title != course.title:
        await _refuse_taken_title(session, course.teacher_id, title, course_id)
    changes = guards.assign(course, {"title": title, "description": description, "level": level})
    if changes:
        await _save(session, course, actor_id, "updateCourse", changes)
    return course


async def _save(
    session: AsyncSession,
    course: Course,
    actor_id: int,
    action: str,
    changes: Iterable[sql.audit.Change] = (),
) -> None:
    await guards.touch(session, course, Kind.COURSE, course.id)
    await sql.audit.write(
        session, actor_id, action, Kind.COURSE, course.id, course_id=course.id, changes=list(changes)
    )


async def archive_course(
    session: AsyncSession, *, actor_id: int, course_id: int, expected_version: int | None = None
) -> Course:
    """Put a course away: read-only, out of lists, nothing lost. Archiving again changes nothing."""
    course = await _course(session, course_id)
    guards.check_version(course, expected_version)
    if course.archived_at is None:
        course.archived_at = models.now()
        await _save(session, course, actor_id, "archiveCourse")
    return course


async def restore_course(
    session: AsyncSession, *, actor_id: int, course_id: int, expected_version: int | None = None
) -> Course:
    """Take an archived course out again. Restoring a live course changes nothing."""
    course = await _course(session, course_id)
    guards.check_version(course, expected_version)
    if course.archived_at is not None:
        course.archived_at = None
        await _save(session, course, actor_id, "restoreCourse")
    return course


async def publish_course(
    session: AsyncSession, *, actor_id: int, course_id: int, expected_version: int | None = None
) -> Course:
    """Show a course to students; raise Conflict WRONG_STATE naming every gate that is closed."""
    course = await guards.live_course(session, course_id)
    guards.check_version(course, expected_version)
    if course.publication_status is PublicationStatus.PUBLISHED:
        return course
    gates = (await readiness_of(session, [course_id]))[course_id]
    closed = [gate.message for gate in gates if not gate.passed]
    if closed:
        raise errors.Conflict("WRONG_STATE", "The course is not ready: " + " ".join(closed), path=("id",))
    course.publication_status = PublicationStatus.PUBLISHED
    await _save(session, course, actor_id, "publishCourse")
    return course


async def unpublish_course(
    session: AsyncSession, *, actor_id: int, course_id: int, expected_version: int | None = None
) -> Course:
    """Take a published course back; enrolled students stay."""
    course = await guards.live_course(session, course_id)
    guards.check_version(course, expected_version)
    if course.publication_status is PublicationStatus.PUBLISHED:
        course.publication_status = PublicationStatus.DRAFT
        await _save(session, course, actor_id, "unpublishCourse")
    return course


async def _course(session: AsyncSession, course_id: int, *, deleting: bool = False) -> Course:
    """Return a course, archived or not, locked like guards.live_course does; raise NotFound."""
    # To delete, lock fully: nobody may add what refers to the course behind the list of what goes with it.
    course = await session.get(
        Course, course_id, with_for_update=True if deleting else {"key_share": True}, populate_existing=True
    )
    if course is None:
        raise errors.NotFound(Kind.COURSE, course_id)
    return course


async def delete_course(
    session: AsyncSession, *, actor_id: int, course_id: int, expected_version: int | None = None
) -> dict[str, int]:
    """Delete a course with all that belongs to it; return how many of each kind went.

    Raises Conflict WRONG_STATE unless it is archived, or a draft without students.
    """
    course = await _course(session, course_id, deleting=True)
    guards.check_version(course, expected_version)
    students = await session.scalar(
        select(func.count()).select_from(models.Enrollment).where(models.Enrollment.course_id == course_id)
    )
    draft = course.publication_status is PublicationStatus.DRAFT
    if course.archived_at is None and not (draft and not students):
        raise errors.Conflict(
            "WRONG_STATE",
            "Only an archived course, or a draft without students, can be deleted: archive it first.",
            path=("id",),
        )
    deleted: dict[str, int] = {Kind.COURSE.value: 1}
    await sql.sync_state.record(session, Kind.COURSE, course_id, deleted=True)
    for kind, keys in (await course_reads.mirrored_keys(session, course_id)).items():
        if keys:
            await sql.sync_state.record_many(session, kind, keys, deleted=True)
            if kind not in (Kind.CHAPTER_SEQUENCE, Kind.THEORY_SEQUENCE):
                deleted[kind.value] = len(keys)
    for name, model in _UNMIRRORED.items():
        number = await session.scalar(
            select(func.count()).select_from(model).where(model.course_id == course_id)
        )
        if number:
            deleted[name] = number
    # Before the cascade: a skill with evidence restricts its own deletion.
    for evidence in (models.Assessment, models.Mastery):
        await session.execute(delete(evidence).where(evidence.course_id == course_id))
    await session.execute(delete(Course).where(Course.id == course_id))
    await sql.audit.write(
        session,
        actor_id,
        "deleteCourse",
        Kind.COURSE,
        course_id,
        course_id=course_id,
        changes=[sql.audit.Change("title", course.title, None)],
    )
    return deleted
