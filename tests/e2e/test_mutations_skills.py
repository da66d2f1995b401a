"""Mutations of skills and their prerequisites."""

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

FIELDS = "skill { id name description version theories { id } concepts { id } course { id } }"
EDGE = (
    "prerequisite { id reason strength status origin prerequisite { id } dependent { id } decidedBy { id } }"
)
EDGES = "MATCH (a:SKILL)-[p:PREREQUISITE_OF]->(b:SKILL) RETURN a.name, b.name, p.reason, p.strength, p.origin"


async def test_skills_and_prerequisites_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    given: dict[str, Any] = {
        "courseId": course.id,
        "name": "Find a derivative",
        "description": "d" * 1_000,
        "theoryIds": [course.theories[1], course.theories[1]],  # twice is once
        "conceptIds": [course.concepts[2]],
    }
    skill = (await done(api, "createSkill", teacher, FIELDS, **given))["skill"]
    assert skill == {
        "id": skill["id"],
        "name": "Find a derivative",
        "description": "d" * 1_000,
        "version": 1,
        "theories": [{"id": course.theories[1]}],
        "concepts": [{"id": course.concepts[2]}],
        "course": {"id": course.id},
    }
    assert await ask(api, teacher, f"skill(id: $id) {FIELDS[6:]}", id=skill["id"]) == skill
    change = {
        "id": skill["id"],
        "name": "find a DERIVATIVE",  # the same name to the course
        "description": None,
        "theoryIds": [],
        "conceptIds": [course.concepts[1]],
        "expectedVersion": 1,
    }
    updated = (await done(api, "updateSkill", teacher, FIELDS, **change))["skill"]
    assert updated == {
        **skill,
        "name": "find a DERIVATIVE",
        "description": None,
        "version": 2,
        "theories": [],
        "concepts": [{"id": course.concepts[1]}],
    }
    assert await ask(api, teacher, f"skill(id: $id) {FIELDS[6:]}", id=skill["id"]) == updated
    await unchanged(api, "updateSkill", teacher, id=skill["id"], conceptIds=[course.concepts[1]])

    first, second = course.skills
    edge = {"prerequisiteId": first, "dependentId": second, "reason": "It is used.", "strength": 0.5}
    made = (await done(api, "setPrerequisite", teacher, EDGE, **edge))["prerequisite"]
    assert made == {
        "id": made["id"],
        "reason": "It is used.",
        "strength": 0.5,
        "status": "APPROVED",
        "origin": "TEACHER",
        "prerequisite": {"id": first},
        "dependent": {"id": second},
        "decidedBy": {"id": teacher.id},
    }
    node = await ask(
        api, teacher, "node(id: $id) { ... on SkillPrerequisite { id reason strength } }", id=made["id"]
    )
    assert node == {"id": made["id"], "reason": "It is used.", "strength": 0.5}
    row = ["Compute a limit", "Apply the definition", "It is used.", 0.5, "TEACHER"]
    assert await cypher(api, EDGES) == [row]
    await unchanged(api, "setPrerequisite", teacher, **edge)
    again = {**edge, "reason": None, "strength": 1}
    changed = (await done(api, "setPrerequisite", teacher, EDGE, **again))["prerequisite"]
    assert (changed["reason"], changed["strength"], changed["id"]) == (None, 1, made["id"])
    assert await cypher(api, EDGES) == [[*row[:2], None, 1, "TEACHER"]]
    # What is only proposed does not hold: it leaves the graph's chain, and may close a cycle.
    back = {"prerequisiteId": second, "dependentId": first, "status": "PROPOSED"}
    proposed = (await done(api, "setPrerequisite", teacher, EDGE, **back))["prerequisite"]
    assert (proposed["status"], proposed["decidedBy"]) == ("PROPOSED", None)
    assert len(await cypher(api, EDGES)) == 1
    await done(api, "removePrerequisite", teacher, "removedId", id=proposed["id"])
    removed = await done(api, "removePrerequisite", teacher, "removedId", id=made["id"])
    assert removed["removedId"] == made["id"]
    assert await cypher(api, EDGES) == []

    await done(api, "setPrerequisite", teacher, **edge)
    gone = await done(api, "deleteSkill", teacher, "deletedId", id=first)
    assert gone["deletedId"] == first
    assert await cypher(api, EDGES) == []
    rows = await cypher(api, "MATCH (s:SKILL) RETURN s.name ORDER BY s.name")
    assert rows == [["Apply the definition"], ["find a DERIVATIVE"]]


async def test_refusals_of_skills(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()
    sibling_course = (await api.ok("createCourse", teacher, "course { id }", title="Own"))["course"]["id"]
    sibling = (await api.ok("createSkill", teacher, "skill { id }", courseId=sibling_course, name="Own"))[
        "skill"
    ]["id"]
    foreign_concept = (
        await api.ok("createConcept", teacher, "concept { id }", courseId=sibling_course, name="Own")
    )["concept"]["id"]
    first, second = course.skills
    theory, concept = course.theories[0], course.concepts[0]
    skill = {"id": first}
    new = {"courseId": course.id, "name": "N"}
    rows: list[Row] = [
        ("createSkill", {**new, "courseId": given}, missing("COURSE", "courseId"))
        for given in [*unknown("course"), other.id]
    ]
    for given in [*unknown("th"), other.theories[0]]:
        place = ("theoryIds", "1")
        rows += [
            ("createSkill", {**new, "theoryIds": [theory, given]}, missing("THEORY", *place)),
            ("updateSkill", {**skill, "theoryIds": [theory, given]}, missing("THEORY", *place)),
        ]
    for given in [*unknown("con"), other.concepts[0], foreign_concept]:
        place = ("conceptIds", "1")
        rows += [
            ("createSkill", {**new, "conceptIds": [concept, given]}, missing("CONCEPT", *place)),
            ("updateSkill", {**skill, "conceptIds": [concept, given]}, missing("CONCEPT", *place)),
        ]
    for given in [*unknown("skill"), other.skills[0]]:
        rows += [
            ("updateSkill", {"id": given, "name": "N"}, missing("SKILL")),
            ("deleteSkill", {"id": given}, missing("SKILL")),
            (
                "setPrerequisite",
                {"prerequisiteId": given, "dependentId": first},
                missing("SKILL", "prerequisiteId"),
            ),
            (
                "setPrerequisite",
                {"prerequisiteId": first, "dependentId": given},
                missing("SKILL", "dependentId"),
            ),
        ]
    rows.append(
        (
            "setPrerequisite",
            {"prerequisiteId": sibling, "dependentId": first},
            missing("SKILL", "prerequisiteId"),
        )
    )
    key = [ids.decode(one, "skill") for one in (first, second)]
    for given in [*unknown("pre"), ids.encode("pre", key)]:
        rows.append(("removePrerequisite", {"id": given}, missing("SKILL_PREREQUISITE")))
    for name, says in (("", "1 to 100 characters, not 0"), (" ", "blank"), ("n" * 10_000, "not 10000")):
        rows += [
            ("createSkill", {**new, "name": name}, invalid("name", says)),
            ("updateSkill", {**skill, "name": name}, invalid("name", says)),
        ]
    long = "x" * 1_001
    edge = {"prerequisiteId": first, "dependentId": second}
    rows += [
        ("createSkill", {**new, "description": long}, invalid("description", "0 to 1000")),
        ("updateSkill", {**skill, "description": long}, invalid("description", "0 to 1000")),
        ("updateSkill", {**skill, "name": None}, invalid("name", "null")),
        ("updateSkill", {**skill, "theoryIds": None}, invalid("theoryIds", "null")),
        ("updateSkill", {**skill, "conceptIds": None}, invalid("conceptIds", "null")),
        (
            "updateSkill",
            {**skill, "theoryIds": [ids.encode("th", _uuid(n)) for n in range(51)]},
            invalid("theoryIds", "at most 50 entries, not 51"),
        ),
        (
            "createSkill",
            {**new, "conceptIds": [ids.encode("con", _uuid(n)) for n in range(51)]},
            invalid("conceptIds", "at most 50 entries, not 51"),
        ),
        ("createSkill", {**new, "name": "COMPUTE  a limit"}, conflict("DUPLICATE", first)),
        ("updateSkill", {**skill, "name": "apply the definition"}, conflict("DUPLICATE", second)),
        ("updateSkill", {**skill, "name": "N", "expectedVersion": 99}, stale(1)),
        ("deleteSkill", {**skill, "expectedVersion": 0}, stale(1)),
        ("setPrerequisite", {**edge, "reason": "r" * 2_001}, invalid("reason", "0 to 2000")),
        ("setPrerequisite", {**edge, "status": "REJECTED"}, invalid("status", "APPROVED or PROPOSED")),
        ("setPrerequisite", {"prerequisiteId": first, "dependentId": first}, cycle(first, first)),
    ]
    for strength in (0, -1, 1.001, 1e308):
        rows.append(
            ("setPrerequisite", {**edge, "strength": strength}, invalid("strength", "above 0 and at most 1"))
        )
    await refuse(api, teacher, rows)
    third = (await api.ok("createSkill", teacher, "skill { id }", **new))["skill"]["id"]
    made = await done(api, "setPrerequisite", teacher, "prerequisite { id }", **edge)
    await done(api, "setPrerequisite", teacher, prerequisiteId=second, dependentId=third)
    await refuse(
        api,
        teacher,
        [
            (
                "setPrerequisite",
                {"prerequisiteId": second, "dependentId": first},
                cycle(second, first, second),
            ),
            (
                "setPrerequisite",
                {"prerequisiteId": third, "dependentId": first},
                cycle(third, first, second, third),
            ),
        ],
    )
    await repeat(api, teacher, "createSkill", "skill", {**new, "name": "Once"}, {"theoryIds": [theory]})
    await api.ok("archiveCourse", teacher, id=course.id)
    archived: list[Row] = [
        ("createSkill", {**new, "name": "M"}, conflict("WRONG_STATE")),
        ("updateSkill", {**skill, "name": "M"}, conflict("WRONG_STATE")),
        ("deleteSkill", skill, conflict("WRONG_STATE")),
        ("setPrerequisite", {**edge, "strength": 0.1}, conflict("WRONG_STATE")),
        ("removePrerequisite", {"id": made["prerequisite"]["id"]}, conflict("WRONG_STATE")),
    ]
    await refuse(api, teacher, archived)


def _uuid(number: int) -> str:
    return f"2f1c9c8e-8f5e-4b0e-9f43-{number:012x}"


async def test_evidence_keeps_its_skill(api: Api) -> None:
    teacher, student = await api.teacher(), await api.student()
    course = await Course(api, teacher).write()
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    one = {"studentId": student.id, "skillId": course.skills[0], "score": 1, "idempotencyKey": "a"}
    await api.ok("recordAssessments", teacher, assessments=[one])
    progress = await cypher(api, "MATCH (p:PROGRESS) RETURN p.id")
    in_the_way = ids.encode("prog", progress[0][0])
    await refuse(api, teacher, [("deleteSkill", {"id": course.skills[0]}, conflict("IN_USE", in_the_way))])
    # Neither deleting its theory nor its concept takes the skill away.
    await done(api, "deleteTheory", teacher, id=course.theories[0])
    await done(api, "deleteConcept", teacher, id=course.concepts[0])
    assert await cypher(api, "MATCH (:STUDENT)-[m:MASTERS_SKILL]->(s:SKILL) RETURN s.name") == [
        ["Compute a limit"]
    ]
