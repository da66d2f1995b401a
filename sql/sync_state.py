"""Sync state: what changed, and how far the graph is with it.

`record` runs inside the transaction of the change itself, so a change without its mark
cannot be committed. `next_attempt_at` is null exactly for records that are clean, so
finding work is one range of an index however many records there are.

`sql.sync_claims` is the worker's side of it, `sql.sync_status` says how far the graph is,
`sql.sync_cleanup` removes what is old.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import Kind, SyncRecord, SyncWrite, SyncWriteRecord
from sql.sets import among

ROWS_AT_ONCE = 500

# The main version of a write that put everything in line again; its records are not listed one by one.
EVERYTHING_AGAIN = -1
_WRITE_KEY = "sync_write"
_MAIN_KEY = "sync_write_main"


async def open_write(session: AsyncSession, user_id: int | None = None) -> SyncWrite:
    """Open a write: its id is the token that names every record changed in this transaction."""
    write = SyncWrite(id=models.new_id(), user_id=user_id, main_version=0, created_at=models.now())
    session.add(write)
    await session.flush()
    session.info[_WRITE_KEY] = write
    session.info.pop(_MAIN_KEY, None)
    return write


def current_write(session: AsyncSession) -> SyncWrite:
    """Return the write that is open on the session."""
    return cast("SyncWrite", session.info[_WRITE_KEY])


def give_write(session: AsyncSession, user_id: int) -> None:
    """Give the open write to a person: who registers has no id when the write is opened."""
    write: SyncWrite | None = session.info.get(_WRITE_KEY)
    if write is not None:
        write.user_id = user_id


async def record(session: AsyncSession, kind: Kind, key: object, *, deleted: bool = False) -> int:
    """Mark one record as changed, in the transaction of the change; return its new version."""
    text = str(key)
    return (await record_many(session, kind, [text], deleted=deleted))[text]


async def record_many(
    session: AsyncSession, kind: Kind, keys: Iterable[object], *, deleted: bool = False
) -> dict[str, int]:
    """Mark many records of one kind as changed; return the new version of each key.

    The first record marked after `open_write` is the write's main record.
    """
    texts = list(dict.fromkeys(str(key) for key in keys))
    if not texts:
        return {}
    await session.flush()
    moment = models.now()
    versions: dict[str, int] = {}
    # Sorted, so that two transactions on PostgreSQL lock the rows in one order and do not deadlock.
    ordered = sorted(texts)
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        rows = [
            {
                "kind": kind,
                "key": text,
                "version": 1,
                "applied_version": 0,
                "projection_version": 0,
                "attempts": 0,
                "next_attempt_at": moment,
                "changed_at": moment,
                "deleted": deleted,
            }
            for text in ordered[start : start + ROWS_AT_ONCE]
        ]
        insert = insert_into(session, SyncRecord).values(rows)
        statement = insert.on_conflict_do_update(
            index_elements=["kind", "key"],
            set_={
                # The version is counted inside the row's write lock: that is what orders two writers.
                "version": SyncRecord.__table__.c.version + 1,
                "attempts": 0,
                "next_attempt_at": insert.excluded.next_attempt_at,
                "changed_at": insert.excluded.changed_at,
                "dead_at": None,
                "last_error": None,
                "deleted": insert.excluded.deleted,
                # Leases stay: whoever projects the record now may not be joined by a second worker.
            },
        ).returning(SyncRecord.__table__.c.key, SyncRecord.__table__.c.version)
        for key, version in (await session.execute(statement)).all():
            versions[key] = version
    await _append_to_write(session, kind, texts, versions)
    return {text: versions[text] for text in texts}


async def _append_to_write(
    session: AsyncSession, kind: Kind, keys: list[str], versions: dict[str, int]
) -> None:
    write: SyncWrite | None = session.info.get(_WRITE_KEY)
    if write is None:
        return
    main = session.info.setdefault(_MAIN_KEY, (kind, keys[0]))
    if main[0] is kind and main[1] in versions:
        write.main_version = versions[main[1]]
    for start in range(0, len(keys), ROWS_AT_ONCE):
        insert = insert_into(session, SyncWriteRecord).values(
            [
                {"write_id": write.id, "kind": kind, "key": key, "version": versions[key]}
                for key in keys[start : start + ROWS_AT_ONCE]
            ]
        )
        await session.execute(
            insert.on_conflict_do_update(
                index_elements=["write_id", "kind", "key"], set_={"version": insert.excluded.version}
            )
        )


def insert_into(session: AsyncSession, model: type[models.Base]) -> Any:
    """Return an INSERT of the session's dialect, which may say what to do on a conflict."""
    name = session.get_bind().dialect.name
    table = cast("Table", model.__table__)
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)


def dirty(projection_version: int) -> ColumnElement[bool]:
    """Return the condition of a record that the graph does not have as it is now."""
    return or_(
        SyncRecord.version > SyncRecord.applied_version,
        SyncRecord.projection_version < projection_version,
    )


async def versions(
    session: AsyncSession, kind: Kind, keys: Sequence[str]
) -> dict[str, tuple[int, int, bool]]:
    """Return version, applied version and whether it is a tombstone, for each key that has a row."""
    rows = await session.execute(
        select(SyncRecord.key, SyncRecord.version, SyncRecord.applied_version, SyncRecord.deleted).where(
            SyncRecord.kind == kind, among(SyncRecord.key, keys)
        )
    )
    return {key: (version, applied, deleted) for key, version, applied, deleted in rows.all()}


async def on_their_way(
    session: AsyncSession, kind: Kind, keys: Sequence[str], *, projection_version: int = 0
) -> set[str]:
    """Return the keys whose newest version the graph need not have yet; dead letters are not among them."""
    found = await session.scalars(
        select(SyncRecord.key).where(
            SyncRecord.kind == kind,
            among(SyncRecord.key, keys),
            SyncRecord.dead_at.is_(None),
            dirty(projection_version),
        )
    )
    return set(found)


async def any_on_their_way(session: AsyncSession, kind: Kind, *, projection_version: int = 0) -> bool:
    """Tell whether any record of a kind is on its way to the graph."""
    found = await session.scalar(
        select(SyncRecord.id)
        .where(SyncRecord.kind == kind, SyncRecord.dead_at.is_(None), dirty(projection_version))
        .limit(1)
    )
    return found is not None
