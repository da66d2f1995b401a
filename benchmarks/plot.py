"""A bar chart as SVG, written by hand: API CPU and Neo4j CPU of each peer as multiples of ours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log

from benchmarks.measure import Cell
from benchmarks.report import by_place, ratio

WIDTH, LEFT, RIGHT, TOP = 860, 120, 30, 66
BAR, GAP, PANEL_GAP = 13, 10, 46
COLOURS = {"api": "#0f766e", "plain": "#94a3b8", "apollo": "#e11d48", "strawberry": "#d97706"}
MOST = 40.0


def chart(cells: Sequence[Cell], titles: dict[str, str], note: str) -> str:
    """Return the SVG: one panel for the API's processes, one for Neo4j; the axis is logarithmic, 1 is ours."""
    found = by_place(cells)
    connections = max(cell.connections for cell in cells)
    shapes = list(dict.fromkeys(cell.shape for cell in cells))
    panels = (
        ("api", "CPU of the API's processes for each request"),
        ("neo4j", "CPU of Neo4j for each request"),
    )
    group = BAR * len(titles) + GAP
    panel = group * len(shapes) + PANEL_GAP
    height = TOP + panel * len(panels) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#1f2937" role="img" aria-labelledby="t">',
        f'<title id="t">{escape(note)}</title>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="24" font-size="16" font-weight="600">'
        "Cost of a request, as multiples of Lab Tutor's (right of 1x: costs more)</text>",
    ]
    x = 16
    for server, title in titles.items():
        parts.append(f'<rect x="{x}" y="36" width="11" height="11" fill="{COLOURS[server]}"/>')
        parts.append(f'<text x="{x + 16}" y="46">{escape(title)}</text>')
        x += 40 + round(6.6 * len(title))
    for number, (process, heading) in enumerate(panels):
        top = TOP + panel * number
        parts.append(f'<text x="16" y="{top + 14}" font-weight="600">{heading}</text>')
        below = top + 24 + group * len(shapes)
        for line in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40):
            at = _x(line)
            weight = 1.5 if line == 1 else 0.5
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top + 22}" y2="{below}" stroke="#94a3b8" '
                f'stroke-width="{weight}"/><text x="{at:.1f}" y="{below + 13}" text-anchor="middle" '
                f'fill="#6b7280" font-size="10">{line:g}x</text>'
            )
        for row, shape in enumerate(shapes):
            y = top + 24 + group * row
            parts.append(
                f'<text x="{LEFT - 10}" y="{y + group / 2}" text-anchor="end">{escape(shape.replace("_", " "))}</text>'
            )
            ours = found[shape, "api", connections]
            for place, server in enumerate(titles):
                cell = found.get((shape, server, connections))
                if cell is None:
                    continue
                value = ratio(cell, ours, process)
                left, right = sorted((_x(1), _x(value)))
                bar = y + BAR * place
                parts.append(
                    f'<rect x="{left:.1f}" y="{bar}" width="{max(right - left, 2):.1f}" height="{BAR - 2}" '
                    f'fill="{COLOURS[server]}"/><text x="{max(right, _x(1)) + 5:.1f}" y="{bar + 10}" '
                    f'font-size="10">{value:.2f}</text>'
                )
    parts.append(f'<text x="16" y="{height - 10}" fill="#6b7280" font-size="10">{escape(note)}</text></svg>')
    return "\n".join(parts) + "\n"


def _x(value: float) -> float:
    low, high = log(0.1), log(MOST)
    share = (log(min(max(value, 0.1), MOST)) - low) / (high - low)
    return LEFT + share * (WIDTH - LEFT - RIGHT - 30)
