"""Root fields that the graph answers: policy by SQL, then one Cypher statement whatever is nested."""

from __future__ import annotations

from typing import Any

from strawberry import Info

import sql.accounts
import sql.courses
import sql.enrollments
import sql.extraction
import sql.sync_operations
from graph.plan import Row
from graph.selection import Field
from resolvers import graph_fields, ids, policy, selection
from resolvers.context import Context
from resolvers.problems import BadArgument, Forbidden
from sql import models
from sql.models import Role

GREATEST_NODES = 100

# Root fields whose whole answer is the graph's: where it comes read by a JsonReader, nothing is left to complete.
# All of them may be null, so an error in one leaves its neighbours alone.
WHOLE = frozenset(
    {
        "chapter",
        "theory",
        "skill",
        "concept",
        "chapterSequence",
        "conceptRelations",
        "conceptMap",
        "studentMastery",
    }
)

# Root fields that SQL and the graph answer together: completed (resolvers.completion) where that is all that is asked.
TOGETHER = frozenset({"classMastery", "course"})

# Prefix -> (kind for visibility, concrete GraphQL types) of what the graph answers by id.
_GRAPH_NODES: dict[str, tuple[str, list[str]]] = {
    "ch": ("CHAPTER", ["Chapter"]),
    "th": ("THEORY", ["Theory"]),
    "skill": ("SKILL", ["Skill"]),
    "pre": ("SKILL_PREREQUISITE", ["SkillPrerequisite"]),
    "con": ("CONCEPT", ["Concept"]),
    "men": ("CONCEPT_MENTION", ["ConceptMention"]),
    "rel": ("CONCEPT_RELATION", ["ConceptRelation"]),
    "res": ("RESOURCE", ["Reading", "Video"]),
    "mas": ("MASTERY", ["SkillMastery"]),
    "prog": ("PROGRESS", ["Progress"]),
}


async def _lookup(info: Info, prefix: str, keys: list[Any]) -> dict[Any, Row]:
    """Return the visible records of one kind by key: one SQL statement for policy, one of Cypher."""
    context: Context = info.context
    kind, type_names = _GRAPH_NODES[prefix]
    visible = await _visible(context, kind, keys)
    wanted = [key for key in keys if key in visible]
    if not wanted:
        return {}
    selected = selection.of_types(info._raw_info, type_names)
    field = Field(response_key=info._raw_info.path.key, name="node", arguments={}, selection=selected)  # type: ignore[arg-type]
    scope = await graph_fields.scope_for(context, [field])
    return await context.repository().lookup(type_names, wanted, selected, scope)


async def _visible(context: Context, kind: str, keys: list[Any]) -> set[Any]:
    viewer = context.signed_in()
    if kind == "MASTERY":
        # (student, skill): the student must be one whose marks the viewer may see in the skill's course.
        skills = await policy.visible_records(context, "SKILL", [skill_id for _, skill_id in keys])
        if viewer.role is Role.STUDENT:
            return {key for key in keys if key[0] == viewer.id and key[1] in skills}
        async with context.database.read() as session:
            # Of all that were asked for: what is absent costs as many statements as what is hidden.
            courses = await sql.courses.course_of(session, models.Kind.SKILL, [key for _, key in keys])
        taught = set(await policy.taught_course_ids(context))
        hidden = await policy.hidden_students(context, {student_id for student_id, _ in keys})
        return {
            (student_id, skill_id)
            for student_id, skill_id in keys
            if skill_id in skills
            and student_id not in hidden
            and (viewer.role is Role.ADMIN or courses.get(skill_id) in taught)
        }
    if kind == "PROGRESS":
        async with context.database.read() as session:
            return await sql.courses.visible_progress(
                session, keys, viewer_id=viewer.id, viewer_role=viewer.role
            )
    return await policy.visible_records(context, kind, keys)


async def _by_id(info: Info, prefix: str, id: str) -> Row | None:
    info.context.signed_in()
    try:
        key = ids.decode(id, prefix)
    except ids.MalformedId:
        return None
    return (await _lookup(info, prefix, [key])).get(key)


async def chapter(info: Info, id: str) -> Row | None:
    """Return a chapter that the viewer may see."""
    return await _by_id(info, "ch", id)


async def theory(info: Info, id: str) -> Row | None:
    """Return a theory that the viewer may see."""
    return await _by_id(info, "th", id)


async def skill(info: Info, id: str) -> Row | None:
    """Return a skill that the viewer may see."""
    return await _by_id(info, "skill", id)


async def concept(info: Info, id: str) -> Row | None:
    """Return a concept that the viewer may see."""
    return await _by_id(info, "con", id)


async def node(info: Info, id: str) -> Any:
    """Return any record by its global id."""
    return (await nodes(info, [id]))[0]


async def nodes(info: Info, given_ids: list[str]) -> list[Any]:
    """Return records in the order of the ids, None where nothing is found: one read for each kind."""
    context: Context = info.context
    context.signed_in()
    if len(given_ids) > GREATEST_NODES:
        raise BadArgument("ids", f"nodes: at most {GREATEST_NODES} ids, not {len(given_ids)}.")
    by_prefix: dict[str, list[Any]] = {}
    places: list[tuple[str, Any] | None] = []
    for given_id in given_ids:
        try:
            prefix, key = ids.decode_any(given_id)
        except ids.MalformedId:
            places.append(None)
            continue
        places.append((prefix, key))
        keys = by_prefix.setdefault(prefix, [])
        if key not in keys:
            keys.append(key)
    found: dict[tuple[str, Any], Any] = {}
    for prefix, keys in by_prefix.items():
        answers = (
            await _lookup(info, prefix, keys)
            if prefix in _GRAPH_NODES
            else await _sql_nodes(context, prefix, keys)
        )
        found.update({(prefix, key): answer for key, answer in answers.items()})
    return [found.get(place) if place else None for place in places]


async def _sql_nodes(context: Context, prefix: str, keys: list[Any]) -> dict[Any, Any]:
    viewer = context.signed_in()
    as_viewer: dict[str, Any] = {"viewer_id": viewer.id, "viewer_role": viewer.role}
    async with context.database.read() as session:
        match prefix:
            case "user":
                return dict(await sql.accounts.visible_users(session, keys, **as_viewer))
            case "course":
                return dict(await sql.courses.visible_courses(session, keys, **as_viewer))
            case "enr":
                return dict(await sql.enrollments.visible_enrollments(session, keys, **as_viewer))
            case "meta":
                return dict(await sql.accounts.visible_metadata(session, keys, **as_viewer))
            case "run":
                return dict(await sql.extraction.visible_runs(session, keys, **as_viewer))
            case "doc":
                return dict(await sql.extraction.visible_documents(session, keys, **as_viewer))
            case "rec" if viewer.role is Role.ADMIN:
                return dict(await sql.sync_operations.by_ids(session, keys))
    return {}


async def _visible_course_id(context: Context, course_id: Any) -> int | None:
    return course_id if await policy.sees_course(context, course_id) else None


async def chapter_sequence(info: Info) -> list[Row] | None:
    """Return the chapters of a course along NEXT_CHAPTER."""
    context: Context = info.context
    context.signed_in()
    field = selection.of_field(info._raw_info)
    course_id = await _visible_course_id(context, field.arguments["courseId"])
    if course_id is None:
        return None
    scope = await graph_fields.scope_for(context, [field])
    return await context.repository().chapter_sequence(course_id, field, scope)


async def concept_relations(info: Info) -> Row | None:
    """Return a page of the relations between concepts of a course."""
    context: Context = info.context
    context.signed_in()
    field = selection.of_field(info._raw_info)
    if "direction" in field.arguments and "conceptId" not in field.arguments:
        raise BadArgument("direction", "conceptRelations: direction goes together with conceptId.")
    course_id = await _visible_course_id(context, field.arguments["courseId"])
    if course_id is None:
        return None
    scope = await graph_fields.scope_for(context, [field])
    return await context.repository().concept_relations(course_id, field, scope)


async def concept_map(info: Info) -> Row | None:
    """Return the concepts around one concept, or the most connected ones of a course."""
    context: Context = info.context
    context.signed_in()
    field = selection.of_field(info._raw_info)
    course_id = await _visible_course_id(context, field.arguments["courseId"])
    if course_id is None:
        return None
    scope = await graph_fields.scope_for(context, [field])
    return await context.repository().concept_map(course_id, field, scope)


async def student_mastery(info: Info) -> Row | None:
    """Return a page of what a student has mastered of a course."""
    context: Context = info.context
    viewer = context.signed_in()
    field = selection.of_field(info._raw_info)
    course_id = await _visible_course_id(context, field.arguments["courseId"])
    if course_id is None:
        return None
    student_id = field.arguments.get("studentId")
    if student_id is None:
        if viewer.role is not Role.STUDENT:
            raise BadArgument("studentId", "studentMastery: name the student; you are none yourself.")
        student_id = viewer.id
    elif student_id != viewer.id:
        if viewer.role is Role.STUDENT:
            raise Forbidden("This is for the student, the course's teacher and admins.")
        await policy.see_marks(context, student_id, course_id)
        if await policy.visible_student(context, student_id) is None:
            return None
    scope = await graph_fields.scope_for(context, [field])
    return await context.repository().student_mastery(course_id, student_id, field, scope)
