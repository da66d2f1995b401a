"""`lab-tutor demo`: from nothing to a served example in one command."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import uvicorn

import sql.demo_reads
import sql.session
from graph.errors import GraphError
from graphql_api import demo, log
from graphql_api.cli import terminal
from graphql_api.cli.courses import read_course_file, write_course
from graphql_api.opening import Stores, make_sql_folder, opened
from graphql_api.settings import Environment, Settings, SettingsError, load_settings
from resolvers import ids

EXAMPLES = Path(__file__).parents[2] / "examples"
# Course file -> answers of the simulated class.
COURSES = {"metacademy.course.json": 2_600, "d2l.course.json": 1_400}
MARKER = ".lab-tutor-demo"

OPERATIONS = """
Three operations to try (sign in first; paste the token into the Headers pane as
{{"Authorization": "Bearer <accessToken>"}}):

1. mutation {{ logIn(input: {{email: "{teacher}", password: "{password}"}}) {{
     ... on LogInSuccess {{ session {{ accessToken }} }} ... on Problem {{ message }} }} }}

2. query {{ course(id: "{course}") {{ title chapters {{ name theories {{ name skills {{ name }} }} }} }} }}

3. query {{ studentMastery(courseId: "{course}", studentId: "{student}", first: 5) {{
     totalCount nodes {{ skill {{ name }} currentMastery confidence trend masteryCategory }} }} }}
"""


def run(*, port: int | None, folder: Path, reset: bool) -> None:
    """Prepare the demo's folder and serve it until Ctrl-C."""
    settings = _settings(port, folder)
    log.configure("text", "warning")
    if reset and folder.exists():
        _remove(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()
    except OSError as error:
        terminal.fail(f"--folder: {folder} cannot be made: {error.strerror}", terminal.EXIT_USAGE)
    _check_port(settings)
    try:
        asyncio.run(_run(settings))
    except KeyboardInterrupt:
        terminal.say("")
    terminal.say("stopped; run it again and it goes on where it was")


def _settings(port: int | None, folder: Path) -> Settings:
    given = {} if port is None else {"port": port or _free_port()}
    settings = load_settings(
        data_folder=folder,
        database_url=f"sqlite+aiosqlite:///{(folder / 'lab-tutor.db').as_posix()}",
        workers=1,
        **given,
    )
    if settings.environment is Environment.PRODUCTION:
        raise SettingsError(
            ["LAB_TUTOR_ENVIRONMENT: the demo's passwords are public; it does not run in production"]
        )
    return settings


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_port(settings: Settings) -> None:
    """Tell at once, and not after a minute of importing, that somebody else has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            terminal.fail(
                f"--port: {settings.host}:{settings.port} cannot be used ({error.strerror}); "
                "is a demo running already? Another port: lab-tutor demo --port 8001",
                terminal.EXIT_USAGE,
            )


def _remove(folder: Path) -> None:
    if not (folder / MARKER).exists():
        # A mistyped --folder must not cost anybody a home folder.
        terminal.fail(f"--reset: {folder} was not made by the demo; not removed", terminal.EXIT_USAGE)
    shutil.rmtree(folder)


async def _run(settings: Settings) -> None:
    started = time.monotonic()
    make_sql_folder(settings)
    await sql.session.migrate(settings.sql_url)
    terminal.say("SQLite: migrated")
    async with opened(settings) as stores:
        if stores.graph_problem is None:
            terminal.say(f"graph: up ({stores.graph_source})")
        else:
            terminal.say(stores.graph_problem)
        course_ids, learners = await fill(stores)
        await _serve(stores, course_ids, learners, started)


async def fill(stores: Stores, courses: Mapping[str, int] = COURSES) -> tuple[list[int], list[int]]:
    """Import the courses and the class that are missing and mirror them; return ids of courses and learners."""
    _, teacher, learners = await demo.ensure_people(stores)
    course_ids: list[int] = []
    for name, answers in courses.items():
        path = EXAMPLES / name
        if not path.is_file():
            terminal.fail(f"{path} is not there: the demo's courses are part of the source checkout")
        checked = read_course_file(path, skip_invalid=False)
        result = await write_course(
            stores.database, checked, f"Importing {name}", teacher_id=teacher, publish=True
        )
        course_id = result.course_id
        course_ids.append(course_id)
        await demo.enroll_all(stores, course_id, teacher, learners)
        async with stores.database.read() as session:
            have = len(await sql.demo_reads.list_assessment_keys(session, course_id))
        if have >= answers:
            terminal.say(f"a class of {len(learners)} simulated learners: there already")
            continue
        with terminal.progress(f"Simulated class, {path.name.split('.')[0]}") as report:
            async for done, total in demo.record_class(stores, course_id, teacher, learners, answers):
                report(done, total)
    if stores.graph is not None and stores.graph_problem is None:
        try:
            with terminal.progress("Mirroring to the graph") as report:
                await stores.mirror.drain(report)
        except GraphError as error:
            terminal.say(f"the graph went away ({error}); the API mirrors the rest when it is back")
    return course_ids, learners


async def _serve(stores: Stores, course_ids: list[int], learners: list[int], started: float) -> None:
    settings = stores.settings
    # Here: importing the API takes a second, which no other command should pay.
    from graphql_api.app import create_app
    from graphql_api.pages import DemoAccount

    accounts = [
        DemoAccount(label, email, demo.PASSWORD)
        for label, email in (("Teacher", demo.TEACHER), ("Student", demo.STUDENT), ("Operator", demo.ADMIN))
    ]
    config = uvicorn.Config(
        create_app(settings, stores, demo_accounts=accounts),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws="websockets-sansio",
        ws_max_size=settings.max_anonymous_body_bytes,
    )

    def welcome() -> None:
        seconds = time.monotonic() - started
        terminal.say(_welcome(settings, course_ids[0], learners[0], seconds))

    await _TellingServer(config, welcome).serve()


class _TellingServer(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again once it is done, which would end us before the stores are closed.
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _welcome(settings: Settings, course_id: int, student_id: int, seconds: float) -> str:
    operations = OPERATIONS.format(
        teacher=demo.TEACHER,
        password=demo.PASSWORD,
        course=ids.encode("course", course_id),
        student=ids.encode("user", student_id),
    )
    return (
        f"\nReady after {seconds:.1f} s: http://{settings.host}:{settings.port}/graphql (GraphiQL)\n\n"
        f"Accounts, all with the password {demo.PASSWORD} (the learners are simulated):\n"
        f"  teacher   {demo.TEACHER}\n"
        f"  student   {demo.STUDENT} to student{demo.LEARNERS:02}@demo.example\n"
        f"  operator  {demo.ADMIN}\n"
        f"{operations}\nCtrl-C ends everything.\n"
    )
