"""Run the engine as a child process: python -m graph.embedded.host FOLDER.

The parent writes one line of JSON to stdin, {"bolt_port": int, "http_port": int}, and keeps the pipe
open. Once a log-in can succeed, this process writes the line READY to stdout; everything else that it or
Java prints goes to FOLDER/engine.log. It ends in an orderly way when stdin closes, which is also what
kill -9 of the parent does: there are no orphans.

This module alone knows `arcadedb_embedded`; a successor wheel is a change of `_create_server`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

READY = "READY"
DATABASE = "labtutor"
USERNAME = "root"
LOG_BYTES_KEPT = 5_000_000
STOP_SECONDS = 20.0
# The wheel's own variable; an operator may set more or other options in it.
JVM_ARGUMENTS_VARIABLE = "ARCADEDB_JVM_ARGS"
# 512 MB carry 20,000 nodes and 60,000 relationships with room to spare.
HEAP = "-Xmx512m"
# As properties of the JVM, since databases do not see them in the server's configuration: there, LOAD CSV
# went on reading every file of the machine.
PROPERTIES = (
    "-Darcadedb.opencypher.loadCsv.allowFileUrls=false",
    "-Darcadedb.opencypher.loadCsv.allowRemoteUrls=false",
    # A commit that was acknowledged survives kill -9.
    "-Darcadedb.txWalFlush=1",
)
# The Bolt driver hangs for ever on a message above the limit, so the limit is far above our batches.
MESSAGE_BYTES = 104_857_600


def _create_server(folder: Path, password: str, bolt_port: int, http_port: int) -> Any:
    """Return the engine's server, not started."""
    import arcadedb_embedded

    return arcadedb_embedded.create_server(
        root_path=str(folder / "server"),
        root_password=password,
        config={
            # "production" would hide every error text, the codes of some errors included.
            "mode": "development",
            "host": "127.0.0.1",
            "http_port": http_port,
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "bolt_port": bolt_port,
            "bolt_maxMessageSize": MESSAGE_BYTES,
            "bolt_packstream_maxValueLength": MESSAGE_BYTES,
        },
    )


def _send_output_to(log: Path) -> int:
    """Send stdout and stderr, Java's included, to the log; return the descriptor that was stdout."""
    handshake = os.dup(1)
    size = log.stat().st_size if log.exists() else 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if size > LOG_BYTES_KEPT else 0)
    descriptor = os.open(log, flags, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    return handshake


def _exit_when_overdue() -> None:
    time.sleep(STOP_SECONDS)
    os._exit(1)


def main(folder: Path) -> None:
    """Serve until stdin closes."""
    os.umask(0o077)
    handshake = _send_output_to(folder / "engine.log")
    ports = json.loads(sys.stdin.buffer.readline())
    password = (folder / "password").read_text(encoding="ascii").strip()
    given = os.environ.get(JVM_ARGUMENTS_VARIABLE, HEAP)
    os.environ[JVM_ARGUMENTS_VARIABLE] = " ".join((given, *PROPERTIES))
    os.chdir(folder)  # the engine writes ./log

    parent_gone = threading.Event()
    started = threading.Event()

    def watch_parent() -> None:
        while os.read(0, 1024):
            pass
        parent_gone.set()
        if not started.is_set():
            # Java may be busy for seconds; nothing is open yet that could be lost.
            os._exit(0)

    threading.Thread(target=watch_parent, name="watch-parent", daemon=True).start()
    server = _create_server(folder, password, ports["bolt_port"], ports["http_port"])
    server.start()
    server.create_database(DATABASE)
    started.set()
    os.write(handshake, f"{READY}\n".encode("ascii"))
    os.close(handshake)

    parent_gone.wait()
    threading.Thread(target=_exit_when_overdue, name="overdue", daemon=True).start()
    server.stop()
    sys.stdout.flush()
    # Not sys.exit: waiting for Java's threads has been seen to take its time, and the data is closed.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
