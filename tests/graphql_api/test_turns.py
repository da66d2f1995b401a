"""Costly works go one after the other, with a pause in between."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from graphql_api import turns
from graphql_api.turns import Turns


def hold() -> None:
    """Hold the loop, as Python does."""
    time.sleep(0.02)


async def fail(queue: Turns) -> None:
    """Fail in a turn."""
    async with queue.turn():
        hold()
        raise ValueError("no")


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have the loop note every pause, and cut it short."""
    loop = asyncio.get_running_loop()
    found: list[float] = []
    later = loop.call_later

    def note(delay: float, *rest: Any) -> Any:
        found.append(delay)
        return later(0, *rest)

    monkeypatch.setattr(loop, "call_later", note)
    return found


async def test_one_at_a_time_and_a_pause_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, active, pauses = Turns(), [], _noted(monkeypatch)

    async def work(name: str) -> None:
        async with queue.turn():
            active.append(name)
            hold()
            await asyncio.sleep(0)
            assert active == [name]
            active.remove(name)

    await asyncio.gather(*(work(name) for name in "abc"))
    assert [pause >= 0.02 for pause in pauses] == [True] * 3


async def test_a_failed_work_is_followed_by_a_longer_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, pauses = Turns(), _noted(monkeypatch)
    with pytest.raises(ValueError, match="no"):
        await fail(queue)
    monkeypatch.setattr(turns, "GREATEST_PAUSE_SECONDS", 0.01)
    async with queue.turn():
        hold()
    assert pauses[0] >= 0.02 * turns.REFUSED_PAUSES
    assert pauses[1] == 0.01


async def test_a_cancelled_work_gives_its_turn_back() -> None:
    queue = Turns()

    async def hang() -> None:
        async with queue.turn():
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(30), queue.turn():
        pass
