"""Let requests that cost much take turns: one after the other, with a pause in between for everybody else.

An ordinary request takes many turns of the event loop. Of ten costly ones each could have its part in every one of
them; here one has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GREATEST_PAUSE_SECONDS = 1.0
# After a refusal: who sends documents that are refused can wait, and sends them one after the other.
REFUSED_PAUSES = 4.0


class Turns:
    """A queue of costly works. Each is followed by a pause as long as itself, by a longer one where it failed."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn, and hold it for a block."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        started, pauses = loop.time(), 1.0
        try:
            yield
        except Exception:
            pauses = REFUSED_PAUSES
            raise
        finally:
            pause = min(pauses * (loop.time() - started), GREATEST_PAUSE_SECONDS)
            loop.call_later(pause, self._free.release)
