"""Extraction runs and documents."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.inputs import in_thousands
from resolvers.types.enums import ConceptRelationType, ExtractionStatus, ResourceKind, describe_enum
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    Success,
    Sync,
)

if TYPE_CHECKING:
    from resolvers.types.accounts import User
    from resolvers.types.courses import Course
    from resolvers.types.curriculum import Theory
else:
    User = LazyType("User", "resolvers.types.accounts")
    Course = LazyType("Course", "resolvers.types.courses")
    Theory = LazyType("Theory", "resolvers.types.curriculum")


class FindingSeverity(enum.StrEnum):
    ERROR = "ERROR"
    WARNING = "WARNING"


describe_enum(
    FindingSeverity,
    "Whether a finding stops a document.",
    {
        "ERROR": "The document is refused.",
        "WARNING": "The document is accepted.",
    },
)


class ExtractionFindingKind(enum.StrEnum):
    INVALID_VALUE = "INVALID_VALUE"
    EVIDENCE_NOT_FOUND = "EVIDENCE_NOT_FOUND"
    KEYWORD_COUNT = "KEYWORD_COUNT"
    DUPLICATE_NAME = "DUPLICATE_NAME"
    UNKNOWN_CONCEPT = "UNKNOWN_CONCEPT"
    CYCLE = "CYCLE"


describe_enum(
    ExtractionFindingKind,
    "What can be wrong with an extracted document.",
    {
        "INVALID_VALUE": "A value is missing or out of its bounds.",
        "EVIDENCE_NOT_FOUND": "A quote is not in the text.",
        "KEYWORD_COUNT": "Fewer than 5 or more than 10 keywords.",
        "DUPLICATE_NAME": "The same name twice in one document.",
        "UNKNOWN_CONCEPT": "A relation or a skill names a concept that neither the document nor the course has.",
        "CYCLE": "Prerequisites would close a cycle.",
    },
)


@strawberry.type(description="A batch of extracted documents on its way into a course.")
class ExtractionRun(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    course: Course = strawberry.field(
        resolver=fields.extraction_run_course, description="Course the documents go into."
    )
    status: ExtractionStatus = strawberry.field(description="How far it is.")
    started_by: User | None = strawberry.field(
        resolver=fields.extraction_run_started_by, description="Who started it; null for an erased account."
    )
    document_count: int = strawberry.field(
        resolver=fields.extraction_run_document_count, description="Number of documents."
    )
    processed_count: int = strawberry.field(
        resolver=fields.extraction_run_processed_count,
        description="Number of documents that are finished or failed.",
    )
    failed_count: int = strawberry.field(
        resolver=fields.extraction_run_failed_count, description="Number of documents that failed."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When work began; null while waiting.")
    finished_at: datetime | None = strawberry.field(description="When work ended; null until then.")
    documents: list[ExtractionDocument] = strawberry.field(
        resolver=fields.extraction_run_documents,
        description="The documents in the order they were given, at most 50.",
    )
    sync: Sync = strawberry.field(
        resolver=fields.extraction_run_sync,
        description="How far the graph is with all that the run has written so far.",
    )


@strawberry.type(description="A page of runs.")
class ExtractionRunConnection:
    edges: list[ExtractionRunEdge] = strawberry.field(description="The runs of this page with their cursors.")
    nodes: list[ExtractionRun] = strawberry.field(description="The runs of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(description="Number of runs on all pages together, after filters.")


@strawberry.type(description="A run in a page.")
class ExtractionRunEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: ExtractionRun = strawberry.field(description="The run itself.")


@strawberry.type(description="One document of an extraction run.")
class ExtractionDocument(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    filename: str = strawberry.field(description="File name.")
    sha256: str = strawberry.field(description="SHA-256 of the file, 64 lower case hexadecimal digits.")
    status: ExtractionStatus = strawberry.field(description="How far it is.")
    unchanged: bool = strawberry.field(
        description="Whether the course already had exactly this document, so that nothing was written."
    )
    theory: Theory | None = strawberry.field(
        resolver=graph_fields.resolve, description="The theory it became; null until finished."
    )
    findings: list[ExtractionFinding] = strawberry.field(
        resolver=fields.extraction_document_findings,
        description="What is doubtful about it; warnings do not stop it.",
    )
    last_error: str | None = strawberry.field(description="Why it failed; null when it did not.")


@strawberry.type(description="Something doubtful about an extracted document.")
class ExtractionFinding:
    severity: FindingSeverity = strawberry.field(description="Whether it stops the document.")
    kind: ExtractionFindingKind = strawberry.field(description="What it is.")
    path: list[str] = strawberry.field(
        description='Place in the documents given, list positions as numbers: ["0", "concepts", "3", "textEvidence"].'
    )
    message: str = strawberry.field(description="One sentence that names what and why.")


@in_thousands
@strawberry.input(description="What was extracted from one document; it becomes one theory.")
class ExtractionDocumentInput:
    filename: str = strawberry.field(description="File name, 1 to 255 characters.")
    sha256: str = strawberry.field(
        description="SHA-256 of the file in hexadecimal: the same hash again writes nothing, another hash under the same file name replaces what the document said before."
    )
    text: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The document's text, at most 200,000 characters, only to check quotes; not stored.",
    )
    chapter: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Name of the chapter to belong to, made when missing; the topic when left out.",
    )
    topic: str = strawberry.field(
        description="What the document is about, 1 to 100 characters: name of the theory."
    )
    summary: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it says, in brief; at most 10,000 characters."
    )
    keywords: list[str] = strawberry.field(
        default_factory=list, description="5 to 10 keywords of at most 100 characters."
    )
    concepts: list[ExtractedConceptInput] = strawberry.field(
        default_factory=list, description="Concepts it speaks of, at most 200."
    )
    skills: list[ExtractedSkillInput] = strawberry.field(
        default_factory=list, description="Skills it teaches, at most 50."
    )
    relations: list[ExtractedRelationInput] = strawberry.field(
        default_factory=list, description="Relations between concepts that it states, at most 500."
    )
    prerequisites: list[ExtractedPrerequisiteInput] = strawberry.field(
        default_factory=list,
        description="Prerequisites between skills that it suggests, at most 200; they wait for a decision.",
    )
    resources: list[ExtractedResourceInput] = strawberry.field(
        default_factory=list, description="Readings and videos it points to, at most 50 of each kind."
    )


@in_thousands
@strawberry.input(description="A concept in a document.")
class ExtractedConceptInput:
    name: str = strawberry.field(
        description="Name, 1 to 100 characters; found by name or alias in the course, made when missing."
    )
    definition: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it means here, at most 4,000 characters."
    )
    text_evidence: str | None = strawberry.field(
        default=strawberry.UNSET, description="Quote from the text, at most 2,000 characters."
    )


@in_thousands
@strawberry.input(description="A skill in a document.")
class ExtractedSkillInput:
    name: str = strawberry.field(
        description="Name, verb first, 1 to 100 characters; found by name in the course, made when missing."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What exactly is mastered, at most 1,000 characters."
    )
    concepts: list[str] = strawberry.field(
        default_factory=list, description="Names of concepts it requires, at most 50."
    )


@in_thousands
@strawberry.input(description="A relation between concepts in a document.")
class ExtractedRelationInput:
    source: str = strawberry.field(description="Name of the concept where the edge starts.")
    type: ConceptRelationType = strawberry.field(description="How the source relates to the target.")
    target: str = strawberry.field(description="Name of the concept where the edge ends.")
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, at most 2,000 characters."
    )


@in_thousands
@strawberry.input(description="A prerequisite between skills in a document.")
class ExtractedPrerequisiteInput:
    prerequisite: str = strawberry.field(description="Name of the skill to master first.")
    dependent: str = strawberry.field(description="Name of the skill that needs it.")
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, at most 2,000 characters."
    )
    strength: float = strawberry.field(default=1.0, description="How strongly it is needed, above 0 to 1.")


@in_thousands
@strawberry.input(description="A reading or video in a document.")
class ExtractedResourceInput:
    kind: ResourceKind = strawberry.field(description="What it is.")
    title: str = strawberry.field(description="Title, 1 to 255 characters.")
    url: str = strawberry.field(
        description="Address, http or https, at most 2,048 characters; found by address in the course, made when missing."
    )
    concepts: list[str] = strawberry.field(
        default_factory=list, description="Names of concepts it covers, at most 50."
    )


@strawberry.input(description="Documents to bring into a course.")
class IngestExtractionInput:
    course_id: strawberry.ID = strawberry.field(description="Live course the documents go into.")
    documents: list[ExtractionDocumentInput] = strawberry.field(
        description="1 to 50 documents; validateExtraction tells beforehand what is wrong with them."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The documents are accepted and are worked on in the background.")
class IngestExtractionSuccess(Success):
    run: ExtractionRun = strawberry.field(description="The run; extractionProgress follows it.")


@strawberry.input(description="A run whose failed documents are tried again.")
class RetryExtractionInput:
    run_id: strawberry.ID = strawberry.field(description="Run with failed documents.")
    document_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Only these failed documents; all failed ones when left out."
    )


@strawberry.type(description="The documents are worked on again.")
class RetryExtractionSuccess(Success):
    run: ExtractionRun = strawberry.field(description="The run, at work again.")


IngestExtractionResult = Annotated[
    IngestExtractionSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union(
        "IngestExtractionResult",
        description="Outcome of ingestExtraction; findings of severity ERROR are an InvalidInputProblem.",
    ),
]

RetryExtractionResult = Annotated[
    RetryExtractionSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union(
        "RetryExtractionResult",
        description="Outcome of retryExtraction; a run without failed documents is a ConflictProblem.",
    ),
]
