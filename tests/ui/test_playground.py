"""The playground in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.conftest import PASSWORD, STUDENT, TEACHER

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.ui.browser import Watch

pytestmark = pytest.mark.timeout(500)


def open_playground(page: Page) -> None:
    """Load it and wait until the schema is there."""
    page.goto("/graphql")
    page.locator(".examples button").first.wait_for()
    page.locator(".graphiql-execute-button").wait_for()


def open_example(page: Page, name: str) -> None:
    """Put an example into the editor."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text(re.compile(rf"^{name} is in the editor")).wait_for()
    page.wait_for_timeout(300)


def run(page: Page) -> dict[str, Any]:
    """Press the run button and return the answer."""
    with page.expect_response(lambda r: r.url.endswith("/graphql") and r.request.method == "POST") as answer:
        page.locator(".graphiql-execute-button").click()
    body: dict[str, Any] = answer.value.json()
    return body


def sign_in(page: Page, email: str = STUDENT) -> None:
    """Sign in with the demo's password."""
    from tests.ui.browser import sign_in as by_form

    by_form(page, email, PASSWORD)


def test_every_example_for_reading_answers_without_an_error(page: Page) -> None:
    open_playground(page)
    sign_in(page, TEACHER)
    for name in ("CourseList", "CourseOutline", "ChapterSequence", "TheoryInDepth", "SkillInDepth", "ConceptMap",
                 "ConceptRelations", "StudentMastery", "ExtractionPage"):  # fmt: skip
        open_example(page, name)
        answer = run(page)
        assert "errors" not in answer, (name, answer["errors"])
        assert any(answer["data"].values()), name


def test_an_example_is_filled_with_ids_that_the_viewer_may_see(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    open_example(page, "CourseOutline")
    course = run(page)["data"]["course"]
    assert course["chapters"]
    page.locator(".result-window").get_by_text('"chapters"').first.wait_for()


def test_the_running_tab_sends_its_own_operation_name(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    open_example(page, "CourseList")
    open_example(page, "ChapterSequence")
    page.get_by_role("tab", name="CourseList").click()
    assert "courses" in run(page)["data"]
    page.get_by_role("tab", name="ChapterSequence").click()
    assert "chapterSequence" in run(page)["data"]


def test_tokens_live_in_this_tab_only(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    open_example(page, "CourseList")
    run(page)
    token = json.loads(page.evaluate("sessionStorage['lab-tutor.session']"))["accessToken"]
    assert token not in page.evaluate("JSON.stringify(localStorage)")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Not signed in").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_share_link_opens_the_same_operation_and_is_not_sent(page: Page, site: str) -> None:
    open_playground(page)
    sign_in(page)
    open_example(page, "ChapterSequence")
    page.get_by_role("button", name=re.compile("^Share")).click()
    page.wait_for_url(re.compile("#q="))
    link = page.url
    asked: list[str] = []
    other = page.context.new_page()
    other.on("request", lambda request: asked.append(request.url))
    other.goto(link)
    other.get_by_role("tab", name="ChapterSequence").wait_for()
    assert "chapterSequence" in other.locator(".graphiql-query-editor").inner_text()
    assert '"courseId"' in other.locator(".graphiql-editor-tool").inner_text()
    assert other.url == f"{site}/graphql"
    assert not any("q=" in url for url in asked)


def test_a_damaged_link_is_told(page: Page) -> None:
    page.goto("/graphql#q=abc")
    page.get_by_role("alert").get_by_text("The link is damaged").wait_for()


def test_a_wrong_password_is_told_and_the_form_stays(page: Page) -> None:
    open_playground(page)
    other = page.locator(".bar-other summary")
    if other.count():
        other.click()
    page.get_by_label("E-mail").fill("nobody@demo.example")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator(".bar-alert:visible").wait_for()
    assert page.get_by_role("button", name="Sign in", exact=True).is_enabled()


def test_an_anonymous_question_says_what_to_do(page: Page) -> None:
    open_playground(page)
    open_example(page, "StudentMastery")
    assert run(page)["errors"]
    page.get_by_role("alert").get_by_text("Sign in first").wait_for()


def test_a_session_is_refreshed_when_its_token_is_refused(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    page.evaluate(
        "sessionStorage['lab-tutor.session'] = "
        "JSON.stringify({...JSON.parse(sessionStorage['lab-tutor.session']), accessToken: 'no-token'})"
    )
    page.reload()
    page.locator(".examples button").first.wait_for()
    open_example(page, "CourseList")
    page.locator(".graphiql-execute-button").click()
    page.locator(".result-window").get_by_text('"totalCount"').wait_for()
    assert page.get_by_role("button", name="Sign out").is_visible()


def test_a_session_that_has_ended_says_so(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    page.evaluate(
        "sessionStorage['lab-tutor.session'] = JSON.stringify({...JSON.parse(sessionStorage['lab-tutor.session']), "
        "accessToken: 'no-token', refreshToken: 'no-token', refreshAt: 0})"
    )
    page.reload()
    page.get_by_role("alert").get_by_text("Your session has ended").wait_for()
    page.get_by_text("Not signed in").wait_for()


def test_docs_history_explorer_and_prettify_work_under_the_policy(page: Page) -> None:
    open_playground(page)
    for show, heading in (
        ("Show GraphiQL Explorer", "Explorer"),
        ("Show Documentation Explorer", "Docs"),
        ("Show History", "History"),
    ):
        page.get_by_role("button", name=show).click()
        page.locator(".graphiql-plugin").get_by_text(heading, exact=True).first.wait_for()
    editor = page.locator(".graphiql-query-editor .CodeMirror")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("query Q{me{id")
    page.get_by_role("button", name=re.compile("^Prettify")).click()
    page.wait_for_timeout(200)
    text = page.evaluate("document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()")
    assert text.startswith("query Q {\n  me {\n    id"), text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_leaves_the_origin_in_either_colour_scheme(
    watched: Callable[..., tuple[Page, Watch]], scheme: str
) -> None:
    page, _ = watched(scheme=scheme)
    open_playground(page)
    open_example(page, "CourseList")
    run(page)
