"""PROFILE the statements that screens stand on, on Neo4j: seeks at the entry, no products, work as the answer.

Database hits are counted, no time is taken, so a busy machine changes nothing. docs/performance.md says how a
profile is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import neo4j
import pytest

from graph.client import GraphClient, GraphConfig, Statement
from graph.compiler import (
    Plan,
    Scope,
    compile_chapter_sequence,
    compile_children,
    compile_class_mastery,
    compile_concept_map,
    compile_concept_relations,
    compile_lookup,
    compile_student_mastery,
)
from graph.selection import Selection
from tests.graph.test_compiler import (
    CELL,
    CONCEPT,
    DASHBOARD,
    MASTERY,
    OUTLINE,
    PAGE_INFO,
    PROGRESS,
    RELATION,
    RESOURCE,
    SKILL,
    SUMMARY,
    TEACHER,
    ask,
    choose,
)
from tests.graph_fixtures import PatientClient, wipe_graph

pytestmark = pytest.mark.neo4j

STUDENT = 11
SCOPE = Scope(viewer_student_id=STUDENT)
SMALL, LARGE = 4, 16  # chapters of the course
GROWTH = LARGE / SMALL
# Planning differs a little with the statistics; a walk from the wrong side costs many times more.
SLACK = 1.25

# A chapter has 3 theories, each with 4 skills, 6 concepts, a reading and a video. Every concept leads to the
# next three of the course, every skill is mastered by the first of 40 students, who have each a tenth.
# Another course of the same shape is there to be left alone.
CURRICULUM = """
UNWIND [1, 2] AS course
MERGE (c:CLASS {id: course})
WITH c, course
UNWIND range(0, $chapters - 1) AS i
CREATE (c)-[:COVERS_CHAPTER]->(h:CHAPTER {id: course + '-' + i, name: 'Chapter ' + i, order: i, course_id: course,
  version: 1, created_at: datetime('2026-01-01T00:00:00Z')})
WITH h, course, i
UNWIND range(0, 2) AS j
CREATE (h)-[:HAS_THEORY]->(t:THEORY {id: h.id + '-' + j, name: 'Theory ' + j, order: j, course_id: course, version: 1})
CREATE (t)-[:HAS_READING]->(:READING {id: t.id + '-r', title: 'Read ' + t.id, url: 'https://example.org/r/' + t.id,
  course_id: course})
CREATE (t)-[:HAS_VIDEO]->(:VIDEO {id: t.id + '-v', title: 'See ' + t.id, url: 'https://example.org/v/' + t.id,
  course_id: course})
FOREACH (k IN range(0, 3) | CREATE (t)-[:HAS_SKILL]->(:SKILL {id: t.id + '-s' + k, name: 'Do ' + t.id + k,
  course_id: course, version: 1}))
FOREACH (k IN range(0, 5) | CREATE (t)-[:HAS_CONCEPT {definition: 'here'}]->(:CONCEPT {
  id: course + ':' + (i * 18 + j * 6 + k), number: i * 18 + j * 6 + k,
  name: 'Concept ' + t.id + k, key: 'concept ' + t.id + k, course_id: course, version: 1}))
"""
CHAIN = """
MATCH (:CLASS {id: $course})-[:COVERS_CHAPTER]->(h) WITH h ORDER BY h.order
WITH collect(h) AS chapters UNWIND range(0, size(chapters) - 2) AS i
WITH chapters[i] AS a, chapters[i + 1] AS b CREATE (a)-[:NEXT_CHAPTER]->(b)
"""
RELATIONS = """
MATCH (a:CONCEPT) UNWIND [1, 2, 3] AS step
MATCH (b:CONCEPT {id: a.course_id + ':' + (a.number + step)})
CREATE (a)-[:CONCEPT_RELATION {type: ['IS_A', 'PART_OF', 'PREREQUISITE'][step - 1], reason: 'because'}]->(b)
"""
PEOPLE = """
UNWIND range($student, $student + 39) AS id
CREATE (u:STUDENT {id: id, first_name: 'Given', last_name: 'Family ' + id}) WITH u
MATCH (c:CLASS {id: 1}) CREATE (u)-[:ENROLLED_IN_CLASS]->(c)
"""
MASTERIES = """
MATCH (k:SKILL) WITH k ORDER BY k.id WITH collect(k) AS skills
MATCH (u:STUDENT) UNWIND range(0, size(skills) - 1) AS i
WITH u, i, skills[i] AS k WHERE u.id = $student OR (i + u.id) % 10 = 0
CREATE (u)-[:MASTERS_SKILL {current_mastery: toFloat(i % 100) / 100, confidence: 0.5, num_assessments: 1,
  mastery_category: ['STRUGGLING', 'MASTERED'][i % 2], version: 1}]->(k)
"""

EVIDENCE = """
MATCH (u:STUDENT {id: $student})-[:MASTERS_SKILL]->(k)
CREATE (u)-[:HAS_PROGRESS]->(:PROGRESS {id: 'p' + k.id, score: 0.5, assessed_at: datetime('2026-02-03T00:00:00Z'),
  version: 1})-[:FOR_SKILL]->(k)
"""


def page(typename: str, node: Selection) -> Selection:
    return choose(f"{typename}Connection", ask("nodes", {}, node), PAGE_INFO)


def relations_of(first: int) -> Any:
    return ask("conceptRelations", {"first": first}, page("ConceptRelation", RELATION))


def map_of(limit: int) -> Any:
    concepts = ask("concepts", {}, choose("Concept", "id", "name"))
    parts = choose("ConceptGraph", "truncated", concepts, ask("relations", {}, RELATION))
    return ask("conceptMap", {"centerId": "1:0", "depth": 2, "limit": limit}, parts)


PAGE_OF_STUDENTS = list(range(STUDENT, STUDENT + 30))
MATRIX = ask(
    "classMastery",
    {"first": 30},
    choose(
        "ClassMasteryConnection",
        ask("skills", {}, choose("Skill", "id", "name")),
        ask("edges", {}, choose("ClassMasteryEdge", ask("cells", {}, CELL))),
    ),
)


def mastery_of(first: int, **arguments: Any) -> Any:
    cell = choose("SkillMastery", "currentMastery", ask("skill", {}, choose("Skill", "name")))
    return ask("studentMastery", {"first": first, **arguments}, page("SkillMastery", cell))


# Every skill of the course with the viewer's mastery, and a summary for each chapter.
MASTERY_TREE = ask(
    "chapters",
    {},
    choose(
        "Chapter",
        "name",
        ask("masterySummary", {}, SUMMARY),
        ask(
            "theories",
            {},
            choose("Theory", "name", ask("skills", {}, choose("Skill", "name", ask("mastery", {}, CELL)))),
        ),
    ),
)
SEARCH = ask(
    "concepts",
    {"search": "concept", "orderBy": "MENTIONS", "first": 20},
    page("Concept", choose("Concept", "id")),
)
SUMMARY_OF_CHAPTER = ask("masterySummary", {"chapterId": "1-0"}, SUMMARY)
MATRIX_OF_CHAPTER = dataclasses.replace(MATRIX, arguments={"chapterId": "1-0"})


@dataclass(frozen=True)
class Case:
    """A statement by the number of chapters, and the most database hits that it may take at SMALL and LARGE."""

    plan: Callable[[int], Plan]
    small: int
    large: int
    grows: bool = True  # whether the answer grows with the course


CASES: dict[str, Case] = {
    "outline": Case(lambda _: compile_children("Course", OUTLINE, [1], SCOPE), 1666, 6488),
    "chapter sequence": Case(lambda _: compile_chapter_sequence(1, OUTLINE, SCOPE), 1696, 6614),
    "concept map": Case(lambda _: compile_concept_map(1, map_of(150), SCOPE), 183, 183, grows=False),
    "concept relations": Case(
        lambda chapters: compile_concept_relations(1, relations_of(5 * chapters), SCOPE), 1432, 5812
    ),
    "mastery": Case(lambda _: compile_student_mastery(1, STUDENT, MASTERY, SCOPE), 684, 2655),
    # The columns stop at 100 skills, so the work stops growing there.
    "class page": Case(lambda _: compile_class_mastery(1, PAGE_OF_STUDENTS, MATRIX, TEACHER), 1902, 3758),
    "mastery by outline": Case(
        lambda chapters: compile_student_mastery(1, STUDENT, mastery_of(5 * chapters), SCOPE), 700, 2618
    ),
    "mastery of a chapter": Case(
        lambda _: compile_student_mastery(1, STUDENT, mastery_of(50, chapterId="1-0"), SCOPE),
        527,
        527,
        grows=False,
    ),
    "mastery tree": Case(lambda _: compile_children("Course", MASTERY_TREE, [1], SCOPE), 1312, 4896),
    "class page of a chapter": Case(
        lambda _: compile_class_mastery(1, PAGE_OF_STUDENTS, MATRIX_OF_CHAPTER, TEACHER),
        741,
        741,
        grows=False,
    ),
    "dashboard": Case(lambda _: compile_children("Course", DASHBOARD, [1], TEACHER), 431, 1567),
    "concept": Case(
        lambda _: compile_lookup("Concept", ["1:0"], CONCEPT.selection, SCOPE), 53, 53, grows=False
    ),
    "skill": Case(
        lambda _: compile_lookup("Skill", ["1-0-0-s0", "1-0-0-s1"], SKILL, SCOPE), 102, 102, grows=False
    ),
    "resource": Case(
        lambda _: compile_lookup(["Reading", "Video"], ["1-0-0-r"], RESOURCE, SCOPE), 7, 7, grows=False
    ),
    "concept search": Case(lambda _: compile_children("Course", SEARCH, [1], SCOPE), 289, 1153),
    "progress": Case(lambda _: compile_children("Student", PROGRESS, [STUDENT], SCOPE), 676, 2404),
    "summary of a chapter": Case(
        lambda _: compile_children("Enrollment", SUMMARY_OF_CHAPTER, [(1, STUDENT)], SCOPE),
        221,
        221,
        grows=False,
    ),
}


def operators(profile: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield (operator, database hits) of a profile, the entries of the plan first."""
    for child in profile.get("children", ()):
        yield from operators(child)
    yield profile["operatorType"].partition("@")[0], int(profile["args"].get("DbHits", 0))


def shortcomings(found: list[tuple[str, int]]) -> list[str]:
    """Return what a plan must not have, and what it lacks."""
    names = {operator for operator, _ in found}
    said = sorted(names & {"AllNodesScan", "NodeByLabelScan", "NodeIndexScan", "CartesianProduct"})
    if not any("IndexSeek" in operator for operator in names):
        said.append(f"no index seek among {sorted(names)}")
    return said


@pytest.fixture
async def writer(neo4j_graph: GraphConfig) -> AsyncIterator[GraphClient]:
    client = PatientClient.open(neo4j_graph)
    try:
        yield client
        await wipe_graph(client)
    finally:
        await client.close()


@asynccontextmanager
async def opened(config: GraphConfig) -> AsyncIterator[neo4j.AsyncSession]:
    auth = (config.username, config.password)
    async with (
        neo4j.AsyncGraphDatabase.driver(config.uri, auth=auth, notifications_min_severity="OFF") as driver,
        driver.session(database=config.database) as session,
    ):
        yield session


async def profile(session: neo4j.AsyncSession, text: str, parameters: Any = None) -> list[tuple[str, int]]:
    summary = await (await session.run(f"PROFILE {text}", parameters)).consume()
    assert summary.profile is not None
    return list(operators(summary.profile))


async def profiles(
    writer: GraphClient, config: GraphConfig, chapters: int
) -> dict[str, list[tuple[str, int]]]:
    """Build a course of some chapters; return the operators of every case."""
    await writer.ensure_schema()
    await wipe_graph(writer)
    parts = [(CURRICULUM, {"chapters": chapters})]
    parts += [(CHAIN, {"course": 1}), (CHAIN, {"course": 2}), (RELATIONS, {})]
    parts += [(text, {"student": STUDENT}) for text in (PEOPLE, MASTERIES, EVIDENCE)]
    for text, parameters in parts:
        await writer.write(
            [Statement("test/profile", text + " RETURN count(*)", parameters, "write")], deadline_seconds=120
        )
    found: dict[str, list[tuple[str, int]]] = {}
    async with opened(config) as session:
        # Plans made for an emptier graph, and its statistics, would be used again.
        await (await session.run("CALL db.prepareForReplanning(60)")).consume()
        for name, case in CASES.items():
            plan = case.plan(chapters)
            found[name] = await profile(session, plan.text, plan.parameters)
    return found


@pytest.mark.timeout(900)
async def test_statements_seek_join_and_grow_as_their_answers(
    writer: GraphClient, neo4j_graph: GraphConfig
) -> None:
    hits: dict[str, tuple[int, int]] = {}
    problems: list[str] = []
    small = await profiles(writer, neo4j_graph, SMALL)
    large = await profiles(writer, neo4j_graph, LARGE)
    for name, case in CASES.items():
        counted = hits[name] = (sum(h for _, h in small[name]), sum(h for _, h in large[name]))
        problems += [f"{name}: {found}" for found in shortcomings([*small[name], *large[name]])]
        for chapters, count, bound in zip((SMALL, LARGE), counted, (case.small, case.large), strict=True):
            if count > bound * SLACK:
                problems.append(f"{name}: {count} hits with {chapters} chapters, recorded {bound}")
        most = counted[0] * (GROWTH if case.grows else 1) * SLACK
        if counted[1] > most:
            problems.append(f"{name}: from {counted[0]} to {counted[1]} hits, more than the answer grows")
    assert not problems, "\n".join([*problems, f"all hits: {hits}"])


async def test_the_rules_see_a_walk_from_the_wrong_side(
    writer: GraphClient, neo4j_graph: GraphConfig
) -> None:
    await writer.ensure_schema()
    async with opened(neo4j_graph) as session:
        product = await profile(session, "MATCH (a:SKILL), (b:CONCEPT) RETURN a.id, b.id")
        seek = await profile(session, "MATCH (a:SKILL {id: 'x'}) RETURN a.name")
    assert shortcomings(product)[:2] == ["CartesianProduct", "NodeByLabelScan"]
    assert shortcomings(seek) == []
