"""Join a student's edges with the skills of a tree: in the caller's hands, not edge by edge on the server.

Cypher can not look things up by a key of its own making, so a tree with a student's mastery would search the edge
of each skill anew. Instead a statement returns the tree and, beside it, tables of the student's edges in the
course; a record of the tree finds its row by its key, and without one it is untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Table = Mapping[Any, list[Any]] | None
"""Key of a record in the tree -> its row; None where the viewer may not see any of it."""


@dataclass(slots=True)
class Joins:
    """Gather the tables of one statement; `course` is the expression of the course that all is about."""

    course: str
    expressions: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def add(self, expression: str, place: int) -> int:
        """Return the number of a new table, whose rows have their key at a place."""
        self.expressions.append(expression)
        self.places.append(place)
        return len(self.places) - 1


def read_tables(places: Sequence[int], found: Sequence[Any]) -> tuple[Table, ...]:
    """Return the tables of one row of a statement."""
    return tuple(
        None if rows is None else {row[place]: row for row in rows}
        for place, rows in zip(places, found, strict=True)
    )


Untouched = Callable[[Any], tuple[list[Any], list[Any]]]
"""Inputs -> what stands before and behind the key in the row of a record that no edge leads to."""
