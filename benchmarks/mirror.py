"""What the mirror costs, as ratios: `make bench-mirror`, or `python -m benchmarks.mirror --help`.

Bulk projection beside the bare UNWIND and MERGE of the same rows, twice: the guarded statements alone, the reading of
neither counted, and a whole drain with its claims, reads and acknowledgements; one mutation's inline attempt in
statements; memory while everything drains, is verified and is rebuilt; rates.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks import dataset
from benchmarks.dataset import Size
from benchmarks.servers import resident_kb
from graph.client import GraphClient, GraphConfig, Statement
from graph.embedded.engine import EmbeddedEngine
from graph.errors import GraphUnavailable
from mirror.carrier import Batch, Outcome
from mirror.keys import page_of_keys
from mirror.projection import KINDS_BY_RANK, PROJECTIONS, plan
from mirror.rebuild import rebuild
from mirror.verify import verify
from mirror.worker import Mirror
from sql import sync_marks, sync_state, sync_status
from sql.models import Chapter, Kind, SyncRecord
from sql.scopes import EVERYTHING
from sql.session import Database
from sql.sync_claims import Claim

TARGET = 1.3
BARE_ROWS = 1_000
RECORDS_OF_A_COURSE = 2_581
WRITE_SECONDS = 300.0
START_ATTEMPTS = 10
Report = Callable[[int, int], None]

_TIMES = "n.created_at = datetime(row.created_at), n.updated_at = datetime(row.updated_at)"
_NODE = (
    "UNWIND $rows AS row MERGE (n:{label} {{id: row.id}}) "
    f"SET n += row.properties, n.version = row.version, {_TIMES}"
)
_BELOW = (
    "UNWIND $rows AS row MATCH (p:{parent} {{id: row.{field}}}) MERGE (n:{label} {{id: row.id}}) "
    f"SET n += row.properties, n.version = row.version, {_TIMES} "
    "MERGE (p)-[r:{type}]->(n) SET r.version = row.version"
)
_EDGE = (
    "UNWIND $rows AS row MATCH (a:{start} {{id: row.start_id}}) MATCH (b:{end} {{id: row.end_id}}) "
    "MERGE (a)-[r:{type}]->(b) SET r += row.properties, r.version = row.version"
)
# What anybody would write without guards or tombstones: the same rows, with all their values.
BARE: dict[str, str] = {
    "upsert_students": _NODE.format(label="STUDENT"),
    "upsert_teachers": _NODE.format(label="TEACHER"),
    "upsert_classes": _BELOW.format(
        label="CLASS", parent="TEACHER", field="teacher_id", type="TEACHES_CLASS"
    ),
    "upsert_chapters": _BELOW.format(
        label="CHAPTER", parent="CLASS", field="course_id", type="COVERS_CHAPTER"
    ),
    "upsert_theories": _BELOW.format(label="THEORY", parent="CHAPTER", field="chapter_id", type="HAS_THEORY"),
    "upsert_skills": (
        f"{_NODE.format(label='SKILL')} WITH n, row UNWIND row.theory_ids AS theory_id "
        "MATCH (p:THEORY {id: theory_id}) MERGE (p)-[r:HAS_SKILL]->(n) SET r.version = row.version"
    ),
    "upsert_concepts": _NODE.format(label="CONCEPT"),
    "upsert_enrollments": (
        _EDGE.format(start="STUDENT", end="CLASS", type="ENROLLED_IN_CLASS")
        + ", r.enrolled_at = datetime(row.enrolled_at)"
    ),
    "upsert_concept_mentions": _EDGE.format(start="THEORY", end="CONCEPT", type="HAS_CONCEPT"),
    "upsert_masteries": (
        _EDGE.format(start="STUDENT", end="SKILL", type="MASTERS_SKILL")
        + ", r.updated_at = datetime(row.updated_at)"
    ),
}


@dataclass
class Memory:
    """Resident memory of this process, in MB, at the start and at its greatest."""

    start: float = 0.0
    greatest: float = 0.0

    def look(self) -> None:
        """Take a sample."""
        now = resident_kb(os.getpid()) / 1024
        self.start = self.start or now
        self.greatest = max(self.greatest, now)


class TimedMirror(Mirror):
    """The product, which notes how long each part of a drain takes; SQL's parts go on while the graph writes."""

    def __init__(self, database: Database, client: GraphClient) -> None:
        super().__init__(database, client)
        self.seconds = dict.fromkeys(("claim", "read", "graph", "acknowledge"), 0.0)

    async def claim(self, limit: int) -> list[Claim]:
        """Claim, timed."""
        with self._timed("claim"):
            return await super().claim(limit)

    async def read(self, claims: Sequence[Claim], deadline_seconds: float) -> Batch:
        """Read, timed."""
        with self._timed("read"):
            return await super().read(claims, deadline_seconds)

    async def write(self, batch: Batch, deadline_seconds: float) -> None:
        """Write to the graph, timed."""
        with self._timed("graph"):
            await super().write(batch, deadline_seconds)

    async def acknowledge(self, batch: Batch) -> Outcome:
        """Acknowledge, timed."""
        with self._timed("acknowledge"):
            return await super().acknowledge(batch)

    @contextlib.contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] += time.monotonic() - started


@dataclass
class Measured:
    """One part of the report."""

    name: str
    values: dict[str, float | int | str] = field(default_factory=dict)


def say(text: str) -> None:
    """Tell what goes on, on standard error; the report goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def progress(label: str, memory: Memory | None = None) -> Report:
    """Return a progress that tells the rate every few seconds, and samples memory."""
    started = last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if memory is not None:
            memory.look()
        now = time.monotonic()
        if now - last >= 5:
            last = now
            say(f"  {label}: {done:,} of {total:,}, {done / (now - started):,.0f} a second")

    return report


def size_of(records: int) -> Size:
    """Return a school with about so many mirrored records; a good half are masteries."""
    courses = max(1, round(records * 0.35 / RECORDS_OF_A_COURSE))
    left = max(1_000, records - courses * RECORDS_OF_A_COURSE)
    students = max(20, left // 100)
    return Size("mirror", courses=courses, students=students, masteries=left - students)


async def ready(client: GraphClient) -> None:
    """Make the constraints; a server that has just started may outlast the deadline of its first statements."""
    for attempts_left in reversed(range(START_ATTEMPTS)):
        try:
            return await client.ensure_schema(deadline_seconds=WRITE_SECONDS)
        except GraphUnavailable:
            if not attempts_left:
                raise
            await asyncio.sleep(1)


async def wipe(client: GraphClient) -> None:
    """Take everything out of the graph."""
    text = "MATCH (n) WITH n LIMIT 2000 DETACH DELETE n RETURN count(*) AS gone"
    while (await client.write([Statement("bench/wipe", text, {}, "write")], deadline_seconds=WRITE_SECONDS))[
        0
    ][0][0]:
        pass


async def pages(database: Database) -> AsyncIterator[tuple[Kind, list[str]]]:
    """Yield the keys of everything that SQL holds, nodes before the relationships between them."""
    for kind in KINDS_BY_RANK:
        after: tuple[Any, ...] | None = None
        while True:
            async with database.read() as session:
                keys, after = await page_of_keys(session, kind, after, BARE_ROWS)
            if not keys:
                break
            yield kind, keys


async def bare(database: Database, client: GraphClient) -> tuple[int, float]:
    """Write the rows of every kind with bare statements; return (rows, seconds), reading not counted."""
    rows, seconds = 0, 0.0
    async for kind, keys in pages(database):
        async with database.read() as session:
            writes = await PROJECTIONS[kind].read(session, keys)
        by_name: dict[str, list[dict[str, Any]]] = {}
        for write in writes.values():
            by_name.setdefault(write.statement, []).append(write.row | {"version": 1})
        for name, batch in by_name.items():
            if name in BARE:
                started = time.monotonic()
                statement = Statement(f"bench/{name}", BARE[name], {"rows": batch}, "write")
                await client.write([statement], deadline_seconds=WRITE_SECONDS)
                seconds += time.monotonic() - started
                rows += len(batch)
    return rows, seconds


async def guarded(database: Database, client: GraphClient) -> tuple[int, float]:
    """Write the same rows with the product's statements, as `bare` does; return (rows, seconds)."""
    rows, seconds = 0, 0.0
    async for kind, keys in pages(database):
        async with database.read() as session:
            planned = await plan(session, {kind: keys})
        started = time.monotonic()
        await client.write(planned.statements, deadline_seconds=WRITE_SECONDS)
        seconds += time.monotonic() - started
        rows += len(planned.versions)
    return rows, seconds


async def bulk(database: Database, client: GraphClient, warm_up: int, rounds: int) -> Measured:
    """Measure the product's statements and drain beside the bare ones, in turns, on an empty graph each time.

    The first `warm_up` rounds are told and not counted: a JVM that has just started plans and compiles both sides'
    statements in them, and the longer statement has more of that.
    """
    rounds_of: list[tuple[float, float, TimedMirror]] = []  # (ratio, seconds, who drained)
    cold_ratios: list[float] = []
    product_rates, bare_rates, graph_ratios, statement_ratios = [], [], [], []
    memory = Memory()
    records = 0
    for number in range(-warm_up, rounds):
        await wipe(client)
        rows, plain_seconds = await bare(database, client)
        say(f"  bare: {rows:,} rows in {plain_seconds:.1f} s")
        await wipe(client)
        guarded_rows, guarded_seconds = await guarded(database, client)
        say(f"  guarded: {guarded_rows:,} rows in {guarded_seconds:.1f} s")
        await wipe(client)
        async with database.write() as session:
            records = await sync_marks.put_in_line(session, EVERYTHING)
        mirror = TimedMirror(database, client)
        started = time.monotonic()
        outcome = await mirror.drain(progress("drain", memory))
        seconds = time.monotonic() - started
        if outcome.applied < records:
            raise SystemExit(f"only {outcome.applied} of {records} records were applied")
        say(f"  product: {records:,} records in {seconds:.1f} s")
        bare_seconds = plain_seconds / rows * records
        if number < 0:
            cold_ratios.append(round(seconds / bare_seconds, 2))
            say(f"  warming up: ratio {cold_ratios[-1]}")
            continue
        rounds_of.append((seconds / bare_seconds, seconds, mirror))
        statement_ratios.append(guarded_seconds / guarded_rows / (plain_seconds / rows))
        graph_ratios.append(mirror.seconds["graph"] / bare_seconds)
        product_rates.append(records / seconds)
        bare_rates.append(rows / plain_seconds)
        say(f"  round {number + 1} of {rounds}: ratio {seconds / bare_seconds:.2f}")
    middle, seconds, mirror = sorted(rounds_of, key=lambda one: one[0])[len(rounds_of) // 2]
    return Measured(
        "bulk projection / bare UNWIND MERGE",
        {
            "ratio": round(middle, 2),
            "target": TARGET,
            "ratiosOfWarmUp": " ".join(map(str, cold_ratios)),
            "ratios": " ".join(str(round(one[0], 2)) for one in rounds_of),
            "ratioOfStatements": round(statistics.median(statement_ratios), 2),
            "ratioOfGraphAlone": round(statistics.median(graph_ratios), 2),
            "records": records,
            "seconds": round(seconds, 1),
            **{f"{part}Seconds": round(spent, 1) for part, spent in mirror.seconds.items()},
            "recordsPerSecond": round(max(product_rates)),
            "barePerSecond": round(max(bare_rates)),
            "memoryStartMb": round(memory.start),
            "memoryGreatestMb": round(memory.greatest),
        },
    )


async def inline(database: Database, client: GraphClient) -> Measured:
    """Count the statements and transactions of the inline attempt after one small mutation."""
    mirror = Mirror(database, client)
    statements, seconds, repeats = [], [], 30
    async with database.read() as session:
        chapter = (await session.scalars(select(Chapter).order_by(Chapter.id).limit(1))).one()
    for number in range(repeats):
        async with database.write() as session:
            write = await sync_state.open_write(session)
            row = await session.get_one(Chapter, chapter.id)
            row.name = f"Renamed {number}"
            await sync_state.record(session, Kind.CHAPTER, chapter.id)
            write_id = write.id
        before = client.statement_count
        started = time.monotonic()
        await mirror.try_inline(write_id, deadline_seconds=30)
        seconds.append(time.monotonic() - started)
        if number:  # the first one also looks at the constraints
            statements.append(client.statement_count - before)
    async with database.read() as session:
        state = await sync_status.write_state(session, write_id)
    if state.state != "SYNCED":
        raise SystemExit(f"the inline attempt left {state}")
    return Measured(
        "inline attempt of one mutation",
        {
            "graphStatements": max(statements),
            "target": 1,
            "medianMilliseconds": round(sorted(seconds)[len(seconds) // 2] * 1_000, 1),
        },
    )


async def checked(database: Database, client: GraphClient) -> Measured:
    """Measure verify: rate and memory."""
    memory = Memory()
    tell = progress("verify", memory)
    async with database.read() as session:
        total = await session.scalar(select(func.count()).select_from(SyncRecord)) or 0
    started = time.monotonic()
    report = await verify(database, client, keep=10, progress=lambda done: tell(done, total))
    seconds = time.monotonic() - started
    if not report.clean:
        raise SystemExit(f"{report.finding_count} findings: {report.findings[:3]}")
    return _rate("verify", report.checked_count, seconds, memory)


async def written_again(database: Database, client: GraphClient) -> Measured:
    """Measure rebuild on a graph that holds everything: rate and memory."""
    memory = Memory()
    memory.look()
    started = time.monotonic()
    done = await rebuild(database, client, progress=progress("rebuild", memory))
    seconds = time.monotonic() - started
    if done.pending or done.failed or done.strays:
        raise SystemExit(f"rebuild left {done}")
    return _rate("rebuild", done.applied, seconds, memory)


def _rate(name: str, count: int, seconds: float, memory: Memory) -> Measured:
    return Measured(
        name,
        {
            "records": count,
            "seconds": round(seconds, 1),
            "perSecond": round(count / seconds),
            "memoryStartMb": round(memory.start),
            "memoryGreatestMb": round(memory.greatest),
        },
    )


async def run(options: argparse.Namespace, url: str, client: GraphClient) -> list[Measured]:
    """Fill SQL and measure."""
    size = size_of(options.records)
    started = time.monotonic()
    rows = await dataset.write_sql(url, size)
    say(f"SQL: {rows:,} rows in {time.monotonic() - started:.0f} s")
    database = Database(url)
    try:
        await ready(client)
        found = [await bulk(database, client, options.warm_up, options.rounds)]
        found.append(await inline(database, client))
        found.append(await checked(database, client))
        found.append(await written_again(database, client))
        await wipe(client)
    finally:
        await database.dispose()
    return found


def table(found: list[Measured]) -> str:
    """Return the report as text."""
    lines = []
    for part in found:
        lines.append(part.name)
        lines += [
            f"  {name:<18} {value:,}" if isinstance(value, int) else f"  {name:<18} {value}"
            for name, value in part.values.items()
        ]
    return "\n".join(lines)


async def main() -> None:
    """Measure on the embedded engine, or on the server of --uri, whose graph is wiped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mirror", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="mirrored records, about (100000)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of the bulk comparison (1)")
    parser.add_argument("--warm-up", type=int, default=1, help="rounds before them that do not count (1)")
    parser.add_argument(
        "--uri", help="a Neo4j server; its graph is wiped (the embedded engine when left out)"
    )
    parser.add_argument("--username", default="neo4j")
    parser.add_argument("--password", default=os.environ.get("NEO4J_PASSWORD", ""))
    parser.add_argument("--database-url", help="an empty database (a SQLite file when left out)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-tutor-bench-") as folder:
        url = options.database_url or f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
        engine = None
        if options.uri:
            config = GraphConfig(uri=options.uri, username=options.username, password=options.password)
        else:
            engine = await EmbeddedEngine.start(Path(folder) / "graph")
            config = engine.config
        client = GraphClient.open(config)
        try:
            found = await run(options, url, client)
        finally:
            await client.close()
            if engine is not None:
                await engine.stop()
    if options.json:
        print(json.dumps({part.name: part.values for part in found}, indent=2))
    else:
        print(f"{'Neo4j' if options.uri else 'embedded engine'}, about {options.records:,} records")
        print(table(found))


if __name__ == "__main__":
    asyncio.run(main())
