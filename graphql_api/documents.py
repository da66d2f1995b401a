"""Keep documents that passed every check, with what was read of them, bounded in number and in size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from graphql_api import fast
from graphql_api.introspection import META_FIELDS
from resolvers.selection import Operation

MOST_DOCUMENTS = 1_000
LONGEST_DOCUMENT = 20_000  # characters; longer ones are read each time
# Of all kept documents together, each counted once more for every reading of it. What a document becomes
# takes some hundred bytes for each of its characters.
MOST_CHARACTERS = 2_000_000
MOST_READINGS = 16  # of one document: by operation and by the values for @skip and @include


@dataclass(frozen=True, slots=True)
class Reading:
    """One operation under one set of values for @skip and @include."""

    asked: Operation
    roots: fast.Roots | None


@dataclass(slots=True)
class Document:
    """A document that passed every check."""

    text: str
    node: DocumentNode
    operations: list[OperationDefinitionNode]
    # Names of the variables that decide what @skip and @include leave.
    conditions: frozenset[str]
    # Whether it asks for the schema itself, anywhere.
    introspects: bool = False
    readings: dict[Hashable, Reading] = field(default_factory=dict)

    def reading(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        *,
        fast_path: bool,
    ) -> Reading:
        """Return what an operation asks with these variables."""
        names = sorted(self.conditions & variables.coerced.keys())
        place = (id(operation), *((name, variables.coerced[name]) for name in names))
        found = self.readings.get(place)
        if found is None:
            # Only what the directives read: the other values are those of one request.
            kept = VariableValues(
                {name: variables.sources[name] for name in names},
                {name: variables.coerced[name] for name in names},
            )
            asked = Operation(schema, self.node, kept, readers=fast_path)
            found = Reading(asked, fast.roots_of(asked, operation) if fast_path else None)
            if len(self.readings) >= MOST_READINGS:
                self.readings.clear()
            self.readings[place] = found
        return found


def read_document(text: str, node: DocumentNode) -> Document:
    """Return a document with its operations and conditions found."""
    operations = [each for each in node.definitions if isinstance(each, OperationDefinitionNode)]
    found = _Found()
    visit(node, found)
    return Document(text, node, operations, frozenset(found.names), found.introspects)


class _Found(Visitor):
    """Finds the variables in directives, and whether the schema is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.introspects = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.introspects = self.introspects or node.name.value in META_FIELDS

    def enter_directive(self, node: Any, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


class Documents:
    """The documents used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, text: str) -> bool:
        return text in self._kept

    def __iter__(self) -> Iterator[Document]:
        return iter(self._kept.values())

    def get(self, text: str, make: Callable[[str], Document]) -> Document:
        """Return the document of a text, made when it is not there; what `make` raises is not kept."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = make(text)
        if len(text) <= LONGEST_DOCUMENT:
            self._kept[text] = found
            self._shrink()
        return found

    @property
    def characters(self) -> int:
        """Return the size of all that is kept."""
        return sum(len(each.text) * (1 + len(each.readings)) for each in self._kept.values())

    def _shrink(self) -> None:
        characters = self.characters
        while len(self._kept) > MOST_DOCUMENTS or (characters > MOST_CHARACTERS and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            characters -= len(dropped.text) * (1 + len(dropped.readings))
