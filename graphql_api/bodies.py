"""Read the body of a request within bounds, so that none costs more than it is worth.

A body is counted as it comes. Without a valid token it may only be short: what signs in is short. The number of
its values is bounded before it is parsed, as parsing and checking them takes the time of everybody.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, Callable
from typing import Any, Protocol

# More than any list of the schema takes. Each item is checked against its type before anybody asks who sent it.
GREATEST_LIST = 1_000
# Checking more values than these takes a good part of a second on the event loop.
HEAVY_VALUES = 5_000
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Bounds(Protocol):
    """What is read of the settings."""

    max_body_bytes: int
    max_anonymous_body_bytes: int
    max_body_values: int
    body_timeout_seconds: float


class BodyRefused(Exception):
    """The body passes a bound: `status` is 408 or 413."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(chunks: AsyncIterable[bytes], bounds: Bounds, has_token: Callable[[], bool]) -> bytes:
    """Return the whole body; raise BodyRefused. `has_token` is asked once, and only for a long body."""
    parts: list[bytes] = []
    size = 0
    bound = bounds.max_anonymous_body_bytes
    asked = False
    try:
        async with asyncio.timeout(bounds.body_timeout_seconds):
            async for chunk in chunks:
                size += len(chunk)
                if size > bound and not asked:
                    asked = True
                    if has_token():
                        bound = bounds.max_body_bytes
                if size > bound:
                    whose = (
                        "" if bound == bounds.max_body_bytes else ", the bound without a valid access token"
                    )
                    raise BodyRefused(413, f"The body is longer than {bound} bytes{whose}.")
                parts.append(chunk)
    except TimeoutError:
        raise BodyRefused(
            408, f"The body took longer than {bounds.body_timeout_seconds:g} seconds."
        ) from None
    body = b"".join(parts)
    if has_more_values(body, bounds.max_body_values):
        raise BodyRefused(413, f"The body holds more than {bounds.max_body_values} values.")
    return body


def has_more_values(body: bytes, bound: int) -> bool:
    """Return whether a JSON text holds more items and members than a bound, without parsing it."""
    if _count(body) <= bound:
        return False
    # Some of them may stand in texts, which are prose and full of commas.
    return _count(_STRINGS.sub(b"", body)) > bound


def has_long_list(value: Any) -> bool:
    """Return whether a JSON value holds a list that no field takes."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            if len(item) > GREATEST_LIST:
                return True
            pending.extend(one for one in item if isinstance(one, list | dict))
        elif isinstance(item, dict):
            pending.extend(one for one in item.values() if isinstance(one, list | dict))
    return False


def _count(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
