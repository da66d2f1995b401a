"""The demo, served for these tests, and pages of a real Chromium on it.

Without Playwright, Chromium or axe-core these tests are skipped; LAB_TUTOR_TEST_BROWSER_REQUIRED=1 makes their
absence a failure. What the pages look like is kept in LAB_TUTOR_TEST_UI_ARTIFACTS (var/ui-screenshots).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.ui.browser import Watch

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
ARTIFACTS = Path(os.environ.get("LAB_TUTOR_TEST_UI_ARTIFACTS") or ROOT / "var" / "ui-screenshots")
REQUIRED = os.environ.get("LAB_TUTOR_TEST_BROWSER_REQUIRED") == "1"
START_SECONDS = 400.0
PAGE_MS = 60_000
FAILED = pytest.StashKey[bool]()
PASSWORD = "lab-tutor-demo-2026"
TEACHER = "teacher@demo.example"
STUDENT = "student01@demo.example"
ADMIN = "admin@demo.example"


def absent(what: str) -> NoReturn:
    """Skip the test, or fail it where everything is promised to be there."""
    if REQUIRED:
        pytest.fail(f"{what}, and LAB_TUTOR_TEST_BROWSER_REQUIRED=1 promises it")
    pytest.skip(what)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, so that its pages are kept as pictures."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def chromium_installed() -> None:
    """Skip or fail, and say why, where no browser can run."""
    if importlib.util.find_spec("playwright") is None:
        absent("Playwright is not installed (make browser)")
    from tests.ui.browser import chromium

    if chromium() is None:
        absent("Chromium is not installed (apt install chromium)")


@pytest.fixture(scope="module")
def browser(chromium_installed: None) -> Iterator[Browser]:
    """Run Chromium for one file: Playwright's event loop would be in the way of the next file's own."""
    from tests.ui.browser import started

    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with started() as running:
        yield running


@pytest.fixture(scope="session")
def site(chromium_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the demo on a free port; LAB_TUTOR_TEST_UI_URL names one that runs already."""
    given = os.environ.get("LAB_TUTOR_TEST_UI_URL", "").rstrip("/")
    deadline = time.monotonic() + START_SECONDS
    if given:
        while not answers(f"{given}/healthz"):
            if time.monotonic() > deadline:
                pytest.fail(f"no demo answers at {given}")
            time.sleep(0.5)
        yield given
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo")
    log = folder / "log"
    command = [
        sys.executable,
        "-m",
        "graphql_api",
        "demo",
        "--port",
        str(port),
        "--folder",
        str(folder / "data"),
    ]
    # Each test signs in, as more people than one would. On a slow machine the graph is slow and not away.
    environment = os.environ | {
        "LAB_TUTOR_GRAPH_DEADLINE_SECONDS": "60",
        "LAB_TUTOR_OPERATION_DEADLINE_SECONDS": "120",
        "LAB_TUTOR_LOGIN_ATTEMPTS_PER_ACCOUNT": "10000",
        "LAB_TUTOR_LOGIN_ATTEMPTS_PER_ADDRESS": "10000",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{url}/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the demo did not start:\n{log.read_text(encoding='utf-8')[-3_000:]}")
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()


def answers(url: str) -> bool:
    """Return whether something answers 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own server
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def watched(
    browser: Browser, site: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., tuple[Page, Watch]]]:
    """Open pages whose every complaint fails the test in the end."""
    from tests.ui.browser import Watch

    opened = []

    def open_page(*, scheme: str = "light", width: int = 1280, height: int = 900) -> tuple[Page, Watch]:
        context = browser.new_context(
            base_url=site,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        page.set_default_timeout(PAGE_MS)
        watch = Watch(page, site)
        opened.append((context, watch))
        return page, watch

    yield open_page
    try:
        for _, watch in opened:
            watch.check()
    except AssertionError:
        request.node.stash[FAILED] = True
        raise
    finally:
        for number, (context, watch) in enumerate(opened):
            if request.node.stash.get(FAILED, False):
                with contextlib.suppress(Exception):  # the page may be gone; the test's own failure counts
                    watch.page.screenshot(path=ARTIFACTS / f"FAILED-{request.node.name}-{number}.png")
            context.close()


@pytest.fixture
def page(watched: Callable[..., tuple[Page, Watch]]) -> Page:
    """Open one watched page."""
    return watched()[0]
