"""Skills and the prerequisites between them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

import sql.skills
from resolvers import policy
from resolvers.types.skills import (
    CreateSkillInput,
    CreateSkillResult,
    CreateSkillSuccess,
    DeleteSkillInput,
    DeleteSkillResult,
    DeleteSkillSuccess,
    RemovePrerequisiteInput,
    RemovePrerequisiteResult,
    RemovePrerequisiteSuccess,
    SetPrerequisiteInput,
    SetPrerequisiteResult,
    SetPrerequisiteSuccess,
    UpdateSkillInput,
    UpdateSkillResult,
    UpdateSkillSuccess,
)
from resolvers.unset import changed, given
from resolvers.writing import Call, change_record, mutation, reads, success
from sql import models


@mutation
async def create_skill(call: Call, input: CreateSkillInput) -> CreateSkillResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")
    theory_ids = call.ids("th", input.theory_ids, "theory_ids")
    concept_ids = call.ids("con", input.concept_ids, "concept_ids")

    async def allowed(session: AsyncSession) -> None:
        await policy.course_to_edit(session, viewer, course_id)

    async def rule(session: AsyncSession) -> models.Skill:
        return await sql.skills.create_skill(
            session,
            actor_id=viewer.id,
            course_id=course_id,
            name=input.name,
            description=given(input.description),
            theory_ids=theory_ids,
            concept_ids=concept_ids,
        )

    skill, sync = await call.create(rule, input, again=reads(models.Skill), allowed=allowed)
    return success(CreateSkillSuccess, skill=skill, sync=sync)


@mutation
async def update_skill(call: Call, input: UpdateSkillInput) -> UpdateSkillResult:
    skill_id = call.id("skill", input.id)
    theory_ids = call.ids("th", input.theory_ids, "theory_ids")
    concept_ids = call.ids("con", input.concept_ids, "concept_ids")
    skill, sync = await change_record(
        call,
        "SKILL",
        skill_id,
        lambda session: sql.skills.update_skill(
            session,
            actor_id=call.viewer.id,
            skill_id=skill_id,
            name=changed(input.name),
            description=changed(input.description),
            theory_ids=theory_ids,
            concept_ids=concept_ids,
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateSkillSuccess, skill=skill, sync=sync)


@mutation
async def delete_skill(call: Call, input: DeleteSkillInput) -> DeleteSkillResult:
    skill_id = call.id("skill", input.id)
    _, sync = await change_record(
        call,
        "SKILL",
        skill_id,
        lambda session: sql.skills.delete_skill(
            session,
            actor_id=call.viewer.id,
            skill_id=skill_id,
            expected_version=given(input.expected_version),
        ),
    )
    return success(DeleteSkillSuccess, deleted_id=input.id, sync=sync)


@mutation
async def set_prerequisite(call: Call, input: SetPrerequisiteInput) -> SetPrerequisiteResult:
    prerequisite_id = call.id("skill", input.prerequisite_id, "prerequisite_id")
    dependent_id = call.id("skill", input.dependent_id, "dependent_id")
    edge, sync = await change_record(
        call,
        "SKILL",
        dependent_id,
        lambda session: sql.skills.set_prerequisite(
            session,
            actor_id=call.viewer.id,
            prerequisite_id=prerequisite_id,
            dependent_id=dependent_id,
            reason=given(input.reason),
            strength=input.strength,
            status=input.status,
        ),
    )
    return success(SetPrerequisiteSuccess, prerequisite=edge, sync=sync)


@mutation
async def remove_prerequisite(call: Call, input: RemovePrerequisiteInput) -> RemovePrerequisiteResult:
    key = call.id("pre", input.id)
    _, sync = await change_record(
        call,
        "SKILL_PREREQUISITE",
        key,
        lambda session: sql.skills.remove_prerequisite(
            session, actor_id=call.viewer.id, prerequisite_id=key[0], dependent_id=key[1]
        ),
    )
    return success(RemovePrerequisiteSuccess, removed_id=input.id, sync=sync)
