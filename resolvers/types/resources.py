"""Readings and videos."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.types.lazy_type import LazyType

from resolvers import graph_fields, ids
from resolvers.types.enums import ResourceKind
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.concepts import Concept
    from resolvers.types.curriculum import Theory
else:
    Concept = LazyType("Concept", "resolvers.types.concepts")
    Theory = LazyType("Theory", "resolvers.types.curriculum")


@strawberry.interface(description="Something to study, with an address of its own.")
class Resource(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    title: str = strawberry.field(description="Title as it is listed.")
    url: str = strawberry.field(description="Address, http or https, unique in the course.")
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    theories: list[Theory] = strawberry.field(
        resolver=graph_fields.resolve, description="Theories it belongs to, in the order of the course."
    )
    concepts: list[Concept] = strawberry.field(
        resolver=graph_fields.resolve, description="Concepts it covers, by name."
    )


@strawberry.type(description="A text to read.")
class Reading(Resource):
    pass


@strawberry.type(description="A video to watch.")
class Video(Resource):
    pass


@strawberry.input(description="A new reading or video.")
class CreateResourceInput:
    kind: ResourceKind = strawberry.field(description="What it is; fixed once made.")
    title: str = strawberry.field(description="Title, 1 to 255 characters.")
    url: str = strawberry.field(
        description="Address, http or https, at most 2,048 characters, unique in the course."
    )
    theory_ids: list[strawberry.ID] = strawberry.field(
        description="Theories of one course it belongs to, 1 to 50."
    )
    concept_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Concepts of the course it covers, at most 50."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The resource exists.")
class CreateResourceSuccess(Success):
    resource: Resource = strawberry.field(description="The new resource.")


@strawberry.input(description="Changes of a reading or video.")
class UpdateResourceInput:
    id: strawberry.ID = strawberry.field(description="The resource.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Title, 1 to 255 characters.")
    url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Address, http or https, at most 2,048 characters, unique in the course.",
    )
    theory_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="All theories it belongs to from now on, at most 50."
    )
    concept_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="All concepts it covers from now on, at most 50."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the resource still has this version.",
    )


@strawberry.type(description="The resource is changed.")
class UpdateResourceSuccess(Success):
    resource: Resource = strawberry.field(description="The resource after the change.")


@strawberry.input(description="A reading or video to delete.")
class DeleteResourceInput:
    id: strawberry.ID = strawberry.field(description="The resource.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the resource still has this version.",
    )


@strawberry.type(description="The resource is gone from every theory.")
class DeleteResourceSuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


CreateResourceResult = Annotated[
    CreateResourceSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("CreateResourceResult", description="Outcome of createResource."),
]

UpdateResourceResult = Annotated[
    UpdateResourceSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateResourceResult", description="Outcome of updateResource."),
]

DeleteResourceResult = Annotated[
    DeleteResourceSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteResourceResult", description="Outcome of deleteResource."),
]
