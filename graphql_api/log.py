"""Structured logging: one event a line, as JSON or as text; secrets have no field to come in by."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

# The request that the current task answers; set by the server, shown in every line logged meanwhile.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the caller gave as `extra`."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    current = request_id.get()
    if current is not None:
        fields.setdefault("request_id", current)
    return fields


class JsonFormatter(logging.Formatter):
    """Write a record as one JSON object: time, level, logger, message, extra fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in _fields(record).items():
            event.setdefault(name, value)
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        # default=str: an odd value in a log line must never be the reason that a request fails.
        return json.dumps(event, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Write a record as a line for people: time, level, logger, message, extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{time} {record.levelname.lower():7} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(log_format: str = "auto", level: str = "info") -> None:
    """Send all logging of the process to standard error in one format, uvicorn's included.

    `log_format` is json, text, or auto (text on a terminal, json elsewhere).
    """
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # The access log would hold query strings; the server logs its own line for each operation.
    logging.getLogger("uvicorn.access").setLevel("WARNING")
    # The driver tells of every attempt while a server is away, several times a second; the mirror tells once.
    logging.getLogger("neo4j").setLevel("ERROR")
    # Writes each statement with its values at the level debug.
    logging.getLogger("aiosqlite").setLevel("WARNING")
    # Tells of every look at the schema's revision, which every command takes.
    logging.getLogger("alembic").setLevel("WARNING")
