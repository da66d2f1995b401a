"""What subscriptions tell."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.types.shared import Sync


@strawberry.interface(description="Something that happened.")
class Event:
    cursor: str = strawberry.field(
        description="Position in the stream; pass it as `after` to resume behind this event."
    )
    occurred_at: datetime = strawberry.field(description="When the change was committed to SQL.")


@strawberry.type(description="A write moved on its way to the graph.")
class SyncEvent(Event):
    sync: Sync = strawberry.field(
        description="The write as it is now; the stream ends when it is no longer PENDING."
    )
