"""Answer the fields that the graph answers: from the parent's projection, or one statement for all parents.

Below a graph root everything is already there: a Row carries the answer of each field that was
selected, by response key. Below a SQL record (a course, or the row that a mutation just wrote) the
field is compiled once and asked of the graph for all parents of the tick.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from strawberry import Info

from graph.errors import GraphUnavailable
from graph.plan import Row, Scope
from graph.selection import Field
from resolvers import ids, policy, selection
from resolvers.completion import Below
from resolvers.context import Context
from sql import models
from sql.models import Role

_SQL_PARENTS = (models.Course, models.User, models.Enrollment, models.ExtractionDocument)


async def resolve(root: Any, info: Info) -> Any:
    """Return the answer of a graph field."""
    if isinstance(root, Row):
        return root.values[str(info.path.key)]
    raw = info._raw_info
    context: Context = info.context
    if context.answered:
        place = (_path(raw), ids.graph_key(root))
        if place in context.answered:
            found = context.answered[place]
            if isinstance(found, Exception):
                raise found
            return found
    field = selection.of_field(raw)
    parent_type = ids.type_name(root) or raw.parent_type.name
    await _allow(context, root, field)
    field = await _narrowed(context, root, field)

    async def load(keys: list[Any]) -> list[Any]:
        found = await context.repository().children(
            parent_type, field, list(dict.fromkeys(keys)), await scope_for(context, [field])
        )
        missing = [key for key in keys if key not in found]
        if missing and not isinstance(root, _SQL_PARENTS):
            # The row is written, its node is not there yet: an empty list would be a lie.
            raise GraphUnavailable("the record has not reached the graph yet", retryable=True)
        return [found.get(key) for key in keys]

    loader = context.loader((_path(raw), parent_type), load)
    return await loader.load(ids.graph_key(root))


async def answer_beforehand(info: Any, course: models.Course, fields: Sequence[Below]) -> None:
    """Answer graph fields of a course into Context.answered, one statement for each; what one raises is kept."""
    context: Context = info.context
    operation: selection.Operation = context.operation  # type: ignore[assignment]
    key = ids.graph_key(course)

    async def answer(below: Below) -> None:
        found: Any
        try:
            asked = operation.asked(below.parent, below.nodes, below.path[-1])
            field = asked.field(info.variable_values)
            answers = await context.repository().children(
                "Course", field, [key], await scope_for(context, [field])
            )
            found = answers.get(key)
        except Exception as error:
            found = error
        context.answered[below.path, key] = found

    if len(fields) == 1:
        await answer(fields[0])
    else:
        await asyncio.gather(*(answer(below) for below in fields))


async def _allow(context: Context, root: Any, field: Field) -> None:
    """Raise Forbidden where a SQL parent leads to somebody's marks that the viewer may not see."""
    if isinstance(root, models.User):
        await policy.see_marks(context, root.id, field.arguments.get("courseId"))
    elif isinstance(root, models.Enrollment):
        await policy.see_marks(context, root.student_id, root.course_id)


async def _narrowed(context: Context, root: Any, field: Field) -> Field:
    """Return a field that leaves out what a teacher may not see of a student of several courses."""
    if (
        isinstance(root, models.User)
        and field.name == "progress"
        and context.signed_in().role is Role.TEACHER
    ):
        taught = await policy.taught_course_ids(context)
        return dataclasses.replace(field, arguments={**field.arguments, "taughtCourseIds": taught})
    return field


def _path(raw: Any) -> tuple[str, ...]:
    """Return the response path from the root, without list positions: the same for all parents of a list."""
    parts: list[str] = []
    path = raw.path
    while path is not None:
        if isinstance(path.key, str):
            parts.append(path.key)
        path = path.prev
    return tuple(reversed(parts))


async def scope_for(context: Context, fields: list[Field]) -> Any:
    """Return the facts about the viewer that a statement needs, reading SQL only for other people's marks."""
    viewer = context.signed_in()
    student_id = viewer.id if viewer.role is Role.STUDENT else None
    others: set[int] = set()
    if viewer.role is not Role.STUDENT:  # who learns sees own marks alone
        for field in fields:
            _collect_others(field, viewer.id, others)
    return Scope(
        viewer_student_id=student_id,
        is_admin=viewer.role is Role.ADMIN,
        taught_course_ids=tuple(await policy.taught_course_ids(context)) if others else (),
        hidden_student_ids=await policy.hidden_students(context, others) if others else frozenset(),
    )


_PERSONAL = frozenset({"mastery", "masterySummary"})


def _collect_others(field: Field, viewer_id: int, found: set[int]) -> None:
    """Add the students whose marks a field asks for, at any depth, but the viewer."""
    if field.name in _PERSONAL and (asked := field.arguments.get("studentId")) not in (None, viewer_id):
        found.add(asked)
    if field.selection is not None:
        for children in field.selection.by_type.values():
            for child in children:
                _collect_others(child, viewer_id, found)
