"""Everything that a payload offers can be asked for: no field of a record just written fails."""

from __future__ import annotations

from typing import Any

import graphql

from tests.api_fixtures import Api
from tests.e2e.mutation_cases import forget_attempts
from tests.e2e.test_mutations_attacks import NAMES, SCHEMA, inputs
from tests.e2e.test_permissions import LATE, World

DEPTH = 2
# Refused with the inputs at hand: no such password, token, entry or run; evidence keeps its skill.
REFUSED = ("changePassword", "refresh", "removeMetadata", "retryExtraction", "deleteSkill")


def everything(kind: Any, course_id: str, depth: int = DEPTH) -> str:
    """Return a selection of all fields of a type, and of all that hangs from it to a depth."""
    kind = graphql.get_named_type(kind)
    if isinstance(kind, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
        parts = [
            f"... on {one.name} {everything(one, course_id, depth)}"
            for one in SCHEMA.get_possible_types(kind)
        ]
        return f"{{ __typename {' '.join(parts)} }}"
    parts = ["__typename"]
    for name, field in kind.fields.items():
        leaf = graphql.is_leaf_type(graphql.get_named_type(field.type))
        if not leaf and depth == 0:
            continue
        required = [key for key, argument in field.args.items() if graphql.is_required_argument(argument)]
        assert set(required) <= {"courseId"}, (kind.name, name)
        call = f'(courseId: "{course_id}")' if required else ""
        parts.append(f"{name}{call}{'' if leaf else ' ' + everything(field.type, course_id, depth - 1)}")
    return f"{{ {' '.join(parts)} }}"


async def test_every_field_of_every_payload_is_answered(plain_api: Api) -> None:
    api = plain_api
    world = await World(api).make()
    course = world.course
    teacher = world.people["teacher"]
    await api.ok(
        "recordAssessments",
        teacher,
        assessments=[
            {
                "studentId": world.inputs("updateUser")["id"],
                "skillId": course.skills[1],
                "score": 1,
                "idempotencyKey": "x",
            }
        ],
    )
    assert SCHEMA.mutation_type is not None
    first = ["register", "logIn", "setPrerequisite", "reorderChapters", "joinCourse", "leaveCourse"]
    # Its worker writes chapters that the graph has only later.
    after = ["ingestExtraction", *LATE]
    middle = [name for name in NAMES if name not in (*first, *after)]
    wrong = []
    for name in [*first, *middle, *(name for name in after if name not in first)]:
        field = SCHEMA.mutation_type.fields[name]
        union: Any = graphql.get_named_type(field.type)
        (success,) = [member for member in union.types if member.name.endswith("Success")]
        selection = everything(success, course.id, DEPTH + 1)
        query = (
            f"mutation($input: {graphql.get_named_type(field.args['input'].type)}!) {{ {name}(input: $input) "
            f"{{ __typename ... on {success.name} {selection} ... on Problem {{ message path }} }} }}"
        )
        assert not graphql.validate(SCHEMA, graphql.parse(query)), name
        given = inputs(world, name)
        if name == "setPrerequisite":
            given["status"] = "PROPOSED"
        await forget_attempts(api)
        people = {
            "joinCourse": ["enrolled"],
            "leaveCourse": ["enrolled"],
            "updateUser": ["admin", "enrolled"],
            "setMetadata": ["admin", "enrolled"],
            "setUserRole": ["admin"],
            "retrySync": ["admin"],
            "repairDrift": ["admin"],
            "rebuildGraph": ["admin"],
        }.get(name, ["teacher"])
        for who in people:
            body = await api.ask(query, world.people[who], input=given)
            # Marks of others are for whom they concern; that is no failure.
            failed = [
                (error["message"][:100], error["extensions"]["code"], error.get("path"))
                for error in body.get("errors", ())
                if error["extensions"]["code"] != "FORBIDDEN"
            ]
            if failed:
                wrong.append((name, failed))
            if name not in REFUSED:
                member = ((body.get("data") or {}).get(name) or {}).get("__typename", "")
                assert member.endswith("Success") or failed, (name, body)
    assert not wrong, "\n".join(map(str, wrong))
