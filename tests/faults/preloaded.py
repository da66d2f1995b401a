"""Everything that a `lab-tutor` process needs from its code; imported once, by the process that others fork from."""

from __future__ import annotations

import gc
import importlib

from graphql_api import schema

# Beside our own, what is imported by name, or once it is needed.
for name in (
    "tests.faults.forked",
    "graphql_api.cli.main",
    "graphql_api.serving",
    "graphql_api.patience",
    "aiosqlite",
    "asyncpg",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvloop",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
):
    importlib.import_module(name)
schema.build()
# What is here stays: a collection in a forked process need not look at it, nor copy its pages.
gc.collect()
gc.freeze()
