"""What the graph looks like: labels and relationship types as the statements of the mirror write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sql.models import Kind


@dataclass(frozen=True, slots=True)
class EdgeShape:
    """A relationship type as some statement writes it; `own` is the end that its record is about."""

    name: str  # of find_ and delete_stray_
    type: str
    start: str
    end: str
    own: Literal["start", "end"]
    other_field: str = ""  # row field with the id, or the ids, of the other end
    times: tuple[str, ...] = ()
    typed: bool = False


@dataclass(frozen=True, slots=True)
class NodeShape:
    """A label as some statement writes it, with the relationships that come with it."""

    label: str
    name: str  # of find_, list_ and delete_stray_
    times: tuple[str, ...]
    edges: tuple[EdgeShape, ...] = ()

    @property
    def whole(self) -> bool:
        """Tell whether ids are whole numbers; texts otherwise."""
        return self.label in {"STUDENT", "TEACHER", "CLASS"}


_CURRICULUM = ("created_at", "updated_at")

NODES: dict[str, NodeShape] = {
    "upsert_students": NodeShape("STUDENT", "students", _CURRICULUM),
    "upsert_teachers": NodeShape("TEACHER", "teachers", _CURRICULUM),
    "upsert_classes": NodeShape(
        "CLASS",
        "classes",
        _CURRICULUM,
        (EdgeShape("teaches_class", "TEACHES_CLASS", "TEACHER", "CLASS", "end", "teacher_id"),),
    ),
    "upsert_chapters": NodeShape(
        "CHAPTER",
        "chapters",
        _CURRICULUM,
        (EdgeShape("covers_chapter", "COVERS_CHAPTER", "CLASS", "CHAPTER", "end", "course_id"),),
    ),
    "upsert_theories": NodeShape(
        "THEORY",
        "theories",
        _CURRICULUM,
        (EdgeShape("has_theory", "HAS_THEORY", "CHAPTER", "THEORY", "end", "chapter_id"),),
    ),
    "upsert_skills": NodeShape(
        "SKILL",
        "skills",
        _CURRICULUM,
        (
            EdgeShape("has_skill", "HAS_SKILL", "THEORY", "SKILL", "end", "theory_ids"),
            EdgeShape("requires_concept", "REQUIRES_CONCEPT", "SKILL", "CONCEPT", "start", "concept_ids"),
        ),
    ),
    "upsert_concepts": NodeShape("CONCEPT", "concepts", _CURRICULUM),
    "upsert_readings": NodeShape(
        "READING",
        "readings",
        _CURRICULUM,
        (
            EdgeShape("has_reading", "HAS_READING", "THEORY", "READING", "end", "theory_ids"),
            EdgeShape(
                "reading_covers_concept", "COVERS_CONCEPT", "READING", "CONCEPT", "start", "concept_ids"
            ),
        ),
    ),
    "upsert_videos": NodeShape(
        "VIDEO",
        "videos",
        _CURRICULUM,
        (
            EdgeShape("has_video", "HAS_VIDEO", "THEORY", "VIDEO", "end", "theory_ids"),
            EdgeShape("video_covers_concept", "COVERS_CONCEPT", "VIDEO", "CONCEPT", "start", "concept_ids"),
        ),
    ),
    "upsert_metadata": NodeShape(
        "METADATA",
        "metadata",
        ("updated_at",),
        (EdgeShape("has_metadata", "HAS_METADATA", "STUDENT", "METADATA", "end", "student_id"),),
    ),
    "upsert_progress": NodeShape(
        "PROGRESS",
        "progress",
        ("assessed_at", "recorded_at"),
        (
            EdgeShape("has_progress", "HAS_PROGRESS", "STUDENT", "PROGRESS", "end", "student_id"),
            EdgeShape("for_skill", "FOR_SKILL", "PROGRESS", "SKILL", "start", "skill_id"),
        ),
    ),
}

# Which statements write the nodes of a kind.
KIND_NODES: dict[Kind, tuple[str, ...]] = {
    Kind.USER: ("upsert_students", "upsert_teachers"),
    Kind.COURSE: ("upsert_classes",),
    Kind.CHAPTER: ("upsert_chapters",),
    Kind.THEORY: ("upsert_theories",),
    Kind.SKILL: ("upsert_skills",),
    Kind.CONCEPT: ("upsert_concepts",),
    Kind.RESOURCE: ("upsert_readings", "upsert_videos"),
    Kind.METADATA: ("upsert_metadata",),
    Kind.PROGRESS: ("upsert_progress",),
}
KIND_EDGES: dict[Kind, EdgeShape] = {
    Kind.ENROLLMENT: EdgeShape(
        "enrolled_in_class", "ENROLLED_IN_CLASS", "STUDENT", "CLASS", "start", times=("enrolled_at",)
    ),
    Kind.SKILL_PREREQUISITE: EdgeShape("prerequisite_of", "PREREQUISITE_OF", "SKILL", "SKILL", "start"),
    Kind.CONCEPT_MENTION: EdgeShape("has_concept", "HAS_CONCEPT", "THEORY", "CONCEPT", "start"),
    Kind.CONCEPT_RELATION: EdgeShape(
        "concept_relation", "CONCEPT_RELATION", "CONCEPT", "CONCEPT", "start", typed=True
    ),
    Kind.MASTERY: EdgeShape(
        "masters_skill", "MASTERS_SKILL", "STUDENT", "SKILL", "start", times=("updated_at",)
    ),
}
# Chain, and the nodes in it, of each kind of sequence.
KIND_CHAINS: dict[Kind, tuple[EdgeShape, NodeShape]] = {
    Kind.CHAPTER_SEQUENCE: (
        EdgeShape("next_chapter", "NEXT_CHAPTER", "CHAPTER", "CHAPTER", "start"),
        NODES["upsert_chapters"],
    ),
    Kind.THEORY_SEQUENCE: (
        EdgeShape("next_theory", "NEXT_THEORY", "THEORY", "THEORY", "start"),
        NODES["upsert_theories"],
    ),
}
if missing := set(Kind) - set(KIND_NODES) - set(KIND_EDGES) - set(KIND_CHAINS):
    raise RuntimeError(f"kinds that nothing verifies: {sorted(missing)}")
