"""The cost of an operation follows from the sizes of its lists, whoever says them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from graphql_api import cost
from graphql_api import schema as schema_module
from graphql_api.limits import QueryTooComplex
from graphql_api.settings import Settings
from tests.api_fixtures import Api

SCHEMA = schema_module.build()
ROOT = Path(__file__).parents[2]


def price(query: str, variables: dict[str, Any] | None = None, *, least: bool = False) -> int:
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    model = cost.CostModel(SCHEMA, 10**9)
    return model.cost(operation, cost._fragments(document), variables=variables, least=least)


@pytest.mark.parametrize(
    ("query", "variables", "wanted"),
    [
        ("{ me { id } }", {}, 1),
        ("{ users { totalCount } }", {}, 1),
        ("{ users(first: 7) { nodes { id } } }", {}, 1 + 7),
        ("{ users { nodes { id } } }", {}, 1 + cost.PAGE_SIZE),
        ("{ users(last: 7) { edges { node { id } } } }", {}, 1 + 7 + 7),
        ("{ users(first: 7) { nodes { id } edges { cursor } } }", {}, 1 + 7 + 7),
        ("query($n: Int) { users(first: $n) { nodes { id } } }", {"n": 9}, 1 + 9),
        ("query($n: Int = 6) { users(first: $n) { nodes { id } } }", {}, 1 + 6),
        ("query($n: Int) { users(first: $n) { nodes { id } } }", {}, 1 + cost.PAGE_SIZE),
        ("query($n: Int) { users(first: $n) { nodes { id } } }", {"n": 10**9}, 1 + cost.GREATEST_PAGE),
        ("query($n: Int) { users(first: $n) { nodes { id } } }", {"n": "x"}, 1 + cost.PAGE_SIZE),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 8}, 8),
        ('{ concept(id: "x") { mentions(limit: 5) { id theory { id } } } }', {}, 1 + 5 + 5),
        ('{ course(id: "x") { chapters { theories { id } } } }', {}, 1 + 10 + 100),
        (
            "{ ...F } fragment F on Query { users(first: 3) { nodes { ...G } } } fragment G on User { id }",
            {},
            4,
        ),
        (
            "{ courses(first: 2) { nodes { teacher { courses(first: 3) { nodes { id } } } } } }",
            {},
            1 + 2 + 2 + 2 + 6,
        ),
        ('mutation { a: logOut(input: {refreshToken: "x"}) { __typename } }', {}, cost.MUTATION + 1),
        ("{ nobody { nothing { at } } }", {}, 2),
        ("{ __schema { types { fields { name } } } }", {}, 3),
    ],
)
def test_what_is_counted(query: str, variables: dict[str, Any], wanted: int) -> None:
    assert price(query, variables) == wanted


def test_a_variable_is_taken_for_the_least_and_for_the_most() -> None:
    query = "query($n: Int = 50) { users(first: $n) { nodes { id } } }"
    assert (price(query, least=True), price(query)) == (1 + 1, 1 + cost.GREATEST_PAGE)


def test_every_example_is_far_from_the_limit() -> None:
    greatest = Settings(_env_file=None).max_cost
    for path in sorted((ROOT / "examples" / "operations").glob("*.graphql")):
        assert price(path.read_text(encoding="utf-8"), {}) < greatest / 2, path.name


DEEP = (
    "query($n: Int) { courses(first: $n) { nodes { teacher { courses(first: $n) { nodes "
    "{ enrollments(first: $n) { nodes { id } } } } } } } }"
)


async def test_what_passes_the_limit_is_refused_with_its_number(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    teacher = await api.teacher()
    assert (await api.data(DEEP, teacher, n=2))["courses"] == {"nodes": []}
    for query, variables in (
        (DEEP, {"n": 100}),
        (DEEP.replace("$n: Int", "$n: Int = 100"), {}),
        (DEEP.replace("($n: Int)", "").replace("$n", "100"), {}),
        ("query Q(" + DEEP[6:] + " fragment F on Query { me { id } }", {"n": 100}),
    ):
        body = await api.ask(query, teacher, **variables)
        if "fragment F" in query:
            assert body["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            continue
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
        assert error["extensions"]["limit"] == "cost"
        assert "data" not in body
    # The same document is let through again with small pages: the verdict was on the request.
    assert (await api.data(DEEP, teacher, n=2))["courses"] == {"nodes": []}


def test_a_document_that_no_variable_saves_is_refused_before_validation() -> None:
    model = cost.CostModel(SCHEMA, 100)
    query = "{ users(first: 100) { nodes { id nothing } } }"
    with pytest.raises(QueryTooComplex, match="cost: 100; it has 101"):
        model.check_document(query, parse(query))
