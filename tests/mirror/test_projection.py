"""Every kind of record written, changed, removed and made again, on both engines, with the guards between them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient

from graph.client import GraphClient, Statement
from mirror import projection
from mirror.verify import verify
from mirror.worker import Mirror
from sql import sync_claims, sync_state, sync_status
from sql.models import (
    Assessment,
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    ConceptRelationType,
    Course,
    Enrollment,
    Kind,
    Mastery,
    Metadata,
    PrerequisiteStatus,
    Resource,
    ResourceKind,
    Role,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    Theory,
    User,
)
from tests.mirror import world
from tests.mirror.world import (
    CHAPTER_1,
    CHAPTER_2,
    CHAPTER_3,
    CONCEPT_1,
    CONCEPT_2,
    COURSE,
    METADATA,
    PROGRESS,
    READING,
    SKILL_1,
    SKILL_2,
    STUDENT,
    TEACHER,
    THEORY_1,
    THEORY_2,
    VIDEO,
)


async def ask(client: GraphClient, text: str) -> list[list[Any]]:
    return await client.read(Statement("test", text, {}, "read"), deadline_seconds=60)


async def do(client: GraphClient, text: str, **parameters: Any) -> list[list[Any]]:
    (rows,) = await client.write([Statement("test", text, parameters, "write")], deadline_seconds=60)
    return rows


async def settle(mirror: Mirror) -> None:
    """Bring everything over and prove that nothing differs."""
    await mirror.drain()
    assert mirror.client is not None
    report = await verify(mirror.database, mirror.client)
    assert report.findings == []
    async with mirror.database.read() as session:
        status = await sync_status.status(session, projection_version=projection.PROJECTION_VERSION)
    assert (status.pending, status.failed) == (0, 0)


async def test_a_record_of_every_kind_arrives_with_its_properties(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    rows = await ask(graph_client, "MATCH (n:STUDENT) RETURN n.id, n.first_name, n.last_name, keys(n)")
    assert rows[0][:3] == [STUDENT, "First2", "Last"]
    assert sorted(rows[0][3]) == ["created_at", "first_name", "id", "last_name", "updated_at", "version"]
    assert await ask(
        graph_client,
        "MATCH (t:TEACHER)-[:TEACHES_CLASS]->(c:CLASS) RETURN t.id, c.title, c.archived, c.level, c.publication_status",
    ) == [[TEACHER, "Graphs", False, "BACHELOR", "DRAFT"]]
    assert await ask(
        graph_client,
        "MATCH (:CLASS)-[:COVERS_CHAPTER]->(a)-[:NEXT_CHAPTER]->(b) "
        "RETURN a.id, a.order, b.id, b.order ORDER BY a.order",
    ) == [[CHAPTER_1, 0, CHAPTER_2, 1], [CHAPTER_2, 1, CHAPTER_3, 2]]
    assert await ask(
        graph_client,
        "MATCH (:STUDENT)-[m:MASTERS_SKILL]->(s:SKILL) "
        "RETURN m.current_mastery, m.trend, m.num_assessments, m.mastery_category, s.id",
    ) == [[0.6, "STABLE", 1, "DEVELOPING", SKILL_1]]
    assert await ask(
        graph_client,
        "MATCH (:STUDENT)-[:HAS_PROGRESS]->(p:PROGRESS)-[:FOR_SKILL]->(s:SKILL) RETURN p.score, p.correct, s.id",
    ) == [[0.5, True, SKILL_1]]
    ((moment,),) = await ask(graph_client, "MATCH (p:PROGRESS) RETURN p.assessed_at")
    assert moment.to_native() == world.MOMENT
    assert await ask(graph_client, "MATCH (n) WHERE n._lock IS NOT NULL RETURN count(n)") == [[0]]


CHANGES: dict[Kind, tuple[str, type[Any], Any, dict[str, Any]]] = {
    Kind.USER: (str(STUDENT), User, STUDENT, {"first_name": "New"}),
    Kind.COURSE: (str(COURSE), Course, COURSE, {"title": "New", "description": None}),
    Kind.CHAPTER: (CHAPTER_1, Chapter, CHAPTER_1, {"name": "New"}),
    Kind.THEORY: (THEORY_1, Theory, THEORY_1, {"summary": "New"}),
    Kind.SKILL: (SKILL_1, Skill, SKILL_1, {"description": None}),
    Kind.CONCEPT: (CONCEPT_1, Concept, CONCEPT_1, {"name": "New", "key": "new", "aliases": []}),
    Kind.RESOURCE: (READING, Resource, READING, {"title": "New"}),
    Kind.METADATA: (METADATA, Metadata, METADATA, {"value": "New"}),
    Kind.PROGRESS: (PROGRESS, Assessment, PROGRESS, {"mastery_after": 0.1}),
    Kind.ENROLLMENT: (
        f"{COURSE}:{STUDENT}",
        Enrollment,
        1,
        {"enrolled_at": world.MOMENT + timedelta(days=1)},
    ),
    Kind.MASTERY: (f"{STUDENT}:{SKILL_1}", Mastery, (STUDENT, SKILL_1), {"trend": None, "confidence": 0.9}),
    Kind.SKILL_PREREQUISITE: (
        f"{SKILL_1}:{SKILL_2}",
        SkillPrerequisite,
        (SKILL_1, SKILL_2),
        {"reason": None, "strength": 1.0},
    ),
    Kind.CONCEPT_MENTION: (
        f"{THEORY_1}:{CONCEPT_1}",
        ConceptMention,
        (THEORY_1, CONCEPT_1),
        {"definition": None, "text_evidence": "quote"},
    ),
    Kind.CONCEPT_RELATION: (
        f"{CONCEPT_1}:PART_OF:{CONCEPT_2}",
        ConceptRelation,
        (CONCEPT_1, ConceptRelationType.PART_OF, CONCEPT_2),
        {"reason": "New"},
    ),
}


@pytest.mark.parametrize("kind", CHANGES, ids=str)
async def test_a_changed_record_is_written_anew(mirror: Mirror, kind: Kind) -> None:
    await settle(mirror)
    key, model, identity, values = CHANGES[kind]
    async with mirror.database.write() as session:
        row = await session.get(model, identity)
        for name, value in values.items():
            setattr(row, name, value)
        assert await sync_state.record(session, kind, key) == 2
    assert (await mirror.drain()).applied == 1
    await settle(mirror)


# Records that nothing else hangs on, so that they go alone.
LEAVES = (
    Kind.ENROLLMENT,
    Kind.METADATA,
    Kind.PROGRESS,
    Kind.MASTERY,
    Kind.SKILL_PREREQUISITE,
    Kind.CONCEPT_MENTION,
    Kind.CONCEPT_RELATION,
    Kind.RESOURCE,
)


@pytest.mark.parametrize("kind", LEAVES, ids=str)
async def test_a_removed_record_goes_and_can_come_back(
    mirror: Mirror, graph_client: GraphClient, kind: Kind
) -> None:
    await settle(mirror)
    key, model, identity, _ = CHANGES[kind]
    async with mirror.database.write() as session:
        row = await session.get(model, identity)
        await world.remove(session, kind, key, row)
    await settle(mirror)
    tombstones = "MATCH (t:MIRROR_TOMBSTONE) RETURN t.key, t.version"
    assert await ask(graph_client, tombstones) == [[f"{kind}:{key}", 2]]
    async with mirror.database.write() as session:
        make_transient(row)
        await world.put(session, kind, key, row)
    await settle(mirror)
    assert await ask(graph_client, tombstones) == []


async def test_a_whole_course_goes_with_all_that_hangs_on_it(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        marks = (await session.execute(select(sync_state.SyncRecord.kind, sync_state.SyncRecord.key))).all()
        await session.execute(delete(Assessment))
        await session.execute(delete(Course))
        for kind, key in marks:
            if kind is not Kind.USER and kind is not Kind.METADATA:
                await sync_state.record(session, kind, key, deleted=True)
    await settle(mirror)
    assert await ask(
        graph_client, "MATCH (n) WHERE NOT n:MIRROR_TOMBSTONE RETURN labels(n)[0] AS label ORDER BY label"
    ) == [["METADATA"], ["STUDENT"], ["TEACHER"]]


async def test_an_older_upsert_never_wins_over_a_newer_one(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    for kind, text in (
        (Kind.CHAPTER, CHAPTER_1),
        (Kind.CONCEPT_MENTION, f"{THEORY_1}:{CONCEPT_1}"),
        (Kind.SKILL, SKILL_1),
        (Kind.USER, str(STUDENT)),
        (Kind.RESOURCE, READING),
        (Kind.CHAPTER_SEQUENCE, str(COURSE)),
    ):
        async with mirror.database.read() as session:
            old = await projection.plan(session, {kind: [text]})
        async with mirror.database.write() as session:
            await sync_state.record(session, kind, text)
        await settle(mirror)
        results = await graph_client.write(old.statements, deadline_seconds=60)
        assert results[-1] == [[[[text, 2, 0]]]]
        await settle(mirror)


@pytest.mark.parametrize("kind", LEAVES, ids=str)
async def test_a_late_upsert_never_resurrects(mirror: Mirror, graph_client: GraphClient, kind: Kind) -> None:
    await settle(mirror)
    key, model, identity, _ = CHANGES[kind]
    async with mirror.database.read() as session:
        late = await projection.plan(session, {kind: [key]})
    async with mirror.database.write() as session:
        await world.remove(session, kind, key, await session.get(model, identity))
    await settle(mirror)
    results = await graph_client.write(late.statements, deadline_seconds=60)
    assert results[-1] == [[[[key, 2, 0]]]]
    await settle(mirror)


async def test_a_late_removal_does_not_take_a_record_made_again(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    for kind in (Kind.METADATA, Kind.ENROLLMENT, Kind.RESOURCE):
        key, model, identity, _ = CHANGES[kind]
        async with mirror.database.write() as session:
            row = await session.get(model, identity)
            await world.remove(session, kind, key, row)
        async with mirror.database.read() as session:
            late = await projection.plan(session, {kind: [key]})
        async with mirror.database.write() as session:
            make_transient(row)
            await world.put(session, kind, key, row)
        await settle(mirror)
        results = await graph_client.write(late.statements, deadline_seconds=60)
        assert results[-1] == [[[[key, 3, 0]]]]
        await settle(mirror)


async def hold(session: AsyncSession, kind: Kind) -> list[sync_claims.Claim]:
    """Lease what is dirty of a kind to another worker."""
    version = projection.PROJECTION_VERSION
    claims = await sync_claims.claim(
        session, "other", limit=100, lease_seconds=60, projection_version=version
    )
    await sync_claims.release(session, [item.id for item in claims if item.kind is not kind])
    return [item for item in claims if item.kind is kind]


async def test_a_relationship_waits_for_its_ends_and_makes_no_ghosts(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    async with mirror.database.write() as session:
        claims = await hold(session, Kind.USER)
    outcome = await mirror.step()
    assert outcome is not None
    assert outcome.applied < 23
    assert await ask(graph_client, "MATCH (n:STUDENT|TEACHER|CLASS|CHAPTER|PROGRESS) RETURN count(n)") == [
        [0]
    ]
    async with mirror.database.write() as session:
        await sync_claims.release(session, [item.id for item in claims])
    await settle(mirror)
    async with mirror.database.read() as session:
        assert set(await session.scalars(select(sync_state.SyncRecord.attempts))) == {0}


async def test_link_sets_are_written_whole(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        await session.execute(delete(SkillTheory).where(SkillTheory.theory_id == THEORY_1))
        session.add(SkillConcept(skill_id=SKILL_1, concept_id=CONCEPT_2))
        await session.flush()
        await sync_state.record(session, Kind.SKILL, SKILL_1)
    await settle(mirror)
    assert await ask(
        graph_client,
        f'MATCH (t:THEORY)-[:HAS_SKILL]->(:SKILL {{id: "{SKILL_1}"}})-[:REQUIRES_CONCEPT]->(c) '
        "RETURN t.id, c.id ORDER BY c.id",
    ) == [[THEORY_2, CONCEPT_1], [THEORY_2, CONCEPT_2]]


async def chain(client: GraphClient) -> list[list[Any]]:
    return await ask(
        client,
        "MATCH (:CLASS)-[:COVERS_CHAPTER]->(n:CHAPTER) OPTIONAL MATCH (n)-[:NEXT_CHAPTER]->(next) "
        "RETURN n.id, n.order, next.id ORDER BY n.order",
    )


async def test_chapters_are_reordered_inserted_and_deleted_as_a_whole(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)

    async def order(*ids: str) -> None:
        async with mirror.database.write() as session:
            for position, id_ in enumerate(ids):
                row = await session.get(Chapter, id_)
                assert row is not None
                row.order = position
                await sync_state.record(session, Kind.CHAPTER, id_)
            await session.flush()
            await sync_state.record(session, Kind.CHAPTER_SEQUENCE, COURSE)

    await order(CHAPTER_3, CHAPTER_1, CHAPTER_2)
    await settle(mirror)
    assert await chain(graph_client) == [
        [CHAPTER_3, 0, CHAPTER_1],
        [CHAPTER_1, 1, CHAPTER_2],
        [CHAPTER_2, 2, None],
    ]
    new = world.uid(14)
    async with mirror.database.write() as session:
        await world.put(session, Kind.CHAPTER, new, Chapter(id=new, course_id=COURSE, name="N", order=3))
        await sync_state.record(session, Kind.THEORY_SEQUENCE, new)
    await order(CHAPTER_3, new, CHAPTER_1, CHAPTER_2)
    await settle(mirror)
    assert [row[0] for row in await chain(graph_client)] == [CHAPTER_3, new, CHAPTER_1, CHAPTER_2]
    async with mirror.database.write() as session:
        await world.remove(session, Kind.CHAPTER, new, await session.get(Chapter, new))
    await order(CHAPTER_3, CHAPTER_1, CHAPTER_2)
    await settle(mirror)
    assert [row[0] for row in await chain(graph_client)] == [CHAPTER_3, CHAPTER_1, CHAPTER_2]


async def test_a_sequence_waits_for_all_its_members(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    new = world.uid(14)
    async with mirror.database.write() as session:
        await world.put(session, Kind.CHAPTER, new, Chapter(id=new, course_id=COURSE, name="N", order=3))
        await sync_state.record(session, Kind.CHAPTER_SEQUENCE, COURSE)
        held = await hold(session, Kind.CHAPTER)
    await mirror.drain()
    before = await chain(graph_client)
    assert [row[0] for row in before] == [CHAPTER_1, CHAPTER_2, CHAPTER_3]
    async with mirror.database.write() as session:
        await sync_claims.release(session, [item.id for item in held])
    await settle(mirror)
    assert [row[2] for row in await chain(graph_client)] == [CHAPTER_2, CHAPTER_3, new, None]


async def test_a_theory_moves_to_another_chapter(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        theory = await session.get(Theory, THEORY_1)
        other = await session.get(Theory, THEORY_2)
        assert theory is not None
        assert other is not None
        theory.chapter_id, other.order = CHAPTER_2, 0
        await session.flush()
        await sync_state.record_many(session, Kind.THEORY, [THEORY_1, THEORY_2])
        await sync_state.record_many(session, Kind.THEORY_SEQUENCE, [CHAPTER_1, CHAPTER_2])
    await settle(mirror)
    assert await ask(
        graph_client, "MATCH (c:CHAPTER)-[:HAS_THEORY]->(t) RETURN c.id, t.id, t.order ORDER BY c.id"
    ) == [[CHAPTER_1, THEORY_2, 0], [CHAPTER_2, THEORY_1, 0]]
    assert await ask(graph_client, "MATCH ()-[r:NEXT_THEORY]->() RETURN count(r)") == [[0]]


async def test_a_change_of_role_swaps_the_label_and_drops_edges_and_back(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)

    async def become(id_: int, role: Role) -> None:
        async with mirror.database.write() as session:
            row = await session.get(User, id_)
            assert row is not None
            row.role = role
            await session.flush()
            await sync_state.record(session, Kind.USER, id_)
        await settle(mirror)

    learned = (
        "MATCH (:STUDENT)-[r:ENROLLED_IN_CLASS|MASTERS_SKILL|HAS_PROGRESS|HAS_METADATA]->() RETURN count(r)"
    )
    assert await ask(graph_client, learned) == [[4]]
    for role in (Role.TEACHER, Role.ADMIN):
        await become(STUDENT, role)
        assert await ask(graph_client, learned) == [[0]]
        assert await ask(graph_client, "MATCH (n:STUDENT|PROGRESS|METADATA) RETURN count(n)") == [[0]]
    await become(STUDENT, Role.STUDENT)
    assert await ask(graph_client, learned) == [[4]]
    await become(TEACHER, Role.ADMIN)
    assert await ask(graph_client, "MATCH (c:CLASS) RETURN c.id") == [[COURSE]]
    assert await ask(graph_client, "MATCH ()-[r:TEACHES_CLASS]->() RETURN count(r)") == [[0]]
    await become(TEACHER, Role.TEACHER)
    assert await ask(graph_client, "MATCH (:TEACHER)-[r:TEACHES_CLASS]->() RETURN count(r)") == [[1]]
    # What depends on the role got new versions on the way: the rows have the same ones.
    async with mirror.database.read() as session:
        for row, kind, key in (
            (await session.get_one(Course, COURSE), Kind.COURSE, str(COURSE)),
            ((await session.scalars(select(Enrollment))).one(), Kind.ENROLLMENT, f"{COURSE}:{STUDENT}"),
            (await session.get_one(Metadata, METADATA), Kind.METADATA, METADATA),
            (await session.get_one(Mastery, (STUDENT, SKILL_1)), Kind.MASTERY, f"{STUDENT}:{SKILL_1}"),
            (await session.get_one(Assessment, PROGRESS), Kind.PROGRESS, PROGRESS),
        ):
            ((version, applied, _),) = (await sync_state.versions(session, kind, [key])).values()
            assert row.version == version == applied > 1, kind


async def test_only_approved_prerequisites_and_assessments_that_count_are_mirrored(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        edge = await session.get(SkillPrerequisite, (SKILL_1, SKILL_2))
        evidence = await session.get(Assessment, PROGRESS)
        assert edge is not None
        assert evidence is not None
        edge.status = PrerequisiteStatus.REJECTED
        evidence.retracted_at = world.MOMENT
        await session.flush()
        await sync_state.record(session, Kind.SKILL_PREREQUISITE, f"{SKILL_1}:{SKILL_2}")
        await sync_state.record(session, Kind.PROGRESS, PROGRESS)
    await settle(mirror)
    assert await ask(graph_client, "MATCH ()-[r:PREREQUISITE_OF]->() RETURN count(r)") == [[0]]
    assert await ask(graph_client, "MATCH (n:PROGRESS) RETURN count(n)") == [[0]]


async def test_two_concepts_swap_their_names(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        first, second = await session.get(Concept, CONCEPT_1), await session.get(Concept, CONCEPT_2)
        assert first is not None
        assert second is not None
        names = (first.name, first.key), (second.name, second.key)
        (first.name, first.key) = ("x", "x")
        await session.flush()
        (second.name, second.key), (first.name, first.key) = names[0], ("y", "y")
        await session.flush()
        (first.name, first.key) = names[1]
        await session.flush()
        await sync_state.record_many(session, Kind.CONCEPT, [CONCEPT_1, CONCEPT_2])
    await settle(mirror)
    assert await ask(graph_client, "MATCH (c:CONCEPT) RETURN c.id, c.key ORDER BY c.id") == [
        [CONCEPT_1, "tree"],
        [CONCEPT_2, "strasse"],
    ]


async def test_a_resource_can_turn_from_reading_to_video(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    async with mirror.database.write() as session:
        row = await session.get(Resource, READING)
        assert row is not None
        row.kind = ResourceKind.VIDEO
        await session.flush()
        await sync_state.record(session, Kind.RESOURCE, READING)
    await settle(mirror)
    assert await ask(
        graph_client,
        "MATCH (:THEORY)-[:HAS_VIDEO]->(v:VIDEO)-[:COVERS_CONCEPT]->() RETURN v.id ORDER BY v.id",
    ) == [[READING], [VIDEO]]
    assert await ask(graph_client, "MATCH (n:READING) RETURN count(n)") == [[0]]


async def test_two_resources_swap_their_addresses(mirror: Mirror, graph_client: GraphClient) -> None:
    second = world.uid(53)
    async with mirror.database.write() as session:
        row = Resource(
            id=second, course_id=COURSE, kind=ResourceKind.READING, title="Two", url="https://example.org/two"
        )
        await world.put(session, Kind.RESOURCE, second, row)
    await settle(mirror)
    async with mirror.database.write() as session:
        one, two = await session.get_one(Resource, READING), await session.get_one(Resource, second)
        first_url, second_url = one.url, two.url
        one.url = "https://example.org/meanwhile"
        await session.flush()
        two.url = first_url
        await session.flush()
        one.url = second_url
        await sync_state.record(session, Kind.RESOURCE, READING)
        await sync_state.record(session, Kind.RESOURCE, second)
    await settle(mirror)
    found = await ask(graph_client, "MATCH (n:READING) RETURN n.id, n.url ORDER BY n.id")
    assert found == [[READING, second_url], [second, first_url]]


async def test_a_resource_that_waits_for_an_end_keeps_its_address(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    await do(graph_client, "MATCH (n:THEORY {id: $id}) DETACH DELETE n", id=THEORY_1)
    async with mirror.database.write() as session:
        row = await session.get_one(Resource, READING)
        row.url = "https://example.org/moved"
        await sync_state.record(session, Kind.RESOURCE, READING)
    await mirror.drain()
    found = await ask(graph_client, "MATCH (n:READING) RETURN n.url, n.course_id")
    assert found == [["https://example.org/READING", COURSE]]
