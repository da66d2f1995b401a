"""The one shape of a mutation: policy and rule in one transaction, then the inline attempt, then the payload.

A mutation is a function that decodes its input, names its rule and builds its success. `write` opens the
transaction, collects the changed records under one sync token, commits, and lets the mirror try them
inline within a deadline. A domain error rolls everything back and becomes a member of the mutation's union.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import inspect
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Optional, TypeVar

import strawberry
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

import sql.idempotency
import sql.sync_state
import sql.sync_status
from resolvers import ids, policy, problems
from resolvers.context import Context
from resolvers.unset import changed
from sql import errors as sql_errors
from sql import models
from sql.text import Checker

T = TypeVar("T")
R = TypeVar("R", bound=models.Base)
P = TypeVar("P")
Resolver = Callable[..., Awaitable[Any]]


def _id_text(row: Any) -> str:
    return str(row.id)


class Call:
    """One call of a mutation: who asks, the ids of the input as they were given, and how to write."""

    def __init__(self, info: Info, action: str) -> None:
        self.info = info
        self.context: Context = info.context
        self.action = action
        self.given: dict[tuple[str, str], tuple[str, list[str]]] = {}

    @property
    def viewer(self) -> models.User:
        """Who is signed in; raise Unauthenticated for nobody."""
        return self.context.signed_in()

    def id(self, prefix: str, value: str, *path: str) -> Any:
        """Return the key of an id of the input; raise NotFound for one that this API never gave out."""
        kind = ids.RECORD_KINDS[prefix]
        camel = problems.camel_path(path or ("id",))
        try:
            key = ids.decode(value, prefix)
        except ids.MalformedId:
            self.given[problems.key_text(kind, value)] = (value, camel)
            raise sql_errors.NotFound(kind, value, path or ("id",)) from None
        self.given.setdefault(problems.key_text(kind, key), (value, camel))
        return key

    def ids(self, prefix: str, values: Any, *path: str) -> Any:
        """Return the keys of a list of ids, in order; what was left out or null stays so."""
        if values is strawberry.UNSET or values is None:
            return changed(values)
        return [self.id(prefix, value, *path, str(index)) for index, value in enumerate(values)]

    async def write(
        self, rule: Callable[[AsyncSession], Awaitable[T]], *, inline: bool = True
    ) -> tuple[T, Sync]:
        """Run a rule in one transaction, try its changes inline, return its result and the sync state."""
        async with self.context.database.write() as session:
            opened = await sql.sync_state.open_write(session, self._user_id())
            result = await rule(session)
            write_id = opened.id
        return result, await self._after_commit(write_id, inline)

    async def create(
        self,
        rule: Callable[[AsyncSession], Awaitable[R]],
        given: Any,
        *,
        key_of: Callable[[R], str] = _id_text,
        again: Callable[[AsyncSession, str], Awaitable[R]],
        allowed: Callable[[AsyncSession], Awaitable[Any]] | None = None,
        inline: bool = True,
    ) -> tuple[R, Sync]:
        """Like write, for a create with an optional idempotency key.

        Under a known key `again` reads the record that the first call made, and nothing is written. `allowed`
        raises for whom neither is meant: who made a record under a key need not be let near it any more.
        """
        key = given.idempotency_key

        async def checked(session: AsyncSession) -> R:
            if allowed is not None:
                await allowed(session)
            return await rule(session)

        if key is strawberry.UNSET or key is None:
            return await self.write(checked, inline=inline)
        check_key(key)
        user_id, input_hash = self._user_id() or 0, _hash(given)
        async with self.context.database.write() as session:
            receipt = await sql.idempotency.find(session, user_id, self.action, key, input_hash)
            if receipt is not None:
                result, write_id = await again(session, receipt.record_key), receipt.write_id
                if allowed is not None:
                    await allowed(session)
            else:
                opened = await sql.sync_state.open_write(session, self._user_id())
                result = await checked(session)
                write_id = opened.id
                await sql.idempotency.store(
                    session,
                    user_id,
                    self.action,
                    key,
                    input_hash,
                    record_key=key_of(result),
                    write_id=write_id,
                )
        return result, await self._after_commit(write_id, inline)

    def _user_id(self) -> int | None:
        return self.context.viewer.id if self.context.viewer else None

    async def _after_commit(self, write_id: str | None, inline: bool) -> Sync:
        self.context.committed.add(str(self.info.path.key))
        # What was read before this write may be stale for the fields below it.
        self.context.loaders.clear()
        if write_id is not None and inline:
            await self.context.try_inline(write_id)
        return await sync_of(self.context, write_id)


def check_key(key: str) -> None:
    """Raise InvalidInput for an idempotency key that can not be kept."""
    checker = Checker()
    checker.text(("idempotencyKey",), key, 64)
    checker.raise_if_any()


def success(payload: type[P], **values: Any) -> P:
    """Return a payload whose fields are answered by rows of the stores, not by classes of the schema."""
    return payload(**values)


def reads(model: type[R], *, integer: bool = False) -> Callable[[AsyncSession, str], Awaitable[R]]:
    """Return how to read a record again by the key text of a receipt; NotFound when it is gone since."""

    async def again(session: AsyncSession, key: str) -> R:
        row = await session.get(model, int(key) if integer else key)
        if row is None:
            kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).upper()
            raise sql_errors.NotFound(kind, key, ("idempotencyKey",))
        return row

    return again


def mutation(resolver: Resolver) -> Resolver:
    """Make a mutation of `async (call, input) -> Result`: a domain error becomes a member of its union."""
    action = problems.camel(resolver.__name__)
    annotations = inspect.get_annotations(resolver, eval_str=True)
    input_type, result_type = annotations["input"], annotations["return"]

    async def wrapped(info: Info, **arguments: Any) -> Any:
        call = Call(info, action)
        try:
            return await resolver(call, arguments["input"])
        except sql_errors.SqlError as error:
            cycle = await _cycle(call.context, error) if isinstance(error, sql_errors.Cycle) else None
            problem = problems.from_error(error, call.given, cycle)
            if problem is None:
                raise
            return problem

    description = input_type.__strawberry_definition__.description
    wrapped.__name__ = resolver.__name__
    wrapped.__doc__ = resolver.__doc__
    wrapped.__module__ = resolver.__module__
    wrapped.__annotations__ = {
        "info": Info,
        "input": Annotated[input_type, strawberry.argument(description=description)],
        "return": Optional[result_type],  # noqa: UP045 (a value here, not a type)
    }
    wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
            inspect.Parameter(
                "input", inspect.Parameter.KEYWORD_ONLY, annotation=wrapped.__annotations__["input"]
            ),
        ],
        return_annotation=wrapped.__annotations__["return"],
    )
    return wrapped


_CYCLE_MODELS: dict[str, type[models.Base]] = {"SKILL": models.Skill, "CONCEPT": models.Concept}


async def _cycle(context: Context, error: sql_errors.Cycle) -> list[Any]:
    """Return the records of a cycle in its order, the first one again at the end."""
    async with context.database.read() as session:
        # The session keeps what it has read: the repeated end costs nothing.
        return [await session.get(_CYCLE_MODELS[error.kind], key) for key in error.keys]


@dataclasses.dataclass(frozen=True, slots=True)
class Sync:
    """How far the graph is with one mutation; the GraphQL type of the same name."""

    token: str
    state: str
    version: int
    attempts: int
    last_error: str | None


async def sync_of(context: Context, write_id: str | None) -> Sync:
    """Return how far the graph is with a write."""
    state = None
    if write_id is not None:
        async with context.database.read() as session:
            state = await sql.sync_status.write_state(session, write_id, enabled=context.graph is not None)
    if state is None:
        # Nothing was changed, so the graph has it all.
        name = "SYNCED" if context.graph is not None else "DISABLED"
        return Sync(ids.encode("sync", write_id or models.new_id()), name, 0, 0, None)
    return Sync(
        token=ids.encode("sync", state.token),
        state=str(state.state),
        version=state.version,
        attempts=state.attempts,
        last_error=state.last_error,
    )


def _hash(given: Any) -> str:
    """Return the SHA-256 of an input without its idempotency key."""
    plain = _plain(given)
    plain.pop("idempotency_key", None)
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) is not strawberry.UNSET
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def selects(info: Info, name: str) -> bool:
    """Return whether a field is selected anywhere right below the current one (directives not considered)."""
    raw = info._raw_info
    pending: list[Any] = [node.selection_set for node in raw.field_nodes if node.selection_set]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                if node.name.value == name:
                    return True
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                fragment: Any = raw.fragments[node.name.value]
                pending.append(getattr(fragment, "definition", fragment).selection_set)
    return False


async def change_record(
    call: Call, kind: str, key: Any, rule: Callable[[AsyncSession], Awaitable[T]]
) -> tuple[T, Sync]:
    """Run a rule on a record of a course that the viewer runs."""
    viewer = call.viewer

    async def checked(session: AsyncSession) -> T:
        await policy.record_to_edit(session, viewer, kind, key)
        return await rule(session)

    return await call.write(checked)
