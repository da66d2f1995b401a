"""Courses from files: `lab-tutor import`, and the same path for the demo."""

from __future__ import annotations

MAX_FILE_BYTES = 50_000_000
