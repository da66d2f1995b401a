"""How the mirror is doing, and what operators do about it."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import ids, operator_fields
from resolvers.types.enums import describe_enum
from resolvers.types.shared import (
    ConflictProblem,
    FieldChange,
    Node,
    NotFoundProblem,
    PageInfo,
    RecordKind,
    Success,
    SyncState,
)


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


@strawberry.type(description="The mirror's account of one record.")
class SyncRecord(Node):
    id: strawberry.ID = strawberry.field(resolver=ids.resolve, description="Opaque global id.")
    record_kind: RecordKind = strawberry.field(
        resolver=operator_fields.record_kind, description="Kind of the mirrored record."
    )
    record_id: strawberry.ID = strawberry.field(
        resolver=operator_fields.record_id,
        description="Id of the mirrored record; it may be deleted by now.",
    )
    state: SyncState = strawberry.field(
        resolver=operator_fields.state, description="Whether the graph has the newest version."
    )
    version: int = strawberry.field(description="Version in SQL.")
    applied_version: int = strawberry.field(description="Version in the graph; 0 when it never got there.")
    attempts: int = strawberry.field(description="Attempts since the newest version.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When the next attempt is due; null when none is."
    )
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed, without text of a driver; null when none failed."
    )
    changed_at: datetime = strawberry.field(description="When the newest version was committed.")


@strawberry.type(description="A record in a page.")
class SyncRecordEdge:
    cursor: str = strawberry.field(
        description="Position in the list, stable while other records come and go."
    )
    node: SyncRecord = strawberry.field(description="The record itself.")


@strawberry.type(description="A page of records.")
class SyncRecordConnection:
    edges: list[SyncRecordEdge] = strawberry.field(description="The records of this page with their cursors.")
    nodes: list[SyncRecord] = strawberry.field(description="The records of this page without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the whole list.")
    total_count: int = strawberry.field(description="Number of records on all pages together, after filters.")


@strawberry.input(description="Which accounts of the mirror to list; all conditions hold together.")
class SyncRecordFilter:
    state: SyncState | None = strawberry.field(
        default=strawberry.UNSET, description="Only this state; FAILED lists the dead letters."
    )
    record_kind: RecordKind | None = strawberry.field(
        default=strawberry.UNSET, description="Only this kind of record."
    )
    record_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only the account of this record."
    )


class DriftKind(enum.StrEnum):
    MISSING = "MISSING"
    EXTRA = "EXTRA"
    DIFFERENT = "DIFFERENT"
    DUPLICATE = "DUPLICATE"
    CONSTRAINT_MISSING = "CONSTRAINT_MISSING"


describe_enum(
    DriftKind,
    "How the graph can differ from SQL.",
    {
        "MISSING": "In SQL, not in the graph.",
        "EXTRA": "In the graph, not in SQL.",
        "DIFFERENT": "In both, with different values or ends.",
        "DUPLICATE": "Twice in the graph.",
        "CONSTRAINT_MISSING": "A uniqueness constraint or an index is not there.",
    },
)


@strawberry.type(description="One difference between SQL and the graph.")
class DriftFinding:
    kind: DriftKind = strawberry.field(description="How they differ.")
    record_kind: RecordKind | None = strawberry.field(
        description="Kind of the record; null for a constraint."
    )
    record_id: strawberry.ID | None = strawberry.field(
        description="Id of the record; null for a constraint or a stray without a key."
    )
    fields: list[FieldChange] = strawberry.field(
        description="Values that differ: before is the graph's, after is SQL's."
    )
    message: str = strawberry.field(description="The finding in one sentence.")


@strawberry.type(description="Differences between SQL and the graph; changes still on their way are none.")
class DriftReport:
    checked_at: datetime = strawberry.field(description="When the comparison ended.")
    checked_count: int = strawberry.field(description="Number of nodes and edges compared.")
    finding_count: int = strawberry.field(description="Number of differences found.")
    findings: list[DriftFinding] = strawberry.field(description="The first differences, gravest first.")


@strawberry.input(description="Dead letters to try again.")
class RetrySyncInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Accounts of the mirror, at most 500; all dead letters when left out.",
    )


@strawberry.type(description="The dead letters are tried again.")
class RetrySyncSuccess(Success):
    retried_count: int = strawberry.field(description="Number of records put back in line.")


RetrySyncResult = Annotated[
    RetrySyncSuccess | NotFoundProblem,
    strawberry.union("RetrySyncResult", description="Outcome of retrySync."),
]


@strawberry.input(description="Differences to mend; what SQL says wins.")
class RepairDriftInput:
    course_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only this course and what belongs to it; everything when left out.",
    )


@strawberry.type(description="The differences found are put in line; graphDrift tells when they are gone.")
class RepairDriftSuccess(Success):
    repaired_count: int = strawberry.field(description="Number of records put in line.")


RepairDriftResult = Annotated[
    RepairDriftSuccess | NotFoundProblem,
    strawberry.union("RepairDriftResult", description="Outcome of repairDrift."),
]


@strawberry.input(description="What to write to the graph again from SQL.")
class RebuildGraphInput:
    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="A course or a person, with what belongs to it; everything when left out.",
    )


@strawberry.type(
    description="Every record in question is put in line; mirrorStatus counts them down while reads and writes go on."
)
class RebuildGraphSuccess(Success):
    record_count: int = strawberry.field(description="Number of records put in line.")


RebuildGraphResult = Annotated[
    RebuildGraphSuccess | NotFoundProblem | ConflictProblem,
    strawberry.union(
        "RebuildGraphResult",
        description="Outcome of rebuildGraph; a graph that is not configured is a ConflictProblem.",
    ),
]
