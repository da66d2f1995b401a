"""The fixture `api`: the whole application over HTTP, on real stores, with people to act as."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sql.sync_state
from graph.client import GraphClient, GraphConfig
from graphql_api.app import Application, create_app
from graphql_api.execution import Executor
from graphql_api.http import GraphQLEndpoint
from graphql_api.opening import GraphSource, Stores
from graphql_api.settings import Environment, Settings
from mirror.worker import Mirror, MirrorConfig
from resolvers import ids
from sql import models
from sql.models import Role
from sql.session import Database
from tests.graph_fixtures import PatientClient, wipe_graph
from tests.sql_fixtures import empty_database

REFUSED = """
  ... on Problem {
    code message path retryable
    ... on NotFoundProblem { recordKind recordId }
    ... on InvalidInputProblem { fields { path message } }
    ... on ConflictProblem { conflictingId }
    ... on StaleVersionProblem { currentVersion }
    ... on CycleProblem { cycle { id } }
  }
"""


@dataclass(frozen=True)
class Actor:
    """Somebody with a token."""

    id: str
    key: int
    email: str
    token: str


@dataclass
class Counted:
    """Statements that ran inside a `statements()` block."""

    sql: int = 0
    cypher: int = 0


@dataclass
class Compared:
    """Queries that were answered twice, with the fast path and without."""

    on: bool = True
    number: int = 0


@dataclass
class Api:
    """A client of the application under test."""

    http: httpx.AsyncClient
    application: Application
    # The same application without the fast path: queries are asked of it too.
    plain_http: httpx.AsyncClient
    compared: Compared = field(default_factory=lambda: Compared())
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def database(self) -> Database:
        return self.application.stores.database

    @property
    def graph(self) -> GraphClient | None:
        return self.application.stores.graph

    async def person(self, role: Role, first_name: str = "Ada", last_name: str = "Lovelace") -> Actor:
        """Make an account without its password's cost, mirrored, and a token for it."""
        email = f"{role.value.lower()}{next(self._numbers)}@example.org"
        async with self.database.write() as session:
            user = models.User(email=email, first_name=first_name, last_name=last_name, role=role)
            session.add(user)
            await session.flush()
            user.version = await sql.sync_state.record(session, models.Kind.USER, user.id)
        await self.drain()
        return self.acting(user)

    def acting(self, user: models.User) -> Actor:
        """Return an account that is there, with a token for it."""
        token, _ = self.application.tokens.issue(user)
        return Actor(ids.encode("user", user.id), user.id, user.email, token)

    async def teacher(self) -> Actor:
        return await self.person(Role.TEACHER, "Tea", "Cher")

    async def student(self, last_name: str = "Lovelace") -> Actor:
        return await self.person(Role.STUDENT, "Ada", last_name)

    async def admin(self) -> Actor:
        return await self.person(Role.ADMIN, "Op", "Erator")

    async def drain(self) -> None:
        """Let the mirror carry everything to the graph."""
        await self.application.stores.mirror.drain()

    async def post(self, body: Any, actor: Actor | None = None, **headers: str) -> httpx.Response:
        if actor is not None:
            headers["authorization"] = f"Bearer {actor.token}"
        return await self.http.post("/graphql", json=body, headers=headers)

    async def post_both_ways(self, body: Any, actor: Actor | None = None) -> httpx.Response:
        """Ask with the fast path and without; the answers have to be the same."""
        headers = {"authorization": f"Bearer {actor.token}"} if actor else {}
        self.compared.number += 1
        one, other = b"", b""
        for _ in range(ATTEMPTS):
            fast = await self.post(body, actor)
            plain = await self.plain_http.post("/graphql", json=body, headers=headers)
            assert fast.status_code == plain.status_code
            one, other = comparable(fast.content), comparable(plain.content)
            if one == other:
                return fast
            if b'"errors"' not in one or b'"errors"' not in other:
                break
        raise AssertionError(f"{body}\n{one.decode()}\n{other.decode()}")

    async def ask(self, query: str, actor: Actor | None = None, **variables: Any) -> dict[str, Any]:
        """Return the whole answer."""
        body = {"query": query, "variables": variables}
        if self.compared.on and is_steady(query):
            response = await self.post_both_ways(body, actor)
        else:
            response = await self.post(body, actor)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, actor: Actor | None = None, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer without errors."""
        body = await self.ask(query, actor, **variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def mutate(
        self, name: str, actor: Actor | None, selection: str = "__typename", /, **given: Any
    ) -> dict[str, Any]:
        """Run a mutation; return its union member with `__typename`. `selection` is on the success."""
        title = name[0].upper() + name[1:]
        query = (
            f"mutation($input: {title}Input!) {{ {name}(input: $input) {{ __typename "
            f"... on Success {{ sync {{ state token }} }} ... on {title}Success {{ {selection} }} {REFUSED} }} }}"
        )
        if name in ("logIn", "refresh", "logOut", "changePassword"):
            query = query.replace("... on Success { sync { state token } }", "")
        data = await self.data(query, actor, input=given)
        payload: dict[str, Any] = data[name]
        return payload

    async def ok(
        self, name: str, actor: Actor | None, selection: str = "__typename", /, **given: Any
    ) -> dict[str, Any]:
        """Run a mutation that must succeed."""
        payload = await self.mutate(name, actor, selection, **given)
        assert payload["__typename"].endswith("Success"), payload
        return payload

    async def code(self, query: str, actor: Actor | None = None, **variables: Any) -> str:
        """Return the code of the one error of an answer."""
        body = await self.ask(query, actor, **variables)
        assert len(body["errors"]) == 1, body
        return str(body["errors"][0]["extensions"]["code"])

    @contextmanager
    def statements(self) -> Iterator[Counted]:
        """Count the SQL and Cypher statements of a block."""
        counted = Counted()
        compared, self.compared.on = self.compared.on, False
        sql_before = self.database.statement_count
        cypher_before = self.graph.statement_count if self.graph else 0
        try:
            yield counted
        finally:
            self.compared.on = compared
        counted.sql = self.database.statement_count - sql_before
        counted.cypher = (self.graph.statement_count if self.graph else 0) - cypher_before

    async def versions(self) -> dict[tuple[str, str], int]:
        """Return the version of every record, to show that a refusal changed nothing."""
        from sqlalchemy import select

        async with self.database.read() as session:
            rows = await session.execute(
                select(models.SyncRecord.kind, models.SyncRecord.key, models.SyncRecord.version)
            )
            return {(kind.value, key): version for kind, key, version in rows}


# Of several fields that fail below one that may not be null, the first to fail is reported: it is a race.
ATTEMPTS = 8


def is_steady(query: str) -> bool:
    """Return whether a document may be asked twice and answers the same."""
    return not re.search(r"\bmutation\b|\bsync\b|\bmirrorStatus\b|\bcheckedAt\b|\bnow\b", query)


def comparable(content: bytes) -> bytes:
    """Return an answer's bytes without what differs between any two requests."""
    content = re.sub(rb'"asOf":"[^"]*","lagMs":\d+', b'"asOf":""', content)
    content = re.sub(rb'"incidentId":"[0-9a-f]*"', b'"incidentId":""', content)
    body = orjson.loads(content)
    if len(body.get("errors", ())) > 1:
        # Errors of fields that are answered side by side come in the order in which they happen.
        body["errors"].sort(key=lambda entry: str(entry.get("path")))
        return orjson.dumps(body)
    return content


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Return settings for tests: fast hashing, nothing from the environment's .env file."""
    given: dict[str, Any] = {
        "data_folder": folder,
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8_192,
        "teacher_registration": True,
        "mirror_in_server": False,
        # A server that has just started plans its first statements for seconds, on a loaded machine.
        "inline_deadline_seconds": 30.0,
        "graph_deadline_seconds": 60.0,
        "operation_deadline_seconds": 120.0,
        "body_timeout_seconds": 120.0,
        **changes,
    }
    return Settings(_env_file=None, **given)


SECRET = "k9$2mZ-qW7" * 4
# What each profile changes in the settings of a test.
PROFILES: dict[str, dict[str, Any]] = {
    "development": {},
    "production": {"environment": Environment.PRODUCTION, "jwt_secret": SecretStr(SECRET)},
}


# A slow machine may take as long for a batch; nothing here waits for a lease to end.
PATIENT = MirrorConfig(write_deadline_seconds=120.0, lease_seconds=240.0, probe_seconds=120.0)


async def _open(settings: Settings, database: Database, graph: GraphClient | None) -> AsyncIterator[Api]:
    stores = Stores(
        settings=settings,
        database=database,
        graph=graph,
        graph_source=GraphSource.SERVER if graph else GraphSource.OFF,
        graph_problem=None,
        mirror=Mirror(database, graph, PATIENT),
    )
    app = create_app(settings, stores)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        application = app.state.application
        plain = httpx.ASGITransport(app=_without_fast_path(application), raise_app_exceptions=False)
        base_url = "http://lab-tutor.test"
        async with (
            httpx.AsyncClient(transport=transport, base_url=base_url) as http,
            httpx.AsyncClient(transport=plain, base_url=base_url) as plain_http,
        ):
            yield Api(http, application, plain_http)


def _without_fast_path(application: Application) -> Starlette:
    """Return the endpoint on the same stores, answering everything by graphql-core's execution."""
    settings = application.settings.model_copy(update={"fast_path": False})
    endpoint = GraphQLEndpoint(Executor(application.executor.schema, settings), application.context)

    async def graphql(request: Request) -> Response:
        return await endpoint(request)

    return Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])


# The application with settings of a test's own.
open_api = asynccontextmanager(_open)

# In pairs and not each with each: what a database does to a graph engine, tests/mirror shows.
PAIRS = [
    pytest.param("sqlite-embedded"),
    pytest.param("postgresql-neo4j", marks=pytest.mark.neo4j),
]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[str, Any, GraphConfig]:
    """Return (name of the database, where its template is, how to reach the graph engine) of a pair."""
    database, graph = request.param.split("-")
    template = "migrated_sqlite_file" if database == "sqlite" else "migrated_postgres_url"
    return database, request.getfixturevalue(template), request.getfixturevalue(f"{graph}_graph")


@pytest.fixture
async def api(pair: tuple[str, Any, GraphConfig], tmp_path: Path) -> AsyncIterator[Api]:
    """The application on each database and each graph engine, in pairs: on PostgreSQL the production profile."""
    name, template, graph_config = pair
    settings = make_settings(tmp_path, **PROFILES["production" if name == "postgresql" else "development"])
    if name == "sqlite":
        path = tmp_path / "lab-tutor.db"
        shutil.copy(template, path)
        database = Database(f"sqlite+aiosqlite:///{path}")
    else:
        url = await template()
        await empty_database(url)
        database = Database(url)
    client = PatientClient.open(graph_config)
    try:
        await client.ensure_schema()
        await wipe_graph(client)
        async for opened in _open(settings, database, client):
            yield opened
    finally:
        await client.close()
        await database.dispose()


@pytest.fixture
async def embedded_client(embedded_graph: GraphConfig) -> AsyncIterator[GraphClient]:
    """Open a client on the embedded engine, with the schema and nothing in the graph."""
    client = PatientClient.open(embedded_graph)
    try:
        await client.ensure_schema()
        await wipe_graph(client)
        yield client
    finally:
        await client.close()


@pytest.fixture
async def plain_api(
    sqlite_database: Database, embedded_client: GraphClient, tmp_path: Path
) -> AsyncIterator[Api]:
    """The application on SQLite and the embedded engine: for what does not depend on the stores."""
    async for opened in _open(make_settings(tmp_path), sqlite_database, embedded_client):
        yield opened


@pytest.fixture
async def graphless_api(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The application without a graph."""
    async for opened in _open(make_settings(tmp_path), sqlite_database, None):
        yield opened


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What each profile changes in the settings: for attacks, which have to fail in both."""
    return PROFILES[request.param]


@pytest.fixture
async def attacked_api(
    sqlite_database: Database, embedded_client: GraphClient, tmp_path: Path, profile: dict[str, Any]
) -> AsyncIterator[Api]:
    """The application of each profile on SQLite and the embedded engine."""
    async for opened in _open(make_settings(tmp_path, **profile), sqlite_database, embedded_client):
        yield opened


@pytest.fixture
async def attacked_graphless_api(
    sqlite_database: Database, tmp_path: Path, profile: dict[str, Any]
) -> AsyncIterator[Api]:
    """The application of each profile without a graph."""
    async for opened in _open(make_settings(tmp_path, **profile), sqlite_database, None):
        yield opened
