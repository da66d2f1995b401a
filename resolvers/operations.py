"""How far the graph is: one write, and the mirror as a whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from strawberry import Info

import sql.sync_state
from resolvers import ids, policy
from resolvers.context import Context
from resolvers.problems import BadArgument
from resolvers.writing import Sync, sync_of
from sql import models
from sql.models import Role

GREATEST_WAIT_MILLISECONDS = 5_000
POLL_SECONDS = 0.05
# A change that waits longer than this makes the mirror DEGRADED.
GREATEST_LAG = timedelta(minutes=1)


async def sync(info: Info, token: str, wait_ms: int) -> Sync | None:
    """Return how far the graph is with one of the viewer's writes, after a bounded wait."""
    context: Context = info.context
    viewer = context.signed_in()
    if not 0 <= wait_ms <= GREATEST_WAIT_MILLISECONDS:
        raise BadArgument(
            "waitMs", f"sync: waitMs must be between 0 and {GREATEST_WAIT_MILLISECONDS}, not {wait_ms}."
        )
    try:
        write_id = ids.decode(token, "sync")
    except ids.MalformedId:
        return None
    async with context.database.read() as session:
        write = await session.get(models.SyncWrite, write_id)
    if write is None or (write.user_id != viewer.id and viewer.role is not Role.ADMIN):
        return None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ms / 1_000
    while True:
        state = await sync_of(context, write_id)
        left = deadline - loop.time()
        if state.state != "PENDING" or left <= 0:
            return state
        await asyncio.sleep(min(POLL_SECONDS, left))


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    health: str
    graph_reachable: bool
    pending_count: int
    failed_count: int
    oldest_pending_at: datetime | None
    last_synced_at: datetime | None
    last_error: str | None


async def mirror_status(info: Info) -> MirrorStatus:
    """Return how the mirror is doing, for admins."""
    context: Context = info.context
    policy.require_role(context.signed_in(), Role.ADMIN)
    async with context.database.read() as session:
        status: Any = await sql.sync_state.status(session)
    reachable = await context.graph_reachable()
    late = status.oldest_pending_at is not None and models.now() - status.oldest_pending_at > GREATEST_LAG
    if context.graph is None:
        health = "DISABLED"
    elif not reachable or late or status.failed:
        health = "DEGRADED"
    else:
        health = "HEALTHY"
    return MirrorStatus(
        health=health,
        graph_reachable=reachable,
        pending_count=status.pending,
        failed_count=status.failed,
        oldest_pending_at=status.oldest_pending_at,
        last_synced_at=status.last_synced_at,
        last_error=status.last_error,
    )
