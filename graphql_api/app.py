"""create_app: opens the stores once for a process and builds the Context of each request."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

import sql.accounts
import sql.extraction_worker
import sql.passwords
import sql.sync_status
from graph.errors import GraphError
from graph.repository import GraphRepository
from graphql_api import schema as schema_module
from graphql_api.addresses import client_address
from graphql_api.event_streams import EventStreams, wants_events
from graphql_api.execution import Executor
from graphql_api.headers import SafeHeaders
from graphql_api.http import GraphQLEndpoint
from graphql_api.metrics import CONTENT_TYPE as METRICS_TYPE
from graphql_api.metrics import Metrics
from graphql_api.opening import GraphSource, Stores, open_stores
from graphql_api.operators import MirrorOperations
from graphql_api.pages import STATIC, DemoAccount, Facts, explore_page, landing_page, static_files
from graphql_api.playground import playground_page, wants_html
from graphql_api.settings import Settings
from graphql_api.sockets import Sockets
from graphql_api.streams import Streams
from graphql_api.tokens import AccessTokens
from resolvers.context import Context
from resolvers.problems import Unauthenticated
from sql import models

logger = logging.getLogger(__name__)
STOP_SECONDS = 10.0
PING_SECONDS = 1.0


class Api(FastAPI):
    """FastAPI, but for /graphql, whatever the method: what stands in front of its routes has nothing to do there.

    A dozen calls on the way in and out, which cost more than the answer of a small question needs.
    """

    door: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection."""
        if scope["type"] == "http" and scope["path"] == "/graphql":
            await self.door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Application:
    """One process's stores, workers and endpoint, between start and stop."""

    def __init__(self, settings: Settings, stores: Stores, executor: Executor) -> None:
        self.settings = settings
        self.stores = stores
        self.executor = executor
        self.repository = (
            GraphRepository(stores.graph, deadline_seconds=settings.graph_deadline_seconds)
            if stores.graph is not None
            else None
        )
        previous = settings.jwt_previous_secret
        self.tokens = AccessTokens(
            settings.signing_secret(),
            previous.get_secret_value() if previous else None,
            settings.access_token_seconds,
        )
        self.stop = asyncio.Event()
        self.extraction_wake = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self.operations = MirrorOperations(stores)
        self.figures = Metrics()
        self.figures.track(stores)

    def start_workers(self) -> None:
        """Start what runs beside requests: the mirror's worker and the extraction worker."""
        if self.settings.mirror_in_server:
            self.tasks.append(asyncio.create_task(self.stores.mirror.run(self.stop), name="mirror"))
        self.tasks.append(
            asyncio.create_task(
                sql.extraction_worker.work_runs(
                    self.stores.database, f"api-{id(self):x}", self.stop, wake=self.extraction_wake
                ),
                name="extraction",
            )
        )

    async def stop_workers(self) -> None:
        """Let the workers finish what they hold, for a bounded time."""
        self.stop.set()
        self.extraction_wake.set()
        await self.operations.close()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def has_token(self, request: HTTPConnection) -> bool:
        """Return whether a request carries a token that holds; its person is not looked up."""
        try:
            return self.tokens.of_header(request.headers.get("authorization")) is not None
        except Unauthenticated:
            return False

    async def context(self, request: HTTPConnection, authorization: str | None = None) -> Context:
        """Return the context of a request; raise Unauthenticated for a token that does not hold.

        `authorization` stands for the header where a client can send none: in a WebSocket's first message.
        """
        viewer = None
        user_id = self.tokens.of_header(authorization or request.headers.get("authorization"))
        if user_id is not None:
            viewer = await sql.accounts.account(self.stores.database, user_id)
            if viewer is None or not viewer.active:
                raise Unauthenticated()
        return Context(
            settings=self.settings,
            database=self.stores.database,
            graph=self.repository,
            tokens=self.tokens,
            viewer=viewer,
            address=client_address(request),
            try_inline=self.try_inline,
            graph_reachable=self.graph_reachable,
            wake_extraction=self.extraction_wake.set,
            operations=self.operations,
        )

    async def graph_reachable(self) -> bool:
        """Return whether the graph answers within a second."""
        if self.stores.graph is None:
            return False
        try:
            await self.stores.graph.ping(deadline_seconds=PING_SECONDS)
        except GraphError:
            return False
        return True

    async def try_inline(self, write_id: str) -> None:
        """Try the changes of a write at once, within the deadline; the worker takes what is left."""
        if self.settings.inline_deadline_seconds > 0:
            await self.stores.mirror.try_inline(
                write_id, deadline_seconds=self.settings.inline_deadline_seconds
            )


def create_app(
    settings: Settings, stores: Stores | None = None, *, demo_accounts: Sequence[DemoAccount] = ()
) -> FastAPI:
    """Return the ASGI application. Given stores are used as they are and left open (tests, the demo)."""
    executor = Executor(schema_module.build(), settings)
    sql.passwords.configure(
        time_cost=settings.argon2_time_cost,
        memory_kib=settings.argon2_memory_kib,
        parallelism=settings.argon2_parallelism,
        threads=settings.hashing_threads,
    )
    state: dict[str, Application] = {}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        opened = stores or await open_stores(settings)
        application = state["application"] = Application(settings, opened, executor)
        app.state.application = application
        application.start_workers()
        try:
            yield
        finally:
            await application.stop_workers()
            if stores is None:
                await opened.close()

    app = Api(
        title="Lab Tutor",
        version=version("lab-tutor"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    async def make_context(request: HTTPConnection, authorization: str | None = None) -> Context:
        return await state["application"].context(request, authorization)

    def observe(outcome: str, seconds: float) -> None:
        state["application"].figures.observe(outcome, seconds)

    endpoint = GraphQLEndpoint(
        executor, make_context, observe, lambda request: state["application"].has_token(request)
    )

    streams = Streams(executor, make_context, lambda header: state["application"].tokens.expiry(header))
    app.state.streams = streams
    events = EventStreams(streams, endpoint)
    sockets = Sockets(streams)

    async def socket(websocket: WebSocket) -> None:
        await sockets.serve(websocket)

    async def graphql(request: Request) -> Response:
        if wants_events(request.headers.get("accept")):
            return await events.answer(request)
        if (
            request.method == "GET"
            and wants_html(request.headers.get("accept"))
            and "query" not in request.query_params
        ):
            if not settings.has_playground:
                return Response("Not found", 404, media_type="text/plain")
            return playground_page(demo_accounts)
        return await endpoint(request)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        body = await readiness(state["application"])
        return JSONResponse(body, 503 if body["status"] == "down" else 200)

    async def metrics(_: Request) -> Response:
        application = state["application"]
        reachable = await application.graph_reachable()
        page = await application.figures.page(application.stores, graph_reachable=reachable)
        return Response(page, headers={"content-type": METRICS_TYPE, "cache-control": "no-store"})

    async def landing(_: Request) -> Response:
        return landing_page(await _facts(state["application"]))

    @functools.cache
    def sdl() -> str:
        return schema_module.print_sdl(executor.schema)

    async def schema(_: Request) -> Response:
        if not settings.has_introspection:
            return Response("Not found", 404, media_type="text/plain")
        # A second's work, once: beside the loop, so that nobody waits for it.
        return Response(await asyncio.to_thread(sdl), media_type="text/plain")

    async def explore(_: Request) -> Response:
        return explore_page(playground=settings.has_playground, demo_accounts=demo_accounts)

    # An address is right or wrong: nobody is sent on to where the Host header of the request says.
    app.router.redirect_slashes = False
    # Plain routes: FastAPI's dependency machinery costs more than a small query.
    app.router.routes += [
        WebSocketRoute("/graphql", socket),
        Route("/", landing),
        Route("/explore", explore),
        Route("/schema.graphql", schema),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if STATIC.is_dir():
        app.mount("/static", static_files(), name="static")

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        response = await graphql(Request(scope, receive, send))
        await response(scope, receive, send)

    app.door = door
    if settings.cors_origins:
        shared: dict[str, Any] = {
            "allow_origins": list(settings.cors_origins),
            "allow_methods": ["GET", "POST"],
            "allow_headers": ["authorization", "content-type"],
        }
        app.door = CORSMiddleware(app.door, **shared)
        app.add_middleware(CORSMiddleware, **shared)
    app.door = SafeHeaders(app.door)
    app.add_middleware(SafeHeaders)
    return app


async def readiness(application: Application) -> dict[str, Any]:
    """Say how the stores are: down without SQL, degraded while the graph is away or behind, else ok.

    A degraded server goes on answering: it must not be taken out of service for its graph.
    """
    graph = "disabled"
    if application.repository is not None:
        graph = "ok" if await application.graph_reachable() else "unreachable"
    try:
        async with application.stores.database.read() as session:
            waiting = await sql.sync_status.status(
                session, projection_version=application.operations.projection_version
            )
    except Exception:
        logger.exception("the system of record does not answer", extra={"action": "not_ready"})
        return {"status": "down", "sql": "unreachable", "graph": graph}
    mirror = "disabled"
    if application.repository is not None:
        mirror = "failing" if waiting.failed else "late" if waiting.late else "ok"
    well = graph != "unreachable" and mirror in ("ok", "disabled")
    return {
        "status": "ok" if well else "degraded",
        "sql": "ok",
        "graph": graph,
        "mirror": mirror,
        "pending": waiting.pending,
        "deadLetters": waiting.failed,
    }


async def _facts(application: Application) -> Facts:
    """Ask both stores how they are, for the landing page."""
    stores, settings = application.stores, application.settings
    sources = {
        GraphSource.SERVER: "Neo4j server",
        GraphSource.EMBEDDED: "embedded engine (ArcadeDB)",
        GraphSource.OFF: "no graph",
    }
    graph_state = "disabled"
    if application.repository is not None:
        graph_state = "ok" if await application.graph_reachable() else "unreachable"
    lag, answers = None, True
    try:
        async with stores.database.read() as session:
            oldest = await sql.sync_status.oldest_pending_at(session)
        lag = max((models.now() - oldest).total_seconds(), 0.0) if oldest else None
    except Exception:
        logger.exception("the system of record does not answer", extra={"action": "not_ready"})
        answers = False
    return Facts(
        environment=settings.environment.value,
        sql="PostgreSQL" if stores.database.url.get_backend_name() == "postgresql" else "SQLite",
        sql_answers=answers,
        graph=sources[stores.graph_source],
        graph_state=graph_state,
        lag_seconds=lag,
        playground=settings.has_playground,
        schema=settings.has_introspection,
    )
