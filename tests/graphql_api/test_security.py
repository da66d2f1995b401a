"""Attacks on the door of both profiles; docs/security.md says which requirement each one tries."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest
from sqlalchemy import select, update

import sql.passwords
from graph.statements import Statement
from graphql_api import log
from resolvers import ids
from sql.models import AuditEntry, User
from sql.session import Database
from tests.api_fixtures import PROFILES, SECRET, Actor, Api, make_settings, open_api

PRODUCTION = PROFILES["production"]
PASSWORD = "a long enough passphrase"


@pytest.fixture
async def closed_api(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The production profile, without a graph."""
    async with open_api(make_settings(tmp_path, **PRODUCTION), sqlite_database, None) as api:
        yield api


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body.get("errors", ())]


# —— Profiles ——


async def test_production_shows_nothing_of_its_schema(closed_api: Api, graphless_api: Api) -> None:
    for query in (
        graphql.get_introspection_query(),
        "{ __schema { types { name } } }",
        '{ __type(name: "Student") { fields { name } } }',
        "{ me { id } ...F } fragment F on Query { __schema { queryType { name } } }",
        "{ a: __schema { queryType { name } } }",
    ):
        body = await closed_api.ask(query)
        assert codes(body) == ["GRAPHQL_VALIDATION_FAILED"], query
        assert "data" not in body
        assert "data" in await graphless_api.ask(query)
    # __typename is no introspection of the schema: caches of clients live on it.
    assert (await closed_api.ask("{ __typename }"))["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ curse { id } }", {}),
        ("{ me { ID } }", {}),
        ("{ course(idd: 1) { id } }", {}),
        ("{ me { ... on Studnt { id } } }", {}),
        ("query($r: Roll) { users(filter: {role: $r}) { totalCount } }", {}),
        ("{ users(filter: {rol: STUDENT}) { totalCount } }", {}),
        ("{ users(filter: {role: STUDEN}) { totalCount } }", {}),
        ("query($r: Role) { users(filter: {role: $r}) { totalCount } }", {"r": "STUDEN"}),
        ("query($f: UserFilter) { users(filter: $f) { totalCount } }", {"f": {"rol": "STUDENT"}}),
    ],
)
async def test_production_suggests_nothing(
    closed_api: Api, graphless_api: Api, query: str, variables: dict[str, Any]
) -> None:
    closed = await closed_api.ask(query, **variables)
    assert codes(closed)
    assert "Did you mean" not in str(closed)
    assert "Did you mean" in str(await graphless_api.ask(query, **variables))


async def test_production_has_no_ide_and_no_papers(closed_api: Api, graphless_api: Api) -> None:
    html = {"accept": "text/html"}
    for path in ("/graphql", "/schema.graphql", "/docs", "/redoc", "/openapi.json"):
        assert (await closed_api.http.get(path, headers=html)).status_code == 404, path
    assert (await graphless_api.http.get("/graphql", headers=html)).status_code == 200
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await graphless_api.http.get(path, headers=html)).status_code == 404, path


async def test_headers_of_every_answer(closed_api: Api, graphless_api: Api) -> None:
    for api in (closed_api, graphless_api):
        for method, path, given in (
            ("POST", "/graphql", {"json": {"query": "{ me { id } }"}}),
            ("POST", "/graphql", {"json": []}),
            ("GET", "/graphql", {"params": {"query": "{ me { id } }"}}),
            ("GET", "/graphql", {"headers": {"accept": "text/html"}}),
            ("PUT", "/graphql", {}),
            ("GET", "/", {}),
            ("GET", "/explore", {}),
            ("GET", "/healthz", {}),
            ("GET", "/readyz", {}),
            ("GET", "/metrics", {}),
            ("GET", "/nowhere", {}),
        ):
            response = await api.http.request(method, path, **given)  # type: ignore[arg-type]
            assert response.headers["x-content-type-options"] == "nosniff", (method, path)
            assert response.headers["cache-control"] == "no-store", (method, path)
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"], (method, path)
            assert "server" not in response.headers
            assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_browsers_of_other_origins(
    attacked_graphless_api: Api, sqlite_database: Database, tmp_path: Path, profile: dict[str, Any]
) -> None:
    ask = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
    }
    refused = await attacked_graphless_api.http.request("OPTIONS", "/graphql", headers=ask)
    assert refused.status_code == 405
    settings = make_settings(tmp_path, cors_origins=("https://app.example",), **profile)
    async with open_api(settings, sqlite_database, None) as api:
        foreign = await api.http.request("OPTIONS", "/graphql", headers=ask)
        assert foreign.status_code == 400
        assert "access-control-allow-origin" not in foreign.headers
        for header in ({}, {"origin": "https://evil.example"}):
            answer = await api.post({"query": "{ me { id } }"}, **header)
            assert "access-control-allow-origin" not in answer.headers
        known = await api.http.request("OPTIONS", "/graphql", headers=ask | {"origin": "https://app.example"})
        assert known.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in known.headers


# —— Bodies and bounds ——


async def test_a_chunked_body_is_counted_as_it_comes(attacked_graphless_api: Api) -> None:
    bound = attacked_graphless_api.application.settings.max_body_bytes
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 100_000
            yield b" " * 100_000

    token = (await attacked_graphless_api.teacher()).token
    response = await attacked_graphless_api.http.post(
        "/graphql",
        content=chunks(),
        headers={"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    assert response.status_code == 413
    assert codes(response.json()) == ["BAD_USER_INPUT"]
    assert sent <= bound + 200_000


async def test_a_body_that_never_ends_is_cut(
    sqlite_database: Database, tmp_path: Path, profile: dict[str, Any]
) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    settings = make_settings(tmp_path, body_timeout_seconds=0.3, **profile)
    async with open_api(settings, sqlite_database, None) as api:
        sent = api.http.post("/graphql", content=drip(), headers={"content-type": "application/json"})
        response = await asyncio.wait_for(sent, 120)
    assert response.status_code == 408
    assert codes(response.json()) == ["BAD_USER_INPUT"]


async def test_pages_and_lists_of_ids_have_bounds_through_variables_too(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    admin = await api.admin()
    users = "query($n: Int) { users(first: $n) { nodes { id } } }"
    for number in (-1, 0, 101, 2**31 - 1):
        assert await api.code(users, admin, n=number) == "BAD_USER_INPUT"
        assert await api.code(users.replace("$n: Int", f"$n: Int = {number}"), admin) == "BAD_USER_INPUT"
        assert await api.code(f"{{ users(first: {number}) {{ totalCount }} }}", admin) == "BAD_USER_INPUT"
    assert len((await api.data(users, admin, n=100))["users"]["nodes"]) == 1
    nodes = "query($i: [ID!]!) { nodes(ids: $i) { id } }"
    assert await api.code(nodes, admin, i=[admin.id] * 101) == "BAD_USER_INPUT"
    assert len((await api.data(nodes, admin, i=[admin.id] * 100))["nodes"]) == 100


async def test_an_operation_ends_at_its_deadline(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: dict[str, Any]
) -> None:
    cancelled = asyncio.Event()

    async def slow(*_: object, **__: object) -> object:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return None

    monkeypatch.setattr("sql.courses.list_courses", slow)
    settings = make_settings(tmp_path, operation_deadline_seconds=0.3, **profile)
    async with open_api(settings, sqlite_database, None) as api:
        teacher = await api.teacher()
        # `ask` asks both ways: with the fast path and without.
        asked = api.ask("{ me { id } courses { totalCount } }", teacher)
        body = await asyncio.wait_for(asked, 120)  # the deadline of the settings ends it, and no other
        assert codes(body) == ["TIMEOUT"]
        assert cancelled.is_set()
        # Answered again; on a slow machine not always within that deadline.
        api.compared.on = False
        async with asyncio.timeout(120):
            while "errors" in (body := await api.ask("{ me { id } }", teacher)):
                assert codes(body) == ["TIMEOUT"]
        assert body["data"]["me"]["id"] == teacher.id


async def test_at_most_ten_errors_before_execution_too(attacked_graphless_api: Api) -> None:
    nobody = "{" + " ".join(f"nobody{number}" for number in range(40)) + "}"
    assert len((await attacked_graphless_api.ask(nobody))["errors"]) == 10
    many = " ".join(f"$v{number}: Int!" for number in range(40))
    uses = " ".join(f"a{number}: users(first: $v{number}) {{ totalCount }}" for number in range(40))
    assert len((await attacked_graphless_api.ask(f"query({many}) {{ {uses} }}"))["errors"]) == 10


# —— Secrets ——


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What a server writes at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("json", "debug")
    root.addHandler(caplog.handler)
    try:
        yield caplog
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


async def test_no_secret_reaches_the_log(
    attacked_api: Api, everything_logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = attacked_api
    # In pieces: a traceback quotes the lines of this file.
    mine = "-".join(("literal", "of", "mine"))
    person = {"email": "grace@example.org", "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper"}
    session = (await api.ok("register", None, "session { accessToken refreshToken }", **person))["session"]
    await api.mutate("logIn", None, email="grace@example.org", password="not the passphrase")
    await api.mutate("refresh", None, refreshToken=session["refreshToken"])
    headers = {"authorization": f"Bearer {session['accessToken']}x"}
    document = (
        f'mutation {{ logIn(input: {{email: "{mine}@example.org", password: "{mine}"}}) {{ nobody }} }}'
    )
    await api.http.post("/graphql", json={"query": document}, headers=headers)
    await api.http.post("/graphql", json={"query": document})
    await api.http.get("/graphql", params={"query": document})

    async def broken(session: Any, **_: object) -> object:
        # What the database says of a statement that it refuses.
        await session.execute(update(User).values(email=None, first_name=mine))
        return 0, 0

    monkeypatch.setattr("sql.accounts.count_attempt", broken)
    body = await api.ask(document.replace("nobody", "__typename"))
    assert codes(body) == ["INTERNAL"]
    assert "UPDATE users" not in str(body)
    formatter = log.JsonFormatter()
    # The client of this test logs too; the server's lines are those of our loggers and its libraries.
    lines = [formatter.format(one) for one in everything_logged.records if not one.name.startswith("http")]
    text = "\n".join(lines)
    assert body["errors"][0]["extensions"]["incidentId"] in text
    assert "UPDATE users" in text
    for secret in (PASSWORD, mine, "grace@example.org", *session.values(), "$argon2"):
        assert secret not in text, secret


async def test_no_secret_is_in_health_or_figures(closed_api: Api) -> None:
    for path in ("/", "/healthz", "/readyz", "/metrics", "/explore"):
        text = (await closed_api.http.get(path)).text
        assert SECRET not in text
        assert "sqlite" not in text.replace("SQLite", ""), path
    assert SECRET not in repr(closed_api.application.settings)


async def test_the_graph_holds_no_secret(attacked_api: Api) -> None:
    api = attacked_api
    person = {"email": "grace@example.org", "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper"}
    session = (await api.ok("register", None, "session { accessToken refreshToken user { id } }", **person))[
        "session"
    ]
    teacher = await api.teacher()
    await api.ok("createCourse", teacher, title="Sets")
    await api.drain()
    assert api.graph is not None
    rows = await api.graph.read(
        Statement(
            "test",
            "MATCH (n) RETURN properties(n) AS p UNION ALL MATCH ()-[r]->() RETURN properties(r) AS p",
            {},
        )
    )
    text = str(rows)
    assert "Hopper" in text
    assert not re.search(r"[\w.]+@[\w.]+|argon2|password|token|eyJ", text, re.IGNORECASE)
    for secret in (PASSWORD, session["accessToken"], session["refreshToken"], teacher.email):
        assert secret not in text


async def test_an_unknown_account_costs_what_a_known_one_does(
    attacked_graphless_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = attacked_graphless_api
    person = {"password": PASSWORD, "firstName": "Grace", "lastName": "Hopper"}
    for name in ("known", "closed"):
        await api.ok("register", None, email=f"{name}@example.org", **person)
    async with api.database.write() as session:
        await session.execute(update(User).where(User.email == "closed@example.org").values(active=False))
    hashed = 0
    off_loop = sql.passwords._off_loop

    async def counted(work: Any) -> Any:
        nonlocal hashed
        hashed += 1
        return await off_loop(work)

    monkeypatch.setattr("sql.passwords._off_loop", counted)
    cost, answers = set(), []
    # Twice: the first unknown account of a process makes the hash that the later ones are compared with.
    for name in ("unknown", "known", "closed", "unknown"):
        hashed = 0
        with api.statements() as counts:
            answers.append(
                await api.mutate("logIn", None, email=f"{name}@example.org", password="not the passphrase")
            )
        cost.add((hashed, counts.sql))
    assert len(cost) == 1, cost
    assert next(iter(cost))[0] == 1
    assert answers == [answers[0]] * 4
    with_right_password = await api.mutate("logIn", None, email="closed@example.org", password=PASSWORD)
    assert with_right_password == answers[0]


async def test_security_events_are_in_the_audit_log(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    email = "grace@example.org"
    person = {"email": email, "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper"}
    session = (await api.ok("register", None, "session { accessToken refreshToken user { id } }", **person))[
        "session"
    ]
    await api.ok("refresh", None, refreshToken=session["refreshToken"])
    await api.mutate("refresh", None, refreshToken=session["refreshToken"])
    grace = Actor(session["user"]["id"], 0, email, session["accessToken"])
    await api.ok("changePassword", grace, currentPassword=PASSWORD, newPassword="another long passphrase")
    await api.ok("setUserRole", await api.admin(), id=grace.id, role="TEACHER")
    query = "mutation($i: LogInInput!) { logIn(input: $i) { __typename } }"
    bound = api.application.settings.login_attempts_per_account
    for address in (email, "nobody@example.org"):
        for _ in range(bound + 3):
            await api.ask(query, i={"email": address, "password": "not the passphrase"})
    async with api.database.read() as reading:
        rows = list(await reading.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    key = str(ids.decode(grace.id, "user"))
    assert [(row.action, row.record_key) for row in rows] == [
        ("register", key),
        ("refreshTokenReused", key),
        ("changePassword", key),
        ("setUserRole", key),
        ("logInLimited", key),
        ("logInLimited", "unknown"),
    ]
    assert PASSWORD not in str([row.changes for row in rows])


async def test_hashing_is_bounded_and_others_are_answered_meanwhile(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    sql.passwords.configure(time_cost=3, memory_kib=32_768, parallelism=1, threads=1)
    try:
        waiting = [
            asyncio.create_task(
                api.mutate("logIn", None, email=f"nobody{number}@example.org", password=PASSWORD)
            )
            for number in range(5)
        ]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert await api.data("{ me { id } }") == {"me": None}
        # One thread hashes one after the other: an ordinary request came in between.
        assert sum(task.done() for task in waiting) < len(waiting)
        await asyncio.gather(*waiting)
    finally:
        sql.passwords.configure(time_cost=1, memory_kib=8_192, parallelism=1, threads=2)


async def test_documents_of_nobody_are_no_queue_for_who_is_signed_in(
    attacked_graphless_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = attacked_graphless_api
    teacher = await api.teacher()
    executor = api.application.executor
    check, begun, released = executor._check, threading.Event(), threading.Event()

    def slow(query: str) -> Any:
        if "hostile" in query:
            begun.set()
            assert released.wait(240)
        return check(query)

    monkeypatch.setattr(executor, "_check", slow)
    # Long enough to be checked on a thread.
    document = "{ me { id } } #" + "x" * 400
    hostile = [asyncio.create_task(api.post({"query": f"{document} hostile {n}"})) for n in range(8)]
    try:
        assert await asyncio.to_thread(begun.wait, 120)
        answer = await asyncio.wait_for(api.post({"query": document}, teacher), 120)
        assert answer.json()["data"]["me"]["id"] == teacher.id
        assert not any(task.done() for task in hostile)
    finally:
        released.set()
    assert [(await task).status_code for task in hostile] == [200] * 8
