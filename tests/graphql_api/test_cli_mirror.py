"""The operators' commands on each engine: what waits, what is dead, what differs, and how it is mended."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from graph.client import GraphClient, GraphConfig
from graphql_api.settings import PREFIX
from sql import sync_claims, sync_state
from sql.models import Kind, SyncRecord
from sql.session import Database
from tests.graph_fixtures import PatientClient, wipe_graph
from tests.graphql_api.test_cli import COURSE, PASSWORD, course_file, run
from tests.mirror.test_projection import ask, do

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def imported(
    graph_config: GraphConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> GraphConfig:
    """Give a folder with a database that holds a course, mirrored to an engine; return how to reach it."""
    for name in list(os.environ):
        if name.upper().startswith(PREFIX) and not name.startswith(PREFIX + "TEST_"):
            monkeypatch.delenv(name)
    for name, value in {
        "LOG_LEVEL": "error",
        "ARGON2_MEMORY_KIB": "8192",
        "ARGON2_TIME_COST": "1",
        "ADMIN_PASSWORD": PASSWORD,
        "NEO4J_URI": graph_config.uri,
        "NEO4J_USERNAME": graph_config.username,
        "NEO4J_PASSWORD": graph_config.password,
        "NEO4J_DATABASE": graph_config.database or "",
    }.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.chdir(tmp_path)
    on_graph(graph_config, wipe_graph)
    assert run("migrate") == 0
    assert run("create-admin", "ada@example.org") == 0
    assert run("import", course_file(tmp_path, COURSE), "--teacher", "ada@example.org") == 0
    assert run("mirror", "once") == 0
    capsys.readouterr()
    return graph_config


def on_graph(config: GraphConfig, work: Any) -> Any:
    """Run a coroutine function with a client of an engine."""

    async def with_client() -> Any:
        client = PatientClient.open(config)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(with_client())


def by_hand(config: GraphConfig, *statements: str) -> None:
    """Change the graph behind the mirror's back."""

    async def change(client: GraphClient) -> None:
        for statement in statements:
            await do(client, statement)

    on_graph(config, change)


def found(capsys: Captured, *arguments: str, code: int) -> dict[str, Any]:
    """Run a command that prints one JSON object."""
    assert run("mirror", *arguments, "--json") == code
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_drift_is_told_and_mended(imported: GraphConfig, capsys: Captured) -> None:
    clean = found(capsys, "verify", code=0)
    assert (clean["clean"], clean["findings"], clean["findingCount"]) == (True, [], 0)
    assert clean["checkedCount"] >= 10
    by_hand(
        imported,
        'MATCH (n:SKILL {name: "Add"}) SET n.name = "By hand"',
        'MATCH (n:CHAPTER {name: "Two"}) DETACH DELETE n',
        'CREATE (:READING {id: "stray"})',
    )
    told = found(capsys, "verify", code=1)
    kinds = {(one["kind"], one["recordKind"]) for one in told["findings"]}
    assert {("DIFFERENT", "SKILL"), ("MISSING", "CHAPTER"), ("EXTRA", "RESOURCE")} <= kinds
    assert told["findingCount"] == len(told["findings"])
    (renamed,) = [one for one in told["findings"] if one["recordKind"] == "SKILL" and one["fields"]]
    assert renamed["fields"] == [{"field": "name", "graphValue": "By hand", "sqlValue": "Add"}]
    assert len(renamed["key"]) == 36

    # Without --apply nothing is changed.
    dry = found(capsys, "repair", code=1)
    assert (dry["applied"], dry["findingCount"], dry["pending"]) == (False, told["findingCount"], 0)
    assert found(capsys, "verify", code=1)["findings"] == told["findings"]
    assert run("mirror", "repair") == 1
    text = capsys.readouterr()
    assert "would be written again, 1 strays would be removed" in text.out
    assert "--apply" in text.err

    done = found(capsys, "repair", "--apply", code=0)
    assert (done["applied"], done["strayCount"], done["pending"], done["failed"]) == (True, 1, 0, 0)
    assert found(capsys, "verify", code=0)["clean"] is True
    assert run("mirror", "repair", "--apply") == 0
    told_text = capsys.readouterr()
    assert "0 findings: 0 records written again, 0 strays removed" in told_text.out
    assert "a second" in told_text.err


def test_dead_letters_are_listed_and_tried_again(imported: GraphConfig, capsys: Captured) -> None:
    keys = asyncio.run(_bury_everything_of(Kind.CHAPTER, Kind.SKILL))
    assert run("mirror", "status") == 1
    assert "dead letters  4" in capsys.readouterr().out
    assert run("mirror", "retry", "--dry-run") == 0
    told = capsys.readouterr().out
    assert all(f"{kind.value} {key} version" in told for kind, key in keys)
    assert "GraphRejected: Neo.ClientError" in told
    assert "dead letters  4" in told
    chapter = next(key for kind, key in keys if kind is Kind.CHAPTER)
    for arguments, count in (
        (("--kind", "chapter", "--key", chapter), 1),
        (("--key", "nobody"), 0),
        (("--kind", "SKILL"), 2),
        ((), 1),
        ((), 0),
    ):
        assert run("mirror", "retry", *arguments) == 0
        assert f"put back in line {count};" in capsys.readouterr().out
    assert run("mirror", "once") == 0
    capsys.readouterr()
    assert found(capsys, "status", code=0)["failed"] == 0


async def _bury_everything_of(*kinds: Kind) -> list[tuple[Kind, str]]:
    database = Database("sqlite+aiosqlite:///var/lab-tutor.db")
    buried = []
    async with database.write() as session:
        for row in (await session.scalars(select(SyncRecord).where(SyncRecord.kind.in_(kinds)))).all():
            version = await sync_state.record(session, row.kind, row.key)
            await sync_claims.bury(session, [row.id], "GraphRejected: Neo.ClientError", version=version)
            buried.append((row.kind, row.key))
    await database.dispose()
    return buried


def test_an_unknown_kind_is_wrong_use(imported: GraphConfig, capsys: Captured) -> None:
    assert run("mirror", "retry", "--kind", "planet") == 2
    assert "planet" in capsys.readouterr().err


def test_copies_and_a_dropped_constraint_are_mended(imported: GraphConfig, capsys: Captured) -> None:
    by_hand(imported, "DROP CONSTRAINT skill_id IF EXISTS")
    try:
        (skill,) = on_graph(
            imported, lambda client: ask(client, 'MATCH (n:SKILL {name: "Add"}) RETURN n.id')
        )[0]
        by_hand(imported, f'CREATE (:SKILL {{id: "{skill}", name: "copy"}})')
        told = found(capsys, "verify", code=1)
        assert {("CONSTRAINT_MISSING", "skill_id"), ("DUPLICATE", skill)} <= {
            (one["kind"], one["key"]) for one in told["findings"]
        }
        found(capsys, "repair", "--apply", code=0)
        assert found(capsys, "verify", code=0)["clean"] is True
    finally:
        by_hand(imported, 'MATCH (n:SKILL) WHERE n.name = "copy" DETACH DELETE n')
        on_graph(imported, lambda client: client.ensure_schema())
