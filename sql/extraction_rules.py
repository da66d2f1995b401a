"""What can be wrong with extracted documents: everything is found at once, with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import concepts, cycles, errors, links, models
from sql.extraction_values import DocumentValue, Finding, FindingKind, Severity
from sql.keys import name_key
from sql.models import (
    Concept,
    ConceptRelation,
    ConceptRelationType,
    CourseSource,
    PrerequisiteStatus,
    Skill,
    SkillPrerequisite,
)
from sql.resources import check_url
from sql.text import Checker, storable

GREATEST_FINDINGS = 500
GREATEST_TEXT = 200_000
GREATEST_CONCEPTS = 200
GREATEST_SKILLS = 50
GREATEST_RELATIONS = 500
GREATEST_PREREQUISITES = 200
GREATEST_RESOURCES = 50  # of each kind
KEYS_AT_ONCE = 500

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

Place = tuple[str, ...]


class _Findings:
    """Collects findings of one document."""

    def __init__(self, index: int) -> None:
        self.index = str(index)
        self.found: list[Finding] = []

    def add(self, kind: FindingKind, path: Place, message: str, severity: Severity = "ERROR") -> None:
        self.found.append(Finding(severity, kind, (self.index, *path), message))

    def check(self, check: Callable[[Checker], object]) -> bool:
        """Run a check of values; return whether all of them are valid."""
        checker = Checker()
        check(checker)
        for item in checker.found:
            self.add("INVALID_VALUE", item.path, item.message)
        return not checker.found


async def find_doubts(
    session: AsyncSession, *, course_id: int, documents: Sequence[DocumentValue]
) -> list[Finding]:
    """Return everything doubtful about documents for a course, errors first; a constant number of SELECTs."""
    reports = [_Findings(index) for index in range(len(documents))]
    filenames: set[str] = set()
    for document, report in zip(documents, reports, strict=True):
        if document.filename in filenames:
            report.add("DUPLICATE_NAME", ("filename",), "Another document given has this file name.")
        filenames.add(document.filename)
        _check_document(document, report)
    names = {name_key(name) for document in documents for name in _concept_names(document)}
    taken = await concepts.names_taken(session, course_id, names)
    skill_ids = await _skills_by_keys(session, course_id, documents)
    known = set(taken)
    known_skills = set(skill_ids)
    for document, report in zip(documents, reports, strict=True):
        # What a document before this one brings is there when this one is worked on.
        known |= {name_key(concept.name) for concept in document.concepts}
        known_skills |= {name_key(skill.name) for skill in document.skills}
        _check_references(document, report, known, known_skills)
    await _check_cycles(session, course_id, documents, reports, taken)
    await _check_skill_cycles(session, course_id, documents, reports, skill_ids)
    found = [finding for report in reports for finding in report.found]
    return sorted(found, key=lambda finding: finding.severity != "ERROR")[:GREATEST_FINDINGS]


def _check_document(document: DocumentValue, report: _Findings) -> None:
    def values(checker: Checker) -> None:
        checker.text(("filename",), document.filename, models.TITLE_LENGTH)
        if not _SHA256.fullmatch(document.sha256):
            checker.add(("sha256",), "sha256 must have 64 hexadecimal digits.")
        if document.text is not None and len(document.text) > GREATEST_TEXT:
            checker.add(("text",), f"text must have at most {GREATEST_TEXT:,} characters.")
        if document.chapter is not None:
            links.check_name(checker, ("chapter",), document.chapter)
        links.check_name(checker, ("topic",), document.topic)
        checker.optional_text(("summary",), document.summary, models.SUMMARY_LENGTH)
        for index, keyword in enumerate(document.keywords):
            checker.text(("keywords", str(index)), keyword, models.NAME_LENGTH)
        checker.count(("concepts",), document.concepts, 0, GREATEST_CONCEPTS)
        checker.count(("skills",), document.skills, 0, GREATEST_SKILLS)
        checker.count(("relations",), document.relations, 0, GREATEST_RELATIONS)
        checker.count(("prerequisites",), document.prerequisites, 0, GREATEST_PREREQUISITES)
        for kind in models.ResourceKind:
            if sum(resource.kind == kind for resource in document.resources) > GREATEST_RESOURCES:
                checker.add(("resources",), f"resources must have at most {GREATEST_RESOURCES} of {kind}.")

    report.check(values)
    if not 5 <= len(document.keywords) <= 10:
        message = f"A document should have 5 to 10 keywords, not {len(document.keywords)}."
        report.add("KEYWORD_COUNT", ("keywords",), message, "WARNING")
    _check_concepts(document, report)
    _check_skills(document, report)
    _check_edges(document, report)
    _check_resources(document, report)


def _check_concepts(document: DocumentValue, report: _Findings) -> None:
    text = None if document.text is None else name_key(document.text[:GREATEST_TEXT])
    seen: set[str] = set()
    for index, concept in enumerate(document.concepts[:GREATEST_CONCEPTS]):
        place = ("concepts", str(index))
        checker = Checker()
        key = links.check_name(checker, (*place, "name"), concept.name)
        checker.optional_text((*place, "definition"), concept.definition, models.DEFINITION_LENGTH)
        checker.optional_text((*place, "textEvidence"), concept.text_evidence, models.EVIDENCE_LENGTH)
        for item in checker.found:
            report.add("INVALID_VALUE", item.path, item.message)
        if key and key in seen:
            report.add("DUPLICATE_NAME", (*place, "name"), f"{concept.name!r} is named twice.")
        seen.add(key)
        if text is not None and concept.text_evidence and name_key(concept.text_evidence) not in text:
            message = f"The quote for {concept.name!r} is not in the text."
            report.add("EVIDENCE_NOT_FOUND", (*place, "textEvidence"), message, "WARNING")


def _check_skills(document: DocumentValue, report: _Findings) -> None:
    seen: set[str] = set()
    for index, skill in enumerate(document.skills[:GREATEST_SKILLS]):
        place = ("skills", str(index))
        checker = Checker()
        key = links.check_name(checker, (*place, "name"), skill.name)
        checker.optional_text((*place, "description"), skill.description, models.DESCRIPTION_LENGTH)
        checker.count((*place, "concepts"), skill.concepts, 0, links.LINKS_LIMIT)
        for item in checker.found:
            report.add("INVALID_VALUE", item.path, item.message)
        if key and key in seen:
            report.add("DUPLICATE_NAME", (*place, "name"), f"{skill.name!r} is named twice.")
        seen.add(key)


def _check_edges(document: DocumentValue, report: _Findings) -> None:
    relations: set[tuple[str, ...]] = set()
    for index, relation in enumerate(document.relations[:GREATEST_RELATIONS]):
        place = ("relations", str(index))
        ends = (name_key(relation.source), name_key(relation.target))
        if relation.type is ConceptRelationType.RELATED_TO:
            ends = (min(ends), max(ends))
        _check_edge(report, place, relation.reason, ends, "target")
        if (relation.type.value, *ends) in relations:
            report.add("DUPLICATE_NAME", place, "This relation is stated twice.")
        relations.add((relation.type.value, *ends))
    prerequisites: set[tuple[str, ...]] = set()
    for index, edge in enumerate(document.prerequisites[:GREATEST_PREREQUISITES]):
        place = ("prerequisites", str(index))
        ends = (name_key(edge.prerequisite), name_key(edge.dependent))
        _check_edge(report, place, edge.reason, ends, "dependent")
        checker = Checker()
        checker.between((*place, "strength"), edge.strength, 0, 1, above=True)
        for item in checker.found:
            report.add("INVALID_VALUE", item.path, item.message)
        if ends in prerequisites:
            report.add("DUPLICATE_NAME", place, "This prerequisite is stated twice.")
        prerequisites.add(ends)


def _check_edge(
    report: _Findings, place: Place, reason: str | None, ends: tuple[str, str], last: str
) -> None:
    report.check(lambda checker: checker.optional_text((*place, "reason"), reason, models.REASON_LENGTH))
    if ends[0] == ends[1]:
        report.add("INVALID_VALUE", (*place, last), "An edge can not lead to where it starts.")


def _check_resources(document: DocumentValue, report: _Findings) -> None:
    seen: set[str] = set()
    for index, resource in enumerate(document.resources[: 2 * GREATEST_RESOURCES]):
        place = ("resources", str(index))
        checker = Checker()
        checker.text((*place, "title"), resource.title, models.TITLE_LENGTH)
        address = check_url(checker, (*place, "url"), resource.url)
        checker.count((*place, "concepts"), resource.concepts, 0, links.LINKS_LIMIT)
        for item in checker.found:
            report.add("INVALID_VALUE", item.path, item.message)
        if address and address in seen:
            report.add("DUPLICATE_NAME", (*place, "url"), "This address is given twice.")
        seen.add(address)


def _concept_names(document: DocumentValue) -> list[str]:
    names = [concept.name for concept in document.concepts]
    names += [name for skill in document.skills for name in skill.concepts]
    names += [name for relation in document.relations for name in (relation.source, relation.target)]
    names += [name for resource in document.resources for name in resource.concepts]
    return _findable(names)


def _findable(names: Iterable[str]) -> list[str]:
    # What no database keeps is reported elsewhere, and may not reach one.
    return [name for name in names if len(name) <= models.NAME_LENGTH and storable(name)]


def _check_references(
    document: DocumentValue, report: _Findings, known: set[str], known_skills: set[str]
) -> None:
    def concept(name: str, *place: str) -> None:
        if name_key(name) not in known:
            message = f"Neither the document nor the course has a concept {name[:100]!r}."
            report.add("UNKNOWN_CONCEPT", place, message)

    def skill(name: str, *place: str) -> None:
        if name_key(name) not in known_skills:
            message = f"Neither the document nor the course has a skill {name[:100]!r}."
            report.add("INVALID_VALUE", place, message)

    for index, item in enumerate(document.skills):
        for position, name in enumerate(item.concepts):
            concept(name, "skills", str(index), "concepts", str(position))
    for index, relation in enumerate(document.relations):
        concept(relation.source, "relations", str(index), "source")
        concept(relation.target, "relations", str(index), "target")
    for index, resource in enumerate(document.resources):
        for position, name in enumerate(resource.concepts):
            concept(name, "resources", str(index), "concepts", str(position))
    for index, edge in enumerate(document.prerequisites):
        skill(edge.prerequisite, "prerequisites", str(index), "prerequisite")
        skill(edge.dependent, "prerequisites", str(index), "dependent")


async def _skills_by_keys(
    session: AsyncSession, course_id: int, documents: Sequence[DocumentValue]
) -> dict[str, str]:
    names = [
        name
        for document in documents
        for name in (
            *(skill.name for skill in document.skills),
            *(end for edge in document.prerequisites for end in (edge.prerequisite, edge.dependent)),
        )
    ]
    return await skills_by_names(session, course_id, _findable(names))


async def skills_by_names(session: AsyncSession, course_id: int, names: Sequence[str]) -> dict[str, str]:
    """Return the skill of a course for each key of some names that is taken."""
    wanted = sorted({name_key(name) for name in names})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        rows = await session.execute(
            select(Skill.name_key, Skill.id).where(
                Skill.course_id == course_id, Skill.name_key.in_(wanted[start : start + KEYS_AT_ONCE])
            )
        )
        found |= {key: id_ for key, id_ in rows}
    return found


async def _check_cycles(
    session: AsyncSession,
    course_id: int,
    documents: Sequence[DocumentValue],
    reports: Sequence[_Findings],
    taken: dict[str, str],
) -> None:
    """Report documents whose PREREQUISITE relations close a cycle with the course's and earlier documents'."""
    stated = [
        [
            (index, _end(taken, relation.source), _end(taken, relation.target))
            for index, relation in enumerate(document.relations)
            if relation.type is ConceptRelationType.PREREQUISITE
        ]
        for document in documents
    ]
    if not any(stated):
        return
    # What an earlier version of these documents said is about to be replaced.
    former = select(CourseSource.sha256).where(
        CourseSource.course_id == course_id,
        CourseSource.filename.in_([item.filename for item in documents if storable(item.filename)]),
    )
    rows = await session.execute(
        select(ConceptRelation.source_id, ConceptRelation.target_id).where(
            ConceptRelation.course_id == course_id,
            ConceptRelation.type == ConceptRelationType.PREREQUISITE,
            or_(ConceptRelation.source_sha256.is_(None), ConceptRelation.source_sha256.not_in(former)),
        )
    )
    ids = [id_ for edges in stated for _, *ends in edges for id_ in ends]
    named = await session.execute(select(Concept.id, Concept.name).where(Concept.id.in_(ids[:KEYS_AT_ONCE])))
    _add_stated(
        [(source, target) for source, target in rows],
        stated,
        reports,
        "relations",
        "ERROR",
        {id_: name for id_, name in named},
    )


async def _check_skill_cycles(
    session: AsyncSession,
    course_id: int,
    documents: Sequence[DocumentValue],
    reports: Sequence[_Findings],
    taken: dict[str, str],
) -> None:
    """Warn of suggested prerequisites that could not all be approved."""
    stated = [
        [
            (index, _end(taken, edge.prerequisite), _end(taken, edge.dependent))
            for index, edge in enumerate(document.prerequisites)
        ]
        for document in documents
    ]
    if not any(stated):
        return
    rows = await session.execute(
        select(SkillPrerequisite.prerequisite_id, SkillPrerequisite.dependent_id).where(
            SkillPrerequisite.course_id == course_id,
            SkillPrerequisite.status == PrerequisiteStatus.APPROVED,
        )
    )
    _add_stated([(first, then) for first, then in rows], stated, reports, "prerequisites", "WARNING", {})


def _end(taken: dict[str, str], name: str) -> str:
    key = name_key(name)
    return taken.get(key, key)


def _add_stated(
    edges: list[tuple[str, str]],
    stated: Sequence[Sequence[tuple[int, str, str]]],
    reports: Sequence[_Findings],
    field: str,
    severity: Severity,
    names: dict[str, str],
) -> None:
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    everything = [*edges, *((source, target) for part in stated for _, source, target in part)]
    if cycles.find_any_cycle([(source, target) for source, target in everything if source != target]) is None:
        return
    for part, report in zip(stated, reports, strict=True):
        for index, source, target in part:
            if source == target:
                continue
            cycle = cycles.closed_cycle(following, source, target)
            if cycle is None:
                following.setdefault(source, []).append(target)
                continue
            way = " -> ".join(names.get(end, end) for end in cycle[:10])
            report.add("CYCLE", (field, str(index)), f"This would close a cycle: {way}.", severity)


def as_invalid_input(findings: Sequence[Finding]) -> errors.InvalidInput:
    """Return the refusal that tells every error among findings."""
    return errors.InvalidInput(
        [
            errors.FieldError(("documents", *finding.path), finding.message)
            for finding in findings
            if finding.severity == "ERROR"
        ]
    )
