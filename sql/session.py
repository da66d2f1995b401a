"""The engine, its transactions, and the one place where driver errors are translated."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import UniqueConstraint, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from sql import errors
from sql.models import Base
from sql.points import DirectReader, Point, Rows

BUSY_TIMEOUT_SECONDS = 10
WRITE_QUEUE_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"

_WRITE = "lab_tutor_write"

# Field of the input that a violated unique constraint is about, as it is written on the wire.
_CONSTRAINT_PATHS: dict[str, errors.Path] = {
    "uq_users_email": ("email",),
    "uq_metadata_entries_student_id_key": ("key",),
    "uq_courses_teacher_id_title": ("title",),
    "uq_enrollments_course_id_student_id": ("studentId",),
    "uq_skills_course_id_name_key": ("name",),
    "uq_concepts_course_id_key": ("name",),
    "uq_resources_course_id_url": ("url",),
    "uq_assessments_course_id_idempotency_key": ("idempotencyKey",),
}


def async_url(url: str) -> URL:
    """Return the URL with the async driver of its database; a bare path is a SQLite file."""
    if "://" not in url:
        return URL.create("sqlite+aiosqlite", database=url)
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+asyncpg")
    return parsed


class Database:
    """One engine on the system of record: SQLite or PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = async_url(url)
        # An exception's text reaches the log: no hash, token or address may stand in it.
        options: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": pool_size,
            "hide_parameters": True,
        }
        if self.url.get_backend_name() == "postgresql":
            options["pool_pre_ping"] = True
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        self.dialect: str = self.engine.dialect.name
        self.statement_count = 0
        # SQLite lets a waiting writer sleep and guess: a fair queue in the process is faster, starves nobody.
        self._write_queue: asyncio.Lock | None = asyncio.Lock() if self.dialect == "sqlite" else None
        sync_engine = self.engine.sync_engine
        event.listen(sync_engine, "before_cursor_execute", self._count)
        begin_at_once(self.engine)
        write_options: dict[str, Any] = {_WRITE: True}
        read_options: dict[str, Any] = {_WRITE: False}
        if self.dialect == "postgresql":
            write_options["isolation_level"] = "READ COMMITTED"
            # One snapshot for all statements of a read: the mirror reads a version and its row together.
            read_options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        # One statement needs no transaction around it.
        point_options = {_WRITE: False, "isolation_level": "AUTOCOMMIT"}
        self._point_engine = self.engine.execution_options(**point_options)
        in_file = self.dialect == "sqlite" and self.url.database not in (None, "", ":memory:")
        self._direct = (
            DirectReader(str(self.url.database), self.engine.dialect)
            if in_file and not self.url.query
            else None
        )
        # For lists, so that whoever asks for a long one keeps nobody else waiting.
        self._lists = DirectReader(str(self.url.database), self.engine.dialect) if self._direct else None
        self._list_thread = ThreadPoolExecutor(1, "lists")
        self._write_engine = self.engine.execution_options(**write_options)
        self._read_engine = self.engine.execution_options(**read_options)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session in a write transaction; commit on exit, roll back on an exception.

        Raises sql.errors.Conflict for a violated unique constraint and sql.errors.Unavailable
        when the database cannot be reached or stays locked.
        """
        if self._write_queue is None:
            async with self._transaction(self._write_engine) as session:
                yield session
            return
        try:
            async with asyncio.timeout(WRITE_QUEUE_SECONDS):
                await self._write_queue.acquire()
        except TimeoutError as error:
            raise errors.Unavailable from error
        try:
            async with self._transaction(self._write_engine) as session:
                yield session
        finally:
            self._write_queue.release()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session on one snapshot of the database; nothing it does is kept."""
        async with self._transaction(self._read_engine, keep=False) as session:
            yield session

    async def fetch(self, point: Point, **values: Any) -> Rows:
        """Return the rows of a statement by key, as they are committed now.

        Raises sql.errors.Unavailable when the database cannot be reached.
        """
        if self._direct is not None:
            try:
                rows = self._direct.read(point, values)
            except sqlite3.OperationalError:
                pass  # locked, or the file is not there: below it is waited for, and told
            else:
                self.statement_count += 1
                return rows
        return await self._fetch(point, values)

    async def fetch_list(self, point: Point, **values: Any) -> Rows:
        """Return the rows of a statement that may look at more of them than it returns; else as `fetch`.

        On SQLite in one hop to a thread, where a session takes about nine.
        """
        if self._lists is not None:
            read = functools.partial(self._lists.read, point, values)
            try:
                rows = await asyncio.get_running_loop().run_in_executor(self._list_thread, read)
            except sqlite3.OperationalError:
                pass
            else:
                self.statement_count += 1
                return rows
        return await self._fetch(point, values)

    async def _fetch(self, point: Point, values: dict[str, Any]) -> Rows:
        with self._translated():
            async with self._point_engine.connect() as connection:
                return [tuple(row) for row in await connection.execute(point.statement, values)]

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, *, keep: bool = True) -> AsyncIterator[AsyncSession]:
        session = AsyncSession(engine, expire_on_commit=False, autoflush=keep)
        try:
            with self._translated():
                # BEGIN now, not at the first statement: the write lock is what gives versions their order.
                await session.connection()
                yield session
                if keep:
                    await session.commit()
        finally:
            # A cancelled request must still give its connection back before anybody else takes the queue.
            await _in_any_case(session.close())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise the sql.errors exception for a driver's error; what is unknown stays as it is."""
        try:
            yield
        except (DBAPIError, PoolTimeoutError) as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error
        except OSError as error:
            # asyncpg lets a refused connection through as it comes from the socket.
            if self.dialect == "postgresql":
                raise errors.Unavailable from error
            raise

    async def dispose(self) -> None:
        """Close every connection."""
        self._list_thread.shutdown()
        self._list_thread = ThreadPoolExecutor(1, "lists")  # started by whoever reads after all
        for reader in (self._direct, self._lists):
            if reader is not None:
                reader.close()
        await self.engine.dispose()

    def _count(self, connection: object, cursor: object, statement: str, *_: object) -> None:
        # Opening a transaction asks nothing, and only one of the two drivers sends it as a statement.
        if not statement.startswith("BEGIN"):
            self.statement_count += 1


def begin_at_once(engine: AsyncEngine) -> None:
    """Make an engine on SQLite begin its transactions itself, on durable connections."""
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        event.listen(engine.sync_engine, "invalidate", _roll_back_sqlite)


def _configure_sqlite(connection: Any, _: object) -> None:
    # The driver's own BEGIN comes too late and is never IMMEDIATE; _begin_sqlite does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1_000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose an acknowledged commit at a power cut, and the mirror's promise with it.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # Without IMMEDIATE two readers that turn writers lose an update (or fail with SQLITE_BUSY_SNAPSHOT).
    write = connection.get_execution_options().get(_WRITE, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _roll_back_sqlite(connection: Any, *_: object) -> None:
    """Roll back a connection that is about to be closed, as its user was cancelled inside a statement.

    SQLite does not close a connection while a statement has rows to give. The lock of writers would be held until
    the collector finds that statement in the traceback of the cancellation.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return  # the program ends
    # In the connection's queue it stands before the closing, whether anybody still waits for that or not.
    _in_any_case(_roll_back(connection.driver_connection))


async def _roll_back(connection: Any) -> None:
    with suppress(sqlite3.Error, ValueError):  # it is closed already
        await connection.rollback()


def _in_any_case(work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
    """Return work that goes on when who waits for it is cancelled."""
    task = asyncio.create_task(work)
    # The loop does not keep a task that nobody waits for.
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    return asyncio.shield(task)


_going_on: set[asyncio.Task[None]] = set()


def translate(error: Exception) -> Exception:
    """Return the sql.errors exception for a driver's error, or the error itself when it is unknown."""
    if isinstance(error, PoolTimeoutError):
        return errors.Unavailable()
    if not isinstance(error, DBAPIError):
        return error
    constraint = _violated_unique_constraint(error)
    if constraint is not None:
        return errors.Conflict(
            "DUPLICATE", "There is already such a record.", path=_CONSTRAINT_PATHS.get(constraint, ())
        )
    if error.connection_invalidated or _is_outage(error):
        return errors.Unavailable()
    return error


def _violated_unique_constraint(error: DBAPIError) -> str | None:
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        if getattr(origin, "sqlite_errorname", "") not in {
            "SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_CONSTRAINT_PRIMARYKEY",
        }:
            return None
        # SQLite names the columns and never the constraint: look the constraint up by its columns.
        _, _, columns = str(origin).partition("UNIQUE constraint failed: ")
        return _CONSTRAINTS_BY_COLUMNS.get(tuple(columns.split(", ")), "")
    cause = getattr(origin, "__cause__", None)
    if getattr(cause, "sqlstate", None) == "23505":
        return str(getattr(cause, "constraint_name", None) or "")
    return None


def _is_outage(error: DBAPIError) -> bool:
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        return getattr(origin, "sqlite_errorname", "").startswith(
            ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
        )
    state = str(getattr(getattr(origin, "__cause__", None), "sqlstate", None) or "")
    # 08 connection, 40 serialisation and deadlock, 53 resources, 57 shutdown.
    if state:
        return state[:2] in {"08", "40", "53", "57"}
    return isinstance(error, OperationalError | InterfaceError) and isinstance(
        getattr(origin, "__cause__", None), OSError
    )


def _constraints_by_columns() -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                found[tuple(f"{table.name}.{c.name}" for c in constraint.columns)] = str(constraint.name)
    return found


_CONSTRAINTS_BY_COLUMNS = _constraints_by_columns()


def migrate_sync(url: str) -> None:
    """Run every migration that the database lacks; blocks, and may not be called inside an event loop."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = async_url(url)
    command.upgrade(config, "head")


async def migrate(url: str) -> None:
    """Bring the database to the newest schema; a database that is there already is left as it is."""
    # Alembic is synchronous and its env.py starts a loop of its own, so it runs in a thread.
    await asyncio.to_thread(migrate_sync, url)
