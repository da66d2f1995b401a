"""Processes that are killed, and the graph that goes on or does not: nothing committed is lost."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.faults.bolt_proxy import Action
from tests.faults.site import SETTLE_SECONDS, Site


@pytest.mark.parametrize(
    ("message", "action", "applied"),
    [("BEGIN", Action.HOLD, False), ("COMMIT", Action.HOLD, False), ("COMMIT", Action.SWALLOW, True)],
    ids=["before the graph transaction", "during it", "after it"],
)
async def test_an_api_killed_after_its_sql_commit(
    site: Site, message: str, action: Action, applied: bool
) -> None:
    # The attempt must not end by itself before this process, slow as its machine may be, has killed it.
    api = await site.api(inline_deadline_seconds=30, mirror_write_seconds=60, mirror_lease_seconds=70)
    await site.settle()
    trap = site.proxy.trap(message, action)
    request = asyncio.create_task(api.rename("while dying"))
    await asyncio.wait_for(trap.answered.wait() if applied else trap.caught.wait(), SETTLE_SECONDS)
    api.kill()
    with pytest.raises(httpx.TransportError):
        await request
    site.proxy.reset()
    await site.end_leases()
    await site.worker()
    await site.check()
    assert await site.chapter_name() == "while dying"
