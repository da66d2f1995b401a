"""Evidence and what follows from it: assessments are recorded once and mastery is replayed from all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

import sql.audit
import sql.sync_state
from sql import errors, guards, meters, models
from sql.models import Assessment, Enrollment, Kind, Mastery, MasterySnapshot, Skill
from sql.text import Checker

GREATEST_BATCH = 500
CLOCK_SKEW = timedelta(seconds=60)
KEY_LENGTH = 64
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
COMPUTED = (
    "current_mastery",
    "confidence",
    "predicted_next",
    "trend",
    "num_assessments",
    "mastery_category",
    "assessed_at",
    "state",
)


@dataclass(frozen=True, slots=True)
class AssessmentValue:
    """One result to record. `assessed_at` is now when it is None."""

    student_id: int
    skill_id: str
    score: float
    assessed_at: datetime | None
    item_key: str | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What came of a batch: the masteries named in it, each once, then others that late evidence moved."""

    masteries: list[Mastery]
    recorded_count: int
    repeated_count: int
    course_id: int


async def record_assessments(
    session: AsyncSession,
    *,
    actor_id: int | None,
    assessments: Sequence[AssessmentValue],
    now: datetime | None = None,
) -> RecordResult:
    """Record 1 to 500 assessments of one course, all or none, and compute the masteries they touch.

    A known idempotency key with the same values counts once. A constant number of SELECTs for any number
    of students. Raises NotFound (skill), InvalidInput (every value at fault), Conflict KEY_REUSED (known key,
    other values) or WRONG_STATE (archived).
    """
    moment = now or models.now()
    _check(assessments, moment)
    course_id = await _course_of(session, assessments)
    # The locks on enrollments below are enough: a class is recorded by several workers at once.
    await guards.live_course(session, course_id, lock=False)
    enrolled = await _lock_enrolled(session, course_id, assessments)
    fresh, repeated = await _split(session, course_id, assessments)
    checker = Checker()
    for position, value in fresh:
        if value.student_id not in enrolled:
            path = ("assessments", str(position), "studentId")
            checker.add(path, "The student is not enrolled in the course of the skill.")
    checker.raise_if_any()
    if fresh:
        _insert(session, actor_id, course_id, [value for _, value in fresh], moment)
        await session.flush()
    moved = await replay(session, course_id, {value.student_id for _, value in fresh}) if fresh else {}
    if fresh:
        await sql.audit.write(
            session,
            actor_id,
            "recordAssessments",
            Kind.COURSE,
            course_id,
            course_id=course_id,
            changes=[sql.audit.Change("assessments", None, len(fresh))],
        )
    named = list(dict.fromkeys((value.student_id, value.skill_id) for value in assessments))
    missing = [key for key in named if key not in moved]
    found = moved | await _masteries(session, missing)
    masteries = [found[key] for key in named if key in found]
    masteries += [row for key, row in moved.items() if key not in set(named)]
    return RecordResult(masteries, len(fresh), repeated, course_id)


def _check(assessments: Sequence[AssessmentValue], moment: datetime) -> None:
    checker = Checker()
    checker.count(("assessments",), assessments, 1, GREATEST_BATCH)
    checker.raise_if_any()
    for position, value in enumerate(assessments):
        path = ("assessments", str(position))
        checker.between((*path, "score"), value.score, 0.0, 1.0)
        checker.text((*path, "idempotencyKey"), value.idempotency_key, KEY_LENGTH)
        if value.item_key is not None:
            checker.text((*path, "itemKey"), value.item_key, models.NAME_LENGTH)
        if value.assessed_at is None:
            continue
        if value.assessed_at.tzinfo is None:
            checker.add((*path, "assessedAt"), "assessedAt must name its offset from UTC.")
        elif value.assessed_at > moment + CLOCK_SKEW:
            checker.add((*path, "assessedAt"), "assessedAt can not be in the future.")
        elif value.assessed_at < EARLIEST:
            checker.add((*path, "assessedAt"), f"assessedAt can not be before {EARLIEST.date()}.")
    checker.raise_if_any()


async def _course_of(session: AsyncSession, assessments: Sequence[AssessmentValue]) -> int:
    """Return the course of the skills; raise NotFound for an unknown one, InvalidInput for two courses."""
    ids = {value.skill_id for value in assessments}
    courses: dict[str, int] = {
        skill_id: course_id
        for skill_id, course_id in await session.execute(
            select(Skill.id, Skill.course_id).where(Skill.id.in_(ids))
        )
    }
    checker = Checker()
    first = courses.get(assessments[0].skill_id)
    for position, value in enumerate(assessments):
        path = ("assessments", str(position), "skillId")
        if value.skill_id not in courses:
            raise errors.NotFound(Kind.SKILL, value.skill_id, path)
        if courses[value.skill_id] != first:
            checker.add(path, "All skills of a batch must belong to one course.")
    checker.raise_if_any()
    return courses[assessments[0].skill_id]


async def _lock_enrolled(
    session: AsyncSession, course_id: int, assessments: Sequence[AssessmentValue]
) -> set[int]:
    """Return which of the students are enrolled, and have others wait who record for them too.

    Two replays at once would each miss the other's evidence (PostgreSQL; SQLite has one writer anyway).
    """
    students = {value.student_id for value in assessments}
    return set(
        await session.scalars(
            select(Enrollment.student_id)
            .where(Enrollment.course_id == course_id, Enrollment.student_id.in_(students))
            .order_by(Enrollment.student_id)
            .with_for_update()
        )
    )


async def _split(
    session: AsyncSession, course_id: int, assessments: Sequence[AssessmentValue]
) -> tuple[list[tuple[int, AssessmentValue]], int]:
    """Return (position, value) of what is new, and how many were recorded before or stand in the batch twice."""
    keys = {value.idempotency_key for value in assessments}
    rows = await session.scalars(
        select(Assessment).where(Assessment.course_id == course_id, Assessment.idempotency_key.in_(keys))
    )
    known: dict[str, Any] = {row.idempotency_key: row for row in rows}
    fresh: list[tuple[int, AssessmentValue]] = []
    for position, value in enumerate(assessments):
        before = known.get(value.idempotency_key)
        if before is None:
            known[value.idempotency_key] = value
            fresh.append((position, value))
            continue
        if not _same(before, value):
            raise errors.Conflict(
                "KEY_REUSED",
                "This idempotency key names another result already.",
                path=("assessments", str(position), "idempotencyKey"),
                conflicting=(Kind.PROGRESS.value, before.id) if isinstance(before, Assessment) else None,
            )
    return fresh, len(assessments) - len(fresh)


def _same(before: Assessment | AssessmentValue, value: AssessmentValue) -> bool:
    same_time = (
        # Left out means "now", which is another moment at each try.
        value.assessed_at is None or before.assessed_at is None or before.assessed_at == value.assessed_at
    )
    return same_time and (before.student_id, before.skill_id, before.score, before.item_key) == (
        value.student_id,
        value.skill_id,
        value.score,
        value.item_key,
    )


def _insert(
    session: AsyncSession,
    actor_id: int | None,
    course_id: int,
    values: Sequence[AssessmentValue],
    moment: datetime,
) -> None:
    # Sorted, so that answers of the same moment are folded in the order in which they were given.
    ids = sorted(models.new_id() for _ in values)
    session.add_all(
        Assessment(
            id=id_,
            course_id=course_id,
            student_id=value.student_id,
            skill_id=value.skill_id,
            score=value.score,
            item_key=value.item_key,
            idempotency_key=value.idempotency_key,
            assessed_at=value.assessed_at or moment,
            recorded_at=moment,
            recorded_by_id=actor_id,
        )
        for id_, value in zip(ids, values, strict=True)
    )


async def _masteries(
    session: AsyncSession, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Mastery]:
    if not keys:
        return {}
    rows = await session.scalars(
        select(Mastery).where(
            Mastery.student_id.in_({student for student, _ in keys}),
            Mastery.skill_id.in_({skill for _, skill in keys}),
        )
    )
    wanted = set(keys)
    found = {(row.student_id, row.skill_id): row for row in rows}
    return {key: row for key, row in found.items() if key in wanted}


async def pinned_snapshot(session: AsyncSession, course_id: int) -> meters.Snapshot:
    """Return the pinned intercepts and offsets of a course; empty, hence all defaults, without one."""
    row = await session.scalar(
        select(MasterySnapshot)
        .where(MasterySnapshot.course_id == course_id, MasterySnapshot.pinned.is_(True))
        .order_by(MasterySnapshot.number.desc())
        .limit(1)
    )
    if row is None:
        return meters.Snapshot()
    return meters.Snapshot(dict(row.skill_intercepts), dict(row.item_offsets))


async def replay(
    session: AsyncSession, course_id: int, student_ids: set[int]
) -> dict[tuple[int, str], Mastery]:
    """Compute the masteries of some students of a course from all their evidence; return the rows that moved.

    Three SELECTs whatever the numbers. Rows and `mastery_after` are only written where they differ, and each
    one written is recorded for the mirror (MASTERY, PROGRESS).
    """
    await session.flush()
    evidence = (
        await session.execute(
            select(
                Assessment.id,
                Assessment.student_id,
                Assessment.skill_id,
                Assessment.score,
                Assessment.item_key,
                Assessment.assessed_at,
                Assessment.mastery_after,
                Assessment.version,
            ).where(
                Assessment.course_id == course_id,
                Assessment.student_id.in_(student_ids),
                Assessment.retracted_at.is_(None),
            )
        )
    ).all()
    present = {
        (row.student_id, row.skill_id): row
        for row in await session.scalars(
            select(Mastery).where(Mastery.course_id == course_id, Mastery.student_id.in_(student_ids))
        )
    }
    model = meters.Meters(snapshot=await pinned_snapshot(session, course_id))
    by_student: dict[int, list[meters.Answer]] = {}
    for row in evidence:
        answer = meters.Answer(row.id, row.skill_id, row.score, row.assessed_at, row.item_key)
        by_student.setdefault(row.student_id, []).append(answer)
    after: dict[str, float] = {}
    moved: dict[tuple[int, str], Mastery] = {}
    for student_id, answers in by_student.items():
        replayed = model.replay(answers)
        after |= replayed.mastery_after
        for skill_id, values in replayed.values.items():
            state = meters.to_json(replayed.learners[skill_id], replayed.state.skills[skill_id])
            key = (student_id, skill_id)
            mastery = _written(session, present.get(key), key, course_id, values, state)
            if mastery is not None:
                moved[key] = mastery
    await _delete_without_evidence(
        session, [row for key, row in present.items() if not _has(by_student, key)]
    )
    await _record_masteries(session, moved)
    changed = {
        row.id: after[row.id] for row in evidence if row.version == 0 or row.mastery_after != after[row.id]
    }
    await _write_progress(session, changed)
    return moved


def _has(by_student: Mapping[int, Sequence[meters.Answer]], key: tuple[int, str]) -> bool:
    return any(answer.skill_id == key[1] for answer in by_student.get(key[0], ()))


def _written(
    session: AsyncSession,
    row: Mastery | None,
    key: tuple[int, str],
    course_id: int,
    values: meters.Values,
    state: dict[str, Any],
) -> Mastery | None:
    """Write a mastery where it differs; return the row, or None where nothing differs."""
    if row is not None and row.state == state and row.current_mastery == values.current_mastery:
        return None
    if row is None:
        row = Mastery(student_id=key[0], skill_id=key[1], course_id=course_id)
        session.add(row)
    row.current_mastery = values.current_mastery or 0.0
    row.confidence = values.confidence
    row.predicted_next = values.predicted_next or 0.0
    row.trend = values.trend
    row.num_assessments = values.num_assessments
    row.mastery_category = values.mastery_category
    row.assessed_at = datetime.fromisoformat(state["at"])
    row.state = state
    if row not in session.new:
        # Rows with the same columns share one UPDATE, whichever of their values changed.
        for name in COMPUTED:
            flag_modified(row, name)
    return row


async def _record_masteries(session: AsyncSession, moved: Mapping[tuple[int, str], Mastery]) -> None:
    if not moved:
        return
    keys = {key: f"{key[0]}:{key[1]}" for key in moved}
    versions = await sql.sync_state.record_many(session, Kind.MASTERY, keys.values())
    moment = models.now()
    for key, row in moved.items():
        row.version = versions[keys[key]]
        row.updated_at = moment
    await session.flush()


async def _delete_without_evidence(session: AsyncSession, rows: Sequence[Mastery]) -> None:
    """Take away masteries whose last assessment was retracted: null is not 0."""
    await sql.sync_state.record_many(
        session, Kind.MASTERY, [f"{row.student_id}:{row.skill_id}" for row in rows], deleted=True
    )
    for row in rows:
        await session.delete(row)


async def _write_progress(session: AsyncSession, changed: Mapping[str, float]) -> None:
    """Write `mastery_after` by assessment id and record it."""
    if not changed:
        return
    versions = await sql.sync_state.record_many(session, Kind.PROGRESS, changed)
    moment = models.now()
    await session.execute(
        update(Assessment),
        [
            {"id": key, "mastery_after": value, "version": versions[key], "updated_at": moment}
            for key, value in changed.items()
        ],
    )
