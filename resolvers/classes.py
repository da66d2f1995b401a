"""Root fields about a class, for its teacher: who is in it comes from SQL, what they master from the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strawberry import Info

import sql.courses
import sql.enrollments
from graph.layout import Shaped
from graph.plan import Row
from graph.selection import Field, Selection
from resolvers import completion, graph_fields, ids, policy, selection
from resolvers.connections import PageInfo, page
from resolvers.context import Context
from resolvers.problems import Forbidden
from sql import models
from sql.points import columns_of

CONNECTION, EDGE, ENROLLMENT = "ClassMasteryConnection", "ClassMasteryEdge", "Enrollment"
# What is completed without graphql-core: a row's columns, its student's and the course's, and what the graph answers.
_COMPLETED = frozenset({CONNECTION, EDGE, ENROLLMENT, "PageInfo", "Student", "Course"})
_BEFOREHAND = {ENROLLMENT: frozenset({"masterySummary", "student", "course"})}
_COLUMNS = frozenset(column.key for column in columns_of(models.Enrollment))


async def class_mastery(info: Info) -> Row | Shaped | None:
    """Return a page of students with their mastery of the course's skills."""
    context: Context = info.context
    viewer = context.signed_in()
    raw = info._raw_info
    field = selection.of_field(raw)
    asked = field.arguments
    course = await sql.courses.visible_course(
        context.database, asked["courseId"] or policy.NO_COURSE, viewer_id=viewer.id, viewer_role=viewer.role
    )
    if course is None:
        return None
    if not policy.runs(viewer, course):
        raise Forbidden("This is for the course's teacher and admins.")
    completer = completion.completer_of(raw, _COMPLETED, _BEFOREHAND)
    read = completer.attributes if completer is not None else {ENROLLMENT: _COLUMNS}
    found = await sql.enrollments.class_page(
        context.database,
        course.id,
        page(field.name, *(asked.get(name) for name in ("first", "after", "last", "before"))),
        columns=read.get(ENROLLMENT, ()),
        of_people=read.get("Student", ()),
        with_cursors=any(_asks_cursor(each) for each in _fields(field, CONNECTION)),
        with_total=any(each.name == "totalCount" for each in _fields(field, CONNECTION)),
    )
    scope = await graph_fields.scope_for(context, [field])
    answer = await context.repository().class_mastery(
        course.id, [row.student_id for row in found.enrollments], field, scope
    )
    _fill(context, field, answer, found)
    if completer is None:
        return answer
    for below in completer.below:
        if below.name == "student":
            known: Iterable[Any] = found.people
        elif below.name == "course":
            known = [course] * len(found.people)
        else:
            continue
        for enrollment, one in zip(found.enrollments, known, strict=True):
            context.answered[below.path, ids.graph_key(enrollment)] = one
    completed: Row | Shaped = completer.complete(answer, context.answered)
    return completed


def _fields(asked: Field, typename: str) -> tuple[Field, ...]:
    return (asked.selection or Selection()).fields(typename)


def _asks_cursor(asked: Field) -> bool:
    return asked.name == "pageInfo" or any(each.name == "cursor" for each in _fields(asked, EDGE))


def _fill(context: Context, field: Field, answer: Row, found: sql.enrollments.ClassPage) -> None:
    """Put what SQL answers into the graph's Row of the connection."""
    path = (field.response_key,)
    for each in _fields(field, CONNECTION):
        key = each.response_key
        match each.name:
            case "edges":
                for part in _fields(each, EDGE):
                    _fill_edges(context, part, answer.values[key], found, (*path, key, part.response_key))
            case "nodes":
                rows = zip(answer.values[key], found.enrollments, strict=True)
                answer.values[key] = [_place(context, *pair, (*path, key)) for pair in rows]
            case "pageInfo":
                answer.values[key] = PageInfo(
                    has_next_page=found.has_next,
                    has_previous_page=found.has_previous,
                    start_cursor=found.cursors[0] if found.cursors else None,
                    end_cursor=found.cursors[-1] if found.cursors else None,
                )
            case "totalCount":
                answer.values[key] = found.total_count


def _fill_edges(
    context: Context, asked: Field, rows: list[Row], found: sql.enrollments.ClassPage, path: tuple[str, ...]
) -> None:
    key = asked.response_key
    if asked.name == "cursor":
        for row, cursor in zip(rows, found.cursors, strict=True):
            row.values[key] = cursor
    elif asked.name == "node":
        for row, enrollment in zip(rows, found.enrollments, strict=True):
            row.values[key] = _place(context, row.values[key], enrollment, path)


def _place(
    context: Context, answered: Row, enrollment: models.Enrollment, path: tuple[str, ...]
) -> models.Enrollment:
    """Return the row of SQL, with its graph fields answered under their paths."""
    for name, value in answered.values.items():
        context.answered[(*path, name), ids.graph_key(enrollment)] = value
    return enrollment
