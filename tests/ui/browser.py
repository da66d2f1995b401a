"""A real Chromium, and a page that a test fails for whatever the browser complains about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route, WebSocket, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Runs before any script of the page: what the policy refuses is kept for the test to read.
WATCH = """
window.refusals = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.refusals.push(
    `${event.effectiveDirective} refused ${event.blockedURI} (${event.sourceFile}:${event.lineNumber})`));
"""


def chromium() -> str | None:
    """Return the path of an installed Chromium."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def started() -> Iterator[Browser]:
    """Run a browser for a block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """What went wrong in a page, by the rules of this project: nothing may."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.problems: list[str] = []
        self.expected: list[str] = []
        page.add_init_script(WATCH)
        page.on(
            "console", lambda m: self.problems.append(f"console: {m.text}") if m.type == "error" else None
        )
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.context.route("**/*", self._only_own_origin)
        page.on("websocket", self._only_own_socket)

    def _only_own_origin(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or f"{parts.scheme}://{parts.netloc}" == self.origin:
            route.continue_()
            return
        self.problems.append(f"left the origin: {route.request.url}")
        route.abort()

    def _only_own_socket(self, socket: WebSocket) -> None:
        parts = urlsplit(socket.url)
        if f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}" != self.origin:
            self.problems.append(f"left the origin: {socket.url}")

    def check(self) -> None:
        """Fail for anything that the browser complained about, but for what a test expects."""
        if not self.page.is_closed():
            self.problems += self.page.evaluate("window.refusals ?? []")
        left = [p for p in self.problems if not any(words in p for words in self.expected)]
        assert not left, "\n".join(left)


def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in by the bar's form; with demo accounts it is folded away."""
    other = page.locator(".bar-other summary")
    if other.count():
        other.click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()
