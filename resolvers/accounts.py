"""People: signing in and out, names, roles, learner profiles."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

import sql.accounts
import sql.idempotency
import sql.passwords
import sql.sync_state
import sql.tokens
from resolvers import columns, ids, policy
from resolvers.connections import Connection, connection, page, search
from resolvers.context import Context
from resolvers.problems import RateLimited
from resolvers.types.accounts import (
    ChangePasswordInput,
    ChangePasswordResult,
    ChangePasswordSuccess,
    LogInInput,
    LogInResult,
    LogInSuccess,
    LogOutInput,
    LogOutResult,
    LogOutSuccess,
    RefreshInput,
    RefreshResult,
    RefreshSuccess,
    RegisterInput,
    RegisterResult,
    RegisterSuccess,
    RemoveMetadataInput,
    RemoveMetadataResult,
    RemoveMetadataSuccess,
    Session,
    SetMetadataInput,
    SetMetadataResult,
    SetMetadataSuccess,
    SetUserRoleInput,
    SetUserRoleResult,
    SetUserRoleSuccess,
    UpdateUserInput,
    UpdateUserResult,
    UpdateUserSuccess,
    UserFilter,
)
from resolvers.unset import changed, given
from resolvers.writing import Call, check_key, mutation, reads, selects, success
from sql import errors as sql_errors
from sql import models
from sql.models import Role

PASSWORD_LENGTH = 128

# —— Questions ——


async def me(info: Info) -> models.User | None:
    """Return who is signed in; None for an anonymous caller."""
    viewer: models.User | None = info.context.viewer
    return viewer


async def student(info: Info, id: str) -> models.User | None:
    """Return a student that the viewer may see."""
    context: Context = info.context
    context.signed_in()
    try:
        student_id = ids.decode(id, "user")
    except ids.MalformedId:
        return None
    return await policy.visible_student(context, student_id)


async def users(
    info: Info, filter: UserFilter | None, first: Any, after: Any, last: Any, before: Any
) -> Connection:
    """Return a page of people: for an admin all, for a teacher the students of own courses."""
    context: Context = info.context
    viewer = context.signed_in()
    policy.require_role(viewer, Role.TEACHER, Role.ADMIN)
    wanted = given(filter)
    conditions: dict[str, Any] = {}
    if wanted is not None:
        conditions = {
            "search": search("users", wanted.search),
            "role": given(wanted.role),
            "active": given(wanted.active),
        }
    async with context.database.read() as session:
        found = await sql.accounts.list_users(
            session,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            page=page("users", first, after, last, before),
            with_total=selects(info, "totalCount"),
            columns=columns.of(info, models.User),
            **conditions,
        )
    return connection(found)


# —— Sessions ——


async def _limit_attempts(context: Context, email: str) -> None:
    """Count an attempt and raise RateLimited when there were too many, in a transaction of its own.

    Counted before the password is looked at, so that a hundred aliases are a hundred attempts.
    """
    settings = context.settings
    async with context.database.write() as session:
        by_account, by_address = await sql.accounts.count_attempt(
            session,
            email=email,
            address=context.address,
            window=timedelta(seconds=settings.login_window_seconds),
        )
        if by_account == settings.login_attempts_per_account + 1:
            # Once, and not for each attempt that follows: the log is kept for good.
            await sql.accounts.note_limited(session, email)
    if by_account > settings.login_attempts_per_account or by_address > settings.login_attempts_per_address:
        raise RateLimited(retryAfterMs=settings.login_window_seconds * 1_000)


async def _session(context: Context, user: models.User, refresh: sql.tokens.IssuedToken) -> Session:
    access_token, access_expires_at = context.tokens.issue(user)
    # Fields below the payload are resolved for the one who just signed in.
    context.viewer = user
    return success(
        Session,
        access_token=access_token,
        access_expires_at=access_expires_at,
        refresh_token=refresh.token,
        refresh_expires_at=refresh.expires_at,
        user=user,
    )


def _refresh_lifetime(context: Context) -> timedelta:
    return timedelta(seconds=context.settings.refresh_token_seconds)


def _keyed(input: RegisterInput) -> RegisterInput:
    """Return what a registration is known again by: whose address, and all of it but the password.

    The password is compared with the account's own hash: one that is quick to compute is kept nowhere. And nobody
    is signed in here, so that strangers would share their keys.
    """
    key = given(input.idempotency_key)
    if key is not None:
        check_key(key)
        own = f"{input.email.strip().lower()}\n{key}"
        key = hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()
    return dataclasses.replace(input, password="", idempotency_key=key)


async def _may_log_in(context: Context, user: models.User, password: str) -> bool:
    async with context.database.read() as session:
        password_hash = await sql.accounts.password_hash(session, user.id)
    return await sql.passwords.verify_password(password_hash, password) and user.active


@mutation
async def register(call: Call, input: RegisterInput) -> RegisterResult:
    context = call.context
    # By the address given, not by the client's alone: a whole class registers from one network.
    await _limit_attempts(context, input.email.strip().lower())
    sql.passwords.validate_password(input.password, email=input.email)
    password_hash = await sql.passwords.hash_password(input.password)

    async def rule(session: AsyncSession) -> models.User:
        user = await sql.accounts.register(
            session,
            email=input.email,
            password_hash=password_hash,
            first_name=input.first_name,
            last_name=input.last_name,
            role=input.role,
            teacher_registration_allowed=context.settings.teacher_registration,
        )
        sql.sync_state.give_write(session, user.id)
        return user

    repeated = False

    async def again(session: AsyncSession, key: str) -> models.User:
        nonlocal repeated
        repeated = True
        return await reads(models.User, integer=True)(session, key)

    user, sync = await call.create(rule, _keyed(input), again=again)
    if repeated and not await _may_log_in(context, user, input.password):
        raise sql.idempotency.key_reused()
    async with context.database.write() as session:
        refresh = await sql.tokens.issue(session, user.id, lifetime=_refresh_lifetime(context))
    return success(RegisterSuccess, session=await _session(context, user, refresh), sync=sync)


@mutation
async def log_in(call: Call, input: LogInInput) -> LogInResult:
    context = call.context
    email = input.email.strip().lower()
    await _limit_attempts(context, email)
    async with context.database.read() as session:
        user, password_hash = await sql.accounts.find_for_log_in(session, email)
    # The same work for an unknown account: the time must not tell.
    correct = len(input.password) <= PASSWORD_LENGTH and await sql.passwords.verify_password(
        password_hash, input.password
    )
    if user is None or not correct or not user.active:
        raise sql_errors.InvalidCredentials()
    async with context.database.write() as session:
        if password_hash is not None and sql.passwords.needs_rehash(password_hash):
            await sql.accounts.replace_hash(
                session, user.id, await sql.passwords.hash_password(input.password)
            )
        refresh = await sql.tokens.issue(session, user.id, lifetime=_refresh_lifetime(context))
    return success(LogInSuccess, session=await _session(context, user, refresh))


@mutation
async def refresh(call: Call, input: RefreshInput) -> RefreshResult:
    context = call.context
    async with context.database.write() as session:
        # An outcome, not an exception: the revocation of a reused token's family must be committed.
        outcome = await sql.tokens.rotate(session, input.refresh_token, lifetime=_refresh_lifetime(context))
    if outcome is None:
        raise sql_errors.InvalidCredentials("The refresh token is not valid: sign in again.")
    user, issued = outcome
    return success(RefreshSuccess, session=await _session(context, user, issued))


@mutation
async def log_out(call: Call, input: LogOutInput) -> LogOutResult:
    async with call.context.database.write() as session:
        ended = await sql.tokens.revoke(session, input.refresh_token, everywhere=input.everywhere)
    return success(LogOutSuccess, ended_sessions=ended)


@mutation
async def change_password(call: Call, input: ChangePasswordInput) -> ChangePasswordResult:
    context, viewer = call.context, call.viewer
    await _limit_attempts(context, viewer.email)
    async with context.database.read() as session:
        password_hash = await sql.accounts.password_hash(session, viewer.id)
    if not await sql.passwords.verify_password(password_hash, input.current_password[: PASSWORD_LENGTH + 1]):
        raise sql_errors.InvalidCredentials("The current password is wrong.")
    sql.passwords.validate_password(input.new_password, email=viewer.email, field="newPassword")
    new_hash = await sql.passwords.hash_password(input.new_password)
    async with context.database.write() as session:
        await sql.accounts.set_password(session, viewer.id, new_hash)
        issued = await sql.tokens.issue(session, viewer.id, lifetime=_refresh_lifetime(context))
    return success(ChangePasswordSuccess, session=await _session(context, viewer, issued))


# —— People ——


@mutation
async def update_user(call: Call, input: UpdateUserInput) -> UpdateUserResult:
    viewer = call.viewer
    user_id = call.id("user", input.id)
    if viewer.id != user_id and viewer.role is not Role.ADMIN:
        # Somebody else's account is as if it were not there.
        raise sql_errors.NotFound("USER", user_id)
    user, sync = await call.write(
        lambda session: sql.accounts.update_user(
            session,
            actor_id=viewer.id,
            user_id=user_id,
            first_name=changed(input.first_name),
            last_name=changed(input.last_name),
            expected_version=given(input.expected_version),
        )
    )
    return success(UpdateUserSuccess, user=user, sync=sync)


@mutation
async def set_user_role(call: Call, input: SetUserRoleInput) -> SetUserRoleResult:
    viewer = call.viewer
    policy.require_role(viewer, Role.ADMIN)
    user_id = call.id("user", input.id)
    user, sync = await call.write(
        lambda session: sql.accounts.set_user_role(
            session, actor_id=viewer.id, user_id=user_id, role=input.role
        )
    )
    return success(SetUserRoleSuccess, user=user, sync=sync)


@mutation
async def set_metadata(call: Call, input: SetMetadataInput) -> SetMetadataResult:
    viewer = call.viewer
    given_id = given(input.student_id)
    student_id = call.id("user", given_id, "student_id") if given_id is not None else viewer.id
    if student_id != viewer.id and viewer.role is not Role.ADMIN:
        raise sql_errors.NotFound("USER", student_id, ("student_id",))
    metadata, sync = await call.write(
        lambda session: sql.accounts.set_metadata(
            session, actor_id=viewer.id, student_id=student_id, key=input.key, value=input.value
        )
    )
    return success(SetMetadataSuccess, metadata=metadata, sync=sync)


@mutation
async def remove_metadata(call: Call, input: RemoveMetadataInput) -> RemoveMetadataResult:
    viewer = call.viewer
    metadata_id = call.id("meta", input.id)

    async def rule(session: AsyncSession) -> None:
        entry = await session.get(models.Metadata, metadata_id)
        if entry is None or (entry.student_id != viewer.id and viewer.role is not Role.ADMIN):
            raise sql_errors.NotFound("METADATA", metadata_id)
        await sql.accounts.remove_metadata(session, actor_id=viewer.id, metadata_id=metadata_id)

    _, sync = await call.write(rule)
    return success(RemoveMetadataSuccess, removed_id=input.id, sync=sync)
