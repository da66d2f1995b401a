"""What people see while something loads, is empty, is late, or does not work."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import STUDENT, TEACHER
from tests.ui.steps import ask, check_axe, enter, open_example, open_playground, open_tab, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.ui.browser import Watch

Open = Callable[..., "tuple[Page, Watch]"]
pytestmark = pytest.mark.timeout(500)


def without_graph(route: Route) -> None:
    """Answer as the API does while the graph is away: SQL fields stand, graph fields are null."""
    response = route.fetch()
    body = response.json()
    data = body.get("data") or {}
    lost = False
    for key, value in data.items():
        if key in ("conceptMap", "theory", "concept", "studentMastery", "classMastery"):
            data[key], lost = None, True
        elif key == "course" and isinstance(value, dict):
            for name in ("chapters", "concepts"):
                if name in value:
                    value[name], lost = None, True
    if lost:
        body["errors"] = [{"message": "The graph is away.", "extensions": {"code": "GRAPH_UNAVAILABLE"}}]
    route.fulfill(response=response, json=body)


def test_a_class_without_the_graph_has_its_names(page: Page) -> None:
    enter(page, TEACHER)
    page.route("**/graphql", without_graph)
    page.locator(".card").first.get_by_role("link", name=re.compile("^Class")).click()
    page.get_by_role("alert").get_by_text("The graph cannot be reached").wait_for()
    page.locator(".matrix tbody a").nth(19).wait_for()
    assert page.locator(".matrix td").count() == 0
    page.unroute("**/graphql", without_graph)
    page.reload()
    page.locator(".matrix td .sign").first.wait_for()


def test_without_the_graph_sql_parts_are_shown(page: Page) -> None:
    enter(page, STUDENT)
    page.route("**/graphql", without_graph)
    page.locator(".card h2 a").first.click()
    page.get_by_role("alert").get_by_text("The graph cannot be reached").wait_for()
    assert page.get_by_role("heading", level=1).inner_text()
    page.locator(".tabs").get_by_role("link", name="Concept map").click()
    page.locator(".note.away").wait_for()
    check_axe(page)
    page.unroute("**/graphql", without_graph)
    page.get_by_role("button", name="Try again").click()
    page.locator(".map-svg .node").first.wait_for()


def test_a_graph_that_lags_is_told(page: Page) -> None:
    def late(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["extensions"] = {"graph": {"asOf": "2026-01-01T00:00:00Z", "lagMs": 45_000}}
        route.fulfill(response=response, json=body)

    enter(page, STUDENT)
    page.route("**/graphql", late)
    page.locator(".card h2 a").first.click()
    page.get_by_text("The graph is 45 seconds behind").wait_for()
    page.unroute("**/graphql", late)


def test_a_server_that_is_away_is_told(watched: Open) -> None:
    page, watch = watched()
    watch.expected.append("Failed to load resource")
    enter(page, STUDENT)
    page.route("**/graphql", lambda route: route.abort())
    page.locator(".card h2 a").first.click()
    page.get_by_role("alert").get_by_text("The server cannot be reached").wait_for()
    page.unroute_all()


def test_what_is_not_there_is_told(page: Page) -> None:
    enter(page, STUDENT)
    page.goto("/explore#/course/bm8/map")
    page.get_by_role("heading", level=1).wait_for()
    page.goto("/explore#/nowhere")
    page.get_by_role("heading", name="Not found").wait_for()


def test_loading_is_told(page: Page) -> None:
    held: list[Route] = []
    enter(page, STUDENT)

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/graphql", hold)
    page.locator(".card h2 a").first.click()
    page.get_by_role("status").get_by_text("Loading the outline…").wait_for()
    for _ in range(600):
        if held:
            break
        page.wait_for_timeout(100)
    held[0].continue_()
    page.unroute("**/graphql", hold)
    page.locator(".chain > li").first.wait_for()
    assert page.get_by_text("Loading the outline…").count() == 0


def test_an_empty_course_says_so(page: Page) -> None:
    enter(page, TEACHER)
    # Last by its name: other tests take the first course.
    title = f"Zoology {uuid.uuid4().hex[:8]}"
    made = ask(
        page,
        "mutation($input: CreateCourseInput!) { createCourse(input: $input) { "
        "... on CreateCourseSuccess { course { id version } } ... on Problem { message } } }",
        input={"title": title},
    )["createCourse"]["course"]
    try:
        page.goto(f"/explore#/course/{made['id']}")
        page.get_by_role("heading", name=title).wait_for()
        page.get_by_text("This course has no chapter yet.").wait_for()
        open_tab(page, "Concept map")
        page.get_by_text("This course has no concepts yet.").wait_for()
        open_tab(page, "Class")
        page.get_by_text("Nobody is enrolled yet.").wait_for()
        check_axe(page)
    finally:
        ask(
            page,
            "mutation($input: DeleteCourseInput!) { deleteCourse(input: $input) { __typename } }",
            input={"id": made["id"], "expectedVersion": made["version"]},
        )


def test_a_session_that_ends_on_the_way_is_told(page: Page) -> None:
    enter(page, STUDENT)
    page.evaluate(
        "sessionStorage['lab-tutor.session'] = JSON.stringify({...JSON.parse(sessionStorage['lab-tutor.session']), "
        "accessToken: 'no-token', refreshToken: 'no-token'})"
    )
    page.reload()
    page.locator(".note").get_by_text("Your session has ended").wait_for()
    page.get_by_text("Not signed in").wait_for()


def test_a_token_is_refreshed_before_it_ends(page: Page) -> None:
    enter(page, STUDENT)
    kept = "JSON.parse(sessionStorage['lab-tutor.session'])"
    before = page.evaluate(kept)
    page.evaluate(
        f"sessionStorage['lab-tutor.session'] = JSON.stringify({{...{kept}, refreshAt: Date.now() + 500}})"
    )
    page.reload()
    page.locator(".cards .card").first.wait_for()
    wait_until(page, f"old => {kept}.refreshToken !== old", arg=before["refreshToken"])
    assert page.get_by_role("button", name="Sign out").is_visible()


def test_the_playground_tells_that_the_graph_is_away(page: Page) -> None:
    open_playground(page)
    page.get_by_role("group", name="Sign in with a demo account").get_by_role(
        "button", name="Student"
    ).click()
    page.get_by_role("button", name="Sign out").wait_for()
    open_example(page, "ConceptMap")
    page.route("**/graphql", without_graph)
    page.locator(".graphiql-execute-button").click()
    page.get_by_role("alert").get_by_text("The graph cannot be reached").wait_for()
    page.unroute("**/graphql", without_graph)
    page.locator(".graphiql-execute-button").click()
    page.locator(".result-window").get_by_text('"conceptMap"').wait_for()
    page.locator(".bar-alert").wait_for(state="hidden")


SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });
"""


def test_nothing_jumps_while_a_page_loads(page: Page) -> None:
    enter(page, TEACHER)
    course = page.locator(".card h2 a").first.get_attribute("href")
    page.add_init_script(SHIFTS)
    for tab, there in (("", ".chain > li"), ("/map", ".map-svg .node"), ("/class", ".matrix td .sign")):
        page.goto("/")
        page.goto(f"/explore{course}{tab}")
        page.locator(there).first.wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("window.shifted") < 0.01, tab
