"""Check long documents on a thread of their own, so that everybody else is answered meanwhile.

Parsing and validating a document within the limits can take a quarter of a second of Python. On the event loop
nobody else would be answered for so long; on one thread, one document at a time, the loop keeps its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

# Shorter documents take a few milliseconds, and a thread costs more than it gives.
LEAST_CHARACTERS = 300
T = TypeVar("T")


class Apart(Generic[T]):
    """Runs a check of long documents apart and hands its outcome on."""

    def __init__(self, check: Callable[[str], T]) -> None:
        self._check = check
        self._pool = ThreadPoolExecutor(1, "documents")
        self._outcomes: dict[str, T | Exception] = {}

    async def prepare(self, query: str) -> None:
        """Check a long document; `take` has to follow without waiting for anything else."""
        if len(query) >= LEAST_CHARACTERS:
            self._outcomes[query] = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._outcome, query
            )

    def take(self, query: str) -> T:
        """Return what the check returned, or raise what it raised; a short document is checked here."""
        outcome = self._outcomes.pop(query, None)
        if outcome is None:
            return self._check(query)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _outcome(self, query: str) -> T | Exception:
        try:
            return self._check(query)
        except Exception as error:
            return error
