"""The SDL is the contract: printed fresh, described whole, and bound to the tables that belong to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from graphql_api import errors
from graphql_api import schema as schema_module
from resolvers import ids

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return schema_module.build()


def _own_types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    builtin = {"Int", "Float", "String", "Boolean", "ID"}
    return [t for name, t in schema.type_map.items() if not name.startswith("__") and name not in builtin]


def test_schema_graphql_is_fresh(schema: GraphQLSchema) -> None:
    committed = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert committed == schema_module.print_sdl(schema), "run: make schema"


def test_everything_is_described(schema: GraphQLSchema) -> None:
    missing = []
    for graphql_type in _own_types(schema):
        if not graphql_type.description:
            missing.append(graphql_type.name)
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in graphql_type.fields.items():
                if not field.description:
                    missing.append(f"{graphql_type.name}.{name}")
                missing += [
                    f"{graphql_type.name}.{name}({argument_name})"
                    for argument_name, argument in field.args.items()
                    if not argument.description
                ]
        elif isinstance(graphql_type, GraphQLInputObjectType):
            missing += [
                f"{graphql_type.name}.{n}" for n, f in graphql_type.fields.items() if not f.description
            ]
        elif isinstance(graphql_type, GraphQLEnumType):
            missing += [
                f"{graphql_type.name}.{n}" for n, v in graphql_type.values.items() if not v.description
            ]
    assert missing == []


# What the second wave has brought so far, beside the whole first one.
WAVE_TWO = {
    "Query": {"classMastery", "graphDrift", "syncRecords"},
    "Mutation": {"retrySync", "repairDrift", "rebuildGraph"},
}


def test_wave_one_is_whole_and_of_wave_two_what_is_listed(schema: GraphQLSchema) -> None:
    for root, count in {"Query": 18, "Mutation": 47}.items():
        graphql_type = schema.type_map[root]
        assert isinstance(graphql_type, GraphQLObjectType)
        assert set(graphql_type.fields) >= WAVE_TWO[root]
        assert len(set(graphql_type.fields) - WAVE_TWO[root]) == count


def test_the_subscriptions_are_those_that_are_listed(schema: GraphQLSchema) -> None:
    assert schema.subscription_type is not None
    assert set(schema.subscription_type.fields) == {"syncChanged"}


def test_a_mutation_takes_one_input_and_answers_its_own_union(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        title = name[0].upper() + name[1:]
        assert list(field.args) == ["input"], name
        assert str(field.args["input"].type) == f"{title}Input!"
        union = field.type
        assert isinstance(union, GraphQLUnionType), name
        assert union.name == f"{title}Result"
        members = [member.name for member in union.types]
        assert members[0] == f"{title}Success"
        assert all(member.endswith("Problem") for member in members[1:]), name


def test_every_node_type_has_an_id_prefix(schema: GraphQLSchema) -> None:
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {t.name for t in schema.get_possible_types(node)} <= set(ids.PREFIXES)


def test_root_fields_are_nullable_except_lists_that_can_not_fail(schema: GraphQLSchema) -> None:
    assert schema.query_type is not None
    strict = {name for name, field in schema.query_type.fields.items() if str(field.type).endswith("!")}
    assert strict == {"courses", "nodes"}


def test_every_field_can_be_resolved(schema: GraphQLSchema) -> None:
    for graphql_type in _own_types(schema):
        if isinstance(graphql_type, GraphQLObjectType):
            for name, field in graphql_type.fields.items():
                assert field.resolve is not None, f"{graphql_type.name}.{name}"
                assert get_named_type(field.type).name in schema.type_map


def test_the_list_of_error_codes_is_in_the_description(schema: GraphQLSchema) -> None:
    assert schema.description is not None
    assert [code for code in errors.CODES if code not in schema.description] == []


def test_the_page_of_conventions_names_every_code_and_problem(schema: GraphQLSchema) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    codes, problem = schema.type_map["ProblemCode"], schema.type_map["Problem"]
    assert isinstance(codes, GraphQLEnumType)
    assert isinstance(problem, GraphQLInterfaceType)
    names = [*errors.CODES, *codes.values, *(member.name for member in schema.get_possible_types(problem))]
    # CURSOR_EXPIRED is of subscriptions alone.
    assert {name for name in names if name not in page} <= {"CURSOR_EXPIRED"}
