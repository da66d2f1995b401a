"""Finds every difference between SQL and the graph, in both directions. Reads only.

`look` streams, so that the memory it takes does not grow with the number of records; `verify` gathers what
it says into a report, which keeps as many findings as one likes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graph.client import GraphClient
from mirror import compare, keys, shapes
from mirror.compare import DriftKind, Finding
from mirror.projection import KINDS_BY_RANK
from mirror.shapes import NodeShape
from sql.models import Kind
from sql.scopes import EVERYTHING, Scope
from sql.session import Database

BATCH = 500
# Nodes without a usable id, and misplaced relationships, told of one label or type in one look.
ODD_ONES = 1_000
# A record that changes while it is compared looks different once; drift stays.
LOOKS = 3
PAUSE_SECONDS = 0.3

GRAVITY: tuple[DriftKind, ...] = ("CONSTRAINT_MISSING", "MISSING", "DUPLICATE", "EXTRA", "DIFFERENT")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """One batch: how many records were compared, and what was found."""

    compared: int
    findings: list[Finding]


@dataclass(slots=True)
class Report:
    """What was compared and what was found. `keep` bounds how many findings are held; all are counted."""

    keep: int | None = None
    checked_count: int = 0
    finding_count: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Tell whether SQL and the graph agree."""
        return not self.finding_count

    def add(self, looked: Looked) -> None:
        """Take a batch in."""
        self.checked_count += looked.compared
        self.finding_count += len(looked.findings)
        if self.keep is None:
            self.findings += looked.findings
        elif looked.findings:
            # Stable: of equal gravity the first ones stay.
            both = itertools.chain(self.findings, looked.findings)
            self.findings = heapq.nsmallest(self.keep, both, key=gravity)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`."""
        return {
            "checkedCount": self.checked_count,
            "findingCount": self.finding_count,
            "clean": self.clean,
            "findings": [to_json(finding) for finding in self.findings],
        }


def gravity(finding: Finding) -> int:
    """Return the place of a finding in the order of gravity, 0 for the gravest."""
    return GRAVITY.index(finding.kind)


def to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values: its identity, and both values of each field that differs."""
    return {
        "kind": finding.kind,
        "recordKind": None if finding.record_kind is None else finding.record_kind.value,
        "key": finding.key,
        "fields": [
            {"field": item.field, "graphValue": item.graph, "sqlValue": item.sql} for item in finding.fields
        ],
        "message": finding.message,
    }


async def verify(
    database: Database,
    client: GraphClient,
    *,
    batch_size: int = BATCH,
    everything: bool = False,
    scope: Scope = EVERYTHING,
    keep: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare records, batch by batch, and gather a report; `progress` gets how many are done.

    Records on their way count as drift only with `everything`. With `keep`, the gravest findings are held.
    """
    report = Report(keep)
    async for looked in look(database, client, batch_size=batch_size, everything=everything, scope=scope):
        report.add(looked)
        if progress is not None:
            progress(report.checked_count)
    return report


async def look(
    database: Database,
    client: GraphClient,
    *,
    batch_size: int = BATCH,
    everything: bool = False,
    scope: Scope = EVERYTHING,
    kinds: Sequence[Kind] = tuple(KINDS_BY_RANK),
) -> AsyncIterator[Looked]:
    """Compare the records in scope, kind by kind, and yield each batch as it is done."""
    yield Looked(
        0,
        [
            Finding("CONSTRAINT_MISSING", None, str(name), f"the constraint or index {name} is not there")
            for name in await client.missing_schema(deadline_seconds=compare.READ_SECONDS)
        ],
    )
    held = None if scope.everything else await _held(client, scope)
    for kind in kinds:
        if not scope.holds(kind):
            continue
        async for batch, in_sql in _batches(database, client, kind, batch_size, scope, held):
            found = await _compare_calmly(database, client, kind, batch, everything=everything)
            # A relationship without a row is no more than extra; the rest is told by the pass over SQL.
            kept = found if in_sql else [item for item in found if item.kind == "EXTRA"]
            yield Looked(len(batch), kept)
    if scope.everything:
        yield Looked(0, await _odd_ones(client))


async def _compare_calmly(
    database: Database, client: GraphClient, kind: Kind, batch: list[str], *, everything: bool
) -> list[Finding]:
    findings = await compare.compare(database, client, kind, batch, everything=everything)
    for _ in range(LOOKS - 1):
        if not findings:
            break
        await asyncio.sleep(PAUSE_SECONDS if not everything else 0)
        suspects = list(dict.fromkeys(finding.key for finding in findings))
        again = await compare.compare(database, client, kind, suspects, everything=everything)
        before = set(map(_identity, findings))
        findings = [finding for finding in again if _identity(finding) in before]
    return findings


def _identity(finding: Finding) -> str:
    return repr((finding.kind, finding.key, finding.message, finding.fields))


async def _batches(
    database: Database,
    client: GraphClient,
    kind: Kind,
    size: int,
    scope: Scope,
    held: dict[str, list[Any]] | None,
) -> AsyncIterator[tuple[list[str], bool]]:
    """Yield the keys of SQL, then the keys that only the graph knows."""
    after: tuple[Any, ...] | None = None
    while True:
        async with database.read() as session:
            batch, after = await keys.page_of_keys(session, kind, after, size, scope)
        if batch:
            yield batch, True
        if len(batch) < size:
            break
    if kind in shapes.KIND_NODES:
        found = _node_keys(client, kind, size, held)
    elif kind in shapes.KIND_EDGES:
        found = _edge_keys(client, kind, size, scope, held)
    else:
        return
    async for batch in found:
        for start in range(0, len(batch), size):
            part = list(dict.fromkeys(batch[start : start + size]))
            async with database.read() as session:
                known = await keys.existing_keys(session, kind, part)
            unknown = [key for key in part if key not in known]
            if unknown:
                yield unknown, False


async def _node_keys(
    client: GraphClient, kind: Kind, size: int, held: dict[str, list[Any]] | None
) -> AsyncIterator[list[str]]:
    for name in shapes.KIND_NODES[kind]:
        async for ids in _ids(client, shapes.NODES[name], size, held):
            yield [str(id_) for id_ in ids]


async def _edge_keys(
    client: GraphClient, kind: Kind, size: int, scope: Scope, held: dict[str, list[Any]] | None
) -> AsyncIterator[list[str]]:
    edge = shapes.KIND_EDGES[kind]
    by_label = {shape.label: shape for shape in shapes.NODES.values()}
    start, end = by_label[edge.start], by_label[edge.end]
    # Of a student's relationships only those that lead into the course.
    ends = set(held[end.name]) if held is not None and scope.course_id is not None else None
    async for ids in _ids(client, start, size, held):
        yield [
            compare.edge_key(kind, start_id, end_id, properties.get("type") if edge.typed else None)
            for start_id, _, end_id, end_labels, properties in await compare.read(
                client, f"find_{edge.name}", {"ids": ids}
            )
            if edge.end in end_labels
            and (ends is None or end_id in ends)
            # A node without a usable id is told for itself, and goes with its relationships.
            and keys.can_be_a_key(start_id, whole=start.whole)
            and keys.can_be_a_key(end_id, whole=end.whole)
        ]


async def _held(client: GraphClient, scope: Scope) -> dict[str, list[Any]]:
    """Return the ids of the nodes that the graph holds of a course or a person, by the name of their list."""
    if scope.course_id is not None:
        rows = await compare.read(client, "list_of_course", {"course_id": scope.course_id})
    else:
        rows = await compare.read(client, "list_of_person", {"user_id": scope.user_id})
    held: dict[str, dict[Any, None]] = {shape.name: {} for shape in shapes.NODES.values()}
    for name, id_ in rows:
        held[name][id_] = None
    return {name: list(ids) for name, ids in held.items()}


async def _ids(
    client: GraphClient, shape: NodeShape, size: int, held: dict[str, list[Any]] | None
) -> AsyncIterator[list[Any]]:
    if held is None:
        async for ids in list_ids(client, shape, size):
            yield ids
        return
    usable = [id_ for id_ in held[shape.name] if isinstance(id_, int if shape.whole else str)]
    for start in range(0, len(usable), size):
        yield usable[start : start + size]


async def list_ids(client: GraphClient, shape: NodeShape, size: int) -> AsyncIterator[list[Any]]:
    """Yield the ids of all nodes of a label, each once, in pages."""
    after: Any = -(2**63) if shape.whole else ""
    while True:
        found = await compare.read(client, f"list_{shape.name}", {"after": after, "limit": size})
        # Neo4j compares a float with an int; a node with one is told for itself.
        ids = list(dict.fromkeys(row[0] for row in found))
        if usable := [id_ for id_ in ids if not isinstance(id_, float)]:
            yield usable
        if len(found) < size:
            return
        after = ids[-1]


async def _odd_ones(client: GraphClient) -> list[Finding]:
    findings: list[Finding] = []
    for label, element, id_ in await compare.read(client, "find_keyless", {"limit": ODD_ONES}):
        shape = next(one for one in shapes.NODES.values() if one.label == label)
        wanted = "a whole number" if shape.whole else "a text"
        message = f":{label} node without an id" if id_ is None else f":{label} node whose id is not {wanted}"
        fields = () if id_ is None else (compare.FieldDifference("id", compare.plain(id_), None),)
        findings.append(
            Finding("EXTRA", None, f":{label}", message, fields, stray=("delete_keyless", element))
        )
    rows = await compare.read(client, "find_misplaced_relationships", {"limit": ODD_ONES})
    for type_, start_labels, start_id, end_labels, end_id in rows:
        start, end = _named(start_labels, start_id), _named(end_labels, end_id)
        findings.append(
            Finding(
                "EXTRA", None, type_, f"{type_} from {start} to {end} joins labels that do not belong there"
            )
        )
    return findings


def _named(labels: Iterable[str], id_: Any) -> str:
    return f"{''.join(f':{label}' for label in sorted(labels))} {compare.plain(id_)!r}"
