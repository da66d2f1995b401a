"""Carries dirty records to the graph: claim, read again, project, acknowledge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from graph.client import GraphClient
from graph.errors import GraphConflict, GraphError, GraphUnavailable
from mirror import projection
from mirror.carrier import Carrier, Figures, MirrorConfig, Outcome, log, reason_of
from mirror.pipeline import Pipeline
from mirror.projection import PROJECTION_VERSION
from sql import errors, sync_claims, sync_cleanup, sync_status
from sql.session import Database
from sql.sync_claims import Claim

__all__ = ["Figures", "Mirror", "MirrorConfig", "Outcome"]


class Mirror(Carrier):
    """The worker's door. With no client there is no graph, and nothing to do."""

    def __init__(
        self, database: Database, client: GraphClient | None, config: MirrorConfig | None = None
    ) -> None:
        super().__init__(database, client, config)
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
                    claims = await sync_claims.claim(
                        session,
                        self.worker,
                        limit=self.config.inline_records + 1,
                        lease_seconds=deadline_seconds + self.config.inline_lease_seconds,
                        projection_version=PROJECTION_VERSION,
                        write_id=write_id,
                    )
                if len(claims) <= self.config.inline_records:
                    await self.project(claims, deadline_seconds)
                    claims = []
        except TimeoutError:
            self._inline_paused_until = time.monotonic() + self.config.inline_pause_seconds
            self.note("inline_timeout", error="deadline")
        except (GraphError, errors.SqlError) as error:
            if isinstance(error, GraphUnavailable):
                self._inline_paused_until = time.monotonic() + self.config.inline_pause_seconds
            self.note("inline_failed", error=reason_of(error))
        except Exception:
            log.exception("inline attempt failed", extra={"action": "inline_failed"})
        if claims:
            # The graph may still finish what was cut: a second attempt finds it done, or does it.
            self._later(self.give_back(claims))
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
            await sync_claims.wake(session, projection_version=PROJECTION_VERSION)
            expected = (await sync_status.status(session, projection_version=PROJECTION_VERSION)).pending
        pipeline = Pipeline(self)
        try:
            async for outcome in self._steps(pipeline, until):
                total.add(outcome)
                if progress is not None:
                    progress(total.applied, max(expected, total.applied))
        finally:
            total.add(await asyncio.shield(pipeline.finish()))
        return total

    async def _steps(self, pipeline: Pipeline, until: float | None) -> AsyncIterator[Outcome]:
        assert self.client is not None  # noqa: S101 - drain() returned already without one
        applied_in_round = 0
        limit = self.config.batch_size
        while until is None or time.monotonic() < until:
            try:
                outcome = await pipeline.step(limit)
            except GraphUnavailable as error:
                # A graph that answers was only too slow for so many at once.
                limit //= 4
                if error.reason != "timeout" or limit < 1:
                    raise
                await self.client.ping(deadline_seconds=self.config.probe_seconds)
                continue
            if outcome is not None:
                applied_in_round += outcome.applied
                limit = min(self.config.batch_size, limit * 2)
                yield outcome
                continue
            if applied_in_round == 0:
                break
            # What was put off for a missing end may have it by now.
            applied_in_round = 0
            async with self.database.write() as session:
                await sync_claims.wake(session, projection_version=PROJECTION_VERSION)

    async def step(self, limit: int | None = None, *, suspicious: bool = False) -> Outcome | None:
        """Claim one batch and project it; None when nothing is due. Raises GraphUnavailable.

        `suspicious` says that the graph answers and batches fail all the same: a record that fails alone is
        then postponed with a counted attempt, so that it holds up nobody (R5).
        """
        claims = await self.claim(limit or self.config.batch_size)
        if not claims:
            return None
        try:
            return await self.project(claims, self.config.write_deadline_seconds)
        except GraphUnavailable as error:
            if suspicious and len(claims) == 1:
                async with self.database.write() as session:
                    await sync_claims.postpone(session, [claims[0].id], reason_of(error))
                return Outcome(postponed=1)
            await asyncio.shield(self.give_back(claims))
            raise
        except BaseException:
            # An outage is nobody's fault: the records stay due, the pause is the worker's own.
            await asyncio.shield(self.give_back(claims))
            raise

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage; then finish the batch at hand and return."""
        if self.client is None:
            await self._tidy_without_graph(stop)
            return
        pipeline = Pipeline(self)
        log.info("mirror worker started", extra={"action": "worker_started"})
        try:
            await self._work(stop, pipeline)
        finally:
            await asyncio.shield(pipeline.finish())
        try:
            async with self.database.write() as session:
                await sync_claims.release_worker(session, self.worker)
        except errors.SqlError:
            self.note("release_failed", error="database")
        log.info("mirror worker stopped", extra={"action": "worker_stopped"})

    async def _work(self, stop: asyncio.Event, pipeline: Pipeline) -> None:
        failures = 0
        # A batch that fails while the graph answers is cut down until the record at fault stands alone.
        limit, suspicious = self.config.batch_size, False
        next_clean_up = time.monotonic()
        first = True
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
                        await sync_claims.wake(session, projection_version=PROJECTION_VERSION)
                    first = False
                    failures = 0
                self._woken.clear()
                done = await (self.step(limit, suspicious=True) if suspicious else pipeline.step(limit))
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
                self.note("outage", error=reason_of(error), attempt=failures)
                pause = min(self.config.outage_cap_seconds, 0.2 * 2 ** min(failures, 10))
            except Exception as error:
                failures += 1
                self.figures.last_error = type(error).__name__
                log.exception("mirror worker stumbled", extra={"action": "worker_failed"})
                pause = min(self.config.outage_cap_seconds, 0.2 * 2 ** min(failures, 10))
            if pause:
                await self._wait(stop, pause, wakeable=not failures)

    async def clean_up(self) -> None:
        """Remove a bounded number of old writes and receipts, and of tombstones where there is a graph."""
        async with self.database.write() as session:
            await sync_cleanup.purge(session)
        if self.client is None:
            return
        async with self.database.read() as session:
            old = await sync_cleanup.find_old_tombstones(session)
        if not old:
            return
        # The graph's first: a record that comes back starts at version 1 again, below its tombstone.
        records = [f"{kind.value}:{key}" for _, kind, key in old]
        await self.client.write(
            [projection.statement("delete_tombstones", {"records": records})],
            deadline_seconds=self.config.write_deadline_seconds,
        )
        async with self.database.write() as session:
            await sync_cleanup.remove_tombstones(session, [id_ for id_, _, _ in old])

    async def _tidy_without_graph(self, stop: asyncio.Event) -> None:
        # Nobody else does it, and what a mutation leaves behind would pile up for ever (R19).
        while not stop.is_set():
            try:
                await self.clean_up()
            except errors.SqlError as error:
                self.note("clean_up_failed", error=reason_of(error))
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

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what was left to be given back."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
