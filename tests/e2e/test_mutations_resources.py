"""Mutations of readings and videos."""

from __future__ import annotations

from typing import Any

from tests.api_fixtures import Api
from tests.e2e.mutation_cases import (
    Row,
    ask,
    conflict,
    cypher,
    done,
    invalid,
    missing,
    refuse,
    repeat,
    stale,
    unchanged,
    unknown,
)
from tests.e2e.test_course_life import Course

FIELDS = "resource { __typename id title url version theories { id } concepts { id } }"
NODE = f"node(id: $id) {{ ... on Resource {FIELDS[9:]} }}"


async def test_resources_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    given: dict[str, Any] = {
        "kind": "VIDEO",
        "title": "t" * 255,
        "url": " HTTPS://Example.org/Film?q=Ü ",
        "theoryIds": [*reversed(course.theories), course.theories[0]],
        "conceptIds": [course.concepts[1], course.concepts[0]],
    }
    video = (await done(api, "createResource", teacher, FIELDS, **given))["resource"]
    assert video == {
        "__typename": "Video",
        "id": video["id"],
        "title": "t" * 255,
        "url": "https://example.org/Film?q=Ü",
        "version": 1,
        "theories": [{"id": theory} for theory in course.theories],
        "concepts": [{"id": course.concepts[1]}, {"id": course.concepts[0]}],
    }
    assert await ask(api, teacher, NODE, id=video["id"]) == video
    change = {
        "id": video["id"],
        "title": "A film",
        "url": "http://example.org/",
        "theoryIds": [course.theories[1]],
        "conceptIds": [],
        "expectedVersion": 1,
    }
    updated = (await done(api, "updateResource", teacher, FIELDS, **change))["resource"]
    assert updated == {
        **video,
        "title": "A film",
        "url": "http://example.org/",
        "version": 2,
        "theories": [{"id": course.theories[1]}],
        "concepts": [],
    }
    assert await ask(api, teacher, NODE, id=video["id"]) == updated
    await unchanged(api, "updateResource", teacher, id=video["id"], url="HTTP://EXAMPLE.org/")
    gone = await done(api, "deleteResource", teacher, "deletedId", id=video["id"], expectedVersion=2)
    assert gone["deletedId"] == video["id"]
    assert await ask(api, teacher, "node(id: $id) { id }", id=video["id"]) is None
    rows = await cypher(api, "MATCH (n)-[r:HAS_VIDEO|HAS_READING]->(m) RETURN labels(m)")
    assert rows == [[["READING"]]]


async def test_refusals_of_resources(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()
    theory, concept = course.theories[0], course.concepts[0]
    answer = await ask(api, teacher, "theory(id: $id) { readings { id version } }", id=theory)
    (reading,) = answer["readings"]
    new = {"kind": "READING", "title": "T", "url": "https://example.org/new", "theoryIds": [theory]}
    one = {"id": reading["id"]}
    second = (await done(api, "createResource", teacher, FIELDS, **{**new, "url": "https://a.org/"}))[
        "resource"
    ]
    foreign = await ask(api, other.teacher, "theory(id: $id) { readings { id } }", id=other.theories[0])
    rows: list[Row] = []
    for given in [*unknown("res"), foreign["readings"][0]["id"]]:
        rows += [
            ("updateResource", {"id": given, "title": "N"}, missing("RESOURCE")),
            ("deleteResource", {"id": given}, missing("RESOURCE")),
        ]
    for given in [*unknown("th"), other.theories[0]]:
        rows += [
            ("createResource", {**new, "theoryIds": [given]}, missing("THEORY", "theoryIds", "0")),
            ("createResource", {**new, "theoryIds": [theory, given]}, missing("THEORY", "theoryIds", "1")),
            ("updateResource", {**one, "theoryIds": [theory, given]}, missing("THEORY", "theoryIds", "1")),
        ]
    for given in [*unknown("con"), other.concepts[0]]:
        both = [concept, given]
        rows += [
            ("createResource", {**new, "conceptIds": both}, missing("CONCEPT", "conceptIds", "1")),
            ("updateResource", {**one, "conceptIds": both}, missing("CONCEPT", "conceptIds", "1")),
        ]
    for title, says in (("", "1 to 255 characters, not 0"), ("\t", "blank"), ("t" * 256, "not 256")):
        rows += [
            ("createResource", {**new, "title": title}, invalid("title", says)),
            ("updateResource", {**one, "title": title}, invalid("title", says)),
        ]
    for url, says in (
        ("", "1 to 2048 characters"),
        ("https://example.org/" + "x" * 2_048, "1 to 2048 characters"),
        ("example.org", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("data:text/html,x", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("https://", "name a host"),
        ("https://:443/", "name a host"),
        ("https://[::1", "not a valid address"),
        ("https://example.org:99999/", "not a valid address"),
        ("https://ada:secret@example.org/", "user name or password"),
        ("https://example.org/a b", "white space"),
        ("https://example.org/\x00", "can not be stored"),
    ):
        rows += [
            ("createResource", {**new, "url": url}, invalid("url", says)),
            ("updateResource", {**one, "url": url}, invalid("url", says)),
        ]
    rows += [
        ("createResource", {**new, "theoryIds": []}, invalid("theoryIds", "1 to 50")),
        ("updateResource", {**one, "theoryIds": []}, invalid("theoryIds", "1 to 50")),
        ("updateResource", {**one, "theoryIds": None}, invalid("theoryIds", "null")),
        ("updateResource", {**one, "conceptIds": None}, invalid("conceptIds", "null")),
        ("updateResource", {**one, "title": None}, invalid("title", "null")),
        ("updateResource", {**one, "url": None}, invalid("url", "null")),
        (
            "createResource",
            {**new, "url": "HTTPS://EXAMPLE.ORG/limits", "kind": "VIDEO"},
            conflict("DUPLICATE", reading["id"], path=["input", "url"]),
        ),
        ("updateResource", {**one, "url": "https://a.org/"}, conflict("DUPLICATE", second["id"])),
        ("updateResource", {**one, "title": "N", "expectedVersion": 99}, stale(reading["version"])),
        ("deleteResource", {**one, "expectedVersion": 99}, stale(reading["version"])),
    ]
    await refuse(api, teacher, rows)
    # The address is free in another course.
    await done(api, "createResource", other.teacher, **{**new, "theoryIds": [other.theories[0]]})
    await repeat(
        api, teacher, "createResource", "resource", {**new, "url": "https://b.org/"}, {"kind": "VIDEO"}
    )
    await api.ok("archiveCourse", teacher, id=course.id)
    archived: list[Row] = [
        ("createResource", new, conflict("WRONG_STATE")),
        ("updateResource", {**one, "title": "M"}, conflict("WRONG_STATE")),
        ("deleteResource", one, conflict("WRONG_STATE")),
    ]
    await refuse(api, teacher, archived)
