"""Say how a statement's positional lists are laid out, as data.

The compiler makes a layout beside each shaper. A shaper reads the lists into Rows; from the layout a caller may
make a reader of its own, which reads them into whatever it answers with (resolvers/json_reader.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.joins import Untouched
from graph.shapes import Kind

# What a reader raises for values that it does not read: the Rows are made then.
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, OverflowError)


class Unfit(ValueError):
    """A value is not what the field's type allows."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """Hold an answer in the caller's own form; its reader checked it, so nobody looks into it again."""

    value: Any


@dataclass(frozen=True, slots=True)
class Value:
    """One value."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Same:
    """No place in the list: every record has this value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Key:
    """No place of its own: the natural key, which opens the record."""


@dataclass(frozen=True, slots=True)
class Record:
    """A list: the `key_size` parts of the natural key, then values by place."""

    typename: str
    key_size: int
    members: Mapping[str, tuple[int, Layout | None]]
    """Response key -> place in the list and layout; None for what another store answers."""


@dataclass(frozen=True, slots=True)
class Either:
    """A pair: 0 or 1, and a record of the first or the second layout."""

    options: tuple[Record, Record]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of items; null where the viewer may not see it."""

    item: Layout


@dataclass(frozen=True, slots=True)
class One:
    """A list with at most one item; null where the viewer may not see it."""

    item: Layout


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A list with at most one list of aggregates; null where the viewer may not see it."""

    members: Sequence[tuple[str, bool]]
    """Response key, and whether it is an average (else a count)."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A key, which finds a record in a table of the row (Inputs.tables); null where there is no table."""

    table: int
    item: Layout
    untouched: Untouched


@dataclass(frozen=True, slots=True)
class JoinedAggregates:
    """A key, which finds (key, aggregates) in a table of the row; null where there is no table."""

    table: int
    members: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Pages:
    """A list of the parts of a connection that were asked for.

    A row of `rows` opens with `width` parts of the sort key; its further columns are records.
    """

    connection: str
    edge: str
    rows: int | None
    total: int | None
    outside: int | None
    width: int
    backward: bool
    items: Mapping[tuple[int, int], tuple[int, Layout | None]]
    """(position of the connection's field, position below `edges` or -1) -> column and layout of a node."""
    size: Callable[[Any], int]
    """Inputs -> size of the page."""
    cursor: Callable[[list[Any]], str]


@dataclass(frozen=True, slots=True)
class Map:
    """A row: rows of concepts by column, how many there are, and a list of relations by column."""

    members: Mapping[str, tuple[str, int, Layout | None]]
    """Response key -> name (concepts, relations, truncated), column, layout of an item."""
    limit: Callable[[Any], int]
    """Inputs -> the greatest number of concepts."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A list with the answer of each field that hangs from a parent."""

    members: tuple[Layout | None, ...]


Layout = (
    Value
    | Same
    | Key
    | Record
    | Either
    | Many
    | One
    | Aggregates
    | Joined
    | JoinedAggregates
    | Pages
    | Map
    | Answers
)
Read = Callable[[Any, Any], Any]
"""(value, inputs) -> the caller's form; raises one of UNREADABLE."""
Reader = Callable[[Layout], Read | None]
"""Make a Read for a layout; None where it holds something that the caller can not read by itself."""
