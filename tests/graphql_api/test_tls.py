"""TLS to both stores, as a man in the middle meets it: nothing is said in clear where the address asks for TLS, and a
certificate that nobody vouches for is not taken."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from graph.client import GraphClient, GraphConfig
from graph.errors import GraphError
from graphql_api.settings import load_settings
from sql.errors import SqlError
from sql.session import Database

PASSWORD = "hunter2-hunter2"
CLIENT_HELLO = b"\x16\x03"
BOLT = bytes.fromhex("6060b017")
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@dataclass
class Between:
    """What arrived at the port, in clear and inside of TLS."""

    port: int = 0
    clear: bytes = b""
    inside: bytes = b""
    refused: list[str] = field(default_factory=list)


@asynccontextmanager
async def between(*, answers: bytes = b"", context: ssl.SSLContext | None = None) -> AsyncIterator[Between]:
    """Listen where a store should be: answer the first bytes, then go on with TLS where there is a certificate."""
    seen = Between()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if answers:
                seen.clear += await reader.readexactly(8)
                writer.write(answers)
                if context is not None:
                    await writer.start_tls(context)
                    seen.inside += await reader.read(4_096)
                    return
            seen.clear += await reader.read(4_096)
        except (OSError, asyncio.IncompleteReadError) as error:
            seen.refused.append(str(error))
        finally:
            writer.close()

    async def inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.inside += await reader.read(4_096)
        writer.close()

    direct = context is not None and not answers
    server = await asyncio.start_server(
        inside if direct else meet, "127.0.0.1", 0, ssl=context if direct else None
    )
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that its owner signed."""

    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificate, Certificate]:
    """The server's, and one of a stranger."""
    folder = tmp_path_factory.mktemp("tls")
    return _certificate(folder, "server"), _certificate(folder, "stranger")


@pytest.fixture
def self_signed(certificates: tuple[Certificate, Certificate]) -> ssl.SSLContext:
    return certificates[0].context


def _certificate(folder: Path, name: str) -> Certificate:
    key, certificate = folder / f"{name}-key.pem", folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Certificate(certificate, context)


async def graph_is_refused(scheme: str, port: int) -> None:
    config = GraphConfig(
        uri=f"{scheme}://127.0.0.1:{port}",
        username="neo4j",
        password=PASSWORD,
        read_retry_seconds=0.1,
        connect_timeout_seconds=60,
    )
    client = GraphClient.open(config)
    try:
        with pytest.raises(GraphError):
            await client.ping(deadline_seconds=60)
    finally:
        await client.close()


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s", "bolt+ssc", "neo4j+ssc"])
async def test_nothing_is_said_to_the_graph_in_clear(scheme: str) -> None:
    async with between() as seen:
        await graph_is_refused(scheme, seen.port)
    assert seen.clear.startswith(CLIENT_HELLO)
    assert BOLT not in seen.clear
    assert PASSWORD.encode() not in seen.clear


async def test_what_the_graph_is_told_without_tls() -> None:
    """The attack sees what it looks for: without TLS there is Bolt to read."""
    async with between() as seen:
        await graph_is_refused("bolt", seen.port)
    assert seen.clear.startswith(BOLT)


@pytest.mark.parametrize(("scheme", "taken"), [("bolt+s", False), ("neo4j+s", False), ("bolt+ssc", True)])
async def test_whose_certificate_the_graph_may_have(
    self_signed: ssl.SSLContext, scheme: str, taken: bool
) -> None:
    async with between(context=self_signed) as seen:
        await graph_is_refused(scheme, seen.port)
    assert seen.inside.startswith(BOLT) == taken
    assert bool(seen.inside) == taken


async def sql_is_refused(port: int, options: str) -> None:
    url = f"postgresql://lab_tutor:{PASSWORD}@127.0.0.1:{port}/lab_tutor{options}"
    database = Database(load_settings(database_url=url).sql_url)
    try:
        with pytest.raises((SqlError, OSError)):
            async with database.read() as session:
                await session.execute(text("SELECT 1"))
    finally:
        await database.dispose()


@pytest.mark.parametrize("options", ["?ssl=require", "?ssl=verify-full", "?sslmode=verify-full"])
async def test_nothing_is_said_to_sql_in_clear(
    certificates: tuple[Certificate, Certificate], options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates[1].file))
    # "N" is: go on without TLS.
    async with between(answers=b"N") as seen:
        await sql_is_refused(seen.port, options)
    assert seen.clear == SSL_REQUEST


@pytest.mark.parametrize(
    ("options", "vouched_for", "taken"),
    [
        ("?ssl=require", 1, True),  # encrypted, and no more: as libpq has it
        ("?ssl=verify-full", 0, True),
        ("?ssl=verify-full", 1, False),
        ("?sslmode=verify-ca", 1, False),
    ],
)
async def test_whose_certificate_sql_may_have(
    certificates: tuple[Certificate, Certificate],
    options: str,
    vouched_for: int,
    taken: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if "verify" in options:
        monkeypatch.setenv("PGSSLROOTCERT", str(certificates[vouched_for].file))
    async with between(answers=b"S", context=certificates[0].context) as seen:
        await sql_is_refused(seen.port, options)
    assert seen.clear == SSL_REQUEST
    assert (b"lab_tutor" in seen.inside) == taken


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgresql://a:b@h/d?sslmode=require", "postgresql+asyncpg://a:b@h/d?ssl=require"),
        ("postgres://a:b@h/d?x=1&sslmode=prefer", "postgresql+asyncpg://a:b@h/d?x=1&ssl=prefer"),
        ("postgresql+asyncpg://a:sslmode=b@h/d", "postgresql+asyncpg://a:sslmode=b@h/d"),
    ],
)
def test_the_usual_name_of_the_option_is_understood(
    given: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(database_url=given).sql_url == wanted
