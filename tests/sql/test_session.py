"""Sessions: durable, serialised where it matters, and driver errors translated."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text

from sql import errors, models
from sql.keys import name_key
from sql.models import Base, Course, Role, User
from sql.session import Database, async_url, migrate


def user(id_: int, email: str) -> User:
    return User(id=id_, email=email, first_name="A", last_name="B", role=Role.TEACHER)


async def test_write_commits_on_exit_and_rolls_back_on_an_exception(database: Database) -> None:
    async with database.write() as session:
        session.add(user(1, "a@example.org"))

    async def fail() -> None:
        async with database.write() as session:
            session.add(user(2, "b@example.org"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert list(await session.scalars(select(User.id))) == [1]


async def test_read_keeps_nothing(database: Database) -> None:
    async with database.read() as session:
        session.add(user(1, "a@example.org"))
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


async def test_a_violated_unique_constraint_is_a_duplicate_at_its_field(database: Database) -> None:
    async with database.write() as session:
        session.add(user(1, "a@example.org"))
    with pytest.raises(errors.Conflict) as raised:
        async with database.write() as session:
            session.add(user(2, "a@example.org"))
    assert (raised.value.code, raised.value.path) == ("DUPLICATE", ("email",))
    async with database.write() as session:
        session.add(Course(teacher_id=1, title="T"))
    with pytest.raises(errors.Conflict) as raised:
        async with database.write() as session:
            session.add(Course(teacher_id=1, title="T"))
    assert raised.value.path == ("title",)


async def test_an_unreachable_database_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(errors.Unavailable):
        async with database.read() as session:
            await session.execute(select(1))
    await database.dispose()


async def test_concurrent_read_modify_writes_lose_nothing(database: Database) -> None:
    async with database.write() as session:
        session.add(user(1, "a@example.org"))

    async def bump() -> None:
        async with database.write() as session:
            row = await session.get(User, 1, with_for_update=True)
            assert row is not None
            row.version += 1

    await asyncio.gather(*(bump() for _ in range(20)))
    async with database.read() as session:
        assert await session.scalar(select(User.version)) == 20


async def test_two_engines_on_one_sqlite_file_write_in_turns(sqlite_database: Database) -> None:
    other = Database(str(sqlite_database.url.database))
    async with sqlite_database.write() as session:
        session.add(user(1, "a@example.org"))

    async def bump(database: Database) -> None:
        async with database.write() as session:
            row = await session.get(User, 1)
            assert row is not None
            row.version += 1

    await asyncio.gather(*(bump(database) for _ in range(10) for database in (sqlite_database, other)))
    async with other.read() as session:
        assert await session.scalar(select(User.version)) == 20
    await other.dispose()


async def test_sqlite_is_durable_and_checks_foreign_keys(sqlite_database: Database) -> None:
    async with sqlite_database.read() as session:
        assert await session.scalar(text("PRAGMA synchronous")) == 2
        assert await session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await session.scalar(text("PRAGMA foreign_keys")) == 1
        assert await session.scalar(text("PRAGMA busy_timeout")) == 10_000


async def test_a_cancelled_write_gives_back_its_turn(sqlite_database: Database) -> None:
    started = asyncio.Event()

    async def slow() -> None:
        async with sqlite_database.write() as session:
            session.add(user(1, "a@example.org"))
            await session.flush()
            started.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(slow())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60), sqlite_database.write() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


@pytest.mark.parametrize("times", [1, 2])
async def test_a_write_cancelled_inside_a_statement_lets_go_of_the_lock(
    sqlite_database: Database, times: int
) -> None:
    """Nothing but the end of the transaction may free it: the collector comes late."""
    inside, go_on = threading.Event(), threading.Event()

    def wait() -> int:
        inside.set()
        go_on.wait(120)
        return 1

    async def change() -> None:
        async with sqlite_database.write() as session:
            session.add(user(1, "a@example.org"))
            await session.flush()
            raw = await (await session.connection()).get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.create_function("wait", 0, wait)
            await session.execute(text("SELECT wait() UNION ALL SELECT 2 UNION ALL SELECT 3"))

    gc.disable()
    try:
        task = asyncio.create_task(change())
        assert await asyncio.to_thread(inside.wait, 60)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        other = sqlite3.connect(
            str(sqlite_database.url.database), timeout=60, isolation_level=None, check_same_thread=False
        )
        with contextlib.closing(other):
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            assert other.execute("SELECT count(*) FROM users").fetchone() == (0,)
    finally:
        gc.enable()
        go_on.set()


async def test_statement_count_counts(database: Database) -> None:
    async with database.read() as session:
        before = database.statement_count
        await session.execute(select(User))
        await session.execute(select(Course))
    assert database.statement_count - before == 2


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    await migrate(path)
    database = Database(path)
    async with database.write() as session:
        session.add(user(1, "a@example.org"))
    await migrate(path)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1
    await database.dispose()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("lab.db", "sqlite+aiosqlite"),
        ("sqlite:///lab.db", "sqlite+aiosqlite"),
        ("postgresql://u@h/d", "postgresql+asyncpg"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg"),
    ],
)
def test_plain_urls_get_the_async_driver(given: str, driver: str) -> None:
    assert async_url(given).drivername == driver


@pytest.mark.parametrize(
    ("text_", "key"),
    [("  Straße ", "strasse"), ("STRASSE", "strasse"), ("ﬁnite\t  sets", "finite sets"), ("", "")],
)
def test_name_keys(text_: str, key: str) -> None:
    assert name_key(text_) == key
    assert name_key(key) == key


def test_errors_carry_data_and_a_default_message() -> None:
    error = errors.NotFound("COURSE", 3, ("courseId",))
    assert (error.kind, error.key, error.path, error.message) == (
        "COURSE",
        "3",
        ("courseId",),
        "There is no such record.",
    )
    assert errors.StaleVersion(4).current_version == 4
    assert models.now().tzinfo is not None
