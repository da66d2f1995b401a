"""From what the stores raise to what a client reads: union members and coded errors.

A mutation's expected failure becomes a member of its union. Everything else is an entry of
`errors` with a code; `graphql_api.errors` holds that table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from resolvers import ids
from resolvers.types import shared
from sql import errors as sql_errors
from sql import models


class ApiError(Exception):
    """The request can not be answered."""

    code = "INTERNAL"
    extensions: dict[str, Any]

    def __init__(self, message: str = "", **extensions: Any) -> None:
        super().__init__(message or (self.__doc__ or ""))
        self.extensions = extensions


class BadArgument(ApiError):
    """An argument is out of its bounds."""

    code = "BAD_USER_INPUT"

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message, argument=argument)


class Unauthenticated(ApiError):
    """Sign in first: this needs a valid access token in the Authorization header."""

    code = "UNAUTHENTICATED"


class Forbidden(ApiError):
    """You may not do this: it needs another role or another part in the course."""

    code = "FORBIDDEN"


class RateLimited(ApiError):
    """Too many attempts: try again later."""

    code = "RATE_LIMITED"


def not_found(record_kind: str, record_id: str, path: Iterable[str] = ("id",)) -> shared.NotFoundProblem:
    """Return the problem for an id that finds nothing, or nothing that the viewer may see."""
    return shared.NotFoundProblem(
        message=f"No {record_kind.lower().replace('_', ' ')} has this id, or you may not see it.",
        code=shared.ProblemCode.NOT_FOUND,
        path=["input", *path],
        retryable=False,
        record_kind=shared.RecordKind(record_kind),
        record_id=record_id,  # type: ignore[arg-type]
    )


def from_error(
    error: sql_errors.SqlError,
    given_ids: dict[tuple[str, str], tuple[str, list[str]]],
    cycle: list[Any] | None = None,
) -> Any:
    """Return the union member for an error of the store; None when it is none that a caller can act on.

    `given_ids` maps (record kind, key as text) to the id and path of the input it came from; `cycle` holds
    the records of a Cycle, in its order.
    """
    match error:
        case sql_errors.NotFound():
            kind = str(error.kind)
            given = given_ids.get((kind, ids.text_of(error.key)))
            record_id = given[0] if given else _encode(kind, error.key)
            path = given[1] if given else list(error.path or ("id",))
            return not_found(kind, record_id, path)
        case sql_errors.InvalidInput():
            fields = error.fields[:100]
            first = fields[0] if fields else None
            return shared.InvalidInputProblem(
                message=first.message
                if first and len(fields) == 1
                else f"{len(fields)} values are not valid.",
                code=shared.ProblemCode.INVALID_INPUT,
                path=["input", *camel_path(first.path)] if first and len(fields) == 1 else None,
                retryable=False,
                fields=[
                    shared.InvalidField(path=["input", *camel_path(field.path)], message=field.message)
                    for field in fields
                ],
            )
        case sql_errors.InvalidCredentials():
            return shared.InvalidInputProblem(
                message=str(error),
                code=shared.ProblemCode.INVALID_CREDENTIALS,
                path=None,
                retryable=False,
                fields=[],
            )
        case sql_errors.StaleVersion():
            return shared.StaleVersionProblem(
                message=f"The record changed since you read it: its version is {error.current_version} now.",
                code=shared.ProblemCode.STALE_VERSION,
                path=["input", "expectedVersion"],
                retryable=False,
                current_version=error.current_version,
            )
        case sql_errors.Cycle():
            return shared.CycleProblem(
                message=str(error),
                code=shared.ProblemCode.CYCLE,
                path=None,
                retryable=False,
                cycle=cycle or [],
            )
        case sql_errors.Conflict():
            conflicting = error.conflicting
            return shared.ConflictProblem(
                message=str(error),
                code=shared.ProblemCode(str(error.code)),
                path=["input", *camel_path(error.path)] if error.path else None,
                retryable=False,
                conflicting_id=_encode(str(conflicting[0]), conflicting[1]) if conflicting else None,  # type: ignore[arg-type]
            )
    return None


def camel_path(path: Iterable[Any] | None) -> list[str]:
    """Return a path of the store in the spelling of the schema."""
    return [camel(str(part)) for part in path or ()]


def camel(name: str) -> str:
    """Return a name in camelCase."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _encode(kind: str, key: Any) -> str:
    return ids.encode(ids.PREFIX_OF_KIND.get(kind, kind.lower()), key)


def key_text(kind: models.Kind | str, key: Any) -> tuple[str, str]:
    """Return the key under which a given id is remembered for its problem."""
    return str(kind), ids.text_of(key)
