"""Sync state: what changed, how far the graph is with it, and who is carrying it over.

`record` runs inside the transaction of the change itself, so a change without its mark
cannot be committed. `next_attempt_at` is null exactly for records that are clean, so
finding work is one range of an index however many records there are.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from sql import errors, models
from sql.models import IdempotencyReceipt, Kind, SyncRecord, SyncWrite, SyncWriteRecord
from sql.points import Point
from sql.session import Database
from sql.sets import among

WriteState: TypeAlias = Literal["PENDING", "SYNCED", "FAILED", "DISABLED"]

BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_CAP_SECONDS = 30.0
LEASE_CAP_SECONDS = 300.0
KEEP = timedelta(hours=24)
# A change that waits longer than this makes the mirror degraded.
GREATEST_LAG = timedelta(minutes=1)
ROWS_AT_ONCE = 500
# A batch of a worker: one statement claims it, and one acknowledges it.
CLAIMS_AT_ONCE = 1_000
CLEAN_UP_ROWS = 1_000
ERROR_LENGTH = 500

# Nodes before the relationships between them; equal ranks are independent of each other.
RANKS: dict[Kind, int] = {
    Kind.USER: 0,
    Kind.COURSE: 1,
    Kind.CHAPTER: 2,
    Kind.CONCEPT: 2,
    Kind.METADATA: 2,
    Kind.ENROLLMENT: 2,
    Kind.THEORY: 3,
    Kind.CHAPTER_SEQUENCE: 4,
    Kind.THEORY_SEQUENCE: 4,
    Kind.SKILL: 5,
    Kind.RESOURCE: 5,
    Kind.CONCEPT_MENTION: 5,
    Kind.CONCEPT_RELATION: 5,
    Kind.SKILL_PREREQUISITE: 6,
    Kind.MASTERY: 6,
    Kind.PROGRESS: 6,
}
if missing := set(Kind) - set(RANKS):
    raise RuntimeError(f"kinds without a rank: {sorted(missing)}")

# The main version of a write that put everything in line again; its records are not listed one by one.
EVERYTHING_AGAIN = -1

_WRITE_KEY = "sync_write"
_MAIN_KEY = "sync_write_main"


@dataclass(frozen=True, slots=True)
class Claim:
    """One dirty record, leased to a worker. `version` is the one seen at the claim."""

    id: int
    kind: Kind
    key: str
    version: int
    applied_version: int
    attempts: int
    changed_at: datetime


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


@dataclass(slots=True)
class CleanUp:
    """What a bounded clean-up removed."""

    tombstones: list[tuple[Kind, str]] = field(default_factory=list)
    writes: int = 0
    receipts: int = 0


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


async def claim(
    session: AsyncSession,
    worker: str,
    *,
    limit: int,
    lease_seconds: float,
    now: datetime | None = None,
    kinds: Iterable[Kind] | None = None,
    projection_version: int = 0,
    write_id: str | None = None,
) -> list[Claim]:
    """Lease up to `limit` dirty records to a worker, nodes before relationships, oldest change first.

    A record is leased to one worker at a time, so its versions are never applied out of order by
    two workers at once; a lease that has run out is anybody's. A lease or a pause that reaches
    further than it ever may was made before the clock was set back, and counts as over.
    `write_id` narrows to the records of one write, whether due or not.
    """
    moment = now or models.now()
    due = or_(
        SyncRecord.next_attempt_at <= moment,
        SyncRecord.next_attempt_at > moment + timedelta(seconds=2 * BACKOFF_CAP_SECONDS),
    )
    free = or_(
        SyncRecord.leased_until.is_(None),
        SyncRecord.leased_until <= moment,
        SyncRecord.leased_until > moment + timedelta(seconds=LEASE_CAP_SECONDS),
    )
    conditions: list[ColumnElement[bool]] = [
        SyncRecord.dead_at.is_(None),
        SyncRecord.next_attempt_at.is_not(None),
        dirty(projection_version),
        free,
    ]
    if write_id is None:
        conditions.append(due)
    else:
        conditions.append(
            select(SyncWriteRecord.write_id)
            .where(
                SyncWriteRecord.write_id == write_id,
                SyncWriteRecord.kind == SyncRecord.kind,
                SyncWriteRecord.key == SyncRecord.key,
            )
            .exists()
        )
    if kinds is not None:
        conditions.append(SyncRecord.kind.in_(list(kinds)))
    rank = case({kind: rank for kind, rank in RANKS.items()}, value=SyncRecord.kind, else_=99)
    table = SyncRecord
    found = await session.execute(
        select(
            table.id,
            table.kind,
            table.key,
            table.version,
            table.applied_version,
            table.attempts,
            table.changed_at,
        )
        .where(*conditions)
        .order_by(rank, table.changed_at, table.id)
        .limit(limit)
        # Ignored by SQLite, whose write transaction is alone anyway.
        .with_for_update(skip_locked=True)
    )
    claims = [Claim(*row) for row in found]
    until = moment + timedelta(seconds=min(lease_seconds, LEASE_CAP_SECONDS))
    for start in range(0, len(claims), CLAIMS_AT_ONCE):
        await _update(
            session,
            [item.id for item in claims[start : start + CLAIMS_AT_ONCE]],
            {"leased_by": worker[:100], "leased_until": until},
        )
    return claims


async def _update(
    session: AsyncSession, ids: Sequence[int], values: dict[str, Any], *where: ColumnElement[bool]
) -> int:
    result = await session.execute(
        update(SyncRecord)
        .where(among(SyncRecord.id, ids), *where)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


async def acknowledge(
    session: AsyncSession,
    applied: Sequence[tuple[int, int]],
    projection_version: int,
    *,
    now: datetime | None = None,
) -> None:
    """Note that the graph holds each (record id, version); a change made meanwhile stays dirty."""
    moment = now or models.now()
    table = SyncRecord.__table__
    for start in range(0, len(applied), CLAIMS_AT_ONCE):
        part = dict(applied[start : start + CLAIMS_AT_ONCE])
        # Most records of a batch are at one version; only the others are spelt out one by one.
        usual = Counter(part.values()).most_common(1)[0][0]
        others = {id_: version for id_, version in part.items() if version != usual}
        reached = case(others, value=SyncRecord.id, else_=usual) if others else literal(usual)
        newest = case((table.c.applied_version > reached, table.c.applied_version), else_=reached)
        await _update(
            session,
            list(part),
            {
                "applied_version": newest,
                "projection_version": projection_version,
                "applied_at": moment,
                "attempts": 0,
                "last_error": None,
                "dead_at": None,
                "leased_by": None,
                "leased_until": None,
                # Clearing the dirt is bounded by the version applied (R6).
                "next_attempt_at": case((table.c.version > newest, moment), else_=None),
            },
        )


async def postpone(
    session: AsyncSession,
    ids: Sequence[int],
    error: str,
    *,
    now: datetime | None = None,
) -> None:
    """Put records off after a failed attempt: exponential with jitter, capped, counted."""
    moment = now or models.now()
    for start in range(0, len(ids), ROWS_AT_ONCE):
        part = ids[start : start + ROWS_AT_ONCE]
        counts = (
            await session.execute(
                select(SyncRecord.attempts, SyncRecord.id).where(among(SyncRecord.id, part))
            )
        ).all()
        by_count: dict[int, list[int]] = {}
        for attempts, id_ in counts:
            by_count.setdefault(attempts, []).append(id_)
        for attempts, same in by_count.items():
            await _update(
                session,
                same,
                {
                    "attempts": SyncRecord.attempts + 1,
                    "last_error": error[:ERROR_LENGTH],
                    "next_attempt_at": moment + backoff(attempts),
                    "leased_by": None,
                    "leased_until": None,
                },
            )


def backoff(attempts: int) -> timedelta:
    """Return the pause after a number of earlier attempts, with jitter of half its length."""
    seconds = min(BACKOFF_CAP_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempts, 20))
    return timedelta(seconds=seconds * (0.5 + random.random() / 2))  # noqa: S311 - spreads retries, no secret


async def postpone_without_attempt(
    session: AsyncSession,
    ids: Sequence[int],
    reason: str,
    *,
    seconds: float = 1.0,
    now: datetime | None = None,
) -> None:
    """Put records off for something that is not their fault: an end not there yet, an outage."""
    moment = now or models.now()
    pause = timedelta(seconds=seconds * (0.5 + random.random() / 2))  # noqa: S311 - spreads retries, no secret
    for start in range(0, len(ids), CLAIMS_AT_ONCE):
        await _update(
            session,
            ids[start : start + CLAIMS_AT_ONCE],
            {
                "last_error": reason[:ERROR_LENGTH],
                "next_attempt_at": moment + pause,
                "leased_by": None,
                "leased_until": None,
            },
        )


async def bury(
    session: AsyncSession, ids: Sequence[int], reason: str, *, version: int, now: datetime | None = None
) -> int:
    """Make records that the graph refuses for good dead letters; return how many.

    Only as long as they are still at `version`: a change made meanwhile deserves its own attempt.
    """
    moment = now or models.now()
    buried = await _update(
        session,
        ids,
        {
            "attempts": SyncRecord.attempts + 1,
            "last_error": reason[:ERROR_LENGTH],
            "dead_at": moment,
            "next_attempt_at": None,
            "leased_by": None,
            "leased_until": None,
        },
        SyncRecord.version <= version,
    )
    if buried < len(ids):
        await release(session, ids)
    return buried


async def release(session: AsyncSession, ids: Sequence[int]) -> None:
    """Give leases back without a word about the records."""
    for start in range(0, len(ids), CLAIMS_AT_ONCE):
        await _update(session, ids[start : start + CLAIMS_AT_ONCE], {"leased_by": None, "leased_until": None})


async def release_worker(session: AsyncSession, worker: str) -> None:
    """Give back every lease of a worker, when it ends in order."""
    await session.execute(
        update(SyncRecord)
        .where(SyncRecord.leased_by == worker[:100])
        .values(leased_by=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )


async def requeue(
    session: AsyncSession,
    *,
    ids: Sequence[int] | None = None,
    kind: Kind | None = None,
    key: str | None = None,
) -> int:
    """Give dead letters another try, all or the ones named; return how many."""
    statement = (
        update(SyncRecord)
        .where(SyncRecord.dead_at.is_not(None))
        .values(dead_at=None, attempts=0, next_attempt_at=models.now())
        .execution_options(synchronize_session=False)
    )
    if ids is not None:
        statement = statement.where(SyncRecord.id.in_(ids))
    if kind is not None:
        statement = statement.where(SyncRecord.kind == kind)
    if key is not None:
        statement = statement.where(SyncRecord.key == key)
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount


async def wake(session: AsyncSession, *, projection_version: int = 0, now: datetime | None = None) -> int:
    """Make every record that waits due now: after an outage, and after the projection's code changed."""
    moment = now or models.now()
    result = await session.execute(
        update(SyncRecord)
        .where(
            SyncRecord.dead_at.is_(None),
            dirty(projection_version),
            or_(SyncRecord.next_attempt_at.is_(None), SyncRecord.next_attempt_at > moment),
        )
        .values(next_attempt_at=moment)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


async def raise_version(session: AsyncSession, id_: int, version: int) -> None:
    """Lift a record above a version that the graph holds from elsewhere, e.g. before a restore."""
    moment = models.now()
    await _update(
        session,
        [id_],
        {"version": version, "next_attempt_at": moment, "changed_at": moment},
        SyncRecord.version < version,
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


def give_write(session: AsyncSession, user_id: int) -> None:
    """Give the open write to a person: who registers has no id when the write is opened."""
    write: SyncWrite | None = session.info.get(_WRITE_KEY)
    if write is not None:
        write.user_id = user_id
