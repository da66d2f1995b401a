"""docs/permissions.md is what its script prints, and the table has a value in each cell."""

from __future__ import annotations

import runpy
from pathlib import Path

from tests.e2e.permission_table import FIELDS, MUTATIONS, PEOPLE

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "permission_table.py"))
    written = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run: python scripts/permission_table.py"


def test_every_cell_is_filled() -> None:
    rows = MUTATIONS | {name: outcomes for name, (_, outcomes) in FIELDS.items()}
    assert [name for name, outcomes in rows.items() if len(outcomes.split()) != len(PEOPLE)] == []
    assert {one for outcomes in rows.values() for one in outcomes.split()} == set("YNFU")
