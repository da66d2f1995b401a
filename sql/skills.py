"""Skills of a course, what teaches them and what they require, and the prerequisites between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, keys, links, models
from sql.cycles import find_cycle
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
from sql.names import check_name
from sql.text import Checker
from sql.unset import UNSET

GREATEST_COUNT = 1_000
GREATEST_PREREQUISITES = 50
PAIRS_AT_ONCE = 200


async def create_skill(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    name: str,
    description: str | None = None,
    theory_ids: Sequence[str] | None = (),
    concept_ids: Sequence[str] | None = (),
) -> Skill:
    """Add a skill; raise NotFound, InvalidInput, Conflict (archived, DUPLICATE name)."""
    await guards.live_course(session, course_id, path=("courseId",))
    await links.lock_course(session, course_id)
    checker = Checker()
    check_name(checker, ("name",), name)
    checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    checker.count(("theoryIds",), theory_ids or (), 0, links.GREATEST_COUNT)
    checker.count(("conceptIds",), concept_ids or (), 0, links.GREATEST_COUNT)
    present = await session.scalar(
        select(func.count()).select_from(Skill).where(Skill.course_id == course_id)
    )
    if (present or 0) >= GREATEST_COUNT:
        checker.add(("courseId",), f"A course has at most {GREATEST_COUNT} skills.")
    checker.raise_if_any()
    await _refuse_taken_name(session, course_id, name)
    await _require_links(session, course_id, theory_ids, concept_ids)
    skill = Skill(course_id=course_id, name=name, name_key=keys.name_key(name), description=description)
    session.add(skill)
    await session.flush()
    await _replace_links(session, skill, theory_ids or (), concept_ids or ())
    await guards.touch(session, skill, Kind.SKILL, skill.id)
    await sql.audit.write(
        session,
        actor_id,
        "createSkill",
        Kind.SKILL,
        skill.id,
        course_id=course_id,
        changes=[sql.audit.Change("name", None, name)],
    )
    return skill


async def update_skill(
    session: AsyncSession,
    *,
    actor_id: int,
    skill_id: str,
    name: Any = UNSET,
    description: Any = UNSET,
    theory_ids: Sequence[str] | None = None,
    concept_ids: Sequence[str] | None = None,
    expected_version: int | None = None,
) -> Skill:
    """Change a skill; what is UNSET, and links that are None, stay. Nothing new gives no new version."""
    skill = await _skill(session, skill_id)
    await guards.live_course(session, skill.course_id)
    guards.check_version(skill, expected_version)
    checker = Checker()
    if name is not UNSET:
        check_name(checker, ("name",), name)
    if description is not UNSET:
        checker.optional_text(("description",), description, models.DESCRIPTION_LENGTH)
    checker.count(("theoryIds",), theory_ids or (), 0, links.GREATEST_COUNT)
    checker.count(("conceptIds",), concept_ids or (), 0, links.GREATEST_COUNT)
    checker.raise_if_any()
    if name is not UNSET:
        await _refuse_taken_name(session, skill.course_id, name, skill_id)
    await _require_links(session, skill.course_id, theory_ids, concept_ids)
    changes = guards.assign(skill, {"name": name, "description": description})
    skill.name_key = keys.name_key(skill.name)
    changes += await _replace_links(session, skill, theory_ids, concept_ids)
    if changes:
        await guards.touch(session, skill, Kind.SKILL, skill.id)
        await sql.audit.write(
            session,
            actor_id,
            "updateSkill",
            Kind.SKILL,
            skill.id,
            course_id=skill.course_id,
            changes=changes,
        )
    return skill


async def delete_skill(
    session: AsyncSession, *, actor_id: int, skill_id: str, expected_version: int | None = None
) -> None:
    """Delete a skill with its edges; raise Conflict IN_USE when somebody was assessed on it."""
    skill = await _skill(session, skill_id)
    await guards.live_course(session, skill.course_id)
    guards.check_version(skill, expected_version)
    used = await session.scalar(select(Assessment.id).where(Assessment.skill_id == skill_id).limit(1))
    if used is not None:
        raise errors.Conflict(
            "IN_USE", "Students were assessed on the skill: it can not be deleted.", path=("id",)
        )
    await remove_skills(session, [skill_id])
    await sql.audit.write(
        session,
        actor_id,
        "deleteSkill",
        Kind.SKILL,
        skill_id,
        course_id=skill.course_id,
        changes=[sql.audit.Change("name", skill.name, None)],
    )


async def remove_skills(session: AsyncSession, skill_ids: Sequence[str]) -> None:
    """Delete skills that nobody was assessed on, and record all that goes along."""
    if not skill_ids:
        return
    edges = await session.execute(
        select(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id).where(
            or_(
                SkillPrerequisite.prerequisite_id.in_(skill_ids),
                SkillPrerequisite.dependent_id.in_(skill_ids),
            )
        )
    )
    masteries = await session.execute(
        select(Mastery.student_id, Mastery.skill_id).where(Mastery.skill_id.in_(skill_ids))
    )
    record = sql.sync_state.record_many
    await record(session, Kind.SKILL, skill_ids, deleted=True)
    await record(session, Kind.SKILL_PREREQUISITE, [f"{a}:{b}" for a, b in edges.all()], deleted=True)
    await record(session, Kind.MASTERY, [f"{a}:{b}" for a, b in masteries.all()], deleted=True)
    await session.execute(
        delete(Skill).where(Skill.id.in_(skill_ids)).execution_options(synchronize_session="fetch")
    )


async def set_prerequisite(
    session: AsyncSession,
    *,
    actor_id: int,
    prerequisite_id: str,
    dependent_id: str,
    reason: str | None = None,
    strength: float = 1.0,
    status: PrerequisiteStatus = PrerequisiteStatus.APPROVED,
    origin: EdgeOrigin = EdgeOrigin.TEACHER,
) -> SkillPrerequisite:
    """Write the edge between two skills; raise NotFound, InvalidInput, Conflict (archived), Cycle.

    The same edge with the same values again changes nothing.
    """
    prerequisite = await session.get(Skill, prerequisite_id)
    dependent = await session.get(Skill, dependent_id)
    if dependent is None:
        raise errors.NotFound(Kind.SKILL, dependent_id, ("dependentId",))
    if prerequisite is None or prerequisite.course_id != dependent.course_id:
        raise errors.NotFound(Kind.SKILL, prerequisite_id, ("prerequisiteId",))
    course_id = dependent.course_id
    await guards.live_course(session, course_id)
    await links.lock_course(session, course_id)
    _check_edge(reason, strength, status)
    edge = await session.get(SkillPrerequisite, (prerequisite_id, dependent_id))
    await _refuse_cycle(session, course_id, prerequisite_id, dependent_id)
    if edge is None or edge.status is PrerequisiteStatus.REJECTED:
        await _refuse_too_many(session, dependent_id)
    values = {"reason": reason, "strength": float(strength), "status": status, "origin": origin}
    decided = status is PrerequisiteStatus.APPROVED
    if edge is None:
        edge = SkillPrerequisite(
            prerequisite_id=prerequisite_id,
            dependent_id=dependent_id,
            course_id=course_id,
            decided_by_id=actor_id if decided else None,
            decided_at=models.now() if decided else None,
            **values,
        )
        session.add(edge)
        changes = [sql.audit.Change("status", None, status.value)]
    else:
        former = edge.status
        changes = guards.assign(edge, values)
        if edge.status is not former:
            edge.decided_by_id = actor_id if decided else None
            edge.decided_at = models.now() if decided else None
    if changes:
        await session.flush()
        key = f"{prerequisite_id}:{dependent_id}"
        await guards.touch(session, edge, Kind.SKILL_PREREQUISITE, key)
        await sql.audit.write(
            session,
            actor_id,
            "setPrerequisite",
            Kind.SKILL_PREREQUISITE,
            key,
            course_id=course_id,
            changes=changes,
        )
    return edge


async def remove_prerequisite(
    session: AsyncSession, *, actor_id: int, prerequisite_id: str, dependent_id: str
) -> None:
    """Take an edge away; raise NotFound, Conflict (archived)."""
    key = f"{prerequisite_id}:{dependent_id}"
    edge = await session.get(SkillPrerequisite, (prerequisite_id, dependent_id))
    if edge is None:
        raise errors.NotFound(Kind.SKILL_PREREQUISITE, key)
    await guards.live_course(session, edge.course_id)
    await session.delete(edge)
    await session.flush()
    await sql.sync_state.record(session, Kind.SKILL_PREREQUISITE, key, deleted=True)
    await sql.audit.write(
        session, actor_id, "removePrerequisite", Kind.SKILL_PREREQUISITE, key, course_id=edge.course_id
    )


async def prerequisites_by_keys(
    session: AsyncSession, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], SkillPrerequisite]:
    """Return edges by (prerequisite id, dependent id)."""
    wanted = list(dict.fromkeys(keys))
    found: dict[tuple[str, str], SkillPrerequisite] = {}
    for start in range(0, len(wanted), PAIRS_AT_ONCE):
        pairs = [
            and_(SkillPrerequisite.prerequisite_id == first, SkillPrerequisite.dependent_id == second)
            for first, second in wanted[start : start + PAIRS_AT_ONCE]
        ]
        for row in await session.scalars(select(SkillPrerequisite).where(or_(*pairs))):
            found[row.prerequisite_id, row.dependent_id] = row
    return found


async def approved_edges(session: AsyncSession, course_id: int) -> list[tuple[str, str]]:
    """Return the edges of a course that hold, as (prerequisite id, dependent id)."""
    rows = await session.execute(
        select(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id).where(
            SkillPrerequisite.course_id == course_id,
            SkillPrerequisite.status == PrerequisiteStatus.APPROVED,
        )
    )
    return [(first, second) for first, second in rows.all()]


async def _skill(session: AsyncSession, skill_id: str) -> Skill:
    skill = await session.get(Skill, skill_id)
    if skill is None:
        raise errors.NotFound(Kind.SKILL, skill_id, ("id",))
    return skill


async def _refuse_taken_name(
    session: AsyncSession, course_id: int, name: str, skill_id: str | None = None
) -> None:
    other = await session.scalar(
        select(Skill.id).where(Skill.course_id == course_id, Skill.name_key == keys.name_key(name))
    )
    if other is not None and other != skill_id:
        raise errors.Conflict(
            "DUPLICATE",
            "The course already has a skill of this name.",
            path=("name",),
            conflicting=(Kind.SKILL.value, other),
        )


async def _require_links(
    session: AsyncSession,
    course_id: int,
    theory_ids: Sequence[str] | None,
    concept_ids: Sequence[str] | None,
) -> None:
    await links.require_same_course(
        session, course_id=course_id, kind=Kind.THEORY, keys=theory_ids or (), field="theoryIds"
    )
    await links.require_same_course(
        session, course_id=course_id, kind=Kind.CONCEPT, keys=concept_ids or (), field="conceptIds"
    )


async def _replace_links(
    session: AsyncSession,
    skill: Skill,
    theory_ids: Sequence[str] | None,
    concept_ids: Sequence[str] | None,
) -> list[sql.audit.Change]:
    owner = ("skill_id", skill.id)
    changes = []
    if theory_ids is not None:
        changes.append(
            await links.replace(session, SkillTheory, owner=owner, other="theory_id", wanted=theory_ids)
        )
    if concept_ids is not None:
        changes.append(
            await links.replace(session, SkillConcept, owner=owner, other="concept_id", wanted=concept_ids)
        )
    return [change for change in changes if change is not None]


def _check_edge(reason: str | None, strength: float, status: PrerequisiteStatus) -> None:
    checker = Checker()
    checker.optional_text(("reason",), reason, models.REASON_LENGTH)
    checker.between(("strength",), strength, 0, 1, above=True)
    if status is PrerequisiteStatus.REJECTED:
        checker.add(("status",), "status must be APPROVED or PROPOSED; an edge is rejected by a decision.")
    checker.raise_if_any()


async def _refuse_cycle(
    session: AsyncSession, course_id: int, prerequisite_id: str, dependent_id: str
) -> None:
    cycle = find_cycle(await approved_edges(session, course_id), prerequisite_id, dependent_id)
    if cycle is not None:
        raise errors.Cycle(Kind.SKILL, cycle, "A skill would be needed before itself.")


async def _refuse_too_many(session: AsyncSession, dependent_id: str) -> None:
    present = await session.scalar(
        select(func.count())
        .select_from(SkillPrerequisite)
        .where(
            SkillPrerequisite.dependent_id == dependent_id,
            SkillPrerequisite.status != PrerequisiteStatus.REJECTED,
        )
    )
    if (present or 0) >= GREATEST_PREREQUISITES:
        message = f"A skill has at most {GREATEST_PREREQUISITES} direct prerequisites."
        raise errors.InvalidInput([errors.FieldError(("dependentId",), message)])
