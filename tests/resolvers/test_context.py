"""The batching readers of a request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolvers.context import Loader


async def test_who_gives_up_waiting_for_a_key_takes_it_from_nobody_else() -> None:
    asked: list[list[Any]] = []
    go = asyncio.Event()

    async def load(keys: list[Any]) -> list[Any]:
        asked.append(keys)
        await go.wait()
        return [key * 2 for key in keys]

    loader = Loader(load_fn=load)

    async def wait_for(key: int) -> Any:
        return await loader.load(key)

    first, second = asyncio.create_task(wait_for(1)), asyncio.create_task(wait_for(1))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    assert await second == 2
    assert asked == [[1]]
