"""A row just written whose columns have other names than the fields of its GraphQL type."""

from __future__ import annotations

from typing import Any

from sql import models


class WrittenMastery:
    """A mastery under the names of SkillMastery: `updatedAt` there is the time of the last assessment."""

    def __init__(self, row: models.Mastery) -> None:
        self.row = row
        self.updated_at = row.assessed_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)
