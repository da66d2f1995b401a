"""Write docs/mutations.md: every mutation, the test that shows it, and each refusal that is tested.

With --lines it prints the lines of every mutation's resolver instead.

It reads schema.graphql, resolvers/ and tests/e2e/test_mutations_*.py, and runs nothing of them.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphql

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "mutations.md"
PROBLEMS = {
    "missing": "NotFoundProblem",
    "invalid": "InvalidInputProblem",
    "credentials": "InvalidInputProblem",
    "conflict": "ConflictProblem",
    "stale": "StaleVersionProblem",
    "cycle": "CycleProblem",
}
# In a union, so that a client is ready for it, though no state leads there today.
UNREACHED = {
    ("archiveCourse", "ConflictProblem"),
    ("restoreCourse", "ConflictProblem"),
    ("logOut", "InvalidInputProblem"),
}


@dataclass
class Shown:
    """What the tests show of one mutation."""

    success: list[str] = field(default_factory=list)
    both_stores: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: list[str] = field(default_factory=list)
    once: bool = False

    @property
    def best(self) -> str:
        """Return the success to name: where its refusals are, if there is one."""
        home = Counter(self.files).most_common(1)[0][0] if self.files else ""
        places = self.both_stores or self.success or [""]
        return next((place for place in places if place.startswith(f"{home}:")), places[0])


def schema() -> graphql.GraphQLSchema:
    """Return the schema as it is printed."""
    return graphql.build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))


def unions() -> dict[str, list[str]]:
    """Return the members of every mutation's union."""
    mutation_type: Any = schema().mutation_type
    found: dict[str, list[str]] = {}
    for name, mutation in mutation_type.fields.items():
        union: Any = graphql.get_named_type(mutation.type)
        found[name] = [member.name for member in union.types]
    return found


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def shown() -> dict[str, Shown]:
    """Return what the tests show, by mutation."""
    names = unions()
    found: dict[str, Shown] = defaultdict(Shown)
    for file in sorted((ROOT / "tests" / "e2e").glob("test_mutations_*.py")):
        for test in ast.parse(file.read_text(encoding="utf-8")).body:
            if not (isinstance(test, ast.AsyncFunctionDef) and test.name.startswith("test_")):
                continue
            place = f"{file.stem.removeprefix('test_mutations_')}: {test.name.removeprefix('test_')}"
            fixtures = {argument.arg for argument in test.args.args}
            for node in ast.walk(test):
                _read(node, place, fixtures, names, found)
    return found


def _read(
    node: ast.AST, place: str, fixtures: set[str], names: dict[str, list[str]], found: dict[str, Shown]
) -> None:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "repeat" and _text(node.args[2]) in names:
            found[_text(node.args[2])].once = True
            found[_text(node.args[2])].refusals["ConflictProblem"].append("KEY_REUSED")
        position = {"ok": 0, "done": 1}.get(called)
        if position is not None and len(node.args) > position and _text(node.args[position]) in names:
            one = found[_text(node.args[position])]
            places = one.both_stores if "api" in fixtures else one.success
            if place not in places:
                places.append(place)
    # What is shown on one pair of stores alone does not count.
    row = "plain_api" not in fixtures and isinstance(node, ast.Tuple) and len(node.elts) == 3
    if row and isinstance(node.elts[2], ast.Call):
        name, expected = _text(node.elts[0]), node.elts[2]
        kind = PROBLEMS.get(getattr(expected.func, "id", ""))
        if name in names and kind is not None:
            code = _text(expected.args[0]) if kind == "ConflictProblem" else ""
            found[name].refusals[kind].append(code)
            found[name].files.append(place.partition(":")[0])
            if code == "KEY_REUSED":
                found[name].once = True


def lines() -> dict[str, int]:
    """Return the lines of every mutation's function in resolvers/, decorator included."""
    found: dict[str, int] = {}
    for file in sorted((ROOT / "resolvers").glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef) and any(
                isinstance(one, ast.Name) and one.id == "mutation" for one in node.decorator_list
            ):
                head, *rest = node.name.split("_")
                name = head + "".join(word.capitalize() for word in rest)
                found[name] = (node.end_lineno or 0) - node.lineno + 2
    return found


def _cell(name: str, kind: str, members: list[str], one: Shown) -> str:
    if kind not in members:
        return ""
    if (name, kind) in UNREACHED:
        return "no way there"
    rows = one.refusals[kind]
    codes = sorted({code for code in rows if code})
    return ", ".join(codes) if codes else str(len(rows))


def table() -> str:
    """Return the page."""
    found = shown()
    text = [
        "# Mutations and their tests",
        "",
        "Written by `python scripts/mutation_table.py`; `tests/e2e/test_mutations_table.py` fails when it is old, and",
        "when a member of a union has no test. All of them run on every database and graph engine. Every refusal is a",
        "row of a table in `tests/e2e/test_mutations_*.py`: the problem it gets, and that no version and no number of",
        "rows changed. A number counts the rows as written (one row in a loop over seven bad ids counts once); for",
        "conflicts the codes are named. “Once” is the idempotency key: the repeat answers the same and writes nothing.",
        "The named test shows the success with its payload and the graph after the mirror.",
        "`test_mutations_attacks.py` puts hostile values at each place of each input, `test_permissions.py` has the",
        "table of who may.",
        "",
        "| Mutation | Success | NotFound | InvalidInput | Conflict | StaleVersion | Cycle | Once |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, members in sorted(unions().items()):
        one = found[name]
        cells = [
            f"`{name}`",
            one.best,
            *(_cell(name, kind, members, one) for kind in dict.fromkeys(PROBLEMS.values())),
            "yes" if one.once else "",
        ]
        text.append(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(text) + "\n"


def main() -> None:
    """Write the page, or print the lines."""
    if "--lines" not in sys.argv:
        TARGET.write_text(table(), encoding="utf-8")
        return
    length = lines()
    for name, number in sorted(length.items(), key=lambda item: item[1]):
        sys.stdout.write(f"{number:4} {name}\n")
    median = statistics.median(length.values())
    sys.stdout.write(f"{len(length)} mutations, {sum(length.values())} lines, median {median:g}\n")


if __name__ == "__main__":
    main()
