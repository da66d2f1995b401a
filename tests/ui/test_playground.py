"""The playground in a real browser."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.conftest import ADMIN, PASSWORD, STUDENT, TEACHER
from tests.ui.steps import check_axe, open_example, open_playground, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.timeout(500)


def tab(page: Page, name: str) -> Locator:
    """Return the button of an open operation."""
    return page.get_by_role("list", name="Select active operation").get_by_role(
        "button", name=name, exact=True
    )


def run(page: Page) -> dict[str, Any]:
    """Press the run button and return the answer; the playground may still be asking for the schema."""
    with page.expect_response(
        lambda r: (
            r.url.endswith("/graphql")
            and r.request.method == "POST"
            and "IntrospectionQuery" not in (r.request.post_data or "")
        )
    ) as answer:
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
                 "ConceptRelations", "StudentMastery", "ExtractionPage", "ClassMastery"):  # fmt: skip
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
    tab(page, "CourseList").click()
    assert tab(page, "CourseList").get_attribute("aria-current") == "true"
    assert tab(page, "ChapterSequence").get_attribute("aria-current") is None
    assert "courses" in run(page)["data"]
    tab(page, "ChapterSequence").click()
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
    tab(other, "ChapterSequence").wait_for()
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
    text = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()"
    wait_until(page, f"(pretty) => {text}.startsWith(pretty)", "query Q {\n  me {\n    id")


def test_tab_leaves_the_editors(page: Page) -> None:
    open_playground(page)
    page.locator(".graphiql-query-editor .CodeMirror").click()
    before = page.evaluate(
        "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()"
    )
    inside = "document.querySelector('.graphiql-query-editor').contains(document.activeElement)"
    assert page.evaluate(inside)
    for _ in range(12):
        page.keyboard.press("Tab")
        if not page.evaluate(inside):
            break
    assert not page.evaluate(inside)
    after = page.evaluate(
        "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()"
    )
    assert after == before


def test_the_explorer_names_its_controls(page: Page) -> None:
    open_playground(page)
    sign_in(page)
    open_example(page, "ConceptMap")
    page.get_by_role("button", name="Show GraphiQL Explorer").click()
    page.get_by_label("Name of the operation").first.wait_for()
    assert page.get_by_label("Kind of operation").count() == 1
    check_axe(page)


@pytest.mark.parametrize(
    ("button", "email", "role"),
    [("Teacher", TEACHER, "teacher"), ("Student", STUDENT, "student"), ("Operator", ADMIN, "admin")],
)
def test_a_demo_account_is_one_click(page: Page, button: str, email: str, role: str) -> None:
    open_playground(page)
    group = page.get_by_role("group", name="Sign in with a demo account")
    assert group.get_by_role("button", name=button).get_attribute("title") == email
    group.get_by_role("button", name=button).click()
    page.get_by_text(re.compile(rf"^Signed in: .*, {role}$")).wait_for()
    page.get_by_role("button", name="Sign out").wait_for()
