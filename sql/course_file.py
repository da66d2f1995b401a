"""The course file that `lab-tutor import` reads: its shape, and every finding with its path.

References are by key within the file. Checking comes before the first write and reports everything;
`skip_invalid` drops what is at fault and says what it left out.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sql import models
from sql.cycles import find_any_cycle
from sql.keys import name_key
from sql.links import KEY_LENGTH, LINKS_LIMIT
from sql.models import ConceptRelationType, CourseLevel
from sql.resources import normal_url
from sql.skills import DIRECT_PREREQUISITES
from sql.text import storable

Path = tuple[str | int, ...]


def _storable(value: str) -> str:
    if not storable(value):
        raise ValueError("holds a character that can not be stored")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("can not be blank")
    return _storable(value)


def _name(value: str) -> str:
    if len(name_key(_not_blank(value))) > KEY_LENGTH:
        raise ValueError("is too long once its characters are unfolded")
    return value


def _url(value: str) -> str:
    return normal_url(_storable(value))


Key = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=models.NAME_LENGTH), AfterValidator(_name)]
Title = Annotated[str, Field(min_length=1, max_length=models.TITLE_LENGTH), AfterValidator(_not_blank)]
Description = Annotated[str, Field(max_length=models.DESCRIPTION_LENGTH), AfterValidator(_storable)]
Definition = Annotated[str, Field(max_length=models.DEFINITION_LENGTH), AfterValidator(_storable)]
Reason = Annotated[str, Field(max_length=models.REASON_LENGTH), AfterValidator(_storable)]
Evidence = Annotated[str, Field(max_length=models.EVIDENCE_LENGTH), AfterValidator(_storable)]
Summary = Annotated[str, Field(max_length=models.SUMMARY_LENGTH), AfterValidator(_storable)]
Url = Annotated[str, Field(max_length=models.URL_LENGTH), AfterValidator(_url)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class CourseHead(_Part):
    """The course itself."""

    title: Title
    description: Description | None = None
    level: CourseLevel = CourseLevel.BACHELOR


class MentionPart(_Part):
    """What a theory says of a concept."""

    concept: Key
    definition: Definition | None = None
    text_evidence: Evidence | None = None
    source_document: Title | None = None


class ResourcePart(_Part):
    """A reading or video of a theory; the same address again is the same resource."""

    title: Title
    url: Url
    concepts: Annotated[list[Key], Field(max_length=50)] = []


class TheoryPart(_Part):
    """A theory in its chapter's order."""

    key: Key
    name: Name
    summary: Summary | None = None
    skills: Annotated[list[Key], Field(max_length=50)] = []
    mentions: Annotated[list[MentionPart], Field(max_length=200)] = []
    readings: Annotated[list[ResourcePart], Field(max_length=50)] = []
    videos: Annotated[list[ResourcePart], Field(max_length=50)] = []


class ChapterPart(_Part):
    """A chapter in the course's order."""

    key: Key
    name: Name
    description: Description | None = None
    theories: Annotated[list[TheoryPart], Field(max_length=100)] = []


class ConceptPart(_Part):
    """A concept of the course."""

    key: Key
    name: Name
    aliases: Annotated[list[Name], Field(max_length=50)] = []
    definition: Definition | None = None
    text_evidence: Evidence | None = None


class SkillPart(_Part):
    """A skill of the course; theories name it."""

    key: Key
    name: Name
    description: Description | None = None
    concepts: Annotated[list[Key], Field(max_length=50)] = []


class RelationPart(_Part):
    """A typed edge between concepts: source before target for PREREQUISITE."""

    source: Key
    type: ConceptRelationType
    target: Key
    reason: Reason | None = None


class SkillPrerequisitePart(_Part):
    """One skill before another."""

    prerequisite: Key
    dependent: Key
    reason: Reason | None = None
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0


class CourseFile(_Part):
    """A whole course in one file."""

    version: Literal[1]
    course: CourseHead
    chapters: Annotated[list[ChapterPart], Field(max_length=200)] = []
    concepts: Annotated[list[ConceptPart], Field(max_length=20_000)] = []
    skills: Annotated[list[SkillPart], Field(max_length=1_000)] = []
    relations: Annotated[list[RelationPart], Field(max_length=100_000)] = []
    skill_prerequisites: Annotated[list[SkillPrerequisitePart], Field(max_length=20_000)] = []


@dataclass(frozen=True, slots=True)
class Finding:
    """Something at fault in a file, with its place: ("chapters", 3, "theories", 0, "name")."""

    path: Path
    message: str

    @property
    def place(self) -> str:
        """Return the path as people write it: chapters[3].theories[0].name."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text or "(file)"


def check(data: Any) -> tuple[CourseFile | None, list[Finding]]:
    """Return (file, findings): no file while anything is at fault."""
    try:
        file = CourseFile.model_validate(data)
    except ValidationError as error:
        details: list[dict[str, Any]] = [
            dict(one) for one in error.errors(include_url=False, include_input=False)
        ]
        findings = [Finding(tuple(one["loc"]), _sentence(one["msg"])) for one in details]
        return None, [*findings, *_behind(data, details)]
    findings = list(_findings(file))
    return (None if findings else file), findings


# What stands in for a value at fault, so that the rest of the file can still be looked at.
_STAND_INS: dict[str, Any] = {
    "version": 1,
    "level": "BACHELOR",
    "type": ConceptRelationType.RELATED_TO.value,
    "strength": 1.0,
    "url": "https://example.org/{number}",
    "key": "stand-in {number}",
    "name": "stand-in {number}",
    "title": "stand-in {number}",
}


def _behind(data: Any, details: list[dict[str, Any]]) -> list[Finding]:
    """Return what else is wrong behind values of the wrong form: unknown references, repeats, cycles.

    Values at fault are replaced in a copy, in place, so that every path stays what it is in the file.
    """
    mended = copy.deepcopy(data)
    places = [tuple(one["loc"]) for one in details]
    try:
        for number, (one, place) in enumerate(zip(details, places, strict=True)):
            holder = mended
            for part in place[:-1]:
                holder = holder[part]
            if one["type"] == "extra_forbidden":
                del holder[place[-1]]
            elif one["type"] == "too_long":
                holder[place[-1]] = holder[place[-1]][: one["ctx"]["max_length"]]
            else:
                value = _STAND_INS.get(str(place[-1]))
                holder[place[-1]] = value.format(number=number) if isinstance(value, str) else value
        file = CourseFile.model_validate(mended)
    except (ValidationError, KeyError, IndexError, TypeError, AttributeError):
        # Too little of it is a course file to go on.
        return []
    return [
        finding
        for finding in _findings(file)
        if not any(
            place[: len(finding.path)] == finding.path or finding.path[: len(place)] == place
            for place in places
        )
    ]


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _findings(file: CourseFile) -> Iterator[Finding]:
    concepts = {one.key for one in file.concepts}
    skills = {one.key for one in file.skills}
    yield from _twice((("concepts", i, "key"), one.key, one.key) for i, one in enumerate(file.concepts))
    yield from _twice((("skills", i, "key"), one.key, one.key) for i, one in enumerate(file.skills))
    yield from _twice(
        (("skills", i, "name"), name_key(one.name), one.name) for i, one in enumerate(file.skills)
    )
    yield from _twice(
        (place, name_key(name), name)
        for i, one in enumerate(file.concepts)
        for place, name in [
            (("concepts", i, "name"), one.name),
            *((("concepts", i, "aliases", j), alias) for j, alias in enumerate(one.aliases)),
        ]
    )
    yield from _twice((("chapters", i, "key"), one.key, one.key) for i, one in enumerate(file.chapters))
    theories = [
        (("chapters", i, "theories", j), theory)
        for i, chapter in enumerate(file.chapters)
        for j, theory in enumerate(chapter.theories)
    ]
    yield from _twice(((*place, "key"), theory.key, theory.key) for place, theory in theories)
    yield from _too_many(
        (((*place, "skills", j), key) for place, theory in theories for j, key in enumerate(theory.skills)),
        LINKS_LIMIT,
        "A skill belongs to at most {most} theories.",
    )
    yield from _too_many(
        (
            ((*place, field, j, "url"), resource.url)
            for place, theory in theories
            for field, resources in (("readings", theory.readings), ("videos", theory.videos))
            for j, resource in enumerate(resources)
        ),
        LINKS_LIMIT,
        "A reading or video belongs to at most {most} theories.",
    )
    yield from _too_many(
        (
            (("skill_prerequisites", i, "dependent"), one.dependent)
            for i, one in enumerate(file.skill_prerequisites)
        ),
        DIRECT_PREREQUISITES,
        "A skill has at most {most} direct prerequisites.",
    )
    covered: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    for place, theory in theories:
        for j, key in enumerate(theory.skills):
            yield from _unknown((*place, "skills", j), key, skills, "skill")
        yield from _twice(((*place, "skills", j), key, key) for j, key in enumerate(theory.skills))
        for j, mention in enumerate(theory.mentions):
            yield from _unknown((*place, "mentions", j, "concept"), mention.concept, concepts, "concept")
        yield from _twice(
            ((*place, "mentions", j, "concept"), one.concept, one.concept)
            for j, one in enumerate(theory.mentions)
        )
        for field, resources in (("readings", theory.readings), ("videos", theory.videos)):
            for j, resource in enumerate(resources):
                if kinds.setdefault(resource.url, field) != field:
                    yield Finding((*place, field, j, "url"), "One address is both a reading and a video.")
                if any(resource.url == earlier.url for earlier in resources[:j]):
                    yield Finding((*place, field, j, "url"), "This address stands here again.")
                for k, key in enumerate(resource.concepts):
                    yield from _unknown((*place, field, j, "concepts", k), key, concepts, "concept")
                    so_far = covered.setdefault(resource.url, set())
                    if key not in so_far and len(so_far) == LINKS_LIMIT:
                        message = f"A reading or video covers at most {LINKS_LIMIT} concepts."
                        yield Finding((*place, field, j, "concepts", k), message)
                    else:
                        so_far.add(key)
    for i, skill in enumerate(file.skills):
        for j, key in enumerate(skill.concepts):
            yield from _unknown(("skills", i, "concepts", j), key, concepts, "concept")
    yield from _edges(
        "relations",
        [(one.source, one.target) for one in file.relations],
        ("source", "target"),
        concepts,
        "concept",
        [one.type.value for one in file.relations],
    )
    yield from _edges(
        "skill_prerequisites",
        [(one.prerequisite, one.dependent) for one in file.skill_prerequisites],
        ("prerequisite", "dependent"),
        skills,
        "skill",
        ["PREREQUISITE"] * len(file.skill_prerequisites),
    )


def _twice(values: Any) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for place, key, shown in values:
        if key in seen:
            yield Finding(place, f"“{shown}” stands here again; first at {Finding(seen[key], '').place}.")
        else:
            seen[key] = place


def _too_many(values: Iterable[tuple[Path, str]], most: int, message: str) -> Iterator[Finding]:
    counts: Counter[str] = Counter()
    for place, key in values:
        counts[key] += 1
        if counts[key] > most:
            yield Finding(place, message.format(most=most))


def _unknown(place: Path, key: str, known: set[str], noun: str) -> Iterator[Finding]:
    if key not in known:
        yield Finding(place, f"No {noun} of the file has the key “{key}”.")


def _edges(
    field: str,
    pairs: list[tuple[str, str]],
    names: tuple[str, str],
    known: set[str],
    noun: str,
    types: list[str],
) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    ordered: list[tuple[str, str]] = []
    for i, ((start, end), kind) in enumerate(zip(pairs, types, strict=True)):
        for name, key in zip(names, (start, end), strict=True):
            yield from _unknown((field, i, name), key, known, noun)
        if kind == ConceptRelationType.RELATED_TO.value:
            # It means the same in both directions.
            start, end = min(start, end), max(start, end)
        if start == end:
            yield Finding((field, i), f"A {noun} can not be related to itself.")
        elif (start, kind, end) in seen:
            yield Finding((field, i), "This edge stands here again.")
        elif kind == "PREREQUISITE":
            ordered.append((start, end))
        seen.add((start, kind, end))
    cycle = find_any_cycle(ordered)
    if cycle:
        last = (cycle[-2], cycle[-1])
        yield Finding((field, pairs.index(last)), "Prerequisites close a cycle: " + " → ".join(cycle) + ".")


def skip_invalid(data: Any, most_rounds: int = 10_000) -> tuple[CourseFile | None, list[Finding]]:
    """Return (file without what is at fault, what was left out); no file when what is left makes none."""
    left = copy.deepcopy(data)
    dropped: list[Finding] = []
    for _ in range(most_rounds):
        file, findings = check(left)
        if file is not None:
            return file, dropped
        removable = {place: finding for finding in findings if (place := _removable(left, finding.path))}
        if not removable:
            return None, [*dropped, *findings]
        # From the back, so that the positions of earlier parts still hold.
        for place in sorted(removable, key=_sortable, reverse=True):
            if _remove(left, place):
                dropped.append(removable[place])
    return None, dropped


def _removable(data: Any, path: Path) -> Path | None:
    """Return the innermost list entry around a finding: what can be left out alone."""
    positions = [depth for depth, part in enumerate(path) if isinstance(part, int)]
    return path[: positions[-1] + 1] if positions else None


def _sortable(path: Path) -> tuple[tuple[int, int, str], ...]:
    return tuple((0, part, "") if isinstance(part, int) else (1, 0, part) for part in path)


def _remove(data: Any, path: Path) -> bool:
    holder = data
    try:
        for part in path[:-1]:
            holder = holder[part]
        del holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True
