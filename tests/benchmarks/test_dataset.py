"""The data of `make bench` are what the product itself would have written: verify finds no difference."""

from __future__ import annotations

from pathlib import Path

from benchmarks.dataset import SIZES, Size, mirror, records, write_sql
from graph.client import GraphConfig
from mirror.verify import verify
from sql.models import Kind
from sql.session import Database
from tests.graph_fixtures import PatientClient, wipe_graph

TINY = Size("tiny", courses=2, students=4, masteries=60, chapters=2, theories=2, odd=(1,))


async def test_the_graph_of_the_benchmark_is_what_sql_says(
    embedded_graph: GraphConfig, tmp_path: Path
) -> None:
    url = f"sqlite+aiosqlite:///{(tmp_path / 'bench.db').as_posix()}"
    await write_sql(url, TINY)
    client, database = PatientClient.open(embedded_graph), Database(url)
    try:
        await client.ensure_schema()
        await wipe_graph(client)
        said: list[str] = []
        count = await mirror(url, TINY, embedded_graph, said.append)
        report = await verify(database, client, everything=True)
        assert report.findings == []
        assert report.checked_count == count
        assert "60 mastery records in the graph" in said
    finally:
        await wipe_graph(client)
        await client.close()
        await database.dispose()


def test_the_full_size_is_what_the_targets_are_about() -> None:
    full = SIZES["full"]
    assert (full.courses, full.chapters, full.theories, full.skills, full.concepts) == (20, 30, 5, 4, 6)
    assert sum(1 for _ in records(full)[Kind.USER]) == 2_001  # and the teacher
    assert sum(1 for _ in records(SIZES["quick"])[Kind.MASTERY]) == 10_000
