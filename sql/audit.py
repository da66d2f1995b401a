"""The audit log: who changed what, kept for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from sql import models
from sql.models import AuditEntry

CHANGES_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; secrets are never given here."""

    field: str
    before: Any = None
    after: Any = None


async def write(
    session: AsyncSession,
    actor_id: int | None,
    action: str,
    kind: str,
    key: object,
    *,
    course_id: int | None = None,
    changes: Sequence[Change | dict[str, Any]] = (),
) -> AuditEntry:
    """Add an entry in the transaction of the change it tells about."""
    entry = AuditEntry(
        occurred_at=models.now(),
        actor_id=actor_id,
        action=action,
        record_kind=str(kind),
        record_key=str(key),
        course_id=course_id,
        changes=[_plain(change) for change in list(changes)[:CHANGES_LIMIT]],
    )
    session.add(entry)
    await session.flush()
    return entry


def _plain(change: Change | dict[str, Any]) -> dict[str, Any]:
    if isinstance(change, dict):
        return change
    return {"field": change.field, "before": _text(change.before), "after": _text(change.after)}


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
