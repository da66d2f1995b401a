"""Sends one request after another on each of some connections, and times them: a process of its own.

Reads its orders as one JSON object from standard input (`Orders`), prints one JSON object (`Measured`).
Raw asyncio protocol over prepared bytes: about 30 us of CPU for a request, so that the server is what waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import cast

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
STALL_SECONDS = 120.0


@dataclass(slots=True)
class Orders:
    """What to send where. `processes` are named lists of process ids whose CPU time is read."""

    port: int
    path: str
    bodies: list[str]
    headers: dict[str, str] = field(default_factory=dict)
    connections: int = 1
    warm_up_seconds: float = 1.0
    warm_up_requests: int = 8
    seconds: float = 3.0
    least_requests: int = 8
    most_requests: int = 1_000_000
    processes: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """What one run saw. Times in seconds; CPU in microseconds for each request."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    per_second: float
    cpu_us: dict[str, float]
    answer_bytes: int
    load_cpu_us: float


def cpu_seconds(pids: list[int]) -> float:
    """Return user and system time that processes have used, ended threads included."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total * TICK_SECONDS


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers carry a Content-Length."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.waiting: asyncio.Future[bytes] | None = None
        self.needed = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that waits."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Finish the request when the whole answer is there."""
        self.buffer += data
        if self.needed == 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            _, found, rest = head.partition(b"content-length:")
            if not found:
                self._finish(ValueError(f"an answer without Content-Length: {head[:200]!r}"))
                return
            self.needed = end + 4 + int(rest.partition(b"\r\n")[0])
        if len(self.buffer) >= self.needed:
            self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        waiting, self.waiting = self.waiting, None
        answer = bytes(self.buffer[: self.needed])
        del self.buffer[: self.needed]
        self.needed = 0
        if waiting is not None and not waiting.done():
            if error is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """Send a request; return the whole answer, head and body."""
        self.waiting = asyncio.get_running_loop().create_future()
        assert self.transport is not None
        self.transport.write(request)
        return await self.waiting


def requests_of(orders: Orders) -> list[bytes]:
    """Return the bytes of each request."""
    given = {"host": f"127.0.0.1:{orders.port}", "content-type": "application/json", **orders.headers}
    made = []
    for body in orders.bodies:
        data = body.encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        made.append(
            f"POST {orders.path} HTTP/1.1\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data
        )
    return made


def check(answer: bytes) -> None:
    """Raise unless the answer is a 200 that holds no errors."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head[:16] or b'"errors"' in body[:200] or b'"errors"' in body[-2000:]:
        raise ValueError(f"a request failed: {head[:40]!r} {body[:500]!r}")


async def run(orders: Orders) -> Measured:
    """Warm up, then send for the given time and count."""
    loop = asyncio.get_running_loop()
    requests = cycle(requests_of(orders))
    connections = [
        (await loop.create_connection(Connection, "127.0.0.1", orders.port))[1]
        for _ in range(orders.connections)
    ]
    times: list[float] = []
    size = 0

    async def work(connection: Connection, end: float, count: int) -> None:
        nonlocal size
        for number in range(count):
            # A slow server is given the least number of requests even when the time is over.
            started = time.perf_counter()
            if started >= end and number >= least:
                return
            answer = await connection.ask(next(requests))
            times.append(time.perf_counter() - started)
            check(answer)
            size = len(answer)

    async def round_of(seconds: float, count: int) -> float:
        started = time.perf_counter()
        share = -(-count // orders.connections)
        works = asyncio.gather(*(work(each, started + seconds, share) for each in connections))
        await asyncio.wait_for(works, seconds + STALL_SECONDS)
        return time.perf_counter() - started

    least = -(-orders.warm_up_requests // orders.connections)
    await round_of(orders.warm_up_seconds, orders.most_requests)
    times.clear()
    least = -(-orders.least_requests // orders.connections)
    before = {name: cpu_seconds(pids) for name, pids in orders.processes.items()}
    own = time.process_time()
    elapsed = await round_of(orders.seconds, orders.most_requests)
    own = time.process_time() - own
    after = {name: cpu_seconds(pids) for name, pids in orders.processes.items()}
    for connection in connections:
        assert connection.transport is not None
        connection.transport.close()
    times.sort()
    count = len(times)
    return Measured(
        requests=count,
        seconds=elapsed,
        p50_ms=times[count // 2] * 1e3,
        p99_ms=times[min(count - 1, count * 99 // 100)] * 1e3,
        per_second=count / elapsed,
        cpu_us={name: (after[name] - before[name]) / count * 1e6 for name in before},
        answer_bytes=size,
        load_cpu_us=own / count * 1e6,
    )


def main() -> None:
    """Read the orders, run, print what was measured."""
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    measured = runner(run(Orders(**json.load(sys.stdin))))
    json.dump(asdict(measured), sys.stdout)


if __name__ == "__main__":
    main()
