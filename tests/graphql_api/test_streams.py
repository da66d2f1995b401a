"""Subscriptions over real sockets: graphql-transport-ws with its close codes, and Server-Sent Events."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from graphql import get_introspection_query
from sqlalchemy import delete, update
from websockets.asyncio.client import ClientConnection, connect

from graph.client import GraphClient
from graphql_api import patience, sockets, streams
from graphql_api.cli.server import protocol_options
from graphql_api.tokens import AccessTokens
from resolvers import events, ids
from sql.models import SyncWrite, User
from sql.session import Database
from tests.api_fixtures import PROFILES, Actor, Api, make_settings, open_api

# Generous: every wait ends as soon as it can.
SECONDS = 120.0
# How long a token lasts: where one ends before it was used, as the machine stood still, the next lasts longer.
LIFETIMES = (3, 20, 90)
FOLLOW = "subscription($t: ID!, $a: String) { syncChanged(token: $t, after: $a) { cursor occurredAt sync { state } } }"
# A long answer, of a third of a megabyte, that anybody gets.
LONG = get_introspection_query()
PROTOCOL = websockets.Subprotocol(sockets.PROTOCOL)
ABSENT = ids.encode("sync", "2f1c9c8e-8f5e-4b0e-9f43-0c1d2e3f4a5b")


@dataclass
class Served:
    """The application behind a real port. Nothing reaches the graph until `drain`."""

    api: Api
    port: int
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def write(self, actor: Actor, title: str = "Sets") -> str:
        """Make a course and return the token of the write, which is not in the graph yet."""
        made = await self.api.ok("createCourse", actor, title=title)
        assert made["sync"]["state"] == "PENDING"
        token: str = made["sync"]["token"]
        return token

    def short_token(self, actor: Actor, seconds: int) -> str:
        """Return an access token that ends soon."""
        secret = self.api.application.settings.signing_secret()
        person: Any = type("Person", (), {"id": actor.key})
        return AccessTokens(secret, None, seconds).issue(person)[0]

    @contextlib.asynccontextmanager
    async def socket(self, token: str | None = None, *, init: bool = True) -> AsyncIterator[ClientConnection]:
        """Open a socket, initialised with a token."""
        async with connect(self.url, subprotocols=[PROTOCOL], open_timeout=SECONDS) as socket:
            if init:
                payload = {"authorization": f"Bearer {token}"} if token else {}
                await send(socket, type="connection_init", payload=payload)
                assert await receive(socket) == {"type": "connection_ack"}
            yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), SECONDS))
    return message


async def subscribe(socket: ClientConnection, name: str, query: str = FOLLOW, **variables: Any) -> None:
    await send(socket, id=name, type="subscribe", payload={"query": query, "variables": variables})


async def code_of(socket: ClientConnection) -> int:
    """Return the code with which the server closes a socket."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await asyncio.wait_for(socket.recv(), SECONDS)
    assert socket.close_code is not None
    return socket.close_code


@contextlib.asynccontextmanager
async def serve(api: Api) -> AsyncIterator[Served]:
    """Put an application behind a port of its own, as `lab-tutor serve` does."""
    transport: Any = api.http._transport
    settings = api.application.settings
    config = uvicorn.Config(
        transport.app,
        port=0,
        lifespan="off",
        **protocol_options(settings),
        # Nothing but our own patience closes a connection.
        ws_ping_interval=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    try:
        yield Served(api, server.servers[0].sockets[0].getsockname()[1], server)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def served(
    sqlite_database: Database, embedded_client: GraphClient, tmp_path: Path, profile: dict[str, Any]
) -> AsyncIterator[Served]:
    """A server of each profile with small bounds. Production has its playground: LONG is an introspection."""
    changes = {
        "inline_deadline_seconds": 0.0,
        "max_streams_per_address": 4,
        "max_streams_per_person": 2,
        "max_subscriptions_per_socket": 3,
    }
    settings = make_settings(tmp_path, playground="on", **profile).model_copy(update=changes)
    async with open_api(settings, sqlite_database, embedded_client) as api, serve(api) as found:
        yield found


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """Let no server here lose patience with a client on a slow machine, unless a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sockets, "INIT_SECONDS", SECONDS)
        patch.setattr(patience, "HEADER_SECONDS", SECONDS)
        patch.setattr(patience, "WRITE_SECONDS", SECONDS)
        yield


# —— graphql-transport-ws ——


async def test_a_write_is_followed_until_it_is_in_the_graph(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    async with served.socket(teacher.token) as socket:
        await subscribe(socket, "a", t=token)
        first = await receive(socket)
        assert (first["id"], first["type"]) == ("a", "next")
        event = first["payload"]["data"]["syncChanged"]
        assert event["sync"] == {"state": "PENDING"}
        await served.api.drain()
        last = (await receive(socket))["payload"]["data"]["syncChanged"]
        assert last["sync"] == {"state": "SYNCED"}
        assert last["occurredAt"] == event["occurredAt"]
        assert await receive(socket) == {"id": "a", "type": "complete"}
        # What was seen is not told again; what was missed is.
        await subscribe(socket, "a", t=token, a=last["cursor"])
        assert await receive(socket) == {"id": "a", "type": "complete"}
        await subscribe(socket, "b", t=token, a=event["cursor"])
        assert (await receive(socket))["payload"]["data"]["syncChanged"]["sync"] == {"state": "SYNCED"}
        assert await receive(socket) == {"id": "b", "type": "complete"}


async def test_queries_mutations_and_refusals_on_a_socket(served: Served) -> None:
    teacher = await served.api.teacher()
    async with served.socket(teacher.token) as socket:
        await send(socket, type="ping", payload={"x": 1})
        assert (await receive(socket))["type"] == "pong"
        await subscribe(socket, "q", "{ me { id } }")
        assert (await receive(socket))["payload"] == {"data": {"me": {"id": teacher.id}}}
        assert await receive(socket) == {"id": "q", "type": "complete"}
        query = 'mutation { createCourse(input: {title: "Sets"}) { __typename } }'
        await subscribe(socket, "m", query)
        assert (await receive(socket))["payload"]["data"]["createCourse"][
            "__typename"
        ] == "CreateCourseSuccess"
        assert (await receive(socket))["type"] == "complete"
        for query, code in (
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nobody }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { syncChanged { cursor } }", "GRAPHQL_VALIDATION_FAILED"),
            (FOLLOW, "BAD_USER_INPUT"),
            ("{ " + "me { id } " * 300 + "}", "QUERY_TOO_COMPLEX"),
        ):
            await subscribe(socket, "e", query)
            refused = await receive(socket)
            assert (refused["id"], refused["type"]) == ("e", "error"), query
            assert refused["payload"][0]["extensions"]["code"] == code
        await send(socket, id="p", type="subscribe", payload={"extensions": {"persistedQuery": {}}})
        assert (await receive(socket))["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"


async def test_another_persons_write_is_as_if_it_were_not_there(served: Served) -> None:
    teacher, other, admin = await served.api.teacher(), await served.api.teacher(), await served.api.admin()
    token = await served.write(teacher)
    answers = []
    async with served.socket(other.token) as socket:
        for given in (token, ABSENT, "nonsense"):
            await subscribe(socket, "a", t=given)
            answers.append(await receive(socket))
    assert answers[0]["type"] == "error"
    assert answers[0]["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answers == [answers[0]] * 3
    async with served.socket(admin.token) as socket:
        await subscribe(socket, "a", t=token)
        assert (await receive(socket))["type"] == "next"
    async with served.socket() as socket:
        await subscribe(socket, "a", t=token)
        assert (await receive(socket))["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_cursors_that_are_none_or_too_old(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    old = events._cursor(["PENDING", 1, 0])
    async with served.socket(teacher.token) as socket:
        for cursor in ("", "x", "é", "W10", "e30", "WzEsMl0", "[" * 400, "x" * 10_000):
            await subscribe(socket, "a", t=token, a=cursor)
            assert (await receive(socket))["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT", cursor
        monkeypatch.setattr(events, "CURSORS_LIVE", events.timedelta(seconds=-60))
        await subscribe(socket, "a", t=token, a=old)
        assert (await receive(socket))["payload"][0]["extensions"]["code"] == "CURSOR_EXPIRED"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "1",
        "{",
        "{}",
        '{"type":7}',
        '{"type":"start"}',
        '{"type":"subscribe","payload":{"query":"{me{id}}"}}',
        '{"type":"subscribe","id":"","payload":{"query":"{me{id}}"}}',
        '{"type":"subscribe","id":7,"payload":{"query":"{me{id}}"}}',
        '{"type":"subscribe","id":"a"}',
        '{"type":"subscribe","id":"a","payload":{}}',
        '{"type":"subscribe","id":"a","payload":{"query":7}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{me{id}}","variables":[]}}',
        '{"type":"subscribe","id":"a","payload":{"query":"\\ud800"}}',
        "[" * 50_000,
        '{"type":"ping","payload":[' + "1," * 1_000 + "1]}",
    ],
)
async def test_a_message_that_is_none_closes_with_4400(served: Served, text: str) -> None:
    async with served.socket() as socket:
        await socket.send(text)
        assert await code_of(socket) == 4400


async def test_close_codes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = await served.api.teacher()
    async with served.socket() as socket:
        await socket.send(b"{}")
        assert await code_of(socket) == 4400
    async with served.socket(init=False) as socket:
        await subscribe(socket, "a", "{ me { id } }")
        assert await code_of(socket) == 4401
    for payload in ({"authorization": "Bearer a.b.c"}, {"Authorization": "Basic x"}):
        async with served.socket(init=False) as socket:
            await send(socket, type="connection_init", payload=payload)
            assert await code_of(socket) == 4403
    for bad in ([], "x", {"authorization": 7}):
        async with served.socket(init=False) as socket:
            await send(socket, type="connection_init", payload=bad)
            assert await code_of(socket) == 4400
    for protocol in (None, "graphql-ws", "x"):
        offered = [websockets.Subprotocol(protocol)] if protocol else None
        async with connect(served.url, subprotocols=offered, open_timeout=SECONDS) as socket:
            assert await code_of(socket) == 4406
    async with served.socket() as socket:
        await send(socket, type="connection_init")
        assert await code_of(socket) == 4429
    token = await served.write(teacher)
    async with served.socket(teacher.token) as socket:
        await subscribe(socket, "a", t=token)
        await subscribe(socket, "a", t=token)
        assert await code_of(socket) == 4409
    async with served.socket() as socket:
        await socket.send("x" * 70_000)
        assert await code_of(socket) == 1009
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.3)
    async with served.socket(init=False) as socket:
        await send(socket, type="ping")
        assert await code_of(socket) == 4408


async def test_a_completed_subscription_ends_and_gives_its_id_back(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    async with served.socket(teacher.token) as socket:
        for _ in range(5):
            await subscribe(socket, "a", t=token)
            assert (await receive(socket))["type"] == "next"
            await send(socket, id="a", type="complete")
        await send(socket, id="never", type="complete")
        for name in ("a", "b", "c", "d"):
            await subscribe(socket, name, t=token)
        messages = [await receive(socket) for _ in range(4)]
        kinds = {message["id"]: message["type"] for message in messages}
        assert kinds == {"a": "next", "b": "next", "c": "next", "d": "error"}
        refused = next(message for message in messages if message["id"] == "d")
        assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_browser_of_another_origin_opens_nothing(served: Served) -> None:
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{served.port + 1}", "http://127.0.0.1"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(served.url, subprotocols=[PROTOCOL], origin=websockets.Origin(origin)):
                pass
        assert refused.value.response.status_code == 403
    own = websockets.Origin(f"http://127.0.0.1:{served.port}")
    async with connect(served.url, subprotocols=[PROTOCOL], origin=own) as socket:
        assert socket.subprotocol == PROTOCOL


async def test_an_address_has_a_bounded_number_of_streams(served: Served) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(served.socket())
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with served.socket():
                pass
        assert refused.value.response.status_code == 429
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            response = await client.post(
                served.http, json={"query": "{ me { id } }"}, headers={"accept": "text/event-stream"}
            )
        assert response.status_code == 429
        assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    # Their places are given back.
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with served.socket():
                    return
            except websockets.InvalidStatus:
                await asyncio.sleep(0.1)


async def test_a_person_has_a_bounded_number_of_streams(served: Served) -> None:
    teacher, other = await served.api.teacher(), await served.api.teacher()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(served.socket(teacher.token))
        async with served.socket(init=False) as socket:
            await send(socket, type="connection_init", payload={"authorization": f"Bearer {teacher.token}"})
            assert await code_of(socket) == 1013
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            response = await client.post(served.http, json={"query": "{ me { id } }"}, headers=asks(teacher))
            assert response.status_code == 429
            assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
            response = await client.post(served.http, json={"query": "{ me { id } }"}, headers=asks(other))
            assert response.status_code == 200
        async with served.socket(other.token):
            pass
    await nothing_is_open(served)
    async with served.socket(teacher.token):
        pass


async def test_who_does_not_read_a_socket_is_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WRITE_SECONDS", 0.5)
    async with connect(
        served.url, subprotocols=[PROTOCOL], max_queue=1, ping_interval=None, compression=None
    ) as socket:
        await send(socket, type="connection_init")
        assert await receive(socket) == {"type": "connection_ack"}
        with contextlib.suppress(websockets.ConnectionClosed):
            async with asyncio.timeout(SECONDS):
                # More than all buffers on the way hold, without reading a message of it.
                for number in itertools.count():
                    await subscribe(socket, str(number), LONG)
                    await asyncio.sleep(0.1)
        await nothing_is_open(served)


async def test_who_does_not_read_an_event_stream_is_cut(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "WRITE_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
    writer.write(_long_request(b"accept: text/event-stream\r\n") * 100)
    assert await asyncio.wait_for(reader.read(1), SECONDS) == b"H"
    await nothing_is_open(served, connections=True)
    writer.close()


async def test_who_reads_slowly_but_reads_is_not_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = patience._Reader._look

    def counted(reader: patience._Reader, before: int) -> None:
        nonlocal looks
        looks += 1
        look(reader, before)

    monkeypatch.setattr(patience._Reader, "_look", counted)
    monkeypatch.setattr(patience, "LEAST_BYTES_TAKEN", 1)
    # Where this process stands still for longer than the server is patient, it did not read.
    for seconds in (0.2, 2.0, 10.0):
        monkeypatch.setattr(patience, "WRITE_SECONDS", seconds)
        looks = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _read_slowly(served, seconds / 5)
            assert looks
            return
    pytest.fail("cut, though it reads")


async def _read_slowly(served: Served, pause: float) -> None:
    # Small buffers on the way, so that most of the answer waits in the server's own.
    for listening in served.server.servers[0].sockets:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    taken.connect(("127.0.0.1", served.port))
    reader, writer = await asyncio.open_connection(sock=taken, limit=1)
    try:
        writer.write(_long_request())
        head = (await asyncio.wait_for(_head(reader), SECONDS)).lower()
        left = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        while left:
            left -= len(await asyncio.wait_for(reader.readexactly(min(left, 20_000)), SECONDS))
            await asyncio.sleep(pause)
    finally:
        writer.close()


def _long_request(headers: bytes = b"") -> bytes:
    body = json.dumps({"query": LONG}).encode()
    return (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\n%bcontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (headers, len(body), body)
    )


async def _head(reader: asyncio.StreamReader) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await reader.readexactly(1)
    return head


async def nothing_is_open(served: Served, *, connections: bool = False) -> None:
    """Wait until every place of a stream is given back, and every connection is gone where asked."""
    transport: Any = served.api.http._transport
    found: streams.Streams = transport.app.state.streams
    deadline = time.monotonic() + SECONDS
    while found._open or (connections and served.server.server_state.connections):
        assert time.monotonic() < deadline, f"{found._open} {served.server.server_state.connections}"
        await asyncio.sleep(0.1)


async def test_a_socket_ends_with_its_token(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    for seconds in LIFETIMES:
        with contextlib.suppress(websockets.ConnectionClosed):
            async with served.socket(served.short_token(teacher, seconds)) as socket:
                await subscribe(socket, "a", t=token)
                assert (await receive(socket))["type"] == "next"
                assert await code_of(socket) == 4401
                return
    pytest.fail("no token lasted until it was used")


async def test_a_stream_ends_with_the_account_behind_it(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    async with served.socket(teacher.token) as socket:
        await subscribe(socket, "a", t=token)
        assert (await receive(socket))["type"] == "next"
        async with served.api.database.write() as session:
            await session.execute(update(User).where(User.id == teacher.key).values(active=False))
        message = await receive(socket)
        assert (message["id"], message["type"]) == ("a", "error")
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        # Nor does it begin anything else.
        await subscribe(socket, "b", "{ me { id } }")
        assert await code_of(socket) == 4403


async def test_a_stream_ends_with_the_write_behind_it(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    async with served.socket(teacher.token) as socket:
        await subscribe(socket, "a", t=token)
        assert (await receive(socket))["type"] == "next"
        async with served.api.database.write() as session:
            await session.execute(delete(SyncWrite))
        message = await receive(socket)
        assert (message["id"], message["type"]) == ("a", "error")
        assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_step_of_a_stream_ends_at_its_deadline(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)

    async def never(*_: object) -> object:
        await asyncio.sleep(3_600)
        raise AssertionError

    context = served.api.application.context

    async def hasty(*given: Any) -> Any:
        made = await context(*given)
        made.settings = made.settings.model_copy(update={"operation_deadline_seconds": 0.3})
        return made

    monkeypatch.setattr(served.api.application, "context", hasty)
    for step in ("_write", "sync_of"):
        monkeypatch.setattr(events, step, never)
        async with served.socket(teacher.token) as socket:
            await subscribe(socket, "a", t=token)
            refused = await receive(socket)
            assert (refused["id"], refused["type"]) == ("a", "error")
            assert refused["payload"][0]["extensions"]["code"] == "TIMEOUT"
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            body = {"query": FOLLOW, "variables": {"t": token}}
            told = parts((await client.post(served.http, json=body, headers=asks(teacher))).text)
        assert [event for event, _ in told] == ["next", "complete"]
        assert told[0][1]["errors"][0]["extensions"]["code"] == "TIMEOUT"
        monkeypatch.undo()
        monkeypatch.setattr(served.api.application, "context", hasty)


async def test_production_shows_nothing_of_its_schema_on_a_stream(
    sqlite_database: Database, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, **PROFILES["production"])
    async with (
        open_api(settings, sqlite_database, None) as api,
        serve(api) as served,
        served.socket() as socket,
        httpx.AsyncClient(timeout=SECONDS) as client,
    ):
        for query in (LONG, "{ __schema { queryType { name } } }", '{ __type(name: "User") { name } }'):
            await subscribe(socket, "a", query)
            refused = await receive(socket)
            assert refused["type"] == "error"
            codes = [one["extensions"]["code"] for one in refused["payload"]]
            assert codes == ["GRAPHQL_VALIDATION_FAILED"]
            posted = await client.post(served.http, json={"query": query}, headers=asks())
            got = await client.get(served.http, params={"query": query}, headers=asks())
            plain = await client.get(served.http, params={"query": query})
            for body in (parts(posted.text)[0][1], parts(got.text)[0][1], plain.json()):
                assert body.keys() == {"errors"}
                assert [one["extensions"]["code"] for one in body["errors"]] == codes
        for query, variables in (
            ("subscription { syncChange { cursor } }", {}),
            ("subscription($a: Strng) { syncChanged(token: $a) { cursor } }", {}),
        ):
            await subscribe(socket, "a", query, **variables)
            refused = await receive(socket)
            assert refused["type"] == "error"
            assert "Did you mean" not in str(refused)


async def test_no_answer_names_its_server(served: Served) -> None:
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        for path in ("/graphql", "/healthz", "/nowhere"):
            response = await client.post(
                served.http.replace("/graphql", path), json={"query": "{ me { id } }"}
            )
            assert "server" not in response.headers, path
    async with served.socket() as socket:
        assert socket.response is not None
        assert "server" not in {name.lower() for name in socket.response.headers}


# —— Server-Sent Events ——


def parts(text: str) -> list[tuple[str, Any]]:
    """Return (event, data) of a stream, without its comments."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            values = dict(line.split(":", 1) for line in lines)
            data = values["data"].strip()
            found.append((values["event"].strip(), json.loads(data) if data else None))
    return found


def asks(actor: Actor | None = None, **more: str) -> dict[str, str]:
    authorization = {"authorization": f"Bearer {actor.token}"} if actor else {}
    return {"accept": "text/event-stream", **authorization, **more}


async def test_a_write_is_followed_by_server_sent_events(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    text = ""
    async with (
        httpx.AsyncClient(timeout=SECONDS) as client,
        client.stream(
            "POST",
            served.http,
            json={"query": FOLLOW, "variables": {"t": token}},
            headers=asks(teacher),
        ) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        async for piece in response.aiter_text():
            if "PENDING" in piece:
                await served.api.drain()
            text += piece
    told = parts(text)
    assert [event for event, _ in told] == ["next", "next", "complete"]
    states = [data["data"]["syncChanged"]["sync"]["state"] for _, data in told[:2]]
    assert states == ["PENDING", "SYNCED"]


async def test_other_operations_and_refusals_by_server_sent_events(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    await served.api.drain()
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        for query, wanted in (
            ("{ me { id } }", {"data": {"me": {"id": teacher.id}}}),
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nobody }", "GRAPHQL_VALIDATION_FAILED"),
            (FOLLOW, "BAD_USER_INPUT"),
        ):
            response = await client.post(served.http, json={"query": query}, headers=asks(teacher))
            (name, body), end = parts(response.text)
            assert (response.status_code, name, end) == (200, "next", ("complete", None))
            assert (
                body == wanted
                if isinstance(wanted, dict)
                else body["errors"][0]["extensions"]["code"] == wanted
            )
        got = await client.get(
            served.http,
            params={"query": FOLLOW, "variables": json.dumps({"t": token})},
            headers=asks(teacher),
        )
        assert [event for event, _ in parts(got.text)] == ["next", "complete"]
        mutation = 'mutation { logOut(input: {refreshToken: "x"}) { __typename } }'
        by_get = await client.get(served.http, params={"query": mutation}, headers=asks(teacher))
        assert by_get.status_code == 405
        plain = await client.get(served.http, params={"query": FOLLOW, "variables": json.dumps({"t": token})})
        assert plain.status_code == 405
        for headers, content, status in (
            (asks(teacher, origin="https://evil.example"), b'{"query":"{me{id}}"}', 403),
            (asks(teacher), b"[]", 400),
            (asks(teacher), b"{", 400),
            (asks(teacher, **{"content-type": "text/plain"}), b'{"query":"{me{id}}"}', 415),
            (asks(authorization="Bearer a.b.c"), b'{"query":"{me{id}}"}', 401),
        ):
            response = await client.post(
                served.http, content=content, headers={"content-type": "application/json", **headers}
            )
            assert response.status_code == status, content
            assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "UNAUTHENTICATED")


async def test_an_event_stream_ends_with_its_token(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_api.event_streams.KEEP_ALIVE_SECONDS", 0.2)
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    body = {"query": FOLLOW, "variables": {"t": token}}
    told: list[tuple[str, Any]] = []
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        for seconds in LIFETIMES:
            headers = asks(authorization=f"Bearer {served.short_token(teacher, seconds)}")
            response = await client.post(served.http, json=body, headers=headers)
            told = parts(response.text) if response.status_code == 200 else []
            if len(told) > 2 and "\n:\n" in response.text:
                break
    assert [event for event, _ in told] == ["next", "next", "complete"]
    assert told[1][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "\n:\n" in response.text


async def test_who_goes_away_leaves_nothing_behind(served: Served) -> None:
    teacher = await served.api.teacher()
    token = await served.write(teacher)
    transport: Any = served.api.http._transport
    found: streams.Streams = transport.app.state.streams
    async with (
        httpx.AsyncClient(timeout=SECONDS) as client,
        client.stream(
            "POST", served.http, json={"query": FOLLOW, "variables": {"t": token}}, headers=asks(teacher)
        ) as response,
    ):
        assert "PENDING" in await anext(response.aiter_text())
        assert list(found._open.values()) == [1, 1]  # of the address, and of the account
    await nothing_is_open(served)
