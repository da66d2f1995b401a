"""Root fields about a class, for its teacher: who is in it comes from SQL, what they master from the graph."""

from __future__ import annotations

from typing import Any

from strawberry import Info

import sql.enrollments
from graph.plan import Row
from graph.selection import Field, Selection
from resolvers import graph_fields, policy, selection, writing
from resolvers.connections import connection, page
from resolvers.context import Context
from resolvers.problems import Forbidden
from sql import models

CONNECTION, EDGE, ENROLLMENT = "ClassMasteryConnection", "ClassMasteryEdge", "Enrollment"


async def class_mastery(info: Info) -> Row | None:
    """Return a page of students with their mastery of the course's skills."""
    context: Context = info.context
    viewer = context.signed_in()
    field = selection.of_field(info._raw_info)
    asked = field.arguments
    async with context.database.read() as session:
        course = await policy.visible_course(session, viewer, asked["courseId"])
        if course is None:
            return None
        if not policy.runs(viewer, course):
            raise Forbidden("This is for the course's teacher and admins.")
        found = await sql.enrollments.list_enrollments(
            session,
            course_id=course.id,
            viewer_id=viewer.id,
            viewer_role=viewer.role,
            page=page(field.name, *(asked.get(name) for name in ("first", "after", "last", "before"))),
            with_total=writing.selects(info, "totalCount"),
        )
    students = connection(found)
    scope = await graph_fields.scope_for(context, [field])
    answer = await context.repository().class_mastery(
        course.id, [row.student_id for row in students.nodes], field, scope
    )
    path = (field.response_key,)
    for each in (field.selection or Selection()).fields(CONNECTION):
        below = (*path, each.response_key)
        match each.name:
            case "edges":
                for row, edge in zip(answer.values[each.response_key], students.edges, strict=True):
                    _fill_edge(context, each, row, edge, below)
            case "nodes":
                rows = zip(answer.values[each.response_key], students.nodes, strict=True)
                answer.values[each.response_key] = [_place(context, *pair, below) for pair in rows]
            case "pageInfo":
                answer.values[each.response_key] = students.page_info
            case "totalCount":
                answer.values[each.response_key] = students.total_count
    return answer


def _fill_edge(context: Context, asked: Field, row: Row, edge: Any, path: tuple[str, ...]) -> None:
    for each in (asked.selection or Selection()).fields(EDGE):
        if each.name == "cursor":
            row.values[each.response_key] = edge.cursor
        elif each.name == "node":
            answered = row.values[each.response_key]
            row.values[each.response_key] = _place(context, answered, edge.node, (*path, each.response_key))


def _place(
    context: Context, answered: Row, enrollment: models.Enrollment, path: tuple[str, ...]
) -> models.Enrollment:
    """Return the row of SQL, with its graph fields answered under their paths."""
    for name, value in answered.values.items():
        context.answered[(*path, name), graph_fields.graph_key(enrollment)] = value
    return enrollment
