"""Turn the sort key of a record into an opaque cursor and back.

A cursor is base64url (no padding) of a JSON list: the name of the order, then the sort key. It says where a
record stands, not how many stand before it, so it keeps its place while other records come and go.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

SortValue = str | int | float

# Far above any real cursor (two names and two ids); keeps a hostile one from being parsed at all.
_LONGEST = 4096


class InvalidCursor(Exception):
    """The cursor is not one of this list."""

    def __init__(self, argument: str) -> None:
        super().__init__(f"{argument}: not a cursor of this list")
        self.argument = argument


def encode_cursor(order: str, values: Sequence[SortValue]) -> str:
    """Return the cursor of a record that stands at `values` in `order`."""
    text = json.dumps([order, *values], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii").rstrip("=")


def decode_cursor(
    cursor: str, order: str, kinds: Sequence[type[str] | type[int] | type[float]], argument: str
) -> list[SortValue]:
    """Return the sort key in a cursor, or raise InvalidCursor naming the argument that carried it."""
    if not isinstance(cursor, str) or len(cursor) > _LONGEST:
        raise InvalidCursor(argument)
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw.decode("utf-8"))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidCursor(argument) from None
    if not isinstance(parts, list) or len(parts) != len(kinds) + 1 or parts[0] != order:
        raise InvalidCursor(argument)
    values: list[SortValue] = []
    for value, kind in zip(parts[1:], kinds, strict=True):
        if kind is float and type(value) is int and _in_range(value):
            value = float(value)
        # bool is an int to Python and a type error to the engine; NaN would compare false with everything.
        if type(value) is not kind or not _in_range(value):
            raise InvalidCursor(argument)
        values.append(value)
    return values


def _in_range(value: SortValue) -> bool:
    if isinstance(value, str):
        # Half a pair, spelled as an escape: no driver can send it.
        return not any("\ud800" <= character <= "\udfff" for character in value)
    # The size first: an int may be too large to ask whether it is finite.
    return abs(value) < 2**62
