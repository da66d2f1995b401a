"""Rows for the tests of the mirror, written with the models and recorded as the sql room does it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from mirror.worker import MirrorConfig
from sql import sync_state
from sql.keys import name_key
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
    MasteryCategory,
    MasteryTrend,
    Metadata,
    Resource,
    ResourceConcept,
    ResourceKind,
    ResourceTheory,
    Role,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    Theory,
    User,
)

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)

# Pauses are short; what a slow machine may take is long.
FAST = MirrorConfig(
    poll_seconds=0.05,
    missing_end_seconds=0.05,
    outage_cap_seconds=0.3,
    doubtful_attempts=1,
    write_deadline_seconds=120.0,
    lease_seconds=240.0,
    probe_seconds=120.0,
)

TEACHER, STUDENT, COURSE = 1, 2, 1


def uid(number: int) -> str:
    """Return a readable uuid."""
    return f"00000000-0000-4000-8000-{number:012d}"


CHAPTER_1, CHAPTER_2, CHAPTER_3 = uid(11), uid(12), uid(13)
THEORY_1, THEORY_2 = uid(21), uid(22)
SKILL_1, SKILL_2 = uid(31), uid(32)
CONCEPT_1, CONCEPT_2 = uid(41), uid(42)
READING, VIDEO = uid(51), uid(52)
METADATA, PROGRESS = uid(61), uid(71)


def user(id_: int, role: Role) -> User:
    return User(id=id_, email=f"u{id_}@example.org", first_name=f"First{id_}", last_name="Last", role=role)


def concept(id_: str, name: str) -> Concept:
    return Concept(id=id_, course_id=COURSE, name=name, key=name_key(name), aliases=[f"{name} alias"])


async def put(session: AsyncSession, kind: Kind, key: object, *rows: Any) -> None:
    """Add rows and record one change."""
    for row in rows:
        session.add(row)
        await session.flush()
    await sync_state.record(session, kind, key)


async def remove(session: AsyncSession, kind: Kind, key: object, row: Any) -> None:
    """Delete a row and record it."""
    await session.delete(row)
    await session.flush()
    await sync_state.record(session, kind, key, deleted=True)


async def build(session: AsyncSession) -> None:
    """Make one record of every kind at least."""
    await put(session, Kind.USER, TEACHER, user(TEACHER, Role.TEACHER))
    await put(session, Kind.USER, STUDENT, user(STUDENT, Role.STUDENT))
    await put(
        session, Kind.COURSE, COURSE, Course(id=COURSE, teacher_id=TEACHER, title="Graphs", description="d")
    )
    for order, id_ in enumerate((CHAPTER_1, CHAPTER_2, CHAPTER_3)):
        row = Chapter(id=id_, course_id=COURSE, name=f"Chapter {order}", order=order)
        await put(session, Kind.CHAPTER, id_, row)
    await sync_state.record(session, Kind.CHAPTER_SEQUENCE, COURSE)
    for order, id_ in enumerate((THEORY_1, THEORY_2)):
        theory = Theory(id=id_, course_id=COURSE, chapter_id=CHAPTER_1, name=f"Theory {order}", order=order)
        await put(session, Kind.THEORY, id_, theory)
    for chapter in (CHAPTER_1, CHAPTER_2, CHAPTER_3):
        await sync_state.record(session, Kind.THEORY_SEQUENCE, chapter)
    for id_, name in ((CONCEPT_1, "Straße"), (CONCEPT_2, "Tree")):
        await put(session, Kind.CONCEPT, id_, concept(id_, name))
    await put(
        session,
        Kind.SKILL,
        SKILL_1,
        Skill(id=SKILL_1, course_id=COURSE, name="Walk", name_key="walk", description="how"),
        SkillTheory(skill_id=SKILL_1, theory_id=THEORY_1),
        SkillTheory(skill_id=SKILL_1, theory_id=THEORY_2),
        SkillConcept(skill_id=SKILL_1, concept_id=CONCEPT_1),
    )
    await put(session, Kind.SKILL, SKILL_2, Skill(id=SKILL_2, course_id=COURSE, name="Run", name_key="run"))
    await put(
        session,
        Kind.SKILL_PREREQUISITE,
        f"{SKILL_1}:{SKILL_2}",
        SkillPrerequisite(
            prerequisite_id=SKILL_1, dependent_id=SKILL_2, course_id=COURSE, reason="first walk", strength=0.5
        ),
    )
    await put(
        session,
        Kind.CONCEPT_MENTION,
        f"{THEORY_1}:{CONCEPT_1}",
        ConceptMention(theory_id=THEORY_1, concept_id=CONCEPT_1, definition="a road"),
    )
    await put(
        session,
        Kind.CONCEPT_RELATION,
        f"{CONCEPT_1}:PART_OF:{CONCEPT_2}",
        ConceptRelation(
            source_id=CONCEPT_1, type=ConceptRelationType.PART_OF, target_id=CONCEPT_2, course_id=COURSE
        ),
    )
    for id_, kind in ((READING, ResourceKind.READING), (VIDEO, ResourceKind.VIDEO)):
        await put(
            session,
            Kind.RESOURCE,
            id_,
            Resource(
                id=id_, course_id=COURSE, kind=kind, title=kind.value, url=f"https://example.org/{kind}"
            ),
            ResourceTheory(resource_id=id_, theory_id=THEORY_1),
            ResourceConcept(resource_id=id_, concept_id=CONCEPT_2),
        )
    await put(
        session,
        Kind.ENROLLMENT,
        f"{COURSE}:{STUDENT}",
        Enrollment(course_id=COURSE, student_id=STUDENT, enrolled_at=MOMENT),
    )
    await put(
        session, Kind.METADATA, METADATA, Metadata(id=METADATA, student_id=STUDENT, key="pace", value="slow")
    )
    await put(session, Kind.MASTERY, f"{STUDENT}:{SKILL_1}", mastery())
    await put(session, Kind.PROGRESS, PROGRESS, assessment())


def mastery() -> Mastery:
    return Mastery(
        student_id=STUDENT,
        skill_id=SKILL_1,
        course_id=COURSE,
        current_mastery=0.6,
        confidence=0.3,
        predicted_next=0.65,
        trend=MasteryTrend.STABLE,
        num_assessments=1,
        mastery_category=MasteryCategory.DEVELOPING,
        assessed_at=MOMENT,
    )


def assessment() -> Assessment:
    return Assessment(
        id=PROGRESS,
        course_id=COURSE,
        student_id=STUDENT,
        skill_id=SKILL_1,
        score=0.5,
        idempotency_key="k1",
        assessed_at=MOMENT,
        recorded_at=MOMENT,
        mastery_after=0.6,
    )
