"""Values that nobody means well: whatever is sent, the answer is a problem or a coded error, never INTERNAL.

The inputs come from the schema: a new field of an input is attacked without a change here.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest

from tests.api_fixtures import Actor, Api
from tests.e2e.mutation_cases import RATE_LIMITED, forget_attempts
from tests.e2e.test_permissions import LATE, World

SCHEMA = graphql.build_schema((Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8"))
assert SCHEMA.mutation_type is not None
assert SCHEMA.query_type is not None
NAMES = sorted(
    SCHEMA.mutation_type.fields, key=lambda name: (name in LATE, LATE.index(name) if name in LATE else 0)
)

TEXTS: list[Any] = [
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfff",
    "\u202e\u0301" * 3,
    "x" * 10_000,
    "' OR 1=1 --",
    "$id",
]
WRONG: list[Any] = [None, [], {}, [[]], 0, True, 1.5, "𝄞"]
NUMBERS: list[Any] = [
    -1,
    0,
    2**31 - 1,
    -(2**31),
    2**31,
    2**63,
    10**400,
    1e308,
    "1",
    None,
    [],
    float("nan"),
    float("inf"),
]
ENUMS: list[Any] = ["student", "STUDENT ", "", "\ud800", None, 1, "PREREQUISITE"]
LISTS: list[Any] = [[], None, [None], [[]], ["\ud800"], "x", [1], ["a", "a"], ["nonsense"] * 600]
# The door may say that it does not understand; it may not fall.
ALLOWED = {
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "GRAPHQL_PARSE_FAILED",
    "FORBIDDEN",
    "QUERY_TOO_COMPLEX",
}

Path_ = tuple[str | int, ...]


def hostile(kind: Any, path: Path_ = ()) -> Iterator[tuple[Path_, list[Any]]]:
    """Return the places of an input with what to put there."""
    kind = graphql.get_nullable_type(kind)
    if isinstance(kind, graphql.GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from hostile(field.type, (*path, name))
    elif isinstance(kind, graphql.GraphQLList):
        yield path, LISTS
        yield from hostile(kind.of_type, (*path, 0))
    elif isinstance(kind, graphql.GraphQLEnumType):
        yield path, ENUMS
    elif kind.name in ("Int", "Float"):
        yield path, NUMBERS
    else:
        yield path, TEXTS + WRONG


def put(given: Any, path: Path_, value: Any) -> Any:
    """Return a copy with a value at a place, making what leads there."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        items = list(given) if isinstance(given, list) and given else [None]
        items[0] = put(items[0], rest, value)
        return items
    values = dict(given) if isinstance(given, dict) else dict(FILLED.get(head, {}))
    values[head] = put(values.get(head), rest, value)
    return values


FILLED: dict[str, dict[str, Any]] = {}
MORE: dict[str, dict[str, Any]] = {
    "concepts": {"name": "C"},
    "skills": {"name": "S"},
    "relations": {"source": "Limit", "type": "IS_A", "target": "Epsilon"},
    "prerequisites": {"prerequisite": "Compute a limit", "dependent": "Apply the definition"},
    "resources": {"kind": "VIDEO", "title": "T", "url": "https://example.org/x"},
}


def inputs(world: World, name: str) -> dict[str, Any]:
    """Return a good input of a mutation."""
    known: dict[str, dict[str, Any]] = {
        "register": {
            "email": "new@example.org",
            "firstName": "N",
            "lastName": "N",
            "password": "correct horse battery",
        },
        "logIn": {"email": "new@example.org", "password": "correct horse battery"},
        "refresh": {"refreshToken": "nonsense"},
        "logOut": {"refreshToken": "nonsense"},
    }
    given = copy.deepcopy(known.get(name) or world.inputs(name))
    if name == "ingestExtraction":
        # A place to put a value at in each list of a document.
        given["documents"][0] |= {kind: [dict(filled)] for kind, filled in MORE.items()}
        given["documents"][0]["concepts"] = [{"name": "Limit"}]
        given["documents"][0]["relations"] = []
        given["documents"][0]["prerequisites"] = []
    return given


# Looked up or looked at, and not stored.
NOT_STORED = {("logOut", "refreshToken"), ("enrollStudents", "emails"), ("ingestExtraction", "text")}


def unstorable(value: Any) -> bool:
    """Return whether a text must never reach a database."""
    return isinstance(value, str) and any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value)


async def post(
    api: Api, actor: Actor | None, query: str, variables: Any, *, refused: bool = False
) -> str | None:
    """Send variables as they are, half surrogates and NaN too; return what is wrong with the answer."""
    headers = {"content-type": "application/json"}
    if actor is not None:
        headers["authorization"] = f"Bearer {actor.token}"
    text = json.dumps({"query": query, "variables": variables})
    response = await api.http.post("/graphql", content=text.encode(), headers=headers)
    if 400 <= response.status_code < 500 and response.status_code != 401:
        return None
    if response.status_code != 200:
        return f"status {response.status_code}: {response.text[:200]}"
    try:
        body = response.json()
    except ValueError:
        return "no JSON"
    for error in body.get("errors", ()):
        if error["extensions"]["code"] not in ALLOWED:
            return f"{error['extensions']['code']}: {error['message'][:200]}"
    if refused and 'Success"' in response.text:
        return f"taken: {response.text[:200]}"
    return None


MEMBERS = {
    "NotFoundProblem": "message recordId path",
    "InvalidInputProblem": "message fields { path message }",
    "ConflictProblem": "message path conflictingId",
}


def mutation(name: str, input_name: str) -> str:
    """Return the text of a mutation that selects what echoes its input."""
    assert SCHEMA.mutation_type is not None
    union: Any = graphql.get_named_type(SCHEMA.mutation_type.fields[name].type)
    members = [member.name for member in union.types if member.name in MEMBERS]
    fragments = " ".join(f"... on {member} {{ {MEMBERS[member]} }}" for member in members)
    query = f"mutation($input: {input_name}!) {{ {name}(input: $input) {{ __typename {fragments} }} }}"
    assert not graphql.validate(SCHEMA, graphql.parse(query))
    return query


@pytest.mark.parametrize("part", range(4))
async def test_no_input_breaks_a_mutation(attacked_api: Api, part: int) -> None:
    api = attacked_api
    world = await World(api).make()
    teacher = world.people["teacher"]
    assert teacher is not None
    assert SCHEMA.mutation_type is not None
    wrong: list[str] = []
    sent = 0
    for name in NAMES[part::4]:
        field = SCHEMA.mutation_type.fields[name]
        input_type: Any = graphql.get_named_type(field.args["input"].type)
        query = mutation(name, input_type.name)
        who = "enrolled" if name in ("joinCourse", "leaveCourse") else "admin"
        good = inputs(world, name)
        if name == "createCourse":
            # An admin who names no teacher is refused for that alone.
            good["teacherId"] = teacher.id
        for path, values in hostile(input_type):
            for value in values:
                if name in RATE_LIMITED:
                    await forget_attempts(api)
                named = {(name, step) for step in path}
                found = await post(
                    api,
                    world.people[who],
                    query,
                    {"input": put(good, path, value)},
                    refused=unstorable(value) and not named & NOT_STORED,
                )
                sent += 1
                if found:
                    wrong.append(f"{name} {path} {repr(value)[:40]}: {found}")
    assert not wrong, "\n".join(wrong)
    assert sent > 300


CONNECTION = "totalCount pageInfo { startCursor endCursor } edges { cursor node { __typename } }"
LOOKED_UP = {
    "chapter": "id",
    "chapterSequence": "id",
    "concept": "id mentions(limit: $limit) { id } relations(limit: $limit, types: $types) { id } "
    "resources(limit: $limit) { id } skills(limit: $limit) { id }",
    "conceptMap": "truncated concepts { id }",
    "course": "id chapters { id } "
    f"concepts(first: $first, after: $after, last: $last, before: $before, search: $search) {{ {CONNECTION} }} "
    f"skills(first: $first, after: $after, last: $last, before: $before, search: $search, chapterId: $chapterId) "
    f"{{ {CONNECTION} }} "
    f"enrollments(first: $first, after: $after, last: $last, before: $before, search: $search) {{ {CONNECTION} }} "
    f"extractionRuns(first: $first, after: $after, last: $last, before: $before) {{ {CONNECTION} }}",
    "extractionRun": "id",
    "graphDrift": "findingCount findings { kind }",
    "me": "id",
    "mirrorStatus": "__typename",
    "node": "id",
    "nodes": "id",
    "skill": "id",
    "student": "id metadata { id } enrollments(first: $first, after: $after) { totalCount } "
    f"progress(first: $first, after: $after, since: $since, skillId: $skillId) {{ {CONNECTION} }} "
    "masteries(courseId: $courseId, first: $first, after: $after, minConfidence: $minConfidence) "
    f"{{ {CONNECTION} }}",
    "sync": "state",
    "theory": "id",
}
VARIABLES = {
    "first": "Int",
    "after": "String",
    "last": "Int",
    "before": "String",
    "search": "String",
    "limit": "Int!",
    "types": "[ConceptRelationType!]",
    "chapterId": "ID",
    "courseId": "ID!",
    "skillId": "ID",
    "since": "DateTime",
    "minConfidence": "Float",
}


async def test_no_argument_breaks_a_query(attacked_api: Api) -> None:
    api = attacked_api
    world = await World(api).make()
    course, enrolled, admin = world.course, world.people["enrolled"], world.people["admin"]
    assert enrolled is not None
    assert SCHEMA.query_type is not None
    good = {
        "chapter": {"id": course.chapters[0]},
        "theory": {"id": course.theories[0]},
        "skill": {"id": course.skills[0]},
        "concept": {"id": course.concepts[0], "limit": 5},
        "course": {"id": course.id},
        "student": {"id": enrolled.id, "courseId": course.id},
        "node": {"id": course.id},
        "nodes": {"ids": [course.id]},
        "extractionRun": {"id": "nonsense"},
        "sync": {"token": "nonsense", "waitMs": 0},
        "studentMastery": {"courseId": course.id, "studentId": enrolled.id},
    }
    wrong: list[str] = []
    for name, field in SCHEMA.query_type.fields.items():
        selection = LOOKED_UP.get(name, CONNECTION)
        inner = {key: graphql.parse_type(VARIABLES[key]) for key in VARIABLES if f"${key}" in selection}
        types: dict[str, Any] = {key: graphql.type_from_ast(SCHEMA, node) for key, node in inner.items()}
        outer: dict[str, Any] = {key: argument.type for key, argument in field.args.items()}
        base = dict(good.get(name, {}))
        base |= {key: course.id for key in outer if key == "courseId"}
        signature = ", ".join(f"${key}: {kind}" for key, kind in (types | outer).items())
        call = ", ".join(f"{key}: ${key}" for key in outer)
        query = (
            f"query{f'({signature})' if signature else ''} "
            f"{{ {name}{f'({call})' if call else ''} {{ {selection} }} }}"
        )
        found = await post(api, admin, query, base)
        assert not found, (name, found)
        for key, kind in (types | outer).items():
            for path, values in hostile(kind, (key,)):
                for value in values:
                    if key == "waitMs" and isinstance(value, int) and 0 < value <= 30_000:
                        continue  # a good value, and a long one
                    found = await post(api, admin, query, put(base, path, value))
                    if found:
                        wrong.append(f"{name} {path} {repr(value)[:40]}: {found}")
    assert not wrong, "\n".join(wrong)


async def test_a_cursor_is_of_one_list(attacked_api: Api) -> None:
    """A cursor of one list, or one made up, is BAD_USER_INPUT for another: never a page of something."""
    api = attacked_api
    world = await World(api).make()
    course, teacher = world.course, world.people["teacher"]
    lists = {
        "concepts": "course(id: $id) { list: concepts(first: $n, after: $after) { edges { cursor } } }",
        "by mentions": "course(id: $id) { list: concepts(first: $n, after: $after, orderBy: MENTIONS) "
        "{ edges { cursor } } }",
        "skills": "course(id: $id) { list: skills(first: $n, after: $after) { edges { cursor } } }",
        "enrollments": "course(id: $id) { list: enrollments(first: $n, after: $after) { edges { cursor } } }",
        "relations": "list: conceptRelations(courseId: $id, first: $n, after: $after) { edges { cursor } }",
        "courses": "list: courses(first: $n, after: $after) { edges { cursor } }",
        "users": "list: users(first: $n, after: $after) { edges { cursor } }",
    }

    async def page(name: str, after: str | None = None, number: int = 1) -> dict[str, Any]:
        used = ("$id: ID!, " if "$id" in lists[name] else "") + "$n: Int, $after: String"
        variables = {"id": course.id, "n": number, "after": after}
        return await api.ask(f"query({used}) {{ {lists[name]} }}", teacher, **variables)

    cursors = {}
    assert len(set(lists.values())) == len(lists)
    for name in lists:
        data = (await page(name))["data"]
        found = data.get("course", data)["list"]
        cursors[name] = found["edges"][0]["cursor"]
    for name in lists:
        for other, cursor in [*cursors.items(), ("made up", "bm9uc2Vuc2U"), ("empty", ""), ("cut", "-")]:
            if other == name:
                assert "errors" not in await page(name, cursor)
                continue
            if {name, other} == {"enrollments", "users"}:
                continue  # both by last name, first name, number: a place in one is a place in the other
            body = await page(name, cursor)
            codes = [error["extensions"]["code"] for error in body.get("errors", ())]
            assert codes == ["BAD_USER_INPUT"], (name, other, body)
    # Made by hand: of the right shape, with values that no list holds.
    huge = int("9" * 400)
    for name, text in (
        ("concepts", json.dumps(["NAME", "\ud800", "x"])),
        ("by mentions", json.dumps(["MENTIONS", huge, "x", "x"])),
        ("by mentions", json.dumps(["MENTIONS", -(2**63), "x", "x"])),
        ("by mentions", '["MENTIONS", NaN, "x", "x"]'),
        ("by mentions", '["MENTIONS", true, "x", "x"]'),
        ("skills", "[" * 1_400),
        ("courses", json.dumps(["\ud800", 1])),
        ("courses", json.dumps(["x", huge])),
        ("courses", '["x", NaN]'),
        ("enrollments", json.dumps(["x", "\x00", 1])),
        ("enrollments", json.dumps([{}, [], None])),
    ):
        body = await page(name, base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode())
        codes = [error["extensions"]["code"] for error in body.get("errors", ())]
        assert codes == ["BAD_USER_INPUT"], (name, text, body)
    weakest = (
        "query($c: ID!, $s: ID!, $a: String) { studentMastery("
        "courseId: $c, studentId: $s, orderBy: WEAKEST, after: $a) { nodes { id } } }"
    )
    enrolled = world.people["enrolled"]
    assert enrolled is not None
    made_up = base64.urlsafe_b64encode(json.dumps(["WEAKEST", huge, "x", "x"]).encode()).decode().rstrip("=")
    assert await api.code(weakest, teacher, c=course.id, s=enrolled.id, a=made_up) == "BAD_USER_INPUT"
    for number in (0, -1, 101, 2**31 - 1):
        body = await page("concepts", None, number)
        assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
