"""Links from a record to theories and concepts of its course.

The links of a skill or a resource belong to that record: who changes them records it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import errors
from sql.keys import name_key
from sql.models import NAME_LENGTH, Concept, Kind, Theory
from sql.text import Checker

LINKS_LIMIT = 50
KEY_LENGTH = NAME_LENGTH * 3


def check_name(checker: Checker, path: errors.Path, name: Any) -> str:
    """Report a name that is not valid; return its key, "" for one that has none."""
    before = len(checker.found)
    checker.text(path, name, NAME_LENGTH)
    if len(checker.found) > before:
        return ""
    key = name_key(name)
    if not key:
        checker.add(path, f"{path[-1]} can not be blank.")
    elif len(key) > KEY_LENGTH:
        # A single character can unfold to 18: the column would refuse it with an error of its own.
        checker.add(path, f"{path[-1]} is too long once its characters are unfolded.")
    return key


def check_ids(checker: Checker, path: errors.Path, ids: Any, least: int = 0) -> list[str]:
    """Report a list of ids that is null or out of its bounds; return the ids once each."""
    if ids is None:
        checker.add(path, f"{path[-1]} can not be null.")
        return []
    once = list(dict.fromkeys(ids))
    checker.count(path, once, least, LINKS_LIMIT)
    return once


async def require_theories(
    session: AsyncSession, course_id: int, ids: Sequence[str], path: str = "theoryIds"
) -> None:
    """Raise NotFound for the first id that is no theory of the course."""
    await _require(session, Theory, Kind.THEORY, course_id, ids, path)


async def require_concepts(
    session: AsyncSession, course_id: int, ids: Sequence[str], path: str = "conceptIds"
) -> None:
    """Raise NotFound for the first id that is no concept of the course."""
    await _require(session, Concept, Kind.CONCEPT, course_id, ids, path)


async def _require(
    session: AsyncSession, model: Any, kind: Kind, course_id: int, ids: Sequence[str], path: str
) -> None:
    if not ids:
        return
    found = set(
        await session.scalars(select(model.id).where(model.id.in_(ids), model.course_id == course_id))
    )
    for position, key in enumerate(ids):
        if key not in found:
            raise errors.NotFound(kind, key, (path, str(position)))


async def linked(session: AsyncSession, owner: Any, other: Any, owner_id: str) -> set[str]:
    """Return the ids that a record is linked to. `owner` and `other` are columns of one link table."""
    return set(await session.scalars(select(other).where(owner == owner_id)))


async def relink(session: AsyncSession, owner: Any, other: Any, owner_id: str, wanted: Iterable[str]) -> bool:
    """Make a record's links exactly the ones wanted; return whether any came or went."""
    wanted_ids, present = set(wanted), await linked(session, owner, other, owner_id)
    table = owner.class_
    if gone := present - wanted_ids:
        await session.execute(delete(table).where(owner == owner_id, other.in_(gone)))
    if added := sorted(wanted_ids - present):
        await session.execute(insert(table), [{owner.key: owner_id, other.key: key} for key in added])
    return bool(gone or added)
