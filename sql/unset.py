"""The marker of a field that an update leaves out."""

from __future__ import annotations

import enum
from typing import Final, Literal, TypeAlias


class Unset(enum.Enum):
    """The one value that means "not given"; None means "make it empty"."""

    UNSET = "UNSET"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
UnsetType: TypeAlias = Literal[Unset.UNSET]
