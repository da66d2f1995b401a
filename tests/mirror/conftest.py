"""What the tests of the mirror share: a small world in SQL, and a mirror to each graph engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from graph.client import GraphClient
from mirror.worker import Mirror
from sql.session import Database
from tests.mirror import world


@pytest.fixture
async def filled(sqlite_database: Database) -> Database:
    """Give a database with a record of every kind, all waiting for the graph."""
    async with sqlite_database.write() as session:
        await world.build(session)
    return sqlite_database


@pytest.fixture
async def mirror(filled: Database, graph_client: GraphClient) -> AsyncIterator[Mirror]:
    """Give a mirror of that world to an empty graph."""
    made = Mirror(filled, graph_client, world.FAST)
    yield made
    await made.close()
