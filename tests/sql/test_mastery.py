"""Recording assessments: once, all or none, in any order of arrival, in a constant number of reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sql import errors, mastery, meters
from sql.mastery import AssessmentValue, RecordResult, record_assessments
from sql.models import (
    Assessment,
    Course,
    Enrollment,
    Kind,
    Mastery,
    MasteryCategory,
    MasterySnapshot,
    Role,
    Skill,
    User,
    now,
)
from sql.session import Database
from tests.curriculum_rows import World, add_world, audit_count, count, records
from tests.sql_fixtures import sent_to

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SKILLS = ("s1", "s2", "s3")


@pytest.fixture
async def world(database: Database) -> World:
    made = await add_world(database)
    async with database.write() as session:
        for course_id, id_ in (
            (made.course, "s1"),
            (made.course, "s2"),
            (made.course, "s3"),
            (made.other, "o"),
        ):
            session.add(Skill(id=id_, course_id=course_id, name=id_, name_key=id_))
        session.add(Skill(id="a", course_id=made.archived, name="a", name_key="a"))
    return made


async def add_students(database: Database, world: World, number: int) -> list[int]:
    async with database.write() as session:
        rows = [
            User(email=f"s{n}@example.org", first_name="S", last_name=str(n), role=Role.STUDENT)
            for n in range(number)
        ]
        session.add_all(rows)
        await session.flush()
        session.add_all(Enrollment(course_id=world.course, student_id=row.id) for row in rows)
        return [row.id for row in rows]


def value(student: int, skill: str = "s1", score: float = 1.0, at: int = 0, key: str = "") -> AssessmentValue:
    """Return a result, `at` hours after a day before NOW."""
    return AssessmentValue(
        student_id=student,
        skill_id=skill,
        score=score,
        assessed_at=NOW - timedelta(days=1) + timedelta(hours=at),
        item_key=None,
        idempotency_key=key or f"{student}-{skill}-{at}",
    )


async def record(database: Database, world: World, *values: AssessmentValue) -> RecordResult:
    async with database.write() as session:
        return await record_assessments(session, actor_id=world.teacher, assessments=values, now=NOW)


async def refused(
    database: Database, world: World, values: Sequence[AssessmentValue], error: type[Exception]
) -> Exception:
    """Return the refusal of some results, after checking that nothing of them was kept."""
    before = await records(database)
    with pytest.raises(error) as caught:
        await record(database, world, *values)
    assert await records(database) == before
    async with database.read() as session:
        assert await count(session, Assessment) == len([key for key in before if key[0] is Kind.PROGRESS])
    return caught.value


async def test_a_result_becomes_evidence_and_mastery(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    result = await record(database, world, value(student))
    expected = meters.Meters().replay([meters.Answer("x", "s1", 1.0, NOW - timedelta(days=1))]).values["s1"]
    (row,) = result.masteries
    assert (result.recorded_count, result.repeated_count, result.course_id) == (1, 0, world.course)
    assert (row.current_mastery, row.confidence, row.predicted_next, row.trend, row.num_assessments) == (
        expected.current_mastery,
        expected.confidence,
        expected.predicted_next,
        None,
        1,
    )
    assert row.mastery_category is MasteryCategory.PROFICIENT
    assert row.assessed_at == NOW - timedelta(days=1)
    async with database.read() as session:
        (assessment,) = (await session.scalars(select(Assessment))).all()
        assert assessment.mastery_after == expected.current_mastery
        assert (assessment.recorded_at, assessment.recorded_by_id) == (NOW, world.teacher)
    assert await records(database) == {
        (Kind.MASTERY, f"{student}:s1"): (1, False),
        (Kind.PROGRESS, assessment.id): (1, False),
    }
    assert (row.version, assessment.version) == (1, 1)
    assert await audit_count(database) == 1


async def test_the_same_key_counts_once(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    await record(database, world, value(student))
    before = await records(database)
    result = await record(database, world, value(student))
    assert (result.recorded_count, result.repeated_count) == (0, 1)
    assert [(row.student_id, row.skill_id) for row in result.masteries] == [(student, "s1")]
    assert await records(database) == before
    assert await audit_count(database) == 1
    twice = await record(database, world, value(student, at=1), value(student, at=1))
    assert (twice.recorded_count, twice.repeated_count) == (1, 1)
    assert twice.masteries[0].num_assessments == 2


async def test_a_repeat_without_a_time_is_the_same_result(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    given = AssessmentValue(student, "s1", 1.0, None, None, "k")
    await record(database, world, given)
    assert (await record(database, world, given)).repeated_count == 1
    async with database.read() as session:
        assert (await session.scalars(select(Assessment.assessed_at))).all() == [NOW]


@pytest.mark.parametrize("change", ["score", "skill", "time", "item"])
async def test_a_known_key_with_another_result_is_refused(
    database: Database, world: World, change: str
) -> None:
    (student,) = await add_students(database, world, 1)
    await record(database, world, value(student, key="k"))
    other = {
        "score": value(student, score=0.5, key="k"),
        "skill": value(student, skill="s2", key="k"),
        "time": value(student, at=1, key="k"),
        "item": AssessmentValue(student, "s1", 1.0, None, "item", "k"),
    }[change]
    error = await refused(database, world, [value(student, at=5), other], errors.Conflict)
    assert isinstance(error, errors.Conflict)
    assert (error.code, error.path) == ("KEY_REUSED", ("assessments", "1", "idempotencyKey"))
    assert error.conflicting is not None
    assert error.conflicting[0] == "PROGRESS"


async def test_everything_at_fault_is_reported_at_once(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    late = NOW + timedelta(seconds=61)
    values = [
        AssessmentValue(student, "s1", 1.5, None, None, "1"),
        AssessmentValue(student, "s1", float("nan"), None, None, " "),
        AssessmentValue(student, "s1", 1.0, late, "x" * 101, "3"),
        AssessmentValue(student, "s1", 1.0, datetime(1969, 1, 1, tzinfo=UTC), None, "x" * 65),
        AssessmentValue(student, "s1", 1.0, NOW + timedelta(seconds=60), None, "5"),
    ]
    error = await refused(database, world, values, errors.InvalidInput)
    assert isinstance(error, errors.InvalidInput)
    assert [field.path for field in error.fields] == [
        ("assessments", "0", "score"),
        ("assessments", "1", "score"),
        ("assessments", "1", "idempotencyKey"),
        ("assessments", "2", "itemKey"),
        ("assessments", "2", "assessedAt"),
        ("assessments", "3", "idempotencyKey"),
        ("assessments", "3", "assessedAt"),
    ]


async def test_a_batch_has_1_to_500_results(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    await refused(database, world, [], errors.InvalidInput)
    await refused(database, world, [value(student, key=str(n)) for n in range(501)], errors.InvalidInput)


async def test_students_must_be_enrolled_and_skills_of_one_live_course(
    database: Database, world: World
) -> None:
    (student,) = await add_students(database, world, 1)
    error = await refused(database, world, [value(student), value(world.teacher)], errors.InvalidInput)
    assert isinstance(error, errors.InvalidInput)
    assert [field.path for field in error.fields] == [("assessments", "1", "studentId")]
    await refused(database, world, [value(student), value(student, "o")], errors.InvalidInput)
    missing = await refused(database, world, [value(student, "none")], errors.NotFound)
    assert isinstance(missing, errors.NotFound)
    assert (missing.kind, missing.key) == ("SKILL", "none")
    await refused(database, world, [value(student, "a")], errors.Conflict)


async def test_late_evidence_gives_what_evidence_in_order_gives(database: Database, world: World) -> None:
    first, second = await add_students(database, world, 2)
    scores = [("s1", 1.0), ("s2", 0.0), ("s1", 0.3), ("s1", 1.0), ("s2", 1.0), ("s1", 0.0)]
    in_order = [value(first, skill, score, at) for at, (skill, score) in enumerate(scores)]
    await record(database, world, *in_order)
    for at, (skill, score) in reversed(list(enumerate(scores))):
        await record(database, world, value(second, skill, score, at))
    async with database.read() as session:
        rows = (await session.scalars(select(Mastery).order_by(Mastery.student_id, Mastery.skill_id))).all()
        found = [(row.skill_id, row.current_mastery, row.confidence, row.trend, row.state) for row in rows]
        assert len(found) == 4
        assert found[:2] == found[2:]
        after = (
            await session.execute(
                select(Assessment.mastery_after).order_by(Assessment.student_id, Assessment.assessed_at)
            )
        ).all()
        assert after[:6] == after[6:]


async def test_late_evidence_is_recorded_for_each_entry_that_moved(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    await record(database, world, value(student, at=5))
    before = await records(database)
    result = await record(database, world, value(student, "s2", 0.0, at=1))
    changed = {key for key, state in (await records(database)).items() if before.get(key) != state}
    async with database.read() as session:
        ids = set(await session.scalars(select(Assessment.id)))
    assert changed == {(Kind.MASTERY, f"{student}:s1"), (Kind.MASTERY, f"{student}:s2")} | {
        (Kind.PROGRESS, id_) for id_ in ids
    }
    assert [row.skill_id for row in result.masteries] == ["s2", "s1"]
    # In order, an answer leaves what was stored for other skills alone.
    before = await records(database)
    await record(database, world, value(student, "s3", 0.0, at=9))
    changed = {key for key, state in (await records(database)).items() if before.get(key) != state}
    assert {kind for kind, _ in changed} == {Kind.MASTERY, Kind.PROGRESS}
    assert len(changed) == 2


async def test_answers_of_one_moment_count_in_the_order_given(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    scores = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    await record(
        database,
        world,
        *(AssessmentValue(student, "s1", score, None, None, str(n)) for n, score in enumerate(scores)),
    )
    async with database.read() as session:
        row = (await session.scalars(select(Mastery))).one()
        assert row.state["results"] == 0b10110010


async def test_a_pinned_snapshot_moves_what_is_shown(database: Database, world: World) -> None:
    first, second = await add_students(database, world, 2)
    (plain,) = (await record(database, world, value(first))).masteries
    async with database.write() as session:
        session.add(
            MasterySnapshot(course_id=world.course, number=1, skill_intercepts={"s1": -1.0}, pinned=True)
        )
        session.add(MasterySnapshot(course_id=world.course, number=2, skill_intercepts={"s1": 3.0}))
    (harder,) = (await record(database, world, value(second))).masteries
    assert harder.current_mastery < plain.current_mastery
    async with database.read() as session:
        assert (await mastery.pinned_snapshot(session, world.course)).skill_intercepts == {"s1": -1.0}


async def test_the_number_of_selects_does_not_grow(database: Database, world: World) -> None:
    students = await add_students(database, world, 40)

    async def selects(*values: AssessmentValue) -> int:
        with sent_to(database) as sent:
            await record(database, world, *values)
        return sum(statement.lstrip().upper().startswith("SELECT") for statement, _ in sent)

    one = await selects(value(students[0], at=1))
    many = await selects(*(value(student, skill, 0.5, at=2) for student in students for skill in SKILLS))
    assert one == many
    assert one <= 8


async def test_two_batches_for_one_student_at_once_miss_nothing(database: Database, world: World) -> None:

    (student,) = await add_students(database, world, 1)
    await asyncio.gather(*(record(database, world, value(student, at=n)) for n in range(8)))
    async with database.read() as session:
        row = (await session.scalars(select(Mastery))).one()
        assert row.num_assessments == 8


async def test_a_retracted_assessment_does_not_count(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    await record(database, world, value(student, at=1), value(student, "s2", 0.0, at=2))
    async with database.write() as session:
        row = (await session.scalars(select(Assessment).where(Assessment.skill_id == "s2"))).one()
        row.retracted_at = now()
        await session.flush()
        await mastery.replay(session, world.course, {student})
    async with database.read() as session:
        assert [row.skill_id for row in await session.scalars(select(Mastery))] == ["s1"]
    assert (await records(database))[Kind.MASTERY, f"{student}:s2"] == (2, True)


async def test_an_archived_course_takes_no_results(database: Database, world: World) -> None:
    (student,) = await add_students(database, world, 1)
    async with database.write() as session:
        course = await session.get(Course, world.course)
        assert course is not None
        course.archived_at = now()
    error = await refused(database, world, [value(student)], errors.Conflict)
    assert isinstance(error, errors.Conflict)
    assert error.code == "WRONG_STATE"
