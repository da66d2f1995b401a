"""Run the migrations on the async engine of the URL that sql.session.migrate gives."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sql.models import Base
from sql.session import async_url, begin_at_once

# Any number, the same in every process: processes that start together migrate one after the other.
ADVISORY_LOCK = 7_102_644_118


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter most things: later steps copy the table.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    context.run_migrations()


async def _main() -> None:
    url = context.config.attributes.get("url")
    if url is None:  # the alembic command line, which developers use to write the next step
        url = async_url(context.config.get_main_option("sqlalchemy.url") or "")
    engine = create_async_engine(url, poolclass=NullPool)
    # One transaction for all: the driver's own would commit before DDL, and leave half a step behind.
    begin_at_once(engine)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


asyncio.run(_main())
