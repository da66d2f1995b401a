"""Skills of a course, and which comes before which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import cycles, errors, guards, links, models
from sql.models import (
    Assessment,
    EdgeOrigin,
    Kind,
    Mastery,
    PrerequisiteStatus,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
)
from sql.text import Checker
from sql.unset import UNSET

SKILLS_IN_COURSE = 1_000
SKILLS_IN_THEORY = 50
DIRECT_PREREQUISITES = 50


async def create_skill(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    name: str,
    description: str | None = None,
    theory_ids: Sequence[str] = (),
    concept_ids: Sequence[str] = (),
) -> Skill:
    """Add a skill, taught by theories and requiring concepts of its course, at most 50 each.

    Raises NotFound, InvalidInput, Conflict DUPLICATE (the course has the name) or WRONG_STATE (archived).
    """
    await guards.live_course(session, course_id, path=("courseId",))
    checker = Checker()
    key = links.check_name(checker, ("name",), name)
    checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    theories = links.check_ids(checker, ("theoryIds",), theory_ids)
    concepts = links.check_ids(checker, ("conceptIds",), concept_ids)
    count = await session.scalar(select(func.count()).where(Skill.course_id == course_id))
    if (count or 0) >= SKILLS_IN_COURSE:
        checker.add(("courseId",), f"A course has at most {SKILLS_IN_COURSE:,} skills.")
    await _check_room(session, checker, theories)
    checker.raise_if_any()
    await links.require_theories(session, course_id, theories)
    await links.require_concepts(session, course_id, concepts)
    await _refuse_taken_name(session, course_id, key)
    skill = Skill(id=models.new_id(), course_id=course_id, name=name, name_key=key, description=description)
    session.add(skill)
    await session.flush()
    await links.relink(session, SkillTheory.skill_id, SkillTheory.theory_id, skill.id, theories)
    await links.relink(session, SkillConcept.skill_id, SkillConcept.concept_id, skill.id, concepts)
    await guards.touch(session, skill, Kind.SKILL, skill.id)
    await sql.audit.write(session, actor_id, "createSkill", Kind.SKILL, skill.id, course_id=course_id)
    return skill


async def _check_room(
    session: AsyncSession, checker: Checker, theory_ids: Sequence[str], skill_id: str | None = None
) -> None:
    """Report theories that have no room for one more skill."""
    if not theory_ids:
        return
    statement = (
        select(SkillTheory.theory_id, func.count())
        .where(SkillTheory.theory_id.in_(theory_ids))
        .group_by(SkillTheory.theory_id)
    )
    if skill_id is not None:
        statement = statement.where(SkillTheory.skill_id != skill_id)
    full = {key for key, count in await session.execute(statement) if count >= SKILLS_IN_THEORY}
    for position, key in enumerate(theory_ids):
        if key in full:
            checker.add(("theoryIds", str(position)), f"A theory has at most {SKILLS_IN_THEORY} skills.")


async def _refuse_taken_name(
    session: AsyncSession, course_id: int, key: str, skill_id: str | None = None
) -> None:
    other = await session.scalar(select(Skill.id).where(Skill.course_id == course_id, Skill.name_key == key))
    if other is not None and other != skill_id:
        raise errors.Conflict(
            "DUPLICATE",
            "The course already has a skill of this name.",
            path=("name",),
            conflicting=(Kind.SKILL.value, other),
        )


async def _skill(session: AsyncSession, skill_id: str, path: errors.Path = ()) -> Skill:
    skill = await session.get(Skill, skill_id)
    if skill is None:
        raise errors.NotFound(Kind.SKILL, skill_id, path)
    return skill


async def update_skill(
    session: AsyncSession,
    *,
    actor_id: int,
    skill_id: str,
    name: Any = UNSET,
    description: Any = UNSET,
    theory_ids: Any = UNSET,
    concept_ids: Any = UNSET,
    expected_version: int | None = None,
) -> Skill:
    """Change a skill and its links; what is UNSET stays, lists replace what was linked before.

    Raises NotFound, StaleVersion, InvalidInput, Conflict DUPLICATE or WRONG_STATE.
    """
    skill = await _skill(session, skill_id)
    await guards.live_course(session, skill.course_id)
    guards.check_version(skill, expected_version)
    checker = Checker()
    key = skill.name_key if name is UNSET else links.check_name(checker, ("name",), name)
    if description is not UNSET:
        checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    theories = None if theory_ids is UNSET else links.check_ids(checker, ("theoryIds",), theory_ids)
    concepts = None if concept_ids is UNSET else links.check_ids(checker, ("conceptIds",), concept_ids)
    if theories:
        await _check_room(session, checker, theories, skill_id)
    checker.raise_if_any()
    if theories is not None:
        await links.require_theories(session, skill.course_id, theories)
    if concepts is not None:
        await links.require_concepts(session, skill.course_id, concepts)
    if key != skill.name_key:
        await _refuse_taken_name(session, skill.course_id, key, skill_id)
        skill.name_key = key
    changes = guards.assign(skill, {"name": name, "description": description})
    if theories is not None and await links.relink(
        session, SkillTheory.skill_id, SkillTheory.theory_id, skill_id, theories
    ):
        changes.append(sql.audit.Change("theoryIds", None, len(theories)))
    if concepts is not None and await links.relink(
        session, SkillConcept.skill_id, SkillConcept.concept_id, skill_id, concepts
    ):
        changes.append(sql.audit.Change("conceptIds", None, len(concepts)))
    if changes:
        await guards.touch(session, skill, Kind.SKILL, skill_id)
        await sql.audit.write(
            session, actor_id, "updateSkill", Kind.SKILL, skill_id, course_id=skill.course_id, changes=changes
        )
    return skill


async def delete_skill(
    session: AsyncSession, *, actor_id: int, skill_id: str, expected_version: int | None = None
) -> None:
    """Delete a skill without evidence, and its edges.

    Raises NotFound, StaleVersion, Conflict IN_USE (it has assessments, retracted ones too) or WRONG_STATE.
    """
    skill = await _skill(session, skill_id)
    await guards.live_course(session, skill.course_id)
    guards.check_version(skill, expected_version)
    assessed = await session.scalar(select(Assessment.id).where(Assessment.skill_id == skill_id).limit(1))
    if assessed is not None:
        raise errors.Conflict(
            "IN_USE",
            "The skill has assessments, and evidence is kept: it can not be deleted.",
            path=("id",),
            conflicting=("PROGRESS", assessed),
        )
    await sql.sync_state.record(session, Kind.SKILL, skill_id, deleted=True)
    await record_deleted_edges(session, [skill_id])
    masteries = await session.scalars(select(Mastery.student_id).where(Mastery.skill_id == skill_id))
    await sql.sync_state.record_many(
        session, Kind.MASTERY, [f"{student}:{skill_id}" for student in masteries], deleted=True
    )
    await session.execute(delete(Skill).where(Skill.id == skill_id))
    await sql.audit.write(
        session,
        actor_id,
        "deleteSkill",
        Kind.SKILL,
        skill_id,
        course_id=skill.course_id,
        changes=[sql.audit.Change("name", skill.name, None)],
    )


async def record_deleted_edges(session: AsyncSession, skill_ids: Sequence[str]) -> None:
    """Record as deleted every prerequisite that leaves or reaches some skills, before the cascade takes them."""
    edges = (
        await session.execute(
            select(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id).where(
                or_(
                    SkillPrerequisite.prerequisite_id.in_(skill_ids),
                    SkillPrerequisite.dependent_id.in_(skill_ids),
                )
            )
        )
    ).all()
    await sql.sync_state.record_many(
        session, Kind.SKILL_PREREQUISITE, [f"{first}:{then}" for first, then in edges], deleted=True
    )


async def approved_edges(session: AsyncSession, course_id: int) -> dict[str, list[str]]:
    """Return the approved edges of a course: prerequisite -> dependents; one SELECT."""
    rows = await session.execute(
        select(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id)
        .where(
            SkillPrerequisite.course_id == course_id,
            SkillPrerequisite.status == PrerequisiteStatus.APPROVED,
        )
        .order_by(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id)
    )
    edges: dict[str, list[str]] = {}
    for first, then in rows:
        edges.setdefault(first, []).append(then)
    return edges


async def set_prerequisite(
    session: AsyncSession,
    *,
    actor_id: int,
    prerequisite_id: str,
    dependent_id: str,
    reason: str | None = None,
    strength: float = 1.0,
    status: PrerequisiteStatus = PrerequisiteStatus.APPROVED,
) -> SkillPrerequisite:
    """Write that one skill comes before another of its course; the same again changes nothing.

    A PROPOSED edge may close a cycle: it waits for a decision and does not hold.
    Raises NotFound, InvalidInput, Cycle (skill ids in the order of the edges), Conflict WRONG_STATE.
    """
    dependent = await _skill(session, dependent_id, ("dependentId",))
    prerequisite = await _skill(session, prerequisite_id, ("prerequisiteId",))
    if prerequisite.course_id != dependent.course_id:
        # As if it did not exist: a course shows nothing of another one.
        raise errors.NotFound(Kind.SKILL, prerequisite_id, ("prerequisiteId",))
    course_id = dependent.course_id
    await guards.live_course(session, course_id)
    checker = Checker()
    checker.optional_text(("reason",), reason, models.REASON_LENGTH)
    checker.between(("strength",), strength, 0.0, 1.0, above=True)
    if status is PrerequisiteStatus.REJECTED:
        checker.add(("status",), "status must be APPROVED or PROPOSED: a rejection is a decision of its own.")
    checker.raise_if_any()
    if prerequisite_id == dependent_id:
        raise errors.Cycle(
            Kind.SKILL, [prerequisite_id, prerequisite_id], "A skill can not come before itself."
        )
    edge = await session.get(SkillPrerequisite, (prerequisite_id, dependent_id))
    if edge is not None and (edge.reason, edge.strength, edge.status) == (reason, strength, status):
        return edge
    if edge is None or edge.status is PrerequisiteStatus.REJECTED:
        count = await session.scalar(
            select(func.count()).where(
                SkillPrerequisite.dependent_id == dependent_id,
                SkillPrerequisite.status != PrerequisiteStatus.REJECTED,
            )
        )
        if (count or 0) >= DIRECT_PREREQUISITES:
            checker.add(("dependentId",), f"A skill has at most {DIRECT_PREREQUISITES} direct prerequisites.")
            checker.raise_if_any()
    if status is PrerequisiteStatus.APPROVED:
        cycle = cycles.closed_cycle(await approved_edges(session, course_id), prerequisite_id, dependent_id)
        if cycle is not None:
            raise errors.Cycle(Kind.SKILL, cycle, "The edge would close a cycle of prerequisites.")
    if edge is None:
        edge = SkillPrerequisite(
            prerequisite_id=prerequisite_id, dependent_id=dependent_id, course_id=course_id
        )
        session.add(edge)
    edge.reason, edge.strength, edge.status, edge.origin = reason, strength, status, EdgeOrigin.TEACHER
    decided = status is PrerequisiteStatus.APPROVED
    edge.decided_by_id, edge.decided_at = (actor_id, models.now()) if decided else (None, None)
    key = f"{prerequisite_id}:{dependent_id}"
    await guards.touch(session, edge, Kind.SKILL_PREREQUISITE, key)
    await sql.audit.write(
        session, actor_id, "setPrerequisite", Kind.SKILL_PREREQUISITE, key, course_id=course_id
    )
    return edge


async def remove_prerequisite(
    session: AsyncSession, *, actor_id: int, prerequisite_id: str, dependent_id: str
) -> None:
    """Take an edge away, whatever its status; raise NotFound, Conflict WRONG_STATE (archived)."""
    key = f"{prerequisite_id}:{dependent_id}"
    edge = await session.get(SkillPrerequisite, (prerequisite_id, dependent_id))
    if edge is None:
        raise errors.NotFound(Kind.SKILL_PREREQUISITE, key)
    await guards.live_course(session, edge.course_id)
    await sql.sync_state.record(session, Kind.SKILL_PREREQUISITE, key, deleted=True)
    await session.delete(edge)
    await sql.audit.write(
        session, actor_id, "removePrerequisite", Kind.SKILL_PREREQUISITE, key, course_id=edge.course_id
    )


async def prerequisites_by_keys(
    session: AsyncSession, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], SkillPrerequisite]:
    """Return edges by (prerequisite id, dependent id)."""
    wanted = [tuple(key) for key in keys]
    if not wanted:
        return {}
    rows = await session.scalars(
        select(SkillPrerequisite).where(
            tuple_(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id).in_(wanted)
        )
    )
    return {(row.prerequisite_id, row.dependent_id): row for row in rows}


async def skills_by_ids(session: AsyncSession, ids: Iterable[str]) -> dict[str, Skill]:
    """Return skills by id."""
    return {row.id: row for row in await session.scalars(select(Skill).where(Skill.id.in_(list(ids))))}
