"""Ask for many keys with one parameter, so that a statement has one text however many keys there are.

`in_` writes a parameter for each value into the text, every time anew: for a thousand keys that takes longer than
the database's answer. Here both databases get a JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Integer, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine


class among(FunctionElement[Any]):
    """Tell whether columns, all together, are one of some values: texts or whole numbers.

    Of one column the values are plain, of several columns they are tuples.
    """

    name = "among"
    # No Boolean: SQLite has none, and SQLAlchemy would compare the answer with 1 there.
    type: TypeEngine[Any] = NullType()
    inherit_cache = True

    def __init__(self, columns: Any, values: Collection[Any]) -> None:
        several = columns if isinstance(columns, tuple) else (columns,)
        text = json.dumps(list(values))
        super().__init__(*several, bindparam("values", text, type_=Text(), unique=True))


@compiles(among, "sqlite")
def _on_sqlite(element: among, compiler: SQLCompiler, **kwargs: Any) -> str:
    *columns, values = element.clauses
    names = ", ".join(compiler.process(column, **kwargs) for column in columns)
    parts = ", ".join(f"json_extract(value, '$[{index}]')" for index in range(len(columns)))
    chosen = "value" if len(columns) == 1 else parts
    text = compiler.process(values, **kwargs)
    return f"({names}) IN (SELECT {chosen} FROM json_each({text}))"  # noqa: S608 - no values in it


@compiles(among, "postgresql")
def _on_postgresql(element: among, compiler: SQLCompiler, **kwargs: Any) -> str:
    *columns, values = element.clauses
    names = ", ".join(compiler.process(column, **kwargs) for column in columns)
    parts = ", ".join(
        f"CAST(value ->> {index} AS {_type_of(column)})" for index, column in enumerate(columns)
    )
    chosen = f"CAST(value #>> '{{}}' AS {_type_of(columns[0])})" if len(columns) == 1 else parts
    text = f"jsonb_array_elements(CAST({compiler.process(values, **kwargs)} AS jsonb))"
    return f"({names}) IN (SELECT {chosen} FROM {text} AS value)"  # noqa: S608 - no values in it


def _type_of(column: Any) -> str:
    return "bigint" if isinstance(column.type, Integer) else "text"
