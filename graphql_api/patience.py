"""The HTTP protocol of the server, with a bound on how long the headers of a request may take.

uvicorn bounds how long a connection rests between requests, and the door bounds bodies; between them somebody
could open connections and say nothing, or a byte a minute, for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request has not begun, or whose headers are not there, in time."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._be_patient()

    def on_message_begin(self) -> None:
        """Wait for the headers, also of a later request of the connection."""
        super().on_message_begin()
        if self._patience is None:
            self._be_patient()

    def on_headers_complete(self) -> None:
        """Stop waiting: the rest has bounds of its own."""
        self._stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            self.transport.close()
