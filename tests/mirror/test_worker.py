"""The worker through refusals, outages, restarts and changes made meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from graph.client import GraphClient, Statement
from graph.errors import GraphConflict, GraphUnavailable
from mirror import projection
from mirror.verify import verify
from mirror.worker import Mirror
from sql import models, sync_claims, sync_state, sync_status
from sql.models import Chapter, Concept, Kind, SyncRecord, SyncWrite, User
from sql.session import Database
from tests.mirror import world
from tests.mirror.test_projection import ask, do, settle
from tests.mirror.world import CHAPTER_1, CONCEPT_1, COURSE, FAST, STUDENT


class Faulty:
    """A client that does to its first writes what the test says, then what the real one does."""

    def __init__(self, client: GraphClient, *faults: str) -> None:
        self.client = client
        self.faults = list(faults)
        self.before_write: Any = None
        self.unbearable = ""  # text of a record that always draws an error that looks like an outage

    async def write(self, statements: Sequence[Statement], **options: Any) -> Any:
        if self.unbearable and any(self.unbearable in repr(one.parameters) for one in statements):
            raise GraphUnavailable("UnknownError")
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refuse":
            raise GraphUnavailable("down")
        if fault == "conflict":
            raise GraphConflict("Neo.TransientError.Transaction.DeadlockDetected")
        if fault == "hang":
            await asyncio.sleep(3_600)
        answer = await self.client.write(statements, **options)
        if fault == "lost answer":
            raise GraphUnavailable("IncompleteCommit")
        if self.before_write is not None:
            action, self.before_write = self.before_write, None
            await action()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def faulty(mirror: Mirror, *faults: str) -> Faulty:
    assert mirror.client is not None
    double = Faulty(mirror.client, *faults)
    mirror.client = double  # type: ignore[assignment]
    mirror._schema_ready = True  # so that the first write is one of ours
    return double


async def rename(database: Database, name: str) -> str:
    async with database.write() as session:
        write = await sync_state.open_write(session)
        row = await session.get(Chapter, CHAPTER_1)
        assert row is not None
        row.name = name
        await sync_state.record(session, Kind.CHAPTER, CHAPTER_1)
    return write.id


async def end_leases(database: Database) -> None:
    """Let the time of every lease be over."""
    async with database.write() as session:
        leased = update(SyncRecord).where(SyncRecord.leased_until.is_not(None))
        await session.execute(leased.values(leased_until=models.now()))


async def state(database: Database, token: str) -> str:
    async with database.read() as session:
        return (await sync_status.write_state(session, token)).state


async def test_a_poisoned_record_is_buried_and_the_others_pass(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await graph_client.ensure_schema()
    # Another node already has the key of our concept: the constraint refuses ours, now and later.
    await do(
        graph_client,
        'CREATE (:CONCEPT {id: "x", course_id: 1, key: "strasse"})',
    )
    await mirror.drain()
    await mirror.drain()
    async with mirror.database.read() as session:
        status = await sync_status.status(session, projection_version=projection.PROJECTION_VERSION)
        dead = (await session.scalars(select(SyncRecord).where(SyncRecord.dead_at.is_not(None)))).all()
    assert [(row.kind, row.key) for row in dead] == [(Kind.CONCEPT, CONCEPT_1)]
    assert dead[0].last_error is not None
    assert dead[0].last_error.startswith("GraphRejected: Neo.ClientError")
    assert status.failed == 1
    # What needs the concept waits without an attempt, and what needs that; everything else is there.
    assert status.pending == 6
    assert await ask(graph_client, "MATCH (n:CHAPTER) RETURN count(n)") == [[3]]
    await do(graph_client, 'MATCH (n:CONCEPT {id: "x"}) DETACH DELETE n')
    async with mirror.database.write() as session:
        assert await sync_claims.requeue(session) == 1
    await settle(mirror)


async def test_an_outage_buries_nobody_and_drains_at_once(mirror: Mirror) -> None:
    faulty(mirror, *["refuse"] * 3)
    stop = asyncio.Event()
    task = asyncio.create_task(mirror.run(stop))
    async with asyncio.timeout(120):
        while mirror.figures.applied < 25:  # noqa: ASYNC110 - figures announce nothing
            await asyncio.sleep(0.02)
    stop.set()
    await task
    assert mirror.figures.outages == 3
    await settle(mirror)


async def test_a_record_that_always_looks_like_an_outage_holds_up_nobody(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    double = faulty(mirror)
    await graph_client.ensure_schema()
    double.unbearable = CONCEPT_1
    stop = asyncio.Event()
    task = asyncio.create_task(mirror.run(stop))
    try:
        async with asyncio.timeout(120):
            while await ask(graph_client, "MATCH (n:CHAPTER) RETURN count(n)") != [[3]]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await task
    async with mirror.database.read() as session:
        row = await session.scalar(select(SyncRecord).where(SyncRecord.key == CONCEPT_1))
    assert row is not None
    assert row.dead_at is None
    assert row.applied_version == 0
    double.unbearable = ""
    await settle(mirror)


@pytest.mark.parametrize("fault", ["lost answer", "conflict"])
async def test_an_unknown_outcome_is_done_once_in_effect(mirror: Mirror, fault: str) -> None:
    faulty(mirror, fault)
    try:
        await mirror.drain()
    except GraphUnavailable:
        assert fault == "lost answer"
    await settle(mirror)


async def test_a_change_made_during_the_projection_is_not_lost(mirror: Mirror) -> None:
    await settle(mirror)
    double = faulty(mirror)

    async def change() -> None:
        await rename(mirror.database, "second")

    double.before_write = change
    await rename(mirror.database, "first")
    # Not a drain, which wakes whatever is dirty: the acknowledgement itself leaves the second change in line.
    while await mirror.step() is not None:
        pass
    assert mirror.client is not None
    assert await ask(mirror.client, "MATCH (n:CHAPTER {order: 0}) RETURN n.name, n.version") == [
        ["second", 3]
    ]


async def test_inline_brings_a_write_over_or_leaves_it_within_the_deadline(mirror: Mirror) -> None:
    await settle(mirror)
    token = await rename(mirror.database, "inline")
    await mirror.try_inline(token, 120)
    assert await state(mirror.database, token) == "SYNCED"
    double = faulty(mirror, "hang")
    token = await rename(mirror.database, "slow")
    async with asyncio.timeout(120):  # the graph hangs for longer
        await mirror.try_inline(token, 0.5)
    assert await state(mirror.database, token) == "PENDING"
    await mirror.close()
    if double.faults:  # where this took too long before the graph was asked, the lease ends by itself
        double.faults = []
        await end_leases(mirror.database)
    await settle(mirror)
    assert await state(mirror.database, token) == "SYNCED"


async def test_while_the_graph_is_away_only_one_write_in_a_while_waits_for_it(mirror: Mirror) -> None:
    await mirror.drain()
    mirror.config = replace(mirror.config, inline_pause_seconds=3_600)
    double = faulty(mirror, "hang", "hang")
    await mirror.try_inline(await rename(mirror.database, "First"), deadline_seconds=0.5)
    left = list(double.faults)
    for name in ("Second", "Third"):
        await mirror.try_inline(await rename(mirror.database, name), deadline_seconds=20)
    assert double.faults == left  # nobody else asked the graph
    await mirror.close()
    if len(left) == 2:  # as above
        await end_leases(mirror.database)
    double.faults = []
    await settle(mirror)


async def test_inline_never_raises(mirror: Mirror) -> None:
    await settle(mirror)
    faulty(mirror, "refuse")
    token = await rename(mirror.database, "inline")
    await mirror.try_inline(token)
    await mirror.close()
    assert await state(mirror.database, token) == "PENDING"
    await settle(mirror)


async def test_a_killed_workers_records_are_taken_over(mirror: Mirror) -> None:
    async with mirror.database.write() as session:
        claims = await sync_claims.claim(session, "killed", limit=100, lease_seconds=300)
    assert len(claims) == 25
    assert await mirror.step() is None
    await end_leases(mirror.database)
    await settle(mirror)


async def test_two_workers_and_many_writers_agree_in_the_end(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    other = Mirror(mirror.database, graph_client, FAST)
    stop = asyncio.Event()
    workers = [asyncio.create_task(item.run(stop)) for item in (mirror, other)]

    async def write(number: int) -> None:
        for turn in range(5):
            await rename(mirror.database, f"{number}-{turn}")

    await asyncio.gather(*(write(number) for number in range(4)))
    stop.set()
    await asyncio.gather(*workers)
    await settle(mirror)
    rows = await ask(graph_client, "MATCH (n:CHAPTER {order: 0}) RETURN n.version, count(n)")
    assert rows == [[21, 1]]


async def test_a_database_restored_from_a_backup_goes_on_above_the_graph(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    await do(graph_client, "MATCH (n:CHAPTER {order: 0}) SET n.version = 40")
    await rename(mirror.database, "restored")
    await settle(mirror)
    assert await ask(graph_client, "MATCH (n:CHAPTER {order: 0}) RETURN n.name, n.version") == [
        ["restored", 41]
    ]


async def test_without_a_graph_nothing_happens_until_there_is_one(
    filled: Database, graph_client: GraphClient
) -> None:
    off = Mirror(filled, None)
    assert not off.enabled
    token = await rename(filled, "off")
    await off.try_inline(token)
    assert (await off.drain()).applied == 0
    stop = asyncio.Event()
    stop.set()
    await off.run(stop)
    await settle(Mirror(filled, graph_client, FAST))
    assert await state(filled, token) == "SYNCED"


async def test_without_a_graph_old_writes_do_not_pile_up(filled: Database) -> None:
    old, young = await rename(filled, "old"), await rename(filled, "young")
    async with filled.write() as session:
        await session.execute(
            update(SyncWrite).where(SyncWrite.id == old).values(created_at=world.MOMENT - timedelta(days=2))
        )
    stop = asyncio.Event()
    working = asyncio.create_task(Mirror(filled, None, FAST).run(stop))

    async def kept() -> list[str]:
        async with filled.read() as session:
            return list(await session.scalars(select(SyncWrite.id)))

    async with asyncio.timeout(120):
        while await kept() != [young]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    stop.set()
    await working


async def test_a_newer_projection_replays_everything(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        await session.execute(update(SyncRecord).values(projection_version=0))
    assert (await mirror.drain()).applied == 25
    await settle(mirror)


async def test_clean_up_forgets_old_tombstones_in_both_stores(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    key = f"{COURSE}:{STUDENT}"
    async with mirror.database.write() as session:
        row = (await session.scalars(select(world.Enrollment))).one()
        await world.remove(session, Kind.ENROLLMENT, key, row)
    await settle(mirror)
    async with mirror.database.write() as session:
        await session.execute(update(SyncRecord).values(applied_at=world.MOMENT))
    await mirror.clean_up()
    assert await ask(graph_client, "MATCH (t:MIRROR_TOMBSTONE) RETURN count(t)") == [[0]]
    async with mirror.database.write() as session:
        await world.put(session, Kind.ENROLLMENT, key, world.Enrollment(course_id=COURSE, student_id=STUDENT))
    await settle(mirror)


async def test_no_payload_reaches_the_log(mirror: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="lab_tutor.mirror")
    await settle(mirror)
    text = " ".join(str(record.__dict__) for record in caplog.records)
    assert "projected" in text
    assert "example.org" not in text
    assert "Straße" not in text


async def test_no_e_mail_address_reaches_the_graph(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    assert (await verify(mirror.database, graph_client)).clean
    rows = await ask(graph_client, "MATCH (n:STUDENT|TEACHER) RETURN properties(n)")
    assert all("example.org" not in str(row) for row in rows)
    assert User.email is not None
    assert Concept.key is not None


async def test_a_graph_too_slow_for_many_gets_fewer_at_once(
    mirror: Mirror, graph_client: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sizes = graph_client.write, []

    async def slow(statements: Any, **given: Any) -> Any:
        sizes.append(sum(len(one.parameters.get("rows", ())) for one in statements))
        if sizes[-1] > 16:
            raise GraphUnavailable("timeout")
        return await send(statements, **given)

    mirror.config = replace(mirror.config, batch_size=40)
    monkeypatch.setattr(graph_client, "write", slow)
    outcome = await mirror.drain()
    assert outcome.applied == 25
    # The whole was tried, then a quarter; what went through was followed by more.
    assert sizes[0] > 25  # with the statements that go before
    assert 0 < sizes[1] <= 16


async def test_a_graph_that_is_away_ends_a_drain(
    mirror: Mirror, graph_client: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise GraphUnavailable("timeout")

    monkeypatch.setattr(graph_client, "write", away)
    monkeypatch.setattr(graph_client, "ping", away)
    with pytest.raises(GraphUnavailable):
        await mirror.drain()
    async with mirror.database.read() as session:
        status = await sync_status.status(session, projection_version=projection.PROJECTION_VERSION)
    assert (status.pending, status.failed) == (25, 0)


async def leases(database: Database) -> tuple[int, int]:
    """Return how many records are leased, and how many are acknowledged."""
    async with database.read() as session:
        rows = (await session.scalars(select(SyncRecord))).all()
    return sum(row.leased_by is not None for row in rows), sum(row.applied_version > 0 for row in rows)


async def test_the_next_batch_is_read_while_the_graph_writes_one(mirror: Mirror) -> None:
    double = faulty(mirror)
    await double.ensure_schema()
    mirror.config = replace(mirror.config, batch_size=5)
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        async with asyncio.timeout(120):
            while (await leases(mirror.database))[0] < 10:  # noqa: ASYNC110 - a claim announces nothing
                await asyncio.sleep(0.01)
        seen.append(await leases(mirror.database))

    double.before_write = look
    assert (await mirror.drain()).applied == 25
    # One batch in the hands of the graph, one read ahead, and nothing acknowledged before it was written.
    assert seen == [(10, 0)]
    assert await leases(mirror.database) == (0, 25)
    await settle(mirror)


async def test_a_batch_that_fails_takes_the_one_ahead_along(mirror: Mirror) -> None:
    double = faulty(mirror, "", "refuse")
    await double.ensure_schema()
    mirror.config = replace(mirror.config, batch_size=5)
    with pytest.raises(GraphUnavailable):
        await mirror.drain()
    # The first batch is acknowledged; the second and what was read ahead are due at once, for anybody.
    assert await leases(mirror.database) == (0, 5)
    async with mirror.database.write() as session:
        others = await sync_claims.claim(session, "another", limit=100, lease_seconds=60)
        assert len(others) == 20
        await sync_claims.release(session, [item.id for item in others])
    assert (await mirror.drain()).applied == 20
    await settle(mirror)


async def test_a_drain_that_is_cancelled_keeps_no_lease(mirror: Mirror) -> None:
    double = faulty(mirror, "", "hang")
    await double.ensure_schema()
    mirror.config = replace(mirror.config, batch_size=5)
    task = asyncio.create_task(mirror.drain())
    async with asyncio.timeout(120):
        # The second batch hangs in the graph, the third is read.
        while await leases(mirror.database) != (10, 5):  # noqa: ASYNC110 - a claim announces nothing
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await leases(mirror.database) == (0, 5)
    await settle(mirror)


async def test_a_batch_that_waited_too_long_is_claimed_anew(mirror: Mirror) -> None:
    # A lease that ends with the write: what was read ahead would outlive its own.
    mirror.config = replace(mirror.config, batch_size=5, lease_seconds=30.0, write_deadline_seconds=30.0)
    assert (await mirror.drain()).applied == 25
    assert mirror.figures.attempts > 25  # read twice, and written once
    assert await leases(mirror.database) == (0, 25)
    await settle(mirror)
