"""What an operation may cost: the number of objects that its answer can hold by the sizes of its lists.

Sizes multiply on the way down. A page counts as long as it was asked for (`first`, `last`, `limit`, the ids of
`nodes`), a list without such an argument by its usual length. A root field of a mutation counts as a
transaction. Fields of no selection of their own are free: they come with their object.

Checked before validation with the least that the variables could say, and again for a request where the most
that they could say would pass the limit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
)

from graphql_api.limits import QueryTooComplex

PAGE_SIZE = 20
GREATEST_PAGE = 200
SIZE_ARGUMENTS = ("first", "last", "limit", "ids")
MUTATION = 100
# Lists without a page: how long they usually are. The writes bound them, further up.
USUAL_LENGTH = 10
USUAL_LENGTHS = {"cells": 100, "mentions": 20, "relations": 20, "gates": 5, "findings": 20, "previous": 1}
REMEMBERED = 1_000
REMEMBERED_CHARACTERS = 20_000

_Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


class _Visit(NamedTuple):
    selection_set: SelectionSetNode
    parent: GraphQLNamedType | None
    times: int
    # Size of the page around it, which its lists of nodes and edges have.
    page: int | None
    inside: frozenset[str]


class CostModel:
    """Counts the cost of operations on one schema, and remembers documents that can not pass the limit."""

    def __init__(self, schema: GraphQLSchema, greatest: int) -> None:
        self.schema = schema
        self.greatest = greatest
        self._harmless: OrderedDict[str, None] = OrderedDict()

    def check_document(self, query: str, document: DocumentNode) -> None:
        """Raise QueryTooComplex where an operation passes the limit whatever its variables say."""
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        fragments = _fragments(document)
        for operation in operations:
            self._refuse(self.cost(operation, fragments, least=True))
        most = max((self.cost(operation, fragments, least=False) for operation in operations), default=0)
        if most <= self.greatest and len(query) <= REMEMBERED_CHARACTERS:
            self._harmless[query] = None
            if len(self._harmless) > REMEMBERED:
                self._harmless.popitem(last=False)

    def check_request(
        self,
        query: str,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
    ) -> None:
        """Raise QueryTooComplex where an operation passes the limit with the variables of a request."""
        if query in self._harmless:
            return
        self._refuse(self.cost(operation, _fragments(document), variables=variables or {}))

    def _refuse(self, cost: int) -> None:
        if cost > self.greatest:
            raise QueryTooComplex("cost", self.greatest, cost)

    def cost(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        *,
        variables: Mapping[str, Any] | None = None,
        least: bool = False,
    ) -> int:
        """Return the cost of an operation; a size from a variable that is not given is the least or the most."""
        writes = operation.operation is OperationType.MUTATION
        root = self.schema.get_root_type(operation.operation)
        defaults = {
            one.variable.name.value: one.default_value for one in operation.variable_definitions or ()
        }
        sizes = _Sizes(variables, defaults, least)
        total = 0
        pending = [_Visit(operation.selection_set, root, 1, None, frozenset())]
        while pending:
            visit = pending.pop()
            for node in visit.selection_set.selections:
                if isinstance(node, FieldNode):
                    if visit.parent is root and writes:
                        total += MUTATION
                    if node.selection_set is None:
                        continue
                    times, page, named = self._field(node, visit, sizes)
                    total += times
                    pending.append(_Visit(node.selection_set, named, times, page, visit.inside))
                elif isinstance(node, FragmentSpreadNode):
                    fragment = fragments.get(node.name.value)
                    if fragment is not None and node.name.value not in visit.inside:
                        pending.append(
                            visit._replace(
                                selection_set=fragment.selection_set,
                                parent=self.schema.get_type(fragment.type_condition.name.value),
                                inside=visit.inside | {node.name.value},
                            )
                        )
                else:
                    inline: Any = node
                    condition = inline.type_condition
                    pending.append(
                        visit._replace(
                            selection_set=inline.selection_set,
                            parent=self.schema.get_type(condition.name.value) if condition else visit.parent,
                        )
                    )
        return total

    def _field(
        self, node: FieldNode, visit: _Visit, sizes: _Sizes
    ) -> tuple[int, int | None, GraphQLNamedType | None]:
        """Return (objects, size of the page they are, their type) of a field with a selection."""
        definition = _definition(visit.parent, node.name.value)
        if definition is None:
            # Of no known type, or introspection, which has bounds of its own.
            return visit.times, None, None
        asked = sizes.of(node, definition)
        times = visit.times
        if isinstance(get_nullable_type(definition.type), GraphQLList):
            usual = USUAL_LENGTHS.get(node.name.value, USUAL_LENGTH)
            times *= asked if asked is not None else visit.page if visit.page is not None else usual
            asked = None
        return times, asked, get_named_type(definition.type)


class _Sizes:
    """Reads how many records the arguments of a field ask for."""

    def __init__(self, variables: Mapping[str, Any] | None, defaults: Mapping[str, Any], least: bool) -> None:
        self.variables = variables
        self.defaults = defaults
        self.least = least

    def of(self, node: FieldNode, definition: GraphQLField) -> int | None:
        """Return the size of a field's page; None where no argument gives one."""
        arguments = [name for name in SIZE_ARGUMENTS if name in definition.args]
        if not arguments:
            return None
        given = {one.name.value: one.value for one in node.arguments or ()}
        found = [size for name in arguments if (size := self._size(given.get(name))) is not None]
        if found:
            return max(found)
        default: Any = definition.args[arguments[0]].default_value
        return default if isinstance(default, int) else PAGE_SIZE

    def _size(self, value: Any) -> int | None:
        if isinstance(value, VariableNode):
            name = value.name.value
            if self.variables is None:
                return 1 if self.least else GREATEST_PAGE
            if name not in self.variables:
                return self._size(self.defaults.get(name))
            given = self.variables[name]
            if isinstance(given, list):
                return min(len(given), GREATEST_PAGE)
            return _bounded(given) if isinstance(given, int) else None
        if isinstance(value, IntValueNode):
            # Longer numbers are out of every bound: the field itself refuses them.
            return _bounded(int(value.value)) if len(value.value) < 10 else GREATEST_PAGE
        if isinstance(value, ListValueNode):
            return min(len(value.values), GREATEST_PAGE)
        return None


def _bounded(size: int) -> int:
    return max(0, min(size, GREATEST_PAGE))


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        found: GraphQLField | None = parent.fields.get(name)
        return found
    return None
