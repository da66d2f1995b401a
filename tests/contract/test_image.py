"""Containerfile and compose.yaml: not root, nothing to write to, no tools, no secrets, and a sign of life."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
OURS = ("migrate", "api", "mirror")


def blocks(text: str, indent: int) -> dict[str, str]:
    """Return the blocks of a YAML mapping by key, of those that stand at an indentation."""
    parts = re.split(rf"^ {{{indent}}}([\w-]+):", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SERVICES = blocks(blocks(COMPOSE, 0)["services"], 2)
SHARED = blocks(COMPOSE, 0)["x-lab-tutor"]


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (\S+)$", last, re.MULTILINE)
    assert users == ["10001"]
    assert "--uid 10001" in last
    # Nothing runs as root after that, and the program is not the user's to change.
    assert last.index("RUN useradd") < last.index("USER 10001") < last.index("CMD [")
    assert "--chown" not in last
    assert "sudo" not in CONTAINERFILE


def _closure(wanted: list[str]) -> set[str]:
    """Return the names of packages and of all that they need on this machine."""
    found: set[tuple[str, frozenset[str]]] = set()
    pending = [Requirement(one) for one in wanted]
    while pending:
        one = pending.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in found:
            continue
        try:
            needs = distribution(one.name).requires or []
        except PackageNotFoundError:
            continue  # for another system
        found.add(key)
        for need in map(Requirement, needs):
            if need.marker is None or any(
                need.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)
            ):
                pending.append(need)
    return {name for name, _ in found}


def test_the_image_holds_what_serves_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    serving, others = _closure(project["dependencies"]), _closure(extras["dev"] + extras["embedded"])
    removed = set()
    for line in re.findall(r"pip uninstall --yes (.+)$", CONTAINERFILE.replace("\\\n", " "), re.MULTILINE):
        removed |= set(line.partition("&&")[0].split())
    assert removed - {"pip", "setuptools"} == others - serving
    assert "--require-hashes" in CONTAINERFILE
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    assert not {"tests", "benchmarks", "scripts", "."} & {name for line in copied for name in line.split()}


def test_the_image_serves_production_and_tells_whether_it_lives() -> None:
    assert "LAB_TUTOR_ENVIRONMENT=production" in CONTAINERFILE
    assert "HEALTHCHECK" in CONTAINERFILE
    assert "/healthz" in CONTAINERFILE


def test_no_secret_is_built_in() -> None:
    for text in (CONTAINERFILE, COMPOSE):
        for name, value in re.findall(r"(\w*(?:SECRET|PASSWORD)\w*)[:=] ?(\S+)", text):
            assert value.startswith(("${", "?set")), (name, value)
    assert "LAB_TUTOR_JWT_SECRET: ${LAB_TUTOR_JWT_SECRET:?" in COMPOSE


def test_what_is_ours_can_write_nowhere() -> None:
    assert set(OURS) < set(SERVICES)
    for name in OURS:
        assert "<<: *lab-tutor" in SERVICES[name]
        for undone in ("read_only", "cap_add", "privileged", "security_opt", "volumes", "user:"):
            assert undone not in SERVICES[name], (name, undone)
    assert re.search(r"^  read_only: true$", SHARED, re.MULTILINE)
    assert re.search(r"^  cap_drop:\n    - ALL$", SHARED, re.MULTILINE)
    assert re.search(r"^  tmpfs:\n    - /tmp$", SHARED, re.MULTILINE)


def test_nobody_gains_rights_and_only_the_api_is_reached_from_this_machine_alone() -> None:
    for name, block in SERVICES.items():
        shown = SHARED if name in OURS else block
        assert "no-new-privileges:true" in shown, name
        ports = re.findall(r'- "([\d.:]+:\d+)"', block)
        assert ports == (["127.0.0.1:8000:8000"] if name == "api" else []), name
        assert "docker.sock" not in block
