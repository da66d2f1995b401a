"""Puts records in line for the graph once more, although they did not change: repairs, rebuilds, retries.

Their versions stay, so that a client's `expectedVersion` holds and what was SYNCED stays SYNCED for the
write that changed it; they are dirty by the version of the projection alone. A write that marks records
this way has no main version, and is SYNCED once each of them was written again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    bindparam,
    case,
    exists,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import Kind, SyncRecord, SyncWrite, SyncWriteRecord
from sql.scopes import KEY_COLUMNS, SEQUENCES, Scope, key_text
from sql.sync_state import EVERYTHING_AGAIN, insert_into

ROWS_AT_ONCE = 500


async def put_in_line(session: AsyncSession, scope: Scope) -> int:
    """Have every record in scope written to the graph once more; return how many.

    For everything that means tombstones too: what they buried goes again where it came back.
    """
    return sum([await mark_kind(session, kind, scope) for kind in Kind if scope.holds(kind)])


async def mark_kind(session: AsyncSession, kind: Kind, scope: Scope) -> int:
    """Have every record of a kind in scope written to the graph once more; return how many."""
    await mark_missing(session, kind, scope)
    if scope.everything:
        return await _reopen(session, kind, true())
    return await _reopen(session, kind, SyncRecord.key.in_(scope.narrow(kind, select(key_text(kind)))))


async def mark_missing(session: AsyncSession, kind: Kind, scope: Scope) -> None:
    """Give records in scope that have no mark one, with the versions of their rows."""
    entity = KEY_COLUMNS[kind][0].class_
    version: ColumnElement[int] = literal(1)
    if kind not in SEQUENCES and hasattr(entity, "version"):
        version = case((entity.version > 1, entity.version), else_=1)
    moment = models.now()
    key = key_text(kind)
    marked = exists().where(SyncRecord.kind == kind, SyncRecord.key == key)
    columns = {
        "kind": literal(kind, SyncRecord.__table__.c.kind.type),
        "key": key,
        "version": version,
        "applied_version": literal(0),
        "projection_version": literal(0),
        "attempts": literal(0),
        "next_attempt_at": literal(moment, SyncRecord.__table__.c.next_attempt_at.type),
        "changed_at": literal(moment, SyncRecord.__table__.c.changed_at.type),
        "deleted": literal(False),
    }
    chosen = scope.narrow(kind, select(*columns.values()).select_from(entity).where(~marked))
    await session.execute(
        insert_into(session, SyncRecord).from_select(list(columns), chosen).on_conflict_do_nothing()
    )


async def reopen(session: AsyncSession, kind: Kind, keys: Sequence[str], *, delay_seconds: float = 0) -> None:
    """Have some records written to the graph once more; keys without a row in SQL are not for here."""
    for start in range(0, len(keys), ROWS_AT_ONCE):
        part = list(keys[start : start + ROWS_AT_ONCE])
        marked = await _reopen(session, kind, SyncRecord.key.in_(part), delay_seconds=delay_seconds)
        if marked < len(set(part)):
            await mark_missing(session, kind, Scope())
            await _reopen(session, kind, SyncRecord.key.in_(part), delay_seconds=delay_seconds)


async def _reopen(
    session: AsyncSession, kind: Kind, condition: ColumnElement[bool], *, delay_seconds: float = 0
) -> int:
    result = await session.execute(
        update(SyncRecord)
        .where(SyncRecord.kind == kind, condition)
        .values(
            projection_version=0,
            attempts=0,
            next_attempt_at=models.now() + timedelta(seconds=delay_seconds),
            dead_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


async def list_in_write(session: AsyncSession, write: SyncWrite, *conditions: ColumnElement[bool]) -> None:
    """List records that were put in line under a write, so that its token tells when they are done."""
    await session.flush()
    listed = select(literal(write.id), SyncRecord.kind, SyncRecord.key, SyncRecord.version).where(*conditions)
    await session.execute(
        insert_into(session, SyncWriteRecord)
        .from_select(["write_id", "kind", "key", "version"], listed)
        .on_conflict_do_nothing()
    )


async def list_scope_in_write(session: AsyncSession, write: SyncWrite, scope: Scope) -> None:
    """List all records in scope under a write; everything is said in one word."""
    if scope.everything:
        write.main_version = EVERYTHING_AGAIN
        return
    for kind in Kind:
        if scope.holds(kind):
            chosen = scope.narrow(kind, select(key_text(kind)))
            await list_in_write(session, write, SyncRecord.kind == kind, SyncRecord.key.in_(chosen))


async def list_keys_in_write(
    session: AsyncSession, write: SyncWrite, kind: Kind, keys: Sequence[str]
) -> None:
    """List some records under a write."""
    for start in range(0, len(keys), ROWS_AT_ONCE):
        part = list(keys[start : start + ROWS_AT_ONCE])
        await list_in_write(session, write, SyncRecord.kind == kind, SyncRecord.key.in_(part))


async def set_row_versions(session: AsyncSession, kind: Kind, versions: Mapping[str, int]) -> None:
    """Give rows the versions that their marks were given by the mirror, so that both stay equal."""
    columns = KEY_COLUMNS[kind]
    entity = columns[0].class_
    if not versions or kind in SEQUENCES or not hasattr(entity, "version"):
        return
    names = [f"key_{place}" for place in range(len(columns))]
    conditions = [column == bindparam(name) for column, name in zip(columns, names, strict=True)]
    statement = update(entity.__table__).where(*conditions).values(version=bindparam("new_version"))
    rows = [
        {
            "new_version": version,
            **{
                name: column.type.python_type(part)
                for column, name, part in zip(columns, names, key.split(":"), strict=True)
            },
        }
        for key, version in versions.items()
    ]
    await (await session.connection()).execute(statement, rows)
