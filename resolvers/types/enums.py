"""Turn the store's enumerations into GraphQL ones, before any type refers to one."""

import enum

import strawberry

from sql.models import (
    ConceptRelationType,
    CourseLevel,
    EdgeOrigin,
    ExtractionStatus,
    MasteryCategory,
    MasteryTrend,
    PrerequisiteStatus,
    PublicationStatus,
    ResourceKind,
    Role,
)

__all__ = [
    "ConceptRelationType",
    "CourseLevel",
    "EdgeOrigin",
    "ExtractionStatus",
    "MasteryCategory",
    "MasteryTrend",
    "PrerequisiteStatus",
    "PublicationStatus",
    "ResourceKind",
    "Role",
    "describe_enum",
]


def describe_enum(cls: type[enum.StrEnum], description: str, values: dict[str, str]) -> None:
    """Register an enumeration with a description for itself and for each value."""
    strawberry.enum(cls, description=description)
    for value in cls.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


describe_enum(
    Role,
    "What a person may do.",
    {
        "STUDENT": "Learns: joins courses, sees own mastery.",
        "TEACHER": "Teaches: runs own courses, sees their students.",
        "ADMIN": "Operates the system; not mirrored to the graph.",
    },
)

describe_enum(
    CourseLevel,
    "Academic level.",
    {
        "BACHELOR": "Undergraduate.",
        "MASTER": "Graduate.",
        "PHD": "Doctoral.",
    },
)

describe_enum(
    PublicationStatus,
    "Who finds a course.",
    {
        "DRAFT": "Only its teacher and admins.",
        "PUBLISHED": "Everybody; students may join.",
    },
)

describe_enum(
    ExtractionStatus,
    "How far documents have been extracted.",
    {
        "NOT_STARTED": "Waiting, or never asked for.",
        "IN_PROGRESS": "At work.",
        "FINISHED": "Done, with everything written.",
        "FAILED": "Ended with an error; what was committed before stays.",
    },
)

describe_enum(
    EdgeOrigin,
    "Where an edge comes from.",
    {
        "EXTRACTED": "Found in a document.",
        "TEACHER": "Written by a teacher.",
    },
)

describe_enum(
    PrerequisiteStatus,
    "Review of an edge between skills.",
    {
        "PROPOSED": "Waits for a decision; not in the graph.",
        "APPROVED": "Holds.",
        "REJECTED": "Refused; a new extraction does not propose it again.",
    },
)

describe_enum(
    ConceptRelationType,
    "How one concept relates to another, read from source to target.",
    {
        "PREREQUISITE": "The source is understood before the target; without cycles in a course.",
        "PART_OF": "The source is a part of the target.",
        "IS_A": "The source is a kind of the target.",
        "USED_FOR": "The source is used for the target.",
        "RELATED_TO": "Neither of the others; means the same in both directions.",
    },
)

describe_enum(
    ResourceKind,
    "Kinds of resources.",
    {
        "READING": "A text to read.",
        "VIDEO": "A video to watch.",
    },
)

describe_enum(
    MasteryTrend,
    "Direction in which recent assessments move mastery.",
    {
        "IMPROVING": "Rising.",
        "STABLE": "Neither rising nor falling, or too few assessments to tell.",
        "DECLINING": "Falling.",
    },
)

describe_enum(
    MasteryCategory,
    "Mastery in words; thresholds are the course's masteryPolicy.",
    {
        "NOT_STARTED": "No assessment yet; not the same as mastery 0.",
        "STRUGGLING": "Below developingFrom.",
        "DEVELOPING": "From developingFrom on.",
        "PROFICIENT": "From proficientFrom on.",
        "MASTERED": "From masteredFrom on.",
    },
)
