"""`python -m tests.attacks.stretches FILE serve ...`: the command line, with its event loop under a stopwatch.

FILE holds one float: the longest that a callback of the loop took since it was last set to zero, in CPU seconds
of the loop's thread. Nobody else is answered meanwhile; how busy the machine is does not change it.
"""

from __future__ import annotations

import asyncio
import functools
import mmap
import struct
import sys
import time
from pathlib import Path

SIZE = struct.calcsize("d")


class Stretch:
    """The longest stretch, in a file that two processes share."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), SIZE)

    @property
    def seconds(self) -> float:
        """Return the longest stretch in CPU seconds."""
        found: float = struct.unpack_from("d", self._shared)[0]
        return found

    @seconds.setter
    def seconds(self, value: float) -> None:
        struct.pack_into("d", self._shared, 0, value)


def watch(stretch: Stretch) -> None:
    """Measure each callback of the event loops of this process."""
    run = asyncio.Handle._run  # type: ignore[attr-defined]

    def measured(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        taken = time.thread_time() - started
        if taken > stretch.seconds:
            stretch.seconds = taken

    asyncio.Handle._run = measured  # type: ignore[attr-defined]


if __name__ == "__main__":
    import uvicorn

    from graphql_api.cli.main import main

    # uvloop's handles are compiled: the callbacks, which are what is measured, are the same on both.
    uvicorn.run = functools.partial(uvicorn.run, loop="asyncio")
    watch(Stretch(Path(sys.argv.pop(1))))
    main()
