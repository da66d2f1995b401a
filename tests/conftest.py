"""Load the fixtures of both stores: tests/graph_fixtures.py and tests/sql_fixtures.py."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
# First, so that no other distribution's `tests` package is taken for ours.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# An example takes as long as the machine lets it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

pytest_plugins = tuple(
    f"tests.{name}"
    for name in ("golden_fixtures", "graph_fixtures", "sql_fixtures", "api_fixtures")
    if (ROOT / "tests" / f"{name}.py").exists()
)
