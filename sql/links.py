"""Links of skills and resources to theories and concepts, each kept as a whole set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sql import errors
from sql.audit import Change
from sql.models import Base, Concept, Course, Kind, Skill, Theory

GREATEST_COUNT = 50

_MODELS: dict[Kind, type[Theory | Concept | Skill]] = {
    Kind.THEORY: Theory,
    Kind.CONCEPT: Concept,
    Kind.SKILL: Skill,
}


async def lock_course(session: AsyncSession, course_id: int) -> None:
    """Let one transaction at a time check a rule over all rows of a course, such as a bound or a cycle."""
    # Ignored by SQLite, whose write transaction is alone anyway.
    await session.execute(select(Course.id).where(Course.id == course_id).with_for_update(key_share=True))


async def require_same_course(
    session: AsyncSession, *, course_id: int, kind: Kind, keys: Sequence[str], field: str
) -> None:
    """Refuse keys that name nothing of the course; raise NotFound with the place in the list."""
    model = _MODELS[kind]
    if not keys:
        return
    statement = select(model.id).where(model.course_id == course_id, model.id.in_(keys))
    found = set(await session.scalars(statement))
    for index, key in enumerate(keys):
        if key not in found:
            raise errors.NotFound(kind, key, (field, str(index)))


async def replace(
    session: AsyncSession, link: type[Base], *, owner: tuple[str, str], other: str, wanted: Iterable[str]
) -> Change | None:
    """Make the links of an owner, (column, key), the wanted ones exactly; return the change, if any."""
    table: Any = link
    column, key = owner
    mine = getattr(table, column) == key
    named = getattr(table, other)
    wanted_set = set(wanted)
    present = set(await session.scalars(select(named).where(mine)))
    if present == wanted_set:
        return None
    gone = sorted(present - wanted_set)
    if gone:
        await session.execute(
            delete(table).where(mine, named.in_(gone)).execution_options(synchronize_session="fetch")
        )
    session.add_all(table(**{column: key, other: added}) for added in sorted(wanted_set - present))
    await session.flush()
    return Change(f"{other}s", " ".join(sorted(present)) or None, " ".join(sorted(wanted_set)) or None)
