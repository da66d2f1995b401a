"""Who may do what: called first in every resolver.

Three questions decide everything: is somebody signed in, may they see the object (else it is
as if it were not there), and does their role or part in the course allow the act (else FORBIDDEN).
Visibility is always decided by SQL, which is current; the graph may lag.
docs/permissions.md has what comes of it, cell by cell.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

import sql.accounts
import sql.courses
import sql.enrollments
from resolvers import ids, loaders
from resolvers.context import Context
from resolvers.problems import Forbidden
from sql import errors as sql_errors
from sql import models
from sql.models import Role

NO_COURSE = 0  # an id that no course has


def runs(viewer: models.User, course: models.Course) -> bool:
    """Return whether the viewer is the course's teacher or an admin."""
    return viewer.role is Role.ADMIN or viewer.id == course.teacher_id


def require_role(viewer: models.User, *roles: Role) -> None:
    """Raise Forbidden unless the viewer has one of the roles."""
    if viewer.role not in roles:
        raise Forbidden(f"This is for {' and '.join(role.value.lower() + 's' for role in roles)}.")


async def visible_write(session: AsyncSession, viewer: models.User, token: str) -> models.SyncWrite | None:
    """Return a write of the viewer by its token, for admins anybody's, or None."""
    try:
        write = await session.get(models.SyncWrite, ids.decode(token, "sync"))
    except ids.MalformedId:
        return None
    mine = write is not None and (write.user_id == viewer.id or viewer.role is Role.ADMIN)
    return write if mine else None


async def visible_course(session: AsyncSession, viewer: models.User, course_id: Any) -> models.Course | None:
    """Return a course that the viewer may see, or None."""
    # Asked for no course at all too: what is absent must cost as many statements as what is hidden.
    found = await sql.courses.visible_courses(
        session, [course_id or NO_COURSE], viewer_id=viewer.id, viewer_role=viewer.role
    )
    return found.get(course_id)


async def sees_course(context: Context, course_id: Any) -> bool:
    """Return whether there is a course that the viewer may see."""
    viewer = context.signed_in()
    return bool(course_id) and await sql.courses.visible_key(
        context.database, models.Kind.COURSE, course_id, viewer_id=viewer.id, viewer_role=viewer.role
    )


async def course_to_edit(session: AsyncSession, viewer: models.User, course_id: int) -> models.Course:
    """Return a course the viewer runs; raise NotFound when hidden, Forbidden when only visible."""
    course = await visible_course(session, viewer, course_id)
    if course is None:
        raise sql_errors.NotFound("COURSE", course_id)
    if not runs(viewer, course):
        raise Forbidden("This is for the course's teacher and admins.")
    return course


async def record_to_edit(session: AsyncSession, viewer: models.User, kind: str, key: Any) -> None:
    """Check that the viewer may change a curriculum record; raise NotFound or Forbidden."""
    await records_to_edit(session, viewer, kind, [key])


async def records_to_edit(session: AsyncSession, viewer: models.User, kind: str, keys: list[Any]) -> None:
    """Check that the viewer may change some records of a kind; raise NotFound or Forbidden for the first that not."""
    courses = await sql.courses.course_of(session, models.Kind(kind), list(dict.fromkeys(keys)))
    # Asked for no course at all too: what is absent must cost as many statements as what is hidden.
    found = await sql.courses.visible_courses(
        session, sorted(set(courses.values())) or [NO_COURSE], viewer_id=viewer.id, viewer_role=viewer.role
    )
    for key in keys:
        course = found.get(courses.get(key, NO_COURSE))
        if course is None:
            raise sql_errors.NotFound(kind, key)
        if not runs(viewer, course):
            raise Forbidden("This is for the course's teacher and admins.")


async def visible_records(context: Context, kind: str, keys: list[Any]) -> set[Any]:
    """Return which keys of a curriculum kind exist and belong to courses that the viewer may see."""
    viewer = context.signed_in()
    if len(keys) == 1:
        seen = await sql.courses.visible_key(
            context.database, models.Kind(kind), keys[0], viewer_id=viewer.id, viewer_role=viewer.role
        )
        return set(keys) if seen else set()
    async with context.database.read() as session:
        return await sql.courses.visible_keys(
            session, models.Kind(kind), keys, viewer_id=viewer.id, viewer_role=viewer.role
        )


async def taught_course_ids(context: Context) -> list[int]:
    """Return the ids of the courses that the viewer teaches; read once for a request."""
    viewer = context.signed_in()
    if viewer.role is not Role.TEACHER:
        return []

    async def load(keys: list[int]) -> list[list[int]]:
        async with context.database.read() as session:
            return [await sql.courses.taught_course_ids(session, key) for key in keys]

    # A loader, so that all fields of a list wait for one reading and go on in the same tick.
    return list(await context.loader("taught", load).load(viewer.id))


async def visible_student(context: Context, student_id: int) -> models.User | None:
    """Return a student that the viewer may see: oneself, one in a course of the viewer, any for an admin."""
    viewer = context.signed_in()
    if viewer.id == student_id:
        return viewer if viewer.role is Role.STUDENT else None
    if viewer.role is Role.STUDENT or not student_id:
        return None
    async with context.database.read() as session:
        found = await sql.accounts.visible_users(
            session, [student_id], viewer_id=viewer.id, viewer_role=viewer.role
        )
    person = found.get(student_id)
    return person if person is not None and person.role is Role.STUDENT else None


async def hidden_students(context: Context, student_ids: set[int]) -> frozenset[int]:
    """Return which of some ids are no students that the viewer may see; one statement for all."""
    viewer = context.signed_in()
    async with context.database.read() as session:
        found = await sql.accounts.visible_users(
            session, student_ids, viewer_id=viewer.id, viewer_role=viewer.role
        )
    return frozenset(one for one in student_ids if one not in found or found[one].role is not Role.STUDENT)


async def see_marks(context: Context, student_id: int, course_id: int | None = None) -> None:
    """Raise Forbidden unless the viewer may see a student's data: own, own course's student, or admin.

    Without a course the student must be in some course of the viewer.
    """
    viewer = context.signed_in()
    if viewer.id == student_id or viewer.role is Role.ADMIN:
        return
    if viewer.role is Role.TEACHER:
        if course_id is not None:
            if course_id in await taught_course_ids(context):
                return
        elif await visible_student(context, student_id) is not None:
            return
    raise Forbidden("This is for the student, the course's teacher and admins.")


async def course_actions(context: Context, course: models.Course) -> list[str]:
    """Return what the viewer may do with a course now, as values of CourseAction."""
    viewer = context.viewer
    if viewer is None:
        return []
    live = course.archived_at is None
    actions = []
    if runs(viewer, course):
        if live:
            actions.append("EDIT")
        draft = course.publication_status is models.PublicationStatus.DRAFT
        if not live or (draft and await loaders.student_count(context, course.id) == 0):
            actions.append("DELETE")
        if live:
            actions += ["MANAGE_STUDENTS", "ASSESS"]
    if viewer.role is Role.STUDENT:
        if await loaders.viewer_enrollment(context, course.id) is not None:
            actions.append("LEAVE")
        elif live and course.publication_status is models.PublicationStatus.PUBLISHED:
            actions.append("JOIN")
    return actions
