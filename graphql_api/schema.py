"""Table of contents of the API: each root field, naming its resolver.

schema.graphql is printed from here (`lab-tutor print-schema`) and holds only what works.
"""

import functools
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

import graphql
import strawberry
from graphql import GraphQLSchema, print_schema
from strawberry import Info
from strawberry.schema.config import StrawberryConfig

from graphql_api import fast
from resolvers import (
    accounts,
    classes,
    concepts,
    courses,
    curriculum,
    enrollments,
    events,
    extraction,
    graph_roots,
    mastery,
    operations,
    projection,
    resources,
    skills,
)
from resolvers.scalars import DATE_TIME
from resolvers.types.accounts import Administrator, Student, Teacher, User, UserConnection, UserFilter
from resolvers.types.concepts import (
    Concept,
    ConceptGraph,
    ConceptMention,
    ConceptRelation,
    ConceptRelationConnection,
    RelationDirection,
)
from resolvers.types.courses import Course, CourseConnection, CourseFilter, CourseOrder, Enrollment
from resolvers.types.curriculum import Chapter, Theory
from resolvers.types.events import SyncEvent
from resolvers.types.extraction import ExtractionDocument, ExtractionRun
from resolvers.types.mastery import (
    ClassMasteryConnection,
    MasteryOrder,
    Progress,
    SkillMastery,
    SkillMasteryConnection,
)
from resolvers.types.operations import (
    DriftReport,
    MirrorStatus,
    SyncRecord,
    SyncRecordConnection,
    SyncRecordFilter,
)
from resolvers.types.resources import Reading, Video
from resolvers.types.shared import Node, Sync
from resolvers.types.skills import Skill, SkillPrerequisite
from resolvers.unset import given
from sql.models import ConceptRelationType, MasteryCategory

DESCRIPTION = """
Lab Tutor: courses, their curriculum, concepts, and what each student has mastered.

**Two stores.** A mutation commits to SQL, the system of record; the change is then mirrored to a graph. Each root field says which store answers: "Answered by SQL: current." or "Answered by the graph: may lag; see extensions.graph." A record shows its own columns from the store that answered above it; connected records of the curriculum, and mastery, come from the graph, also where they hang below a SQL answer. A response that asked the graph carries `extensions.graph {asOf, lagMs}`. To read your own write from the graph, first wait with `sync(token, waitMs)`.

**Null.** A lookup that finds nothing, or nothing the viewer may see, is null without an error; a list holds only what the viewer may see. So that one failure never erases its neighbours, root fields (all but `courses` and `nodes`) and graph-answered fields below a SQL record are nullable; their null then comes with an entry in `errors`. If a graph field below a mutation payload fails, the mutation field is null and the error carries `extensions.committed: true`: the write stands.

**Problems and errors.** What the caller of a mutation can act on is a member of its result union and implements Problem. All else is in `errors`, with `extensions.code`: UNAUTHENTICATED (sign in or refresh), FORBIDDEN (visible, but not for the viewer's role or part in the course), RATE_LIMITED (with `retryAfterMs`), BAD_USER_INPUT (argument or cursor), GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, QUERY_TOO_COMPLEX (names the limit), PERSISTED_QUERY_NOT_SUPPORTED, GRAPH_UNAVAILABLE (with `retryable`; false where no graph is configured), CURSOR_EXPIRED (a subscription's `after` is too old: fetch again), TIMEOUT (the operation's deadline), INTERNAL (with `incidentId`).

**Writing.** Every mutation takes one `input`. create, update and delete act on records; set and remove act on what has a natural key, and setting the same again changes nothing. In an update, a field left out stays as it is and null clears it where the record's field is nullable. `expectedVersion` guards against overwriting somebody else's change; `idempotencyKey` makes a create repeatable. All of a mutation is written, or nothing.

**Lists.** A list that can grow without bound is a connection (first and after, or last and before; keyset cursors). A ranking takes `limit`. A plain list is bounded by the writes: 200 chapters in a course; 100 theories in a chapter; 50 skills, 50 readings, 50 videos and 200 mentions in a theory; 50 theories, 50 concepts and 50 direct prerequisites of a skill; 1,000 skills in a course.

**Limits.** Page size 100, `nodes` 100 ids, selection depth 12. Text, in characters: name and key 100, title 255, description 1,000, reason and evidence 2,000, url 2,048, definition 4,000, summary 10,000. Ids and cursors are opaque. Times are UTC.
"""


@strawberry.type(
    description="Questions. Where a description names who may ask, others get FORBIDDEN; an admin may ask whatever a teacher may."
)
class Query:
    # —— Answered by SQL: current ——

    @strawberry.field(description="Who is signed in; null for an anonymous caller. Answered by SQL: current.")
    async def me(self, info: Info) -> User | None:
        return await accounts.me(info)

    @strawberry.field(
        description="Any record by its id. Answered by SQL for users, courses, enrollments, metadata, reviews, runs and operations: current; by the graph for the rest: may lag; see extensions.graph."
    )
    async def node(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The record's id.")],
    ) -> Node | None:
        return await graph_roots.node(info, id)

    @strawberry.field(
        description="Records by their ids, in the order of the ids, null where nothing is found. Answered like node."
    )
    async def nodes(
        self,
        info: Info,
        *,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")],
    ) -> list[Node | None]:
        return await graph_roots.nodes(info, ids)

    @strawberry.field(description="A course. Answered by SQL: current.")
    async def course(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The course's id.")],
    ) -> Course | None:
        return await courses.course(info, id)

    @strawberry.field(
        description="Courses that the viewer may see: published ones, own and joined ones; for an admin all. Answered by SQL: current."
    )
    async def courses(
        self,
        info: Info,
        *,
        filter: Annotated[
            CourseFilter | None, strawberry.argument(description="Which courses.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            CourseOrder, strawberry.argument(description="Order of the list.")
        ] = CourseOrder.TITLE,
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
    ) -> CourseConnection:
        return await courses.courses(info, filter, order_by, first, after, last, before)

    @strawberry.field(
        description="A student: the viewer, or one in a course of the viewer. Answered by SQL: current."
    )
    async def student(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The student's id.")],
    ) -> Student | None:
        return await accounts.student(info, id)

    @strawberry.field(
        description="People by last name: for an admin all, for a teacher the students of own courses. Answered by SQL: current."
    )
    async def users(
        self,
        info: Info,
        *,
        filter: Annotated[
            UserFilter | None, strawberry.argument(description="Which people.")
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
    ) -> UserConnection | None:
        return await accounts.users(info, filter, first, after, last, before)

    @strawberry.field(
        description="How far the graph is with one of the viewer's writes; null for an unknown token. Answered by SQL: current."
    )
    async def sync(
        self,
        info: Info,
        *,
        token: Annotated[
            strawberry.ID, strawberry.argument(description="Token of the write, from a mutation's sync.")
        ],
        wait_ms: Annotated[
            int,
            strawberry.argument(
                description="Longest wait for the write to leave PENDING, 0 to 5,000 milliseconds."
            ),
        ] = 0,
    ) -> Sync | None:
        return await operations.sync(info, token, wait_ms)

    @strawberry.field(
        description="An extraction run, for the teacher of its course. Answered by SQL: current."
    )
    async def extraction_run(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The run's id.")],
    ) -> ExtractionRun | None:
        return await extraction.extraction_run(info, id)

    @strawberry.field(description="How the mirror is doing, for admins. Answered by SQL: current.")
    async def mirror_status(self, info: Info) -> MirrorStatus | None:
        return await operations.mirror_status(info)

    @strawberry.field(
        description="The mirror's accounts, oldest change first, for admins. Answered by SQL: current."
    )
    async def sync_records(
        self,
        info: Info,
        *,
        filter: Annotated[
            SyncRecordFilter | None, strawberry.argument(description="Which accounts.")
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
    ) -> SyncRecordConnection | None:
        return await operations.sync_records(info, filter, first, after, last, before)

    # —— Answered by the graph: may lag ——

    @strawberry.field(description="A chapter. Answered by the graph: may lag; see extensions.graph.")
    async def chapter(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The chapter's id.")],
    ) -> Chapter | None:
        return await graph_roots.chapter(info, id)

    @strawberry.field(description="A theory. Answered by the graph: may lag; see extensions.graph.")
    async def theory(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The theory's id.")],
    ) -> Theory | None:
        return await graph_roots.theory(info, id)

    @strawberry.field(description="A skill. Answered by the graph: may lag; see extensions.graph.")
    async def skill(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The skill's id.")],
    ) -> Skill | None:
        return await graph_roots.skill(info, id)

    @strawberry.field(description="A concept. Answered by the graph: may lag; see extensions.graph.")
    async def concept(
        self,
        info: Info,
        *,
        id: Annotated[strawberry.ID, strawberry.argument(description="The concept's id.")],
    ) -> Concept | None:
        return await graph_roots.concept(info, id)

    @strawberry.field(
        description="The chapters of a course along NEXT_CHAPTER, first to last. Answered by the graph: may lag; see extensions.graph."
    )
    async def chapter_sequence(
        self,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID, strawberry.argument(description="Course whose chapters are listed.")
        ],
    ) -> list[Chapter] | None:
        return await graph_roots.chapter_sequence(info)

    @strawberry.field(
        description="Relations between concepts of a course, by source, type and target. Answered by the graph: may lag; see extensions.graph."
    )
    async def concept_relations(
        self,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID, strawberry.argument(description="Course whose relations are listed.")
        ],
        concept_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only relations at this concept; all when left out."),
        ] = strawberry.UNSET,
        direction: Annotated[
            RelationDirection | None,
            strawberry.argument(
                description="Seen from conceptId; both when left out. Only together with conceptId."
            ),
        ] = strawberry.UNSET,
        types: Annotated[
            list[ConceptRelationType] | None,
            strawberry.argument(description="Only edges of these types; all when left out."),
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
    ) -> ConceptRelationConnection | None:
        return await graph_roots.concept_relations(info)

    @strawberry.field(
        description="What a student has mastered of a course, skills without an assessment as NOT_STARTED. Answered by the graph: may lag; see extensions.graph."
    )
    async def student_mastery(
        self,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID, strawberry.argument(description="Course whose skills are listed.")
        ],
        student_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The student; the viewer when left out.")
        ] = strawberry.UNSET,
        chapter_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only skills of this chapter.")
        ] = strawberry.UNSET,
        categories: Annotated[
            list[MasteryCategory] | None,
            strawberry.argument(description="Only these categories; all when left out."),
        ] = strawberry.UNSET,
        min_confidence: Annotated[
            float | None,
            strawberry.argument(description="Only mastery with at least this confidence, 0 to 1."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            MasteryOrder, strawberry.argument(description="Order of the list.")
        ] = MasteryOrder.OUTLINE,
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
    ) -> SkillMasteryConnection | None:
        return await graph_roots.student_mastery(info)

    @strawberry.field(
        description="Concepts around one concept, nearest first, or the most connected ones of the course, with all relations among them. Answered by the graph: may lag; see extensions.graph."
    )
    async def concept_map(
        self,
        info: Info,
        *,
        course_id: Annotated[strawberry.ID, strawberry.argument(description="Course to draw.")],
        center_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The concept in the middle; the whole course when left out."),
        ] = strawberry.UNSET,
        depth: Annotated[
            int,
            strawberry.argument(
                description="Greatest distance from the middle, 1 to 4 edges in either direction."
            ),
        ] = 2,
        types: Annotated[
            list[ConceptRelationType] | None,
            strawberry.argument(description="Only edges of these types; all when left out."),
        ] = strawberry.UNSET,
        limit: Annotated[int, strawberry.argument(description="Number of concepts, 1 to 500.")] = 100,
    ) -> ConceptGraph | None:
        return await graph_roots.concept_map(info)

    @strawberry.field(
        description="Students by skills, by last name, for the teacher of the course. Answered by the graph: may lag; see extensions.graph."
    )
    async def class_mastery(
        self,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID, strawberry.argument(description="Course whose students are the rows.")
        ],
        chapter_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only skills of this chapter as columns.")
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
    ) -> ClassMasteryConnection | None:
        return await classes.class_mastery(info)

    @strawberry.field(
        description="Differences between SQL and the graph, compared now, for admins. Answered by the graph: may lag; see extensions.graph."
    )
    async def graph_drift(
        self,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only this course and what belongs to it; everything when left out."
            ),
        ] = strawberry.UNSET,
        limit: Annotated[
            int, strawberry.argument(description="Number of differences listed, 1 to 500; all are counted.")
        ] = 100,
    ) -> DriftReport | None:
        return await operations.graph_drift(info, course_id, limit)


@strawberry.type(
    description="Changes. Each is committed to SQL before it answers; `sync` tells how far the graph is. To change an archived course, its curriculum or its evidence is a ConflictProblem until restoreCourse."
)
class Mutation:
    register = strawberry.field(
        resolver=accounts.register, description="Make an account and sign in. For anybody."
    )
    log_in = strawberry.field(
        resolver=accounts.log_in,
        description="Sign in with e-mail and password. For anybody; attempts are limited for an account and for an address.",
    )
    refresh = strawberry.field(
        resolver=accounts.refresh,
        description="Exchange a refresh token for new tokens. For anybody who holds it.",
    )
    log_out = strawberry.field(
        resolver=accounts.log_out,
        description="End one session or all. For anybody who holds its refresh token.",
    )
    change_password = strawberry.field(
        resolver=accounts.change_password,
        description="Change the viewer's password. For everybody signed in.",
    )
    update_user = strawberry.field(
        resolver=accounts.update_user, description="Change a person's name. For the person and admins."
    )
    set_user_role = strawberry.field(
        resolver=accounts.set_user_role, description="Give a person another role. For admins."
    )
    set_metadata = strawberry.field(
        resolver=accounts.set_metadata,
        description="Write an entry of a learner's profile. For the student and admins.",
    )
    remove_metadata = strawberry.field(
        resolver=accounts.remove_metadata,
        description="Take an entry of a learner's profile away. For the student and admins.",
    )
    create_course = strawberry.field(
        resolver=courses.create_course, description="Make a course, as a draft. For teachers and admins."
    )
    update_course = strawberry.field(
        resolver=courses.update_course,
        description="Change a course's title, description or level. For the course's teacher and admins.",
    )
    archive_course = strawberry.field(
        resolver=courses.archive_course,
        description="Put a course away: read-only, out of lists, nothing lost. For the course's teacher and admins.",
    )
    restore_course = strawberry.field(
        resolver=courses.restore_course,
        description="Take an archived course out again. For the course's teacher and admins.",
    )
    delete_course = strawberry.field(
        resolver=courses.delete_course,
        description="Delete a course with all that belongs to it. For the course's teacher and admins.",
    )
    publish_course = strawberry.field(
        resolver=courses.publish_course,
        description="Show a course to students. For the course's teacher and admins.",
    )
    unpublish_course = strawberry.field(
        resolver=courses.unpublish_course,
        description="Take a published course back; enrolled students stay. For the course's teacher and admins.",
    )
    join_course = strawberry.field(
        resolver=enrollments.join_course, description="Enroll in a published course. For students."
    )
    leave_course = strawberry.field(
        resolver=enrollments.leave_course, description="End the own enrollment. For students."
    )
    enroll_students = strawberry.field(
        resolver=enrollments.enroll_students,
        description="Enroll students. For the course's teacher and admins.",
    )
    remove_students = strawberry.field(
        resolver=enrollments.remove_students,
        description="End the enrollment of students. For the course's teacher and admins.",
    )
    create_chapter = strawberry.field(
        resolver=curriculum.create_chapter, description="Add a chapter. For the course's teacher and admins."
    )
    update_chapter = strawberry.field(
        resolver=curriculum.update_chapter,
        description="Change a chapter's name or description. For the course's teacher and admins.",
    )
    delete_chapter = strawberry.field(
        resolver=curriculum.delete_chapter,
        description="Delete a chapter, and its theories unless another chapter takes them. For the course's teacher and admins.",
    )
    move_chapter = strawberry.field(
        resolver=curriculum.move_chapter,
        description="Put one chapter at another place. For the course's teacher and admins.",
    )
    reorder_chapters = strawberry.field(
        resolver=curriculum.reorder_chapters,
        description="Give all chapters of a course a new order at once. For the course's teacher and admins.",
    )
    create_theory = strawberry.field(
        resolver=curriculum.create_theory,
        description="Add a theory to a chapter. For the course's teacher and admins.",
    )
    update_theory = strawberry.field(
        resolver=curriculum.update_theory,
        description="Change a theory's name or summary. For the course's teacher and admins.",
    )
    delete_theory = strawberry.field(
        resolver=curriculum.delete_theory,
        description="Delete a theory and what it says of concepts. For the course's teacher and admins.",
    )
    move_theory = strawberry.field(
        resolver=curriculum.move_theory,
        description="Put one theory at another place, in its chapter or another. For the course's teacher and admins.",
    )
    create_resource = strawberry.field(
        resolver=resources.create_resource,
        description="Add a reading or video. For the course's teacher and admins.",
    )
    update_resource = strawberry.field(
        resolver=resources.update_resource,
        description="Change a reading or video, its theories or its concepts. For the course's teacher and admins.",
    )
    delete_resource = strawberry.field(
        resolver=resources.delete_resource,
        description="Delete a reading or video. For the course's teacher and admins.",
    )
    create_skill = strawberry.field(
        resolver=skills.create_skill, description="Add a skill. For the course's teacher and admins."
    )
    update_skill = strawberry.field(
        resolver=skills.update_skill,
        description="Change a skill, its theories or its concepts. For the course's teacher and admins.",
    )
    delete_skill = strawberry.field(
        resolver=skills.delete_skill,
        description="Delete a skill that nobody was assessed on. For the course's teacher and admins.",
    )
    set_prerequisite = strawberry.field(
        resolver=skills.set_prerequisite,
        description="Write that one skill comes before another, or propose it. For the course's teacher and admins.",
    )
    remove_prerequisite = strawberry.field(
        resolver=skills.remove_prerequisite,
        description="Take an edge between skills away. For the course's teacher and admins.",
    )
    create_concept = strawberry.field(
        resolver=concepts.create_concept, description="Add a concept. For the course's teacher and admins."
    )
    update_concept = strawberry.field(
        resolver=concepts.update_concept,
        description="Change a concept's name, aliases or definition. For the course's teacher and admins.",
    )
    delete_concept = strawberry.field(
        resolver=concepts.delete_concept,
        description="Delete a concept with its mentions and relations. For the course's teacher and admins.",
    )
    set_concept_mention = strawberry.field(
        resolver=concepts.set_concept_mention,
        description="Write what a theory says of a concept. For the course's teacher and admins.",
    )
    remove_concept_mention = strawberry.field(
        resolver=concepts.remove_concept_mention,
        description="Take back that a theory speaks of a concept. For the course's teacher and admins.",
    )
    set_concept_relation = strawberry.field(
        resolver=concepts.set_concept_relation,
        description="Write how one concept relates to another. For the course's teacher and admins.",
    )
    remove_concept_relation = strawberry.field(
        resolver=concepts.remove_concept_relation,
        description="Take a relation between concepts away. For the course's teacher and admins.",
    )
    record_assessments = strawberry.field(
        resolver=mastery.record_assessments,
        description="Record results of students and compute their mastery. For the course's teacher and admins.",
    )
    ingest_extraction = strawberry.field(
        resolver=extraction.ingest_extraction,
        description="Bring extracted documents into a course, in the background. For the course's teacher and admins.",
    )
    retry_extraction = strawberry.field(
        resolver=extraction.retry_extraction,
        description="Try failed documents of a run again. For the course's teacher and admins.",
    )
    retry_sync = strawberry.field(
        resolver=operations.retry_sync, description="Put dead letters back in line. For admins."
    )
    repair_drift = strawberry.field(
        resolver=operations.repair_drift,
        description="Write to the graph again what differs from SQL. For admins.",
    )
    rebuild_graph = strawberry.field(
        resolver=operations.rebuild_graph,
        description="Write everything, one course or one person to the graph again, and remove strays. For admins.",
    )


@strawberry.type(
    description="Events, over graphql-transport-ws and server-sent events. Each is authorised when it is sent; a stream ends when the viewer's token or membership does."
)
class Subscription:
    @strawberry.subscription(description="Follow one of the viewer's writes until it is in the graph.")
    async def sync_changed(
        self,
        info: Info,
        *,
        token: Annotated[
            strawberry.ID, strawberry.argument(description="Token of the write, from a mutation's sync.")
        ],
        after: Annotated[
            str | None,
            strawberry.argument(
                description="Cursor of the last event seen, at most 24 hours old; starts with the present state when left out."
            ),
        ] = strawberry.UNSET,
    ) -> AsyncGenerator[SyncEvent, None]:
        async for event in events.sync_changed(info, token, given(after)):
            yield event  # type: ignore[misc]


# Types reached only through an interface.
_NODES = [
    Administrator,
    Student,
    Teacher,
    Course,
    Enrollment,
    Chapter,
    Theory,
    Skill,
    SkillPrerequisite,
    Concept,
    ConceptMention,
    ConceptRelation,
    Reading,
    Video,
    SkillMastery,
    Progress,
    ExtractionRun,
    ExtractionDocument,
    SyncRecord,
]


@functools.cache
def build() -> GraphQLSchema:
    """Return the executable schema; it takes a second or so, and is the same for everybody."""
    built: GraphQLSchema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=_NODES,
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
    )._schema
    built.description = DESCRIPTION.strip()
    projection.install(built)
    fast.install(built)
    return built


def print_sdl(schema: GraphQLSchema) -> str:
    """Return the SDL, sorted, with descriptions."""
    # Sorting the live schema fails on defaults of enumerations: print, build again, then sort.
    plain = graphql.build_schema(print_schema(schema))
    return print_schema(graphql.lexicographic_sort_schema(plain)) + "\n"
