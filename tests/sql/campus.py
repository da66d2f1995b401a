"""People, courses and refusals for the tests of accounts, courses, enrollments and curriculum."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import accounts, chapters, courses, enrollments, errors, theories
from sql.models import (
    AuditEntry,
    Base,
    Chapter,
    Course,
    Kind,
    PublicationStatus,
    Role,
    SyncRecord,
    Theory,
    User,
)
from sql.session import Database

E = TypeVar("E", bound=Exception)


async def person(
    database: Database, email: str, role: Role = Role.STUDENT, first: str = "Ada", last: str = "Lovelace"
) -> User:
    """Make an account of any role."""
    async with database.write() as session:
        return await accounts.create_user(
            session, email=email, password_hash="hash", first_name=first, last_name=last, role=role
        )


async def course(
    database: Database, teacher: User, title: str = "Calculus", *, published: bool = False
) -> Course:
    """Make a course; published behind the back of the gates where wanted."""
    async with database.write() as session:
        made = await courses.create_course(session, actor_id=teacher.id, teacher_id=teacher.id, title=title)
        if published:
            made.publication_status = PublicationStatus.PUBLISHED
        return made


async def chapter(database: Database, made: Course, name: str, **values: Any) -> Chapter:
    """Add a chapter."""
    async with database.write() as session:
        return await chapters.create_chapter(
            session, actor_id=made.teacher_id, course_id=made.id, name=name, **values
        )


async def theory(database: Database, made: Chapter, name: str, **values: Any) -> Theory:
    """Add a theory."""
    async with database.write() as session:
        return await theories.create_theory(session, actor_id=1, chapter_id=made.id, name=name, **values)


async def enroll(database: Database, made: Course, *students: User) -> None:
    """Enroll students by id."""
    async with database.write() as session:
        await enrollments.enroll_students(
            session,
            actor_id=made.teacher_id,
            course_id=made.id,
            student_ids=[student.id for student in students],
            emails=[],
        )


async def archive(database: Database, made: Course) -> None:
    """Put a course away."""
    async with database.write() as session:
        await courses.archive_course(session, actor_id=made.teacher_id, course_id=made.id)


async def contents(database: Database) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    async with database.read() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in await session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }


@dataclass
class Refused:
    """An open write, and what it was refused with once it is over."""

    session: AsyncSession
    caught: pytest.ExceptionInfo[Any]

    @property
    def error(self) -> Any:
        """Return the exception."""
        return self.caught.value


@asynccontextmanager
async def refusal(database: Database, expected: type[errors.SqlError]) -> AsyncIterator[Refused]:
    """Expect a write to be refused, and that no row of any table is another one afterwards."""
    before = await contents(database)
    with pytest.raises(expected) as caught:
        async with database.write() as session:
            yield Refused(session, caught)
    assert type(caught.value) is expected
    assert await contents(database) == before


def paths(error: errors.InvalidInput) -> dict[str, str]:
    """Return the messages of an InvalidInput by path."""
    return {".".join(field.path): field.message for field in error.fields}


async def marks(database: Database) -> dict[tuple[Kind, str], tuple[int, bool]]:
    """Return (version, deleted) of every mirrored record."""
    async with database.read() as session:
        rows = await session.scalars(select(SyncRecord))
        return {(row.kind, row.key): (row.version, row.deleted) for row in rows}


Marks = dict[tuple[Kind, str], tuple[int, bool]]


def changed(before: Marks, after: Marks) -> Marks:
    """Return the marks that are new or other than before."""
    return {key: value for key, value in after.items() if before.get(key) != value}


async def audited(database: Database) -> list[tuple[int | None, str, str, str]]:
    """Return (actor, action, kind, key) of every audit entry, oldest first."""
    async with database.read() as session:
        rows = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(row.actor_id, row.action, row.record_kind, row.record_key) for row in rows]
