"""PROJECTIONS: kind of record -> how to read it now, and which statements write and remove it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from graph.client import Statement, load_statement
from mirror import rows
from mirror.rows import Write
from sql import sync_claims, sync_state
from sql.models import Kind

# Raising it writes every record anew, without a word to anybody.
PROJECTION_VERSION = 1

# A Bolt message over the embedded engine's limit would hang the driver for ever.
ROWS_AT_ONCE = 1_000

Read: TypeAlias = Callable[[AsyncSession, Sequence[str]], Awaitable[dict[str, Write]]]


@dataclass(frozen=True, slots=True)
class Projection:
    """What the mirror knows about one kind. `before` names the statement that goes before a write's."""

    read: Read
    remove: str | None  # None: it goes with its node
    key_fields: tuple[str, ...]  # row fields that the parts of the key become
    int_fields: frozenset[str] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)

    def removal(self, key: str) -> dict[str, Any]:
        """Return the row of the removing statement."""
        if len(self.key_fields) == 1:
            # A node that somebody made by hand may have any text as its id.
            (name,) = self.key_fields
            return {name: int(key) if name in self.int_fields else key}
        return {
            name: int(part) if name in self.int_fields else part
            for name, part in zip(self.key_fields, rows.parts(key), strict=True)
        }


_ID = ("id",)
_INT_ID = frozenset({"id"})
_ENDS = ("start_id", "end_id")

PROJECTIONS: dict[Kind, Projection] = {
    Kind.USER: Projection(rows.users, "delete_users", _ID, _INT_ID),
    Kind.COURSE: Projection(rows.courses, "delete_classes", _ID, _INT_ID),
    Kind.CHAPTER: Projection(rows.chapters, "delete_chapters", _ID),
    Kind.CONCEPT: Projection(
        rows.concepts, "delete_concepts", _ID, before={"upsert_concepts": "free_concept_keys"}
    ),
    Kind.METADATA: Projection(rows.metadata, "delete_metadata", _ID),
    Kind.ENROLLMENT: Projection(
        rows.enrollments, "delete_enrollments", ("end_id", "start_id"), frozenset(_ENDS)
    ),
    Kind.THEORY: Projection(rows.theories, "delete_theories", _ID),
    Kind.CHAPTER_SEQUENCE: Projection(rows.chapter_sequences, None, ("owner_id",)),
    Kind.THEORY_SEQUENCE: Projection(rows.theory_sequences, None, ("owner_id",)),
    Kind.SKILL: Projection(rows.skills, "delete_skills", _ID),
    Kind.RESOURCE: Projection(
        rows.resources,
        "delete_resources",
        _ID,
        before={"upsert_readings": "free_reading_urls", "upsert_videos": "free_video_urls"},
    ),
    Kind.CONCEPT_MENTION: Projection(rows.concept_mentions, "delete_concept_mentions", _ENDS),
    Kind.CONCEPT_RELATION: Projection(
        rows.concept_relations, "delete_concept_relations", ("start_id", "type", "end_id")
    ),
    Kind.SKILL_PREREQUISITE: Projection(rows.skill_prerequisites, "delete_skill_prerequisites", _ENDS),
    Kind.MASTERY: Projection(rows.masteries, "delete_masteries", _ENDS, frozenset({"start_id"})),
    Kind.PROGRESS: Projection(rows.progress, "delete_progress", _ID),
}
if missing := set(Kind) - set(PROJECTIONS):
    raise RuntimeError(f"kinds without a projection: {sorted(missing)}")

KINDS_BY_RANK: list[Kind] = sorted(Kind, key=lambda kind: (sync_claims.RANKS[kind], kind.value))


@dataclass(slots=True)
class Plan:
    """The statements that bring some records to the graph, in order, and what needs none."""

    statements: list[Statement] = field(default_factory=list)
    # One for each statement: its kind, or None where its rows are no answer.
    kinds: list[Kind | None] = field(default_factory=list)
    versions: dict[tuple[Kind, str], int] = field(default_factory=dict)
    removals: set[tuple[Kind, str]] = field(default_factory=set)
    nothing_to_do: list[tuple[Kind, str]] = field(default_factory=list)


def statement(
    name: str, parameters: dict[str, Any], *, write: bool = True, by_key: bool = False
) -> Statement:
    """Return a statement of graph/cypher/mirror."""
    return Statement(
        name=f"mirror/{name}",
        text=load_statement(f"mirror/{name}"),
        parameters=parameters,
        mode="write" if write else "read",
        by_key=by_key,
    )


async def plan(session: AsyncSession, keys: dict[Kind, list[str]]) -> Plan:
    """Read records on one snapshot and plan the statements that write them, removals of a kind first."""
    made = Plan()
    for kind in KINDS_BY_RANK:
        wanted = keys.get(kind)
        if wanted:
            await _plan_kind(session, kind, wanted, made)
    return made


async def _plan_kind(session: AsyncSession, kind: Kind, keys: list[str], made: Plan) -> None:
    projection = PROJECTIONS[kind]
    versions = await sync_state.versions(session, kind, keys)
    writes = await projection.read(session, keys)
    by_statement: dict[str, list[dict[str, Any]]] = {}
    kind_name = kind.value
    for key in keys:
        known = versions.get(key)
        if known is None:  # forgotten by a clean-up in between
            continue
        made.versions[kind, key] = known[0]
        head = {"key": key, "record": f"{kind_name}:{key}", "version": known[0]}
        write = writes.get(key)
        if write is not None:
            write.row.update(head)
            by_statement.setdefault(write.statement, []).append(write.row)
        elif projection.remove is not None:
            made.removals.add((kind, key))
            by_statement.setdefault(projection.remove, []).append(head | projection.removal(key))
        else:
            made.nothing_to_do.append((kind, key))
    names = sorted(by_statement, key=lambda name: (name != projection.remove, name))
    for name in names:
        all_rows = by_statement[name]
        for start in range(0, len(all_rows), ROWS_AT_ONCE):
            parameters = {"rows": all_rows[start : start + ROWS_AT_ONCE]}
            if name in projection.before:
                made.statements.append(statement(projection.before[name], parameters, by_key=True))
                made.kinds.append(None)
            made.statements.append(statement(name, parameters, by_key=True))
            made.kinds.append(kind)
