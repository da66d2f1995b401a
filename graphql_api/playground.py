"""The playground: GraphiQL in a page of our own, with the project's example operations."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from graphql_api.pages import DemoAccount, page

# Beside the package in a checkout, inside it in a wheel.
EXAMPLE_FOLDERS = (
    Path(__file__).parent / "examples",
    Path(__file__).parents[1] / "examples" / "operations",
)
_NAME = re.compile(r"^(?:query|mutation|subscription)\s+(\w+)", re.MULTILINE)
_VARIABLES = "# Variables:"


def read_example(text: str) -> dict[str, str]:
    """Return name, purpose, document and variables of an example file.

    The comment lines at its top say what it is for; the one that starts with "Variables:" is JSON.
    """
    lines = text.splitlines()
    count = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    about = " ".join(line.lstrip("# ") for line in lines[:count] if not line.startswith(_VARIABLES))
    given = [line.removeprefix(_VARIABLES).strip() for line in lines[:count] if line.startswith(_VARIABLES)]
    variables: Any = json.loads(given[0]) if given else {}
    document = "\n".join(lines[count:]).strip() + "\n"
    found = _NAME.search(document)
    if found is None:
        raise ValueError("an example has no named operation")
    shown = json.dumps(variables, indent=2, ensure_ascii=False) if variables else ""
    return {"name": found[1], "about": about, "query": document, "variables": shown}


@cache
def examples() -> tuple[dict[str, str], ...]:
    """Return the project's example operations in the order of their files."""
    for folder in EXAMPLE_FOLDERS:
        if folder.is_dir():
            paths = sorted(folder.glob("*.graphql"))
            return tuple(read_example(path.read_text(encoding="utf-8")) for path in paths)
    return ()


def playground_page(demo_accounts: Sequence[DemoAccount] = ()) -> HTMLResponse:
    """Return the page."""
    body = (
        '<header id="bar" class="bar"></header>\n'
        '<main>\n<h1 class="visually-hidden">Playground</h1>\n'
        '<div id="graphiql"><p class="waiting">Loading the playground…</p>'
        '<noscript><p class="waiting">This page needs JavaScript, from this server only.</p></noscript></div></main>'
    )
    return page(
        "playground",
        "Lab Tutor: playground",
        body,
        demo_accounts=demo_accounts,
        examples=list(examples()),
    )


def wants_html(accept: str | None) -> bool:
    """Return whether a browser asks for a page: text/html by name, with a weight above 0."""
    for part in (accept or "").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name == "text/html":
            return not any(p.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for p in parameters)
    return False
