"""The worker of extraction runs: one document in each transaction, so that a failure keeps what went before."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

import sql.sync_state
from sql import errors, models
from sql.extraction import WRITE_KEY, set_course_status
from sql.extraction_writes import write_document
from sql.models import Course, ExtractionDocument, ExtractionRun, ExtractionStatus, SyncWrite
from sql.session import Database

LEASE_SECONDS = 60.0
POLL_SECONDS = 2.0

_UNFINISHED = (ExtractionStatus.NOT_STARTED, ExtractionStatus.IN_PROGRESS)
_LOG = logging.getLogger(__name__)


async def work_runs(database: Database, worker: str, stop: asyncio.Event, *, wake: asyncio.Event) -> None:
    """Work on runs until told to stop; wait for a wake-up, or a moment, when there is nothing to do."""
    worker = worker[:100]
    while not stop.is_set():
        wake.clear()
        try:
            busy = await work_once(database, worker)
        except errors.Unavailable:
            _LOG.warning("the database does not answer: extraction waits")
            busy = False
        except Exception:
            _LOG.exception("extraction met an error of its own")
            busy = False
        if not busy and not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), POLL_SECONDS)
    with suppress(errors.SqlError):
        await release(database, worker)


async def work_once(database: Database, worker: str) -> bool:
    """Work on one document of a run, or end a run; return whether there was something to do."""
    run_id = await _claim_run(database, worker)
    if run_id is None:
        return False
    document_id: str | None = None
    try:
        async with database.write() as session:
            run = await _leased_run(session, run_id, worker)
            if run is None:
                return True
            document = await _next_document(session, run_id)
            if document is None:
                await _finish(session, run)
                return True
            document_id = document.id
            await write_document(session, document, actor_id=run.started_by_id)
            _mark(document, ExtractionStatus.FINISHED)
            run.updated_at = models.now()
        return True
    except errors.Unavailable:
        raise
    except errors.SqlError as error:
        await _fail(database, document_id, _reason(error))
    except Exception:
        if document_id is None:
            raise
        _LOG.exception("document %s met an error of the server's own", document_id)
        await _fail(database, document_id, "The server met an error of its own; its log says more.")
    return True


async def release(database: Database, worker: str) -> None:
    """Give back every lease of a worker."""
    async with database.write() as session:
        await session.execute(
            update(ExtractionRun)
            .where(ExtractionRun.leased_by == worker)
            .values(leased_by=None, leased_until=None)
            .execution_options(synchronize_session=False)
        )


async def _claim_run(database: Database, worker: str) -> str | None:
    """Lease the oldest run that nobody works on, before its document is begun; return its id."""
    moment = models.now()
    free = or_(
        ExtractionRun.leased_until.is_(None),
        ExtractionRun.leased_until <= moment,
        ExtractionRun.leased_by == worker,
        # A lease that reaches further than one ever may was made before the clock was set back.
        ExtractionRun.leased_until > moment + timedelta(seconds=2 * LEASE_SECONDS),
    )
    waiting = select(ExtractionRun.id).where(ExtractionRun.status.in_(_UNFINISHED), free).limit(1)
    async with database.read() as session:
        # A glance that takes no lock: most of the time there is nothing to do.
        if await session.scalar(waiting) is None:
            return None
    async with database.write() as session:
        run = await session.scalar(
            select(ExtractionRun)
            .where(ExtractionRun.status.in_(_UNFINISHED), free)
            .order_by(ExtractionRun.created_at, ExtractionRun.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if run is None:
            return None
        run.status = ExtractionStatus.IN_PROGRESS
        run.started_at = run.started_at or moment
        run.leased_by = worker
        run.leased_until = moment + timedelta(seconds=LEASE_SECONDS)
        document = await _next_document(session, run.id)
        if document is not None:
            document.status = ExtractionStatus.IN_PROGRESS
        return run.id


async def _leased_run(session: AsyncSession, run_id: str, worker: str) -> ExtractionRun | None:
    """Return a run, locked, as long as the lease is ours, and collect what is recorded under its write."""
    run = await session.get(ExtractionRun, run_id, with_for_update=True)
    if run is None or run.leased_by != worker:
        return None
    write = await session.get(SyncWrite, run.write_id) if run.write_id else None
    if write is None:
        # Writes are kept for a day; what follows deserves one of its own.
        write = await sql.sync_state.open_write(session, run.started_by_id)
        run.write_id = write.id
    session.info[WRITE_KEY] = write
    return run


async def _next_document(session: AsyncSession, run_id: str) -> ExtractionDocument | None:
    return await session.scalar(
        select(ExtractionDocument)
        .where(ExtractionDocument.run_id == run_id, ExtractionDocument.status.in_(_UNFINISHED))
        .order_by(ExtractionDocument.position)
        .limit(1)
    )


async def _finish(session: AsyncSession, run: ExtractionRun) -> None:
    """End a run whose documents are all done, and say so with its course."""
    failed = await session.scalar(
        select(ExtractionDocument.id)
        .where(ExtractionDocument.run_id == run.id, ExtractionDocument.status == ExtractionStatus.FAILED)
        .limit(1)
    )
    run.status = ExtractionStatus.FINISHED if failed is None else ExtractionStatus.FAILED
    run.finished_at = run.updated_at = models.now()
    run.leased_by = run.leased_until = None
    other = await session.scalar(
        select(ExtractionRun.id)
        .where(
            ExtractionRun.course_id == run.course_id,
            ExtractionRun.id != run.id,
            ExtractionRun.status.in_(_UNFINISHED),
        )
        .limit(1)
    )
    await session.flush()
    course = await session.get(Course, run.course_id, with_for_update={"key_share": True})
    if course is not None:
        await set_course_status(
            session, course, run.status if other is None else ExtractionStatus.IN_PROGRESS
        )


async def _fail(database: Database, document_id: str | None, reason: str) -> None:
    if document_id is None:
        return
    async with database.write() as session:
        document = await session.get(ExtractionDocument, document_id)
        # Another worker may have got further after our lease ran out.
        if document is not None and document.status in _UNFINISHED:
            _mark(document, ExtractionStatus.FAILED)
            document.last_error = reason[: models.REASON_LENGTH]


def _mark(document: ExtractionDocument, status: ExtractionStatus) -> None:
    document.status = status
    document.last_error = None
    document.updated_at = models.now()


def _reason(error: errors.SqlError) -> str:
    if isinstance(error, errors.InvalidInput) and error.fields:
        return " ".join(field.message for field in error.fields)
    return error.message
