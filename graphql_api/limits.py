"""Limits on a document, checked after parsing and before validation, which is quadratic on hostile ones.

Fragments are counted as often as they are spread. The walk stops at the first limit it passes, so a
document that multiplies fragments costs no more than its limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.problems import ApiError


class Bounds(Protocol):
    """What the walk reads of the settings."""

    max_depth: int
    max_fields: int
    max_aliases: int
    max_directives: int
    max_operations: int
    max_overlaps: int
    max_characters: int


class QueryTooComplex(ApiError):
    """The document passes a limit."""

    code = "QUERY_TOO_COMPLEX"

    def __init__(self, limit: str, bound: int, found: int | None = None) -> None:
        has = "" if found is None else f"; it has {found}"
        super().__init__(f"The document passes the limit on {limit}: {bound}{has}.", limit=limit, bound=bound)


# Introspection is deep by nature; its own bound lets the usual query of tools through.
INTROSPECTION_DEPTH = 20
# Lists of the schema inside lists of the schema multiply: tools nest two of them, never four.
INTROSPECTION_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})
INTROSPECTION_LIST_DEPTH = 3
# Nor do tools ask for many of them: the usual query has nine, and each costs as much as the schema is large.
ALL_INTROSPECTION_LISTS = INTROSPECTION_LISTS | {"types", "args", "enumValues", "directives"}
GREATEST_INTROSPECTION_LISTS = 15
# Far more than any field takes, and than any operation of a person declares.
GREATEST_ARGUMENTS = 50
GREATEST_VARIABLES = 200


@dataclass(slots=True)
class _Counts:
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    schema_lists: int = 0
    overlaps: int = 0
    # (place, response name) -> [number of the place below it, how often it is there]
    places: dict[tuple[int, str], list[int]] = field(default_factory=dict)


class _Visit(NamedTuple):
    selection_set: SelectionSetNode
    depth: int
    introspecting: bool
    lists: int
    place: int
    # Names of the fragments around it, which a cycle would come back to.
    inside: frozenset[str]


def check_length(query: str, bounds: Bounds) -> None:
    """Raise QueryTooComplex for a text that is not worth reading: strings and comments are single tokens."""
    if len(query) > bounds.max_characters:
        raise QueryTooComplex("characters", bounds.max_characters)


def check(document: DocumentNode, bounds: Bounds) -> None:
    """Raise QueryTooComplex, naming the limit, for a document that passes one."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > bounds.max_operations:
        raise QueryTooComplex("operations", bounds.max_operations)
    counts = _Counts()
    spread: set[str] = set()
    for number, operation in enumerate(operations):
        if len(operation.variable_definitions or ()) > GREATEST_VARIABLES:
            raise QueryTooComplex("variables of an operation", GREATEST_VARIABLES)
        _count_directives(operation, counts, bounds)
        _walk(operation.selection_set, fragments, counts, bounds, spread, -1 - number)
    # Fragments that nothing spreads still reach validation.
    for number, (name, fragment) in enumerate(fragments.items()):
        _count_directives(fragment, counts, bounds)
        if name not in spread:
            _walk(fragment.selection_set, fragments, counts, bounds, spread, -1 - len(operations) - number)


def _walk(
    root: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    counts: _Counts,
    bounds: Bounds,
    spread: set[str],
    place: int,
) -> None:
    # No recursion: a document of a thousand levels must not meet Python's own limit.
    pending = [_Visit(root, 1, False, 0, place, frozenset())]
    while pending:
        visit = pending.pop()
        for node in visit.selection_set.selections:
            _count_directives(node, counts, bounds)
            counts.fields += 1
            if counts.fields > bounds.max_fields:
                raise QueryTooComplex("fields", bounds.max_fields)
            if isinstance(node, FieldNode):
                below = _field(node, visit, counts, bounds)
                if below is not None:
                    pending.append(below)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = fragments.get(name)
                # An unknown fragment or a cycle is validation's to report.
                if fragment is not None and name not in visit.inside:
                    spread.add(name)
                    pending.append(
                        visit._replace(selection_set=fragment.selection_set, inside=visit.inside | {name})
                    )
            else:
                inline: Any = node
                pending.append(visit._replace(selection_set=inline.selection_set))


def _field(node: FieldNode, visit: _Visit, counts: _Counts, bounds: Bounds) -> _Visit | None:
    """Count a field; return where its own selection is to be looked at."""
    name = node.name.value
    if node.alias is not None:
        counts.aliases += 1
        if counts.aliases > bounds.max_aliases:
            raise QueryTooComplex("aliases", bounds.max_aliases)
    if len(node.arguments or ()) > GREATEST_ARGUMENTS:
        raise QueryTooComplex("arguments of a field", GREATEST_ARGUMENTS)
    introspecting = visit.introspecting or name in ("__schema", "__type")
    greatest = INTROSPECTION_DEPTH if introspecting else bounds.max_depth
    if visit.depth > greatest:
        raise QueryTooComplex("depth", greatest)
    lists = visit.lists + (visit.introspecting and name in INTROSPECTION_LISTS)
    if lists > INTROSPECTION_LIST_DEPTH:
        raise QueryTooComplex("lists of the schema inside each other", INTROSPECTION_LIST_DEPTH)
    if visit.introspecting and name in ALL_INTROSPECTION_LISTS:
        counts.schema_lists += 1
        if counts.schema_lists > GREATEST_INTROSPECTION_LISTS:
            raise QueryTooComplex("lists of the schema", GREATEST_INTROSPECTION_LISTS)
    # Validation compares each two fields that answer under one name at one place.
    key = (visit.place, node.alias.value if node.alias else name)
    found = counts.places.setdefault(key, [len(counts.places), 0])
    counts.overlaps += found[1]
    found[1] += 1
    if counts.overlaps > bounds.max_overlaps:
        raise QueryTooComplex("fields under one name at one place, in pairs", bounds.max_overlaps)
    if node.selection_set is None:
        return None
    return visit._replace(
        selection_set=node.selection_set,
        depth=visit.depth + 1,
        introspecting=introspecting,
        lists=lists,
        place=found[0],
    )


def _count_directives(node: Any, counts: _Counts, bounds: Bounds) -> None:
    counts.directives += len(node.directives or ())
    if counts.directives > bounds.max_directives:
        raise QueryTooComplex("directives", bounds.max_directives)
