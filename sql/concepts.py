"""Concepts of a course, their names, and what theories say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, links, models
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
from sql.text import Checker
from sql.unset import UNSET

ALIASES_LIMIT = 50
MENTIONS_IN_THEORY = 200
IDS_AT_ONCE = 500


async def create_concept(
    session: AsyncSession,
    *,
    actor_id: int,
    course_id: int,
    name: str,
    aliases: Sequence[str] = (),
    definition: str | None = None,
    text_evidence: str | None = None,
    by_hand: bool = True,
) -> Concept:
    """Add a concept; one made by hand is never removed as unused.

    Raises NotFound, InvalidInput, Conflict DUPLICATE with the concept that has a name or alias, WRONG_STATE.
    """
    await guards.live_course(session, course_id, path=("courseId",))
    checker = Checker()
    key = links.check_name(checker, ("name",), name)
    alias_keys = _check_aliases(checker, aliases, key)
    checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.optional_text(("textEvidence",), text_evidence, models.EVIDENCE_LENGTH)
    checker.raise_if_any()
    await _refuse_taken_names(session, course_id, key, alias_keys)
    concept = Concept(
        id=models.new_id(),
        course_id=course_id,
        name=name,
        key=key,
        aliases=list(aliases),
        definition=definition,
        text_evidence=text_evidence,
        by_hand=by_hand,
    )
    session.add(concept)
    await session.flush()
    await _write_aliases(session, concept, alias_keys)
    await guards.touch(session, concept, Kind.CONCEPT, concept.id)
    await sql.audit.write(session, actor_id, "createConcept", Kind.CONCEPT, concept.id, course_id=course_id)
    return concept


def _check_aliases(checker: Checker, aliases: Any, name_key: str) -> list[str]:
    """Report aliases at fault, also those that repeat each other or the name; return their keys."""
    if aliases is None:
        checker.add(("aliases",), "aliases can not be null.")
        return []
    checker.count(("aliases",), aliases, 0, ALIASES_LIMIT)
    keys: list[str] = []
    for position, alias in enumerate(aliases):
        path = ("aliases", str(position))
        key = links.check_name(checker, path, alias)
        if key and (key in keys or key == name_key):
            checker.add(path, "This alias is the name or another alias of the concept already.")
        keys.append(key)
    return keys


async def names_taken(session: AsyncSession, course_id: int, keys: Iterable[str]) -> dict[str, str]:
    """Return the concept that has a key as its name or alias, for each of some keys that is taken."""
    wanted = sorted(set(keys))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        part = wanted[start : start + IDS_AT_ONCE]
        aliases = await session.execute(
            select(ConceptAlias.key, ConceptAlias.concept_id).where(
                ConceptAlias.course_id == course_id, ConceptAlias.key.in_(part)
            )
        )
        names = await session.execute(
            select(Concept.key, Concept.id).where(Concept.course_id == course_id, Concept.key.in_(part))
        )
        found |= {key: id_ for key, id_ in aliases} | {key: id_ for key, id_ in names}
    return found


async def _refuse_taken_names(
    session: AsyncSession, course_id: int, key: str, alias_keys: Sequence[str], concept_id: str | None = None
) -> None:
    taken = await names_taken(session, course_id, [key, *alias_keys])
    places: list[tuple[errors.Path, str]] = [(("name",), key)]
    places += [(("aliases", str(position)), alias) for position, alias in enumerate(alias_keys)]
    for path, wanted in places:
        other = taken.get(wanted)
        if other is not None and other != concept_id:
            raise errors.Conflict(
                "DUPLICATE",
                "A concept of the course already has this name or alias.",
                path=path,
                conflicting=(Kind.CONCEPT.value, other),
            )


async def _write_aliases(session: AsyncSession, concept: Concept, keys: Sequence[str]) -> None:
    await session.execute(delete(ConceptAlias).where(ConceptAlias.concept_id == concept.id))
    if keys:
        await session.execute(
            insert(ConceptAlias),
            [{"course_id": concept.course_id, "key": key, "concept_id": concept.id} for key in keys],
        )


async def _concept(session: AsyncSession, concept_id: str, path: errors.Path = ()) -> Concept:
    concept = await session.get(Concept, concept_id)
    if concept is None:
        raise errors.NotFound(Kind.CONCEPT, concept_id, path)
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
    """Change a concept; what is UNSET stays, aliases replace those before.

    Raises NotFound, StaleVersion, InvalidInput, Conflict DUPLICATE (with the concept) or WRONG_STATE.
    """
    concept = await _concept(session, concept_id)
    await guards.live_course(session, concept.course_id)
    guards.check_version(concept, expected_version)
    checker = Checker()
    key = concept.key if name is UNSET else links.check_name(checker, ("name",), name)
    wanted_aliases = concept.aliases if aliases is UNSET else aliases
    alias_keys = _check_aliases(checker, wanted_aliases, key)
    if definition is not UNSET:
        checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.raise_if_any()
    await _refuse_taken_names(session, concept.course_id, key, alias_keys, concept_id)
    changes = guards.assign(
        concept,
        {
            "name": name,
            "aliases": UNSET if aliases is UNSET else list(aliases),
            "definition": definition,
        },
    )
    if changes:
        concept.key = key
        await session.flush()
        await _write_aliases(session, concept, alias_keys)
        await guards.touch(session, concept, Kind.CONCEPT, concept_id)
        await sql.audit.write(
            session,
            actor_id,
            "updateConcept",
            Kind.CONCEPT,
            concept_id,
            course_id=concept.course_id,
            changes=changes,
        )
    return concept


async def delete_concept(
    session: AsyncSession, *, actor_id: int, concept_id: str, expected_version: int | None = None
) -> dict[str, int]:
    """Delete a concept with its mentions and relations; return how many of each kind went.

    Skills and resources that were linked to it stay, and are recorded as changed.
    Raises NotFound, StaleVersion, Conflict WRONG_STATE (archived).
    """
    concept = await _concept(session, concept_id)
    course_id = concept.course_id
    await guards.live_course(session, course_id)
    guards.check_version(concept, expected_version)
    mentions = list(
        await session.scalars(select(ConceptMention.theory_id).where(ConceptMention.concept_id == concept_id))
    )
    relations = (
        await session.execute(
            select(ConceptRelation.source_id, ConceptRelation.type, ConceptRelation.target_id).where(
                or_(ConceptRelation.source_id == concept_id, ConceptRelation.target_id == concept_id)
            )
        )
    ).all()
    requiring = select(SkillConcept.skill_id).where(SkillConcept.concept_id == concept_id)
    covering = select(ResourceConcept.resource_id).where(ResourceConcept.concept_id == concept_id)
    skills = (await session.scalars(select(Skill).where(Skill.id.in_(requiring)))).all()
    resources = (await session.scalars(select(Resource).where(Resource.id.in_(covering)))).all()
    await sql.sync_state.record(session, Kind.CONCEPT, concept_id, deleted=True)
    await sql.sync_state.record_many(
        session, Kind.CONCEPT_MENTION, [f"{theory}:{concept_id}" for theory in mentions], deleted=True
    )
    await sql.sync_state.record_many(
        session,
        Kind.CONCEPT_RELATION,
        [f"{source}:{type_.value}:{target}" for source, type_, target in relations],
        deleted=True,
    )
    await session.execute(delete(Concept).where(Concept.id == concept_id))
    await guards.touch_all(session, skills, Kind.SKILL)
    await guards.touch_all(session, resources, Kind.RESOURCE)
    await sql.audit.write(
        session,
        actor_id,
        "deleteConcept",
        Kind.CONCEPT,
        concept_id,
        course_id=course_id,
        changes=[sql.audit.Change("name", concept.name, None)],
    )
    return {
        Kind.CONCEPT.value: 1,
        Kind.CONCEPT_MENTION.value: len(mentions),
        Kind.CONCEPT_RELATION.value: len(relations),
    }


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
    """Write what a theory says of a concept of its course; the same again changes nothing.

    Raises NotFound, InvalidInput, Conflict WRONG_STATE (archived).
    """
    theory = await session.get(Theory, theory_id)
    if theory is None:
        raise errors.NotFound(Kind.THEORY, theory_id, ("theoryId",))
    concept = await _concept(session, concept_id, ("conceptId",))
    if concept.course_id != theory.course_id:
        raise errors.NotFound(Kind.CONCEPT, concept_id, ("conceptId",))
    await guards.live_course(session, theory.course_id)
    checker = Checker()
    checker.optional_text(("definition",), definition, models.DEFINITION_LENGTH)
    checker.optional_text(("textEvidence",), text_evidence, models.EVIDENCE_LENGTH)
    checker.optional_text(("sourceDocument",), source_document, models.TITLE_LENGTH)
    checker.raise_if_any()
    mention = await session.get(ConceptMention, (theory_id, concept_id))
    said = (definition, text_evidence, source_document)
    if mention is None:
        count = await session.scalar(select(func.count()).where(ConceptMention.theory_id == theory_id))
        if (count or 0) >= MENTIONS_IN_THEORY:
            checker.add(("theoryId",), f"A theory speaks of at most {MENTIONS_IN_THEORY} concepts.")
            checker.raise_if_any()
        mention = ConceptMention(theory_id=theory_id, concept_id=concept_id)
        session.add(mention)
    elif (mention.definition, mention.text_evidence, mention.source_document) == said:
        return mention
    mention.definition, mention.text_evidence, mention.source_document = said
    key = f"{theory_id}:{concept_id}"
    await guards.touch(session, mention, Kind.CONCEPT_MENTION, key)
    await sql.audit.write(
        session, actor_id, "setConceptMention", Kind.CONCEPT_MENTION, key, course_id=theory.course_id
    )
    return mention


async def remove_concept_mention(
    session: AsyncSession, *, actor_id: int, theory_id: str, concept_id: str
) -> None:
    """Take a mention away; its concept stays. Raises NotFound, Conflict WRONG_STATE (archived)."""
    key = f"{theory_id}:{concept_id}"
    mention = await session.get(ConceptMention, (theory_id, concept_id))
    theory = await session.get(Theory, theory_id)
    if mention is None or theory is None:
        raise errors.NotFound(Kind.CONCEPT_MENTION, key)
    await guards.live_course(session, theory.course_id)
    await sql.sync_state.record(session, Kind.CONCEPT_MENTION, key, deleted=True)
    await session.delete(mention)
    await sql.audit.write(
        session, actor_id, "removeConceptMention", Kind.CONCEPT_MENTION, key, course_id=theory.course_id
    )


async def remove_unused(session: AsyncSession, *, course_id: int, concept_ids: Iterable[str]) -> int:
    """Delete those of some concepts that nothing needs any more; return how many.

    Unused is what nothing mentions, covers, requires or relates, and no person made by hand.
    """
    wanted = sorted(set(concept_ids))
    await session.flush()
    removed = 0
    for start in range(0, len(wanted), IDS_AT_ONCE):
        unused = list(
            await session.scalars(
                select(Concept.id).where(
                    Concept.id.in_(wanted[start : start + IDS_AT_ONCE]),
                    Concept.course_id == course_id,
                    Concept.by_hand.is_(False),
                    ~exists().where(ConceptMention.concept_id == Concept.id),
                    ~exists().where(SkillConcept.concept_id == Concept.id),
                    ~exists().where(ResourceConcept.concept_id == Concept.id),
                    ~exists().where(
                        or_(ConceptRelation.source_id == Concept.id, ConceptRelation.target_id == Concept.id)
                    ),
                )
            )
        )
        await sql.sync_state.record_many(session, Kind.CONCEPT, unused, deleted=True)
        if unused:
            await session.execute(delete(Concept).where(Concept.id.in_(unused)))
        removed += len(unused)
    return removed
