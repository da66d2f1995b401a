"""Name the building blocks of the model: how a field, an edge, a page and a type are described.

Templates are Cypher with two kinds of placeholders. `@name` is a variable: one of the roles of the parent
(`@self`, or for an edge type `@r`, `@source` and so on), or a new one that is named after the response path;
`@item` is the new record itself. `$name` is a parameter, filled from the argument of that name. Where a
template has a WITH, it names every variable that is used behind it: the embedded engine forgets the others
silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

SELF: Mapping[str, str] = {"self": "item"}


class Kind(Enum):
    """How a value travels and what it becomes in Python."""

    PLAIN = "plain"
    TIME = "time"  # travels as epoch milliseconds (temporal values cost ten times as much), becomes aware UTC
    FLOAT = "float"
    LIST = "list"  # null, as an empty list property may be stored, becomes []


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of the record itself; `missing` stands where it is null, as on an edge that is not there."""

    expression: str
    kind: Kind = Kind.PLAIN
    missing: Any = None

    @property
    def template(self) -> str:
        """Return the expression with what stands where it is null."""
        return self.expression if self.missing is None else f"coalesce({self.expression}, {self.missing!r})"


@dataclass(frozen=True, slots=True)
class Absent:
    """A field that the caller answers from another store by the row's key; the value here is None."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A field that is the same for every record of the graph."""

    value: Any


@dataclass(frozen=True, slots=True)
class Bound:
    """An edge whose far end is already a variable: no further match."""

    target: str
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Argument:
    """How an argument becomes a parameter (`convert`), and the condition that it adds when it is given.

    With `match` it is where a page starts instead: what is left is less than what a condition would look at.
    """

    condition: str = ""
    convert: str = "plain"  # a name in graph.plan.CONVERT, so that plans stay comparable
    match: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a record to others.

    `match` finds them, `arguments` narrow them, `then` prepares what order and roles need, `order` is total:
    it ends with ids. `bound` is the greatest number; with `limit_argument` it is the number where the client
    says none. With `guarded` the answer is null unless the viewer may see the student's mastery in the course
    of `@self`; it binds `@student`. Deep in the tree of a `@course`, where many records would search one edge
    each, `joined` finds all of them as a table by `@self`'s key (graph/joins.py).
    """

    target: tuple[str, ...]
    match: str
    order: tuple[str, ...] = ("@item.id",)
    then: str = ""
    roles: Mapping[str, str] = field(default_factory=lambda: SELF)
    many: bool = True
    bound: int = 50
    limit_argument: str | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    guarded: bool = False
    joined: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Aggregates over skills and mastery edges (`@skill`, `@r`); conditions stand behind `then`.

    `joined` as in Edge: it finds the skills of all parents, each with its `@parent`.
    """

    match: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    then: str = ""
    guarded: bool = False
    joined: str = ""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One part of an order; never null, or keyset paging would lose the record."""

    expression: str
    kind: type[str] | type[int] | type[float] = str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A total order; `prepare` computes what its keys need.

    Of a whole list, not narrowed by an argument, `match` and `then` are another way, which brings that along.
    """

    keys: tuple[SortKey, ...]
    prepare: str = ""
    match: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A connection: `match`, `arguments` and `then` as in Edge, and the orders by the value of `orderBy`.

    The order under "" holds where the field has no orderBy. `where` holds always; the conditions of
    `late_arguments` stand behind `then`.
    """

    target: str
    match: str
    orders: Mapping[str, Order]
    then: str = ""
    where: str = ""
    roles: Mapping[str, str] = field(default_factory=lambda: SELF)
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    late_arguments: Mapping[str, Argument] = field(default_factory=dict)

    @property
    def connection(self) -> str:
        """Return the GraphQL name of the connection type."""
        return f"{self.target}Connection"

    @property
    def edge(self) -> str:
        """Return the GraphQL name of the connection's edge type."""
        return f"{self.target}Edge"


Member = Scalar | Absent | Constant | Bound | Edge | Summary | Page


@dataclass(frozen=True, slots=True)
class GraphType:
    """One GraphQL type of the graph, or a SQL type from whose key graph fields hang.

    `key` are the parts of the natural key; `lookup` binds the roles from `@key`. `label` decides between the
    concrete types of an abstract one. `course` and `student` are projected for looked-up records, for policy.
    """

    name: str
    key: tuple[str, ...]
    lookup: str
    members: Mapping[str, Member]
    label: str = ""
    course: str = ""
    student: str = ""


def plain(name: str, role: str = "self", missing: Any = None) -> Scalar:
    """Return a field that is a property as it is."""
    return Scalar(f"@{role}.{name}", missing=missing)


def time(name: str, role: str = "self") -> Scalar:
    """Return a field that is a moment."""
    return Scalar(f"@{role}.{name}.epochMillis", Kind.TIME)


def real(expression: str, missing: float | None = None) -> Scalar:
    """Return a field that is a floating-point number."""
    return Scalar(expression, Kind.FLOAT, missing)
