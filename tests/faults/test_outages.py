"""A graph that is away, deaf, or says strange things: requests are answered, and everything drains afterwards."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.bolt_proxy import Action
from tests.faults.site import CHAPTERS, Site

# What a server says while it restarts, while a database is missing or a password is being changed. Most of
# them read like final refusals, and the driver would not try them again.
PASSING = (
    "Neo.TransientError.Transaction.DeadlockDetected",
    "Neo.TransientError.General.DatabaseUnavailable",
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Database.DatabaseNotFound",
    "Neo.ClientError.Security.Unauthorized",
    "Neo.DatabaseError.General.UnknownError",
)


@pytest.mark.quick
@pytest.mark.parametrize("how", ["refuses", "never answers"])
async def test_a_graph_that_is_away_delays_nobody_and_loses_nothing(site: Site, how: str) -> None:
    api = await site.api(inline_deadline_seconds=1)
    await site.settle()
    if how == "refuses":
        await site.proxy.refuse()
    else:
        site.proxy.stall()
    states = [(await api.rename(f"name {turn}"))["sync"]["state"] for turn in range(4)]
    states.append((await api.create("made meanwhile"))["sync"]["state"])
    assert set(states) == {"PENDING"}
    assert (await api.ready())["status"] == "degraded"
    await site.proxy.resume()
    await site.check()
    await site.until(api.is_ready)


async def test_writes_go_on_through_an_outage(site: Site) -> None:
    api, _ = await asyncio.gather(site.api(inline_deadline_seconds=1), site.worker())
    await site.settle()

    async def write(number: int) -> None:
        for turn in range(10):
            await api.rename(f"{number}-{turn}", CHAPTERS[number])
            await api.create(f"theory {number}-{turn}", CHAPTERS[number])

    writers = [asyncio.create_task(write(number)) for number in range(3)]
    await asyncio.sleep(0.5)
    await site.proxy.refuse()
    await asyncio.sleep(4)
    await site.proxy.resume()
    await asyncio.gather(*writers)
    await site.check()


async def test_what_a_graph_says_in_passing_buries_nothing(site: Site) -> None:
    traps = [site.proxy.trap("COMMIT", Action.FAIL, code=code, times=2, every=2) for code in PASSING]
    traps += [site.proxy.trap("RUN", Action.FAIL, code=code, times=2, every=3) for code in PASSING]
    api = await site.api(inline_deadline_seconds=1)
    await site.settle()
    turn = 0
    while any(trap.hits < trap.times for trap in traps) and turn < 60:
        turn += 1
        await api.rename(f"name {turn}")
        await site.settle()
    assert [trap.code for trap in traps if trap.hits < trap.times] == []
    await site.check()


@pytest.mark.quick
async def test_everything_starts_and_stays_up_while_the_graph_is_down(site: Site) -> None:
    await site.proxy.refuse()
    api, worker = await asyncio.gather(site.api(worker=False), site.worker())
    assert (await api.rename("without a graph"))["sync"]["state"] == "PENDING"
    assert (await api.ready())["status"] == "degraded"
    assert worker.child.poll() is None
    await site.proxy.resume()
    await site.check()


@pytest.mark.parametrize("action", [Action.CUT_BEFORE, Action.CUT_AFTER, Action.SWALLOW])
async def test_an_unknown_outcome_at_commit_is_done_once_in_effect(site: Site, action: Action) -> None:
    api = await site.api(inline_deadline_seconds=2)
    await site.settle()
    trap = site.proxy.trap("COMMIT", action, times=2)
    await api.create("made once")
    await api.rename("renamed once")
    await site.check()
    assert trap.hits >= 1
    assert await site.cypher("MATCH (n:THEORY {name: 'made once'}) RETURN count(n)") == [[1]]
