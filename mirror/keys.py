"""Keys of records, as both stores have them: which there are, page by page, and which of some there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from sql.models import Kind
from sql.scopes import EVERYTHING, KEY_COLUMNS, Scope, key_of


def can_be_a_key(part: Any, *, whole: bool) -> bool:
    """Tell whether an id of the graph can be part of a key of SQL; people write odd things by hand."""
    if whole:
        return isinstance(part, int) and not isinstance(part, bool)
    return isinstance(part, str) and part != "" and ":" not in part and "\x00" not in part


def _parse(kind: Kind, key: str) -> tuple[Any, ...] | None:
    """Return the values of a key's columns; None for a text that can not be a key of the kind."""
    columns = KEY_COLUMNS[kind]
    parts = key.split(":")
    if len(parts) != len(columns) or "\x00" in key:
        return None
    try:
        return tuple(
            int(part) if column.type.python_type is int else part
            for column, part in zip(columns, parts, strict=True)
        )
    except ValueError:
        return None


async def existing_keys(session: AsyncSession, kind: Kind, keys: Iterable[str]) -> set[str]:
    """Return the keys that have a row in the kind's table."""
    wanted = {key: values for key in keys if (values := _parse(kind, key)) is not None}
    if not wanted:
        return set()
    columns = KEY_COLUMNS[kind]
    if len(columns) == 1:
        condition = columns[0].in_([values[0] for values in wanted.values()])
    else:
        # By the two ends; the type between them is an enum, which a tuple of texts would not convert.
        ends = list({(values[0], values[-1]) for values in wanted.values()})
        condition = tuple_(columns[0], columns[-1]).in_(ends)
    found = await session.execute(select(*columns).where(condition))
    return {key_of(row) for row in found} & set(wanted)


async def page_of_keys(
    session: AsyncSession,
    kind: Kind,
    after: tuple[Any, ...] | None,
    limit: int,
    scope: Scope = EVERYTHING,
) -> tuple[list[str], tuple[Any, ...] | None]:
    """Return the next keys of the kind's table, in the order of its key, and where to go on."""
    columns = KEY_COLUMNS[kind]
    question = scope.narrow(kind, select(*columns)).order_by(*columns).limit(limit)
    if after is not None:
        if len(columns) == 1:
            question = question.where(columns[0] > after[0])
        else:
            question = question.where(tuple_(*columns) > tuple_(*after, types=[c.type for c in columns]))
    found = [tuple(row) for row in await session.execute(question)]
    return [key_of(row) for row in found], found[-1] if found else None
