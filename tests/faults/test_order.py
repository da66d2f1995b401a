"""Writes that arrive late, and records that the graph refuses."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.bolt_proxy import Action
from tests.faults.site import SETTLE_SECONDS, Site
from tests.mirror.world import CHAPTER_1, CHAPTER_2


@pytest.mark.quick
async def test_an_old_write_that_arrives_late_changes_nothing(site: Site) -> None:
    api = await site.api()
    await site.settle()
    trap = site.proxy.trap("COMMIT", Action.CUT_BEFORE, "mirror/upsert_chapters")
    await api.rename("old")
    await asyncio.wait_for(trap.caught.wait(), SETTLE_SECONDS)
    await api.rename("new")
    await site.settle()
    assert set(await site.proxy.replay(trap)) == {"SUCCESS"}
    await site.check()
    assert await site.chapter_name() == "new"


@pytest.mark.quick
async def test_an_upsert_that_lands_after_the_delete_resurrects_nothing(site: Site) -> None:
    api = await site.api()
    await site.settle()
    trap = site.proxy.trap("COMMIT", Action.CUT_BEFORE, "mirror/upsert_theories")
    made = await api.create("short-lived")
    await asyncio.wait_for(trap.caught.wait(), SETTLE_SECONDS)
    await site.settle()
    await api.mutate("deleteTheory", id=made["theory"]["id"])
    await site.settle()
    assert set(await site.proxy.replay(trap)) == {"SUCCESS"}
    await site.check()
    assert await site.cypher("MATCH (n:THEORY {name: 'short-lived'}) RETURN count(n)") == [[0]]


async def test_an_old_order_that_arrives_late_leaves_the_chain(site: Site) -> None:
    api = await site.api()
    await site.settle()
    trap = site.proxy.trap("COMMIT", Action.CUT_BEFORE, "mirror/rewrite_theory_sequences")
    made = await api.create("third")
    await asyncio.wait_for(trap.caught.wait(), SETTLE_SECONDS)
    await api.mutate("moveTheory", id=made["theory"]["id"], order=0)
    await site.settle()
    assert set(await site.proxy.replay(trap)) == {"SUCCESS"}
    await site.check()


@pytest.mark.parametrize(
    ("code", "dead"),
    [
        ("Neo.ClientError.Statement.TypeError", [("CHAPTER", CHAPTER_1)]),
        ("Neo.DatabaseError.General.UnknownError", []),
    ],
    ids=["refused for good", "looks like an outage"],
)
async def test_a_poison_record_holds_up_nobody(site: Site, code: str, dead: list[tuple[str, str]]) -> None:
    api, _ = await asyncio.gather(site.api(worker=False), site.worker())
    await site.settle()
    trap = site.proxy.trap("RUN", Action.FAIL, text="poison", code=code, times=1_000_000)
    await api.rename("poison", CHAPTER_1)
    await api.rename("healthy", CHAPTER_2)
    made = await api.create("healthy too", CHAPTER_2)
    assert made["theory"]["id"]

    async def others_passed() -> bool:
        names = await site.cypher("MATCH (n:CHAPTER|THEORY) RETURN n.name")
        return ["healthy"] in names and ["healthy too"] in names

    await site.until(others_passed)

    async def buried() -> bool:
        return await site.dead() == dead

    await site.until(buried)
    trap.times = 0
    await api.rename("healed", CHAPTER_1)
    await site.check()
