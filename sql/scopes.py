"""Which mirrored records there are: all, those of a course, or those of a person; and which hang on which.

A key in text, as the sync state has it, is the columns of KEY_COLUMNS joined by ":".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from sql.models import (
    Assessment,
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    Course,
    Enrollment,
    Kind,
    Mastery,
    Metadata,
    Resource,
    ResourceConcept,
    ResourceTheory,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    Theory,
    User,
)

ROWS_AT_ONCE = 500
Columns = tuple[InstrumentedAttribute[Any], ...]

# In the order of KEY_SHAPES.
KEY_COLUMNS: dict[Kind, Columns] = {
    Kind.USER: (User.id,),
    Kind.COURSE: (Course.id,),
    Kind.CHAPTER: (Chapter.id,),
    Kind.CONCEPT: (Concept.id,),
    Kind.METADATA: (Metadata.id,),
    Kind.ENROLLMENT: (Enrollment.course_id, Enrollment.student_id),
    Kind.THEORY: (Theory.id,),
    Kind.CHAPTER_SEQUENCE: (Course.id,),
    Kind.THEORY_SEQUENCE: (Chapter.id,),
    Kind.SKILL: (Skill.id,),
    Kind.RESOURCE: (Resource.id,),
    Kind.CONCEPT_MENTION: (ConceptMention.theory_id, ConceptMention.concept_id),
    Kind.CONCEPT_RELATION: (ConceptRelation.source_id, ConceptRelation.type, ConceptRelation.target_id),
    Kind.SKILL_PREREQUISITE: (SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id),
    Kind.MASTERY: (Mastery.student_id, Mastery.skill_id),
    Kind.PROGRESS: (Assessment.id,),
}
# Kinds whose record is an order, without a row (and a version) of its own.
SEQUENCES = {Kind.CHAPTER_SEQUENCE, Kind.THEORY_SEQUENCE}

_OF_COURSE: dict[Kind, InstrumentedAttribute[Any]] = {
    Kind.COURSE: Course.id,
    Kind.CHAPTER: Chapter.course_id,
    Kind.CONCEPT: Concept.course_id,
    Kind.ENROLLMENT: Enrollment.course_id,
    Kind.THEORY: Theory.course_id,
    Kind.CHAPTER_SEQUENCE: Course.id,
    Kind.THEORY_SEQUENCE: Chapter.course_id,
    Kind.SKILL: Skill.course_id,
    Kind.RESOURCE: Resource.course_id,
    Kind.CONCEPT_RELATION: ConceptRelation.course_id,
    Kind.SKILL_PREREQUISITE: SkillPrerequisite.course_id,
    Kind.MASTERY: Mastery.course_id,
    Kind.PROGRESS: Assessment.course_id,
}
_OF_PERSON: dict[Kind, InstrumentedAttribute[Any]] = {
    Kind.USER: User.id,
    Kind.COURSE: Course.teacher_id,
    Kind.ENROLLMENT: Enrollment.student_id,
    Kind.METADATA: Metadata.student_id,
    Kind.MASTERY: Mastery.student_id,
    Kind.PROGRESS: Assessment.student_id,
}

# Kind of a node -> the records whose relationships end at it: (kind, its key, the column that names the node).
_DEPENDENTS: dict[Kind, tuple[tuple[Kind, Columns, InstrumentedAttribute[Any]], ...]] = {
    Kind.USER: tuple(
        (kind, KEY_COLUMNS[kind], owner) for kind, owner in _OF_PERSON.items() if kind is not Kind.USER
    ),
    Kind.COURSE: (
        (Kind.CHAPTER, KEY_COLUMNS[Kind.CHAPTER], Chapter.course_id),
        (Kind.ENROLLMENT, KEY_COLUMNS[Kind.ENROLLMENT], Enrollment.course_id),
    ),
    Kind.CHAPTER: (
        (Kind.CHAPTER_SEQUENCE, (Chapter.course_id,), Chapter.id),
        (Kind.THEORY, KEY_COLUMNS[Kind.THEORY], Theory.chapter_id),
    ),
    Kind.THEORY: (
        (Kind.THEORY_SEQUENCE, (Theory.chapter_id,), Theory.id),
        (Kind.SKILL, (SkillTheory.skill_id,), SkillTheory.theory_id),
        (Kind.RESOURCE, (ResourceTheory.resource_id,), ResourceTheory.theory_id),
        (Kind.CONCEPT_MENTION, KEY_COLUMNS[Kind.CONCEPT_MENTION], ConceptMention.theory_id),
    ),
    Kind.SKILL: (
        (Kind.SKILL_PREREQUISITE, KEY_COLUMNS[Kind.SKILL_PREREQUISITE], SkillPrerequisite.prerequisite_id),
        (Kind.SKILL_PREREQUISITE, KEY_COLUMNS[Kind.SKILL_PREREQUISITE], SkillPrerequisite.dependent_id),
        (Kind.MASTERY, KEY_COLUMNS[Kind.MASTERY], Mastery.skill_id),
        (Kind.PROGRESS, KEY_COLUMNS[Kind.PROGRESS], Assessment.skill_id),
    ),
    Kind.CONCEPT: (
        (Kind.SKILL, (SkillConcept.skill_id,), SkillConcept.concept_id),
        (Kind.RESOURCE, (ResourceConcept.resource_id,), ResourceConcept.concept_id),
        (Kind.CONCEPT_MENTION, KEY_COLUMNS[Kind.CONCEPT_MENTION], ConceptMention.concept_id),
        (Kind.CONCEPT_RELATION, KEY_COLUMNS[Kind.CONCEPT_RELATION], ConceptRelation.source_id),
        (Kind.CONCEPT_RELATION, KEY_COLUMNS[Kind.CONCEPT_RELATION], ConceptRelation.target_id),
    ),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records: those of a course, those of a person, or all when neither is named."""

    course_id: int | None = None
    user_id: int | None = None

    @property
    def everything(self) -> bool:
        """Tell whether nothing is left out."""
        return self.course_id is None and self.user_id is None

    def holds(self, kind: Kind) -> bool:
        """Tell whether records of a kind can be in it."""
        return self.everything or self._condition(kind) is not None

    def narrow(self, kind: Kind, statement: Select[Any]) -> Select[Any]:
        """Return a statement over a kind's table, narrowed to the records in scope."""
        condition = self._condition(kind)
        if kind is Kind.CONCEPT_MENTION and condition is not None:
            statement = statement.join(Concept, Concept.id == ConceptMention.concept_id)
        return statement if condition is None else statement.where(condition)

    def _condition(self, kind: Kind) -> ColumnElement[bool] | None:
        if self.course_id is not None:
            column = Concept.course_id if kind is Kind.CONCEPT_MENTION else _OF_COURSE.get(kind)
            return None if column is None else column == self.course_id
        column = _OF_PERSON.get(kind)
        return None if column is None or self.user_id is None else column == self.user_id


EVERYTHING = Scope()


def key_of(row: Sequence[Any]) -> str:
    """Return the text of a key from the values of its columns."""
    return ":".join(str(part) for part in row)


def key_text(kind: Kind) -> ColumnElement[str]:
    """Return the expression of a record's key in text."""
    first, *others = (cast(column, String) for column in KEY_COLUMNS[kind])
    whole: ColumnElement[str] = first
    for column in others:
        whole = whole + literal(":") + column
    return whole


async def dependents(session: AsyncSession, kind: Kind, keys: Iterable[str]) -> dict[Kind, list[str]]:
    """Return the records that lose a relationship when the nodes of some records are taken away."""
    found: dict[Kind, dict[str, None]] = {}
    whole = KEY_COLUMNS[kind][0].type.python_type is int
    nodes = [int(key) if whole else key for key in keys if not whole or key.isdecimal()]
    for other, columns, owner in _DEPENDENTS.get(kind, ()):
        for start in range(0, len(nodes), ROWS_AT_ONCE):
            rows = await session.execute(
                select(*columns).where(owner.in_(nodes[start : start + ROWS_AT_ONCE]))
            )
            found.setdefault(other, {}).update({key_of(row): None for row in rows})
    return {other: list(keys_of) for other, keys_of in found.items()}
