"""The fixture `database`: an empty, migrated Database, once on SQLite and once on PostgreSQL.

PostgreSQL is the one of LAB_TUTOR_TEST_POSTGRES_URL; without it these tests are skipped, or fail
where LAB_TUTOR_TEST_POSTGRES_REQUIRED=1 promises it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sql.models import Base
from sql.session import Database, migrate, migrate_sync

POSTGRES_URL = os.environ.get("LAB_TUTOR_TEST_POSTGRES_URL", "")
POSTGRES_REQUIRED = os.environ.get("LAB_TUTOR_TEST_POSTGRES_REQUIRED") == "1"
BOTH = ("sqlite", "postgresql")

_postgres_database: list[str] = []


@contextmanager
def sent_to(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Yield what is sent to a database within a block: (text, parameters) of each statement."""
    sent: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, text: str, parameters: Any, *_: object) -> None:
        sent.append((text, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one file for the whole run; each test gets a copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate_sync(f"sqlite:///{path}")
    return path


def require_postgres() -> str:
    """Return the server's URL; skip or fail without one."""
    if not POSTGRES_URL:
        if POSTGRES_REQUIRED:
            pytest.fail("LAB_TUTOR_TEST_POSTGRES_URL is not set, and a PostgreSQL server is promised here")
        pytest.skip("LAB_TUTOR_TEST_POSTGRES_URL is not set")
    return POSTGRES_URL


async def _execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


@pytest.fixture(scope="session")
def migrated_postgres_url() -> object:
    """Return a callable that makes this run's own database at its first use; it is dropped at the end."""

    async def url() -> str:
        server = require_postgres()
        if not _postgres_database:
            name = f"lab_tutor_test_{uuid.uuid4().hex[:12]}"
            await _execute(server, f'CREATE DATABASE "{name}"')
            _postgres_database.append(name)
            await migrate(server.rpartition("/")[0] + "/" + name)
        return server.rpartition("/")[0] + "/" + _postgres_database[0]

    yield url
    if _postgres_database:
        asyncio.run(_execute(POSTGRES_URL, f'DROP DATABASE "{_postgres_database.pop()}" WITH (FORCE)'))


async def empty_database(url: str) -> None:
    """Empty every table of a PostgreSQL database."""
    names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    await _execute(url, f"TRUNCATE {names} RESTART IDENTITY CASCADE")


@pytest.fixture
async def sqlite_database(migrated_sqlite_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Give an empty, migrated SQLite database, for tests to which the dialect does not matter."""
    path = tmp_path / "lab-tutor.db"
    shutil.copy(migrated_sqlite_file, path)
    opened = Database(f"sqlite+aiosqlite:///{path}")
    yield opened
    await opened.dispose()


@pytest.fixture(params=BOTH)
async def database(
    request: pytest.FixtureRequest, migrated_sqlite_file: Path, tmp_path: Path
) -> AsyncIterator[Database]:
    """Give an empty, migrated database of each dialect."""
    if request.param == "sqlite":
        path = tmp_path / "lab-tutor.db"
        shutil.copy(migrated_sqlite_file, path)
        opened = Database(f"sqlite+aiosqlite:///{path}")
    else:
        url = await request.getfixturevalue("migrated_postgres_url")()
        await empty_database(url)
        opened = Database(url)
    yield opened
    await opened.dispose()
