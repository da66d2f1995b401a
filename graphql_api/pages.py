"""The pages for browsers: built files of our own origin only, under a strict content security policy."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

STATIC = Path(__file__).parent / "static"
ENDPOINT = "/graphql"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="{icon}">
<link rel="stylesheet" href="{style}">
{script}</head>
<body class="{kind}">
{body}
{config}</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account whose password is public: a button of the log-in bar."""

    label: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the landing page tells of this process."""

    environment: str
    sql: str
    sql_answers: bool
    graph: str
    graph_state: str
    lag_seconds: float | None
    playground: bool
    schema: bool


@cache
def _versions() -> dict[str, str]:
    """Return the first digits of each built file's hash, so that a browser never mixes two versions."""
    path = STATIC / "manifest.json"
    if not path.is_file():
        return {}
    manifest: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: str(entry["sha256"])[:12] for name, entry in manifest.items()}


def _static(name: str) -> str:
    found = _versions().get(name)
    return f"/static/{name}" + (f"?v={found}" if found else "")


class _Built(StaticFiles):
    """The built files; an address that holds a file's own hash names these bytes for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        found = _versions().get(path)
        if found and scope["query_string"] == f"v={found}".encode():
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        else:
            response.headers["cache-control"] = "no-cache"
        return response


def static_files() -> ASGIApp:
    """Return the application that serves the built files, packed for browsers that take it."""
    return GZipMiddleware(_Built(directory=STATIC), minimum_size=1_000, compresslevel=6)


def data_block(values: Mapping[str, Any]) -> str:
    """Return a JSON data block, which no policy takes for a script and no text can break out of."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="config">{text}</script>\n'


def page_headers(nonce: str | None = None) -> dict[str, str]:
    """Return the headers of a page: nothing but our own origin, no inline script, style by nonce only."""
    style = "'self'" if nonce is None else f"'self' 'nonce-{nonce}'"
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "vary": "accept",
        "x-content-type-options": "nosniff",
    }


def page(
    kind: str,
    title: str,
    body: str,
    *,
    script: bool = True,
    demo_accounts: Sequence[DemoAccount] = (),
    **configuration: Any,
) -> HTMLResponse:
    """Return a page named after its built files; its script finds the configuration in a data block."""
    nonce = secrets.token_urlsafe(16)
    config = {
        "endpoint": ENDPOINT,
        "version": version("lab-tutor"),
        "nonce": nonce,
        "playground": True,
        "demoAccounts": [
            {"label": account.label, "email": account.email, "password": account.password}
            for account in demo_accounts
        ],
        "examples": [],
        **configuration,
    }
    return HTMLResponse(
        _PAGE.format(
            kind=kind,
            title=escape(title),
            icon=_static("favicon.svg"),
            style=_static(f"{kind}.css"),
            script=f'<script defer src="{_static(f"{kind}.js")}"></script>\n' if script else "",
            body=body,
            config=data_block(config) if script else "",
        ),
        headers=page_headers(nonce if script else None),
    )


def explore_page(*, playground: bool, demo_accounts: Sequence[DemoAccount] = ()) -> HTMLResponse:
    """Return the page of courses, concept map and mastery."""
    body = (
        '<header id="bar" class="bar"></header>\n<main id="main" tabindex="-1">'
        '<noscript><p class="note">This page needs JavaScript, from this server only.</p></noscript></main>'
    )
    return page("explore", "Lab Tutor: explore", body, playground=playground, demo_accounts=demo_accounts)


def _graph_words(facts: Facts) -> tuple[str, str]:
    words = {
        "ok": ("good", "answers"),
        "unreachable": ("bad", "away: SQL parts work, changes wait for it"),
        "disabled": ("warn", "off: fields of the graph answer GRAPH_UNAVAILABLE"),
    }
    return words.get(facts.graph_state, ("warn", facts.graph_state))


def _mirror_words(facts: Facts) -> tuple[str, str]:
    if not facts.sql_answers or facts.graph_state == "disabled":
        return "warn", "nothing to tell"
    if facts.lag_seconds is None:
        return "good", "up to date: no change waits"
    seconds = facts.lag_seconds
    shown = f"{seconds:.1f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    return ("warn" if seconds < 60 else "bad"), f"behind: the oldest change has waited for {shown}"


def landing_page(facts: Facts) -> HTMLResponse:
    """Return the page that says what runs here; it holds no script."""
    ways = [
        ("/explore", "Explore", "Courses and their outline, the map of concepts, mastery; for people."),
    ]
    if facts.playground:
        ways.append(
            ("/graphql", "Playground", "Write and run operations, with examples, an explorer and the docs.")
        )
    if facts.schema:
        ways.append(
            ("/schema.graphql", "Docs", "Every type, field and bound of the API in words, as one text.")
        )
    ways += [
        ("/readyz", "Readiness", "What a load balancer asks, as JSON. Whether the process lives: /healthz."),
        ("/static/THIRD_PARTY.txt", "Licences", "What others wrote in these pages."),
    ]
    items = "\n".join(
        f'<li><a href="{href}">{escape(name)}</a><p>{escape(about)}</p></li>' for href, name, about in ways
    )
    sql = ("good", "answers") if facts.sql_answers else ("bad", "does not answer")
    graph, mirror = _graph_words(facts), _mirror_words(facts)
    rows = [
        ("Version", f"{escape(version('lab-tutor'))}, {escape(facts.environment)}"),
        ("API", f"<code>POST {ENDPOINT}</code> (GraphQL over HTTP; subscriptions by WebSocket or SSE)"),
        ("System of record", f'{escape(facts.sql)}, <span class="{sql[0]}">{escape(sql[1])}</span>'),
        ("Graph", f'{escape(facts.graph)}, <span class="{graph[0]}">{escape(graph[1])}</span>'),
        ("Mirror", f'<span class="{mirror[0]}">{escape(mirror[1])}</span>'),
    ]
    table = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    body = (
        '<main class="landing">\n<h1>Lab Tutor</h1>\n'
        '<p class="lead">Courses, their curriculum, concepts, and what each student has mastered: '
        "a GraphQL API over a system of record and a graph.</p>\n"
        f'<ul class="ways">\n{items}\n</ul>\n<h2>What runs here</h2>\n<dl>\n{table}\n</dl>\n</main>'
    )
    return page("landing", "Lab Tutor", body, script=False)
