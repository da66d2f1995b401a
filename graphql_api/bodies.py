"""Read the body of a request within bounds, so that none costs more than it is worth.

A body is counted as it comes, its bytes and its values. Without a valid token it may only be short: what signs in is
short. The number of its values is bounded before it is parsed, as parsing and checking them takes the time of
everybody; what comes after the bound is not looked at any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Any, NamedTuple, Protocol

from graphql_api.turns import Turns

# More than any list of the schema takes. Each item is checked against its type before anybody asks who sent it.
GREATEST_LIST = 1_000
# Checking more values than these takes a good part of a second of Python.
HEAVY_VALUES = 5_000


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


class Body(NamedTuple):
    """A body that came whole. `heavy`: so many values that checking them takes long."""

    text: bytes
    heavy: bool


async def read_body(
    chunks: AsyncIterable[bytes], bounds: Bounds, has_token: Callable[[], bool], turns: Turns
) -> Body:
    """Return the whole body; raise BodyRefused. `has_token` is asked once, and only for a long body.

    Where values have to be counted exactly, which takes milliseconds, bodies take `turns`.
    """
    parts: list[bytes] = []
    size = 0
    bound = bounds.max_anonymous_body_bytes
    asked = False
    values = ValueCount(min(HEAVY_VALUES, bounds.max_body_values))
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
                if values.count > bounds.max_body_values:
                    continue
                parts.append(chunk)
                if values.is_cheap(chunk):
                    values.add(chunk)
                else:
                    async with turns.turn():
                        values.add(chunk)
    except TimeoutError:
        raise BodyRefused(
            408, f"The body took longer than {bounds.body_timeout_seconds:g} seconds."
        ) from None
    if values.count > bounds.max_body_values:
        # Read to its end all the same, or the client would meet a broken connection instead of this sentence.
        raise BodyRefused(413, f"The body holds more than {bounds.max_body_values} values.")
    return Body(b"".join(parts), values.count > HEAVY_VALUES)


class ValueCount:
    """Counts the items and members of a JSON text that comes in parts, without parsing it.

    `count` is too high up to `exact_from`, as commas and brackets in texts are counted too; from there it is exact.
    """

    def __init__(self, exact_from: int) -> None:
        self.count = 0
        self._exact_from = exact_from
        self._exact = False
        self._seen: list[bytes] = []
        self._in_text = False
        self._rest = b""

    def is_cheap(self, chunk: bytes) -> bool:
        """Return whether one part more can be counted without looking for texts in it."""
        return not self._exact and self.count + _count(chunk) <= self._exact_from

    def add(self, chunk: bytes) -> None:
        """Count one part more."""
        if self._exact:
            self._add_exactly(chunk)
            return
        self._seen.append(chunk)
        self.count += _count(chunk)
        if self.count > self._exact_from:
            # Some of them may stand in texts, which are prose and full of commas.
            self._exact, self.count = True, 0
            for part in self._seen:
                self._add_exactly(part)
            self._seen.clear()

    def _add_exactly(self, chunk: bytes) -> None:
        # Without what is escaped, every quote begins or ends a text.
        plain = (self._rest + chunk).replace(b"\\\\", b"")
        self._rest = b"\\" if plain.endswith(b"\\") else b""
        pieces = plain.replace(b'\\"', b"").split(b'"')
        self.count += _count(b"".join(pieces[1 if self._in_text else 0 :: 2]))
        if len(pieces) % 2 == 0:
            self._in_text = not self._in_text


def has_more_values(body: bytes, bound: int) -> bool:
    """Return whether a JSON text holds more items and members than a bound, without parsing it."""
    values = ValueCount(bound)
    values.add(body)
    return values.count > bound


def is_heavy(value: Any) -> bool:
    """Return whether a JSON value holds so many values that checking them takes long."""
    left = HEAVY_VALUES
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            item = item.values()
        elif not isinstance(item, list):
            continue
        left -= len(item)
        if left < 0:
            return True
        pending.extend(one for one in item if isinstance(one, list | dict))
    return False


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
