"""By which address attempts are counted: who connects, and what X-Forwarded-For says only of a trusted proxy."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from graphql_api.addresses import client_address
from sql.session import Database
from tests.api_fixtures import PROFILES, make_settings, open_api
from tests.graphql_api.test_shapes import answer, post
from tests.graphql_api.test_streams import Served, serve

BOUND = 3
LOG_IN = "mutation($i: LogInInput!) { logIn(input: $i) { __typename } }"


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a name", "a name"),
        ("", "unknown"),
    ],
)
def test_addresses(host: str, wanted: str) -> None:
    assert client_address(HTTPConnection({"type": "http", "client": (host, 1)})) == wanted


def test_no_client_at_all() -> None:
    assert client_address(HTTPConnection({"type": "http", "client": None})) == "unknown"


@asynccontextmanager
async def served(database: Database, folder: Path, **changes: Any) -> AsyncIterator[Served]:
    settings = make_settings(folder, login_attempts_per_address=BOUND, **changes)
    async with open_api(settings, database, None) as api, serve(api) as found:
        yield found


async def attempt(served: Served, number: int, forwarded: str) -> str:
    """Guess at an account of its own; return the code of the answer."""
    given = {"email": f"nobody{number}@example.org", "password": "not the passphrase"}
    body = json.dumps({"query": LOG_IN, "variables": {"i": given}}).encode()
    headers = f"x-forwarded-for: {forwarded}\r\nforwarded: for={forwarded}\r\nx-real-ip: {forwarded}\r\n"
    status, _, told = await answer(served, post(body, headers.encode()))
    assert status == 200
    errors = json.loads(told).get("errors")
    return errors[0]["extensions"]["code"] if errors else "answered"


@pytest.mark.parametrize("profile", PROFILES)
async def test_who_names_another_address_is_counted_all_the_same(
    sqlite_database: Database, tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What uvicorn would read by itself.
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with served(sqlite_database, tmp_path, **PROFILES[profile]) as found:
        codes = [await attempt(found, n, f"198.51.100.{n}") for n in range(BOUND + 2)]
    assert codes == ["answered"] * BOUND + ["RATE_LIMITED"] * 2


@pytest.mark.parametrize("profile", PROFILES)
async def test_of_a_trusted_proxy_the_last_stranger_counts(
    sqlite_database: Database, tmp_path: Path, profile: str
) -> None:
    proxies = {"trusted_proxies": ("127.0.0.1", "10.0.0.0/24")}
    async with served(sqlite_database, tmp_path, **PROFILES[profile], **proxies) as found:
        # Everybody has attempts of their own ...
        codes = [await attempt(found, n, f"198.51.100.{n}") for n in range(BOUND + 2)]
        assert codes == ["answered"] * (BOUND + 2)
        # ... and nobody gets more by what they send along, nor by the other addresses of a network.
        for forwarded in ("203.0.113.{n}, 192.0.2.9, 10.0.0.4", "203.0.113.{n}, 2001:db8::{n}"):
            codes = [await attempt(found, n, forwarded.format(n=n)) for n in range(BOUND + 2)]
            assert codes == ["answered"] * BOUND + ["RATE_LIMITED"] * 2


@pytest.mark.parametrize("profile", PROFILES)
async def test_attempts_outlive_the_process(sqlite_database: Database, tmp_path: Path, profile: str) -> None:
    for wanted in (["answered"] * 2, ["answered", "RATE_LIMITED"]):
        async with served(sqlite_database, tmp_path, **PROFILES[profile]) as found:
            assert [await attempt(found, n, "192.0.2.1") for n in range(2)] == wanted


@pytest.mark.parametrize("profile", PROFILES)
async def test_processes_count_together(sqlite_database: Database, tmp_path: Path, profile: str) -> None:
    async with (
        served(sqlite_database, tmp_path, **PROFILES[profile]) as one,
        served(sqlite_database, tmp_path, **PROFILES[profile]) as other,
    ):
        codes = [await attempt((one, other)[n % 2], n, "192.0.2.1") for n in range(BOUND + 2)]
    assert codes == ["answered"] * BOUND + ["RATE_LIMITED"] * 2
