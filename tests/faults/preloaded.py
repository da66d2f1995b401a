"""Everything that a `lab-tutor` process needs from its code; imported once, by the process that others fork from."""

from __future__ import annotations

# What uvicorn would import by name once it starts.
from graphql_api import schema

schema.build()
