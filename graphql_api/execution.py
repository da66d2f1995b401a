"""Run one GraphQL operation: parse, limit, validate, execute, and say how fresh the graph was."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

import sql.sync_status
from graphql_api import errors, fast, limits
from graphql_api.bodies import is_heavy
from graphql_api.cost import CostModel
from graphql_api.documents import Document, Documents, Reading, read_document
from graphql_api.introspection import META_FIELDS, NoIntrospection
from graphql_api.settings import Settings
from graphql_api.turns import Turns
from resolvers.context import Context
from resolvers.problems import ApiError
from sql import models

# Checking a document within the limits, or thousands of values, can take a quarter of a second of Python. On a thread
# of its own, one at a time, it leaves the event loop its turns; for shorter ones a thread costs more than it gives.
LONG_DOCUMENT = 300  # characters
FRESHNESS_SECONDS = 0.25  # how long one reading of the mirror's backlog serves


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request as it came in."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL response. `executed` is False for a request error, which has no `data`."""

    body: dict[str, Any]
    executed: bool
    unauthenticated: bool = False


class Refused(Exception):
    """The request was refused before execution."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        super().__init__(entries)
        self.entries = entries


class _Lane:
    """Where documents that are not kept are checked, one after the other."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.thread = ThreadPoolExecutor(1, "checker")


class Executor:
    """Answers requests against one schema. Documents that passed are kept, with what was read of them."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self.schema = schema
        self.settings = settings
        self.documents = Documents()
        self.fast_count = 0
        """Operations that were answered without graphql-core's execution."""
        rules = list(specified_rules)
        if not settings.has_introspection:
            rules.append(NoIntrospection)
        self._rules = rules
        self._cost = CostModel(schema, settings.max_cost)
        # By whether somebody is signed in: a flood of documents from nobody is no queue for the others.
        self._lanes = (_Lane(), _Lane())
        self.heavy_turns = Turns()
        self._introspection_turns = Turns()
        self._backlog: tuple[float, datetime | None] | None = None
        self._backlog_turn = asyncio.Lock()

    def _lane(self, context: Context | None) -> _Lane:
        return self._lanes[context is not None and context.viewer is not None]

    async def _document(self, query: str, lane: _Lane) -> Document:
        """Return the parsed and checked document; raise Refused."""
        if query in self.documents:
            return self.documents.get(query, self._check)
        if len(query) < LONG_DOCUMENT or len(query) > self.settings.max_characters:
            async with lane.turns.turn():
                return self.documents.get(query, self._check)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.settings.operation_deadline_seconds):
                checked = await loop.run_in_executor(lane.thread, self._check, query)
        except TimeoutError:
            raise Refused([errors.request_error(errors.OperationTimeout())]) from None
        return self.documents.get(query, lambda _: checked)

    def _check(self, query: str) -> Document:
        try:
            limits.check_length(query, self.settings)
            document = parse(query, max_tokens=self.settings.max_tokens)
        except ApiError as error:
            raise Refused([errors.request_error(error)]) from None
        except GraphQLSyntaxError as error:
            # graphql-core has no class or code of its own for it.
            too_long = "Parsing aborted" in error.message
            raised: ApiError = (
                limits.QueryTooComplex("tokens", self.settings.max_tokens)
                if too_long
                else errors.ParseFailed(error.message)
            )
            raise Refused([errors.request_error(raised, _locations(error))]) from None
        except RecursionError:
            too_deep = limits.QueryTooComplex("depth", self.settings.max_depth)
            raise Refused([errors.request_error(too_deep)]) from None
        try:
            limits.check(document, self.settings)
            self._cost.check_document(query, document)
        except ApiError as error:
            raise Refused([errors.request_error(error)]) from None
        found_errors = validate(
            self.schema,
            document,
            self._rules,
            max_errors=errors.GREATEST_COUNT,
            hide_suggestions=self.settings.is_production,
        )
        if found_errors:
            raise Refused(
                [
                    errors.request_error(errors.ValidationFailed(one.message), _locations(one))
                    for one in found_errors[: errors.GREATEST_COUNT]
                ]
            )
        return read_document(query, document)

    async def find(
        self, request: Request, context: Context | None = None
    ) -> tuple[Document, OperationDefinitionNode]:
        """Return the document and the operation to run; raise Refused."""
        document = await self._document(request.query, self._lane(context))
        operations = document.operations
        name = request.operation_name
        if name is None:
            if len(operations) == 1:
                return document, operations[0]
            message = (
                "The document has several operations: operationName must say which."
                if operations
                else "The document has no operation."
            )
            raise Refused([errors.request_error(errors.BadRequest(message))])
        for operation in operations:
            if operation.name is not None and operation.name.value == name:
                return document, operation
        raise Refused([errors.request_error(errors.BadRequest(f"The document has no operation {name!r}."))])

    def check_cost(self, request: Request, document: Document, operation: OperationDefinitionNode) -> None:
        """Raise Refused for an operation that costs too much with its variables."""
        try:
            self._cost.check_request(request.query, document.node, operation, request.variables)
        except limits.QueryTooComplex as refusal:
            raise Refused([errors.request_error(refusal)]) from None

    async def run(self, request: Request, context: Context) -> Answer:
        """Answer a request; those of thousands of values one after the other."""
        try:
            if not is_heavy(request.variables):
                return await self._run(request, context, heavy=False)
            async with self.heavy_turns.turn():
                return await self._run(request, context, heavy=True)
        finally:
            context.forget()

    async def _run(self, request: Request, context: Context, *, heavy: bool) -> Answer:
        try:
            document, operation = await self.find(request, context)
            self.check_cost(request, document, operation)
        except Refused as refused:
            return Answer({"errors": refused.entries}, executed=False)
        if operation.operation is OperationType.SUBSCRIPTION:
            error = errors.BadRequest(
                "Subscriptions are answered over WebSocket (graphql-transport-ws) or as text/event-stream."
            )
            return Answer({"errors": [errors.request_error(error)]}, executed=False)
        coerce = functools.partial(
            get_variable_values,
            self.schema,
            operation.variable_definitions or (),
            request.variables or {},
            max_errors=errors.GREATEST_COUNT,
            hide_suggestions=self.settings.is_production,
        )
        loop = asyncio.get_running_loop()
        variables = await loop.run_in_executor(self._lane(context).thread, coerce) if heavy else coerce()
        if not isinstance(variables, VariableValues):
            entries = [
                errors.request_error(errors.BadRequest(one.message), _locations(one)) for one in variables
            ]
            return Answer({"errors": entries[: errors.GREATEST_COUNT]}, executed=False)
        try:
            async with asyncio.timeout(self.settings.operation_deadline_seconds):
                result = await self._execute(document, operation, variables, context)
        except TimeoutError:
            entry = errors.request_error(errors.OperationTimeout())
            if context.committed:
                entry["extensions"]["committed"] = True
            return Answer({"data": None, "errors": [entry]}, executed=True)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            # An error wherever it happened; which mutation it belongs to, its path says.
            body["errors"] = errors.format_all(result.errors, context.committed)
        if context.asked_graph:
            body["extensions"] = {"graph": await self._freshness(context)}
        return Answer(body, executed=True)

    async def _execute(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        context: Context,
    ) -> ExecutionResult:
        reading = self._reading(document, operation, variables)
        context.operation = reading.asked if reading else None
        if reading is not None and reading.roots is not None:
            try:
                answered = await fast.run(reading.roots, context, variables)
            except fast.HandOver:
                pass
            else:
                self.fast_count += 1
                return answered
        executor = fast.Executor.of(
            self.schema,
            document.node,
            operation,
            variables,
            context,
            hide_suggestions=self.settings.is_production,
        )
        if document.introspects:
            return await self._introspect(executor, operation, context)
        result: Any = executor.execute_operation()
        return result if isinstance(result, ExecutionResult) else await result

    async def _introspect(
        self, executor: fast.Executor, operation: OperationDefinitionNode, context: Context
    ) -> ExecutionResult:
        """Answer an operation that asks for the schema, which takes a tenth of a second of Python."""
        alone = all(
            isinstance(node, FieldNode) and node.name.value in (*META_FIELDS, "__typename")
            for node in operation.selection_set.selections
        )
        if alone:
            # None of our resolvers runs.
            loop = asyncio.get_running_loop()
            thread = self._lane(context).thread
            answered: Any = await loop.run_in_executor(thread, executor.execute_operation)
            assert isinstance(answered, ExecutionResult)  # noqa: S101 (nothing is awaited for the schema)
            return answered
        async with self._introspection_turns.turn():
            answered = executor.execute_operation()
            return answered if isinstance(answered, ExecutionResult) else await answered

    def _reading(
        self, document: Document, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Reading | None:
        try:
            return document.reading(self.schema, operation, variables, fast_path=self.settings.fast_path)
        except GraphQLError:
            return None  # a directive without a value: graphql-core says so

    async def _freshness(self, context: Context) -> dict[str, Any]:
        """Return how far behind SQL the graph was: the age of the oldest change that waits."""
        if context.committed:
            oldest = await self._read_backlog(context)
        else:
            oldest, fresh = self._kept_backlog()
            if not fresh:
                # One reads it for all who wait for it.
                async with self._backlog_turn:
                    oldest, fresh = self._kept_backlog()
                    if not fresh:
                        oldest = await self._read_backlog(context)
        now = models.now()
        as_of = min(oldest, now) if oldest is not None else now
        lag: timedelta = now - as_of
        return {
            "asOf": as_of.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
            "lagMs": int(lag.total_seconds() * 1_000),
        }

    def _kept_backlog(self) -> tuple[datetime | None, bool]:
        """Return the last reading, and whether it still serves."""
        if self._backlog is None:
            return None, False
        at, oldest = self._backlog
        return oldest, asyncio.get_running_loop().time() - at <= FRESHNESS_SECONDS

    async def _read_backlog(self, context: Context) -> datetime | None:
        started = asyncio.get_running_loop().time()
        oldest = await sql.sync_status.oldest_pending(context.database)
        self._backlog = (started, oldest)
        return oldest


def _locations(error: GraphQLError) -> list[dict[str, int]] | None:
    if not error.locations:
        return None
    return [{"line": place.line, "column": place.column} for place in error.locations]
