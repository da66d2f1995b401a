"""How far the graph is: one write, the mirror as a whole; and what operators do about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

import sql.sync_operations
import sql.sync_state
import sql.sync_status
from resolvers import ids, operator_fields, policy
from resolvers.connections import Connection, connection, page
from resolvers.context import Context
from resolvers.problems import BadArgument
from resolvers.types.operations import (
    RebuildGraphInput,
    RebuildGraphResult,
    RebuildGraphSuccess,
    RepairDriftInput,
    RepairDriftResult,
    RepairDriftSuccess,
    RetrySyncInput,
    RetrySyncResult,
    RetrySyncSuccess,
    SyncRecordFilter,
)
from resolvers.types.shared import FieldChange
from resolvers.unset import given
from resolvers.writing import Call, Sync, mutation, selects, success, sync_of
from sql import errors as sql_errors
from sql import models
from sql.models import Role
from sql.scopes import Scope

GREATEST_WAIT_MILLISECONDS = 5_000
GREATEST_FINDINGS = 500
GREATEST_RETRIES = 500
POLL_SECONDS = 0.05


async def sync(info: Info, token: str, wait_ms: int) -> Sync | None:
    """Return how far the graph is with one of the viewer's writes, after a bounded wait."""
    context: Context = info.context
    viewer = context.signed_in()
    if not 0 <= wait_ms <= GREATEST_WAIT_MILLISECONDS:
        raise BadArgument(
            "waitMs", f"sync: waitMs must be between 0 and {GREATEST_WAIT_MILLISECONDS}, not {wait_ms}."
        )
    async with context.database.read() as session:
        write = await policy.visible_write(session, viewer, token)
    if write is None:
        return None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ms / 1_000
    while True:
        state = await sync_of(context, write.id)
        left = deadline - loop.time()
        if state.state != "PENDING" or left <= 0:
            return state
        await asyncio.sleep(min(POLL_SECONDS, left))


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    health: str
    graph_reachable: bool
    pending_count: int
    failed_count: int
    oldest_pending_at: datetime | None
    last_synced_at: datetime | None
    last_error: str | None


async def mirror_status(info: Info) -> MirrorStatus:
    """Return how the mirror is doing, for admins."""
    context: Context = info.context
    policy.require_role(context.signed_in(), Role.ADMIN)
    async with context.database.read() as session:
        status: Any = await sql.sync_status.status(
            session, projection_version=context.operations.projection_version
        )
    reachable = await context.graph_reachable()
    if context.graph is None:
        health = "DISABLED"
    elif not reachable or status.late or status.failed:
        health = "DEGRADED"
    else:
        health = "HEALTHY"
    return MirrorStatus(
        health=health,
        graph_reachable=reachable,
        pending_count=status.pending,
        failed_count=status.failed,
        oldest_pending_at=status.oldest_pending_at,
        last_synced_at=status.last_synced_at,
        last_error=status.last_error,
    )


# —— Accounts of the mirror ——


async def sync_records(
    info: Info, filter: SyncRecordFilter | None, first: Any, after: Any, last: Any, before: Any
) -> Connection:
    """Return a page of the mirror's accounts, oldest change first, for admins."""
    context: Context = info.context
    policy.require_role(context.signed_in(), Role.ADMIN)
    wanted = given(filter)
    conditions: dict[str, Any] = {}
    if wanted is not None:
        record_kind, record_id = given(wanted.record_kind), given(wanted.record_id)
        conditions = {
            "state": given(wanted.state),
            "kinds": None if record_kind is None else operator_fields.kinds_shown_as(record_kind.value),
            "keys": None if record_id is None else await operator_fields.accounts_of(context, record_id),
        }
    async with context.database.read() as session:
        found = await sql.sync_operations.list_records(
            session,
            page=page("syncRecords", first, after, last, before),
            projection_version=context.operations.projection_version,
            enabled=context.graph is not None,
            with_total=selects(info, "totalCount"),
            **conditions,
        )
    return connection(found)


@mutation
async def retry_sync(call: Call, input: RetrySyncInput) -> RetrySyncResult:
    viewer = _admin(call)
    values = given(input.ids)
    if values is not None and len(values) > GREATEST_RETRIES:
        raise BadArgument("ids", f"retrySync: at most {GREATEST_RETRIES} ids, not {len(values)}.")
    record_ids = None if values is None else call.ids("rec", values, "ids")

    async def rule(session: AsyncSession) -> int:
        write = sql.sync_state.current_write(session)
        return await sql.sync_operations.retry(session, actor_id=viewer.id, write=write, ids=record_ids)

    count, sync = await call.write(rule)
    return success(RetrySyncSuccess, retried_count=count, sync=sync)


def _admin(call: Call) -> models.User:
    policy.require_role(call.viewer, Role.ADMIN)
    return call.viewer


# —— Drift ——


@dataclass(frozen=True, slots=True)
class DriftFinding:
    kind: str
    record_kind: str | None
    record_id: str | None
    fields: list[FieldChange]
    message: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    checked_at: datetime
    checked_count: int
    finding_count: int
    findings: list[DriftFinding]


async def graph_drift(info: Info, course_id: Any, limit: int) -> DriftReport | None:
    """Return the differences between SQL and the graph, compared now, for admins."""
    context: Context = info.context
    policy.require_role(context.signed_in(), Role.ADMIN)
    if not 1 <= limit <= GREATEST_FINDINGS:
        raise BadArgument(
            "limit", f"graphDrift: limit must be between 1 and {GREATEST_FINDINGS}, not {limit}."
        )
    course_key = None
    if given(course_id) is not None:
        try:
            course_key = ids.decode(course_id, "course")
        except ids.MalformedId:
            return None
        async with context.database.read() as session:
            if await session.get(models.Course, course_key) is None:
                return None
    context.repository()
    report = await context.operations.drift(course_key, limit)
    return DriftReport(
        checked_at=models.now(),
        checked_count=report.checked_count,
        finding_count=report.finding_count,
        findings=[await _finding(context, finding) for finding in report.findings],
    )


async def _finding(context: Context, finding: Any) -> DriftFinding:
    kind = finding.record_kind
    return DriftFinding(
        kind=finding.kind,
        record_kind=None if kind is None else operator_fields.shown_kind(kind),
        record_id=None if kind is None else await operator_fields.global_id(context, kind, finding.key),
        fields=[
            FieldChange(
                field=operator_fields.field_name(item.field),
                before=operator_fields.field_text(item.graph),
                after=operator_fields.field_text(item.sql),
            )
            for item in finding.fields
        ],
        message=finding.message,
    )


@mutation
async def repair_drift(call: Call, input: RepairDriftInput) -> RepairDriftResult:
    viewer = _admin(call)
    course_id = None
    if given(input.course_id) is not None:
        course_id = call.id("course", str(input.course_id), "course_id")
        await _require(call, models.Course, "COURSE", course_id, "course_id")
    call.context.repository()
    records, count = await call.context.operations.mend(course_id)

    async def rule(session: AsyncSession) -> int:
        await sql.sync_operations.repair(
            session,
            actor_id=viewer.id,
            write=sql.sync_state.current_write(session),
            records=records,
            mended=count,
            course_id=course_id,
        )
        return count

    _, sync = await call.write(rule)
    return success(RepairDriftSuccess, repaired_count=count, sync=sync)


@mutation
async def rebuild_graph(call: Call, input: RebuildGraphInput) -> RebuildGraphResult:
    viewer = _admin(call)
    scope = await _scope(call, given(input.id))
    if call.context.graph is None:
        raise sql_errors.Conflict("WRONG_STATE", "No graph is configured, so there is none to write again.")

    async def rule(session: AsyncSession) -> int:
        write = sql.sync_state.current_write(session)
        return await sql.sync_operations.rebuild(session, actor_id=viewer.id, write=write, scope=scope)

    # Not inline: the worker writes in the order of dependencies, and strays go meanwhile.
    count, sync = await call.write(rule, inline=False)
    call.context.operations.sweep(scope)
    return success(RebuildGraphSuccess, record_count=count, sync=sync)


async def _scope(call: Call, value: str | None) -> Scope:
    if value is None:
        return Scope()
    try:
        prefix, _ = ids.decode_any(value)
    except ids.MalformedId:
        prefix = "course"
    if prefix == "user":
        user_id = call.id("user", value)
        await _require(call, models.User, "USER", user_id, "id")
        return Scope(user_id=user_id)
    course_id = call.id("course", value)
    await _require(call, models.Course, "COURSE", course_id, "id")
    return Scope(course_id=course_id)


async def _require(call: Call, model: type[models.Base], kind: str, key: int, path: str) -> None:
    async with call.context.database.read() as session:
        if await session.get(model, key) is None:
            raise sql_errors.NotFound(kind, key, (path,))
