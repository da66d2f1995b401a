"""Refusals of mutations as rows of a table: (mutation, input, what must come back), with nothing written.

`scripts/mutation_table.py` reads these rows and the calls of `done` to write docs/mutations.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, literal, select, union_all

from graph.statements import Statement
from resolvers import ids
from sql import models
from tests.api_fixtures import Actor, Api

A_UUID = "2f1c9c8e-8f5e-4b0e-9f43-0c1d2e3f4a5b"
# Written whether or not the mutation succeeds: an attempt is an attempt.
UNCOUNTED = {"login_attempts"}
RATE_LIMITED = ("register", "logIn", "changePassword")


@dataclass(frozen=True)
class Expected:
    """What a refusal must hold."""

    member: str
    values: dict[str, Any] = field(default_factory=dict)
    fields: tuple[tuple[list[str], str], ...] = ()


Row = tuple[str, dict[str, Any], Expected]


def missing(kind: str, *path: str) -> Expected:
    """NotFound for a kind, at a path of the input."""
    values = {"code": "NOT_FOUND", "recordKind": kind, "path": ["input", *(path or ("id",))]}
    return Expected("NotFoundProblem", values)


def invalid(path: str, says: str) -> Expected:
    """InvalidInput at a dotted path of the input, with words of its message (the bound)."""
    return Expected("InvalidInputProblem", {"code": "INVALID_INPUT"}, ((path.split("."), says),))


def conflict(code: str, conflicting: str | None = None, **values: Any) -> Expected:
    """Conflict with a code and the record in the way."""
    return Expected("ConflictProblem", {"code": code, "conflictingId": conflicting, **values})


def credentials() -> Expected:
    """InvalidInput that tells nothing but that the credentials are wrong."""
    return Expected("InvalidInputProblem", {"code": "INVALID_CREDENTIALS", "path": None, "fields": []})


def stale(version: int) -> Expected:
    """StaleVersion with the version now."""
    values = {"code": "STALE_VERSION", "currentVersion": version, "path": ["input", "expectedVersion"]}
    return Expected("StaleVersionProblem", values)


def cycle(*path: str) -> Expected:
    """Cycle with the way it goes."""
    return Expected("CycleProblem", {"code": "CYCLE", "cycle": [{"id": step} for step in path]})


def unknown(prefix: str) -> list[str]:
    """Return ids that find nothing: never given out, malformed, of another kind, beyond 64 bits."""
    uuids = {1: A_UUID, 2: f"{A_UUID}:{A_UUID}", 3: f"{A_UUID}:IS_A:{A_UUID}"}
    whole = ids.SHAPES[prefix] == (ids.INTEGER,)
    return [
        ids.encode(prefix, 987_654_321 if whole else uuids[len(ids.SHAPES[prefix])]),
        "nonsense",
        ids.encode("prog", A_UUID),
        ids.encode(prefix, 2**63 if whole else "-1"),
        "",
        "\x00",
        "x" * 10_000,
    ]


async def state(api: Api, *, tokens: bool = True) -> dict[Any, int]:
    """Return every version and the number of rows of every table, with those of sync tokens or without."""
    uncounted = UNCOUNTED if tokens else UNCOUNTED | {"sync_writes"}
    tables = [table for table in models.Base.metadata.sorted_tables if table.name not in uncounted]
    counts = union_all(
        *(select(literal(table.name).label("name"), func.count()).select_from(table) for table in tables)
    )
    async with api.database.read() as session:
        numbers: dict[Any, int] = {name: count for name, count in await session.execute(counts)}
    return numbers | await api.versions()


async def forget_attempts(api: Api) -> None:
    """Let a test try passwords more often than a person may."""
    async with api.database.write() as session:
        await session.execute(delete(models.LoginAttempt))


async def refuse(api: Api, actor: Actor | None, rows: Iterable[Row]) -> None:
    """Run rows of refusals; each must say what it should and write nothing."""
    before = await state(api)
    for mutation, given, expected in rows:
        if mutation in RATE_LIMITED:
            await forget_attempts(api)
        payload = await api.mutate(mutation, actor, **given)
        place = (mutation, given, payload)
        assert payload["__typename"] == expected.member, place
        assert payload["message"].strip(), place
        assert payload["retryable"] is False, place
        for name, value in expected.values.items():
            assert payload[name] == value, (name, value, place)
        for path, says in expected.fields:
            found = {tuple(one["path"]): one["message"] for one in payload["fields"]}
            assert ("input", *path) in found, place
            assert says in found["input", *path], place
    assert await state(api) == before


async def done(api: Api, mutation: str, actor: Actor, selection: str = "__typename", **given: Any) -> Any:
    """Run a mutation that must succeed, be in the graph when it answers, and say in the audit who did it."""
    before = await state(api, tokens=False)
    payload = await api.ok(mutation, actor, selection, **given)
    assert payload["sync"]["state"] == "SYNCED", payload
    if await state(api, tokens=False) != before:
        assert await last_audited(api) == (actor.key, mutation)
    return payload


async def last_audited(api: Api) -> tuple[int | None, str]:
    """Return (actor, action) of the newest audit entry."""
    newest = select(models.AuditEntry.actor_id, models.AuditEntry.action).order_by(
        models.AuditEntry.id.desc()
    )
    async with api.database.read() as session:
        actor_id, action = (await session.execute(newest.limit(1))).one()
    return actor_id, action


async def unchanged(
    api: Api, mutation: str, actor: Actor, selection: str = "__typename", **given: Any
) -> Any:
    """Run a mutation that must succeed and write nothing but its sync token."""
    before = await state(api, tokens=False)
    payload = await done(api, mutation, actor, selection, **given)
    assert await state(api, tokens=False) == before, mutation
    return payload


async def repeat(
    api: Api, actor: Actor, mutation: str, record: str, given: dict[str, Any], other: dict[str, Any]
) -> None:
    """Show that a create under an idempotency key is done once, and that the key is held by its input."""
    given = {**given, "idempotencyKey": "one-key"}
    first = await done(api, mutation, actor, f"{record} {{ id }}", **given)
    before = await state(api)
    again = await done(api, mutation, actor, f"{record} {{ id }}", **given)
    assert again == first
    assert await state(api) == before
    path = ["input", "idempotencyKey"]
    reused: list[Row] = [
        (mutation, {**given, **other}, conflict("KEY_REUSED", path=path)),
        (mutation, {**given, "idempotencyKey": ""}, invalid("idempotencyKey", "1 to 64 characters, not 0")),
        (mutation, {**given, "idempotencyKey": "k" * 65}, invalid("idempotencyKey", "1 to 64")),
    ]
    await refuse(api, actor, reused)


async def ask(api: Api, actor: Actor, field: str, **variables: str) -> Any:
    """Return one root field, asked with `$id: ID!`."""
    name = field.split("(")[0]
    return (await api.data(f"query($id: ID!) {{ {field} }}", actor, **variables))[name]


async def cypher(api: Api, text: str, **parameters: Any) -> list[list[Any]]:
    """Return the rows of a Cypher statement, for what no query shows."""
    assert api.graph is not None
    return [list(row) for row in await api.graph.read(Statement("test", text, parameters))]
