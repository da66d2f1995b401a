"""SQL reads the columns that a selection shows: each field of each list asked alone, and what is not asked for."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from graphql_api import schema as schema_module
from tests.api_fixtures import Api
from tests.e2e.test_permissions import World
from tests.sql_fixtures import sent_to

SCHEMA = schema_module.build()
# Where records of a type are read from SQL: as a page, and batched below other records.
PLACES = [
    ("Course", "{ courses { nodes { %s } } }"),
    ("Course", "{ courses { edges { node { %s } } } }"),
    ("Enrollment", "query($course: ID!) { course(id: $course) { enrollments { nodes { %s } } } }"),
    ("Student", "query($course: ID!) { course(id: $course) { enrollments { nodes { student { %s } } } } }"),
    ("Course", "query($course: ID!) { course(id: $course) { enrollments { nodes { course { %s } } } } }"),
    ("Teacher", "query($course: ID!) { course(id: $course) { teacher { %s } } }"),
    ("Course", "query($course: ID!) { course(id: $course) { teacher { courses { nodes { %s } } } } }"),
    ("ExtractionRun", "query($course: ID!) { course(id: $course) { extractionRuns { nodes { %s } } } }"),
    (
        "ExtractionDocument",
        "query($course: ID!) { course(id: $course) { extractionRuns { nodes { documents { %s } } } } }",
    ),
    ("Course", "query($course: ID!) { course(id: $course) { extractionRuns { nodes { course { %s } } } } }"),
    ("Course", "query($chapter: ID!) { chapter(id: $chapter) { course { %s } } }"),
    (
        "Enrollment",
        "query($student: ID!) { student(id: $student) { enrollments { nodes { %s } } } }",
    ),
]
PEOPLE = "{ users { nodes { ... on %s { %s } } } }"


def fields_of(typename: str) -> dict[str, str]:
    """Return each field of a type that takes no argument by need, as it is selected by itself."""
    found = {}
    type_ = SCHEMA.type_map[typename]
    assert isinstance(type_, GraphQLObjectType)
    for name, field in type_.fields.items():
        if not any(is_required_argument(argument) for argument in field.args.values()):
            found[name] = name if is_leaf_type(get_named_type(field.type)) else f"{name} {{ __typename }}"
    return found


def found_in(answer: Any, name: str) -> list[Any]:
    """Return the values of a field that is asked for once, wherever it stands."""
    if isinstance(answer, list):
        return [value for each in answer for value in found_in(each, name)]
    if not isinstance(answer, dict):
        return []
    here = [answer[name]] if name in answer else []
    return here + [value for each in answer.values() for value in found_in(each, name)]


async def test_each_field_alone_has_the_value_that_it_has_among_all(plain_api: Api) -> None:
    world = await World(plain_api).make()
    await world.add_entry_and_run()
    enrolled = world.people["enrolled"]
    assert enrolled is not None
    given = {"course": world.course.id, "chapter": world.course.chapters[0], "student": enrolled.id}
    places = PLACES + [
        (role, PEOPLE.replace("%s", role, 1)) for role in ("Student", "Teacher", "Administrator")
    ]
    for typename, query in places:
        fields = fields_of(typename)
        for viewer in ("teacher", "admin", "enrolled"):
            if "users" in query and viewer == "enrolled":
                continue
            actor = world.people[viewer]
            variables = {name: value for name, value in given.items() if f"${name}" in query}
            renamed = " ".join(f"all_{name}: {text}" for name, text in fields.items())
            whole = await plain_api.data(query % renamed, actor, **variables)
            for name, text in fields.items():
                alone = await plain_api.data(query % f"all_{name}: {text}", actor, **variables)
                place = f"{typename}.{name} as {viewer} in {query}"
                assert found_in(alone, f"all_{name}") == found_in(whole, f"all_{name}"), place


async def test_what_nobody_asks_for_is_not_read(plain_api: Api) -> None:
    world = await World(plain_api).make()
    await world.add_entry_and_run()
    teacher, course = world.people["teacher"], world.course.id
    runs = "query($id: ID!) { course(id: $id) { extractionRuns { nodes { documents { filename %s } } } } }"
    people = "query($id: ID!) { course(id: $id) { enrollments { nodes { student { firstName %s } } } } }"
    for query, asked, column, variables in (
        ("{ courses { nodes { title %s } } }", "description", "courses.description", {}),
        ("{ users { nodes { firstName %s } } }", "createdAt", "users.created_at", {}),
        (people, "email", "users.email", {"id": course}),
        (runs, "findings { message }", "extraction_documents.findings", {"id": course}),
    ):
        with sent_to(plain_api.database) as sent:
            await plain_api.data(query % "", teacher, **variables)
        assert not [text for text, _ in sent if column in text], query
        with sent_to(plain_api.database) as sent:
            await plain_api.data(query % asked, teacher, **variables)
        assert [text for text, _ in sent if column in text], query


async def test_skip_and_fragments_are_seen(plain_api: Api) -> None:
    world = await World(plain_api).make()
    query = (
        "query($no: Boolean!) { courses { ...Page nodes { description @skip(if: $no) } } } "
        "fragment Page on CourseConnection { edges { node { ... on Node { id } ...Named } } } "
        "fragment Named on Course { title }"
    )
    for skipped in (True, False):
        with sent_to(plain_api.database) as sent:
            data = await plain_api.data(query, world.people["teacher"], no=skipped)
        assert all(edge["node"]["title"] for edge in data["courses"]["edges"])
        assert ("courses.description" in "".join(text for text, _ in sent)) is not skipped


async def test_operations_of_one_document_read_what_each_shows(plain_api: Api) -> None:
    world = await World(plain_api).make()
    query = "query A { courses { nodes { id } } } query B { courses { nodes { title description } } }"
    for name, fields in (("A", {"id"}), ("B", {"title", "description"})):
        response = await plain_api.post({"query": query, "operationName": name}, world.people["teacher"])
        assert response.json()["data"]["courses"]["nodes"][0].keys() == fields
