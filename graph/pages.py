"""Compile connections: one page by its sort key, and only the parts of the connection that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graph.cursors import SortValue, decode_cursor, encode_cursor
from graph.layout import Layout, Pages
from graph.plan import Address, Binder, Build, Inputs, Row, Shaper, plain_value
from graph.selection import Field, Selection
from graph.shapes import Order, Page
from graph.space import Projection, Space, collect, returned

DEFAULT_SIZE = 20


class Item(Protocol):
    """Compile the record that stands in a page (graph.projection.targets)."""

    def __call__(
        self,
        build: Build,
        names: Sequence[str],
        selection: Selection | None,
        bindings: Mapping[str, str],
        path: str,
        address: Address,
    ) -> Projection: ...


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The order of one page, rendered: aliases of the sort key, and whether each part descends."""

    name: str
    order: Order
    aliases: tuple[str, ...]
    backward: bool

    def by(self) -> str:
        """Return the ORDER BY, turned round for a page that is read from its end."""
        return "ORDER BY " + ", ".join(
            f"{alias} DESC" if key.descending != self.backward else alias
            for alias, key in zip(self.aliases, self.order.keys, strict=True)
        )

    def behind(self, values: Sequence[str], *, before: bool = False) -> str:
        """Return the condition that a sort key stands behind (or before) the given one."""
        condition = ""
        for alias, key, value in reversed(list(zip(self.aliases, self.order.keys, values, strict=True))):
            sign = "<" if key.descending != before else ">"
            step = f"{alias} {sign} {value}"
            condition = f"({step} OR ({alias} = {value} AND {condition}))" if condition else step
        return condition


def page(
    build: Build,
    page: Page,
    asked: Field,
    bindings: Mapping[str, str],
    path: str,
    address: Address,
    *,
    item: Item,
) -> Projection:
    """Compile a connection field."""
    given = {**page.arguments, **page.late_arguments}
    space = Space(build, bindings, path, address, given)
    name = plain_value(asked.arguments.get("orderBy") or "")
    if name not in page.orders:
        name = next(iter(page.orders))
    order = page.orders[name]

    def found(match: str, then: str) -> list[str]:
        lines = [space.render(match) + space.conditions(asked, page.arguments, page.where)]
        late = [space.render(then) + space.conditions(asked, page.late_arguments)] if then else []
        return lines + late

    narrow = [
        each.match for name, each in given.items() if each.match and asked.arguments.get(name) is not None
    ]
    prologue = found(narrow[0] if narrow else page.match, page.then)
    chosen = _Sorted(
        name,
        order,
        tuple(build.variable(f"{path}_by{index}") for index in range(len(order.keys))),
        asked.arguments.get("last") is not None,
    )
    fields = (asked.selection or Selection()).fields(page.connection)
    wanted = {each.name for each in fields}
    after = _cursor(build, chosen, path, address, asked, "after")
    before = _cursor(build, chosen, path, address, asked, "before")
    keyset = [chosen.behind(after)] if after else []
    keyset += [chosen.behind(before, before=True)] if before else []

    build.lists += 1
    items = _items(build, page, fields, space.roles(page.roles), path, address, item)
    build.lists -= 1
    parts: list[str] = []
    places: dict[str, int] = {}
    kept = space.carried(page.roles, [])
    keys = ", ".join(
        f"{space.render(key.expression)} AS {alias}"
        for key, alias in zip(order.keys, chosen.aliases, strict=True)
    )
    if order.match and not narrow:
        ordered = found(order.match, order.then)
    else:
        ordered = [*prologue, *([space.render(order.prepare)] if order.prepare else [])]
    prepared = [*ordered, f"WITH {kept}, {keys}"]
    names = ", ".join([kept, *chosen.aliases])
    if wanted - {"totalCount"}:
        limit = build.parameter(f"{path}_limit", _size(address))
        lines = list(prepared)
        if keyset:
            lines += [f"WHERE {' AND '.join(keyset)}", f"WITH {names}"]
        lines.append(f"{chosen.by()} LIMIT {limit}")
        row = ", ".join([*chosen.aliases, *(each.expression for each in items.projections)])
        answer = Projection(f"[{row}]", _unread, any(each.aggregates for each in items.projections))
        name = build.variable(f"{path}_row") if answer.aggregates else ""
        lines += returned(answer, names, name, chosen.by())
        places["rows"] = len(parts)
        parts.append(collect(lines))
    if "totalCount" in wanted:
        places["total"] = len(parts)
        parts.append(collect([*prologue, "RETURN count(*)"]))
    outer = before if chosen.backward else after
    asked_outside = "hasNextPage" if chosen.backward else "hasPreviousPage"
    if outer and _asks(fields, asked_outside):
        # What lies on the cursor's other side may have been deleted since: look, do not assume.
        outside = f"WHERE NOT ({chosen.behind(outer, before=chosen.backward)})"
        places["outside"] = len(parts)
        parts.append(collect([*prepared, outside, "RETURN 1 LIMIT 1"]))
    size = _size(address)
    layout = Pages(
        page.connection,
        page.edge,
        places.get("rows"),
        places.get("total"),
        places.get("outside"),
        len(chosen.aliases),
        chosen.backward,
        items.layouts,
        lambda inputs: size(inputs) - 1,
        _cursor_writer(chosen),
    )
    return Projection(
        "[" + ", ".join(parts) + "]",
        _shape(page, fields, chosen, places, items.shapes, address),
        aggregates=True,
        layout=layout,
    )


def _unread(value: Any, inputs: Inputs) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class _Items:
    projections: list[Projection]
    shapes: dict[tuple[int, int], tuple[int, Shaper]]
    layouts: dict[tuple[int, int], tuple[int, Layout | None]]


def _items(
    build: Build,
    page: Page,
    fields: Sequence[Field],
    roles: Mapping[str, str],
    path: str,
    address: Address,
    item: Item,
) -> _Items:
    """Compile each `nodes` and `edges.node` into a column of the page's rows; -1 marks `nodes`."""
    items = _Items([], {}, {})

    def add(place: tuple[int, int], selection: Selection | None, path: str, address: Address) -> None:
        compiled = item(build, (page.target,), selection, roles, path, address)
        items.shapes[place] = (len(items.projections), compiled.shape)
        items.layouts[place] = (len(items.projections), compiled.layout)
        items.projections.append(compiled)

    for index, asked in enumerate(fields):
        here = (*address, (page.connection, index))
        below = f"{path}_{asked.response_key}"
        if asked.name == "nodes":
            add((index, -1), asked.selection, below, here)
        elif asked.name == "edges":
            for edge_index, each in enumerate((asked.selection or Selection()).fields(page.edge)):
                if each.name == "node":
                    add(
                        (index, edge_index),
                        each.selection,
                        f"{below}_{each.response_key}",
                        (*here, (page.edge, edge_index)),
                    )
    return items


def _asks(fields: Sequence[Field], name: str) -> bool:
    return any(
        each.name == name
        for asked in fields
        if asked.name == "pageInfo"
        for each in (asked.selection or Selection()).fields("PageInfo")
    )


def _size(address: Address) -> Binder:
    def bind(inputs: Inputs) -> int:
        arguments = inputs.field_at(address).arguments
        size = arguments.get("last") if arguments.get("last") is not None else arguments.get("first")
        # One more than the page tells whether another page follows.
        return (DEFAULT_SIZE if size is None else max(0, size)) + 1

    return bind


def _cursor(
    build: Build, chosen: _Sorted, path: str, address: Address, asked: Field, argument: str
) -> list[str]:
    """Return the parameters that carry the sort key in a cursor, or nothing where none is given."""
    if asked.arguments.get(argument) is None:
        return []
    kinds = [key.kind for key in chosen.order.keys]

    def part(index: int) -> Callable[[Inputs], SortValue]:
        def bind(inputs: Inputs) -> SortValue:
            cursor = inputs.field_at(address).arguments[argument]
            return decode_cursor(cursor, chosen.name, kinds, argument)[index]

        return bind

    return [build.parameter(f"{path}_{argument}{index}", part(index)) for index in range(len(kinds))]


def _cursor_writer(chosen: _Sorted) -> Callable[[list[Any]], str]:
    width = len(chosen.aliases)
    floats = [index for index, key in enumerate(chosen.order.keys) if key.kind is float]

    def cursor(row: list[Any]) -> str:
        values = row[:width]
        for index in floats:
            values[index] = float(values[index])
        return encode_cursor(chosen.name, values)

    return cursor


def _shape(
    page: Page,
    fields: Sequence[Field],
    chosen: _Sorted,
    places: Mapping[str, int],
    shapes: Mapping[tuple[int, int], tuple[int, Shaper]],
    address: Address,
) -> Shaper:
    width = len(chosen.aliases)
    size_of = _size(address)
    cursor = _cursor_writer(chosen)

    def edges(asked: Field, index: int, rows: list[list[Any]], inputs: Inputs) -> list[Row]:
        found = []
        for row in rows:
            values: dict[str, Any] = {}
            for edge_index, each in enumerate((asked.selection or Selection()).fields(page.edge)):
                if each.name == "cursor":
                    values[each.response_key] = cursor(row)
                else:
                    column, shape_item = shapes[index, edge_index]
                    values[each.response_key] = shape_item(row[width + column], inputs)
            found.append(Row(page.edge, values))
        return found

    def shape(value: Any, inputs: Inputs) -> Row:
        rows: list[list[Any]] = value[places["rows"]] if "rows" in places else []
        size = size_of(inputs) - 1
        more = len(rows) > size
        outside = bool(value[places["outside"]]) if "outside" in places else False
        rows = rows[:size]
        if chosen.backward:
            rows = rows[::-1]
        info = {
            "hasNextPage": outside if chosen.backward else more,
            "hasPreviousPage": more if chosen.backward else outside,
            "startCursor": cursor(rows[0]) if rows else None,
            "endCursor": cursor(rows[-1]) if rows else None,
        }
        values: dict[str, Any] = {}
        for index, asked in enumerate(fields):
            match asked.name:
                case "nodes":
                    column, shape_item = shapes[index, -1]
                    values[asked.response_key] = [shape_item(row[width + column], inputs) for row in rows]
                case "edges":
                    values[asked.response_key] = edges(asked, index, rows, inputs)
                case "pageInfo":
                    chosen_info = (asked.selection or Selection()).fields("PageInfo")
                    values[asked.response_key] = Row(
                        "PageInfo", {each.response_key: info[each.name] for each in chosen_info}
                    )
                case "totalCount":
                    counted = value[places["total"]]
                    values[asked.response_key] = counted[0] if counted else 0
        return Row(page.connection, values)

    return shape
