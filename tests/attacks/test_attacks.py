"""While hostile requests arrive, an ordinary one is answered, and no hostile one gets a 5xx.

`python scripts/attack.py` prints how long it takes; here it only has to be right, within a generous bound.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from graph.client import GraphConfig
from tests.attacks import hostile
from tests.attacks.server import ANSWER_SECONDS, SECRET, Connection, Server, ask
from tests.graph_fixtures import PatientClient, wipe_graph

# An attacker that is stopped while it connects leaves asyncio's transport to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ORDINARY = 3


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


# In pairs: scripts/attack.py measures each profile with each way of execution.
@pytest.fixture(
    scope="module", params=[("development", "true"), ("production", "false")], ids=lambda pair: pair[0]
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, embedded_graph: GraphConfig
) -> Iterator[Server]:
    """A real process of each profile, with the fast path and without; attacked again and again, it has to go on."""
    graph = embedded_graph
    environment, fast_path = request.param
    settings = {
        "environment": environment,
        "fast_path": fast_path,
        "jwt_secret": SECRET,
        "neo4j_uri": graph.uri,
        "neo4j_username": graph.username,
        "neo4j_password": graph.password,
        "neo4j_database": graph.database or "",
        "body_timeout_seconds": "2",
        "argon2_time_cost": "1",
        "argon2_memory_kib": "8192",
    }
    made = Server(tmp_path_factory.mktemp(environment), settings)
    try:
        asyncio.run(_empty(graph))
        asyncio.run(made.start())
        yield made
    finally:
        made.stop()


async def _empty(graph: GraphConfig) -> None:
    client = PatientClient.open(graph)
    try:
        await client.ensure_schema()
        await wipe_graph(client)
    finally:
        await client.close()


@pytest.mark.parametrize("name", ["hostile documents", *hostile.OTHER_ATTACKS])
async def test_an_ordinary_request_is_answered_meanwhile(server: Server, name: str) -> None:
    async with hostile.under(name, server.target) as seen:
        await asyncio.wait_for(seen.begun.wait(), hostile.BEGIN_SECONDS)
        for _ in range(ORDINARY):
            await server.ordinary()
    assert [status for status in seen.statuses if status >= 500] == []
    assert "INTERNAL" not in seen.codes
    assert "unexpected error" not in server.log()


async def test_the_attacks_hit_what_they_aim_at(server: Server) -> None:
    # Refused for another reason than its limit, a document attacks nothing.
    for name, text in hostile.DOCUMENTS.items():
        seen = hostile.Seen()
        connection = Connection(server.port)
        seen.add(*await connection.send(ask(text)))
        await connection.close()
        wanted = {"QUERY_TOO_COMPLEX"}
        if name in hostile.VALIDATED:
            wanted = {hostile.VALIDATED[name]}
        assert set(seen.codes) == wanted, name


async def test_a_connection_that_says_nothing_is_closed(server: Server) -> None:
    async def closed(beginning: bytes) -> bytes:
        connection = Connection(server.port)
        reader, writer = await connection.open()
        writer.write(beginning)
        try:
            # Within the patience of the server and some more; without it, for ever.
            return await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
        finally:
            await connection.close()

    assert await asyncio.gather(closed(b""), closed(b"POST /graphql HTTP/1.1\r\nx: ")) == [b"", b""]
