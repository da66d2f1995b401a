"""Types that every noun uses: nodes, pages, problems, sync."""

from __future__ import annotations

import enum

import strawberry


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


@strawberry.enum(description="Kinds of records, as problems, events, counts and operations name them.")
class RecordKind(enum.StrEnum):
    USER = strawberry.enum_value("USER", description="A student, teacher or administrator.")  # type: ignore[assignment]
    COURSE = strawberry.enum_value("COURSE", description="A course; label CLASS in the graph.")  # type: ignore[assignment]
    ENROLLMENT = strawberry.enum_value("ENROLLMENT", description="A student's place in a course.")  # type: ignore[assignment]
    CHAPTER = strawberry.enum_value("CHAPTER", description="A chapter.")  # type: ignore[assignment]
    THEORY = strawberry.enum_value("THEORY", description="A theory.")  # type: ignore[assignment]
    SKILL = strawberry.enum_value("SKILL", description="A skill.")  # type: ignore[assignment]
    SKILL_PREREQUISITE = strawberry.enum_value("SKILL_PREREQUISITE", description="An edge between skills.")  # type: ignore[assignment]
    CONCEPT = strawberry.enum_value("CONCEPT", description="A concept.")  # type: ignore[assignment]
    CONCEPT_MENTION = strawberry.enum_value(
        "CONCEPT_MENTION", description="An edge from a theory to a concept."
    )  # type: ignore[assignment]
    CONCEPT_RELATION = strawberry.enum_value("CONCEPT_RELATION", description="An edge between concepts.")  # type: ignore[assignment]
    CONCEPT_MERGE = strawberry.enum_value("CONCEPT_MERGE", description="A merge of concepts.")  # type: ignore[assignment]
    RESOURCE = strawberry.enum_value("RESOURCE", description="A reading or a video.")  # type: ignore[assignment]
    METADATA = strawberry.enum_value("METADATA", description="An entry of a learner's profile.")  # type: ignore[assignment]
    MASTERY = strawberry.enum_value("MASTERY", description="What a student has mastered of a skill.")  # type: ignore[assignment]
    PROGRESS = strawberry.enum_value("PROGRESS", description="One assessment of one skill.")  # type: ignore[assignment]
    EXTRACTION_RUN = strawberry.enum_value("EXTRACTION_RUN", description="A batch of extracted documents.")  # type: ignore[assignment]
    EXTRACTION_DOCUMENT = strawberry.enum_value(
        "EXTRACTION_DOCUMENT", description="A document in an extraction run."
    )  # type: ignore[assignment]
    SYNC_RECORD = strawberry.enum_value("SYNC_RECORD", description="The mirror's account of one record.")  # type: ignore[assignment]


@strawberry.type(description="Records of one kind, counted.")
class RecordCount:
    kind: RecordKind = strawberry.field(description="What is counted.")
    count: int = strawberry.field(description="How many.")


@strawberry.enum(description="Reasons why a mutation wrote nothing.")
class ProblemCode(enum.StrEnum):
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="An id in the input finds nothing that the viewer may see."
    )  # type: ignore[assignment]
    INVALID_INPUT = strawberry.enum_value(
        "INVALID_INPUT", description="A value is out of its bounds or does not fit another."
    )  # type: ignore[assignment]
    INVALID_CREDENTIALS = strawberry.enum_value(
        "INVALID_CREDENTIALS",
        description="E-mail, password or refresh token is wrong; the answer does not tell which.",
    )  # type: ignore[assignment]
    DUPLICATE = strawberry.enum_value(
        "DUPLICATE", description="Another record already holds this unique value."
    )  # type: ignore[assignment]
    IN_USE = strawberry.enum_value("IN_USE", description="Other records still depend on this one.")  # type: ignore[assignment]
    WRONG_STATE = strawberry.enum_value(
        "WRONG_STATE", description="The record's state forbids it, for example joining a draft course."
    )  # type: ignore[assignment]
    KEY_REUSED = strawberry.enum_value(
        "KEY_REUSED", description="The idempotency key was used with another input."
    )  # type: ignore[assignment]
    CYCLE = strawberry.enum_value("CYCLE", description="The edge would close a cycle of prerequisites.")  # type: ignore[assignment]
    STALE_VERSION = strawberry.enum_value(
        "STALE_VERSION", description="The record changed since the viewer read it."
    )  # type: ignore[assignment]


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


@strawberry.enum(description="State of a change on its way from SQL to the graph.")
class SyncState(enum.StrEnum):
    PENDING = strawberry.enum_value(
        "PENDING", description="Committed to SQL, not yet in the graph; it is retried until it is."
    )  # type: ignore[assignment]
    SYNCED = strawberry.enum_value("SYNCED", description="In the graph.")  # type: ignore[assignment]
    FAILED = strawberry.enum_value(
        "FAILED",
        description="Refused by the graph for good; an operator sees it as a dead letter and can retry.",
    )  # type: ignore[assignment]
    DISABLED = strawberry.enum_value(
        "DISABLED", description="No graph is configured; turning it on catches up."
    )  # type: ignore[assignment]


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
