"""GraphQL over HTTP, by its specification: what a request may look like and how an answer is sent."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from graphql_api import errors
from graphql_api.bodies import GREATEST_LIST, Body, BodyRefused, has_long_list, read_body
from graphql_api.execution import Executor, Refused
from graphql_api.execution import Request as GraphQLRequest
from graphql_api.turns import Turns
from resolvers.context import Context
from resolvers.problems import ApiError, Unauthenticated

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
GREATEST_JSON_DEPTH = 100
GREATEST_PARAMETERS = 20
# What a 401 has to say (RFC 9110).
CHALLENGE = {"www-authenticate": "Bearer"}
Observe = Callable[[str, float], None]
MakeContext = Callable[[Request], Awaitable[Context]]
# Whether a request carries a token of ours that holds, which is all that is asked before its body is read.
HasToken = Callable[[Request], bool]


class HttpError(Exception):
    """The request can not be read as a GraphQL request."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class GraphQLEndpoint:
    """Answers GET and POST on one path."""

    def __init__(
        self,
        executor: Executor,
        make_context: MakeContext,
        observe: Observe | None = None,
        has_token: HasToken = lambda _: False,
    ) -> None:
        self.executor = executor
        self.has_token = has_token
        self.make_context = make_context
        self.observe = observe
        self.settings = executor.settings
        self._body_turns = Turns()

    async def __call__(self, request: Request) -> Response:
        """Answer a request and count it."""
        started = time.perf_counter()
        try:
            response, outcome = await self._answer(request)
        except Exception as error:
            # Nobody stands behind us who would answer in a form that clients read.
            response, outcome = failure(error), "errors"
        if self.observe is not None:
            self.observe(outcome, time.perf_counter() - started)
        return response

    async def _answer(self, request: Request) -> tuple[Response, str]:
        """Return the answer of a request; any shape of request gets a 4xx with a code, never a 5xx."""
        media_type = JSON
        try:
            media_type = negotiate(request.headers.get("accept"))
            given = await self.read(request)
        except HttpError as error:
            entry = errors.request_error(errors.BadRequest(str(error)))
            return http_response({"errors": [entry]}, error.status, media_type, error.headers), "refused"
        except ApiError as error:
            # A persisted query that nobody stored is a well-formed request: clients send the document next.
            status = _status(executed=False, media_type=media_type)
            return http_response({"errors": [errors.request_error(error)]}, status, media_type), "refused"
        try:
            context = await self.make_context(request)
        except Unauthenticated as error:
            body = {"errors": [errors.request_error(error)]}
            if media_type == GRAPHQL_RESPONSE:
                return http_response(body, 401, media_type, CHALLENGE), "refused"
            return http_response(body, 200, media_type), "refused"
        answer = await self.executor.run(given, context)
        outcome = "refused" if not answer.executed else "errors" if "errors" in answer.body else "ok"
        status = _status(executed=answer.executed, media_type=media_type)
        return http_response(answer.body, status, media_type), outcome

    async def read(self, request: Request, *, streams: bool = False) -> GraphQLRequest:
        """Return the GraphQL request that came; `streams` lets subscriptions come by GET too.

        Raises HttpError, PersistedQueryNotSupported.
        """
        if request.method == "POST":
            return await self._read_post(request)
        if request.method == "GET":
            return await self._read_get(request, streams)
        raise HttpError(405, "Only GET and POST are served here.", {"allow": "GET, POST"})

    async def _read_post(self, request: Request) -> GraphQLRequest:
        content_type = request.headers.get("content-type", "")
        kind, _, parameters = content_type.partition(";")
        if kind.strip().lower() != JSON:
            raise HttpError(415, f"The body must be {JSON}.")
        charset = dict(
            (name.strip().lower(), value.strip(' "').lower())
            for name, _, value in (part.partition("=") for part in parameters.split(";") if part)
        ).get("charset", "utf-8")
        if charset not in ("utf-8", "utf8", "us-ascii"):
            raise HttpError(415, "The body must be UTF-8.")
        body = await self._body(request)
        if not body.heavy:
            return _parse_body(body.text)
        async with self.executor.heavy_turns.turn():
            return _parse_body(body.text)

    async def _body(self, request: Request) -> Body:
        try:
            return await read_body(
                request.stream(), self.settings, lambda: self.has_token(request), self._body_turns
            )
        except BodyRefused as refused:
            raise HttpError(refused.status, str(refused), {"connection": "close"}) from None
        except ClientDisconnect:
            raise HttpError(400, "The client went away.") from None

    async def _read_get(self, request: Request, streams: bool) -> GraphQLRequest:
        site = request.headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none"):
            raise HttpError(403, "Queries by GET are not answered across sites: use POST.")
        try:
            # Not by way of request.url, which is put together with the Host that the client names.
            text = request.scope["query_string"].decode("ascii", "replace")
            values = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=GREATEST_PARAMETERS))
        except ValueError:
            raise HttpError(400, f"A request by GET has at most {GREATEST_PARAMETERS} parameters.") from None
        body: dict[str, Any] = {"query": values.get("query")}
        for name in ("variables", "extensions"):
            if values.get(name):
                body[name] = parse_json(values[name].encode(), name)
        if values.get("operationName"):
            body["operationName"] = values["operationName"]
        given = request_of(body)
        try:
            _, operation = await self.executor.find(given)
        except Refused:
            return given  # run() answers with the same refusal
        if operation.operation is OperationType.SUBSCRIPTION and streams:
            return given
        if operation.operation is not OperationType.QUERY:
            raise HttpError(405, "Only queries are answered by GET: use POST.", {"allow": "POST"})
        return given


def _parse_body(text: bytes) -> GraphQLRequest:
    value = parse_json(text, "body")
    if len(text) > GREATEST_LIST and has_long_list(value):
        raise HttpError(413, f"The body holds a list of more than {GREATEST_LIST} items.")
    return request_of(value)


def parse_json(text: bytes, name: str) -> Any:
    """Return the JSON value of a text; raise HttpError for anything else."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    # orjson refuses integers over 64 bits that the specification allows in a custom scalar, and deep
    # nesting; the standard parser tells them apart, within a bound.
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise HttpError(400, f"The {name} is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError):
        raise HttpError(400, f"The {name} is not JSON in UTF-8.") from None
    if _deeper_than(value, GREATEST_JSON_DEPTH):
        raise HttpError(400, f"The {name} is nested too deeply.")
    return value


def _no_number(name: str) -> Any:
    # Python reads NaN and Infinity, which are no JSON.
    raise ValueError(name)


def _deeper_than(value: Any, bound: int) -> bool:
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if depth > bound:
            return True
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        pending.extend((child, depth + 1) for child in children)
    return False


def request_of(body: Any) -> GraphQLRequest:
    if isinstance(body, list):
        raise HttpError(400, "Batches are not served: send one request at a time.")
    if not isinstance(body, dict):
        raise HttpError(400, "The body must be a JSON object with a query.")
    query, variables, name, extensions = (
        body.get("query"),
        body.get("variables"),
        body.get("operationName"),
        body.get("extensions"),
    )
    if extensions is not None and not isinstance(extensions, dict):
        raise HttpError(400, "extensions must be an object.")
    if query is None and extensions and "persistedQuery" in extensions:
        raise errors.PersistedQueryNotSupported()
    if not isinstance(query, str) or not query.strip():
        raise HttpError(400, "query must be a text with a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise HttpError(400, "variables must be an object.")
    if name is not None and not isinstance(name, str):
        raise HttpError(400, "operationName must be a text.")
    if _has_surrogates(query) or _has_surrogates(name or ""):
        raise HttpError(400, "query must be a text in Unicode.")
    return GraphQLRequest(query=query, variables=variables, operation_name=name or None)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


# Range of media types -> what we send for it, the best first.
ANSWERED_BY = {
    GRAPHQL_RESPONSE: (GRAPHQL_RESPONSE,),
    JSON: (JSON,),
    "application/*": (GRAPHQL_RESPONSE, JSON),
    "*/*": (JSON, GRAPHQL_RESPONSE),
}


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def negotiate(accept: str | None) -> str:
    """Return the media type of the answer: the client's best, JSON when it does not say."""
    if not accept or not accept.strip():
        return JSON
    offered: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        offered.setdefault(name.lower(), _weight(parameters))
    best, best_weight = "", 0.0
    for name, weight in offered.items():
        for media_type in ANSWERED_BY.get(name, ()):
            # What a client names itself, it says more exactly than a range does.
            if name != media_type and media_type in offered:
                continue
            if weight > best_weight:
                best, best_weight = media_type, weight
    if not best:
        raise HttpError(406, f"Answers are sent as {GRAPHQL_RESPONSE} or {JSON}.")
    return best


def _status(*, executed: bool, media_type: str) -> int:
    """Return 400 for an answer without `data`, where the media type lets the status tell."""
    return 200 if executed or media_type == JSON else 400


def failure(error: Exception) -> Response:
    """Return the answer of a request on which we failed."""
    return http_response({"errors": [errors.request_error(error)]}, 500, JSON)


def http_response(
    body: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        content=dump(body),
        status_code=status,
        headers={
            "content-type": f"{media_type}; charset=utf-8",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "vary": "accept",
            **(headers or {}),
        },
    )


def dump(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        # A lone surrogate in an echoed value: JSON can carry it escaped.
        return json.dumps(body).encode("ascii")
