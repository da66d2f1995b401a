"""Courses from files: `lab-tutor import`, and the same path for the demo."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import sql.accounts
import sql.course_file
import sql.course_import
import sql.courses
from graphql_api.cli import terminal
from graphql_api.opening import opened
from graphql_api.settings import Settings
from sql.course_file import CourseFile, Finding
from sql.course_import import ImportResult
from sql.errors import Conflict
from sql.models import Role
from sql.session import Database

MAX_FILE_BYTES = 50_000_000
SHOWN_FINDINGS = 100


class UnreadableFile(Exception):
    """The file is no JSON text that can be read; the text says why and where."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a file holds. `findings` are what is at fault, or with skip_invalid what was left out."""

    file: CourseFile | None
    sha256: str
    findings: list[Finding]


def read_course_file(path: Path, *, skip_invalid: bool) -> CheckedFile:
    """Read and check a whole course file; raise UnreadableFile where there is nothing to check."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UnreadableFile(f"{path} has {size} bytes; a course file has at most {MAX_FILE_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from None
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} is no UTF-8 text: byte {error.start} cannot be read") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UnreadableFile(f"{path} is no JSON: {error.msg}, {where}") from None
    except RecursionError:
        raise UnreadableFile(f"{path} is nested too deeply for a course file") from None
    except ValueError as error:
        # A number with thousands of digits, or NaN and Infinity, which are no JSON.
        raise UnreadableFile(f"{path} is no JSON: {error}") from None
    check = sql.course_file.skip_invalid if skip_invalid else sql.course_file.check
    file, findings = check(data)
    return CheckedFile(file, hashlib.sha256(content).hexdigest(), findings)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


async def write_course(
    database: Database, checked: CheckedFile, label: str, *, teacher_id: int, publish: bool
) -> ImportResult:
    """Import a checked file with progress; publish the course when asked to, also one imported before."""
    if checked.file is None:
        raise ValueError("a file with findings is not imported")
    with terminal.progress(label) as report:
        result = await sql.course_import.import_course(
            database,
            teacher_id=teacher_id,
            file=checked.file,
            sha256=checked.sha256,
            progress=lambda done, total, _: report(done, total),
        )
    if publish:
        async with database.write() as session:
            await sql.courses.publish_course(session, actor_id=teacher_id, course_id=result.course_id)
    return result


def import_file(file: Path, *, teacher_email: str, skip_invalid: bool, publish: bool, as_json: bool) -> None:
    """Check a file, report every finding, import what may be imported."""
    settings = terminal.settings_or_exit()
    terminal.readable_file(file)
    try:
        checked = read_course_file(file, skip_invalid=skip_invalid)
    except UnreadableFile as error:
        terminal.fail(f"FILE: {error}")
    # Without a database, with an unknown teacher: told before the findings, which may be many.
    result, not_published = terminal.run(_import(settings, checked, file.name, teacher_email, publish))
    if as_json:
        terminal.answer(json.dumps(_report(checked, result, not_published)))
    else:
        _print_report(checked, result, skip_invalid)
    if not_published is not None:
        terminal.fail(f"--publish: imported, but not published: {not_published}")
    if result is None:
        raise SystemExit(terminal.EXIT_FAILED)


async def _import(
    settings: Settings, checked: CheckedFile, name: str, email: str, publish: bool
) -> tuple[ImportResult | None, str | None]:
    async with opened(settings, graph=False) as stores:
        async with stores.database.read() as session:
            teacher = await sql.accounts.find_by_email(session, email)
        if teacher is None:
            terminal.fail(f"--teacher: there is no account {email}")
        if teacher.role is Role.STUDENT:
            terminal.fail(f"--teacher: {email} is a student; an admin changes roles")
        if checked.file is None:
            return None, None
        result = await write_course(
            stores.database, checked, f"Importing {name}", teacher_id=teacher.id, publish=False
        )
        if publish:
            try:
                async with stores.database.write() as session:
                    await sql.courses.publish_course(session, actor_id=teacher.id, course_id=result.course_id)
            except Conflict as error:
                return result, str(error)
        return result, None


def _report(checked: CheckedFile, result: ImportResult | None, not_published: str | None) -> dict[str, Any]:
    return {
        "imported": result is not None and not result.already_imported,
        "alreadyImported": result is not None and result.already_imported,
        "courseId": result.course_id if result is not None else None,
        "counts": result.counts if result is not None else {},
        "findings": [{"path": list(one.path), "message": one.message} for one in checked.findings],
        "notPublished": not_published,
    }


def _print_report(checked: CheckedFile, result: ImportResult | None, skip_invalid: bool) -> None:
    for finding in checked.findings[:SHOWN_FINDINGS]:
        terminal.say(f"{finding.place}: {finding.message}")
    if len(checked.findings) > SHOWN_FINDINGS:
        terminal.say(f"... and {len(checked.findings) - SHOWN_FINDINGS} more; --json prints all")
    found = len(checked.findings)
    if result is None:
        hint = "" if skip_invalid else "; --skip-invalid imports the rest"
        terminal.answer(f"{found} finding{'s' * (found != 1)}, nothing was imported{hint}")
        return
    if result.already_imported:
        terminal.answer(f"this file was imported before, as course {result.course_id}: nothing to do")
        return
    counted = ", ".join(f"{kind.lower()} {count}" for kind, count in result.counts.items() if count)
    left_out = f"; left out: {found}" if found else ""
    terminal.answer(f"imported as course {result.course_id}: {counted}{left_out}")


def print_file_schema() -> None:
    """Print the JSON Schema of course files."""
    terminal.answer(json.dumps(CourseFile.model_json_schema(), indent=2))
