"""Reads records as they are now, many of a kind at a time, as the rows that the write statements take.

Each function takes a session on one snapshot and keys as sync_state has them, and returns a `Write` for
every record that the graph should hold; a key that is left out has no place in the graph (any more).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from sql.models import (
    Assessment,
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    Course,
    Enrollment,
    Mastery,
    Metadata,
    PrerequisiteStatus,
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


@dataclass(frozen=True, slots=True)
class Write:
    """One row for one write statement; `key`, `record` and `version` are added when it is sent."""

    statement: str
    row: dict[str, Any]


def iso(moment: datetime | None) -> str | None:
    """Return UTC as ISO text; Cypher's datetime() makes a DateTime of it on every engine."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parts(key: str) -> list[str]:
    """Return the parts of a natural key."""
    return key.split(":")


def _times(row: Any) -> dict[str, Any]:
    return {"created_at": iso(row.created_at), "updated_at": iso(row.updated_at)}


async def users(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read users; administrators have no place in the graph, and e-mail addresses never do."""
    found = await session.scalars(select(User).where(User.id.in_([int(key) for key in keys])))
    statements = {Role.STUDENT: "upsert_students", Role.TEACHER: "upsert_teachers"}
    return {
        str(user.id): Write(
            statements[user.role],
            {
                "id": user.id,
                "properties": {"first_name": user.first_name, "last_name": user.last_name},
                **_times(user),
            },
        )
        for user in found
        if user.role in statements
    }


async def courses(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read courses with their teacher, who counts only while being a teacher."""
    found = await session.execute(
        select(Course, User.role)
        .join(User, User.id == Course.teacher_id)
        .where(Course.id.in_([int(key) for key in keys]))
    )
    return {
        str(course.id): Write(
            "upsert_classes",
            {
                "id": course.id,
                "teacher_id": course.teacher_id if role is Role.TEACHER else None,
                "properties": {
                    "title": course.title,
                    "description": course.description,
                    "extraction_status": course.extraction_status.value,
                    "publication_status": course.publication_status.value,
                    "level": course.level.value,
                    "archived": course.archived_at is not None,
                },
                **_times(course),
            },
        )
        for course, role in found
    }


async def chapters(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read chapters."""
    found = await session.scalars(select(Chapter).where(Chapter.id.in_(keys)))
    return {
        chapter.id: Write(
            "upsert_chapters",
            {
                "id": chapter.id,
                "course_id": chapter.course_id,
                "order": chapter.order,
                "properties": {
                    "name": chapter.name,
                    "description": chapter.description,
                    "course_id": chapter.course_id,
                },
                **_times(chapter),
            },
        )
        for chapter in found
    }


async def theories(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read theories."""
    found = await session.scalars(select(Theory).where(Theory.id.in_(keys)))
    return {
        theory.id: Write(
            "upsert_theories",
            {
                "id": theory.id,
                "chapter_id": theory.chapter_id,
                "order": theory.order,
                "properties": {
                    "name": theory.name,
                    "summary": theory.summary,
                    "course_id": theory.course_id,
                },
                **_times(theory),
            },
        )
        for theory in found
    }


def _sequence(statement: str, owner_id: int | str, member_ids: list[str]) -> Write:
    members: list[dict[str, Any]] = [{"id": id_, "order": order} for order, id_ in enumerate(member_ids)]
    return Write(
        statement,
        {
            "owner_id": owner_id,
            "size": len(member_ids),
            # The null at the end keeps the row of an empty list through UNWIND.
            "members": [*members, {"id": None, "order": len(member_ids)}],
        },
    )


async def chapter_sequences(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read the chapters of courses in their order."""
    ids = [int(key) for key in keys]
    members: dict[int, list[str]] = {
        id_: [] for id_ in await session.scalars(select(Course.id).where(Course.id.in_(ids)))
    }
    for course_id, id_ in await session.execute(
        select(Chapter.course_id, Chapter.id)
        .where(Chapter.course_id.in_(ids))
        .order_by(Chapter.course_id, Chapter.order, Chapter.id)
    ):
        members[course_id].append(id_)
    return {
        str(owner): _sequence("rewrite_chapter_sequences", owner, members_of)
        for owner, members_of in members.items()
    }


async def theory_sequences(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read the theories of chapters in their order."""
    members: dict[str, list[str]] = {
        id_: [] for id_ in await session.scalars(select(Chapter.id).where(Chapter.id.in_(keys)))
    }
    for chapter_id, id_ in await session.execute(
        select(Theory.chapter_id, Theory.id)
        .where(Theory.chapter_id.in_(keys))
        .order_by(Theory.chapter_id, Theory.order, Theory.id)
    ):
        members[chapter_id].append(id_)
    return {owner: _sequence("rewrite_theory_sequences", owner, ids) for owner, ids in members.items()}


async def _links(session: AsyncSession, owner: Any, other: Any, keys: Sequence[str]) -> dict[str, list[str]]:
    links: dict[str, list[str]] = {key: [] for key in keys}
    for owner_id, other_id in await session.execute(select(owner, other).where(owner.in_(keys))):
        links[owner_id].append(other_id)
    for ids in links.values():
        ids.sort()
    return links


def _linked(theory_ids: list[str], concept_ids: list[str]) -> dict[str, Any]:
    return {"theory_ids": theory_ids, "concept_ids": concept_ids}


async def skills(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read skills with their whole sets of theories and concepts."""
    found = await session.scalars(select(Skill).where(Skill.id.in_(keys)))
    theory_ids = await _links(session, SkillTheory.skill_id, SkillTheory.theory_id, keys)
    concept_ids = await _links(session, SkillConcept.skill_id, SkillConcept.concept_id, keys)
    return {
        skill.id: Write(
            "upsert_skills",
            {
                "id": skill.id,
                "properties": {
                    "name": skill.name,
                    "description": skill.description,
                    "course_id": skill.course_id,
                },
                **_linked(theory_ids[skill.id], concept_ids[skill.id]),
                **_times(skill),
            },
        )
        for skill in found
    }


async def resources(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read readings and videos with their whole sets of theories and concepts."""
    found = await session.scalars(select(Resource).where(Resource.id.in_(keys)))
    theory_ids = await _links(session, ResourceTheory.resource_id, ResourceTheory.theory_id, keys)
    concept_ids = await _links(session, ResourceConcept.resource_id, ResourceConcept.concept_id, keys)
    statements = {ResourceKind.READING: "upsert_readings", ResourceKind.VIDEO: "upsert_videos"}
    return {
        resource.id: Write(
            statements[resource.kind],
            {
                "id": resource.id,
                "properties": {
                    "title": resource.title,
                    "url": resource.url,
                    "course_id": resource.course_id,
                },
                **_linked(theory_ids[resource.id], concept_ids[resource.id]),
                **_times(resource),
            },
        )
        for resource in found
    }


async def concepts(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read concepts."""
    found = await session.scalars(select(Concept).where(Concept.id.in_(keys)))
    return {
        concept.id: Write(
            "upsert_concepts",
            {
                "id": concept.id,
                "properties": {
                    "name": concept.name,
                    "key": concept.key,
                    "course_id": concept.course_id,
                    "definition": concept.definition,
                    "text_evidence": concept.text_evidence,
                    "aliases": list(concept.aliases),
                },
                **_times(concept),
            },
        )
        for concept in found
    }


def _pairs(keys: Iterable[str], *, ints: bool = False) -> list[tuple[Any, ...]]:
    return [tuple(int(part) for part in parts(key)) if ints else tuple(parts(key)) for key in keys]


async def enrollments(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read enrollments of users who are students now."""
    found = await session.scalars(
        select(Enrollment)
        .join(User, User.id == Enrollment.student_id)
        .where(
            User.role == Role.STUDENT,
            tuple_(Enrollment.course_id, Enrollment.student_id).in_(_pairs(keys, ints=True)),
        )
    )
    return {
        f"{row.course_id}:{row.student_id}": Write(
            "upsert_enrollments",
            {
                "start_id": row.student_id,
                "end_id": row.course_id,
                "properties": {},
                "enrolled_at": iso(row.enrolled_at),
            },
        )
        for row in found
    }


async def skill_prerequisites(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read approved prerequisites; proposed and rejected ones have no place in the graph."""
    table = SkillPrerequisite
    found = await session.scalars(
        select(table).where(
            table.status == PrerequisiteStatus.APPROVED,
            tuple_(table.prerequisite_id, table.dependent_id).in_(_pairs(keys)),
        )
    )
    return {
        f"{row.prerequisite_id}:{row.dependent_id}": Write(
            "upsert_skill_prerequisites",
            {
                "start_id": row.prerequisite_id,
                "end_id": row.dependent_id,
                "properties": {"reason": row.reason, "strength": row.strength, "origin": row.origin.value},
            },
        )
        for row in found
    }


async def concept_mentions(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read what theories say of concepts."""
    table = ConceptMention
    found = await session.scalars(
        select(table).where(tuple_(table.theory_id, table.concept_id).in_(_pairs(keys)))
    )
    return {
        f"{row.theory_id}:{row.concept_id}": Write(
            "upsert_concept_mentions",
            {
                "start_id": row.theory_id,
                "end_id": row.concept_id,
                "properties": {
                    "definition": row.definition,
                    "text_evidence": row.text_evidence,
                    "source_document": row.source_document,
                },
            },
        )
        for row in found
    }


async def concept_relations(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read relations between concepts."""
    table = ConceptRelation
    # By the two ends and then by type: the type is an enum, which a tuple of texts would not convert.
    ends = {(source, target) for source, _, target in _pairs(keys)}
    wanted = set(keys)
    found = await session.scalars(
        select(table).where(tuple_(table.source_id, table.target_id).in_(list(ends)))
    )
    writes: dict[str, Write] = {}
    for row in found:
        key = f"{row.source_id}:{row.type.value}:{row.target_id}"
        if key in wanted:
            writes[key] = Write(
                "upsert_concept_relations",
                {
                    "start_id": row.source_id,
                    "end_id": row.target_id,
                    "type": row.type.value,
                    "properties": {"reason": row.reason, "origin": row.origin.value},
                },
            )
    return writes


async def metadata(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read profile entries of users who are students now."""
    found = await session.scalars(
        select(Metadata)
        .join(User, User.id == Metadata.student_id)
        .where(User.role == Role.STUDENT, Metadata.id.in_(keys))
    )
    return {
        row.id: Write(
            "upsert_metadata",
            {
                "id": row.id,
                "student_id": row.student_id,
                "properties": {"key": row.key, "value": row.value},
                "updated_at": iso(row.updated_at),
            },
        )
        for row in found
    }


async def masteries(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read masteries of users who are students now."""
    pairs = [(int(student), skill) for student, skill in _pairs(keys)]
    found = await session.scalars(
        select(Mastery)
        .join(User, User.id == Mastery.student_id)
        .where(User.role == Role.STUDENT, tuple_(Mastery.student_id, Mastery.skill_id).in_(pairs))
    )
    return {
        f"{row.student_id}:{row.skill_id}": Write(
            "upsert_masteries",
            {
                "start_id": row.student_id,
                "end_id": row.skill_id,
                "properties": {
                    "current_mastery": row.current_mastery,
                    "confidence": row.confidence,
                    "predicted_next": row.predicted_next,
                    "trend": None if row.trend is None else row.trend.value,
                    "num_assessments": row.num_assessments,
                    "mastery_category": row.mastery_category.value,
                },
                "updated_at": iso(row.assessed_at),
            },
        )
        for row in found
    }


async def progress(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read assessments that count: not retracted, of users who are students now."""
    found = await session.scalars(
        select(Assessment)
        .join(User, User.id == Assessment.student_id)
        .where(User.role == Role.STUDENT, Assessment.retracted_at.is_(None), Assessment.id.in_(keys))
    )
    return {
        row.id: Write(
            "upsert_progress",
            {
                "id": row.id,
                "student_id": row.student_id,
                "skill_id": row.skill_id,
                "properties": {
                    "score": row.score,
                    "correct": row.score >= 0.5,
                    "mastery_after": row.mastery_after,
                },
                "assessed_at": iso(row.assessed_at),
                "recorded_at": iso(row.recorded_at),
            },
        )
        for row in found
    }
