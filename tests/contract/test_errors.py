"""One list of codes: what the code can raise, what the papers tell of and what the schema says are the same."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from graphql_api import errors
from graphql_api.schema import DESCRIPTION
from resolvers.problems import ApiError
from resolvers.types.shared import ProblemCode
from sql.errors import ConflictCode

ROOT = Path(__file__).parents[2]
PACKAGES = ("graphql_api", "resolvers", "mirror", "graph", "sql")
CODE = re.compile(
    r"\b[A-Z]+(?:_[A-Z]+)+\b|\b(?:TIMEOUT|INTERNAL|FORBIDDEN|UNAUTHENTICATED|DUPLICATE|CYCLE)\b"
)


def _subclasses(of: type[ApiError]) -> Iterator[type[ApiError]]:
    yield of
    for one in of.__subclasses__():
        yield from _subclasses(one)


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def raised() -> set[str]:
    """Return the code of each class of our errors, and each that is written into `extensions` by hand."""
    for package in ("graphql_api", "resolvers"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found = {one.code for one in _subclasses(ApiError) if one.__module__.partition(".")[0] in PACKAGES}
    for _, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if (
                        isinstance(key, ast.Constant)
                        and key.value == "code"
                        and isinstance(value, ast.Constant)
                    ):
                        found.add(str(value.value))
    return found


def conflicts() -> set[str]:
    """Return the first argument of each Conflict that is made."""
    found = set()
    for _, tree in _sources():
        for node in ast.walk(tree):
            name = getattr(node, "func", None)
            called = getattr(name, "attr", getattr(name, "id", None))
            if isinstance(node, ast.Call) and called == "Conflict":
                first = node.args[0]
                assert isinstance(first, ast.Constant), ast.unparse(node)
                found.add(str(first.value))
    return found


def table(header: str, column: int) -> set[str]:
    """Return the codes of a column of a table of docs/api.md."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = text.partition(header)[2].partition("\n\n")[0].splitlines()
    return {code for row in rows[2:] for code in CODE.findall(row.split(" | ")[column])}


def test_what_is_raised_is_on_the_list_and_the_reverse() -> None:
    assert raised() == set(errors.CODES)
    assert len(set(errors.CODES)) == len(errors.CODES)


def test_the_papers_and_the_schema_tell_of_each_code() -> None:
    assert table("| code | when |", 0) == set(errors.CODES)
    told = DESCRIPTION.partition("with `extensions.code`:")[2].partition("\n")[0]
    assert set(CODE.findall(told)) == set(errors.CODES)


def test_each_code_of_a_problem_is_made_and_told_of() -> None:
    made = {
        node.attr
        for _, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "attr", "") == "ProblemCode"
    }
    assert conflicts() == set(get_args(ConflictCode))
    assert made | conflicts() == {code.name for code in ProblemCode}
    assert table("| member | code |", 1) == {code.name for code in ProblemCode}
