"""Turns what was measured into ratios, holds them against the targets, and writes table and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Measured
from benchmarks.measure import Cell


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio of ours to a peer's that is to be at most `bound`."""

    shape: str
    figure: str
    peer: str
    bound: float
    connections: int = 8

    @property
    def words(self) -> str:
        """Return what is compared."""
        names = {"api": "API CPU", "neo4j": "Neo4j CPU", "p50_ms": f"p50 at {self.connections}"}
        return f"{names[self.figure]}, {self.shape}, to {self.peer}"


TARGETS: tuple[Target, ...] = (
    *(Target(shape, "api", "plain", bound) for shape, bound in (("small", 1.25), ("mid", 1.15))),
    *(Target(shape, "api", "plain", 1.0) for shape in ("outline", "big")),
    *(Target(shape, "api", "apollo", 1 / bound) for shape, bound in (("small", 2.5), ("mid", 4.0))),
    *(Target(shape, "api", "apollo", 1 / 15) for shape in ("outline", "big")),
    Target("outline", "neo4j", "apollo", 1.0),
    Target("mastery", "neo4j", "apollo", 1 / 3),
    Target("class_page", "neo4j", "apollo", 1 / 10),
    *(
        Target(shape, "p50_ms", "apollo", 1.0, connections)
        for shape in ("small", "mid", "outline", "big", "mastery", "mastery_page", "class_page")
        for connections in (1, 8)
    ),
)


def figure(cell: Cell, name: str) -> float:
    """Return a cell's figure: CPU by process or a median of latencies."""
    return cell.cpu(name) if name in ("api", "neo4j") else cell.middle(name)


def ratio(ours: Cell, theirs: Cell, name: str) -> float:
    """Return the median over the rounds of ours to theirs: neighbours in time, so under the same load."""

    def value(cell: Cell, number: int) -> float:
        measured = cell.rounds[number]
        return measured.cpu_us[name] if name in ("api", "neo4j") else float(getattr(measured, name))

    rounds = range(min(len(ours.rounds), len(theirs.rounds)))
    return statistics.median(value(ours, each) / max(value(theirs, each), 1e-9) for each in rounds)


def by_place(cells: Iterable[Cell]) -> dict[tuple[str, str, int], Cell]:
    """Return the cells by (shape, server, connections)."""
    return {(cell.shape, cell.server, cell.connections): cell for cell in cells}


def judged(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return each target that could be measured with its ratio and whether it was hit."""
    found = by_place(cells)
    rows = []
    for target in TARGETS:
        ours = found.get((target.shape, "api", target.connections))
        theirs = found.get((target.shape, target.peer, target.connections))
        if ours is None or theirs is None:
            continue
        value = ratio(ours, theirs, target.figure)
        rows.append(
            {"what": target.words, "bound": target.bound, "ratio": value, "hit": value <= target.bound}
        )
    return rows


def table(cells: Sequence[Cell], titles: dict[str, str]) -> list[str]:
    """Return the measured figures as a Markdown table, a row for each shape and server."""
    found = by_place(cells)
    shapes = list(dict.fromkeys(cell.shape for cell in cells))
    connections = sorted({cell.connections for cell in cells})
    most = connections[-1]
    heads = ["shape", "server", "API CPU us", "to ours", "Neo4j CPU us", "to ours"]
    heads += [f"p50 / p99 ms at {each}" for each in connections] + [f"requests/s at {most}"]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for shape in shapes:
        ours = found[shape, "api", most]
        for server, title in titles.items():
            cell = found.get((shape, server, most))
            if cell is None:
                continue
            row = [shape, title, f"{cell.cpu():,.0f}", f"{ratio(cell, ours, 'api'):.2f}"]
            row += [f"{cell.cpu('neo4j'):,.0f}", f"{ratio(cell, ours, 'neo4j'):.2f}"]
            for each in connections:
                at = found[shape, server, each]
                row.append(f"{at.middle('p50_ms'):.1f} / {at.middle('p99_ms'):.1f}")
            row.append(f"{cell.middle('per_second'):,.0f}")
            lines.append("| " + " | ".join(row) + " |")
    return lines


def target_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the targets as a Markdown table."""
    lines = ["| target | at most | measured | |", "| --- | --- | --- | --- |"]
    for row in rows:
        state = "hit" if row["hit"] else "**missed**"
        lines.append(f"| {row['what']} | {row['bound']:.3g} | {row['ratio']:.3g} | {state} |")
    return lines


def cells_of(results: dict[str, Any]) -> list[Cell]:
    """Return the cells of a results file."""
    return [
        Cell(each["shape"], each["server"], each["connections"], [Measured(**one) for one in each["rounds"]])
        for each in results.get("cells", [])
    ]


def rows_table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> list[str]:
    """Return rows as a Markdown table; `columns` are field -> heading."""
    lines = ["| " + " | ".join(columns.values()) + " |", "| --- " * len(columns) + "|"]
    for row in rows:
        cells = [_shown(row[name]) for name in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def whole(results: dict[str, Any]) -> list[str]:
    """Return all that was measured as Markdown."""
    lines: list[str] = []

    def heading(text: str, name: str) -> list[str]:
        on_smaller = name in results.get("on_smaller_data", ())
        return [f"### {text}{', on the data of --quick' if on_smaller else ''}", ""]

    cells = cells_of(results)
    if cells:
        lines += ["### Side by side", "", *table(cells, results["servers"]), ""]
        lines += ["### Targets", "", *target_table(judged(cells)), ""]
    if rows := results.get("answer_sizes"):
        names = {"objects": "objects", "server": "server", "api_us": "API CPU us", "neo4j_us": "Neo4j CPU us"}
        lines += heading("Cost against the size of the answer", "answer_sizes")
        lines += [*rows_table(rows, {**names, "p50_ms": "p50 ms"}), ""]
    if rows := results.get("growth"):
        names = {"nodes": "nodes", "shape": "shape", "server": "server", "api_us": "API CPU us"}
        lines += ["### Cost against the size of the graph", ""]
        lines += [*rows_table(rows, {**names, "neo4j_us": "Neo4j CPU us", "p50_ms": "p50 ms"}), ""]
    if rows := results.get("mutations"):
        names = {"connections": "connections", "per_second": "mutations/s", "api_us": "API CPU us"}
        names |= {"neo4j_us": "Neo4j CPU us", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
        lines += heading("Mutations with the mirror on", "mutations")
        lines += [*rows_table(rows, {**names, "caught_up_s": "s until the graph had them all"}), ""]
    if rows := results.get("memory"):
        lines += heading("Memory", "memory")
        lines += [*rows_table(rows, {"requests": "after requests", "rss_mb": "MB"}), ""]
    if found := results.get("first_request"):
        names = {"listening_s": "s until it listens", "request_1_ms": "first answer ms"}
        names |= {"request_2_ms": "second ms", "request_100_ms": "hundredth ms"}
        lines += heading("First request after the start", "first_request")
        lines += [*rows_table([found], names), ""]
    return lines
