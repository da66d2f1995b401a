"""All that a resolver may use while it answers one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from strawberry.dataloader import DataLoader

from graph.errors import GraphUnavailable
from graph.repository import GraphRepository
from resolvers.problems import Unauthenticated
from resolvers.selection import Operation
from sql import models
from sql.scopes import Scope
from sql.session import Database


class Settings(Protocol):
    """What resolvers read of the settings; graphql_api.settings satisfies it."""

    teacher_registration: bool
    inline_deadline_seconds: float
    graph_deadline_seconds: float
    operation_deadline_seconds: float
    access_token_seconds: int
    refresh_token_seconds: int
    login_attempts_per_account: int
    login_attempts_per_address: int
    login_window_seconds: int


class TokenIssuer(Protocol):
    """Signs access tokens; graphql_api.tokens satisfies it."""

    def issue(self, user: models.User) -> tuple[str, datetime]: ...


class Loader(DataLoader[Any, Any]):
    """A batching reader whose waiters are cancelled one by one.

    All who ask for a key wait for one future. When a field fails, graphql-core cancels what it was waiting for
    beside it; without the shield that would cancel the others' future as well.
    """

    def load(self, key: Any) -> Awaitable[Any]:
        """Return the value of a key, when it comes."""
        return asyncio.shield(super().load(key))


class Operations(Protocol):
    """What operators do with the mirror; graphql_api.operators satisfies it."""

    # Records whose projection has a smaller version wait for the graph, too.
    projection_version: int

    async def drift(self, course_id: int | None, keep: int) -> Any:
        """Return a report of the differences (mirror.verify.Report) with the gravest `keep` of them."""

    async def mend(self, course_id: int | None) -> tuple[dict[models.Kind, list[str]], int]:
        """Take away what is too much; return the records to write again, and how many differed."""

    def sweep(self, scope: Scope) -> None:
        """Take away what is too much in the background, whether its record is on its way or not."""


@dataclass(slots=True)
class Context:
    """One request: who asks, which stores answer, and what was asked of them so far."""

    settings: Settings
    database: Database
    graph: GraphRepository | None
    tokens: TokenIssuer
    viewer: models.User | None
    address: str
    # Tries the changes of a write inline, within a deadline, and never raises (mirror.worker).
    try_inline: Callable[[str], Awaitable[None]]
    # Asks the graph for a sign of life, within a second.
    graph_reachable: Callable[[], Awaitable[bool]]
    # Tells a waiting extraction worker that there is something to do.
    wake_extraction: Callable[[], None]
    operations: Operations
    # What is asked, set before the first resolver runs.
    operation: Operation | None = None
    loaders: dict[Hashable, Loader] = field(default_factory=dict)
    asked_graph: bool = False
    # Graph fields below SQL records that a root field's statement brought along, and whose policy it asked:
    # (response path without list positions, graph key) -> answer.
    answered: dict[tuple[tuple[str, ...], Any], Any] = field(default_factory=dict)
    # Response key -> what a root field answered, or raised, before graphql-core was to complete it.
    handed_over: dict[str, Any] = field(default_factory=dict)
    # Response keys of the mutations whose write stands.
    committed: set[str] = field(default_factory=set)

    def signed_in(self) -> models.User:
        """Return the viewer; raise Unauthenticated for an anonymous caller."""
        if self.viewer is None:
            raise Unauthenticated()
        return self.viewer

    def repository(self) -> GraphRepository:
        """Return the graph; raise GraphUnavailable where none is configured."""
        self.asked_graph = True
        if self.graph is None:
            raise GraphUnavailable("no graph is configured", retryable=False)
        return self.graph

    def loader(self, name: Hashable, load: Callable[[list[Any]], Awaitable[list[Any]]]) -> Loader:
        """Return the batching reader of this request under a name: one read for all keys of a tick."""
        found = self.loaders.get(name)
        if found is None:
            found = self.loaders[name] = Loader(load_fn=load)
        return found

    def forget(self) -> None:
        """Let go of what was read: loaders lead back here, and the collector alone would find such rings."""
        self.loaders.clear()
        self.answered.clear()
        self.handed_over.clear()
