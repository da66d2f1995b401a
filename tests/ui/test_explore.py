"""Landing page and course map in a real browser, for each role."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import STUDENT, TEACHER
from tests.ui.steps import check_axe, enter, map_is_drawn, open_course, open_map, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.ui.browser import Watch

Open = Callable[..., "tuple[Page, Watch]"]
pytestmark = pytest.mark.timeout(500)


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
    page.locator(".map-svg .line.type-RELATED_TO").first.wait_for(state="detached")
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
    here = "document.activeElement.querySelector('title').textContent"
    visited = [page.evaluate(here)]
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        visited.append(page.evaluate(here))
    assert all(visited)
    assert len(set(visited)) > 1
    page.keyboard.press("Enter")
    page.locator(".panel .actions").wait_for()
    whole = view_box(page)
    page.keyboard.press("+")
    assert view_box(page)[2] < whole[2]
    page.keyboard.press("0")
    assert view_box(page) == whole
    page.keyboard.press("c")
    page.get_by_role("heading", name=re.compile("^Around")).wait_for()


def view_box(page: Page) -> list[float]:
    """Return x, y, width and height of what the map shows, in its own units."""
    return [float(number) for number in (page.locator(".map-svg").get_attribute("viewBox") or "").split()]


def test_concept_map_is_moved_and_zoomed(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    whole = view_box(page)
    box = page.locator(".map-svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 128, box["y"] + 68, steps=4)
    page.mouse.up()
    moved = view_box(page)
    assert moved[0] < whole[0]
    assert moved[1] < whole[1]
    assert moved[2:] == whole[2:]
    assert page.locator(".map-svg .chosen").count() == 0
    page.get_by_role("button", name="Zoom in").click()
    assert view_box(page)[2] < moved[2]
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_role("button", name="Show all").click()
    assert view_box(page) == whole
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    wait_until(
        page, "width => document.querySelector('.map-svg').viewBox.baseVal.width < width", arg=whole[2]
    )


def test_the_largest_map_says_what_it_leaves_out(page: Page) -> None:
    enter(page, STUDENT)
    page.locator(".card", has_text="Metacademy").get_by_role("link", name=re.compile("^Concept map")).click()
    map_is_drawn(page)
    page.get_by_text("Only the 250 most connected concepts are drawn").wait_for()
    assert page.locator(".map-svg .node").count() == 250
    # Reasons on the edges and beside them, and quotes as evidence.
    page.locator("#find-concept").fill("logistic regression")
    page.locator(".results").get_by_role("button", name="logistic regression", exact=True).click()
    page.locator(".panel .relations .reason").first.wait_for()
    page.locator(".panel .evidence blockquote").first.wait_for()


def test_reasons_are_there_as_text(page: Page) -> None:
    enter(page, STUDENT)
    open_map(page)
    assert page.locator(".map-svg .hit title").count() > 0
    page.locator(".as-table summary").click()
    page.locator(".as-table tbody tr").first.wait_for()
