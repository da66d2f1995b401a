"""Types that every noun uses: nodes, pages, problems, sync."""

from __future__ import annotations

import enum

import strawberry

from resolvers.types.enums import describe_enum


class RecordKind(enum.StrEnum):
    USER = "USER"
    COURSE = "COURSE"
    ENROLLMENT = "ENROLLMENT"
    CHAPTER = "CHAPTER"
    THEORY = "THEORY"
    SKILL = "SKILL"
    SKILL_PREREQUISITE = "SKILL_PREREQUISITE"
    CONCEPT = "CONCEPT"
    CONCEPT_MENTION = "CONCEPT_MENTION"
    CONCEPT_RELATION = "CONCEPT_RELATION"
    CONCEPT_MERGE = "CONCEPT_MERGE"
    RESOURCE = "RESOURCE"
    METADATA = "METADATA"
    MASTERY = "MASTERY"
    PROGRESS = "PROGRESS"
    EXTRACTION_RUN = "EXTRACTION_RUN"
    EXTRACTION_DOCUMENT = "EXTRACTION_DOCUMENT"
    SYNC_RECORD = "SYNC_RECORD"


describe_enum(
    RecordKind,
    "Kinds of records, as problems, events, counts and operations name them.",
    {
        "USER": "A student, teacher or administrator.",
        "COURSE": "A course; label CLASS in the graph.",
        "ENROLLMENT": "A student's place in a course.",
        "CHAPTER": "A chapter.",
        "THEORY": "A theory.",
        "SKILL": "A skill.",
        "SKILL_PREREQUISITE": "An edge between skills.",
        "CONCEPT": "A concept.",
        "CONCEPT_MENTION": "An edge from a theory to a concept.",
        "CONCEPT_RELATION": "An edge between concepts.",
        "CONCEPT_MERGE": "A merge of concepts.",
        "RESOURCE": "A reading or a video.",
        "METADATA": "An entry of a learner's profile.",
        "MASTERY": "What a student has mastered of a skill.",
        "PROGRESS": "One assessment of one skill.",
        "EXTRACTION_RUN": "A batch of extracted documents.",
        "EXTRACTION_DOCUMENT": "A document in an extraction run.",
        "SYNC_RECORD": "The mirror's account of one record.",
    },
)


class ProblemCode(enum.StrEnum):
    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    DUPLICATE = "DUPLICATE"
    IN_USE = "IN_USE"
    WRONG_STATE = "WRONG_STATE"
    KEY_REUSED = "KEY_REUSED"
    CYCLE = "CYCLE"
    STALE_VERSION = "STALE_VERSION"


describe_enum(
    ProblemCode,
    "Reasons why a mutation wrote nothing.",
    {
        "NOT_FOUND": "An id in the input finds nothing that the viewer may see.",
        "INVALID_INPUT": "A value is out of its bounds or does not fit another.",
        "INVALID_CREDENTIALS": "E-mail, password or refresh token is wrong; the answer does not tell which.",
        "DUPLICATE": "Another record already holds this unique value.",
        "IN_USE": "Other records still depend on this one.",
        "WRONG_STATE": "The record's state forbids it, for example joining a draft course.",
        "KEY_REUSED": "The idempotency key was used with another input.",
        "CYCLE": "The edge would close a cycle of prerequisites.",
        "STALE_VERSION": "The record changed since the viewer read it.",
    },
)


class SyncState(enum.StrEnum):
    PENDING = "PENDING"
    SYNCED = "SYNCED"
    FAILED = "FAILED"
    DISABLED = "DISABLED"


describe_enum(
    SyncState,
    "State of a change on its way from SQL to the graph.",
    {
        "PENDING": "Committed to SQL, not yet in the graph; it is retried until it is.",
        "SYNCED": "In the graph.",
        "FAILED": "Refused by the graph for good; an operator sees it as a dead letter and can retry.",
        "DISABLED": "No graph is configured; turning it on catches up.",
    },
)


@strawberry.interface(description="A record that `node` can fetch again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque global id, unique across all types.")


@strawberry.type(description="Position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether records follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether records precede this page.")
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first record; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(description="Cursor of the last record; null on an empty page.")


@strawberry.type(description="Records of one kind, counted.")
class RecordCount:
    kind: RecordKind = strawberry.field(description="What is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="One field in two states.")
class FieldChange:
    field: str = strawberry.field(description="Name of the field, camelCase.")
    before: str | None = strawberry.field(
        description="Old value as text; null for none. Passwords and tokens never appear."
    )
    after: str | None = strawberry.field(description="New value as text; null for none.")


@strawberry.interface(description="A reason why a mutation wrote nothing, which the caller can act on.")
class Problem:
    message: str = strawberry.field(description="One sentence for people, in English.")
    code: ProblemCode = strawberry.field(description="What went wrong, for programs.")
    path: list[str] | None = strawberry.field(
        description='Path of the input field at fault, for example ["input", "title"]; null when no single field is.'
    )
    retryable: bool = strawberry.field(
        description="Whether the same request may succeed later without a change."
    )


@strawberry.type(description="An id finds nothing, or nothing that the viewer may see.")
class NotFoundProblem(Problem):
    record_kind: RecordKind = strawberry.field(description="What was looked for.")
    record_id: strawberry.ID = strawberry.field(description="The id as it was given.")


@strawberry.type(description="Another record, or the record's own state, is in the way.")
class ConflictProblem(Problem):
    conflicting_id: strawberry.ID | None = strawberry.field(
        description="The record in the way; null when it is the record's own state."
    )


@strawberry.type(description="Values that can not be accepted; all of them are reported at once.")
class InvalidInputProblem(Problem):
    fields: list[InvalidField] = strawberry.field(description="Every value at fault, at most 100.")


@strawberry.type(description="One value at fault.")
class InvalidField:
    path: list[str] = strawberry.field(
        description='Path in the input, list positions as numbers: ["input", "documents", "0", "title"].'
    )
    message: str = strawberry.field(description="One sentence that names the bound.")


@strawberry.type(description="The record changed since the viewer read it: read again, then decide.")
class StaleVersionProblem(Problem):
    current_version: int = strawberry.field(description="The record's version now.")


@strawberry.type(description="A prerequisite would close a cycle.")
class CycleProblem(Problem):
    cycle: list[Node] = strawberry.field(
        description="The skills or concepts of the cycle in order, the first one again at the end."
    )


@strawberry.type(description="How far the graph is with one mutation.")
class Sync:
    token: strawberry.ID = strawberry.field(
        description="Names this write to `sync` and `syncChanged`; at most 512 characters."
    )
    state: SyncState = strawberry.field(description="The state of the slowest record of the write.")
    version: int = strawberry.field(description="Version that SQL gave to the main record of the write.")
    attempts: int = strawberry.field(description="Attempts so far for the slowest record.")
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed, without text of a driver; null when none failed."
    )


@strawberry.interface(description="A mutation that changed mirrored records.")
class Success:
    sync: Sync = strawberry.field(description="How far the graph is with this write.")
