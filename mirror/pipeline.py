"""While the graph writes a batch, SQL acknowledges the one before and reads the next."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from graph.errors import GraphConflict, GraphRejected
from mirror.carrier import Batch, Carrier, Outcome
from sql import errors


@dataclass(slots=True)
class _Ahead:
    """A batch that waits for its turn. One without a plan could not be read, and finds out why when it is its turn."""

    batch: Batch
    planned: bool
    claimed_at: float  # monotonic seconds


class Pipeline:
    """Batches of one worker, written to the graph one after the other in the order of their claims.

    Nothing is left claimed or unacknowledged after a step that raises, nor after `finish`.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._ahead: _Ahead | None = None
        self._written: Batch | None = None
        self._untold = Outcome()

    async def step(self, limit: int) -> Outcome | None:
        """Write one batch; return what was acknowledged meanwhile, None when nothing is left.

        Raises GraphUnavailable, or the database's Unavailable.
        """
        turn = await self._next_turn(limit)
        if turn is None:
            return self._tell() if self._untold != Outcome() else None
        written, self._written = self._written, None
        meanwhile = asyncio.create_task(self._meanwhile(written, limit))
        try:
            if await self._write(turn):
                self._written = turn.batch
                turn = None
            await meanwhile
        except BaseException:
            await asyncio.shield(self._abandon(turn, meanwhile))
            raise
        return self._tell()

    async def finish(self) -> Outcome:
        """Acknowledge what was written and give back what was not; return what was acknowledged."""
        await self._give_back_ahead()
        try:
            await self._acknowledge(self._written)
        except errors.SqlError:
            self._carrier.note("acknowledge_failed", error="database")
        self._written = None
        return self._tell()

    async def _next_turn(self, limit: int) -> _Ahead | None:
        turn = self._ahead
        # A lease has to reach beyond the write.
        config = self._carrier.config
        patience = config.lease_seconds - config.write_deadline_seconds
        if turn is not None and time.monotonic() - turn.claimed_at > patience:
            await self._give_back_ahead()
            turn = None
        if turn is None:
            # What waits for its ends is claimed after these are acknowledged.
            written, self._written = self._written, None
            await self._acknowledge(written)
            turn = await self._prepare(limit)
        self._ahead = None
        return turn

    async def _prepare(self, limit: int) -> _Ahead | None:
        claimed_at = time.monotonic()
        claims = await self._carrier.claim(limit)
        if not claims:
            return None
        try:
            batch = await self._carrier.read(claims, self._carrier.config.write_deadline_seconds)
        except (GraphConflict, GraphRejected):
            return _Ahead(Batch(claims), False, claimed_at)
        except BaseException:
            await asyncio.shield(self._carrier.give_back(claims))
            raise
        return _Ahead(batch, True, claimed_at)

    async def _meanwhile(self, written: Batch | None, limit: int) -> None:
        await self._acknowledge(written)
        self._ahead = await self._prepare(limit)

    async def _write(self, turn: _Ahead) -> bool:
        """Write a batch; tell whether it is still to be acknowledged."""
        carrier, batch, deadline = self._carrier, turn.batch, self._carrier.config.write_deadline_seconds
        if not turn.planned:
            self._untold.add(await carrier.project(batch.claims, deadline))
            return False
        await carrier.ensure_schema()
        try:
            await carrier.write(batch, deadline)
        except (GraphConflict, GraphRejected) as error:
            self._untold.add(await carrier.project_apart(batch.claims, error, deadline))
            return False
        return True

    async def _acknowledge(self, batch: Batch | None) -> None:
        if batch is None:
            return
        try:
            self._untold.add(await self._carrier.acknowledge(batch))
        except BaseException:
            # The graph has it: whoever claims it next finds it done.
            await asyncio.shield(self._carrier.give_back(batch.claims))
            raise

    async def _abandon(self, turn: _Ahead | None, meanwhile: asyncio.Task[None]) -> None:
        await asyncio.gather(meanwhile, return_exceptions=True)
        if turn is not None:
            await self._carrier.give_back(turn.batch.claims)
        self._untold = await self.finish()

    async def _give_back_ahead(self) -> None:
        if self._ahead is not None:
            claims, self._ahead = self._ahead.batch.claims, None
            await self._carrier.give_back(claims)

    def _tell(self) -> Outcome:
        told, self._untold = self._untold, Outcome()
        return told
