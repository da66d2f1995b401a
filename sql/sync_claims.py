"""What a worker does with dirty records: lease some, then acknowledge, postpone, bury or release them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    case,
    exists,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import Kind, SyncRecord, SyncWriteRecord
from sql.sets import among
from sql.sync_state import ROWS_AT_ONCE, dirty

BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_CAP_SECONDS = 30.0
LEASE_CAP_SECONDS = 300.0

# A batch of a worker: one statement claims it, and one acknowledges it.
CLAIMS_AT_ONCE = 1_000
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


@dataclass(frozen=True, slots=True)
class Claim:
    """One dirty record, leased to a worker. `version` is the one seen at the claim."""

    id: int
    kind: Kind
    key: str
    version: int
    applied_version: int
    attempts: int


async def claim(
    session: AsyncSession,
    worker: str,
    *,
    limit: int,
    lease_seconds: float,
    now: datetime | None = None,
    projection_version: int = 0,
    write_id: str | None = None,
) -> list[Claim]:
    """Lease up to `limit` dirty records to a worker, nodes before relationships, oldest change first.

    A record is leased to one worker at a time, so its versions are never applied out of order by
    two workers at once; a lease that has run out is anybody's. A lease or a pause that reaches
    further than it ever may was made before the clock was set back, and counts as over.
    `write_id` narrows to the records of one write, whether due or not. Without it, kinds of one rank get equal
    shares, each from its own index: what a claim costs does not grow with what waits.
    """
    moment = now or models.now()
    free = or_(
        SyncRecord.leased_until.is_(None),
        SyncRecord.leased_until <= moment,
        SyncRecord.leased_until > moment + timedelta(seconds=LEASE_CAP_SECONDS),
    )
    waits = [*_IN_LINE, dirty(projection_version), free]
    if write_id is not None:
        claims = await _found(session, [*waits, _of_write(write_id)], limit)
    else:
        # Not as two ranges joined by OR: SQLite would look each record up in both.
        due = not_(
            and_(
                SyncRecord.next_attempt_at > moment,
                SyncRecord.next_attempt_at <= moment + timedelta(seconds=2 * BACKOFF_CAP_SECONDS),
            )
        )
        claims = await _by_kind(session, [*waits, due], limit)
    until = moment + timedelta(seconds=min(lease_seconds, LEASE_CAP_SECONDS))
    for start in range(0, len(claims), CLAIMS_AT_ONCE):
        await _update(
            session,
            [item.id for item in claims[start : start + CLAIMS_AT_ONCE]],
            {"leased_by": worker[:100], "leased_until": until},
        )
    return claims


# As the index has it (ix_sync_records_in_line).
_IN_LINE: tuple[ColumnElement[bool], ...] = (
    SyncRecord.dead_at.is_(None),
    SyncRecord.next_attempt_at.is_not(None),
)
_RANK = case(dict(RANKS), value=SyncRecord.kind, else_=99)


def _of_write(write_id: str) -> ColumnElement[bool]:
    return (
        select(SyncWriteRecord.write_id)
        .where(
            SyncWriteRecord.write_id == write_id,
            SyncWriteRecord.kind == SyncRecord.kind,
            SyncWriteRecord.key == SyncRecord.key,
        )
        .exists()
    )


async def _by_kind(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], limit: int
) -> list[Claim]:
    there = select(
        *(exists().where(SyncRecord.kind == kind, *conditions).label(kind.value) for kind in RANKS)
    )
    (answer,) = await session.execute(there)
    waiting: dict[int, list[Kind]] = {}
    for (kind, rank), is_there in zip(RANKS.items(), answer, strict=True):
        if is_there:
            waiting.setdefault(rank, []).append(kind)
    claims: list[Claim] = []
    for _, kinds in sorted(waiting.items()):
        share = -(-(limit - len(claims)) // len(kinds))
        more = False
        for kind in kinds:
            most = min(share, limit - len(claims))
            found = await _found(session, [SyncRecord.kind == kind, *conditions], most, in_rank=False)
            claims += found
            more = more or len(found) == most
        if more:
            # What is left of this rank comes before the next one.
            break
    return claims


async def _found(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], limit: int, *, in_rank: bool = True
) -> list[Claim]:
    table = SyncRecord
    columns = (
        table.id,
        table.kind,
        table.key,
        table.version,
        table.applied_version,
        table.attempts,
    )
    order = (*((_RANK,) if in_rank else ()), table.changed_at, table.id)
    # SKIP LOCKED is ignored by SQLite, whose write transaction is alone anyway.
    statement = select(*columns).where(*conditions).order_by(*order).limit(limit)
    return [Claim(*row) for row in await session.execute(statement.with_for_update(skip_locked=True))]


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
