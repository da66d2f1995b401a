"""Whatever id a mutation takes: one that is hidden from the caller, and one that no record has, get the same answer
after the same statements. Each place of an id in the inputs of the schema is tried."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLID, GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from graphql_api import schema
from resolvers import ids
from sql import models
from tests.api_fixtures import REFUSED, Actor, Api
from tests.e2e.operations import stop_workers
from tests.e2e.test_permissions import World, absent

Path = tuple[str, ...]

# What an id names by the name of its field, where the field does not stand in the inputs of World.
OPTIONAL = {
    "chapterId": "chapter",
    "conceptIds": "concept",
    "documentIds": "document",
    "moveTheoriesTo": "chapter",
    "studentId": "student",
    "studentIds": "student",
    "teacherId": "teacher",
    "theoryIds": "theory",
    "ids": "record",
    "recordId": "record",
    "courseId": "course",
    "id": "course",
}
# A teacher enrolls by id whom the own list of a class names: no student is hidden from that.
# Those who are not enrolled are no error: with one who is, it is carried out.
CARRIED_OUT = {"removeStudents"}
OPEN_TO = {("enrollStudents", ("studentIds",), "teacher")}


def _places(given: GraphQLInputObjectType, path: Path = ()) -> Iterator[Path]:
    """Yield the place of each id in an input, below lists too."""
    for name, field in given.fields.items():
        named = get_named_type(field.type)
        if named is GraphQLID and name != "idempotencyKey":
            yield (*path, name)
        elif isinstance(named, GraphQLInputObjectType):
            yield from _places(named, (*path, name))


def all_places() -> list[tuple[str, Path, bool]]:
    """Return (mutation, place, whether a list stands there) of each id that a mutation takes."""
    mutation = schema.build().mutation_type
    assert mutation is not None
    found = []
    for name, field in mutation.fields.items():
        given: Any = get_named_type(field.args["input"].type)
        for path in _places(given):
            kind: Any = given
            for step in path:
                place = get_nullable_type(get_named_type(kind).fields[step].type)
                kind = place
            found.append((name, path, isinstance(kind, GraphQLList)))
    return found


def _with(given: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return an input with another value at a place; in a list of inputs, in its first."""
    result = copy.deepcopy(given)
    inner: Any = result
    for step in path[:-1]:
        inner = inner.setdefault(step, {})
        inner = inner[0] if isinstance(inner, list) else inner
    inner[path[-1]] = value
    return result


def _behind(given: dict[str, Any], path: Path, value: Any, is_list: bool) -> dict[str, Any] | None:
    """Return an input in which a value stands behind one that is right; None where there is no list with one."""
    result = copy.deepcopy(given)
    inner: Any = result
    for step in path[:-1]:
        inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, list) and inner:
            # A second item like the first, but for the value.
            second = copy.deepcopy(inner[0])
            if "idempotencyKey" in second:
                second["idempotencyKey"] += "-2"
            inner.append(second)
            inner = second
    if not isinstance(inner, dict):
        return None
    if is_list and inner.get(path[-1]):
        inner[path[-1]] = [*inner[path[-1]], value]
    elif len(path) > 1 and not is_list:
        inner[path[-1]] = value
    else:
        return None
    return result


class Two:
    """The course of the callers, and a draft of somebody else, which is hidden from them with all that is in it."""

    def __init__(self, own: World, hidden: World) -> None:
        self.own = own
        self.hidden = hidden
        self.callers: dict[str, Actor] = {}
        self.records: dict[str, str] = {}

    async def make(self, api: Api) -> Two:
        for world in (self.own, self.hidden):
            await world.make()
            await world.add_entry_and_run()
        teacher, student = self.own.people["teacher"], self.own.people["enrolled"]
        assert teacher is not None
        assert student is not None
        self.callers = {"teacher": teacher, "student": student}
        await api.ok("unpublishCourse", self.hidden.people["teacher"], id=self.hidden.course.id)
        theirs, course = self.hidden.people, self.hidden.course
        assert theirs["teacher"] is not None
        assert theirs["enrolled"] is not None
        run_id = ids.decode(self.hidden.run, "run")
        async with api.database.read() as session:
            documents = await sql_documents(session, run_id)
        self.records = {
            "chapter": course.chapters[0],
            "concept": course.concepts[0],
            "document": ids.encode("doc", documents[0]),
            "student": theirs["enrolled"].id,
            "teacher": theirs["teacher"].id,
            "theory": course.theories[0],
            "record": course.id,
            "course": course.id,
        }
        return self

    def hidden_at(self, mutation: str, path: Path) -> str:
        """Return the hidden id for a place."""
        inner: Any = self.hidden.inputs(mutation)
        for step in path:
            inner = inner[0] if isinstance(inner, list) else inner
            inner = inner.get(step) if isinstance(inner, dict) else None
        inner = inner[0] if isinstance(inner, list) else inner
        return inner if isinstance(inner, str) else self.records[OPTIONAL[path[-1]]]


async def sql_documents(session: Any, run_id: str) -> list[str]:
    from sqlalchemy import select

    found = await session.scalars(
        select(models.ExtractionDocument.id).where(models.ExtractionDocument.run_id == run_id)
    )
    return list(found)


async def test_hidden_and_absent_are_alike_in_every_mutation(attacked_api: Api) -> None:
    api = attacked_api
    two = await Two(World(api), World(api)).make(api)
    await stop_workers(api)
    compared, behind, different = 0, 0, []
    for mutation, path, is_list in all_places():
        title = mutation[0].upper() + mutation[1:]
        query = f"mutation($i: {title}Input!) {{ {mutation}(input: $i) {{ __typename {REFUSED} }} }}"
        hidden = two.hidden_at(mutation, path)
        for name, caller in two.callers.items():
            if (mutation, path, name) in OPEN_TO:
                continue
            before = await api.versions()
            own = two.own.inputs(mutation)
            alone = [_with(own, path, [value] if is_list else value) for value in (hidden, absent(hidden))]
            second = [_behind(own, path, value, is_list) for value in (hidden, absent(hidden))]
            for pair in (alone, second):
                if pair[0] is None or (pair is second and mutation in CARRIED_OUT):
                    continue
                behind += pair is second
                found = []
                for given, value in zip(pair, (hidden, absent(hidden)), strict=True):
                    with api.statements() as counts:
                        body = await api.ask(query, caller, i=given)
                    answer = json.dumps(body, sort_keys=True).replace(value, "THE ID")
                    found.append((answer, counts.sql, counts.cypher))
                compared += 1
                if found[0] != found[1]:
                    different.append((mutation, path, name, *found))
                assert await api.versions() == before, (mutation, path, name)
    assert different == []
    assert compared > 100
    assert behind > 5


async def test_what_was_made_under_a_key_is_not_shown_to_who_may_not_see_it_any_more(
    attacked_api: Api,
) -> None:
    api = attacked_api
    world = await World(api).make()
    former, other = world.people["admin"], await api.admin()
    assert former is not None
    await api.ok("unpublishCourse", world.people["teacher"], id=world.course.id)
    await stop_workers(api)
    creates = (
        "createChapter",
        "createTheory",
        "createResource",
        "createSkill",
        "createConcept",
        "ingestExtraction",
    )
    given = {name: {**world.inputs(name), "idempotencyKey": f"key of {name}"} for name in creates}
    for name in creates:
        await api.ok(name, former, **given[name])
        again = await api.ok(name, former, **given[name])
        assert again["__typename"].endswith("Success")
    await api.ok("setUserRole", other, id=former.id, role="STUDENT")
    before = await api.versions()
    for name in creates:
        with api.statements() as counts:
            refused = await api.mutate(name, former, **given[name])
        assert refused["__typename"] == "NotFoundProblem", (name, refused, counts)
    assert await api.versions() == before
