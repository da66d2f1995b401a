"""Landing page and course map in a real browser, for each role."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import STUDENT, TEACHER
from tests.ui.steps import check_axe, enter, open_course, open_map

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


def test_landing_page_says_what_runs_here(page: Page) -> None:
    page.goto("/")
    page.get_by_role("heading", name="What runs here").wait_for()
    facts = page.locator("dl").inner_text()
    assert "SQLite" in facts or "PostgreSQL" in facts
    assert "embedded engine (ArcadeDB), answers" in facts or "Neo4j server, answers" in facts
    assert "POST /graphql" in facts
    for href in ("/explore", "/graphql", "/readyz"):
        page.locator(f'.ways a[href="{href}"]').wait_for()
        assert page.request.get(href, headers={"accept": "text/html"}).ok


def test_student_reads_the_outline(page: Page) -> None:
    enter(page, STUDENT)
    open_course(page)
    page.locator("details.theory summary").first.click()
    page.get_by_role("heading", name=re.compile("^Readings")).first.wait_for()
    page.get_by_role("heading", name=re.compile("^Videos")).first.wait_for()
    assert page.locator("details.theory[open] .badge").count() > 0
    assert page.get_by_role("link", name="Class").count() == 0


def test_student_sees_the_own_mastery(page: Page) -> None:
    enter(page, STUDENT)
    open_course(page, "My mastery")
    page.locator(".chapter table tbody tr").first.wait_for()
    assert page.locator(".chapter td .badge").count() > page.locator(".chapter td .band-NOT_STARTED").count()
    assert page.locator(".legend li").count() == 5


def open_class(page: Page) -> None:
    """Go to the class of the first course and wait for its cells."""
    open_course(page, "Class")
    page.locator(".matrix td:nth-child(4) .sign").first.wait_for()


def test_teacher_turns_the_pages_of_the_class(page: Page) -> None:
    enter(page, TEACHER)
    open_class(page)
    rows = page.locator(".matrix tbody tr")
    assert rows.count() == 20
    first = rows.first.inner_text()
    page.get_by_role("button", name="More students").click()
    page.get_by_role("button", name="Students before").wait_for()
    assert rows.count() == 10
    assert page.get_by_role("button", name="More students").count() == 0
    page.get_by_role("button", name="Students before").click()
    rows.nth(19).wait_for()
    assert rows.first.inner_text() == first


def test_teacher_sorts_the_class_and_chooses_a_chapter(page: Page) -> None:
    enter(page, TEACHER)
    open_class(page)
    page.get_by_label("Skills of").focus()
    page.get_by_label("Skills of").select_option("Preliminaries")
    page.wait_for_url(re.compile("chapter="))
    page.locator(".matrix").get_by_role("button", name="Explain Calculus").wait_for()
    assert page.evaluate("document.activeElement.id") == "chapter"
    skills = page.locator(".matrix thead th").count() - 3
    assert page.locator("caption").inner_text().startswith(f"30 students; mastery of {skills} skills.")
    heading = page.locator(".matrix thead button").nth(3)
    for order in ("descending", "ascending"):
        heading.click()
        assert page.locator(".matrix th[aria-sort]").get_attribute("aria-sort") == order
        shown = page.locator(".matrix tbody td:nth-child(4)").all_inner_texts()
        values = [int(found[1]) if (found := re.search(r"(\d+) %", text)) else -1 for text in shown]
        assert values == sorted(values, reverse=order == "descending")
        assert len(set(values)) > 2
    # What a cell says without its colour: a sign to see, a word to hear.
    cell = page.locator(".matrix td.band-DEVELOPING").first
    assert re.match(r"▃ \d+ %, developing", cell.inner_text().replace("\n", ""))
    check_axe(page)


def test_teacher_finds_a_student(page: Page) -> None:
    enter(page, TEACHER)
    open_class(page)
    page.get_by_label("Find a student").fill("Chiara")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_text("1 found").wait_for()
    check_axe(page)
    page.locator("#student-results a").click()
    page.get_by_role("heading", name=re.compile("^Chiara")).wait_for()
    page.locator(".chapter table tbody tr").first.wait_for()
    page.get_by_role("link", name="← The whole class").click()
    page.locator(".matrix tbody tr").first.wait_for()


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


def test_concept_map_by_mouse(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    page.locator("#find-concept").fill("a")
    page.locator(".results button").first.click()
    page.locator(".panel .actions").wait_for()
    check_axe(page)
    page.get_by_role("link", name="Centre on it").click()
    page.get_by_role("heading", name=re.compile("^Around")).wait_for()
    page.locator(".map-svg .node.marked").wait_for()
    page.get_by_label("As far as").select_option("1")
    page.wait_for_url(re.compile("depth=1"))
    page.locator(".panel .actions").wait_for()
    page.get_by_role("link", name="What comes before it").click()
    page.get_by_role("heading", name=re.compile("^What comes before")).wait_for()
    page.locator(".shape-box .node.marked").wait_for()


def test_concept_map_is_filtered_by_type(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    page.get_by_role("checkbox", name="related to").uncheck()
    page.wait_for_url(re.compile("types="))
    page.locator("main:not([aria-busy])").wait_for()
    page.locator(".map-svg .node").first.wait_for()
    assert page.locator(".map-svg .line.type-RELATED_TO").count() == 0
    # The focus stays where it was.
    assert page.evaluate("document.activeElement.value") == "RELATED_TO"


def test_concept_map_by_keyboard(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    page.locator("#find-concept").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('node')"):
            break
    first = page.evaluate("document.activeElement.querySelector('title')?.textContent")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    second = page.evaluate("document.activeElement.querySelector('title')?.textContent")
    assert second
    assert first
    page.keyboard.press("Enter")
    page.locator(".panel .actions").wait_for()
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("c")
    page.get_by_role("heading", name=re.compile("^Around")).wait_for()


def test_reasons_are_there_as_text(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    assert page.locator(".map-svg .hit title").count() > 0
    page.locator(".as-table summary").click()
    page.locator(".as-table tbody tr").first.wait_for()


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
