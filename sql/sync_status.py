"""How far the graph is: with one write, and altogether."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import (
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from sql import errors, models
from sql.models import SyncRecord, SyncWrite, SyncWriteRecord
from sql.points import Point
from sql.session import Database
from sql.sync_state import EVERYTHING_AGAIN, dirty

WriteState: TypeAlias = Literal["PENDING", "SYNCED", "FAILED", "DISABLED"]

# A change that waits longer than this makes the mirror degraded.
GREATEST_LAG = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """How far the graph is with one mutation."""

    token: str
    state: WriteState
    version: int
    attempts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """How far the graph is altogether."""

    pending: int
    failed: int
    oldest_pending_at: datetime | None
    last_synced_at: datetime | None
    last_error: str | None
    attempts: int = 0  # of the waiting record that was tried most often

    @property
    def late(self) -> bool:
        """Tell whether a change waits longer than it should."""
        return self.oldest_pending_at is not None and models.now() - self.oldest_pending_at > GREATEST_LAG


async def write_state(session: AsyncSession, write_id: str, enabled: bool = True) -> WriteStatus:
    """Return how far the graph is with one write: the state of its slowest record.

    Raises NotFound when there is no such write, or it is older than a day.
    """
    write = await session.get(SyncWrite, write_id)
    if write is None:
        raise errors.NotFound("SYNC", write_id)
    question = select(
        func.count().label("waiting"),
        func.count(SyncRecord.dead_at).label("dead"),
        func.max(SyncRecord.attempts).label("attempts"),
        func.max(SyncRecord.last_error).label("last_error"),
    )
    in_line_again = SyncRecord.projection_version == 0
    if write.main_version == EVERYTHING_AGAIN:
        question = question.where(in_line_again, SyncRecord.next_attempt_at.is_not(None))
    else:
        behind = SyncWriteRecord.version > SyncRecord.applied_version
        if write.main_version == 0:
            # It changed nothing, so what it lists was put in line to be written again.
            behind = or_(behind, in_line_again)
        question = (
            question.select_from(SyncWriteRecord)
            .join(
                SyncRecord,
                and_(SyncRecord.kind == SyncWriteRecord.kind, SyncRecord.key == SyncWriteRecord.key),
            )
            .where(SyncWriteRecord.write_id == write_id, behind)
        )
    row = (await session.execute(question)).one()
    state: WriteState = "SYNCED"
    if not enabled:
        state = "DISABLED"
    elif row.dead:
        state = "FAILED"
    elif row.waiting:
        state = "PENDING"
    return WriteStatus(write.id, state, max(0, write.main_version), row.attempts or 0, row.last_error)


async def status(session: AsyncSession, *, projection_version: int = 0) -> Status:
    """Return the counts and ages that health, metrics and the operator's screen show."""
    waiting = and_(SyncRecord.dead_at.is_(None), SyncRecord.next_attempt_at.is_not(None))
    # What is only written again was in the graph before: its change does not wait.
    changed = case((SyncRecord.version > SyncRecord.applied_version, SyncRecord.changed_at))
    pending, oldest, attempts = (
        await session.execute(
            select(func.count(), func.min(changed), func.max(SyncRecord.attempts)).where(
                waiting, dirty(projection_version)
            )
        )
    ).one()
    failed = await session.scalar(select(func.count()).where(SyncRecord.dead_at.is_not(None)))
    last_synced = await session.scalar(select(func.max(SyncRecord.applied_at)))
    last_error = await session.scalar(
        select(SyncRecord.last_error)
        .where(
            SyncRecord.last_error.is_not(None),
            or_(SyncRecord.dead_at.is_not(None), SyncRecord.next_attempt_at.is_not(None)),
        )
        .order_by(SyncRecord.changed_at.desc())
        .limit(1)
    )
    return Status(pending, failed or 0, oldest, last_synced, last_error, attempts or 0)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _waiting() -> list[Select[datetime]]:
    # In two ranges of an index: asked with every answer of the graph, when nearly all is clean. SQLite would walk
    # all records in the order of changed_at for a min() in each part, or for "dead_at IS NOT NULL".
    behind = SyncRecord.version > SyncRecord.applied_version
    return [
        select(SyncRecord.changed_at.label("at")).where(behind, condition)
        for condition in (
            and_(SyncRecord.dead_at.is_(None), SyncRecord.next_attempt_at.is_not(None)),
            SyncRecord.dead_at > _LONG_AGO,
        )
    ]


# Ends at the first that waits, however many there are.
_WAITS = Point(select(or_(*(exists(part) for part in _waiting()))))


async def oldest_pending_at(session: AsyncSession) -> datetime | None:
    """Return when the oldest change that still waits was committed, dead letters included; None for none."""
    found = union_all(*_waiting()).subquery()
    oldest: datetime | None = await session.scalar(select(func.min(found.c.at)))
    return oldest


async def oldest_pending(database: Database) -> datetime | None:
    """Return the same, without a session while nothing waits."""
    ((waits,),) = await database.fetch(_WAITS)
    if not waits:
        return None
    async with database.read() as session:
        return await oldest_pending_at(session)
