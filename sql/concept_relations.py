"""Relations between concepts of one course."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, links, models
from sql.cycles import find_cycle
from sql.models import Concept, ConceptRelation, ConceptRelationType, EdgeOrigin, Kind
from sql.text import Checker

__all__ = ["find_cycle", "prerequisite_edges", "remove_concept_relation", "set_concept_relation"]


async def set_concept_relation(
    session: AsyncSession,
    *,
    actor_id: int,
    source_id: str,
    type: ConceptRelationType,
    target_id: str,
    reason: str | None = None,
) -> ConceptRelation:
    """Write an edge between two concepts by hand; raise NotFound, InvalidInput, Conflict (archived), Cycle.

    The same edge with the same values again changes nothing.
    """
    source = await session.get(Concept, source_id)
    if source is None:
        raise errors.NotFound(Kind.CONCEPT, source_id, ("sourceId",))
    target = await session.get(Concept, target_id)
    if target is None or target.course_id != source.course_id:
        raise errors.NotFound(Kind.CONCEPT, target_id, ("targetId",))
    course_id = source.course_id
    await guards.live_course(session, course_id)
    await links.lock_course(session, course_id)
    is_prerequisite = type is ConceptRelationType.PREREQUISITE
    checker = Checker()
    checker.optional_text(("reason",), reason, models.REASON_LENGTH)
    if source_id == target_id and not is_prerequisite:
        checker.add(("targetId",), "A concept does not relate to itself.")
    checker.raise_if_any()
    if is_prerequisite:
        cycle = find_cycle(await prerequisite_edges(session, course_id), source_id, target_id)
        if cycle is not None:
            raise errors.Cycle(Kind.CONCEPT, cycle, "A concept would be needed before itself.")
    relation = await session.get(ConceptRelation, (source_id, type, target_id))
    # What a person writes is no document's any more, so that no document takes it back.
    values = {"reason": reason, "origin": EdgeOrigin.TEACHER, "source_sha256": None}
    if relation is None:
        relation = ConceptRelation(
            source_id=source_id, type=type, target_id=target_id, course_id=course_id, **values
        )
        session.add(relation)
        changes = [sql.audit.Change("type", None, type.value)]
    else:
        changes = guards.assign(relation, values)
    if changes:
        await session.flush()
        key = f"{source_id}:{type.value}:{target_id}"
        await guards.touch(session, relation, Kind.CONCEPT_RELATION, key)
        await sql.audit.write(
            session,
            actor_id,
            "setConceptRelation",
            Kind.CONCEPT_RELATION,
            key,
            course_id=course_id,
            changes=changes,
        )
    return relation


async def remove_concept_relation(
    session: AsyncSession,
    *,
    actor_id: int,
    source_id: str,
    type: ConceptRelationType,
    target_id: str,
) -> None:
    """Take a relation away; raise NotFound, Conflict (archived)."""
    key = f"{source_id}:{type.value}:{target_id}"
    relation = await session.get(ConceptRelation, (source_id, type, target_id))
    if relation is None:
        raise errors.NotFound(Kind.CONCEPT_RELATION, key)
    await guards.live_course(session, relation.course_id)
    await session.delete(relation)
    await session.flush()
    await sql.sync_state.record(session, Kind.CONCEPT_RELATION, key, deleted=True)
    await sql.audit.write(
        session,
        actor_id,
        "removeConceptRelation",
        Kind.CONCEPT_RELATION,
        key,
        course_id=relation.course_id,
    )


async def prerequisite_edges(session: AsyncSession, course_id: int) -> list[tuple[str, str]]:
    """Return the PREREQUISITE relations of a course as (source id, target id)."""
    rows = await session.execute(
        select(ConceptRelation.source_id, ConceptRelation.target_id).where(
            ConceptRelation.course_id == course_id,
            ConceptRelation.type == ConceptRelationType.PREREQUISITE,
        )
    )
    return [(source, target) for source, target in rows.all()]
