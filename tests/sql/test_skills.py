"""Skills and prerequisites: what is written and recorded, and every refusal with nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from sql import concepts, errors, models, skills
from sql.cycles import closed_cycle
from sql.models import (
    Assessment,
    Kind,
    PrerequisiteStatus,
    Role,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    User,
)
from sql.session import Database
from tests.curriculum_rows import World, add_world, audit_count, count, records


@pytest.fixture
async def world(database: Database) -> World:
    return await add_world(database)


async def make(database: Database, world: World, name: str, **values: Any) -> str:
    async with database.write() as session:
        arguments = {"actor_id": world.teacher, "course_id": world.course, "name": name} | values
        return (await skills.create_skill(session, **arguments)).id


async def link(database: Database, world: World, first: str, second: str, **values: Any) -> SkillPrerequisite:
    async with database.write() as session:
        return await skills.set_prerequisite(
            session, actor_id=world.teacher, prerequisite_id=first, dependent_id=second, **values
        )


async def refuse(database: Database, kind: type[errors.SqlError], call: Any, **values: Any) -> Any:
    """Make a call that must be refused and must leave no record and no audit entry."""
    before = (await records(database), await audit_count(database))

    async def attempt() -> None:
        async with database.write() as session:
            await call(session, **values)

    with pytest.raises(kind) as caught:
        await attempt()
    assert (await records(database), await audit_count(database)) == before
    return caught.value


async def test_a_skill_is_made_with_its_links(database: Database, world: World) -> None:
    async with database.write() as session:
        concept = await concepts.create_concept(
            session, actor_id=world.teacher, course_id=world.course, name="Limit"
        )
    skill_id = await make(
        database,
        world,
        "Compute  Limits",
        description="By hand",
        theory_ids=world.theories,
        concept_ids=[concept.id],
    )
    async with database.read() as session:
        skill = await session.get_one(Skill, skill_id)
        assert (skill.name, skill.name_key, skill.version) == ("Compute  Limits", "compute limits", 1)
        assert set(await session.scalars(select(SkillTheory.theory_id))) == set(world.theories)
        assert list(await session.scalars(select(SkillConcept.concept_id))) == [concept.id]
    assert (await records(database))[Kind.SKILL, skill_id] == (1, False)
    assert await audit_count(database) == 2


async def test_every_wrong_value_is_told_at_once(database: Database, world: World) -> None:
    error = await refuse(
        database,
        errors.InvalidInput,
        skills.create_skill,
        actor_id=world.teacher,
        course_id=world.course,
        name="x" * 240,
        description="\x00",
        theory_ids=[f"t{number}" for number in range(51)],
        concept_ids=[f"c{number}" for number in range(51)],
    )
    assert [field.path for field in error.fields] == [
        ("name",),
        ("description",),
        ("theoryIds",),
        ("conceptIds",),
    ]
    assert error.fields[0].message == "name must have 1 to 100 characters, not 240."


async def test_what_a_skill_may_not_be(database: Database, world: World) -> None:
    skill_id = await make(database, world, "Straße")
    base: dict[str, Any] = {"actor_id": world.teacher, "course_id": world.course}
    error = await refuse(database, errors.Conflict, skills.create_skill, **base, name="STRASSE")
    assert (error.code, error.conflicting) == ("DUPLICATE", ("SKILL", skill_id))
    error = await refuse(
        database, errors.NotFound, skills.create_skill, **base, name="A", theory_ids=[world.other_theory]
    )
    assert (error.kind, error.key, error.path) == ("THEORY", world.other_theory, ("theoryIds", "0"))
    error = await refuse(database, errors.NotFound, skills.create_skill, **base, name="A", concept_ids=["no"])
    assert (error.kind, error.path) == ("CONCEPT", ("conceptIds", "0"))
    archived = base | {"course_id": world.archived}
    error = await refuse(database, errors.Conflict, skills.create_skill, **archived, name="A")
    assert error.code == "WRONG_STATE"
    await refuse(database, errors.NotFound, skills.create_skill, **(base | {"course_id": 999}), name="A")


async def test_a_course_has_a_bound_of_skills(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skills, "SKILLS_IN_COURSE", 1)
    await make(database, world, "A")
    await refuse(
        database,
        errors.InvalidInput,
        skills.create_skill,
        actor_id=world.teacher,
        course_id=world.course,
        name="B",
    )


async def test_a_skill_is_changed(database: Database, world: World) -> None:
    skill_id = await make(database, world, "A", theory_ids=world.theories[:1])
    async with database.write() as session:
        skill = await skills.update_skill(
            session,
            actor_id=world.teacher,
            skill_id=skill_id,
            name="B",
            theory_ids=world.theories[1:],
            expected_version=1,
        )
        assert (skill.name, skill.name_key, skill.version) == ("B", "b", 2)
        assert list(await session.scalars(select(SkillTheory.theory_id))) == [world.theories[1]]
    async with database.write() as session:
        again = await skills.update_skill(session, actor_id=world.teacher, skill_id=skill_id, name="B")
        assert again.version == 2
    error = await refuse(
        database,
        errors.StaleVersion,
        skills.update_skill,
        actor_id=world.teacher,
        skill_id=skill_id,
        name="C",
        expected_version=1,
    )
    assert error.current_version == 2
    await refuse(
        database,
        errors.InvalidInput,
        skills.update_skill,
        actor_id=world.teacher,
        skill_id=skill_id,
        name=None,
    )


async def test_deleting_a_skill_takes_its_edges(database: Database, world: World) -> None:
    first, second = await make(database, world, "A"), await make(database, world, "B")
    await link(database, world, first, second)
    async with database.write() as session:
        await skills.delete_skill(session, actor_id=world.teacher, skill_id=first)
    found = await records(database)
    assert found[Kind.SKILL, first] == (2, True)
    assert found[Kind.SKILL_PREREQUISITE, f"{first}:{second}"] == (2, True)
    async with database.read() as session:
        assert await count(session, SkillPrerequisite) == 0


async def test_a_skill_with_assessments_stays(database: Database, world: World) -> None:
    skill_id = await make(database, world, "A")
    async with database.write() as session:
        student = User(email="s@example.org", first_name="S", last_name="S", role=Role.STUDENT)
        session.add(student)
        await session.flush()
        session.add(
            Assessment(
                course_id=world.course,
                student_id=student.id,
                skill_id=skill_id,
                score=1.0,
                idempotency_key="k",
                assessed_at=models.now(),
            )
        )
    error = await refuse(
        database, errors.Conflict, skills.delete_skill, actor_id=world.teacher, skill_id=skill_id
    )
    assert error.code == "IN_USE"


async def test_the_same_edge_again_changes_nothing(database: Database, world: World) -> None:
    first, second = await make(database, world, "A"), await make(database, world, "B")
    edge = await link(database, world, first, second, reason="Because", strength=0.5)
    assert (edge.version, edge.decided_by_id) == (1, world.teacher)
    assert (await link(database, world, first, second, reason="Because", strength=0.5)).version == 1
    changed = await link(database, world, first, second, status=PrerequisiteStatus.PROPOSED)
    assert (changed.version, changed.reason, changed.decided_by_id) == (2, None, None)
    async with database.read() as session:
        found = await skills.prerequisites_by_keys(session, [(first, second), (second, first)])
    assert list(found) == [(first, second)]
    async with database.write() as session:
        await skills.remove_prerequisite(
            session, actor_id=world.teacher, prerequisite_id=first, dependent_id=second
        )
    assert (await records(database))[Kind.SKILL_PREREQUISITE, f"{first}:{second}"] == (3, True)


async def test_edges_that_are_refused(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await make(database, world, name) for name in "ABC"]
    foreign = await make(database, world, "A", course_id=world.other)
    await link(database, world, first, second)
    await link(database, world, second, third)
    actor = {"actor_id": world.teacher}
    error = await refuse(
        database,
        errors.Cycle,
        skills.set_prerequisite,
        **actor,
        prerequisite_id=third,
        dependent_id=first,
    )
    assert (error.kind, error.keys) == ("SKILL", [third, first, second, third])
    error = await refuse(
        database, errors.Cycle, skills.set_prerequisite, **actor, prerequisite_id=first, dependent_id=first
    )
    assert error.keys == [first, first]
    error = await refuse(
        database,
        errors.NotFound,
        skills.set_prerequisite,
        **actor,
        prerequisite_id=foreign,
        dependent_id=first,
    )
    assert (error.key, error.path) == (foreign, ("prerequisiteId",))
    for strength in (0.0, 1.5, float("nan")):
        await refuse(
            database,
            errors.InvalidInput,
            skills.set_prerequisite,
            **actor,
            prerequisite_id=first,
            dependent_id=third,
            strength=strength,
        )
    monkeypatch.setattr(skills, "DIRECT_PREREQUISITES", 1)
    await refuse(
        database,
        errors.InvalidInput,
        skills.set_prerequisite,
        **actor,
        prerequisite_id=first,
        dependent_id=third,
    )
    await refuse(
        database,
        errors.NotFound,
        skills.remove_prerequisite,
        **actor,
        prerequisite_id=first,
        dependent_id=third,
    )


def test_the_shortest_cycle_is_found() -> None:
    edges = {"a": ["b"], "b": ["c", "d"], "c": ["d"]}
    assert closed_cycle(edges, "d", "a") == ["d", "a", "b", "d"]
    assert closed_cycle(edges, "a", "d") is None
