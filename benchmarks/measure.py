"""Side by side: first that all servers give the same answer, then what it costs each, in interleaved rounds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import graphql

from benchmarks.dataset import Size
from benchmarks.load import Measured, Orders
from benchmarks.questions import difference, normal, question
from benchmarks.servers import ROOT, BenchError, Server, ask
from benchmarks.shapes import SHAPES, Shape

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one server did with one shape on a number of connections, in each round."""

    shape: str
    server: str
    connections: int
    rounds: list[Measured]

    def cpu(self, process: str = "api") -> float:
        """Return CPU microseconds for each request, all rounds together."""
        total = sum(each.requests for each in self.rounds)
        return sum(each.cpu_us[process] * each.requests for each in self.rounds) / total

    def middle(self, name: str) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(getattr(each, name) for each in self.rounds)


@dataclass(frozen=True, slots=True)
class Rules:
    """How long to measure."""

    rounds: int = 3
    seconds: float = 3.0
    warm_up_seconds: float = 8.0
    connections: tuple[int, ...] = (1, 8)


def askable(say: Say) -> list[Shape]:
    """Return the shapes that the schema at hand can answer; say which are left out."""
    schema = graphql.build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    kept = []
    for shape in SHAPES:
        problems = graphql.validate(schema, graphql.parse(shape.document))
        if problems:
            say(f"{shape.name} is left out: {problems[0].message}")
        else:
            kept.append(shape)
    return kept


def answer(server: Server, shape: Shape, size: Size) -> tuple[Any, int]:
    """Return a server's answer in the common form, and the length of its data as JSON."""
    asked = question(server, shape, size)
    token = server.token(shape.viewer) if server.name == "api" else None
    data = ask(server.port, asked.path, json.loads(asked.bodies[0]), token)["data"]
    return normal(server, shape, data), len(json.dumps(data, separators=(",", ":")))


def same_answers(servers: Sequence[Server], shapes: Sequence[Shape], size: Size, say: Say) -> dict[str, int]:
    """Raise BenchError unless all servers agree; return the bytes of the first one's data by shape."""
    sizes = {}
    for shape in shapes:
        first, length = answer(servers[0], shape, size)
        sizes[shape.name] = length
        for other in servers[1:]:
            found = difference(first, answer(other, shape, size)[0])
            if found is not None:
                raise BenchError(f"{shape.name}: {servers[0].name} and {other.name} differ at {found}")
        say(f"{shape.name}: {', '.join(each.name for each in servers)} agree, {length:,} bytes of data")
    return sizes


def load(server: Server, shape: Shape, size: Size, neo4j_pid: int, **orders: Any) -> Measured:
    """Run the load generator once, in a process of its own."""
    asked = question(server, shape, size)
    full = Orders(
        port=server.port,
        path=asked.path,
        bodies=asked.bodies,
        headers=asked.headers,
        processes={"api": server.pids(), "neo4j": [neo4j_pid]},
        **orders,
    )
    return send(full)


def send(orders: Orders) -> Measured:
    """Run the load generator on orders. Raises BenchError with its words when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(orders)),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode:
        raise BenchError(f"the load generator failed: {done.stderr[-1500:]}")
    return Measured(**json.loads(done.stdout))


def warm_up(
    server: Server, shape: Shape, size: Size, neo4j_pid: int, connections: int, seconds: float
) -> None:
    """Ask a shape for a while: a JVM compiles what it runs often, and until then it costs several times as much."""
    load(server, shape, size, neo4j_pid, connections=connections, seconds=0.0, warm_up_seconds=seconds)


def side_by_side(
    servers: Sequence[Server],
    shapes: Sequence[Shape],
    size: Size,
    neo4j_pid: int,
    rules: Rules,
    say: Say,
    after_round: Callable[[list[Cell]], None],
) -> None:
    """Measure every server on every shape, each round in another order, so that no one has the quiet hour.

    `after_round` gets what all rounds so far have found, so that a run that is cut short has not been for nothing.
    """
    for shape in shapes:
        for server in servers:
            say(f"warming up: {shape.name}, {server.name}")
            warm_up(server, shape, size, neo4j_pid, max(rules.connections), rules.warm_up_seconds)
    found: dict[tuple[str, str, int], list[Measured]] = {}
    for number in range(rules.rounds):
        for shape in shapes:
            turn = number % len(servers)
            for server in (*servers[turn:], *servers[:turn]):
                for connections in rules.connections:
                    measured = load(
                        server,
                        shape,
                        size,
                        neo4j_pid,
                        connections=connections,
                        seconds=rules.seconds,
                        warm_up_seconds=0.5,
                    )
                    found.setdefault((shape.name, server.name, connections), []).append(measured)
                    say(
                        f"round {number + 1} {shape.name:<12} {server.name:<10} c={connections} "
                        f"api {measured.cpu_us['api']:>8.0f} us  neo4j {measured.cpu_us['neo4j']:>8.0f} us  "
                        f"p50 {measured.p50_ms:>7.1f} ms  p99 {measured.p99_ms:>7.1f} ms  "
                        f"{measured.per_second:>7.0f}/s"
                    )
        after_round([Cell(*place, rounds) for place, rounds in found.items()])
