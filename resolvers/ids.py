"""Global ids: base64url without padding of "prefix:key", opaque to clients and unique across types."""

from __future__ import annotations

import base64
import binascii
import functools
import re
from typing import Any

from graph.plan import Row
from resolvers.written import WrittenMastery
from sql import models

# GraphQL type -> prefix. Ids of users encode "user", not the role: a role change keeps the id.
PREFIXES = {
    "Student": "user",
    "Teacher": "user",
    "Administrator": "user",
    "Course": "course",
    "Enrollment": "enr",
    "Chapter": "ch",
    "Theory": "th",
    "Skill": "skill",
    "SkillPrerequisite": "pre",
    "Concept": "con",
    "ConceptMention": "men",
    "ConceptRelation": "rel",
    "Reading": "res",
    "Video": "res",
    "LearnerMetadata": "meta",
    "SkillMastery": "mas",
    "Progress": "prog",
    "ExtractionRun": "run",
    "ExtractionDocument": "doc",
    "Sync": "sync",
    "SyncRecord": "rec",
}

INTEGER = "integer"
UUID = "uuid"
RELATION_TYPE = "relation type"

# Prefix -> kinds of the parts of its key, in the order of sql.models.KEY_SHAPES.
SHAPES: dict[str, tuple[str, ...]] = {
    "user": (INTEGER,),
    "course": (INTEGER,),
    "enr": (INTEGER,),
    "ch": (UUID,),
    "th": (UUID,),
    "skill": (UUID,),
    "pre": (UUID, UUID),
    "con": (UUID,),
    "men": (UUID, UUID),
    "rel": (UUID, RELATION_TYPE, UUID),
    "res": (UUID,),
    "meta": (UUID,),
    "mas": (INTEGER, UUID),
    "prog": (UUID,),
    "run": (UUID,),
    "doc": (UUID,),
    "sync": (UUID,),
    "rec": (INTEGER,),
}

# What each prefix names in problems (values of RecordKind).
RECORD_KINDS = {
    "user": "USER",
    "course": "COURSE",
    "enr": "ENROLLMENT",
    "ch": "CHAPTER",
    "th": "THEORY",
    "skill": "SKILL",
    "pre": "SKILL_PREREQUISITE",
    "con": "CONCEPT",
    "men": "CONCEPT_MENTION",
    "rel": "CONCEPT_RELATION",
    "res": "RESOURCE",
    "meta": "METADATA",
    "mas": "MASTERY",
    "prog": "PROGRESS",
    "run": "EXTRACTION_RUN",
    "doc": "EXTRACTION_DOCUMENT",
    "sync": "SYNC_RECORD",
    "rec": "SYNC_RECORD",
}
PREFIX_OF_KIND = {kind: prefix for prefix, kind in RECORD_KINDS.items()}

_GREATEST_INTEGER = 2**63 - 1
_INTEGER_PATTERN = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_UUID_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_GREATEST_LENGTH = 200
MOST_KNOWN = 10_000  # of one prefix, about 300 bytes each

Key = int | str | tuple[int | str, ...]


class MalformedId(ValueError):
    """The id is not one that this API gave out."""


def text_of(key: Any) -> str:
    """Return a key as the mirror's accounts and ids have it: its parts between colons."""
    return ":".join(str(part) for part in key) if isinstance(key, tuple | list) else str(key)


def encode(prefix: str, key: Any) -> str:
    """Return the global id of a key: an int, a text, or a tuple of parts in the order of KEY_SHAPES."""
    return base64.urlsafe_b64encode(f"{prefix}:{text_of(key)}".encode()).rstrip(b"=").decode()


class KnownIds(dict[Any, str]):
    """Key -> its global id, for one prefix: an id never changes, and answers repeat the same ones.

    Emptied when it is full. Only keys of the right type are kept: others may be equal and still be spelt in two
    ways. Where the key is a number, only SQL's may be asked for.
    """

    __slots__ = ("_kept", "_prefix")

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._kept = int if SHAPES[prefix] == (INTEGER,) else str

    def __missing__(self, key: Any) -> str:
        made = encode(self._prefix, key)
        if type(key) is self._kept:
            if len(self) >= MOST_KNOWN:
                self.clear()
            self[key] = made
        return made


@functools.cache
def known(prefix: str) -> KnownIds:
    """Return the ids of a prefix that were made so far in this process."""
    return KnownIds(prefix)


def decode_any(value: str) -> tuple[str, Key]:
    """Return (prefix, key) of a global id; raise MalformedId for anything this API did not give out."""
    if not isinstance(value, str) or len(value) > _GREATEST_LENGTH:
        raise MalformedId(value)
    return _decoded(value)


@functools.lru_cache(MOST_KNOWN)
def _decoded(value: str) -> tuple[str, Key]:
    try:
        padded = value.encode("ascii") + b"=" * (-len(value) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (UnicodeError, binascii.Error):
        raise MalformedId(value) from None
    prefix, separator, rest = text.partition(":")
    shape = SHAPES.get(prefix)
    if shape is None or not separator:
        raise MalformedId(value)
    parts = rest.split(":")
    if len(parts) != len(shape):
        raise MalformedId(value)
    key = tuple(_part(kind, part, value) for kind, part in zip(shape, parts, strict=True))
    # One spelling only: caches of clients compare ids as text.
    result: Key = key[0] if len(key) == 1 else key
    if encode(prefix, result) != value:
        raise MalformedId(value)
    return prefix, result


def decode(value: str, prefix: str) -> Any:
    """Return the key of a global id of one prefix; raise MalformedId otherwise."""
    found, key = decode_any(value)
    if found != prefix:
        raise MalformedId(value)
    return key


def _part(kind: str, text: str, value: str) -> int | str:
    if kind == INTEGER:
        if not _INTEGER_PATTERN.fullmatch(text) or int(text) > _GREATEST_INTEGER:
            raise MalformedId(value)
        return int(text)
    if kind == UUID:
        if not _UUID_PATTERN.fullmatch(text):
            raise MalformedId(value)
        return text
    if text not in models.ConceptRelationType.__members__:
        raise MalformedId(value)
    return text


_USER_TYPES = {
    models.Role.STUDENT: "Student",
    models.Role.TEACHER: "Teacher",
    models.Role.ADMIN: "Administrator",
}
_ROW_TYPES: dict[type, str] = {
    models.Course: "Course",
    models.Enrollment: "Enrollment",
    models.Chapter: "Chapter",
    models.Theory: "Theory",
    models.Skill: "Skill",
    models.SkillPrerequisite: "SkillPrerequisite",
    models.Concept: "Concept",
    models.ConceptMention: "ConceptMention",
    models.ConceptRelation: "ConceptRelation",
    models.Metadata: "LearnerMetadata",
    models.Mastery: "SkillMastery",
    WrittenMastery: "SkillMastery",
    models.Assessment: "Progress",
    models.ExtractionRun: "ExtractionRun",
    models.ExtractionDocument: "ExtractionDocument",
    models.SyncRecord: "SyncRecord",
}
_COMPOSITE_KEYS: dict[type, tuple[str, ...]] = {
    models.SkillPrerequisite: ("prerequisite_id", "dependent_id"),
    models.ConceptMention: ("theory_id", "concept_id"),
    models.ConceptRelation: ("source_id", "type", "target_id"),
    models.Mastery: ("student_id", "skill_id"),
    WrittenMastery: ("student_id", "skill_id"),
}


def type_name(source: Any) -> str | None:
    """Return the GraphQL type of an answer of either store; None for anything else."""
    if isinstance(source, Row):
        return source.typename
    if isinstance(source, models.User):
        return _USER_TYPES[source.role]
    if isinstance(source, models.Resource):
        return "Reading" if source.kind == models.ResourceKind.READING else "Video"
    return _ROW_TYPES.get(type(source))


def key_of(source: Any) -> Any:
    """Return the raw key of an answer of either store."""
    if isinstance(source, Row):
        return tuple(source.key) if isinstance(source.key, list) else source.key
    attributes = _COMPOSITE_KEYS.get(type(source))
    if attributes is None:
        return source.id
    return tuple(
        value.value if isinstance(value := getattr(source, name), models.ConceptRelationType) else value
        for name in attributes
    )


def graph_key(source: Any) -> Any:
    """Return the key under which the graph answers fields of a SQL record."""
    if isinstance(source, models.Enrollment):
        return (source.course_id, source.student_id)
    if isinstance(source, models.ExtractionDocument):
        return source.theory_id
    return key_of(source)


def resolve(root: Any) -> str:
    """Opaque global id."""
    name = type_name(root)
    if name is None:
        raise TypeError(f"{type(root).__name__} has no global id")
    return encode(PREFIXES[name], key_of(root))
