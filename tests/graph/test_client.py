"""The client on the real engines: rows, transactions, deadlines, and which error becomes which."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import neo4j
import pytest
from neo4j import exceptions

from graph.client import GraphClient, GraphConfig, Statement, _translate, load_statement
from graph.errors import GraphConflict, GraphError, GraphMisconfigured, GraphRejected, GraphUnavailable
from tests.graph_fixtures import PatientClient

COUNT = Statement("test/count", "MATCH (n:SKILL) RETURN count(n)")
SLOW = "UNWIND range(1, 4000) AS a UNWIND range(1, 4000) AS b WITH a * b AS c WHERE c % 7 = 1 RETURN count(c)"


def write(text: str, **parameters: Any) -> Statement:
    return Statement("test/write", text, parameters, "write")


def read(text: str, **parameters: Any) -> Statement:
    return Statement("test/read", text, parameters)


def neo4j_error(code: str) -> exceptions.Neo4jError:
    return exceptions.Neo4jError._hydrate_neo4j(code=code, message="says: secret value")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def config_for(uri: str, **changes: Any) -> GraphConfig:
    return GraphConfig(uri=uri, username="neo4j", password="hunter2-hunter2", **changes)


@pytest.fixture
async def other_client(graph_config: GraphConfig) -> AsyncIterator[GraphClient]:
    client = PatientClient.open(graph_config)
    yield client
    await client.close()


# Rows


async def test_rows_are_lists_in_the_order_of_return(graph_client: GraphClient) -> None:
    statement = read(
        "UNWIND $names AS name RETURN name, size(name) AS length ORDER BY name", names=["b", "aa"]
    )
    assert await graph_client.read(statement) == [["aa", 2], ["b", 1]]


async def test_no_rows_are_an_empty_list(graph_client: GraphClient) -> None:
    assert await graph_client.read(read("MATCH (n:NOBODY) RETURN n.id")) == []


async def test_more_rows_than_one_fetch_arrive(graph_client: GraphClient) -> None:
    rows = await graph_client.read(read("UNWIND range(1, 2500) AS i RETURN i"))
    assert rows == [[i] for i in range(1, 2501)]


async def test_a_large_batch_arrives_whole(graph_client: GraphClient) -> None:
    rows = [{"id": str(i), "name": "n" * 2000} for i in range(1000)]
    await graph_client.write(
        [write("UNWIND $rows AS row MERGE (s:SKILL {id: row.id}) SET s.name = row.name", rows=rows)]
    )
    assert await graph_client.read(read("MATCH (s:SKILL) RETURN count(s), min(size(s.name))")) == [
        [1000, 2000]
    ]


async def test_rows_are_not_spelt_out_for_a_log(
    graph_client: GraphClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="neo4j")
    rows = [{"id": "a", "name": "of a learner"}]
    create = write("UNWIND $rows AS row CREATE (s:SKILL {id: row.id}) SET s.name = row.name", rows=rows)
    await graph_client.write([create])
    assert await graph_client.read(
        read("MATCH (s:SKILL) WHERE s.name IN $names RETURN s.name", names=["of a learner"])
    ) == [["of a learner"]]
    sent = [message for message in caplog.messages if "C: RUN" in message]
    assert len([message for message in sent if "a list of 1" in message]) >= 2
    assert "of a learner" not in " ".join(sent)


async def test_each_statement_of_a_write_answers(graph_client: GraphClient) -> None:
    answers = await graph_client.write(
        [
            write("MERGE (s:SKILL {id: 'a'}) RETURN s.id"),
            write("MERGE (s:SKILL {id: 'b'})"),
            write("MATCH (s:SKILL) RETURN s.id ORDER BY s.id"),
        ]
    )
    assert answers == [[["a"]], [], [["a"], ["b"]]]


async def test_times_keep_their_zone(graph_client: GraphClient) -> None:
    [[value]] = await graph_client.read(read("RETURN datetime($iso)", iso="2026-01-02T03:04:05.678Z"))
    assert value.to_native().isoformat() == "2026-01-02T03:04:05.678000+00:00"


# Transactions


async def test_a_write_is_all_or_nothing(graph_client: GraphClient) -> None:
    with pytest.raises(GraphRejected):
        await graph_client.write([write("CREATE (:SKILL {id: 'a'})"), write("RETRUN 1")])
    assert await graph_client.read(COUNT) == [[0]]


async def test_a_failing_statement_undoes_its_own_rows(graph_client: GraphClient) -> None:
    """The embedded engine keeps half of an auto-commit statement; a managed transaction keeps nothing."""
    with pytest.raises(GraphRejected):
        await graph_client.write([write("UNWIND ['a', 'b', 'a'] AS id CREATE (:SKILL {id: id})")])
    assert await graph_client.read(COUNT) == [[0]]


async def test_a_read_sees_the_write_before_it(graph_client: GraphClient) -> None:
    for number in range(1, 21):
        await graph_client.write([write("CREATE (:SKILL {id: $id})", id=str(number))])
        assert await graph_client.read(COUNT) == [[number]]


async def test_bookmarks_lead_another_client(graph_client: GraphClient, other_client: GraphClient) -> None:
    await graph_client.write([write("CREATE (:SKILL {id: 'a'})")])
    assert len(graph_client.bookmarks) == 1
    assert other_client.bookmarks == ()
    assert await other_client.read(COUNT, bookmarks=graph_client.bookmarks) == [[1]]


async def test_bookmarks_of_a_replaced_database_are_forgotten(graph_client: GraphClient) -> None:
    if graph_client.config.embedded:
        pytest.skip("the embedded engine takes any bookmark")
    with pytest.raises(GraphUnavailable):
        await graph_client.read(COUNT, bookmarks=["FB:nonsense"])
    assert await graph_client.read(COUNT) == [[0]]


async def test_a_writing_statement_is_not_read(graph_client: GraphClient) -> None:
    with pytest.raises(ValueError, match="test/write"):
        await graph_client.read(write("CREATE (:SKILL {id: 'a'})"))
    assert await graph_client.read(COUNT) == [[0]]


async def test_concurrent_merges_make_one_node_and_one_edge(
    graph_client: GraphClient, other_client: GraphClient
) -> None:
    """Without turns, between processes too, the embedded engine fails some of these and doubles the edge."""
    nodes = write("MERGE (a:SKILL {id: 'a'}) MERGE (b:SKILL {id: 'b'})")
    # Neo4j needs the lock on one end, or it may double the edge as well.
    edge = write(
        "MATCH (a:SKILL {id: 'a'}), (b:SKILL {id: 'b'}) SET a._lock = 1 MERGE (a)-[:PREREQUISITE_OF]->(b)"
    )
    clients = (graph_client, other_client)
    await asyncio.gather(*(client.write([nodes, edge]) for _ in range(8) for client in clients))
    assert await graph_client.read(COUNT) == [[2]]
    assert await graph_client.read(read("MATCH (:SKILL)-[r:PREREQUISITE_OF]->(:SKILL) RETURN count(r)")) == [
        [1]
    ]


async def test_concurrent_updates_of_one_node_all_count(graph_client: GraphClient) -> None:
    await graph_client.write([write("CREATE (:SKILL {id: 'a', n: 0})")])
    await asyncio.gather(
        *(graph_client.write([write("MATCH (s:SKILL {id: 'a'}) SET s.n = s.n + 1")]) for _ in range(20))
    )
    assert await graph_client.read(read("MATCH (s:SKILL {id: 'a'}) RETURN s.n")) == [[20]]


async def test_a_client_without_the_file_gets_through_by_repeating(
    graph_client: GraphClient, graph_config: GraphConfig
) -> None:
    """A conflict at commit is transient: the driver repeats the transaction, and no update is lost."""
    await graph_client.write([write("CREATE (:SKILL {id: 'a', n: 0})")])
    add = write("MATCH (s:SKILL {id: 'a'}) SET s._lock = 1 SET s.n = s.n + 1")
    async with PatientClient.open(dataclasses.replace(graph_config, write_turn_file=None)) as other:
        await asyncio.gather(*(client.write([add]) for _ in range(10) for client in (graph_client, other)))
    assert await graph_client.read(read("MATCH (s:SKILL {id: 'a'}) RETURN s.n")) == [[20]]


async def test_writes_of_two_clients_all_count(graph_client: GraphClient, other_client: GraphClient) -> None:
    """On Neo4j the lock decides; the embedded engine's clients take turns by the file."""
    await graph_client.write([write("CREATE (:SKILL {id: 'a', n: 0})")])
    add = write("MATCH (s:SKILL {id: 'a'}) SET s._lock = 1 SET s.n = s.n + 1")
    await asyncio.gather(*(client.write([add]) for _ in range(10) for client in (graph_client, other_client)))
    assert await graph_client.read(read("MATCH (s:SKILL {id: 'a'}) RETURN s.n")) == [[20]]


# Deadlines. What is bounded would go on for ten minutes without its bound, and what waits for it here for one.


async def test_the_deadline_cuts_a_slow_read_and_the_client_goes_on(graph_client: GraphClient) -> None:
    with pytest.raises(GraphUnavailable) as caught:
        await graph_client.read(read(SLOW), deadline_seconds=0.3)
    assert caught.value.retryable
    assert await graph_client.read(COUNT) == [[0]]


async def test_the_deadline_cuts_a_slow_write_and_nothing_stays(graph_client: GraphClient) -> None:
    with pytest.raises(GraphUnavailable):
        await graph_client.write([write("CREATE (:SKILL {id: 'a'})"), write(SLOW)], deadline_seconds=0.4)
    assert await graph_client.read(COUNT) == [[0]]
    await graph_client.write([write("CREATE (:SKILL {id: 'a'})")])
    assert await graph_client.read(COUNT) == [[1]]


async def test_a_server_that_never_answers_costs_the_deadline(silent_port: int) -> None:
    client = GraphClient.open(config_for(f"bolt://127.0.0.1:{silent_port}", connect_timeout_seconds=600))
    with pytest.raises(GraphUnavailable) as caught:
        async with asyncio.timeout(60):
            await client.read(COUNT, deadline_seconds=0.3)
    assert caught.value.reason == "timeout"
    await client.close()


async def test_waiting_for_a_turn_counts(silent_port: int) -> None:
    config = config_for(f"bolt://127.0.0.1:{silent_port}", embedded=True, connect_timeout_seconds=600)
    client = GraphClient.open(config)
    has_the_turn = asyncio.create_task(client.write([write("RETURN 1")], deadline_seconds=600))
    async with asyncio.timeout(60):
        while not client._turn_here.locked():  # noqa: ASYNC110 - a turn is not announced
            await asyncio.sleep(0.01)
        waiting = (client.write([write("RETURN 1")], deadline_seconds=0.3) for _ in range(2))
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [getattr(outcome, "reason", outcome) for outcome in outcomes] == ["timeout"] * 2
    assert not has_the_turn.done()
    has_the_turn.cancel()
    await asyncio.gather(has_the_turn, return_exceptions=True)
    await client.close()


async def test_an_absent_server_is_unavailable_soon(closed_port: int) -> None:
    client = GraphClient.open(config_for(f"bolt://127.0.0.1:{closed_port}"))
    with pytest.raises(GraphUnavailable) as caught:
        async with asyncio.timeout(60):
            await client.read(COUNT, deadline_seconds=600)
    assert caught.value.reason == "ServiceUnavailable"
    with pytest.raises(GraphUnavailable):
        await client.ping()
    with pytest.raises(GraphUnavailable):
        await client.verify_credentials(deadline_seconds=2)
    await client.close()


async def test_a_cancelled_caller_is_cancelled(graph_client: GraphClient) -> None:
    while True:
        task = asyncio.create_task(graph_client.read(read(SLOW)))
        await asyncio.sleep(0.2)
        if task.cancel():  # unless this process stood still until the answer was there
            break
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await graph_client.read(COUNT) == [[0]]


# Errors


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("RETRUN 1", {}),
        ("RETURN $absent", {}),
        ("MERGE (s:SKILL {id: 'a'}) SET s.map = {a: 1}", {}),
        ("UNWIND [1, 2] AS n CREATE (:SKILL {id: 'a'})", {}),
        ("RETURN $x", {"x": 2**70}),
        ("RETURN $x", {"x": "\ud800"}),
        ("RETURN $x", {"x": object()}),
    ],
)
async def test_what_will_never_work_is_rejected(
    graph_client: GraphClient, text: str, parameters: dict[str, Any]
) -> None:
    # What may work later is tried again for as long as this.
    config = dataclasses.replace(graph_client.config, write_retry_seconds=600)
    async with GraphClient.open(config) as client:
        with pytest.raises(GraphRejected) as caught:
            async with asyncio.timeout(60):
                await client.write([write(text, **parameters)], deadline_seconds=600)
    assert caught.value.code
    assert str(caught.value) == GraphRejected.__doc__
    assert await graph_client.read(COUNT) == [[0]]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Neo.TransientError.Transaction.DeadlockDetected", GraphConflict),
        ("Neo.TransientError.Transaction.Outdated", GraphConflict),
        ("Neo.TransientError.Transaction.LockAcquisitionTimeout", GraphConflict),
        ("Neo.TransientError.Transaction.Terminated", GraphUnavailable),
        ("Neo.ClientError.Transaction.Terminated", GraphUnavailable),
        ("Neo.TransientError.General.DatabaseUnavailable", GraphUnavailable),
        ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", GraphUnavailable),
        ("Neo.ClientError.Transaction.TransactionTimedOut", GraphUnavailable),
        ("Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", GraphUnavailable),
        ("Neo.ClientError.Database.DatabaseNotFound", GraphUnavailable),
        ("Neo.ClientError.Security.Unauthorized", GraphUnavailable),
        ("Neo.ClientError.Security.AuthorizationExpired", GraphUnavailable),
        ("Neo.ClientError.Cluster.NotALeader", GraphUnavailable),
        ("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", GraphUnavailable),
        ("Neo.DatabaseError.General.UnknownError", GraphUnavailable),
        ("Neo.SomethingNew.General.Unheard", GraphUnavailable),
        ("Neo.ClientError.Statement.SyntaxError", GraphRejected),
        ("Neo.ClientError.Statement.TypeError", GraphRejected),
        ("Neo.ClientError.Schema.ConstraintValidationFailed", GraphRejected),
        ("Neo.ClientError.Procedure.ProcedureNotFound", GraphRejected),
    ],
)
def test_codes_of_the_server_become_ours(code: str, expected: type[GraphError]) -> None:
    with pytest.raises(GraphError) as caught:
        _translate(neo4j_error(code))
    assert type(caught.value) is expected
    assert "secret value" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ServiceUnavailable("x"),
        exceptions.SessionExpired("x"),
        exceptions.IncompleteCommit("x"),
        exceptions.ConnectionAcquisitionTimeoutError("x"),
        OSError("x"),
        RuntimeError("x"),
    ],
)
def test_errors_of_the_driver_may_pass(error: Exception) -> None:
    with pytest.raises(GraphUnavailable) as caught:
        _translate(error)
    assert caught.value.retryable
    assert caught.value.reason == type(error).__name__


# Settings


async def test_wrong_credentials_are_told_at_the_start(graph_config: GraphConfig) -> None:
    client = PatientClient.open(dataclasses.replace(graph_config, password="hunter2-hunter2"))
    with pytest.raises(GraphMisconfigured) as caught:
        await client.verify_credentials()
    assert "LAB_TUTOR_NEO4J_USERNAME" in str(caught.value)
    assert "LAB_TUTOR_NEO4J_PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    # Later the same answer may be a password that is being changed: an outage.
    with pytest.raises(GraphUnavailable):
        await client.read(COUNT)
    await client.close()


async def test_an_unknown_database_is_told_at_the_start(graph_config: GraphConfig) -> None:
    client = PatientClient.open(dataclasses.replace(graph_config, database="nosuch"))
    with pytest.raises(GraphMisconfigured, match="LAB_TUTOR_NEO4J_DATABASE"):
        await client.verify_credentials()
    with pytest.raises(GraphUnavailable):
        await client.read(COUNT)
    await client.close()


async def test_right_credentials_pass_and_name_the_database(graph_config: GraphConfig) -> None:
    changed = graph_config if graph_config.embedded else dataclasses.replace(graph_config, database=None)
    client = PatientClient.open(changed)
    await client.verify_credentials()
    assert client._database == graph_config.database
    await client.ping()
    await client.close()


@pytest.mark.parametrize("uri", ["neo4k://host", "bolt://host:7687?x=1", "host:7687", ""])
def test_a_malformed_uri_is_told_before_the_start(uri: str) -> None:
    with pytest.raises(GraphMisconfigured, match="LAB_TUTOR_NEO4J_URI"):
        GraphClient.open(config_for(uri))


async def test_a_host_without_an_address_is_away(closed_port: int) -> None:
    """A container's name has no address until it runs, so this is an outage and no mistake."""
    client = GraphClient.open(config_for("bolt://nosuch.invalid:7687"))
    with pytest.raises(GraphUnavailable):
        await client.verify_credentials(deadline_seconds=5)
    await client.close()


def test_no_repr_shows_the_password() -> None:
    config = config_for("bolt://127.0.0.1:7687")
    assert "hunter2" not in repr(config)
    assert "hunter2" not in f"{config}"


# Statements


def test_a_statement_of_a_file_comes_without_its_header() -> None:
    assert load_statement("schema/ping") == "RETURN 1 AS one"
    statement = Statement.from_file("schema/ping")
    assert (statement.name, statement.text, dict(statement.parameters), statement.mode) == (
        "schema/ping", "RETURN 1 AS one", {}, "read",
    )  # fmt: skip
    with pytest.raises(FileNotFoundError):
        load_statement("schema/nosuch")


async def test_statements_are_counted(graph_client: GraphClient) -> None:
    before = graph_client.statement_count
    await graph_client.read(COUNT)
    await graph_client.write([write("CREATE (:SKILL {id: 'a'})"), write("RETURN 1")])
    with pytest.raises(GraphRejected):
        await graph_client.read(read("RETRUN 1"))
    assert graph_client.statement_count - before == 4


async def test_the_name_of_the_statement_reaches_the_server(graph_client: GraphClient) -> None:
    if graph_client.config.embedded:
        pytest.skip("the embedded engine does not list its transactions")
    rows = await graph_client.read(
        Statement(
            "test/named",
            "SHOW TRANSACTIONS YIELD metaData WHERE metaData.statement IS NOT NULL RETURN metaData",
        )
    )
    assert [{"statement": "test/named"}] in rows


async def test_the_driver_is_closed_with_the_client(graph_config: GraphConfig) -> None:
    client = PatientClient.open(graph_config)
    await client.ping()
    await client.close()
    assert isinstance(client._driver, neo4j.AsyncDriver)
    with pytest.raises(GraphUnavailable):
        await client.ping()


async def test_a_statement_by_key_runs_on_each_engine_however_it_is_reached(
    graph_config: GraphConfig,
) -> None:
    # An engine behind a Bolt address says itself what it is, and only Neo4j takes options before a statement.
    config = dataclasses.replace(graph_config, embedded=False)
    statement = Statement("by key", "RETURN $value AS value", {"value": 7}, "write", by_key=True)
    async with PatientClient.open(config) as client:
        for _ in range(3):
            assert await client.write([statement, statement]) == [[[7]], [[7]]]
