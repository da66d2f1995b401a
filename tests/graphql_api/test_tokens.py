"""Access tokens that somebody made up, bent or kept too long: none opens the door."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from graphql_api.tokens import ALGORITHM, AUDIENCE, ISSUER, LEEWAY_SECONDS, AccessTokens
from resolvers.problems import Unauthenticated
from tests.api_fixtures import Actor, Api

SECRET = "s" * 16 + "0123456789abcdef"
OTHER = "t" * 16 + "0123456789abcdef"


def tokens(secret: str = SECRET, previous: str | None = None) -> AccessTokens:
    return AccessTokens(secret, previous, 900)


def issue(given: AccessTokens) -> str:
    user: Any = SimpleNamespace(id=7)
    return given.issue(user)[0]


def claims(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "7",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=60),
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def forge(given: dict[str, Any], *, key: str = SECRET, algorithm: str = ALGORITHM, **header: Any) -> str:
    kid = jwt.get_unverified_header(issue(tokens()))["kid"]
    return jwt.encode(given, key, algorithm, headers={"kid": kid, **header})


def unsigned() -> str:
    kid = jwt.get_unverified_header(issue(tokens()))["kid"]
    return jwt.encode(claims(), "", "none", headers={"kid": kid})


def with_another_payload() -> str:
    head, _, signature = issue(tokens()).split(".")
    payload = jwt.decode(issue(tokens()), options={"verify_signature": False}) | {"sub": "1"}
    return (
        f"{head}.{base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b'=').decode()}.{signature}"
    )


HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
FORGED = {
    "no signature": unsigned(),
    "another payload": with_another_payload(),
    "another algorithm": forge(claims(), key=SECRET * 2, algorithm="HS512"),
    "another secret under our kid": forge(claims(), key=OTHER),
    "an unknown kid": forge(claims(), kid="0" * 12),
    "no kid": jwt.encode(claims(), SECRET, ALGORITHM),
    "a kid that is a path": forge(claims(), kid="../../dev/null"),
    "another issuer": forge(claims(iss="somebody")),
    "no issuer": forge(claims(iss=None)),
    "another audience": forge(claims(aud="another-api")),
    "no audience": forge(claims(aud=None)),
    "ended": forge(claims(exp=NOW - HOUR)),
    "no end": forge(claims(exp=None)),
    "not yet": forge(claims(nbf=NOW + HOUR)),
    "no beginning": forge(claims(nbf=None)),
    "nobody": forge(claims(sub=None)),
    "a name for a number": forge(claims(sub="ada")),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_refused(kind: str) -> None:
    assert tokens().user_id(forge(claims())) == 7
    with pytest.raises(Unauthenticated):
        tokens().user_id(FORGED[kind])


def test_a_token_lives_for_fifteen_minutes_at_most() -> None:
    payload = jwt.decode(issue(tokens()), options={"verify_signature": False})
    assert payload["exp"] - payload["nbf"] == 900
    assert payload["iat"] == payload["nbf"]
    assert (
        len({jwt.decode(issue(tokens()), options={"verify_signature": False})["jti"] for _ in range(9)}) == 9
    )


def test_a_changed_secret_lets_the_old_tokens_end_by_themselves() -> None:
    old = issue(tokens(SECRET))
    rotated = tokens(OTHER, previous=SECRET)
    assert rotated.user_id(old) == 7
    new = issue(rotated)
    kid = jwt.get_unverified_header(new)["kid"]
    assert kid != jwt.get_unverified_header(old)["kid"]
    assert OTHER not in kid
    assert tokens(OTHER).user_id(new) == 7
    with pytest.raises(Unauthenticated):
        tokens(OTHER).user_id(old)
    # The secret of then under the kid of now signs nothing.
    with pytest.raises(Unauthenticated):
        rotated.user_id(jwt.encode(claims(), SECRET, ALGORITHM, headers={"kid": kid}))


async def test_the_token_of_an_account_that_is_gone_or_closed(attacked_graphless_api: Api) -> None:
    api = attacked_graphless_api
    student = await api.student()
    nobody: Any = SimpleNamespace(id=987_654_321)
    away = Actor("", 0, "", api.application.tokens.issue(nobody)[0])
    assert await api.code("{ me { id } }", away) == "UNAUTHENTICATED"
    assert (await api.data("{ me { id } }", student))["me"]["id"] == student.id
    from sqlalchemy import update

    from sql.models import User

    async with api.database.write() as session:
        await session.execute(update(User).where(User.id == student.key).values(active=False))
    assert await api.code("{ me { id } }", student) == "UNAUTHENTICATED"


def test_a_token_that_held_is_refused_once_it_has_ended() -> None:
    """It is remembered that a token held, and for no longer than it does."""
    for seconds in (1, 10, 60):
        given = tokens()
        # In the last second of the leeway; where this process stood still for as long, a little earlier.
        token = forge(claims(exp=datetime.now(UTC) - timedelta(seconds=LEEWAY_SECONDS - seconds)))
        with contextlib.suppress(Unauthenticated):
            assert given.user_id(token) == 7
            break
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            assert given.user_id(token) == 7
        except Unauthenticated:
            assert given._held
            return
        time.sleep(0.05)
    pytest.fail("the token holds a minute after its end")


def test_remembered_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_api.tokens.REMEMBERED", 3)
    given = tokens()
    for _ in range(10):
        assert given.user_id(issue(given)) == 7
    assert len(given._held) == 3
