"""A graph that was wiped, changed by hand, or lost with its process: it is written again from SQL."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from graph.client import GraphConfig
from tests.faults.site import CHAPTERS, Site
from tests.mirror.world import CHAPTER_1


async def test_a_rebuild_during_writes_with_strays_and_foreign_nodes(site: Site) -> None:
    api, _ = await asyncio.gather(site.api(worker=False), site.worker())
    await site.settle()
    await site.cypher("MATCH (n) DETACH DELETE n")
    await site.cypher("CREATE (:FOREIGN {id: 'kept'})-[:FOREIGN_EDGE]->(:FOREIGN {id: 'kept too'})")
    await site.cypher(
        "CREATE (:CHAPTER {id: 'stray', name: 'stray', version: 3})-[:HAS_THEORY]->(:THEORY {id: 's'})"
    )

    async def write(number: int) -> None:
        for turn in range(6):
            await api.rename(f"{number}-{turn}", CHAPTERS[number])
            made = await api.create(f"theory {number}-{turn}", CHAPTERS[number])
            if turn % 3 == 0:
                await api.mutate("deleteTheory", id=made["theory"]["id"])

    writers = [asyncio.create_task(write(number)) for number in range(3)]
    code, told = await site.run("mirror", "rebuild")
    await asyncio.gather(*writers)
    assert code in (0, 1), told
    await site.check(foreign={"FOREIGN"})
    assert await site.cypher("MATCH (:FOREIGN)-[r:FOREIGN_EDGE]->(:FOREIGN) RETURN count(r)") == [[1]]


async def test_what_was_changed_by_hand_is_found_and_mended(site: Site) -> None:
    await site.succeed("mirror", "once")
    await site.succeed("mirror", "verify")
    await site.cypher("MATCH (n:CHAPTER {id: $id}) SET n.name = 'by hand'", id=CHAPTER_1)
    await site.cypher("MATCH (:CHAPTER)-[r:NEXT_CHAPTER]->(:CHAPTER) DELETE r")
    await _drop_constraint(site, "THEORY", ["id"])
    code, told = await site.run("mirror", "verify", "--json")
    assert code == 1, told
    findings = json.loads(told)["findings"]
    kinds = {(finding["kind"], finding["recordKind"]) for finding in findings}
    assert ("CONSTRAINT_MISSING", None) in kinds
    assert any(finding["key"] == CHAPTER_1 and "by hand" in str(finding["fields"]) for finding in findings)
    assert any("CHAPTER_SEQUENCE" in str(finding) for finding in findings)
    await site.succeed("mirror", "repair", "--apply")
    await site.succeed("mirror", "verify")
    await site.check()


async def _drop_constraint(site: Site, label: str, properties: list[str]) -> None:
    rows = await site.cypher(
        "SHOW CONSTRAINTS YIELD name, labelsOrTypes, properties "
        "WHERE labelsOrTypes = [$label] AND properties = $properties RETURN name",
        label=label,
        properties=properties,
    )
    for (name,) in rows:
        await site.cypher(f"DROP CONSTRAINT `{name}`")


@pytest.mark.parametrize("pair", ["sqlite-embedded"], indirect=True)
async def test_an_api_killed_takes_its_engine_along_and_a_worker_takes_over(site: Site) -> None:
    own = {"neo4j_uri": "", "neo4j_username": "", "neo4j_password": "", "neo4j_database": ""}
    api = await site.api(**own)
    await site.worker(**own)
    await site.settle()
    for turn in range(3):
        await api.rename(f"name {turn}")
        await api.create(f"theory {turn}")
    api.kill()
    again = await site.api(**own)
    await again.create("after the crash")
    await site.settle()
    ports = json.loads((site.folder / "graph" / "engine.json").read_text())
    password = (site.folder / "graph" / "password").read_text().strip()
    site.graph = GraphConfig(f"bolt://127.0.0.1:{ports['bolt_port']}", "root", password, "labtutor")
    assert urlsplit(site.graph.uri).port != site.proxy.port
    await site.check()
