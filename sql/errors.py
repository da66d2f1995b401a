"""What the system of record refuses, as exceptions that carry data.

The docstring is the default message. `path` names a field below the mutation's input,
as it is written on the wire, e.g. ("title",).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

ConflictCode: TypeAlias = Literal["DUPLICATE", "IN_USE", "WRONG_STATE", "KEY_REUSED"]
Path: TypeAlias = tuple[str, ...]


class SqlError(Exception):
    """The system of record refused."""

    @property
    def message(self) -> str:
        """Return the sentence for the caller."""
        return str(self)


def _default_message(cls: type[SqlError]) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


class NotFound(SqlError):
    """There is no such record."""

    def __init__(self, kind: str, key: object = None, path: Path = (), message: str | None = None) -> None:
        self.kind = str(kind)
        # A key of several parts as the mirror's accounts and the ids have it.
        text = ":".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
        self.key = None if key is None else text
        self.path = tuple(path)
        super().__init__(message or _default_message(type(self)))


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input."""

    path: Path
    message: str


class InvalidInput(SqlError):
    """The input is not valid."""

    def __init__(self, fields: Sequence[FieldError] = (), message: str | None = None) -> None:
        self.fields = list(fields)
        super().__init__(message or _default_message(type(self)))


class Conflict(SqlError):
    """The change contradicts the present state."""

    def __init__(
        self,
        code: ConflictCode,
        message: str | None = None,
        path: Path = (),
        conflicting: tuple[str, str] | None = None,
    ) -> None:
        self.code = code
        self.path = tuple(path)
        self.conflicting = conflicting
        super().__init__(message or _default_message(type(self)))


class StaleVersion(SqlError):
    """The record was changed since it was read."""

    def __init__(self, current_version: int, message: str | None = None) -> None:
        self.current_version = current_version
        super().__init__(message or _default_message(type(self)))


class Cycle(SqlError):
    """The change would close a cycle."""

    def __init__(self, kind: str, keys: Sequence[str], message: str | None = None) -> None:
        self.kind = str(kind)
        self.keys = list(keys)  # in the order of the edges; the first key repeated at the end
        super().__init__(message or _default_message(type(self)))


class InvalidCredentials(SqlError):
    """The e-mail address or the password is wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _default_message(type(self)))


class Unavailable(SqlError):
    """The system of record does not answer."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _default_message(type(self)))
