"""Send questions that differ in their key alone to the graph together, when they meet on the way.

A class that opens the same page at once asks the same statement with the same values for one key after another; the
driver and the server take as long for the statement as for its work. Nobody waits for company: a question goes at
once unless its like is under way, and then until that one is back, a few milliseconds at most. None joins a
statement that was sent before it was asked, so that it sees every write that was finished before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from graph.errors import GraphRejected
from graph.plan import Key, Plan
from graph.statements import Statement

PATIENCE_SECONDS = 0.005
MOST_KEYS = 8  # what they have in common is paid once; more of them keep each other waiting

Rows = list[list[Any]]


class Reader(Protocol):
    """Run one read statement (graph.client.GraphClient)."""

    async def read(self, statement: Statement, *, deadline_seconds: float = ...) -> Rows:
        """Return the rows as positional lists."""
        ...


@dataclass(slots=True, eq=False)
class _Batch:
    """Questions that wait to be sent. The answer has the rows of each key."""

    plan: Plan
    answer: asyncio.Future[dict[Key, Rows]]
    timer: asyncio.TimerHandle
    keys: dict[Key, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Line:
    """Where questions stand that may go together."""

    under_way: int = 0
    waiting: _Batch | None = None


class Batches:
    """Run the statements of plans, those that may go together as one."""

    def __init__(self, client: Reader, deadline_seconds: float) -> None:
        self._client = client
        self._deadline_seconds = deadline_seconds
        self._lines: dict[Hashable, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def rows(self, plan: Plan) -> Rows:
        """Return the rows of a plan. Raises what the client raises."""
        name = _line_of(plan)
        if name is None:
            return await self._client.read(plan.statement, deadline_seconds=self._deadline_seconds)
        line = self._lines.setdefault(name, _Line())
        if line.under_way or line.waiting is not None:
            return await self._together(name, line, plan)
        line.under_way += 1
        try:
            return await self._client.read(plan.statement, deadline_seconds=self._deadline_seconds)
        finally:
            self._back(name, line)

    async def _together(self, name: Hashable, line: _Line, plan: Plan) -> Rows:
        loop = asyncio.get_running_loop()
        batch = line.waiting
        if batch is None:
            timer = loop.call_later(PATIENCE_SECONDS, self._leave, name, line)
            batch = line.waiting = _Batch(plan, loop.create_future(), timer)
        (given,) = plan.parameters["keys"]
        key = _plain(given)
        batch.keys[key] = given
        if len(batch.keys) == MOST_KEYS:
            self._leave(name, line)
        try:
            # Who is cancelled leaves the others' answer alone.
            return (await asyncio.shield(batch.answer)).get(key, [])
        except GraphRejected:
            # It may be about another one's key.
            return await self._client.read(plan.statement, deadline_seconds=self._deadline_seconds)

    def _back(self, name: Hashable, line: _Line) -> None:
        line.under_way -= 1
        if line.waiting is not None:
            self._leave(name, line)
        elif not line.under_way:
            self._lines.pop(name, None)

    def _leave(self, name: Hashable, line: _Line) -> None:
        batch, line.waiting = line.waiting, None
        if batch is None:
            return
        batch.timer.cancel()
        line.under_way += 1
        task = asyncio.get_running_loop().create_task(self._send(name, line, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, name: Hashable, line: _Line, batch: _Batch) -> None:
        plan = batch.plan
        statement = Statement(plan.name, plan.text, {**plan.parameters, "keys": list(batch.keys.values())})
        try:
            rows = await self._client.read(statement, deadline_seconds=self._deadline_seconds)
        except Exception as error:
            batch.answer.set_exception(error)
            batch.answer.exception()  # all who waited may be gone
        else:
            found: dict[Key, Rows] = {}
            for row in rows:
                found.setdefault(plan.key_of(row), []).append(row)  # type: ignore[misc]
            batch.answer.set_result(found)
        finally:
            batch.answer.cancel()  # without an answer yet: the server stops
            self._back(name, line)


def _line_of(plan: Plan) -> Hashable:
    """Return what plans have in common that may go together; None for one that goes alone."""
    if plan.key_of is None or len(plan.parameters["keys"]) != 1:
        return None
    values = [
        tuple(value) if isinstance(value, list) else value
        for name, value in plan.parameters.items()
        if name != "keys"
    ]
    line = (plan.text, *values)
    try:
        hash(line)
    except TypeError:
        return None  # lists in lists
    return line


def _plain(key: Any) -> Key:
    return tuple(key) if isinstance(key, list) else key
