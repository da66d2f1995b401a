"""What every command shares: exit codes, errors without tracebacks, progress on a terminal and off it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from graphql_api import log
from graphql_api.settings import Settings, SettingsError, load_settings

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

LINE_EVERY_SECONDS = 5.0

# Answers alone go to standard output, so that they can be piped; the rest goes to standard error.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

T = TypeVar("T")
Report = Callable[[int, int], None]


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """Say what went wrong on standard error and end with an exit code."""
    for line in message.splitlines() or ["failed"]:
        err.print(f"[bold red]error:[/] {_plain(line)}" if line else "")
    raise typer.Exit(code)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def say(message: str) -> None:
    """Print a line to standard error, as it is."""
    err.print(message, markup=False)


def answer(message: str) -> None:
    """Print a line to standard output, as it is."""
    out.print(message, markup=False)


def settings_or_exit(**overrides: object) -> Settings:
    """Read the settings and set up logging; end with exit code 2 when they cannot be used."""
    try:
        settings = load_settings(**overrides)
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
    log.configure(settings.log_format, settings.log_level)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work of a command to its end."""
    return asyncio.run(work)


def readable_file(path: Path) -> Path:
    """Return the path of a file that can be read; end with exit code 2 for any other."""
    if not path.exists():
        fail(f"FILE: {path} does not exist", EXIT_USAGE)
    if not path.is_file():
        fail(f"FILE: {path} is no file", EXIT_USAGE)
    return path


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """Show how far a long work is: a bar on a terminal, a plain line every few seconds elsewhere.

    Yields `report(done, total)`, which may be called as often as one likes.
    """
    if err.is_terminal:
        with Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=err,
        ) as bar:
            task = bar.add_task(label, total=None, rate="")
            began = time.monotonic()
            yield lambda done, total: bar.update(
                task, completed=done, total=total, rate=_rate(done, time.monotonic() - began)
            )
        return
    started = time.monotonic()
    last = {"said": started, "done": 0, "total": 0}

    def report(done: int, total: int) -> None:
        last["done"], last["total"] = done, total
        if time.monotonic() - last["said"] >= LINE_EVERY_SECONDS:
            last["said"] = time.monotonic()
            _line(f"{label}: {done} of {total}, {_rate(done, time.monotonic() - started)}")

    yield report
    seconds = time.monotonic() - started
    counted = f" {last['total']}," if last["total"] else ""
    rate = f", {_rate(last['done'], seconds)}" if last["total"] else ""
    _line(f"{label}: done,{counted} {seconds:.1f} s{rate}")


def _rate(done: float, seconds: float) -> str:
    return f"{done / max(seconds, 0.001):,.0f} a second"


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
