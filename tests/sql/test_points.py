"""Statements by key, on both databases: what a session reads, as it is committed now."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import update

from sql import accounts, courses, enrollments, points
from sql.models import Course, Enrollment, Kind, Role, User
from sql.pages import InvalidCursor, Page
from sql.session import Database
from tests.sql import campus


def _columns(record: User | Course | Enrollment | None) -> dict[str, Any]:
    assert record is not None
    return {column.key: getattr(record, column.key) for column in record.__table__.columns}


async def test_an_account_is_what_a_session_reads(database: Database) -> None:
    made = await campus.person(database, "a@example.org", Role.TEACHER, "Ä", "Ö")
    async with database.read() as session:
        row = await session.get(User, made.id)
    assert _columns(await accounts.account(database, made.id)) == _columns(row)
    assert await accounts.account(database, made.id + 1) is None


def test_an_account_needs_no_session_before_it() -> None:
    """In a process of its own: any session would make up for what is missing."""
    program = (
        "from sql import points\nfrom sql.models import User\n"
        "row = tuple(column.key for column in points.columns_of(User))\n"
        "user = points.record(User, row)\nassert user.active == 'active'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=250)


async def test_a_commit_is_seen_at_once(database: Database) -> None:
    made = await campus.person(database, "a@example.org")
    for active in (False, True, False):
        async with database.write() as session:
            await session.execute(update(User).values(active=active))
        found = await accounts.account(database, made.id)
        assert found is not None
        assert found.active is active


async def test_nothing_is_seen_before_the_commit(database: Database) -> None:
    made = await campus.person(database, "a@example.org")
    async with database.write() as session:
        await session.execute(update(User).values(last_name="Other"))
        found = await accounts.account(database, made.id)
        assert found is not None
        assert found.last_name == "Lovelace"


async def test_visible_key_answers_like_visible_keys(database: Database) -> None:
    teacher = await campus.person(database, "t@example.org", Role.TEACHER)
    other = await campus.person(database, "o@example.org", Role.TEACHER)
    joined, stranger = [await campus.person(database, f"s{number}@example.org") for number in (1, 2)]
    admin = await campus.person(database, "admin@example.org", Role.ADMIN)
    draft = await campus.course(database, teacher, "Draft")
    shown = await campus.course(database, teacher, "Shown", published=True)
    away = await campus.course(database, teacher, "Away", published=True)
    await campus.enroll(database, draft, joined)
    await campus.archive(database, away)
    seen = {}
    for course in (draft, shown):
        chapter = await campus.chapter(database, course, "One")
        theory = await campus.theory(database, chapter, "A")
        for kind, key in ((Kind.CHAPTER, chapter.id), (Kind.THEORY, theory.id), (Kind.CHAPTER, theory.id)):
            for viewer in (teacher, other, joined, stranger, admin):
                who: dict[str, Any] = {"viewer_id": viewer.id, "viewer_role": viewer.role}
                found = await courses.visible_key(database, kind, key, **who)
                async with database.read() as session:
                    assert found == (key in await courses.visible_keys(session, kind, [key], **who))
                seen[course.title, kind, key, viewer.email] = found
    assert {True, False} == set(seen.values())
    pairs = {
        (viewer.email, course.title)
        for viewer in (teacher, other, joined, stranger, admin)
        for course in (draft, shown, away)
        if await courses.visible_key(
            database, Kind.COURSE, course.id, viewer_id=viewer.id, viewer_role=viewer.role
        )
    }
    everybody = {each.email for each in (teacher, other, joined, stranger, admin)}
    assert pairs == {
        *((email, "Shown") for email in everybody),
        *((email, "Draft") for email in (teacher.email, joined.email, admin.email)),
        *((email, "Away") for email in (teacher.email, admin.email)),
    }
    for viewer in (teacher, other, joined, stranger, admin):
        who = {"viewer_id": viewer.id, "viewer_role": viewer.role}
        for course in (draft, shown, away):
            one = await courses.visible_course(database, course.id, **who)
            assert (one is not None) == ((viewer.email, course.title) in pairs)
            if one is not None:
                async with database.read() as session:
                    row = (await courses.visible_courses(session, [course.id], **who))[course.id]
                assert _columns(one) == _columns(row)


async def test_keys_of_several_parts(database: Database) -> None:
    admin: dict[str, Any] = {"viewer_id": 1, "viewer_role": Role.ADMIN}
    for kind, key in (
        (Kind.CONCEPT_RELATION, ("a", "PREREQUISITE", "b")),
        (Kind.CONCEPT_MENTION, ("a", "b")),
        (Kind.SKILL_PREREQUISITE, ("a", "b")),
    ):
        assert not await courses.visible_key(database, kind, key, **admin)


async def test_a_page_of_a_class_is_what_a_session_lists(database: Database) -> None:
    teacher = await campus.person(database, "t@example.org", Role.TEACHER)
    course = await campus.course(database, teacher, "One", published=True)
    other = await campus.course(database, teacher, "Other", published=True)
    for number, (given, family) in enumerate(
        [("Ä", "Zed"), ("B", "Amy"), ("A", "Amy"), ("B", "Amy"), ("C", "É")]
    ):
        student = await campus.person(database, f"s{number}@example.org", Role.STUDENT, given, family)
        for each in (course, other)[: 1 + number % 2]:
            await campus.enroll(database, each, student)
    wanted: dict[str, Any] = {
        "columns": [column.key for column in points.columns_of(Enrollment)],
        "of_people": [column.key for column in points.columns_of(User)],
    }
    for size, cursor, at in (("first", "after", -1), ("last", "before", 0)):
        given_page: dict[str, Any] = {"first": None, size: 2}
        for _ in range(3):
            page = Page(**given_page)
            found = await enrollments.class_page(
                database, course.id, page, with_cursors=True, with_total=True, **wanted
            )
            async with database.read() as session:
                listed = await enrollments.list_enrollments(
                    session,
                    course_id=course.id,
                    viewer_id=teacher.id,
                    viewer_role=Role.TEACHER,
                    page=page,
                    with_total=True,
                )
                people = [await session.get(User, row.student_id) for row in listed.rows]
            assert [_columns(row) for row in found.enrollments] == [_columns(row) for row in listed.rows]
            assert [_columns(row) for row in found.people] == [_columns(row) for row in people]
            assert list(found.cursors) == listed.cursors
            assert (found.has_next, found.has_previous) == (listed.has_next, listed.has_previous)
            assert found.total_count == listed.total_count == 5
            given_page[cursor] = listed.cursors[at]
        assert len(listed.rows) == 1
    with pytest.raises(InvalidCursor):
        await enrollments.class_page(
            database, course.id, Page(after="?"), with_cursors=False, with_total=False, **wanted
        )


async def test_only_what_is_named_is_read_of_a_class(database: Database) -> None:
    teacher = await campus.person(database, "t@example.org", Role.TEACHER)
    course = await campus.course(database, teacher, "One", published=True)
    student = await campus.person(database, "s@example.org", Role.STUDENT, "Ada", "Lovelace")
    await campus.enroll(database, course, student)
    found = await enrollments.class_page(
        database, course.id, Page(), columns=(), of_people=["active"], with_cursors=False, with_total=False
    )
    (row,), (person,) = found.enrollments, found.people
    assert (row.course_id, row.student_id, person.id) == (course.id, student.id, student.id)
    assert (person.first_name, person.last_name, person.active) == ("Ada", "Lovelace", True)
    assert "email" not in person.__dict__
    assert "enrolled_at" not in row.__dict__
    assert (found.cursors, found.total_count) == ((), None)


async def test_a_locked_file_is_waited_for(sqlite_database: Database) -> None:
    """Without the write-ahead log a reader is locked out: then the queue of the pool is taken."""
    made = await campus.person(sqlite_database, "a@example.org")
    assert sqlite_database._direct is not None
    path = str(sqlite_database.url.database)
    await sqlite_database.dispose()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    asyncio.get_running_loop().call_later(0.2, other.execute, "COMMIT")
    found = await accounts.account(sqlite_database, made.id)
    other.execute("BEGIN EXCLUSIVE")
    asyncio.get_running_loop().call_later(0.2, other.execute, "COMMIT")
    page = await enrollments.class_page(
        sqlite_database, 1, Page(), columns=(), of_people=(), with_cursors=False, with_total=True
    )
    other.close()
    assert found is not None
    assert page.total_count == 0
