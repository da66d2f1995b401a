"""What one document writes into its course, and what it takes back of what it wrote before.

`CourseSource.wrote` holds the claims of a document: keys of the rows that it made and of the links that it
added. Only these are ever taken back, so what people and other documents wrote stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import chapters, concepts, cycles, errors, guards, links, models, resources, skills, theories
from sql.concept_relations import prerequisite_edges, record_deleted, relation_key
from sql.extraction_rules import skills_by_names
from sql.extraction_values import DocumentValue
from sql.keys import name_key
from sql.models import (
    Assessment,
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    ConceptRelationType,
    CourseSource,
    EdgeOrigin,
    ExtractionDocument,
    Kind,
    PrerequisiteStatus,
    Resource,
    ResourceConcept,
    ResourceTheory,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    Theory,
)

Pair = tuple[str, str]
RelationKey = tuple[str, ConceptRelationType, str]


def refusal(message: str) -> errors.InvalidInput:
    """Return why a document can not be written."""
    return errors.InvalidInput([errors.FieldError((), message)])


async def write_document(
    session: AsyncSession, document: ExtractionDocument, *, actor_id: int | None
) -> None:
    """Write a document into its course in the open transaction; raise sql.errors.

    A document of which the course has exactly this content writes nothing.
    """
    course_id = document.course_id
    await guards.live_course(session, course_id)
    same = await session.scalar(
        select(CourseSource)
        .where(
            CourseSource.course_id == course_id,
            CourseSource.sha256 == document.sha256,
            # A theory that was deleted since comes back with its document.
            CourseSource.theory_id.is_not(None),
        )
        .order_by(CourseSource.filename != document.filename, CourseSource.filename)
        .limit(1)
    )
    if same is not None:
        document.unchanged = True
        document.theory_id = same.theory_id
        return
    source = await session.get(CourseSource, (course_id, document.filename))
    writer = _Writer(session, course_id, document, source)
    await writer.write()
    if source is None:
        source = CourseSource(course_id=course_id, filename=document.filename)
        session.add(source)
    source.sha256 = document.sha256
    source.theory_id = writer.theory.id
    source.wrote = writer.claims
    source.updated_at = models.now()
    document.theory_id = writer.theory.id
    document.unchanged = False
    await sql.audit.write(
        session,
        actor_id,
        "ingestDocument",
        "EXTRACTION_DOCUMENT",
        document.id,
        course_id=course_id,
        changes=[sql.audit.Change("filename", None, document.filename)],
    )


class _Writer:
    """One document on its way into its course."""

    theory: Theory

    def __init__(
        self,
        session: AsyncSession,
        course_id: int,
        document: ExtractionDocument,
        source: CourseSource | None,
    ) -> None:
        self.session = session
        self.course_id = course_id
        self.value = DocumentValue.of(document.payload)
        self.filename = document.filename
        self.sha256 = document.sha256
        self.before: dict[str, Any] = dict(source.wrote) if source else {}
        self.former_theory_id = source.theory_id if source else None
        self.claims: dict[str, Any] = {"stated": {}}
        self.others: list[CourseSource] = []
        self.concept_ids: dict[str, str] = {}
        self.skill_ids: dict[str, str] = {}

    async def write(self) -> None:
        """Write everything, then take back what the document no longer says."""
        rows = await self.session.scalars(
            select(CourseSource).where(
                CourseSource.course_id == self.course_id, CourseSource.filename != self.filename
            )
        )
        self.others = list(rows)
        await self._write_theory()
        await self._write_concepts()
        await self._write_mentions()
        await self._write_relations()
        await self._write_skills()
        await self._write_prerequisites()
        await self._write_resources()
        touched = {*self.before.get("concepts", ()), *self.before.get("mentions", ())}
        touched |= {end for key in self.before.get("relations", ()) for end in (key[0], key[2])}
        for name in ("skill_concepts", "resource_concepts"):
            touched |= {concept_id for _, concept_id in self.before.get(name, ())}
        await concepts.remove_unused(self.session, course_id=self.course_id, concept_ids=touched)

    def _hand_over(self, name: str, keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], CourseSource]:
        """Give claims that are dropped here to another document that states the same; return who has them now."""
        heirs: dict[tuple[str, ...], CourseSource] = {}
        for key in keys:
            for other in self.others:
                if list(key) in other.wrote.get("stated", {}).get(name, ()):
                    claims = other.wrote.get(name, [])
                    other.wrote = {**other.wrote, name: [*claims, list(key)]}
                    heirs[key] = other
                    break
        return heirs

    async def _write_theory(self) -> None:
        value = self.value
        said = {"name": value.topic, "summary": value.summary}
        theory = await self.session.get(Theory, self.former_theory_id) if self.former_theory_id else None
        if theory is not None:
            former: dict[str, Any] = self.before.get("theory", {})
            # A value that somebody changed since is no longer what the document said.
            changes = {
                key: text
                for key, text in said.items()
                if key in former and getattr(theory, key) == former[key]
            }
            if guards.assign(theory, changes):
                await guards.touch(self.session, theory, Kind.THEORY, theory.id)
            self.claims["theory"] = {key: said[key] for key in changes}
        else:
            theory = await self._find_or_make_theory(said)
        self.theory = theory

    async def _find_or_make_theory(self, said: dict[str, str | None]) -> Theory:
        chapter = await self._find_or_make_chapter(self.value.chapter or self.value.topic)
        present = await theories.theories_of(self.session, chapter.id)
        owned = set(
            await self.session.scalars(
                select(CourseSource.theory_id).where(CourseSource.course_id == self.course_id)
            )
        )
        for theory in present:
            if name_key(theory.name) == name_key(self.value.topic) and theory.id not in owned:
                self.claims["theory"] = {}
                if theory.summary is None and said["summary"] is not None:
                    theory.summary = said["summary"]
                    self.claims["theory"] = {"summary": said["summary"]}
                    await guards.touch(self.session, theory, Kind.THEORY, theory.id)
                return theory
        if len(present) >= theories.GREATEST_COUNT:
            raise refusal(f"The chapter {chapter.name!r} has {len(present)} theories and takes no more.")
        theory = Theory(
            id=models.new_id(),
            course_id=self.course_id,
            chapter_id=chapter.id,
            order=len(present),
            name=self.value.topic,
            summary=self.value.summary,
        )
        self.session.add(theory)
        await guards.touch(self.session, theory, Kind.THEORY, theory.id)
        await theories.put_in_order(self.session, chapter.id, [*present, theory])
        self.claims["theory"] = said
        return theory

    async def _find_or_make_chapter(self, name: str) -> Chapter:
        present = await chapters.chapters_of(self.session, self.course_id)
        for chapter in present:
            if name_key(chapter.name) == name_key(name):
                return chapter
        if len(present) >= chapters.GREATEST_COUNT:
            raise refusal(f"The course has {len(present)} chapters and takes no more.")
        chapter = Chapter(id=models.new_id(), course_id=self.course_id, name=name, order=len(present))
        self.session.add(chapter)
        await guards.touch(self.session, chapter, Kind.CHAPTER, chapter.id)
        await chapters.put_in_order(self.session, self.course_id, [*present, chapter])
        return chapter

    async def _write_concepts(self) -> None:
        value = self.value
        names = [concept.name for concept in value.concepts]
        names += [name for skill in value.skills for name in skill.concepts]
        names += [name for item in value.relations for name in (item.source, item.target)]
        names += [name for resource in value.resources for name in resource.concepts]
        self.concept_ids = await concepts.names_taken(
            self.session, self.course_id, [name_key(name) for name in names]
        )
        made = [
            Concept(
                id=models.new_id(),
                course_id=self.course_id,
                name=concept.name,
                key=name_key(concept.name),
                definition=concept.definition,
                text_evidence=concept.text_evidence,
                by_hand=False,
            )
            for concept in value.concepts
            if name_key(concept.name) not in self.concept_ids
        ]
        self.session.add_all(made)
        defined = await self._define_concepts(made)
        await guards.touch_all(self.session, [*made, *defined], Kind.CONCEPT)
        self.concept_ids |= {concept.key: concept.id for concept in made}
        self.claims["concepts"] = sorted(
            {concept.id for concept in made} | set(self.before.get("concepts", ()))
        )

    async def _define_concepts(self, made: list[Concept]) -> list[Concept]:
        """Define concepts of the course that lack a definition, or have the former one of this document."""
        said = {
            id_: concept
            for concept in self.value.concepts
            if concept.definition is not None and (id_ := self.concept_ids.get(name_key(concept.name)))
        }
        former: dict[str, str] = self.before.get("definitions", {})
        claims: dict[str, str | None] = {
            concept.id: concept.definition for concept in made if concept.definition is not None
        }
        changed = []
        for row in await self.session.scalars(select(Concept).where(Concept.id.in_(list(said)))):
            if row.definition is not None and row.definition != former.get(row.id):
                continue  # somebody else's: theirs stays
            value = said[row.id]
            claims[row.id] = value.definition
            if guards.assign(row, {"definition": value.definition, "text_evidence": value.text_evidence}):
                changed.append(row)
        self.claims["definitions"] = claims
        return changed

    def _concept(self, name: str) -> str:
        found = self.concept_ids.get(name_key(name))
        if found is None:
            raise refusal(f"Neither the document nor the course has a concept {name!r}.")
        return found

    async def _write_mentions(self) -> None:
        rows = await self.session.scalars(
            select(ConceptMention).where(ConceptMention.theory_id == self.theory.id)
        )
        present = {row.concept_id: row for row in rows}
        mine = set(self.before.get("mentions", ()))
        changed: list[ConceptMention] = []
        claimed: set[str] = set()
        for value in self.value.concepts:
            concept_id = self._concept(value.name)
            row = present.get(concept_id)
            said = {
                "definition": value.definition,
                "text_evidence": value.text_evidence,
                "source_document": self.filename,
            }
            if row is None:
                row = ConceptMention(theory_id=self.theory.id, concept_id=concept_id, **said)
                self.session.add(row)
                present[concept_id] = row
                changed.append(row)
            elif concept_id not in mine or row.source_document != self.filename:
                continue  # somebody else says it
            elif concept_id not in claimed and guards.assign(row, said):
                changed.append(row)
            claimed.add(concept_id)
        gone = [
            row
            for concept_id, row in present.items()
            if concept_id in mine - claimed and row.source_document == self.filename
        ]
        if len(present) - len(gone) > concepts.MENTIONS_IN_THEORY:
            raise refusal(f"A theory speaks of at most {concepts.MENTIONS_IN_THEORY} concepts.")
        await _touch_keyed(
            self.session, Kind.CONCEPT_MENTION, {f"{row.theory_id}:{row.concept_id}": row for row in changed}
        )
        keys = [f"{row.theory_id}:{row.concept_id}" for row in gone]
        await sql.sync_state.record_many(self.session, Kind.CONCEPT_MENTION, keys, deleted=True)
        for row in gone:
            await self.session.delete(row)
        await self.session.flush()
        self.claims["mentions"] = sorted(claimed)

    async def _write_relations(self) -> None:
        wanted: dict[RelationKey, str | None] = {}
        for value in self.value.relations:
            source, target = self._concept(value.source), self._concept(value.target)
            if source == target:
                raise refusal(f"{value.source!r} and {value.target!r} are one concept of the course.")
            if value.type is ConceptRelationType.RELATED_TO:
                source, target = min(source, target), max(source, target)
            wanted.setdefault((source, value.type, target), value.reason)
        mine = {
            (source, ConceptRelationType(type_), target)
            for source, type_, target in self.before.get("relations", ())
        }
        ends = {end for source, _, target in {*wanted, *mine} for end in (source, target)}
        rows = await self.session.scalars(
            select(ConceptRelation).where(
                ConceptRelation.course_id == self.course_id, ConceptRelation.source_id.in_(ends)
            )
        )
        present = {(row.source_id, row.type, row.target_id): row for row in rows}
        # What a person has written since is nobody's to take back.
        mine = {key for key in mine if key in present and present[key].origin is EdgeOrigin.EXTRACTED}
        self.claims["stated"]["relations"] = [
            [source, type_.value, target] for source, type_, target in wanted
        ]
        gone = mine - set(wanted)
        heirs = self._hand_over("relations", [(source, type_.value, end) for source, type_, end in gone])
        for (source, type_text, end), heir in heirs.items():
            key = (source, ConceptRelationType(type_text), end)
            present[key].source_sha256 = heir.sha256
            gone.discard(key)
        await record_deleted(self.session, sorted(gone))
        for key in gone:
            await self.session.delete(present[key])
        await self.session.flush()
        edges = await prerequisite_edges(self.session, self.course_id)
        changed: dict[str, ConceptRelation] = {}
        claimed: list[RelationKey] = []
        for key, reason in wanted.items():
            source, type_, target = key
            row = present.get(key)
            if row is None and type_ is ConceptRelationType.RELATED_TO and (target, type_, source) in present:
                continue  # kept the other way round
            if row is None:
                if type_ is ConceptRelationType.PREREQUISITE:
                    cycle = cycles.closed_cycle(edges, source, target)
                    if cycle is not None:
                        raise errors.Cycle(Kind.CONCEPT, cycle, await self._cycle_message(cycle))
                    edges.setdefault(source, []).append(target)
                row = ConceptRelation(
                    source_id=source,
                    type=type_,
                    target_id=target,
                    course_id=self.course_id,
                    reason=reason,
                    origin=EdgeOrigin.EXTRACTED,
                    source_sha256=self.sha256,
                )
                self.session.add(row)
                changed[relation_key(*key)] = row
            elif key not in mine:
                continue
            else:
                # Whose hash it carries is no news for the graph.
                row.source_sha256 = self.sha256
                if guards.assign(row, {"reason": reason}):
                    changed[relation_key(*key)] = row
            claimed.append(key)
        await _touch_keyed(self.session, Kind.CONCEPT_RELATION, changed)
        self.claims["relations"] = [[source, type_.value, target] for source, type_, target in claimed]

    async def _cycle_message(self, cycle: list[str]) -> str:
        rows = await self.session.execute(select(Concept.id, Concept.name).where(Concept.id.in_(cycle[:50])))
        names = {id_: name for id_, name in rows}
        way = " -> ".join(names.get(key, key) for key in cycle[:50])
        return f"A relation would close a cycle of prerequisites: {way}."

    async def _write_skills(self) -> None:
        value = self.value
        names = [skill.name for skill in value.skills]
        names += [name for edge in value.prerequisites for name in (edge.prerequisite, edge.dependent)]
        self.skill_ids = await skills_by_names(self.session, self.course_id, names)
        mine = set(self.before.get("skills", ()))
        made: list[Skill] = []
        changed: set[str] = set()
        for item in value.skills:
            key = name_key(item.name)
            if key not in self.skill_ids:
                skill = Skill(
                    id=models.new_id(),
                    course_id=self.course_id,
                    name=item.name,
                    name_key=key,
                    description=item.description,
                )
                self.skill_ids[key] = skill.id
                made.append(skill)
        count = await self.session.scalar(select(func.count()).where(Skill.course_id == self.course_id))
        if made and (count or 0) + len(made) > skills.SKILLS_IN_COURSE:
            raise refusal(f"A course has at most {skills.SKILLS_IN_COURSE:,} skills.")
        self.session.add_all(made)
        await self.session.flush()
        named = {self.skill_ids[name_key(item.name)] for item in value.skills}
        wanted = {
            (self.skill_ids[name_key(item.name)], self._concept(name))
            for item in value.skills
            for name in item.concepts
        }
        changed |= {skill.id for skill in made}
        changed |= await self._link(
            "skill_theories",
            SkillTheory.skill_id,
            SkillTheory.theory_id,
            {(id_, self.theory.id) for id_ in named},
        )
        changed |= await self._link("skill_concepts", SkillConcept.skill_id, SkillConcept.concept_id, wanted)
        taught = await self.session.scalar(
            select(func.count()).where(SkillTheory.theory_id == self.theory.id)
        )
        if (taught or 0) > skills.SKILLS_IN_THEORY:
            raise refusal(f"A theory has at most {skills.SKILLS_IN_THEORY} skills.")
        gone = await self._drop_skills(sorted(mine - named))
        self.claims["skills"] = sorted((mine | {skill.id for skill in made}) - gone)
        rows = await self.session.scalars(select(Skill).where(Skill.id.in_(changed - gone)))
        await guards.touch_all(self.session, list(rows), Kind.SKILL)

    async def _drop_skills(self, ids: list[str]) -> set[str]:
        """Delete skills that only this document had: not taught, assessed or decided about by anybody."""
        if not ids:
            return set()
        decided = or_(
            SkillPrerequisite.status != PrerequisiteStatus.PROPOSED,
            SkillPrerequisite.origin == EdgeOrigin.TEACHER,
        )
        edge_ends = or_(
            SkillPrerequisite.prerequisite_id == Skill.id, SkillPrerequisite.dependent_id == Skill.id
        )
        statement = select(Skill.id).where(
            Skill.id.in_(ids),
            ~select(SkillTheory.skill_id).where(SkillTheory.skill_id == Skill.id).exists(),
            ~select(Assessment.id).where(Assessment.skill_id == Skill.id).exists(),
            ~select(SkillPrerequisite.course_id).where(edge_ends, decided).exists(),
        )
        gone = set(await self.session.scalars(statement))
        if gone:
            await sql.sync_state.record_many(self.session, Kind.SKILL, sorted(gone), deleted=True)
            await skills.record_deleted_edges(self.session, sorted(gone))
            await self.session.execute(delete(Skill).where(Skill.id.in_(gone)))
        return gone

    async def _write_prerequisites(self) -> None:
        wanted: dict[Pair, tuple[str | None, float]] = {}
        for value in self.value.prerequisites:
            ends = [self.skill_ids.get(name_key(name)) for name in (value.prerequisite, value.dependent)]
            if ends[0] is None or ends[1] is None:
                raise refusal(
                    f"Neither the document nor the course has {value.prerequisite!r} and {value.dependent!r}."
                )
            if ends[0] != ends[1]:
                wanted.setdefault((ends[0], ends[1]), (value.reason, float(value.strength)))
        mine: set[Pair] = {(first, then) for first, then in self.before.get("prerequisites", ())}
        present = await skills.prerequisites_by_keys(self.session, sorted({*wanted, *mine}))
        mine = {
            key
            for key in mine & set(present)
            if present[key].origin is EdgeOrigin.EXTRACTED
            and present[key].status is PrerequisiteStatus.PROPOSED
        }
        self.claims["stated"]["prerequisites"] = [list(key) for key in wanted]
        dropped = mine - set(wanted)
        gone = sorted(dropped - set(self._hand_over("prerequisites", dropped)))
        await sql.sync_state.record_many(
            self.session, Kind.SKILL_PREREQUISITE, [f"{first}:{then}" for first, then in gone], deleted=True
        )
        for key in gone:
            await self.session.delete(present[key])
        await self.session.flush()
        room = await self._room_for_prerequisites({then for _, then in wanted})
        changed: dict[str, SkillPrerequisite] = {}
        claimed: list[Pair] = []
        for key, (reason, strength) in wanted.items():
            row = present.get(key)
            if row is not None and key not in mine:
                continue  # decided, or somebody else's: not proposed again
            if row is None:
                room[key[1]] -= 1
                if room[key[1]] < 0:
                    raise refusal(f"A skill has at most {skills.DIRECT_PREREQUISITES} direct prerequisites.")
                row = SkillPrerequisite(
                    prerequisite_id=key[0],
                    dependent_id=key[1],
                    course_id=self.course_id,
                    reason=reason,
                    strength=strength,
                    origin=EdgeOrigin.EXTRACTED,
                    status=PrerequisiteStatus.PROPOSED,
                )
                self.session.add(row)
                changed[f"{key[0]}:{key[1]}"] = row
            elif guards.assign(row, {"reason": reason, "strength": strength}):
                changed[f"{key[0]}:{key[1]}"] = row
            claimed.append(key)
        await _touch_keyed(self.session, Kind.SKILL_PREREQUISITE, changed)
        self.claims["prerequisites"] = [list(key) for key in claimed]

    async def _room_for_prerequisites(self, dependent_ids: set[str]) -> dict[str, int]:
        rows = await self.session.execute(
            select(SkillPrerequisite.dependent_id, func.count())
            .where(
                SkillPrerequisite.dependent_id.in_(dependent_ids),
                SkillPrerequisite.status != PrerequisiteStatus.REJECTED,
            )
            .group_by(SkillPrerequisite.dependent_id)
        )
        room = dict.fromkeys(dependent_ids, skills.DIRECT_PREREQUISITES)
        for dependent_id, count in rows:
            room[dependent_id] -= count
        return room

    async def _write_resources(self) -> None:
        addresses = [resources.normal_url(item.url) for item in self.value.resources]
        rows = await self.session.execute(
            select(Resource.url, Resource.id).where(
                Resource.course_id == self.course_id, Resource.url.in_(addresses)
            )
        )
        ids = {url: id_ for url, id_ in rows}
        mine = set(self.before.get("resources", ()))
        made: list[Resource] = []
        for url, item in zip(addresses, self.value.resources, strict=True):
            if url not in ids:
                resource = Resource(
                    id=models.new_id(), course_id=self.course_id, kind=item.kind, title=item.title, url=url
                )
                ids[url] = resource.id
                made.append(resource)
        self.session.add_all(made)
        await self.session.flush()
        named = {ids[url] for url in addresses}
        wanted = {
            (ids[url], self._concept(name))
            for url, item in zip(addresses, self.value.resources, strict=True)
            for name in item.concepts
        }
        changed = {resource.id for resource in made}
        changed |= await self._link(
            "resource_theories",
            ResourceTheory.resource_id,
            ResourceTheory.theory_id,
            {(id_, self.theory.id) for id_ in named},
        )
        changed |= await self._link(
            "resource_concepts", ResourceConcept.resource_id, ResourceConcept.concept_id, wanted
        )
        kinds = await self.session.execute(
            select(Resource.kind, func.count())
            .join(ResourceTheory, ResourceTheory.resource_id == Resource.id)
            .where(ResourceTheory.theory_id == self.theory.id)
            .group_by(Resource.kind)
        )
        if any(count > resources.RESOURCES_IN_THEORY for _, count in kinds):
            raise refusal(f"A theory has at most {resources.RESOURCES_IN_THEORY} of each kind of resource.")
        unlinked = select(Resource.id).where(
            Resource.id.in_(mine - named),
            ~select(ResourceTheory.resource_id).where(ResourceTheory.resource_id == Resource.id).exists(),
        )
        gone = set(await self.session.scalars(unlinked))
        if gone:
            await sql.sync_state.record_many(self.session, Kind.RESOURCE, sorted(gone), deleted=True)
            await self.session.execute(delete(Resource).where(Resource.id.in_(gone)))
        self.claims["resources"] = sorted((mine | {resource.id for resource in made}) - gone)
        found = await self.session.scalars(select(Resource).where(Resource.id.in_(changed - gone)))
        await guards.touch_all(self.session, list(found), Kind.RESOURCE)

    async def _link(self, name: str, owner: Any, other: Any, wanted: set[Pair]) -> set[str]:
        """Add the links wanted and take back claimed ones that are not; return the owners that changed."""
        mine: set[Pair] = {(first, second) for first, second in self.before.get(name, ())}
        owners = sorted({first for first, _ in wanted | mine})
        rows = await self.session.execute(select(owner, other).where(owner.in_(owners)))
        present: set[Pair] = {(first, second) for first, second in rows}
        self.claims["stated"][name] = [list(pair) for pair in sorted(wanted)]
        dropped = (mine & present) - wanted
        gone = sorted(dropped - set(self._hand_over(name, dropped)))
        added = sorted(wanted - present)
        table = owner.class_
        for first, second in gone:
            await self.session.execute(delete(table).where(owner == first, other == second))
        _refuse_too_many(present - set(gone) | set(added))
        if added:
            await self.session.execute(
                insert(table), [{owner.key: first, other.key: second} for first, second in added]
            )
        self.claims[name] = [list(pair) for pair in sorted((mine & present & wanted) | set(added))]
        return {first for first, _ in [*gone, *added]}


def _refuse_too_many(pairs: Iterable[Pair]) -> None:
    counts: dict[str, int] = {}
    for first, _ in pairs:
        counts[first] = counts.get(first, 0) + 1
    if any(count > links.LINKS_LIMIT for count in counts.values()):
        raise refusal(f"A skill or resource has at most {links.LINKS_LIMIT} theories and as many concepts.")


async def _touch_keyed(session: AsyncSession, kind: Kind, rows: dict[str, Any]) -> None:
    versions = await sql.sync_state.record_many(session, kind, list(rows))
    moment = models.now()
    for key, row in rows.items():
        row.version = versions[key]
        row.updated_at = moment
    await session.flush()
