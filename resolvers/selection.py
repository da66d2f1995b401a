"""Read a GraphQL selection into graph.selection: the only file that walks graphql-core's documents.

`info.selected_fields` of Strawberry keeps fields that @skip drops and leaves out argument defaults,
so the walk uses graphql-core's own argument and directive coercion. What does not depend on the values of
variables is read once for an Operation, which is kept for many requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

import graph.parents
from graph.plan import Structure, structure_of
from graph.selection import Field, Selection
from resolvers import arguments
from resolvers.json_reader import JsonReader

# Fields of graph types that lead to SQL: below them the SQL resolvers read, not the compiler.
BORDER_TYPES = frozenset({"Course", "Student", "Teacher", "Administrator", "User", "Enrollment"})
# But these of their fields are answered by the statement above the border, for all parents at once.
BEYOND_BORDER = {"Enrollment": frozenset(graph.parents.SQL_ENROLLMENT.members)}

Info = GraphQLResolveInfo[Any]


def of_field(info: Info) -> Field:
    """Return the field that is being resolved, with its coerced arguments and all that is selected below."""
    return _asked(info).field(info.variable_values)


def of_types(info: Info, names: list[str]) -> Selection:
    """Return what is selected below the current field for some concrete types."""
    return _asked(info).of_types(tuple(names), info.variable_values)


def _asked(info: Info) -> Asked:
    operation: Operation = info.context.operation
    return operation.asked(info.parent_type, info.field_nodes, str(info.path.key))


class Operation:
    """A document under one set of values for the variables in @skip and @include: which fields are asked."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        conditions: VariableValues,
        *,
        readers: bool = True,
    ) -> None:
        self.schema = schema
        # Whether the graph's answers are read into JSON; else graphql-core completes all of them.
        self.readers = readers
        self.document = document
        self.conditions = conditions
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._asked: dict[tuple[str, ...], Asked] = {}
        # Nodes of a root field, by their ids -> what completes it (resolvers.completion).
        self.completers: dict[tuple[int, ...], Any] = {}
        # Model -> the columns that are shown of it (resolvers.columns).
        self.columns: dict[Any, frozenset[str]] | None = None

    def asked(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode], response_key: str) -> Asked:
        """Return what some nodes of one response key ask of a type; read once."""
        # The nodes live as long as the document, which this holds: their ids name them.
        place = (parent.name, *(str(id(node)) for node in nodes))
        found = self._asked.get(place)
        if found is None:
            found = self._asked[place] = Asked(self, parent, nodes, response_key, top=True)
        return found

    def concrete(self, named_type: Any) -> list[GraphQLObjectType]:
        """Return the object types that may stand for a type."""
        if isinstance(named_type, GraphQLInterfaceType | GraphQLUnionType):
            return list(self.schema.get_possible_types(named_type))
        return [named_type] if isinstance(named_type, GraphQLObjectType) else []

    def collect(
        self, sets: Iterable[SelectionSetNode], concrete: GraphQLObjectType
    ) -> dict[str, list[FieldNode]]:
        """Return the nodes that some selection sets ask of an object type, by response key."""
        collected: dict[str, list[FieldNode]] = {}
        for selection_set in sets:
            self._collect(selection_set, concrete, collected, set())
        return collected

    def _collect(
        self,
        selection_set: SelectionSetNode,
        concrete: GraphQLObjectType,
        collected: dict[str, list[FieldNode]],
        seen_fragments: set[str],
    ) -> None:
        for node in selection_set.selections:
            if not self._included(node):
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
                fragment: Any = self.fragments[name]
            else:
                assert isinstance(node, InlineFragmentNode)  # noqa: S101 (the grammar has no fourth kind)
                fragment = node
            condition = fragment.type_condition
            if condition is None or self._applies(condition.name.value, concrete):
                self._collect(fragment.selection_set, concrete, collected, seen_fragments)

    def _applies(self, name: str, concrete: GraphQLObjectType) -> bool:
        if name == concrete.name:
            return True
        condition = self.schema.type_map.get(name)
        return isinstance(condition, GraphQLInterfaceType | GraphQLUnionType) and self.schema.is_sub_type(
            condition, concrete
        )

    def _included(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.conditions)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.conditions)
        return not (include and not include["if"])


class Asked:
    """One field that is asked of a concrete type, and all below it.

    `below` holds (response key, field) by concrete type, in the order of the answer; no field is __typename.
    """

    __slots__ = (
        "_arguments",
        "_chosen",
        "_field",
        "_node",
        "_parent_name",
        "_reader",
        "_readers",
        "_selection",
        "_top",
        "_varies_here",
        "below",
        "definition",
        "name",
        "response_key",
        "varies",
    )

    def __init__(
        self,
        operation: Operation,
        parent: GraphQLObjectType,
        nodes: Sequence[FieldNode],
        response_key: str,
        *,
        top: bool = False,
    ) -> None:
        self._node = nodes[0]
        self._parent_name = parent.name
        self._top = top
        self.response_key = response_key
        self.name = self._node.name.value
        self.definition = parent.fields[self.name]
        self._varies_here = any(_holds_variable(each.value) for each in self._node.arguments or ())
        self.varies = self._varies_here
        self.below: dict[str, list[tuple[str, Asked | None]]] | None = None
        named = get_named_type(self.definition.type)
        sets = [node.selection_set for node in nodes if node.selection_set]
        beyond = None if top else BEYOND_BORDER.get(named.name)
        if sets and (top or beyond is not None or named.name not in BORDER_TYPES):
            self.below = {}
            for concrete in operation.concrete(named):
                found: list[tuple[str, Asked | None]] = []
                self.below[concrete.name] = found
                for key, below in operation.collect(sets, concrete).items():
                    if below[0].name.value == "__typename":
                        found.append((key, None))
                        continue
                    if beyond is not None and below[0].name.value not in beyond:
                        continue
                    asked = Asked(operation, concrete, below, key)
                    self.varies = self.varies or asked.varies
                    found.append((key, asked))
        self._readers: dict[tuple[str, ...], JsonReader] | None = {} if operation.readers else None
        self._reader = self._reader_of((), self.definition.type)
        self._arguments: dict[str, Any] | None = None
        self._selection: Selection | None = None
        self._field: Field | None = None
        self._chosen: dict[tuple[str, ...], Selection] = {}

    def field(self, variables: VariableValues) -> Field:
        """Return the field with its arguments decoded; raise BadArgument."""
        if self._field is not None:
            return self._field
        field = Field(self.response_key, self.name, self._decoded(variables), self._below(variables))
        if not self.varies:
            self._field = field
        return field

    def of_types(self, names: tuple[str, ...], variables: VariableValues) -> Selection:
        """Return what is selected below for some concrete types, to be read for one record of them."""
        found = self._chosen.get(names)
        if found is not None:
            return found
        # Of a list of records each is read by itself.
        reader = self._reader_of(names, get_named_type(self.definition.type))
        selection = self._selected(names, reader, variables)
        if selection.structure is not None:
            self._chosen[names] = selection
        return selection

    def _reader_of(self, names: tuple[str, ...], type_: Any) -> JsonReader | None:
        if self.below is None or self._readers is None:
            return None
        found = self._readers.get(names)
        if found is None:
            found = self._readers[names] = JsonReader(type_, self.below)
        return found

    def _decoded(self, variables: VariableValues) -> dict[str, Any]:
        if self._arguments is not None:
            return self._arguments
        values = get_argument_values(self.definition, self._node, variables) if self.definition.args else {}
        decoded = (
            arguments.decode(self._parent_name, self.name, values, self.response_key)
            if values or self._top
            else {}
        )
        if not self._varies_here:
            self._arguments = decoded
        return decoded

    def _below(self, variables: VariableValues) -> Selection | None:
        if self.below is None or self._selection is not None:
            return self._selection
        selection = self._selected(tuple(self.below), self._reader, variables)
        if selection.structure is not None:
            self._selection = selection
        return selection

    def _selected(
        self, names: tuple[str, ...], reader: JsonReader | None, variables: VariableValues
    ) -> Selection:
        by_type, fixed = {}, True
        for name in names:
            below = [asked for _, asked in (self.below or {}).get(name, ()) if asked is not None]
            by_type[name] = tuple(asked.field(variables) for asked in below)
            fixed = fixed and not any(asked.varies for asked in below)
        structure = Structure(structure_of(Selection(by_type))) if fixed else None
        return Selection(by_type, reader, structure)


def _holds_variable(value: Any) -> bool:
    if isinstance(value, VariableNode):
        return True
    if isinstance(value, ListValueNode):
        return any(_holds_variable(each) for each in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_holds_variable(each.value) for each in value.fields)
    return False
