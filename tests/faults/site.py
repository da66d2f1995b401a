"""A whole installation of real processes: APIs, workers, a database, and a proxy in front of the graph engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from graph.client import GraphConfig
from graphql_api.tokens import AccessTokens
from resolvers import ids
from sql.models import Role
from sql.session import Database
from tests.faults import truth
from tests.faults.bolt_proxy import Proxy
from tests.faults.forked import Forked
from tests.mirror import world
from tests.mirror.world import CHAPTER_1, CHAPTER_2, CHAPTER_3

ROOT = Path(__file__).parents[2]
SECRET = "for-tests-alone-for-tests-alone-for-tests"
# Generous: the machine may be busy with other things, and every wait ends as soon as it can.
START_SECONDS = 300.0
SETTLE_SECONDS = 240.0
ANSWER_SECONDS = 120.0
TOKEN_SECONDS = 7_200
CHAPTERS = (CHAPTER_1, CHAPTER_2, CHAPTER_3)


class Process:
    """One `lab-tutor` process and what it printed."""

    def __init__(self, site: Site, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.log = site.folder / f"{name}.log"
        self.out = site.folder / f"{name}.out"
        for path in (self.log, self.out):
            path.touch()
        self.child = Forked(arguments, site.folder, environment, self.out, self.log)

    def kill(self) -> None:
        """Kill -9."""
        self.child.kill()
        self.child.wait()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.child.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = SETTLE_SECONDS) -> int:
        """Return the exit code once the process has ended."""
        return await asyncio.to_thread(self.child.wait, seconds)

    def events(self, action: str) -> list[dict[str, Any]]:
        """Return the entries of the log with an action."""
        found = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{"):
                entry = json.loads(line)
                if entry.get("action") == action:
                    found.append(entry)
        return found


class Api(Process):
    """One API process and a client of it."""

    def __init__(self, site: Site, name: str, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__(site, name, ["serve", "--port", str(port)], environment)
        self.site = site
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS, headers=site.headers
        )

    async def mutate(self, name: str, /, selection: str = "__typename", **given: Any) -> dict[str, Any]:
        """Run a mutation that must be acknowledged, and remember that it was; return its payload."""
        title = name[0].upper() + name[1:]
        query = (
            f"mutation($input: {title}Input!) {{ {name}(input: $input) {{ __typename "
            f"... on Success {{ sync {{ state token }} }} ... on {title}Success {{ {selection} }} "
            "... on Problem { code message } } }"
        )
        response = await self.http.post("/graphql", json={"query": query, "variables": {"input": given}})
        body = response.json()  # in whatever state the stores are, the answer is JSON
        assert response.status_code == 200, body
        assert "errors" not in body, body
        payload: dict[str, Any] = body["data"][name]
        assert payload["__typename"] == f"{title}Success", payload
        self.site.acknowledged.append((name, given))
        return payload

    async def rename(self, name: str, chapter: str = CHAPTER_1) -> dict[str, Any]:
        """Give a chapter a name."""
        return await self.mutate("updateChapter", id=ids.encode("ch", chapter), name=name)

    async def create(self, name: str, chapter: str = CHAPTER_1, **given: Any) -> dict[str, Any]:
        """Make a theory."""
        return await self.mutate(
            "createTheory", "theory { id }", chapterId=ids.encode("ch", chapter), name=name, **given
        )

    async def ready(self) -> dict[str, Any]:
        """Return what /readyz says."""
        answer: dict[str, Any] = (await self.http.get("/readyz")).json()
        return answer

    async def is_ready(self) -> bool:
        """Tell whether both stores answer, the graph within the second that it gets; to be waited for."""
        return bool((await self.ready())["status"] == "ok")


class Site:
    """A database with a record of every kind, waiting for the graph, and what runs beside it."""

    def __init__(self, folder: Path, database_url: str, graph: GraphConfig, proxy: Proxy) -> None:
        self.folder = folder
        self.database_url = database_url
        self.graph = graph
        self.proxy = proxy
        self.engine = create_async_engine(database_url, poolclass=NullPool)
        self.acknowledged: list[tuple[str, dict[str, Any]]] = []
        self.processes: list[Process] = []
        self.headers: dict[str, str] = {}
        # Short waits: a scenario lasts as long as what it waits for.
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LAB_TUTOR_")},
            "PYTHONPATH": str(ROOT),
            "LAB_TUTOR_DATA_FOLDER": str(folder),
            "LAB_TUTOR_DATABASE_URL": database_url,
            "LAB_TUTOR_JWT_SECRET": SECRET,
            "LAB_TUTOR_NEO4J_URI": f"bolt://127.0.0.1:{proxy.port}",
            "LAB_TUTOR_NEO4J_USERNAME": graph.username,
            "LAB_TUTOR_NEO4J_PASSWORD": graph.password,
            "LAB_TUTOR_NEO4J_DATABASE": graph.database or "",
            "LAB_TUTOR_LOG_FORMAT": "json",
            "LAB_TUTOR_MIRROR_WRITE_SECONDS": "4",
            "LAB_TUTOR_MIRROR_LEASE_SECONDS": "5",
            "LAB_TUTOR_INLINE_DEADLINE_SECONDS": "3",
        }

    async def fill(self) -> None:
        """Write the small world and sign its teacher in."""
        database = Database(self.database_url)
        try:
            async with database.write() as session:
                await world.build(session)
        finally:
            await database.dispose()
        token, _ = AccessTokens(SECRET, None, TOKEN_SECONDS).issue(world.user(world.TEACHER, Role.TEACHER))
        self.headers = {"authorization": f"Bearer {token}"}

    async def api(self, *, wait: bool = True, worker: bool = True, **settings: object) -> Api:
        """Start an API, with a worker inside or not; return once it answers."""
        settings = {"mirror_in_server": str(worker).lower(), **settings}
        made = Api(self, f"api{len(self.processes)}", self._environment(settings))
        self.processes.append(made)
        if wait:
            await self.until(lambda: _answers(made), START_SECONDS, made)
        return made

    async def worker(self, **settings: object) -> Process:
        """Start a worker of its own; return once it works."""
        made = Process(self, f"worker{len(self.processes)}", ["mirror", "run"], self._environment(settings))
        self.processes.append(made)

        async def started() -> bool:
            return bool(made.events("worker_started"))

        await self.until(started, START_SECONDS, made)
        return made

    async def run(self, *arguments: str, **settings: object) -> tuple[int, str]:
        """Run a command to its end; return its exit code and what it answered on standard output."""
        # A command gives up where a worker would try again, so it gets the time of a slow machine.
        patient: dict[str, object] = {"mirror_write_seconds": 60, "mirror_lease_seconds": 70}
        environment = self._environment(patient | settings)
        made = Process(self, f"command{len(self.processes)}", [*arguments], environment)
        self.processes.append(made)
        code = await made.ended()
        told = made.out.read_text(encoding="utf-8")
        return code, told or made.log.read_text(encoding="utf-8")

    async def succeed(self, *arguments: str) -> str:
        """Run a command that must succeed; return what it answered."""
        code, told = await self.run(*arguments)
        assert code == 0, told
        return told

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        return {
            **self.environment,
            **{f"LAB_TUTOR_{name.upper()}": str(value) for name, value in settings.items()},
        }

    async def until(
        self, done: Callable[[], Any], seconds: float = SETTLE_SECONDS, process: Process | None = None
    ) -> None:
        """Wait until something is true; fail when it takes too long or the process ends before."""
        deadline = time.monotonic() + seconds
        while not await done():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            if process is not None and process.child.poll() is not None:
                raise AssertionError(
                    f"{process.name} ended: {process.log.read_text(encoding='utf-8')[-2000:]}"
                )
            await asyncio.sleep(0.05)

    async def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until nothing waits for the graph any more."""

        async def settled() -> bool:
            return not await truth.waiting(self.engine)

        try:
            await self.until(settled, seconds)
        except AssertionError:
            raise AssertionError(f"still waiting: {await truth.waiting(self.engine)}") from None

    async def end_leases(self) -> None:
        """Let the time of every lease be over."""
        async with self.engine.begin() as connection:
            await connection.execute(
                truth.text("UPDATE sync_records SET leased_by = NULL, leased_until = NULL")
            )

    async def dead(self) -> list[tuple[Any, ...]]:
        """Return (kind, key) of the dead letters."""
        return [(row[0], row[1]) for row in await truth.waiting(self.engine) if row[5] is not None]

    async def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT, past the API."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(truth.text(statement))]

    async def cypher(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Run a statement on the graph by hand, past the proxy."""
        return await truth.by_hand(self.graph, statement, parameters)

    async def check(self, *, foreign: set[str] | None = None, seconds: float = SETTLE_SECONDS) -> None:
        """Settle; then both stores must be equal, and hold everything that was acknowledged."""
        await self.settle(seconds)
        assert await truth.torn(self.engine) == []
        assert await truth.differences(self.engine, self.graph, foreign=foreign) == []
        await self.check_acknowledged()

    async def check_acknowledged(self) -> None:
        """Every change that was acknowledged is in SQL: what was made exists, what was changed was counted."""
        async with self.engine.connect() as connection:
            names = {row[0] for row in await connection.execute(truth.text("SELECT name FROM theories"))}
            rows = await connection.execute(
                truth.text("SELECT key, version FROM sync_records WHERE kind = 'CHAPTER'")
            )
            versions = {key: version for key, version in rows}
        gone = {ids.decode(given["id"], "th") for name, given in self.acknowledged if name == "deleteTheory"}
        made = {given["name"] for name, given in self.acknowledged if name == "createTheory"}
        assert gone or made <= names, made - names
        for chapter in CHAPTERS:
            changes = [
                given
                for name, given in self.acknowledged
                if name == "updateChapter" and given["id"] == ids.encode("ch", chapter)
            ]
            assert versions[chapter] >= 1 + len(changes)

    async def chapter_name(self, chapter: str = CHAPTER_1) -> str:
        """Return the name that SQL has for a chapter; `check` shows that the graph has it too."""
        async with self.engine.connect() as connection:
            found = await connection.execute(
                truth.text("SELECT name FROM chapters WHERE id = :id"), {"id": chapter}
            )
            return str(found.scalar_one())

    async def close(self) -> None:
        """Kill whatever still runs."""
        for process in self.processes:
            if process.child.poll() is None:
                process.kill()
            if isinstance(process, Api):
                await process.http.aclose()
        await self.engine.dispose()


async def _answers(api: Api) -> bool:
    try:
        return (await api.http.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False
