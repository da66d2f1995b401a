"""Compares records of SQL with what the graph holds of them. Reads only."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from graph.client import GraphClient
from mirror import projection, rows
from mirror.projection import PROJECTION_VERSION, PROJECTIONS
from mirror.rows import Write
from mirror.shapes import KIND_CHAINS, KIND_EDGES, KIND_NODES, NODES, EdgeShape, NodeShape
from sql import sync_state
from sql.models import Kind
from sql.session import Database

DriftKind: TypeAlias = Literal["MISSING", "EXTRA", "DIFFERENT", "DUPLICATE", "CONSTRAINT_MISSING"]

READ_SECONDS = 30.0

# Shown beside the properties of a node; no property is written with a colon.
_LABELS = ":labels"

# Kept on nodes by the mirror itself, and checked elsewhere or nowhere.
_OWN_PROPERTIES = {"_lock", "sequence_version", "order"}

# Kinds whose place in the graph depends on the role of a user.
ROLE_KINDS = {Kind.COURSE, Kind.ENROLLMENT, Kind.METADATA, Kind.MASTERY, Kind.PROGRESS}


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One property: what the graph holds and what SQL says."""

    field: str
    graph: Any
    sql: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `stray` names the statement that removes what is too much, with its parameter row."""

    kind: DriftKind
    record_kind: Kind | None
    key: str
    message: str
    fields: tuple[FieldDifference, ...] = ()
    stray: tuple[str, Any] | None = field(default=None, compare=False)


@dataclass(slots=True)
class Expectation:
    """What SQL says about some keys, on one snapshot."""

    versions: dict[str, int]
    writes: dict[str, Write]
    on_their_way: set[str]


async def expect(database: Database, kind: Kind, keys: Sequence[str]) -> Expectation:
    """Read what the graph should hold of some records of a kind."""
    async with database.read() as session:
        versions = await sync_state.versions(session, kind, keys)
        writes = await PROJECTIONS[kind].read(session, keys)
        moving = await sync_state.on_their_way(session, kind, keys, projection_version=PROJECTION_VERSION)
        if kind in ROLE_KINDS and await sync_state.any_on_their_way(
            session, Kind.USER, projection_version=PROJECTION_VERSION
        ):
            # A change of role on its way will have these projected again.
            moving = set(keys)
    return Expectation({key: version for key, (version, _, _) in versions.items()}, writes, moving)


async def compare(
    database: Database, client: GraphClient, kind: Kind, keys: Sequence[str], *, everything: bool = False
) -> list[Finding]:
    """Compare records of one kind; those on their way to the graph only with `everything`."""
    if not keys:
        return []
    expected = await expect(database, kind, keys)
    wanted = [key for key in keys if everything or key not in expected.on_their_way]
    if kind in KIND_NODES:
        return await _compare_nodes(client, kind, wanted, expected)
    if kind in KIND_EDGES:
        return await _compare_edges(client, kind, wanted, expected)
    return await _compare_chains(client, kind, wanted, expected)


async def read(client: GraphClient, name: str, parameters: dict[str, Any]) -> list[list[Any]]:
    """Run one reading statement of graph/cypher/mirror."""
    return await client.read(
        projection.statement(name, parameters, write=False), deadline_seconds=READ_SECONDS
    )


def plain(value: Any) -> Any:
    """Return a value of the graph as the projection would send it."""
    if hasattr(value, "to_native"):
        value = value.to_native()
    if isinstance(value, datetime):
        return rows.iso(value)
    return list(value) if isinstance(value, list | tuple) else value


def _properties(row: dict[str, Any], times: tuple[str, ...], version: int) -> dict[str, Any]:
    values = {**row["properties"], **{name: row[name] for name in times}, "version": version}
    return {name: value for name, value in values.items() if value is not None}


def _written(row: dict[str, Any], times: tuple[str, ...]) -> set[str]:
    """Return the properties that an upsert writes, null included; others it leaves as they are."""
    return {*row["properties"], *times, "version"}


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> tuple[FieldDifference, ...]:
    names = sorted((set(found) | set(wanted)) - _OWN_PROPERTIES)
    pairs = ((name, plain(found.get(name)), wanted.get(name)) for name in names)
    return tuple(FieldDifference(name, held, said) for name, held, said in pairs if held != said)


async def _compare_nodes(
    client: GraphClient, kind: Kind, keys: list[str], expected: Expectation
) -> list[Finding]:
    findings: list[Finding] = []
    key_of = {PROJECTIONS[kind].removal(key)["id"]: key for key in keys}
    for name in KIND_NODES[kind]:
        shape = NODES[name]
        copies: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for id_, properties, labels in await read(client, f"find_{shape.name}", {"ids": list(key_of)}):
            copies[key_of[id_]].append({**properties, _LABELS: sorted(labels)})
        writes: dict[str, Write] = {}
        for id_, key in key_of.items():
            write = expected.writes.get(key)
            if write is None or write.statement != name:
                if copies[key]:
                    findings.append(_extra_node(kind, key, shape, id_))
                continue
            stray = (f"delete_stray_{shape.name}", id_)
            if not copies[key]:
                findings.append(Finding("MISSING", kind, key, f"no :{shape.label} node"))
                continue
            writes[key] = write
            if len(copies[key]) > 1:
                message = f"{len(copies[key])} :{shape.label} nodes"
                findings.append(Finding("DUPLICATE", kind, key, message, stray=stray))
            wanted = _properties(write.row, shape.times, expected.versions.get(key, 0))
            differences = _differences(copies[key][0], wanted | {"id": id_, _LABELS: [shape.label]})
            if differences:
                foreign = bool({item.field for item in differences} - _written(write.row, shape.times))
                message = f":{shape.label} node differs"
                findings.append(
                    # An upsert leaves a property or a label that it does not know: that node has to go first.
                    Finding("DIFFERENT", kind, key, message, differences, stray=stray if foreign else None)
                )
        for edge in shape.edges:
            findings += await _compare_owned(client, kind, edge, writes, expected)
    return findings


def _extra_node(kind: Kind, key: str, shape: NodeShape, id_: Any) -> Finding:
    return Finding(
        "EXTRA", kind, key, f":{shape.label} node has no place", stray=(f"delete_stray_{shape.name}", id_)
    )


async def _find_edges(
    client: GraphClient, shape: EdgeShape, ids: list[Any]
) -> list[tuple[Any, Any, bool, dict[str, Any]]]:
    """Return start id, end id, whether the labels of both fit, properties."""
    found = await read(client, f"find_{shape.name}", {"ids": ids})
    return [
        (start, end, shape.start in start_labels and shape.end in end_labels, properties)
        for start, start_labels, end, end_labels, properties in found
    ]


def _stray_edge(shape: EdgeShape, start: Any, end: Any, type_: str | None = None) -> tuple[str, Any]:
    own = start if shape.own == "start" else end
    return f"delete_stray_{shape.name}", {"id": own, "start_id": start, "end_id": end, "type": type_}


async def _compare_owned(
    client: GraphClient, kind: Kind, shape: EdgeShape, writes: dict[str, Write], expected: Expectation
) -> list[Finding]:
    """Compare the relationships that come with nodes."""
    findings: list[Finding] = []
    key_of = {write.row["id"]: key for key, write in writes.items()}
    counts: dict[tuple[Any, Any], int] = defaultdict(int)
    held: dict[tuple[Any, Any], dict[str, Any]] = {}
    wanted: dict[tuple[Any, Any], str] = {}
    for key, write in writes.items():
        others = write.row[shape.other_field]
        for other in others if isinstance(others, list) else [others]:
            if other is not None:
                pair = (write.row["id"], other) if shape.own == "start" else (other, write.row["id"])
                wanted[pair] = key
    for start, end, fits, properties in await _find_edges(client, shape, list(key_of)):
        key = key_of[start if shape.own == "start" else end]
        if (start, end) not in wanted or not fits:
            message = f"{shape.type} {start} -> {end} has no place"
            stray = _stray_edge(shape, start, end)
            findings.append(Finding("EXTRA", kind, key, message, stray=stray))
            continue
        counts[start, end] += 1
        held[start, end] = properties
    for (start, end), key in wanted.items():
        name = f"{shape.type} {start} -> {end}"
        if counts[start, end] == 0:
            findings.append(Finding("MISSING", kind, key, f"no {name}"))
            continue
        if counts[start, end] > 1:
            message = f"{counts[start, end]} times {name}"
            findings.append(Finding("DUPLICATE", kind, key, message, stray=_stray_edge(shape, start, end)))
        # The version of a link is the one of its record at the time: a larger one is as wrong as none.
        differences = _differences(held[start, end], {"version": expected.versions.get(key, 0)})
        if differences:
            known = {"version"}
            findings.append(_different_edge(kind, key, shape, (start, end), None, differences, known))
    return findings


def _different_edge(
    kind: Kind,
    key: str,
    shape: EdgeShape,
    ends: tuple[Any, Any],
    type_: str | None,
    differences: tuple[FieldDifference, ...],
    known: set[str],
) -> Finding:
    foreign = bool({item.field for item in differences} - known)
    stray = _stray_edge(shape, *ends, type_) if foreign else None
    return Finding(
        "DIFFERENT", kind, key, f"{shape.type} {ends[0]} -> {ends[1]} differs", differences, stray=stray
    )


def edge_key(kind: Kind, start: Any, end: Any, type_: str | None) -> str:
    """Return the natural key of the record that a relationship belongs to."""
    ends = {"start_id": start, "end_id": end, "type": type_}
    return ":".join(str(ends[name]) for name in PROJECTIONS[kind].key_fields)


async def _compare_edges(
    client: GraphClient, kind: Kind, keys: list[str], expected: Expectation
) -> list[Finding]:
    """Compare the relationships that are records of their own."""
    shape = KIND_EDGES[kind]
    findings: list[Finding] = []
    ends = {key: PROJECTIONS[kind].removal(key) for key in keys}
    starts = list({row["start_id"] for row in ends.values()})
    held: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start, end, fits, properties in await _find_edges(client, shape, starts):
        key = edge_key(kind, start, end, properties.get("type") if shape.typed else None)
        if key in ends and fits:
            held[key].append(properties)
    for key in keys:
        row = ends[key]
        stray = _stray_edge(shape, row["start_id"], row["end_id"], row.get("type"))
        write = expected.writes.get(key)
        if write is None:
            if held[key]:
                findings.append(Finding("EXTRA", kind, key, f"{shape.type} has no place", stray=stray))
            continue
        if not held[key]:
            findings.append(Finding("MISSING", kind, key, f"no {shape.type}"))
            continue
        if len(held[key]) > 1:
            message = f"{len(held[key])} times {shape.type}"
            findings.append(Finding("DUPLICATE", kind, key, message, stray=stray))
        wanted = _properties(write.row, shape.times, expected.versions.get(key, 0))
        if shape.typed:
            wanted["type"] = row["type"]
        differences = _differences(held[key][0], wanted)
        if differences:
            pair = (row["start_id"], row["end_id"])
            known = _written(write.row, shape.times) | {"type"}
            findings.append(_different_edge(kind, key, shape, pair, row.get("type"), differences, known))
    return findings


async def _compare_chains(
    client: GraphClient, kind: Kind, keys: list[str], expected: Expectation
) -> list[Finding]:
    """Compare NEXT_ chains and the order of the nodes in them, owner by owner."""
    edge, node = KIND_CHAINS[kind]
    findings: list[Finding] = []
    for key in keys:
        write = expected.writes.get(key)
        if write is None:
            continue
        ids = [member["id"] for member in write.row["members"][:-1]]
        wanted = set(itertools.pairwise(ids))
        counts: dict[tuple[Any, Any], int] = defaultdict(int)
        orders: dict[Any, Any] = {}
        for start in range(0, len(ids), projection.ROWS_AT_ONCE):
            part = ids[start : start + projection.ROWS_AT_ONCE]
            for a, b, _, _ in await _find_edges(client, edge, part):
                counts[a, b] += 1
            for id_, properties, _ in await read(client, f"find_{node.name}", {"ids": part}):
                orders[id_] = properties.get("order")
        for a, b in sorted(wanted - set(counts)):
            findings.append(Finding("MISSING", kind, key, f"no {edge.type} {a} -> {b}"))
        for (a, b), count in counts.items():
            stray = _stray_edge(edge, a, b)
            if (a, b) not in wanted:
                message = f"{edge.type} {a} -> {b} has no place"
                findings.append(Finding("EXTRA", kind, key, message, stray=stray))
            elif count > 1:
                message = f"{count} times {edge.type} {a} -> {b}"
                findings.append(Finding("DUPLICATE", kind, key, message, stray=stray))
        wrong = tuple(
            FieldDifference(f"order of {id_}", orders[id_], order)
            for order, id_ in enumerate(ids)
            if id_ in orders and orders[id_] != order
        )
        if wrong:
            findings.append(Finding("DIFFERENT", kind, key, "the order differs", wrong))
    return findings
