"""Mutations of concepts, what theories say of them, and how they relate."""

from __future__ import annotations

from typing import Any

from resolvers import ids
from tests.api_fixtures import Api
from tests.e2e.mutation_cases import (
    Row,
    ask,
    conflict,
    cycle,
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

FIELDS = "concept { id name aliases definition version mentionCount course { id } }"
MENTION = "mention { id definition textEvidence sourceDocument theory { id } concept { id } }"
RELATION = "relation { id type reason origin source { id } target { id } }"
RELATIONS = "MATCH (a:CONCEPT)-[r:CONCEPT_RELATION]->(b:CONCEPT) RETURN a.name, r.type, b.name, r.reason"


async def test_concepts_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    given: dict[str, Any] = {
        "courseId": course.id,
        "name": "  Straße  ",
        "aliases": ["Weg", "ＰＡＴＨ"],
        "definition": "d" * 4_000,
    }
    concept = (await done(api, "createConcept", teacher, FIELDS, **given))["concept"]
    assert concept == {
        "id": concept["id"],
        "name": concept["name"],
        "aliases": ["Weg", "ＰＡＴＨ"],
        "definition": "d" * 4_000,
        "version": 1,
        "mentionCount": 0,
        "course": {"id": course.id},
    }
    assert concept["name"].strip() == "Straße"
    assert await ask(api, teacher, f"concept(id: $id) {FIELDS[8:]}", id=concept["id"]) == concept
    key = {"key": ids.decode(concept["id"], "con")}
    assert await cypher(api, "MATCH (c:CONCEPT {id: $key}) RETURN c.key", **key) == [["strasse"]]
    change = {"id": concept["id"], "name": "Road", "aliases": ["Straße"], "definition": None}
    updated = (await done(api, "updateConcept", teacher, FIELDS, **change, expectedVersion=1))["concept"]
    expected = {**concept, "name": "Road", "aliases": ["Straße"], "definition": None, "version": 2}
    assert updated == expected
    assert await ask(api, teacher, f"concept(id: $id) {FIELDS[8:]}", id=concept["id"]) == expected
    assert await cypher(api, "MATCH (c:CONCEPT {id: $key}) RETURN c.key", **key) == [["road"]]
    await unchanged(api, "updateConcept", teacher, **change)
    # Names that were given up are free again.
    await done(api, "createConcept", teacher, courseId=course.id, name="Weg")
    limit = course.concepts[0]
    gone = await done(api, "deleteConcept", teacher, "deletedId deleted { kind count }", id=limit)
    assert gone["deletedId"] == limit
    assert gone["deleted"] == [
        {"kind": "CONCEPT", "count": 1},
        {"kind": "CONCEPT_MENTION", "count": 1},
        {"kind": "CONCEPT_RELATION", "count": 1},
    ]
    assert await ask(api, teacher, "concept(id: $id) { id }", id=limit) is None
    rows = await cypher(api, "MATCH (c:CONCEPT) RETURN c.name ORDER BY c.name")
    assert [row[0] for row in rows] == ["Derivative", "Epsilon", "Road", "Weg"]
    assert await cypher(api, RELATIONS) == []
    # What required and covered it stays.
    links = await cypher(api, "MATCH (n)-[r:REQUIRES_CONCEPT|COVERS_CONCEPT]->() RETURN count(r)")
    assert links == [[0]]
    assert await cypher(api, "MATCH (n) WHERE n:SKILL OR n:READING RETURN count(n)") == [[3]]


async def test_mentions_and_relations_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    limit, epsilon, derivative = course.concepts
    said = {
        "theoryId": course.theories[1],
        "conceptId": epsilon,
        "definition": "Small.",
        "textEvidence": "for every ε",
        "sourceDocument": "limits.pdf",
    }
    mention = (await done(api, "setConceptMention", teacher, MENTION, **said))["mention"]
    assert mention == {
        "id": mention["id"],
        "definition": "Small.",
        "textEvidence": "for every ε",
        "sourceDocument": "limits.pdf",
        "theory": {"id": course.theories[1]},
        "concept": {"id": epsilon},
    }
    mentions = f"concept(id: $id) {{ mentions {MENTION[8:]} }}"
    assert (await ask(api, teacher, mentions, id=epsilon))["mentions"] == [mention]
    await unchanged(api, "setConceptMention", teacher, **said)
    less = {"theoryId": course.theories[1], "conceptId": epsilon, "definition": "Tiny."}
    changed = (await done(api, "setConceptMention", teacher, MENTION, **less))["mention"]
    assert changed == {**mention, "definition": "Tiny.", "textEvidence": None, "sourceDocument": None}
    assert (await ask(api, teacher, mentions, id=epsilon))["mentions"] == [changed]
    removed = await done(api, "removeConceptMention", teacher, "removedId", id=mention["id"])
    assert removed["removedId"] == mention["id"]
    # The concept was made by hand and stays.
    assert (await ask(api, teacher, mentions, id=epsilon)) == {"mentions": []}

    given = {"sourceId": epsilon, "type": "USED_FOR", "targetId": limit, "reason": "It bounds."}
    relation = (await done(api, "setConceptRelation", teacher, RELATION, **given))["relation"]
    assert relation == {
        "id": relation["id"],
        "type": "USED_FOR",
        "reason": "It bounds.",
        "origin": "TEACHER",
        "source": {"id": epsilon},
        "target": {"id": limit},
    }
    assert ["Epsilon", "USED_FOR", "Limit", "It bounds."] in await cypher(api, RELATIONS)
    await unchanged(api, "setConceptRelation", teacher, **given)
    other = (await done(api, "setConceptRelation", teacher, RELATION, **{**given, "reason": None}))[
        "relation"
    ]
    assert other == {**relation, "reason": None}
    # One edge for a pair that is related either way round.
    related = {"sourceId": derivative, "type": "RELATED_TO", "targetId": epsilon}
    one = (await done(api, "setConceptRelation", teacher, RELATION, **related))["relation"]
    turned = {"sourceId": epsilon, "type": "RELATED_TO", "targetId": derivative, "reason": "Both."}
    two = (await done(api, "setConceptRelation", teacher, RELATION, **turned))["relation"]
    assert two == {**one, "reason": "Both."}
    await unchanged(
        api, "setConceptRelation", teacher, **{**turned, **{k: related[k] for k in ("sourceId", "targetId")}}
    )
    assert len(await cypher(api, RELATIONS)) == 3
    removed = await done(api, "removeConceptRelation", teacher, "removedId", id=two["id"])
    assert removed["removedId"] == two["id"]
    rows = sorted(await cypher(api, RELATIONS), key=str)
    assert [row[:3] for row in rows] == [
        ["Epsilon", "USED_FOR", "Limit"],
        ["Limit", "PREREQUISITE", "Derivative"],
    ]


async def test_refusals_of_concepts(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()
    sibling_course = (await api.ok("createCourse", teacher, "course { id }", title="Own"))["course"]["id"]
    sibling = (
        await api.ok("createConcept", teacher, "concept { id }", courseId=sibling_course, name="Limit")
    )["concept"]["id"]
    limit, epsilon, derivative = course.concepts
    theory = course.theories[0]
    await done(api, "updateConcept", teacher, id=epsilon, aliases=["Straße"])
    new = {"courseId": course.id, "name": "N"}
    rows: list[Row] = [
        ("createConcept", {**new, "courseId": given}, missing("COURSE", "courseId"))
        for given in [*unknown("course"), other.id]
    ]
    for given in [*unknown("con"), other.concepts[0]]:
        edge = {"type": "IS_A", "sourceId": limit, "targetId": epsilon}
        rows += [
            ("updateConcept", {"id": given, "name": "N"}, missing("CONCEPT")),
            ("deleteConcept", {"id": given}, missing("CONCEPT")),
            (
                "setConceptMention",
                {"theoryId": theory, "conceptId": given},
                missing("CONCEPT", "conceptId"),
            ),
            ("setConceptRelation", {**edge, "sourceId": given}, missing("CONCEPT", "sourceId")),
            ("setConceptRelation", {**edge, "targetId": given}, missing("CONCEPT", "targetId")),
        ]
    rows += [
        # Another course of the same teacher.
        ("setConceptMention", {"theoryId": theory, "conceptId": sibling}, missing("CONCEPT", "conceptId")),
        (
            "setConceptRelation",
            {"sourceId": limit, "targetId": sibling, "type": "IS_A"},
            missing("CONCEPT", "targetId"),
        ),
    ]
    for given in [*unknown("th"), other.theories[0]]:
        rows.append(
            ("setConceptMention", {"theoryId": given, "conceptId": limit}, missing("THEORY", "theoryId"))
        )
    keys = [ids.decode(one, "con") for one in (epsilon, limit)]
    for given in [*unknown("men"), ids.encode("men", (ids.decode(theory, "th"), keys[0]))]:
        rows.append(("removeConceptMention", {"id": given}, missing("CONCEPT_MENTION")))
    for given in [
        *unknown("rel"),
        ids.encode("rel", (keys[0], "IS_A", keys[1])),
        ids.encode("rel", (keys[0], "is_a", keys[1])),
    ]:
        rows.append(("removeConceptRelation", {"id": given}, missing("CONCEPT_RELATION")))
    for name, says in (("", "1 to 100 characters, not 0"), ("　", "blank"), ("n" * 101, "not 101")):
        rows += [
            ("createConcept", {**new, "name": name}, invalid("name", says)),
            ("updateConcept", {"id": limit, "name": name}, invalid("name", says)),
            ("createConcept", {**new, "aliases": ["ok", name]}, invalid("aliases.1", says)),
            ("updateConcept", {"id": limit, "aliases": ["ok", name]}, invalid("aliases.1", says)),
        ]
    many = [f"alias {number}" for number in range(51)]
    rows += [
        ("createConcept", {**new, "aliases": many}, invalid("aliases", "at most 50 entries, not 51")),
        ("createConcept", {**new, "aliases": ["a", "Ａ"]}, invalid("aliases.1", "already")),
        ("createConcept", {**new, "aliases": ["n"]}, invalid("aliases.0", "already")),
        ("createConcept", {**new, "definition": "d" * 4_001}, invalid("definition", "0 to 4000")),
        ("updateConcept", {"id": limit, "aliases": many}, invalid("aliases", "at most 50")),
        ("updateConcept", {"id": limit, "aliases": ["limit"]}, invalid("aliases.0", "already")),
        ("updateConcept", {"id": limit, "name": None}, invalid("name", "null")),
        ("updateConcept", {"id": limit, "aliases": None}, invalid("aliases", "null")),
        ("updateConcept", {"id": limit, "definition": "d" * 4_001}, invalid("definition", "0 to 4000")),
        ("createConcept", {**new, "name": " LIMIT "}, conflict("DUPLICATE", limit, path=["input", "name"])),
        ("createConcept", {**new, "name": "STRASSE"}, conflict("DUPLICATE", epsilon)),
        (
            "createConcept",
            {**new, "aliases": ["x", "limit"]},
            conflict("DUPLICATE", limit, path=["input", "aliases", "1"]),
        ),
        ("updateConcept", {"id": limit, "name": "derivative"}, conflict("DUPLICATE", derivative)),
        ("updateConcept", {"id": limit, "aliases": ["strasse"]}, conflict("DUPLICATE", epsilon)),
        ("updateConcept", {"id": limit, "name": "N", "expectedVersion": 99}, stale(1)),
        ("deleteConcept", {"id": limit, "expectedVersion": 99}, stale(1)),
    ]
    place = {"theoryId": theory, "conceptId": limit}
    edge = {"sourceId": derivative, "targetId": epsilon, "type": "PREREQUISITE"}
    rows += [
        ("setConceptMention", {**place, "definition": "d" * 4_001}, invalid("definition", "0 to 4000")),
        ("setConceptMention", {**place, "textEvidence": "d" * 2_001}, invalid("textEvidence", "0 to 2000")),
        ("setConceptMention", {**place, "sourceDocument": "d" * 256}, invalid("sourceDocument", "0 to 255")),
        ("setConceptRelation", {**edge, "reason": "r" * 2_001}, invalid("reason", "0 to 2000")),
        ("setConceptRelation", {**edge, "targetId": derivative}, invalid("targetId", "itself")),
    ]
    await refuse(api, teacher, rows)
    made = await done(api, "setConceptRelation", teacher, "relation { id }", **edge)
    turned = {"sourceId": derivative, "targetId": limit, "type": "PREREQUISITE"}
    longer = {"sourceId": epsilon, "targetId": limit, "type": "PREREQUISITE"}
    await refuse(
        api,
        teacher,
        [
            ("setConceptRelation", turned, cycle(derivative, limit, derivative)),
            ("setConceptRelation", longer, cycle(epsilon, limit, derivative, epsilon)),
        ],
    )
    # Only PREREQUISITE orders.
    await done(api, "setConceptRelation", teacher, **{**longer, "type": "PART_OF"})
    await repeat(api, teacher, "createConcept", "concept", {**new, "name": "Once"}, {"aliases": ["twice"]})
    mention = (await done(api, "setConceptMention", teacher, "mention { id }", **place))["mention"]["id"]
    await api.ok("archiveCourse", teacher, id=course.id)
    archived: list[Row] = [
        ("createConcept", {**new, "name": "M"}, conflict("WRONG_STATE")),
        ("updateConcept", {"id": limit, "name": "M"}, conflict("WRONG_STATE")),
        ("deleteConcept", {"id": limit}, conflict("WRONG_STATE")),
        ("setConceptMention", {**place, "definition": "X"}, conflict("WRONG_STATE")),
        ("removeConceptMention", {"id": mention}, conflict("WRONG_STATE")),
        ("setConceptRelation", {**edge, "reason": "X"}, conflict("WRONG_STATE")),
        ("removeConceptRelation", {"id": made["relation"]["id"]}, conflict("WRONG_STATE")),
    ]
    await refuse(api, teacher, archived)
