"""docs/mutations.md says what the tests show, and the tests show every member of every union."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "mutation_table.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("mutation_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(script: ModuleType) -> None:
    assert script.TARGET.read_text(encoding="utf-8") == script.table(), "run scripts/mutation_table.py"


def test_every_member_of_every_union_is_shown(script: ModuleType) -> None:
    found = script.shown()
    untested = []
    for name, members in script.unions().items():
        one = found[name]
        untested += [f"{name}: success on every store"] if not one.both_stores else []
        untested += [
            f"{name}: {member}"
            for member in members
            if member.endswith("Problem")
            and not one.refusals[member]
            and (name, member) not in script.UNREACHED
        ]
    assert untested == [], "each needs a test with the fixture `api`, which runs on every store"


def test_what_no_state_leads_to_is_still_in_its_union(script: ModuleType) -> None:
    found, unions = script.shown(), script.unions()
    for name, member in script.UNREACHED:
        assert member in unions[name], (name, member)
        assert not found[name].refusals[member], f"{name}: {member} has a test: it can be reached"


def test_every_create_with_a_key_is_done_once(script: ModuleType) -> None:
    schema = script.schema()
    found = script.shown()
    with_key = [
        name
        for name in script.unions()
        if "idempotencyKey" in schema.type_map[f"{name[0].upper()}{name[1:]}Input"].fields
    ]
    assert len(with_key) == 8
    assert [name for name in with_key if not found[name].once] == []
