"""What operators ask and do: the mirror's accounts by filter, dead letters again, records again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from sql import audit, errors, pages, sync_claims, sync_marks, sync_state
from sql.models import Enrollment, Kind, SyncRecord, SyncWrite
from sql.pages import Page, Slice, Sort
from sql.scopes import Scope
from sql.sync_status import WriteState

NO_RECORD = "SYNC_RECORD"


def state_of(row: SyncRecord, projection_version: int, *, enabled: bool) -> WriteState:
    """Return how far the graph is with a record."""
    if not enabled:
        return "DISABLED"
    if row.dead_at is not None:
        return "FAILED"
    waits = row.version > row.applied_version or row.projection_version < projection_version
    return "PENDING" if waits else "SYNCED"


async def list_records(
    session: AsyncSession,
    *,
    page: Page,
    projection_version: int,
    enabled: bool,
    state: str | None = None,
    kinds: Sequence[Kind] | None = None,
    keys: Sequence[tuple[Kind, str]] | None = None,
    with_total: bool = False,
) -> Slice:
    """Return a page of the mirror's accounts, oldest change first."""
    statement = select(SyncRecord)
    if state is not None:
        statement = statement.where(_in_state(state, projection_version, enabled))
    if kinds is not None:
        statement = statement.where(SyncRecord.kind.in_(kinds))
    if keys is not None:
        statement = statement.where(
            or_(*(and_(SyncRecord.kind == kind, SyncRecord.key == key) for kind, key in keys), false())
        )
    sorts = [Sort(SyncRecord.changed_at), Sort(SyncRecord.id)]
    return await pages.paginate(session, statement, sorts, page, with_total=with_total)


def _in_state(state: str, projection_version: int, enabled: bool) -> ColumnElement[bool]:
    if not enabled or state == "DISABLED":
        # Without a graph every account is DISABLED, and with one none is.
        return true() if not enabled and state == "DISABLED" else false()
    dead = SyncRecord.dead_at.is_not(None)
    if state == "FAILED":
        return dead
    waits = sync_state.dirty(projection_version)
    return and_(not_(dead), waits if state == "PENDING" else not_(waits))


async def by_ids(session: AsyncSession, ids: Sequence[int]) -> dict[int, SyncRecord]:
    """Return the accounts of some ids."""
    rows = await session.scalars(select(SyncRecord).where(SyncRecord.id.in_(ids)))
    return {row.id: row for row in rows}


async def dead_letters(
    session: AsyncSession, *, kind: Kind | None = None, key: str | None = None
) -> AsyncIterator[SyncRecord]:
    """Yield dead letters, oldest change first."""
    statement = select(SyncRecord).where(SyncRecord.dead_at.is_not(None))
    if kind is not None:
        statement = statement.where(SyncRecord.kind == kind)
    if key is not None:
        statement = statement.where(SyncRecord.key == key)
    found = await session.stream_scalars(
        statement.order_by(SyncRecord.changed_at, SyncRecord.id).execution_options(yield_per=500)
    )
    async for row in found:
        yield row


async def count_records(session: AsyncSession) -> int:
    """Return how many records have an account."""
    return int(await session.scalar(select(func.count()).select_from(SyncRecord)) or 0)


async def enrollment_ids(session: AsyncSession, keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of enrollments by their keys; one that is deleted has none."""
    pairs = [tuple(int(part) for part in key.split(":")) for key in keys]
    rows = await session.execute(
        select(Enrollment.course_id, Enrollment.student_id, Enrollment.id).where(
            tuple_(Enrollment.course_id, Enrollment.student_id).in_(pairs)
        )
    )
    return {f"{course_id}:{student_id}": id_ for course_id, student_id, id_ in rows}


async def enrollment_key(session: AsyncSession, enrollment_id: int) -> str | None:
    """Return the key of an enrollment."""
    row = await session.get(Enrollment, enrollment_id)
    return None if row is None else f"{row.course_id}:{row.student_id}"


async def retry(
    session: AsyncSession, *, actor_id: int | None, write: SyncWrite, ids: Sequence[int] | None
) -> int:
    """Put dead letters back in line, the named ones or all; return how many.

    An account that is no dead letter is left as it is. Raises NotFound for an unknown id.
    """
    chosen: list[ColumnElement[bool]] = [SyncRecord.dead_at.is_not(None)]
    if ids is not None:
        known = await by_ids(session, ids)
        for place, id_ in enumerate(ids):
            if id_ not in known:
                raise errors.NotFound(NO_RECORD, id_, ("ids", str(place)))
        chosen.append(SyncRecord.id.in_(ids))
    await sync_marks.list_in_write(session, write, *chosen)
    count = await sync_claims.requeue(session, ids=ids)
    await _note(session, actor_id, "retrySync", write, retriedCount=count)
    return count


async def repair(
    session: AsyncSession,
    *,
    actor_id: int | None,
    write: SyncWrite,
    records: dict[Kind, list[str]],
    mended: int,
    course_id: int | None = None,
) -> None:
    """Put the records of a repair in line."""
    for kind, keys in records.items():
        await sync_marks.reopen(session, kind, keys)
        await sync_marks.list_keys_in_write(session, write, kind, keys)
    await _note(session, actor_id, "repairDrift", write, course_id=course_id, repairedCount=mended)


async def rebuild(session: AsyncSession, *, actor_id: int | None, write: SyncWrite, scope: Scope) -> int:
    """Put every record in scope in line; return how many."""
    count = await sync_marks.put_in_line(session, scope)
    await sync_marks.list_scope_in_write(session, write, scope)
    await _note(session, actor_id, "rebuildGraph", write, course_id=scope.course_id, recordCount=count)
    return count


async def _note(
    session: AsyncSession,
    actor_id: int | None,
    action: str,
    write: SyncWrite,
    *,
    course_id: int | None = None,
    **counts: int,
) -> None:
    # The record of an operator's change is the write itself: its token leads to all that it put in line.
    changes = [audit.Change(name, None, count) for name, count in counts.items()]
    await audit.write(session, actor_id, action, NO_RECORD, write.id, course_id=course_id, changes=changes)
