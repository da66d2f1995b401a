"""Random changes, crashes, late deliveries and clock steps against a plain model of what the mirror promises.

A worker's turn is cut into its parts: claim and read (a flight starts), write to the graph, acknowledge. Each
part may never happen, and a write may happen once more at any later time. Checked after every step:

- R3: what the graph holds of a record never gets an older version, and a version never changes its meaning;
- R4: so a late write never brings back what a newer delete has buried;
- R5: no record is in two flights whose leases run at the same time;
- R6: what is acknowledged is in the graph, and what is newer than that stays due.

At the end everything drains, and both stores are equal.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import sql.chapters
import sql.theories
from graph.client import GraphConfig, Statement
from mirror import projection
from mirror.projection import PROJECTION_VERSION, Plan
from mirror.worker import Mirror
from sql import models, sync_claims
from sql.models import Enrollment, Kind, Theory
from sql.session import Database
from sql.sync_claims import Claim
from tests.faults import truth
from tests.graph_fixtures import PatientClient, wipe_graph
from tests.mirror import world
from tests.mirror.world import CHAPTER_1, CHAPTER_2, COURSE, FAST, STUDENT, TEACHER

T = TypeVar("T")
LEASE_SECONDS = 60.0
WRITE_SECONDS = 120.0
ENROLLMENT = f"{COURSE}:{STUDENT}"
HELD = {
    "CHAPTER": "MATCH (n:CHAPTER) RETURN n.id, n.version",
    "THEORY": "MATCH (n:THEORY) RETURN n.id, n.version",
    "ENROLLMENT": "MATCH (s:STUDENT)-[r:ENROLLED_IN_CLASS]->(c:CLASS) "
    "RETURN toString(c.id) + ':' + toString(s.id), r.version",
}
BURIED = "MATCH (n:MIRROR_TOMBSTONE) RETURN n.key, n.version"


class Stage:
    """What all runs of the machine share: one loop, one client, a template of the database."""

    def __init__(self, config: GraphConfig, template: Path, folder: Path) -> None:
        self.config = config
        self.template = template
        self.folder = folder
        self.runner = asyncio.Runner()
        self.client = PatientClient.open(config)
        self.clock = timedelta()
        self.runs = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def fresh(self) -> Database:
        """Return a filled database beside an empty graph."""
        self.runs += 1
        path = self.folder / f"run{self.runs}.db"
        shutil.copy(self.template, path)
        database = Database(f"sqlite+aiosqlite:///{path}")
        async with database.write() as session:
            await world.build(session)
        await self.client.ensure_schema()
        await wipe_graph(self.client)
        return database


class Flight:
    """Claimed records on their way: what was read, and what the graph answered."""

    def __init__(self, worker: str, claims: list[Claim], plan: Plan, lease_until: Any) -> None:
        self.worker = worker
        self.claims = claims
        self.plan = plan
        self.lease_until = lease_until
        self.answer: Any = None


class MirrorMachine(RuleBasedStateMachine):
    """`stage` is set by the test."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.stage.clock = timedelta()
        self.database = self.stage.run(self.stage.fresh())
        self.mirror = Mirror(self.database, self.stage.client, FAST)
        self.flights: list[Flight] = []
        self.lost: list[Plan] = []  # writes that a slow network may still deliver
        self.held: dict[tuple[str, str], tuple[int, bool]] = {}
        self.count = 0

    # -- changes

    @rule(chapter=st.sampled_from([CHAPTER_1, CHAPTER_2]))
    def rename_chapter(self, chapter: str) -> None:
        self.change(
            lambda session: sql.chapters.update_chapter(
                session, actor_id=TEACHER, chapter_id=chapter, name=self.name()
            )
        )

    @rule(chapter=st.sampled_from([CHAPTER_1, CHAPTER_2]))
    def create_theory(self, chapter: str) -> None:
        self.change(
            lambda session: sql.theories.create_theory(
                session, actor_id=TEACHER, chapter_id=chapter, name=self.name(), order=0
            )
        )

    @rule(pick=st.integers(0, 20), chapter=st.sampled_from([CHAPTER_1, CHAPTER_2]))
    def move_theory(self, pick: int, chapter: str) -> None:
        theory = self.theory(pick)
        if theory is not None:
            self.change(
                lambda session: sql.theories.move_theory(
                    session, actor_id=TEACHER, theory_id=theory, order=0, chapter_id=chapter
                )
            )

    @rule(pick=st.integers(0, 20))
    def delete_theory(self, pick: int) -> None:
        theory = self.theory(pick)
        if theory is not None:
            self.change(
                lambda session: sql.theories.delete_theory(session, actor_id=TEACHER, theory_id=theory)
            )

    @rule()
    def enroll_or_remove(self) -> None:
        async def toggle(session: Any) -> None:
            row = await session.scalar(select(Enrollment))
            if row is None:
                row = Enrollment(course_id=COURSE, student_id=STUDENT)
                await world.put(session, Kind.ENROLLMENT, ENROLLMENT, row)
            else:
                await world.remove(session, Kind.ENROLLMENT, ENROLLMENT, row)

        self.change(toggle)

    # -- workers

    @rule(limit=st.sampled_from([1, 3, 100]), worker=st.sampled_from(["one", "two"]))
    def start(self, limit: int, worker: str) -> None:
        """Claim and read, as the worker does it."""

        async def begin() -> Flight:
            # Before the claim, however long that takes: the lease lasts at least as long as is taken down.
            lease_until = models.now() + timedelta(seconds=LEASE_SECONDS)
            async with self.database.write() as session:
                claims = await sync_claims.claim(
                    session,
                    worker,
                    limit=limit,
                    lease_seconds=LEASE_SECONDS,
                    projection_version=PROJECTION_VERSION,
                )
            keys: dict[Kind, list[str]] = {}
            for item in claims:
                keys.setdefault(item.kind, []).append(item.key)
            async with self.database.read() as session:
                plan = await projection.plan(session, keys)
            return Flight(worker, claims, plan, lease_until)

        flight = self.stage.run(begin())
        if flight.claims:
            now = models.now()
            claimed = {item.id for item in flight.claims}
            for other in self.flights:
                # A lease that reaches further than any may was made before the clock was set back.
                runs = now < other.lease_until <= now + timedelta(seconds=sync_claims.LEASE_CAP_SECONDS)
                assert not runs or not claimed & {item.id for item in other.claims}
            self.flights.append(flight)

    @precondition(lambda self: self.flights)
    @rule(pick=st.integers(0, 5))
    def write(self, pick: int) -> None:
        """The graph commits; whether anybody hears of it is another step."""
        flight = self.flights[pick % len(self.flights)]
        if flight.answer is None:
            flight.answer = self.stage.run(self.mirror._send(flight.plan, WRITE_SECONDS))
            self.lost.append(flight.plan)

    @precondition(lambda self: any(flight.answer for flight in self.flights))
    @rule()
    def acknowledge(self) -> None:
        flight = next(flight for flight in self.flights if flight.answer)
        self.flights.remove(flight)
        self.stage.run(self.mirror._settle(flight.claims, flight.plan, flight.answer))

    @rule(chapter=st.sampled_from([CHAPTER_1, CHAPTER_2]), heard=st.booleans())
    def change_in_flight(self, chapter: str, heard: bool) -> None:
        """A whole turn with a change between reading and writing; its answer is heard or not."""
        self.start(100, "one")
        self.rename_chapter(chapter)
        for flight in self.flights:
            flight.answer = flight.answer or self.stage.run(self.mirror._send(flight.plan, WRITE_SECONDS))
        while heard and self.flights:
            self.acknowledge()

    @rule()
    def overtake(self) -> None:
        """A write is held up until its lease is over and somebody else has written what is newer."""
        self.enroll_or_remove()
        self.start(100, "one")
        held_up = [flight.plan for flight in self.flights]
        self.lost += held_up
        self.flights.clear()
        self.enroll_or_remove()
        self.step_clock(70)
        self.stage.run(self.mirror.step(100))
        for plan in held_up:
            self.stage.run(self.mirror._send(plan, WRITE_SECONDS))

    @precondition(lambda self: self.flights)
    @rule(pick=st.integers(0, 5))
    def crash(self, pick: int) -> None:
        """The worker is killed: its lease stays, its write may still arrive."""
        flight = self.flights.pop(pick % len(self.flights))
        self.lost.append(flight.plan)

    @precondition(lambda self: self.lost)
    @rule(pick=st.integers(0, 50))
    def deliver_late(self, pick: int) -> None:
        self.stage.run(self.mirror._send(self.lost[pick % len(self.lost)], WRITE_SECONDS))

    @rule()
    def step(self) -> None:
        """A third worker does a whole turn."""
        self.stage.run(self.mirror.step(5))

    @rule(seconds=st.sampled_from([1, 70, 3600, -3600]))
    def step_clock(self, seconds: int) -> None:
        self.stage.clock += timedelta(seconds=seconds)

    # -- what has to be true

    @invariant()
    def nothing_goes_backwards(self) -> None:
        found = self.stage.run(self.look())
        for record, before in self.held.items():
            now = found.get(record)
            assert now is not None, f"{record} was forgotten, it was {before}"
            assert now[0] >= before[0], f"{record} went from {before} to {now}"
            assert now[0] > before[0] or now[1] == before[1], f"{record} changed sides at version {now[0]}"
        self.held = found

    @invariant()
    def what_is_acknowledged_is_there(self) -> None:
        for kind, key, version, applied, due in self.stage.run(self.marks()):
            if applied and (kind, key) in self.held:
                assert self.held[kind, key][0] >= applied
            if kind in HELD and applied:
                assert (kind, key) in self.held
            assert version <= applied or due is not None

    def teardown(self) -> None:
        self.stage.clock += timedelta(hours=2)

        async def finish() -> list[str]:
            for plan in self.lost:
                await self.mirror._send(plan, WRITE_SECONDS)
            await self.mirror.drain()
            engine = create_async_engine(self.database.url, poolclass=NullPool)
            try:
                assert await truth.waiting(engine) == []
                return await truth.differences(engine, self.stage.config)
            finally:
                await engine.dispose()
                await self.database.dispose()

        assert self.stage.run(finish()) == []

    # -- helpers

    def name(self) -> str:
        self.count += 1
        return f"name {self.count}"

    def change(self, rule: Any) -> None:
        async def run() -> None:
            async with self.database.write() as session:
                await rule(session)

        self.stage.run(run())

    def theory(self, pick: int) -> str | None:
        async def read() -> list[str]:
            async with self.database.read() as session:
                return list(await session.scalars(select(Theory.id).order_by(Theory.name)))

        found = self.stage.run(read())
        return found[pick % len(found)] if found else None

    async def look(self) -> dict[tuple[str, str], tuple[int, bool]]:
        """Return (version, whether it is there) of each record that the graph knows."""
        found: dict[tuple[str, str], tuple[int, bool]] = {}
        for key, version in await self.stage.client.read(Statement("test/buried", BURIED)):
            kind, _, rest = key.partition(":")
            if kind in HELD:
                found[kind, rest] = (version, False)
        for kind, statement in HELD.items():
            for key, version in await self.stage.client.read(Statement("test/held", statement)):
                assert (kind, key) not in found, f"{kind} {key} is there and buried"
                found[kind, key] = (version, True)
        return found

    async def marks(self) -> list[Any]:
        async with self.database.read() as session:
            rows = await session.execute(
                text("SELECT kind, key, version, applied_version, next_attempt_at FROM sync_records")
            )
            return list(rows)


@pytest.fixture
def stage(
    embedded_graph: GraphConfig,
    migrated_sqlite_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    made = Stage(embedded_graph, migrated_sqlite_file, tmp_path)
    real = models.now
    monkeypatch.setattr(models, "now", lambda: real() + made.clock)
    yield made
    made.run(made.client.close())
    made.runner.close()


@pytest.mark.quick
def test_whatever_happens_in_whatever_order(stage: Stage) -> None:
    machine = type("Machine", (MirrorMachine,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            # No shrinking: on real stores that takes minutes; whoever looks into a failure adds it.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
