"""Mastery and progress."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.enums import MasteryCategory, MasteryTrend, describe_enum
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.accounts import Student
    from resolvers.types.courses import Enrollment
    from resolvers.types.skills import Skill
else:
    Student = LazyType("Student", "resolvers.types.accounts")
    Enrollment = LazyType("Enrollment", "resolvers.types.courses")
    Skill = LazyType("Skill", "resolvers.types.skills")


class MasteryOrder(enum.StrEnum):
    OUTLINE = "OUTLINE"
    WEAKEST = "WEAKEST"
    RECENT = "RECENT"


describe_enum(
    MasteryOrder,
    "Order of masteries.",
    {
        "OUTLINE": "In the order of chapters and theories, then by the skill's name.",
        "WEAKEST": "Lowest current mastery first; skills without an assessment last.",
        "RECENT": "Latest assessment first.",
    },
)


@strawberry.type(
    description="What a student has mastered of a skill, computed from assessments; edge MASTERS_SKILL in the graph."
)
class SkillMastery(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    student: Student = strawberry.field(
        resolver=fields.skill_mastery_student, description="Whose mastery it is."
    )
    skill: Skill = strawberry.field(
        resolver=graph_fields.resolve, description="What is mastered, or not yet."
    )
    current_mastery: float | None = strawberry.field(
        description="Probability that the skill is known, 0 to 1; null without an assessment."
    )
    confidence: float = strawberry.field(
        description="Weight of the evidence, from 0 (none) to below 1; more and fresher assessments raise it."
    )
    predicted_next: float | None = strawberry.field(
        description="Probability that the next answer is right, 0 to 1, slips and guesses included; null without an assessment."
    )
    trend: MasteryTrend | None = strawberry.field(
        description="Direction of recent assessments; null without an assessment."
    )
    num_assessments: int = strawberry.field(description="Number of assessments.")
    mastery_category: MasteryCategory = strawberry.field(description="Mastery in words.")
    updated_at: datetime | None = strawberry.field(
        description="When it was last computed; null without an assessment."
    )


@strawberry.type(description="A page of masteries.")
class SkillMasteryConnection:
    edges: list[SkillMasteryEdge] = strawberry.field(
        description="The masteries of this page with their cursors."
    )
    nodes: list[SkillMastery] = strawberry.field(description="The masteries of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(
        description="Number of masteries on all pages together, after filters."
    )


@strawberry.type(description="A mastery in a page.")
class SkillMasteryEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: SkillMastery = strawberry.field(description="The mastery itself.")


@strawberry.type(
    description="A page of a class with the mastery of each student: rows are edges, columns are skills."
)
class ClassMasteryConnection:
    skills: list[Skill] = strawberry.field(
        description="The columns: the first 100 skills in the order of the course; chapterId narrows them."
    )
    edges: list[ClassMasteryEdge] = strawberry.field(description="The rows of this page.")
    nodes: list[Enrollment] = strawberry.field(description="The enrollments of this page without cells.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole class.")
    total_count: int = strawberry.field(description="Number of students in the class.")


@strawberry.type(description="One row of a class.")
class ClassMasteryEdge:
    cursor: str = strawberry.field(description="Position in the class, stable while others come and go.")
    node: Enrollment = strawberry.field(description="The student's enrollment.")
    cells: list[SkillMastery] = strawberry.field(
        description="One mastery for each column, in the order of the columns."
    )


@strawberry.type(description="Mastery of one student over a set of skills.")
class MasterySummary:
    average_mastery: float | None = strawberry.field(
        description="Mean current mastery of the skills with an assessment, 0 to 1; null when there is none."
    )
    skill_count: int = strawberry.field(description="Number of skills in the set.")
    not_started_count: int = strawberry.field(description="Number of skills without an assessment.")
    struggling_count: int = strawberry.field(description="Number of skills that are STRUGGLING.")
    developing_count: int = strawberry.field(description="Number of skills that are DEVELOPING.")
    proficient_count: int = strawberry.field(description="Number of skills that are PROFICIENT.")
    mastered_count: int = strawberry.field(description="Number of skills that are MASTERED.")


@strawberry.type(description="One assessment of one skill: append only; label PROGRESS in the graph.")
class Progress(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    student: Student = strawberry.field(resolver=fields.progress_student, description="Who was assessed.")
    skill: Skill = strawberry.field(resolver=graph_fields.resolve, description="What was assessed.")
    score: float = strawberry.field(description="Result, 0 to 1.")
    correct: bool = strawberry.field(description="Whether the score is at least 0.5.")
    mastery_after: float = strawberry.field(
        description="Current mastery right after it, in the order of assessedAt."
    )
    assessed_at: datetime = strawberry.field(description="When the student was assessed.")
    recorded_at: datetime = strawberry.field(
        description="When it was recorded here; later than assessedAt for late evidence."
    )


@strawberry.type(description="A page of assessments.")
class ProgressConnection:
    edges: list[ProgressEdge] = strawberry.field(
        description="The assessments of this page with their cursors."
    )
    nodes: list[Progress] = strawberry.field(description="The assessments of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(
        description="Number of assessments on all pages together, after filters."
    )


@strawberry.type(description="An assessment in a page.")
class ProgressEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: Progress = strawberry.field(description="The assessment itself.")


@strawberry.input(description="Assessments to record, all or none.")
class RecordAssessmentsInput:
    assessments: list[AssessmentInput] = strawberry.field(
        description="1 to 500 assessments of one course, in any order."
    )


@strawberry.input(description="One result of one student on one skill.")
class AssessmentInput:
    student_id: strawberry.ID = strawberry.field(
        description="The student, enrolled in the course of the skill."
    )
    skill_id: strawberry.ID = strawberry.field(description="Skill that was assessed.")
    score: float = strawberry.field(description="Result, 0 (all wrong) to 1 (all right).")
    assessed_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When the student was assessed, not in the future; now when left out. Late evidence counts at its own time.",
    )
    item_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Question or task, at most 100 characters: its difficulty is learned from everybody's answers.",
    )
    idempotency_key: strawberry.ID = strawberry.field(
        description="Names this result forever, at most 64 characters: sent again it counts once."
    )


@strawberry.type(description="The assessments are recorded and mastery is computed.")
class RecordAssessmentsSuccess(Success):
    masteries: list[SkillMastery] = strawberry.field(
        description="Each mastery that was touched, once, as it is now."
    )
    recorded_count: int = strawberry.field(description="Number of assessments that were new.")
    repeated_count: int = strawberry.field(description="Number of assessments that had been recorded before.")


RecordAssessmentsResult = Annotated[
    RecordAssessmentsSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union(
        "RecordAssessmentsResult",
        description="Outcome of recordAssessments; a known key with another result is a ConflictProblem with code KEY_REUSED.",
    ),
]
