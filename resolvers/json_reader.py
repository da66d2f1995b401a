"""Write, for one selection, the function that turns a statement's lists into the JSON of the answer.

graphql-core spends microseconds on each field; most of what it does is decided by the selection and the schema,
so it is decided once, here, and what is left is written as plain loops: no Python call for a field or a record
(a call costs more than all the rest, and deep ones meet the borders of CPython's frame stack).

The function checks what graphql-core checks: null where none may be, numbers out of range, names that an
enumeration does not have. On the first breach it gives up; the same rows are then read as Rows, and graphql-core
says what is wrong with them. A selection that holds anything else than the graph's own values is not read here.
"""

from __future__ import annotations

import functools
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from types import CodeType
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_leaf_type,
)

from graph.layout import (
    Aggregates,
    Answers,
    Either,
    Joined,
    JoinedAggregates,
    Key,
    Layout,
    Many,
    Map,
    One,
    Pages,
    Read,
    Record,
    Same,
    Unfit,
    Value,
)
from graph.shapes import Kind
from resolvers.ids import PREFIXES, SHAPES, UUID, known

_EPOCH = datetime(1970, 1, 1)  # naive: its text has no offset, and Z is put behind it
_KEPT = 4  # layouts of one selection: statements differ by which arguments are given


class AskedField(Protocol):
    """What is read of resolvers.selection.Asked."""

    name: str
    definition: GraphQLField
    below: Any


Below = Mapping[str, Sequence[tuple[str, AskedField | None]]]
"""Concrete type -> (response key, field) in the order of the answer; no field is __typename."""


class NotReadable(Exception):
    """Something in the selection is not the graph's own to answer."""


class JsonReader:
    """Make (and keep) the functions for what one field asks."""

    __slots__ = ("_below", "_made", "_type")

    def __init__(self, type_: Any, below: Below | None) -> None:
        self._type = type_
        self._below = below or {}
        self._made: dict[int, tuple[Layout, Read | None]] = {}

    def __call__(self, layout: Layout) -> Read | None:
        """Return the function for a layout, None where graphql-core must read."""
        found = self._made.get(id(layout))
        if found is None or found[0] is not layout:
            try:
                read: Read | None = write(self._type, self._below, layout)
            except NotReadable:
                read = None
            if len(self._made) >= _KEPT:
                self._made.clear()
            found = self._made[id(layout)] = (layout, read)
        return found[1]


def write(type_: Any, below: Below, layout: Layout) -> Read:
    """Return the function for a type, what is asked below it, and a layout; raise NotReadable."""
    writer = _Writer()
    if isinstance(layout, Answers):
        if len(layout.members) != 1:
            raise NotReadable
        answer = writer.value(type_, below, layout.members[0], "value[0]", 1)
    else:
        answer = writer.value(type_, below, layout, "value", 1)
    writer.line(1, f"return {answer}")
    source = "\n".join(["def read(value, inputs):", *writer.head, *writer.lines])
    namespace = dict(writer.names)
    try:
        code = _compiled(source)
    except SyntaxError:
        raise NotReadable from None  # Python nests twenty loops at most
    exec(code, namespace)  # noqa: S102 (made of names that GraphQL's grammar allows, quoted)
    read: Read = namespace["read"]
    return read


@functools.lru_cache(maxsize=128)
def _compiled(source: str) -> CodeType:
    return compile(source, "<json reader>", "exec")


class _Writer:
    """Write the lines of one function; each method returns the expression of its value, to be used once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.head: list[str] = []
        self.names: dict[str, Any] = {
            "Unfit": Unfit,
            "base64": b2a_base64,
            "EPOCH": _EPOCH,
            "delta": timedelta,
        }
        self._count = 0

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def fresh(self, letter: str = "v") -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def given(self, value: Any) -> str:
        """Return a name for a value that the function needs."""
        name = self.fresh("g")
        self.names[name] = value
        return name

    def assigned(self, source: str, depth: int, letter: str = "v") -> str:
        name = self.fresh(letter)
        self.line(depth, f"{name} = {source}")
        return name

    def value(self, type_: Any, below: Below, layout: Layout | None, source: str, depth: int) -> str:
        never_null = isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if never_null else type_
        match layout:
            case Value():
                return self._plain(inner, layout.kind, source, depth, never_null)
            case Same():
                if not is_leaf_type(inner):
                    raise NotReadable
                return self.given(inner.coerce_output_value(layout.value))
            case Record():
                return self._record(below, layout, source, depth)
            case Either():
                return self._either(below, layout, source, depth)
            case Many():
                return self._many(inner, below, layout, source, depth, never_null)
            case One():
                return self._one(inner, below, layout, source, depth, never_null)
            case Aggregates():
                return self._aggregates(below, layout, source, depth, never_null)
            case Joined():
                return self._joined(inner, below, layout, source, depth, never_null)
            case JoinedAggregates():
                return self._joined_aggregates(below, layout, source, depth, never_null)
            case Pages():
                return self._page(below, layout, source, depth)
            case Map():
                return self._map(below, layout, source, depth)
        raise NotReadable

    # —— Values ——

    def _plain(self, type_: Any, kind: Kind, source: str, depth: int, never_null: bool) -> str:
        if isinstance(type_, GraphQLList):
            if kind is not Kind.LIST or not never_null:
                raise NotReadable
            values, one, checked = self.assigned(source, depth), self.fresh("r"), self.fresh("o")
            # An empty list property may be stored as null.
            self.line(depth, f"if {values} is not None and type({values}) is not list: raise Unfit")
            self.line(depth, f"{checked} = []")
            self.line(depth, f"for {one} in {values} or ():")
            item_type = type_.of_type
            item_never_null = isinstance(item_type, GraphQLNonNull)
            item = self._leaf(
                item_type.of_type if item_never_null else item_type,
                Kind.PLAIN,
                one,
                depth + 1,
                item_never_null,
            )
            self.line(depth + 1, f"{checked}.append({item})")
            return checked
        return self._leaf(type_, kind, source, depth, never_null)

    def _leaf(self, type_: Any, kind: Kind, source: str, depth: int, never_null: bool) -> str:
        value = self.assigned(source, depth)
        unless_null = "" if never_null else f"None if {value} is None else "
        if isinstance(type_, GraphQLEnumType):
            return f"{unless_null}{self.given(_names_of(type_))}[{value}]"
        if not isinstance(type_, GraphQLScalarType):
            raise NotReadable
        if kind is Kind.TIME:
            if type_.name != "DateTime":
                raise NotReadable
            text = f'(EPOCH + delta(0, 0, 0, {value})).isoformat("T", "milliseconds") + "Z"'
            return f"{unless_null}{text}"
        wrong = {
            "String": f"type({value}) is not str",
            "ID": f"type({value}) is not str",
            "Boolean": f"type({value}) is not bool",
            "Int": f"type({value}) is not int or not -2147483648 <= {value} <= 2147483647",
            # What is not finite is not equal to itself, or its difference to itself is not.
            "Float": f"type({value}) is not float or {value} - {value} != 0.0",
        }.get(type_.name)
        if wrong is None:
            raise NotReadable
        if type_.name == "Float" and kind is Kind.FLOAT:
            self.line(depth, f"if type({value}) is int: {value} = float({value})")
        condition = wrong if never_null else f"{value} is not None and ({wrong})"
        self.line(depth, f"if {condition}: raise Unfit")
        return value

    # —— Records ——

    def _record(self, below: Below, layout: Record, source: str, depth: int) -> str:
        record = source if source.isidentifier() else self.assigned(source, depth, "r")
        parts = []
        for key, asked in _fields(below, layout.typename):
            if asked is None:
                parts.append(f"{key!r}: {layout.typename!r}")
                continue
            place, inner = layout.members[key]
            if isinstance(inner, Key):
                answer = self._global_id(layout, record)
            else:
                answer = self.value(
                    asked.definition.type, asked.below or {}, inner, f"{record}[{place}]", depth
                )
            parts.append(f"{key!r}: {answer}")
        return "{" + ", ".join(parts) + "}"

    def _global_id(self, layout: Record, record: str) -> str:
        """Return the expression of resolvers.ids.encode for a record's key."""
        prefix = PREFIXES[layout.typename]
        if SHAPES[prefix] == (UUID,):
            name = f"ids_{prefix}"
            self.names[name] = known(prefix)
            return f"{name}[{record}[0]]"
        parts = ":".join(f"{{{record}[{place}]}}" for place in range(layout.key_size))
        # Plain and URL-safe base64 differ only for characters that no key has.
        return f'base64(f"{prefix}:{parts}".encode(), newline=False).rstrip(b"=").decode()'

    def _either(self, below: Below, layout: Either, source: str, depth: int) -> str:
        pair, found = self.assigned(source, depth), self.fresh("o")
        first, second = layout.options
        for start, option in ((f"if {pair}[0]:", second), ("else:", first)):
            self.line(depth, start)
            answer = self._record(below, option, f"{pair}[1]", depth + 1)
            self.line(depth + 1, f"{found} = {answer}")
        return found

    def _many(self, type_: Any, below: Below, layout: Many, source: str, depth: int, never_null: bool) -> str:
        if not isinstance(type_, GraphQLList):
            raise NotReadable
        values, found = self.assigned(source, depth), self.fresh("o")
        if not never_null:
            self.line(depth, f"if {values} is None: {found} = None")
            self.line(depth, "else:")
            depth += 1
        self._loop(type_, below, layout.item, values, "", found, depth)
        return found

    def _loop(
        self,
        type_: GraphQLList[Any],
        below: Below,
        item: Layout | None,
        values: str,
        place: str,
        found: str,
        depth: int,
    ) -> None:
        one, append = self.fresh("r"), self.fresh("a")
        self.line(depth, f"{found} = []")
        self.line(depth, f"{append} = {found}.append")
        self.line(depth, f"for {one} in {values}:")
        answer = self.value(type_.of_type, below, item, f"{one}{place}", depth + 1)
        self.line(depth + 1, f"{append}({answer})")

    def _one(self, type_: Any, below: Below, layout: One, source: str, depth: int, never_null: bool) -> str:
        values, found = self.assigned(source, depth), self.fresh("o")
        self.line(depth, f"if {values}:")
        answer = self.value(GraphQLNonNull(type_), below, layout.item, f"{values}[0]", depth + 1)
        self.line(depth + 1, f"{found} = {answer}")
        self.line(depth, "else:")
        self.line(depth + 1, "raise Unfit" if never_null else f"{found} = None")
        return found

    def _aggregates(self, below: Below, layout: Aggregates, source: str, depth: int, never_null: bool) -> str:
        values, found = self.assigned(source, depth), self.fresh("o")
        self.line(depth, f"if {values} is None:")
        self.line(depth + 1, "raise Unfit" if never_null else f"{found} = None")
        self.line(depth, "else:")
        depth += 1
        row = self.assigned(f"{values}[0] if {values} else {(None,) * len(layout.members)!r}", depth, "r")
        places = {key: (place, average) for place, (key, average) in enumerate(layout.members)}
        parts = []
        for key, asked in _fields(below, "MasterySummary"):
            if asked is None:
                parts.append(f"{key!r}: 'MasterySummary'")
                continue
            place, average = places[key]
            if average:
                part = self.assigned(f"{row}[{place}]", depth)
                text = f"None if {part} is None else round(float({part}), 12)"
            else:
                text = f"{row}[{place}] or 0"
            parts.append(f"{key!r}: {self.value(asked.definition.type, {}, Value(Kind.PLAIN), text, depth)}")
        self.line(depth, f"{found} = {{{', '.join(parts)}}}")
        return found

    # —— What a table of the row holds ——

    def _joined(
        self, type_: Any, below: Below, layout: Joined, source: str, depth: int, never_null: bool
    ) -> str:
        table, ends = self.fresh("t"), self.fresh("u")
        self.head.append(f"    {table} = inputs.tables[{layout.table}]")
        self.head.append(f"    {ends} = {self.given(layout.untouched)}(inputs)")
        found = self.fresh("o")
        self.line(depth, f"if {table} is None:")
        self.line(depth + 1, "raise Unfit" if never_null else f"{found} = None")
        self.line(depth, "else:")
        key = self.assigned(source, depth + 1)
        row = self.assigned(f"{table}.get({key})", depth + 1, "r")
        self.line(depth + 1, f"if {row} is None: {row} = [*{ends}[0], {key}, *{ends}[1]]")
        answer = self.value(GraphQLNonNull(type_), below, layout.item, row, depth + 1)
        self.line(depth + 1, f"{found} = {answer}")
        return found

    def _joined_aggregates(
        self, below: Below, layout: JoinedAggregates, source: str, depth: int, never_null: bool
    ) -> str:
        table, found = self.fresh("t"), self.fresh("o")
        self.head.append(f"    {table} = inputs.tables[{layout.table}]")
        self.line(depth, f"if {table} is None:")
        self.line(depth + 1, "raise Unfit" if never_null else f"{found} = None")
        self.line(depth, "else:")
        row = self.assigned(f"{table}.get({source})", depth + 1, "r")
        rows = f"[{row}[1:]] if {row} else []"
        answer = self._aggregates(below, Aggregates(layout.members), rows, depth + 1, never_null)
        self.line(depth + 1, f"{found} = {answer}")
        return found

    # —— Lists of their own shape ——

    def _page(self, below: Below, layout: Pages, source: str, depth: int) -> str:
        page = self.assigned(source, depth)
        rows = self.assigned(f"{page}[{layout.rows}]" if layout.rows is not None else "[]", depth, "p")
        size = self.assigned(f"{self.given(layout.size)}(inputs)", depth)
        more = self.assigned(f"len({rows}) > {size}", depth)
        self.line(depth, f"{rows} = {rows}[:{size}]{'[::-1]' if layout.backward else ''}")
        outside = "False" if layout.outside is None else f"bool({page}[{layout.outside}])"
        cursor = self.given(layout.cursor)
        info = {
            "hasNextPage": outside if layout.backward else more,
            "hasPreviousPage": more if layout.backward else outside,
            "startCursor": f"{cursor}({rows}[0]) if {rows} else None",
            "endCursor": f"{cursor}({rows}[-1]) if {rows} else None",
        }
        parts, index = [], -1
        for key, asked in _fields(below, layout.connection):
            if asked is None:
                parts.append(f"{key!r}: {layout.connection!r}")
                continue
            index += 1
            match asked.name:
                case "nodes":
                    answer = self._nodes(asked, layout, (index, -1), rows, depth)
                case "edges":
                    answer = self._edges(asked, layout, index, rows, cursor, depth)
                case "pageInfo":
                    texts = [
                        f"{name!r}: {info[each.name] if each is not None else repr('PageInfo')}"
                        for name, each in _fields(asked.below, "PageInfo")
                    ]
                    answer = "{" + ", ".join(texts) + "}"
                case "totalCount":
                    counted = self.assigned(f"{page}[{layout.total}]", depth)
                    text = f"{counted}[0] if {counted} else 0"
                    answer = self.value(asked.definition.type, {}, Value(Kind.PLAIN), text, depth)
                case _:
                    raise NotReadable
            parts.append(f"{key!r}: {answer}")
        return "{" + ", ".join(parts) + "}"

    def _nodes(self, asked: AskedField, layout: Pages, place: tuple[int, int], rows: str, depth: int) -> str:
        column, item = layout.items[place]
        found = self.fresh("o")
        self._loop(_list_of(asked), asked.below, item, rows, f"[{layout.width + column}]", found, depth)
        return found

    def _edges(self, asked: AskedField, layout: Pages, index: int, rows: str, cursor: str, depth: int) -> str:
        found, row, append = self.fresh("o"), self.fresh("r"), self.fresh("a")
        self.line(depth, f"{found} = []")
        self.line(depth, f"{append} = {found}.append")
        self.line(depth, f"for {row} in {rows}:")
        parts, edge_index = [], -1
        for key, each in _fields(asked.below, layout.edge):
            if each is None:
                parts.append(f"{key!r}: {layout.edge!r}")
                continue
            edge_index += 1
            if each.name == "cursor":
                parts.append(f"{key!r}: {cursor}({row})")
                continue
            column, item = layout.items[index, edge_index]
            source = f"{row}[{layout.width + column}]"
            answer = self.value(each.definition.type, each.below, item, source, depth + 1)
            parts.append(f"{key!r}: {answer}")
        self.line(depth + 1, f"{append}({{{', '.join(parts)}}})")
        return found

    def _map(self, below: Below, layout: Map, source: str, depth: int) -> str:
        drawn = self.assigned(source, depth)
        parts = []
        for key, asked in _fields(below, "ConceptGraph"):
            if asked is None:
                parts.append(f"{key!r}: 'ConceptGraph'")
                continue
            name, column, item = layout.members[key]
            if name == "truncated":
                parts.append(f"{key!r}: {drawn}[1] > {self.given(layout.limit)}(inputs)")
                continue
            found = self.fresh("o")
            values, place = (
                (f"{drawn}[0]", f"[{column}]") if name == "concepts" else (f"{drawn}[2][{column}]", "")
            )
            self._loop(_list_of(asked), asked.below, item, values, place, found, depth)
            parts.append(f"{key!r}: {found}")
        return "{" + ", ".join(parts) + "}"


def _fields(below: Below, typename: str) -> Sequence[tuple[str, AskedField | None]]:
    if typename not in below:
        raise NotReadable  # the layout is not of what was asked
    return below[typename]


def _list_of(asked: AskedField) -> GraphQLList[Any]:
    type_: Any = asked.definition.type
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if not isinstance(inner, GraphQLList):
        raise NotReadable
    return inner


@functools.cache
def _names_of(type_: GraphQLEnumType) -> dict[str, str]:
    """Return value in the graph -> name, as graphql-core answers it."""
    found = {}
    for value in type_.values.values():
        text = value.value.value if isinstance(value.value, Enum) else value.value
        found[text] = type_.coerce_output_value(text)
    return found
