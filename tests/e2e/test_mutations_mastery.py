"""recordAssessments: evidence counts once, whole batches or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from resolvers import ids
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
    unchanged,
    unknown,
)
from tests.e2e.test_course_life import Course

FIELDS = (
    "recordedCount repeatedCount masteries { id currentMastery confidence predictedNext trend numAssessments "
    "masteryCategory updatedAt skill { id } student { id } }"
)
MASTERED = (
    "MATCH (s:STUDENT)-[m:MASTERS_SKILL]->(k:SKILL) RETURN s.id, k.id, m.current_mastery, m.confidence, "
    "m.num_assessments, m.mastery_category"
)


def result(student: Any, skill: str, key: str, **changes: Any) -> dict[str, Any]:
    """Return the input of one assessment."""
    return {
        "studentId": student.id,
        "skillId": skill,
        "score": 1,
        "assessedAt": "2026-03-01T09:30:00Z",
        "idempotencyKey": key,
    } | changes


async def test_evidence_in_both_stores(api: Api) -> None:
    teacher, student = await api.teacher(), await api.student()
    course = await Course(api, teacher).write()
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    first, second = course.skills
    batch = [
        result(student, first, "a", itemKey="question 1"),
        result(student, first, "a", itemKey="question 1"),  # twice in one batch
        result(student, second, "b", score=0, assessedAt="2026-03-01T10:30:00.123456+01:00"),
    ]
    payload = await done(api, "recordAssessments", teacher, FIELDS, assessments=batch)
    assert (payload["recordedCount"], payload["repeatedCount"]) == (2, 1)
    one, two = payload["masteries"]
    assert (one["skill"], one["student"]) == ({"id": first}, {"id": student.id})
    assert (two["skill"], two["numAssessments"]) == ({"id": second}, 1)
    assert one["currentMastery"] > two["currentMastery"] > 0
    rows = {row[1]: row for row in await cypher(api, MASTERED)}
    for mastery in (one, two):
        row = rows[ids.decode(mastery["skill"]["id"], "skill")]
        assert row[0] == student.key
        assert row[2:4] == [pytest.approx(mastery["currentMastery"]), pytest.approx(mastery["confidence"])]
        assert row[4:] == [mastery["numAssessments"], mastery["masteryCategory"]]
    (progress,) = await cypher(api, "MATCH (:STUDENT)-[:HAS_PROGRESS]->(p)-[:FOR_SKILL]->() RETURN count(p)")
    assert progress == [2]
    read = await ask(
        api,
        student,
        "studentMastery(courseId: $id) { nodes { id currentMastery numAssessments skill { id } } }",
        id=course.id,
    )
    assert {node["id"]: node["currentMastery"] for node in read["nodes"]} == {
        one["id"]: one["currentMastery"],
        two["id"]: two["currentMastery"],
    }
    again = await unchanged(api, "recordAssessments", teacher, FIELDS, assessments=batch)
    assert (again["recordedCount"], again["repeatedCount"]) == (0, 3)
    assert again["masteries"] == payload["masteries"]


async def test_refusals_of_evidence(api: Api) -> None:
    teacher, student, outside = await api.teacher(), await api.student(), await api.student("Outside")
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()
    made = await api.ok("createCourse", teacher, "course { id }", title="Own")
    sibling = (
        await api.ok("createSkill", teacher, "skill { id }", courseId=made["course"]["id"], name="Own")
    )["skill"]["id"]
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    skill = course.skills[0]
    good = result(student, skill, "good")
    rows: list[Row] = []
    for given in [*unknown("skill"), other.skills[0]]:
        one = {"assessments": [{**good, "skillId": given}]}
        rows.append(("recordAssessments", one, missing("SKILL", "assessments", "0", "skillId")))
    for given in unknown("user")[1:3]:
        rows.append(
            (
                "recordAssessments",
                {"assessments": [good, {**good, "studentId": given}]},
                missing("USER", "assessments", "1", "studentId"),
            )
        )
    for changes, path, says in (
        ({"score": -0.001}, "score", "between 0 and 1"),
        ({"score": 1.001}, "score", "between 0 and 1"),
        ({"score": 1e300}, "score", "between 0 and 1"),
        ({"idempotencyKey": ""}, "idempotencyKey", "1 to 64 characters, not 0"),
        ({"idempotencyKey": "k" * 65}, "idempotencyKey", "1 to 64 characters, not 65"),
        ({"idempotencyKey": "\x00"}, "idempotencyKey", "can not be stored"),
        ({"itemKey": ""}, "itemKey", "1 to 100"),
        ({"itemKey": "k" * 101}, "itemKey", "1 to 100"),
        ({"assessedAt": "2999-01-01T00:00:00Z"}, "assessedAt", "future"),
        ({"assessedAt": "1969-12-31T23:59:59Z"}, "assessedAt", "before 1970"),
        ({"studentId": outside.id}, "studentId", "not enrolled"),
        ({"studentId": teacher.id}, "studentId", "not enrolled"),
        ({"studentId": ids.encode("user", 987_654)}, "studentId", "not enrolled"),
        ({"skillId": sibling}, "skillId", "one course"),
    ):
        # One at fault: not even the good one is recorded.
        batch = [good, {**result(student, skill, "bad"), **changes}]
        rows.append(("recordAssessments", {"assessments": batch}, invalid(f"assessments.1.{path}", says)))
    many = [result(student, skill, f"many {number}") for number in range(501)]
    rows += [
        ("recordAssessments", {"assessments": []}, invalid("assessments", "1 to 500")),
        ("recordAssessments", {"assessments": many}, invalid("assessments", "not 501")),
        (
            "recordAssessments",
            {"assessments": [good, {**good, "score": 0}]},
            conflict("KEY_REUSED", path=["input", "assessments", "1", "idempotencyKey"]),
        ),
    ]
    await refuse(api, teacher, rows)
    await done(api, "recordAssessments", teacher, assessments=[good])
    progress = ids.encode("prog", (await cypher(api, "MATCH (p:PROGRESS) RETURN p.id"))[0][0])
    for changes in (
        {"score": 0.5},
        {"skillId": course.skills[1]},
        {"itemKey": "q"},
        {"assessedAt": "2026-03-01T09:30:01Z"},
    ):
        await refuse(
            api,
            teacher,
            [("recordAssessments", {"assessments": [{**good, **changes}]}, conflict("KEY_REUSED", progress))],
        )
    # All 500, and the time left out the second time.
    # More than the mirror tries before the answer: the rest is its worker's.
    payload = await api.ok("recordAssessments", teacher, FIELDS, assessments=many[:500])
    await api.drain()
    assert payload["masteries"][0]["numAssessments"] == 501
    await unchanged(
        api, "recordAssessments", teacher, assessments=[{k: v for k, v in good.items() if k != "assessedAt"}]
    )
    await api.ok("archiveCourse", teacher, id=course.id)
    late = result(student, skill, "late")
    await refuse(api, teacher, [("recordAssessments", {"assessments": [late]}, conflict("WRONG_STATE"))])
