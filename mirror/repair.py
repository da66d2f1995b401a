"""Mends what `verify` finds, and nothing else: takes away what is too much, has the rest written again.

Records are put in line before anything is taken away, due a while later, so that a process that ends in
between leaves nothing that a worker would not finish; afterwards they are put in line for now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from graph.client import GraphClient
from mirror import keys, projection, shapes
from mirror.compare import Finding
from mirror.projection import KINDS_BY_RANK
from mirror.verify import look
from sql import scopes, sync_marks
from sql.models import Kind
from sql.scopes import EVERYTHING, Scope
from sql.session import Database

BATCH = 500
WRITE_SECONDS = 60.0
# Longer than taking away lasts at most: whoever ended meanwhile must not undo what is written again.
LATER_SECONDS = 2 * WRITE_SECONDS

Keys = dict[Kind, list[str]]
_MISPLACED = "delete_misplaced_relationships"
# While a user is on the way, what hangs on a role is not compared, and would be left: a second repair for nothing.
_USERS_LAST = sorted(KINDS_BY_RANK, key=lambda kind: kind is Kind.USER)


@dataclass(slots=True)
class Mended:
    """What was found, and what was done about it."""

    compared: int = 0
    findings: int = 0
    strays: int = 0
    records: int = 0
    constraints: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Cure:
    """What some findings call for: records to write again, strays to take away, constraints to make."""

    records: Keys
    strays: dict[str, list[Any]]
    misplaced: bool = False
    constraints: int = 0


async def repair(
    database: Database,
    client: GraphClient,
    *,
    apply: bool,
    scope: Scope = EVERYTHING,
) -> AsyncIterator[tuple[list[Finding], Mended]]:
    """Yield each batch of findings with the sums so far; with `apply` it is mended when it is yielded.

    Mended means taken away and put in line: a worker, or `Mirror.drain`, writes what is in line.
    """
    sums = Mended()
    constraints = 0
    async for looked in look(database, client, scope=scope, kinds=_USERS_LAST):
        sums.compared += looked.compared
        sums.findings += len(looked.findings)
        for finding in looked.findings:
            sums.by_kind[finding.kind] = sums.by_kind.get(finding.kind, 0) + 1
        cure = await find_cure(database, looked.findings)
        constraints += cure.constraints
        sums.records += sum(len(found) for found in cure.records.values())
        if apply:
            sums.strays += await take_away(database, client, cure)
            async with database.write() as session:
                await put_in_line(session, cure.records)
        else:
            sums.strays += sum(len(rows) for rows in cure.strays.values())
        yield looked.findings, sums
    if constraints and apply:
        # Last: copies of a node keep its constraint from being made.
        await client.ensure_schema(deadline_seconds=WRITE_SECONDS)
        sums.constraints = constraints
        yield [], sums


async def find_cure(database: Database, findings: Sequence[Finding]) -> Cure:
    """Say what would mend some findings; changes nothing."""
    strays: dict[str, list[Any]] = defaultdict(list)
    suspects: dict[Kind, dict[str, None]] = defaultdict(dict)
    nodes: dict[Kind, dict[str, None]] = defaultdict(dict)
    cure = Cure({}, strays)
    for finding in findings:
        if finding.kind == "CONSTRAINT_MISSING":
            cure.constraints += 1
        elif finding.stray is None and finding.record_kind is None:
            cure.misplaced = True
        if finding.stray is not None and finding.stray[1] not in strays[finding.stray[0]]:
            strays[finding.stray[0]].append(finding.stray[1])
        for kind, key in _records_of(finding):
            suspects[kind][key] = None
            if finding.stray is not None and not isinstance(finding.stray[1], dict):
                nodes[kind][key] = None
    async with database.read() as session:
        for kind, of_kind in nodes.items():
            # A node that goes takes along the relationships that belong to other records.
            for other, dependent in (await scopes.dependents(session, kind, of_kind)).items():
                suspects[other].update(dict.fromkeys(dependent))
        for kind, of_kind in suspects.items():
            alive = await keys.existing_keys(session, kind, of_kind)
            if alive:
                cure.records[kind] = [key for key in of_kind if key in alive]
    return cure


def _records_of(finding: Finding) -> Iterable[tuple[Kind, str]]:
    if finding.record_kind is not None:
        yield finding.record_kind, finding.key
    elif finding.stray is not None and finding.fields:
        # A node whose id has another type may stand where the right one belongs: 13.0 for 13.
        value = finding.fields[0].graph
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        label = finding.key.removeprefix(":")
        for kind, names in shapes.KIND_NODES.items():
            if any(shapes.NODES[name].label == label for name in names):
                yield kind, text


async def take_away(database: Database, client: GraphClient, cure: Cure) -> int:
    """Remove what is too much; return how many nodes and relationships went."""
    if not cure.strays and not cure.misplaced:
        return 0
    async with database.write() as session:
        await put_in_line(session, cure.records, delay_seconds=LATER_SECONDS)
    gone = 0
    for name, values in cure.strays.items():
        parameter = "rows" if isinstance(values[0], dict) else "ids"
        for start in range(0, len(values), BATCH):
            gone += await _run(client, name, {parameter: values[start : start + BATCH]})
    if cure.misplaced:
        gone += await _run(client, _MISPLACED, {})
    return gone


async def _run(client: GraphClient, name: str, parameters: dict[str, Any]) -> int:
    statement = projection.statement(name, parameters)
    (rows,) = await client.write([statement], deadline_seconds=WRITE_SECONDS)
    return int(sum(row[0] for row in rows))


async def put_in_line(session: AsyncSession, records: Keys, *, delay_seconds: float = 0) -> None:
    """Have records written to the graph once more, in the caller's transaction."""
    for kind, of_kind in records.items():
        for start in range(0, len(of_kind), BATCH):
            part = of_kind[start : start + BATCH]
            # Looked at again in this transaction: one that was deleted meanwhile is not marked alive.
            alive = await keys.existing_keys(session, kind, part)
            await sync_marks.reopen(session, kind, sorted(alive), delay_seconds=delay_seconds)
