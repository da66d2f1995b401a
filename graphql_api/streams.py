"""Operations whose answer is a stream, for every transport: how they start, end, and are counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from graphql import ExecutionResult, GraphQLError, OperationType, subscribe
from starlette.requests import HTTPConnection

from graphql_api import errors
from graphql_api.addresses import client_address
from graphql_api.bodies import is_heavy
from graphql_api.documents import Document
from graphql_api.execution import Executor, Refused
from graphql_api.execution import Request as GraphQLRequest
from resolvers.context import Context
from resolvers.problems import RateLimited, Unauthenticated

Body = dict[str, Any]


class MakeContext(Protocol):
    """Makes the context of a connection; raises Unauthenticated."""

    def __call__(
        self, connection: HTTPConnection, authorization: str | None = None, /
    ) -> Awaitable[Context]: ...


class Streams:
    """Runs operations of any kind as streams of response bodies, and counts the open connections."""

    def __init__(
        self, executor: Executor, make_context: MakeContext, expiry: Callable[[str | None], float | None]
    ) -> None:
        self.executor = executor
        self.settings = executor.settings
        self.make_context = make_context
        self._expiry = expiry
        # Open streams by address and by account.
        self._open: Counter[str | int] = Counter()

    @contextmanager
    def place(self, connection: HTTPConnection) -> Iterator[None]:
        """Hold one of the places that an address has; raise RateLimited when all are taken."""
        with self._held(
            client_address(connection), self.settings.max_streams_per_address, "from one address"
        ):
            yield

    @contextmanager
    def place_of_person(self, context: Context) -> Iterator[None]:
        """Hold one of the places that an account has, wherever it comes from; raise RateLimited."""
        if context.viewer is None:
            yield
            return
        with self._held(context.viewer.id, self.settings.max_streams_per_person, "of one account"):
            yield

    @contextmanager
    def _held(self, whose: str | int, bound: int, of_whom: str) -> Iterator[None]:
        if self._open[whose] >= bound:
            raise RateLimited(f"At most {bound} streams {of_whom}.", retryAfterMs=1_000)
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]

    def is_foreign(self, connection: HTTPConnection) -> bool:
        """Return whether a browser opens a connection from a page of an origin that may not."""
        origin = connection.headers.get("origin")
        if origin is None or origin.rstrip("/") in self.settings.cors_origins:
            return False
        try:
            return urlsplit(origin).netloc.lower() != connection.headers.get("host", "").lower()
        except ValueError:
            return True

    def seconds_left(self, authorization: str | None) -> float | None:
        """Return how long the token of an Authorization header holds yet; None without one."""
        ends_at = self._expiry(authorization)
        return None if ends_at is None else max(0.0, ends_at - time.time())

    async def run(self, given: GraphQLRequest, context: Context) -> AsyncGenerator[Body, None]:
        """Yield the answer of a query or mutation, or each event of a subscription."""
        source = await self._start(given, context)
        if isinstance(source, dict):
            yield source
            return
        async with aclosing(source) as results:  # type: ignore[type-var]
            try:
                async for result in results:
                    yield _body(result, context)
            except Exception as error:
                # What the source itself raises ends the stream; graphql-core hands it on as it is.
                cause = error.original_error if isinstance(error, GraphQLError) else error
                message, extensions = errors.describe(cause)
                yield {"errors": [{"message": message, "extensions": extensions}]}

    async def _start(self, given: GraphQLRequest, context: Context) -> Body | AsyncIterator[ExecutionResult]:
        executor = self.executor
        try:
            document, operation = await executor.find(given, context)
            if operation.operation is not OperationType.SUBSCRIPTION:
                return (await executor.run(given, context)).body
            executor.check_cost(given, document, operation)
        except Refused as refused:
            return {"errors": refused.entries}
        if is_heavy(given.variables):
            async with executor.heavy_turns.turn():
                return await self._subscribe(given, document, context)
        return await self._subscribe(given, document, context)

    async def _subscribe(
        self, given: GraphQLRequest, document: Document, context: Context
    ) -> Body | AsyncIterator[ExecutionResult]:
        started = subscribe(
            self.executor.schema,
            document.node,
            context_value=context,
            variable_values=given.variables or {},
            operation_name=given.operation_name,
            hide_suggestions=self.settings.is_production,
        )
        if isinstance(started, Awaitable):
            started = await started
        if isinstance(started, ExecutionResult):
            body = _body(started, context)
            if started.data is None:
                del body["data"]
            return body
        return started


def _body(result: ExecutionResult, context: Context) -> Body:
    body: Body = {"data": result.data}
    if result.errors:
        body["errors"] = errors.format_all(result.errors, context.committed)
    # What was read for one event is old for the next.
    context.loaders.clear()
    return body


def ended() -> Body:
    """Return the last body of a stream whose token came to its end."""
    return {"errors": [errors.request_error(Unauthenticated("The access token has ended: refresh it."))]}
