"""Headers that every answer of the process carries, whoever made it: a door, a page, a refusal, a file."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Where an answer brings its own, that one stays: pages allow their own scripts, files may be kept.
DEFAULTS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
STATIC_PATH = "/static/"


class SafeHeaders:
    """ASGI middleware that adds what is missing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # Built files are versioned in their address: browsers may keep them.
        kept = scope["path"].startswith(STATIC_PATH)

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                present = {name.lower() for name, _ in headers}
                message["headers"] = [
                    *headers,
                    *(
                        pair
                        for pair in DEFAULTS
                        if pair[0] not in present and not (kept and pair[0] == b"cache-control")
                    ),
                ]
            await send(message)

        await self.app(scope, receive, complete)
