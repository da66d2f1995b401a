"""Complete the answer of a root field that SQL and the graph answer together, without graphql-core's execution.

Its resolver has found everything: records with their columns, Rows, what the graph read into JSON (Shaped), and in
Context.answered whatever else the fields below would ask for. What is left for a selection is decided once, here, as
graphql-core would decide it: which attribute, under which key, never null or not, spelt how. A selection with any
other field is not completed here, nor is a value that breaks its type's rule: graphql-core then says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    is_leaf_type,
)

from graph.layout import UNREADABLE, Shaped, Unfit
from graph.plan import Row
from resolvers import ids
from resolvers.json_reader import NotReadable
from resolvers.selection import Operation

Path = tuple[str, ...]
Answered = Mapping[tuple[Path, Any], Any]
Complete = Callable[[Any, Answered], Any]
"""(value, what is answered by path and key of the parent) -> JSON; raises one of _GIVES_UP."""
# Type -> names of fields that the resolver answers beforehand.
Beforehand = Mapping[str, frozenset[str]]
_GIVES_UP = (*UNREADABLE, AttributeError, GraphQLError)


@dataclass(frozen=True, slots=True)
class Below:
    """A field that is answered beforehand: where, of which type, and its nodes."""

    path: Path
    parent: GraphQLObjectType
    name: str
    nodes: Sequence[FieldNode]


@dataclass(slots=True)
class Completer:
    """Complete the answers of one root field of an operation."""

    beforehand: Beforehand
    # Types whose fields are completed; of all others the values must be Shaped.
    types: frozenset[str]
    below: list[Below] = field(default_factory=list)
    # Type -> attributes of its records that are read.
    attributes: dict[str, set[str]] = field(default_factory=dict)
    _complete: Complete | None = None

    def prepare(self, operation: Operation, info: GraphQLResolveInfo[Any]) -> None:
        """Read what is asked; raise NotReadable."""
        self._complete = self._value(operation, info.return_type, info.field_nodes, (str(info.path.key),))

    def complete(self, value: Any, answered: Answered) -> Any:
        """Return the answer in JSON, as Shaped, or the value itself, which graphql-core has to complete."""
        assert self._complete is not None  # noqa: S101 (see completer_of)
        try:
            return Shaped(self._complete(value, answered))
        except _GIVES_UP:
            return value

    def _value(self, operation: Operation, type_: Any, nodes: Sequence[FieldNode], path: Path) -> Complete:
        never_null = isinstance(type_, GraphQLNonNull)
        type_ = type_.of_type if never_null else type_
        if is_leaf_type(type_):
            return _leaf(type_, never_null=never_null)
        inner = self._never_null(operation, type_, nodes, path)
        if not never_null:
            return lambda value, answered: None if value is None else inner(value, answered)

        def complete(value: Any, answered: Answered) -> Any:
            if value is None:
                raise Unfit
            return inner(value, answered)

        return complete

    def _never_null(
        self, operation: Operation, type_: Any, nodes: Sequence[FieldNode], path: Path
    ) -> Complete:
        if isinstance(type_, GraphQLList):
            item = self._value(operation, type_.of_type, nodes, path)
            return lambda value, answered: (
                value.value if type(value) is Shaped else [item(each, answered) for each in value]
            )
        if isinstance(type_, GraphQLObjectType) and type_.name in self.types:
            return self._object(operation, type_, nodes, path)
        return _shaped

    def _object(
        self, operation: Operation, type_: GraphQLObjectType, nodes: Sequence[FieldNode], path: Path
    ) -> Complete:
        parts: list[tuple[str, Callable[[Any, Answered], Any], Complete]] = []
        sets = [node.selection_set for node in nodes if node.selection_set]
        for key, asked in operation.collect(sets, type_).items():
            name = asked[0].name.value
            if name == "__typename":
                parts.append((key, _nothing, _always(type_.name)))
                continue
            definition = type_.fields[name]
            here = (*path, key)
            get = self._get(type_, name, definition, asked, here)
            parts.append((key, get, self._value(operation, definition.type, asked, here)))

        def complete(value: Any, answered: Answered) -> Any:
            if type(value) is Shaped:
                return value.value
            return {key: inner(get(value, answered), answered) for key, get, inner in parts}

        return complete

    def _get(
        self,
        type_: GraphQLObjectType,
        name: str,
        definition: Any,
        nodes: Sequence[FieldNode],
        path: Path,
    ) -> Callable[[Any, Answered], Any]:
        """Return how the value of a field is found in its parent."""
        if name in self.beforehand.get(type_.name, ()):
            self.below.append(Below(path, type_, name, nodes))
            return lambda value, answered: answered[path, ids.graph_key(value)]
        plain = definition.extensions["strawberry-definition"]
        attributes = self.attributes.setdefault(type_.name, set())
        if plain.is_basic_field:
            key, attribute = path[-1], plain.python_name
            attributes.add(attribute)
            return lambda value, _: value.values[key] if type(value) is Row else getattr(value, attribute)
        if plain.base_resolver.wrapped_func is ids.resolve:
            prefix = ids.PREFIXES[type_.name]
            if ids.SHAPES[prefix] == (ids.INTEGER,):
                attributes.add("id")
                known = ids.known(prefix)
                return lambda value, _: known[value.id]
        raise NotReadable


def completer_of(
    info: GraphQLResolveInfo[Any], types: frozenset[str], beforehand: Beforehand
) -> Completer | None:
    """Return what completes a root field, None where graphql-core has to; made once for an operation."""
    operation: Operation | None = info.context.operation
    if operation is None or not operation.readers:
        return None
    place = tuple(id(node) for node in info.field_nodes)
    if place not in operation.completers:
        operation.completers[place] = _made(operation, info, types, beforehand)
    found: Completer | None = operation.completers[place]
    return found


def _made(
    operation: Operation, info: GraphQLResolveInfo[Any], types: frozenset[str], beforehand: Beforehand
) -> Completer | None:
    made = Completer(beforehand, types)
    try:
        made.prepare(operation, info)
    except NotReadable:
        return None
    return made


def _leaf(type_: Any, *, never_null: bool) -> Complete:
    coerce = type_.coerce_output_value

    def complete(value: Any, _: Answered) -> Any:
        found = None if value is None else coerce(value)
        if found is None and (never_null or value is not None):
            raise Unfit
        return found

    return complete


def _shaped(value: Any, _: Answered) -> Any:
    if type(value) is not Shaped:
        raise Unfit
    return value.value


def _nothing(_: Any, __: Answered) -> Any:
    return None


def _always(value: Any) -> Complete:
    return lambda _, __: value
