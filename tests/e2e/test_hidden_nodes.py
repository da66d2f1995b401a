"""By `node`, `nodes` and every lookup by id: a hidden record and one that is not there are answered alike, after as
many statements. Every kind of record is tried, by everybody from whom one is hidden."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from resolvers import ids
from tests.api_fixtures import Api
from tests.e2e.every_path import ABSENT_UUID, Scene
from tests.e2e.operations import stop_workers
from tests.e2e.test_permissions import absent

NODE = "query($i: ID!) { node(id: $i) { __typename id } }"
NODES = "query($i: [ID!]!) { nodes(ids: $i) { __typename id } }"
# Root field -> prefix of the ids that it takes.
LOOKUPS = {
    "course": "course",
    "student": "user",
    "chapter": "ch",
    "theory": "th",
    "skill": "skill",
    "concept": "con",
    "extractionRun": "run",
}


async def _asked(api: Api, query: str, person: Any, **variables: Any) -> tuple[str, int, int]:
    with api.statements() as counts:
        body = await api.ask(query, person, **variables)
    body.pop("extensions", None)
    return json.dumps(body), counts.sql, counts.cypher


@pytest.fixture
async def scene(attacked_api: Api, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Courses and people of which nothing moves, with answers that all ask how far behind the graph is."""
    monkeypatch.setattr("graphql_api.execution.FRESHNESS_SECONDS", -1.0)
    made = await Scene(attacked_api).make()
    await stop_workers(attacked_api)
    return made


async def test_hidden_and_absent_are_alike_whoever_asks(scene: Scene) -> None:
    await _hidden_and_absent_nodes_are_alike(scene)
    await _whose_marks_are_asked_for_does_not_tell_who_is_there(scene)
    await _a_stale_version_of_a_hidden_record_tells_nothing(scene)
    await _who_else_has_an_account_is_not_told_by_writing(scene)


async def _hidden_and_absent_nodes_are_alike(scene: Scene) -> None:
    api = scene.api
    visible = await scene.visible()
    compared: Counter[str] = Counter()
    different = []
    for name, person in scene.people.items():
        if person is None or name == "admin":
            continue
        hidden: dict[str, str] = {}
        for one in sorted(visible["admin"] - visible[name]):
            hidden.setdefault(ids.decode_any(one)[0], one)
        # The mirror's accounts are for admins.
        hidden.setdefault("rec", ids.encode("rec", 1))
        own = next(iter(sorted(visible[name])))
        for prefix, one in hidden.items():
            gone = absent(one)
            questions = [NODE, NODES]
            questions += [
                f"query($i: ID!) {{ {root}(id: $i) {{ id }} }}"
                for root, kind in LOOKUPS.items()
                if kind == prefix
            ]
            for query in questions:
                found = []
                for given in (one, gone):
                    value = [own, given, own] if query is NODES else given
                    found.append(await _asked(api, query, person, i=value))
                compared[prefix] += 1
                if found[0] != found[1]:
                    different.append((name, prefix, query, *found))
                assert '"errors"' not in found[0][0], found[0]
    assert different == []
    # A kind of record that nobody is kept from would be compared with nothing.
    assert set(compared) == {*ids.SHAPES} - {"sync"}


async def _whose_marks_are_asked_for_does_not_tell_who_is_there(scene: Scene) -> None:
    """`studentId` below a record that may be seen: a hidden student and none are alike."""
    api = scene.api
    course, hidden = scene.courses["shown"], scene.actor("other student").id
    none = absent(hidden)
    compared = 0
    for query, root in (
        ("query($r: ID!, $s: ID!) { skill(id: $r) { mastery(studentId: $s) { pKnown } } }", course.skills[0]),
        (
            "query($r: ID!, $s: ID!) { chapter(id: $r) { masterySummary(studentId: $s) { skillCount } } }",
            course.chapters[0],
        ),
        (
            "query($r: ID!, $s: ID!) { course(id: $r) { skills { nodes { mastery(studentId: $s) { pKnown } } } } }",
            course.id,
        ),
        (
            "query($r: ID!, $s: ID!) { studentMastery(courseId: $r, studentId: $s) { totalCount } }",
            course.id,
        ),
    ):
        for name in ("student", "enrolled", "teacher", "other teacher"):
            # Whom the other teacher teaches is no secret of that teacher.
            student = scene.actor("enrolled").id if name == "other teacher" else hidden
            found = [await _asked(api, query, scene.actor(name), r=root, s=one) for one in (student, none)]
            assert found[0] == found[1], (name, query)
            compared += 1
    assert compared == 16


async def _a_stale_version_of_a_hidden_record_tells_nothing(scene: Scene) -> None:
    """Nor does anything else that is checked of a record: first comes who may know of it."""
    api = scene.api
    draft, student, teacher = scene.courses["draft"], scene.actor("enrolled"), scene.actor("other teacher")
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("updateCourse", {"title": "Shown", "expectedVersion": 1}, draft.id),
        ("deleteCourse", {"expectedVersion": 1}, draft.id),
        ("publishCourse", {"expectedVersion": 1}, draft.id),
        ("updateChapter", {"name": "", "expectedVersion": 1}, draft.chapters[0]),
        ("moveChapter", {"order": 100_000, "expectedVersion": 1}, draft.chapters[0]),
        ("updateTheory", {"name": "x" * 1_000, "expectedVersion": 1}, draft.theories[0]),
        ("updateSkill", {"name": "\x00", "expectedVersion": 1}, draft.skills[0]),
        ("updateConcept", {"name": "", "expectedVersion": 1}, draft.concepts[0]),
        ("deleteConcept", {"expectedVersion": 1}, draft.concepts[0]),
    ]
    for name, given, hidden in rows:
        title = name[0].upper() + name[1:]
        query = (
            f"mutation($i: {title}Input!) {{ {name}(input: $i) {{ __typename "
            "... on Problem { code message path } ... on StaleVersionProblem { currentVersion } } }"
        )
        for person in (student, teacher):
            found = []
            for one in (hidden, absent(hidden)):
                text, *counts = await _asked(api, query, person, i={**given, "id": one})
                found.append((text.replace(one, "ID"), counts))
            assert found[0] == found[1], (name, person)
            assert "NotFoundProblem" in found[0][0], (name, found[0])


async def _who_else_has_an_account_is_not_told_by_writing(scene: Scene) -> None:
    """What a student writes about somebody else gets one answer, whoever that is."""
    api = scene.api
    student = scene.actor("enrolled")
    entry = scene.entries["other student"]
    rows: list[tuple[str, dict[str, Any], list[str]]] = [
        (
            "updateUser",
            {"firstName": "Bob", "expectedVersion": 1},
            [scene.actor(name).id for name in ("other student", "student of both", "teacher", "admin")],
        ),
        ("removeMetadata", {}, [entry, scene.entries["student of both"]]),
    ]
    for name, given, others in rows:
        title = name[0].upper() + name[1:]
        shown = "__typename ... on Problem { message path }"
        query = f"mutation($i: {title}Input!) {{ {name}(input: $i) {{ {shown} }} }}"
        found = []
        for one in (*others, absent(others[0])):
            text, *counts = await _asked(api, query, student, i={**given, "id": one})
            found.append((text.replace(one, "ID"), counts))
        assert found == [found[0]] * len(found), name
        assert "NotFoundProblem" in found[0][0]
    assert ABSENT_UUID not in entry
