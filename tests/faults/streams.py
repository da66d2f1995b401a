"""Callers who do not give up: each keeps what was not acknowledged, and asks again under the same key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.faults import truth
from tests.faults.site import CHAPTERS, Api, Site


class Streams:
    """Theories that are made, and chapters that are renamed, one after the other by several callers at once."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.asked: list[tuple[str, str]] = []
        self.unsure: list[tuple[str, str]] = []

    @asynccontextmanager
    async def running(self, *apis: Api, callers: int = 3) -> AsyncIterator[None]:
        """Let callers ask the APIs while the block runs."""
        tasks = [
            asyncio.create_task(self._ask(apis[number % len(apis)], number)) for number in range(callers)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, api: Api, number: int) -> None:
        chapter = CHAPTERS[number % len(CHAPTERS)]
        while True:
            name = f"theory {len(self.asked)}"
            self.asked.append((name, chapter))
            if not await self.try_to(api, name, chapter):
                self.unsure.append((name, chapter))
                # An API that is gone answers at once, and so would the next attempt.
                await asyncio.sleep(0.1)

    async def try_to(self, api: Api, name: str, chapter: str) -> bool:
        """Make a theory and rename its chapter; tell whether both were acknowledged."""
        try:
            await api.create(name, chapter, idempotencyKey=name)
            await api.rename(f"after {name}", chapter)
        except (AssertionError, httpx.TransportError):
            return False
        except asyncio.CancelledError:
            self.unsure.append((name, chapter))
            raise
        return True

    async def finish(self, api: Api) -> None:
        """Ask again for whatever is unsure; then each theory must be there once, and whole."""
        assert await truth.torn(self.site.engine) == []
        for name, chapter in self.unsure:
            assert await self.try_to(api, name, chapter), name
        names = [name for (name,) in await self.site.select("SELECT name FROM theories")]
        assert Counter(name for name in names if name.startswith("theory ")) == Counter(
            name for name, _ in self.asked
        )
