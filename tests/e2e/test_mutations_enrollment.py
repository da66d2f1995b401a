"""Mutations of who is in a course."""

from __future__ import annotations

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
from tests.e2e.test_permissions import World

ENROLLED = "MATCH (s:STUDENT)-[:ENROLLED_IN_CLASS]->(c:CLASS {id: $course}) RETURN s.id ORDER BY s.id"


async def test_enrollment_in_both_stores(api: Api) -> None:
    world = await World(api).make()
    course, teacher = world.course, world.people["teacher"]
    student, enrolled = world.people["student"], world.people["enrolled"]
    assert teacher is not None
    assert student is not None
    assert enrolled is not None
    here, key = {"courseId": course.id}, ids.decode(course.id, "course")
    fields = "enrollment { id enrolledAt student { id } course { id studentCount viewerCan } }"
    joined = (await done(api, "joinCourse", student, fields, **here))["enrollment"]
    assert joined["student"] == {"id": student.id}
    assert joined["course"] == {"id": course.id, "studentCount": 2, "viewerCan": ["LEAVE"]}
    both = sorted([[student.key], [enrolled.key]])
    assert await cypher(api, ENROLLED, course=key) == both
    again = await unchanged(api, "joinCourse", student, "enrollment { id }", **here)
    assert again["enrollment"]["id"] == joined["id"]
    left = await done(api, "leaveCourse", student, "course { id studentCount viewerCan }", **here)
    assert left["course"] == {"id": course.id, "studentCount": 1, "viewerCan": ["JOIN"]}
    assert await cypher(api, ENROLLED, course=key) == [[enrolled.key]]

    selection = "enrollments { student { id } } unmatchedEmails"
    added = await done(
        api,
        "enrollStudents",
        teacher,
        selection,
        **here,
        studentIds=[enrolled.id, student.id, student.id],
        emails=[student.email.upper() + " ", "nobody@example.org", "nonsense", teacher.email],
    )
    assert [row["student"]["id"] for row in added["enrollments"]] == [enrolled.id, student.id]
    assert added["unmatchedEmails"] == ["nobody@example.org", "nonsense", teacher.email]
    assert await cypher(api, ENROLLED, course=key) == both
    await unchanged(api, "enrollStudents", teacher, **here, emails=[student.email])
    removed = await done(
        api,
        "removeStudents",
        teacher,
        "removedCount",
        **here,
        studentIds=[student.id, student.id, teacher.id],
    )
    assert removed["removedCount"] == 1
    assert await cypher(api, ENROLLED, course=key) == [[enrolled.key]]
    same = await unchanged(api, "removeStudents", teacher, "removedCount", **here, studentIds=[student.id])
    assert same["removedCount"] == 0


async def test_refusals_of_enrollment(api: Api) -> None:
    world = await World(api).make()
    course, teacher, student = world.course, world.people["teacher"], world.people["student"]
    enrolled = world.people["enrolled"]
    assert teacher is not None
    assert student is not None
    assert enrolled is not None
    draft = (await api.ok("createCourse", teacher, "course { id }", title="Draft"))["course"]["id"]
    foreign = (await api.ok("createCourse", world.people["other_teacher"], "course { id }", title="D"))[
        "course"
    ]["id"]
    by_student: list[Row] = []
    for given in [*unknown("course"), draft]:
        by_student += [
            ("joinCourse", {"courseId": given}, missing("COURSE", "courseId")),
            ("leaveCourse", {"courseId": given}, missing("COURSE", "courseId")),
        ]
    # Seen, but not in it.
    by_student.append(("leaveCourse", {"courseId": course.id}, missing("COURSE", "courseId")))
    await refuse(api, student, by_student)
    here = {"courseId": course.id}
    rows: list[Row] = []
    for given in [*unknown("course"), foreign]:
        rows += [
            ("enrollStudents", {"courseId": given, "emails": ["a@b.org"]}, missing("COURSE", "courseId")),
            (
                "removeStudents",
                {"courseId": given, "studentIds": [student.id]},
                missing("COURSE", "courseId"),
            ),
        ]
    for given in unknown("user"):
        rows += [
            (
                "enrollStudents",
                {**here, "studentIds": [student.id, given]},
                missing("USER", "studentIds", "1"),
            ),
        ]
    rows += [
        # A teacher is no student.
        ("enrollStudents", {**here, "studentIds": [teacher.id]}, missing("USER", "studentIds", "0")),
        ("removeStudents", {**here, "studentIds": ["nonsense"]}, missing("USER", "studentIds", "0")),
        ("enrollStudents", here, invalid("studentIds", "1 to 200 students are enrolled at a time, not 0")),
        ("enrollStudents", {**here, "studentIds": [], "emails": []}, invalid("studentIds", "not 0")),
        (
            "enrollStudents",
            {**here, "studentIds": [student.id], "emails": ["a@b.org"] * 200},
            invalid("studentIds", "not 201"),
        ),
        ("removeStudents", {**here, "studentIds": []}, invalid("studentIds", "not 0")),
        ("removeStudents", {**here, "studentIds": [student.id] * 201}, invalid("studentIds", "not 201")),
    ]
    await refuse(api, teacher, rows)
    # A student who is in it still sees the course as a draft, and may not come back after leaving.
    await done(api, "unpublishCourse", teacher, id=course.id)
    await unchanged(api, "joinCourse", enrolled, **here)
    await done(api, "archiveCourse", teacher, id=course.id)
    await refuse(
        api, teacher, [("enrollStudents", {**here, "studentIds": [student.id]}, conflict("WRONG_STATE"))]
    )
    await refuse(api, enrolled, [("joinCourse", here, conflict("WRONG_STATE"))])
    # Leaving an archived course, or being taken out of it, is no change of its content.
    await done(api, "leaveCourse", enrolled, **here)
    await unchanged(api, "removeStudents", teacher, **here, studentIds=[enrolled.id])
    assert await ask(api, enrolled, "course(id: $id) { id }", id=course.id) is None
