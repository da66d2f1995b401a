"""Check and decode the arguments of fields: ids to keys, page sizes, limits. One table of bounds."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any

from resolvers import ids
from resolvers.problems import BadArgument

PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
SEARCH_LENGTH = 100
CURSOR_LENGTH = 2_000

# Argument -> prefix of its ids.
_ID_ARGUMENTS = {
    "courseId": "course",
    "studentId": "user",
    "chapterId": "ch",
    "skillId": "skill",
    "conceptId": "con",
    "centerId": "con",
}

# (type, field, argument) -> least and greatest value.
_BOUNDS = {
    ("Skill", "resources", "limit"): (1, 100),
    ("Concept", "mentions", "limit"): (1, 100),
    ("Concept", "relations", "limit"): (1, 200),
    ("Concept", "skills", "limit"): (1, 100),
    ("Concept", "resources", "limit"): (1, 100),
    ("Query", "conceptMap", "depth"): (1, 4),
    ("Query", "conceptMap", "limit"): (1, 500),
}

# A key that no record has: what an id that this API never gave out selects.
NO_KEY = {"course": 0, "user": 0, "ch": "", "skill": "", "con": ""}


def decode(type_name: str, field: str, values: dict[str, Any], response_key: Any) -> dict[str, Any]:
    """Return the arguments with ids decoded, bounds checked and the page made explicit; raise BadArgument."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name in _ID_ARGUMENTS:
            prefix = _ID_ARGUMENTS[name]
            try:
                result[name] = ids.decode(value, prefix)
            except ids.MalformedId:
                result[name] = NO_KEY[prefix]
            continue
        bounds = _BOUNDS.get((type_name, field, name))
        if bounds and not bounds[0] <= value <= bounds[1]:
            raise BadArgument(
                name, f"{field}: {name} must be between {bounds[0]} and {bounds[1]}, not {value}."
            )
        if name == "search" and len(value) > SEARCH_LENGTH:
            raise BadArgument(
                name, f"{field}: search must have at most {SEARCH_LENGTH} characters, not {len(value)}."
            )
        if name == "minConfidence" and not 0 <= value <= 1:
            raise BadArgument(name, f"{field}: minConfidence must be between 0 and 1, not {value}.")
        result[name] = _whole(value) if name == "search" else _plain(value)
    if "first" in values or "last" in values or _is_page(type_name, field):
        check_page(field, result)
    return result


def _whole(text: str) -> str:
    """Return search words with half surrogate pairs made NUL: drivers can not send them, and nothing has either."""
    return "".join("\x00" if "\ud800" <= character <= "\udfff" else character for character in text)


def _plain(value: Any) -> Any:
    """Return what both drivers take: text for an enumeration, UTC for a moment."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.astimezone(UTC) if isinstance(value, datetime) else value


_PAGED = {
    ("Course", "skills"),
    ("Course", "concepts"),
    ("Student", "masteries"),
    ("Student", "progress"),
    ("Query", "conceptRelations"),
    ("Query", "studentMastery"),
    ("Query", "classMastery"),
}


def _is_page(type_name: str, field: str) -> bool:
    return (type_name, field) in _PAGED


def check_page(field: str, values: dict[str, Any]) -> None:
    """Check first, after, last, before; set first to the default when no size is given."""
    first, last = values.get("first"), values.get("last")
    if first is not None and last is not None:
        raise BadArgument("first", f"{field}: first and last can not be used together.")
    for name in ("first", "last"):
        size = values.get(name)
        if size is not None and not 1 <= size <= PAGE_SIZE:
            raise BadArgument(name, f"{field}: {name} must be between 1 and {PAGE_SIZE}, not {size}.")
    if values.get("before") is not None and last is None:
        raise BadArgument("before", f"{field}: before goes together with last.")
    if values.get("after") is not None and last is not None:
        raise BadArgument("after", f"{field}: after goes together with first.")
    for name in ("after", "before"):
        if values.get(name) is not None and len(values[name]) > CURSOR_LENGTH:
            raise BadArgument(name, f"{field}: {name} is not a cursor of this list.")
    if first is None and last is None:
        values["first"] = DEFAULT_PAGE_SIZE
