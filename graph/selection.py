"""Hold what a client asked for, as plain data: names in GraphQL camelCase, arguments already coerced.

The resolvers build these from a GraphQL document; the compiler turns them into one statement. Nothing here
knows GraphQL or Cypher.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.layout import Reader


@dataclass(frozen=True, slots=True)
class Field:
    """Ask for one field of a type.

    `arguments` are Python values with defaults filled in and ids decoded to raw keys (int or uuid text);
    an argument that is missing and one that is None mean the same here.
    """

    response_key: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Ask for fields of each concrete type that may stand here; `__typename` never arrives (Row.typename).

    A `reader` asks for the answer in the caller's own form (graph.layout); without one it is Rows. Who keeps a
    selection for many requests keeps its `structure` (graph.plan.structure_of) with it.
    """

    by_type: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    reader: Reader | None = field(default=None, compare=False, repr=False)
    structure: Hashable = field(default=None, compare=False, repr=False)

    def fields(self, typename: str) -> tuple[Field, ...]:
        """Return the fields asked of a concrete type."""
        return self.by_type.get(typename, ())
