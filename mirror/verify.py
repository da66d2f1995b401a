"""Finds every difference between SQL and the graph, in both directions. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from graph.client import GraphClient
from mirror import compare
from mirror.compare import Finding, NodeShape
from mirror.projection import KINDS_BY_RANK
from sql.models import Kind
from sql.session import Database

BATCH = 500
# A record that changes while it is compared looks different once; drift stays.
LOOKS = 3
PAUSE_SECONDS = 0.3


@dataclass(slots=True)
class Report:
    """What was compared and what was found."""

    checked_count: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Tell whether SQL and the graph agree."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`."""
        return {
            "checkedCount": self.checked_count,
            "clean": self.clean,
            "findings": [
                {
                    "kind": finding.kind,
                    "recordKind": None if finding.record_kind is None else finding.record_kind.value,
                    "key": finding.key,
                    "fields": [
                        {"field": item.field, "graphValue": item.graph, "sqlValue": item.sql}
                        for item in finding.fields
                    ],
                    "message": finding.message,
                }
                for finding in self.findings
            ],
        }


async def verify(
    database: Database,
    client: GraphClient,
    *,
    batch_size: int = BATCH,
    everything: bool = False,
) -> Report:
    """Compare all records, batch by batch; records on their way count as drift only with `everything`."""
    report = Report()
    for name in await client.missing_schema():
        report.findings.append(
            Finding("CONSTRAINT_MISSING", None, str(name), "the graph lacks a constraint or an index")
        )
    for kind in KINDS_BY_RANK:
        async for keys, in_sql in _batches(database, client, kind, batch_size):
            report.checked_count += len(keys)
            found = await _compare_calmly(database, client, kind, keys, everything=everything)
            # A relationship without a row is no more than extra; the rest is told by the pass over SQL.
            report.findings += found if in_sql else [item for item in found if item.kind == "EXTRA"]
    report.findings += await _misplaced(client)
    return report


async def _compare_calmly(
    database: Database, client: GraphClient, kind: Kind, keys: list[str], *, everything: bool
) -> list[Finding]:
    findings = await compare.compare(database, client, kind, keys, everything=everything)
    for _ in range(LOOKS - 1):
        if not findings:
            break
        await asyncio.sleep(PAUSE_SECONDS if not everything else 0)
        suspects = list(dict.fromkeys(finding.key for finding in findings))
        again = await compare.compare(database, client, kind, suspects, everything=everything)
        findings = [finding for finding in again if finding in findings]
    return findings


async def _batches(
    database: Database, client: GraphClient, kind: Kind, size: int
) -> AsyncIterator[tuple[list[str], bool]]:
    """Yield the keys of SQL, then the keys that only the graph knows."""
    after: tuple[Any, ...] | None = None
    while True:
        async with database.read() as session:
            keys, after = await compare.page_of_keys(session, kind, after, size)
        if not keys:
            break
        yield keys, True
    if kind in compare.KIND_NODES:
        for name in compare.KIND_NODES[kind]:
            async for ids in list_ids(client, compare.NODES[name], size):
                async for keys in _unknown(database, kind, [str(id_) for id_ in ids]):
                    yield keys, False
    elif kind in compare.KIND_EDGES:
        edge = compare.KIND_EDGES[kind]
        start = next(shape for shape in compare.NODES.values() if shape.label == edge.start)
        async for ids in list_ids(client, start, size):
            found = await compare.read(client, f"find_{edge.name}", {"ids": ids})
            edges = [
                compare.edge_key(kind, row[0], row[2], row[4].get("type") if edge.typed else None)
                for row in found
                if edge.end in row[3]
            ]
            for position in range(0, len(edges), size):
                async for keys in _unknown(database, kind, edges[position : position + size]):
                    yield keys, False


async def _unknown(database: Database, kind: Kind, keys: list[str]) -> AsyncIterator[list[str]]:
    async with database.read() as session:
        known = await compare.existing_keys(session, kind, keys)
    unknown = [key for key in dict.fromkeys(keys) if key not in known]
    if unknown:
        yield unknown


async def list_ids(client: GraphClient, shape: NodeShape, size: int) -> AsyncIterator[list[Any]]:
    """Yield the ids of all nodes of a label, each once, in pages."""
    after: Any = -1 if shape.label in {"STUDENT", "TEACHER", "CLASS"} else ""
    while True:
        found = await compare.read(client, f"list_{shape.name}", {"after": after, "limit": size})
        ids = list(dict.fromkeys(row[0] for row in found))
        if not ids:
            return
        yield ids
        after = ids[-1]


async def _misplaced(client: GraphClient) -> list[Finding]:
    findings: list[Finding] = []
    for label, total, keyed in await compare.read(client, "count_nodes", {}):
        if total != keyed:
            message = f"{total - keyed} :{label} nodes without an id"
            findings.append(Finding("EXTRA", None, f":{label}", message))
    for type_, total, fitting in await compare.read(client, "count_relationships", {}):
        if total != (fitting or 0):
            message = (
                f"{total - (fitting or 0)} {type_} relationships between labels that do not belong there"
            )
            findings.append(Finding("EXTRA", None, type_, message))
    return findings
