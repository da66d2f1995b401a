"""Subscriptions in the playground: over a WebSocket of the same origin."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.ui.steps import ask, open_example, open_playground, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(500)
CREATE = (
    "mutation M($input: CreateCourseInput!) { createCourse(input: $input) { ... on CreateCourseSuccess "
    "{ course { id version } sync { token state } } ... on Problem { message } } }"
)


def put(page: Page, query: str, variables: dict[str, object]) -> None:
    """Write an operation into the editors."""
    page.evaluate(
        "([query, variables]) => { const editors = [...document.querySelectorAll('.graphiql-editors .CodeMirror')]"
        ".map((one) => one.CodeMirror); editors[0].setValue(query); editors[1].setValue(variables); }",
        [query, json.dumps(variables)],
    )


def result(page: Page) -> str:
    """Return the whole answer, also what has scrolled away."""
    text: str = page.evaluate("document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()")
    return text


def test_a_write_is_followed_until_the_graph_has_it(page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    open_playground(page)
    page.get_by_role("group", name="Sign in with a demo account").get_by_role(
        "button", name="Teacher"
    ).click()
    page.get_by_role("button", name="Sign out").wait_for()
    # Before any write there is no token to put in.
    page.get_by_role("button", name="FollowWrite", exact=True).click()
    page.get_by_text("in place of TOKEN").wait_for()
    put(page, CREATE, {"input": {"title": f"Zoology {uuid.uuid4().hex[:8]}"}})
    with page.expect_response(lambda r: r.url.endswith("/graphql") and "createCourse" in r.text()) as answer:
        page.locator(".graphiql-execute-button").click()
    made = answer.value.json()["data"]["createCourse"]
    try:
        open_example(page, "FollowWrite")
        page.locator(".graphiql-editor-tool").get_by_text(made["sync"]["token"][:12]).first.wait_for()
        page.locator(".graphiql-execute-button").click()
        page.locator(".result-window").get_by_text('"SYNCED"').wait_for()
        body = json.loads(result(page))
        assert body["data"]["syncChanged"]["sync"] == {"state": "SYNCED", "lastError": None}
        # The stream has ended: the button runs again.
        page.get_by_role("button", name=re.compile("^Execute query")).wait_for()
        assert len(sockets) == 1
        assert page.get_by_role("alert").filter(visible=True).count() == 0
    finally:
        ask(
            page,
            "mutation($input: DeleteCourseInput!) { deleteCourse(input: $input) { __typename } }",
            input={"id": made["course"]["id"], "expectedVersion": made["course"]["version"]},
        )


def test_a_subscription_that_is_refused_says_why(page: Page) -> None:
    open_playground(page)
    open_example(page, "FollowWrite")
    page.locator(".graphiql-execute-button").click()
    page.get_by_role("alert").get_by_text("Sign in first").wait_for()
    page.get_by_role("group", name="Sign in with a demo account").get_by_role(
        "button", name="Student"
    ).click()
    page.get_by_role("button", name="Sign out").wait_for()
    page.locator(".graphiql-execute-button").click()
    wait_until(
        page,
        "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue().includes('no such write')",
    )
    assert json.loads(result(page))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    page.get_by_role("button", name=re.compile("^Execute query")).wait_for()
