"""The one table from exceptions to entries of `errors`, each with a code; nothing internal leaks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from graphql import GraphQLError

from graph.cursors import InvalidCursor as GraphInvalidCursor
from graph.errors import GraphConflict, GraphUnavailable
from resolvers.problems import ApiError
from sql import errors as sql_errors
from sql.pages import InvalidCursor as SqlInvalidCursor

logger = logging.getLogger(__name__)

GREATEST_COUNT = 10

CODES = (
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "RATE_LIMITED",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "PERSISTED_QUERY_NOT_SUPPORTED",
    "GRAPH_UNAVAILABLE",
    "CURSOR_EXPIRED",
    "TIMEOUT",
    "INTERNAL",
)


class ParseFailed(ApiError):
    """The document is not GraphQL."""

    code = "GRAPHQL_PARSE_FAILED"


class ValidationFailed(ApiError):
    """The document does not fit the schema."""

    code = "GRAPHQL_VALIDATION_FAILED"


class BadRequest(ApiError):
    """The request is not a GraphQL request."""

    code = "BAD_USER_INPUT"


class PersistedQueryNotSupported(ApiError):
    """Persisted queries are not supported: send the document."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class OperationTimeout(ApiError):
    """The operation took longer than its deadline."""

    code = "TIMEOUT"


def describe(error: BaseException | None) -> tuple[str, dict[str, Any]]:
    """Return (message, extensions) of what happened. An unexpected exception is logged with its incident id."""
    match error:
        case ApiError():
            return str(error), {"code": error.code, **error.extensions}
        case GraphUnavailable():
            message = (
                "The graph does not answer just now; SQL parts of the API still do."
                if error.retryable
                else "No graph is configured: fields that the graph answers are off."
            )
            return message, {"code": "GRAPH_UNAVAILABLE", "retryable": error.retryable}
        case GraphConflict():
            return "The graph was busy: try again.", {"code": "GRAPH_UNAVAILABLE", "retryable": True}
        case GraphInvalidCursor() | SqlInvalidCursor():
            return str(error), {"code": "BAD_USER_INPUT"}
        case sql_errors.NotFound():
            return "There is no such record, or you may not see it.", {"code": "BAD_USER_INPUT"}
        case sql_errors.InvalidInput():
            first = error.fields[0].message if error.fields else str(error)
            return first, {"code": "BAD_USER_INPUT"}
        case TimeoutError():
            return OperationTimeout.__doc__ or "", {"code": "TIMEOUT"}
    incident_id = uuid.uuid4().hex
    logger.error("unexpected error", exc_info=error, extra={"action": "incident", "incident_id": incident_id})
    if isinstance(error, sql_errors.Unavailable):
        # Away, locked or full: no promise that nothing was written, since a COMMIT may be what got lost.
        return (
            "The database does not answer, or takes no writes just now: try again, a create with the same "
            "idempotency key.",
            {"code": "INTERNAL", "incidentId": incident_id, "retryable": True},
        )
    return (
        "Something went wrong here; the incident id finds it in the log.",
        {"code": "INTERNAL", "incidentId": incident_id},
    )


def format_all(errors: Sequence[GraphQLError], committed: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the entries of `errors`, at most ten. `committed` names mutations whose write stands."""
    return [_format(error, committed) for error in errors[:GREATEST_COUNT]]


def _format(error: GraphQLError, committed: Collection[str]) -> dict[str, Any]:
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        # graphql-core itself refused: a value that does not fit, a null where none may be.
        path = error.path
        if path and error.message.startswith("Cannot return null for non-nullable field"):
            message, extensions = describe(error)
        else:
            message, extensions = error.message, {"code": "BAD_USER_INPUT"}
    else:
        message, extensions = describe(original)
    entry: dict[str, Any] = {"message": message}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        entry["path"] = error.path
        if error.path[0] in committed:
            extensions = {**extensions, "committed": True}
    entry["extensions"] = extensions
    return entry


def request_error(error: Exception, locations: Any = None) -> dict[str, Any]:
    """Return the entry of an error that came before execution."""
    message, extensions = describe(error)
    entry: dict[str, Any] = {"message": message, "extensions": extensions}
    if locations:
        entry["locations"] = locations
    return entry
