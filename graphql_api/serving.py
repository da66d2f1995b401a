"""What each uvicorn worker calls: the API with the settings of the environment."""

from __future__ import annotations

import gc
import sys

from fastapi import FastAPI

from graphql_api import log
from graphql_api.app import create_app
from graphql_api.settings import load_settings

# Of a thread that checks a long document and the loop that answers everybody, the loop asks for its turn many
# times in a request: Python lets it wait this long each time, 5 ms by default.
SWITCH_SECONDS = 0.0005
GC_THRESHOLDS = (50_000, 20, 50)


def app() -> FastAPI:
    """Build the API of this process."""
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = load_settings()
    log.configure(settings.log_format, settings.log_level)
    made = create_app(settings)
    # The schema is over a hundred thousand objects that stay: the collector need not look at them again, and
    # the lists of a long answer are no garbage yet when they come in thousands.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return made
