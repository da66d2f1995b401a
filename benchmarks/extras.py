"""What one request does not show: writes, long answers, memory after many requests, the first request."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from benchmarks.dataset import FIRST_STUDENT_ID, TEACHER_ID, Size, global_id, key, theories
from benchmarks.load import Measured, Orders
from benchmarks.measure import Say, answer, load, send
from benchmarks.questions import difference, question, text_of
from benchmarks.servers import BenchError, Neo4j, Server, ask, start_api
from benchmarks.shapes import OUTLINE, SHAPES, THEORY, Shape

Rows = list[dict[str, Any]]
BY_NAME = {shape.name: shape for shape in SHAPES}
UPDATE = (
    "mutation Update($input: UpdateSkillInput!) { updateSkill(input: $input) { __typename "
    "... on Success { sync { state } } } }"
)
PENDING = "SELECT count(*) FROM sync_records WHERE version > applied_version"
MIRROR_SECONDS = 120.0


def _figures(measured: Measured) -> dict[str, Any]:
    return {
        "requests": measured.requests,
        "api_us": measured.cpu_us["api"],
        "neo4j_us": measured.cpu_us.get("neo4j"),
        "p50_ms": measured.p50_ms,
        "p99_ms": measured.p99_ms,
        "per_second": measured.per_second,
    }


def mutations(server: Server, size: Size, graph: Neo4j, data: Path, seconds: float, say: Say) -> Rows:
    """Change skills one after another with the mirror on: what is committed, and what the graph has by then."""
    bodies = []
    for text in ("Said one way.", "Said another way."):
        for place in list(theories(size))[:150]:
            for number in range(size.skills):
                given = {"id": global_id("skill", key("skill", *place, number)), "description": text}
                bodies.append({"query": UPDATE, "variables": {"input": given}})
    token = server.token(TEACHER_ID)
    first = ask(server.port, "/graphql", bodies[-1], token)["data"]["updateSkill"]
    if first["__typename"] != "UpdateSkillSuccess":
        raise BenchError(f"updateSkill: {first}")
    rows: Rows = []
    for connections in (1, 8):
        orders = Orders(
            port=server.port,
            path="/graphql",
            bodies=[text_of(each) for each in bodies],
            headers={"authorization": f"Bearer {server.token(TEACHER_ID)}"},
            connections=connections,
            seconds=seconds,
            processes={"api": server.pids(), "neo4j": [graph.pid]},
        )
        measured = send(orders)
        started = time.monotonic()
        _until_mirrored(data)
        rows.append(
            {"connections": connections, **_figures(measured), "caught_up_s": time.monotonic() - started}
        )
        say(f"mutations c={connections}: {measured.per_second:.0f}/s, p50 {measured.p50_ms:.1f} ms")
    return rows


def _until_mirrored(data: Path) -> None:
    """Return when no change waits for the graph any more."""
    end = time.monotonic() + MIRROR_SECONDS
    file = f"file:{(data / 'lab-tutor.db').as_posix()}?mode=ro"
    with contextlib.closing(sqlite3.connect(file, uri=True)) as connection:
        while time.monotonic() < end:
            if connection.execute(PENDING).fetchone() == (0,):
                return
            time.sleep(0.1)
    raise BenchError(f"the mirror was still behind after {MIRROR_SECONDS:.0f} s")


def answer_sizes(servers: list[Server], size: Size, graph: Neo4j, seconds: float, say: Say) -> Rows:
    """Ask for longer and longer outlines: from a theory of some 18 objects to a course of 180 chapters."""
    theory = f"query Theory($id: ID!) {{ theory(id: $id) {{ {THEORY} }} }}"
    ladder = [
        _one("theory", theory, global_id("th", key("theory", 1, 0, 0))),
        _one("mid", BY_NAME["mid"].document, global_id("ch", key("chapter", 1, 0))),
    ]
    for course in sorted(size.all_courses, key=size.chapters_of):
        if course == 1 or course > size.courses:
            ladder.append(_one("outline", OUTLINE, global_id("course", course)))
    rows: Rows = []
    for shape in ladder:
        asked = [each for each in servers if shape.name != "theory" or each.name in ("api", "strawberry")]
        first = answer(asked[0], shape, size)[0]
        count = _objects(first)
        for server in asked:
            found = difference(first, answer(server, shape, size)[0])
            if found is not None:
                raise BenchError(f"{count} objects: {server.name} differs at {found}")
            measured = load(server, shape, size, graph.pid, connections=1, seconds=seconds)
            rows.append({"objects": count, "server": server.name, **_figures(measured)})
            say(f"{count:>6} objects {server.name:<10} api {measured.cpu_us['api']:>9.0f} us")
    return rows


def _objects(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(_objects(each) for each in value.values())
    return sum(_objects(each) for each in value) if isinstance(value, list) else 0


def _one(name: str, document: str, given: str) -> Shape:
    return Shape(name, name, document, FIRST_STUDENT_ID, lambda _: [{"id": given}])


def memory(server: Server, size: Size, graph: Neo4j, requests: int, say: Say) -> Rows:
    """Read the resident memory at rest, and after a tenth, a half and all of many mixed requests."""
    rows: Rows = [{"requests": 0, "rss_mb": server.rss_mb()}]
    done = 0
    for until in (requests // 10, requests // 2, requests):
        # Nine short ones for each long one.
        for name, share in (("small", 0.6), ("mid", 0.3), ("outline", 0.1)):
            count = max(8, round((until - done) * share))
            load(
                server,
                BY_NAME[name],
                size,
                graph.pid,
                connections=8,
                seconds=0.0,
                warm_up_seconds=0.0,
                least_requests=count,
                most_requests=count,
            )
        done = until
        rows.append({"requests": until, "rss_mb": server.rss_mb()})
        say(f"memory after {until} requests: {rows[-1]['rss_mb']:.0f} MB")
    return rows


def first_request(graph: Neo4j, size: Size, work: Path, data: Path, say: Say) -> dict[str, float]:
    """Start the API and ask at once: until it listens, the first answer, the second, the hundredth."""
    started = time.monotonic()
    server = start_api(graph, work, data)
    try:
        found = {"listening_s": time.monotonic() - started}
        shape = BY_NAME["small"]
        asked = question(server, shape, size)
        token = server.token(shape.viewer)
        for number in range(100):
            begun = time.monotonic()
            ask(server.port, asked.path, json.loads(asked.bodies[number % len(asked.bodies)]), token)
            if number in (0, 1, 99):
                found[f"request_{number + 1}_ms"] = (time.monotonic() - begun) * 1e3
        found["rest_rss_mb"] = server.rss_mb()
    finally:
        server.stop()
    say("first request: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items()))
    return found
