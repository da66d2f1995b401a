"""Enrollments: joining, leaving, enrolling and removing, and who sees which."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from sql import accounts, courses, enrollments, errors, models
from sql.models import Assessment, Course, Enrollment, Kind, Role, Skill, User
from sql.pages import Page
from sql.session import Database
from tests.sql import campus
from tests.sql.campus import archive, audited, changed, contents, enroll, marks, paths, person, refusal


@pytest.fixture
async def teacher(database: Database) -> User:
    return await person(database, "t@example.org", Role.TEACHER, "Tea", "Cher")


@pytest.fixture
async def student(database: Database) -> User:
    return await person(database, "s@example.org")


async def join(database: Database, student: User, course: Course) -> Enrollment:
    async with database.write() as session:
        return await enrollments.join_course(session, student_id=student.id, course_id=course.id)


# —— Joining and leaving ——


async def test_a_student_joins_a_published_course_once(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher, published=True)
    before = await marks(database)
    row = await join(database, student, made)
    assert (row.course_id, row.student_id, row.version) == (made.id, student.id, 1)
    key = (Kind.ENROLLMENT, f"{made.id}:{student.id}")
    assert changed(before, await marks(database)) == {key: (1, False)}
    assert (await audited(database))[-1] == (student.id, "joinCourse", "ENROLLMENT", str(row.id))
    same = await contents(database)
    assert (await join(database, student, made)).id == row.id
    assert await contents(database) == same


async def test_joining_is_refused_for_drafts_archived_courses_and_teachers(
    database: Database, teacher: User, student: User
) -> None:
    draft = await campus.course(database, teacher, "draft")
    old = await campus.course(database, teacher, "old", published=True)
    live = await campus.course(database, teacher, "live", published=True)
    await archive(database, old)
    for who, made in ((student, draft), (student, old), (teacher, live)):
        async with refusal(database, errors.Conflict) as refused:
            await enrollments.join_course(refused.session, student_id=who.id, course_id=made.id)
        assert refused.error.code == "WRONG_STATE"
    async with refusal(database, errors.NotFound) as refused:
        await enrollments.join_course(refused.session, student_id=student.id, course_id=999)
    assert (refused.error.kind, refused.error.path) == ("COURSE", ("courseId",))


async def test_who_is_in_a_draft_already_joins_it_again_without_a_write(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher)
    await enroll(database, made, student)
    same = await contents(database)
    assert (await join(database, student, made)).student_id == student.id
    assert await contents(database) == same


async def test_many_clicks_at_once_are_one_enrollment(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher, published=True)
    rows = await asyncio.gather(*(join(database, student, made) for _ in range(5)))
    assert len({row.id for row in rows}) == 1
    assert (await marks(database))[Kind.ENROLLMENT, f"{made.id}:{student.id}"] == (1, False)


async def test_nobody_joins_a_course_that_is_put_away_meanwhile(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher, published=True)
    seen = asyncio.Event()

    async def put_away() -> None:
        async with database.write() as session:
            await courses.archive_course(session, actor_id=teacher.id, course_id=made.id)
            seen.set()
            await asyncio.sleep(0.1)

    async def click() -> bool:
        await seen.wait()
        try:
            await join(database, student, made)
        except errors.Conflict:
            return False
        return True

    assert (await asyncio.gather(put_away(), click()))[1] is False


async def test_leaving_keeps_the_evidence_and_joining_again_counts_on(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher, published=True)
    await join(database, student, made)
    async with database.write() as session:
        skill = Skill(course_id=made.id, name="a", name_key="a")
        session.add(skill)
        await session.flush()
        session.add(
            Assessment(
                course_id=made.id,
                student_id=student.id,
                skill_id=skill.id,
                score=1.0,
                idempotency_key="k",
                assessed_at=models.now(),
            )
        )
    before = await marks(database)
    async with database.write() as session:
        await enrollments.leave_course(session, student_id=student.id, course_id=made.id)
    key = (Kind.ENROLLMENT, f"{made.id}:{student.id}")
    assert changed(before, await marks(database)) == {key: (2, True)}
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Enrollment)) == 0
        assert await session.scalar(select(func.count()).select_from(Assessment)) == 1
    async with refusal(database, errors.NotFound) as refused:
        await enrollments.leave_course(refused.session, student_id=student.id, course_id=made.id)
    assert (refused.error.kind, refused.error.path) == ("COURSE", ("courseId",))
    row = await join(database, student, made)
    assert row.version == 3
    assert (await marks(database))[key] == (3, False)


async def test_an_archived_course_can_be_left(database: Database, teacher: User, student: User) -> None:
    made = await campus.course(database, teacher, published=True)
    await join(database, student, made)
    await archive(database, made)
    async with database.write() as session:
        await enrollments.leave_course(session, student_id=student.id, course_id=made.id)


# —— Enrolling and removing ——


async def test_students_are_enrolled_by_id_and_address_in_order(
    database: Database, teacher: User, student: User
) -> None:
    made = await campus.course(database, teacher)
    others = [await person(database, f"{name}@example.org") for name in "ab"]
    await enroll(database, made, others[0])
    before = await marks(database)
    async with database.write() as session:
        found, unmatched = await enrollments.enroll_students(
            session,
            actor_id=teacher.id,
            course_id=made.id,
            student_ids=[student.id, others[0].id, student.id],
            emails=[
                " B@Example.org",
                "nobody@example.org",
                "t@example.org",
                "s@example.org",
                "\x00",
                "\ud800",
            ],
        )
    assert [row.student_id for row in found] == [student.id, others[0].id, others[1].id]
    assert unmatched == ["nobody@example.org", "t@example.org", "\x00", "\ud800"]
    assert changed(before, await marks(database)) == {
        (Kind.ENROLLMENT, f"{made.id}:{one.id}"): (1, False) for one in (student, others[1])
    }
    assert (await audited(database))[-1] == (teacher.id, "enrollStudents", "COURSE", str(made.id))
    same = await contents(database)
    await enroll(database, made, student, *others)
    assert await contents(database) == same


async def test_enrolling_is_refused(database: Database, teacher: User, student: User) -> None:
    made = await campus.course(database, teacher)
    old = await campus.course(database, teacher, "old")
    await archive(database, old)

    async def enroll_(expected: type[errors.SqlError], **values: Any) -> Any:
        async with refusal(database, expected) as refused:
            await enrollments.enroll_students(
                refused.session,
                **{"actor_id": teacher.id, "course_id": made.id, "student_ids": [], "emails": []} | values,
            )
        return refused.error

    assert "not 0." in paths(await enroll_(errors.InvalidInput))["studentIds"]
    error = await enroll_(errors.InvalidInput, student_ids=[student.id] * 100, emails=["a@b.org"] * 101)
    assert "1 to 200 students are enrolled at a time, not 201." in paths(error)["studentIds"]
    for nobody in (999, teacher.id):
        error = await enroll_(errors.NotFound, student_ids=[student.id, nobody])
        assert (error.kind, error.key, error.path) == ("USER", str(nobody), ("studentIds", "1"))
    assert (await enroll_(errors.NotFound, course_id=999, student_ids=[student.id])).kind == "COURSE"
    assert (await enroll_(errors.Conflict, course_id=old.id, student_ids=[student.id])).code == "WRONG_STATE"


async def test_students_are_removed_and_counted(database: Database, teacher: User, student: User) -> None:
    made = await campus.course(database, teacher)
    other = await person(database, "a@example.org")
    await enroll(database, made, student, other)
    before = await marks(database)
    async with database.write() as session:
        removed = await enrollments.remove_students(
            session, actor_id=teacher.id, course_id=made.id, student_ids=[student.id, 999, student.id]
        )
    assert removed == 1
    assert changed(before, await marks(database)) == {(Kind.ENROLLMENT, f"{made.id}:{student.id}"): (2, True)}
    async with database.read() as session:
        kept = await session.scalars(select(Enrollment.student_id).where(Enrollment.course_id == made.id))
        assert kept.all() == [other.id]
    same = await contents(database)
    async with database.write() as session:
        assert (
            await enrollments.remove_students(
                session, actor_id=teacher.id, course_id=made.id, student_ids=[student.id]
            )
            == 0
        )
    assert await contents(database) == same
    for number in (0, 201):
        async with refusal(database, errors.InvalidInput) as refused:
            await enrollments.remove_students(
                refused.session, actor_id=teacher.id, course_id=made.id, student_ids=[student.id] * number
            )
        assert f"1 to 200 students are removed at a time, not {number}." in paths(refused.error)["studentIds"]
    async with refusal(database, errors.NotFound) as refused:
        await enrollments.remove_students(
            refused.session, actor_id=teacher.id, course_id=999, student_ids=[student.id]
        )
    assert (refused.error.kind, refused.error.path) == ("COURSE", ("courseId",))


async def test_a_role_changed_meanwhile_leaves_no_enrollment(database: Database, teacher: User) -> None:
    student = await person(database, "s@example.org")
    made = await campus.course(database, teacher, published=True)

    async def promote() -> None:
        async with database.write() as session:
            await accounts.set_user_role(session, actor_id=teacher.id, user_id=student.id, role=Role.TEACHER)
            await asyncio.sleep(0.05)

    await asyncio.gather(promote(), join(database, student, made), return_exceptions=True)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Enrollment)) == 0


# —— Lists ——


async def test_students_of_a_course_are_listed_by_last_name(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher)
    people = [
        await person(database, f"{index}@example.org", first=first, last=last)
        for index, (first, last) in enumerate([("Carl", "Gauss"), ("Emmy", "Noether"), ("Ada", "Gauss")])
    ]
    await enroll(database, made, *people)

    async def listed(page: Page, **values: Any) -> Any:
        async with database.read() as session:
            return await enrollments.list_enrollments(
                session,
                course_id=made.id,
                viewer_id=teacher.id,
                viewer_role=Role.TEACHER,
                page=page,
                **values,
            )

    whole = await listed(Page(), with_total=True)
    expected = [people[2].id, people[0].id, people[1].id]
    assert [row.student_id for row in whole.rows] == expected
    assert whole.total_count == 3
    first = await listed(Page(first=2))
    rest = await listed(Page(first=2, after=first.cursors[-1]))
    assert [row.student_id for row in first.rows + rest.rows] == expected
    found = await listed(Page(), search="gau CARL", with_total=True)
    assert ([row.student_id for row in found.rows], found.total_count) == ([people[0].id], 1)
    assert (await listed(Page(), search="\x00")).rows == []
    own = await listed(Page(), student_id=people[1].id)
    assert [row.student_id for row in own.rows] == [people[1].id]


async def test_courses_of_a_student_are_those_that_the_viewer_may_see(
    database: Database, teacher: User, student: User
) -> None:
    other = await person(database, "u@example.org", Role.TEACHER)
    mine = await campus.course(database, teacher, "mine")
    theirs = await campus.course(database, other, "theirs")
    public = await campus.course(database, other, "public", published=True)
    for made in (mine, theirs, public):
        await enroll(database, made, student)
    async with database.read() as session:
        for viewer, expected in (
            (student, [public.id, theirs.id, mine.id]),
            # Who else is in a course that everybody may see is not for everybody to see.
            (teacher, [mine.id]),
            (other, [public.id, theirs.id]),
        ):
            found = await enrollments.list_enrollments(
                session,
                student_id=student.id,
                viewer_id=viewer.id,
                viewer_role=viewer.role,
                page=Page(),
                with_total=True,
            )
            assert [row.course_id for row in found.rows] == expected
            assert found.total_count == len(expected)


async def test_an_enrollment_is_seen_by_its_student_the_teacher_and_admins(
    database: Database, teacher: User, student: User
) -> None:
    other = await person(database, "u@example.org", Role.TEACHER)
    stranger = await person(database, "x@example.org")
    admin = await person(database, "root@example.org", Role.ADMIN)
    made = await campus.course(database, teacher, published=True)
    row = await join(database, student, made)
    async with database.read() as session:
        for viewer, expected in (
            (student, {row.id}),
            (teacher, {row.id}),
            (admin, {row.id}),
            (other, set()),
            (stranger, set()),
        ):
            found = await enrollments.visible_enrollments(
                session, [row.id, 999], viewer_id=viewer.id, viewer_role=viewer.role
            )
            assert set(found) == expected
