"""What the written functions may not miss: a resolver that computes, deep nesting."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, parse
from graphql.execution.values import VariableValues

import graph.model
from graph.compiler import Scope, compile_lookup
from graph.layout import Shaped
from graph.selection import Selection
from graphql_api import schema as schema_module
from resolvers import fields, graph_fields, ids
from resolvers.selection import BORDER_TYPES, Asked, Operation

SCHEMA = schema_module.build()
NOTHING = VariableValues({}, {})

# Resolvers on graph types that hand on what the Row holds, or lead to SQL (then no function is written).
KNOWN = {
    ids.resolve,
    graph_fields.resolve,
    fields.skill_prerequisite_prerequisite,
    fields.skill_prerequisite_dependent,
}
# Fields with arguments, whose resolvers only call graph_fields.resolve.
HANDED_ON = {
    ("Chapter", "masterySummary"),
    ("Skill", "mastery"),
    ("Skill", "resources"),
    ("Concept", "mentions"),
    ("Concept", "relations"),
    ("Concept", "resources"),
    ("Concept", "skills"),
}


def test_every_resolver_of_a_graph_type_is_known() -> None:
    unknown = set()
    for name in graph.model.TYPES:
        graphql_type = SCHEMA.type_map[name]
        assert isinstance(graphql_type, GraphQLObjectType)
        for field_name, field in graphql_type.fields.items():
            definition: Any = field.extensions["strawberry-definition"]
            resolver = definition.base_resolver and definition.base_resolver.wrapped_func
            leads_to_sql = get_named_type(field.type).name in BORDER_TYPES
            absent = isinstance(graph.model.TYPES[name].members.get(field_name), graph.model.Absent)
            if resolver is not None and resolver not in KNOWN and not leads_to_sql and not absent:
                unknown.add((name, field_name))
    assert unknown == HANDED_ON


def _read(query: str, rows: list[list[Any]]) -> Any:
    """Return what the plan of a chapter's lookup makes of some rows, which end with the course."""
    document = parse(query)
    operation = Operation(SCHEMA, document, NOTHING)
    node: Any = document.definitions[0]
    root = node.selection_set.selections[0]
    assert SCHEMA.query_type is not None
    asked: Asked = operation.asked(SCHEMA.query_type, [root], "chapter")
    selection: Selection = asked.of_types(("Chapter",), NOTHING)
    return compile_lookup(["Chapter"], ["k"], selection, Scope()).shape(rows)


def test_a_record_is_read_in_the_order_of_the_selection() -> None:
    (found,) = _read(
        '{ chapter(id: "x") { order t: __typename id name theories { id } } }',
        [[["k", 4, "Limits", [["a"], ["b"]]]]],
    ).values()
    assert type(found) is Shaped
    assert list(found.value) == ["order", "t", "id", "name", "theories"]
    assert found.value == {
        "order": 4,
        "t": "Chapter",
        "id": ids.encode("ch", "k"),
        "name": "Limits",
        "theories": [{"id": ids.encode("th", "a")}, {"id": ids.encode("th", "b")}],
    }


@pytest.mark.parametrize("order", [None, "4", 4.0, True, 2**31, -(2**31) - 1])
def test_a_value_that_breaks_its_type_is_left_to_rows(order: Any) -> None:
    (found,) = _read('{ chapter(id: "x") { order } }', [[["k", order, 1]]]).values()
    assert type(found) is not Shaped
    assert found.values == {"order": order}


def test_what_leads_to_sql_is_left_to_rows() -> None:
    (found,) = _read('{ chapter(id: "x") { name course { id } } }', [[["k", "Limits", 1, 1]]]).values()
    assert type(found) is not Shaped
    assert found.values == {"name": "Limits", "course": 1}


def test_loops_deeper_than_python_nests_them_are_left_to_rows() -> None:
    depth = 12
    below, rows = "name", ["k", "end"]
    for _ in range(depth):
        below = f"theories {{ skills {{ theories {{ chapter {{ {below} }} }} }} }}"
        rows = ["k", [["t", [["s", [["t", [rows]]]]]]]]
    rows.append(1)
    (found,) = _read(f'{{ chapter(id: "x") {{ {below} }} }}', [[rows]]).values()
    assert type(found) is not Shaped
