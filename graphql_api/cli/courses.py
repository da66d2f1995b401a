"""Courses from files: `lab-tutor import`, and the same path for the demo."""

from __future__ import annotations

MAX_FILE_BYTES = 50_000_000


async def import_for(database: Database, path: Path, *, teacher_id: int, publish: bool) -> int:
    raise NotImplementedError


def import_file(file: Path, *, teacher_email: str, skip_invalid: bool, publish: bool, as_json: bool) -> None:
    raise NotImplementedError


def print_file_schema() -> None:
    raise NotImplementedError
