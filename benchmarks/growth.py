"""Cost against the size of the graph: the same questions, while the graph around them grows tenfold each time."""

from __future__ import annotations

from typing import Any

import neo4j

from benchmarks.dataset import Size
from benchmarks.extras import BY_NAME, Rows
from benchmarks.measure import Say, load, warm_up
from benchmarks.servers import Neo4j, Server

# Theories of a course that nobody asks for, each with its skills and concepts: 11 nodes, 10 relationships.
FILL = """
UNWIND range($start, $end - 1) AS number
CALL (number) {
  CREATE (t:THEORY {id: 'filler-' + number, name: 'Theory ' + number, order: number, course_id: 0, version: 1})
  FOREACH (i IN range(1, 4) | CREATE (t)-[:HAS_SKILL {version: 1}]->(:SKILL {id: 'filler-' + number + '-' + i,
    name: 'Apply ' + number + '.' + i, course_id: 0, version: 1}))
  FOREACH (i IN range(1, 6) | CREATE (t)-[:HAS_CONCEPT {version: 1}]->(:CONCEPT {id: 'filler-' + number + '-' + i,
    name: 'Concept ' + number + '.' + i, key: 'filler ' + number + '.' + i, course_id: 0, version: 1}))
} IN TRANSACTIONS OF 200 ROWS
"""
NODES_EACH = 11
SHAPES_ASKED = ("small", "mid", "outline")


def growth(
    servers: list[Server], size: Size, graph: Neo4j, steps: list[int], seconds: float, say: Say
) -> Rows:
    """Measure small, mid and outline at each number of nodes."""
    rows: Rows = []
    filled = 0
    with neo4j.GraphDatabase.driver(graph.uri, auth=("neo4j", graph.password)) as driver:
        for name in SHAPES_ASKED:
            for server in servers:
                warm_up(server, BY_NAME[name], size, graph.pid, connections=4, seconds=8.0)
        for wanted in steps:
            missing = wanted - _nodes(driver)
            if missing > 0:
                more = -(-missing // NODES_EACH)
                with driver.session(database="neo4j") as session:
                    session.run(FILL, start=filled, end=filled + more).consume()
                    session.run("CALL db.awaitIndexes(300)").consume()
                filled += more
            nodes = _nodes(driver)
            for name in SHAPES_ASKED:
                for server in servers:
                    measured = load(server, BY_NAME[name], size, graph.pid, connections=1, seconds=seconds)
                    row: dict[str, Any] = {"nodes": nodes, "shape": name, "server": server.name}
                    row |= {
                        "api_us": measured.cpu_us["api"],
                        "neo4j_us": measured.cpu_us["neo4j"],
                        "p50_ms": measured.p50_ms,
                    }
                    rows.append(row)
                    say(
                        f"{nodes:>8} nodes {name:<8} {server.name:<7} neo4j {row['neo4j_us']:>8.0f} us "
                        f"p50 {row['p50_ms']:>7.1f} ms"
                    )
    return rows


def _nodes(driver: neo4j.Driver) -> int:
    with driver.session(database="neo4j") as session:
        record = session.run("MATCH (n) RETURN count(n) AS nodes").single(strict=True)
    return int(record["nodes"])
