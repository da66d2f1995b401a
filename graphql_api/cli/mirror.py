"""The mirror from the command line: run, once, status, retry, verify, repair, rebuild."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sql.sync_claims
import sql.sync_operations
import sql.sync_status
from graph.client import GraphClient
from graph.errors import GraphError, GraphRejected, GraphUnavailable
from graphql_api.cli import terminal
from graphql_api.metrics import Metrics
from graphql_api.opening import OpeningError, Stores, opened
from graphql_api.settings import Settings
from mirror.compare import Finding
from mirror.projection import PROJECTION_VERSION
from mirror.rebuild import rebuild
from mirror.repair import Mended, repair
from mirror.verify import look, to_json
from sql.models import Kind

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
        Metrics().track(stores)
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


async def _status(stores: Stores) -> sql.sync_status.Status:
    async with stores.database.read() as session:
        return await sql.sync_status.status(session, projection_version=PROJECTION_VERSION)


def _graph(stores: Stores) -> GraphClient:
    if stores.graph is None or stores.graph_problem is not None:
        raise OpeningError(stores.graph_problem or "There is no graph")
    return stores.graph


def retry(*, kind: Kind | None, key: str | None, dry_run: bool) -> None:
    """Give dead letters another try."""
    terminal.run(_retry(terminal.settings_or_exit(), kind, key, dry_run))


async def _retry(settings: Settings, kind: Kind | None, key: str | None, dry_run: bool) -> None:
    shown = count = 0
    async with opened(settings, graph=False) as stores:
        async with stores.database.read() as session:
            async for row in sql.sync_operations.dead_letters(session, kind=kind, key=key):
                count += 1
                if shown < SHOWN_FINDINGS:
                    shown += 1
                    reason = row.last_error or "no reason was kept"
                    terminal.answer(
                        f"{row.kind.value} {row.key} version {row.version}, attempts {row.attempts}: {reason}"
                    )
        if count > shown:
            terminal.answer(f"... and {count - shown} more")
        if dry_run:
            terminal.answer(f"dead letters  {count}; without --dry-run they are put back in line")
            return
        async with stores.database.write() as session:
            count = await sql.sync_claims.requeue(session, kind=kind, key=key)
    terminal.answer(f"put back in line {count}; a worker tries them, or: lab-tutor mirror once")


def verify_graph(*, as_json: bool) -> None:
    """Compare the graph with SQL."""
    terminal.run(_verify(terminal.settings_or_exit(), as_json))


async def _verify(settings: Settings, as_json: bool) -> None:
    async with opened(settings, make_schema=False) as stores:
        client, total = _graph(stores), await _records(stores)
        told = _Findings(as_json)
        compared = 0
        with _graph_errors(), terminal.progress("Comparing SQL and the graph") as report:
            async for looked in look(stores.database, client):
                compared += looked.compared
                told.add(looked.findings)
                report(compared, max(compared, total))
    told.end(checkedCount=compared, findingCount=told.count, clean=not told.count)
    if not as_json:
        verdict = f"{told.count} findings" if told.count else "the graph is what SQL says"
        terminal.answer(f"{compared} records compared: {verdict}")
    if told.count:
        raise SystemExit(terminal.EXIT_FAILED)


def repair_graph(*, apply: bool, as_json: bool) -> None:
    """Mend what differs, or say what would be done."""
    terminal.run(_repair(terminal.settings_or_exit(), apply, as_json))


async def _repair(settings: Settings, apply: bool, as_json: bool) -> None:
    async with opened(settings, make_schema=False) as stores:
        client, total = _graph(stores), await _records(stores)
        told = _Findings(as_json)
        sums = Mended()
        with _graph_errors():
            with terminal.progress("Comparing SQL and the graph") as report:
                async for findings, sums in repair(stores.database, client, apply=apply):
                    told.add(findings)
                    report(sums.compared, max(sums.compared, total))
            if apply and sums.findings:
                with terminal.progress("Mirroring to the graph") as report:
                    await stores.mirror.drain(report)
        left = await _status(stores)
    told.end(
        checkedCount=sums.compared,
        findingCount=sums.findings,
        applied=apply,
        recordCount=sums.records,
        strayCount=sums.strays,
        pending=left.pending,
        failed=left.failed,
    )
    if not as_json:
        verb = "" if apply else "would be "
        terminal.answer(
            f"{sums.compared} records compared, {sums.findings} findings: {sums.records} records {verb}written "
            f"again, {sums.strays} strays {verb}removed"
        )
    if not apply and sums.findings:
        terminal.say("nothing was changed; --apply mends it")
        raise SystemExit(terminal.EXIT_FAILED)
    if apply and (left.pending or left.failed):
        terminal.fail("not everything could be written; see: lab-tutor mirror status")


async def _records(stores: Stores) -> int:
    async with stores.database.read() as session:
        return await sql.sync_operations.count_records(session)


class _Findings:
    """Tells findings while they are found: as text, the first ones; as one JSON object, all of them."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.count = 0
        if as_json:
            sys.stdout.write('{"findings": [')

    def add(self, findings: Sequence[Finding]) -> None:
        """Tell some more."""
        for finding in findings:
            self.count += 1
            if self.as_json:
                separator = ", " if self.count > 1 else ""
                sys.stdout.write(separator + json.dumps(to_json(finding), default=str))
            elif self.count <= SHOWN_FINDINGS:
                _tell(finding)

    def end(self, **totals: int) -> None:
        """Tell what they come to."""
        if self.as_json:
            sys.stdout.write(f"], {json.dumps(totals)[1:]}\n")
            sys.stdout.flush()
        elif self.count > SHOWN_FINDINGS:
            terminal.answer(f"... and {self.count - SHOWN_FINDINGS} more; --json prints all")


def _tell(finding: Finding) -> None:
    record = f"{finding.record_kind.value} " if finding.record_kind is not None else ""
    terminal.answer(f"{finding.kind}: {record}{finding.key}: {finding.message}")
    for item in finding.fields:
        terminal.answer(f"    {item.field}: the graph has {item.graph!r}, SQL has {item.sql!r}")


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
