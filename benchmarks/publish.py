"""Writes what was measured last into docs/: the tables, the plot, the figures for machines."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import plot, report
from benchmarks.servers import ROOT, BenchError

PARTS = ("answer_sizes", "mutations", "memory", "first_request")
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
BUSY = (
    " The machine was busy with other work, several times over: times in milliseconds say little, single ratios are"
    " rough, and only differences of a factor mean something."
)
LINKS = (
    "![Cost of a request as multiples of Lab Tutor's](performance.svg)",
    "",
    "All figures, round by round: [performance.json](performance.json).",
)


def publish(results: dict[str, Any], smaller: dict[str, Any]) -> None:
    """Replace the measured part of docs/performance.md; write performance.svg and performance.json beside it.

    Parts that were measured on the smaller data alone are taken from there, and it is said.
    """
    borrowed = [name for name in PARTS if name not in results and name in smaller]
    results = {**results, **{name: smaller[name] for name in borrowed}, "on_smaller_data": borrowed}
    cells = report.cells_of(results)
    if not cells:
        raise BenchError("there are no results to publish; run: make bench")
    size, rules, before, after = (results[name] for name in ("size", "rules", "before", "after"))
    load = sorted((before["load_average"], after["load_average"]))
    note = (
        f"{after['at'][:10]}, {after['cores']} cores, load average {load[0]:.0f} to {load[1]:.0f}; "
        f"{size['courses']} courses, {size['students']:,} students, {size['masteries']:,} masteries; "
        f"{len(cells[0].rounds)} interleaved round(s), {rules['seconds']:g} s for each measurement"
    )
    page = PAGE.read_text(encoding="utf-8")
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{PAGE.name} has lost its marks {BEGIN} and {END}")
    # The load generator, a server, Neo4j and the collector of its JVM are four by themselves.
    busy = load[1] > max(4, after["cores"])
    shown = "\n".join(
        [f"Measured {note}.{BUSY if busy else ''}", "", *LINKS, "", *report.whole(results)]
    ).rstrip()
    PAGE.write_text(f"{head}{BEGIN}\n{shown}\n{END}{tail}", encoding="utf-8")
    (ROOT / "docs" / "performance.svg").write_text(
        plot.chart(cells, results["servers"], note), encoding="utf-8"
    )
    (ROOT / "docs" / "performance.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
