"""Limits on a document, checked after parsing and before validation, which is quadratic on hostile ones.

Fragments are counted as often as they are spread. The walk stops at the first limit it passes, so a
document that multiplies fragments costs no more than its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

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


class QueryTooComplex(ApiError):
    """The document passes a limit."""

    code = "QUERY_TOO_COMPLEX"

    def __init__(self, limit: str, bound: int) -> None:
        super().__init__(f"The document passes the limit on {limit}: {bound}.", limit=limit, bound=bound)


# Introspection is deep by nature; its own bound lets the usual query of tools through.
INTROSPECTION_DEPTH = 20


@dataclass(slots=True)
class _Counts:
    fields: int = 0
    aliases: int = 0
    directives: int = 0


def check(document: DocumentNode, bounds: Bounds) -> None:
    """Raise QueryTooComplex, naming the limit, for a document that passes one."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > bounds.max_operations:
        raise QueryTooComplex("operations", bounds.max_operations)
    counts = _Counts()
    for operation in operations:
        _count_directives(operation, counts, bounds)
        _walk(operation.selection_set, fragments, counts, bounds)
    # Fragments that nothing spreads still reach validation.
    for fragment in fragments.values():
        _count_directives(fragment, counts, bounds)


def _walk(
    root: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    counts: _Counts,
    bounds: Bounds,
) -> None:
    # (selection set, depth, inside introspection, names of the fragments around it); no recursion:
    # a document of a thousand levels must not meet Python's own limit.
    pending: list[tuple[SelectionSetNode, int, bool, frozenset[str]]] = [(root, 1, False, frozenset())]
    while pending:
        selection_set, depth, introspecting, inside = pending.pop()
        for node in selection_set.selections:
            _count_directives(node, counts, bounds)
            if isinstance(node, FieldNode):
                counts.fields += 1
                if counts.fields > bounds.max_fields:
                    raise QueryTooComplex("fields", bounds.max_fields)
                if node.alias is not None:
                    counts.aliases += 1
                    if counts.aliases > bounds.max_aliases:
                        raise QueryTooComplex("aliases", bounds.max_aliases)
                meta = introspecting or node.name.value in ("__schema", "__type")
                greatest = INTROSPECTION_DEPTH if meta else bounds.max_depth
                if depth > greatest:
                    raise QueryTooComplex("depth", greatest)
                if node.selection_set is not None:
                    pending.append((node.selection_set, depth + 1, meta, inside))
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = fragments.get(name)
                # An unknown fragment or a cycle is validation's to report.
                if fragment is not None and name not in inside:
                    counts.fields += 1
                    if counts.fields > bounds.max_fields:
                        raise QueryTooComplex("fields", bounds.max_fields)
                    pending.append((fragment.selection_set, depth, introspecting, inside | {name}))
            else:
                inline: Any = node
                counts.fields += 1
                if counts.fields > bounds.max_fields:
                    raise QueryTooComplex("fields", bounds.max_fields)
                pending.append((inline.selection_set, depth, introspecting, inside))


def _count_directives(node: Any, counts: _Counts, bounds: Bounds) -> None:
    counts.directives += len(node.directives or ())
    if counts.directives > bounds.max_directives:
        raise QueryTooComplex("directives", bounds.max_directives)
