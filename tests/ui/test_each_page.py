"""Each page with each role, light and dark, wide and narrow: axe-core finds nothing serious, a picture is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import ADMIN, STUDENT, TEACHER
from tests.ui.steps import (
    enter,
    look_over,
    map_is_drawn,
    open_course,
    open_example,
    open_map,
    open_playground,
    open_tab,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.ui.browser import Watch

Open = Callable[..., "tuple[Page, Watch]"]
pytestmark = pytest.mark.timeout(500)
ROLES = {"student": STUDENT, "teacher": TEACHER, "admin": ADMIN}
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@SCHEMES
def test_pages_for_everybody(watched: Open, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    page.goto("/")
    page.get_by_role("heading", name="What runs here").wait_for()
    look_over(page, f"landing-{scheme}")
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("heading", name="Welcome").wait_for()
    look_over(page, f"explore-signed-out-{scheme}")


@SCHEMES
def test_playground(watched: Open, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    open_playground(page)
    page.get_by_role("group", name="Sign in with a demo account").get_by_role(
        "button", name="Teacher"
    ).click()
    page.get_by_text("Signed in: Robin Teacher").wait_for()
    open_example(page, "CourseOutline")
    page.locator(".graphiql-execute-button").click()
    page.locator(".result-window").get_by_text('"data"').wait_for()
    look_over(page, f"playground-{scheme}")
    for title, inside in (
        ("Show GraphiQL Explorer", ".graphiql-explorer-root"),
        ("Show Documentation Explorer", ".graphiql-doc-explorer"),
        ("Show History", ".graphiql-history-items"),
    ):
        page.get_by_role("button", name=title).click()
        page.locator(inside).first.wait_for()
        look_over(page, f"playground-{inside.split('-')[1]}-{scheme}")


@SCHEMES
@pytest.mark.parametrize("role", list(ROLES))
def test_courses_outline_and_map(watched: Open, role: str, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    enter(page, ROLES[role])
    look_over(page, f"courses-{role}-{scheme}")
    open_course(page)
    page.locator("details.theory summary").first.click()
    page.get_by_role("heading", name=re.compile("^Readings")).first.wait_for()
    look_over(page, f"outline-{role}-{scheme}")
    open_tab(page, "Concept map")
    map_is_drawn(page)
    look_over(page, f"map-{role}-{scheme}")


@SCHEMES
def test_map_of_one_concept_and_of_a_goal(watched: Open, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    enter(page, STUDENT)
    # The course whose concepts have prerequisites.
    page.locator(".card", has_text="Metacademy").get_by_role("link", name=re.compile("^Concept map")).click()
    map_is_drawn(page)
    page.locator("#find-concept").fill("logistic regression")
    page.locator(".results button").first.click()
    page.get_by_role("link", name="Centre on it").click()
    page.locator(".map-svg .node.marked").wait_for()
    map_is_drawn(page)
    page.locator(".panel .actions").wait_for()
    look_over(page, f"map-around-{scheme}")
    page.get_by_role("link", name="What comes before it").click()
    page.locator(".shape-box .node:nth-of-type(5)").wait_for()
    page.locator(".panel .actions").wait_for()
    look_over(page, f"map-goal-{scheme}")


@SCHEMES
def test_mastery_of_a_student(watched: Open, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    enter(page, STUDENT)
    open_course(page, "My mastery")
    page.locator(".chapter table tbody tr").first.wait_for()
    look_over(page, f"mastery-student-{scheme}")


@SCHEMES
@pytest.mark.parametrize("role", ["teacher", "admin"])
def test_class_and_one_of_its_students(watched: Open, role: str, scheme: str) -> None:
    page, _ = watched(scheme=scheme)
    enter(page, ROLES[role])
    open_course(page, "Class")
    page.locator(".matrix td:nth-child(3) .sign").first.wait_for()
    look_over(page, f"class-{role}-{scheme}")
    page.locator(".matrix tbody a").first.click()
    page.locator(".chapter table tbody tr").first.wait_for()
    look_over(page, f"class-one-student-{role}-{scheme}")


@SCHEMES
@pytest.mark.parametrize("role", ["student", "teacher"])
def test_narrow_screens(watched: Open, role: str, scheme: str) -> None:
    page, _ = watched(scheme=scheme, width=390, height=800)
    enter(page, ROLES[role])
    open_map(page)
    look_over(page, f"narrow-map-{role}-{scheme}")
    open_tab(page, "Class" if role == "teacher" else "My mastery")
    page.locator("main table").first.wait_for()
    look_over(page, f"narrow-mastery-{role}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
