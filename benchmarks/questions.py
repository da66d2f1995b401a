"""How each server is asked a shape's question, and how its answer is brought to one form to compare."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks import apollo_words
from benchmarks.dataset import Size
from benchmarks.servers import Server
from benchmarks.shapes import Shape


@dataclass(frozen=True, slots=True)
class Question:
    """The path, the bodies sent in turn, and the headers."""

    path: str
    bodies: list[str]
    headers: dict[str, str]


def question(server: Server, shape: Shape, size: Size) -> Question:
    """Return how this server is asked; every server gets the same variables in the same order."""
    variables = shape.variables(size)
    if server.name == "plain":
        return Question(f"/{shape.name}", [text_of(each) for each in variables], {})
    if server.name == "apollo":
        document = apollo_words.DOCUMENTS[shape.name]
        asked = [apollo_words.variables(each) for each in variables]
        bodies = [text_of({"query": document, "variables": each}) for each in asked]
        return Question("/", bodies, {})
    bodies = [text_of({"query": shape.document, "variables": each}) for each in variables]
    headers = {}
    if server.name == "api":
        headers["authorization"] = f"Bearer {server.token(shape.viewer)}"
    return Question("/graphql", bodies, headers)


def text_of(value: Any) -> str:
    """Return JSON."""
    return orjson.dumps(value).decode()


def normal(server: Server, shape: Shape, data: Any) -> Any:
    """Return an answer's data with plain keys for ids."""
    if server.name == "apollo":
        data = apollo_words.answer(shape.name, data)
    return _normal(data)


def _normal(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _normal(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, str) and name == "id":
        return _key(value)
    if isinstance(value, int) and name == "id":
        return str(value)
    if isinstance(value, float):
        return round(value, 12)
    return value


def _key(value: str) -> str:
    try:
        text = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return value
    prefix, colon, key = text.partition(":")
    return key if colon and prefix.isalpha() else value


def difference(left: Any, right: Any, path: str = "data") -> str | None:
    """Return where two answers differ first, or None."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return f"{path}: fields {sorted(left)} and {sorted(right)}"
        parts = ((left[key], right[key], f"{path}.{key}") for key in left)
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return f"{path}: {len(left)} and {len(right)} items"
        parts = ((a, b, f"{path}[{index}]") for index, (a, b) in enumerate(zip(left, right, strict=True)))
    else:
        return None if left == right else f"{path}: {left!r} and {right!r}"
    return next((found for part in parts if (found := difference(*part)) is not None), None)
