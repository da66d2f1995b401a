"""Questions that differ in their key alone share a statement, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from graph import batches
from graph.batches import MOST_KEYS
from graph.client import GraphClient
from graph.errors import GraphRejected, GraphUnavailable
from graph.plan import Row, Scope
from graph.repository import GraphRepository
from graph.selection import Field, Selection
from graph.statements import Statement
from tests.graph import sample_graph

SAMPLE = sample_graph.build_sample()
THEORIES = [theory["id"] for theory in SAMPLE.theories]
NAME = Selection({"Theory": (Field("name", "name", {}, None),)})
TEACHER = Scope(taught_course_ids=(1,))


class Doorkeeper:
    """The real client; lets a statement through when it is told to, and may refuse one."""

    def __init__(self, client: GraphClient) -> None:
        self.client = client
        self.open = asyncio.Event()
        self.sent: list[Statement] = []
        self.refuse: Callable[[Statement], Exception | None] = lambda _: None

    async def read(self, statement: Statement, *, deadline_seconds: float = 10.0) -> list[list[Any]]:
        self.sent.append(statement)
        await self.open.wait()
        refusal = self.refuse(statement)
        if refusal is not None:
            raise refusal
        return await self.client.read(statement, deadline_seconds=deadline_seconds)

    def keys(self) -> list[list[Any]]:
        return [statement.parameters["keys"] for statement in self.sent]


@pytest.fixture
async def door(graph_client: GraphClient) -> Doorkeeper:
    await sample_graph.fill(graph_client, SAMPLE)
    return Doorkeeper(graph_client)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody lose patience while the test looks."""
    monkeypatch.setattr(batches, "PATIENCE_SECONDS", 60.0)


async def sent(door: Doorkeeper, count: int) -> None:
    """Wait until so many statements were sent."""
    async with asyncio.timeout(60):
        while len(door.sent) < count:  # noqa: ASYNC110 - the door announces nothing
            await asyncio.sleep(0.001)


async def settled(*works: Awaitable[Any]) -> list[asyncio.Future[Any]]:
    """Start works and let them come as far as they can without the graph."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work) for work in works]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


def theory(repository: GraphRepository, key: str, scope: Scope = TEACHER) -> Awaitable[dict[Any, Row]]:
    return repository.lookup("Theory", [key], NAME, scope)


@pytest.mark.usefixtures("patient")
async def test_those_who_meet_go_together_and_each_gets_its_own(door: Doorkeeper) -> None:
    repository = GraphRepository(door, deadline_seconds=120)
    asked = [THEORIES[0], THEORIES[1], THEORIES[2], THEORIES[1], "unknown"]
    tasks = await settled(*(theory(repository, key) for key in asked))
    assert door.keys() == [[THEORIES[0]]]  # nobody waits for company
    door.open.set()
    answers = await asyncio.gather(*tasks)
    assert door.keys() == [[THEORIES[0]], [THEORIES[1], THEORIES[2], "unknown"]]
    names = {each["id"]: each["name"] for each in SAMPLE.theories}
    found = [{key: row.values["name"] for key, row in answer.items()} for answer in answers]
    assert found == [{key: names[key]} if key in names else {} for key in asked]


@pytest.mark.usefixtures("patient")
async def test_marks_of_several_people_share_a_statement_and_do_not_mix(door: Doorkeeper) -> None:
    node = Selection({"SkillMastery": (Field("id", "id", {}, None),)})
    asked = Field(
        "page",
        "studentMastery",
        {"first": 50},
        Selection({"SkillMasteryConnection": (Field("nodes", "nodes", {}, node),)}),
    )
    repository = GraphRepository(door, deadline_seconds=120)
    people = [11, 12, 13]

    def marks(who: GraphRepository) -> list[Awaitable[Row]]:
        return [who.student_mastery(1, person, asked, TEACHER) for person in people]

    tasks = await settled(*marks(repository))
    door.open.set()
    together = await asyncio.gather(*tasks)
    assert door.keys() == [[11], [12, 13]]
    apart = [await each for each in marks(repository)]
    assert [page.values for page in together] == [page.values for page in apart]
    owners = [{node.key[0] for node in page.values["nodes"]} for page in together]
    assert owners == [{person} for person in people]


@pytest.mark.usefixtures("patient")
async def test_other_values_or_fields_stand_in_another_line(door: Doorkeeper) -> None:
    repository = GraphRepository(door, deadline_seconds=120)
    more = Selection({"Theory": (*NAME.by_type["Theory"], Field("order", "order", {}, None))})
    mastery = Selection(
        {
            "Skill": (
                Field("id", "id", {}, None),
                Field(
                    "mastery",
                    "mastery",
                    {"studentId": 11},
                    Selection({"SkillMastery": (Field("id", "id", {}, None),)}),
                ),
            )
        }
    )
    skill = SAMPLE.skills[0]["id"]
    tasks = await settled(
        theory(repository, THEORIES[0]),
        repository.lookup("Theory", [THEORIES[1]], more, TEACHER),
        repository.lookup("Theory", THEORIES[2:4], NAME, TEACHER),
        repository.lookup("Skill", [skill], mastery, TEACHER),
        repository.lookup("Skill", [skill], mastery, Scope()),
    )
    assert len(door.sent) == len(tasks)
    door.open.set()
    await asyncio.gather(*tasks)


async def test_nobody_waits_long(door: Doorkeeper) -> None:
    """One statement that does not come back keeps none of its like from being sent."""
    repository = GraphRepository(door, deadline_seconds=120)
    tasks = await settled(*(theory(repository, key) for key in THEORIES[:3]))
    await sent(door, 2)
    assert door.keys() == [[THEORIES[0]], THEORIES[1:3]]
    tasks += await settled(theory(repository, THEORIES[0]))
    await sent(door, 3)  # a statement that was sent is joined by nobody
    door.open.set()
    await asyncio.gather(*tasks)


@pytest.mark.usefixtures("patient")
async def test_a_full_batch_leaves(door: Doorkeeper) -> None:
    repository = GraphRepository(door, deadline_seconds=120)
    keys = [f"unknown {number}" for number in range(MOST_KEYS + 2)]
    tasks = await settled(*(theory(repository, key) for key in keys))
    assert door.keys() == [keys[:1], keys[1 : MOST_KEYS + 1]]
    door.open.set()
    assert await asyncio.gather(*tasks) == [{}] * len(keys)
    assert door.keys()[2:] == [keys[-1:]]


@pytest.mark.usefixtures("patient")
async def test_a_refusal_is_for_the_key_that_it_is_about(door: Doorkeeper) -> None:
    bad = THEORIES[1]

    def refuse(statement: Statement) -> Exception | None:
        return GraphRejected("Neo.ClientError.Statement") if bad in statement.parameters["keys"] else None

    door.refuse = refuse
    repository = GraphRepository(door, deadline_seconds=120)
    tasks = await settled(*(theory(repository, key) for key in THEORIES[:3]))
    door.open.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(second, GraphRejected)
    assert isinstance(first, dict)
    assert isinstance(third, dict)
    assert [*first, *third] == [THEORIES[0], THEORIES[2]]


@pytest.mark.usefixtures("patient")
async def test_an_outage_is_told_to_all_and_the_next_one_asks_anew(door: Doorkeeper) -> None:
    door.refuse = lambda _: GraphUnavailable("away")
    repository = GraphRepository(door, deadline_seconds=120)
    tasks = await settled(*(theory(repository, key) for key in THEORIES[:3]))
    door.open.set()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, GraphUnavailable)
    door.refuse = lambda _: None
    assert list(await theory(repository, THEORIES[1])) == [THEORIES[1]]


@pytest.mark.usefixtures("patient")
async def test_who_gives_up_leaves_the_others_alone(door: Doorkeeper) -> None:
    repository = GraphRepository(door, deadline_seconds=120)
    tasks = await settled(*(theory(repository, key) for key in THEORIES[:3]))
    tasks[1].cancel()
    tasks[0].cancel()  # the one that the others wait for
    await settled()
    door.open.set()
    assert list(await tasks[2]) == [THEORIES[2]]
    assert tasks[0].cancelled()
    assert tasks[1].cancelled()
