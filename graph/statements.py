"""Hold a statement; its text comes from a file of graph/cypher or from the compiler. Knows no driver."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

CYPHER_FOLDER = Path(__file__).parent / "cypher"

Mode = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold one Cypher statement; its name goes to the server with it, so that a query log leads back here."""

    name: str
    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "read"
    by_key: bool = False
    """Whether it finds all it touches by unique keys: its plan stays right however much the graph grows."""

    @classmethod
    def from_file(cls, name: str, parameters: Mapping[str, Any] | None = None, mode: Mode = "read") -> Self:
        """Make a statement of a file's text, such as "mirror/upsert_chapters"."""
        return cls(name, load_statement(name), parameters or {}, mode)


@functools.cache
def load_statement(name: str) -> str:
    """Return the text of graph/cypher/<name>.cypher without its header comment; each file is read once.

    Raises FileNotFoundError for a name without a file.
    """
    lines = (CYPHER_FOLDER / f"{name}.cypher").read_text(encoding="utf-8").splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("//")):
        del lines[0]
    return "\n".join(lines).strip()
