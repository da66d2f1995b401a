"""People, sessions, learner profiles."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.types.lazy_type import LazyType

from resolvers import fields, graph_fields, ids
from resolvers.types.enums import MasteryCategory, Role
from resolvers.types.mastery import MasteryOrder
from resolvers.types.shared import (
    ConflictProblem,
    InvalidInputProblem,
    Node,
    NotFoundProblem,
    PageInfo,
    StaleVersionProblem,
    Success,
)

if TYPE_CHECKING:
    from resolvers.types.courses import CourseConnection, EnrollmentConnection
    from resolvers.types.mastery import ProgressConnection, SkillMasteryConnection
else:
    CourseConnection = LazyType("CourseConnection", "resolvers.types.courses")
    EnrollmentConnection = LazyType("EnrollmentConnection", "resolvers.types.courses")
    ProgressConnection = LazyType("ProgressConnection", "resolvers.types.mastery")
    SkillMasteryConnection = LazyType("SkillMasteryConnection", "resolvers.types.mastery")


@strawberry.interface(description="A person with an account.")
class User(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    first_name: str = strawberry.field(description="Given name.")
    last_name: str = strawberry.field(description="Family name.")
    email: str | None = strawberry.field(
        resolver=fields.user_email,
        description="E-mail address, lower case; null unless the viewer is this person or an admin.",
    )
    role: Role = strawberry.field(description="What this person may do.")
    active: bool = strawberry.field(description="Whether this person can log in.")
    version: int = strawberry.field(
        description="Number of the last change; pass it as expectedVersion to update safely."
    )
    created_at: datetime = strawberry.field(description="When the record was made.")
    updated_at: datetime = strawberry.field(description="When the record last changed.")


@strawberry.type(description="A person who learns; label STUDENT in the graph.")
class Student(User):
    role: Role = strawberry.field(description="Always STUDENT.")

    @strawberry.field(
        description="Courses of this student that the viewer may see, newest enrollment first. Answered by SQL."
    )
    async def enrollments(
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
    ) -> EnrollmentConnection:
        return await fields.student_enrollments(
            self, info, first=first, after=after, last=last, before=before
        )

    metadata: list[LearnerMetadata] = strawberry.field(
        resolver=fields.student_metadata,
        description="Entries of the learner's profile, at most 50, by key. Answered by SQL.",
    )

    @strawberry.field(
        description="Mastery of every skill of a course, those without an assessment as NOT_STARTED. Answered by the graph."
    )
    async def masteries(
        self: Any,
        info: Info,
        *,
        course_id: Annotated[
            strawberry.ID, strawberry.argument(description="Course whose skills are listed.")
        ],
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
        return await graph_fields.resolve(self, info)

    @strawberry.field(description="Assessments of this student, newest first. Answered by the graph.")
    async def progress(
        self: Any,
        info: Info,
        *,
        skill_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only this skill.")
        ] = strawberry.UNSET,
        since: Annotated[
            datetime | None, strawberry.argument(description="Only assessments at or after this moment.")
        ] = strawberry.UNSET,
        until: Annotated[
            datetime | None, strawberry.argument(description="Only assessments before this moment.")
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
    ) -> ProgressConnection | None:
        return await graph_fields.resolve(self, info)


@strawberry.type(description="A person who runs courses; label TEACHER in the graph.")
class Teacher(User):
    role: Role = strawberry.field(description="Always TEACHER.")

    @strawberry.field(
        description="Courses of this teacher that the viewer may see, by title. Answered by SQL."
    )
    async def courses(
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
    ) -> CourseConnection:
        return await fields.teacher_courses(self, info, first=first, after=after, last=last, before=before)


@strawberry.type(description="A person who operates the system.")
class Administrator(User):
    role: Role = strawberry.field(description="Always ADMIN.")


@strawberry.type(description="A page of people.")
class UserConnection:
    edges: list[UserEdge] = strawberry.field(description="The people of this page with their cursors.")
    nodes: list[User] = strawberry.field(description="The people of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(description="Number of people on all pages together, after filters.")


@strawberry.type(description="A person in a page.")
class UserEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: User = strawberry.field(description="The person itself.")


@strawberry.input(description="Which people to list; all conditions hold together.")
class UserFilter:
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words that first name, last name or, for an admin, e-mail begins with; at most 100 characters.",
    )
    role: Role | None = strawberry.field(default=strawberry.UNSET, description="Only this role.")
    active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Only people who can, or can not, log in."
    )


@strawberry.type(description="One entry of a learner's profile, for example goal or preferred language.")
class LearnerMetadata(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    key: str = strawberry.field(description="Name of the entry, unique for a student.")
    value: str = strawberry.field(description="Value, at most 1,000 characters.")
    updated_at: datetime = strawberry.field(description="When the entry was last written.")


@strawberry.type(description="Proof of who is calling.")
class Session:
    access_token: str = strawberry.field(
        description="Bearer token for the Authorization header; lives 15 minutes at most."
    )
    access_expires_at: datetime = strawberry.field(description="When the access token ends.")
    refresh_token: str = strawberry.field(
        description="Token for one call of `refresh`; using it twice ends every session that came from it."
    )
    refresh_expires_at: datetime = strawberry.field(description="When the refresh token ends.")
    user: User = strawberry.field(description="Who is signed in.")


@strawberry.input(description="A new account.")
class RegisterInput:
    email: str = strawberry.field(
        description="E-mail address, unique without regard to case; at most 254 characters."
    )
    password: str = strawberry.field(description="12 to 128 characters, not among known leaked passwords.")
    first_name: str = strawberry.field(description="Given name, 1 to 100 characters.")
    last_name: str = strawberry.field(description="Family name, 1 to 100 characters.")
    role: Role = strawberry.field(
        default=Role.STUDENT, description="STUDENT, or TEACHER where the installation allows it; never ADMIN."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Key chosen by the client, at most 64 characters: a repeat within 24 hours returns the first result and writes nothing.",
    )


@strawberry.type(description="The account exists and is signed in.")
class RegisterSuccess(Success):
    session: Session = strawberry.field(description="Tokens of the new account.")


@strawberry.input(description="Who wants to sign in.")
class LogInInput:
    email: str = strawberry.field(description="E-mail address, in any case.")
    password: str = strawberry.field(description="Password, at most 128 characters.")


@strawberry.type(description="The viewer is signed in.")
class LogInSuccess:
    session: Session = strawberry.field(description="New tokens.")


@strawberry.input(description="A session to continue.")
class RefreshInput:
    refresh_token: str = strawberry.field(description="The newest refresh token.")


@strawberry.type(description="The session goes on.")
class RefreshSuccess:
    session: Session = strawberry.field(description="New tokens; the refresh token of the input is spent.")


@strawberry.input(description="Sessions to end.")
class LogOutInput:
    refresh_token: str = strawberry.field(
        description="A refresh token of the session to end; an unknown one is no error."
    )
    everywhere: bool = strawberry.field(
        default=False, description="Also end every other session of this account."
    )


@strawberry.type(description="The sessions are over.")
class LogOutSuccess:
    ended_sessions: int = strawberry.field(description="Number of sessions that ended.")


@strawberry.input(description="A new password for the viewer.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The password until now.")
    new_password: str = strawberry.field(
        description="12 to 128 characters, not among known leaked passwords."
    )


@strawberry.type(description="The password is changed; every earlier session is over.")
class ChangePasswordSuccess:
    session: Session = strawberry.field(description="Tokens to go on with.")


@strawberry.input(description="Changes of a person's own data.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    first_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Given name, 1 to 100 characters."
    )
    last_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Family name, 1 to 100 characters."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Refuse with StaleVersionProblem unless the person still has this version.",
    )


@strawberry.type(description="The person is changed.")
class UpdateUserSuccess(Success):
    user: User = strawberry.field(description="The person after the change.")


@strawberry.input(description="A new role for a person.")
class SetUserRoleInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    role: Role = strawberry.field(
        description="The role from now on; what the new role may not have ends with it: a former student's enrollments."
    )


@strawberry.type(description="The person has the role; the id stays, the type follows the role.")
class SetUserRoleSuccess(Success):
    user: User = strawberry.field(description="The person after the change.")


@strawberry.input(description="An entry of a learner's profile to write.")
class SetMetadataInput:
    student_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The student; the viewer when left out."
    )
    key: str = strawberry.field(
        description="Name of the entry, 1 to 100 characters; an entry of this name is replaced."
    )
    value: str = strawberry.field(description="Value, at most 1,000 characters.")


@strawberry.type(description="The entry is written.")
class SetMetadataSuccess(Success):
    metadata: LearnerMetadata = strawberry.field(description="The entry after the change.")


@strawberry.input(description="An entry of a learner's profile to take away.")
class RemoveMetadataInput:
    id: strawberry.ID = strawberry.field(description="The entry.")


@strawberry.type(description="The entry is gone.")
class RemoveMetadataSuccess(Success):
    removed_id: strawberry.ID = strawberry.field(description="Id that no longer finds anything.")


RegisterResult = Annotated[
    RegisterSuccess | InvalidInputProblem | ConflictProblem,
    strawberry.union("RegisterResult", description="Outcome of register."),
]

LogInResult = Annotated[
    LogInSuccess | InvalidInputProblem,
    strawberry.union(
        "LogInResult",
        description="Outcome of logIn; wrong credentials are an InvalidInputProblem with code INVALID_CREDENTIALS.",
    ),
]

RefreshResult = Annotated[
    RefreshSuccess | InvalidInputProblem,
    strawberry.union(
        "RefreshResult",
        description="Outcome of refresh; a spent or unknown token is an InvalidInputProblem with code INVALID_CREDENTIALS.",
    ),
]

LogOutResult = Annotated[
    LogOutSuccess | InvalidInputProblem,
    strawberry.union("LogOutResult", description="Outcome of logOut."),
]

ChangePasswordResult = Annotated[
    ChangePasswordSuccess | InvalidInputProblem,
    strawberry.union("ChangePasswordResult", description="Outcome of changePassword."),
]

UpdateUserResult = Annotated[
    UpdateUserSuccess | NotFoundProblem | InvalidInputProblem | StaleVersionProblem,
    strawberry.union("UpdateUserResult", description="Outcome of updateUser."),
]

SetUserRoleResult = Annotated[
    SetUserRoleSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union(
        "SetUserRoleResult",
        description="Outcome of setUserRole; a teacher who still has courses and the last admin are a ConflictProblem.",
    ),
]

SetMetadataResult = Annotated[
    SetMetadataSuccess | NotFoundProblem | InvalidInputProblem,
    strawberry.union("SetMetadataResult", description="Outcome of setMetadata."),
]

RemoveMetadataResult = Annotated[
    RemoveMetadataSuccess | NotFoundProblem,
    strawberry.union("RemoveMetadataResult", description="Outcome of removeMetadata."),
]
