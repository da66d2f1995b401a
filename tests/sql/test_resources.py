"""Readings and videos: what is written and recorded, and every refusal with nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from sql import concepts, errors, resources
from sql.models import Kind, Resource, ResourceConcept, ResourceKind, ResourceTheory
from sql.session import Database
from tests.curriculum_rows import World, add_world, audit_count, count, records


@pytest.fixture
async def world(database: Database) -> World:
    return await add_world(database)


async def call(database: Database, function: Any, /, **values: Any) -> Any:
    async with database.write() as session:
        return await function(session, **values)


def new(world: World, **values: Any) -> dict[str, Any]:
    return {
        "actor_id": world.teacher,
        "kind": ResourceKind.READING,
        "title": "Book",
        "url": "https://example.org/a",
        "theory_ids": world.theories[:1],
    } | values


async def refuse(database: Database, error: type[errors.SqlError], function: Any, /, **values: Any) -> Any:
    """Make a call that must be refused and must leave no record and no audit entry."""
    before = (await records(database), await audit_count(database))
    with pytest.raises(error) as caught:
        await call(database, function, **values)
    assert (await records(database), await audit_count(database)) == before
    return caught.value


async def test_a_resource_lives(database: Database, world: World) -> None:
    concept = await call(
        database, concepts.create_concept, actor_id=world.teacher, course_id=world.course, name="C"
    )
    made = await call(database, resources.create_resource, **new(world, concept_ids=[concept.id]))
    assert (made.course_id, made.version) == (world.course, 1)
    actor = {"actor_id": world.teacher, "resource_id": made.id}
    changed = await call(
        database,
        resources.update_resource,
        **actor,
        title="Other",
        theory_ids=world.theories,
        concept_ids=[],
        expected_version=1,
    )
    assert (changed.title, changed.version) == ("Other", 2)
    assert (await call(database, resources.update_resource, **actor, title="Other")).version == 2
    async with database.read() as session:
        assert set(await session.scalars(select(ResourceTheory.theory_id))) == set(world.theories)
        assert await count(session, ResourceConcept) == 0
    error = await refuse(
        database, errors.StaleVersion, resources.delete_resource, **actor, expected_version=1
    )
    assert error.current_version == 2
    await call(database, resources.delete_resource, **actor, expected_version=2)
    assert (await records(database))[Kind.RESOURCE, made.id] == (3, True)
    async with database.read() as session:
        assert await count(session, Resource) == 0
    await refuse(database, errors.NotFound, resources.delete_resource, **actor)
    await refuse(database, errors.NotFound, resources.update_resource, **actor, title="x")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://example.org",
        "https://",
        "https://a b",
        "http://[",
        "x",
        "http://h:99999",
    ],
)
async def test_addresses_that_are_refused(database: Database, world: World, url: str) -> None:
    error = await refuse(database, errors.InvalidInput, resources.create_resource, **new(world, url=url))
    assert [field.path for field in error.fields] == [("url",)]


async def test_what_a_resource_may_not_be(database: Database, world: World) -> None:
    made = await call(database, resources.create_resource, **new(world))
    create = resources.create_resource
    error = await refuse(database, errors.Conflict, create, **new(world))
    assert (error.code, error.path, error.conflicting) == ("DUPLICATE", ("url",), ("RESOURCE", made.id))
    other = {"url": "https://example.org/b"}
    error = await refuse(
        database,
        errors.NotFound,
        create,
        **new(world, **other, theory_ids=[world.theories[0], world.other_theory]),
    )
    assert (error.key, error.path) == (world.other_theory, ("theoryIds", "1"))
    error = await refuse(
        database, errors.Conflict, create, **new(world, **other, theory_ids=[world.archived_theory])
    )
    assert error.code == "WRONG_STATE"
    error = await refuse(
        database,
        errors.InvalidInput,
        create,
        **new(world, title="", url="", theory_ids=[], concept_ids=[f"c{number}" for number in range(51)]),
    )
    assert [field.path[0] for field in error.fields] == ["title", "url", "theoryIds", "conceptIds"]
    await refuse(
        database,
        errors.InvalidInput,
        resources.update_resource,
        actor_id=world.teacher,
        resource_id=made.id,
        title=None,
        url=None,
        theory_ids=[],
    )
