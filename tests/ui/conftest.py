"""The demo, served for these tests, and pages of a real Chromium on it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.ui.browser import Watch

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
START_SECONDS = 400.0
PASSWORD = "lab-tutor-demo-2026"
TEACHER = "teacher@demo.example"
STUDENT = "student01@demo.example"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run Chromium; skip, and say why, where it cannot."""
    pytest.importorskip("playwright", reason="playwright is not installed (pip install playwright)")
    from tests.ui.browser import chromium, started

    if chromium() is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with started() as running:
        yield running


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the demo on a free port; LAB_TUTOR_TEST_UI_URL names one that runs already."""
    given = os.environ.get("LAB_TUTOR_TEST_UI_URL")
    if given:
        yield given.rstrip("/")
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
    # Each test signs in, as more people than one would.
    environment = os.environ | {
        "LAB_TUTOR_LOGIN_ATTEMPTS_PER_ACCOUNT": "10000",
        "LAB_TUTOR_LOGIN_ATTEMPTS_PER_ADDRESS": "10000",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
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
def watched(browser: Browser, site: str) -> Iterator[Callable[..., tuple[Page, Watch]]]:
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
        page.set_default_timeout(20_000)
        watch = Watch(page, site)
        opened.append((context, watch))
        return page, watch

    yield open_page
    try:
        for _, watch in opened:
            watch.check()
    finally:
        for context, _ in opened:
            context.close()


@pytest.fixture
def page(watched: Callable[..., tuple[Page, Watch]]) -> Page:
    """Open one watched page."""
    return watched()[0]
