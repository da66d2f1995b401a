"""Chapters and theories."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    RecordCount,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.concepts import ConceptMention
    from resolvers.types.courses import Course
    from resolvers.types.mastery import MasterySummary
    from resolvers.types.resources import Reading, Video
    from resolvers.types.skills import Skill
else:
    ConceptMention = LazyType("ConceptMention", "resolvers.types.concepts")
    Course = LazyType("Course", "resolvers.types.courses")
    MasterySummary = LazyType("MasterySummary", "resolvers.types.mastery")
    Reading = LazyType("Reading", "resolvers.types.resources")
    Video = LazyType("Video", "resolvers.types.resources")
    Skill = LazyType("Skill", "resolvers.types.skills")


@strawberry.type(description="A chapter of a course.")
class Chapter(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    name: str = strawberry.field(description="Name as the outline shows it.")
    description: str | None = strawberry.field(description="What the chapter is about.")
    order: int = strawberry.field(description="Place in the course, from 0 without gaps.")
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    course: Course = strawberry.field(
        resolver=fields.chapter_course, description="Course that covers the chapter."
    )
    next: Chapter | None = strawberry.field(
        resolver=graph_fields.resolve,
        description="The chapter after this one, by NEXT_CHAPTER; null for the last.",
    )
    previous: Chapter | None = strawberry.field(
        resolver=graph_fields.resolve, description="The chapter before this one; null for the first."
    )
    theories: list[Theory] = strawberry.field(
        resolver=graph_fields.resolve,
        description="Theories in the order of their NEXT_THEORY chain, at most 100.",
    )
    skills: list[Skill] = strawberry.field(
        resolver=graph_fields.resolve,
        description="Skills of all its theories, each once, in the order of the theories.",
    )

    @strawberry.field(
        description="One student's mastery over the skills of the chapter; null when the viewer may not see it."
    )
    async def mastery_summary(
        self: Any,
        info: Info,
        *,
        student_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The student; the viewer when left out.")
        ] = strawberry.UNSET,
    ) -> MasterySummary | None:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A unit of reading within a chapter, often one document.")
class Theory(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    name: str = strawberry.field(description="Name as the outline shows it.")
    summary: str | None = strawberry.field(description="What it says, in brief.")
    order: int = strawberry.field(description="Place in the chapter, from 0 without gaps.")
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    chapter: Chapter = strawberry.field(
        resolver=graph_fields.resolve, description="Chapter that has the theory."
    )
    next: Theory | None = strawberry.field(
        resolver=graph_fields.resolve,
        description="The theory after this one in the chapter, by NEXT_THEORY; null for the last.",
    )
    previous: Theory | None = strawberry.field(
        resolver=graph_fields.resolve,
        description="The theory before this one in the chapter; null for the first.",
    )
    skills: list[Skill] = strawberry.field(
        resolver=graph_fields.resolve, description="Skills it teaches, by name."
    )
    mentions: list[ConceptMention] = strawberry.field(
        resolver=graph_fields.resolve,
        description="Concepts it speaks of, with what it says of them, by the concept's name.",
    )
    readings: list[Reading] = strawberry.field(
        resolver=graph_fields.resolve, description="Texts to read, by title."
    )
    videos: list[Video] = strawberry.field(
        resolver=graph_fields.resolve, description="Videos to watch, by title."
    )


@strawberry.input(description="A new chapter.")
class CreateChapterInput:
    course_id: strawberry.ID = strawberry.field(description="Course to add it to.")
    name: str = strawberry.field(description="Name, 1 to 100 characters.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the chapter is about, at most 1,000 characters."
    )
    order: int | None = strawberry.field(
        default=strawberry.UNSET, description="Place, from 0; later chapters move back. Last when left out."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The chapter exists.")
class CreateChapterSuccess(Success):
    chapter: Chapter = strawberry.field(description="The new chapter.")


@strawberry.input(description="Changes of a chapter; see moveChapter for its place.")
class UpdateChapterInput:
    id: strawberry.ID = strawberry.field(description="The chapter.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Name, 1 to 100 characters.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the chapter is about, at most 1,000 characters; null clears it.",
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the chapter still has this version.",
    )


@strawberry.type(description="The chapter is changed.")
class UpdateChapterSuccess(Success):
    chapter: Chapter = strawberry.field(description="The chapter after the change.")


@strawberry.input(description="A chapter to delete.")
class DeleteChapterInput:
    id: strawberry.ID = strawberry.field(description="The chapter.")
    move_theories_to: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Chapter of the same course that takes its theories over, at its end; they are deleted when left out.",
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the chapter still has this version.",
    )


@strawberry.type(description="The chapter is gone; its neighbours are joined.")
class DeleteChapterSuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")
    deleted: list[RecordCount] = strawberry.field(description="What went with it.")


@strawberry.input(description="A chapter to put elsewhere in its course.")
class MoveChapterInput:
    id: strawberry.ID = strawberry.field(description="The chapter.")
    order: int = strawberry.field(description="New place, from 0; the chapters between close up.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The chapter has its new place.")
class MoveChapterSuccess(Success):
    chapters: list[Chapter] = strawberry.field(description="All chapters of the course in their new order.")


@strawberry.input(description="A whole new order of chapters.")
class ReorderChaptersInput:
    course_id: strawberry.ID = strawberry.field(description="Course whose chapters are put in order.")
    chapter_ids: list[strawberry.ID] = strawberry.field(
        description="Every chapter of the course once, in the new order."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The chapters have their new order.")
class ReorderChaptersSuccess(Success):
    chapters: list[Chapter] = strawberry.field(description="All chapters of the course in their new order.")


@strawberry.input(description="A new theory.")
class CreateTheoryInput:
    chapter_id: strawberry.ID = strawberry.field(description="Chapter to add it to.")
    name: str = strawberry.field(description="Name, 1 to 100 characters.")
    summary: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it says, in brief; at most 10,000 characters."
    )
    order: int | None = strawberry.field(
        default=strawberry.UNSET, description="Place, from 0; later theories move back. Last when left out."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The theory exists.")
class CreateTheorySuccess(Success):
    theory: Theory = strawberry.field(description="The new theory.")


@strawberry.input(description="Changes of a theory; see moveTheory for its place.")
class UpdateTheoryInput:
    id: strawberry.ID = strawberry.field(description="The theory.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Name, 1 to 100 characters.")
    summary: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it says, in brief, at most 10,000 characters; null clears it.",
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the theory still has this version.",
    )


@strawberry.type(description="The theory is changed.")
class UpdateTheorySuccess(Success):
    theory: Theory = strawberry.field(description="The theory after the change.")


@strawberry.input(description="A theory to delete.")
class DeleteTheoryInput:
    id: strawberry.ID = strawberry.field(description="The theory.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the theory still has this version.",
    )


@strawberry.type(
    description="The theory and its mentions are gone; skills and resources stay in the course, concepts as long as something needs them."
)
class DeleteTheorySuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")
    deleted: list[RecordCount] = strawberry.field(description="What went with it.")


@strawberry.input(description="A theory to put elsewhere, in its chapter or in another one of the course.")
class MoveTheoryInput:
    id: strawberry.ID = strawberry.field(description="The theory.")
    chapter_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The chapter to hold it; its own when left out."
    )
    order: int = strawberry.field(description="New place in that chapter, from 0; later theories move back.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the theory still has this version.",
    )


@strawberry.type(description="The theory has its new place.")
class MoveTheorySuccess(Success):
    theories: list[Theory] = strawberry.field(
        description="All theories of the chapter that holds it now, in order."
    )


CreateChapterResult = Annotated[
    CreateChapterSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("CreateChapterResult", description="Outcome of createChapter."),
]

UpdateChapterResult = Annotated[
    UpdateChapterSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateChapterResult", description="Outcome of updateChapter."),
]

DeleteChapterResult = Annotated[
    DeleteChapterSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteChapterResult", description="Outcome of deleteChapter."),
]

MoveChapterResult = Annotated[
    MoveChapterSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("MoveChapterResult", description="Outcome of moveChapter."),
]

ReorderChaptersResult = Annotated[
    ReorderChaptersSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("ReorderChaptersResult", description="Outcome of reorderChapters."),
]

CreateTheoryResult = Annotated[
    CreateTheorySuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("CreateTheoryResult", description="Outcome of createTheory."),
]

UpdateTheoryResult = Annotated[
    UpdateTheorySuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateTheoryResult", description="Outcome of updateTheory."),
]

DeleteTheoryResult = Annotated[
    DeleteTheorySuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteTheoryResult", description="Outcome of deleteTheory."),
]

MoveTheoryResult = Annotated[
    MoveTheorySuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("MoveTheoryResult", description="Outcome of moveTheory."),
]
