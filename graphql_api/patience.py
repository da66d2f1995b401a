"""The protocols of the server, with bounds on how long a client may take to ask and to take what it asked for.

uvicorn bounds how long a connection rests between requests, and the door bounds bodies; between them somebody
could open connections and say nothing, or a byte a minute, for ever. And who asks for long answers and does not read
them would have the server hold them for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEADER_SECONDS = 15.0
# While an answer waits in the connection's buffer, at least so much of it has to be taken in so many seconds.
WRITE_SECONDS = 20.0
LEAST_BYTES_TAKEN = 20_000


class _Reader:
    """Watches, while a connection's buffer is full, whether the client takes something of it; cuts it off if not."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Begin to watch, as the buffer is full."""
        if self._timer is None:
            left = self._transport.get_write_buffer_size()
            self._timer = self._loop.call_later(WRITE_SECONDS, self._look, left)

    def stop(self) -> None:
        """Stop watching, as the buffer has room again or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, before: int) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() > before - LEAST_BYTES_TAKEN:
            # Not close(): that would wait for the client to take the rest.
            self._transport.abort()
        else:
            self.wait()


class _CutsOffWhoDoesNotRead(asyncio.Protocol):
    """Stands in front of a protocol of uvicorn's, which goes on as it did."""

    loop: asyncio.AbstractEventLoop
    _reader: _Reader | None = None

    def connection_made(self, transport: Any) -> None:
        """Know the connection; a socket takes it over from HTTP."""
        super().connection_made(transport)
        self._reader = _Reader(transport, self.loop)

    def pause_writing(self) -> None:
        """Wait for the client to take something."""
        super().pause_writing()
        if self._reader is not None:
            self._reader.wait()

    def resume_writing(self) -> None:
        """Go on."""
        if self._reader is not None:
            self._reader.stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._reader is not None:
            self._reader.stop()
        super().connection_lost(exc)


class PatientProtocol(_CutsOffWhoDoesNotRead, HttpToolsProtocol):
    """Closes a connection whose request has not begun, whose headers are not there, or whose answer is not taken,
    in time."""

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


class PatientWebSocket(_CutsOffWhoDoesNotRead, WebSocketsSansIOProtocol):
    """Closes a socket whose messages are not taken in time."""
