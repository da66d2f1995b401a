"""What somebody sends who means ill: each attack goes on until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Connected
from typing import Any

from graphql import get_introspection_query

from tests.attacks.server import Connection, Target, ask, post

SENDERS = 8
IDLE_SOCKETS = 500
SLOW_SOCKETS = 100
BEGIN_SECONDS = 120


def _many(text: str, count: int, around: str = "{%s}") -> str:
    return around % " ".join(text % number if "%" in text else text for number in range(count))


# Within the tokens that are read, or just beyond each other limit.
DOCUMENTS = {
    "deep": "{" + "a{" * 2_400 + "a" + "}" * 2_401,
    "deep, within the tokens": '{course(id:"x"){teacher'
    + "{courses{nodes{teacher" * 400
    + "{id}"
    + "}}}" * 400
    + "}}",
    "wide": _many("me{id}", 240),
    "wide, no name twice": _many("a%d", 490),
    "differing arguments": _many('course(id:"x%d"){id}', 490),
    "thousands of arguments": "{course(" + " ".join(f"a{n}:{n}" for n in range(1_600)) + "){id}}",
    "aliased": _many("a%d:me{id}", 800),
    "directives": "{me" + "@include(if:true)" * 900 + "{id}}",
    "overlapping selections": _many("me{...on Student{enrollments{nodes{course{id title}}}}}", 200),
    "overlapping fragments": _many("...F%d", 60)
    + " ".join(f'fragment F{n} on Query{{course(id:"x{n}"){{id}} ...F{(n + 1) % 60}}}' for n in range(60)),
    "fragments that multiply": "{...F0 ...F0}"
    + " ".join(f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(40))
    + "fragment F40 on Query{me{id}}",
    "a fragment that nothing spreads": "{me{id}} fragment F on Query{"
    + " ".join(f'course(id:"x{n}"){{id}}' for n in range(550))
    + "}",
    "a long list": "{nodes(ids:[" + '"a" ' * 4_900 + "]){id}}",
    "many variables": "query(" + " ".join(f"$v{n}:Int" for n in range(1_600)) + "){me{id}}",
    "many operations": " ".join(f"query Q{n}{{me{{id}}}}" for n in range(700)),
    "introspection in itself": "{__schema{types" + "{fields{type" * 8 + "{name}" + "}}" * 8 + "}}",
    "introspection again and again": _many(
        "a%d:__schema{types{name fields{name args{name description}}}}", 45
    ),
    "a long string": '{course(id:"' + "x" * 60_000 + '"){id}}',
    "a long comment": "#" + "x" * 60_000 + "\n{me{id}}",
}
# Within every limit: read, validated and refused, or asked and refused.
VALIDATED = {"wide, no name twice": "GRAPHQL_VALIDATION_FAILED", "a long list": "UNAUTHENTICATED"}


@dataclass
class Seen:
    """What the attack got back: how often each status and code came."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """Note a connection that was closed without an answer."""
        self.statuses[0] += 1
        self.begun.set()

    def add(self, status: int, body: bytes) -> None:
        self.begun.set()
        self.statuses[status] += 1
        for error in json.loads(body).get("errors", ()) if body[:1] == b"{" else ():
            self.codes[error["extensions"]["code"]] += 1


Attack = Callable[[Target, Seen], Awaitable[None]]


async def _repeat(server: Target, seen: Seen, requests: Iterator[bytes]) -> None:
    connection = Connection(server.port)
    try:
        for request in requests:
            try:
                seen.add(*await connection.send(request))
            except (OSError, asyncio.IncompleteReadError):
                # Closed after a refusal, with the rest of the body on its way.
                seen.cut()
                await connection.close()
    finally:
        await connection.close()


async def _all(*senders: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(sender) for sender in senders]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _forever(make: Callable[[int], bytes]) -> Iterator[bytes]:
    number = 0
    while True:
        yield make(number)
        number += 1


def _flood(make: Callable[[Target, int], bytes]) -> Attack:
    async def attack(server: Target, seen: Seen) -> None:
        await _all(
            *(
                _repeat(server, seen, _forever(lambda number, s=sender: make(server, s * 1_000_000 + number)))
                for sender in range(SENDERS)
            )
        )

    return attack


def _document(text: str) -> Attack:
    # Each a little different: nothing that was kept of the last one helps with the next.
    return _flood(lambda server, number: ask(f"{text} #{number}"))


def _ids(server: Target, number: int) -> bytes:
    return ask("query($i: [ID!]!) { nodes(ids: $i) { id } }", server.student, i=[f"a{number}"] * 49_000)


def _values(server: Target, number: int) -> bytes:
    # Nearly as many values as a body may hold, each to be checked against its type before the course is looked for.
    concepts = [{"name": f"c{number}", "definition": "d", "textEvidence": "e"}] * 200
    documents = [{"filename": "a.txt", "sha256": "0" * 64, "topic": "A", "concepts": concepts}] * 24
    query = "mutation($i: IngestExtractionInput!) { ingestExtraction(input: $i) { __typename } }"
    return ask(query, server.student, i={"courseId": "x", "documents": documents})


def _passwords(server: Target, number: int) -> bytes:
    query = "mutation($i: LogInInput!) { logIn(input: $i) { __typename } }"
    return ask(query, i={"email": f"nobody{number}@example.org", "password": "not the passphrase"})


def _dearest(server: Target, number: int) -> bytes:
    courses = "courses(first: 100) { nodes { title teacher { courses(first: 90) { nodes { title } } } } }"
    return ask(f"query Q{number} {{ {courses} }}", server.student)


def _introspection(server: Target, number: int) -> bytes:
    return ask(get_introspection_query() + f"#{number % 5}")


def _giant(server: Target, number: int) -> bytes:
    return post(b" " * 20_000_000, server.student if number % 2 else None)


async def chunked(server: Target, seen: Seen) -> None:
    """Send 20 MB in chunks, without saying how much will come."""

    async def sender() -> None:
        head = post(b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
        while True:
            connection = Connection(server.port)
            reader, writer = await connection.open()
            try:
                writer.write(head)
                for _ in range(200):
                    writer.write(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
                    await writer.drain()
                seen.add(*await connection.answer(reader))
            except (OSError, asyncio.IncompleteReadError):
                seen.cut()
            finally:
                await connection.close()

    await _all(*(sender() for _ in range(SENDERS)))


async def slow(server: Target, seen: Seen) -> None:
    """Begin bodies and headers, and go on by a byte now and then."""

    async def sender(beginning: bytes) -> None:
        while True:
            connection = Connection(server.port)
            reader, writer = await connection.open()
            answer = asyncio.ensure_future(connection.answer(reader))
            try:
                writer.write(beginning)
                seen.begun.set()
                while not answer.done():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.wait([answer], timeout=0.2)
                seen.add(*answer.result())
            except (OSError, asyncio.IncompleteReadError):
                seen.cut()
            finally:
                answer.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                    await answer
                await connection.close()

    body = post(b" " * 60_000)[:-60_000]
    await _all(
        *(sender(body if number % 2 else b"POST /graphql HTTP/1.1\r\nx: ") for number in range(SLOW_SOCKETS))
    )


async def idle(server: Target, seen: Seen) -> None:
    """Open many connections and say nothing."""
    connections = [Connection(server.port) for _ in range(IDLE_SOCKETS)]
    try:
        for connection in connections:
            await connection.open()
        seen.begun.set()
        await asyncio.Event().wait()
    finally:
        for connection in connections:
            await connection.close()


def _any_document(server: Target, number: int) -> bytes:
    texts = list(DOCUMENTS.values())
    return ask(f"{texts[number % len(texts)]} #{number}")


OTHER_ATTACKS: dict[str, Attack] = {
    "49,000 ids in a variable, signed in": _flood(_ids),
    "20,000 values in variables, signed in": _flood(_values),
    "the dearest question that is allowed": _flood(_dearest),
    "the usual introspection": _flood(_introspection),
    "log-ins with guessed passwords": _flood(_passwords),
    "bodies of 20 MB": _flood(_giant),
    "chunked bodies of 20 MB": chunked,
    "slow bodies and slow headers": slow,
    "500 idle sockets": idle,
}
ATTACKS: dict[str, Attack] = {
    **{name: _document(text) for name, text in DOCUMENTS.items()},
    "hostile documents": _flood(_any_document),
    **OTHER_ATTACKS,
}


class Attacker:
    """A process that attacks: what it costs to attack is not the server's, nor the one's who waits for an answer.

    Made before an event loop runs, as it is a fork.
    """

    def __init__(self) -> None:
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=self._serve, args=(other,), daemon=True
        )
        self._process.start()

    @contextlib.asynccontextmanager
    async def under(self, name: str, target: Target) -> AsyncIterator[Seen]:
        """Run an attack for the time of a block, which begins with its first answer; then Seen is filled in."""
        seen = Seen()
        await asyncio.to_thread(self._tell, (name, target))
        try:
            yield seen
        finally:
            found = await asyncio.to_thread(self._tell, None)
            seen.statuses, seen.codes = found

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _tell(self, message: Any) -> Any:
        self._pipe.send(message)
        found = self._pipe.recv()
        if isinstance(found, str):
            raise RuntimeError(found)
        return found

    @staticmethod
    def _serve(pipe: Connected) -> None:
        async def attack(name: str, target: Target) -> Any:
            async with under(name, target) as seen:
                await asyncio.wait_for(seen.begun.wait(), BEGIN_SECONDS)
                pipe.send(None)
                await asyncio.to_thread(pipe.recv)
            return seen.statuses, seen.codes

        while True:
            name, target = pipe.recv()
            try:
                pipe.send(asyncio.run(attack(name, target)))
            except Exception:
                pipe.send(traceback.format_exc())


@contextlib.asynccontextmanager
async def under(name: str, server: Target) -> AsyncIterator[Seen]:
    """Run an attack for the time of a block."""
    seen = Seen()
    task = asyncio.ensure_future(ATTACKS[name](server, seen))
    try:
        yield seen
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
