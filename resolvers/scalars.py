"""The one custom scalar."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import strawberry

_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def _serialize(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _parse(value: object) -> datetime:
    if not isinstance(value, str) or not _PATTERN.fullmatch(value):
        raise ValueError("DateTime must be RFC 3339 with an offset, for example 2026-03-01T09:30:00Z.")
    text = value.upper().replace("Z", "+00:00")
    # Python keeps microseconds; finer digits are cut.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("DateTime must be a moment that exists, between the years 1 and 9999.") from None


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="Moment in UTC, RFC 3339, for example 2026-03-01T09:30:00Z.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=_serialize,
    parse_value=_parse,
)
