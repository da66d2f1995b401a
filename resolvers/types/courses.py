"""Courses and enrollments."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.concepts import ConceptOrder
from resolvers.types.enums import CourseLevel, ExtractionStatus, PublicationStatus, describe_enum
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    RecordCount,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.accounts import Student, Teacher
    from resolvers.types.concepts import ConceptConnection
    from resolvers.types.curriculum import Chapter
    from resolvers.types.extraction import ExtractionRunConnection
    from resolvers.types.mastery import MasterySummary
    from resolvers.types.skills import SkillConnection
else:
    Student = LazyType("Student", "resolvers.types.accounts")
    Teacher = LazyType("Teacher", "resolvers.types.accounts")
    ConceptConnection = LazyType("ConceptConnection", "resolvers.types.concepts")
    Chapter = LazyType("Chapter", "resolvers.types.curriculum")
    ExtractionRunConnection = LazyType("ExtractionRunConnection", "resolvers.types.extraction")
    MasterySummary = LazyType("MasterySummary", "resolvers.types.mastery")
    SkillConnection = LazyType("SkillConnection", "resolvers.types.skills")


class CourseAction(enum.StrEnum):
    EDIT = "EDIT"
    DELETE = "DELETE"
    MANAGE_STUDENTS = "MANAGE_STUDENTS"
    ASSESS = "ASSESS"
    JOIN = "JOIN"
    LEAVE = "LEAVE"


describe_enum(
    CourseAction,
    "What the viewer may do with a course.",
    {
        "EDIT": "Change the course, its curriculum and its policy.",
        "DELETE": "Delete the course now; see previewDeleteCourse.",
        "MANAGE_STUDENTS": "Enroll and remove students.",
        "ASSESS": "Record assessments and see the mastery of all students.",
        "JOIN": "Join as a student.",
        "LEAVE": "Leave as a student.",
    },
)


class CourseOrder(enum.StrEnum):
    TITLE = "TITLE"
    NEWEST = "NEWEST"


describe_enum(
    CourseOrder,
    "Order of courses.",
    {
        "TITLE": "By title.",
        "NEWEST": "Newest first.",
    },
)


class CoursePart(enum.StrEnum):
    TEACHING = "TEACHING"
    ENROLLED = "ENROLLED"
    JOINABLE = "JOINABLE"


describe_enum(
    CoursePart,
    "The viewer's part in a course.",
    {
        "TEACHING": "The viewer teaches it.",
        "ENROLLED": "The viewer is enrolled.",
        "JOINABLE": "The viewer is a student who may join.",
    },
)


class ReadinessKind(enum.StrEnum):
    DESCRIPTION = "DESCRIPTION"
    CURRICULUM = "CURRICULUM"
    SKILLS = "SKILLS"
    EXTRACTION = "EXTRACTION"
    PREREQUISITES = "PREREQUISITES"


describe_enum(
    ReadinessKind,
    "Conditions of publication.",
    {
        "DESCRIPTION": "The course has a description.",
        "CURRICULUM": "At least one chapter, and none without a theory.",
        "SKILLS": "Every theory has a skill.",
        "EXTRACTION": "No extraction run is at work or failed.",
        "PREREQUISITES": "No proposed prerequisite waits for a decision.",
    },
)


@strawberry.type(description="A course of one teacher; label CLASS in the graph.")
class Course(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    title: str = strawberry.field(description="Title, unique among the teacher's courses.")
    description: str | None = strawberry.field(description="What the course is about.")
    level: CourseLevel = strawberry.field(description="Academic level.")
    publication_status: PublicationStatus = strawberry.field(description="Who finds the course.")
    extraction_status: ExtractionStatus = strawberry.field(
        description="State of the newest extraction run; NOT_STARTED when there is none."
    )
    archived_at: datetime | None = strawberry.field(
        description="When the course was archived: kept, read-only, out of lists; null for a live course."
    )
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")
    teacher: Teacher = strawberry.field(resolver=fields.course_teacher, description="Who runs the course.")
    student_count: int = strawberry.field(
        resolver=fields.course_student_count, description="Number of enrolled students."
    )
    chapter_count: int = strawberry.field(
        resolver=fields.course_chapter_count, description="Number of chapters, from SQL."
    )
    viewer_enrollment: Enrollment | None = strawberry.field(
        resolver=fields.course_viewer_enrollment,
        description="The viewer's own place in the course; null when not enrolled.",
    )
    viewer_can: list[CourseAction] = strawberry.field(
        resolver=fields.course_viewer_can, description="What the viewer may do now."
    )

    @strawberry.field(
        description="Students of the course, by last name; a student sees only the own enrollment. Answered by SQL."
    )
    async def enrollments(
        self: Any,
        info: Info,
        *,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that first or last name begins with; at most 100 characters."
            ),
        ] = strawberry.UNSET,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="Page size forward, 1 to 100; 20 when neither first nor last is given."
            ),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to start after.")
        ] = strawberry.UNSET,
        last: Annotated[
            int | None,
            strawberry.argument(description="Page size backward, 1 to 100; not together with first."),
        ] = strawberry.UNSET,
        before: Annotated[
            str | None, strawberry.argument(description="Cursor to stop before.")
        ] = strawberry.UNSET,
    ) -> EnrollmentConnection:
        return await fields.course_enrollments(
            self, info, search=search, first=first, after=after, last=last, before=before
        )

    mastery_policy: MasteryPolicy = strawberry.field(
        resolver=fields.course_mastery_policy, description="From which mastery on a skill counts as what."
    )
    readiness: CourseReadiness | None = strawberry.field(
        resolver=fields.course_readiness,
        description="What stands between the course and its publication; null unless the viewer may edit. Answered by SQL.",
    )

    @strawberry.field(
        description="Extraction runs, newest first; null unless the viewer may edit. Answered by SQL."
    )
    async def extraction_runs(
        self: Any,
        info: Info,
        *,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="Page size forward, 1 to 100; 20 when neither first nor last is given."
            ),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to start after.")
        ] = strawberry.UNSET,
        last: Annotated[
            int | None,
            strawberry.argument(description="Page size backward, 1 to 100; not together with first."),
        ] = strawberry.UNSET,
        before: Annotated[
            str | None, strawberry.argument(description="Cursor to stop before.")
        ] = strawberry.UNSET,
    ) -> ExtractionRunConnection | None:
        return await fields.course_extraction_runs(
            self, info, first=first, after=after, last=last, before=before
        )

    chapters: list[Chapter] | None = strawberry.field(
        resolver=graph_fields.resolve,
        description="Chapters in the order of their NEXT_CHAPTER chain, at most 200. Answered by the graph.",
    )

    @strawberry.field(description="Skills of the course, by name. Answered by the graph.")
    async def skills(
        self: Any,
        info: Info,
        *,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that the name contains, in any case; at most 100 characters."
            ),
        ] = strawberry.UNSET,
        chapter_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only skills of this chapter.")
        ] = strawberry.UNSET,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="Page size forward, 1 to 100; 20 when neither first nor last is given."
            ),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to start after.")
        ] = strawberry.UNSET,
        last: Annotated[
            int | None,
            strawberry.argument(description="Page size backward, 1 to 100; not together with first."),
        ] = strawberry.UNSET,
        before: Annotated[
            str | None, strawberry.argument(description="Cursor to stop before.")
        ] = strawberry.UNSET,
    ) -> SkillConnection | None:
        return await graph_fields.resolve(self, info)

    @strawberry.field(description="Concepts of the course. Answered by the graph.")
    async def concepts(
        self: Any,
        info: Info,
        *,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that the name or an alias contains, in any case; at most 100 characters."
            ),
        ] = strawberry.UNSET,
        order_by: Annotated[
            ConceptOrder, strawberry.argument(description="Order of the list.")
        ] = ConceptOrder.NAME,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="Page size forward, 1 to 100; 20 when neither first nor last is given."
            ),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to start after.")
        ] = strawberry.UNSET,
        last: Annotated[
            int | None,
            strawberry.argument(description="Page size backward, 1 to 100; not together with first."),
        ] = strawberry.UNSET,
        before: Annotated[
            str | None, strawberry.argument(description="Cursor to stop before.")
        ] = strawberry.UNSET,
    ) -> ConceptConnection | None:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A page of courses.")
class CourseConnection:
    edges: list[CourseEdge] = strawberry.field(description="The courses of this page with their cursors.")
    nodes: list[Course] = strawberry.field(description="The courses of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(description="Number of courses on all pages together, after filters.")


@strawberry.type(description="A course in a page.")
class CourseEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: Course = strawberry.field(description="The course itself.")


@strawberry.input(description="Which courses to list; all conditions hold together.")
class CourseFilter:
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words that the title contains, in any case; at most 100 characters.",
    )
    viewer_part: CoursePart | None = strawberry.field(
        default=strawberry.UNSET, description="Only courses in which the viewer has this part."
    )
    level: CourseLevel | None = strawberry.field(default=strawberry.UNSET, description="Only this level.")
    publication_status: PublicationStatus | None = strawberry.field(
        default=strawberry.UNSET, description="Only this publication status."
    )
    archived: bool = strawberry.field(default=False, description="Archived courses instead of live ones.")


@strawberry.type(
    description="From which mastery on a skill counts as what; each value is above the one before."
)
class MasteryPolicy:
    developing_from: float = strawberry.field(
        description="DEVELOPING from here on, STRUGGLING below; default 0.40."
    )
    met_from: float = strawberry.field(description="A prerequisite counts as met from here on; default 0.60.")
    proficient_from: float = strawberry.field(description="PROFICIENT from here on; default 0.65.")
    mastered_from: float = strawberry.field(
        description="MASTERED from here on, given a confidence of at least one third; default 0.80."
    )


@strawberry.type(description="What stands between a course and its publication.")
class CourseReadiness:
    ready: bool = strawberry.field(description="Whether publishCourse would succeed.")
    gates: list[ReadinessGate] = strawberry.field(description="Every gate in order, passed or not.")


@strawberry.type(description="One condition of publication.")
class ReadinessGate:
    kind: ReadinessKind = strawberry.field(description="Which condition.")
    passed: bool = strawberry.field(description="Whether it holds.")
    message: str = strawberry.field(description="What is missing, or what was found, in one sentence.")


@strawberry.input(description="A new course; the viewer teaches it.")
class CreateCourseInput:
    title: str = strawberry.field(
        description="Title, 1 to 255 characters, unique among the teacher's courses."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the course is about, at most 1,000 characters."
    )
    level: CourseLevel = strawberry.field(default=CourseLevel.BACHELOR, description="Academic level.")
    teacher_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Who teaches it; the viewer when left out. Only an admin may name somebody else.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The course exists, as a draft.")
class CreateCourseSuccess(Success):
    course: Course = strawberry.field(description="The new course.")


@strawberry.input(description="Changes of a course.")
class UpdateCourseInput:
    id: strawberry.ID = strawberry.field(description="The course.")
    title: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Title, 1 to 255 characters, unique among the teacher's courses.",
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the course is about, at most 1,000 characters; null clears it.",
    )
    level: CourseLevel | None = strawberry.field(default=strawberry.UNSET, description="Academic level.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The course is changed.")
class UpdateCourseSuccess(Success):
    course: Course = strawberry.field(description="The course after the change.")


@strawberry.input(description="A course to delete with all that belongs to it.")
class DeleteCourseInput:
    id: strawberry.ID = strawberry.field(description="The course: archived, or a draft without students.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The course is gone, with curriculum, enrollments and evidence.")
class DeleteCourseSuccess(Success):
    deleted_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")
    deleted: list[RecordCount] = strawberry.field(description="What went with it.")


@strawberry.input(description="A course to put away.")
class ArchiveCourseInput:
    id: strawberry.ID = strawberry.field(description="The course.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The course is archived: read-only, out of lists, nothing lost.")
class ArchiveCourseSuccess(Success):
    course: Course = strawberry.field(description="The course after the change.")


@strawberry.input(description="An archived course to take out again.")
class RestoreCourseInput:
    id: strawberry.ID = strawberry.field(description="The course.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The course is live again, published or draft as before.")
class RestoreCourseSuccess(Success):
    course: Course = strawberry.field(description="The course after the change.")


@strawberry.input(description="A draft course to show to students.")
class PublishCourseInput:
    id: strawberry.ID = strawberry.field(description="The course; every gate of its readiness passed.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="Students find the course and may join.")
class PublishCourseSuccess(Success):
    course: Course = strawberry.field(description="The course after the change.")


@strawberry.input(description="A published course to take back.")
class UnpublishCourseInput:
    id: strawberry.ID = strawberry.field(description="The course.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the course still has this version.",
    )


@strawberry.type(description="The course is a draft again; enrolled students stay.")
class UnpublishCourseSuccess(Success):
    course: Course = strawberry.field(description="The course after the change.")


@strawberry.type(description="A student's place in a course; edge ENROLLED_IN_CLASS in the graph.")
class Enrollment(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    course: Course = strawberry.field(
        resolver=fields.enrollment_course, description="Course the student is in."
    )
    student: Student = strawberry.field(resolver=fields.enrollment_student, description="Who is enrolled.")
    enrolled_at: datetime = strawberry.field(description="When the student joined or was enrolled.")

    @strawberry.field(
        description="The student's mastery over the course or one of its chapters. Answered by the graph."
    )
    async def mastery_summary(
        self: Any,
        info: Info,
        *,
        chapter_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only skills of this chapter.")
        ] = strawberry.UNSET,
    ) -> MasterySummary | None:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A page of enrollments.")
class EnrollmentConnection:
    edges: list[EnrollmentEdge] = strawberry.field(
        description="The enrollments of this page with their cursors."
    )
    nodes: list[Enrollment] = strawberry.field(description="The enrollments of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(
        description="Number of enrollments on all pages together, after filters."
    )


@strawberry.type(description="An enrollment in a page.")
class EnrollmentEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: Enrollment = strawberry.field(description="The enrollment itself.")


@strawberry.input(description="A course the viewer joins.")
class JoinCourseInput:
    course_id: strawberry.ID = strawberry.field(description="A published course; joining again is no error.")


@strawberry.type(description="The viewer is enrolled.")
class JoinCourseSuccess(Success):
    enrollment: Enrollment = strawberry.field(description="The viewer's enrollment.")


@strawberry.input(description="A course the viewer leaves.")
class LeaveCourseInput:
    course_id: strawberry.ID = strawberry.field(
        description="The course; evidence stays and counts again after joining again."
    )


@strawberry.type(description="The viewer is no longer enrolled.")
class LeaveCourseSuccess(Success):
    course: Course = strawberry.field(description="The course that was left.")


@strawberry.input(description="Students to enroll; at most 200, by id and by e-mail together.")
class EnrollStudentsInput:
    course_id: strawberry.ID = strawberry.field(description="Live course, draft or published.")
    student_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Students by id; those enrolled already are no error."
    )
    emails: list[str] = strawberry.field(
        default_factory=list, description="Students by e-mail address, in any case."
    )


@strawberry.type(description="The students are enrolled.")
class EnrollStudentsSuccess(Success):
    enrollments: list[Enrollment] = strawberry.field(
        description="One enrollment for each student found, in the order of the input."
    )
    unmatched_emails: list[str] = strawberry.field(
        description="Addresses of the input that belong to no student; they were skipped."
    )


@strawberry.input(description="Students to take out of a course.")
class RemoveStudentsInput:
    course_id: strawberry.ID = strawberry.field(description="Course they leave.")
    student_ids: list[strawberry.ID] = strawberry.field(
        description="Students, 1 to 200; those not enrolled are no error. Evidence stays."
    )


@strawberry.type(description="The students are no longer enrolled.")
class RemoveStudentsSuccess(Success):
    removed_count: int = strawberry.field(description="Number of enrollments that ended.")


CreateCourseResult = Annotated[
    CreateCourseSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("CreateCourseResult", description="Outcome of createCourse."),
]

UpdateCourseResult = Annotated[
    UpdateCourseSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UpdateCourseResult", description="Outcome of updateCourse."),
]

DeleteCourseResult = Annotated[
    DeleteCourseSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("DeleteCourseResult", description="Outcome of deleteCourse."),
]

ArchiveCourseResult = Annotated[
    ArchiveCourseSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("ArchiveCourseResult", description="Outcome of archiveCourse."),
]

RestoreCourseResult = Annotated[
    RestoreCourseSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("RestoreCourseResult", description="Outcome of restoreCourse."),
]

PublishCourseResult = Annotated[
    PublishCourseSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union(
        "PublishCourseResult",
        description="Outcome of publishCourse; closed gates are a ConflictProblem with code WRONG_STATE.",
    ),
]

UnpublishCourseResult = Annotated[
    UnpublishCourseSuccess | NotFoundProblem | ConflictProblem | StaleVersionProblem,
    strawberry.union("UnpublishCourseResult", description="Outcome of unpublishCourse."),
]

JoinCourseResult = Annotated[
    JoinCourseSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union(
        "JoinCourseResult",
        description="Outcome of joinCourse; a draft or archived course is a ConflictProblem.",
    ),
]

LeaveCourseResult = Annotated[
    LeaveCourseSuccess | NotFoundProblem,
    strawberry.union("LeaveCourseResult", description="Outcome of leaveCourse."),
]

EnrollStudentsResult = Annotated[
    EnrollStudentsSuccess | NotFoundProblem | InvalidInputProblem | ConflictProblem,
    strawberry.union("EnrollStudentsResult", description="Outcome of enrollStudents."),
]

RemoveStudentsResult = Annotated[
    RemoveStudentsSuccess | NotFoundProblem | InvalidInputProblem,
    strawberry.union("RemoveStudentsResult", description="Outcome of removeStudents."),
]
