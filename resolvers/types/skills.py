"""Skills and their prerequisites."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.enums import EdgeOrigin, PrerequisiteStatus
from resolvers.types.shared import (
    ConflictProblem,
    CycleProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.accounts import User
    from resolvers.types.concepts import Concept
    from resolvers.types.courses import Course
    from resolvers.types.curriculum import Theory
    from resolvers.types.mastery import SkillMastery
    from resolvers.types.resources import Resource
else:
    User = LazyType("User", "resolvers.types.accounts")
    Concept = LazyType("Concept", "resolvers.types.concepts")
    Course = LazyType("Course", "resolvers.types.courses")
    Theory = LazyType("Theory", "resolvers.types.curriculum")
    SkillMastery = LazyType("SkillMastery", "resolvers.types.mastery")
    Resource = LazyType("Resource", "resolvers.types.resources")


@strawberry.type(description="Something a student can do after learning; belongs to one course.")
class Skill(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    name: str = strawberry.field(description="Name, verb first, unique in the course.")
    description: str | None = strawberry.field(description="What exactly is mastered.")
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    course: Course = strawberry.field(
        resolver=fields.skill_course, description="Course the skill belongs to."
    )
    theories: list[Theory] = strawberry.field(
        resolver=graph_fields.resolve, description="Theories that teach it, in the order of the course."
    )
    concepts: list[Concept] = strawberry.field(
        resolver=graph_fields.resolve, description="Concepts it requires, by name."
    )

    @strawberry.field(description="Readings and videos of its theories; those that cover its concepts first.")
    async def resources(
        self: Any,
        info: Info,
        *,
        limit: Annotated[int, strawberry.argument(description="Number of resources, 1 to 100.")] = 20,
    ) -> list[Resource]:
        return await graph_fields.resolve(self, info)

    prerequisites: list[SkillPrerequisite] = strawberry.field(
        resolver=graph_fields.resolve, description="Approved edges from skills to master before this one."
    )
    dependents: list[SkillPrerequisite] = strawberry.field(
        resolver=graph_fields.resolve, description="Approved edges to skills that need this one."
    )

    @strawberry.field(description="One student's mastery of it; null when the viewer may not see it.")
    async def mastery(
        self: Any,
        info: Info,
        *,
        student_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The student; the viewer when left out.")
        ] = strawberry.UNSET,
    ) -> SkillMastery | None:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A page of skills.")
class SkillConnection:
    edges: list[SkillEdge] = strawberry.field(description="The skills of this page with their cursors.")
    nodes: list[Skill] = strawberry.field(description="The skills of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(description="Number of skills on all pages together, after filters.")


@strawberry.type(description="A skill in a page.")
class SkillEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: Skill = strawberry.field(description="The skill itself.")


@strawberry.type(
    description="One skill comes before another; edge PREREQUISITE_OF in the graph once approved."
)
class SkillPrerequisite(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    prerequisite: Skill = strawberry.field(
        resolver=fields.skill_prerequisite_prerequisite, description="The skill to master first."
    )
    dependent: Skill = strawberry.field(
        resolver=fields.skill_prerequisite_dependent, description="The skill that needs it."
    )
    reason: str | None = strawberry.field(description="Why, in a sentence.")
    strength: float = strawberry.field(description="How strongly it is needed, above 0 to 1.")
    origin: EdgeOrigin = strawberry.field(description="Where the edge comes from.")
    status: PrerequisiteStatus = strawberry.field(description="Whether it holds.")
    decided_by: User | None = strawberry.field(
        resolver=fields.skill_prerequisite_decided_by, description="Who approved or rejected it."
    )
    decided_at: datetime | None = strawberry.field(
        resolver=fields.skill_prerequisite_decided_at, description="When it was approved or rejected."
    )


@strawberry.input(description="A new skill.")
class CreateSkillInput:
    course_id: strawberry.ID = strawberry.field(description="Course to add it to.")
    name: str = strawberry.field(description="Name, verb first, 1 to 100 characters, unique in the course.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What exactly is mastered, at most 1,000 characters."
    )
    theory_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Theories of the course that teach it, at most 50."
    )
    concept_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Concepts of the course that it requires, at most 50."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The skill exists.")
class CreateSkillSuccess(Success):
    skill: Skill = strawberry.field(description="The new skill.")


@strawberry.input(description="Changes of a skill.")
class UpdateSkillInput:
    id: strawberry.ID = strawberry.field(description="The skill.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Name, verb first, 1 to 100 characters, unique in the course."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What exactly is mastered, at most 1,000 characters; null clears it.",
    )
    theory_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="All theories that teach it from now on, at most 50."
    )
    concept_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="All concepts it requires from now on, at most 50."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the skill still has this version.",
    )


@strawberry.type(description="The skill is changed.")
class UpdateSkillSuccess(Success):
    skill: Skill = strawberry.field(description="The skill after the change.")


@strawberry.input(description="A skill to delete.")
class DeleteSkillInput:
    id: strawberry.ID = strawberry.field(description="The skill; one with assessments is in use.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the skill still has this version.",
    )


@strawberry.type(description="The skill and its edges are gone.")
class DeleteSkillSuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


@strawberry.input(
    description="An edge between two skills of one course; an edge between the same two is replaced."
)
class SetPrerequisiteInput:
    prerequisite_id: strawberry.ID = strawberry.field(description="The skill to master first.")
    dependent_id: strawberry.ID = strawberry.field(description="The skill that needs it.")
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, at most 2,000 characters."
    )
    strength: float = strawberry.field(default=1.0, description="How strongly it is needed, above 0 to 1.")
    status: PrerequisiteStatus = strawberry.field(
        default=PrerequisiteStatus.APPROVED,
        description="APPROVED to hold at once, PROPOSED to wait for a decision.",
    )


@strawberry.type(description="The edge is written.")
class SetPrerequisiteSuccess(Success):
    prerequisite: SkillPrerequisite = strawberry.field(description="The edge after the change.")


@strawberry.input(description="An edge between skills to take away.")
class RemovePrerequisiteInput:
    id: strawberry.ID = strawberry.field(description="The edge.")


@strawberry.type(description="The edge is gone; a new extraction may propose it again.")
class RemovePrerequisiteSuccess(Success):
    removed_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


CreateSkillResult = Annotated[
    CreateSkillSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("CreateSkillResult", description="Outcome of createSkill."),
]

UpdateSkillResult = Annotated[
    UpdateSkillSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateSkillResult", description="Outcome of updateSkill."),
]

DeleteSkillResult = Annotated[
    DeleteSkillSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteSkillResult", description="Outcome of deleteSkill."),
]

SetPrerequisiteResult = Annotated[
    SetPrerequisiteSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | CycleProblem,
    strawberry.union("SetPrerequisiteResult", description="Outcome of setPrerequisite."),
]

RemovePrerequisiteResult = Annotated[
    RemovePrerequisiteSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union("RemovePrerequisiteResult", description="Outcome of removePrerequisite."),
]
