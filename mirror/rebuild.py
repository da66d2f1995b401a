"""Brings the whole graph back to what SQL says, while writes and workers run. Can be started again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from graph.client import GraphClient, Statement
from graph.errors import GraphRejected
from mirror import compare, projection, verify
from mirror.compare import Finding
from mirror.projection import KINDS_BY_RANK, PROJECTIONS
from mirror.worker import Mirror, MirrorConfig
from sql import sync_state
from sql.models import Kind
from sql.session import Database

BATCH = 500
WRITE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    marked: int
    strays: int
    applied: int
    pending: int
    failed: int


async def rebuild(
    database: Database,
    client: GraphClient,
    *,
    progress: Callable[[int, int], None] | None = None,
    config: MirrorConfig | None = None,
) -> Rebuilt:
    """Mark every record, remove strays of the project's own labels, and write everything anew.

    `progress` gets (done, total). Other labels and their nodes are never touched. A rebuild that was
    cut off has marked and removed nothing that the next one, or any worker, would not finish.
    """
    # Copies of a node keep its constraint from being made again: they have to go first.
    contradicted = not await _can_ensure_schema(client)
    marked = 0
    for kind in KINDS_BY_RANK:
        marked += await _mark(database, kind)
    strays = await _remove_strays(database, client)
    if contradicted:
        await client.ensure_schema()
    mirror = Mirror(database, client, config)
    outcome = await mirror.drain(progress)
    async with database.read() as session:
        status = await sync_state.status(session, projection_version=projection.PROJECTION_VERSION)
    return Rebuilt(marked, strays, outcome.applied, status.pending, status.failed)


async def _can_ensure_schema(client: GraphClient) -> bool:
    try:
        await client.ensure_schema()
    except GraphRejected:
        return False
    return True


async def _mark(database: Database, kind: Kind) -> int:
    async with database.write() as session:
        await sync_state.reopen_marked(session, kind)
    marked = 0
    after: tuple[Any, ...] | None = None
    while True:
        # The read and the mark in one write transaction: a record deleted in between is not marked alive.
        async with database.write() as session:
            keys, after = await compare.page_of_keys(session, kind, after, BATCH)
            if not keys:
                return marked
            known = await sync_state.versions(session, kind, keys)
            unknown = [key for key in keys if key not in known]
            if unknown:
                await sync_state.reopen(session, kind, await _row_versions(session, kind, unknown))
        marked += len(keys)


async def _row_versions(session: Any, kind: Kind, keys: list[str]) -> dict[str, int]:
    columns = PROJECTIONS[kind].key_columns
    if kind in compare.KIND_CHAINS:
        return dict.fromkeys(keys, 1)
    versions = dict.fromkeys(keys, 1)
    entity = columns[0].class_
    if len(columns) == 1:
        whole = "id" in PROJECTIONS[kind].int_fields
        found = await session.execute(
            select(columns[0], entity.version).where(
                columns[0].in_([int(key) if whole else key for key in keys])
            )
        )
        versions |= {str(id_): max(1, version) for id_, version in found}
    return versions


async def _remove_strays(database: Database, client: GraphClient) -> int:
    report = await verify.verify(database, client, everything=True)
    parameters: dict[str, list[Any]] = defaultdict(list)
    touched: dict[Kind, set[str]] = defaultdict(set)
    for finding in report.findings:
        if finding.stray is not None:
            name, row = finding.stray
            parameters[name].append(row)
            if finding.record_kind is not None:
                touched[finding.record_kind].add(finding.key)
    gone = 0
    for name, values in parameters.items():
        field = "rows" if isinstance(values[0], dict) else "ids"
        for start in range(0, len(values), BATCH):
            statement = projection.statement(name, {field: values[start : start + BATCH]})
            gone += await _run(client, statement)
    if any(_is_misplaced(finding) for finding in report.findings):
        for name in ("delete_misplaced", "delete_misplaced_relationships"):
            gone += await _run(client, projection.statement(name, {}))
    # A record that came back, or was written by a worker, between the look and the removal.
    for kind, keys in touched.items():
        async with database.write() as session:
            alive = await compare.existing_keys(session, kind, sorted(keys))
            known = await sync_state.versions(session, kind, sorted(alive))
            await sync_state.reopen(
                session, kind, {key: known[key][0] if key in known else 1 for key in alive}
            )
    return gone


def _is_misplaced(finding: Finding) -> bool:
    return finding.kind == "EXTRA" and finding.record_kind is None


async def _run(client: GraphClient, statement: Statement) -> int:
    (rows,) = await client.write([statement], deadline_seconds=WRITE_SECONDS)
    return sum(row[0] for row in rows)
