"""The fixture `site`: real processes on each pair of stores, with a proxy in front of the graph engine.

`quick` scenarios on SQLite and the embedded engine run with every `pytest`; all others have the marker
`faults` and run with `make faults`.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from graph.client import GraphClient, GraphConfig
from mirror.worker import Mirror, MirrorConfig
from sql.session import Database
from tests.faults.bolt_proxy import Proxy
from tests.faults.cluster import Cluster
from tests.faults.site import Site
from tests.graph_fixtures import PatientClient, wipe_graph
from tests.mirror import world
from tests.sql_fixtures import empty_database, require_postgres

SECONDS = 900
# Engines whose plans are made: the first turn of every statement costs a busy machine more than a deadline.
_warm: set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `faults`, apart from the quick ones on what everybody has; put all first."""
    # They wait most of the time: at the end of a run of several processes, everybody would.
    items.sort(key=lambda item: Path(__file__).parent not in item.path.parents)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))
            if item.get_closest_marker("quick") is None or "neo4j" in item.keywords:
                item.add_marker(pytest.mark.faults)


@pytest.fixture
async def site(
    pair: tuple[str, Any, GraphConfig], migrated_sqlite_file: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    """An installation on each pair of stores; at the end everything of it is killed."""
    name, template, graph = pair
    if name == "sqlite":
        path = tmp_path / "lab-tutor.db"
        shutil.copy(template, path)
        url = f"sqlite+aiosqlite:///{path}"
    else:
        url = await template()
        await empty_database(url)
    async with _opened(url, graph, migrated_sqlite_file, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster of this run's own, which a test may stop, starve and change as it likes.

    Skipped, or failed, wherever the tests have no PostgreSQL at all.
    """
    require_postgres()
    with Cluster.start() as made:
        yield made


@pytest.fixture
async def cluster_site(
    cluster: Cluster, neo4j_graph: GraphConfig, migrated_sqlite_file: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    """An installation on a PostgreSQL cluster of its own and Neo4j."""
    await empty_database(cluster.url)
    async with _opened(cluster.url, neo4j_graph, migrated_sqlite_file, tmp_path) as made:
        yield made


@asynccontextmanager
async def _opened(url: str, graph: GraphConfig, template: Path, folder: Path) -> AsyncIterator[Site]:
    async with PatientClient.open(graph) as client:
        await client.ensure_schema()
        await wipe_graph(client)
        if graph.uri not in _warm:
            await _warm_up(client, template, folder)
            _warm.add(graph.uri)
    address = urlsplit(graph.uri)
    assert address.hostname is not None
    assert address.port is not None
    async with Proxy(address.hostname, address.port) as proxy:
        made = Site(folder, url, graph, proxy)
        try:
            await made.fill()
            yield made
            assert proxy.problems == []
        finally:
            await made.close()


async def _warm_up(client: GraphClient, template: Path, folder: Path) -> None:
    path = folder / "warm-up.db"
    shutil.copy(template, path)
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        async with database.write() as session:
            await world.build(session)
        config = MirrorConfig(write_deadline_seconds=120, lease_seconds=130)
        await Mirror(database, client, config).drain()
    finally:
        await database.dispose()
    await wipe_graph(client)
