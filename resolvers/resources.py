"""Readings and videos."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

import sql.resources
from resolvers import policy
from resolvers.types.resources import (
    CreateResourceInput,
    CreateResourceResult,
    CreateResourceSuccess,
    DeleteResourceInput,
    DeleteResourceResult,
    DeleteResourceSuccess,
    UpdateResourceInput,
    UpdateResourceResult,
    UpdateResourceSuccess,
)
from resolvers.unset import changed, given
from resolvers.writing import Call, change_record, mutation, reads, success
from sql import errors as sql_errors
from sql import models


@mutation
async def create_resource(call: Call, input: CreateResourceInput) -> CreateResourceResult:
    viewer = call.viewer
    theory_ids = call.ids("th", input.theory_ids, "theory_ids")
    concept_ids = call.ids("con", input.concept_ids, "concept_ids")
    if not theory_ids:
        message = "A resource belongs to 1 to 50 theories."
        raise sql_errors.InvalidInput([sql_errors.FieldError(("theoryIds",), message)])

    async def allowed(session: AsyncSession) -> None:
        await policy.record_to_edit(session, viewer, "THEORY", theory_ids[0])

    async def rule(session: AsyncSession) -> models.Resource:
        return await sql.resources.create_resource(
            session,
            actor_id=viewer.id,
            kind=input.kind,
            title=input.title,
            url=input.url,
            theory_ids=theory_ids,
            concept_ids=concept_ids,
        )

    resource, sync = await call.create(rule, input, again=reads(models.Resource), allowed=allowed)
    return success(CreateResourceSuccess, resource=resource, sync=sync)


@mutation
async def update_resource(call: Call, input: UpdateResourceInput) -> UpdateResourceResult:
    resource_id = call.id("res", input.id)
    theory_ids = call.ids("th", input.theory_ids, "theory_ids")
    concept_ids = call.ids("con", input.concept_ids, "concept_ids")
    resource, sync = await change_record(
        call,
        "RESOURCE",
        resource_id,
        lambda session: sql.resources.update_resource(
            session,
            actor_id=call.viewer.id,
            resource_id=resource_id,
            title=changed(input.title),
            url=changed(input.url),
            theory_ids=theory_ids,
            concept_ids=concept_ids,
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateResourceSuccess, resource=resource, sync=sync)


@mutation
async def delete_resource(call: Call, input: DeleteResourceInput) -> DeleteResourceResult:
    resource_id = call.id("res", input.id)
    _, sync = await change_record(
        call,
        "RESOURCE",
        resource_id,
        lambda session: sql.resources.delete_resource(
            session,
            actor_id=call.viewer.id,
            resource_id=resource_id,
            expected_version=given(input.expected_version),
        ),
    )
    return success(DeleteResourceSuccess, deleted_id=input.id, sync=sync)
