"""Ask the graph: one driver, named databases, managed transactions, a deadline of our own, errors of our own.

The same code speaks to Neo4j and to the embedded engine. Driver errors are translated here and nowhere
else, by class and code, never by text.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

import neo4j
from neo4j import exceptions

from graph import schema
from graph.embedded.lock import FileLock
from graph.errors import GraphConflict, GraphError, GraphMisconfigured, GraphRejected, GraphUnavailable
from graph.statements import Statement, load_statement

__all__ = ["GraphClient", "GraphConfig", "Statement", "load_statement"]

READ_DEADLINE_SECONDS = 5.0
WRITE_DEADLINE_SECONDS = 15.0
SCHEMA_DEADLINE_SECONDS = 60.0

Rows = list[list[Any]]

# Codes that the same statement may survive later although they read like the client's fault, or the reverse.
# `is_retryable()` says False to most of the first group.
_CONFLICTS = frozenset(
    {
        "Neo.TransientError.Transaction.DeadlockDetected",
        "Neo.TransientError.Transaction.LockAcquisitionTimeout",
        "Neo.TransientError.Transaction.Outdated",
        "Neo.TransientError.Transaction.ConstraintsChanged",
        "Neo.TransientError.Transaction.LeaseExpired",
    }
)
_STALE_BOOKMARKS = frozenset(
    {
        "Neo.ClientError.Transaction.InvalidBookmark",
        "Neo.ClientError.Transaction.InvalidBookmarkMixture",
        "Neo.TransientError.Transaction.BookmarkTimeout",
    }
)
_PERMANENT_PREFIXES = (
    "Neo.ClientError.Statement.",
    "Neo.ClientError.Schema.",
    "Neo.DatabaseError.Schema.",  # ConstraintCreationFailed: the data contradict it
    "Neo.ClientError.Procedure.",
    "Neo.ClientError.Request.",
    "Neo.ClientError.General.InvalidArguments",
    "Neo.ClientError.Transaction.ForbiddenDueToTransactionType",
)
_WRONG_CREDENTIALS = frozenset(
    {
        "Neo.ClientError.Security.Unauthorized",
        "Neo.ClientError.Security.AuthorizationFailed",
        "Neo.ClientError.Security.TokenExpired",
    }
)


@dataclass(frozen=True, slots=True)
class GraphConfig:
    """Say where the graph is and how patient to be. The password is left out of every repr."""

    uri: str
    username: str
    password: str = field(repr=False)
    database: str | None = None
    """The database; None asks the server for the user's own once, at verify_credentials()."""
    embedded: bool = False
    write_turn_file: Path | None = None
    """On the embedded engine: the file that processes lock to write one after the other."""
    connect_timeout_seconds: float = 3.0
    max_pool_size: int = 50
    read_retry_seconds: float = 1.0
    """How long a read is tried again before it counts as failed: short, since a person waits."""
    write_retry_seconds: float = 15.0


class GraphClient:
    """Run statements on one graph; made with `open`, given back with `close`, used within one event loop."""

    def __init__(self, config: GraphConfig, driver: neo4j.AsyncDriver) -> None:
        self.config = config
        self.statement_count = 0
        """Statements sent since the start; a repeat by the driver counts once."""
        self._driver = driver
        self._database = config.database
        self._bookmarks: tuple[str, ...] = ()
        self._bookmark_manager = self._new_bookmark_manager()
        self._is_neo4j = False  # until a transaction has met the server
        self._turn_here = asyncio.Lock()
        self._turn_elsewhere = FileLock(config.write_turn_file) if config.write_turn_file else None

    @classmethod
    def open(cls, config: GraphConfig) -> Self:
        """Return a client; connects with the first statement, so an absent graph is no error here.

        Raises GraphMisconfigured for a URI that cannot be used.
        """
        try:
            driver = neo4j.AsyncGraphDatabase.driver(
                config.uri,
                auth=(config.username, config.password),
                connection_timeout=config.connect_timeout_seconds,
                connection_write_timeout=10.0,
                connection_acquisition_timeout=max(10.0, config.connect_timeout_seconds),
                max_connection_pool_size=config.max_pool_size,
                # A connection that idled while the server was restarted is tried before it is used.
                liveness_check_timeout=15.0,
                # The driver's own first pause of 1 s makes a lost race cost more than the statement.
                initial_retry_delay=0.05,
                retry_delay_multiplier=1.5,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
                user_agent="lab-tutor",
            )
        except (exceptions.ConfigurationError, ValueError, TypeError):
            raise GraphMisconfigured(_SENTENCE_URI) from None
        return cls(config, driver)

    @property
    def bookmarks(self) -> tuple[str, ...]:
        """Return the newest bookmarks, for a reader in another process (the embedded engine needs none)."""
        return self._bookmarks

    async def read(
        self,
        statement: Statement,
        *,
        deadline_seconds: float = READ_DEADLINE_SECONDS,
        bookmarks: Collection[str] | None = None,
    ) -> Rows:
        """Return the rows of one statement, each a list of values in the order of RETURN.

        A read sees every write that this client finished before, and those of `bookmarks`.
        Raises GraphUnavailable, GraphConflict or GraphRejected.
        """
        if statement.mode != "read":
            # The embedded engine ignores the access mode, so a write would go through without its turn.
            raise ValueError(f"{statement.name} writes: use write()")

        answers = await self._run([statement], deadline_seconds, bookmarks)
        return answers[0]

    async def write(
        self, statements: Sequence[Statement], *, deadline_seconds: float = WRITE_DEADLINE_SECONDS
    ) -> list[Rows]:
        """Run statements in one transaction, all or nothing; return the rows of each.

        After GraphUnavailable the transaction may still have been committed, so statements have to be safe
        to repeat (MERGE on the key, guarded by a version).
        Raises GraphUnavailable, GraphConflict or GraphRejected.
        """

        return await self._run(statements, deadline_seconds, None, write=True)

    async def ping(self, *, deadline_seconds: float = 2.0) -> None:
        """Raise GraphUnavailable unless the database answers within the deadline."""
        await self.read(Statement.from_file("schema/ping"), deadline_seconds=deadline_seconds)

    async def verify_credentials(self, *, deadline_seconds: float = 10.0) -> None:
        """Prove at the start that address, user, password and database fit together.

        Raises GraphUnavailable when nobody answers (yet), GraphMisconfigured with a sentence for the operator
        when somebody answers and refuses: waiting would not help.
        """
        try:
            async with asyncio.timeout(deadline_seconds):
                async with self._driver.session(database=self._database) as session:
                    result = await session.run(load_statement("schema/ping"))
                    summary = await result.consume()
        except exceptions.Neo4jError as error:
            if error.code in _WRONG_CREDENTIALS:
                raise GraphMisconfigured(_SENTENCE_CREDENTIALS) from None
            if error.code == "Neo.ClientError.Security.CredentialsExpired":
                raise GraphMisconfigured(_SENTENCE_EXPIRED) from None
            if error.code == "Neo.ClientError.Database.DatabaseNotFound":
                raise GraphMisconfigured(_SENTENCE_DATABASE) from None
            _translate(error)
        except exceptions.ConfigurationError:
            raise GraphMisconfigured(_SENTENCE_URI) from None
        except Exception as error:
            _translate(error)
        # Naming the database from now on spares the driver from asking for it, and keeps all of us on one.
        self._database = self._database or summary.database

    async def missing_schema(self, *, deadline_seconds: float = READ_DEADLINE_SECONDS) -> list[str]:
        """Return the names of the constraints and indexes that are not there or not usable yet."""
        return [definition.name for definition in await self._missing_definitions(deadline_seconds)]

    async def ensure_schema(self, *, deadline_seconds: float = SCHEMA_DEADLINE_SECONDS) -> None:
        """Create the constraints and indexes that are missing, and wait until they can be used.

        Raises GraphRejected when data in the graph contradict a constraint, GraphUnavailable after the
        deadline.
        """
        for definition in await self._missing_definitions(deadline_seconds):
            # One transaction for each: what is done stays done when a later one is refused.
            await self.write([definition.statement], deadline_seconds=deadline_seconds)
        try:
            async with asyncio.timeout(deadline_seconds):
                while await self._missing_definitions(deadline_seconds):  # noqa: ASYNC110 - no server announces it
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise GraphUnavailable("schema is not online") from None

    async def close(self) -> None:
        """Give back every connection."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _missing_definitions(self, deadline_seconds: float) -> list[schema.Definition]:
        # In one transaction, which also meets the server before the first bulk.
        questions = [Statement.from_file(f"schema/show_{name}") for name in ("constraints", "indexes")]
        constraints, indexes = await self._run(questions, deadline_seconds, None)
        return schema.missing(constraints, indexes)

    async def _run(
        self,
        statements: Sequence[Statement],
        deadline_seconds: float,
        bookmarks: Collection[str] | None,
        *,
        write: bool = False,
    ) -> list[Rows]:
        self.statement_count += len(statements)
        patience = self.config.write_retry_seconds if write else self.config.read_retry_seconds
        # The driver's own time-outs do not bound a read, and its retries overshoot; this one holds for the
        # wait for a turn as well, so that one stuck writer does not hold up the others for ever.
        try:
            async with (
                asyncio.timeout(deadline_seconds),
                self._write_turn() if write and self.config.embedded else contextlib.nullcontext(),
                self._driver.session(
                    database=self._database,
                    bookmarks=neo4j.Bookmarks.from_raw_values(bookmarks or ()),
                    bookmark_manager=self._bookmark_manager,
                    max_transaction_retry_time=min(patience, deadline_seconds),
                    default_access_mode=neo4j.WRITE_ACCESS if write else neo4j.READ_ACCESS,
                ) as session,
            ):
                if not write and len(statements) == 1:
                    # Without a transaction around it a read costs the driver and the server half as much.
                    with contextlib.suppress(_TryAgain):
                        return [await _read_at_once(session, statements[0], deadline_seconds)]
                execute = session.execute_write if write else session.execute_read
                work = _unit_of_work(
                    statements, [self._text_of(one) for one in statements], deadline_seconds, self._meet
                )
                return await execute(work)
        except Exception as error:
            if isinstance(error, exceptions.Neo4jError) and error.code in _STALE_BOOKMARKS:
                # The database was replaced (a restored copy, an emptied folder): with the old ones every
                # later read would fail as well.
                self._bookmark_manager, self._bookmarks = self._new_bookmark_manager(), ()
            _translate(error)

    def _text_of(self, statement: Statement) -> str:
        # Neo4j makes a plan again whenever a label has grown by so much. For a statement that goes by keys
        # that gives the same plan, and in a bulk it costs more than the rows.
        return (
            f"CYPHER replan=skip {statement.text}" if statement.by_key and self._is_neo4j else statement.text
        )

    def _meet(self, server: neo4j.ServerInfo) -> None:
        # Another engine adds to it: "Neo4j/5.26.0 compatible (...)".
        self._is_neo4j = server.agent.startswith("Neo4j/") and " " not in server.agent

    @contextlib.asynccontextmanager
    async def _write_turn(self) -> AsyncIterator[None]:
        """Wait until no other write to the embedded engine is under way, in this process or in another.

        When two transactions MERGE the same relationship at once the engine makes two of it, and of two that
        MERGE the same new node it fails one. Neo4j locks, so it may have writes side by side.
        """
        async with self._turn_here:
            if self._turn_elsewhere is None:
                yield
                return
            while not self._turn_elsewhere.acquire():  # noqa: ASYNC110 - another process announces nothing
                await asyncio.sleep(0.005)
            try:
                yield
            finally:
                self._turn_elsewhere.release()

    def _new_bookmark_manager(self) -> neo4j.api.AsyncBookmarkManager:
        async def keep(bookmarks: neo4j.Bookmarks) -> None:
            self._bookmarks = tuple(sorted(bookmarks.raw_values))

        return neo4j.AsyncGraphDatabase.bookmark_manager(bookmarks_consumer=keep)


class _Unspoken(list[Any]):
    """A list that is not spelt out.

    The driver writes all parameters into a line of its debug log whether anybody reads it or not: of a thousand rows
    that takes longer than to send them.
    """

    def __repr__(self) -> str:
        return f"<a list of {len(self)}>"


def _sent(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _Unspoken(value) if type(value) is list else value for name, value in parameters.items()}


class _TryAgain(Exception):
    """The same statement may succeed now."""


async def _read_at_once(session: neo4j.AsyncSession, statement: Statement, deadline_seconds: float) -> Rows:
    """Return the rows of a statement in a transaction of its own; raise _TryAgain where the driver would."""
    query = neo4j.Query(
        statement.text,
        metadata={"statement": statement.name},
        timeout=deadline_seconds,
    )
    try:
        result = await session.run(query, _sent(statement.parameters))
        return [record.values() async for record in result]
    except (exceptions.Neo4jError, exceptions.DriverError) as error:
        if error.is_retryable():
            raise _TryAgain from None
        raise


_Work = Callable[[neo4j.AsyncManagedTransaction], Awaitable[list[Rows]]]


def _unit_of_work(
    statements: Sequence[Statement],
    texts: Sequence[str],
    deadline_seconds: float,
    meet: Callable[[neo4j.ServerInfo], None],
) -> _Work:
    """Return what runs in one managed transaction, with the names in its metadata; `meet` is told of the server.

    The deadline is also the server's, so that a query that nobody waits for does not go on there (the
    embedded engine ignores it).
    """

    @neo4j.unit_of_work(
        metadata={"statement": ", ".join(statement.name for statement in statements)},
        timeout=deadline_seconds,
    )
    async def work(transaction: neo4j.AsyncManagedTransaction) -> list[Rows]:
        answers: list[Rows] = []
        for statement, text in zip(statements, texts, strict=True):
            result = await transaction.run(text, _sent(statement.parameters))
            answers.append([record.values() async for record in result])
            meet((await result.consume()).server)
        return answers

    return work


def _translate(error: Exception) -> NoReturn:
    """Raise our error for the driver's.

    `from None`: the driver's text may quote values of learners, and a log would print it with the traceback.
    """
    if isinstance(error, GraphError):
        raise error
    if isinstance(error, TimeoutError):
        raise GraphUnavailable("timeout") from None
    if isinstance(error, exceptions.Neo4jError):
        code = error.code or ""
        if code in _CONFLICTS:
            raise GraphConflict(code) from None
        if code.startswith(_PERMANENT_PREFIXES):
            raise GraphRejected(code) from None
        # Terminated, TransactionTimedOut, DatabaseNotFound, Unauthorized after a password change,
        # DatabaseError.UnknownError, whatever a newer server may say: all may pass.
        raise GraphUnavailable(code) from None
    if isinstance(error, TypeError | ValueError | OverflowError):
        # The driver could not pack a parameter: a lone surrogate, an integer above 64 bits, an unknown type.
        raise GraphRejected("parameter") from None
    raise GraphUnavailable(type(error).__name__) from None


_SENTENCE_URI = (
    "LAB_TUTOR_NEO4J_URI: cannot be used; write it like neo4j://host:7687 or bolt://host:7687 "
    "(with +s for TLS), without query parameters"
)
_SENTENCE_CREDENTIALS = (
    "LAB_TUTOR_NEO4J_USERNAME, LAB_TUTOR_NEO4J_PASSWORD: the server at LAB_TUTOR_NEO4J_URI answers and "
    "refuses this user with this password; mend them, and start again"
)
_SENTENCE_EXPIRED = (
    "LAB_TUTOR_NEO4J_PASSWORD: has expired; give this user a new one in Neo4j "
    "(ALTER CURRENT USER SET PASSWORD), set it here, and start again"
)
_SENTENCE_DATABASE = (
    "LAB_TUTOR_NEO4J_DATABASE: the server at LAB_TUTOR_NEO4J_URI has no such database; name one that it "
    "has, or leave the variable out"
)
