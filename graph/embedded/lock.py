"""A lock between processes, on a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path


class FileLock:
    """Lock a file between processes; the child inherits it, so it is free when both are gone."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made when it is missing and never removed."""
        self._path = path
        self.descriptor: int | None = None
        """Open as long as the lock is ours."""

    def acquire(self) -> bool:
        """Take the lock if it is free; True when it is ours, also from before."""
        if self.descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back, unless a child still holds it as well."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
