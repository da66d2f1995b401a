"""A real server process with a course in it, and a client that costs little beside an attack."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sql.session
import sql.sync_state
from graphql_api.tokens import AccessTokens
from sql import models
from sql.session import Database
from tests.attacks.stretches import Stretch

ROOT = Path(__file__).parents[2]
SECRET = "for-tests-alone-for-tests-alone-for-tests"
# Generous: the machine may be busy with other things, and every wait ends as soon as it can.
START_SECONDS = 300.0
ANSWER_SECONDS = 120.0
TOKEN_SECONDS = 7_200  # for all attacks on one server
ORDINARY = (
    "query Ordinary($id: ID!) { me { id } courses(first: 20) { totalCount nodes { title teacher { lastName } } } "
    "course(id: $id) { title chapterCount chapters { name } } }"
)
CHAPTERS = 5


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self.reader, self.writer

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return (status, body)."""
        reader, writer = await self.open()
        writer.write(request)
        await writer.drain()
        return await self.answer(reader)

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        """Read one answer."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = 0
        for line in head.split("\r\n"):
            if line.startswith("content-length:"):
                length = int(line.partition(":")[2])
        body = await reader.readexactly(length)
        if "connection: close" in head:
            await self.close()
        return int(head.split(" ", 2)[1]), body

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


def post(body: bytes, token: str | None = None, *, method: str = "POST") -> bytes:
    """Return the bytes of a request."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    return (
        f"{method} /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{authorization}"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


def ask(query: str, token: str | None = None, **variables: Any) -> bytes:
    """Return the bytes of a GraphQL request."""
    return post(json.dumps({"query": query, "variables": variables}).encode(), token)


@dataclass(frozen=True)
class Target:
    """What an attack has to know of a server: its port, and the access token of a student."""

    port: int
    student: str


class Server:
    """`lab-tutor serve` in a folder of its own."""

    def __init__(self, folder: Path, settings: dict[str, str], *, watched: bool = False) -> None:
        self.folder = folder
        self.stretch = Stretch(folder / "stretch") if watched else None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        url = f"sqlite+aiosqlite:///{folder / 'lab-tutor.db'}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LAB_TUTOR_")},
            "PYTHONPATH": str(ROOT),
            "LAB_TUTOR_DATA_FOLDER": str(folder),
            "LAB_TUTOR_DATABASE_URL": url,
            "LAB_TUTOR_JWT_SECRET": SECRET,
            "LAB_TUTOR_LOG_FORMAT": "json",
            **{f"LAB_TUTOR_{name.upper()}": value for name, value in settings.items()},
        }
        self.url = url
        self.child: subprocess.Popen[bytes] | None = None
        self.course = self.teacher = self.student = ""

    async def start(self) -> None:
        """Migrate, make two people, start, wait until it answers, and make a course."""
        await sql.session.migrate(self.url)
        database = Database(self.url)
        tokens = AccessTokens(SECRET, None, TOKEN_SECONDS)
        try:
            async with database.write() as session:
                for role in (models.Role.TEACHER, models.Role.STUDENT):
                    person = models.User(
                        email=f"{role.value.lower()}@example.org", first_name="A", last_name="B", role=role
                    )
                    session.add(person)
                    await session.flush()
                    person.version = await sql.sync_state.record(session, models.Kind.USER, person.id)
                    setattr(self, role.value.lower(), tokens.issue(person)[0])
        finally:
            await database.dispose()
        self.child = self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while not await self._answers():
            assert self.child.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(0.1)
        made = await self._mutate("createCourse", title="Sets")
        self.course = made["course"]["id"]
        for number in range(CHAPTERS):
            await self._mutate("createChapter", courseId=self.course, name=f"Chapter {number}")
        while True:
            try:
                await self.ordinary()
                return
            except AssertionError:  # the graph has not all of it yet
                assert time.monotonic() < deadline, self.log()
                await asyncio.sleep(0.2)

    def _spawn(self) -> subprocess.Popen[bytes]:
        module = ["graphql_api"]
        if self.stretch is not None:
            module = ["tests.attacks.stretches", str(self.folder / "stretch")]
        with (self.folder / "server.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *module, "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self) -> str:
        """Return what the process printed."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    async def _answers(self) -> bool:
        connection = Connection(self.port)
        try:
            status, _ = await connection.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            return False
        finally:
            await connection.close()
        return status == 200

    async def _mutate(self, name: str, /, **given: Any) -> Any:
        title = name[0].upper() + name[1:]
        selection = "... on CreateCourseSuccess { course { id } }" if name == "createCourse" else ""
        query = f"mutation($i: {title}Input!) {{ {name}(input: $i) {{ __typename {selection} }} }}"
        connection = Connection(self.port)
        status, body = await connection.send(ask(query, self.teacher, i=given))
        await connection.close()
        payload = json.loads(body)["data"][name]
        assert status == 200
        assert payload["__typename"] == f"{title}Success", payload
        return payload

    async def ordinary(self) -> float:
        """Send an ordinary request on a new connection; return how many seconds its right answer took."""
        started = time.perf_counter()
        connection = Connection(self.port)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await connection.send(ask(ORDINARY, self.teacher, id=self.course))
        finally:
            await connection.close()
        taken = time.perf_counter() - started
        answer = json.loads(body)
        assert status == 200
        assert answer["data"]["courses"]["totalCount"] == 1, answer
        # Without a graph its field says so; SQL answers all the same.
        chapters = answer["data"]["course"]["chapters"]
        assert chapters is None or len(chapters) == CHAPTERS, answer
        return taken

    @property
    def target(self) -> Target:
        """Return what an attack has to know."""
        return Target(self.port, self.student)

    def stop(self) -> None:
        """End the process."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
