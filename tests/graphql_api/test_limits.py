"""Limits hold before validation, with fragments expanded, and name themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from graphql import parse

from graphql_api import limits


@dataclass(frozen=True)
class Bounds:
    max_depth: int = 5
    max_fields: int = 20
    max_aliases: int = 3
    max_directives: int = 3
    max_operations: int = 2


def _limit(query: str) -> str | None:
    try:
        limits.check(parse(query), Bounds())
    except limits.QueryTooComplex as error:
        if str(error.extensions["bound"]) not in str(error):
            pytest.fail("the message does not name the bound")
        return str(error.extensions["limit"])
    return None


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("{a{b{c{d{e}}}}}", None),
        ("{a{b{c{d{e{f}}}}}}", "depth"),
        ("{...F} fragment F on Query {a{b{c{d{e{f}}}}}}", "depth"),
        ("{" + "a " * 21 + "}", "fields"),
        ("{...F ...F ...F} fragment F on Query {a b c d e f g}", "fields"),
        ("{a:x b:x c:x d:x}", "aliases"),
        ("{...F ...F} fragment F on Query {a:x b:x}", "aliases"),
        ("{a @x @x @x @x}", "directives"),
        ("query A @x @x @x @x {a}", "directives"),
        ("{a} fragment F on Query @x @x @x @x {a}", "directives"),
        ("query A {a} query B {a} query C {a}", "operations"),
        ("{...A} fragment A on Query {...B} fragment B on Query {...A a}", None),
        ("{__schema{a{b{c{d{e{f}}}}}}}", None),
    ],
)
def test_limits(query: str, limit: str | None) -> None:
    assert _limit(query) == limit


def test_fragments_that_multiply_stop_at_the_limit() -> None:
    levels = 40
    text = "{...F0 ...F0}" + "".join(
        f" fragment F{level} on Query {{...F{level + 1} ...F{level + 1}}}" for level in range(levels)
    )
    assert _limit(text + f" fragment F{levels} on Query {{a}}") == "fields"
