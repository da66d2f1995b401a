"""Health tells degraded from down, metrics add up over processes, the mirror's log says what it did."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from graph.client import GraphClient, GraphConfig
from graphql_api import log
from graphql_api.settings import PREFIX
from sql import models, sync_claims, sync_state
from sql.models import Kind, SyncRecord
from tests.api_fixtures import Api

START_SECONDS = 240.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no graph be away because it is slow."""
    monkeypatch.setattr("graphql_api.app.PING_SECONDS", 120.0)


async def _ready(api: Api) -> tuple[int, dict[str, Any]]:
    answer = await api.http.get("/readyz")
    return answer.status_code, answer.json()


async def test_a_server_that_is_well(plain_api: Api) -> None:
    assert (await plain_api.http.get("/healthz")).json() == {"status": "ok"}
    assert await _ready(plain_api) == (
        200,
        {"status": "ok", "sql": "ok", "graph": "ok", "mirror": "ok", "pending": 0, "deadLetters": 0},
    )


async def test_a_server_without_a_graph_is_well(graphless_api: Api) -> None:
    await graphless_api.teacher()
    status, body = await _ready(graphless_api)
    assert (status, body["status"], body["graph"], body["mirror"]) == (200, "ok", "disabled", "disabled")


async def test_a_graph_that_is_away_degrades_and_takes_nothing_down(
    graphless_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = graphless_api
    away = GraphClient.open(GraphConfig(uri="bolt://127.0.0.1:1", username="x", password="x" * 8))
    monkeypatch.setattr(api.application.stores, "graph", away)
    monkeypatch.setattr(api.application, "repository", object())
    try:
        status, body = await _ready(api)
        assert (status, body["status"], body["sql"], body["graph"]) == (200, "degraded", "ok", "unreachable")
        assert (await api.http.get("/healthz")).status_code == 200
        page = (await api.http.get("/metrics")).text
        assert "\nlab_tutor_graph_reachable 0.0\n" in page
    finally:
        await away.close()


async def test_what_is_dead_or_late_degrades(plain_api: Api) -> None:
    api = plain_api
    teacher = await api.teacher()
    async with api.database.write() as session:
        await sync_state.record(session, Kind.USER, teacher.key)
    status, body = await _ready(api)
    assert (status, body["status"], body["mirror"], body["pending"]) == (200, "ok", "ok", 1)
    async with api.database.write() as session:
        await session.execute(update(SyncRecord).values(changed_at=models.now() - timedelta(minutes=2)))
    assert (await _ready(api))[1]["mirror"] == "late"
    async with api.database.write() as session:
        row = (await session.execute(SyncRecord.__table__.select())).one()
        await sync_claims.bury(session, [row.id], "GraphRejected: x", version=row.version)
    status, body = await _ready(api)
    assert (status, body["status"], body["mirror"], body["deadLetters"]) == (200, "degraded", "failing", 1)


async def test_without_sql_a_server_is_down(plain_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> object:
        raise OSError("no disk")

    monkeypatch.setattr("sql.sync_status.status", refuse)
    status, body = await _ready(plain_api)
    assert (status, body) == (503, {"status": "down", "sql": "unreachable", "graph": "ok"})
    assert (await plain_api.http.get("/healthz")).status_code == 200


def figures(page: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


async def test_metrics_of_the_mirror(plain_api: Api) -> None:
    api = plain_api
    teacher = await api.teacher()
    await api.ask("{ me { id } }")
    await api.ask("{ nobody }")
    now = figures((await api.http.get("/metrics")).text)
    assert now['lab_tutor_graphql_requests_total{outcome="ok"}'] == 1
    assert now['lab_tutor_graphql_requests_total{outcome="refused"}'] == 1
    assert now["lab_tutor_graphql_request_seconds_count"] == 2
    assert now["lab_tutor_mirror_waiting_records"] == 0
    assert now["lab_tutor_mirror_oldest_waiting_seconds"] == 0
    assert now["lab_tutor_graph_reachable"] == 1
    assert now["lab_tutor_mirror_attempts_total"] == now["lab_tutor_mirror_applied_records_total"] == 1
    assert now["lab_tutor_mirror_projection_seconds_count"] == 1
    assert now["lab_tutor_sql_statements_total"] > 0
    assert now["lab_tutor_cypher_statements_total"] > 0
    async with api.database.write() as session:
        await sync_state.record(session, Kind.USER, teacher.key)
        row = (await session.execute(SyncRecord.__table__.select())).one()
        await sync_claims.postpone(session, [row.id], "GraphUnavailable: timeout")
    now = figures((await api.http.get("/metrics")).text)
    assert now["lab_tutor_mirror_waiting_records"] == 1
    assert now["lab_tutor_mirror_oldest_waiting_seconds"] > 0
    assert now["lab_tutor_mirror_waiting_attempts"] == 1
    assert now['lab_tutor_mirror_last_error{reason="GraphUnavailable: timeout"}'] == 1
    async with api.database.write() as session:
        await sync_claims.bury(session, [row.id], "GraphRejected: x", version=row.version)
    now = figures((await api.http.get("/metrics")).text)
    assert now["lab_tutor_mirror_dead_letters"] == 1
    assert now['lab_tutor_mirror_last_error{reason="GraphRejected: x"}'] == 1


def test_the_figures_of_several_workers_add_up(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A graph that is away: what is shown here needs none.
    environment |= {
        "LAB_TUTOR_NEO4J_URI": "bolt://127.0.0.1:1",
        "LAB_TUTOR_NEO4J_PASSWORD": "x" * 8,
        "LAB_TUTOR_PORT": str(port),
    }
    command = [sys.executable, "-m", "graphql_api"]
    subprocess.run([*command, "migrate"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    with (tmp_path / "log").open("wb") as output:
        server = subprocess.Popen(
            [*command, "serve", "--workers", "2"],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        asyncio.run(_count(port))
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(120)
        finally:
            server.kill()
    assert server.returncode in (0, -signal.SIGTERM)


async def _count(port: int) -> None:
    url = f"http://127.0.0.1:{port}"

    async def once(method: str, path: str, **body: Any) -> httpx.Response:
        # A connection of its own, so that the kernel gives each to either worker.
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            return await client.request(method, path, **body)

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready = await once("GET", "/readyz")
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the server did not start"
            await asyncio.sleep(0.3)
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    asked = 30
    for _ in range(asked):
        answer = await once("POST", "/graphql", json={"query": "{ me { id } }"})
        assert answer.json() == {"data": {"me": None}}
    for _ in range(10):
        page = figures((await once("GET", "/metrics")).text)
        # Whichever worker is asked: not its own part, but what all of them answered.
        assert page['lab_tutor_graphql_requests_total{outcome="ok"}'] == asked
        assert page["lab_tutor_graphql_request_seconds_count"] == asked
        assert page["lab_tutor_mirror_waiting_records"] == 0


async def test_the_mirror_logs_each_record_without_its_values(
    plain_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api = plain_api
    caplog.set_level(logging.INFO, logger="lab_tutor.mirror")
    teacher = await api.teacher()
    made = await api.ok("createCourse", teacher, "course { id }", title="Unmistakable title")
    assert made["sync"]["state"] == "SYNCED"
    lines = [json.loads(log.JsonFormatter().format(record)) for record in caplog.records]
    (line,) = [one for one in lines if one.get("kind") == "COURSE"]
    assert line["action"] == "applied"
    assert (line["key"], line["version"], line["attempt"]) == ("1", 1, 1)
    assert 0 <= line["duration"] < 600
    assert [one["action"] for one in lines if one["message"] == "projected"] == ["projected"] * 2
    text = json.dumps(lines)
    assert "Unmistakable" not in text
    assert "Cher" not in text
    assert teacher.email not in text
