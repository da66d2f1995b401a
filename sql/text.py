"""Check values of an input and report every one at fault at once, naming the bound."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any

from sql.errors import FieldError, InvalidInput, Path

_KEPT_CONTROLS = "\n\t\r"


class Checker:
    """Collects what is wrong with an input. Paths are spelled as on the wire: ("concepts", "3", "name")."""

    def __init__(self) -> None:
        self.found: list[FieldError] = []

    def add(self, path: Path, message: str) -> None:
        """Report one value."""
        self.found.append(FieldError(path, message))

    def text(self, path: Path, value: Any, most: int, least: int = 1) -> None:
        """Report a text that is null, blank, out of its bounds or not storable."""
        name = path[-1]
        if not isinstance(value, str):
            self.add(path, f"{name} can not be null.")
        elif not least <= len(value) <= most:
            self.add(path, f"{name} must have {least} to {most} characters, not {len(value)}.")
        elif least and not value.strip():
            self.add(path, f"{name} can not be blank.")
        elif not storable(value):
            self.add(path, f"{name} holds a character that can not be stored (a control or half a pair).")

    def optional_text(self, path: Path, value: str | None, most: int) -> None:
        """Report a text that is there and too long or not storable."""
        if value is not None:
            self.text(path, value, most, least=0)

    def between(self, path: Path, value: float, low: float, high: float, *, above: bool = False) -> None:
        """Report a number outside its bounds; `above` leaves the lower bound itself out."""
        inside = math.isfinite(value) and (low < value if above else low <= value) and value <= high
        if not inside:
            bound = f"above {low:g} and at most {high:g}" if above else f"between {low:g} and {high:g}"
            self.add(path, f"{path[-1]} must be {bound}, not {value:g}.")

    def count(self, path: Path, values: Sequence[Any], least: int, most: int) -> None:
        """Report a list that is too short or too long."""
        if not least <= len(values) <= most:
            bound = f"at most {most}" if not least else f"{least} to {most}"
            self.add(path, f"{path[-1]} must have {bound} entries, not {len(values)}.")

    def raise_if_any(self) -> None:
        """Raise InvalidInput with all that was reported."""
        if self.found:
            raise InvalidInput(self.found)


def storable(text: str) -> bool:
    """Return whether both databases can keep a text: no NUL, no control but line ends and tabs, no half pair."""
    return not any(
        unicodedata.category(character) in ("Cc", "Cs") and character not in _KEPT_CONTROLS
        for character in text
    )
