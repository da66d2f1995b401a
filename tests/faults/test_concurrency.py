"""Several APIs, several workers, many writers, and connections that are lost all the time."""

from __future__ import annotations

import asyncio
import signal

import pytest
from sqlalchemy import text

from tests.faults.bolt_proxy import Action
from tests.faults.site import CHAPTERS, SETTLE_SECONDS, Api, Site


async def test_two_apis_two_workers_four_writers_three_records(site: Site) -> None:
    apis = await asyncio.gather(site.api(worker=False), site.api(worker=False))
    await asyncio.gather(site.worker(), site.worker())
    await site.settle()
    before = site.proxy.trap("COMMIT", Action.CUT_BEFORE, times=1_000_000, every=2)
    after = site.proxy.trap("COMMIT", Action.CUT_AFTER, times=1_000_000, every=2)

    async def write(number: int, api: Api) -> None:
        for turn in range(60):
            if turn >= 6 and before.hits and after.hits:
                break
            await api.rename(f"{number}-{turn}", CHAPTERS[(number + turn) % 3])
            made = await api.create(f"theory {number}-{turn}", CHAPTERS[turn % 3])
            if turn % 2:
                await api.mutate("moveTheory", id=made["theory"]["id"], order=0)

    async def shake() -> None:
        seconds = 0.7
        while True:
            await asyncio.sleep(seconds)
            site.proxy.reset()
            # On a slow machine a connection must live longer than that before anything is written by it.
            seconds *= 1.2

    shaking = asyncio.create_task(shake())
    await asyncio.gather(*(write(number, apis[number % 2]) for number in range(4)))
    shaking.cancel()
    assert before.hits > 0
    assert after.hits > 0
    before.times = after.times = 0
    await site.check()


async def test_a_worker_killed_while_it_holds_records(site: Site) -> None:
    trap = site.proxy.trap("COMMIT", Action.HOLD)
    killed = await site.worker()
    await asyncio.wait_for(trap.caught.wait(), SETTLE_SECONDS)
    killed.kill()
    other = await site.worker()
    await site.check()
    assert other.child.poll() is None


async def test_sigterm_in_a_slow_write_finishes_it(site: Site) -> None:
    # The write must not end by itself before it may go on.
    patient = {"inline_deadline_seconds": 30, "mirror_write_seconds": 60, "mirror_lease_seconds": 70}
    api, worker = await asyncio.gather(site.api(**patient), site.worker(**patient))
    await site.settle()
    trap = site.proxy.trap("COMMIT", Action.HOLD)
    request = asyncio.create_task(api.rename("before the end"))
    await asyncio.wait_for(trap.caught.wait(), SETTLE_SECONDS)
    api.terminate()
    worker.terminate()
    await asyncio.sleep(0.3)
    trap.release()
    assert (await request)["__typename"] == "UpdateChapterSuccess"
    # The server ends in order and then hands the signal on, for whoever looks at its exit code.
    assert await api.ended() in (0, -signal.SIGTERM)
    assert await worker.ended() == 0
    async with site.engine.connect() as connection:
        leases = await connection.execute(
            text("SELECT count(*) FROM sync_records WHERE leased_by IS NOT NULL")
        )
        assert leases.scalar_one() == 0
    await site.worker()
    await site.check()


async def test_lost_database_connections_under_load(site: Site) -> None:
    if not site.database_url.startswith("postgresql"):
        pytest.skip("SQLite has no connections that somebody else could end")
    apis = await asyncio.gather(site.api(), site.api())
    await site.settle()
    refused = 0

    async def write(number: int) -> None:
        nonlocal refused
        for turn in range(10):
            try:
                await apis[number % 2].rename(f"{number}-{turn}", CHAPTERS[number])
            except AssertionError:
                # Not acknowledged: it may have been committed or not, and a caller would ask again.
                refused += 1

    writers = [asyncio.create_task(write(number)) for number in range(3)]
    for _ in range(3):
        await asyncio.sleep(0.4)
        async with site.engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
    await asyncio.gather(*writers)
    await site.check()
