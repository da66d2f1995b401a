"""What nearly every change does: find a live course, compare versions, record the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

import sql.sync_state
from sql import errors, models
from sql.audit import Change
from sql.models import Course, Kind
from sql.unset import UNSET


async def live_course(
    session: AsyncSession, course_id: int, *, path: errors.Path = (), lock: bool = True
) -> Course:
    """Return a course that may be changed; raise NotFound, Conflict WRONG_STATE for an archived one.

    The row is locked, so that rules over all rows of a course (order, bounds, cycles) meet one change at a
    time. SQLite ignores the lock: its write transaction is alone anyway.
    """
    course = await session.get(
        Course, course_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if course is None:
        raise errors.NotFound(Kind.COURSE, course_id, path)
    if course.archived_at is not None:
        raise errors.Conflict(
            "WRONG_STATE", "The course is archived: restore it before changing it.", path=path
        )
    return course


def check_version(row: models.Versioned, expected: int | None) -> None:
    """Raise StaleVersion unless the row still has the version that the client read."""
    if expected is not None and row.version != expected:
        raise errors.StaleVersion(row.version)


async def touch(session: AsyncSession, row: models.Versioned, kind: Kind, key: object) -> None:
    """Record a change of a row and give it its new version."""
    row.version = await sql.sync_state.record(session, kind, key)
    row.updated_at = models.now()
    await session.flush()


async def touch_all(session: AsyncSession, rows: Sequence[Any], kind: Kind) -> None:
    """Record changes of many rows with an `id`, in one statement."""
    if not rows:
        return
    versions = await sql.sync_state.record_many(session, kind, [row.id for row in rows])
    moment = models.now()
    for row in rows:
        row.version = versions[str(row.id)]
        row.updated_at = moment
    await session.flush()


def assign(row: Any, values: Mapping[str, Any]) -> list[Change]:
    """Set the attributes that are not UNSET and differ; return what changed."""
    changes = []
    for name, value in values.items():
        if value is UNSET or getattr(row, name) == value:
            continue
        changes.append(Change(name, getattr(row, name), value))
        setattr(row, name, value)
    return changes
