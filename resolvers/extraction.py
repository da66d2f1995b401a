"""Extracted documents on their way into a course."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

import sql.extraction
from resolvers import ids, policy
from resolvers.context import Context
from resolvers.types.extraction import (
    ExtractionDocumentInput,
    IngestExtractionInput,
    IngestExtractionResult,
    IngestExtractionSuccess,
    RetryExtractionInput,
    RetryExtractionResult,
    RetryExtractionSuccess,
)
from resolvers.unset import given
from resolvers.writing import Call, mutation, reads, success
from sql import errors as sql_errors
from sql import models


async def extraction_run(info: Info, id: str) -> models.ExtractionRun | None:
    """Return an extraction run, for the teacher of its course and admins."""
    context: Context = info.context
    viewer = context.signed_in()
    try:
        run_id = ids.decode(id, "run")
    except ids.MalformedId:
        return None
    # As by node: a run of somebody else's course is as if it were not there.
    async with context.database.read() as session:
        found = await sql.extraction.visible_runs(
            session, [run_id], viewer_id=viewer.id, viewer_role=viewer.role
        )
    return found.get(run_id)


def _value(document: ExtractionDocumentInput) -> sql.extraction.DocumentValue:
    return sql.extraction.DocumentValue(
        filename=document.filename,
        sha256=document.sha256,
        text=given(document.text),
        chapter=given(document.chapter),
        topic=document.topic,
        summary=given(document.summary),
        keywords=list(document.keywords),
        concepts=[
            sql.extraction.ConceptValue(
                name=concept.name,
                definition=given(concept.definition),
                text_evidence=given(concept.text_evidence),
            )
            for concept in document.concepts
        ],
        skills=[
            sql.extraction.SkillValue(
                name=skill.name, description=given(skill.description), concepts=list(skill.concepts)
            )
            for skill in document.skills
        ],
        relations=[
            sql.extraction.RelationValue(
                source=relation.source,
                type=relation.type,
                target=relation.target,
                reason=given(relation.reason),
            )
            for relation in document.relations
        ],
        prerequisites=[
            sql.extraction.PrerequisiteValue(
                prerequisite=edge.prerequisite,
                dependent=edge.dependent,
                reason=given(edge.reason),
                strength=edge.strength,
            )
            for edge in document.prerequisites
        ],
        resources=[
            sql.extraction.ResourceValue(
                kind=resource.kind, title=resource.title, url=resource.url, concepts=list(resource.concepts)
            )
            for resource in document.resources
        ],
    )


@mutation
async def ingest_extraction(call: Call, input: IngestExtractionInput) -> IngestExtractionResult:
    viewer = call.viewer
    course_id = call.id("course", input.course_id, "course_id")
    documents = [_value(document) for document in input.documents]

    async def allowed(session: AsyncSession) -> None:
        await policy.course_to_edit(session, viewer, course_id)

    async def rule(session: AsyncSession) -> models.ExtractionRun:
        return await sql.extraction.start_run(
            session, actor_id=viewer.id, course_id=course_id, documents=documents
        )

    run, sync = await call.create(rule, input, again=reads(models.ExtractionRun), allowed=allowed)
    call.context.wake_extraction()
    return success(IngestExtractionSuccess, run=run, sync=sync)


@mutation
async def retry_extraction(call: Call, input: RetryExtractionInput) -> RetryExtractionResult:
    viewer = call.viewer
    run_id = call.id("run", input.run_id, "run_id")
    document_ids: Any = call.ids("doc", given(input.document_ids), "document_ids")

    async def rule(session: AsyncSession) -> models.ExtractionRun:
        run = await session.get(models.ExtractionRun, run_id)
        course = await policy.visible_course(session, viewer, run.course_id if run else None)
        if run is None or course is None:
            raise sql_errors.NotFound("EXTRACTION_RUN", run_id, ("run_id",))
        await policy.course_to_edit(session, viewer, course.id)
        return await sql.extraction.retry_run(
            session, actor_id=viewer.id, run_id=run_id, document_ids=document_ids
        )

    run, sync = await call.write(rule)
    call.context.wake_extraction()
    return success(RetryExtractionSuccess, run=run, sync=sync)
