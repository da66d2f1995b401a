"""Installs and starts everything that is measured, each as processes of its own, and ends what it started."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.dataset import PASSWORD, email

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
START_SECONDS = 180.0
STOP_SECONDS = 20.0
TOKEN_SECONDS = 600.0  # the server gives 900


class BenchError(Exception):
    """Something that a person has to mend; the text says what."""


@dataclass
class Server:
    """A running server. `door(shape)` says where a question goes; `pids()` whose CPU time counts."""

    name: str
    title: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    health: str = "/health"
    _tokens: dict[int, tuple[str, float]] = field(default_factory=dict)

    def pids(self) -> list[int]:
        """Return the process and all its descendants."""
        return descendants(self.process.pid)

    def rss_mb(self) -> float:
        """Return the resident memory of all its processes in MB."""
        return sum(resident_kb(pid) for pid in self.pids()) / 1024

    def token(self, user_id: int) -> str:
        """Return an access token of the API, logged in for as a user would be; fresh for ten minutes."""
        text, until = self._tokens.get(user_id, ("", 0.0))
        if time.monotonic() > until:
            query = (
                "mutation($input: LogInInput!) { logIn(input: $input) { __typename "
                "... on LogInSuccess { session { accessToken } } } }"
            )
            given = {"input": {"email": email(user_id), "password": PASSWORD}}
            answer = ask(self.port, "/graphql", {"query": query, "variables": given})
            text = answer["data"]["logIn"]["session"]["accessToken"]
            self._tokens[user_id] = (text, time.monotonic() + TOKEN_SECONDS)
        return text

    def stop(self) -> None:
        """End it and what it started."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def ask(
    port: int, path: str, body: Any, token: str | None = None, *, seconds: float = 120.0
) -> dict[str, Any]:
    """Send one POST; return the JSON of the answer. Raises BenchError for a refusal."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        raise BenchError(f"{path}: {error.code} {error.read()[:1000]!r}") from None
    if answer.get("errors"):
        raise BenchError(f"{path}: {json.dumps(answer['errors'])[:1000]}")
    return answer


def descendants(pid: int) -> list[int]:
    """Return a process and its children, theirs included."""
    found = [pid]
    for parent in found:
        try:
            tasks = Path(f"/proc/{parent}/task").iterdir()
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process in KiB, 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Neo4j:
    """The one server that all of them ask."""

    uri: str
    password: str
    pid: int


@contextlib.contextmanager
def neo4j(folder: Path) -> Iterator[Neo4j]:
    """Start Neo4j on a folder, which keeps its data, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    password_file = folder / "password"
    if not password_file.exists():
        password_file.write_text(secrets.token_hex(12))
        password_file.chmod(0o600)
    password = password_file.read_text()
    script = ["bash", str(ROOT / "scripts" / "neo4j.sh")]
    environment = {"NEO4J_HEAP": "1g", "NEO4J_PAGECACHE": "512m", **os.environ, "NEO4J_PASSWORD": password}
    started = subprocess.run(
        [*script, "start", "0", str(folder / "data")], env=environment, capture_output=True, text=True
    )
    if started.returncode:
        raise BenchError(f"Neo4j did not start: {started.stderr.strip()}")
    uri = started.stdout.split()[-1]
    port = uri.rpartition(":")[2]
    cache = Path(os.environ.get("NEO4J_CACHE", Path.home() / ".cache" / "lab-tutor" / "neo4j"))
    try:
        yield Neo4j(uri, password, int((cache / "run" / f"{port}.pid").read_text().split()[0]))
    finally:
        subprocess.run([*script, "stop", port], env=environment, capture_output=True)


def install_python(name: str, work: Path) -> Path:
    """Make the environment of a Python peer from its lock; return its interpreter."""
    lock = PEERS / name / "requirements.lock"
    folder = work / "environments" / name
    stamp = folder / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        run_quietly([sys.executable, "-m", "venv", str(folder)], "venv")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_quietly([*install, "--require-hashes", "-r", str(lock)], f"pip install of {name}")
        stamp.write_text(wanted)
    return python


def install_node(name: str) -> Path:
    """Install a Node peer from its lock; return its folder."""
    folder = PEERS / name
    if shutil.which("npm") is None:
        raise BenchError("the Node peer needs Node.js 20 or newer; leave it out with --without apollo")
    stamp = folder / "node_modules" / ".installed"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        run_quietly(["npm", "ci", "--ignore-scripts", "--silent"], f"npm ci of {name}", folder)
        stamp.write_text(wanted)
    return folder


def run_quietly(command: list[str], what: str, folder: Path | None = None) -> None:
    """Run a command; raise BenchError with its last words when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"{what} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def start(
    name: str,
    title: str,
    command: list[str],
    environment: dict[str, str],
    work: Path,
    *,
    folder: Path = ROOT,
    port: int | None = None,
    health: str = "/health",
) -> Server:
    """Start a server and wait until it answers its health path."""
    chosen = port or free_port()
    log = work / f"{name}.log"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LAB_TUTOR_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "PORT": str(chosen), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(name, title, chosen, process, log, health)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{chosen}{health}", timeout=5):
                return server
        except urllib.error.HTTPError:
            return server  # it answers; @apollo/server has no page without a query
        except OSError:
            time.sleep(0.1)
    server.stop()
    raise BenchError(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def start_api(graph: Neo4j, work: Path, data: Path, **settings: str) -> Server:
    """Start the API as an operator would: closed profile, accounts, limits, policy, the mirror's worker."""
    port = free_port()
    environment = {
        "LAB_TUTOR_ENVIRONMENT": "production",
        "LAB_TUTOR_JWT_SECRET": base64.b32encode(secrets.token_bytes(40)).decode(),
        "LAB_TUTOR_DATA_FOLDER": str(data),
        "LAB_TUTOR_NEO4J_URI": graph.uri,
        "LAB_TUTOR_NEO4J_PASSWORD": graph.password,
        "LAB_TUTOR_NEO4J_DATABASE": "neo4j",
        "LAB_TUTOR_PORT": str(port),
        "LAB_TUTOR_LOG_LEVEL": "warning",
        # A machine that is busy with other things shall make figures worse, not end the run.
        "LAB_TUTOR_GRAPH_DEADLINE_SECONDS": "60",
        "LAB_TUTOR_OPERATION_DEADLINE_SECONDS": "90",
        **settings,
    }
    command = [str(Path(sys.executable).parent / "lab-tutor"), "serve"]
    return start("api", "Lab Tutor", command, environment, work, port=port, health="/healthz")


def start_peer(name: str, graph: Neo4j, work: Path) -> Server:
    """Install and start one of the peers."""
    environment = {"NEO4J_URI": graph.uri, "NEO4J_PASSWORD": graph.password}
    if name == "apollo":
        folder = install_node(name)
        return start(
            name,
            "Apollo Server 5 + @neo4j/graphql 7.6",
            ["node", "server.mjs"],
            {**environment, "NODE_ENV": "production"},
            work,
            folder=folder,
        )
    titles = {"plain": "plain Python driver", "strawberry": "Strawberry + data loaders"}
    python = install_python(name, work)
    return start(name, titles[name], [str(python), "server.py"], environment, work, folder=PEERS / name)
