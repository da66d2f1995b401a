"""Courses: lists and single ones, and every change of a course."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

import graph.parents
import sql.courses
from graph.layout import Shaped
from resolvers import columns, completion, graph_fields, ids, policy
from resolvers.connections import Connection, connection, page, search
from resolvers.context import Context
from resolvers.problems import Forbidden
from resolvers.types.courses import (
    ArchiveCourseInput,
    ArchiveCourseResult,
    ArchiveCourseSuccess,
    CourseFilter,
    CourseOrder,
    CreateCourseInput,
    CreateCourseResult,
    CreateCourseSuccess,
    DeleteCourseInput,
    DeleteCourseResult,
    DeleteCourseSuccess,
    PublishCourseInput,
    PublishCourseResult,
    PublishCourseSuccess,
    RestoreCourseInput,
    RestoreCourseResult,
    RestoreCourseSuccess,
    UnpublishCourseInput,
    UnpublishCourseResult,
    UnpublishCourseSuccess,
    UpdateCourseInput,
    UpdateCourseResult,
    UpdateCourseSuccess,
)
from resolvers.types.shared import RecordCount, RecordKind
from resolvers.unset import changed, given
from resolvers.writing import Call, Sync, mutation, reads, selects, success
from sql import errors as sql_errors
from sql import models
from sql.models import Role

# —— Questions ——


# Below a course that is completed without graphql-core: its columns, and what the graph answers.
_COMPLETED = frozenset({"Course"})
_BEFOREHAND = {"Course": frozenset(graph.parents.SQL_COURSE.members)}


async def course(info: Info, id: str) -> models.Course | Shaped | None:
    """Return a course that the viewer may see."""
    context: Context = info.context
    viewer = context.signed_in()
    try:
        course_id = ids.decode(id, "course")
    except ids.MalformedId:
        return None
    found = await sql.courses.visible_course(
        context.database, course_id, viewer_id=viewer.id, viewer_role=viewer.role
    )
    if found is None:
        return None
    raw = info._raw_info
    completer = completion.completer_of(raw, _COMPLETED, _BEFOREHAND)
    if completer is None:
        return found
    if completer.below:
        await graph_fields.answer_beforehand(raw, found, completer.below)
    answer: models.Course | Shaped = completer.complete(found, context.answered)
    return answer


async def courses(
    info: Info,
    filter: CourseFilter | None,
    order_by: CourseOrder,
    first: Any,
    after: Any,
    last: Any,
    before: Any,
) -> Connection:
    """Return a page of the courses that the viewer may see."""
    context: Context = info.context
    viewer = context.signed_in()
    wanted = given(filter)
    conditions: dict[str, Any] = {}
    if wanted is not None:
        conditions = {
            "search": search("courses", wanted.search),
            "viewer_part": given(wanted.viewer_part),
            "level": given(wanted.level),
            "publication_status": given(wanted.publication_status),
            "archived": wanted.archived,
        }
    async with context.database.read() as session:
        found = await sql.courses.list_courses(
            session,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            order=order_by.value,
            page=page("courses", first, after, last, before),
            with_total=selects(info, "totalCount"),
            columns=columns.of(info, models.Course),
            **conditions,
        )
    return connection(found)


# —— Changes ——


@mutation
async def create_course(call: Call, input: CreateCourseInput) -> CreateCourseResult:
    viewer = call.viewer
    policy.require_role(viewer, Role.TEACHER, Role.ADMIN)
    teacher_id = viewer.id
    if given(input.teacher_id) is not None:
        if viewer.role is not Role.ADMIN:
            raise Forbidden("Only an admin may name somebody else as the teacher.")
        teacher_id = call.id("user", str(input.teacher_id), "teacher_id")
    elif viewer.role is Role.ADMIN:
        # Course.teacher is a Teacher: who operates the system names one.
        message = "teacherId must name the course's teacher: an admin does not teach."
        raise sql_errors.InvalidInput([sql_errors.FieldError(("teacherId",), message)])

    async def rule(session: AsyncSession) -> models.Course:
        return await sql.courses.create_course(
            session,
            actor_id=viewer.id,
            teacher_id=teacher_id,
            title=input.title,
            description=given(input.description),
            level=input.level,
        )

    course, sync = await call.create(rule, input, again=reads(models.Course, integer=True))
    return success(CreateCourseSuccess, course=course, sync=sync)


async def _change(
    call: Call, id: str, rule: Callable[[AsyncSession, int], Awaitable[Any]]
) -> tuple[Any, Sync]:
    """Run a rule on a course that the viewer runs."""
    viewer = call.viewer
    course_id = call.id("course", id)

    async def checked(session: AsyncSession) -> Any:
        await policy.course_to_edit(session, viewer, course_id)
        return await rule(session, course_id)

    return await call.write(checked)


@mutation
async def update_course(call: Call, input: UpdateCourseInput) -> UpdateCourseResult:
    course, sync = await _change(
        call,
        input.id,
        lambda session, course_id: sql.courses.update_course(
            session,
            actor_id=call.viewer.id,
            course_id=course_id,
            title=changed(input.title),
            description=changed(input.description),
            level=changed(input.level),
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateCourseSuccess, course=course, sync=sync)


def _by_version(
    call: Call, input: Any, function: Callable[..., Awaitable[Any]]
) -> Awaitable[tuple[Any, Sync]]:
    return _change(
        call,
        input.id,
        lambda session, course_id: function(
            session,
            actor_id=call.viewer.id,
            course_id=course_id,
            expected_version=given(input.expected_version),
        ),
    )


@mutation
async def archive_course(call: Call, input: ArchiveCourseInput) -> ArchiveCourseResult:
    course, sync = await _by_version(call, input, sql.courses.archive_course)
    return success(ArchiveCourseSuccess, course=course, sync=sync)


@mutation
async def restore_course(call: Call, input: RestoreCourseInput) -> RestoreCourseResult:
    course, sync = await _by_version(call, input, sql.courses.restore_course)
    return success(RestoreCourseSuccess, course=course, sync=sync)


@mutation
async def publish_course(call: Call, input: PublishCourseInput) -> PublishCourseResult:
    course, sync = await _by_version(call, input, sql.courses.publish_course)
    return success(PublishCourseSuccess, course=course, sync=sync)


@mutation
async def unpublish_course(call: Call, input: UnpublishCourseInput) -> UnpublishCourseResult:
    course, sync = await _by_version(call, input, sql.courses.unpublish_course)
    return success(UnpublishCourseSuccess, course=course, sync=sync)


@mutation
async def delete_course(call: Call, input: DeleteCourseInput) -> DeleteCourseResult:
    deleted, sync = await _by_version(call, input, sql.courses.delete_course)
    return success(DeleteCourseSuccess, deleted_id=input.id, deleted=counts(deleted), sync=sync)


def counts(by_kind: dict[Any, int]) -> list[RecordCount]:
    """Return what went, by kind, in the order of the schema; kinds without any left out."""
    return [
        RecordCount(kind=kind, count=by_kind[kind.value]) for kind in RecordKind if by_kind.get(kind.value, 0)
    ]
