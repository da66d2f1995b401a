"""Aggregate mastery over a set of skills: the expressions, and the reader of what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import graph.model
from graph.plan import Build, Row
from graph.selection import Field, Selection
from graph.space import Space, UnknownField

TYPE = "MasterySummary"
NOT_STARTED = "notStartedCount"


def fields_of(asked: Field) -> tuple[Field, ...]:
    """Return what is asked of a summary."""
    return (asked.selection or Selection()).fields(TYPE)


def aggregates(build: Build, space: Space, path: str, fields: Sequence[Field]) -> list[tuple[str, str]]:
    """Return (expression, variable) of each field over `@skill` and `@r`; a count where nothing is asked."""
    found = [(aggregate(space, each.name), build.variable(f"{path}_{each.response_key}")) for each in fields]
    return found or [("count(*)", build.variable(f"{path}_count"))]


def aggregate(space: Space, name: str) -> str:
    """Return the expression of one field of a summary."""
    if name == "averageMastery":
        return space.render("avg(@r.current_mastery)")
    if name == "skillCount":
        return space.render("count(@skill)")
    category = graph.model.SUMMARY_COUNTS.get(name)
    if category is None:
        raise UnknownField(f"{TYPE}.{name}")
    return space.render(
        f"sum(CASE WHEN coalesce(@r.mastery_category, 'NOT_STARTED') = '{category}' THEN 1 ELSE 0 END)"
    )


def members(fields: Sequence[Field]) -> list[tuple[str, bool]]:
    """Return the response key of each field, and whether it is an average (else a count)."""
    return [(each.response_key, each.name == "averageMastery") for each in fields]


def reader(fields: Sequence[Field]) -> Callable[[Sequence[Any] | None], Row]:
    """Return what makes a summary of the aggregates, or of nothing at all."""
    readers = members(fields)

    def read(parts: Sequence[Any] | None) -> Row:
        values: dict[str, Any] = {}
        for (name, is_average), part in zip(readers, parts or [None] * len(readers), strict=False):
            if is_average:
                # The engines add in different orders; what differs is noise of the sixteenth digit.
                values[name] = None if part is None else round(float(part), 12)
            else:
                values[name] = part or 0  # a sum over nothing is null on the embedded engine
        return Row(TYPE, values)

    return read


def joiner(fields: Sequence[Field]) -> Callable[[int, Sequence[Any] | None], list[Any]]:
    """Return what makes the aggregates over a set of its size, and (number of edges, aggregates over them).

    Skills without an edge are no part of the aggregates; they are not started.
    """
    sizes = [place for place, each in enumerate(fields) if each.name == "skillCount"]
    untouched = [place for place, each in enumerate(fields) if each.name == NOT_STARTED]
    nothing: list[Any] = [None if average else 0 for _, average in members(fields)]

    def join(size: int, found: Sequence[Any] | None) -> list[Any]:
        edges, parts = (found[0], list(found[1:])) if found else (0, list(nothing))
        for place in sizes:
            parts[place] = size
        for place in untouched:
            parts[place] += size - edges
        return parts

    return join
