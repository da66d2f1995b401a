"""The fixture `graph_client`: a client on an empty graph with its schema, once embedded and once on Neo4j.

One embedded engine serves the whole run of a test process. The Neo4j server is the one of
LAB_TUTOR_TEST_NEO4J_URI, _USERNAME and _PASSWORD, whose graph is wiped; without it these tests are skipped, or
fail where LAB_TUTOR_TEST_NEO4J_REQUIRED=1 promises it. Test processes side by side need a server each: as many
URIs, between commas.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Any

import pytest

from graph.client import GraphClient, GraphConfig, Statement
from graph.embedded.engine import EmbeddedEngine, is_installed
from graph.errors import GraphUnavailable

NEO4J_URIS = [uri for uri in os.environ.get("LAB_TUTOR_TEST_NEO4J_URI", "").split(",") if uri]
# pytest-xdist calls its processes gw0, gw1, ...
NEO4J_URI = NEO4J_URIS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])] if NEO4J_URIS else ""
MOST_PROCESSES = 4  # each has an embedded engine of its own, some 400 MB
NEO4J_REQUIRED = os.environ.get("LAB_TUTOR_TEST_NEO4J_REQUIRED") == "1"
WARM_UP_ATTEMPTS = 5
PATIENCE_SECONDS = 120.0
WIPE = Statement(
    "test/wipe", "MATCH (n) WITH n LIMIT 1000 DETACH DELETE n RETURN count(*) AS gone", mode="write"
)


class PatientClient(GraphClient):
    """A client whose statements may take as long as a slow, loaded machine needs, where a test says nothing else."""

    async def read(
        self,
        statement: Statement,
        *,
        deadline_seconds: float = PATIENCE_SECONDS,
        bookmarks: Collection[str] | None = None,
    ) -> list[list[Any]]:
        return await super().read(statement, deadline_seconds=deadline_seconds, bookmarks=bookmarks)

    async def write(
        self, statements: Sequence[Statement], *, deadline_seconds: float = PATIENCE_SECONDS
    ) -> list[list[list[Any]]]:
        return await super().write(statements, deadline_seconds=deadline_seconds)

    async def ping(self, *, deadline_seconds: float = PATIENCE_SECONDS) -> None:
        await super().ping(deadline_seconds=deadline_seconds)

    async def verify_credentials(self, *, deadline_seconds: float = PATIENCE_SECONDS) -> None:
        await super().verify_credentials(deadline_seconds=deadline_seconds)

    async def missing_schema(self, *, deadline_seconds: float = PATIENCE_SECONDS) -> list[str]:
        return await super().missing_schema(deadline_seconds=deadline_seconds)

    async def ensure_schema(self, *, deadline_seconds: float = PATIENCE_SECONDS) -> None:
        await super().ensure_schema(deadline_seconds=deadline_seconds)


@pytest.hookimpl(optionalhook=True)  # pytest runs without pytest-xdist too
def pytest_xdist_auto_num_workers() -> int:
    """Say how many processes `-n auto` starts: never more than there are Neo4j servers, where there are any."""
    return len(NEO4J_URIS) or min(os.cpu_count() or 1, MOST_PROCESSES)


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """Start one embedded engine for the whole run; its own threads watch it, so it needs no loop."""
    if not is_installed():
        pytest.skip("arcadedb-embedded is not installed (there is no wheel for every machine)")
    engine = asyncio.run(EmbeddedEngine.start(tmp_path_factory.mktemp("graph") / "data", timeout_seconds=240))
    yield engine
    asyncio.run(engine.stop())


@pytest.fixture(scope="session")
def embedded_graph(embedded_engine: EmbeddedEngine) -> GraphConfig:
    """Return how to reach the embedded engine of this run."""
    return _patient(embedded_engine.config)


@pytest.fixture(scope="session")
def neo4j_graph() -> GraphConfig:
    """Return how to reach the Neo4j server for tests; skip or fail without one."""
    if not NEO4J_URI:
        message = "LAB_TUTOR_TEST_NEO4J_URI is not set"
        if NEO4J_REQUIRED:
            pytest.fail(f"{message}, and LAB_TUTOR_TEST_NEO4J_REQUIRED=1 promises a server")
        pytest.skip(message)
    config = _patient(
        GraphConfig(
            uri=NEO4J_URI,
            username=os.environ.get("LAB_TUTOR_TEST_NEO4J_USERNAME", "neo4j"),
            password=os.environ.get("LAB_TUTOR_TEST_NEO4J_PASSWORD", ""),
            database=os.environ.get("LAB_TUTOR_TEST_NEO4J_DATABASE", "neo4j"),
        )
    )
    asyncio.run(_warm_up(config))
    return config


def _patient(config: GraphConfig) -> GraphConfig:
    return dataclasses.replace(
        config, connect_timeout_seconds=60.0, read_retry_seconds=60.0, write_retry_seconds=PATIENCE_SECONDS
    )


async def _warm_up(config: GraphConfig) -> None:
    """Let a server that has just started plan its first statements, which can outlast a test's deadline."""
    client = PatientClient.open(config)
    try:
        for attempt in range(WARM_UP_ATTEMPTS):
            try:
                await client.ensure_schema()
                await wipe_graph(client)
                return
            except GraphUnavailable:
                if attempt + 1 == WARM_UP_ATTEMPTS:
                    raise
                await asyncio.sleep(1)
    finally:
        await client.close()


async def wipe_graph(client: GraphClient) -> None:
    """Delete every node in batches; constraints and indexes stay."""
    while (await client.write([WIPE]))[0][0][0]:
        pass


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("neo4j", marks=pytest.mark.neo4j)])
def graph_config(request: pytest.FixtureRequest) -> GraphConfig:
    """Return how to reach each engine in turn."""
    config: GraphConfig = request.getfixturevalue(f"{request.param}_graph")
    return config


@pytest.fixture
async def graph_client(graph_config: GraphConfig) -> AsyncIterator[GraphClient]:
    """Open a client on each engine in turn, with the schema and nothing in the graph."""
    client = PatientClient.open(graph_config)
    try:
        await client.ensure_schema()
        await wipe_graph(client)
        yield client
    finally:
        await client.close()
