"""The command line: help, exit codes, sentences instead of tracebacks."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from graphql_api.cli.main import main
from graphql_api.settings import PREFIX

ROOT = Path(__file__).parents[2]
COMMANDS = ("serve", "import", "migrate", "mirror", "create-admin", "reset-password", "print-schema", "demo")
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LAB_TUTOR_LOG_LEVEL", "error")
    # Cheap hashes: these tests are about sentences, not about guessing passwords.
    monkeypatch.setenv("LAB_TUTOR_ARGON2_MEMORY_KIB", "8192")
    monkeypatch.setenv("LAB_TUTOR_ARGON2_TIME_COST", "1")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    """Run the command line in this process; return its exit code."""
    with pytest.raises(SystemExit) as ending:
        main(list(arguments))
    code = ending.value.code
    return code if isinstance(code, int) else 0 if code is None else 1


@pytest.fixture
def migrated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("migrate") == 0
    capsys.readouterr()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    told = capsys.readouterr().out
    assert [command for command in COMMANDS if command not in told] == []
    assert "Exit codes" in told
    assert "Examples" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run(command, "--help") == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_the_module_runs_as_a_script() -> None:
    """`python -m graphql_api` is what works where the script folder is not on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "graphql_api", "mirror", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout


def test_an_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explode") == 2
    assert "explode" in capsys.readouterr().err


def test_a_malformed_setting_is_a_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_TUTOR_PORT", "70000")
    assert run("migrate") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: LAB_TUTOR_PORT: must be at most 65535")
    assert not (Path.cwd() / "var").exists()


def test_migrate_makes_the_database_and_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("migrate") == 0
    assert (Path.cwd() / "var" / "lab-tutor.db").exists()
    assert run("migrate") == 0
    assert capsys.readouterr().out == "the database has the newest schema\n" * 2


@pytest.mark.parametrize("arguments", [("mirror", "status"), ("create-admin", "ada@example.org"), ("serve",)])
def test_without_a_database_the_command_to_run_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LAB_TUTOR_ADMIN_PASSWORD", PASSWORD)
    assert run(*arguments) == 2
    told = capsys.readouterr().err
    assert "Run: lab-tutor migrate" in told
    assert "Traceback" not in told
    assert not (Path.cwd() / "var" / "lab-tutor.db").exists()


@pytest.mark.usefixtures("migrated")
def test_the_mirror_of_an_empty_database_has_nothing_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mirror", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "pending": 0,
        "failed": 0,
        "oldestPendingAt": None,
        "lastSyncedAt": None,
        "lastError": None,
    }


@pytest.mark.usefixtures("migrated")
def test_an_admin_is_made_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LAB_TUTOR_ADMIN_PASSWORD", PASSWORD)
    assert run("create-admin", "ada@example.org") == 0
    assert run("create-admin", "ada@example.org") == 1
    told = capsys.readouterr()
    assert told.out == "ada@example.org is an admin\n"
    assert told.err.startswith("error:")
    assert PASSWORD not in told.out + told.err


@pytest.mark.usefixtures("migrated")
def test_a_weak_password_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_TUTOR_ADMIN_PASSWORD", "tiny!")
    assert run("create-admin", "ada@example.org") == 1
    told = capsys.readouterr().err
    assert "password" in told.lower()
    assert "tiny!" not in told


@pytest.mark.usefixtures("migrated")
def test_the_password_of_nobody_is_not_reset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert run("reset-password", "nobody@example.org", "--password-stdin") == 1
    assert "there is no account nobody@example.org" in capsys.readouterr().err


@pytest.mark.usefixtures("migrated")
def test_no_terminal_and_no_password_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("create-admin", "ada@example.org") == 2
    assert "LAB_TUTOR_ADMIN_PASSWORD" in capsys.readouterr().err


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("command", ["once", "verify", "repair", "rebuild", "run"])
def test_an_unreachable_graph_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("LAB_TUTOR_NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("LAB_TUTOR_NEO4J_PASSWORD", "graph-password")
    monkeypatch.setenv("LAB_TUTOR_GRAPH_REQUIRED", "true")
    assert run("mirror", command) == 2
    told = capsys.readouterr().err
    assert "bolt://127.0.0.1:1 does not answer" in told
    assert "Traceback" not in told
    assert "graph-password" not in told


def test_the_schema_is_printed_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["print-schema"])
    assert capsys.readouterr().out == (ROOT / "schema.graphql").read_text(encoding="utf-8")


def test_import_without_a_file_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import") == 2
    assert "FILE and --teacher EMAIL are needed" in capsys.readouterr().err


def test_import_prints_the_schema_of_course_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "--schema") == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


@pytest.mark.usefixtures("migrated")
def test_import_for_an_unknown_teacher_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    example = ROOT / "examples" / "d2l.course.json"
    assert run("import", str(example), "--teacher", "nobody@example.org") == 1
    assert "--teacher: there is no account nobody@example.org" in capsys.readouterr().err


COURSE = {
    "version": 1,
    "course": {"title": "Small course"},
    "chapters": [
        {"key": "c1", "name": "One", "theories": [{"key": "t1", "name": "First", "skills": ["s1"]}]},
        {"key": "c2", "name": "Two", "theories": [{"key": "t2", "name": "Second", "skills": ["s2"]}]},
    ],
    "skills": [{"key": "s1", "name": "Add"}, {"key": "s2", "name": "Subtract"}],
}


@pytest.fixture
def teacher(migrated: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the address of somebody who may have courses."""
    monkeypatch.setenv("LAB_TUTOR_ADMIN_PASSWORD", PASSWORD)
    assert run("create-admin", "ada@example.org") == 0
    capsys.readouterr()
    return "ada@example.org"


def course_file(tmp_path: Path, content: object) -> str:
    path = tmp_path / "course.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_a_file_is_imported_once(teacher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = course_file(tmp_path, COURSE)
    assert run("import", path, "--teacher", teacher, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert first["imported"] is True
    assert {kind: count for kind, count in first["counts"].items() if count} == {
        "CHAPTER": 2,
        "THEORY": 2,
        "SKILL": 2,
    }
    assert run("import", path, "--teacher", teacher, "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert (second["imported"], second["alreadyImported"]) == (False, True)
    assert second["courseId"] == first["courseId"]
    assert run("mirror", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pending"] > 0


def test_every_finding_is_told_with_its_path_and_nothing_is_written(
    teacher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = json.loads(json.dumps(COURSE))
    broken["chapters"][0]["theories"][0]["skills"] = ["s9"]
    broken["skills"][1]["key"] = "s1"
    assert run("mirror", "status", "--json") == 0
    before = json.loads(capsys.readouterr().out)
    assert run("import", course_file(tmp_path, broken), "--teacher", teacher) == 1
    told = capsys.readouterr()
    assert "chapters[0].theories[0].skills[0]" in told.err
    assert "skills[1].key" in told.err
    assert "nothing was imported" in told.out
    assert run("mirror", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == before


def test_skip_invalid_imports_the_rest_and_says_what_was_left_out(
    teacher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = json.loads(json.dumps(COURSE))
    broken["chapters"][0]["theories"][0]["skills"] = ["s1", "s9"]
    path = course_file(tmp_path, broken)
    assert run("import", path, "--teacher", teacher, "--skip-invalid", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["imported"] is True
    assert [finding["path"] for finding in report["findings"]] == [
        ["chapters", 0, "theories", 0, "skills", 1]
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"version": 1,', "is no JSON"),
        (b"\xff\xfe\x00", "is no UTF-8 text: byte 0"),
        (b'{"version": NaN}', "NaN is no number of JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"version": ' + b"9" * 5_000 + b"}", "is no JSON"),
    ],
)
def test_a_file_that_is_no_json_is_told_in_a_sentence(
    teacher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, expected: str
) -> None:
    path = tmp_path / "course.json"
    path.write_bytes(content)
    assert run("import", str(path), "--teacher", teacher) == 1
    told = capsys.readouterr().err
    assert expected in told
    assert "Traceback" not in told


def test_a_file_that_is_not_there_is_wrong_use(teacher: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "nowhere.json", "--teacher", teacher) == 2
    assert "nowhere.json does not exist" in capsys.readouterr().err


@pytest.mark.usefixtures("migrated")
def test_the_demo_does_not_run_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_TUTOR_ENVIRONMENT", "production")
    monkeypatch.setenv("LAB_TUTOR_JWT_SECRET", "7f3c9d5be1a84062b9d0c7e6f5a4832170961b2c")
    assert run("demo") == 2
    assert "passwords are public" in capsys.readouterr().err


def test_the_demo_takes_the_port_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("LAB_TUTOR_PORT", str(port))
        assert run("demo", "--folder", str(tmp_path / "demo")) == 2
    assert f"127.0.0.1:{port} cannot be used" in capsys.readouterr().err


def test_the_demo_removes_no_folder_that_it_did_not_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    assert run("demo", "--folder", str(precious), "--reset", "--port", "0") == 2
    assert "not removed" in capsys.readouterr().err
    assert (precious / "thesis.txt").exists()
