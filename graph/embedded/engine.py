"""Start, join, supervise and stop the embedded engine of a data folder.

One process owns the engine: it holds the lock of the folder and the engine is its child. Another process that
starts on the same folder joins: it speaks to the same ports with the same password. When the owner ends, the
engine ends with it, and whoever joined takes the lock and starts it anew on the same ports, so that drivers
reconnect by themselves.

The lock is inherited by the child: it is free only when owner and engine are both gone, so two engines never
open one folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import queue
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from graph.client import GraphClient, GraphConfig
from graph.embedded import host
from graph.embedded.lock import FileLock
from graph.errors import GraphError

logger = logging.getLogger(__name__)

START_SECONDS = 120.0  # a slow machine with other things to do takes one of these minutes
STOP_SECONDS = host.STOP_SECONDS + 5.0
LOOK_SECONDS = 0.5
RESTART_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
STABLE_SECONDS = 60.0
# The magic of Bolt, and the versions that we would speak: 5.0 to 5.8, 4.4, 4.3 and 3. Any answer says "alive".
BOLT_HANDSHAKE = bytes.fromhex("6060b017 00080805 00000404 00000304 00000003")


class EmbeddedUnavailable(Exception):
    """The embedded graph engine cannot be started."""

    def __init__(self, message: str) -> None:
        """Say in one sentence what to do instead."""
        super().__init__(message)


def is_installed() -> bool:
    """Say whether this Python has the engine's wheel."""
    return importlib.util.find_spec("arcadedb_embedded") is not None


class EmbeddedEngine:
    """Hold our end of the engine of one folder, as its owner or as one who joined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.restarts = 0
        """How often our child ended by itself and was replaced."""
        self._lock = FileLock(folder / "owner.lock")
        self._child: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}
        self._password = ""
        self._stopping = threading.Event()
        # Held by whoever starts or stops the child: the watcher's thread, ensure_running() or stop().
        self._turn = threading.Lock()
        self._watcher = threading.Thread(target=self._watch, name="embedded-graph", daemon=True)

    @classmethod
    async def start(cls, folder: Path, *, timeout_seconds: float = START_SECONDS) -> Self:
        """Start the engine of the folder, or join the process that runs it; return when it answers.

        Makes the folder (mode 700) and the password (mode 600). Raises EmbeddedUnavailable with a sentence.
        """
        if not is_installed():
            raise EmbeddedUnavailable(
                "the embedded graph engine (arcadedb-embedded) is not installed, or there is none for this "
                "machine: set LAB_TUTOR_NEO4J_URI to a Neo4j server, for example the one of compose.yaml"
            )
        return await asyncio.to_thread(cls._start, folder, timeout_seconds)

    @classmethod
    def _start(cls, folder: Path, timeout_seconds: float) -> Self:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise EmbeddedUnavailable(
                f"the folder of the embedded graph engine cannot be used: {folder}: {error.strerror}"
            ) from None
        engine = cls(folder.resolve())
        engine._run_or_join(timeout_seconds)
        engine._watcher.start()
        return engine

    @property
    def config(self) -> GraphConfig:
        """Return how to reach the engine; it stays the same over restarts unless another took the port."""
        return GraphConfig(
            uri=f"bolt://127.0.0.1:{self._ports['bolt_port']}",
            username=host.USERNAME,
            password=self._password,
            database=host.DATABASE,
            embedded=True,
            write_turn_file=self.folder / "write.lock",
        )

    @property
    def is_owner(self) -> bool:
        """Say whether the engine is a child of this process; otherwise we joined another's."""
        return self._lock.descriptor is not None

    async def ensure_running(self, *, timeout_seconds: float = START_SECONDS) -> GraphConfig:
        """Return once the engine listens, starting it where its owner is gone. Raises EmbeddedUnavailable."""
        await asyncio.to_thread(self._run_or_join, timeout_seconds)
        return self.config

    async def stop(self) -> None:
        """Stop the engine where we own it, else only leave it; nothing of ours runs afterwards."""
        await asyncio.to_thread(self._stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _stop(self) -> None:
        self._stopping.set()
        with self._turn:
            if self._child is not None:
                _end(self._child)
                self._child = None
                (self.folder / "engine.json").unlink(missing_ok=True)
            self._lock.release()
        if self._watcher.is_alive():
            self._watcher.join(timeout=STOP_SECONDS)

    def _run_or_join(self, timeout_seconds: float) -> None:
        """Return when somebody's engine answers on our ports: ours if the lock is free, else the owner's."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._turn:
                if self._stopping.is_set():
                    raise EmbeddedUnavailable("the embedded graph engine is being stopped")
                if self._lock.acquire():
                    if self._child is None or self._child.poll() is not None:
                        self._start_child(deadline)
                        return
                    # A killed child is there, and its ports too, until the last of its threads has gone.
                    if _answers(self._ports["bolt_port"]):
                        return
                elif self._join():
                    return
            if time.monotonic() > deadline and self.is_owner:
                raise EmbeddedUnavailable(
                    f"the embedded graph engine does not answer; {self.folder / 'engine.log'} may say why"
                )
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(
                    f"another process holds {self.folder} and its graph engine does not answer: stop that "
                    "process, or set LAB_TUTOR_DATA_FOLDER to another folder"
                )
            time.sleep(0.1)

    def _join(self) -> bool:
        try:
            ports = json.loads((self.folder / "engine.json").read_text(encoding="ascii"))
            password = (self.folder / "password").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return False  # the owner is still starting
        if not _answers(ports["bolt_port"]):
            return False
        self._ports, self._password = ports, password
        return True

    def _start_child(self, deadline: float) -> None:
        """Start the child on the ports of last time where they are free."""
        announcement = self.folder / "engine.json"
        if not self._ports:
            with contextlib.suppress(OSError, ValueError):
                self._ports = json.loads(announcement.read_text(encoding="ascii"))
        if self._child is not None:
            _end(self._child, seconds=0)
            self._child = None
            self.restarts += 1
        # Until READY nobody may join: what stands there is of an engine that is gone.
        announcement.unlink(missing_ok=True)
        self._password = _kept_password(self.folder)
        for _ in range(3):
            if not (self._ports and all(_is_free(port) for port in self._ports.values())):
                self._ports = _free_ports()
            child = _spawn(self.folder, self._ports, self._lock.descriptor)
            # Between our look and the engine's own another process may have taken a port.
            if _is_ready(child, deadline - time.monotonic()):
                with contextlib.suppress(GraphError):
                    asyncio.run(_greet(self.config, max(deadline - time.monotonic(), 1.0)))
                    break
            _end(child, seconds=0)
            self._ports = {}
            if time.monotonic() > deadline:
                break
        if not self._ports:
            self._lock.release()
            raise EmbeddedUnavailable(
                f"the embedded graph engine did not start; {self.folder / 'engine.log'} says why. "
                "A Neo4j server can take its place: set LAB_TUTOR_NEO4J_URI (compose.yaml has one)"
            )
        self._child = child
        _write_private(announcement, json.dumps(self._ports))

    def _watch(self) -> None:
        """Start the engine again whenever it ends, ours or the one that we joined.

        A thread, not a task: it goes on while the event loop is busy, and belongs to no loop.
        """
        failures, started, not_before = 0, 0.0, 0.0
        while not self._stopping.wait(LOOK_SECONDS):
            with self._turn:
                if self._stopping.is_set() or (self._child is not None and self._child.poll() is None):
                    continue
                now = time.monotonic()
                if now < not_before or not self._lock.acquire():
                    continue  # a pause between attempts, or the owner lives
                failures = 0 if now - started > STABLE_SECONDS else failures + 1
                not_before = now + RESTART_PAUSES_SECONDS[min(failures, len(RESTART_PAUSES_SECONDS) - 1)]
                started = now
                logger.warning("the embedded graph engine ended; starting it again")
                try:
                    self._start_child(now + START_SECONDS)
                except EmbeddedUnavailable as error:
                    logger.error("%s", error)


def _kept_password(folder: Path) -> str:
    path = folder / "password"
    if not path.exists():
        # The engine keeps the password of its first start; without the file it has to take a new one.
        (folder / "server" / "config" / "server-users.jsonl").unlink(missing_ok=True)
        _write_private(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only we may read; it appears whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    partial.replace(path)


async def _greet(config: GraphConfig, seconds: float) -> None:
    """Log in and run the engine's first statement, which takes it a second or more: nobody else shall wait."""
    async with GraphClient.open(config) as client:
        await client.verify_credentials(deadline_seconds=seconds)


def _spawn(folder: Path, ports: dict[str, int], lock: int | None) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603 - our own module, run by our own Python
        [sys.executable, "-m", "graph.embedded.host", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # The terminal's Ctrl-C is for the parent, which stops the child when it needs it no longer.
        start_new_session=True,
        pass_fds=() if lock is None or sys.platform == "win32" else (lock,),
        # The secrets of the application are no business of the engine's.
        env={name: value for name, value in os.environ.items() if not name.startswith("LAB_TUTOR_")},
    )
    assert child.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(ports).encode("ascii") + b"\n")
        child.stdin.flush()
    return child


def _is_ready(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the child's READY; False when it ended or took too long."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    pipe = child.stdout
    assert pipe is not None  # noqa: S101 - asked for in _spawn

    def listen() -> None:
        with pipe:
            lines.put(pipe.readline())

    # A thread, since pipes cannot be waited for with a time-out on every system.
    threading.Thread(target=listen, name="embedded-graph-ready", daemon=True).start()
    try:
        return lines.get(timeout=max(seconds, 0.1)).strip() == host.READY.encode("ascii")
    except queue.Empty:
        return False


def _end(child: subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """Close the child's stdin, which tells it to end; kill it when it does not in time."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _free_ports() -> dict[str, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return {"bolt_port": first.getsockname()[1], "http_port": second.getsockname()[1]}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the engine does: connections of the last engine that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """Whether an engine answers Bolt's handshake; an open port alone may be that of an engine being killed."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(BOLT_HANDSHAKE)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
