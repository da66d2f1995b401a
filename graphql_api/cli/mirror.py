"""The mirror from the command line: run, once, status, verify, rebuild."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import sql.sync_state
from graph.client import GraphClient
from graph.errors import GraphError, GraphRejected, GraphUnavailable
from graphql_api.cli import terminal
from graphql_api.opening import OpeningError, Stores, opened
from graphql_api.settings import Settings
from mirror.projection import PROJECTION_VERSION
from mirror.rebuild import rebuild
from mirror.verify import verify

SHOWN_FINDINGS = 50


def run() -> None:
    """Mirror until SIGTERM or Ctrl-C; the batch at hand is finished first."""
    terminal.run(_run(terminal.settings_or_exit()))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with opened(settings) as stores:
        if stores.graph is None:
            raise OpeningError(stores.graph_problem or "There is no graph to mirror to")
        terminal.say("mirroring; Ctrl-C ends it")
        await stores.mirror.run(stop)


def once() -> None:
    """Mirror what waits now."""
    terminal.run(_once(terminal.settings_or_exit()))


async def _once(settings: Settings) -> None:
    async with opened(settings) as stores:
        _graph(stores)
        with _graph_errors(), terminal.progress("Mirroring to the graph") as report:
            outcome = await stores.mirror.drain(report)
        left = await _status(stores)
        terminal.answer(f"mirrored {outcome.applied}, waiting {left.pending}, dead letters {left.failed}")
        if left.pending or left.failed:
            terminal.fail("not everything could be mirrored; see: lab-tutor mirror status")


def status(*, as_json: bool) -> None:
    """Say how far the graph is."""
    terminal.run(_print_status(terminal.settings_or_exit(), as_json))


async def _print_status(settings: Settings, as_json: bool) -> None:
    async with opened(settings, graph=False) as stores:
        found = await _status(stores)
    oldest = found.oldest_pending_at.isoformat() if found.oldest_pending_at else None
    last = found.last_synced_at.isoformat() if found.last_synced_at else None
    if as_json:
        told = {
            "pending": found.pending,
            "failed": found.failed,
            "oldestPendingAt": oldest,
            "lastSyncedAt": last,
            "lastError": found.last_error,
        }
        terminal.answer(json.dumps(told))
    else:
        terminal.answer(f"waiting       {found.pending}" + (f", the oldest since {oldest}" if oldest else ""))
        terminal.answer(f"dead letters  {found.failed}")
        terminal.answer(f"last mirrored {last or 'never'}")
        if found.last_error:
            terminal.answer(f"last error    {found.last_error}")
    if found.failed:
        raise SystemExit(terminal.EXIT_FAILED)


async def _status(stores: Stores) -> sql.sync_state.Status:
    async with stores.database.read() as session:
        return await sql.sync_state.status(session, projection_version=PROJECTION_VERSION)


def _graph(stores: Stores) -> GraphClient:
    if stores.graph is None or stores.graph_problem is not None:
        raise OpeningError(stores.graph_problem or "There is no graph")
    return stores.graph


def verify_graph(*, as_json: bool) -> None:
    """Compare the graph with SQL."""
    terminal.run(_verify(terminal.settings_or_exit(), as_json))


async def _verify(settings: Settings, as_json: bool) -> None:
    async with opened(settings, make_schema=False) as stores:
        client = _graph(stores)
        with _graph_errors():
            report = await verify(stores.database, client)
    if as_json:
        terminal.answer(json.dumps(report.to_json(), default=str))
    else:
        for finding in report.findings[:SHOWN_FINDINGS]:
            record = f"{finding.record_kind.value} " if finding.record_kind is not None else ""
            terminal.answer(f"{finding.kind}: {record}{finding.key}: {finding.message}")
            for item in finding.fields:
                terminal.answer(f"    {item.field}: the graph has {item.graph!r}, SQL has {item.sql!r}")
        if len(report.findings) > SHOWN_FINDINGS:
            terminal.answer(f"... and {len(report.findings) - SHOWN_FINDINGS} more; --json prints all")
        verdict = "the graph is what SQL says" if report.clean else f"{len(report.findings)} findings"
        terminal.answer(f"{report.checked_count} records compared: {verdict}")
    if not report.clean:
        raise SystemExit(terminal.EXIT_FAILED)


def rebuild_graph() -> None:
    """Write the whole graph again."""
    terminal.run(_rebuild(terminal.settings_or_exit()))


async def _rebuild(settings: Settings) -> None:
    async with opened(settings) as stores:
        client = _graph(stores)
        with _graph_errors(), terminal.progress("Writing the graph again") as report:
            done = await rebuild(stores.database, client, progress=report)
    terminal.answer(
        f"records {done.marked}, written {done.applied}, strays removed {done.strays}, "
        f"waiting {done.pending}, dead letters {done.failed}"
    )
    if done.pending or done.failed:
        terminal.fail("not everything could be written; see: lab-tutor mirror status")


@contextmanager
def _graph_errors() -> Iterator[None]:
    """Tell an error of the graph in a sentence; what was not done stays to be done."""
    try:
        yield
    except GraphUnavailable as error:
        terminal.fail(f"the graph went away ({error.reason}); run it again once the graph is back")
    except GraphRejected as error:
        terminal.fail(f"the graph refuses a statement ({error.code})")
    except GraphError as error:
        terminal.fail(str(error))
