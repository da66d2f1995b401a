"""Fields of SQL types that are more than a column, and the border from graph types back to SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from strawberry import Info

import sql.courses
import sql.enrollments
import sql.extraction
import sql.sync_state
from graph.plan import Row
from resolvers import columns, ids, loaders, policy, writing
from resolvers.connections import Connection, connection, page, search
from resolvers.context import Context
from sql import models


def context_of(info: Info) -> Context:
    """Return the context of the request."""
    found = info.context
    assert isinstance(found, Context)  # noqa: S101 (the door always makes one)
    return found


def _projected(root: Any, info: Info, column: str) -> Any:
    """Return the key that a graph answer carries for a border field, or the row's column."""
    if isinstance(root, Row):
        return root.values[str(info.path.key)]
    return getattr(root, column)


# —— People ——


def user_email(root: models.User, info: Info) -> str | None:
    viewer = context_of(info).viewer
    return root.email if viewer and (viewer.id == root.id or viewer.role is models.Role.ADMIN) else None


async def student_enrollments(
    root: models.User, info: Info, *, first: Any, after: Any, last: Any, before: Any
) -> Connection:
    context = context_of(info)
    viewer = context.signed_in()
    async with context.database.read() as session:
        found = await sql.enrollments.list_enrollments(
            session,
            student_id=root.id,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            page=page("enrollments", first, after, last, before),
            with_total=writing.selects(info, "totalCount"),
            columns=columns.of(info, models.Enrollment),
        )
    return connection(found)


async def student_metadata(root: models.User, info: Info) -> list[models.Metadata]:
    context = context_of(info)
    await policy.see_marks(context, root.id)
    return await loaders.metadata(context, root.id)


async def teacher_courses(
    root: models.User, info: Info, *, first: Any, after: Any, last: Any, before: Any
) -> Connection:
    context = context_of(info)
    viewer = context.signed_in()
    async with context.database.read() as session:
        found = await sql.courses.list_courses(
            session,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            teacher_id=root.id,
            page=page("courses", first, after, last, before),
            with_total=writing.selects(info, "totalCount"),
            columns=columns.of(info, models.Course),
        )
    return connection(found)


# —— Courses ——


async def course_teacher(root: models.Course, info: Info) -> models.User | None:
    return await loaders.user(info, root.teacher_id)


async def course_student_count(root: models.Course, info: Info) -> int:
    return await loaders.student_count(context_of(info), root.id)


async def course_chapter_count(root: models.Course, info: Info) -> int:
    return await loaders.chapter_count(context_of(info), root.id)


async def course_viewer_enrollment(root: models.Course, info: Info) -> models.Enrollment | None:
    return await loaders.viewer_enrollment(context_of(info), root.id)


async def course_viewer_can(root: models.Course, info: Info) -> list[str]:
    return await policy.course_actions(context_of(info), root)


async def course_enrollments(
    root: models.Course, info: Info, *, search: Any, first: Any, after: Any, last: Any, before: Any
) -> Connection:
    context = context_of(info)
    viewer = context.signed_in()
    async with context.database.read() as session:
        found = await sql.enrollments.list_enrollments(
            session,
            course_id=root.id,
            # Who does not run the course sees at most the own enrollment.
            student_id=None if policy.runs(viewer, root) else viewer.id,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            search=_search("enrollments", search),
            page=page("enrollments", first, after, last, before),
            with_total=writing.selects(info, "totalCount"),
            columns=columns.of(info, models.Enrollment),
        )
    return connection(found)


_search = search


@dataclass(frozen=True, slots=True)
class MasteryPolicy:
    """Thresholds of mastery.md; teachers can not set them yet."""

    developing_from: float = 0.40
    met_from: float = 0.60
    proficient_from: float = 0.65
    mastered_from: float = 0.80


def course_mastery_policy(root: models.Course) -> MasteryPolicy:
    return MasteryPolicy()


@dataclass(frozen=True, slots=True)
class Readiness:
    ready: bool
    gates: list[Any]


async def course_readiness(root: models.Course, info: Info) -> Readiness | None:
    context = context_of(info)
    if not policy.runs(context.signed_in(), root):
        return None
    gates = await loaders.readiness(context, root.id)
    return Readiness(ready=all(gate.passed for gate in gates), gates=list(gates))


async def course_extraction_runs(
    root: models.Course, info: Info, *, first: Any, after: Any, last: Any, before: Any
) -> Connection | None:
    context = context_of(info)
    if not policy.runs(context.signed_in(), root):
        return None
    async with context.database.read() as session:
        found = await sql.extraction.list_runs(
            session,
            course_id=root.id,
            page=page("extractionRuns", first, after, last, before),
            with_total=writing.selects(info, "totalCount"),
            columns=columns.of(info, models.ExtractionRun),
        )
    return connection(found)


async def enrollment_course(root: models.Enrollment, info: Info) -> models.Course | None:
    return await loaders.course(info, root.course_id)


async def enrollment_student(root: models.Enrollment, info: Info) -> models.User | None:
    return await loaders.user(info, root.student_id)


# —— The border: graph types that lead to SQL ——


async def chapter_course(root: Any, info: Info) -> models.Course | None:
    return await loaders.course(info, _projected(root, info, "course_id"))


skill_course = chapter_course
concept_course = chapter_course


async def skill_mastery_student(root: Any, info: Info) -> models.User | None:
    return await loaders.user(info, _projected(root, info, "student_id"))


progress_student = skill_mastery_student


async def _prerequisite_row(root: Any, info: Info) -> models.SkillPrerequisite | None:
    if isinstance(root, models.SkillPrerequisite):
        return root
    return await loaders.prerequisite(context_of(info), ids.key_of(root))


async def _end(root: Any, info: Info, column: str) -> Any:
    """Return a skill of an edge; below a SQL row from SQL, as what is only proposed is not in the graph."""
    found = _projected(root, info, column)
    return found if isinstance(root, Row) else await loaders.skill(context_of(info), found)


async def skill_prerequisite_prerequisite(root: Any, info: Info) -> Any:
    return await _end(root, info, "prerequisite_id")


async def skill_prerequisite_dependent(root: Any, info: Info) -> Any:
    return await _end(root, info, "dependent_id")


async def skill_prerequisite_decided_by(root: Any, info: Info) -> models.User | None:
    row = await _prerequisite_row(root, info)
    if row is None or row.decided_by_id is None:
        return None
    return await loaders.user(info, row.decided_by_id)


async def skill_prerequisite_decided_at(root: Any, info: Info) -> datetime | None:
    row = await _prerequisite_row(root, info)
    return row.decided_at if row else None


# —— Extraction ——


async def extraction_run_course(root: models.ExtractionRun, info: Info) -> models.Course | None:
    return await loaders.course(info, root.course_id)


async def extraction_run_started_by(root: models.ExtractionRun, info: Info) -> models.User | None:
    return await loaders.user(info, root.started_by_id) if root.started_by_id else None


async def extraction_run_document_count(root: models.ExtractionRun, info: Info) -> int:
    return int((await loaders.run_counts(context_of(info), root.id)).document_count)


async def extraction_run_processed_count(root: models.ExtractionRun, info: Info) -> int:
    return int((await loaders.run_counts(context_of(info), root.id)).processed_count)


async def extraction_run_failed_count(root: models.ExtractionRun, info: Info) -> int:
    return int((await loaders.run_counts(context_of(info), root.id)).failed_count)


async def extraction_run_documents(root: models.ExtractionRun, info: Info) -> list[models.ExtractionDocument]:
    return await loaders.run_documents(info, root.id)


async def extraction_run_sync(root: models.ExtractionRun, info: Info) -> Any:
    return await writing.sync_of(context_of(info), root.write_id)


@dataclass(frozen=True, slots=True)
class Finding:
    severity: str
    kind: str
    path: list[str]
    message: str


def extraction_document_findings(root: models.ExtractionDocument) -> list[Finding]:
    return [Finding(**finding) for finding in root.findings]
