"""What was extracted from documents, as plain values, and what is doubtful about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from sql.models import ConceptRelationType, ResourceKind

Severity: TypeAlias = Literal["ERROR", "WARNING"]
FindingKind: TypeAlias = Literal[
    "INVALID_VALUE", "EVIDENCE_NOT_FOUND", "KEYWORD_COUNT", "DUPLICATE_NAME", "UNKNOWN_CONCEPT", "CYCLE"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something doubtful; `path` begins with the document's place among those given."""

    severity: Severity
    kind: FindingKind
    path: tuple[str, ...]
    message: str

    def plain(self) -> dict[str, Any]:
        """Return what is stored with the document."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "path": list(self.path),
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class ConceptValue:
    """A concept in a document."""

    name: str
    definition: str | None = None
    text_evidence: str | None = None


@dataclass(frozen=True, slots=True)
class SkillValue:
    """A skill in a document, with the names of the concepts it requires."""

    name: str
    description: str | None = None
    concepts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RelationValue:
    """A relation between two concepts, by name."""

    source: str
    type: ConceptRelationType
    target: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PrerequisiteValue:
    """A prerequisite between two skills, by name."""

    prerequisite: str
    dependent: str
    reason: str | None = None
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class ResourceValue:
    """A reading or video, with the names of the concepts it covers."""

    kind: ResourceKind
    title: str
    url: str
    concepts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DocumentValue:
    """What was extracted from one document; it becomes one theory."""

    filename: str
    sha256: str
    topic: str
    text: str | None = None
    chapter: str | None = None
    summary: str | None = None
    keywords: list[str] = field(default_factory=list)
    concepts: list[ConceptValue] = field(default_factory=list)
    skills: list[SkillValue] = field(default_factory=list)
    relations: list[RelationValue] = field(default_factory=list)
    prerequisites: list[PrerequisiteValue] = field(default_factory=list)
    resources: list[ResourceValue] = field(default_factory=list)

    def payload(self) -> dict[str, Any]:
        """Return all but the text, as it is stored."""
        values = asdict(self)
        del values["text"]
        return values

    @staticmethod
    def of(payload: dict[str, Any]) -> DocumentValue:
        """Return the document of a stored payload."""
        plain = {
            key: payload[key] for key in ("filename", "sha256", "topic", "chapter", "summary", "keywords")
        }
        return DocumentValue(
            **plain,
            concepts=[ConceptValue(**item) for item in payload["concepts"]],
            skills=[SkillValue(**item) for item in payload["skills"]],
            relations=[
                RelationValue(**{**item, "type": ConceptRelationType(item["type"])})
                for item in payload["relations"]
            ],
            prerequisites=[PrerequisiteValue(**item) for item in payload["prerequisites"]],
            resources=[
                ResourceValue(**{**item, "kind": ResourceKind(item["kind"])}) for item in payload["resources"]
            ],
        )
