"""Accounts over HTTP: signing in, rotating, ending, and limits that hold for aliases too."""

from __future__ import annotations

from tests.api_fixtures import Actor, Api

PASSWORD = "a long enough passphrase"
SESSION = "session { accessToken refreshToken accessExpiresAt user { id role email } }"


async def _register(api: Api, email: str = "Grace@Example.org", **more: object) -> dict[str, object]:
    payload = await api.ok(
        "register",
        None,
        SESSION,
        email=email,
        password=PASSWORD,
        firstName="Grace",
        lastName="Hopper",
        **more,
    )
    session: dict[str, object] = payload["session"]
    return session


def _actor(session: dict[str, object]) -> Actor:
    return Actor("", 0, "", str(session["accessToken"]))


async def test_register_log_in_and_who_am_i(api: Api) -> None:
    session = await _register(api)
    assert session["user"] == {**session["user"], "role": "STUDENT", "email": "grace@example.org"}  # type: ignore[dict-item]
    again = await api.ok("logIn", None, SESSION, email="GRACE@example.org", password=PASSWORD)
    me = await api.data("{ me { __typename firstName } }", _actor(again["session"]))
    assert me["me"] == {"__typename": "Student", "firstName": "Grace"}


async def test_a_taken_address_and_bad_values(attacked_api: Api) -> None:
    api = attacked_api
    await _register(api)
    taken = await api.mutate(
        "register", None, email="grace@example.org", password=PASSWORD, firstName="G", lastName="H"
    )
    assert (taken["__typename"], taken["code"]) == ("ConflictProblem", "DUPLICATE")
    assert taken["path"] == ["input", "email"]
    bad = await api.mutate("register", None, email="nobody", password=PASSWORD, firstName="", lastName="H")
    assert bad["__typename"] == "InvalidInputProblem"
    assert sorted(field["path"][-1] for field in bad["fields"]) == ["email", "firstName"]
    weak = await api.mutate(
        "register", None, email="x@example.org", password="short", firstName="G", lastName="H"
    )
    assert weak["__typename"] == "InvalidInputProblem"
    admin = await api.mutate(
        "register", None, email="y@example.org", password=PASSWORD, firstName="G", lastName="H", role="ADMIN"
    )
    assert admin["__typename"] == "InvalidInputProblem"


async def test_wrong_credentials_do_not_tell_which(attacked_api: Api) -> None:
    api = attacked_api
    await _register(api)
    wrong = await api.mutate("logIn", None, email="grace@example.org", password="not the passphrase")
    unknown = await api.mutate("logIn", None, email="nobody@example.org", password="not the passphrase")
    assert wrong == unknown
    assert wrong["code"] == "INVALID_CREDENTIALS"


async def test_a_refresh_token_serves_once_and_its_reuse_ends_the_family(api: Api) -> None:
    session = await _register(api)
    first = await api.ok("refresh", None, SESSION, refreshToken=session["refreshToken"])
    reused = await api.mutate("refresh", None, refreshToken=session["refreshToken"])
    assert reused["code"] == "INVALID_CREDENTIALS"
    ended = await api.mutate("refresh", None, refreshToken=first["session"]["refreshToken"])
    assert ended["code"] == "INVALID_CREDENTIALS"


async def test_log_out_and_password_change_end_sessions(attacked_api: Api) -> None:
    api = attacked_api
    session = await _register(api)
    other = (await api.ok("logIn", None, SESSION, email="grace@example.org", password=PASSWORD))["session"]
    out = await api.ok("logOut", None, "endedSessions", refreshToken=other["refreshToken"])
    assert out["endedSessions"] == 1
    assert (await api.mutate("refresh", None, refreshToken=other["refreshToken"]))[
        "code"
    ] == "INVALID_CREDENTIALS"
    changed = await api.ok(
        "changePassword",
        _actor(session),
        SESSION,
        currentPassword=PASSWORD,
        newPassword="another long passphrase",
    )
    assert (await api.mutate("refresh", None, refreshToken=session["refreshToken"]))[
        "code"
    ] == "INVALID_CREDENTIALS"
    await api.ok("refresh", None, SESSION, refreshToken=changed["session"]["refreshToken"])
    assert (await api.mutate("logIn", None, email="grace@example.org", password=PASSWORD))[
        "code"
    ] == "INVALID_CREDENTIALS"


async def test_a_hundred_aliases_are_a_hundred_attempts(attacked_api: Api) -> None:
    api = attacked_api
    bound = api.application.settings.login_attempts_per_account
    query = (
        "mutation($i: LogInInput!) {"
        + " ".join(f"a{n}: logIn(input: $i) {{ __typename }}" for n in range(bound + 3))
        + "}"
    )
    body = await api.ask(query, i={"email": "grace@example.org", "password": "not the passphrase"})
    codes = [error["extensions"]["code"] for error in body["errors"]]
    assert codes == ["RATE_LIMITED"] * 3
    assert body["errors"][0]["extensions"]["retryAfterMs"] > 0


async def test_registering_twice_with_one_key_makes_one_account(attacked_api: Api) -> None:
    api = attacked_api
    first = await _register(api, idempotencyKey="k-1")
    second = await _register(api, idempotencyKey="k-1")
    assert first["user"] == second["user"]
