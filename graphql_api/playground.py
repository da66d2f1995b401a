"""The GraphiQL page: served from here, offline, in development only."""

from __future__ import annotations

PLAYGROUND_CSP = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "vary": "accept",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lab Tutor GraphQL</title>
<link rel="stylesheet" href="/static/graphiql.min.css">
<link rel="stylesheet" href="/static/playground.css">
</head>
<body>
<div id="graphiql"><p>Loading GraphiQL…</p></div>
<script src="/static/react.production.min.js"></script>
<script src="/static/react-dom.production.min.js"></script>
<script src="/static/graphiql.min.js"></script>
<script src="/static/playground.js"></script>
</body>
</html>
"""


def playground_page() -> str:
    """Return the page."""
    return _PAGE


def wants_html(accept: str | None) -> bool:
    """Return whether a browser asks for a page: text/html by name, with a weight above 0."""
    for part in (accept or "").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name == "text/html":
            return not any(p.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for p in parameters)
    return False
