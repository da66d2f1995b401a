"""A TCP proxy between a driver and a graph engine that knows where Bolt messages begin and end.

It can refuse, stall, slow down or reset connections, and it can set a trap for one message of one transaction:
cut the connection before that message is forwarded, or after the engine has answered it, keep the answer back,
hold the message until it is told otherwise, or answer with a failure of its own. A transaction that was caught
can be sent again later, as a network that was slow would deliver it.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Self

MAGIC = bytes.fromhex("6060b017")
# Versions 5.6 to 5.0 only: from 5.7 on, a FAILURE has another shape, and newer handshakes have more turns.
PROPOSALS = MAGIC + bytes.fromhex("00060605 00000404 00000000 00000000")
REQUESTS = {
    0x01: "HELLO",
    0x02: "GOODBYE",
    0x0F: "RESET",
    0x10: "RUN",
    0x11: "BEGIN",
    0x12: "COMMIT",
    0x13: "ROLLBACK",
    0x2F: "DISCARD",
    0x3F: "PULL",
    0x54: "TELEMETRY",
    0x66: "ROUTE",
    0x6A: "LOGON",
    0x6B: "LOGOFF",
}
ANSWERS = {0x70: "SUCCESS", 0x71: "RECORD", 0x7E: "IGNORED", 0x7F: "FAILURE"}
IGNORED = bytes.fromhex("0002 b07e 0000")


class Action(enum.Enum):
    """What a trap does with the message that it catches."""

    CUT_BEFORE = "cut before"  # never forwarded, both ends reset
    CUT_AFTER = "cut after"  # forwarded and answered, the client sees a reset
    SWALLOW = "swallow"  # forwarded and answered, the client hears nothing any more
    HOLD = "hold"  # forwarded once `release` is called, also when the client is gone by then
    FAIL = "fail"  # not forwarded, answered by the proxy with `code`


@dataclass
class Message:
    """One message with its chunk headers; `name` is "" for a chunk that keeps the connection alive."""

    raw: bytes
    name: str


@dataclass
class Trap:
    """Catches every `every`-th message `on` that holds `text`, in transactions whose BEGIN names `statement`."""

    on: str
    statement: str
    text: str
    action: Action
    times: int = 1
    every: int = 1
    code: str = ""
    seen: int = 0
    hits: int = 0
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: str = ""
    recorded: list[Message] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, message: Message, transaction: bytes) -> bool:
        fits = message.name == self.on and self.text.encode() in message.raw
        if not fits or self.statement.encode() not in transaction or self.hits >= self.times:
            return False
        self.seen += 1
        return self.seen % self.every == 0

    def release(self) -> None:
        """Let the held message go on its way."""
        self._released.set()

    async def released(self) -> None:
        await self._released.wait()


class Proxy:
    """Listens on `port` of the loopback for an engine on `target`."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self.delay_seconds = 0.0
        self.traps: list[Trap] = []
        self.problems: list[str] = []
        """What went wrong in the proxy itself; a test that finds something here says nothing."""
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], _Link] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        await self.resume()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.traps.clear()
        await self.refuse()
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def refuse(self) -> None:
        """Reset what is open and refuse what comes, until `resume`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        self._flowing.set()
        await asyncio.sleep(0)

    def stall(self) -> None:
        """Accept everything and pass on nothing, until `resume`."""
        self._flowing.clear()

    async def resume(self) -> None:
        """Pass on everything from now on."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def reset(self) -> None:
        """Reset every open connection."""
        for link in self._links.values():
            link.abort()

    def trap(
        self,
        on: str,
        action: Action,
        statement: str = "mirror/",
        *,
        text: str = "",
        times: int = 1,
        every: int = 1,
        code: str = "",
    ) -> Trap:
        """Set a trap; the newest that matches a message catches it."""
        made = Trap(on, statement, text, action, times, every, code)
        self.traps.insert(0, made)
        return made

    async def replay(self, trap: Trap) -> list[str]:
        """Send a caught transaction to the engine now; return the names of its answers."""
        reader, writer = await asyncio.open_connection(*self.target)
        try:
            writer.write(PROPOSALS)
            await reader.readexactly(4)
            names: list[str] = []
            for message in trap.recorded:
                writer.write(message.raw)
                while True:
                    answer = await read_message(reader, ANSWERS)
                    if answer.name in ("SUCCESS", "FAILURE", "IGNORED"):
                        names.append(answer.name)
                        break
            return names
        finally:
            writer.close()

    async def flowing(self) -> None:
        await self._flowing.wait()
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)

    def caught_by(self, message: Message, transaction: bytes) -> Trap | None:
        return next((trap for trap in self.traps if trap.matches(message, transaction)), None)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        task = asyncio.create_task(link.run())
        self._links[task] = link
        task.add_done_callback(lambda ended: self._links.pop(ended, None))


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = (reader, writer)
        self.engine: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.login: list[Message] = []
        self.transaction: list[Message] = []
        # What the engine still owes an answer to, in order; the trap is one that waits for it.
        self.owed: deque[Trap | None] = deque()
        self.failed = False
        self.mute = False

    def abort(self) -> None:
        for end in (self.client, self.engine):
            if end is not None:
                with contextlib.suppress(Exception):
                    # Zero seconds of lingering makes the close a reset.
                    end[1].get_extra_info("socket").setsockopt(*_LINGER)
                end[1].transport.abort()

    async def run(self) -> None:
        pumps: list[asyncio.Task[None]] = []
        try:
            await self.client[0].readexactly(20)
            await self.proxy.flowing()
            self.engine = await asyncio.open_connection(*self.proxy.target)
            self.engine[1].write(PROPOSALS)
            self.client[1].write(await self.engine[0].readexactly(4))
            pumps = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, EOFError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            for ended in await asyncio.gather(*pumps, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, OSError | EOFError):
                    self.proxy.problems.append(repr(ended))
            self.abort()

    async def _requests(self) -> None:
        assert self.engine is not None
        while True:
            message = await read_message(self.client[0], REQUESTS)
            await self.proxy.flowing()
            if message.name in ("HELLO", "LOGON"):
                self.login.append(message)
            elif message.name == "BEGIN":
                self.transaction = [message]
            elif message.name in ("RUN", "PULL", "DISCARD", "COMMIT"):
                self.transaction.append(message)
            elif message.name == "RESET":
                self.failed = False
            if self.failed:
                self.client[1].write(IGNORED)
                continue
            begin = self.transaction[0].raw if self.transaction else b""
            trap = self.proxy.caught_by(message, begin)
            if trap is not None and not await self._spring(trap):
                continue
            if message.name:
                self.owed.append(trap)
            self.engine[1].write(message.raw)
            await self.engine[1].drain()
            if trap is not None:
                # What follows waits, so that a client that is gone does not cut its own last word short.
                await trap.answered.wait()

    async def _spring(self, trap: Trap) -> bool:
        """Do what a trap does before its message is forwarded; tell whether to forward it."""
        trap.hits += 1
        trap.recorded = [*self.login, *self.transaction]
        trap.caught.set()
        if trap.action is Action.CUT_BEFORE:
            raise EOFError
        if trap.action is Action.FAIL:
            self.failed = True
            self.client[1].write(failure(trap.code))
            return False
        if trap.action is Action.HOLD:
            await trap.released()
        return True

    async def _answers(self) -> None:
        assert self.engine is not None
        while True:
            message = await read_message(self.engine[0], ANSWERS)
            await self.proxy.flowing()
            trap = None
            if message.name in ("SUCCESS", "FAILURE", "IGNORED"):
                trap = self.owed.popleft()
            if trap is not None:
                trap.answer = message.name
                trap.answered.set()
                if trap.action is Action.CUT_AFTER:
                    raise EOFError
                self.mute = trap.action is Action.SWALLOW
            if not self.mute:
                with contextlib.suppress(OSError):
                    self.client[1].write(message.raw)


_LINGER = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def read_message(reader: asyncio.StreamReader, names: dict[int, str]) -> Message:
    """Read one message, chunk by chunk; its name is that of the second byte of its structure."""
    raw, body = b"", b""
    while True:
        head = await reader.readexactly(2)
        raw += head
        size = int.from_bytes(head, "big")
        if size == 0:
            return Message(raw, names[body[1]] if body else "")
        chunk = await reader.readexactly(size)
        raw += chunk
        body += chunk


def failure(code: str) -> bytes:
    """Return a FAILURE with a code, as a message."""

    def text(value: str) -> bytes:
        return b"\xd0" + bytes([len(value)]) + value.encode()

    body = b"\xb1\x7f\xa2" + text("code") + text(code) + text("message") + text("planted by the proxy")
    return len(body).to_bytes(2, "big") + body + b"\x00\x00"
