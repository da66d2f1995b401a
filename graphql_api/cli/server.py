"""The API from the command line: serve, migrate, print the schema."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

import sql.session
from graphql_api.cli import terminal
from graphql_api.metrics import MULTIPROCESS_FOLDER
from graphql_api.opening import make_sql_folder, preflight
from graphql_api.settings import Settings


def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Check what can be checked beforehand, then serve until stopped."""
    settings = terminal.settings_or_exit(host=host, port=port, workers=workers)
    # Here, and not in each worker: what cannot work is told once, in a sentence, before anything starts.
    settings.signing_secret()
    terminal.run(preflight(settings))
    terminal.say(f"Lab Tutor on http://{settings.host}:{settings.port}/graphql ({settings.environment})")
    with _shared_figures(settings.workers):
        _run(settings)


@contextmanager
def _shared_figures(workers: int) -> Iterator[None]:
    """Give several workers a folder to add their figures up in; an operator's own folder is left as it is."""
    if workers == 1 or MULTIPROCESS_FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="lab-tutor-metrics-") as folder:
        # Read by prometheus-client when a worker imports it.
        os.environ[MULTIPROCESS_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[MULTIPROCESS_FOLDER]


def _run(settings: Settings) -> None:
    uvicorn.run(
        "graphql_api.serving:app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        timeout_graceful_shutdown=20,
        **protocol_options(settings),
    )


def protocol_options(settings: Settings) -> dict[str, Any]:
    """Return how uvicorn has to speak with clients."""
    return {
        "http": "graphql_api.patience:PatientProtocol",
        "ws": "graphql_api.patience:PatientWebSocket",
        "ws_max_size": settings.max_anonymous_body_bytes,
        # uvicorn would believe whoever connects from this machine.
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "server_header": False,
        "log_config": None,
        "access_log": False,
    }


def migrate() -> None:
    """Run the migrations that the database lacks."""
    settings = terminal.settings_or_exit()
    make_sql_folder(settings)
    terminal.run(sql.session.migrate(settings.sql_url))
    terminal.answer("the database has the newest schema")


def print_schema() -> None:
    """Print the SDL."""
    # Building the schema takes a second or so, which no other command should pay.
    from graphql_api.schema import build, print_sdl

    sys.stdout.write(print_sdl(build()))
