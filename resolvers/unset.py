"""Translate what a client left out of an input into what the store calls left out."""

from __future__ import annotations

from typing import Any

import strawberry

from sql.unset import UNSET


def changed(value: Any) -> Any:
    """Return the store's UNSET for a field that the client left out, else the value, null included."""
    return UNSET if value is strawberry.UNSET else value


def given(value: Any) -> Any:
    """Return None for an argument that the client left out, else the value."""
    return None if value is strawberry.UNSET else value
