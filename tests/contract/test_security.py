"""docs/security.md names a test for each requirement, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from scripts.planted_holes import HOLES

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| S(\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NUMBERS = tuple(range(1, 26))


def rows() -> dict[int, list[tuple[str, str]]]:
    """Return the tests of each requirement."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    return {int(number): TEST.findall(tests) for number, _, tests in ROW.findall(text)}


def functions_of(path: str) -> set[str]:
    """Return the names of the functions of a module, tests among them."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_requirement_is_listed_with_a_test() -> None:
    listed = rows()
    assert tuple(listed) == NUMBERS
    assert [number for number, tests in listed.items() if not tests] == []


def test_every_test_that_is_named_is_there() -> None:
    missing = []
    for tests in rows().values():
        for path, name in tests:
            if name not in functions_of(path):
                missing.append(f"{path}::{name}")
    assert missing == []


def test_the_guard_of_every_requirement_is_broken_by_a_planted_hole() -> None:
    assert {hole.promise for hole in HOLES} == {f"S{number}" for number in NUMBERS}
    for hole in HOLES:
        assert hole.tests, hole.name
        for test in hole.tests:
            assert (ROOT / test.partition("::")[0]).is_file(), hole.name
