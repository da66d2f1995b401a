"""`python -m benchmarks`: seed, start everything, compare the answers, measure, report."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import extras, growth, publish, report
from benchmarks.dataset import SIZES, Size, mirror, write_sql
from benchmarks.measure import Cell, Rules, askable, same_answers, side_by_side
from benchmarks.servers import ROOT, BenchError, Neo4j, neo4j, start_api, start_peer
from graph.client import GraphConfig
from sql.session import migrate_sync

PEERS = ("plain", "apollo", "strawberry")
PARTS = ("start", "side", "sizes", "mutations", "memory", "growth")
WORK = ROOT / "var" / "bench"
Keep = Callable[..., None]


def say(line: str) -> None:
    """Tell what goes on, on standard error; the report goes to standard output."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one short round")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="length of each measurement (3; quick: 1)")
    parser.add_argument("--without", action="append", default=[], choices=PEERS, help="leave a peer out")
    parser.add_argument("--shape", action="append", default=[], help="only this shape")
    parser.add_argument("--part", action="append", default=[], choices=PARTS, help="only this part")
    parser.add_argument(
        "--requests", type=int, help="requests before memory is read last (10000; quick: 1000)"
    )
    parser.add_argument("--nodes", type=int, help="largest graph of the part growth (100000; up to 1000000)")
    parser.add_argument(
        "--publish", action="store_true", help="write docs/ from the last results; run nothing"
    )
    parser.add_argument("--fresh", action="store_true", help="write the data again")
    return parser.parse_args()


def seed(graph: Neo4j, data: Path, size: Size) -> None:
    """Write the data once; a folder with the mark `seeded` has it already."""
    mark = data / "seeded"
    url = f"sqlite+aiosqlite:///{(data / 'lab-tutor.db').as_posix()}"
    if mark.exists():
        migrate_sync(url)
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    started = time.monotonic()
    say(f"writing the {size.name} data to SQL")
    say(f"{asyncio.run(write_sql(url, size))} rows in SQL; now the graph")
    config = GraphConfig(uri=graph.uri, username="neo4j", password=graph.password, database="neo4j")
    count = asyncio.run(mirror(url, size, config, say))
    mark.write_text(repr(size))
    say(f"{count} records mirrored; {time.monotonic() - started:.0f} s in all")


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def kept(file: Path, size: Size) -> dict[str, Any]:
    """Return what was measured so far on data of this size."""
    plain = json.loads(json.dumps(asdict(size)))
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found if found.get("size") == plain else {"size": plain}


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    size = SIZES["quick" if options.quick else "full"]
    file = WORK / f"results-{size.name}.json"
    if options.publish:
        smaller = WORK / "results-quick.json"
        publish.publish(kept(file, size), kept(smaller, SIZES["quick"]))
        return
    parts = options.part or list(PARTS)

    def keep(**found: Any) -> None:
        # Read anew: another run may have measured another part meanwhile.
        file.write_text(json.dumps({**kept(file, size), **found}, indent=1))

    if set(parts) - {"growth"}:
        folder = WORK / size.name
        mark = folder / "data" / "seeded"
        # Data of another size, or half written, would be mixed with the new.
        if options.fresh or not mark.exists() or mark.read_text() != repr(size):
            shutil.rmtree(folder, ignore_errors=True)
        with neo4j(folder / "neo4j") as graph:
            seed(graph, folder / "data", size)
            _on_the_data(options, parts, size, graph, folder / "data", keep)
    if "growth" in parts:
        _on_growing_graphs(options, keep)
    print("\n".join(report.whole(kept(file, size))))
    say(f"all figures: {file.relative_to(ROOT)}; python -m benchmarks --publish writes docs/ from them")


def _on_the_data(
    options: argparse.Namespace, parts: list[str], size: Size, graph: Neo4j, data: Path, keep: Keep
) -> None:
    quick = options.quick
    if "start" in parts:
        keep(first_request=extras.first_request(graph, size, WORK, data, say))
    with contextlib.ExitStack() as stack:
        servers = [start_api(graph, WORK, data)]
        stack.callback(servers[0].stop)
        for name in PEERS if {"side", "sizes"} & set(parts) else ():
            if name not in options.without:
                say(f"installing and starting {name}")
                servers.append(start_peer(name, graph, WORK))
                stack.callback(servers[-1].stop)
        if "side" in parts:
            shapes = [each for each in askable(say) if not options.shape or each.name in options.shape]
            rules = Rules(
                rounds=options.rounds or (1 if quick else 3),
                seconds=options.seconds or (1.0 if quick else 3.0),
                warm_up_seconds=2.0 if quick else 8.0,
            )
            keep(answer_bytes=same_answers(servers, shapes, size, say), before=machine())
            titles = {server.name: server.title for server in servers}

            def after_round(cells: list[Cell]) -> None:
                keep(
                    rules=asdict(rules),
                    servers=titles,
                    cells=[asdict(cell) for cell in cells],
                    targets=report.judged(cells),
                    after=machine(),
                )

            side_by_side(servers, shapes, size, graph.pid, rules, say, after_round)
        seconds = 1.0 if quick else 4.0
        if "sizes" in parts:
            keep(answer_sizes=extras.answer_sizes(servers, size, graph, seconds, say))
        if "mutations" in parts:
            keep(mutations=extras.mutations(servers[0], size, graph, data, seconds, say))
    if "memory" in parts:
        server = start_api(graph, WORK, data)
        try:
            requests = options.requests or (1_000 if quick else 10_000)
            keep(memory=extras.memory(server, size, graph, requests, say))
        finally:
            server.stop()


def _on_growing_graphs(options: argparse.Namespace, keep: Keep) -> None:
    """Use data of its own, which is thrown away: nobody else shall find the filling."""
    folder, size = WORK / "growth", SIZES["growth"]
    shutil.rmtree(folder, ignore_errors=True)
    most = options.nodes or (10_000 if options.quick else 100_000)
    steps = [nodes for nodes in (1_000, 10_000, 100_000, 1_000_000) if nodes <= most]
    with neo4j(folder / "neo4j") as graph, contextlib.ExitStack() as stack:
        seed(graph, folder / "data", size)
        servers = [start_api(graph, WORK, folder / "data"), start_peer("plain", graph, WORK)]
        for server in servers:
            stack.callback(server.stop)
        keep(growth=growth.growth(servers, size, graph, steps, 1.0 if options.quick else 3.0, say))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"benchmarks: {error}")
