"""Reading courses: who sees which, lists, counts, and which course a record belongs to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import Course, Enrollment, Kind, PublicationStatus, Role
from sql.pages import Page, Slice, Sort, paginate
from sql.points import Columns, Point, columns_of, only, record
from sql.scopes import key_of
from sql.search import matches
from sql.session import Database


def visible(viewer_id: int, viewer_role: Role) -> ColumnElement[bool]:
    """Return the condition for courses that somebody may see: published live ones, own and joined ones."""
    if viewer_role is Role.ADMIN:
        return Course.id.is_not(None)
    return or_(
        and_(Course.publication_status == PublicationStatus.PUBLISHED, Course.archived_at.is_(None)),
        Course.teacher_id == viewer_id,
        _has_joined(viewer_id),
    )


def _has_joined(viewer_id: int) -> ColumnElement[bool]:
    # Correlated to the course alone: the statement around it may read enrollments too.
    return (
        exists()
        .where(Enrollment.course_id == Course.id, Enrollment.student_id == viewer_id)
        .correlate(Course)
    )


async def courses_by_ids(
    session: AsyncSession, ids: Iterable[int], columns: Columns = None
) -> dict[int, Course]:
    """Return courses by id, whoever asks."""
    rows = await session.scalars(
        select(Course).where(Course.id.in_(list(ids))).options(*only(Course, columns))
    )
    return {course.id: course for course in rows}


async def visible_courses(
    session: AsyncSession, ids: Iterable[int], *, viewer_id: int, viewer_role: Role
) -> dict[int, Course]:
    """Return the courses among some ids that somebody may see."""
    rows = await session.scalars(
        select(Course).where(Course.id.in_(list(ids)), visible(viewer_id, viewer_role))
    )
    return {course.id: course for course in rows}


async def visible_course(
    database: Database, course_id: int, *, viewer_id: int, viewer_role: Role
) -> Course | None:
    """Return one of them as it is committed now, belonging to no session; None where there is none to see."""
    is_admin = viewer_role is Role.ADMIN
    values = {"course_id": course_id} if is_admin else {"course_id": course_id, "viewer_id": viewer_id}
    rows = await database.fetch(_course_point(is_admin), **values)
    return record(Course, rows[0]) if rows else None


@functools.cache
def _course_point(is_admin: bool) -> Point:
    viewer: Any = bindparam("viewer_id", type_=Course.teacher_id.type)
    return Point(
        select(*columns_of(Course)).where(
            Course.id == bindparam("course_id", type_=Course.id.type),
            visible(viewer, Role.ADMIN if is_admin else Role.STUDENT),
        )
    )


async def list_courses(
    session: AsyncSession,
    *,
    viewer_id: int,
    viewer_role: Role,
    page: Page,
    teacher_id: int | None = None,
    search: str | None = None,
    viewer_part: str | None = None,
    level: models.CourseLevel | None = None,
    publication_status: PublicationStatus | None = None,
    archived: bool = False,
    order: str = "TITLE",
    with_total: bool = False,
    columns: Columns = None,
) -> Slice:
    """Return a page of the courses that somebody may see. `viewer_part`: TEACHING, ENROLLED or JOINABLE."""
    statement: Select[*tuple[Any, ...]] = select(Course).where(
        visible(viewer_id, viewer_role),
        Course.archived_at.is_not(None) if archived else Course.archived_at.is_(None),
    )
    if teacher_id is not None:
        statement = statement.where(Course.teacher_id == teacher_id)
    statement = statement.where(*matches(search, Course.title))
    enrolled = _has_joined(viewer_id)
    if viewer_part == "TEACHING":
        statement = statement.where(Course.teacher_id == viewer_id)
    elif viewer_part == "ENROLLED":
        statement = statement.where(enrolled)
    elif viewer_part == "JOINABLE":
        joinable = Course.publication_status == PublicationStatus.PUBLISHED
        statement = statement.where(
            joinable if viewer_role is Role.STUDENT else false(), Course.archived_at.is_(None), ~enrolled
        )
    if level is not None:
        statement = statement.where(Course.level == level)
    if publication_status is not None:
        statement = statement.where(Course.publication_status == publication_status)
    sorts = (
        [Sort(Course.created_at, descending=True), Sort(Course.id, descending=True)]
        if order == "NEWEST"
        else [Sort(Course.title), Sort(Course.id)]
    )
    return await paginate(session, statement, sorts, page, with_total=with_total, columns=columns)


async def _counts(session: AsyncSession, column: Any, ids: Sequence[int]) -> dict[int, int]:
    rows = await session.execute(select(column, func.count()).where(column.in_(ids)).group_by(column))
    return {key: number for key, number in rows}


async def student_counts(session: AsyncSession, course_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of enrolled students by course; courses without any are left out."""
    return await _counts(session, Enrollment.course_id, course_ids)


async def chapter_counts(session: AsyncSession, course_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of chapters by course; courses without any are left out."""
    return await _counts(session, models.Chapter.course_id, course_ids)


async def viewer_enrollments(
    session: AsyncSession, student_id: int, course_ids: Sequence[int]
) -> dict[int, Enrollment]:
    """Return somebody's own enrollments by course."""
    rows = await session.scalars(
        select(Enrollment).where(Enrollment.student_id == student_id, Enrollment.course_id.in_(course_ids))
    )
    return {enrollment.course_id: enrollment for enrollment in rows}


async def taught_course_ids(session: AsyncSession, teacher_id: int) -> list[int]:
    """Return the ids of the courses that somebody teaches."""
    return list(
        await session.scalars(select(Course.id).where(Course.teacher_id == teacher_id).order_by(Course.id))
    )


# Kind -> (columns of the key, column of the course, what to join for it).
_CURRICULUM: dict[Kind, tuple[tuple[Any, ...], Any, tuple[Any, Any] | None]] = {
    Kind.CHAPTER: ((models.Chapter.id,), models.Chapter.course_id, None),
    Kind.THEORY: ((models.Theory.id,), models.Theory.course_id, None),
    Kind.SKILL: ((models.Skill.id,), models.Skill.course_id, None),
    Kind.CONCEPT: ((models.Concept.id,), models.Concept.course_id, None),
    Kind.RESOURCE: ((models.Resource.id,), models.Resource.course_id, None),
    Kind.SKILL_PREREQUISITE: (
        (models.SkillPrerequisite.prerequisite_id, models.SkillPrerequisite.dependent_id),
        models.SkillPrerequisite.course_id,
        None,
    ),
    Kind.CONCEPT_RELATION: (
        (models.ConceptRelation.source_id, models.ConceptRelation.type, models.ConceptRelation.target_id),
        models.ConceptRelation.course_id,
        None,
    ),
    Kind.CONCEPT_MENTION: (
        (models.ConceptMention.theory_id, models.ConceptMention.concept_id),
        models.Theory.course_id,
        (models.Theory, models.Theory.id == models.ConceptMention.theory_id),
    ),
}


# Who sees one is not a question of seeing the course: kept apart from what visible_keys answers.
_WITH_EVIDENCE = _CURRICULUM | {Kind.PROGRESS: ((models.Assessment.id,), models.Assessment.course_id, None)}


def _keyed(kind: Kind, keys: Iterable[Any]) -> tuple[Select[*tuple[Any, ...]], int]:
    """Return a statement of (key columns, course id) for some keys of a kind, and the number of key columns."""
    columns, course_column, joined = _WITH_EVIDENCE[kind]
    statement = select(*columns, course_column)
    if joined is not None:
        statement = statement.select_from(columns[0].class_).join(*joined)
    wanted = list(keys)
    if len(columns) == 1:
        return statement.where(columns[0].in_(wanted)), 1
    # A short list of pairs: OR is understood by both databases and keeps the column types.
    each = [and_(*(column == part for column, part in zip(columns, key, strict=True))) for key in wanted]
    return statement.where(or_(false(), *each)), len(columns)


def _key(row: Any, count: int) -> Any:
    parts = tuple(
        part.value if isinstance(part, models.ConceptRelationType) else part for part in row[:count]
    )
    return parts[0] if count == 1 else parts


async def course_of(session: AsyncSession, kind: Kind, keys: Iterable[Any]) -> dict[Any, int]:
    """Return the course of each record of the curriculum or the evidence, by key (a text, or its parts)."""
    statement, count = _keyed(kind, keys)
    return {_key(row, count): row[count] for row in await session.execute(statement)}


async def visible_keys(
    session: AsyncSession, kind: Kind, keys: Iterable[Any], *, viewer_id: int, viewer_role: Role
) -> set[Any]:
    """Return which keys of a curriculum kind exist and belong to a course that somebody may see."""
    statement, count = _keyed(kind, keys)
    statement = statement.join(Course, Course.id == _CURRICULUM[kind][1]).where(
        visible(viewer_id, viewer_role)
    )
    return {_key(row, count) for row in await session.execute(statement)}


_Points = dict[tuple[Kind, bool], Point]
_points: _Points = {}


def _visible_point(kind: Kind, is_admin: bool) -> Point:
    """Return the statement that finds one record by its key where somebody may see its course."""
    found = _points.get((kind, is_admin))
    if found is None:
        columns, course_column, joined = (
            ((Course.id,), Course.id, None) if kind is Kind.COURSE else _CURRICULUM[kind]
        )
        statement = select(*columns)
        if joined is not None:
            statement = statement.select_from(columns[0].class_).join(*joined)
        if kind is not Kind.COURSE:
            statement = statement.join(Course, Course.id == course_column)
        viewer: Any = bindparam("viewer_id", type_=Course.teacher_id.type)
        statement = statement.where(
            *(column == bindparam(f"key{place}", type_=column.type) for place, column in enumerate(columns)),
            visible(viewer, Role.ADMIN if is_admin else Role.STUDENT),
        )
        found = _points[kind, is_admin] = Point(statement)
    return found


async def visible_key(database: Database, kind: Kind, key: Any, *, viewer_id: int, viewer_role: Role) -> bool:
    """Return whether a course, or a record of the curriculum, exists and somebody may see its course."""
    parts = key if isinstance(key, tuple) else (key,)
    values = {f"key{place}": part for place, part in enumerate(parts)}
    is_admin = viewer_role is Role.ADMIN
    if not is_admin:
        values["viewer_id"] = viewer_id
    return bool(await database.fetch(_visible_point(kind, is_admin), **values))


async def visible_progress(
    session: AsyncSession, keys: Iterable[str], *, viewer_id: int, viewer_role: Role
) -> set[str]:
    """Return which assessments somebody may see: own ones, those of own courses, all for an admin."""
    row = models.Assessment
    statement = select(row.id).where(row.id.in_(list(keys)))
    if viewer_role is Role.STUDENT:
        statement = statement.where(row.student_id == viewer_id)
    elif viewer_role is Role.TEACHER:
        statement = statement.join(Course, Course.id == row.course_id).where(Course.teacher_id == viewer_id)
    return set(await session.scalars(statement))


async def mirrored_keys(session: AsyncSession, course_id: int) -> dict[Kind, list[str]]:
    """Return the keys of every mirrored record of a course but the course itself, as sync_records spells them."""
    chapter, theory = models.Chapter, models.Theory
    mention, relation, edge = models.ConceptMention, models.ConceptRelation, models.SkillPrerequisite
    statements: dict[Kind, Select[*tuple[Any, ...]]] = {
        Kind.ENROLLMENT: select(Enrollment.course_id, Enrollment.student_id).where(
            Enrollment.course_id == course_id
        ),
        Kind.CHAPTER: select(chapter.id).where(chapter.course_id == course_id),
        Kind.THEORY: select(theory.id).where(theory.course_id == course_id),
        Kind.SKILL: select(models.Skill.id).where(models.Skill.course_id == course_id),
        Kind.SKILL_PREREQUISITE: select(edge.prerequisite_id, edge.dependent_id).where(
            edge.course_id == course_id
        ),
        Kind.CONCEPT: select(models.Concept.id).where(models.Concept.course_id == course_id),
        Kind.CONCEPT_MENTION: select(mention.theory_id, mention.concept_id)
        .join(theory, theory.id == mention.theory_id)
        .where(theory.course_id == course_id),
        Kind.CONCEPT_RELATION: select(relation.source_id, relation.type, relation.target_id).where(
            relation.course_id == course_id
        ),
        Kind.RESOURCE: select(models.Resource.id).where(models.Resource.course_id == course_id),
        Kind.MASTERY: select(models.Mastery.student_id, models.Mastery.skill_id).where(
            models.Mastery.course_id == course_id
        ),
        Kind.PROGRESS: select(models.Assessment.id).where(models.Assessment.course_id == course_id),
    }
    found = {
        kind: [key_of(row) for row in await session.execute(statement)]
        for kind, statement in statements.items()
    }
    found[Kind.THEORY_SEQUENCE] = list(found[Kind.CHAPTER])
    found[Kind.CHAPTER_SEQUENCE] = [str(course_id)]
    return found
