"""GraphQL over WebSocket: the sub-protocol graphql-transport-ws, with its close codes.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing, suppress
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from graphql_api import errors
from graphql_api.bodies import has_long_list, has_more_values
from graphql_api.http import HttpError, dump, parse_json, request_of
from graphql_api.streams import Streams
from resolvers.context import Context
from resolvers.problems import ApiError, RateLimited, Unauthenticated

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 3.0
GREATEST_ID = 200

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
NOT_ACCEPTABLE = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_INITS = 4429
TRY_AGAIN_LATER = 1013


class _Close(Exception):
    """The socket has to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """Serves WebSockets."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    async def serve(self, websocket: WebSocket) -> None:
        """Serve a socket until one of both sides closes it."""
        if self.streams.is_foreign(websocket):
            response = PlainTextResponse("This origin may not open a WebSocket here.", 403)
            await websocket.send_denial_response(response)
            return
        try:
            with self.streams.place(websocket):
                offered = websocket.scope.get("subprotocols") or []
                await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
                if PROTOCOL not in offered:
                    await websocket.close(NOT_ACCEPTABLE, "Subprotocol not acceptable")
                    return
                await _Socket(self.streams, websocket).serve()
        except RateLimited as error:
            await websocket.send_denial_response(PlainTextResponse(str(error), 429))


class _Socket:
    """One accepted socket."""

    def __init__(self, streams: Streams, websocket: WebSocket) -> None:
        self.streams = streams
        self.settings = streams.settings
        self.websocket = websocket
        self.authorization: str | None = None
        self.initialised = False
        self.acknowledged = False
        self.held = ExitStack()
        self.operations: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Read messages until the end; close with the code of what went wrong."""
        ending: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(INIT_SECONDS) as patience:
                while not self.acknowledged:
                    await self._one()
                patience.reschedule(None)
            ending = asyncio.create_task(self._end_with_token())
            while True:
                await self._one()
        except _Close as close:
            await self._close(close.code, close.reason)
        except TimeoutError:
            await self._close(INIT_TIMEOUT, "Connection initialisation timeout")
        except WebSocketDisconnect:
            pass
        finally:
            self.held.close()
            tasks = [*self.operations.values(), *([ending] if ending else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, code: int, reason: str) -> None:
        # The other side may have been first.
        with suppress(RuntimeError, WebSocketDisconnect):
            await self.websocket.close(code, reason)

    async def _end_with_token(self) -> None:
        """Close the socket when its token ends: who goes on has to show a new one."""
        left = self.streams.seconds_left(self.authorization)
        if left is not None:
            await asyncio.sleep(left)
            await self._close(UNAUTHORIZED, "The access token has ended")

    async def _one(self) -> None:
        """Read one message and act on it."""
        message = await self._receive()
        match message.get("type"):
            case "connection_init":
                await self._initialise(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message.get("id"), message.get("payload"))
            case "complete":
                operation = self.operations.pop(str(message.get("id")), None)
                if operation is not None:
                    operation.cancel()
            case _:
                raise _Close(BAD_REQUEST, "Unknown message type")

    async def _receive(self) -> dict[str, Any]:
        event = await self.websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        text = event.get("text")
        if text is None:
            raise _Close(BAD_REQUEST, "Messages are texts")
        try:
            body = text.encode()
            message = (
                None if has_more_values(body, self.settings.max_body_values) else parse_json(body, "message")
            )
        except (HttpError, UnicodeEncodeError):
            message = None
        if not isinstance(message, dict) or has_long_list(message):
            raise _Close(BAD_REQUEST, "Invalid message")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self.websocket.send_text(dump(message).decode())

    async def _initialise(self, payload: Any) -> None:
        if self.initialised:
            raise _Close(TOO_MANY_INITS, "Too many initialisation requests")
        self.initialised = True
        if payload is not None and not isinstance(payload, dict):
            raise _Close(BAD_REQUEST, "The payload must be an object")
        given = {str(name).lower(): value for name, value in (payload or {}).items()}.get("authorization")
        if given is not None and not isinstance(given, str):
            raise _Close(BAD_REQUEST, "authorization must be a text")
        self.authorization = given or self.websocket.headers.get("authorization")
        context = await self._context()
        try:
            self.held.enter_context(self.streams.place_of_person(context))
        except RateLimited as error:
            raise _Close(TRY_AGAIN_LATER, str(error)) from None
        await self._send({"type": "connection_ack"})
        self.acknowledged = True

    async def _context(self) -> Context:
        """Return a context of its own for each operation: who it is for is looked up again."""
        try:
            return await self.streams.make_context(self.websocket, self.authorization)
        except Unauthenticated:
            raise _Close(FORBIDDEN, "Forbidden") from None

    async def _subscribe(self, name: Any, payload: Any) -> None:
        if not self.acknowledged:
            raise _Close(UNAUTHORIZED, "Unauthorized")
        if not isinstance(name, str) or not 0 < len(name) <= GREATEST_ID:
            raise _Close(BAD_REQUEST, "An operation needs an id")
        if name in self.operations:
            raise _Close(SUBSCRIBER_EXISTS, f"Subscriber for {name[:50]} already exists")
        try:
            given = request_of(payload)
        except HttpError:
            raise _Close(BAD_REQUEST, "The payload is no GraphQL request") from None
        except ApiError as error:
            await self._refuse(name, error)
            return
        bound = self.settings.max_subscriptions_per_socket
        if len(self.operations) >= bound:
            await self._refuse(name, RateLimited(f"At most {bound} operations at a time on one WebSocket."))
            return
        context = await self._context()
        self.operations[name] = asyncio.create_task(self._run(name, given, context))

    async def _refuse(self, name: str, error: ApiError) -> None:
        await self._send({"id": name, "type": "error", "payload": [errors.request_error(error)]})

    async def _run(self, name: str, given: Any, context: Context) -> None:
        """Send the answers of an operation; what was never begun, or can not go on, ends with `error`."""
        me = asyncio.current_task()
        try:
            async with aclosing(self.streams.run(given, context)) as bodies:
                async for body in bodies:
                    if "data" not in body:
                        await self._send({"id": name, "type": "error", "payload": body["errors"]})
                        return
                    await self._send({"id": name, "type": "next", "payload": body})
            await self._send({"id": name, "type": "complete"})
        except (RuntimeError, WebSocketDisconnect):
            pass  # closed meanwhile
        finally:
            # Under its id may stand another by now: a client may use the id of one that it completed again.
            if self.operations.get(name) is me:
                del self.operations[name]
