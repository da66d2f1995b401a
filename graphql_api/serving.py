"""What each uvicorn worker calls: the API with the settings of the environment."""

from __future__ import annotations

from fastapi import FastAPI

from graphql_api import log
from graphql_api.app import create_app
from graphql_api.settings import load_settings


def app() -> FastAPI:
    """Build the API of this process."""
    settings = load_settings()
    log.configure(settings.log_format, settings.log_level)
    return create_app(settings)
