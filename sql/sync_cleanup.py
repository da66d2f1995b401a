"""Removes what is old in bounded steps: tombstones, the records of writes, idempotency receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    delete,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import IdempotencyReceipt, Kind, SyncRecord, SyncWrite, SyncWriteRecord
from sql.sync_state import ROWS_AT_ONCE

KEEP = timedelta(hours=24)
CLEAN_UP_ROWS = 1_000


@dataclass(slots=True)
class CleanUp:
    """How much a bounded clean-up removed."""

    writes: int = 0
    receipts: int = 0


async def find_old_tombstones(
    session: AsyncSession, *, limit: int = CLEAN_UP_ROWS, now: datetime | None = None
) -> list[tuple[int, Kind, str]]:
    """Return (id, kind, key) of deleted records whose deletion reached the graph more than a day ago."""
    before = (now or models.now()) - KEEP
    rows = await session.execute(
        select(SyncRecord.id, SyncRecord.kind, SyncRecord.key).where(_old_tombstone(before)).limit(limit)
    )
    return [(id_, kind, key) for id_, kind, key in rows.all()]


def _old_tombstone(before: datetime) -> ColumnElement[bool]:
    return and_(
        SyncRecord.deleted,
        SyncRecord.next_attempt_at.is_(None),
        SyncRecord.dead_at.is_(None),
        SyncRecord.version <= SyncRecord.applied_version,
        SyncRecord.applied_at < before,
    )


async def remove_tombstones(session: AsyncSession, ids: Sequence[int], *, now: datetime | None = None) -> int:
    """Remove tombstones that are still old and clean; the graph's own markers must be gone before."""
    before = (now or models.now()) - KEEP
    removed = 0
    for start in range(0, len(ids), ROWS_AT_ONCE):
        result = await session.execute(
            delete(SyncRecord)
            .where(SyncRecord.id.in_(ids[start : start + ROWS_AT_ONCE]), _old_tombstone(before))
            .execution_options(synchronize_session=False)
        )
        removed += cast("CursorResult[Any]", result).rowcount
    return removed


async def purge(session: AsyncSession, *, limit: int = CLEAN_UP_ROWS, now: datetime | None = None) -> CleanUp:
    """Remove a bounded number of writes and idempotency receipts that are older than a day."""
    before = (now or models.now()) - KEEP
    done = CleanUp()
    ids = (
        await session.scalars(select(SyncWrite.id).where(SyncWrite.created_at < before).limit(limit))
    ).all()
    if ids:
        await session.execute(delete(SyncWriteRecord).where(SyncWriteRecord.write_id.in_(ids)))
        await session.execute(delete(SyncWrite).where(SyncWrite.id.in_(ids)))
        done.writes = len(ids)
    table = IdempotencyReceipt
    old = (
        await session.execute(
            select(table.user_id, table.mutation, table.key).where(table.created_at < before).limit(limit)
        )
    ).all()
    for user_id, mutation, key in old:
        await session.execute(
            delete(table).where(table.user_id == user_id, table.mutation == mutation, table.key == key)
        )
    done.receipts = len(old)
    return done
