"""A PostgreSQL cluster that a test may stop, starve and change; nobody else uses it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sql.session import migrate_sync

SCRIPT = Path(__file__).parents[2] / "scripts" / "ci_postgres.sh"


class Cluster:
    """A server in a folder of its own; `url` is its migrated database."""

    def __init__(self, folder: Path, port: int, url: str) -> None:
        self.folder = folder
        self.port = port
        self.url = url

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        """Make a cluster on a free port, migrate it, and remove all of it at the end."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # Not in pytest's folder: PostgreSQL's own user has to reach it.
        folder = Path(tempfile.mkdtemp(prefix="lab-tutor-cluster."))
        folder.chmod(0o755)
        made = cls(folder, port, _script("start", str(port), str(folder)))
        try:
            migrate_sync(made.url)
            yield made
        finally:
            _script("stop", str(folder), "immediate")
            shutil.rmtree(folder)

    async def crash(self) -> None:
        """End every process of the server at once, without a checkpoint."""
        await asyncio.to_thread(_script, "stop", str(self.folder), "immediate")

    async def again(self, *, largest_file: int | None = None) -> None:
        """Start the server once more, and recover from its log; no file may grow beyond `largest_file` KiB."""
        limit = {} if largest_file is None else {"LARGEST_FILE_KIB": str(largest_file)}
        await asyncio.to_thread(_script, "again", str(self.folder), str(self.port), **limit)


def _script(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # Files of the log are made whole at once: small ones leave room for a small limit.
        env={**os.environ, "INITDB_OPTIONS": "--wal-segsize=1", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
