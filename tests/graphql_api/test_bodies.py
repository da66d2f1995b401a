"""The values of a body are counted as it comes, exactly where it matters."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_api import bodies
from graphql_api.bodies import BodyRefused, ValueCount, read_body
from graphql_api.turns import Turns

TEXTS = st.text(alphabet='a,[{"\\:}]é\n', max_size=12)
JSON = st.recursive(
    st.one_of(st.none(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=5)),
    max_leaves=30,
)


def values_of(value: Any) -> int:
    """Return the commas and brackets of a value outside its texts."""
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    if children is None:
        return 0
    return 1 + max(len(children) - 1, 0) + sum(values_of(child) for child in children)


@given(JSON, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_what_stands_in_texts_does_not_count_however_it_comes(
    value: Any, cuts: list[int], plain: bool
) -> None:
    text = json.dumps(value, ensure_ascii=plain).encode()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    count = ValueCount(-1)
    for start, end in itertools.pairwise(places):
        count.add(text[start:end])
    assert count.count == values_of(value)


@given(JSON, st.integers(0, 40))
def test_what_passes_the_bound_is_counted_exactly(value: Any, bound: int) -> None:
    text = json.dumps(value).encode()
    assert bodies.has_more_values(text, bound) == (values_of(value) > bound)


@dataclass
class Bounds:
    max_body_bytes: int = 1_000_000
    max_anonymous_body_bytes: int = 1_000_000
    max_body_values: int = 10_000
    body_timeout_seconds: float = 30.0


async def _parts(text: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


async def test_a_body_of_many_values_is_heavy_and_one_of_prose_is_not() -> None:
    prose = json.dumps({"text": ", [ {" * 20_000}).encode()
    assert await read_body(_parts(prose, 1_000), Bounds(), lambda: False, Turns()) == (prose, False)
    many = json.dumps(["a"] * (bodies.HEAVY_VALUES + 1)).encode()
    assert await read_body(_parts(many, 1_000), Bounds(), lambda: False, Turns()) == (many, True)


async def test_too_many_values_are_not_kept_and_the_body_is_read_to_its_end() -> None:
    text = json.dumps(["a"] * 20_000).encode()
    parts = _parts(text, 1_000)
    with pytest.raises(BodyRefused, match="more than 10000 values") as refused:
        await read_body(parts, Bounds(), lambda: False, Turns())
    assert refused.value.status == 413
    assert [part async for part in parts] == []


def test_a_heavy_value_is_one_of_many_items_and_members() -> None:
    count = bodies.HEAVY_VALUES
    assert not bodies.is_heavy({"a": "x" * 100_000})
    assert not bodies.is_heavy(None)
    assert not bodies.is_heavy({"a": [0] * (count - 1)})
    assert bodies.is_heavy({"a": [0] * count})
    assert bodies.is_heavy({"a": [{"b": [1, 2]}] * (count // 3)})
