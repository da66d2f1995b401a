"""Courses: their life from draft to deletion, who sees them, and the batched reads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from sql import courses, errors, models, skills
from sql.models import (
    Assessment,
    Concept,
    ConceptMention,
    ConceptMerge,
    ConceptRelation,
    ConceptRelationType,
    Course,
    CourseLevel,
    ExtractionDocument,
    ExtractionRun,
    ExtractionStatus,
    Kind,
    Mastery,
    MasteryCategory,
    PrerequisiteStatus,
    PublicationStatus,
    Resource,
    ResourceKind,
    Role,
    Skill,
    SkillPrerequisite,
    SkillTheory,
    User,
)
from sql.pages import InvalidCursor, Page
from sql.session import Database
from tests.sql import campus
from tests.sql.campus import archive, audited, changed, contents, enroll, marks, paths, person, refusal


@pytest.fixture
async def teacher(database: Database) -> User:
    return await person(database, "t@example.org", Role.TEACHER, "Tea", "Cher")


async def ready_course(database: Database, teacher: User, title: str = "Ready") -> Course:
    """Make a course that passes every gate: a description, a chapter, a theory with a skill."""
    made = await campus.course(database, teacher, title)
    theory = await campus.theory(database, await campus.chapter(database, made, "One"), "Theory")
    async with database.write() as session:
        await courses.update_course(
            session, actor_id=teacher.id, course_id=made.id, description="About all of it"
        )
        await skills.create_skill(
            session,
            actor_id=teacher.id,
            course_id=made.id,
            name="Compute",
            theory_ids=[theory.id],
            concept_ids=[],
        )
    return made


# —— Making and changing ——


async def test_a_course_is_made_as_a_draft(database: Database, teacher: User) -> None:
    before = await marks(database)
    async with database.write() as session:
        made = await courses.create_course(
            session,
            actor_id=teacher.id,
            teacher_id=teacher.id,
            title="Calculus",
            description="Limits",
            level=CourseLevel.PHD,
        )
    async with database.read() as session:
        row = (await session.scalars(select(Course))).one()
    assert (row.teacher_id, row.title, row.description, row.level) == (
        teacher.id,
        "Calculus",
        "Limits",
        CourseLevel.PHD,
    )
    assert (row.publication_status, row.extraction_status) == ("DRAFT", "NOT_STARTED")
    assert (row.archived_at, row.version) == (None, 1)
    assert changed(before, await marks(database)) == {(Kind.COURSE, str(made.id)): (1, False)}
    assert await audited(database) == [(teacher.id, "createCourse", "COURSE", str(made.id))]


async def test_a_title_is_unique_for_a_teacher_only(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher)
    async with refusal(database, errors.Conflict) as refused:
        await courses.create_course(
            refused.session, actor_id=teacher.id, teacher_id=teacher.id, title="Calculus"
        )
    assert refused.error.code == "DUPLICATE"
    assert (refused.error.path, refused.error.conflicting) == (("title",), ("COURSE", str(made.id)))
    other = await person(database, "u@example.org", Role.TEACHER)
    assert (await campus.course(database, other)).title == "Calculus"


async def test_values_out_of_bounds_are_all_named(database: Database, teacher: User) -> None:
    async with refusal(database, errors.InvalidInput) as refused:
        await courses.create_course(
            refused.session,
            actor_id=teacher.id,
            teacher_id=teacher.id,
            title="x" * 256,
            description="y" * 1_001,
        )
    assert paths(refused.error) == {
        "title": "title must have 1 to 255 characters, not 256.",
        "description": "description must have 0 to 1000 characters, not 1001.",
    }


async def test_only_a_teacher_or_the_acting_admin_runs_a_course(database: Database, teacher: User) -> None:
    student = await person(database, "s@example.org")
    admin = await person(database, "root@example.org", Role.ADMIN)
    for actor, nobody in ((admin, student.id), (admin, 999), (teacher, admin.id)):
        async with refusal(database, errors.NotFound) as refused:
            await courses.create_course(refused.session, actor_id=actor.id, teacher_id=nobody, title="Title")
        assert (refused.error.kind, refused.error.path) == ("USER", ("teacherId",))
    async with database.write() as session:
        mine = await courses.create_course(session, actor_id=admin.id, teacher_id=admin.id, title="A")
        theirs = await courses.create_course(session, actor_id=admin.id, teacher_id=teacher.id, title="B")
    assert (mine.teacher_id, theirs.teacher_id) == (admin.id, teacher.id)


async def test_an_update_changes_what_is_given_and_null_clears(database: Database, teacher: User) -> None:
    made = await ready_course(database, teacher)
    before = await marks(database)
    async with database.write() as session:
        after = await courses.update_course(
            session,
            actor_id=teacher.id,
            course_id=made.id,
            description=None,
            level=CourseLevel.MASTER,
            expected_version=2,
        )
    assert (after.title, after.description, after.level, after.version) == ("Ready", None, "MASTER", 3)
    assert changed(before, await marks(database)) == {(Kind.COURSE, str(made.id)): (3, False)}
    same = await contents(database)
    async with database.write() as session:
        await courses.update_course(session, actor_id=teacher.id, course_id=made.id, title="Ready")
    assert await contents(database) == same


async def test_updates_are_refused(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher)
    other = await campus.course(database, teacher, "Other")

    async def update_(expected: type[errors.SqlError], **values: Any) -> Any:
        async with refusal(database, expected) as refused:
            await courses.update_course(
                refused.session, **{"actor_id": teacher.id, "course_id": made.id} | values
            )
        return refused.error

    assert (await update_(errors.NotFound, course_id=999)).key == "999"
    assert (await update_(errors.StaleVersion, title="New", expected_version=2)).current_version == 1
    error = await update_(errors.InvalidInput, title=None, description="\x00", level=None)
    assert set(paths(error)) == {"title", "description", "level"}
    error = await update_(errors.Conflict, title="Other")
    assert (error.code, error.conflicting) == ("DUPLICATE", ("COURSE", str(other.id)))
    await archive(database, made)
    assert (await update_(errors.Conflict, title="New")).code == "WRONG_STATE"


async def test_of_two_updates_with_one_expected_version_one_is_stale(
    database: Database, teacher: User
) -> None:
    made = await campus.course(database, teacher)

    async def put_away() -> bool:
        try:
            async with database.write() as session:
                # As the policy does: the row is in the session before the rule locks it.
                early = await session.get_one(Course, made.id)
                await asyncio.sleep(0.02)
                await courses.archive_course(
                    session, actor_id=teacher.id, course_id=made.id, expected_version=1
                )
                assert early.archived_at is not None
        except errors.StaleVersion:
            return False
        return True

    assert sorted(await asyncio.gather(put_away(), put_away())) == [False, True]


async def test_archive_and_restore(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher, published=True)
    await archive(database, made)
    async with database.read() as session:
        row = await session.get_one(Course, made.id)
        assert row.archived_at is not None
        assert row.version == 2
    same = await contents(database)
    await archive(database, made)
    assert await contents(database) == same
    async with database.write() as session:
        row = await courses.restore_course(session, actor_id=teacher.id, course_id=made.id)
    assert (row.archived_at, row.publication_status, row.version) == (None, "PUBLISHED", 3)
    same = await contents(database)
    async with database.write() as session:
        await courses.restore_course(session, actor_id=teacher.id, course_id=made.id)
    assert await contents(database) == same
    for function in (courses.archive_course, courses.restore_course, courses.delete_course):
        async with refusal(database, errors.NotFound) as refused:
            await function(refused.session, actor_id=teacher.id, course_id=999)
        async with refusal(database, errors.StaleVersion) as refused:
            await function(refused.session, actor_id=teacher.id, course_id=made.id, expected_version=1)
        assert refused.error.current_version == 3


# —— Publication ——


async def test_a_ready_course_is_published_and_taken_back(database: Database, teacher: User) -> None:
    made = await ready_course(database, teacher)
    async with database.write() as session:
        row = await courses.publish_course(
            session, actor_id=teacher.id, course_id=made.id, expected_version=2
        )
    assert (row.publication_status, row.version) == ("PUBLISHED", 3)
    same = await contents(database)
    async with database.write() as session:
        await courses.publish_course(session, actor_id=teacher.id, course_id=made.id)
    assert await contents(database) == same
    await enroll(database, made, await person(database, "s@example.org"))
    async with database.write() as session:
        row = await courses.unpublish_course(session, actor_id=teacher.id, course_id=made.id)
        assert await courses.student_counts(session, [made.id]) == {made.id: 1}
    assert (row.publication_status, row.version) == ("DRAFT", 4)


async def test_publication_names_every_closed_gate(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher)
    chapter = await campus.chapter(database, made, "Empty")
    theory = await campus.theory(database, await campus.chapter(database, made, "Full"), "Theory")
    async with database.write() as session:
        first, second = (Skill(course_id=made.id, name=name, name_key=name) for name in "ab")
        session.add_all([first, second])
        await session.flush()
        session.add(
            SkillPrerequisite(
                prerequisite_id=first.id,
                dependent_id=second.id,
                course_id=made.id,
                status=PrerequisiteStatus.PROPOSED,
            )
        )
        await session.execute(update(Course).values(extraction_status=ExtractionStatus.FAILED))
    async with refusal(database, errors.Conflict) as refused:
        await courses.publish_course(refused.session, actor_id=teacher.id, course_id=made.id)
    assert refused.error.code == "WRONG_STATE"
    for part in (
        "needs a description",
        "1 chapter without a theory",
        "1 theory without a skill",
        "extraction run failed",
        "1 proposed prerequisite without a decision",
    ):
        assert part in refused.error.message
    assert (chapter.name, theory.name) == ("Empty", "Theory")


async def test_readiness_of_many_courses_is_one_statement(database: Database, teacher: User) -> None:
    ready = await ready_course(database, teacher)
    empty = await campus.course(database, teacher, "Empty")
    async with database.write() as session:
        await session.execute(
            update(Course)
            .where(Course.id == empty.id)
            .values(description="  ", extraction_status=ExtractionStatus.IN_PROGRESS)
        )
    async with database.read() as session:
        before = database.statement_count
        gates = await courses.readiness_of(session, [ready.id, empty.id])
        assert database.statement_count - before == 1
    assert [(gate.kind, gate.passed) for gate in gates[ready.id]] == [
        (kind, True) for kind in ("DESCRIPTION", "CURRICULUM", "SKILLS", "EXTRACTION", "PREREQUISITES")
    ]
    assert [gate.kind for gate in gates[empty.id] if not gate.passed] == [
        "DESCRIPTION",
        "CURRICULUM",
        "EXTRACTION",
    ]
    assert gates[ready.id][1].message == "1 chapter, none without a theory."


async def test_an_archived_course_is_neither_published_nor_taken_back(
    database: Database, teacher: User
) -> None:
    made = await ready_course(database, teacher)
    await archive(database, made)
    for function in (courses.publish_course, courses.unpublish_course):
        async with refusal(database, errors.Conflict) as refused:
            await function(refused.session, actor_id=teacher.id, course_id=made.id)
        assert refused.error.code == "WRONG_STATE"


# —— Deletion ——


async def test_deletion_records_everything_that_goes(database: Database, teacher: User) -> None:
    kept = await ready_course(database, teacher, "Kept")
    made = await ready_course(database, teacher)
    student = await person(database, "s@example.org")
    await enroll(database, made, student)
    await enroll(database, kept, student)
    async with database.write() as session:
        chapter = (
            await session.scalars(select(models.Chapter).where(models.Chapter.course_id == made.id))
        ).one()
        theory = (
            await session.scalars(select(models.Theory).where(models.Theory.course_id == made.id))
        ).one()
        first = (await session.scalars(select(Skill).where(Skill.course_id == made.id))).one()
        second = Skill(course_id=made.id, name="b", name_key="b")
        concepts = [Concept(course_id=made.id, name=name, key=name, by_hand=True) for name in "ab"]
        resource = Resource(course_id=made.id, kind=ResourceKind.VIDEO, title="V", url="https://a.org/")
        session.add_all([second, *concepts, resource])
        await session.flush()
        assessment = Assessment(
            course_id=made.id,
            student_id=student.id,
            skill_id=first.id,
            score=1.0,
            idempotency_key="k",
            assessed_at=models.now(),
        )
        run = ExtractionRun(course_id=made.id)
        session.add_all(
            [
                SkillPrerequisite(prerequisite_id=first.id, dependent_id=second.id, course_id=made.id),
                ConceptMention(theory_id=theory.id, concept_id=concepts[0].id),
                ConceptRelation(
                    source_id=concepts[0].id,
                    type=ConceptRelationType.PART_OF,
                    target_id=concepts[1].id,
                    course_id=made.id,
                ),
                Mastery(
                    student_id=student.id,
                    skill_id=first.id,
                    course_id=made.id,
                    current_mastery=1,
                    confidence=1,
                    predicted_next=1,
                    num_assessments=1,
                    mastery_category=MasteryCategory.MASTERED,
                    assessed_at=models.now(),
                ),
                assessment,
                run,
                ConceptMerge(course_id=made.id),
            ]
        )
        await session.flush()
        session.add(
            ExtractionDocument(run_id=run.id, course_id=made.id, position=0, filename="f", sha256="0" * 64)
        )
    await archive(database, made)
    before = await marks(database)
    async with database.write() as session:
        deleted = await courses.delete_course(session, actor_id=teacher.id, course_id=made.id)
    assert deleted == {
        "COURSE": 1,
        "ENROLLMENT": 1,
        "CHAPTER": 1,
        "THEORY": 1,
        "SKILL": 2,
        "SKILL_PREREQUISITE": 1,
        "CONCEPT": 2,
        "CONCEPT_MENTION": 1,
        "CONCEPT_RELATION": 1,
        "RESOURCE": 1,
        "MASTERY": 1,
        "PROGRESS": 1,
        "CONCEPT_MERGE": 1,
        "EXTRACTION_RUN": 1,
        "EXTRACTION_DOCUMENT": 1,
    }
    after = changed(before, await marks(database))
    assert all(gone for _, gone in after.values())
    assert set(after) == {
        (Kind.COURSE, str(made.id)),
        (Kind.ENROLLMENT, f"{made.id}:{student.id}"),
        (Kind.CHAPTER_SEQUENCE, str(made.id)),
        (Kind.CHAPTER, chapter.id),
        (Kind.THEORY_SEQUENCE, chapter.id),
        (Kind.THEORY, theory.id),
        (Kind.SKILL, first.id),
        (Kind.SKILL, second.id),
        (Kind.SKILL_PREREQUISITE, f"{first.id}:{second.id}"),
        (Kind.CONCEPT, concepts[0].id),
        (Kind.CONCEPT, concepts[1].id),
        (Kind.CONCEPT_MENTION, f"{theory.id}:{concepts[0].id}"),
        (Kind.CONCEPT_RELATION, f"{concepts[0].id}:PART_OF:{concepts[1].id}"),
        (Kind.RESOURCE, resource.id),
        (Kind.MASTERY, f"{student.id}:{first.id}"),
        (Kind.PROGRESS, assessment.id),
    }
    async with database.read() as session:
        for table in models.Base.metadata.sorted_tables:
            if "course_id" in table.c and table.name != "audit_entries":
                left = set(await session.scalars(select(table.c.course_id)))
                assert left <= {kept.id}, table.name
        assert await session.scalar(select(func.count()).select_from(SkillTheory)) == 1
    assert (await audited(database))[-1] == (teacher.id, "deleteCourse", "COURSE", str(made.id))


async def test_an_empty_draft_is_deleted_without_being_archived(database: Database, teacher: User) -> None:
    made = await campus.course(database, teacher)
    async with database.write() as session:
        assert await courses.delete_course(
            session, actor_id=teacher.id, course_id=made.id, expected_version=1
        ) == {"COURSE": 1}


async def test_a_live_course_with_students_or_published_is_not_deleted(
    database: Database, teacher: User
) -> None:
    published = await campus.course(database, teacher, published=True)
    draft = await campus.course(database, teacher, "Draft")
    await enroll(database, draft, await person(database, "s@example.org"))
    for made in (published, draft):
        async with refusal(database, errors.Conflict) as refused:
            await courses.delete_course(refused.session, actor_id=teacher.id, course_id=made.id)
        assert refused.error.code == "WRONG_STATE"


# —— Who sees what ——


async def test_who_sees_which_courses(database: Database, teacher: User) -> None:
    other = await person(database, "u@example.org", Role.TEACHER)
    admin = await person(database, "root@example.org", Role.ADMIN)
    joined = await person(database, "j@example.org")
    stranger = await person(database, "x@example.org")
    made = {
        "draft": await campus.course(database, teacher, "draft"),
        "joined draft": await campus.course(database, teacher, "joined draft"),
        "live": await campus.course(database, teacher, "live", published=True),
        "old": await campus.course(database, teacher, "old", published=True),
    }
    await enroll(database, made["joined draft"], joined)
    await enroll(database, made["old"], joined)
    await archive(database, made["old"])
    everything = {"draft", "joined draft", "live", "old"}
    async with database.read() as session:
        for viewer, seen in (
            (teacher, everything),
            (admin, everything),
            (other, {"live"}),
            (joined, {"joined draft", "live", "old"}),
            (stranger, {"live"}),
        ):
            ids = [one.id for one in made.values()]
            found = await courses.visible_courses(session, ids, viewer_id=viewer.id, viewer_role=viewer.role)
            assert {one.title for one in found.values()} == seen
        assert await courses.taught_course_ids(session, teacher.id) == sorted(ids)
        assert await courses.taught_course_ids(session, other.id) == []


async def test_lists_are_filtered_and_ordered(database: Database, teacher: User) -> None:
    student = await person(database, "s@example.org")
    titles = ["Über Algebra", "analysis 100%", "Zahlen"]
    made = [await campus.course(database, teacher, title, published=True) for title in titles]
    old = await campus.course(database, teacher, "Old", published=True)
    await archive(database, old)
    await enroll(database, made[0], student)
    async with database.write() as session:
        await courses.update_course(session, actor_id=teacher.id, course_id=made[2].id, level=CourseLevel.PHD)
        for number, one in enumerate([*made, old]):
            moment = models.now() + timedelta(hours=number)
            await session.execute(update(Course).where(Course.id == one.id).values(created_at=moment))

    async def titled(viewer: User, **values: Any) -> list[str]:
        async with database.read() as session:
            found = await courses.list_courses(
                session,
                viewer_id=viewer.id,
                viewer_role=viewer.role,
                page=Page(),
                with_total=True,
                **{"order": "NEWEST"} | values,
            )
        assert found.total_count == len(found.rows)
        return [row.title for row in found.rows]

    assert await titled(student) == titles[::-1]
    assert sorted(await titled(student, order="TITLE")) == sorted(titles)
    assert await titled(student, viewer_part="ENROLLED") == titles[:1]
    assert await titled(student, viewer_part="JOINABLE") == [titles[2], titles[1]]
    assert await titled(teacher, viewer_part="JOINABLE") == []
    assert await titled(teacher, viewer_part="TEACHING") == titles[::-1]
    assert await titled(student, viewer_part="TEACHING") == []
    assert await titled(teacher, archived=True) == ["Old"]
    assert await titled(student, archived=True) == []
    assert await titled(student, level=CourseLevel.PHD) == titles[2:]
    assert await titled(teacher, publication_status=PublicationStatus.DRAFT) == []
    assert await titled(student, teacher_id=student.id) == []
    assert await titled(student, search="ALGEBRA über") == titles[:1]
    assert await titled(student, search="100%") == [titles[1]]
    assert await titled(student, search="_") == []
    assert await titled(student, search="\x00") == []


async def test_pages_by_time_meet_and_refuse_foreign_cursors(database: Database, teacher: User) -> None:
    made = [await campus.course(database, teacher, f"Course {number}") for number in range(5)]
    async with database.write() as session:
        # Equal moments: the id decides.
        await session.execute(update(Course).values(created_at=models.now()))

    async def page(page: Page, order: str = "NEWEST") -> Any:
        async with database.read() as session:
            return await courses.list_courses(
                session, viewer_id=teacher.id, viewer_role=Role.TEACHER, page=page, order=order
            )

    first = await page(Page(first=2))
    second = await page(Page(first=2, after=first.cursors[-1]))
    third = await page(Page(first=2, after=second.cursors[-1]))
    ids = [row.id for slice_ in (first, second, third) for row in slice_.rows]
    assert ids == [one.id for one in reversed(made)]
    assert (first.total_count, second.has_next, third.has_next) == (None, True, False)
    for order in ("TITLE", "NEWEST"):
        by_title = (await page(Page(), "TITLE")).cursors[0]
        by_time = (await page(Page(), "NEWEST")).cursors[0]
        foreign = by_time if order == "TITLE" else by_title
        with pytest.raises(InvalidCursor):
            await page(Page(after=foreign), order)
    edge = "W3sidCI6IjAwMDEtMDEtMDFUMDA6MDA6MDArMTQ6MDAifSwxXQ"  # 0001-01-01 at +14:00: no such moment in UTC
    with pytest.raises(InvalidCursor):
        await page(Page(after=edge))


# —— Batched reads ——


async def test_counts_and_enrollments_are_read_for_many_courses_at_once(
    database: Database, teacher: User
) -> None:
    student = await person(database, "s@example.org")
    first, second, third = [await campus.course(database, teacher, title) for title in "abc"]
    await enroll(database, first, student)
    await campus.chapter(database, second, "One")
    await campus.chapter(database, second, "Two")
    ids = [first.id, second.id, third.id, 999]
    async with database.read() as session:
        before = database.statement_count
        assert await courses.student_counts(session, ids) == {first.id: 1}
        assert await courses.chapter_counts(session, ids) == {second.id: 2}
        mine = await courses.viewer_enrollments(session, student.id, ids)
        assert {key: row.student_id for key, row in mine.items()} == {first.id: student.id}
        assert set(await courses.courses_by_ids(session, ids)) == {first.id, second.id, third.id}
        assert database.statement_count - before == 4


async def test_the_course_of_each_kind_of_record_is_one_statement(database: Database, teacher: User) -> None:
    made = await ready_course(database, teacher)
    student = await person(database, "s@example.org")
    async with database.write() as session:
        chapter = (await session.scalars(select(models.Chapter))).one()
        theory = (await session.scalars(select(models.Theory))).one()
        skill = (await session.scalars(select(Skill))).one()
        other = Skill(course_id=made.id, name="b", name_key="b")
        concepts = [Concept(course_id=made.id, name=name, key=name) for name in "ab"]
        resource = Resource(course_id=made.id, kind=ResourceKind.READING, title="R", url="https://a.org/")
        session.add_all([other, *concepts, resource])
        await session.flush()
        assessment = Assessment(
            course_id=made.id,
            student_id=student.id,
            skill_id=skill.id,
            score=1.0,
            idempotency_key="k",
            assessed_at=models.now(),
        )
        session.add_all(
            [
                assessment,
                SkillPrerequisite(prerequisite_id=skill.id, dependent_id=other.id, course_id=made.id),
                ConceptMention(theory_id=theory.id, concept_id=concepts[0].id),
                ConceptRelation(
                    source_id=concepts[0].id,
                    type=ConceptRelationType.IS_A,
                    target_id=concepts[1].id,
                    course_id=made.id,
                ),
            ]
        )
    keys: dict[Kind, Any] = {
        Kind.CHAPTER: chapter.id,
        Kind.THEORY: theory.id,
        Kind.SKILL: skill.id,
        Kind.CONCEPT: concepts[0].id,
        Kind.RESOURCE: resource.id,
        Kind.SKILL_PREREQUISITE: (skill.id, other.id),
        Kind.CONCEPT_MENTION: (theory.id, concepts[0].id),
        Kind.CONCEPT_RELATION: (concepts[0].id, "IS_A", concepts[1].id),
        Kind.PROGRESS: assessment.id,
    }
    async with database.read() as session:
        for kind, key in keys.items():
            missing = tuple(reversed(key)) if len(key) == 2 else ("x", "IS_A", "y") if len(key) == 3 else "x"
            before = database.statement_count
            assert await courses.course_of(session, kind, [key, missing]) == {key: made.id}
            assert database.statement_count - before == 1
            assert await courses.course_of(session, kind, []) == {}
            if kind is Kind.PROGRESS:
                continue
            for viewer, seen in ((teacher, {key}), (student, set())):
                assert (
                    await courses.visible_keys(
                        session, kind, [key, missing], viewer_id=viewer.id, viewer_role=viewer.role
                    )
                    == seen
                )
        for viewer, seen in ((teacher, {assessment.id}), (student, {assessment.id})):
            assert (
                await courses.visible_progress(
                    session, [assessment.id, "x"], viewer_id=viewer.id, viewer_role=viewer.role
                )
                == seen
            )
        assert (
            await courses.visible_progress(session, [assessment.id], viewer_id=999, viewer_role=Role.TEACHER)
            == set()
        )
