"""Concepts, mentions, relations."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.enums import ConceptRelationType, EdgeOrigin, describe_enum
from resolvers.types.shared import (
    ConflictProblem,
    CycleProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    RecordCount,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.courses import Course
    from resolvers.types.curriculum import Theory
    from resolvers.types.resources import Resource
    from resolvers.types.skills import Skill
else:
    Course = LazyType("Course", "resolvers.types.courses")
    Theory = LazyType("Theory", "resolvers.types.curriculum")
    Resource = LazyType("Resource", "resolvers.types.resources")
    Skill = LazyType("Skill", "resolvers.types.skills")


class ConceptOrder(enum.StrEnum):
    NAME = "NAME"
    MENTIONS = "MENTIONS"


describe_enum(
    ConceptOrder,
    "Order of concepts.",
    {
        "NAME": "By name.",
        "MENTIONS": "Most mentioned first.",
    },
)


class RelationDirection(enum.StrEnum):
    OUTGOING = "OUTGOING"
    INCOMING = "INCOMING"


describe_enum(
    RelationDirection,
    "Direction of an edge, seen from one of its ends.",
    {
        "OUTGOING": "This end is the source.",
        "INCOMING": "This end is the target.",
    },
)


@strawberry.type(description="An idea that a course speaks of; belongs to one course.")
class Concept(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    name: str = strawberry.field(
        description="Name, unique in the course without regard to case, width and white space."
    )
    aliases: list[str] = strawberry.field(description="Other names that find it, at most 50.")
    definition: str | None = strawberry.field(
        description="What it means in this course; null until somebody wrote it or a document said it."
    )
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    course: Course = strawberry.field(
        resolver=fields.concept_course, description="Course the concept belongs to."
    )
    mention_count: int = strawberry.field(
        resolver=graph_fields.resolve, description="Number of theories that speak of it."
    )

    @strawberry.field(description="What theories say of it, in the order of the course.")
    async def mentions(
        self: Any,
        info: Info,
        *,
        limit: Annotated[int, strawberry.argument(description="Number of mentions, 1 to 100.")] = 20,
    ) -> list[ConceptMention]:
        return await graph_fields.resolve(self, info)

    @strawberry.field(description="Edges to and from other concepts, by type and the other's name.")
    async def relations(
        self: Any,
        info: Info,
        *,
        types: Annotated[
            list[ConceptRelationType] | None,
            strawberry.argument(description="Only these types; all when left out."),
        ] = strawberry.UNSET,
        direction: Annotated[
            RelationDirection | None,
            strawberry.argument(
                description="Only edges that leave or reach this concept; both when left out."
            ),
        ] = strawberry.UNSET,
        limit: Annotated[int, strawberry.argument(description="Number of edges, 1 to 200.")] = 50,
    ) -> list[ConceptRelation]:
        return await graph_fields.resolve(self, info)

    @strawberry.field(description="Skills that require it, by name.")
    async def skills(
        self: Any,
        info: Info,
        *,
        limit: Annotated[int, strawberry.argument(description="Number of skills, 1 to 100.")] = 20,
    ) -> list[Skill]:
        return await graph_fields.resolve(self, info)

    @strawberry.field(description="Readings and videos that cover it, by title.")
    async def resources(
        self: Any,
        info: Info,
        *,
        limit: Annotated[int, strawberry.argument(description="Number of resources, 1 to 100.")] = 20,
    ) -> list[Resource]:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A page of concepts.")
class ConceptConnection:
    edges: list[ConceptEdge] = strawberry.field(description="The concepts of this page with their cursors.")
    nodes: list[Concept] = strawberry.field(description="The concepts of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(
        description="Number of concepts on all pages together, after filters."
    )


@strawberry.type(description="A concept in a page.")
class ConceptEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: Concept = strawberry.field(description="The concept itself.")


@strawberry.type(description="What one theory says of one concept; edge HAS_CONCEPT in the graph.")
class ConceptMention(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    theory: Theory = strawberry.field(resolver=graph_fields.resolve, description="Where it is said.")
    concept: Concept = strawberry.field(resolver=graph_fields.resolve, description="What it is said of.")
    definition: str | None = strawberry.field(description="What the concept means in this theory.")
    text_evidence: str | None = strawberry.field(description="Quote from the text that shows it.")
    source_document: str | None = strawberry.field(description="File name of the document the quote is from.")


@strawberry.type(
    description="One concept relates to another; edge CONCEPT_RELATION in the graph, at most one of each type for a pair."
)
class ConceptRelation(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    source: Concept = strawberry.field(resolver=graph_fields.resolve, description="Where the edge starts.")
    type: ConceptRelationType = strawberry.field(description="How the source relates to the target.")
    target: Concept = strawberry.field(resolver=graph_fields.resolve, description="Where the edge ends.")
    reason: str | None = strawberry.field(description="Why, in a sentence.")
    origin: EdgeOrigin = strawberry.field(description="Where the edge comes from.")


@strawberry.type(description="A page of relations between concepts.")
class ConceptRelationConnection:
    edges: list[ConceptRelationEdge] = strawberry.field(description="Edges in the order of the list.")
    nodes: list[ConceptRelation] = strawberry.field(description="The records of the edges.")
    page_info: PageInfo = strawberry.field(description="Where this page ends.")
    total_count: int = strawberry.field(description="Number of records in the whole list.")


@strawberry.type(description="A relation in a page.")
class ConceptRelationEdge:
    cursor: str = strawberry.field(description="Cursor of this edge.")
    node: ConceptRelation = strawberry.field(description="The record.")


@strawberry.type(
    description="Concepts and the relations between them: a part of the course's graph, or a path."
)
class ConceptGraph:
    concepts: list[Concept] = strawberry.field(description="The concepts; for a path, in its order.")
    relations: list[ConceptRelation] = strawberry.field(
        description="Edges with both ends among the concepts; for a path, one for each step."
    )
    truncated: bool = strawberry.field(description="Whether the limit left concepts out.")


@strawberry.input(description="A new concept.")
class CreateConceptInput:
    course_id: strawberry.ID = strawberry.field(description="Course to add it to.")
    name: str = strawberry.field(
        description="Name, 1 to 100 characters; no name or alias of the course may match it."
    )
    aliases: list[str] = strawberry.field(
        default_factory=list, description="Other names that find it, at most 50 of 100 characters."
    )
    definition: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it means in this course, at most 4,000 characters."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The concept exists.")
class CreateConceptSuccess(Success):
    concept: Concept = strawberry.field(description="The new concept.")


@strawberry.input(description="Changes of a concept.")
class UpdateConceptInput:
    id: strawberry.ID = strawberry.field(description="The concept.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Name, 1 to 100 characters; no other name or alias of the course may match it.",
    )
    aliases: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All other names that find it from now on, at most 50 of 100 characters.",
    )
    definition: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it means in this course, at most 4,000 characters; null clears it.",
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the concept still has this version.",
    )


@strawberry.type(description="The concept is changed.")
class UpdateConceptSuccess(Success):
    concept: Concept = strawberry.field(description="The concept after the change.")


@strawberry.input(description="A concept to delete.")
class DeleteConceptInput:
    id: strawberry.ID = strawberry.field(description="The concept.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the concept still has this version.",
    )


@strawberry.type(description="The concept, its mentions and its relations are gone.")
class DeleteConceptSuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")
    deleted: list[RecordCount] = strawberry.field(description="What went with it.")


@strawberry.input(
    description="What a theory says of a concept of its course; what it said before is replaced."
)
class SetConceptMentionInput:
    theory_id: strawberry.ID = strawberry.field(description="Theory that speaks of it.")
    concept_id: strawberry.ID = strawberry.field(description="Concept of the same course.")
    definition: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the concept means in this theory, at most 4,000 characters.",
    )
    text_evidence: str | None = strawberry.field(
        default=strawberry.UNSET, description="Quote from the text that shows it, at most 2,000 characters."
    )
    source_document: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="File name of the document the quote is from, at most 255 characters.",
    )


@strawberry.type(description="The mention is written.")
class SetConceptMentionSuccess(Success):
    mention: ConceptMention = strawberry.field(description="The mention after the change.")


@strawberry.input(description="A mention to take away.")
class RemoveConceptMentionInput:
    id: strawberry.ID = strawberry.field(description="The mention.")


@strawberry.type(description="The mention is gone; its concept stays.")
class RemoveConceptMentionSuccess(Success):
    removed_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


@strawberry.input(
    description="An edge between two concepts of one course; an edge of the same type between the same two is replaced."
)
class SetConceptRelationInput:
    source_id: strawberry.ID = strawberry.field(description="Where the edge starts.")
    type: ConceptRelationType = strawberry.field(description="How the source relates to the target.")
    target_id: strawberry.ID = strawberry.field(description="Where the edge ends.")
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, at most 2,000 characters."
    )


@strawberry.type(description="The edge is written.")
class SetConceptRelationSuccess(Success):
    relation: ConceptRelation = strawberry.field(description="The edge after the change.")


@strawberry.input(description="An edge between concepts to take away.")
class RemoveConceptRelationInput:
    id: strawberry.ID = strawberry.field(description="The edge.")


@strawberry.type(description="The edge is gone.")
class RemoveConceptRelationSuccess(Success):
    removed_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


CreateConceptResult = Annotated[
    CreateConceptSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union(
        "CreateConceptResult",
        description="Outcome of createConcept; the concept that has the name is a ConflictProblem's conflictingId.",
    ),
]

UpdateConceptResult = Annotated[
    UpdateConceptSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateConceptResult", description="Outcome of updateConcept."),
]

DeleteConceptResult = Annotated[
    DeleteConceptSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteConceptResult", description="Outcome of deleteConcept."),
]

SetConceptMentionResult = Annotated[
    SetConceptMentionSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("SetConceptMentionResult", description="Outcome of setConceptMention."),
]

RemoveConceptMentionResult = Annotated[
    RemoveConceptMentionSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union("RemoveConceptMentionResult", description="Outcome of removeConceptMention."),
]

SetConceptRelationResult = Annotated[
    SetConceptRelationSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | CycleProblem,
    strawberry.union("SetConceptRelationResult", description="Outcome of setConceptRelation."),
]

RemoveConceptRelationResult = Annotated[
    RemoveConceptRelationSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union("RemoveConceptRelationResult", description="Outcome of removeConceptRelation."),
]
