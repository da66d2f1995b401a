"""Constraints and indexes of the graph: what is wanted, what is missing. Pure; the client asks the graph."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graph.statements import Statement, load_statement

_DEFINITION = re.compile(
    r"CREATE (?P<kind>CONSTRAINT|INDEX) (?P<name>\w+) IF NOT EXISTS FOR \(n:(?P<label>\w+)\) "
    r"(?:REQUIRE|ON) \(?(?P<properties>n\.\w+(?:, n\.\w+)*)\)?(?: IS UNIQUE)?"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """Describe one constraint or index by what it does; an operator may have given it another name."""

    name: str
    unique: bool
    label: str
    properties: tuple[str, ...]
    statement: Statement


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """Return all of them in the order in which they are created, read from the files."""
    found = []
    for file in ("schema/constraints", "schema/indexes"):
        for text in load_statement(file).split(";"):
            match = _DEFINITION.fullmatch(text.strip())
            if match is None:
                raise ValueError(f"{file}: not the form of a definition: {text.strip()}")
            found.append(
                Definition(
                    name=match["name"],
                    unique=match["kind"] == "CONSTRAINT",
                    label=match["label"],
                    properties=tuple(part.removeprefix("n.") for part in match["properties"].split(", ")),
                    statement=Statement(f"schema/{match['name']}", text.strip(), mode="write"),
                )
            )
    return tuple(found)


def missing(constraints: Sequence[Sequence[Any]], indexes: Sequence[Sequence[Any]]) -> list[Definition]:
    """Return what is wanted and not there, or there and not usable yet.

    Takes the rows of schema/show_constraints and schema/show_indexes.
    """
    # Newer servers say NODE_PROPERTY_UNIQUENESS; a node key forbids duplicates as well.
    unique = {
        (label, tuple(properties))
        for label, properties, kind in constraints
        if kind.endswith(("UNIQUENESS", "NODE_KEY"))
    }
    online = {(label, tuple(properties)) for label, properties, state in indexes if state == "ONLINE"}
    return [
        wanted
        for wanted in definitions()
        if (wanted.label, wanted.properties) not in online
        or (wanted.unique and (wanted.label, wanted.properties) not in unique)
    ]
