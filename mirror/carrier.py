"""Brings claimed records to the graph: read again, write, acknowledge; what is refused is taken apart."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from graph.client import GraphClient, Statement
from graph.errors import GraphConflict, GraphRejected
from mirror import projection
from mirror.projection import PROJECTION_VERSION, Plan
from sql import errors, scopes, sync_claims, sync_marks, sync_state
from sql.models import Kind
from sql.session import Database
from sql.sync_claims import Claim

log = logging.getLogger("lab_tutor.mirror")

TOLD_EACH = 10

# Refusals that the next change of another record may lift: a name that is about to be free, an end that
# went away in between. They get a few attempts before they count as final.
_DOUBTFUL = ("ConstraintValidationFailed", "EntityNotFound", "ConstraintViolation")


@dataclass(frozen=True, slots=True)
class MirrorConfig:
    """How the mirror works; times in seconds."""

    batch_size: int = 1_000
    poll_seconds: float = 1.0
    lease_seconds: float = 60.0
    write_deadline_seconds: float = 30.0
    inline_records: int = 100
    inline_lease_seconds: float = 5.0
    inline_pause_seconds: float = 3.0
    doubtful_attempts: int = 4
    outage_cap_seconds: float = 5.0
    probe_seconds: float = 10.0
    missing_end_seconds: float = 1.0
    clean_up_seconds: float = 60.0
    worker: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of claimed records."""

    applied: int = 0
    postponed: int = 0
    buried: int = 0

    def add(self, other: Outcome) -> None:
        self.applied += other.applied
        self.postponed += other.postponed
        self.buried += other.buried


@dataclass(slots=True)
class Figures:
    """Counters since start, for metrics."""

    attempts: int = 0
    applied: int = 0
    postponed: int = 0
    buried: int = 0
    outages: int = 0
    projection_seconds: float = 0.0
    last_error: str | None = None
    graph_reachable: bool | None = None


# Record -> (version that the graph holds, whether it is the one sent).
_Answer: TypeAlias = dict[tuple[Kind, str], tuple[int, bool]]


@dataclass(slots=True)
class Batch:
    """Claimed records on their way. `answer` is there once the graph has them; seconds are those of work on it."""

    claims: Sequence[Claim]
    plan: Plan = field(default_factory=Plan)
    seconds: float = 0.0
    answer: _Answer = field(default_factory=dict)


class Carrier:
    """What a worker does with records that it claimed, one batch after the other."""

    def __init__(
        self, database: Database, client: GraphClient | None, config: MirrorConfig | None = None
    ) -> None:
        self.database = database
        self.client = client
        self.config = config or MirrorConfig()
        self.worker = self.config.worker or f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.figures = Figures()
        # Told of each batch with its seconds, and with None of what else was counted.
        self.observe: Callable[[float | None], None] = lambda _: None
        self._schema_ready = False

    async def claim(self, limit: int) -> list[Claim]:
        """Lease up to `limit` records that are due."""
        async with self.database.write() as session:
            return await sync_claims.claim(
                session,
                self.worker,
                limit=limit,
                lease_seconds=self.config.lease_seconds,
                projection_version=PROJECTION_VERSION,
            )

    async def ensure_schema(self) -> None:
        """Make the graph's constraints, unless this is known to be done."""
        # Without the constraints two MERGEs of one key make two nodes (R12).
        if not self._schema_ready and self.client is not None:
            await self.client.ensure_schema()
            self._schema_ready = True

    async def project(self, claims: Sequence[Claim], deadline_seconds: float) -> Outcome:
        """Project claimed records in one graph transaction; on a refusal halve, down to the one refused."""
        if not claims:
            return Outcome()
        await self.ensure_schema()
        try:
            return await self._project_together(claims, deadline_seconds)
        except (GraphConflict, GraphRejected) as error:
            return await self.project_apart(claims, error, deadline_seconds)

    async def project_apart(
        self, claims: Sequence[Claim], error: GraphConflict | GraphRejected, deadline_seconds: float
    ) -> Outcome:
        """Deal with claimed records that the graph did not take together; nothing of them was written."""
        if isinstance(error, GraphConflict):
            async with self.database.write() as session:
                await sync_claims.postpone_without_attempt(
                    session, [item.id for item in claims], reason_of(error), seconds=0.3
                )
            return Outcome(postponed=len(claims))
        if len(claims) == 1:
            return await self._refused(claims[0], error)
        total = Outcome()
        for part in _halves(claims):
            total.add(await self.project(part, deadline_seconds))
        return total

    async def _project_together(self, claims: Sequence[Claim], deadline_seconds: float) -> Outcome:
        batch = await self.read(claims, deadline_seconds)
        await self.write(batch, deadline_seconds)
        return await self.acknowledge(batch)

    async def read(self, claims: Sequence[Claim], deadline_seconds: float) -> Batch:
        """Read claimed records again and plan how to write them."""
        started = time.monotonic()
        keys: dict[Kind, list[str]] = {}
        for item in claims:
            keys.setdefault(item.kind, []).append(item.key)
        self.figures.attempts += len(claims)
        if Kind.USER in keys:
            await self._reopen_dependents(keys[Kind.USER], deadline_seconds)
        async with self.database.read() as session:
            plan = await projection.plan(session, keys)
        return Batch(claims, plan, time.monotonic() - started)

    async def write(self, batch: Batch, deadline_seconds: float) -> None:
        """Write a batch in one graph transaction."""
        started = time.monotonic()
        batch.answer = await self._send(batch.plan, deadline_seconds)
        batch.seconds += time.monotonic() - started

    async def acknowledge(self, batch: Batch) -> Outcome:
        """Note what the graph answered, and tell of it."""
        started = time.monotonic()
        outcome = await self._settle(batch.claims, batch.plan, batch.answer)
        batch.seconds += time.monotonic() - started
        self.figures.projection_seconds += batch.seconds
        self.figures.applied += outcome.applied
        self.figures.postponed += outcome.postponed
        self.observe(batch.seconds)
        log.info(
            "projected",
            extra={
                "action": "projected",
                "records": len(batch.claims),
                "applied": outcome.applied,
                "postponed": outcome.postponed,
                "duration": round(batch.seconds, 4),
            },
        )
        self._tell_each(batch.claims, batch.plan, batch.answer, batch.seconds)
        return outcome

    def _tell_each(self, claims: Sequence[Claim], plan: Plan, answer: _Answer, seconds: float) -> None:
        # A line for each record while they are few; a bulk is told as a whole.
        level = logging.INFO if len(claims) <= TOLD_EACH else logging.DEBUG
        if not log.isEnabledFor(level):
            return
        for item in claims:
            found = answer.get((item.kind, item.key))
            log.log(
                level,
                "record projected",
                extra={
                    "action": "postponed" if found is None else "applied" if found[1] else "superseded",
                    "kind": item.kind.value,
                    "key": item.key,
                    "version": plan.versions.get((item.kind, item.key), item.version),
                    "attempt": item.attempts + 1,
                    "duration": round(seconds, 4),
                },
            )

    async def _send(self, plan: Plan, deadline_seconds: float) -> _Answer:
        answer: _Answer = {}
        if plan.statements and self.client is not None:
            results = await self.client.write(plan.statements, deadline_seconds=deadline_seconds)
            for kind, rows in zip(plan.kinds, results, strict=True):
                if kind is not None:
                    # One row: the driver takes as long for each row as SQL for a record.
                    ((answers,),) = rows
                    for key, found, applied in answers:
                        answer[kind, key] = (found, bool(applied))
        for item in plan.nothing_to_do:
            answer[item] = (plan.versions[item], True)
        return answer

    async def _settle(self, claims: Sequence[Claim], plan: Plan, answer: _Answer) -> Outcome:
        done: list[tuple[int, int]] = []
        waiting: list[int] = []
        suspicious: list[tuple[Claim, int]] = []
        for item in claims:
            name = (item.kind, item.key)
            version = plan.versions.get(name)
            if version is None:
                continue
            found = answer.get(name)
            if found is None:
                waiting.append(item.id)
            elif found[1]:
                done.append((item.id, version))
            else:
                suspicious.append((item, found[0]))
        async with self.database.write() as session:
            if done:
                await sync_claims.acknowledge(session, done, PROJECTION_VERSION)
            if waiting:
                await sync_claims.postpone_without_attempt(
                    session,
                    waiting,
                    "waits for another record to be in the graph",
                    seconds=self.config.missing_end_seconds,
                )
            for item, held in suspicious:
                await self._superseded(session, item, held)
        return Outcome(applied=len(done), postponed=len(waiting) + len(suspicious))

    async def _superseded(self, session: AsyncSession, item: Claim, held: int) -> None:
        """Deal with a record of which the graph holds as much or more than was sent."""
        current = (await sync_state.versions(session, item.kind, [item.key])).get(item.key)
        if current is not None and held >= current[0]:
            # Nobody here gave that version: the database was restored from a backup, or the graph was
            # filled by another one. SQL is the system of record, so it goes on above.
            await sync_claims.raise_version(session, item.id, held + 1)
            await sync_marks.set_row_versions(session, item.kind, {item.key: held + 1})
            self.note("version_raised", kind=item.kind, key=item.key, version=held + 1)
        # Otherwise a newer version got there first; it was or will be acknowledged by its own worker.
        await sync_claims.release(session, [item.id])

    async def _refused(self, item: Claim, error: GraphRejected) -> Outcome:
        reason = reason_of(error)
        doubtful = any(word in error.code for word in _DOUBTFUL)
        self.figures.last_error = reason
        async with self.database.write() as session:
            if doubtful and item.attempts < self.config.doubtful_attempts:
                await sync_claims.postpone(session, [item.id], reason)
                self.note(
                    "refused", kind=item.kind, key=item.key, version=item.version, attempt=item.attempts + 1
                )
                return Outcome(postponed=1)
            buried = await sync_claims.bury(session, [item.id], reason, version=item.version)
        self.figures.buried += buried
        self.note(
            "buried",
            kind=item.kind,
            key=item.key,
            version=item.version,
            attempt=item.attempts + 1,
            error=reason,
        )
        return Outcome(buried=buried, postponed=1 - buried)

    async def _reopen_dependents(self, keys: list[str], deadline_seconds: float) -> None:
        """Record anew what depends on the role of users whose role the graph does not have yet.

        An enrollment is an edge only while its user is a student: after a change of role it must be
        projected again although it did not change itself. Before the graph is written, so that a crash
        in between loses nothing; with new versions, so that the guards hold between old and new.
        """
        if self.client is None:
            return
        async with self.database.read() as session:
            planned = await projection.plan(session, {Kind.USER: keys})
        target = {
            row["id"]: item.name.removeprefix("mirror/")
            for item in planned.statements
            for row in item.parameters["rows"]
        }
        labels = {"upsert_students": "STUDENT", "upsert_teachers": "TEACHER", "delete_users": "BURIED"}
        held = await self.client.read(
            _find_user_labels(list(target)),
            deadline_seconds=deadline_seconds,
        )
        changed: set[int] = set()
        for id_, label in held:
            user_id = int(str(id_).removeprefix("USER:"))
            if label != labels[target[user_id]]:
                changed.add(user_id)
        if changed:
            async with self.database.write() as session:
                await _record_dependents(session, sorted(changed))

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Release records that were claimed; when the database is away, their leases end by themselves."""
        try:
            async with self.database.write() as session:
                await sync_claims.release(session, [item.id for item in claims])
        except errors.SqlError:
            self.note("release_failed", error="database")

    def note(
        self,
        action: str,
        *,
        kind: Kind | None = None,
        key: str | None = None,
        version: int | None = None,
        attempt: int | None = None,
        error: str | None = None,
    ) -> None:
        """Log something unusual, and remember its error."""
        if error is not None:
            self.figures.last_error = error
        self.observe(None)
        log.warning(
            "mirror: %s",
            action,
            extra={
                "action": action,
                "kind": None if kind is None else kind.value,
                "key": key,
                "version": version,
                "attempt": attempt,
                "error": error,
            },
        )


def _find_user_labels(ids: list[int]) -> Statement:
    return projection.statement(
        "find_user_labels", {"ids": ids, "records": [f"USER:{id_}" for id_ in ids]}, write=False
    )


async def _record_dependents(session: AsyncSession, user_ids: list[int]) -> None:
    dependents = await scopes.dependents(session, Kind.USER, map(str, user_ids))
    for kind, keys in dependents.items():
        versions = await sync_state.record_many(session, kind, keys)
        await sync_marks.set_row_versions(session, kind, versions)


def _halves(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    kinds = {item.kind for item in claims}
    if len(kinds) > 1:
        # Kinds apart first: nodes stay before the relationships between them.
        ranked = [kind for kind in projection.KINDS_BY_RANK if kind in kinds]
        return [[item for item in claims if item.kind is kind] for kind in ranked]
    middle = len(claims) // 2
    return [claims[:middle], claims[middle:]]


def reason_of(error: Exception) -> str:
    """Return a reason without any text of a driver: it may hold values."""
    code = getattr(error, "code", None) or getattr(error, "reason", None)
    return f"{type(error).__name__}: {code}" if code else type(error).__name__
