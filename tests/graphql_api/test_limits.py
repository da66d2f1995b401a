"""Limits hold before validation, with fragments expanded, and name themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from graphql import get_introspection_query, parse

from graphql_api import limits
from graphql_api.settings import Settings


@dataclass(frozen=True)
class Bounds:
    max_depth: int = 5
    max_fields: int = 20
    max_aliases: int = 3
    max_directives: int = 3
    max_operations: int = 2
    max_overlaps: int = 25
    max_characters: int = 100


def _limit(query: str) -> str | None:
    try:
        limits.check(parse(query), Bounds())
    except limits.QueryTooComplex as error:
        if str(error.extensions["bound"]) not in str(error):
            pytest.fail("the message does not name the bound")
        return str(error.extensions["limit"])
    return None


# All eight of its lists.
SCHEMA_LISTS = "types directives fields enumValues interfaces inputFields possibleTypes args"


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("{a{b{c{d{e}}}}}", None),
        ("{a{b{c{d{e{f}}}}}}", "depth"),
        ("{...F} fragment F on Query {a{b{c{d{e{f}}}}}}", "depth"),
        ("{" + " ".join(f"a{n}" for n in range(21)) + "}", "fields"),
        ("{a} fragment F on Query {" + " ".join(f"a{n}" for n in range(21)) + "}", "fields"),
        ("{" + "a " * 7 + "}", None),
        ("{" + "a " * 8 + "}", "fields under one name at one place, in pairs"),
        ("{a b:a b:a b:a b:a}", "aliases"),
        ("{a{x} a{x} a{x} a{x} a{x} a{x}}", "fields under one name at one place, in pairs"),
        ("{a} fragment F on Query {a a a a a a a a}", "fields under one name at one place, in pairs"),
        (
            "{...F ... on Query {a a a} a} fragment F on Query {a a a a}",
            "fields under one name at one place, in pairs",
        ),
        ("{a(" + " ".join(f"a{n}:1" for n in range(51)) + ")}", "arguments of a field"),
        ("query(" + " ".join(f"$v{n}:Int" for n in range(201)) + "){a}", "variables of an operation"),
        ("{__schema{types{fields{type{fields{type{fields{name}}}}}}}}", None),
        (
            "{__schema{types{fields{type{interfaces{fields{type{fields{name}}}}}}}}}",
            "lists of the schema inside each other",
        ),
        (
            "{__schema{...F}} "
            "fragment F on __Schema{types{fields{type{fields{type{fields{type{possibleTypes{name}}}}}}}}}",
            "lists of the schema inside each other",
        ),
        (
            f"{{__schema{{types{{{SCHEMA_LISTS}}} {SCHEMA_LISTS.removesuffix(' args').removeprefix('types ')}}}}}",
            None,
        ),
        (
            f"{{__schema{{types{{{SCHEMA_LISTS}}} {SCHEMA_LISTS.removeprefix('types ')}}}}}",
            "lists of the schema",
        ),
        (
            f"{{__schema{{...F types{{{SCHEMA_LISTS}}}}}}} fragment F on __Schema{{{SCHEMA_LISTS}}}",
            "lists of the schema",
        ),
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


def test_the_usual_question_of_tools_passes() -> None:
    assert _limit(get_introspection_query(descriptions=True, input_value_deprecation=True)) in (
        None,
        "fields",
    )
    limits.check(parse(get_introspection_query()), Settings(_env_file=None))


def test_a_long_text_is_not_read() -> None:
    limits.check_length("{a}" + " " * 97, Bounds())
    with pytest.raises(limits.QueryTooComplex, match="characters: 100"):
        limits.check_length("#" * 101, Bounds())


def test_fragments_that_multiply_stop_at_the_limit() -> None:
    levels = 40
    text = "{...F0 ...F0}" + "".join(
        f" fragment F{level} on Query {{...F{level + 1} ...F{level + 1}}}" for level in range(levels)
    )
    assert _limit(text + f" fragment F{levels} on Query {{a}}") == "fields"
