"""Brings the whole graph back to what SQL says, while writes and workers run. Can be started again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graph.client import GraphClient
from graph.errors import GraphRejected
from mirror import projection, repair
from mirror.projection import KINDS_BY_RANK
from mirror.verify import look
from mirror.worker import Mirror, MirrorConfig
from sql import sync_marks, sync_status
from sql.scopes import EVERYTHING, Scope
from sql.session import Database


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
    progress: Callable[[int, int], None] = lambda _, __: None,
    config: MirrorConfig | None = None,
) -> Rebuilt:
    """Mark every record, remove strays of the project's own labels, and write everything anew.

    `progress` gets (done, total): each record is compared first, to find what is too much, and then written. Other
    labels and their nodes are never touched. A rebuild that was cut off has marked and removed nothing that the next
    one, or any worker, would not finish.
    """
    # Copies of a node keep its constraint from being made again: they have to go first.
    contradicted = not await _can_ensure_schema(client)
    marked = 0
    for kind in KINDS_BY_RANK:
        # One kind at a time, so that writers wait for none of them long.
        async with database.write() as session:
            marked += await sync_marks.mark_kind(session, kind, EVERYTHING)
    strays = await sweep(
        database, client, progress=lambda compared: progress(min(compared, marked), 2 * marked)
    )
    if contradicted:
        await client.ensure_schema()
    mirror = Mirror(database, client, config)
    outcome = await mirror.drain(lambda done, total: progress(marked + done, marked + total))
    async with database.read() as session:
        status = await sync_status.status(session, projection_version=projection.PROJECTION_VERSION)
    return Rebuilt(marked, strays, outcome.applied, status.pending, status.failed)


async def sweep(
    database: Database,
    client: GraphClient,
    scope: Scope = EVERYTHING,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Take away what is too much in the graph, whether its record is on its way or not; return how many.

    `progress` gets how many records are compared.
    """
    gone = compared = 0
    async for looked in look(database, client, everything=True, scope=scope):
        compared += looked.compared
        progress(compared)
        strays = [item for item in looked.findings if item.stray is not None or item.record_kind is None]
        if strays:
            cure = await repair.find_cure(database, strays)
            gone += await repair.take_away(database, client, cure)
            async with database.write() as session:
                await repair.put_in_line(session, cure.records)
    return gone


async def _can_ensure_schema(client: GraphClient) -> bool:
    try:
        await client.ensure_schema()
    except GraphRejected:
        return False
    return True
