"""Sync state: marks, leases, acknowledgements, dead letters."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from sql import audit, errors, idempotency, models, sync_claims, sync_cleanup, sync_state, sync_status
from sql.models import IdempotencyReceipt, Kind, Role, SyncRecord, SyncWrite, User
from sql.session import Database
from sql.sync_claims import Claim
from tests.sql_fixtures import sent_to


async def claim(database: Database, worker: str = "w", **options: object) -> list[Claim]:
    async with database.write() as session:
        arguments = {"limit": 100, "lease_seconds": 10.0, "projection_version": 1} | options
        return await sync_claims.claim(session, worker, **arguments)  # type: ignore[arg-type]


async def mark(database: Database, kind: Kind, *keys: object, deleted: bool = False) -> dict[str, int]:
    async with database.write() as session:
        return await sync_state.record_many(session, kind, keys, deleted=deleted)


async def only(database: Database) -> SyncRecord:
    async with database.read() as session:
        return (await session.scalars(select(SyncRecord))).one()


async def test_versions_count_up_for_each_record(database: Database) -> None:
    assert await mark(database, Kind.USER, 1, 2) == {"1": 1, "2": 1}
    assert await mark(database, Kind.USER, 2, 3) == {"2": 2, "3": 1}
    assert await mark(database, Kind.COURSE, 2) == {"2": 1}


async def test_a_rolled_back_change_leaves_no_mark(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await sync_state.record(session, Kind.USER, 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await claim(database) == []


async def test_concurrent_marks_get_versions_of_their_own(database: Database) -> None:
    versions = await asyncio.gather(*(mark(database, Kind.USER, 1) for _ in range(10)))
    assert sorted(item["1"] for item in versions) == list(range(1, 11))


async def test_claims_come_in_order_of_dependency(database: Database) -> None:
    await mark(database, Kind.ENROLLMENT, "1:2")
    await mark(database, Kind.COURSE, 1)
    await mark(database, Kind.USER, 2)
    assert [item.kind for item in await claim(database)] == [Kind.USER, Kind.COURSE, Kind.ENROLLMENT]


async def test_a_leased_record_is_claimed_by_nobody_else_until_the_lease_ends(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    assert len(await claim(database, "a")) == 1
    assert await claim(database, "b") == []
    later = models.now() + timedelta(seconds=11)
    assert len(await claim(database, "b", now=later)) == 1


async def test_two_workers_never_share_a_record(database: Database) -> None:
    await mark(database, Kind.USER, *range(50))
    parts = await asyncio.gather(*(claim(database, f"w{i}", limit=20) for i in range(4)))
    ids = [item.id for part in parts for item in part]
    assert len(ids) == len(set(ids))
    assert len(ids) <= 50


async def test_a_change_made_during_the_projection_stays_dirty(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    await mark(database, Kind.USER, 1)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(item.id, item.version)], 1)
    (again,) = await claim(database)
    assert (again.version, again.applied_version) == (2, 1)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(again.id, 2)], 1)
    assert await claim(database) == []


async def test_a_late_acknowledgement_does_not_go_backwards(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(item.id, 2)], 1)
        await sync_claims.acknowledge(session, [(item.id, 1)], 1)
    assert (await only(database)).applied_version == 2
    assert await claim(database) == []


async def test_a_newer_projection_makes_everything_dirty_once_woken(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(item.id, 1)], 1)
        assert await sync_claims.wake(session, projection_version=1) == 0
        assert await sync_claims.wake(session, projection_version=2) == 1
    assert len(await claim(database, projection_version=2)) == 1


async def test_postponing_counts_and_a_new_change_starts_over(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.postpone(session, [item.id], "no")
    row = await only(database)
    assert (row.attempts, row.last_error, row.leased_by) == (1, "no", None)
    assert row.next_attempt_at is not None
    await mark(database, Kind.USER, 1)
    row = await only(database)
    assert (row.attempts, row.last_error) == (0, None)
    assert len(await claim(database)) == 1


def test_backoff_grows_to_its_cap() -> None:
    assert sync_claims.backoff(0) <= timedelta(seconds=0.2)
    assert timedelta(seconds=15) <= sync_claims.backoff(50) <= timedelta(seconds=30)


async def test_waiting_for_an_end_counts_no_attempt(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.postpone_without_attempt(session, [item.id], "waits")
    assert (await only(database)).attempts == 0
    assert await claim(database) == []
    assert len(await claim(database, now=models.now() + timedelta(seconds=2))) == 1


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_step_stops_no_retry(database: Database, hours: int) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.postpone(session, [item.id], "no")
        await session.execute(
            update(SyncRecord).values(leased_by="dead", leased_until=models.now() + timedelta(seconds=10))
        )
    stepped = models.now() + timedelta(hours=hours)
    assert len(await claim(database, now=stepped)) == 1


async def test_dead_letters_wait_for_a_requeue_or_a_new_change(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    async with database.write() as session:
        assert await sync_claims.bury(session, [item.id], "refused", version=1) == 1
    assert await claim(database, now=models.now() + timedelta(days=1)) == []
    async with database.read() as session:
        status = await sync_status.status(session, projection_version=1)
    assert (status.pending, status.failed, status.last_error) == (0, 1, "refused")
    async with database.write() as session:
        assert await sync_claims.requeue(session, kind=Kind.USER, key="1") == 1
    (item,) = await claim(database)
    async with database.write() as session:
        await sync_claims.bury(session, [item.id], "refused", version=1)
    await mark(database, Kind.USER, 1)
    assert len(await claim(database)) == 1


async def test_a_record_changed_meanwhile_is_not_buried(database: Database) -> None:
    await mark(database, Kind.USER, 1)
    (item,) = await claim(database)
    await mark(database, Kind.USER, 1)
    async with database.write() as session:
        assert await sync_claims.bury(session, [item.id], "refused", version=1) == 0
    assert len(await claim(database)) == 1


async def test_a_write_is_as_far_as_its_slowest_record(database: Database) -> None:
    async with database.write() as session:
        write = await sync_state.open_write(session)
        await sync_state.record(session, Kind.COURSE, 1)
        await sync_state.record(session, Kind.CHAPTER, "c")
        await sync_state.record(session, Kind.COURSE, 1)
    token = write.id

    async def state(enabled: bool = True) -> sync_status.WriteStatus:
        async with database.read() as session:
            return await sync_status.write_state(session, token, enabled)

    assert (await state()).state == "PENDING"
    assert (await state()).version == 2
    assert (await state(enabled=False)).state == "DISABLED"
    course, chapter = await claim(database, write_id=token)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(course.id, 2)], 1)
    assert (await state()).state == "PENDING"
    async with database.write() as session:
        await sync_claims.bury(session, [chapter.id], "refused", version=1)
    assert (await state()).state == "FAILED"
    assert (await state()).last_error == "refused"
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(chapter.id, 1)], 1)
    assert (await state()).state == "SYNCED"
    await mark(database, Kind.COURSE, 1)
    assert (await state()).state == "SYNCED"
    with pytest.raises(errors.NotFound):
        async with database.read() as session:
            await sync_status.write_state(session, "nothing")


async def test_clean_up_keeps_what_is_young_or_dirty(database: Database) -> None:
    await mark(database, Kind.USER, 1, 2, deleted=True)
    first, second = await claim(database)
    tomorrow = models.now() + timedelta(hours=25)
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(first.id, 1)], 1)
        session.add(SyncWrite(id="w"))
    async with database.write() as session:
        assert await sync_cleanup.find_old_tombstones(session) == []
        assert await sync_cleanup.find_old_tombstones(session, now=tomorrow) == [(first.id, Kind.USER, "1")]
        assert await sync_cleanup.remove_tombstones(session, [first.id, second.id], now=tomorrow) == 1
        assert (await sync_cleanup.purge(session)).writes == 0
        assert (await sync_cleanup.purge(session, now=tomorrow)).writes == 1
    assert (await only(database)).key == "2"


async def test_an_idempotency_key_answers_once_and_refuses_another_input(database: Database) -> None:
    async with database.write() as session:
        assert await idempotency.find(session, 1, "createCourse", "k", "hash") is None
        await idempotency.store(session, 1, "createCourse", "k", "hash", record_key=7, write_id="w")
    async with database.write() as session:
        receipt = await idempotency.find(session, 1, "createCourse", "k", "hash")
        assert receipt is not None
        assert receipt.record_key == "7"
        assert await idempotency.find(session, 2, "createCourse", "k", "hash") is None
        with pytest.raises(errors.Conflict) as raised:
            await idempotency.find(session, 1, "createCourse", "k", "other")
        assert raised.value.code == "KEY_REUSED"
        await session.execute(
            update(IdempotencyReceipt).values(created_at=models.now() - timedelta(hours=25))
        )
        await session.flush()
    async with database.write() as session:
        assert await idempotency.find(session, 1, "createCourse", "k", "other") is None


async def test_audit_entries_are_bounded(database: Database) -> None:
    async with database.write() as session:
        session.add(User(id=1, email="a@x.org", first_name="A", last_name="B", role=Role.ADMIN))
        await session.flush()
        changes = [audit.Change("field", None, Role.ADMIN)] * 60
        entry = await audit.write(session, 1, "updateUser", "USER", 1, changes=changes)
    assert len(entry.changes) == 50
    assert entry.changes[0] == {"field": "field", "before": None, "after": "ADMIN"}


async def test_the_sync_table_stays_as_large_as_the_number_of_records(database: Database) -> None:
    for _ in range(5):
        await mark(database, Kind.USER, *range(10))
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SyncRecord)) == 10


async def test_asking_for_the_oldest_change_reads_no_clean_record(sqlite_database: Database) -> None:
    """SQLite's planner is what chose to walk all records."""
    database = sqlite_database
    whether = sync_status._WAITS.compiled(database.engine.dialect)
    async with database.read() as session:
        with sent_to(database) as sent:
            assert await sync_status.oldest_pending_at(session) is None
        connection = await session.connection()
        asked, _ = sent[-1]
        bound = ("1970-01-01 00:00:00.000000",) * asked.count("?")
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", bound)
        steps = [row[3] for row in plan if "sync_records" in row[3]]
        plan = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {whether.text}", tuple(whether.values({}))
        )
        steps += [row[3] for row in plan if "sync_records" in row[3]]
    assert len(steps) == 4
    assert all("ix_sync_records_due (dead_at" in step for step in steps), steps


async def test_a_claim_reads_the_front_of_each_line(sqlite_database: Database) -> None:
    """What waits behind is not looked at: a bulk of a million costs its claims as much as one of a thousand.

    SQLite tells its plan in words.
    """
    database = sqlite_database
    await mark(database, Kind.SKILL, *(f"s{number}" for number in range(5)))
    with sent_to(database) as sent:
        await claim(database, limit=2)
    selects = [each for each in sent if each[0].startswith("SELECT")]
    assert len(selects) == 2  # which kinds wait, and the first of the one that does
    async with database.read() as session:
        connection = await session.connection()
        for text, parameters in selects:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
            steps = [row[3] for row in plan]
            reads = [step for step in steps if "sync_records" in step]
            assert all("ix_sync_records_in_line (kind=?)" in step for step in reads), steps
            assert not [step for step in steps if "TEMP B-TREE" in step], steps


async def test_kinds_of_a_rank_share_a_batch_and_the_next_rank_waits(database: Database) -> None:
    await mark(database, Kind.SKILL, *(f"s{number}" for number in range(50)))
    await mark(database, Kind.RESOURCE, *(f"r{number}" for number in range(3)))
    await mark(database, Kind.MASTERY, "1:s0")
    claims = []
    while batch := await claim(database, limit=20):
        claims.append(Counter(item.kind for item in batch))
    assert claims[0] == {Kind.SKILL: 10, Kind.RESOURCE: 3}
    assert [Kind.MASTERY in batch for batch in claims] == [False] * (len(claims) - 1) + [True]
    assert sum(claims, Counter()) == {Kind.SKILL: 50, Kind.RESOURCE: 3, Kind.MASTERY: 1}


async def test_the_oldest_change_is_the_same_with_and_without_a_session(database: Database) -> None:
    async def both() -> tuple[datetime | None, datetime | None]:
        async with database.read() as session:
            return await sync_status.oldest_pending_at(session), await sync_status.oldest_pending(database)

    assert await both() == (None, None)
    await mark(database, Kind.USER, 1)
    first = await both()
    assert first[0] is not None
    assert first[0] == first[1]
    (claimed,) = await claim(database)
    async with database.write() as session:
        await sync_claims.bury(session, [claimed.id], "refused", version=1)
    assert await both() == first, "a dead letter waits too"
    async with database.write() as session:
        await sync_claims.acknowledge(session, [(claimed.id, 1)], 1)
    before = database.statement_count
    assert await sync_status.oldest_pending(database) is None
    assert database.statement_count == before + 1
