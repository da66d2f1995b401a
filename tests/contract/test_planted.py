"""Every bug and hole of scripts/ still finds the text that it breaks, and the tests that are to see it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.planted_bugs import BUGS, Bug
from scripts.planted_holes import HOLES

ROOT = Path(__file__).parents[2]


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("bug", [*BUGS, *HOLES], ids=lambda bug: f"{bug.promise} {bug.name}")
def test_it_can_be_planted(bug: Bug) -> None:
    texts: dict[str, str] = {}
    for file, old, new in bug.patches:
        text = texts.setdefault(file, (ROOT / file).read_text(encoding="utf-8"))
        assert text.count(old) == 1, (file, old)
        texts[file] = text.replace(old, new)
    assert bug.tests
    for test in bug.tests:
        path, _, name = test.partition("::")
        # A few name a file alone, or a test with one of its cases.
        assert not name or name.partition("[")[0].rpartition("::")[2] in functions(path), test
