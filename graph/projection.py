"""Compile records, edges and summaries into positional lists, with the shapers that read them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import graph.layout
import graph.model
from graph import pages, summaries
from graph.joins import Joins
from graph.layout import Aggregates, Joined, JoinedAggregates, Layout, Many, One, Same, Value
from graph.plan import Address, Binder, Build, Inputs, Row, Shaper, to_moment
from graph.selection import Field, Selection
from graph.shapes import (
    Absent,
    Bound,
    Constant,
    Edge,
    GraphType,
    Kind,
    Member,
    Page,
    Scalar,
    Summary,
)
from graph.space import Projection, Space, UnknownField, collect, returned


def record(
    build: Build,
    graph_type: GraphType,
    fields: Sequence[Field],
    bindings: Mapping[str, str],
    path: str,
    address: Address,
    *,
    with_owners: bool = False,
) -> Projection:
    """Compile one object of a concrete type: its key, then what was asked of it."""
    space = Space(build, bindings, path, address)
    typename = graph_type.name
    parts = [space.render(part) for part in graph_type.key]
    key_size = len(parts)
    constants: dict[str, Any] = {}
    ids: list[str] = []
    readers: list[tuple[str, int, Shaper | None]] = []
    aggregates = False
    layouts: dict[str, tuple[int, Layout | None]] = {}
    for index, asked in enumerate(fields):
        if asked.name == "id":
            ids.append(asked.response_key)
            layouts[asked.response_key] = (0, graph.layout.Key())
            continue
        answer = member(
            build,
            graph_type.members.get(asked.name),
            asked,
            bindings,
            f"{path}_{asked.response_key}",
            (*address, (typename, index)),
            typename,
        )
        if not isinstance(answer, Projection):
            constants[asked.response_key] = answer
            # What is absent here, another store answers.
            layouts[asked.response_key] = (0, None if answer is None else Same(answer))
            continue
        place = len(parts) if answer.expression else 0
        readers.append((asked.response_key, place, answer.shape))
        layouts[asked.response_key] = (place, answer.layout)
        aggregates = aggregates or answer.aggregates
        if answer.expression:
            parts.append(answer.expression)
    owners = [(name, getattr(graph_type, name)) for name in ("course", "student")] if with_owners else []
    owner_places: dict[str, int] = {}
    for name, template in owners:
        if template:
            owner_places[name] = len(parts)
            parts.append(space.render(template))
    course_place, student_place = owner_places.get("course"), owner_places.get("student")

    def shape(value: Any, inputs: Inputs) -> Row:
        key = value[0] if key_size == 1 else tuple(value[:key_size])
        values = dict(constants)
        for name in ids:
            values[name] = key
        for name, place, convert in readers:
            values[name] = value[place] if convert is None else convert(value[place], inputs)
        return Row(
            typename,
            values,
            key,
            value[course_place] if course_place is not None else None,
            value[student_place] if student_place is not None else None,
        )

    layout = graph.layout.Record(typename, key_size, layouts)
    return Projection(_list(parts), shape, aggregates, layout)


def _list(parts: Sequence[str]) -> str:
    return "[" + ", ".join(parts) + "]"


def member(
    build: Build,
    member: Member | None,
    asked: Field,
    bindings: Mapping[str, str],
    path: str,
    address: Address,
    typename: str,
) -> Any:
    """Compile one field; a value that is not a Projection is the answer itself."""
    match member:
        case Scalar():
            expression = Space(build, bindings, path, address).render(member.template)
            return Projection(expression, _READ[member.kind], layout=Value(member.kind))
        case Absent():
            return None
        case Constant():
            return member.value
        case Bound():
            return _bound(build, member, asked, bindings, path, address)
        case Edge():
            return _edge(build, member, asked, bindings, path, address)
        case Summary():
            return _summary(build, member, asked, bindings, path, address)
        case Page():
            return pages.page(build, member, asked, bindings, path, address, item=targets)
        case None:
            raise UnknownField(f"{typename}.{asked.name}")


def _bound(
    build: Build, bound: Bound, asked: Field, bindings: Mapping[str, str], path: str, address: Address
) -> Projection:
    roles = {role: bindings[name] for role, name in bound.roles.items()}
    graph_type = graph.model.TYPES[bound.target]
    return record(build, graph_type, _below(asked, bound.target), roles, path, address)


def _below(asked: Field, typename: str) -> tuple[Field, ...]:
    return (asked.selection or Selection()).fields(typename)


def targets(
    build: Build,
    names: Sequence[str],
    selection: Selection | None,
    bindings: Mapping[str, str],
    path: str,
    address: Address,
    *,
    with_owners: bool = False,
) -> Projection:
    """Compile an object that is of one of some concrete types; the label decides between two."""
    chosen = selection or Selection()
    projections = [
        record(
            build,
            graph.model.TYPES[name],
            chosen.fields(name),
            bindings,
            path if len(names) == 1 else f"{path}_{name}",
            address,
            with_owners=with_owners,
        )
        for name in names
    ]
    if len(projections) == 1:
        return projections[0]
    first, second = projections
    label = graph.model.TYPES[names[0]].label
    expression = (
        f"CASE WHEN {bindings['self']}:{label} THEN [0, {first.expression}] ELSE [1, {second.expression}] END"
    )

    def shape(value: Any, inputs: Inputs) -> Any:
        return (second if value[0] else first).shape(value[1], inputs)

    layout = None
    if isinstance(first.layout, graph.layout.Record) and isinstance(second.layout, graph.layout.Record):
        layout = graph.layout.Either((first.layout, second.layout))
    return Projection(expression, shape, first.aggregates or second.aggregates, layout)


def _edge(
    build: Build, edge: Edge, asked: Field, bindings: Mapping[str, str], path: str, address: Address
) -> Projection:
    if edge.joined and build.joins and build.lists >= _MANY and not _leads_on(edge, asked):
        return _joined_edge(build, build.joins, edge, asked, path, address)
    space = Space(build, bindings, path, address, edge.arguments)
    guard = _guard(space, f"{space.variable('self')}.course_id")[0] if edge.guarded else _open
    lines = [space.render(edge.match) + space.conditions(asked, edge.arguments)]
    if edge.then:
        lines.append(space.render(edge.then))
    order = ", ".join(space.render(part) for part in edge.order)
    order_line = f"ORDER BY {order}" if order else ""
    if not edge.many:
        limit = "LIMIT 1"
    elif edge.limit_argument:
        limit = f"LIMIT {_limit(build, path, address, edge)}"
        # The page is cut before anything below it is fetched.
        lines.append(f"WITH {space.carried(edge.roles, edge.order)} {order_line} {limit}")
        limit = ""
    else:
        limit = f"LIMIT {build.parameter(f'{path}_limit', _constant(edge.bound))}"
    build.lists += edge.many
    item = targets(build, edge.target, asked.selection, space.roles(edge.roles), path, address)
    build.lists -= edge.many
    carried = space.carried(edge.roles, edge.order)
    name = build.variable(f"{path}_row") if item.aggregates else ""
    lines += returned(item, carried, name, order_line, limit)
    shape_item, many = item.shape, edge.many

    def shape(value: Any, inputs: Inputs) -> Any:
        if value is None:
            return None
        if many:
            return [shape_item(each, inputs) for each in value]
        return shape_item(value[0], inputs) if value else None

    layout = None if item.layout is None else Many(item.layout) if many else One(item.layout)
    return Projection(guard(collect(lines)), shape, item.aggregates or "min(" in edge.then, layout)


# Below fewer lists there are too few records for all of a student's edges to pay.
_MANY = 2


def _leads_on(edge: Edge, asked: Field) -> bool:
    """Return whether more than the edge's own values are asked: those hang from the tree, not from a table."""
    members = graph.model.TYPES[edge.target[0]].members
    return any(isinstance(members.get(each.name), Bound) for each in _below(asked, edge.target[0]))


def _joined_edge(
    build: Build, joins: Joins, edge: Edge, asked: Field, path: str, address: Address
) -> Projection:
    """Compile an edge to a student's mastery as a table of all of them, found by the skill's key."""
    space = Space(build, {"course": joins.course}, path, address)
    guard, student = _guard(space, joins.course)
    graph_type, fields = graph.model.TYPES[edge.target[0]], _below(asked, edge.target[0])
    roles = {name: space.variable(name) for name in ("r", "skill", "student")}
    item = record(build, graph_type, fields, roles, path, address)
    rows = collect([space.render(edge.joined), f"RETURN {item.expression}"])
    table = joins.add(guard(rows), 1)
    missing: list[tuple[bool, Any]] = []
    for each in fields:
        value = graph_type.members.get(each.name)
        if isinstance(value, Scalar):
            missing.append(("@r" in value.expression, value.missing))

    def untouched(inputs: Inputs) -> tuple[list[Any], list[Any]]:
        person = student(inputs)
        return [person], [value if of_edge else person for of_edge, value in missing]

    def shape(key: Any, inputs: Inputs) -> Row | None:
        found = inputs.tables[table]
        if found is None:
            return None
        value = found.get(key)
        if value is None:
            before, behind = untouched(inputs)
            value = [*before, key, *behind]
        row: Row = item.shape(value, inputs)
        return row

    layout = Joined(table, item.layout, untouched) if item.layout else None
    return Projection("", shape, layout=layout)


def _constant(value: Any) -> Binder:
    return lambda inputs: value


def _limit(build: Build, path: str, address: Address, edge: Edge) -> str:
    name, bound = edge.limit_argument or "", edge.bound

    def bind(inputs: Inputs) -> int:
        given = inputs.field_at(address).arguments.get(name)
        return bound if given is None else max(0, given)

    return build.parameter(f"{path}_limit", bind)


def _open(expression: str) -> str:
    return expression


def _guard(space: Space, course: str) -> tuple[Callable[[str], str], Callable[[Inputs], int | None]]:
    """Return what wraps an expression that only some viewers may see, and whose it is; it binds @student."""
    address = space.address

    def student(inputs: Inputs) -> int | None:
        given: int | None = inputs.field_at(address).arguments.get("studentId")
        if given is None:
            return inputs.scope.viewer_student_id
        return None if given in inputs.scope.hidden_student_ids else given

    def visible(inputs: Inputs) -> bool:
        return inputs.scope.is_admin or student(inputs) == inputs.scope.viewer_student_id

    build = space.build
    student_parameter = build.parameter(f"{space.path}_student", student)
    visible_parameter = build.parameter(f"{space.path}_visible", visible)
    taught = build.shared_parameter("taught_course_ids", lambda inputs: list(inputs.scope.taught_course_ids))
    space.bind("student", student_parameter)
    condition = f"{student_parameter} IS NOT NULL AND ({visible_parameter} OR {course} IN {taught})"
    return (lambda expression: f"CASE WHEN {condition} THEN {expression} END"), student


def _summary(
    build: Build, summary: Summary, asked: Field, bindings: Mapping[str, str], path: str, address: Address
) -> Projection:
    if summary.joined and build.joins and build.lists:
        return _joined_summary(build, build.joins, summary, asked, path, address)
    space = Space(build, bindings, path, address, summary.arguments)
    guard = _guard(space, f"{space.variable('self')}.course_id")[0] if summary.guarded else _open
    lines = [space.render(summary.match)]
    lines.append(space.render(summary.then) + space.conditions(asked, summary.arguments))
    fields = summaries.fields_of(asked)
    # Aggregates stand in a WITH of their own: Neo4j refuses them beside parameters in one expression.
    aggregates = summaries.aggregates(build, space, path, fields)
    lines.append("WITH " + ", ".join(f"{expression} AS {name}" for expression, name in aggregates))
    lines.append("RETURN " + _list([name for _, name in aggregates]))
    read = summaries.reader(fields)

    def shape(value: Any, inputs: Inputs) -> Row | None:
        # Over no skill at all, Neo4j may leave out the row of aggregates when the subquery is correlated.
        return None if value is None else read(value[0] if value else None)

    return Projection(
        guard(collect(lines)), shape, aggregates=True, layout=Aggregates(summaries.members(fields))
    )


def _joined_summary(
    build: Build, joins: Joins, summary: Summary, asked: Field, path: str, address: Address
) -> Projection:
    """Compile a summary as a table of the aggregates of all parents."""
    space = Space(build, {"course": joins.course}, path, address)
    guard, _ = _guard(space, joins.course)
    fields = summaries.fields_of(asked)
    aggregates = summaries.aggregates(build, space, path, fields)
    terms = ", ".join(f"{text} AS {name}" for text, name in aggregates)
    names = ", ".join([f"{space.variable('parent')}.id", *(name for _, name in aggregates)])
    lines = [space.render(summary.joined), f"WITH {space.variable('parent')}, {terms}", f"RETURN [{names}]"]
    table, read = joins.add(guard(collect(lines)), 0), summaries.reader(fields)

    def shape(key: Any, inputs: Inputs) -> Row | None:
        found = inputs.tables[table]
        if found is None:
            return None
        row = found.get(key)
        return read(row[1:] if row else None)

    return Projection("", shape, layout=JoinedAggregates(table, summaries.members(fields)))


def _read_time(value: Any, inputs: Inputs) -> Any:
    return None if value is None else to_moment(value)


def _read_float(value: Any, inputs: Inputs) -> Any:
    return float(value) if type(value) is int else value


def _read_list(value: Any, inputs: Inputs) -> Any:
    return [] if value is None else value


def _read_plain(value: Any, inputs: Inputs) -> Any:
    return value


_READ: Mapping[Kind, Shaper] = {
    Kind.PLAIN: _read_plain,
    Kind.TIME: _read_time,
    Kind.FLOAT: _read_float,
    Kind.LIST: _read_list,
}
