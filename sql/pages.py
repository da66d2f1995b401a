"""Keyset pages: stable while other rows come and go, the same on SQLite and PostgreSQL.

A cursor holds the sort values of its row, not a position. The caller names the sort columns; the last
one must be unique, so that the order is total.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import ColumnElement, DateTime, Enum, Integer, Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql.errors import SqlError
from sql.models import UtcDateTime
from sql.points import Columns, Point, Rows, only
from sql.session import Database


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
    columns: Columns = None,
) -> Slice:
    """Return a page of a statement that selects one entity, with some columns of it; raise InvalidCursor.

    One statement; one more where the total is asked for.
    """
    backward, size, cursor, argument = _parts(page)
    total = None
    if with_total:
        counted = statement.order_by(None).subquery()
        total = await session.scalar(select(func.count()).select_from(counted))
    entity = statement.column_descriptions[0]["entity"]
    wanted = statement.options(*only(entity, columns)).add_columns(*[sort.column for sort in sorts])
    values = None if cursor is None else _decode(cursor, argument, sorts)
    found = (await session.execute(_cut(wanted, sorts, values, backward).limit(size + 1))).all()
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


def _parts(page: Page) -> tuple[bool, int, str | None, str]:
    """Return whether it goes backward, its size, its cursor, and the argument that the cursor came in."""
    if page.last is not None:
        return True, page.last, page.before, "before"
    return False, page.first or 20, page.after, "after"


def _cut(
    statement: Select[Any], sorts: Sequence[Sort], values: Sequence[Any] | None, backward: bool
) -> Select[Any]:
    """Return a statement in the order of a page, behind the row with some sort values."""
    if values is not None:
        statement = statement.where(_beyond(sorts, values, backward))
    for sort in sorts:
        column = sort.column
        statement = statement.order_by(column.desc() if sort.descending != backward else column.asc())
    return statement


def page_point(statement: Select[Any], sorts: Sequence[Sort], *, backward: bool, beyond: bool) -> Point:
    """Return the Point of the pages of a list: of one direction, with a cursor or without."""
    values = [bindparam(f"cursor{place}", type_=sort.column.type) for place, sort in enumerate(sorts)]
    size = bindparam("size", type_=Integer())
    return Point(_cut(statement, sorts, values if beyond else None, backward).limit(size))


@dataclass(frozen=True, slots=True)
class PointPage:
    """A page of plain rows, which may be asked for the cursor of one of them."""

    rows: Rows
    has_next: bool
    has_previous: bool
    places: Sequence[int]
    """Of the sort columns in a row."""

    def cursor(self, row: tuple[Any, ...]) -> str:
        """Return the cursor of a row."""
        return _encode([row[place] for place in self.places])


async def fetch_page(
    database: Database,
    point: Callable[[bool, bool], Point],
    sorts: Sequence[Sort],
    places: Sequence[int],
    page: Page,
    **given: Any,
) -> PointPage:
    """Return a page without a session; raise InvalidCursor. `point` is asked for (backward, with a cursor)."""
    backward, size, cursor, argument = _parts(page)
    if cursor is not None:
        for place, value in enumerate(_decode(cursor, argument, sorts)):
            given[f"cursor{place}"] = value
    found = await database.fetch_list(point(backward, cursor is not None), size=size + 1, **given)
    more, rows = len(found) > size, found[:size]
    return PointPage(
        rows[::-1] if backward else rows,
        has_next=cursor is not None if backward else more,
        has_previous=more if backward else cursor is not None,
        places=places,
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
    # UTF-8 rather than escapes: the longest title in any script stays a cursor of bounded length.
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _decode(cursor: str, argument: str, sorts: Sequence[Sort]) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        values = json.loads(text, parse_constant=_refuse)
        if isinstance(values, list) and len(values) == len(sorts):
            return [_value(value, sort.column.type) for value, sort in zip(values, sorts, strict=True)]
    # Overflow: a moment at the edge of the calendar whose offset leads beyond it.
    except (ValueError, OverflowError, binascii.Error, RecursionError):
        pass
    raise InvalidCursor(argument)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _value(value: Any, column_type: Any) -> Any:
    """Return a value that the column can be compared with; PostgreSQL's driver fails on any other type."""
    if isinstance(column_type, UtcDateTime | DateTime):
        if not isinstance(value, dict) or set(value) != {"t"} or not isinstance(value["t"], str):
            raise ValueError(value)
        moment = datetime.fromisoformat(value["t"])
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment.astimezone(UTC)
    if isinstance(column_type, Enum):
        if value not in column_type.enums:
            raise ValueError(value)
        return value
    expected = column_type.python_type
    if issubclass(expected, str):
        fits = isinstance(value, str) and not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value)
    elif issubclass(expected, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if not fits:
        raise ValueError(value)
    return value
