"""Requests of shapes that no client sends, byte by byte to a real server of each profile: never a 5xx."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api_fixtures import Api
from tests.graphql_api.test_streams import SECONDS, Served, serve

BODY = b'{"query":"{me{id}}"}'
QUERY = b"/graphql?query={me{id}}"
UPGRADE = (
    b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n"
)
EVENTS = b"accept: text/event-stream\r\n"
PLAYGROUND = b"accept: text/html\r\n"


@pytest.fixture
async def served(attacked_graphless_api: Api) -> AsyncIterator[Served]:
    """A server of each profile."""
    async with serve(attacked_graphless_api) as found:
        yield found


def get(target: bytes, headers: bytes = b"", *, host: bytes = b"x") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nhost: " + host + b"\r\n" + headers + b"\r\n"


def post(body: bytes, headers: bytes = b"", *, kind: bytes = b"application/json") -> bytes:
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: " + kind + b"\r\n" + headers
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


async def answer(served: Served, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return (status, headers, body) of what a server says to some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write(sent)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = b""
        if not sent.startswith(b"HEAD") and "content-length" in headers:
            body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), SECONDS)
        return int(first.split()[1]), headers, body
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


REFUSED = {
    "too many parameters": (400, get(QUERY + b"&a=1" * 25)),
    "too many parameters of a stream": (400, get(QUERY + b"&a=1" * 25, EVENTS)),
    "no query": (400, get(b"/graphql")),
    "an empty query": (400, get(b"/graphql?query=")),
    "variables that are no JSON": (400, get(QUERY + b"&variables={")),
    "variables that are a list": (400, get(QUERY + b"&variables=[]")),
    "extensions that are a text": (400, get(QUERY + b"&extensions=%22x%22")),
    "deep variables": (400, get(QUERY + b"&variables=" + b"[" * 20_000)),
    "NaN": (400, post(b'{"query":"{me{id}}","variables":{"a":NaN}}')),
    "Infinity by GET": (400, get(QUERY + b"&variables={%22a%22:-Infinity}")),
    "a key that is no text": (400, post(b'{1:"x"}')),
    "two values": (400, post(BODY + BODY)),
    "a byte order mark": (400, post(b"\xef\xbb\xbf" + BODY)),
    "UTF-16": (400, post(BODY.decode().encode("utf-16"))),
    "a surrogate in UTF-8": (400, post(b'{"query":"\xed\xa0\x80"}')),
    "a type that is none": (415, post(BODY, kind=b"\xff;;=;charset")),
    "no type": (415, b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"),
    "a form": (415, post(b"query={me{id}}", kind=b"application/x-www-form-urlencoded")),
    "an origin that is no address": (403, post(BODY, EVENTS + b"origin: http://[\r\n")),
    "a site that is none": (403, get(QUERY, b"sec-fetch-site: \xff\r\n")),
    "nothing acceptable": (406, post(BODY, b"accept: text/plain, image/*;q=0.5, */*;q=0\r\n")),
    "nothing acceptable by weight": (406, post(BODY, b"accept: application/json;q=0, */*;q=nan\r\n")),
    "a number of 5,000 digits": (400, post(b'{"query":"{me{id}}","variables":{"a":' + b"9" * 5_000 + b"}}")),
    **{
        f"the method {method}": (405, f"{method} /graphql HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "HEAD")
    },
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_any_shape_gets_a_4xx_with_a_code(served: Served, kind: str) -> None:
    status, sent = REFUSED[kind]
    found, headers, body = await answer(served, sent)
    assert found == status, body
    if status == 405:
        assert headers["allow"] == "GET, POST"
    if not sent.startswith(b"HEAD"):
        told: dict[str, Any] = json.loads(body)
        assert told.keys() == {"errors"}
        assert [one["extensions"]["code"] for one in told["errors"]] == ["BAD_USER_INPUT"]
    assert headers["x-content-type-options"] == "nosniff"


# What is not HTTP at all is for the server below us to refuse, or to take for what it is.
STRANGE = {
    "a Host that is no address": get(QUERY, host=b"["),
    "a raw byte in the query": get(b"/graphql?query=\xff"),
    "a raw byte in the path": get(b"/gra\xffphql"),
    "an escaped byte in the path": get(b"/gra%ffphql"),
    "a line break in the query": get(b"/graphql?query=%0d%0aset-cookie:%20a=b"),
    "the address of another server": get(b"http://evil.example" + QUERY),
    "no Host": b"GET " + QUERY + b" HTTP/1.1\r\n\r\n",
    "a token of other bytes": post(BODY, b"authorization: Bearer \xff.\xfe.\xfd\r\n"),
    "a negative length": b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "two lengths": post(BODY, b"content-length: 3\r\n"),
    "a length and chunks": post(BODY, b"transfer-encoding: chunked\r\n"),
    "chunks of no size": b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "a socket from an origin that is no address": get(b"/graphql", UPGRADE + b"origin: http://[\r\n"),
    "a socket without a key": get(b"/graphql", b"connection: upgrade\r\nupgrade: websocket\r\n"),
    "a socket on another path": get(b"/metrics", UPGRADE),
    "a playground for a strange Host": get(b"/graphql", PLAYGROUND, host=b"["),
    "a playground with many parameters": get(b"/graphql?" + b"&a" * 5_000, PLAYGROUND),
    "a file outside of its folder": get(b"/static/..%2f..%2fapp.py"),
    "a file whose name holds NUL": get(b"/static/%00"),
    "an address with a slash too many": b"POST /graphql/ HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
}


@pytest.mark.parametrize("kind", STRANGE)
async def test_no_bytes_get_a_5xx(served: Served, kind: str) -> None:
    status, headers, body = await answer(served, STRANGE[kind])
    assert 200 <= status < 300 or 400 <= status < 500, (status, body)
    # Nobody is sent elsewhere, nor is a header made of what was asked.
    assert "location" not in headers
    assert "set-cookie" not in headers
    assert b"Traceback" not in body


async def test_what_fails_before_the_execution_is_masked(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> object:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(served.api.application, "context", broken)
    for headers in (b"", EVENTS):
        for sent in (post(BODY, headers), get(QUERY, headers)):
            status, _, body = await answer(served, sent)
            assert status == 500
            (error,) = json.loads(body)["errors"]
            assert error["extensions"]["code"] == "INTERNAL"
            assert len(error["extensions"]["incidentId"]) == 32
            assert b"secret" not in body


async def test_a_token_that_does_not_hold_is_challenged(served: Served) -> None:
    token = b"authorization: Bearer a.b.c\r\n"
    for accept in (b"accept: application/graphql-response+json\r\n", EVENTS):
        for sent in (post(BODY, token + accept), get(QUERY, token + accept)):
            status, headers, body = await answer(served, sent)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert json.loads(body)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
