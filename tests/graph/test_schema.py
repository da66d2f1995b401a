"""Constraints and indexes, on the real engines."""

from __future__ import annotations

import asyncio

import pytest

from graph import schema
from graph.client import GraphClient, GraphConfig, Statement
from graph.errors import GraphRejected
from tests.graph_fixtures import PatientClient

CONCEPT_KEY = "CONCEPT", ("course_id", "key")


def drop(name: str, kind: str = "CONSTRAINT") -> Statement:
    return Statement("test/drop", f"DROP {kind} {name} IF EXISTS", mode="write")


def create(text: str) -> Statement:
    return Statement("test/create", text, mode="write")


def test_definitions_are_those_of_the_domain() -> None:
    found = schema.definitions()
    keyed = {d.label for d in found if d.unique and d.properties == ("id",)}
    assert keyed == {
        "STUDENT", "TEACHER", "CLASS", "CHAPTER", "THEORY", "SKILL", "CONCEPT", "READING", "VIDEO",
        "METADATA", "PROGRESS",
    }  # fmt: skip
    assert {(d.label, d.properties) for d in found if d.unique and d.properties != ("id",)} == {
        CONCEPT_KEY,
        ("READING", ("course_id", "url")),
        ("VIDEO", ("course_id", "url")),
        ("MIRROR_TOMBSTONE", ("key",)),
    }
    assert {(d.label, d.properties) for d in found if not d.unique} == {
        ("CLASS", ("title",)),
        ("CONCEPT", ("name",)),
        ("CHAPTER", ("course_id",)),
        ("THEORY", ("course_id",)),
        ("SKILL", ("course_id",)),
        ("CONCEPT", ("course_id",)),
    }
    assert len({d.name for d in found}) == len(found) == 21


def test_an_index_that_is_not_online_yet_is_missing() -> None:
    constraints = [[d.label, list(d.properties), "UNIQUENESS"] for d in schema.definitions() if d.unique]
    indexes = [[d.label, list(d.properties), "ONLINE"] for d in schema.definitions()]
    assert schema.missing(constraints, indexes) == []
    indexes[0][2] = "POPULATING"
    assert [d.name for d in schema.missing(constraints, indexes)] == [schema.definitions()[0].name]
    assert [d.name for d in schema.missing([], indexes)] == [d.name for d in schema.definitions() if d.unique]


def test_a_newer_server_names_uniqueness_differently() -> None:
    rows = [
        [d.label, list(d.properties), "NODE_PROPERTY_UNIQUENESS"] for d in schema.definitions() if d.unique
    ]
    indexes = [[d.label, list(d.properties), "ONLINE"] for d in schema.definitions()]
    assert schema.missing(rows, indexes) == []


async def test_ensuring_twice_changes_nothing(graph_client: GraphClient) -> None:
    assert await graph_client.missing_schema() == []
    before = graph_client.statement_count
    await graph_client.ensure_schema()
    assert graph_client.statement_count - before == 4  # looks only, twice two statements
    assert await graph_client.missing_schema() == []


async def test_what_is_missing_is_named_and_made_again(graph_client: GraphClient) -> None:
    await graph_client.write([drop("video_course_url")])
    await graph_client.write([drop("class_title", "INDEX")])
    assert await graph_client.missing_schema() == ["video_course_url", "class_title"]
    await graph_client.ensure_schema()
    assert await graph_client.missing_schema() == []


async def test_a_constraint_of_another_name_counts(graph_client: GraphClient) -> None:
    await graph_client.write([drop("skill_id")])
    await graph_client.write([create("CREATE CONSTRAINT theirs FOR (n:SKILL) REQUIRE n.id IS UNIQUE")])
    try:
        assert await graph_client.missing_schema() == []
    finally:
        await graph_client.write([drop("theirs")])
        await graph_client.ensure_schema()


async def test_two_processes_may_ensure_at_once(graph_client: GraphClient, graph_config: GraphConfig) -> None:
    names = [definition.name for definition in schema.definitions()[:4]]
    for name in names:
        await graph_client.write([drop(name)])
    other = PatientClient.open(graph_config)
    try:
        await asyncio.gather(graph_client.ensure_schema(), other.ensure_schema())
        assert await other.missing_schema() == []
    finally:
        await other.close()


async def test_data_that_contradict_a_constraint_are_refused(graph_client: GraphClient) -> None:
    await graph_client.write([drop("teacher_id")])
    await graph_client.write([create("CREATE (:TEACHER {id: 1}), (:TEACHER {id: 1})")])
    try:
        with pytest.raises(GraphRejected):
            await graph_client.ensure_schema()
        assert await graph_client.missing_schema() == ["teacher_id"]
    finally:
        await graph_client.write([create("MATCH (n:TEACHER) DETACH DELETE n")])
        await graph_client.ensure_schema()


@pytest.mark.parametrize(
    ("label", "first", "second"),
    [
        ("STUDENT", "id: 7", "id: 7"),
        ("CONCEPT", "id: 'a', course_id: 1, key: 'k'", "id: 'b', course_id: 1, key: 'k'"),
        ("READING", "id: 'a', course_id: 1, url: 'u'", "id: 'b', course_id: 1, url: 'u'"),
        ("VIDEO", "id: 'a', course_id: 1, url: 'u'", "id: 'b', course_id: 1, url: 'u'"),
        ("MIRROR_TOMBSTONE", "key: 'SKILL:1'", "key: 'SKILL:1'"),
    ],
)
async def test_a_second_node_of_the_same_key_is_refused(
    graph_client: GraphClient, label: str, first: str, second: str
) -> None:
    await graph_client.write([create(f"CREATE (:{label} {{{first}}})")])
    with pytest.raises(GraphRejected) as caught:
        await graph_client.write([create(f"CREATE (:{label} {{{second}}})")])
    assert caught.value.code == "Neo.ClientError.Schema.ConstraintValidationFailed"
    count = Statement("test/count", f"MATCH (n:{label}) RETURN count(n)")
    assert await graph_client.read(count) == [[1]]


async def test_the_same_key_in_another_course_is_fine(graph_client: GraphClient) -> None:
    await graph_client.write([create("CREATE (:CONCEPT {id: 'a', course_id: 1, key: 'k'})")])
    await graph_client.write([create("CREATE (:CONCEPT {id: 'b', course_id: 2, key: 'k'})")])


async def test_nodes_known_by_id_alone_do_not_collide(graph_client: GraphClient) -> None:
    """An edge may arrive before its ends: neither engine counts a pair of nulls as a key."""
    await graph_client.write([create("UNWIND ['a', 'b'] AS id MERGE (:CONCEPT {id: id})")])
    assert await graph_client.read(Statement("test/count", "MATCH (n:CONCEPT) RETURN count(n)")) == [[2]]


async def test_keys_are_swapped_by_removing_both_halves_first(graph_client: GraphClient) -> None:
    """Neo4j checks at each change, so a batch in which keys move needs the detour; it works on both."""
    await graph_client.write([create("CREATE (:CONCEPT {id: 'a', course_id: 1, key: 'x'})")])
    await graph_client.write([create("CREATE (:CONCEPT {id: 'b', course_id: 1, key: 'y'})")])
    rows = {"rows": [{"id": "a", "key": "y"}, {"id": "b", "key": "x"}]}
    await graph_client.write(
        [
            Statement(
                "test/free",
                "UNWIND $rows AS row MATCH (n:CONCEPT {id: row.id}) REMOVE n.course_id, n.key",
                rows,
                "write",
            ),
            Statement(
                "test/set",
                "UNWIND $rows AS row MERGE (n:CONCEPT {id: row.id}) SET n.course_id = 1, n.key = row.key",
                rows,
                "write",
            ),
        ]
    )
    keys = Statement("test/keys", "MATCH (n:CONCEPT) RETURN n.id, n.key ORDER BY n.id")
    assert await graph_client.read(keys) == [["a", "y"], ["b", "x"]]
