"""The API from the command line: serve, migrate, print the schema."""

from __future__ import annotations

import sys

import uvicorn

import sql.session
from graphql_api.cli import terminal
from graphql_api.opening import make_sql_folder, preflight


def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Check what can be checked beforehand, then serve until stopped."""
    settings = terminal.settings_or_exit(host=host, port=port, workers=workers)
    # Here, and not in each worker: what cannot work is told once, in a sentence, before anything starts.
    settings.signing_secret()
    terminal.run(preflight(settings))
    terminal.say(f"Lab Tutor on http://{settings.host}:{settings.port}/graphql ({settings.environment})")
    uvicorn.run(
        "graphql_api.serving:app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="graphql_api.patience:PatientProtocol",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
        ws_max_size=settings.max_body_bytes,
    )


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
