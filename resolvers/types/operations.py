"""How the mirror is doing."""

from __future__ import annotations

import enum
from datetime import datetime

import strawberry

from resolvers.types.enums import describe_enum


class MirrorHealth(enum.StrEnum):
    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DISABLED = "DISABLED"


describe_enum(
    MirrorHealth,
    "Whether the mirror does its work.",
    {
        "HEALTHY": "The graph answers and nothing waits for long.",
        "DEGRADED": "The graph does not answer, changes wait for more than a minute, or dead letters exist.",
        "DISABLED": "No graph is configured.",
    },
)


@strawberry.type(description="How the mirror from SQL to the graph is doing.")
class MirrorStatus:
    health: MirrorHealth = strawberry.field(description="In one word.")
    graph_reachable: bool = strawberry.field(description="Whether the graph answered just now.")
    pending_count: int = strawberry.field(description="Number of records that wait to be mirrored.")
    failed_count: int = strawberry.field(description="Number of dead letters.")
    oldest_pending_at: datetime | None = strawberry.field(
        description="When the oldest waiting change was committed; null when nothing waits."
    )
    last_synced_at: datetime | None = strawberry.field(
        description="When a change last reached the graph; null when none ever did."
    )
    last_error: str | None = strawberry.field(
        description="Why the last failed attempt failed, without text of a driver; null when none failed."
    )
