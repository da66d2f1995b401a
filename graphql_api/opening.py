"""Open the stores of a process: the database, the graph as the settings want it, the mirror between them.

The policy on the graph, in one place for the API and the command line:

- no URI: the embedded engine where it is installed, else no graph;
- a malformed URI or wrong credentials: refuse, with a sentence that says what to mend;
- unreachable: start without it and say so, or refuse where `graph_required` is set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import sql.session
from graph.client import GraphClient, GraphConfig
from graph.embedded.engine import EmbeddedEngine, EmbeddedUnavailable, is_installed
from graph.errors import GraphError, GraphMisconfigured, GraphRejected, GraphUnavailable
from graphql_api.settings import Settings
from mirror.worker import Mirror, MirrorConfig
from sql.errors import SqlError
from sql.session import Database

logger = logging.getLogger(__name__)

INSTALL_HINT = (
    "No graph: LAB_TUTOR_NEO4J_URI is not set and the embedded engine is not installed. "
    "Set the URI of a Neo4j server (compose.yaml has one), or: pip install '.[embedded]' in the checkout"
)


class OpeningError(Exception):
    """The stores cannot be opened as the settings want it; the text says what to mend."""


class GraphSource(StrEnum):
    """Where the graph of this process comes from."""

    SERVER = "server"
    EMBEDDED = "embedded"
    OFF = "off"


_Graph = tuple[GraphClient | None, EmbeddedEngine | None, GraphSource, str | None]


@dataclass(slots=True)
class Stores:
    """What a process has open. `graph_problem` says why the graph is away or off; None when it is there."""

    settings: Settings
    database: Database
    graph: GraphClient | None
    graph_source: GraphSource
    graph_problem: str | None
    mirror: Mirror
    engine: EmbeddedEngine | None = None

    async def close(self) -> None:
        """Close everything, the embedded engine's process too where this process started it."""
        if self.graph is not None:
            await self.graph.close()
        if self.engine is not None:
            await self.engine.stop()
        await self.database.dispose()


async def open_stores(settings: Settings, *, graph: bool = True, make_schema: bool = True) -> Stores:
    """Open the stores; with `graph=False` the database alone (accounts and imports need no more).

    `make_schema` creates the graph's constraints and indexes that are missing.

    Raises OpeningError when they cannot be opened as the settings want it.
    """
    database = await _open_database(settings)
    found: _Graph = (None, None, GraphSource.OFF, "not asked for")
    try:
        if graph:
            found = await _open_graph(settings, make_schema)
    except BaseException:
        await database.dispose()
        raise
    client, engine, source, problem = found
    config = MirrorConfig(
        lease_seconds=settings.mirror_lease_seconds, write_deadline_seconds=settings.mirror_write_seconds
    )
    return Stores(settings, database, client, source, problem, Mirror(database, client, config), engine)


@asynccontextmanager
async def opened(
    settings: Settings, *, graph: bool = True, make_schema: bool = True
) -> AsyncIterator[Stores]:
    """Open the stores for a block and close them after it."""
    stores = await open_stores(settings, graph=graph, make_schema=make_schema)
    try:
        yield stores
    finally:
        await _finish(stores.close())


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """See a work through to its end, also when Ctrl-C cancels the task meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


async def preflight(settings: Settings) -> str | None:
    """Check what would keep a server from starting; return a sentence when it will start degraded.

    The embedded engine is not started for it. Raises OpeningError.
    """
    await (await _open_database(settings)).dispose()
    if settings.neo4j_uri is None:
        return _require(settings, None if is_installed() else INSTALL_HINT)
    client, _, _, problem = await _open_graph(settings, make_schema=False)
    if client is not None:
        await client.close()
    return problem


def make_sql_folder(settings: Settings) -> None:
    """Make the folder that a SQLite file goes to; raise OpeningError when that cannot be done."""
    path = _sqlite_path(settings)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpeningError(f"The folder {path.parent} cannot be made: {error.strerror}") from None


def _sqlite_path(settings: Settings) -> Path | None:
    url = sql.session.async_url(settings.sql_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


async def _open_database(settings: Settings) -> Database:
    path = _sqlite_path(settings)
    if path is not None and not path.exists():
        # SQLite would make an empty file here, and leave it behind after the refusal.
        raise OpeningError(f"There is no database {path} yet. Run: lab-tutor migrate")
    database = Database(settings.sql_url)
    try:
        await _check_revision(database)
    except SqlError:
        await database.dispose()
        where = database.url.render_as_string(hide_password=True)
        raise OpeningError(
            f"The database {where} does not answer, or refuses the user: check LAB_TUTOR_DATABASE_URL"
        ) from None
    except BaseException:
        await database.dispose()
        raise
    return database


async def _check_revision(database: Database) -> None:
    async with database.read() as session:
        connection = await session.connection()
        present = await connection.run_sync(
            lambda sync_connection: MigrationContext.configure(sync_connection).get_current_revision()
        )
    scripts = ScriptDirectory(str(sql.session.MIGRATIONS))
    if present == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if present is None:
        raise OpeningError("The database has no tables yet. Run: lab-tutor migrate")
    if present in known:
        raise OpeningError("The database has an older schema. Run: lab-tutor migrate")
    raise OpeningError(
        f"The database was written by a newer Lab Tutor (revision {present}): install that version"
    )


async def _open_graph(settings: Settings, make_schema: bool) -> _Graph:
    if settings.neo4j_uri is not None:
        password = settings.neo4j_password
        config = GraphConfig(
            uri=settings.neo4j_uri,
            username=settings.neo4j_username,
            password=password.get_secret_value() if password else "",
            database=settings.neo4j_database,
        )
        client, problem = await _open_client(settings, config, make_schema)
        return client, None, GraphSource.SERVER, problem
    if not is_installed():
        return None, None, GraphSource.OFF, _require(settings, INSTALL_HINT)
    try:
        engine = await EmbeddedEngine.start(settings.graph_folder)
    except (EmbeddedUnavailable, OSError) as error:
        return None, None, GraphSource.OFF, _require(settings, f"The embedded engine did not start: {error}")
    try:
        client, problem = await _open_client(settings, engine.config, make_schema)
    except BaseException:
        await engine.stop()
        raise
    return client, engine, GraphSource.EMBEDDED, problem


async def _open_client(
    settings: Settings, config: GraphConfig, make_schema: bool
) -> tuple[GraphClient, str | None]:
    """Return (client, why it is away or None); the client finds a server that comes later by itself."""
    try:
        client = GraphClient.open(config)
    except GraphMisconfigured as error:
        raise OpeningError(str(error)) from None
    try:
        await client.verify_credentials()
        if make_schema:
            await client.ensure_schema()
    except GraphMisconfigured as error:
        await client.close()
        raise OpeningError(str(error)) from None
    except GraphRejected as error:
        await client.close()
        raise OpeningError(
            f"The graph at {config.uri} holds data that break a constraint ({error.code}): it is no graph "
            "of ours, or it was changed by hand. Name another in LAB_TUTOR_NEO4J_DATABASE, or mend the data"
        ) from None
    except GraphError as error:
        reason = error.reason if isinstance(error, GraphUnavailable) else str(error)
        try:
            problem = _require(
                settings,
                f"The graph at {config.uri} does not answer ({reason}): starting without it. SQL parts work, "
                "graph fields answer GRAPH_UNAVAILABLE, and changes are mirrored once it is there",
            )
        except OpeningError:
            await client.close()
            raise
        return client, problem
    return client, None


def _require(settings: Settings, problem: str | None) -> str | None:
    """Hand a problem on, or refuse to go on with it where the settings demand a graph."""
    if problem is not None and settings.graph_required:
        raise OpeningError(f"{problem.split(': starting')[0]} (LAB_TUTOR_GRAPH_REQUIRED is true)")
    if problem is not None:
        logger.warning(problem, extra={"action": "graph_missing"})
    return problem
