"""Make GraphQL queries at random from the schema: aliases, fragments, directives, variables, nesting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

# Asked twice they may differ: they tell of the moment.
UNSTEADY = frozenset({"mirrorStatus", "sync", "now"})
NUMBERS = (-1, 0, 1, 2, 3, 20, 100, 101)
TEXTS = ("", "1", "theory", "Do 0", "a b", "ä", "%")
MOMENTS = ("2026-03-01T09:30:00Z", "2020-01-01T00:00:00+02:00", "9999-12-31T23:59:59Z")


@dataclass
class Document:
    """A query and the values of its variables."""

    text: str
    variables: dict[str, Any]


@dataclass
class _Making:
    draw: Any
    schema: GraphQLSchema
    # Argument -> ids to choose from.
    ids: dict[str, list[str]]
    left: int
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0

    def choice(self, values: Any) -> Any:
        return self.draw(st.sampled_from(list(values)))

    def one_in(self, number: int) -> bool:
        return bool(self.draw(st.integers(1, number)) == 1)


@st.composite
def documents(draw: Any, schema: GraphQLSchema, ids: dict[str, list[str]], roots: list[str]) -> Document:
    """Return a query of some root fields."""
    making = _Making(draw, schema, ids, left=draw(st.integers(5, 40)))
    query = schema.query_type
    assert query is not None
    parts = []
    for name in draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3)):
        parts.append(_field(making, name, query.fields[name], depth=1, alias=True))
    if making.one_in(6):
        parts.insert(0, "__typename")
    declared = f"({', '.join(making.declared)})" if making.declared else ""
    text = f"query Drawn{declared} {{ {' '.join(parts)} }} {' '.join(making.fragments)}"
    return Document(text, making.variables)


def _field(making: _Making, name: str, definition: GraphQLField, *, depth: int, alias: bool = False) -> str:
    making.left -= 1
    given = []
    for argument, argument_definition in definition.args.items():
        text = _argument(making, argument, argument_definition)
        if text is not None:
            given.append(f"{argument}: {text}")
    arguments = f"({', '.join(given)})" if given else ""
    # A name asked twice with other arguments is refused: what has arguments gets a name of its own.
    if given or alias or making.one_in(6):
        making.aliases += 1
        name = f"n{making.aliases}: {name}"
    directive = _directive(making) if making.one_in(8) else ""
    named = get_named_type(definition.type)
    below = "" if is_leaf_type(named) else f" {_selection(making, named, depth=depth + 1)}"
    return f"{name}{arguments}{directive}{below}"


def _selection(making: _Making, type_: Any, *, depth: int) -> str:
    parts: list[str] = []
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        if making.one_in(2):
            parts.append("__typename")
        if isinstance(type_, GraphQLInterfaceType):
            parts += _leaves(making, type_)
        for concrete in making.schema.get_possible_types(type_):
            if making.one_in(2) and making.left > 0:
                parts.append(f"... on {concrete.name} {{ {' '.join(_leaves(making, concrete))} }}")
        return "{ " + " ".join(parts or ["__typename"]) + " }"
    assert isinstance(type_, GraphQLObjectType)
    parts += _leaves(making, type_)
    nested = [name for name, each in type_.fields.items() if not is_leaf_type(get_named_type(each.type))]
    while nested and depth < 8 and making.left > 0 and not making.one_in(3):
        name = making.choice(nested)
        parts.append(_field(making, name, type_.fields[name], depth=depth))
    parts = parts or ["__typename"]
    wrapped = " ".join(parts)
    if making.one_in(8):
        making.fragments.append(f"fragment F{len(making.fragments)} on {type_.name} {{ {wrapped} }}")
        again = f" ...F{len(making.fragments) - 1}" if making.one_in(3) else ""
        return f"{{ ...F{len(making.fragments) - 1}{again} }}"
    if making.one_in(10):
        return f"{{ __typename ... on {type_.name}{_directive(making)} {{ {wrapped} }} }}"
    return f"{{ {wrapped} }}"


def _leaves(making: _Making, type_: GraphQLObjectType | GraphQLInterfaceType) -> list[str]:
    names = [
        name
        for name, each in type_.fields.items()
        if is_leaf_type(get_named_type(each.type)) and not each.args and name not in UNSTEADY
    ]
    chosen = making.draw(st.lists(st.sampled_from([*names, "__typename"]), max_size=5))
    return [
        "__typename" if name == "__typename" else _field(making, name, type_.fields[name], depth=99)
        for name in chosen
    ]


def _directive(making: _Making) -> str:
    value = making.choice(["true", "false", "variable"])
    if value == "variable":
        value = _variable(making, "Boolean!", making.choice([True, False]))
    return f" @{making.choice(['skip', 'include'])}(if: {value})"


def _variable(making: _Making, type_: str, value: Any, default: str = "") -> str:
    name = f"v{len(making.declared)}"
    making.declared.append(f"${name}: {type_}{default}")
    if value is not Undefined:
        making.variables[name] = value
    return f"${name}"


def _argument(making: _Making, name: str, definition: GraphQLArgument) -> str | None:
    type_ = definition.type
    required = isinstance(type_, GraphQLNonNull) and definition.default_value is Undefined
    if not required and making.one_in(2):
        return None
    text, value = _value(making, name, type_)
    if text is None:
        return None
    if making.one_in(2):
        return text
    if not isinstance(type_, GraphQLNonNull) and making.one_in(5):
        return _variable(making, str(type_), making.choice([None, Undefined]))
    return _variable(making, str(type_), value)


def _value(making: _Making, name: str, type_: Any) -> tuple[str | None, Any]:
    """Return a value as a literal and as JSON; None where there is none to choose."""
    if isinstance(type_, GraphQLNonNull):
        return _value(making, name, type_.of_type)
    if isinstance(type_, GraphQLList):
        found = [_value(making, name, type_.of_type) for _ in range(making.draw(st.integers(0, 2)))]
        texts = [text for text, _ in found if text is not None]
        return "[" + ", ".join(texts) + "]", [value for text, value in found if text is not None]
    if isinstance(type_, GraphQLEnumType):
        chosen = making.choice(type_.values)
        return chosen, chosen
    if isinstance(type_, GraphQLInputObjectType):
        return None, None
    match type_.name:
        case "ID":
            found = making.choice(making.ids.get(name, making.ids["id"]))
            return f'"{found}"', found
        case "Int":
            number = making.choice(NUMBERS)
            return str(number), number
        case "Float":
            real = making.choice([-0.5, 0.0, 0.5, 1.0, 2.0])
            return str(real), real
        case "Boolean":
            flag = making.choice([True, False])
            return str(flag).lower(), flag
        case "DateTime":
            moment = making.choice(MOMENTS)
            return f'"{moment}"', moment
    text = making.choice(TEXTS)
    return f'"{text}"', text
