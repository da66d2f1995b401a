"""Every bug and hole of scripts/ still finds the text that it breaks, and the tests that are to see it."""

from __future__ import annotations

import pytest

from scripts.planted_bugs import BUGS, ROOT, Bug, patched
from scripts.planted_holes import HOLES
from tests.contract.test_security import functions_of


@pytest.mark.parametrize("bug", [*BUGS, *HOLES], ids=lambda bug: f"{bug.promise} {bug.name}")
def test_it_can_be_planted(bug: Bug) -> None:
    assert patched(bug, ROOT)
    assert bug.tests
    for test in bug.tests:
        path, _, name = test.partition("::")  # a few name a file alone
        assert not name or name in functions_of(path), test
        assert (ROOT / path).is_file(), test
