"""How concepts of one course relate to each other: typed edges with a reason."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import cycles, errors, guards, models
from sql.models import Concept, ConceptRelation, ConceptRelationType, EdgeOrigin, Kind
from sql.text import Checker


def relation_key(source_id: str, type: ConceptRelationType, target_id: str) -> str:
    """Return the key of a relation as sync_records spell it."""
    return f"{source_id}:{type.value}:{target_id}"


async def prerequisite_edges(session: AsyncSession, course_id: int) -> dict[str, list[str]]:
    """Return the PREREQUISITE edges of a course: source -> targets; one SELECT."""
    rows = await session.execute(
        select(ConceptRelation.source_id, ConceptRelation.target_id)
        .where(
            ConceptRelation.course_id == course_id,
            ConceptRelation.type == ConceptRelationType.PREREQUISITE,
        )
        .order_by(ConceptRelation.source_id, ConceptRelation.target_id)
    )
    edges: dict[str, list[str]] = {}
    for source, target in rows:
        edges.setdefault(source, []).append(target)
    return edges


async def set_concept_relation(
    session: AsyncSession,
    *,
    actor_id: int,
    source_id: str,
    type: ConceptRelationType,
    target_id: str,
    reason: str | None = None,
) -> ConceptRelation:
    """Write how one concept relates to another of its course; the same again changes nothing.

    RELATED_TO means the same in both directions and is kept once: an edge that is there the other way
    round is the one that changes. Raises NotFound, InvalidInput, Cycle (concept ids in the order of the
    edges; PREREQUISITE only), Conflict WRONG_STATE (archived).
    """
    source = await session.get(Concept, source_id)
    if source is None:
        raise errors.NotFound(Kind.CONCEPT, source_id, ("sourceId",))
    target = await session.get(Concept, target_id)
    if target is None or target.course_id != source.course_id:
        raise errors.NotFound(Kind.CONCEPT, target_id, ("targetId",))
    course_id = source.course_id
    await guards.live_course(session, course_id)
    checker = Checker()
    checker.optional_text(("reason",), reason, models.REASON_LENGTH)
    if source_id == target_id:
        checker.add(("targetId",), "A concept can not relate to itself.")
    checker.raise_if_any()
    relation = await session.get(ConceptRelation, (source_id, type, target_id))
    if relation is None and type is ConceptRelationType.RELATED_TO:
        relation = await session.get(ConceptRelation, (target_id, type, source_id))
        source_id, target_id = sorted((source_id, target_id))
    if relation is None and type is ConceptRelationType.PREREQUISITE:
        cycle = cycles.closed_cycle(await prerequisite_edges(session, course_id), source_id, target_id)
        if cycle is not None:
            raise errors.Cycle(Kind.CONCEPT, cycle, "The relation would close a cycle of prerequisites.")
    if relation is not None and relation.reason == reason and relation.origin is EdgeOrigin.TEACHER:
        return relation
    if relation is None:
        relation = ConceptRelation(source_id=source_id, type=type, target_id=target_id, course_id=course_id)
        session.add(relation)
    # A person said it now: no document may take it back any more.
    relation.reason, relation.origin, relation.source_sha256 = reason, EdgeOrigin.TEACHER, None
    key = relation_key(relation.source_id, type, relation.target_id)
    await guards.touch(session, relation, Kind.CONCEPT_RELATION, key)
    await sql.audit.write(
        session, actor_id, "setConceptRelation", Kind.CONCEPT_RELATION, key, course_id=course_id
    )
    return relation


async def remove_concept_relation(
    session: AsyncSession, *, actor_id: int, source_id: str, type: ConceptRelationType, target_id: str
) -> None:
    """Take a relation away; its concepts stay. Raises NotFound, Conflict WRONG_STATE (archived)."""
    key = relation_key(source_id, type, target_id)
    relation = await session.get(ConceptRelation, (source_id, type, target_id))
    if relation is None:
        raise errors.NotFound(Kind.CONCEPT_RELATION, key)
    await guards.live_course(session, relation.course_id)
    await sql.sync_state.record(session, Kind.CONCEPT_RELATION, key, deleted=True)
    await session.delete(relation)
    await sql.audit.write(
        session,
        actor_id,
        "removeConceptRelation",
        Kind.CONCEPT_RELATION,
        key,
        course_id=relation.course_id,
    )


async def record_deleted(session: AsyncSession, keys: Iterable[tuple[str, ConceptRelationType, str]]) -> None:
    """Record relations as deleted, before the rows go."""
    await sql.sync_state.record_many(
        session, Kind.CONCEPT_RELATION, [relation_key(*key) for key in keys], deleted=True
    )
