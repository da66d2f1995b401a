"""Read a GraphQL selection into graph.selection: the only file that walks graphql-core's documents.

`info.selected_fields` of Strawberry keeps fields that @skip drops and leaves out argument defaults,
so the walk uses graphql-core's own argument and directive coercion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import get_argument_values, get_directive_values

from graph.selection import Field, Selection
from resolvers import arguments

# Fields of graph types that lead to SQL: below them the SQL resolvers read, not the compiler.
BORDER_TYPES = frozenset({"Course", "Student", "Teacher", "Administrator", "User", "Enrollment"})

Check = Callable[[str, str, dict[str, Any]], None]


def of_field(info: GraphQLResolveInfo[Any]) -> Field:
    """Return the field that is being resolved, with its coerced arguments and all that is selected below."""
    field_def = info.parent_type.fields[info.field_name]
    node = info.field_nodes[0]
    return Field(
        response_key=str(info.path.key),
        name=info.field_name,
        arguments=arguments.decode(
            info.parent_type.name,
            info.field_name,
            get_argument_values(field_def, node, info.variable_values),
            info.path.key,
        ),
        selection=below(info, info.field_nodes, get_named_type(info.return_type)),
    )


def below(info: GraphQLResolveInfo[Any], nodes: list[FieldNode], named_type: Any) -> Selection | None:
    """Return what is selected below some nodes of one response key, by concrete type; None for a leaf."""
    sets = [node.selection_set for node in nodes if node.selection_set]
    if not sets:
        return None
    return Selection(
        by_type={
            concrete.name: tuple(_fields(info, sets, concrete)) for concrete in _concrete(info, named_type)
        }
    )


def of_types(info: GraphQLResolveInfo[Any], names: list[str]) -> Selection:
    """Return what is selected below the current field for some concrete types."""
    sets = [node.selection_set for node in info.field_nodes if node.selection_set]
    by_type = {}
    for name in names:
        concrete = info.schema.type_map[name]
        assert isinstance(concrete, GraphQLObjectType)  # noqa: S101 (names come from a table of types)
        by_type[name] = tuple(_fields(info, sets, concrete))
    return Selection(by_type=by_type)


def _concrete(info: GraphQLResolveInfo[Any], named_type: Any) -> list[GraphQLObjectType]:
    if isinstance(named_type, GraphQLInterfaceType | GraphQLUnionType):
        return list(info.schema.get_possible_types(named_type))
    return [named_type] if isinstance(named_type, GraphQLObjectType) else []


def _fields(
    info: GraphQLResolveInfo[Any], sets: list[SelectionSetNode], concrete: GraphQLObjectType
) -> Iterator[Field]:
    collected: dict[str, list[FieldNode]] = {}
    for selection_set in sets:
        _collect(info, selection_set, concrete, collected, set())
    for response_key, nodes in collected.items():
        name = nodes[0].name.value
        if name == "__typename":
            continue
        field_def = concrete.fields[name]
        named = get_named_type(field_def.type)
        leads_to_sql = named.name in BORDER_TYPES
        values = get_argument_values(field_def, nodes[0], info.variable_values)
        yield Field(
            response_key=response_key,
            name=name,
            arguments=arguments.decode(concrete.name, name, values, response_key) if values else {},
            selection=None if leads_to_sql else below(info, nodes, named),
        )


def _collect(
    info: GraphQLResolveInfo[Any],
    selection_set: SelectionSetNode,
    concrete: GraphQLObjectType,
    collected: dict[str, list[FieldNode]],
    seen_fragments: set[str],
) -> None:
    for node in selection_set.selections:
        if not _included(info, node):
            continue
        if isinstance(node, FieldNode):
            key = node.alias.value if node.alias else node.name.value
            collected.setdefault(key, []).append(node)
            continue
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in seen_fragments:
                continue
            seen_fragments.add(name)
            fragment: Any = info.fragments[name]
            fragment = getattr(fragment, "definition", fragment)
            condition, inner = fragment.type_condition, fragment.selection_set
        else:
            assert isinstance(node, InlineFragmentNode)  # noqa: S101 (the grammar has no fourth kind)
            condition, inner = node.type_condition, node.selection_set
        if condition is None or _applies(info, condition.name.value, concrete):
            _collect(info, inner, concrete, collected, seen_fragments)


def _applies(info: GraphQLResolveInfo[Any], name: str, concrete: GraphQLObjectType) -> bool:
    if name == concrete.name:
        return True
    condition = info.schema.type_map.get(name)
    return isinstance(condition, GraphQLInterfaceType | GraphQLUnionType) and info.schema.is_sub_type(
        condition, concrete
    )


def _included(info: GraphQLResolveInfo[Any], node: Any) -> bool:
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, info.variable_values)
    if skip and skip["if"]:
        return False
    include = get_directive_values(GraphQLIncludeDirective, node, info.variable_values)
    return not (include and not include["if"])
