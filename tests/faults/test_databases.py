"""The system of record in trouble: killed inside a transaction, restarted under load, a disk that is full."""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults import truth
from tests.faults.cluster import Cluster
from tests.faults.site import Api, Site
from tests.faults.streams import Streams
from tests.mirror.world import CHAPTER_1

KILLS = 6
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def test_an_api_killed_inside_its_sql_transaction(site: Site) -> None:
    """Nobody else writes meanwhile, so an open write transaction is that of the API that was stopped.

    Without the graph, so that nearly all of these transactions are mutations.
    """
    await site.proxy.refuse()
    apis = await asyncio.gather(*(site.api(worker=False) for _ in range(KILLS + 1)))
    streams = Streams(site)
    for turn, victim in enumerate(apis[:KILLS]):
        async with streams.running(victim):
            # So many writes before, so that every turn meets the database in another state.
            await site.until(lambda: _reached(site, 4 * (turn + 1)))  # noqa: B023
            await site.until(lambda: _stopped_inside(site, victim))  # noqa: B023
            victim.kill()
    assert streams.unsure
    await streams.finish(apis[KILLS])
    await site.proxy.resume()
    await site.worker()
    await site.check()


async def _reached(site: Site, count: int) -> bool:
    return len(site.acknowledged) >= count


async def _stopped_inside(site: Site, api: Api) -> bool:
    """Stop a process where it is; let it go on when it has no write transaction open."""
    api.child.send_signal(signal.SIGSTOP)
    if await _is_writing(site):
        return True
    api.child.send_signal(signal.SIGCONT)
    return False


async def _is_writing(site: Site) -> bool:
    if site.database_url.startswith("postgresql"):
        # Between two statements, with a row written already.
        open_writes = f"SELECT 1 {SESSIONS} AND state = 'idle in transaction' AND backend_xid IS NOT NULL"
        return bool(await site.select(open_writes))
    connection = sqlite3.connect(_sqlite_path(site), timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
        return True
    else:
        connection.execute("ROLLBACK")
        return False
    finally:
        connection.close()


def _sqlite_path(site: Site) -> Path:
    return Path(site.database_url.partition("///")[2])


@pytest.mark.neo4j
@pytest.mark.parametrize("stands", [False, True], ids=["the commit fails", "the commit stands"])
async def test_an_api_killed_inside_its_commit(cluster_site: Site, stands: bool) -> None:
    """A trigger that runs at the commit waits for a lock: the COMMIT is on its way while the API dies."""
    site = cluster_site
    dying, living = await asyncio.gather(site.api(worker=False), site.api())
    await site.settle()
    streams = Streams(site)
    async with site.engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(4711)"))
        await _wait_in_commits(site)
        try:
            streams.asked.append(("theory 0", CHAPTER_1))
            request = asyncio.create_task(streams.try_to(dying, "theory 0", CHAPTER_1))
            waiting = f"SELECT pid {SESSIONS} AND query LIKE 'COMMIT%' AND wait_event_type = 'Lock'"
            await site.until(lambda: site.select(waiting))
            ((backend,),) = await site.select(waiting)
            dying.kill()
            assert not await request
            if not stands:
                await site.select(f"SELECT pg_terminate_backend({backend})")
            await connection.execute(text("SELECT pg_advisory_unlock(4711)"))
            await site.until(lambda: _ended(site, backend))
        finally:
            await _execute(site, "DROP FUNCTION wait_in_commit CASCADE")
    made = await site.select("SELECT 1 FROM theories WHERE name = 'theory 0'")
    assert len(made) == (1 if stands else 0)
    streams.unsure.append(("theory 0", CHAPTER_1))
    await streams.finish(living)
    await site.check()


async def _wait_in_commits(site: Site) -> None:
    await _execute(
        site,
        "CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON theories DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION wait_in_commit()",
    )


async def _ended(site: Site, backend: int) -> bool:
    active = await site.select("SELECT pid FROM pg_stat_activity WHERE state = 'active'")
    return (backend,) not in active


async def _execute(site: Site, *statements: str) -> None:
    async with site.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@pytest.mark.neo4j
async def test_postgresql_crashes_while_everything_writes(cluster: Cluster, cluster_site: Site) -> None:
    site = cluster_site
    apis = await asyncio.gather(site.api(), site.api(worker=False))
    worker = await site.worker()
    streams = Streams(site)
    async with streams.running(*apis, callers=4):
        for turn in range(2):
            await site.until(lambda: _reached(site, 8 * (turn + 1)))  # noqa: B023
            refused = len(streams.unsure)
            await cluster.crash()
            await site.until(lambda: _grown(streams, refused))  # noqa: B023
            assert (await apis[0].http.get("/healthz")).status_code == 200
            assert (await apis[0].http.get("/readyz")).status_code == 503
            await cluster.again()
        await site.until(lambda: _reached(site, 24))
    assert [process.child.poll() for process in (*apis, worker)] == [None, None, None]
    await streams.finish(apis[0])
    await site.check()
    await site.until(apis[1].is_ready)


async def _grown(streams: Streams, count: int) -> bool:
    return len(streams.unsure) > count


@pytest.mark.quick
@pytest.mark.parametrize("pair", ["sqlite-embedded"], indirect=True)
async def test_a_full_disk_refuses_writes_and_keeps_the_api(site: Site) -> None:
    """No file of the processes may grow any more; a write breaks off in the middle of its pages."""
    api, worker = await asyncio.gather(site.api(worker=False), site.worker())
    await api.create("before")
    await site.settle()
    size = _sqlite_path(site).with_name(_sqlite_path(site).name + "-wal").stat().st_size
    for process in (api, worker):
        resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, (size + 10_000, resource.RLIM_INFINITY))
    await _fill_up(site, api)
    for process in (api, worker):
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, unlimited)
    await _has_room_again(site, api)
    assert worker.child.poll() is None


@pytest.mark.neo4j
async def test_a_full_disk_of_postgresql(cluster: Cluster, cluster_site: Site) -> None:
    """A table cannot grow any more. Its file is larger than those of the log, which must go on."""
    site = cluster_site
    api, worker = await asyncio.gather(site.api(worker=False), site.worker())
    await _execute(
        site,
        "INSERT INTO audit_entries (occurred_at, action, record_kind, record_key, changes) "
        "SELECT now(), 'fill', 'FILL', repeat('x', 120), '[]' FROM generate_series(1, 8000)",
    )
    await site.settle()
    ((size,),) = await site.select("SELECT pg_relation_size('audit_entries')")
    assert size > 1_100_000
    await cluster.crash()
    # Half a page: what is written partly is what PostgreSQL takes for a disk that is full.
    await cluster.again(largest_file=size // 1024 + 4)
    await _fill_up(site, api)
    await cluster.crash()
    await cluster.again()
    await _has_room_again(site, api)
    assert worker.child.poll() is None


async def _fill_up(site: Site, api: Api) -> None:
    """Make theories until one is refused; then everything that writes is, and everything else goes on."""
    for turn in range(400):
        made = await _ask_for(api, f"until full {turn}")
        if "errors" in made:
            break
        site.acknowledged.append(("createTheory", {"name": f"until full {turn}"}))
    else:
        pytest.fail("the disk was never full")
    before = await site.select("SELECT id FROM theories ORDER BY id")
    for turn in range(3):
        (error,) = (await _ask_for(api, f"refused {turn}"))["errors"]
        assert error["extensions"]["code"] == "INTERNAL"
        assert error["extensions"]["retryable"] is True
        assert "committed" not in error["extensions"]
    assert await site.select("SELECT id FROM theories ORDER BY id") == before
    assert await truth.torn(site.engine) == []
    assert (await api.http.get("/healthz")).status_code == 200
    read = await api.http.post("/graphql", json={"query": "{ me { firstName } courses { totalCount } }"})
    assert "errors" not in read.json(), read.json()


async def _ask_for(api: Api, name: str) -> dict[str, object]:
    try:
        await api.create(name)
    except AssertionError as refusal:
        body = refusal.args[0]
        assert isinstance(body, dict), body
        return body
    return {}


async def _has_room_again(site: Site, api: Api) -> None:
    await api.create("after")
    await api.rename("after")
    await site.check()
    refused = await site.select("SELECT 1 FROM theories WHERE name LIKE 'refused%'")
    assert refused == []
