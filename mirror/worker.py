"""Carries dirty records to the graph: claim, read again, project, acknowledge."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from graph.client import GraphClient, Statement
from graph.errors import GraphConflict, GraphError, GraphRejected, GraphUnavailable
from mirror import projection
from mirror.projection import PROJECTION_VERSION, Plan
from sql import errors, scopes, sync_marks, sync_state
from sql.models import Kind
from sql.session import Database
from sql.sync_state import Claim

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


@dataclass(slots=True)
class _Answer:
    found: dict[tuple[Kind, str], tuple[int, bool]] = field(default_factory=dict)


class Mirror:
    """The worker's door. With no client there is no graph, and nothing to do."""

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
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._inline_paused_until = 0.0

    @property
    def enabled(self) -> bool:
        """Tell whether there is a graph to mirror to."""
        return self.client is not None

    async def try_inline(self, write_id: str, deadline_seconds: float = 1.5) -> None:
        """Bring the records of one write to the graph now, or leave them to the worker; never raises.

        Right after an attempt that the graph did not answer, the next writes do not wait for it: while the
        graph is away, one request in a while pays the deadline and not each of them.
        """
        if self.client is None:
            return
        if time.monotonic() < self._inline_paused_until:
            self._woken.set()
            return
        claims: list[Claim] = []
        try:
            async with asyncio.timeout(deadline_seconds):
                async with self.database.write() as session:
                    claims = await sync_state.claim(
                        session,
                        self.worker,
                        limit=self.config.inline_records + 1,
                        lease_seconds=deadline_seconds + self.config.inline_lease_seconds,
                        projection_version=PROJECTION_VERSION,
                        write_id=write_id,
                    )
                if len(claims) <= self.config.inline_records:
                    await self._project(claims, deadline_seconds)
                    claims = []
        except TimeoutError:
            self._inline_paused_until = time.monotonic() + self.config.inline_pause_seconds
            self._note("inline_timeout", error="deadline")
        except (GraphError, errors.SqlError) as error:
            if isinstance(error, GraphUnavailable):
                self._inline_paused_until = time.monotonic() + self.config.inline_pause_seconds
            self._note("inline_failed", error=_reason(error))
        except Exception:
            log.exception("inline attempt failed", extra={"action": "inline_failed"})
        if claims:
            # The graph may still finish what was cut: a second attempt finds it done, or does it.
            self._later(self._give_back([item.id for item in claims]))
        self._woken.set()

    async def drain(
        self,
        progress: Callable[[int, int], None] | None = None,
        *,
        deadline_seconds: float | None = None,
    ) -> Outcome:
        """Bring over everything that can be brought now; raise GraphUnavailable when the graph is away.

        Records that wait for an end which never comes, and dead letters, are left.
        `progress` gets (done, total).
        """
        total = Outcome()
        if self.client is None:
            return total
        until = None if deadline_seconds is None else time.monotonic() + deadline_seconds
        async with self.database.write() as session:
            await sync_state.wake(session, projection_version=PROJECTION_VERSION)
            expected = (await sync_state.status(session, projection_version=PROJECTION_VERSION)).pending
        applied_in_round = 0
        limit = self.config.batch_size
        while until is None or time.monotonic() < until:
            try:
                outcome = await self.step(limit)
            except GraphUnavailable as error:
                # A graph that answers was only too slow for so many at once.
                limit //= 4
                if error.reason != "timeout" or limit < 1:
                    raise
                await self.client.ping(deadline_seconds=self.config.probe_seconds)
                continue
            if outcome is not None:
                total.add(outcome)
                applied_in_round += outcome.applied
                limit = min(self.config.batch_size, limit * 2)
                if progress is not None:
                    progress(total.applied, max(expected, total.applied))
                continue
            if applied_in_round == 0:
                break
            # What was put off for a missing end may have it by now.
            applied_in_round = 0
            async with self.database.write() as session:
                await sync_state.wake(session, projection_version=PROJECTION_VERSION)
        return total

    async def step(self, limit: int | None = None, *, suspicious: bool = False) -> Outcome | None:
        """Claim one batch and project it; None when nothing is due. Raises GraphUnavailable.

        `suspicious` says that the graph answers and batches fail all the same: a record that fails alone is
        then postponed with a counted attempt, so that it holds up nobody (R5).
        """
        async with self.database.write() as session:
            claims = await sync_state.claim(
                session,
                self.worker,
                limit=limit or self.config.batch_size,
                lease_seconds=self.config.lease_seconds,
                projection_version=PROJECTION_VERSION,
            )
        if not claims:
            return None
        try:
            return await self._project(claims, self.config.write_deadline_seconds)
        except GraphUnavailable as error:
            if suspicious and len(claims) == 1:
                async with self.database.write() as session:
                    await sync_state.postpone(session, [claims[0].id], _reason(error))
                return Outcome(postponed=1)
            await asyncio.shield(self._give_back([item.id for item in claims]))
            raise
        except BaseException:
            # An outage is nobody's fault: the records stay due, the pause is the worker's own.
            await asyncio.shield(self._give_back([item.id for item in claims]))
            raise

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage; then finish the batch at hand and return."""
        if self.client is None:
            await self._tidy_without_graph(stop)
            return
        failures = 0
        # A batch that fails while the graph answers is cut down until the record at fault stands alone.
        limit, suspicious = self.config.batch_size, False
        next_clean_up = time.monotonic()
        first = True
        log.info("mirror worker started", extra={"action": "worker_started"})
        while not stop.is_set():
            pause = 0.0
            try:
                if time.monotonic() >= next_clean_up:
                    next_clean_up = time.monotonic() + self.config.clean_up_seconds
                    await self.clean_up()
                if failures:
                    suspicious = False
                    await self._probe()
                    suspicious = True
                if first or failures:
                    async with self.database.write() as session:
                        await sync_state.wake(session, projection_version=PROJECTION_VERSION)
                    first = False
                    failures = 0
                self._woken.clear()
                done = await self.step(limit, suspicious=suspicious)
                if done is None:
                    pause = self.config.poll_seconds
                elif done.applied:
                    limit, suspicious = min(self.config.batch_size, limit * 4), limit < self.config.batch_size
                self.figures.graph_reachable = True
            except (GraphUnavailable, GraphConflict, errors.Unavailable) as error:
                failures += 1
                limit = max(1, limit // 8) if suspicious else self.config.batch_size
                self.figures.outages += 1
                self.figures.graph_reachable = None if isinstance(error, errors.Unavailable) else False
                self._note("outage", error=_reason(error), attempt=failures)
                pause = min(self.config.outage_cap_seconds, 0.2 * 2 ** min(failures, 10))
            except Exception as error:
                failures += 1
                self.figures.last_error = type(error).__name__
                log.exception("mirror worker stumbled", extra={"action": "worker_failed"})
                pause = min(self.config.outage_cap_seconds, 0.2 * 2 ** min(failures, 10))
            if pause:
                await self._wait(stop, pause, wakeable=not failures)
        try:
            async with self.database.write() as session:
                await sync_state.release_worker(session, self.worker)
        except errors.SqlError:
            self._note("release_failed", error="database")
        log.info("mirror worker stopped", extra={"action": "worker_stopped"})

    async def clean_up(self) -> None:
        """Remove a bounded number of old writes and receipts, and of tombstones where there is a graph."""
        async with self.database.write() as session:
            await sync_state.purge(session)
        if self.client is None:
            return
        async with self.database.read() as session:
            old = await sync_state.find_old_tombstones(session)
        if not old:
            return
        # The graph's first: a record that comes back starts at version 1 again, below its tombstone.
        records = [f"{kind.value}:{key}" for _, kind, key in old]
        await self.client.write(
            [projection.statement("delete_tombstones", {"records": records})],
            deadline_seconds=self.config.write_deadline_seconds,
        )
        async with self.database.write() as session:
            await sync_state.remove_tombstones(session, [id_ for id_, _, _ in old])

    async def _tidy_without_graph(self, stop: asyncio.Event) -> None:
        # Nobody else does it, and what a mutation leaves behind would pile up for ever (R19).
        while not stop.is_set():
            try:
                await self.clean_up()
            except errors.SqlError as error:
                self._note("clean_up_failed", error=_reason(error))
            await self._wait(stop, self.config.clean_up_seconds, wakeable=False)

    async def _probe(self) -> None:
        assert self.client is not None  # noqa: S101 - run() returned already without one
        # The graph that comes back may be another one, without constraints.
        self._schema_ready = False
        await self.client.ping(deadline_seconds=self.config.probe_seconds)

    async def _wait(self, stop: asyncio.Event, seconds: float, *, wakeable: bool) -> None:
        waits = [asyncio.ensure_future(stop.wait())]
        if wakeable:
            waits.append(asyncio.ensure_future(self._woken.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _ensure_schema(self) -> None:
        # Without the constraints two MERGEs of one key make two nodes (R12).
        if not self._schema_ready and self.client is not None:
            await self.client.ensure_schema()
            self._schema_ready = True

    async def _project(self, claims: Sequence[Claim], deadline_seconds: float) -> Outcome:
        """Project claimed records in one graph transaction; on a refusal halve, down to the one refused."""
        if not claims:
            return Outcome()
        await self._ensure_schema()
        try:
            return await self._project_together(claims, deadline_seconds)
        except GraphConflict as error:
            async with self.database.write() as session:
                await sync_state.postpone_without_attempt(
                    session, [item.id for item in claims], _reason(error), seconds=0.3
                )
            return Outcome(postponed=len(claims))
        except GraphRejected as error:
            if len(claims) == 1:
                return await self._refused(claims[0], error)
        total = Outcome()
        for part in _halves(claims):
            total.add(await self._project(part, deadline_seconds))
        return total

    async def _project_together(self, claims: Sequence[Claim], deadline_seconds: float) -> Outcome:
        keys: dict[Kind, list[str]] = {}
        for item in claims:
            keys.setdefault(item.kind, []).append(item.key)
        started = time.monotonic()
        self.figures.attempts += len(claims)
        if Kind.USER in keys:
            await self._reopen_dependents(keys[Kind.USER], deadline_seconds)
        async with self.database.read() as session:
            plan = await projection.plan(session, keys)
        answer = await self._send(plan, deadline_seconds)
        outcome = await self._settle(claims, plan, answer)
        seconds = time.monotonic() - started
        self.figures.projection_seconds += seconds
        self.figures.applied += outcome.applied
        self.figures.postponed += outcome.postponed
        self.observe(seconds)
        log.info(
            "projected",
            extra={
                "action": "projected",
                "records": len(claims),
                "applied": outcome.applied,
                "postponed": outcome.postponed,
                "duration": round(seconds, 4),
            },
        )
        self._tell_each(claims, plan, answer, seconds)
        return outcome

    def _tell_each(self, claims: Sequence[Claim], plan: Plan, answer: _Answer, seconds: float) -> None:
        # A line for each record while they are few; a bulk is told as a whole.
        level = logging.INFO if len(claims) <= TOLD_EACH else logging.DEBUG
        if not log.isEnabledFor(level):
            return
        for item in claims:
            found = answer.found.get((item.kind, item.key))
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
        answer = _Answer()
        if plan.statements and self.client is not None:
            results = await self.client.write(plan.statements, deadline_seconds=deadline_seconds)
            for kind, rows in zip(plan.kinds, results, strict=True):
                if kind is not None:
                    for key, found, applied in rows:
                        answer.found[kind, key] = (found, bool(applied))
        for item in plan.nothing_to_do:
            answer.found[item] = (plan.versions[item], True)
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
            found = answer.found.get(name)
            if found is None:
                waiting.append(item.id)
            elif found[1]:
                done.append((item.id, version))
            else:
                suspicious.append((item, found[0]))
        async with self.database.write() as session:
            if done:
                await sync_state.acknowledge(session, done, PROJECTION_VERSION)
            if waiting:
                await sync_state.postpone_without_attempt(
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
            await sync_state.raise_version(session, item.id, held + 1)
            await sync_marks.set_row_versions(session, item.kind, {item.key: held + 1})
            self._note("version_raised", kind=item.kind, key=item.key, version=held + 1)
        # Otherwise a newer version got there first; it was or will be acknowledged by its own worker.
        await sync_state.release(session, [item.id])

    async def _refused(self, item: Claim, error: GraphRejected) -> Outcome:
        reason = _reason(error)
        doubtful = any(word in error.code for word in _DOUBTFUL)
        self.figures.last_error = reason
        async with self.database.write() as session:
            if doubtful and item.attempts < self.config.doubtful_attempts:
                await sync_state.postpone(session, [item.id], reason)
                self._note(
                    "refused", kind=item.kind, key=item.key, version=item.version, attempt=item.attempts + 1
                )
                return Outcome(postponed=1)
            buried = await sync_state.bury(session, [item.id], reason, version=item.version)
        self.figures.buried += buried
        self._note(
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

    async def _give_back(self, ids: list[int]) -> None:
        try:
            async with self.database.write() as session:
                await sync_state.release(session, ids)
        except errors.SqlError:
            self._note("release_failed", error="database")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what was left to be given back."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note(
        self,
        action: str,
        *,
        kind: Kind | None = None,
        key: str | None = None,
        version: int | None = None,
        attempt: int | None = None,
        error: str | None = None,
    ) -> None:
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


def _reason(error: Exception) -> str:
    """Return a reason without any text of a driver: it may hold values."""
    code = getattr(error, "code", None) or getattr(error, "reason", None)
    return f"{type(error).__name__}: {code}" if code else type(error).__name__
