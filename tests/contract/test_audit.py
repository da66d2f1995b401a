"""`make audit` never passes for an audit that did not take place; every lock is pinned and looked at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_LOCKS = sorted((ROOT / "tests" / "clients").glob("*/package-lock.json"))
PYTHON_LOCKS = sorted(
    [*ROOT.glob("requirements*.lock"), *(ROOT / "tests" / "clients").glob("*/requirements.lock")]
)

# What pip-audit said, and with which exit code, when it was asked from different machines.
ANSWERS = {
    "none known": ("No known vulnerabilities found", 0, 0),
    "some known": (
        "Found 1 known vulnerability in 1 package\nName ID Fix Versions\nx PYSEC-2026-1 1.2",
        1,
        1,
    ),
    "not known there": (
        "ERROR:pip_audit._cli:x: Dependency not found on PyPI and could not be audited: x (1.0)",
        1,
        3,
    ),
    "no such host": (
        "requests.exceptions.ConnectionError: Max retries exceeded: Name or service not known",
        1,
        3,
    ),
    "refused": ("pip_audit._service.interface.ServiceError: 405 Client Error", 1, 3),
    "skipped, and the rest is well": ("No known vulnerabilities found\nx could not be audited", 0, 3),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_made_of_an_answer(tmp_path: Path, answer: str) -> None:
    said, code, wanted = ANSWERS[answer]
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {code}\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "audit.sh"), str(program), "a.lock", "b.lock"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == wanted, done.stdout + done.stderr
    assert ("NOT AUDITED" in done.stderr) == (wanted == 3)
    assert ("No known vulnerabilities" in done.stdout) == (wanted == 0)


def test_a_program_that_is_not_there_is_no_audit(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "audit.sh"), str(tmp_path / "nowhere"), "a.lock"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0


def test_make_audit_looks_at_every_lock_of_the_root() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "scripts/audit.sh $(TOOLS)/bin/pip-audit requirements*.lock" in makefile


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_packages_are_pinned_by_hash_and_without_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [line[:60] for line in lines if "==" not in line or "--hash=sha256:" not in line] == []
    assert re.findall(r"\w+://\S+", text) == []


@pytest.mark.parametrize("lock", NODE_LOCKS, ids=lambda path: path.parent.name)
def test_node_packages_are_pinned_by_hash_and_without_addresses(lock: Path) -> None:
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    pinned = {name: entry for name, entry in packages.items() if name and not entry.get("link")}
    assert pinned
    assert [name for name, entry in pinned.items() if not entry["integrity"].startswith("sha512-")] == []
    assert [name for name, entry in pinned.items() if "resolved" in entry] == []
    # Nothing of them runs when they are installed.
    assert "ignore-scripts=true" in (lock.parent / ".npmrc").read_text(encoding="utf-8")


def test_a_package_that_is_not_what_was_pinned_is_refused(tmp_path: Path) -> None:
    """The hashes are minded: pip takes no other file under the same name and version."""
    package = tmp_path / "lab_tutor_pinned-1.0-py3-none-any.whl"
    package.write_bytes(b"something else")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"lab-tutor-pinned==1.0 --hash=sha256:{'0' * 64}\n")
    recipe = next(
        line
        for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
        if "requirements.lock" in line and "pip install" in line
    )
    assert "--require-hashes" in recipe
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-index"),
            *("--find-links", str(tmp_path), "--dest", str(tmp_path / "out")),
            *("--require-hashes", "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
