"""Which columns of a record SQL reads: those that an operation shows anywhere, and those that its fields go by.

Texts of thousands of characters stay where they are when nobody asks for them. A field that reads a column which was
not brought raises, at once and always: nothing is ever read later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import OperationDefinitionNode, get_named_type
from strawberry import Info

from resolvers.selection import Operation
from sql import models
from sql.points import columns_of

Columns = frozenset[str]

# Short ones: what names a record, leads to others, and decides who may see or do what.
_ALWAYS: dict[type[models.Base], Columns] = {
    models.User: frozenset({"id", "role"}),
    models.Course: frozenset({"id", "teacher_id", "publication_status", "archived_at"}),
    models.Enrollment: frozenset({"id", "course_id", "student_id"}),
    models.ExtractionRun: frozenset({"id", "course_id", "started_by_id", "write_id"}),
    models.ExtractionDocument: frozenset({"id", "run_id", "theory_id"}),
}
_MODELS: dict[str, type[models.Base]] = {
    "Student": models.User,
    "Teacher": models.User,
    "Administrator": models.User,
    "Course": models.Course,
    "Enrollment": models.Enrollment,
    "ExtractionRun": models.ExtractionRun,
    "ExtractionDocument": models.ExtractionDocument,
}


def of(info: Info, model: type[models.Base]) -> Columns | None:
    """Return the columns of a model that the document of a field shows, at whatever place; None for all.

    One set for all places, so that records which are asked for at several of them are read together.
    """
    operation: Operation | None = info.context.operation
    if operation is None:
        return None
    if operation.columns is None:
        shown: dict[type[models.Base], set[str]] = {each: set(names) for each, names in _ALWAYS.items()}
        for node in operation.document.definitions:
            if isinstance(node, OperationDefinitionNode):
                _collect(operation, operation.schema.get_root_type(node.operation), [node], shown)
        operation.columns = {
            each: frozenset(names & {column.key for column in columns_of(each)})
            for each, names in shown.items()
        }
    found: Columns = operation.columns[model]
    return found


def _collect(
    operation: Operation, named_type: Any, nodes: Iterable[Any], shown: dict[type[models.Base], set[str]]
) -> None:
    """Add the attributes that fields below some nodes show."""
    sets = [node.selection_set for node in nodes if node.selection_set]
    for concrete in operation.concrete(named_type):
        model = _MODELS.get(concrete.name)
        here = set() if model is None else shown[model]
        for asked in operation.collect(sets, concrete).values():
            name = asked[0].name.value
            if name.startswith("__"):
                continue
            definition = concrete.fields[name]
            # A column, or shown through a function that is called as its column is, or none of the table's.
            here.add(definition.extensions["strawberry-definition"].python_name)
            _collect(operation, get_named_type(definition.type), asked, shown)
