"""Evidence and mastery: record assessments, replay each touched student, store what changed.

Mastery is never taken from a client. The stored properties are those at the skill's last assessment;
late evidence replays everything after it, so the order of arrival never shows.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.enrollments
import sql.sync_state
from sql import errors, guards, meters, models
from sql.models import Assessment, Kind, Mastery, MasteryCategory, MasterySnapshot, MasteryTrend, Skill
from sql.text import Checker

GREATEST_BATCH = 500
ITEM_KEY_LENGTH = 100
IDEMPOTENCY_KEY_LENGTH = 64
CLOCK_SKEW = timedelta(seconds=60)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AssessmentValue:
    """One result as it was given."""

    student_id: int
    skill_id: str
    score: float
    idempotency_key: str
    assessed_at: datetime | None = None
    item_key: str | None = None


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What recording did: each touched mastery once, and how many results were new."""

    course_id: int
    masteries: list[Mastery]
    recorded_count: int
    repeated_count: int


async def record_assessments(
    session: AsyncSession, *, actor_id: int | None, assessments: Sequence[AssessmentValue], now: datetime
) -> RecordResult:
    """Record 1 to 500 results of one course, all or none, and compute mastery.

    A result that was recorded before counts once. Raises NotFound (a skill, or a student who is not enrolled),
    InvalidInput, Conflict WRONG_STATE (archived), KEY_REUSED (a known key with another result).
    """
    _check_values(assessments, now)
    course_id = await _course_of(session, assessments)
    await guards.live_course(session, course_id)
    await _check_enrolled(session, course_id, assessments)
    known = await _known(session, course_id, [one.idempotency_key for one in assessments])
    new: dict[str, Assessment] = {}
    repeated = 0
    for index, one in enumerate(assessments):
        earlier = known.get(one.idempotency_key) or new.get(one.idempotency_key)
        if earlier is not None:
            _refuse_other_result(earlier, one, index)
            repeated += 1
            continue
        new[one.idempotency_key] = Assessment(
            id=models.new_id(),
            course_id=course_id,
            student_id=one.student_id,
            skill_id=one.skill_id,
            score=one.score,
            item_key=one.item_key,
            idempotency_key=one.idempotency_key,
            assessed_at=one.assessed_at or now,
            recorded_at=now,
            recorded_by_id=actor_id,
        )
    session.add_all(new.values())
    await session.flush()
    if new:
        await _replay(session, course_id, {row.student_id for row in new.values()}, set(new))
        await sql.audit.write(
            session,
            actor_id,
            "recordAssessments",
            Kind.COURSE,
            course_id,
            course_id=course_id,
            changes=[sql.audit.Change("recordedCount", None, len(new))],
        )
    touched = list(dict.fromkeys((one.student_id, one.skill_id) for one in assessments))
    masteries = await _masteries(session, course_id, {student_id for student_id, _ in touched})
    return RecordResult(
        course_id, [masteries[key] for key in touched if key in masteries], len(new), repeated
    )


def _check_values(assessments: Sequence[AssessmentValue], now: datetime) -> None:
    checker = Checker()
    checker.count(("assessments",), assessments, 1, GREATEST_BATCH)
    for index, one in enumerate(assessments):
        place = ("assessments", str(index))
        checker.between((*place, "score"), one.score, 0, 1)
        checker.text((*place, "idempotencyKey"), one.idempotency_key, IDEMPOTENCY_KEY_LENGTH)
        if one.item_key is not None:
            checker.text((*place, "itemKey"), one.item_key, ITEM_KEY_LENGTH)
        if one.assessed_at is not None and not EARLIEST <= one.assessed_at <= now + CLOCK_SKEW:
            message = (
                f"assessedAt must lie between {EARLIEST.date()} and now, not {one.assessed_at.isoformat()}."
            )
            checker.add((*place, "assessedAt"), message)
    checker.raise_if_any()


async def _course_of(session: AsyncSession, assessments: Sequence[AssessmentValue]) -> int:
    rows = await session.execute(
        select(Skill.id, Skill.course_id).where(Skill.id.in_({one.skill_id for one in assessments}))
    )
    courses = {skill_id: course_id for skill_id, course_id in rows}
    checker = Checker()
    first = courses.get(assessments[0].skill_id)
    for index, one in enumerate(assessments):
        if one.skill_id not in courses:
            raise errors.NotFound(Kind.SKILL, one.skill_id, ("assessments", str(index), "skillId"))
        if courses[one.skill_id] != first:
            checker.add(("assessments", str(index), "skillId"), "All assessments must be of one course.")
    checker.raise_if_any()
    assert first is not None  # noqa: S101 (the loop has looked)
    return first


async def _check_enrolled(
    session: AsyncSession, course_id: int, assessments: Sequence[AssessmentValue]
) -> None:
    enrolled = await sql.enrollments.enrolled_student_ids(
        session, course_id, {one.student_id for one in assessments}
    )
    for index, one in enumerate(assessments):
        if one.student_id not in enrolled:
            raise errors.NotFound(Kind.USER, one.student_id, ("assessments", str(index), "studentId"))


async def _known(session: AsyncSession, course_id: int, keys: Iterable[str]) -> dict[str, Assessment]:
    rows = await session.scalars(
        select(Assessment).where(Assessment.course_id == course_id, Assessment.idempotency_key.in_(set(keys)))
    )
    return {row.idempotency_key: row for row in rows}


def _refuse_other_result(earlier: Assessment, one: AssessmentValue, index: int) -> None:
    """Raise Conflict KEY_REUSED when a known key comes with another result. A time left out fits any."""
    same = (
        earlier.student_id == one.student_id
        and earlier.skill_id == one.skill_id
        and earlier.score == one.score
        and earlier.item_key == one.item_key
        and (one.assessed_at is None or earlier.assessed_at == one.assessed_at)
    )
    if not same:
        raise errors.Conflict(
            "KEY_REUSED",
            f"The idempotency key {one.idempotency_key!r} was used for another result.",
            path=("assessments", str(index), "idempotencyKey"),
            conflicting=(Kind.PROGRESS.value, earlier.id),
        )


async def _replay(session: AsyncSession, course_id: int, student_ids: set[int], new_keys: set[str]) -> None:
    """Compute the mastery of students again from all their evidence; store and record what changed.

    A constant number of statements reads, whatever the number of students.
    """
    evidence: dict[int, list[Assessment]] = defaultdict(list)
    rows = await session.scalars(
        select(Assessment).where(Assessment.course_id == course_id, Assessment.student_id.in_(student_ids))
    )
    for row in rows:
        evidence[row.student_id].append(row)
    stored = await _masteries(session, course_id, student_ids)
    snapshot = await pinned_snapshot(session, course_id)
    changed_progress: list[Assessment] = []
    changed_mastery: list[Mastery] = []
    for student_id, assessments in evidence.items():
        counting = [row for row in assessments if row.retracted_at is None]
        found = meters.replay(
            (
                meters.Answer(row.id, row.skill_id, row.score, row.assessed_at, row.item_key)
                for row in counting
            ),
            snapshot,
        )
        for row in counting:
            if row.mastery_after != found.mastery_after[row.id] or row.idempotency_key in new_keys:
                row.mastery_after = found.mastery_after[row.id]
                changed_progress.append(row)
        for skill_id, properties in found.properties.items():
            mastery = stored.get((student_id, skill_id))
            if mastery is None:
                mastery = Mastery(student_id=student_id, skill_id=skill_id, course_id=course_id)
                session.add(mastery)
            if _store(mastery, properties, found.skills[skill_id], found.course):
                changed_mastery.append(mastery)
    await session.flush()
    await guards.touch_all(session, changed_progress, Kind.PROGRESS)
    versions = await sql.sync_state.record_many(
        session, Kind.MASTERY, [f"{row.student_id}:{row.skill_id}" for row in changed_mastery]
    )
    for mastery in changed_mastery:
        mastery.version = versions[f"{mastery.student_id}:{mastery.skill_id}"]
        mastery.updated_at = models.now()
    await session.flush()


def _store(
    row: Mastery, properties: meters.Properties, skill: meters.SkillState, course: meters.CourseState
) -> bool:
    """Set a row's properties and the meters behind them; return whether a property changed."""
    values = {
        "current_mastery": properties.current_mastery,
        "confidence": properties.confidence,
        "predicted_next": properties.predicted_next,
        "trend": MasteryTrend(properties.trend) if properties.trend else None,
        "num_assessments": properties.num_assessments,
        "mastery_category": MasteryCategory(properties.mastery_category),
        "assessed_at": properties.updated_at,
    }
    changed = any(getattr(row, name, None) != value for name, value in values.items())
    if changed:
        for name, value in values.items():
            setattr(row, name, value)
        row.state = {
            "skill": _plain(skill),
            "course": _plain(course),
        }
    return changed


def _plain(state: meters.SkillState | meters.CourseState) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in dataclasses.asdict(state).items()
    }


async def _masteries(
    session: AsyncSession, course_id: int, student_ids: set[int]
) -> dict[tuple[int, str], Mastery]:
    rows = await session.scalars(
        select(Mastery).where(Mastery.course_id == course_id, Mastery.student_id.in_(student_ids))
    )
    return {(row.student_id, row.skill_id): row for row in rows}


async def pinned_snapshot(session: AsyncSession, course_id: int) -> meters.Snapshot:
    """Return the pinned intercepts and offsets of a course; the model's own where none are pinned."""
    row = await session.scalar(
        select(MasterySnapshot)
        .where(MasterySnapshot.course_id == course_id, MasterySnapshot.pinned)
        .order_by(MasterySnapshot.number.desc())
        .limit(1)
    )
    if row is None:
        return meters.Snapshot()
    return meters.Snapshot(
        skill_intercepts={key: float(value) for key, value in row.skill_intercepts.items()},
        item_offsets={key: float(value) for key, value in row.item_offsets.items()},
    )
