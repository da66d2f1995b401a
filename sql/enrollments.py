"""Who is in which course. Leaving keeps the evidence: it counts again after joining again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards
from sql.models import Course, Enrollment, Kind, PublicationStatus, Role, User
from sql.pages import Page, Slice, Sort, fetch_page, page_point, paginate
from sql.points import Columns, Point, record
from sql.search import matches
from sql.session import Database
from sql.text import storable

GREATEST_BATCH = 200


async def join_course(session: AsyncSession, *, student_id: int, course_id: int) -> Enrollment:
    """Enroll oneself in a published live course; joining again changes nothing.

    Raises NotFound, Conflict WRONG_STATE (archived or a draft; somebody who is no student).
    """
    # A shared lock: a class that joins at once need not queue, and the course stays as it is meanwhile.
    await session.get(Course, course_id, with_for_update={"read": True}, populate_existing=True)
    course = await guards.live_course(session, course_id, path=("courseId",), lock=False)
    # The student's own lock: of two clicks at once the second finds the enrollment of the first.
    student = await session.get(User, student_id, with_for_update={"key_share": True}, populate_existing=True)
    if student is None or student.role is not Role.STUDENT:
        raise errors.Conflict("WRONG_STATE", "Only a student can join a course.")
    existing = await _find(session, course_id, [student_id])
    if existing:
        return existing[student_id]
    if course.publication_status is not PublicationStatus.PUBLISHED:
        raise errors.Conflict("WRONG_STATE", "A draft can not be joined.", path=("courseId",))
    (enrollment,) = await _enroll(session, course_id, [student_id])
    await sql.audit.write(
        session, student_id, "joinCourse", Kind.ENROLLMENT, enrollment.id, course_id=course_id
    )
    return enrollment


async def _find(session: AsyncSession, course_id: int, student_ids: Sequence[int]) -> dict[int, Enrollment]:
    rows = await session.scalars(
        select(Enrollment).where(Enrollment.course_id == course_id, Enrollment.student_id.in_(student_ids))
    )
    return {row.student_id: row for row in rows}


async def _enroll(session: AsyncSession, course_id: int, student_ids: Sequence[int]) -> list[Enrollment]:
    rows = [Enrollment(course_id=course_id, student_id=student_id) for student_id in student_ids]
    session.add_all(rows)
    await session.flush()
    versions = await sql.sync_state.record_many(
        session, Kind.ENROLLMENT, [f"{course_id}:{row.student_id}" for row in rows]
    )
    for row in rows:
        row.version = versions[f"{course_id}:{row.student_id}"]
    await session.flush()
    return rows


async def leave_course(session: AsyncSession, *, student_id: int, course_id: int) -> None:
    """End the own enrollment; raise NotFound for who is not enrolled."""
    if await end_enrollments(session, course_id=course_id, student_ids=[student_id]) == 0:
        raise errors.NotFound(Kind.COURSE, course_id, ("courseId",))
    await sql.audit.write(session, student_id, "leaveCourse", Kind.COURSE, course_id, course_id=course_id)


async def end_enrollments(session: AsyncSession, *, course_id: int, student_ids: Sequence[int]) -> int:
    """End enrollments; return how many there were. Evidence stays."""
    found = await _find(session, course_id, student_ids)
    if found:
        await sql.sync_state.record_many(
            session, Kind.ENROLLMENT, [f"{course_id}:{student_id}" for student_id in found], deleted=True
        )
        await session.execute(delete(Enrollment).where(Enrollment.id.in_([row.id for row in found.values()])))
    return len(found)


async def enroll_students(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    student_ids: Sequence[int],
    emails: Sequence[str],
) -> tuple[list[Enrollment], list[str]]:
    """Enroll students by id and e-mail; return (enrollments in the order of the input, unmatched addresses).

    Those enrolled already are no error. Raises NotFound, InvalidInput (none, or over 200), Conflict (archived).
    """
    await guards.live_course(session, course_id, path=("courseId",))
    number = len(student_ids) + len(emails)
    if not 1 <= number <= GREATEST_BATCH:
        message = f"1 to {GREATEST_BATCH} students are enrolled at a time, not {number}."
        raise errors.InvalidInput([errors.FieldError(("studentIds",), message)])
    by_id = {
        user.id: user
        for user in await session.scalars(
            # Locked against a change of role meanwhile.
            select(User)
            .where(User.id.in_(student_ids), User.role == Role.STUDENT)
            .order_by(User.id)
            .with_for_update(read=True)
        )
    }
    for index, student_id in enumerate(student_ids):
        if student_id not in by_id:
            raise errors.NotFound(Kind.USER, student_id, ("studentIds", str(index)))
    lowered = [email.strip().lower() for email in emails]
    by_email = {
        user.email: user
        for user in await session.scalars(
            select(User)
            .where(User.email.in_([email for email in lowered if storable(email)]), User.role == Role.STUDENT)
            .order_by(User.id)
            .with_for_update(read=True)
        )
    }
    wanted = list(student_ids) + [by_email[email].id for email in lowered if email in by_email]
    wanted = list(dict.fromkeys(wanted))
    found = await _find(session, course_id, wanted)
    added = [one for one in wanted if one not in found]
    for row in await _enroll(session, course_id, added):
        found[row.student_id] = row
    if added:
        await sql.audit.write(
            session, actor_id, "enrollStudents", Kind.COURSE, course_id, course_id=course_id
        )
    unmatched = [email for email, low in zip(emails, lowered, strict=True) if low not in by_email]
    return [found[student_id] for student_id in wanted], unmatched


async def remove_students(
    session: AsyncSession, *, actor_id: int, course_id: int, student_ids: Sequence[int]
) -> int:
    """End the enrollment of students; those not enrolled are no error. Return how many ended."""
    if not 1 <= len(student_ids) <= GREATEST_BATCH:
        message = f"1 to {GREATEST_BATCH} students are removed at a time, not {len(student_ids)}."
        raise errors.InvalidInput([errors.FieldError(("studentIds",), message)])
    if await session.get(Course, course_id) is None:
        raise errors.NotFound(Kind.COURSE, course_id, ("courseId",))
    removed = await end_enrollments(session, course_id=course_id, student_ids=student_ids)
    if removed:
        await sql.audit.write(
            session, actor_id, "removeStudents", Kind.COURSE, course_id, course_id=course_id
        )
    return removed


async def list_enrollments(
    session: AsyncSession,
    *,
    viewer_id: int,
    viewer_role: Role,
    page: Page,
    course_id: int | None = None,
    student_id: int | None = None,
    search: str | None = None,
    with_total: bool = False,
    columns: Columns = None,
) -> Slice:
    """Return a page of enrollments: of a course by last name, or of a student newest first.

    Of a student only those that the viewer may see, as by their ids: one statement for each student. Of a course
    everybody: whose own enrollment alone may be seen is named as `student_id`.
    """
    statement: Select[Any] = select(Enrollment)
    if student_id is not None:
        statement = statement.where(Enrollment.student_id == student_id)
    if course_id is None:
        statement = _visible_only(statement, viewer_id, viewer_role)
        sorts = [Sort(Enrollment.enrolled_at, descending=True), Sort(Enrollment.id, descending=True)]
        return await paginate(session, statement, sorts, page, with_total=with_total, columns=columns)
    statement = statement.join(User, User.id == Enrollment.student_id).where(
        Enrollment.course_id == course_id
    )
    statement = statement.where(*matches(search, User.first_name, User.last_name, begins=True))
    sorts = [Sort(User.last_name), Sort(User.first_name), Sort(Enrollment.id)]
    return await paginate(session, statement, sorts, page, with_total=with_total, columns=columns)


@dataclass(frozen=True, slots=True)
class ClassPage:
    """A page of a course's enrollments, with the people, of the columns that were asked for."""

    enrollments: list[Enrollment]
    people: list[User]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool
    total_count: int | None


_NAMES = [Sort(User.last_name), Sort(User.first_name), Sort(Enrollment.id)]
_KEYS = ("id", "course_id", "student_id")


async def class_page(
    database: Database,
    course_id: int,
    page: Page,
    *,
    columns: Iterable[str],
    of_people: Iterable[str],
    with_cursors: bool,
    with_total: bool,
) -> ClassPage:
    """Return a page of everybody in a course, as committed now: in one statement, and one more for the total.

    `columns` and `of_people` name the attributes that are read besides keys and names; cursors are made on demand.
    """
    names = tuple(sorted({*columns} - {*_KEYS}))
    people = tuple(sorted({*of_people} - {"id", "first_name", "last_name"}))
    keys, person_keys = (*_KEYS, *names), ("id", "first_name", "last_name", *people)
    first = len(keys)
    found = await fetch_page(
        database, _class_points(names, people), _NAMES, (first + 2, first + 1, 0), page, course_id=course_id
    )
    total = None
    if with_total:
        ((total,),) = await database.fetch_list(_COUNT, course_id=course_id)
    return ClassPage(
        [record(Enrollment, row[:first], keys) for row in found.rows],
        [record(User, row[first:], person_keys) for row in found.rows],
        [found.cursor(row) for row in found.rows] if with_cursors else (),
        found.has_next,
        found.has_previous,
        total,
    )


_OF_COURSE = Enrollment.course_id == bindparam("course_id", type_=Enrollment.course_id.type)
_COUNT = Point(select(func.count()).select_from(Enrollment).where(_OF_COURSE))


@functools.lru_cache(64)
def _class_points(names: tuple[str, ...], people: tuple[str, ...]) -> Callable[[bool, bool], Point]:
    columns = [getattr(Enrollment, name) for name in (*_KEYS, *names)]
    of_people = [getattr(User, name) for name in ("id", "first_name", "last_name", *people)]
    statement = select(*columns, *of_people).join(User, User.id == Enrollment.student_id).where(_OF_COURSE)
    return functools.cache(
        lambda backward, beyond: page_point(statement, _NAMES, backward=backward, beyond=beyond)
    )


async def visible_enrollments(
    session: AsyncSession, ids: Iterable[int], *, viewer_id: int, viewer_role: Role
) -> dict[int, Enrollment]:
    """Return which enrollments somebody may see: own ones, those of own courses, all for an admin."""
    statement = select(Enrollment).where(Enrollment.id.in_(list(ids)))
    statement = _visible_only(statement, viewer_id, viewer_role)
    return {row.id: row for row in await session.scalars(statement)}


def _visible_only(statement: Select[Any], viewer_id: int, viewer_role: Role) -> Select[Any]:
    if viewer_role is Role.STUDENT:
        return statement.where(Enrollment.student_id == viewer_id)
    if viewer_role is Role.TEACHER:
        return statement.join(Course, Course.id == Enrollment.course_id).where(Course.teacher_id == viewer_id)
    return statement
