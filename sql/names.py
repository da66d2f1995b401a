"""Names that are found by their key."""

from __future__ import annotations

from typing import Any

from sql import keys, models
from sql.errors import Path
from sql.text import Checker

KEY_LENGTH = models.NAME_LENGTH * 3


def check_name(checker: Checker, path: Path, value: Any) -> None:
    """Report a name that is out of its bounds, or whose key is: compatibility forms can unfold eighteenfold."""
    before = len(checker.found)
    checker.text(path, value, models.NAME_LENGTH)
    if len(checker.found) == before and not 0 < len(keys.name_key(value)) <= KEY_LENGTH:
        checker.add(path, f"{path[-1]} must have 1 to {KEY_LENGTH} characters once ligatures are unfolded.")
