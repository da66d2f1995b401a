"""Answer an operation without graphql-core's execution, where the graph answers all of it.

One meaning, two speeds: the same resolvers run, policy first, and send the same statements. What differs is who
completes their answers. A root field of the graph comes back as Shaped, read into JSON by the function that was
written for its selection (resolvers/json_reader.py), or put together with SQL's columns (resolvers/completion.py);
then nothing is left for graphql-core to do. Whatever else comes back, the whole operation is handed over to
graphql-core, with what the root fields answered: nothing is asked twice. There, Shaped answers below SQL records are
taken as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    located_error,
)
from graphql.execution import Executor as CoreExecutor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path
from graphql.type.definition import GraphQLResolveInfoHelpers

from graph.layout import Shaped
from resolvers import graph_roots
from resolvers.context import Context
from resolvers.selection import Operation

ROOTS = graph_roots.WHOLE | graph_roots.TOGETHER


@dataclass(frozen=True, slots=True)
class Root:
    """A root field that may be answered here; without a definition it is __typename."""

    key: str
    nodes: list[FieldNode]
    definition: GraphQLField | None


@dataclass(frozen=True, slots=True)
class Roots:
    """The root fields of an operation that may go without graphql-core."""

    asked: Operation
    node: OperationDefinitionNode
    query: GraphQLObjectType
    fields: list[Root]


class HandOver(Exception):
    """Something was not read into JSON: graphql-core has to complete it."""


def install(schema: GraphQLSchema) -> None:
    """Let root fields of the graph give the answer that they gave before their operation was handed over."""
    assert schema.query_type is not None  # noqa: S101 (every GraphQL schema has one)
    for name in ROOTS:
        field = schema.query_type.fields[name]
        field.resolve = _once(field.resolve)


def _once(resolve: Any) -> Callable[..., Awaitable[Any]]:
    async def answer(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        handed_over = info.context.handed_over
        if info.path.key not in handed_over:
            return await resolve(source, info, **arguments)
        found = handed_over.pop(info.path.key)
        if isinstance(found, Exception):
            raise found
        return found

    return answer


def roots_of(asked: Operation, node: OperationDefinitionNode) -> Roots | None:
    """Return the root fields of an operation when all of them may be answered here."""
    query = asked.schema.query_type
    if node.operation is not OperationType.QUERY or node.directives or query is None:
        return None
    fields = []
    for key, nodes in asked.collect([node.selection_set], query).items():
        name = nodes[0].name.value
        if name != "__typename" and name not in ROOTS:
            return None
        fields.append(Root(key, nodes, query.fields.get(name)))
    if all(field.definition is None for field in fields):
        return None
    return Roots(asked, node, query, fields)


async def run(roots: Roots, context: Context, variables: VariableValues) -> ExecutionResult:
    """Answer the root fields; raise HandOver when graphql-core has to, with their answers in the context."""
    errors: list[GraphQLError] = []
    found: dict[str, Any] = {}

    async def answer(field: Root) -> Any:
        definition = field.definition
        if definition is None:
            return roots.query.name
        info = _info(roots, field, definition, context, variables)
        try:
            values = get_argument_values(definition, field.nodes[0], variables) if definition.args else {}
            resolve: Any = definition.resolve
            found[field.key] = await resolve(None, info, **values)
        except Exception as error:
            found[field.key] = error
            errors.append(located_error(error, field.nodes, [field.key]))
            return None
        return found[field.key]

    if len(roots.fields) == 1:
        (field,) = roots.fields
        answers = [await answer(field)]
    else:
        answers = await asyncio.gather(*(answer(field) for field in roots.fields))
    data = {}
    for field, each in zip(roots.fields, answers, strict=True):
        if field.definition is not None and each is not None and type(each) is not Shaped:
            context.handed_over = found
            raise HandOver
        data[field.key] = each.value if type(each) is Shaped else each
    return ExecutionResult(data, errors or None)


def _info(
    roots: Roots, field: Root, definition: GraphQLField, context: Context, variables: VariableValues
) -> GraphQLResolveInfo[Any]:
    fragments: dict[str, FragmentDefinitionNode] = roots.asked.fragments
    return GraphQLResolveInfo(
        field.nodes[0].name.value,
        field.nodes,
        definition.type,
        roots.query,
        Path(None, field.key, roots.query.name),
        roots.asked.schema,
        fragments,
        None,
        roots.node,
        variables,
        context,
        _is_awaitable,
        None,
        _HELPERS,
    )


def _is_awaitable(value: Any) -> TypeGuard[Any]:
    return hasattr(value, "__await__")


async def _gather(values: Any) -> Any:
    return await asyncio.gather(*values)


def _track(values: Any) -> None:
    """Nothing runs behind an answer here."""


_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=_track)


class Executor(CoreExecutor[Any]):
    """graphql-core's execution, which takes Shaped answers as they are: their reader checked them."""

    @classmethod
    def of(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        context: Context,
        *,
        hide_suggestions: bool,
    ) -> Executor:
        """Return the execution of an operation whose variables are coerced: `execute` would do it once more."""
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        return cls(
            schema,
            fragments,
            {name: FragmentDetails(node) for name, node in fragments.items()},
            None,
            context,
            operation,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=hide_suggestions,
        )

    def complete_list_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, at: Any
    ) -> Any:
        """Complete a list."""
        if type(result) is Shaped:
            return result.value
        return super().complete_list_value(return_type, details, info, path, result, at)

    def complete_object_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, at: Any
    ) -> Any:
        """Complete an object."""
        if type(result) is Shaped:
            return result.value
        return super().complete_object_value(return_type, details, info, path, result, at)

    def complete_abstract_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, at: Any
    ) -> Any:
        """Complete an object of a type that it tells itself."""
        if type(result) is Shaped:
            return result.value
        return super().complete_abstract_value(return_type, details, info, path, result, at)
