"""Plant a small bug for each promise of the mirror and show that a test sees it.

For every bug: copy the project, replace one text by another (the text must be there exactly once), and run the
tests that are named for it. At least one has to fail.

    .venv/bin/python scripts/planted_bugs.py [--sound] [--list] [WORD ...]

Only the copies are changed. Runs on SQLite and the embedded engine, 10 to 60 seconds
a bug, two at a time. Exit code 1 when a bug was seen by nobody.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 900


@dataclass(frozen=True)
class Bug:
    """What is planted where, and the tests that are there to see it."""

    promise: str
    name: str
    patches: tuple[tuple[str, str, str], ...]  # (file, text, text instead)
    tests: tuple[str, ...]


def _bug(promise: str, name: str, file: str, old: str, new: str, *tests: str) -> Bug:
    return Bug(promise, name, ((file, old, new),), tests)


WORKER, CARRIER = "mirror/worker.py", "mirror/carrier.py"
STATE, CLAIMS, CLIENT = "sql/sync_state.py", "sql/sync_claims.py", "graph/client.py"
CYPHER = "graph/cypher/mirror"
GUARD = "row.version >= held AND row.version > buried_version"

BUGS = (
    _bug(
        "R1",
        "the mark is committed by itself",
        STATE,
        "    await _append_to_write(session, kind, texts, versions)\n    return",
        "    await _append_to_write(session, kind, texts, versions)\n    await session.commit()\n    return",
        "tests/sql/test_sync_state.py::test_a_rolled_back_change_leaves_no_mark",
    ),
    _bug(
        "R1",
        "a write is committed before it is whole",
        STATE,
        "    await _append_to_write(session, kind, texts, versions)\n    return",
        "    await _append_to_write(session, kind, texts, versions)\n    await session.commit()\n    return",
        "tests/faults/test_databases.py::test_an_api_killed_inside_its_sql_transaction",
    ),
    _bug(
        "R1",
        "a full disk passes for a fault of the code",
        "sql/session.py",
        '("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")',
        '("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN")',
        "tests/faults/test_databases.py::test_a_full_disk_refuses_writes_and_keeps_the_api",
    ),
    _bug(
        "R2",
        "blind upsert: CREATE instead of MERGE",
        f"{CYPHER}/upsert_theories.cypher",
        "MERGE (n)<-[link:HAS_THEORY]-(parent)",
        "CREATE (n)<-[link:HAS_THEORY]-(parent)",
        "tests/faults/test_outages.py::test_an_unknown_outcome_at_commit_is_done_once_in_effect",
    ),
    _bug(
        "R3",
        "no version guard",
        f"{CYPHER}/upsert_chapters.cypher",
        GUARD,
        "row.version > buried_version",
        "tests/faults/test_order.py::test_an_old_write_that_arrives_late_changes_nothing",
    ),
    _bug(
        "R3",
        "an old order over a new one",
        f"{CYPHER}/rewrite_theory_sequences.cypher",
        "row.version >= held AND size(nodes) = row.size",
        "size(nodes) = row.size",
        "tests/faults/test_order.py::test_an_old_order_that_arrives_late_leaves_the_chain",
    ),
    _bug(
        "R4",
        "a late upsert resurrects",
        f"{CYPHER}/upsert_theories.cypher",
        GUARD,
        "row.version >= held",
        "tests/faults/test_order.py::test_an_upsert_that_lands_after_the_delete_resurrects_nothing",
    ),
    _bug(
        "R4",
        "a late enrollment comes back",
        f"{CYPHER}/upsert_enrollments.cypher",
        GUARD,
        "row.version >= held",
        "tests/faults/test_state_machine.py",
    ),
    _bug(
        "R5",
        "the head of the line blocks it",
        WORKER,
        "limit = max(1, limit // 8) if suspicious else self.config.batch_size",
        "limit = self.config.batch_size",
        "tests/faults/test_order.py::test_a_poison_record_holds_up_nobody",
    ),
    _bug(
        "R5",
        "a refused batch is not halved",
        CARRIER,
        "        if len(claims) == 1:\n            return await self._refused",
        "        if claims:\n            return await self._refused",
        "tests/mirror/test_worker.py::test_a_poisoned_record_is_buried_and_the_others_pass",
    ),
    _bug(
        "R5",
        "a leased record is claimed by a second worker",
        CLAIMS,
        "waits = [*_IN_LINE, dirty(projection_version), free]",
        "waits = [*_IN_LINE, dirty(projection_version), or_(free, SyncRecord.id > 0)]",
        "tests/sql/test_sync_state.py",
    ),
    _bug(
        "R6",
        "acknowledged before the graph has it",
        CARRIER,
        "        batch.answer = await self._send(batch.plan, deadline_seconds)",
        "        async with self.database.write() as early:\n"
        "            known = [(c.id, batch.plan.versions[c.kind, c.key]) for c in batch.claims]\n"
        "            await sync_claims.acknowledge(early, known, PROJECTION_VERSION)\n"
        "        batch.answer = await self._send(batch.plan, deadline_seconds)",
        "tests/faults/test_crashes.py::test_an_api_killed_after_its_sql_commit",
    ),
    _bug(
        "R6",
        "a change made during the projection is forgotten",
        CLAIMS,
        '"next_attempt_at": case((table.c.version > newest, moment), else_=None),',
        '"next_attempt_at": None,',
        "tests/mirror/test_worker.py::test_a_change_made_during_the_projection_is_not_lost",
        "tests/sql/test_sync_state.py",
    ),
    _bug(
        "R6",
        "the newest version is acknowledged, not the one applied",
        CLAIMS,
        "        newest = case(",
        "        reached = table.c.version\n        newest = case(",
        "tests/faults/test_state_machine.py",
    ),
    _bug(
        "R7",
        "leases never end",
        CLAIMS,
        "        SyncRecord.leased_until <= moment,\n",
        "",
        "tests/faults/test_concurrency.py::test_a_worker_killed_while_it_holds_records",
    ),
    _bug(
        "R8",
        "backoff without a cap",
        CLAIMS,
        "min(BACKOFF_CAP_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempts, 20))",
        "BACKOFF_FIRST_SECONDS * 2 ** min(attempts, 20)",
        "tests/sql/test_sync_state.py::test_backoff_grows_to_its_cap",
    ),
    _bug(
        "R8",
        "a new change does not start the count again",
        STATE,
        '                "attempts": 0,\n                "next_attempt_at": insert.excluded',
        '                "next_attempt_at": insert.excluded',
        "tests/sql/test_sync_state.py::test_postponing_counts_and_a_new_change_starts_over",
    ),
    Bug(
        "R9",
        "an outage makes dead letters",
        (
            (
                CARRIER,
                "GraphConflict, GraphRejected\nfrom",
                "GraphConflict, GraphRejected, GraphUnavailable\nfrom",
            ),
            (
                CARRIER,
                "        except (GraphConflict, GraphRejected) as error:\n",
                "        except (GraphConflict, GraphRejected, GraphUnavailable) as caught:\n"
                "            away = isinstance(caught, GraphUnavailable)\n"
                "            error = GraphRejected(caught.reason) if away else caught\n",
            ),
        ),
        ("tests/faults/test_outages.py::test_a_graph_that_is_away_delays_nobody_and_loses_nothing",),
    ),
    _bug(
        "R9",
        "what the graph refuses for good is tried for ever",
        CLIENT,
        '    "Neo.ClientError.Statement.",\n',
        "",
        "tests/faults/test_order.py::test_a_poison_record_holds_up_nobody",
    ),
    _bug(
        "R9",
        "what passes by is taken for a refusal",
        CLIENT,
        '    "Neo.ClientError.Procedure.",\n',
        '    "Neo.ClientError.Procedure.",\n    "Neo.ClientError.Database.",\n',
        "tests/faults/test_outages.py::test_what_a_graph_says_in_passing_buries_nothing",
    ),
    Bug(
        "R10",
        "an inline attempt without a deadline",
        (
            (WORKER, "async with asyncio.timeout(deadline_seconds):", "async with asyncio.timeout(None):"),
            (WORKER, "await self.project(claims, deadline_seconds)\n", "await self.project(claims, 600)\n"),
        ),
        ("tests/faults/test_outages.py::test_a_graph_that_is_away_delays_nobody_and_loses_nothing",),
    ),
    _bug(
        "R11",
        "no start without the graph",
        "graphql_api/opening.py",
        "if problem is not None and settings.graph_required:",
        "if problem is not None:",
        "tests/faults/test_outages.py::test_everything_starts_and_stays_up_while_the_graph_is_down",
    ),
    _bug(
        "R11",
        "SIGTERM drops what is under way",
        "graphql_api/cli/mirror.py",
        "for number in (signal.SIGINT, signal.SIGTERM):",
        "for number in (signal.SIGINT,):",
        "tests/faults/test_concurrency.py::test_sigterm_in_a_slow_write_finishes_it",
    ),
    _bug(
        "R12",
        "MERGE before the constraints",
        CLIENT,
        "        for definition in await self._missing_definitions(deadline_seconds):\n            # One",
        "        for definition in []:\n            # One",
        "tests/faults/test_repair.py::test_what_was_changed_by_hand_is_found_and_mended",
    ),
    _bug(
        "R13",
        "a rebuild skips what was written before",
        "mirror/rebuild.py",
        "marked += await sync_marks.mark_kind(session, kind, EVERYTHING)",
        "marked += int(bool(sync_marks))",
        "tests/faults/test_repair.py::test_a_rebuild_during_writes_with_strays_and_foreign_nodes",
    ),
    _bug(
        "R13",
        "a rebuild keeps strays",
        "mirror/rebuild.py",
        "    strays = await sweep(",
        "    strays = 0 and await sweep(",
        "tests/faults/test_repair.py::test_a_rebuild_during_writes_with_strays_and_foreign_nodes",
    ),
    _bug(
        "R14",
        "verify does not look at the constraints",
        "mirror/verify.py",
        "for name in await client.missing_schema(deadline_seconds=compare.READ_SECONDS)",
        "for name in list[str]()",
        "tests/faults/test_repair.py::test_what_was_changed_by_hand_is_found_and_mended",
    ),
    _bug(
        "R15",
        "an e-mail address goes to the graph",
        "mirror/rows.py",
        '("id", "role"), ("first_name", "last_name"), _TIMES',
        '("id", "role"), ("first_name", "last_name", "email"), _TIMES',
        "tests/mirror/test_worker.py::test_no_e_mail_address_reaches_the_graph",
    ),
    _bug(
        "R16",
        "a clock that was set back stops a retry",
        CLAIMS,
        "            SyncRecord.next_attempt_at <= moment + timedelta(seconds=2 * BACKOFF_CAP_SECONDS),\n",
        "",
        "tests/sql/test_sync_state.py::test_a_clock_step_stops_no_retry",
    ),
    _bug(
        "R17",
        "writers on SQLite read before they lock",
        "sql/session.py",
        '"BEGIN IMMEDIATE" if write else "BEGIN"',
        '"BEGIN"',
        "tests/sql/test_session.py",
        "tests/sql/test_sync_state.py",
    ),
    _bug(
        "R19",
        "writes pile up where there is no graph",
        WORKER,
        "            await self._tidy_without_graph(stop)",
        "            await stop.wait()",
        "tests/mirror/test_worker.py::test_without_a_graph_old_writes_do_not_pile_up",
    ),
    _bug(
        "R18",
        "a graph that is away passes for well",
        "graphql_api/app.py",
        'well = graph != "unreachable" and mirror in ("ok", "disabled")',
        'well = mirror in ("ok", "disabled")',
        "tests/faults/test_outages.py::test_a_graph_that_is_away_delays_nobody_and_loses_nothing",
    ),
    _bug(
        "R20",
        "rows of an older projection are left",
        STATE,
        "        SyncRecord.projection_version < projection_version,\n",
        "",
        "tests/mirror/test_worker.py::test_a_newer_projection_replays_everything",
    ),
    _bug(
        "chain",
        "NEXT_THEORY is added to, not rewritten",
        f"{CYPHER}/rewrite_theory_sequences.cypher",
        "  FOREACH (old IN olds | DELETE old)\n",
        "",
        "tests/faults/test_order.py::test_an_old_order_that_arrives_late_leaves_the_chain",
    ),
    _bug(
        "chain",
        "a sequence does not wait for all its members",
        f"{CYPHER}/rewrite_chapter_sequences.cypher",
        "row.version >= held AND size(nodes) = row.size",
        "row.version >= held",
        "tests/mirror/test_projection.py::test_a_sequence_waits_for_all_its_members",
    ),
)


def _copy(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def patched(bug: Bug, folder: Path) -> dict[str, str]:
    """Return the files that a bug is in, with it; exits where a text is not there exactly once."""
    texts: dict[str, str] = {}
    for file, old, new in bug.patches:
        text = texts.get(file) or (folder / file).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise SystemExit(f"{bug.name}: {file} has this {text.count(old)} times, not once:\n{old}")
        texts[file] = text.replace(old, new)
    return texts


def _plant(bug: Bug, target: Path) -> None:
    for file, text in patched(bug, target).items():
        (target / file).write_text(text, encoding="utf-8")


def _run(tests: list[str], folder: Path) -> tuple[int, list[str], float]:
    """Return (exit code of pytest, failed tests with the reason, seconds)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAB_TUTOR_")}
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--tb=short",
            "-m",
            "not neo4j",
            "-p",
            "no:cacheprovider",
            *tests,
        ],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    # With the reason: a test that fails for want of time says nothing about the bug.
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+?::[^\n]+)$", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run {tests}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.returncode, failed, time.monotonic() - started


def _try(bug: Bug, folder: Path) -> tuple[Bug, tuple[int, list[str], float]]:
    with tempfile.TemporaryDirectory(dir=folder) as copied:
        target = Path(copied)
        _copy(target)
        _plant(bug, target)
        return bug, _run(list(bug.tests), target)


def _arguments(words: list[str], paper: str) -> argparse.Namespace:
    about, _, _ = paper.partition("    .venv")
    parser = argparse.ArgumentParser(
        description=about,
        epilog='Examples: "R11" plants both bugs of that promise, "R9 what passes" one of them, nothing plants all. '
        "all.\n"
        "Runs on SQLite and the embedded engine, 10 to 60 seconds a bug, two at a time.\n"
        "Exit code: 0 all were seen, 1 a bug was seen by nobody, 2 no such bug.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help='only the bugs whose "PROMISE NAME" begins so; see --list'
    )
    parser.add_argument(
        "--sound", action="store_true", help="show first that the same tests pass on the code as it is"
    )
    parser.add_argument("--list", action="store_true", help="print the bugs and plant none")
    return parser.parse_args(words)


def main(words: list[str], bugs: tuple[Bug, ...] = BUGS, paper: str = __doc__ or "") -> int:
    """Plant each bug in turn and print what saw it; return the exit code."""
    asked = _arguments(words, paper)
    chosen = [
        bug
        for bug in bugs
        if not asked.words or any(f"{bug.promise} {bug.name}".startswith(part) for part in asked.words)
    ]
    if not chosen:
        print(f"no bug begins with {' or '.join(asked.words)}: --list shows them", file=sys.stderr)
        return 2
    if asked.list:
        for bug in chosen:
            print(f"{bug.promise} {bug.name}: {', '.join(test.removeprefix('tests/') for test in bug.tests)}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for bug in chosen:
            # All texts first: a bug that cannot be planted any more is told at once.
            target = Path(folder) / "look"
            _copy(target)
            _plant(bug, target)
            shutil.rmtree(target)
        if asked.sound:
            target = Path(folder) / "sound"
            _copy(target)
            code, failed, _ = _run(sorted({test for bug in chosen for test in bug.tests}), target)
            if code:
                raise SystemExit(f"the tests fail without any bug: {failed}")
        missed = 0
        print("| Promise | Planted bug | Seen by | Seconds |\n| --- | --- | --- | --- |")
        # Two at a time: most of what the tests do is wait.
        with ThreadPoolExecutor(2) as pool:
            for bug, (code, failed, seconds) in pool.map(lambda bug: _try(bug, Path(folder)), chosen):
                missed += not code
                seen = failed[0].removeprefix("tests/").replace("|", "/")[:200] if failed else "**nobody**"
                print(f"| {bug.promise} | {bug.name} | {seen} | {seconds:.0f} |", flush=True)
        print(f"\n{len(chosen) - missed} of {len(chosen)} planted bugs were seen.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
