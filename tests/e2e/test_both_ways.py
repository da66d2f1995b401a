"""One meaning, two speeds: what the fast path answers is what graphql-core's execution answers, byte for byte.

Every query of the suite is asked both ways (tests/api_fixtures.py); here are those that nobody wrote.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.client import Statement
from graphql_api import schema as schema_module
from resolvers import graph_roots
from tests.api_fixtures import Actor, Api
from tests.e2e.documents import Document, documents
from tests.e2e.operations import READS, TEXTS, prepare
from tests.e2e.test_statements import _fill

SCHEMA = schema_module.build()
EXAMPLES = int(os.environ.get("LAB_TUTOR_TEST_EXAMPLES", "60"))
ROOTS = [
    *sorted(graph_roots.WHOLE | graph_roots.TOGETHER) * 2,
    "node",
    "nodes",
    "me",
    "courses",
    "student",
]


# A drift is found between both stores.
MIXED = {"graphDrift"}


async def _both_ways(api: Api, document: Document, actor: Actor | None) -> dict[str, Any]:
    response = await api.post_both_ways({"query": document.text, "variables": document.variables}, actor)
    answer: dict[str, Any] = response.json()
    return answer


async def test_every_graph_root_is_known_to_the_fast_path() -> None:
    query = SCHEMA.query_type
    assert query is not None
    by_graph = {
        name for name, field in query.fields.items() if "Answered by the graph" in (field.description or "")
    }
    assert by_graph - MIXED == graph_roots.WHOLE | (graph_roots.TOGETHER & by_graph)


async def test_examples_take_the_fast_path(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 3, 2)
    fast = set()
    for name in READS:
        actor, variables = await prepare(api, filled, name)
        before = api.application.executor.fast_count
        answer = await _both_ways(api, Document(TEXTS[name], variables), actor)
        assert "errors" not in answer, answer
        if api.application.executor.fast_count > before:
            fast.add(name)
    assert fast == {
        "04-chapter-sequence",
        "05-theory",
        "06-skill",
        "07-concept-map",
        "08-concept-relations",
        "09-student-mastery",
        "11-class-mastery",
    }


MASTERY_TREE = """
query($c: ID!, $s: ID) {
  chapterSequence(courseId: $c) {
    masterySummary(studentId: $s) { averageMastery skillCount notStartedCount masteredCount }
    theories {
      skills {
        name
        mastery(studentId: $s) {
          __typename id currentMastery confidence trend numAssessments masteryCategory updatedAt
        }
      }
    }
  }
}
"""


async def test_mastery_in_a_tree_is_answered_alike_whoever_asks(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 2, 2)
    other = await api.student("Other")
    variables = {"c": filled.course_id, "s": filled.student.id}
    shown = []
    for actor in (filled.teacher, filled.student, other):
        before = api.application.executor.fast_count
        answer = await _both_ways(api, Document(MASTERY_TREE, variables), actor)
        assert "errors" not in answer, answer
        assert api.application.executor.fast_count == before + 1
        chapters = answer["data"]["chapterSequence"]
        skills = [s for c in chapters for t in c["theories"] for s in t["skills"]]
        assert len(skills) == 4
        masteries = [skill["mastery"] for skill in skills]
        summaries = [chapter["masterySummary"] for chapter in chapters]
        if actor is other:
            assert masteries + summaries == [None] * 6
            continue
        assert sorted(mastery["numAssessments"] for mastery in masteries) == [0, 0, 0, 1]
        assert sorted(summary["notStartedCount"] for summary in summaries) == [1, 2]
        shown.append(answer["data"])
    assert shown[0] == shown[1]


async def test_what_is_handed_over_is_not_asked_twice(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 2, 2)
    query = """query($c: ID!, $s: ID!) {
      studentMastery(courseId: $c, studentId: $s, first: 2) { nodes { student { lastName } } }
      chapterSequence(courseId: $c) { name }
      skill(id: "?") { name } }"""
    variables = {"c": filled.course_id, "s": filled.student.id}
    body = {"query": query, "variables": variables}
    answer = (await api.post_both_ways(body, filled.teacher)).json()
    assert "errors" not in answer, answer
    before = api.application.executor.fast_count
    with api.statements() as counted:
        response = await api.http.post(
            "/graphql", json=body, headers={"Authorization": f"Bearer {filled.teacher.token}"}
        )
    # The names are SQL's, so graphql-core completes the answer; each of the two roots was one statement.
    assert response.json()["data"] == answer["data"]
    assert api.application.executor.fast_count == before
    assert counted.cypher == 2


COLUMNS = """__typename id title description level publicationStatus extractionStatus archivedAt version
  createdAt updatedAt"""
PERSON = "__typename id firstName lastName role active version createdAt updatedAt"
# (what is asked, whether graphql-core stays out of it)
TOGETHER = [
    (f"course(id: $c) {{ {COLUMNS} }}", True),
    (
        "course(id: $c) { t: title title chapters { name } c: chapters { id } skills(first: 1) { nodes { name } } }",
        True,
    ),
    ("course(id: $c) { title skills(first: 0) { totalCount } chapters { name } }", False),
    ('course(id: $c) { title concepts(after: "?") { totalCount } }', False),
    ("course(id: $c) { title teacher { lastName } chapters { name } }", False),
    ("course(id: $c) { title chapters { course { title } } skills { nodes { name } } }", False),
    ('course(id: "?") { title chapters { name } }', True),
    (
        f"""classMastery(courseId: $c, first: 2) {{
          __typename totalCount pageInfo {{ __typename hasNextPage hasPreviousPage startCursor endCursor }}
          s: skills {{ id name }} skills {{ name }}
          edges {{ __typename at: cursor cells {{ masteryCategory }} whose: cells {{ id currentMastery }}
            node {{ __typename id enrolledAt course {{ {COLUMNS} }} student {{ {PERSON} }} p: student {{ lastName }}
              all: masterySummary {{ skillCount averageMastery notStartedCount }} }} }}
          nodes {{ id student {{ active }} masterySummary {{ masteredCount }} }}
        }}""",
        True,
    ),
    ("classMastery(courseId: $c, last: 1) { edges { cells { skill { name } numAssessments } } }", True),
    (
        """classMastery(courseId: $c) { edges {
          cells { masteryCategory } more: cells { __typename confidence trend c: confidence updatedAt } } }""",
        True,
    ),
    ("classMastery(courseId: $c, first: 1) { nodes { student { email lastName } } }", False),
    ("classMastery(courseId: $c, first: 1) { nodes { course { title chapterCount } } }", False),
    ("classMastery(courseId: $c) { edges { cells { student { lastName } } } }", False),
    ("classMastery(courseId: $c, first: 0) { totalCount }", True),
    ('classMastery(courseId: $c, after: "?") { totalCount }', True),
    ('classMastery(courseId: "?") { totalCount }', True),
]


async def test_what_both_stores_answer_is_completed_alike(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 2, 2)
    others = [await api.student(name) for name in ("Other", "Another", "Ähnlich")]
    await api.ok(
        "enrollStudents", filled.teacher, courseId=filled.course_id, studentIds=[each.id for each in others]
    )
    await api.drain()
    for asked, alone in TOGETHER:
        query = f"query($c: ID!) {{ {asked} }}" if "$c" in asked else f"{{ {asked} }}"
        variables = {"c": filled.course_id} if "$c" in asked else {}
        for actor in (filled.teacher, await api.admin(), filled.student, await api.teacher(), None):
            before = api.application.executor.fast_count
            answer = await _both_ways(api, Document(query, variables), actor)
            fast = api.application.executor.fast_count > before
            if actor is filled.teacher:
                assert fast == alone, (asked, answer)
                assert "?" in asked or ": 0" in asked or "errors" not in answer, answer


async def test_below_a_course_nothing_is_asked_twice(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 2, 2)
    # Of three graph fields one leads back to SQL and one is refused: graphql-core completes all of them.
    query = """query($c: ID!) { course(id: $c) { title
      chapters { name course { title } } skills(first: 0) { totalCount } concepts { nodes { name } } } }"""
    await _both_ways(api, Document(query, {"c": filled.course_id}), filled.teacher)
    with api.statements() as counted:
        answer = await api.ask(query, filled.teacher, c=filled.course_id)
    assert [error["path"] for error in answer["errors"]] == [["course", "skills"]]
    assert counted.cypher == 2


async def test_drawn_documents_are_answered_alike(plain_api: Api) -> None:
    api = plain_api
    filled = await _fill(api, 2, 2)
    values = filled.values
    other = await api.student("Other")
    outline = await api.data(
        "query($c: ID!) { course(id: $c) { chapters { id theories { readings { id } mentions { id } } } } }",
        filled.teacher,
        c=values["COURSE_ID"],
    )
    chapters = [each["id"] for each in outline["course"]["chapters"]]
    theory = outline["course"]["chapters"][0]["theories"][0]
    ids = {
        "courseId": [values["COURSE_ID"], values["COURSE_ID"], "Y291cnNlOjk5"],
        "studentId": [filled.student.id, other.id, "?"],
        "chapterId": [*chapters, ""],
        "conceptId": [values["CONCEPT_ID"]],
        "centerId": [values["CONCEPT_ID"], values["SKILL_ID"]],
        "skillId": [values["SKILL_ID"]],
        "id": [
            *(values[name] for name in ("COURSE_ID", "THEORY_ID", "SKILL_ID", "CONCEPT_ID")),
            *(chapters[0], theory["readings"][0]["id"], theory["mentions"][0]["id"], filled.student.id, "?"),
        ],
    }
    actors = [filled.teacher, filled.student, filled.teacher, filled.student, other, await api.admin(), None]
    seen = {"answered": 0}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="LAB_TUTOR_TEST_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(documents(SCHEMA, ids, ROOTS), st.sampled_from(actors))
    def draw(document: Document, actor: Actor | None) -> None:
        drawn.append((document, actor))

    drawn: list[tuple[Document, Actor | None]] = []
    draw()
    for document, actor in drawn:
        answer = await _both_ways(api, document, actor)
        seen["answered"] += any(value is not None for value in (answer.get("data") or {}).values())
    assert seen["answered"] > len(drawn) / 3
    assert api.application.executor.fast_count > len(drawn) / 5


async def test_values_that_break_their_type_are_told_alike(plain_api: Api) -> None:
    """What the graph holds may be wrong: then graphql-core says what, whichever way the question went."""
    api = plain_api
    filled = await _fill(api, 1, 1)
    assert api.graph is not None
    theory = "theory(id: $id) { __typename name order version summary createdAt skills { id name } }"
    queries = [
        f"query($id: ID!) {{ {theory} }}",
        f"query($id: ID!, $c: ID!) {{ {theory} course(id: $c) {{ title chapters {{ theories {{ order }} }} }} }}",
        "query($c: ID!) { chapterSequence(courseId: $c) { theories { n: name order } } }",
        "query($c: ID!) { conceptMap(courseId: $c) { concepts { aliases name } relations { type } } }",
        """query($c: ID!) { course(id: $c) { title chapters { theories { order skills { name } } }
          skills { nodes { id } } } }""",
        """query($c: ID!) { classMastery(courseId: $c) { skills { name } edges {
          node { student { id lastName } masterySummary { skillCount averageMastery } }
          cells { confidence masteryCategory skill { name } } alone: cells { masteryCategory } } } }""",
    ]
    for change in (
        "MATCH (t:THEORY) SET t.order = 3000000000",
        "MATCH (t:THEORY) SET t.order = null",
        "MATCH (t:THEORY) SET t.order = 'first'",
        "MATCH (t:THEORY) SET t.order = 1.5",
        "MATCH (t:THEORY) SET t.order = 0, t.name = null",
        "MATCH (t:THEORY) SET t.name = 7",
        "MATCH (t:THEORY) SET t.name = true, t.summary = ['a']",
        "MATCH (s:SKILL) SET s.name = null",
        "MATCH (c:CONCEPT) SET c.aliases = [1, 2]",
        "MATCH ()-[r:CONCEPT_RELATION]->() SET r.type = 'NO_SUCH'",
        "MATCH ()-[r:MASTERS_SKILL]->() SET r.mastery_category = 'NO_SUCH'",
    ):
        await api.graph.write([Statement("test/break", f"{change} RETURN 1", mode="write")])
        for query in queries:
            given = {"id": filled.values["THEORY_ID"], "c": filled.values["COURSE_ID"]}
            used = {name: value for name, value in given.items() if f"${name}" in query}
            await _both_ways(api, Document(query, used), filled.teacher)
