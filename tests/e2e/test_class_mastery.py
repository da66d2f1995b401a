"""A class over HTTP: assessments go in, the matrix comes out, page by page."""

from __future__ import annotations

from typing import Any

from tests.api_fixtures import Actor, Api
from tests.e2e.test_course_life import Course

MATRIX = """
query($c: ID!, $h: ID, $first: Int, $after: String, $last: Int, $before: String) {
  classMastery(courseId: $c, chapterId: $h, first: $first, after: $after, last: $last, before: $before) {
    __typename
    totalCount
    skills { id name }
    edges {
      cursor
      row: node {
        id course { id } student { id lastName }
        masterySummary { skillCount notStartedCount averageMastery }
      }
      cells { id numAssessments currentMastery masteryCategory student { id } skill { id name course { title } } }
    }
    nodes { student { lastName } here: masterySummary(chapterId: $h) { skillCount } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

PAGE = """
query($c: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  classMastery(courseId: $c, first: $first, after: $after, last: $last, before: $before) {
    edges { cells { masteryCategory } }
  }
}
"""


async def _class(api: Api, names: list[str]) -> tuple[Course, list[Actor]]:
    course = await Course(api, await api.teacher()).write()
    students = [await api.student(name) for name in names]
    if students:
        await api.ok(
            "enrollStudents", course.teacher, courseId=course.id, studentIds=[each.id for each in students]
        )
    return course, students


async def _matrix(api: Api, course: Course, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(MATRIX, course.teacher, c=course.id, **given))["classMastery"]
    return found


async def test_what_is_assessed_stands_in_its_cell(api: Api) -> None:
    course, (zed, amy) = await _class(api, ["Zed", "Amy"])
    scores = [(zed, 0, 1.0, "a"), (zed, 0, 0.0, "b"), (amy, 1, 1.0, "c")]
    await api.ok(
        "recordAssessments",
        course.teacher,
        assessments=[
            {"studentId": who.id, "skillId": course.skills[skill], "score": score, "idempotencyKey": key}
            for who, skill, score, key in scores
        ],
    )
    await api.drain()
    loose = await api.ok(
        "createSkill", course.teacher, "skill { id }", courseId=course.id, name="A loose one"
    )
    await api.drain()
    found = await _matrix(api, course)
    # Both skills are of one theory, so by name; what no theory has comes last.
    assert [skill["name"] for skill in found["skills"]] == [
        "Apply the definition",
        "Compute a limit",
        "A loose one",
    ]
    assert [edge["row"]["student"]["lastName"] for edge in found["edges"]] == ["Amy", "Zed"]
    cells = {
        edge["row"]["student"]["lastName"]: [cell["numAssessments"] for cell in edge["cells"]]
        for edge in found["edges"]
    }
    assert cells == {"Amy": [1, 0, 0], "Zed": [0, 2, 0]}
    untouched = found["edges"][0]["cells"][2]
    assert untouched == {
        "id": untouched["id"],
        "numAssessments": 0,
        "currentMastery": None,
        "masteryCategory": "NOT_STARTED",
        "student": {"id": amy.id},
        "skill": {"id": loose["skill"]["id"], "name": "A loose one", "course": {"title": "Calculus"}},
    }
    mastery = "query($i: ID!) { node(id: $i) { ... on SkillMastery { id currentMastery masteryCategory } } }"
    for edge in found["edges"]:
        summary = edge["row"]["masterySummary"]
        assert (summary["skillCount"], summary["notStartedCount"]) == (3, 2)
        for cell in edge["cells"]:
            alone = await api.data(mastery, course.teacher, i=cell["id"])
            assert alone["node"] == {name: cell[name] for name in alone["node"]}
        (known,) = [cell["currentMastery"] for cell in edge["cells"] if cell["numAssessments"]]
        assert abs(summary["averageMastery"] - known) < 1e-9


async def test_a_class_is_walked_both_ways(api: Api) -> None:
    names = [f"Student {number}" for number in range(7)]
    course, _ = await _class(api, names[::-1])
    for size, cursor, end, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        seen: list[str] = []
        given: dict[str, Any] = {size: 3}
        for _ in range(5):
            page = await _matrix(api, course, **given)
            assert page["totalCount"] == 7
            rows = [edge["row"]["student"]["lastName"] for edge in page["edges"]]
            assert [node["student"]["lastName"] for node in page["nodes"]] == rows
            seen = seen + rows if size == "first" else rows + seen
            given[cursor] = page["pageInfo"][end]
            if not page["pageInfo"][more]:
                break
        assert seen == names


async def test_a_class_without_students_has_columns(api: Api) -> None:
    course, _ = await _class(api, [])
    found = await _matrix(api, course)
    assert (found["totalCount"], found["edges"], found["nodes"]) == (0, [], [])
    assert len(found["skills"]) == 2
    assert found["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


async def test_a_chapter_narrows_the_columns(plain_api: Api) -> None:
    api = plain_api
    course, _ = await _class(api, ["Amy"])
    counts = []
    for chapter in (*course.chapters[:2], course.skills[0], "nonsense"):
        found = await _matrix(api, course, h=chapter)
        assert (
            len(found["edges"][0]["cells"]) == len(found["skills"]) == found["nodes"][0]["here"]["skillCount"]
        )
        counts.append(len(found["skills"]))
    assert counts == [2, 0, 0, 0]


async def test_a_hidden_course_is_as_if_it_were_not_there(plain_api: Api) -> None:
    api = plain_api
    course, _ = await _class(api, ["Amy"])
    other = await api.teacher()
    for course_id in (course.id, "nonsense", course.chapters[0]):
        data = await api.data(MATRIX, other, c=course_id)
        assert data == {"classMastery": None}


async def test_bad_pages_are_refused_by_name(plain_api: Api) -> None:
    api = plain_api
    course, _ = await _class(api, ["Amy"])
    for given, word in (
        ({"first": 0}, "first"),
        ({"first": 101}, "first"),
        ({"first": 1, "last": 1}, "first"),
        ({"after": "nonsense"}, "after"),
        ({"before": "x"}, "before"),
    ):
        body = await api.ask(PAGE, course.teacher, c=course.id, **given)
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT", body
        assert word in error["message"]
        assert body["data"] == {"classMastery": None}


async def test_who_left_is_no_row_and_comes_back_with_the_evidence(plain_api: Api) -> None:
    api = plain_api
    course, (amy, bob) = await _class(api, ["Amy", "Bob"])
    one = {"studentId": amy.id, "skillId": course.skills[0], "score": 1, "idempotencyKey": "k"}
    await api.ok("recordAssessments", course.teacher, assessments=[one])
    await api.ok("removeStudents", course.teacher, courseId=course.id, studentIds=[amy.id])
    found = await _matrix(api, course)
    assert [edge["row"]["student"]["lastName"] for edge in found["edges"]] == ["Bob"]
    await api.ok("enrollStudents", course.teacher, courseId=course.id, studentIds=[amy.id])
    found = await _matrix(api, course)
    assert [sum(cell["numAssessments"] for cell in edge["cells"]) for edge in found["edges"]] == [1, 0]
    assert bob.id == found["edges"][1]["row"]["student"]["id"]


async def test_without_a_graph_it_is_unavailable(graphless_api: Api) -> None:
    api = graphless_api
    teacher = await api.teacher()
    made = await api.ok("createCourse", teacher, "course { id }", title="Calculus")
    assert await api.code(MATRIX, teacher, c=made["course"]["id"]) == "GRAPH_UNAVAILABLE"
