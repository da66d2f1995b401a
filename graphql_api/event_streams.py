"""GraphQL over Server-Sent Events: the distinct connections mode of the graphql-sse protocol.

One request, one stream: `next` events carry answers, `complete` ends it. Whatever is wrong with the document is
told in a `next`, since a browser's EventSource shows no body of a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from graphql_api import errors
from graphql_api.execution import Request as GraphQLRequest
from graphql_api.http import CHALLENGE, JSON, GraphQLEndpoint, HttpError, dump, failure, http_response
from graphql_api.streams import Body, Streams, ended
from resolvers.context import Context
from resolvers.problems import ApiError, RateLimited, Unauthenticated

EVENT_STREAM = "text/event-stream"
# Comments in between, so that nobody on the way takes a quiet stream for a dead one.
KEEP_ALIVE_SECONDS = 12.0
COMPLETE = b"event: complete\ndata:\n\n"


def wants_events(accept: str | None) -> bool:
    """Return whether a client asks for an event stream by name."""
    return any(part.partition(";")[0].strip().lower() == EVENT_STREAM for part in (accept or "").split(","))


class _HeldResponse(StreamingResponse):
    """A stream that holds its places until it is over, also when it is cut before its first event."""

    def __init__(self, held: ExitStack, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


class EventStreams:
    """Answers requests that accept text/event-stream."""

    def __init__(self, streams: Streams, endpoint: GraphQLEndpoint) -> None:
        self.streams = streams
        self.endpoint = endpoint

    async def answer(self, request: Request) -> Response:
        """Return the stream of a request, or a refusal in JSON."""
        held = ExitStack()
        try:
            if self.streams.is_foreign(request):
                raise HttpError(403, "Event streams are not served to other origins.")
            given = await self.endpoint.read(request, streams=True)
            context = await self.streams.make_context(request)
            held.enter_context(self.streams.place(request))
            held.enter_context(self.streams.place_of_person(context))
        except HttpError as error:
            held.close()
            entry = errors.request_error(errors.BadRequest(str(error)))
            return http_response({"errors": [entry]}, error.status, JSON, error.headers)
        except ApiError as error:
            held.close()
            status = {Unauthenticated: 401, RateLimited: 429}.get(type(error), 400)
            headers = CHALLENGE if status == 401 else {}
            return http_response({"errors": [errors.request_error(error)]}, status, JSON, headers)
        except Exception as error:
            held.close()
            return failure(error)
        left = self.streams.seconds_left(request.headers.get("authorization"))
        return _HeldResponse(
            held,
            self._events(given, context, left),
            media_type=EVENT_STREAM,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _events(
        self, given: GraphQLRequest, context: Context, left: float | None
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        deadline = None if left is None else loop.time() + left
        async with aclosing(self.streams.run(given, context)) as bodies:
            waiting: asyncio.Future[Body] | None = None
            try:
                while True:
                    waiting = waiting or asyncio.ensure_future(anext(bodies))
                    patience = KEEP_ALIVE_SECONDS
                    if deadline is not None:
                        patience = min(patience, max(0.0, deadline - loop.time()))
                    await asyncio.wait([waiting], timeout=patience)
                    if deadline is not None and loop.time() >= deadline:
                        yield _next(ended())
                        break
                    if not waiting.done():
                        yield b":\n\n"
                        continue
                    done, waiting = waiting, None
                    try:
                        yield _next(done.result())
                    except StopAsyncIteration:
                        break
            finally:
                if waiting is not None:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
        yield COMPLETE


def _next(body: Body) -> bytes:
    return b"event: next\ndata: " + dump(body) + b"\n\n"
