"""Reads records as they are now, many of a kind at a time, as the rows that the write statements take.

Each function takes a session on one snapshot and keys as sync_state has them, and returns a `Write` for
every record that the graph should hold; a key that is left out has no place in the graph (any more).
They read columns and no entities: in a bulk, making objects took longer than all the rest of the reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Enum, String, and_, case, exists, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import PrerequisiteStatus, ResourceKind, Role, UtcDateTime
from sql.sets import among


@dataclass(frozen=True, slots=True)
class Write:
    """One row for one write statement; `key`, `record` and `version` are added when it is sent."""

    statement: str
    row: dict[str, Any]


def iso(moment: datetime | str | None) -> str | None:
    """Return UTC as ISO text; Cypher's datetime() makes a DateTime of it on every engine.

    A text is a moment as SQLite keeps it: in UTC, with six digits after the second.
    """
    if moment is None:
        return None
    if isinstance(moment, str):
        return moment.replace(" ", "T").replace(".000000", "") + "Z"
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parts(key: str) -> list[str]:
    """Return the parts of a natural key."""
    return key.split(":")


def _columns(model: type[models.Base]) -> Any:
    return model.__table__.c


def _plain(column: Any) -> ColumnElement[Any]:
    """Select a moment or an enum as the database keeps it, without a Python object for it."""
    return type_coerce(column, String) if isinstance(column.type, Enum | UtcDateTime) else column


_USER = _columns(models.User)
_COURSE = _columns(models.Course)
_CHAPTER = _columns(models.Chapter)
_THEORY = _columns(models.Theory)
_SKILL = _columns(models.Skill)
_RESOURCE = _columns(models.Resource)
_CONCEPT = _columns(models.Concept)
_ENROLLMENT = _columns(models.Enrollment)
_PREREQUISITE = _columns(models.SkillPrerequisite)
_MENTION = _columns(models.ConceptMention)
_RELATION = _columns(models.ConceptRelation)
_METADATA = _columns(models.Metadata)
_MASTERY = _columns(models.Mastery)
_ASSESSMENT = _columns(models.Assessment)
_TIMES = ("created_at", "updated_at")


async def _read(
    session: AsyncSession,
    table: Any,
    condition: ColumnElement[bool],
    fields: Sequence[str],
    properties: Sequence[str],
    times: Sequence[str] = (),
    **instead: ColumnElement[Any],
) -> list[dict[str, Any]]:
    """Return {field, ..., time, ..., "properties": {...}} of every row of a table that meets a condition.

    `instead` has what is read in place of a column.
    """
    names = (*times, *fields, *properties)
    columns = (instead[name] if name in instead else _plain(table[name]) for name in names)
    question = select(*columns).where(condition)
    first, second = len(times), len(times) + len(fields)
    read = []
    for row in await session.execute(question):
        made = dict(zip(fields, row[first:second], strict=True))
        made["properties"] = dict(zip(properties, row[second:], strict=True))
        for name, moment in zip(times, row, strict=False):
            made[name] = iso(moment)
        read.append(made)
    return read


def _of_student(table: Any) -> ColumnElement[bool]:
    # Only students have a place in the graph for what is theirs.
    return exists().where(_USER.id == table.student_id, _USER.role == Role.STUDENT)


def _ints(keys: Iterable[str]) -> list[int]:
    return [int(key) for key in keys]


def _pairs(keys: Iterable[str]) -> list[tuple[Any, ...]]:
    return [tuple(parts(key)) for key in keys]


async def users(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read users; administrators have no place in the graph, and e-mail addresses never do."""
    found = await _read(
        session, _USER, among(_USER.id, _ints(keys)), ("id", "role"), ("first_name", "last_name"), _TIMES
    )
    statements = {Role.STUDENT.value: "upsert_students", Role.TEACHER.value: "upsert_teachers"}
    return {
        str(row["id"]): Write(statements[role], row)
        for row in found
        if (role := row.pop("role")) in statements
    }


async def courses(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read courses with their teacher, who counts only while being a teacher."""
    teaches = exists().where(_USER.id == _COURSE.teacher_id, _USER.role == Role.TEACHER)
    found = await _read(
        session,
        _COURSE,
        among(_COURSE.id, _ints(keys)),
        ("id", "teacher_id"),
        ("title", "description", "extraction_status", "publication_status", "level", "archived_at"),
        _TIMES,
        teacher_id=case((teaches, _COURSE.teacher_id)),
    )
    for row in found:
        row["properties"]["archived"] = row["properties"].pop("archived_at") is not None
    return {str(row["id"]): Write("upsert_classes", row) for row in found}


async def _nodes(
    session: AsyncSession,
    statement: str,
    table: Any,
    keys: Sequence[str],
    fields: Sequence[str],
    properties: Sequence[str],
) -> dict[str, Write]:
    found = await _read(session, table, among(table.id, keys), fields, properties, _TIMES)
    return {row["id"]: Write(statement, row) for row in found}


async def chapters(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read chapters."""
    fields, properties = ("id", "course_id", "order"), ("name", "description", "course_id")
    return await _nodes(session, "upsert_chapters", _CHAPTER, keys, fields, properties)


async def theories(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read theories."""
    fields, properties = ("id", "chapter_id", "order"), ("name", "summary", "course_id")
    return await _nodes(session, "upsert_theories", _THEORY, keys, fields, properties)


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


async def _sequences(
    session: AsyncSession, statement: str, owner: Any, owner_of: Any, member: Any, ids: Sequence[Any]
) -> dict[str, Write]:
    owners = await session.scalars(select(owner.id).where(among(owner.id, ids)))
    members: dict[int | str, list[str]] = {id_: [] for id_ in owners}
    for owner_id, id_ in await session.execute(
        select(owner_of, member.id).where(among(owner_of, ids)).order_by(owner_of, member.order, member.id)
    ):
        members[owner_id].append(id_)
    return {str(id_): _sequence(statement, id_, of) for id_, of in members.items()}


async def chapter_sequences(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read the chapters of courses in their order."""
    ids = _ints(keys)
    return await _sequences(session, "rewrite_chapter_sequences", _COURSE, _CHAPTER.course_id, _CHAPTER, ids)


async def theory_sequences(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read the theories of chapters in their order."""
    return await _sequences(session, "rewrite_theory_sequences", _CHAPTER, _THEORY.chapter_id, _THEORY, keys)


async def _links(
    session: AsyncSession, model: type[models.Base], owner: str, other: str, keys: Sequence[str]
) -> dict[str, list[str]]:
    table = _columns(model)
    links: dict[str, list[str]] = {key: [] for key in keys}
    for owner_id, other_id in await session.execute(
        select(table[owner], table[other]).where(among(table[owner], keys))
    ):
        links[owner_id].append(other_id)
    for ids in links.values():
        ids.sort()
    return links


async def skills(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read skills with their whole sets of theories and concepts."""
    found = await _read(
        session, _SKILL, among(_SKILL.id, keys), ("id",), ("name", "description", "course_id"), _TIMES
    )
    theory_ids = await _links(session, models.SkillTheory, "skill_id", "theory_id", keys)
    concept_ids = await _links(session, models.SkillConcept, "skill_id", "concept_id", keys)
    for row in found:
        row["theory_ids"], row["concept_ids"] = theory_ids[row["id"]], concept_ids[row["id"]]
    return {row["id"]: Write("upsert_skills", row) for row in found}


async def resources(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read readings and videos with their whole sets of theories and concepts."""
    found = await _read(
        session,
        _RESOURCE,
        among(_RESOURCE.id, keys),
        ("id", "kind"),
        ("title", "url", "course_id"),
        _TIMES,
    )
    theory_ids = await _links(session, models.ResourceTheory, "resource_id", "theory_id", keys)
    concept_ids = await _links(session, models.ResourceConcept, "resource_id", "concept_id", keys)
    statements = {ResourceKind.READING.value: "upsert_readings", ResourceKind.VIDEO.value: "upsert_videos"}
    for row in found:
        row["theory_ids"], row["concept_ids"] = theory_ids[row["id"]], concept_ids[row["id"]]
    return {row["id"]: Write(statements[row.pop("kind")], row) for row in found}


async def concepts(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read concepts."""
    properties = ("name", "key", "course_id", "definition", "text_evidence", "aliases")
    return await _nodes(session, "upsert_concepts", _CONCEPT, keys, ("id",), properties)


async def enrollments(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read enrollments of users who are students now."""
    table = _ENROLLMENT
    pairs = [(int(course), int(student)) for course, student in _pairs(keys)]
    condition = and_(_of_student(table), among((table.course_id, table.student_id), pairs))
    found = await _read(session, table, condition, ("course_id", "student_id"), (), ("enrolled_at",))
    writes = {}
    for row in found:
        row["start_id"], row["end_id"] = row.pop("student_id"), row.pop("course_id")
        writes[f"{row['end_id']}:{row['start_id']}"] = Write("upsert_enrollments", row)
    return writes


def _edges(statement: str, found: list[dict[str, Any]], start: str, end: str) -> dict[str, Write]:
    writes = {}
    for row in found:
        row["start_id"], row["end_id"] = row.pop(start), row.pop(end)
        writes[f"{row['start_id']}:{row['end_id']}"] = Write(statement, row)
    return writes


async def skill_prerequisites(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read approved prerequisites; proposed and rejected ones have no place in the graph."""
    table = _PREREQUISITE
    condition = and_(
        table.status == PrerequisiteStatus.APPROVED,
        among((table.prerequisite_id, table.dependent_id), _pairs(keys)),
    )
    ends = ("prerequisite_id", "dependent_id")
    found = await _read(session, table, condition, ends, ("reason", "strength", "origin"))
    return _edges("upsert_skill_prerequisites", found, *ends)


async def concept_mentions(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read what theories say of concepts."""
    table, ends = _MENTION, ("theory_id", "concept_id")
    condition = among((table.theory_id, table.concept_id), _pairs(keys))
    found = await _read(session, table, condition, ends, ("definition", "text_evidence", "source_document"))
    return _edges("upsert_concept_mentions", found, *ends)


async def concept_relations(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read relations between concepts."""
    table = _RELATION
    found = await _read(
        session,
        table,
        among((table.source_id, table.type, table.target_id), _pairs(keys)),
        ("source_id", "type", "target_id"),
        ("reason", "origin"),
    )
    writes = {}
    for row in found:
        row["start_id"], row["end_id"] = row.pop("source_id"), row.pop("target_id")
        key = f"{row['start_id']}:{row['type']}:{row['end_id']}"
        writes[key] = Write("upsert_concept_relations", row)
    return writes


async def metadata(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read profile entries of users who are students now."""
    condition = and_(_of_student(_METADATA), among(_METADATA.id, keys))
    found = await _read(
        session, _METADATA, condition, ("id", "student_id"), ("key", "value"), ("updated_at",)
    )
    return {row["id"]: Write("upsert_metadata", row) for row in found}


async def masteries(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read masteries of users who are students now."""
    table, ends = _MASTERY, ("student_id", "skill_id")
    pairs = [(int(student), skill) for student, skill in _pairs(keys)]
    found = await _read(
        session,
        table,
        and_(_of_student(table), among((table.student_id, table.skill_id), pairs)),
        ends,
        (
            "current_mastery",
            "confidence",
            "predicted_next",
            "trend",
            "num_assessments",
            "mastery_category",
        ),
        ("assessed_at",),
    )
    for row in found:
        row["updated_at"] = row.pop("assessed_at")
    return _edges("upsert_masteries", found, *ends)


async def progress(session: AsyncSession, keys: Sequence[str]) -> dict[str, Write]:
    """Read assessments that count: not retracted, of users who are students now."""
    table = _ASSESSMENT
    found = await _read(
        session,
        table,
        and_(_of_student(table), table.retracted_at.is_(None), among(table.id, keys)),
        ("id", "student_id", "skill_id"),
        ("score", "mastery_after"),
        ("assessed_at", "recorded_at"),
    )
    for row in found:
        row["properties"]["correct"] = row["properties"]["score"] >= 0.5
    return {row["id"]: Write("upsert_progress", row) for row in found}
