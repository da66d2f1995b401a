"""Concepts of a course, the names that find them, and what theories say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, keys, links, models
from sql.models import (
    Concept,
    ConceptAlias,
    ConceptMention,
    ConceptRelation,
    Kind,
    Resource,
    ResourceConcept,
    Skill,
    SkillConcept,
    Theory,
)
from sql.names import check_name
from sql.text import Checker
from sql.unset import UNSET

GREATEST_ALIASES = 50
GREATEST_MENTIONS = 200
ROWS_AT_ONCE = 500


async def create_concept(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    name: str,
    aliases: Sequence[str] = (),
    definition: str | None = None,
) -> Concept:
    """Add a concept made by hand; raise NotFound, InvalidInput, Conflict (archived, DUPLICATE name or alias)."""
    await guards.live_course(session, course_id, path=("courseId",))
    await links.lock_course(session, course_id)
    checker = Checker()
    check_name(checker, ("name",), name)
    _check_aliases(checker, aliases, name)
    checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.raise_if_any()
    await _refuse_taken(session, course_id, name, aliases)
    concept = Concept(
        course_id=course_id,
        name=name,
        key=keys.name_key(name),
        definition=definition,
        aliases=list(aliases),
        by_hand=True,
    )
    session.add(concept)
    await session.flush()
    await _write_aliases(session, concept)
    await guards.touch(session, concept, Kind.CONCEPT, concept.id)
    await sql.audit.write(
        session,
        actor_id,
        "createConcept",
        Kind.CONCEPT,
        concept.id,
        course_id=course_id,
        changes=[sql.audit.Change("name", None, name)],
    )
    return concept


async def update_concept(
    session: AsyncSession,
    *,
    actor_id: int,
    concept_id: str,
    name: Any = UNSET,
    aliases: Any = UNSET,
    definition: Any = UNSET,
    expected_version: int | None = None,
) -> Concept:
    """Change a concept; what is UNSET stays. Nothing new gives no new version."""
    concept = await _concept(session, concept_id)
    await guards.live_course(session, concept.course_id)
    await links.lock_course(session, concept.course_id)
    guards.check_version(concept, expected_version)
    checker = Checker()
    if name is not UNSET:
        check_name(checker, ("name",), name)
    if aliases is None:
        checker.add(("aliases",), "aliases can not be null.")
    elif aliases is not UNSET:
        _check_aliases(checker, aliases, concept.name if name is UNSET else name)
    if definition is not UNSET:
        checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.raise_if_any()
    wanted = concept.aliases if aliases is UNSET else list(aliases)
    await _refuse_taken(
        session, concept.course_id, None if name is UNSET else name, wanted, concept_id=concept_id
    )
    if name is not UNSET:
        # A concept renamed to one of its aliases needs the alias no more.
        wanted = [alias for alias in wanted if keys.name_key(alias) != keys.name_key(name)]
    changes = guards.assign(concept, {"name": name, "aliases": wanted, "definition": definition})
    if changes:
        concept.key = keys.name_key(concept.name)
        if any(change.field == "aliases" for change in changes):
            await _write_aliases(session, concept)
        await guards.touch(session, concept, Kind.CONCEPT, concept.id)
        await sql.audit.write(
            session,
            actor_id,
            "updateConcept",
            Kind.CONCEPT,
            concept.id,
            course_id=concept.course_id,
            changes=changes,
        )
    return concept


async def delete_concept(
    session: AsyncSession, *, actor_id: int, concept_id: str, expected_version: int | None = None
) -> dict[str, int]:
    """Delete a concept with all that is said of it; return how many of each kind went."""
    concept = await _concept(session, concept_id)
    await guards.live_course(session, concept.course_id)
    guards.check_version(concept, expected_version)
    deleted = await remove_concepts(session, [concept_id])
    await sql.audit.write(
        session,
        actor_id,
        "deleteConcept",
        Kind.CONCEPT,
        concept_id,
        course_id=concept.course_id,
        changes=[sql.audit.Change("name", concept.name, None)],
    )
    return deleted


async def remove_concepts(session: AsyncSession, concept_ids: Sequence[str]) -> dict[str, int]:
    """Delete concepts, record all that goes along and all that loses a link; count by kind."""
    mentions = await session.execute(
        select(ConceptMention.theory_id, ConceptMention.concept_id).where(
            ConceptMention.concept_id.in_(concept_ids)
        )
    )
    relations = await session.execute(
        select(ConceptRelation.source_id, ConceptRelation.type, ConceptRelation.target_id).where(
            or_(ConceptRelation.source_id.in_(concept_ids), ConceptRelation.target_id.in_(concept_ids))
        )
    )
    skill_ids = select(SkillConcept.skill_id).where(SkillConcept.concept_id.in_(concept_ids))
    skills = list(await session.scalars(select(Skill).where(Skill.id.in_(skill_ids))))
    resource_ids = select(ResourceConcept.resource_id).where(ResourceConcept.concept_id.in_(concept_ids))
    resources = list(await session.scalars(select(Resource).where(Resource.id.in_(resource_ids))))
    gone: dict[Kind, list[str]] = {
        Kind.CONCEPT: list(concept_ids),
        Kind.CONCEPT_MENTION: [f"{theory}:{concept}" for theory, concept in mentions.all()],
        Kind.CONCEPT_RELATION: [
            f"{source}:{type_.value}:{target}" for source, type_, target in relations.all()
        ],
    }
    for kind, names in gone.items():
        await sql.sync_state.record_many(session, kind, names, deleted=True)
    await guards.touch_all(session, skills, Kind.SKILL)
    await guards.touch_all(session, resources, Kind.RESOURCE)
    await _delete_rows(session, concept_ids)
    return {kind.value: len(names) for kind, names in gone.items()}


async def set_concept_mention(
    session: AsyncSession,
    *,
    actor_id: int,
    theory_id: str,
    concept_id: str,
    definition: str | None = None,
    text_evidence: str | None = None,
    source_document: str | None = None,
) -> ConceptMention:
    """Write what a theory says of a concept; raise NotFound, InvalidInput, Conflict (archived)."""
    theory = await session.get(Theory, theory_id)
    if theory is None:
        raise errors.NotFound(Kind.THEORY, theory_id, ("theoryId",))
    concept = await session.get(Concept, concept_id)
    if concept is None or concept.course_id != theory.course_id:
        raise errors.NotFound(Kind.CONCEPT, concept_id, ("conceptId",))
    await guards.live_course(session, theory.course_id)
    await links.lock_course(session, theory.course_id)
    checker = Checker()
    checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.optional_text(("textEvidence",), text_evidence, models.EVIDENCE_LENGTH)
    checker.optional_text(("sourceDocument",), source_document, models.TITLE_LENGTH)
    mention = await session.get(ConceptMention, (theory_id, concept_id))
    if mention is None and await _mention_count(session, theory_id) >= GREATEST_MENTIONS:
        checker.add(("theoryId",), f"A theory mentions at most {GREATEST_MENTIONS} concepts.")
    checker.raise_if_any()
    values = {
        "definition": definition,
        "text_evidence": text_evidence,
        "source_document": source_document,
    }
    if mention is None:
        mention = ConceptMention(theory_id=theory_id, concept_id=concept_id, **values)
        session.add(mention)
        changes = [sql.audit.Change("concept", None, concept.name)]
    else:
        changes = guards.assign(mention, values)
    if changes:
        await session.flush()
        key = f"{theory_id}:{concept_id}"
        await guards.touch(session, mention, Kind.CONCEPT_MENTION, key)
        await sql.audit.write(
            session,
            actor_id,
            "setConceptMention",
            Kind.CONCEPT_MENTION,
            key,
            course_id=theory.course_id,
            changes=changes,
        )
    return mention


async def remove_concept_mention(
    session: AsyncSession, *, actor_id: int, theory_id: str, concept_id: str
) -> None:
    """Take a mention away, and its concept when nothing needs that any more."""
    key = f"{theory_id}:{concept_id}"
    mention = await session.get(ConceptMention, (theory_id, concept_id))
    theory = await session.get(Theory, theory_id)
    if mention is None or theory is None:
        raise errors.NotFound(Kind.CONCEPT_MENTION, key)
    await guards.live_course(session, theory.course_id)
    await session.delete(mention)
    await session.flush()
    await sql.sync_state.record(session, Kind.CONCEPT_MENTION, key, deleted=True)
    await remove_unused(session, course_id=theory.course_id, concept_ids=[concept_id])
    await sql.audit.write(
        session,
        actor_id,
        "removeConceptMention",
        Kind.CONCEPT_MENTION,
        key,
        course_id=theory.course_id,
    )


async def remove_unused(session: AsyncSession, *, course_id: int, concept_ids: Iterable[str]) -> int:
    """Delete those concepts that nobody made by hand and nothing mentions, covers, requires or relates."""
    wanted = sorted(set(concept_ids))
    unused: list[str] = []
    await session.flush()
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        statement = select(Concept.id).where(
            Concept.course_id == course_id,
            Concept.id.in_(wanted[start : start + ROWS_AT_ONCE]),
            Concept.by_hand.is_(False),
            ~exists().where(ConceptMention.concept_id == Concept.id),
            ~exists().where(ResourceConcept.concept_id == Concept.id),
            ~exists().where(SkillConcept.concept_id == Concept.id),
            ~exists().where(
                or_(ConceptRelation.source_id == Concept.id, ConceptRelation.target_id == Concept.id)
            ),
        )
        unused += await session.scalars(statement)
    await sql.sync_state.record_many(session, Kind.CONCEPT, unused, deleted=True)
    await _delete_rows(session, unused)
    return len(unused)


async def find_by_names(session: AsyncSession, course_id: int, names: Iterable[str]) -> dict[str, Concept]:
    """Return concepts of a course by the key of a name or an alias."""
    wanted = sorted({keys.name_key(name) for name in names})
    found: dict[str, Concept] = {}
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        part = wanted[start : start + ROWS_AT_ONCE]
        aliases = (
            select(ConceptAlias.key, Concept)
            .join(Concept, Concept.id == ConceptAlias.concept_id)
            .where(ConceptAlias.course_id == course_id, ConceptAlias.key.in_(part))
        )
        found.update({key: concept for key, concept in (await session.execute(aliases)).all()})
        rows = select(Concept).where(Concept.course_id == course_id, Concept.key.in_(part))
        found.update({concept.key: concept for concept in await session.scalars(rows)})
    return found


async def _concept(session: AsyncSession, concept_id: str) -> Concept:
    concept = await session.get(Concept, concept_id)
    if concept is None:
        raise errors.NotFound(Kind.CONCEPT, concept_id, ("id",))
    return concept


def _check_aliases(checker: Checker, aliases: Sequence[str], name: Any) -> None:
    checker.count(("aliases",), aliases, 0, GREATEST_ALIASES)
    seen = {keys.name_key(name)} if isinstance(name, str) else set()
    for index, alias in enumerate(aliases[:GREATEST_ALIASES]):
        path = ("aliases", str(index))
        before = len(checker.found)
        check_name(checker, path, alias)
        if len(checker.found) > before:
            continue
        if keys.name_key(alias) in seen:
            checker.add(path, "This alias is the concept's name or another alias of it.")
        seen.add(keys.name_key(alias))


async def _refuse_taken(
    session: AsyncSession,
    course_id: int,
    name: str | None,
    aliases: Sequence[str],
    concept_id: str | None = None,
) -> None:
    """Raise Conflict DUPLICATE when another concept of the course is found by one of the names."""
    places: Mapping[errors.Path, str] = {
        **({("name",): name} if name is not None else {}),
        **{("aliases", str(index)): alias for index, alias in enumerate(aliases)},
    }
    found = await find_by_names(session, course_id, places.values())
    for path, text in places.items():
        other = found.get(keys.name_key(text))
        if other is not None and other.id != concept_id:
            raise errors.Conflict(
                "DUPLICATE",
                "The course already has a concept of this name or alias.",
                path=path,
                conflicting=(Kind.CONCEPT.value, other.id),
            )


async def _write_aliases(session: AsyncSession, concept: Concept) -> None:
    await session.execute(
        delete(ConceptAlias)
        .where(ConceptAlias.concept_id == concept.id)
        .execution_options(synchronize_session="fetch")
    )
    session.add_all(
        ConceptAlias(course_id=concept.course_id, key=keys.name_key(alias), concept_id=concept.id)
        for alias in concept.aliases
    )
    await session.flush()


async def _mention_count(session: AsyncSession, theory_id: str) -> int:
    statement = select(func.count()).select_from(ConceptMention).where(ConceptMention.theory_id == theory_id)
    return await session.scalar(statement) or 0


async def _delete_rows(session: AsyncSession, concept_ids: Sequence[str]) -> None:
    for start in range(0, len(concept_ids), ROWS_AT_ONCE):
        await session.execute(
            delete(Concept)
            .where(Concept.id.in_(concept_ids[start : start + ROWS_AT_ONCE]))
            .execution_options(synchronize_session="fetch")
        )
