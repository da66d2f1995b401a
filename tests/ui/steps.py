"""Steps that several browser tests take: signing in, going to a page, looking for faults, keeping a picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.ui.conftest import ARTIFACTS, AXE, PASSWORD, absent

if TYPE_CHECKING:
    from playwright.sync_api import Page


def enter(page: Page, email: str) -> None:
    """Sign in and wait for the list of courses."""
    from tests.ui.browser import sign_in

    page.goto("/explore")
    sign_in(page, email, PASSWORD)
    page.locator(".cards .card").first.wait_for()


def open_course(page: Page, tab: str | None = None) -> None:
    """Go to the first course, and to one of its pages."""
    page.locator(".card h2 a").first.click()
    page.locator(".chain > li").first.wait_for()
    if tab is not None:
        open_tab(page, tab)


def open_tab(page: Page, name: str) -> None:
    """Go to another page of the same course."""
    page.locator(".tabs").get_by_role("link", name=name).click()


def map_is_drawn(page: Page) -> None:
    """Wait until the concept map is there and no newer one is on its way."""
    page.locator(".map-svg .node").first.wait_for()
    page.locator("main:not([aria-busy])").wait_for()


def open_map(page: Page) -> None:
    """Go to the map of the first course and wait until it is drawn."""
    open_course(page, "Concept map")
    map_is_drawn(page)


def open_playground(page: Page) -> None:
    """Load it and wait until it can be used."""
    page.goto("/graphql")
    page.locator(".examples button").first.wait_for()
    page.locator(".graphiql-execute-button").wait_for()


def open_example(page: Page, name: str) -> None:
    """Put an example into the editor."""
    page.get_by_role("button", name=name, exact=True).click()
    page.locator(".examples [role=status]").get_by_text(f"{name} is in the editor").wait_for()
    # GraphiQL takes over what is in the editor a moment later: the name of the tab tells.
    page.locator(".graphiql-tab-active").get_by_text(name, exact=True).wait_for()


def check_axe(page: Page) -> None:
    """Fail for anything serious that axe-core finds."""
    if not AXE.is_file():
        absent("axe-core is not installed (make -C ui install)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "async () => (await axe.run()).violations.map((v) => ({impact: v.impact, id: v.id, "
        "nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200))}))"
    )
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(serious, indent=1)


def look_over(page: Page, name: str) -> None:
    """Keep a picture of the page, then look for faults in it."""
    page.screenshot(path=ARTIFACTS / f"{name}.png")
    check_axe(page)


def ask(page: Page, query: str, **variables: Any) -> dict[str, Any]:
    """Ask the API as the person who is signed in on the page."""
    token = page.evaluate("JSON.parse(sessionStorage['lab-tutor.session']).accessToken")
    answer = page.request.post(
        "/graphql",
        data={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
    ).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def wait_until(page: Page, expression: str, arg: Any = None) -> None:
    """Poll until an expression is true; the page's own polling would need eval, which the policy refuses."""
    for _ in range(600):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}")
