"""What admins do with the mirror over GraphQL: compare, mend, sweep."""

from __future__ import annotations

import asyncio
import logging
import time

from graph.client import GraphClient
from graph.errors import GraphUnavailable
from graphql_api.opening import Stores
from mirror import repair
from mirror.projection import PROJECTION_VERSION
from mirror.rebuild import sweep
from mirror.verify import Report, verify
from sql.models import Kind
from sql.scopes import Scope

logger = logging.getLogger("lab_tutor.mirror")


class MirrorOperations:
    """One process's door to them. They read much, so one runs at a time; the caller's deadline bounds the wait."""

    projection_version = PROJECTION_VERSION

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def _client(self) -> GraphClient:
        if self.stores.graph is None:
            raise GraphUnavailable("no graph is configured", retryable=False)
        return self.stores.graph

    async def drift(self, course_id: int | None, keep: int) -> Report:
        """Compare SQL and the graph now; changes nothing."""
        async with self._turn:
            return await verify(
                self.stores.database, self._client(), scope=Scope(course_id=course_id), keep=keep
            )

    async def mend(self, course_id: int | None) -> tuple[dict[Kind, list[str]], int]:
        """Compare, take away what is too much, and return what has to be written again, and how many differed."""
        client = self._client()
        async with self._turn:
            report = await verify(self.stores.database, client, scope=Scope(course_id=course_id))
            cure = await repair.find_cure(self.stores.database, report.findings)
            await repair.take_away(self.stores.database, client, cure)
            if cure.constraints:
                await client.ensure_schema()
        found = {(item.record_kind, item.key, item.message) for item in report.findings}
        named = {(kind, key) for kind, key, _ in found if kind is not None}
        others = sum(kind is None for kind, _, _ in found)
        again = {(kind, key) for kind, keys in cure.records.items() for key in keys}
        logger.info(
            "drift mended",
            extra={"action": "drift_mended", "records": len(again), "findings": report.finding_count},
        )
        return cure.records, len(named | again) + others

    def sweep(self, scope: Scope) -> None:
        """Take strays away in the background; what a stop cuts short, graphDrift shows."""
        task = asyncio.create_task(self._sweep(scope), name="sweep")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self, scope: Scope) -> None:
        started = time.monotonic()
        try:
            client = self._client()
            async with self._turn:
                gone = await sweep(self.stores.database, client, scope)
                # Copies of a node kept its constraint from being made.
                await client.ensure_schema()
        except Exception:
            logger.exception("strays could not be taken away", extra={"action": "sweep_failed"})
            return
        logger.info(
            "strays taken away",
            extra={"action": "swept", "strays": gone, "duration": round(time.monotonic() - started, 3)},
        )

    async def settled(self) -> None:
        """Wait for what runs in the background."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """End what runs in the background."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
