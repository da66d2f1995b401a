"""Concepts, mentions and relations: what is written and recorded, and every refusal with nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from sql import concept_relations, concepts, errors, resources, skills
from sql.models import (
    Concept,
    ConceptAlias,
    ConceptMention,
    ConceptRelation,
    ConceptRelationType,
    EdgeOrigin,
    Kind,
    ResourceKind,
)
from sql.session import Database
from tests.curriculum_rows import World, add_world, audit_count, count, records


@pytest.fixture
async def world(database: Database) -> World:
    return await add_world(database)


async def call(database: Database, function: Any, **values: Any) -> Any:
    async with database.write() as session:
        return await function(session, **values)


async def make(database: Database, world: World, name: str, **values: Any) -> str:
    arguments = {"actor_id": world.teacher, "course_id": world.course, "name": name} | values
    return str((await call(database, concepts.create_concept, **arguments)).id)


async def refuse(database: Database, kind: type[errors.SqlError], function: Any, **values: Any) -> Any:
    """Make a call that must be refused and must leave no record and no audit entry."""
    before = (await records(database), await audit_count(database))
    with pytest.raises(kind) as caught:
        await call(database, function, **values)
    assert (await records(database), await audit_count(database)) == before
    return caught.value


async def test_a_concept_is_made_with_aliases(database: Database, world: World) -> None:
    concept_id = await make(database, world, "Gradient Descent", aliases=["GD"], definition="Downhill")
    async with database.read() as session:
        concept = await session.get_one(Concept, concept_id)
        assert (concept.key, concept.by_hand, concept.version) == ("gradient descent", True, 1)
        assert [(row.key, row.concept_id) for row in await session.scalars(select(ConceptAlias))] == [
            ("gd", concept_id)
        ]
        taken = await concepts.names_taken(session, world.course, ["gd", "gradient descent", "other"])
        assert taken == {"gd": concept_id, "gradient descent": concept_id}
    assert (await records(database))[Kind.CONCEPT, concept_id] == (1, False)


async def test_names_and_aliases_are_unique_in_a_course(database: Database, world: World) -> None:
    concept_id = await make(database, world, "A", aliases=["B"])
    base: dict[str, Any] = {"actor_id": world.teacher, "course_id": world.course}
    for values, path in (
        ({"name": "b"}, ("name",)),
        ({"name": "a"}, ("name",)),
        ({"name": "C", "aliases": ["D", "A"]}, ("aliases", "1")),
        ({"name": "C", "aliases": ["B"]}, ("aliases", "0")),
    ):
        error = await refuse(database, errors.Conflict, concepts.create_concept, **base, **values)
        assert (error.code, error.path, error.conflicting) == ("DUPLICATE", path, ("CONCEPT", concept_id))
    error = await refuse(
        database, errors.InvalidInput, concepts.create_concept, **base, name="X", aliases=["x", "Y", "y"]
    )
    assert [field.path for field in error.fields] == [("aliases", "0"), ("aliases", "2")]
    await make(database, world, "A", course_id=world.other)


async def test_values_out_of_bounds(database: Database, world: World) -> None:
    error = await refuse(
        database,
        errors.InvalidInput,
        concepts.create_concept,
        actor_id=world.teacher,
        course_id=world.course,
        name="\ufdfa" * 100,
        aliases=["a"] * 51,
        definition="d" * 4_001,
    )
    assert {field.path[0] for field in error.fields} == {"name", "aliases", "definition"}
    await refuse(
        database,
        errors.Conflict,
        concepts.create_concept,
        actor_id=world.teacher,
        course_id=world.archived,
        name="A",
    )


async def test_a_concept_is_renamed(database: Database, world: World) -> None:
    concept_id = await make(database, world, "A", aliases=["B", "C"])
    actor = {"actor_id": world.teacher, "concept_id": concept_id}
    changed = await call(
        database, concepts.update_concept, **actor, name="B", aliases=["C"], expected_version=1
    )
    assert (changed.name, changed.key, changed.aliases, changed.version) == ("B", "b", ["C"], 2)
    assert (await call(database, concepts.update_concept, **actor, name="B")).version == 2
    changed = await call(database, concepts.update_concept, **actor, aliases=["A", "C"])
    async with database.read() as session:
        assert set(await session.scalars(select(ConceptAlias.key))) == {"a", "c"}
    error = await refuse(
        database, errors.StaleVersion, concepts.update_concept, **actor, name="Z", expected_version=1
    )
    assert error.current_version == 3
    await refuse(database, errors.InvalidInput, concepts.update_concept, **actor, name=None, aliases=None)
    await make(database, world, "Other")
    await refuse(database, errors.Conflict, concepts.update_concept, **actor, name="other")


async def test_deleting_a_concept_records_what_goes_and_what_loses_a_link(
    database: Database, world: World
) -> None:
    actor = {"actor_id": world.teacher}
    first, second = await make(database, world, "A", aliases=["AA"]), await make(database, world, "B")
    for theory in world.theories:
        await call(
            database,
            concepts.set_concept_mention,
            **actor,
            theory_id=theory,
            concept_id=first,
            definition="d",
        )
    await call(
        database,
        concept_relations.set_concept_relation,
        **actor,
        source_id=second,
        type=ConceptRelationType.PART_OF,
        target_id=first,
    )
    skill = await call(
        database, skills.create_skill, **actor, course_id=world.course, name="S", concept_ids=[first]
    )
    resource = await call(
        database,
        resources.create_resource,
        **actor,
        kind=ResourceKind.READING,
        title="R",
        url="https://example.org/",
        theory_ids=world.theories,
        concept_ids=[first, second],
    )
    deleted = await call(database, concepts.delete_concept, **actor, concept_id=first, expected_version=1)
    assert deleted == {"CONCEPT": 1, "CONCEPT_MENTION": 2, "CONCEPT_RELATION": 1}
    found = await records(database)
    assert found[Kind.CONCEPT, first] == (2, True)
    assert found[Kind.CONCEPT_MENTION, f"{world.theories[0]}:{first}"] == (2, True)
    assert found[Kind.CONCEPT_RELATION, f"{second}:PART_OF:{first}"] == (2, True)
    assert found[Kind.SKILL, skill.id] == (2, False)
    assert found[Kind.RESOURCE, resource.id] == (2, False)
    async with database.read() as session:
        assert await count(session, ConceptMention) == 0
        assert await count(session, ConceptRelation) == 0
        assert await count(session, ConceptAlias) == 0
    await refuse(database, errors.NotFound, concepts.delete_concept, **actor, concept_id=first)


async def test_a_mention_is_written_once(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    concept_id, foreign = (
        await make(database, world, "A"),
        await make(database, world, "B", course_id=world.other),
    )
    values = {"actor_id": world.teacher, "theory_id": world.theories[0]}
    said = {"definition": "d", "text_evidence": "e", "source_document": "f.pdf"}
    for version in (1, 1):
        mention = await call(database, concepts.set_concept_mention, **values, concept_id=concept_id, **said)
        assert mention.version == version
    mention = await call(database, concepts.set_concept_mention, **values, concept_id=concept_id)
    assert (mention.version, mention.definition) == (2, None)
    error = await refuse(
        database, errors.NotFound, concepts.set_concept_mention, **values, concept_id=foreign
    )
    assert (error.kind, error.path) == ("CONCEPT", ("conceptId",))
    await refuse(
        database,
        errors.InvalidInput,
        concepts.set_concept_mention,
        **values,
        concept_id=concept_id,
        text_evidence="e" * 2_001,
    )
    monkeypatch.setattr(concepts, "MENTIONS_IN_THEORY", 1)
    another = await make(database, world, "C")
    await refuse(database, errors.InvalidInput, concepts.set_concept_mention, **values, concept_id=another)
    await call(database, concepts.remove_concept_mention, **values, concept_id=concept_id)
    found = await records(database)
    assert found[Kind.CONCEPT_MENTION, f"{world.theories[0]}:{concept_id}"] == (3, True)
    assert found[Kind.CONCEPT, concept_id] == (1, False)  # made by hand: it stays
    await refuse(database, errors.NotFound, concepts.remove_concept_mention, **values, concept_id=concept_id)


async def test_only_concepts_that_nothing_needs_are_removed(database: Database, world: World) -> None:
    async with database.write() as session:
        rows = [
            Concept(course_id=world.course, name=name, key=name, by_hand=name == "hand")
            for name in ("unused", "hand", "mentioned", "required", "related", "target")
        ]
        session.add_all(rows)
    unused, hand, mentioned, required, related, target = (row.id for row in rows)
    actor = {"actor_id": world.teacher}
    mention = {"theory_id": world.theories[0], "concept_id": mentioned}
    await call(database, concepts.set_concept_mention, **actor, **mention)
    await call(
        database, skills.create_skill, **actor, course_id=world.course, name="S", concept_ids=[required]
    )
    await call(
        database,
        concept_relations.set_concept_relation,
        **actor,
        source_id=related,
        type=ConceptRelationType.IS_A,
        target_id=target,
    )
    removed = await call(
        database,
        concepts.remove_unused,
        course_id=world.course,
        concept_ids=[unused, hand, mentioned, required, related, target],
    )
    assert removed == 1
    assert (await records(database))[Kind.CONCEPT, unused] == (1, True)
    await call(database, concepts.remove_concept_mention, **actor, **mention)
    assert await call(database, concepts.remove_unused, course_id=world.course, concept_ids=[mentioned]) == 1
    assert (await records(database))[Kind.CONCEPT, mentioned] == (1, True)


async def test_relations_are_written_once_and_stay_acyclic(database: Database, world: World) -> None:
    first, second, third = [await make(database, world, name) for name in "ABC"]
    foreign = await make(database, world, "A", course_id=world.other)
    actor = {"actor_id": world.teacher}
    before = {"type": ConceptRelationType.PREREQUISITE}
    write = concept_relations.set_concept_relation
    edge = await call(database, write, **actor, **before, source_id=first, target_id=second, reason="r")
    assert (edge.version, edge.origin) == (1, EdgeOrigin.TEACHER)
    edge = await call(database, write, **actor, **before, source_id=first, target_id=second, reason="r")
    assert edge.version == 1
    await call(database, write, **actor, **before, source_id=second, target_id=third)
    error = await refuse(database, errors.Cycle, write, **actor, **before, source_id=third, target_id=first)
    assert (error.kind, error.keys) == ("CONCEPT", [third, first, second, third])
    other = {"type": ConceptRelationType.RELATED_TO}
    await call(database, write, **actor, **other, source_id=third, target_id=first)
    await refuse(database, errors.InvalidInput, write, **actor, **before, source_id=first, target_id=first)
    await refuse(database, errors.InvalidInput, write, **actor, **other, source_id=first, target_id=first)
    error = await refuse(
        database, errors.NotFound, write, **actor, **other, source_id=first, target_id=foreign
    )
    assert error.path == ("targetId",)
    key = {"source_id": first, "target_id": second}
    await call(database, concept_relations.remove_concept_relation, **actor, **before, **key)
    assert (await records(database))[Kind.CONCEPT_RELATION, f"{first}:PREREQUISITE:{second}"] == (2, True)
    await refuse(
        database, errors.NotFound, concept_relations.remove_concept_relation, **actor, **before, **key
    )
