"""Keyset pages: stable while other rows come and go, the same on SQLite and PostgreSQL.

A cursor holds the sort values of its row, not a position. The caller names the sort columns; the last
one must be unique, so that the order is total.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql.errors import SqlError


class InvalidCursor(SqlError):
    """This is not a cursor of this list."""

    def __init__(self, argument: str) -> None:
        self.argument = argument
        super().__init__(f"{argument} is not a cursor of this list.")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: forward (first, after) or backward (last, before)."""

    first: int | None = 20
    after: str | None = None
    last: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort column."""

    column: Any
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of rows with a cursor for each. `total_count` is None when it was not asked for."""

    rows: list[Any]
    cursors: list[str]
    has_next: bool = False
    has_previous: bool = False
    total_count: int | None = field(default=None)


async def paginate(
    session: AsyncSession,
    statement: Select[Any],
    sorts: Sequence[Sort],
    page: Page,
    *,
    with_total: bool = False,
) -> Slice:
    """Return a page of a statement that selects one entity; raise InvalidCursor.

    One statement; one more where the total is asked for.
    """
    backward = page.last is not None
    size = page.last if page.last is not None else (page.first or 20)
    cursor, argument = (page.before, "before") if backward else (page.after, "after")
    total = None
    if with_total:
        counted = statement.order_by(None).subquery()
        total = await session.scalar(select(func.count()).select_from(counted))
    wanted = statement.add_columns(*[sort.column for sort in sorts])
    if cursor is not None:
        wanted = wanted.where(_beyond(sorts, _decode(cursor, argument, len(sorts)), backward))
    for sort in sorts:
        wanted = wanted.order_by(sort.column.desc() if sort.descending != backward else sort.column.asc())
    found = (await session.execute(wanted.limit(size + 1))).all()
    more = len(found) > size
    found = found[:size]
    if backward:
        found = list(reversed(found))
    return Slice(
        rows=[row[0] for row in found],
        cursors=[_encode(row[1:]) for row in found],
        has_next=page.before is not None if backward else more,
        has_previous=more if backward else page.after is not None,
        total_count=total,
    )


def _beyond(sorts: Sequence[Sort], values: Sequence[Any], backward: bool) -> ColumnElement[bool]:
    """Return the condition for rows behind a cursor: lexicographic comparison, column by column."""
    alternatives = []
    for index, sort in enumerate(sorts):
        equal = [sorts[before].column == values[before] for before in range(index)]
        further = sort.column < values[index] if sort.descending != backward else sort.column > values[index]
        alternatives.append(and_(*equal, further))
    return or_(*alternatives)


def _encode(values: Sequence[Any]) -> str:
    plain = [
        {"t": value.astimezone(UTC).isoformat()} if isinstance(value, datetime) else value for value in values
    ]
    text = json.dumps(plain, ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _decode(cursor: str, argument: str, count: int) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != count:
            raise InvalidCursor(argument)
        return [_value(value, argument) for value in values]
    except (ValueError, UnicodeError, binascii.Error, RecursionError):
        raise InvalidCursor(argument) from None


def _value(value: Any, argument: str) -> Any:
    if isinstance(value, dict):
        moment = datetime.fromisoformat(value["t"]) if set(value) == {"t"} else None
        if moment is None or moment.tzinfo is None:
            raise InvalidCursor(argument)
        return moment
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidCursor(argument)
    if isinstance(value, int) and abs(value) >= 2**63:
        raise InvalidCursor(argument)
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= c <= "\udfff" for c in value)):
        raise InvalidCursor(argument)
    return value
