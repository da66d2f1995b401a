"""GraphQL over HTTP: any shape of request gets an answer with a code, never a 5xx."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sql.errors import Unavailable
from tests.api_fixtures import Api

GRAPHQL_RESPONSE = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 400),
        (b"null", {}, 400),
        (b"1", {}, 400),
        (b'"{me{id}}"', {}, 400),
        (b"[]", {}, 400),
        (b'[{"query":"{me{id}}"}]', {}, 400),
        (b"{", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"query":null}', {}, 400),
        (b'{"query":7}', {}, 400),
        (b'{"query":""}', {}, 400),
        (b'{"query":"{me{id}}","variables":[]}', {}, 400),
        (b'{"query":"{me{id}}","operationName":7}', {}, 400),
        (b'{"query":"{me{id}}","extensions":[]}', {}, 400),
        (b'{"query":"\\ud800"}', {}, 400),
        (b"[" * 15_000, {}, 400),
        (b'{"query":"{me{id}}"}', {"content-type": "text/plain"}, 415),
        (b'{"query":"{me{id}}"}', {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b'{"query":"{me{id}}"}', {"content-type": "application/json; charset=utf-16"}, 415),
        (b'{"query":"{me{id}}"}', {"accept": "text/plain"}, 406),
        (b'{"query":"{me{id}}"}', {"accept": "application/json"}, 200),
        (b'{"query":"{me{id}}"}', {"accept": "*/*"}, 200),
        (b'{"query":"{me{id}}","variables":{"x":' + b"9" * 5_000 + b"}}", {}, 400),
    ],
)
async def test_shapes_of_a_post(
    attacked_api: Api, content: bytes, headers: dict[str, str], status: int
) -> None:
    response = await attacked_api.http.post(
        "/graphql", content=content, headers={"content-type": "application/json", **headers}
    )
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    if status != 200:
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "data" not in body
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"


async def test_a_body_over_the_bound_is_refused(attacked_api: Api) -> None:
    settings = attacked_api.application.settings
    token = {"authorization": f"Bearer {(await attacked_api.teacher()).token}"}
    anonymous, known = settings.max_anonymous_body_bytes, settings.max_body_bytes
    for headers, bound in (({}, anonymous), ({"authorization": "Bearer a.b.c"}, anonymous), (token, known)):
        for size, status in ((bound + 1, 413), (bound, 400)):
            response = await attacked_api.http.post(
                "/graphql", content=b" " * size, headers={"content-type": "application/json", **headers}
            )
            assert response.status_code == status, (headers, size)
            assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
            assert (str(bound) in response.json()["errors"][0]["message"]) == (status == 413)


async def test_a_body_of_too_many_values_is_refused_unread(attacked_api: Api) -> None:
    headers = {
        "authorization": f"Bearer {(await attacked_api.teacher()).token}",
        "content-type": "application/json",
    }
    bound = attacked_api.application.settings.max_body_values
    query = b'{"query":"{me{id}}","variables":{"x":%b}}'
    for value in (b"[" + b"1," * bound + b"1]", b"[" * bound, b"[" + b"{}," * bound + b"{}]"):
        response = await attacked_api.http.post("/graphql", content=query % value, headers=headers)
        assert response.status_code == 413
        assert f"more than {bound} values" in response.json()["errors"][0]["message"]
    for value in (b"[" + b"1," * 1_000 + b"1]", b'{"a":[[' + b"[]," * 1_000 + b"[]]]}"):
        response = await attacked_api.http.post("/graphql", content=query % value, headers=headers)
        assert response.status_code == 413
        assert "a list of more than 1000 items" in response.json()["errors"][0]["message"]
    for value in (
        b"[" + b"1," * 999 + b"1]",
        b'"' + b"," * bound + b'"',
        b'"' + b'\\",' * bound + b'"',
        b"[1,2,3]",
    ):
        response = await attacked_api.http.post("/graphql", content=query % value, headers=headers)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nobody }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { id } } query B { me { id } }", "BAD_USER_INPUT"),
        ("fragment F on User { id }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "me { id } " * 300 + "}", "QUERY_TOO_COMPLEX"),
        ("{ me { id } }" + " #" + "x" * 10 + "\n" + "{ a }" * 3_000, "QUERY_TOO_COMPLEX"),
        ("{ course(id: 1.5) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($i: ID!) { course(id: $i) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_documents_that_are_refused(attacked_api: Api, query: str, code: str) -> None:
    for accept, status in (("application/json", 200), (GRAPHQL_RESPONSE, 400)):
        response = await attacked_api.http.post("/graphql", json={"query": query}, headers={"accept": accept})
        assert response.status_code == status
        assert response.headers["content-type"].startswith(accept)
        body = response.json()
        assert "data" not in body
        assert body["errors"][0]["extensions"]["code"] == code


async def test_an_answer_has_the_media_type_that_was_asked_for(attacked_api: Api) -> None:
    response = await attacked_api.http.post(
        "/graphql",
        json={"query": "{ me { id } }"},
        headers={"accept": f"{GRAPHQL_RESPONSE}, application/json;q=0.9"},
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{GRAPHQL_RESPONSE}; charset=utf-8"
    assert response.json() == {"data": {"me": None}}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", GRAPHQL_RESPONSE),
        ("APPLICATION/JSON", "application/json"),
        (f"{GRAPHQL_RESPONSE}; charset=utf-8", GRAPHQL_RESPONSE),
        (f"application/json;q=0.9, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.1, application/json;q=0.2", "application/json"),
        (f"text/html, {GRAPHQL_RESPONSE};q=0.2, */*;q=0.1", GRAPHQL_RESPONSE),
        ("application/json;q=0, */*", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, application/*;q=0.5", "application/json"),
        ("application/json;q=0, application/graphql-response+json;q=0, */*", None),
        ("application/json;q=", None),
        ("image/png", None),
    ],
)
async def test_media_types_are_negotiated(attacked_api: Api, accept: str, wanted: str | None) -> None:
    response = await attacked_api.post({"query": "{ me { id } }"}, accept=accept)
    if wanted is None:
        assert response.status_code == 406
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert response.headers["content-type"] == f"{wanted}; charset=utf-8"
        assert response.json() == {"data": {"me": None}}


async def test_queries_by_get_and_nothing_else(attacked_api: Api) -> None:
    http = attacked_api.http
    answer = await http.get("/graphql", params={"query": "{ me { id } }"})
    assert (answer.status_code, answer.json()) == (200, {"data": {"me": None}})
    mutation = 'mutation M { logOut(input: {refreshToken: "x"}) { __typename } } query Q { me { id } }'
    refused = await http.get("/graphql", params={"query": mutation, "operationName": "M"})
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    across = await http.get(
        "/graphql", params={"query": "{ me { id } }"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert across.status_code == 403
    other = await http.put("/graphql", content=b"{}")
    assert other.status_code == 405


async def test_a_persisted_query_without_its_document(attacked_api: Api) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    for accept, status in (("application/json", 200), (GRAPHQL_RESPONSE, 400)):
        by_post = await attacked_api.post({"extensions": extensions}, accept=accept)
        by_get = await attacked_api.http.get(
            "/graphql", params={"extensions": json.dumps(extensions)}, headers={"accept": accept}
        )
        for response in (by_post, by_get):
            assert response.status_code == status
            assert response.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"
            assert "data" not in response.json()
    # With its document it is a request like any other.
    whole = await attacked_api.post({"query": "{ me { id } }", "extensions": extensions})
    assert whole.json() == {"data": {"me": None}}


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic dXNlcg==", "Bearer a.b.c"])
async def test_a_token_that_does_not_hold(attacked_api: Api, header: str) -> None:
    response = await attacked_api.http.post(
        "/graphql", json={"query": "{ me { id } }"}, headers={"authorization": header}
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_at_most_ten_errors(attacked_api: Api) -> None:
    query = "{" + " ".join(f'a{i}: course(id: "x") {{ id }}' for i in range(15)) + "}"
    body = await attacked_api.ask(query)
    assert len(body["errors"]) == 10


async def test_an_unexpected_error_is_masked(attacked_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = await attacked_api.teacher()

    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("sql.courses.list_courses", broken)
    body = await attacked_api.ask("{ courses { totalCount } }", teacher)
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert len(body["errors"][0]["extensions"]["incidentId"]) == 32
    assert "secret" not in json.dumps(body)


async def test_a_database_that_goes_away_before_the_execution_is_an_answer_too(
    attacked_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(attacked_api.application, "context", away)
    response = await attacked_api.post({"query": "{ __typename }"})
    assert response.status_code == 500
    (error,) = response.json()["errors"]
    assert error["extensions"].keys() == {"code", "incidentId", "retryable"}
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["retryable"] is True
    assert "try again" in error["message"]


async def test_without_a_graph_sql_still_answers(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    teacher = await api.teacher()
    made = await api.ok("createCourse", teacher, "course { id }", title="Sets")
    assert made["sync"]["state"] == "DISABLED"
    body = await api.ask(
        "query($c: ID!) { course(id: $c) { title chapterCount chapters { name } } "
        "chapterSequence(courseId: $c) { name } }",
        teacher,
        c=made["course"]["id"],
    )
    assert body["data"] == {
        "course": {"title": "Sets", "chapterCount": 0, "chapters": None},
        "chapterSequence": None,
    }
    assert {error["extensions"]["code"] for error in body["errors"]} == {"GRAPH_UNAVAILABLE"}
    assert {error["extensions"]["retryable"] for error in body["errors"]} == {False}
