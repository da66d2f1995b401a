"""What the mirror writes with is found by unique keys: a plan that Neo4j made on an empty graph stays right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import neo4j
import pytest

from graph.client import GraphConfig, load_statement
from graph.statements import CYPHER_FOLDER
from mirror.projection import PROJECTIONS
from tests.graph_fixtures import PatientClient, wipe_graph

WRITES = sorted(
    {
        path.stem
        for path in (CYPHER_FOLDER / "mirror").glob("*.cypher")
        if path.stem.startswith(("upsert_", "rewrite_"))
    }
    | {projection.remove for projection in PROJECTIONS.values() if projection.remove}
    | {name for projection in PROJECTIONS.values() for name in projection.before.values()}
)


def _operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"]
    for child in plan.get("children", ()):
        yield from _operators(child)


@pytest.mark.neo4j
async def test_no_write_reads_a_whole_label_even_when_planned_on_an_empty_graph(
    neo4j_graph: GraphConfig,
) -> None:
    async with PatientClient.open(neo4j_graph) as client:
        await client.ensure_schema()
        await wipe_graph(client)
    auth = (neo4j_graph.username, neo4j_graph.password)
    async with (
        neo4j.AsyncGraphDatabase.driver(neo4j_graph.uri, auth=auth) as driver,
        driver.session(database=neo4j_graph.database) as session,
    ):
        scans = {}
        for name in WRITES:
            text = f"CYPHER replan=force EXPLAIN {load_statement(f'mirror/{name}')}"
            summary = await (await session.run(text, rows=[])).consume()
            assert summary.plan is not None
            operators = list(_operators(summary.plan))
            assert any("Seek" in operator for operator in operators)
            if found := [operator for operator in operators if "Scan" in operator]:
                scans[name] = found
    assert not scans
