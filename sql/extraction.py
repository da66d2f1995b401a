"""Extraction runs: documents are accepted at once and worked on in the background."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
import sql.sync_state
from sql import errors, guards, models
from sql.extraction_rules import as_invalid_input, find_doubts
from sql.extraction_values import (
    ConceptValue,
    DocumentValue,
    Finding,
    PrerequisiteValue,
    RelationValue,
    ResourceValue,
    SkillValue,
)
from sql.models import (
    Course,
    ExtractionDocument,
    ExtractionRun,
    ExtractionStatus,
    Kind,
    Role,
    SyncWrite,
)
from sql.pages import Page, Slice, Sort, paginate
from sql.points import Columns, only
from sql.text import Checker

__all__ = [
    "ConceptValue",
    "DocumentValue",
    "Finding",
    "PrerequisiteValue",
    "RelationValue",
    "ResourceValue",
    "RunCounts",
    "SkillValue",
    "documents_by_run_ids",
    "list_runs",
    "retry_run",
    "run_counts",
    "start_run",
    "validate_documents",
    "visible_documents",
    "visible_runs",
]

GREATEST_DOCUMENTS = 50
WRITE_KEY = "sync_write"


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How far the documents of a run are."""

    document_count: int = 0
    processed_count: int = 0
    failed_count: int = 0


async def validate_documents(
    session: AsyncSession, *, course_id: int, documents: Sequence[DocumentValue]
) -> list[Finding]:
    """Return everything doubtful about documents, errors first, and write nothing; raise InvalidInput.

    InvalidInput is for the number of documents alone.
    """
    checker = Checker()
    checker.count(("documents",), documents, 1, GREATEST_DOCUMENTS)
    checker.raise_if_any()
    return await find_doubts(session, course_id=course_id, documents=documents)


async def start_run(
    session: AsyncSession, *, actor_id: int, course_id: int, documents: Sequence[DocumentValue]
) -> ExtractionRun:
    """Accept documents for a live course; raise NotFound, Conflict (archived), InvalidInput with every error."""
    course = await guards.live_course(session, course_id, path=("courseId",))
    findings = await validate_documents(session, course_id=course_id, documents=documents)
    if any(finding.severity == "ERROR" for finding in findings):
        raise as_invalid_input(findings)
    run = ExtractionRun(
        id=models.new_id(), course_id=course_id, started_by_id=actor_id, write_id=await _write_id(session)
    )
    session.add(run)
    await session.flush()
    for position, document in enumerate(documents):
        session.add(
            ExtractionDocument(
                run_id=run.id,
                course_id=course_id,
                position=position,
                filename=document.filename,
                sha256=document.sha256.lower(),
                payload=document.payload(),
                findings=[item.plain() for item in findings if item.path[0] == str(position)],
            )
        )
    await set_course_status(session, course, ExtractionStatus.IN_PROGRESS)
    await sql.audit.write(
        session,
        actor_id,
        "ingestExtraction",
        "EXTRACTION_RUN",
        run.id,
        course_id=course_id,
        changes=[sql.audit.Change("documents", None, len(documents))],
    )
    return run


async def retry_run(
    session: AsyncSession, *, actor_id: int, run_id: str, document_ids: Any = None
) -> ExtractionRun:
    """Have failed documents worked on again, all or the ones named; raise NotFound, Conflict WRONG_STATE."""
    run = await session.get(ExtractionRun, run_id)
    if run is None:
        raise errors.NotFound("EXTRACTION_RUN", run_id, ("runId",))
    course = await guards.live_course(session, run.course_id)
    documents = (await documents_by_run_ids(session, [run_id])).get(run_id, [])
    by_id = {document.id: document for document in documents}
    if isinstance(document_ids, list | tuple):
        for index, key in enumerate(document_ids):
            place = ("documentIds", str(index))
            if key not in by_id:
                raise errors.NotFound("EXTRACTION_DOCUMENT", key, place)
            if by_id[key].status is not ExtractionStatus.FAILED:
                raise errors.Conflict("WRONG_STATE", "The document has not failed.", place)
        chosen = [by_id[key] for key in document_ids]
    else:
        chosen = [document for document in documents if document.status is ExtractionStatus.FAILED]
    if not chosen:
        raise errors.Conflict("WRONG_STATE", "The run has no failed documents to try again.", ("runId",))
    moment = models.now()
    for document in chosen:
        document.status = ExtractionStatus.NOT_STARTED
        document.last_error = None
        document.updated_at = moment
    run.status = ExtractionStatus.IN_PROGRESS
    run.finished_at = None
    run.updated_at = moment
    if run.write_id is None or await session.get(SyncWrite, run.write_id) is None:
        run.write_id = await _write_id(session)
    await set_course_status(session, course, ExtractionStatus.IN_PROGRESS)
    await sql.audit.write(
        session,
        actor_id,
        "retryExtraction",
        "EXTRACTION_RUN",
        run_id,
        course_id=course.id,
        changes=[sql.audit.Change("documents", None, len(chosen))],
    )
    return run


async def set_course_status(session: AsyncSession, course: Course, status: ExtractionStatus) -> None:
    """Say how far extraction is with a course, and record the course even when that is known."""
    course.extraction_status = status
    await session.flush()
    await guards.touch(session, course, Kind.COURSE, course.id)


async def _write_id(session: AsyncSession) -> str:
    write: SyncWrite | None = session.info.get(WRITE_KEY)
    if write is None:
        write = await sql.sync_state.open_write(session)
    return write.id


async def list_runs(
    session: AsyncSession,
    *,
    course_id: int,
    page: Page,
    with_total: bool = False,
    columns: Columns = None,
) -> Slice:
    """Return a page of the runs of a course, newest first."""
    statement = select(ExtractionRun).where(ExtractionRun.course_id == course_id)
    sorts = [Sort(ExtractionRun.created_at, descending=True), Sort(ExtractionRun.id)]
    return await paginate(session, statement, sorts, page, with_total=with_total, columns=columns)


async def run_counts(session: AsyncSession, run_ids: Iterable[str]) -> dict[str, RunCounts]:
    """Return how far the documents of some runs are; every run is in the answer."""
    ids = list(run_ids)
    status = ExtractionDocument.status
    done = case((status.in_([ExtractionStatus.FINISHED, ExtractionStatus.FAILED]), 1), else_=0)
    failed = case((status == ExtractionStatus.FAILED, 1), else_=0)
    rows = await session.execute(
        select(ExtractionDocument.run_id, func.count(), func.sum(done), func.sum(failed))
        .where(ExtractionDocument.run_id.in_(ids))
        .group_by(ExtractionDocument.run_id)
    )
    counted = {run_id: RunCounts(number, int(ready), int(bad)) for run_id, number, ready, bad in rows}
    return {run_id: counted.get(run_id, RunCounts()) for run_id in ids}


async def documents_by_run_ids(
    session: AsyncSession, run_ids: Iterable[str], columns: Columns = None
) -> dict[str, list[ExtractionDocument]]:
    """Return the documents of some runs in the order they were given."""
    rows = await session.scalars(
        select(ExtractionDocument)
        .where(ExtractionDocument.run_id.in_(list(run_ids)))
        .order_by(ExtractionDocument.run_id, ExtractionDocument.position)
        .options(*only(ExtractionDocument, columns))
    )
    found: dict[str, list[ExtractionDocument]] = {}
    for row in rows:
        found.setdefault(row.run_id, []).append(row)
    return found


async def visible_runs(
    session: AsyncSession, keys: Iterable[str], *, viewer_id: int, viewer_role: Role
) -> dict[str, ExtractionRun]:
    """Return runs by id, as far as the viewer teaches their course or is an admin."""
    statement = select(ExtractionRun).where(ExtractionRun.id.in_(list(keys)))
    if viewer_role is not Role.ADMIN:
        statement = statement.join(Course, Course.id == ExtractionRun.course_id).where(
            Course.teacher_id == viewer_id
        )
    return {run.id: run for run in await session.scalars(statement)}


async def visible_documents(
    session: AsyncSession, keys: Iterable[str], *, viewer_id: int, viewer_role: Role
) -> dict[str, ExtractionDocument]:
    """Return documents of runs by id, as far as the viewer teaches their course or is an admin."""
    statement = select(ExtractionDocument).where(ExtractionDocument.id.in_(list(keys)))
    if viewer_role is not Role.ADMIN:
        statement = statement.join(Course, Course.id == ExtractionDocument.course_id).where(
            Course.teacher_id == viewer_id
        )
    return {document.id: document for document in await session.scalars(statement)}
