"""The distribution: five packages from here, a lock that pins, statements that match their headers."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("graphql_api", "resolvers", "mirror", "graph", "sql")
LOCKS = ("requirements.lock", "requirements-tools.lock")
CYPHER_FILES = sorted((ROOT / "graph" / "cypher").rglob("*.cypher"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_loads_from_this_checkout(package: str) -> None:
    loaded = importlib.import_module(package)
    assert loaded.__file__ is not None
    assert Path(loaded.__file__).resolve() == ROOT / package / "__init__.py"


def test_no_other_distribution_owns_our_packages() -> None:
    """The names are generic; a distribution named graphql-api exists that would own `import graphql_api`."""
    owners = importlib.metadata.packages_distributions()
    assert {package: set(owners.get(package, [])) - {"lab-tutor"} for package in PACKAGES} == {
        package: set() for package in PACKAGES
    }


def test_each_package_is_a_door_sign_without_code() -> None:
    for package in PACKAGES:
        text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
        assert text.startswith('"""'), package
        assert text.strip().endswith('"""'), package


def test_the_wheel_holds_the_five_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_of_the_lock_is_pinned_with_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    requirements = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(requirements) > 10
    assert [line[:60] for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"\w+://\S+|--(?:index-url|extra-index-url|find-links)\S*", text) == []


def test_the_lock_holds_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    locked = set(
        re.findall(r"^([a-z0-9._-]+)==", (ROOT / LOCKS[0]).read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert names - locked == set()


@pytest.mark.parametrize("path", CYPHER_FILES, ids=lambda path: path.stem)
def test_the_header_of_a_statement_names_its_parameters(path: Path) -> None:
    """Each .cypher file opens with purpose, parameters and promise; the parameters are those it uses."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("//")]
    assert lines[0].startswith("//"), "the file opens without a header"
    body = "\n".join(
        line.split("//")[0] if "://" not in line else line for line in lines if line not in header
    )
    used = set(re.findall(r"\$(\w+)", body))
    named = set(re.findall(r"\$(\w+)", "\n".join(header)))
    assert named == used


def test_imports_point_one_way() -> None:
    """Nobody imports against the arrows of docs/architecture.md (import-linter's contracts)."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
