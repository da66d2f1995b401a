"""People: accounts, roles, learner profiles, and the count of log-in attempts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.enrollments
import sql.sync_state
import sql.tokens
from sql import errors, guards, models
from sql.models import Course, Credential, Enrollment, Kind, LoginAttempt, Metadata, Role, User
from sql.pages import Page, Slice, Sort, paginate
from sql.points import Columns, Point, columns_of, only, record
from sql.search import matches
from sql.session import Database
from sql.text import Checker, storable
from sql.unset import UNSET

EMAIL_LENGTH = 254
GREATEST_METADATA = 50
ATTEMPTS_KEPT = timedelta(days=1)
# Advisory locks of PostgreSQL for them: two spaces of names.
_ACCOUNT_LOCK, _ADDRESS_LOCK = 7_104, 7_105
CLEAN_UP_EVERY = 100  # attempts: cleaning up looks at all of them, and each attempt need not pay for it
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f\ud800-\udfff]{1,64}@[^@\s\x00-\x1f\x7f\ud800-\udfff.]+(\.[^@\s\x00-\x1f\x7f\ud800-\udfff.]+)+"
)


# —— Accounts ——

_ACCOUNT = Point(select(*columns_of(User)).where(User.id == bindparam("user_id", type_=User.id.type)))


async def account(database: Database, user_id: int) -> User | None:
    """Return an account as it is committed now, belonging to no session."""
    rows = await database.fetch(_ACCOUNT, user_id=user_id)
    return record(User, rows[0]) if rows else None


async def register(
    session: AsyncSession,
    *,
    email: str,
    password_hash: str,
    first_name: str,
    last_name: str,
    role: Role,
    teacher_registration_allowed: bool,
) -> User:
    """Make an account. Nobody makes themselves an admin, nor a teacher where that is not allowed.

    Raises InvalidInput with every value at fault, Conflict DUPLICATE for a taken address.
    """
    checker = _checked(email, first_name, last_name)
    if role is Role.ADMIN:
        checker.add(("role",), "role must be STUDENT or TEACHER: an admin is made by an operator.")
    if role is Role.TEACHER and not teacher_registration_allowed:
        checker.add(("role",), "role must be STUDENT here: an admin makes teachers.")
    checker.raise_if_any()
    user = await create_user(
        session,
        email=email,
        password_hash=password_hash,
        first_name=first_name,
        last_name=last_name,
        role=role,
    )
    await sql.audit.write(session, user.id, "register", Kind.USER, user.id)
    return user


async def create_user(
    session: AsyncSession, *, email: str, password_hash: str, first_name: str, last_name: str, role: Role
) -> User:
    """Make an account of any role: for operators. Raises InvalidInput, Conflict DUPLICATE."""
    _checked(email, first_name, last_name).raise_if_any()
    lowered = email.strip().lower()
    if await find_by_email(session, lowered) is not None:
        raise errors.Conflict("DUPLICATE", "This e-mail address has an account already.", path=("email",))
    user = User(email=lowered, first_name=first_name, last_name=last_name, role=Role(role))
    session.add(user)
    await session.flush()
    session.add(Credential(user_id=user.id, password_hash=password_hash))
    await guards.touch(session, user, Kind.USER, user.id)
    return user


def _checked(email: str, first_name: str, last_name: str) -> Checker:
    lowered = email.strip().lower()
    checker = Checker()
    if len(lowered) > EMAIL_LENGTH or not storable(lowered) or not _EMAIL.fullmatch(lowered):
        checker.add(
            ("email",),
            f"email must be an address such as ada@example.org, at most {EMAIL_LENGTH} characters.",
        )
    checker.text(("firstName",), first_name, models.NAME_LENGTH)
    checker.text(("lastName",), last_name, models.NAME_LENGTH)
    return checker


def _invalid(path: tuple[str, ...], message: str) -> errors.InvalidInput:
    return errors.InvalidInput([errors.FieldError(path, message)])


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """Return the account of an address in any case, or None."""
    lowered = email.strip().lower()
    if not storable(lowered):
        return None
    found: User | None = await session.scalar(select(User).where(User.email == lowered))
    return found


async def find_for_log_in(session: AsyncSession, email: str) -> tuple[User | None, str | None]:
    """Return (account, password hash) of an address; one statement whether or not it has an account."""
    lowered = email.strip().lower()
    rows = await session.execute(
        select(User, Credential.password_hash)
        .outerjoin(Credential, Credential.user_id == User.id)
        .where(User.email == (lowered if storable(lowered) else ""))
    )
    found = rows.one_or_none()
    return (found[0], found[1]) if found is not None else (None, None)


async def password_hash(session: AsyncSession, user_id: int) -> str | None:
    """Return the hash of somebody's password."""
    credential = await session.get(Credential, user_id)
    return credential.password_hash if credential else None


async def replace_hash(session: AsyncSession, user_id: int, new_hash: str) -> None:
    """Store the same password hashed at today's cost."""
    credential = await session.get(Credential, user_id)
    if credential is not None:
        credential.password_hash = new_hash
        credential.updated_at = models.now()


async def set_password(session: AsyncSession, user_id: int, new_hash: str) -> None:
    """Store a new password and end every session of the account."""
    credential = await session.get(Credential, user_id)
    if credential is None:
        session.add(Credential(user_id=user_id, password_hash=new_hash))
    else:
        credential.password_hash = new_hash
        credential.updated_at = models.now()
    await sql.tokens.revoke_all(session, user_id)
    await sql.audit.write(session, user_id, "changePassword", Kind.USER, user_id)


async def update_user(
    session: AsyncSession,
    *,
    actor_id: int,
    user_id: int,
    first_name: Any = UNSET,
    last_name: Any = UNSET,
    expected_version: int | None = None,
) -> User:
    """Change a person's name; raise NotFound, StaleVersion, InvalidInput."""
    user = await _user(session, user_id)
    guards.check_version(user, expected_version)
    checker = Checker()
    for path, value in ((("firstName",), first_name), (("lastName",), last_name)):
        if value is not UNSET:
            checker.text(path, value, models.NAME_LENGTH)
    checker.raise_if_any()
    changes = guards.assign(user, {"first_name": first_name, "last_name": last_name})
    if changes:
        await guards.touch(session, user, Kind.USER, user.id)
        await sql.audit.write(session, actor_id, "updateUser", Kind.USER, user.id)
    return user


async def _user(session: AsyncSession, user_id: int) -> User:
    # Locked, so that of two changes with one expected version only one is written.
    user = await session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise errors.NotFound(Kind.USER, user_id)
    return user


async def set_user_role(session: AsyncSession, *, actor_id: int, user_id: int, role: Role) -> User:
    """Give a person another role; what the new role may not have ends with it.

    Raises NotFound, Conflict IN_USE (a teacher who still has courses), WRONG_STATE (the last admin).
    """
    # All admins too, in one order: two of them who demote each other must meet here. The full lock also
    # keeps new courses and enrollments of the person waiting, as their foreign keys need it.
    await session.execute(
        select(User.id)
        .where(or_(User.id == user_id, User.role == Role.ADMIN))
        .order_by(User.id)
        .with_for_update()
    )
    user = await _user(session, user_id)
    former = user.role
    if former is role:
        return user
    if former is Role.ADMIN:
        others = await session.scalar(
            select(func.count())
            .select_from(User)
            .where(User.role == Role.ADMIN, User.id != user_id, User.active)
        )
        if not others:
            raise errors.Conflict("WRONG_STATE", "The last admin stays one.", path=("role",))
    if role is Role.STUDENT or former is Role.TEACHER:
        courses = await session.scalar(
            select(func.count()).select_from(Course).where(Course.teacher_id == user_id)
        )
        if courses:
            message = f"The teacher still has {courses} course(s): transfer or delete them first."
            raise errors.Conflict("IN_USE", message, path=("role",))
    if former is Role.STUDENT:
        await _end_student(session, user_id)
    user.role = role
    await guards.touch(session, user, Kind.USER, user.id)
    await sql.audit.write(
        session, actor_id, "setUserRole", Kind.USER, user.id, changes=[sql.audit.Change("role", former, role)]
    )
    return user


async def _end_student(session: AsyncSession, user_id: int) -> None:
    """End what only a student has: enrollments and the profile. Evidence stays in SQL, as after leaving."""
    course_ids = await session.scalars(select(Enrollment.course_id).where(Enrollment.student_id == user_id))
    for course_id in list(course_ids):
        await sql.enrollments.end_enrollments(session, course_id=course_id, student_ids=[user_id])
    entries = list(await session.scalars(select(Metadata.id).where(Metadata.student_id == user_id)))
    await sql.sync_state.record_many(session, Kind.METADATA, entries, deleted=True)
    await session.execute(delete(Metadata).where(Metadata.student_id == user_id))


# —— Reading people ——


async def users_by_ids(session: AsyncSession, ids: Iterable[int], columns: Columns = None) -> dict[int, User]:
    """Return people by id, whoever asks."""
    found = await session.scalars(select(User).where(User.id.in_(list(ids))).options(*only(User, columns)))
    return {user.id: user for user in found}


def _visible(viewer_id: int, viewer_role: Role) -> ColumnElement[bool]:
    """Return the condition for people somebody may see: oneself, teachers, own students; all for an admin."""
    if viewer_role is Role.ADMIN:
        return User.id.is_not(None)
    own_student = _is_own_student(User, User.id, viewer_id)
    return or_(User.id == viewer_id, User.role == Role.TEACHER, own_student)


def _is_own_student(
    model: type[User] | type[Metadata], student_id: Any, viewer_id: int
) -> ColumnElement[bool]:
    """Return the condition for a row of a student who is in some course of the viewer."""
    return (
        exists()
        .where(
            Enrollment.student_id == student_id,
            Enrollment.course_id == Course.id,
            Course.teacher_id == viewer_id,
        )
        .correlate(model)
    )


async def visible_users(
    session: AsyncSession, ids: Iterable[int], *, viewer_id: int, viewer_role: Role
) -> dict[int, User]:
    """Return the people among some ids that somebody may see. Teachers stand beside their courses anyway."""
    rows = await session.scalars(select(User).where(User.id.in_(list(ids)), _visible(viewer_id, viewer_role)))
    return {user.id: user for user in rows}


async def list_users(
    session: AsyncSession,
    *,
    viewer_id: int,
    viewer_role: Role,
    page: Page,
    search: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
    with_total: bool = False,
    columns: Columns = None,
) -> Slice:
    """Return a page of people by last name: for an admin all, for a teacher the students of own courses."""
    statement: Select[Any] = select(User)
    if viewer_role is not Role.ADMIN:
        statement = statement.where(User.role == Role.STUDENT, _is_own_student(User, User.id, viewer_id))
    searched = [User.first_name, User.last_name, *([User.email] if viewer_role is Role.ADMIN else [])]
    statement = statement.where(*matches(search, *searched, begins=True))
    if role is not None:
        statement = statement.where(User.role == role)
    if active is not None:
        statement = statement.where(User.active == active)
    sorts = [Sort(User.last_name), Sort(User.first_name), Sort(User.id)]
    return await paginate(session, statement, sorts, page, with_total=with_total, columns=columns)


# —— Learner profiles ——


async def metadata_of(session: AsyncSession, student_ids: Sequence[int]) -> dict[int, list[Metadata]]:
    """Return the profile entries of students, by key; one statement for all."""
    found: dict[int, list[Metadata]] = {}
    rows = await session.scalars(
        select(Metadata).where(Metadata.student_id.in_(student_ids)).order_by(Metadata.key, Metadata.id)
    )
    for entry in rows:
        found.setdefault(entry.student_id, []).append(entry)
    return found


async def visible_metadata(
    session: AsyncSession, ids: Iterable[str], *, viewer_id: int, viewer_role: Role
) -> dict[str, Metadata]:
    """Return which profile entries somebody may see: of people whose data they may see."""
    statement = select(Metadata).where(Metadata.id.in_(list(ids)))
    if viewer_role is Role.STUDENT:
        statement = statement.where(Metadata.student_id == viewer_id)
    elif viewer_role is Role.TEACHER:
        statement = statement.where(_is_own_student(Metadata, Metadata.student_id, viewer_id))
    return {entry.id: entry for entry in await session.scalars(statement)}


async def set_metadata(
    session: AsyncSession, *, actor_id: int, student_id: int, key: str, value: str
) -> Metadata:
    """Write a profile entry; the same value again changes nothing. Raises NotFound, InvalidInput."""
    checker = Checker()
    checker.text(("key",), key, models.NAME_LENGTH)
    checker.text(("value",), value, models.DESCRIPTION_LENGTH, least=0)
    checker.raise_if_any()
    # Locked: the bound of a profile, and the one entry of a key, are checked by one writer at a time.
    student = await session.get(User, student_id, with_for_update={"key_share": True}, populate_existing=True)
    if student is None or student.role is not Role.STUDENT:
        raise errors.NotFound(Kind.USER, student_id, ("studentId",))
    entries = {entry.key: entry for entry in (await metadata_of(session, [student_id])).get(student_id, [])}
    entry = entries.get(key)
    if entry is not None and entry.value == value:
        return entry
    if entry is None:
        if len(entries) >= GREATEST_METADATA:
            raise _invalid(("key",), f"A profile has at most {GREATEST_METADATA} entries.")
        entry = Metadata(student_id=student_id, key=key, value=value)
        session.add(entry)
        await session.flush()
    entry.value = value
    await guards.touch(session, entry, Kind.METADATA, entry.id)
    await sql.audit.write(session, actor_id, "setMetadata", Kind.METADATA, entry.id)
    return entry


async def remove_metadata(session: AsyncSession, *, actor_id: int, metadata_id: str) -> None:
    """Take a profile entry away; raise NotFound."""
    entry = await session.get(Metadata, metadata_id, with_for_update=True, populate_existing=True)
    if entry is None:
        raise errors.NotFound(Kind.METADATA, metadata_id)
    await sql.sync_state.record(session, Kind.METADATA, metadata_id, deleted=True)
    await session.delete(entry)
    await sql.audit.write(session, actor_id, "removeMetadata", Kind.METADATA, metadata_id)


# —— Log-in attempts ——


async def note_limited(session: AsyncSession, email: str) -> None:
    """Write into the audit log that attempts on an account are limited now; as much for an unknown one."""
    user = await find_by_email(session, email)
    await sql.audit.write(session, None, "logInLimited", Kind.USER, user.id if user else "unknown")


async def _one_at_a_time(session: AsyncSession, email: str, address: str) -> None:
    """Let who counts under the same account or address wait for this transaction, which else would not be seen.

    SQLite has one writer anyway. The account first, always: two who hold one each never wait for each other.
    """
    if session.get_bind().dialect.name == "postgresql":
        for lock, name in ((_ACCOUNT_LOCK, email), (_ADDRESS_LOCK, address)):
            await session.execute(select(func.pg_advisory_xact_lock(lock, func.hashtext(name))))


async def count_attempt(
    session: AsyncSession, *, email: str, address: str, window: timedelta
) -> tuple[int, int]:
    """Count an attempt; return how many there were within the window (by account, by address), this one too."""
    moment = models.now()
    # Counted as well when it can not be stored as it came.
    email = "".join(character if storable(character) else "?" for character in email[:EMAIL_LENGTH])
    address = address[:64]
    await _one_at_a_time(session, email, address)
    attempt = LoginAttempt(email=email, address=address, attempted_at=moment)
    session.add(attempt)
    await session.flush()
    recent = LoginAttempt.attempted_at > moment - window
    by_account = await session.scalar(
        select(func.count()).select_from(LoginAttempt).where(LoginAttempt.email == email, recent)
    )
    by_address = await session.scalar(
        select(func.count()).select_from(LoginAttempt).where(LoginAttempt.address == address, recent)
    )
    if attempt.id % CLEAN_UP_EVERY == 0:
        await session.execute(delete(LoginAttempt).where(LoginAttempt.attempted_at < moment - ATTEMPTS_KEPT))
    return by_account or 0, by_address or 0
