"""Subscriptions: each is a generator that asks SQL again and again, so that any process may have done the work."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from strawberry import Info

from resolvers import policy
from resolvers.context import Context
from resolvers.problems import ApiError, BadArgument, Unauthenticated
from resolvers.writing import Sync, sync_of
from sql import models

POLL_SECONDS = 0.2
CURSORS_LIVE = timedelta(hours=24)
_GREATEST_CURSOR = 400


class CursorExpired(ApiError):
    """The cursor is older than 24 hours: read the present state, then follow without `after`."""

    code = "CURSOR_EXPIRED"


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """The GraphQL type of the same name."""

    cursor: str
    occurred_at: datetime
    sync: Sync


async def sync_changed(info: Info, token: str, after: str | None) -> AsyncIterator[SyncEvent]:
    """Yield a write of the viewer each time it moved, until it waits no longer."""
    context: Context = info.context
    viewer = context.signed_in()
    seen = _read_cursor(after) if after is not None else None
    # A stream goes on for as long as it likes; no step of it does.
    seconds = context.settings.operation_deadline_seconds
    async with asyncio.timeout(seconds):
        write, created_at = await _write(context, viewer, token)
    while True:
        async with asyncio.timeout(seconds):
            sync = await sync_of(context, write)
        place = _place(sync)
        if place != seen:
            seen = place
            yield SyncEvent(_cursor(place), created_at, sync)
        if sync.state != "PENDING":
            return
        await asyncio.sleep(POLL_SECONDS)
        # Who lost the account since, and whose write is forgotten, follows nothing any more.
        async with asyncio.timeout(seconds):
            await _write(context, viewer, token)


async def _write(context: Context, viewer: models.User, token: str) -> tuple[str, datetime]:
    """Return (id, moment) of a write of the viewer; what is not theirs is as if it were not there."""
    async with context.database.read() as session:
        person = await session.get(models.User, viewer.id)
        if person is None or not person.active:
            raise Unauthenticated()
        write = await policy.visible_write(session, person, token)
    if write is None:
        raise BadArgument("token", "syncChanged: there is no such write, or you may not see it.")
    return write.id, write.created_at


# —— Cursors: when it was, and where the write stood ——


def _place(sync: Sync) -> list[Any]:
    return [sync.state, sync.version, sync.attempts]


def _cursor(place: list[Any]) -> str:
    text = json.dumps([int(datetime.now(UTC).timestamp()), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> list[Any]:
    try:
        if len(cursor) > _GREATEST_CURSOR:
            raise ValueError(cursor)
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        moment, *place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if type(moment) is not int or len(place) != 3:
            raise ValueError(cursor)
    except (ValueError, TypeError, RecursionError, UnicodeError, binascii.Error):
        raise BadArgument(
            "after", "syncChanged: after must be the cursor of an event of this stream."
        ) from None
    if moment < datetime.now(UTC).timestamp() - CURSORS_LIVE.total_seconds():
        raise CursorExpired()
    return list(place)
