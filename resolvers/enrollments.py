"""Who is in which course."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

import sql.enrollments
from resolvers import policy
from resolvers.types.courses import (
    EnrollStudentsInput,
    EnrollStudentsResult,
    EnrollStudentsSuccess,
    JoinCourseInput,
    JoinCourseResult,
    JoinCourseSuccess,
    LeaveCourseInput,
    LeaveCourseResult,
    LeaveCourseSuccess,
    RemoveStudentsInput,
    RemoveStudentsResult,
    RemoveStudentsSuccess,
)
from resolvers.writing import Call, mutation, success
from sql import errors as sql_errors
from sql import models
from sql.models import Role


@mutation
async def join_course(call: Call, input: JoinCourseInput) -> JoinCourseResult:
    viewer = call.viewer
    policy.require_role(viewer, Role.STUDENT)
    course_id = call.id("course", input.course_id, "course_id")

    async def rule(session: AsyncSession) -> models.Enrollment:
        if await policy.visible_course(session, viewer, course_id) is None:
            raise sql_errors.NotFound("COURSE", course_id, ("course_id",))
        return await sql.enrollments.join_course(session, student_id=viewer.id, course_id=course_id)

    enrollment, sync = await call.write(rule)
    return success(JoinCourseSuccess, enrollment=enrollment, sync=sync)


@mutation
async def leave_course(call: Call, input: LeaveCourseInput) -> LeaveCourseResult:
    viewer = call.viewer
    policy.require_role(viewer, Role.STUDENT)
    course_id = call.id("course", input.course_id, "course_id")

    async def rule(session: AsyncSession) -> models.Course:
        course = await policy.visible_course(session, viewer, course_id)
        if course is None:
            raise sql_errors.NotFound("COURSE", course_id, ("course_id",))
        await sql.enrollments.leave_course(session, student_id=viewer.id, course_id=course_id)
        return course

    course, sync = await call.write(rule)
    return success(LeaveCourseSuccess, course=course, sync=sync)


@mutation
async def enroll_students(call: Call, input: EnrollStudentsInput) -> EnrollStudentsResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")
    student_ids = call.ids("user", input.student_ids, "student_ids")

    async def rule(session: AsyncSession) -> Any:
        await policy.course_to_edit(session, viewer, course_id)
        return await sql.enrollments.enroll_students(
            session,
            actor_id=viewer.id,
            course_id=course_id,
            student_ids=student_ids,
            emails=list(input.emails),
        )

    (enrollments, unmatched), sync = await call.write(rule)
    return success(EnrollStudentsSuccess, enrollments=enrollments, unmatched_emails=unmatched, sync=sync)


@mutation
async def remove_students(call: Call, input: RemoveStudentsInput) -> RemoveStudentsResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")
    student_ids = call.ids("user", input.student_ids, "student_ids")

    async def rule(session: AsyncSession) -> int:
        await policy.course_to_edit(session, viewer, course_id)
        return await sql.enrollments.remove_students(
            session, actor_id=viewer.id, course_id=course_id, student_ids=student_ids
        )

    removed, sync = await call.write(rule)
    return success(RemoveStudentsSuccess, removed_count=removed, sync=sync)
