"""Extraction runs: what is accepted, what documents write, what a changed one takes back, what fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from sql import concept_relations, concepts, errors, extraction, models, skills, theories
from sql.extraction import (
    ConceptValue,
    DocumentValue,
    PrerequisiteValue,
    RelationValue,
    ResourceValue,
    SkillValue,
)
from sql.extraction_worker import work_once, work_runs
from sql.models import (
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    ConceptRelationType,
    Course,
    CourseSource,
    EdgeOrigin,
    ExtractionDocument,
    ExtractionRun,
    ExtractionStatus,
    Kind,
    PrerequisiteStatus,
    Resource,
    ResourceKind,
    Role,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    SyncWriteRecord,
    Theory,
)
from sql.pages import Page
from sql.session import Database
from tests.curriculum_rows import World, add_world, audit_count, count, records

BEFORE = ConceptRelationType.PREREQUISITE


@pytest.fixture
async def world(database: Database) -> World:
    return await add_world(database)


def document(number: int = 1, **values: Any) -> DocumentValue:
    return replace(
        DocumentValue(
            filename=f"{number}.pdf",
            sha256=f"{number:064x}",
            topic=f"Topic {number}",
            chapter="Calculus",
            summary="Short",
            keywords=["a", "b", "c", "d", "e"],
            concepts=[ConceptValue("Limit", "A bound", "the limit"), ConceptValue("Derivative")],
            skills=[SkillValue("Find limits", None, ["Limit"]), SkillValue("Derive")],
            relations=[RelationValue("Limit", BEFORE, "Derivative", "defined by it")],
            prerequisites=[PrerequisiteValue("Find limits", "Derive", "needed", 0.5)],
            resources=[ResourceValue(ResourceKind.READING, "Book", "https://example.org/b", ["Limit"])],
        ),
        **values,
    )


async def start(database: Database, world: World, *documents: DocumentValue) -> str:
    async with database.write() as session:
        run = await extraction.start_run(
            session, actor_id=world.teacher, course_id=world.course, documents=documents
        )
        return run.id


async def work(database: Database) -> None:
    while await work_once(database, "w"):
        pass


async def ingest(database: Database, world: World, *documents: DocumentValue) -> str:
    run_id = await start(database, world, *documents)
    await work(database)
    return run_id


async def rows_of(database: Database, run_id: str) -> list[ExtractionDocument]:
    async with database.read() as session:
        return (await extraction.documents_by_run_ids(session, [run_id]))[run_id]


async def names(database: Database, column: Any) -> list[Any]:
    async with database.read() as session:
        return sorted(await session.scalars(select(column)))


async def test_a_run_is_accepted_and_recorded(database: Database, world: World) -> None:
    run_id = await start(database, world, document(text="x"))
    assert (await records(database))[Kind.COURSE, str(world.course)] == (1, False)
    async with database.read() as session:
        course = await session.get_one(Course, world.course)
        assert course.extraction_status is ExtractionStatus.IN_PROGRESS
        assert (await extraction.run_counts(session, [run_id, "no"]))[run_id].document_count == 1
        found = await extraction.list_runs(session, course_id=world.course, page=Page(), with_total=True)
        assert ([run.id for run in found.rows], found.total_count) == ([run_id], 1)
        keys = [row.id for row in (await extraction.documents_by_run_ids(session, [run_id]))[run_id]]
        for viewer, role, seen in (
            (world.teacher, Role.TEACHER, True),
            (999, Role.ADMIN, True),
            (999, Role.TEACHER, False),
        ):
            who: dict[str, Any] = {"viewer_id": viewer, "viewer_role": role}
            assert bool(await extraction.visible_runs(session, [run_id], **who)) is seen
            assert bool(await extraction.visible_documents(session, keys, **who)) is seen
    row = (await rows_of(database, run_id))[0]
    assert "text" not in row.payload
    assert row.findings == [
        {
            "severity": "WARNING",
            "kind": "EVIDENCE_NOT_FOUND",
            "path": ["0", "concepts", "0", "textEvidence"],
            "message": "The quote for 'Limit' is not in the text.",
        }
    ]


@pytest.mark.parametrize(
    ("wrong", "kind", "path"),
    [
        ({"topic": ""}, "INVALID_VALUE", ("topic",)),
        ({"topic": "\x00"}, "INVALID_VALUE", ("topic",)),
        ({"sha256": "xyz"}, "INVALID_VALUE", ("sha256",)),
        ({"text": "the limit" + "x" * 200_000}, "INVALID_VALUE", ("text",)),
        (
            {"concepts": [ConceptValue("Limit"), ConceptValue("LIMIT"), ConceptValue("Derivative")]},
            "DUPLICATE_NAME",
            ("concepts", "1", "name"),
        ),
        (
            {"skills": [SkillValue("Find limits"), SkillValue("Derive", None, ["\ud800"])]},
            "UNKNOWN_CONCEPT",
            ("skills", "1", "concepts", "0"),
        ),
        (
            {"relations": [RelationValue("Limit", BEFORE, "Nothing")]},
            "UNKNOWN_CONCEPT",
            ("relations", "0", "target"),
        ),
        (
            {
                "relations": [
                    RelationValue("Limit", BEFORE, "Derivative"),
                    RelationValue("Derivative", BEFORE, "Limit"),
                ]
            },
            "CYCLE",
            ("relations", "1"),
        ),
        (
            {"relations": [RelationValue("Limit", BEFORE, "limit")]},
            "INVALID_VALUE",
            ("relations", "0", "target"),
        ),
        (
            {"prerequisites": [PrerequisiteValue("Find limits", "Fly")]},
            "INVALID_VALUE",
            ("prerequisites", "0", "dependent"),
        ),
        (
            {"resources": [ResourceValue(ResourceKind.VIDEO, "V", "ftp://x")]},
            "INVALID_VALUE",
            ("resources", "0", "url"),
        ),
    ],
)
async def test_errors_stop_a_run_and_name_their_place(
    database: Database, world: World, wrong: dict[str, Any], kind: str, path: tuple[str, ...]
) -> None:
    given = [document(1), document(2, **wrong)]
    async with database.read() as session:
        found = await extraction.validate_documents(session, course_id=world.course, documents=given)
    assert [(one.severity, one.kind, one.path) for one in found] == [("ERROR", kind, ("1", *path))]
    with pytest.raises(errors.InvalidInput) as caught:
        await start(database, world, *given)
    assert [field.path for field in caught.value.fields] == [("documents", "1", *path)]
    assert (await records(database), await audit_count(database)) == ({}, 0)


async def test_doubts_that_stop_nothing(database: Database, world: World) -> None:
    doubtful = document(
        keywords=[],
        prerequisites=[
            PrerequisiteValue("Find limits", "Derive"),
            PrerequisiteValue("Derive", "Find limits"),
        ],
    )
    async with database.read() as session:
        found = await extraction.validate_documents(session, course_id=world.course, documents=[doubtful])
    assert {(one.severity, one.kind) for one in found} == {("WARNING", "KEYWORD_COUNT"), ("WARNING", "CYCLE")}


async def test_a_document_becomes_a_theory(database: Database, world: World) -> None:
    run_id = await ingest(database, world, document())
    (row,) = await rows_of(database, run_id)
    assert (row.status, row.unchanged, row.last_error) == (ExtractionStatus.FINISHED, False, None)
    async with database.read() as session:
        theory = await session.get_one(Theory, row.theory_id)
        chapter = await session.get_one(Chapter, theory.chapter_id)
        assert (theory.name, theory.summary, chapter.name, chapter.order) == (
            "Topic 1",
            "Short",
            "Calculus",
            1,
        )
        found = {concept.name: concept for concept in await session.scalars(select(Concept))}
        assert [found[name].by_hand for name in ("Limit", "Derivative")] == [False, False]
        mention = await session.get_one(ConceptMention, (theory.id, found["Limit"].id))
        assert (mention.definition, mention.source_document) == ("A bound", "1.pdf")
        relation = (await session.scalars(select(ConceptRelation))).one()
        assert (relation.origin, relation.source_sha256) == (EdgeOrigin.EXTRACTED, f"{1:064x}")
        edge = (await session.scalars(select(SkillPrerequisite))).one()
        assert (edge.status, edge.strength) == (PrerequisiteStatus.PROPOSED, 0.5)
        assert await count(session, SkillConcept) == 1
        assert await count(session, SkillTheory) == 2
        run = await session.get_one(ExtractionRun, run_id)
        assert (run.status, run.leased_by) == (ExtractionStatus.FINISHED, None)
        assert run.finished_at is not None
        course = await session.get_one(Course, world.course)
        assert course.extraction_status is ExtractionStatus.FINISHED
        collected = await session.scalars(
            select(SyncWriteRecord.kind).where(SyncWriteRecord.write_id == run.write_id).distinct()
        )
        assert set(collected) >= {
            Kind.COURSE,
            Kind.CHAPTER,
            Kind.CHAPTER_SEQUENCE,
            Kind.THEORY,
            Kind.THEORY_SEQUENCE,
            Kind.CONCEPT,
            Kind.CONCEPT_MENTION,
            Kind.CONCEPT_RELATION,
            Kind.SKILL,
            Kind.SKILL_PREREQUISITE,
            Kind.RESOURCE,
        }


async def test_the_same_content_again_writes_nothing(database: Database, world: World) -> None:
    await ingest(database, world, document())
    before = await records(database)
    run_id = await ingest(database, world, document(filename="again.pdf"))
    (row,) = await rows_of(database, run_id)
    assert (row.status, row.unchanged) == (ExtractionStatus.FINISHED, True)
    after = await records(database)
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {(Kind.COURSE, str(world.course))}


async def test_two_documents_share_what_they_name(database: Database, world: World) -> None:
    await ingest(database, world, document(1), document(2))
    assert await names(database, Concept.name) == ["Derivative", "Limit"]
    assert await names(database, Skill.name) == ["Derive", "Find limits"]
    async with database.read() as session:
        assert await count(session, SkillTheory) == 4
        assert await count(session, ConceptRelation) == 1


async def test_a_changed_document_takes_back_what_it_said_and_nothing_else(
    database: Database, world: World
) -> None:
    run_id = await ingest(database, world, document())
    theory_id = (await rows_of(database, run_id))[0].theory_id
    async with database.write() as session:
        actor = {"actor_id": world.teacher}
        by_hand = await concepts.create_concept(session, **actor, course_id=world.course, name="By hand")
        limit = await session.scalar(select(Concept.id).where(Concept.key == "limit"))
        await concepts.set_concept_mention(
            session, **actor, theory_id=str(theory_id), concept_id=by_hand.id, definition="mine"
        )
        await concept_relations.set_concept_relation(
            session,
            **actor,
            source_id=by_hand.id,
            type=ConceptRelationType.RELATED_TO,
            target_id=str(limit),
        )
        await skills.create_skill(
            session, **actor, course_id=world.course, name="Taught by hand", theory_ids=[str(theory_id)]
        )
    changed = document(
        sha256="f" * 64,
        topic="New topic",
        concepts=[ConceptValue("Limit", "Another bound")],
        skills=[SkillValue("Find limits")],
        relations=[],
        prerequisites=[],
        resources=[],
    )
    run_id = await ingest(database, world, changed)
    (row,) = await rows_of(database, run_id)
    assert (row.status, row.theory_id, row.last_error) == (ExtractionStatus.FINISHED, theory_id, None)
    assert await names(database, Concept.name) == ["By hand", "Limit"]
    assert await names(database, Skill.name) == ["Find limits", "Taught by hand"]
    async with database.read() as session:
        assert (await session.get_one(Theory, theory_id)).name == "New topic"
        mentions = {one.concept_id: one for one in await session.scalars(select(ConceptMention))}
        assert {mentions[by_hand.id].definition, mentions[str(limit)].definition} == {"mine", "Another bound"}
        assert await count(session, ConceptRelation) == 1
        for table in (SkillPrerequisite, SkillConcept, Resource):
            assert await count(session, table) == 0
        assert (await session.scalars(select(CourseSource))).one().sha256 == "f" * 64


async def test_a_failed_document_keeps_the_others_and_can_be_retried(
    database: Database, world: World
) -> None:
    failing = document(
        2,
        concepts=[ConceptValue("Derivative"), ConceptValue("Limit")],
        relations=[RelationValue("Derivative", BEFORE, "Integral")],
        skills=[],
        prerequisites=[],
    )
    async with database.write() as session:
        await concepts.create_concept(
            session, actor_id=world.teacher, course_id=world.course, name="Integral"
        )
    run_id = await start(database, world, document(1), failing, document(3))
    async with database.write() as session:
        # What was there at the validation is gone when the document is worked on.
        await session.execute(update(Concept).where(Concept.key == "integral").values(key="x", name="x"))
    await work(database)
    found = await rows_of(database, run_id)
    assert [row.status.value for row in found] == ["FINISHED", "FAILED", "FINISHED"]
    assert found[1].last_error == "Neither the document nor the course has a concept 'Integral'."
    async with database.read() as session:
        counts = (await extraction.run_counts(session, [run_id]))[run_id]
        assert (counts.document_count, counts.processed_count, counts.failed_count) == (3, 3, 1)
        assert (await session.get_one(ExtractionRun, run_id)).status is ExtractionStatus.FAILED
        assert (await session.get_one(Course, world.course)).extraction_status is ExtractionStatus.FAILED
    async with database.write() as session:
        await session.execute(
            update(Concept).where(Concept.key == "x").values(key="integral", name="Integral")
        )
        for keys, kind in ((["no"], errors.NotFound), ([found[0].id], errors.Conflict)):
            with pytest.raises(kind):
                await extraction.retry_run(session, actor_id=world.teacher, run_id=run_id, document_ids=keys)
        await extraction.retry_run(session, actor_id=world.teacher, run_id=run_id)
    await work(database)
    assert {row.status for row in await rows_of(database, run_id)} == {ExtractionStatus.FINISHED}
    with pytest.raises(errors.Conflict):
        async with database.write() as session:
            await extraction.retry_run(session, actor_id=world.teacher, run_id=run_id)


async def test_a_run_of_another_worker_is_left_alone_until_its_lease_ends(
    database: Database, world: World
) -> None:
    await start(database, world, document(1), document(2))
    assert await work_once(database, "first")
    assert not await work_once(database, "second")
    async with database.write() as session:
        await session.execute(update(ExtractionRun).values(leased_until=models.now()))
    assert await work_once(database, "second")


async def test_the_worker_wakes_and_stops(database: Database, world: World) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(work_runs(database, "w", stop, wake=wake))
    run_id = await start(database, world, document())
    wake.set()

    async def status() -> ExtractionStatus:
        async with database.read() as session:
            return (await session.get_one(ExtractionRun, run_id)).status

    async with asyncio.timeout(120):
        while await status() is not ExtractionStatus.FINISHED:  # noqa: ASYNC110 - it announces nothing
            await asyncio.sleep(0.05)
        stop.set()
        wake.set()
        await task


async def test_what_another_document_states_too_stays(database: Database, world: World) -> None:
    await ingest(database, world, document(1), document(2))
    silent = {
        "skills": [SkillValue("Find limits"), SkillValue("Derive")],
        "relations": [],
        "prerequisites": [],
    }
    resources = [ResourceValue(ResourceKind.READING, "Book", "https://example.org/b")]
    await ingest(database, world, document(1, sha256="e" * 64, resources=resources, **silent))
    async with database.read() as session:
        for table, number in ((ConceptRelation, 1), (SkillConcept, 1), (SkillPrerequisite, 1), (Resource, 1)):
            assert await count(session, table) == number
        assert (await session.scalars(select(ConceptRelation))).one().source_sha256 == f"{2:064x}"
    await ingest(database, world, document(2, sha256="f" * 64, resources=resources, **silent))
    async with database.read() as session:
        for table in (ConceptRelation, SkillConcept, SkillPrerequisite):
            assert await count(session, table) == 0


async def test_a_deleted_theory_comes_back_with_its_document(database: Database, world: World) -> None:
    run_id = await ingest(database, world, document())
    theory_id = (await rows_of(database, run_id))[0].theory_id
    async with database.write() as session:
        await theories.delete_theory(session, actor_id=world.teacher, theory_id=str(theory_id))
    (row,) = await rows_of(database, await ingest(database, world, document()))
    assert (row.status, row.unchanged) == (ExtractionStatus.FINISHED, False)
    async with database.read() as session:
        assert await session.get(Theory, row.theory_id) is not None
        assert await count(session, ConceptMention) == 2
    assert await names(database, Skill.name) == ["Derive", "Find limits"]


async def test_a_document_defines_what_nobody_else_did(database: Database, world: World) -> None:
    async with database.write() as session:
        for name, definition in (("Limit", None), ("Derivative", "By hand")):
            await concepts.create_concept(
                session, actor_id=world.teacher, course_id=world.course, name=name, definition=definition
            )

    async def definitions() -> dict[str, str | None]:
        async with database.read() as session:
            return {row.name: row.definition for row in await session.scalars(select(Concept))}

    said = [ConceptValue("Limit", "A bound"), ConceptValue("Derivative", "A slope")]
    await ingest(database, world, document(concepts=said))
    assert await definitions() == {"Limit": "A bound", "Derivative": "By hand"}
    await ingest(
        database,
        world,
        document(sha256="f" * 64, concepts=[ConceptValue("Limit", "Another"), ConceptValue("Derivative")]),
    )
    assert await definitions() == {"Limit": "Another", "Derivative": "By hand"}
