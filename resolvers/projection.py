"""Teach a built schema to read the answers of both stores.

Strawberry's default resolver gets a field's Python name only. A projected answer (graph.plan.Row)
carries its values by response key, so that one field can be asked twice under two aliases: plain fields
therefore read the key from the path. The concrete type of an answer comes from the answer itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
)

from graph.plan import Row
from resolvers import ids


def install(schema: GraphQLSchema) -> None:
    """Set how plain fields are read and how abstract types are told apart."""
    for graphql_type in schema.type_map.values():
        if graphql_type.name.startswith("__"):
            continue
        if isinstance(graphql_type, GraphQLInterfaceType | GraphQLUnionType):
            graphql_type.resolve_type = _resolve_type
        elif isinstance(graphql_type, GraphQLObjectType):
            # Strawberry's check wants instances of its own classes; answers are rows of the stores.
            graphql_type.is_type_of = None
            for field in graphql_type.fields.values():
                definition = field.extensions.get("strawberry-definition")
                if definition is not None and definition.is_basic_field:
                    field.resolve = _plain(definition.python_name)


def _plain(name: str) -> Callable[[Any, GraphQLResolveInfo[Any]], Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
        if type(source) is Row:
            return source.values[info.path.key]  # type: ignore[index]
        return getattr(source, name)

    return resolve


def _resolve_type(value: Any, info: GraphQLResolveInfo[Any], abstract_type: Any) -> str | None:
    name = ids.type_name(value)
    if name is not None:
        return name
    definition = getattr(type(value), "__strawberry_definition__", None)
    return definition.name if definition is not None else None
