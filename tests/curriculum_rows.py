"""Rows of a small course, written without any rule, and what tests of the rules look at afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql.models import AuditEntry, Chapter, Course, Kind, Role, SyncRecord, Theory, User, now
from sql.session import Database


@dataclass(frozen=True)
class World:
    """Ids of one course with a chapter of two theories, an archived course, and another course."""

    teacher: int
    course: int
    archived: int
    other: int
    chapter: str
    theories: tuple[str, str]
    other_theory: str
    archived_theory: str


async def add_world(database: Database) -> World:
    """Write the rows; nothing of them is recorded."""
    async with database.write() as session:
        teacher = User(email="t@example.org", first_name="T", last_name="T", role=Role.TEACHER)
        session.add(teacher)
        await session.flush()
        courses = [Course(teacher_id=teacher.id, title=title) for title in ("One", "Old", "Two")]
        courses[1].archived_at = now()
        session.add_all(courses)
        await session.flush()
        chapters = [Chapter(course_id=course.id, name="C", order=0) for course in courses]
        session.add_all(chapters)
        await session.flush()
        theories = [
            Theory(course_id=chapter.course_id, chapter_id=chapter.id, name="T", order=order)
            for chapter, order in ((chapters[0], 0), (chapters[0], 1), (chapters[1], 0), (chapters[2], 0))
        ]
        session.add_all(theories)
        await session.flush()
        one, old, two = (course.id for course in courses)
        first, second, archived, other = (theory.id for theory in theories)
        return World(teacher.id, one, old, two, chapters[0].id, (first, second), other, archived)


async def records(database: Database) -> dict[tuple[Kind, str], tuple[int, bool]]:
    """Return (version, deleted) of every record."""
    async with database.read() as session:
        rows = await session.scalars(select(SyncRecord))
        return {(row.kind, row.key): (row.version, row.deleted) for row in rows}


async def audit_count(database: Database) -> int:
    """Return the number of audit entries."""
    async with database.read() as session:
        return await count(session, AuditEntry)


async def count(session: AsyncSession, table: type) -> int:
    """Return the number of rows of a table."""
    return await session.scalar(select(func.count()).select_from(table)) or 0
