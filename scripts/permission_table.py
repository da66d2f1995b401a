"""Write docs/permissions.md from the table that the tests try: tests/e2e/permission_table.py."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.permission_table import FIELDS, MUTATIONS, OPEN, PEOPLE  # noqa: E402

TARGET = ROOT / "docs" / "permissions.md"
WORDS = {"Y": "yes", "N": "not there", "F": "FORBIDDEN", "U": "UNAUTHENTICATED"}


def page() -> str:
    """Return the page."""
    people = " | ".join(person.replace("_", " ") for person in PEOPLE)
    head = f"| | {people} |\n|{' --- |' * (len(PEOPLE) + 1)}"

    def rows(table: dict[str, str]) -> str:
        return "\n".join(
            f"| `{name}` | " + " | ".join(WORDS[one] for one in outcomes.split()) + " |"
            for name, outcomes in table.items()
        )

    return (
        "# Who may do what\n\n"
        "Printed by `scripts/permission_table.py` from the table whose cells `tests/e2e/test_permissions.py` tries\n"
        "over HTTP. All stand around a published course of `teacher`: `enrolled` is in it, `other student` is in a\n"
        "course of `other teacher`, `student` is in none. What is hidden is as if it were not there: null in a\n"
        "question, NotFoundProblem in a mutation, after the same statements. `tests/e2e/test_every_path.py` asks\n"
        "every path of the schema, and compares what is shown with what may be.\n\n"
        f"## Mutations\n\nOpen to all: {', '.join(f'`{name}`' for name in OPEN)}.\n\n{head}\n{rows(MUTATIONS)}\n\n"
        "## Questions\n\nAbout the course, and about `enrolled`.\n\n"
        f"{head}\n{rows({name: outcomes for name, (_, outcomes) in FIELDS.items()})}\n"
    )


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
