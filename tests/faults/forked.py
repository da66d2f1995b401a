"""Real `lab-tutor` processes without waiting for Python's imports: each is a fork of one that has done them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.preloaded"])


class Forked:
    """One `lab-tutor` process; asked for with the words of subprocess.Popen."""

    def __init__(
        self, arguments: list[str], folder: Path, environment: dict[str, str], out: Path, log: Path
    ) -> None:
        self._process = _CONTEXT.Process(
            target=_run, args=(arguments, str(folder), environment, str(out), str(log)), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, minus the number of a signal that ended it, or None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        """Return the exit code once it has ended; raise TimeoutError when that takes too long."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self.pid} still runs after {seconds} s")
        return code

    def kill(self) -> None:
        """Kill -9."""
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to a process that still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(arguments: list[str], folder: str, environment: dict[str, str], out: str, log: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((out, 1), (log, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["lab-tutor", *arguments]
    from graphql_api.cli.main import main

    main()
