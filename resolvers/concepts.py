"""Concepts, what theories say of them, and how they relate."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

import sql.concept_relations
import sql.concepts
from resolvers import policy
from resolvers.courses import counts
from resolvers.types.concepts import (
    CreateConceptInput,
    CreateConceptResult,
    CreateConceptSuccess,
    DeleteConceptInput,
    DeleteConceptResult,
    DeleteConceptSuccess,
    RemoveConceptMentionInput,
    RemoveConceptMentionResult,
    RemoveConceptMentionSuccess,
    RemoveConceptRelationInput,
    RemoveConceptRelationResult,
    RemoveConceptRelationSuccess,
    SetConceptMentionInput,
    SetConceptMentionResult,
    SetConceptMentionSuccess,
    SetConceptRelationInput,
    SetConceptRelationResult,
    SetConceptRelationSuccess,
    UpdateConceptInput,
    UpdateConceptResult,
    UpdateConceptSuccess,
)
from resolvers.unset import changed, given
from resolvers.writing import Call, change_record, mutation, reads, success
from sql import models


@mutation
async def create_concept(call: Call, input: CreateConceptInput) -> CreateConceptResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")

    async def allowed(session: AsyncSession) -> None:
        await policy.course_to_edit(session, viewer, course_id)

    async def rule(session: AsyncSession) -> models.Concept:
        return await sql.concepts.create_concept(
            session,
            actor_id=viewer.id,
            course_id=course_id,
            name=input.name,
            aliases=list(input.aliases),
            definition=given(input.definition),
        )

    concept, sync = await call.create(rule, input, again=reads(models.Concept), allowed=allowed)
    return success(CreateConceptSuccess, concept=concept, sync=sync)


@mutation
async def update_concept(call: Call, input: UpdateConceptInput) -> UpdateConceptResult:
    concept_id = call.id("con", input.id)
    concept, sync = await change_record(
        call,
        "CONCEPT",
        concept_id,
        lambda session: sql.concepts.update_concept(
            session,
            actor_id=call.viewer.id,
            concept_id=concept_id,
            name=changed(input.name),
            aliases=changed(input.aliases),
            definition=changed(input.definition),
            expected_version=given(input.expected_version),
        ),
    )
    return success(UpdateConceptSuccess, concept=concept, sync=sync)


@mutation
async def delete_concept(call: Call, input: DeleteConceptInput) -> DeleteConceptResult:
    concept_id = call.id("con", input.id)
    deleted, sync = await change_record(
        call,
        "CONCEPT",
        concept_id,
        lambda session: sql.concepts.delete_concept(
            session,
            actor_id=call.viewer.id,
            concept_id=concept_id,
            expected_version=given(input.expected_version),
        ),
    )
    return success(DeleteConceptSuccess, deleted_id=input.id, deleted=counts(deleted), sync=sync)


@mutation
async def set_concept_mention(call: Call, input: SetConceptMentionInput) -> SetConceptMentionResult:
    theory_id = call.id("th", input.theory_id, "theory_id")
    concept_id = call.id("con", input.concept_id, "concept_id")
    mention, sync = await change_record(
        call,
        "THEORY",
        theory_id,
        lambda session: sql.concepts.set_concept_mention(
            session,
            actor_id=call.viewer.id,
            theory_id=theory_id,
            concept_id=concept_id,
            definition=given(input.definition),
            text_evidence=given(input.text_evidence),
            source_document=given(input.source_document),
        ),
    )
    return success(SetConceptMentionSuccess, mention=mention, sync=sync)


@mutation
async def remove_concept_mention(call: Call, input: RemoveConceptMentionInput) -> RemoveConceptMentionResult:
    key = call.id("men", input.id)
    _, sync = await change_record(
        call,
        "CONCEPT_MENTION",
        key,
        lambda session: sql.concepts.remove_concept_mention(
            session, actor_id=call.viewer.id, theory_id=key[0], concept_id=key[1]
        ),
    )
    return success(RemoveConceptMentionSuccess, removed_id=input.id, sync=sync)


@mutation
async def set_concept_relation(call: Call, input: SetConceptRelationInput) -> SetConceptRelationResult:
    source_id = call.id("con", input.source_id, "source_id")
    target_id = call.id("con", input.target_id, "target_id")
    relation, sync = await change_record(
        call,
        "CONCEPT",
        source_id,
        lambda session: sql.concept_relations.set_concept_relation(
            session,
            actor_id=call.viewer.id,
            source_id=source_id,
            type=input.type,
            target_id=target_id,
            reason=given(input.reason),
        ),
    )
    return success(SetConceptRelationSuccess, relation=relation, sync=sync)


@mutation
async def remove_concept_relation(
    call: Call, input: RemoveConceptRelationInput
) -> RemoveConceptRelationResult:
    key = call.id("rel", input.id)
    _, sync = await change_record(
        call,
        "CONCEPT_RELATION",
        key,
        lambda session: sql.concept_relations.remove_concept_relation(
            session,
            actor_id=call.viewer.id,
            source_id=key[0],
            type=models.ConceptRelationType(key[1]),
            target_id=key[2],
        ),
    )
    return success(RemoveConceptRelationSuccess, removed_id=input.id, sync=sync)
