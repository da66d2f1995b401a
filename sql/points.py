"""Read a row or two by key, at the least cost: what every request asks before anything else.

A pooled session costs a transaction, and on SQLite nine hops to another thread, for a row that takes
microseconds to read. A Point is compiled once. On SQLite it is read on a connection of its own, on the event
loop: by key, in a file that the system keeps in memory, it takes less time than the hop. On PostgreSQL it is
one round trip, without a transaction around it.

Only for statements that find their rows by an index and return few of them; those that may look at more rows
are read by `Database.fetch_list`.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, inspect
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import configure_mappers, load_only
from sqlalchemy.orm.interfaces import LoaderOption

Rows = list[tuple[Any, ...]]
Columns = Collection[str] | None
"""Attributes of a record that are read; None for all of them."""
Record = TypeVar("Record")


class Point:
    """A statement by key; its parameters are bindparam()s."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.statement = statement
        self._compiled: _Compiled | None = None

    def compiled(self, dialect: Dialect) -> _Compiled:
        """Return the statement as SQLite's driver takes it."""
        if self._compiled is None:
            self._compiled = _Compiled(self.statement, dialect)
        return self._compiled


def columns_of(model: Any) -> list[Any]:
    """Return what a Point selects for `record` to make a record of."""
    return list(model.__table__.columns)


def only(model: Any, columns: Columns) -> list[LoaderOption]:
    """Return the options of a statement that reads some columns of a record; of the others each raises when used."""
    if columns is None:
        return []
    return [load_only(*(getattr(model, name) for name in sorted(columns)), raiseload=True)]


def record(model: type[Record], row: tuple[Any, ...], names: Sequence[str] | None = None) -> Record:
    """Return a record that belongs to no session, of a row with the columns of its model, or with those named.

    What is not named would read as None: only for who knows what is read of it.
    """
    manager, keys = _made_of(model)  # type: ignore[arg-type]
    # As a session makes one of a row: no column is set as if it were changed.
    made: Record = manager.new_instance()
    made.__dict__.update(zip(keys if names is None else names, row, strict=True))
    return made


@functools.cache
def _made_of(model: Any) -> tuple[Any, list[str]]:
    # The first session would do it; a record may be read before there is one.
    configure_mappers()
    return inspect(model).class_manager, [column.key for column in columns_of(model)]


class _Compiled:
    """Text, order of the parameters, and what converts values on their way in and out."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.text: str = str(compiled)
        converters: Mapping[str, Callable[[Any], Any]] = compiled._bind_processors
        self.parameters = [(name, converters.get(name)) for name in compiled.positiontup]
        # Literals of the statement itself, such as a status.
        self.fixed: dict[str, Any] = {
            name: value for name, value in compiled.params.items() if value is not None
        }
        self.results = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in statement.selected_columns
        ]
        self.plain = not any(self.results)

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the parameters in the order of the text."""
        found = []
        for name, convert in self.parameters:
            value = given[name] if name in given else self.fixed[name]
            found.append(value if convert is None else convert(value))
        return found

    def rows(self, found: Rows) -> Rows:
        """Return rows with Python's types."""
        if self.plain:
            return found
        return [
            tuple(
                value if convert is None else convert(value)
                for value, convert in zip(row, self.results, strict=True)
            )
            for row in found
        ]


class DirectReader:
    """A connection to a SQLite file that only reads; it never waits for a lock."""

    def __init__(self, path: str, dialect: Dialect) -> None:
        self._path = path
        self._dialect = dialect
        self._connection: sqlite3.Connection | None = None

    def read(self, point: Point, given: Mapping[str, Any]) -> Rows:
        """Return the rows of a Point; raise sqlite3.OperationalError when the file is not to be read just now."""
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA query_only = ON")
        compiled = point.compiled(self._dialect)
        return compiled.rows(self._connection.execute(compiled.text, compiled.values(given)).fetchall())

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
