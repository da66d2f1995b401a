"""The embedded engine as a process: started, joined, lost, killed, left; each test has its own engines."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from graph.client import GraphClient, Statement
from graph.embedded import engine as engine_module
from graph.embedded.engine import EmbeddedEngine, EmbeddedUnavailable, is_installed
from graph.errors import GraphError
from tests.graph_fixtures import PATIENCE_SECONDS, PatientClient

pytestmark = pytest.mark.skipif(not is_installed(), reason="arcadedb-embedded is not installed")

COUNT = Statement("test/count", "MATCH (n:SKILL) RETURN count(n)")
OWNER = """
import asyncio, pathlib, sys, time
from graph.embedded.engine import EmbeddedEngine
engine = asyncio.run(EmbeddedEngine.start(pathlib.Path(sys.argv[1])))
print(engine.is_owner, engine.config.uri, engine._child.pid if engine._child else 0, flush=True)
time.sleep(600)
"""


def create(number: int) -> Statement:
    return Statement("test/create", "CREATE (:SKILL {id: $id})", {"id": str(number)}, "write")


def load_csv(url: str) -> Statement:
    return Statement("test/load", "LOAD CSV FROM $url AS line RETURN line", {"url": url})


def read_text(path: Path) -> str:
    return path.read_text()


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def list_parent(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()]


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of the folder (as ".") and of everything in it."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


def runs(pid: int) -> bool:
    """Say whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def eventually(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


def child_pid(engine: EmbeddedEngine) -> int:
    assert engine._child is not None
    return engine._child.pid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "graph"


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[EmbeddedEngine]:
    started = await EmbeddedEngine.start(folder)
    yield started
    await started.stop()


@pytest.fixture
async def client(engine: EmbeddedEngine) -> AsyncIterator[GraphClient]:
    # A write may wait for an engine that starts again, on a slow machine for as long as that takes there.
    opened = PatientClient.open(dataclasses.replace(engine.config, write_retry_seconds=PATIENCE_SECONDS))
    yield opened
    await opened.close()


@pytest.fixture
async def shared_client(embedded_engine: EmbeddedEngine) -> AsyncIterator[GraphClient]:
    """A client of the run's engine, for tests that only look."""
    async with PatientClient.open(embedded_engine.config) as opened:
        yield opened


@pytest.fixture
def owner_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def announced(process: subprocess.Popen[str]) -> tuple[bool, str, int]:
    assert process.stdout is not None
    is_owner, uri, pid = process.stdout.readline().split()
    return is_owner == "True", uri, int(pid)


async def test_a_started_engine_answers(embedded_engine: EmbeddedEngine, shared_client: GraphClient) -> None:
    assert embedded_engine.is_owner
    assert embedded_engine.config.embedded
    await shared_client.verify_credentials()
    assert await shared_client.read(Statement("test/sum", "RETURN 1 + 1")) == [[2]]


def test_nobody_else_may_look_in(embedded_engine: EmbeddedEngine) -> None:
    folder = embedded_engine.folder
    found = modes(folder)
    assert found["."] == 0o700
    assert found["password"] == 0o600
    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}
    password = read_text(folder / "password")
    assert len(password) >= 32
    assert password not in repr(embedded_engine.config)
    assert password not in read_text(folder / "engine.log")
    assert password not in read_text(Path(f"/proc/{child_pid(embedded_engine)}/cmdline"))


def test_it_listens_on_loopback_alone(embedded_engine: EmbeddedEngine) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    listening: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read_text(Path(table)).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                address, _, port = fields[1].rpartition(":")
                listening.setdefault(int(port, 16), set()).add(address)
    for port in embedded_engine._ports.values():
        assert listening[port]
        assert listening[port] <= loopback


@pytest.mark.parametrize("form", ["file://{}", "{}"])
async def test_a_statement_reads_no_files(shared_client: GraphClient, tmp_path: Path, form: str) -> None:
    """The engine's development mode allows it, and its server's configuration does not reach databases."""
    secret = tmp_path / "secret.csv"
    write_text(secret, "a,b\n")
    with pytest.raises(GraphError):
        await shared_client.read(load_csv(form.format(secret)))


async def test_a_statement_asks_no_addresses(shared_client: GraphClient) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        with pytest.raises(GraphError):
            await shared_client.read(load_csv(f"http://127.0.0.1:{listener.getsockname()[1]}/x.csv"))
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_stopping_leaves_nothing_running_and_keeps_the_data(folder: Path) -> None:
    first = await EmbeddedEngine.start(folder)
    config, pid = first.config, child_pid(first)
    async with PatientClient.open(config) as client:
        await client.write([create(1)])
    await first.stop()
    assert not runs(pid)
    assert not (folder / "engine.json").exists()

    second = await EmbeddedEngine.start(folder)
    async with second, PatientClient.open(second.config) as client:
        assert await client.read(COUNT) == [[1]]
        assert second.config.password == config.password
    await second.stop()  # again, to no effect


async def test_a_killed_engine_comes_back_on_the_same_ports(
    engine: EmbeddedEngine, client: GraphClient
) -> None:
    for number in range(20):
        await client.write([create(number)])
    config, pid = engine.config, child_pid(engine)
    os.kill(pid, signal.SIGKILL)
    # The driver reconnects by itself; the write waits for the engine as it waits for a lock.
    await client.write([create(100)])
    assert await client.read(COUNT) == [[21]]
    assert engine.config == config
    # The engine answers a moment before its watcher knows it.
    await eventually(lambda: engine._child is not None)
    assert engine.restarts == 1
    assert child_pid(engine) != pid


async def test_ensure_running_starts_a_lost_engine_at_once(engine: EmbeddedEngine) -> None:
    pid = child_pid(engine)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not runs(pid))
    config = await engine.ensure_running()
    async with PatientClient.open(config) as client:
        await client.ping()


async def test_the_engine_ends_with_a_killed_parent(owner_process: subprocess.Popen[str]) -> None:
    is_owner, _, pid = announced(owner_process)
    assert is_owner
    assert runs(pid)
    owner_process.kill()
    await eventually(lambda: not runs(pid))


async def test_a_second_process_joins(owner_process: subprocess.Popen[str], folder: Path) -> None:
    _, uri, pid = announced(owner_process)
    async with await EmbeddedEngine.start(folder) as joined:
        assert not joined.is_owner
        assert joined.config.uri == uri
        async with PatientClient.open(joined.config) as client:
            await client.write([create(1)])
    assert runs(pid)


async def test_who_joined_takes_over_when_the_owner_is_killed(
    owner_process: subprocess.Popen[str], folder: Path
) -> None:
    announced(owner_process)
    async with await EmbeddedEngine.start(folder) as joined:
        config = joined.config
        async with PatientClient.open(config) as client:
            await client.write([create(1)])
            owner_process.kill()
            await eventually(lambda: joined.is_owner)
            await joined.ensure_running()
            await client.write([create(2)])
            assert await client.read(COUNT) == [[2]]
        assert joined.config == config


async def test_of_two_that_start_at_once_one_owns(folder: Path) -> None:
    first, second = await asyncio.gather(EmbeddedEngine.start(folder), EmbeddedEngine.start(folder))
    assert sorted([first.is_owner, second.is_owner]) == [False, True]
    assert first.config == second.config
    owner, joined = (first, second) if first.is_owner else (second, first)
    await joined.stop()
    assert runs(child_pid(owner))
    await owner.stop()


async def test_a_port_that_another_took_is_left_to_it(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        write_text(folder / "engine.json", f'{{"bolt_port": {taken}, "http_port": {taken + 1}}}')
        async with await EmbeddedEngine.start(folder) as engine:
            assert engine._ports["bolt_port"] != taken
            async with PatientClient.open(engine.config) as client:
                await client.ping()


async def test_a_lost_password_is_replaced(folder: Path) -> None:
    engine = await EmbeddedEngine.start(folder)
    old = engine.config.password
    await engine.stop()
    (folder / "password").unlink()
    engine = await EmbeddedEngine.start(folder)
    assert engine.config.password != old
    async with engine, PatientClient.open(engine.config) as client:
        await client.verify_credentials()


async def test_without_the_wheel_a_sentence_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "is_installed", lambda: False)
    with pytest.raises(EmbeddedUnavailable, match="LAB_TUTOR_NEO4J_URI") as caught:
        await EmbeddedEngine.start(folder)
    assert "compose.yaml" in str(caught.value)
    assert list_parent(folder) == []


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "graph").write_text("a file")
    with pytest.raises(EmbeddedUnavailable, match=str(tmp_path)):
        await EmbeddedEngine.start(tmp_path / "graph")


async def test_an_engine_that_does_not_start_leads_to_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCADEDB_JVM_ARGS", "-XX:NoSuchOption=1")
    with pytest.raises(EmbeddedUnavailable, match=r"engine\.log"):
        await EmbeddedEngine.start(folder)
    monkeypatch.delenv("ARCADEDB_JVM_ARGS")
    engine = await EmbeddedEngine.start(folder)  # the lock was given back
    assert engine.is_owner
    await engine.stop()


async def test_the_engine_is_not_told_our_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_JWT_SECRET", "not-for-the-engine")
    engine = await EmbeddedEngine.start(folder)
    assert "not-for-the-engine" not in read_text(Path(f"/proc/{child_pid(engine)}/environ"))
    await engine.stop()


async def test_an_index_made_again_takes_ids_beyond_32_bits(client: GraphClient) -> None:
    """The engine types an index that it makes over nodes by what it finds: parameters are stored in 64 bits."""
    text = "UNWIND $ids AS id CREATE (:STUDENT {id: id})"
    await client.ensure_schema()
    await client.write([Statement("test/small", text, {"ids": [5]}, "write")])
    await client.write([Statement("test/drop", "DROP CONSTRAINT student_id IF EXISTS", {}, "write")])
    assert await client.missing_schema() == ["student_id"]
    await client.ensure_schema()
    await client.write([Statement("test/large", text, {"ids": [2**31, 2**53]}, "write")])
    count = Statement("test/ids", "MATCH (n:STUDENT) RETURN n.id ORDER BY n.id", {}, "read")
    assert await client.read(count) == [[5], [2**31], [2**53]]
