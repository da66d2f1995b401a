"""The yardstick: hand-written Cypher with positional lists behind plain Starlette routes. No GraphQL.

POST /<shape> with the variables that the GraphQL operation of the shape takes; the answer is the same JSON as
the API's `data`, ids included. No accounts, no policy, no limits: what the answer costs and nothing else.
Environment: NEO4J_URI, NEO4J_PASSWORD, PORT.
"""

from __future__ import annotations

import base64
import gc
import os
from binascii import b2a_base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import neo4j
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SKILLS = """COLLECT {
  MATCH (t)-[:HAS_SKILL]->(s)
  RETURN [s.id, s.name, s.description, s.version] ORDER BY s.name, s.id
}"""
CONCEPTS = """COLLECT {
  MATCH (t)-[:HAS_CONCEPT]->(k)
  RETURN [k.id, k.name, k.definition] ORDER BY k.name, k.id
}"""
THEORIES = f"""COLLECT {{
  MATCH (h)-[:HAS_THEORY]->(t)
  RETURN [t.id, t.name, t.summary, t.order, {SKILLS}, {CONCEPTS}] ORDER BY t.order, t.id
}}"""
CHAPTERS = f"""COLLECT {{
  MATCH (c)-[:COVERS_CHAPTER]->(h)
  RETURN [h.id, h.name, h.description, h.order, {THEORIES}] ORDER BY h.order, h.id
}}"""
SMALL = f"MATCH (t:THEORY {{id: $id}}) RETURN t.id, t.name, t.summary, t.order, t.version, {SKILLS}"
MID = f"MATCH (h:CHAPTER {{id: $id}}) RETURN h.id, h.name, h.description, h.order, {THEORIES}"
OUTLINE = f"MATCH (c:CLASS {{id: $id}}) RETURN {CHAPTERS}"
BIG = f"MATCH (c:CLASS {{id: $id}}) RETURN c.id, c.title, c.description, c.level, c.version, {CHAPTERS}"

# The skills of the course joined with the student's edges, instead of a walk from either side.
MASTERY = """
MATCH (:CLASS {id: $course})-[:COVERS_CHAPTER]->(h)-[:HAS_THEORY]->(t)-[:HAS_SKILL]->(skill)
OPTIONAL MATCH (:STUDENT {id: $student})-[m:MASTERS_SKILL]->(skill) USING JOIN ON skill
WITH h, t, skill, m ORDER BY skill.name, skill.id
WITH h, t, collect([skill.id, skill.name, m.current_mastery, m.confidence, m.mastery_category,
                    m.num_assessments]) AS skills
WITH h, t, skills ORDER BY t.order, t.id
WITH h, collect([t.name, skills]) AS theories
RETURN h.name, theories ORDER BY h.order, h.id
"""
MASTERY_PAGE = """
MATCH (:CLASS {id: $course})-[:COVERS_CHAPTER]->(h)-[:HAS_THEORY]->(t)-[:HAS_SKILL]->(skill)
WITH skill, h, t ORDER BY h.order, t.order, skill.name, skill.id LIMIT $first
OPTIONAL MATCH (:STUDENT {id: $student})-[m:MASTERS_SKILL]->(skill) USING JOIN ON skill
WITH h, t, skill, m ORDER BY h.order, t.order, skill.name, skill.id
RETURN skill.id, skill.name, t.name, h.name, m.current_mastery, m.confidence, m.mastery_category,
       m.num_assessments
"""
# The page of students first; then from the skills to those students.
CLASS = """
CALL () { MATCH (u)-[:ENROLLED_IN_CLASS]->(:CLASS {id: $course})
  WITH u ORDER BY u.last_name, u.first_name, u.id LIMIT $first
  RETURN collect(u) AS students }
CALL () { MATCH (:CLASS {id: $course})-[:COVERS_CHAPTER]->(h)-[:HAS_THEORY]->(t)-[:HAS_SKILL]->(skill)
  WITH h, t, skill ORDER BY h.order, t.order, skill.name, skill.id LIMIT 100
  RETURN collect(skill) AS skills }
WITH students, skills, [s IN skills | [s.id, s.name]] AS columns
UNWIND skills AS skill
OPTIONAL MATCH (skill)<-[m:MASTERS_SKILL]-(u) WHERE u IN students
WITH students, columns, u, collect(CASE WHEN m IS NULL THEN NULL
  ELSE [skill.id, m.current_mastery, m.mastery_category] END) AS cells
WITH students, columns, collect([u.id, cells]) AS rows
RETURN columns, [u IN students | [u.id, u.first_name, u.last_name]], rows
"""


def global_id(prefix: str) -> Callable[[object], str]:
    """Return a function from a key to the id that clients see."""
    head = prefix + ":"

    def encode(key: object) -> str:
        return (
            b2a_base64(f"{head}{key}".encode(), newline=False)
            .decode("ascii")
            .rstrip("=")
            .replace("+", "-")
            .replace("/", "_")
        )

    return encode


course_id, chapter_id, theory_id = global_id("course"), global_id("ch"), global_id("th")
skill_id, concept_id, user_id = global_id("skill"), global_id("con"), global_id("user")


def key_of(given: str) -> str:
    """Return the key in a global id."""
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(":")[2]


def skills_of(rows: list[Any]) -> list[Any]:
    return [{"id": skill_id(i), "name": n, "description": d, "version": v} for i, n, d, v in rows]


def theories_of(rows: list[Any]) -> list[Any]:
    return [
        {
            "id": theory_id(i),
            "name": n,
            "summary": s,
            "order": o,
            "skills": skills_of(skills),
            "mentions": [
                {"concept": {"id": concept_id(k), "name": name, "definition": d}} for k, name, d in concepts
            ],
        }
        for i, n, s, o, skills, concepts in rows
    ]


def chapter_of(row: list[Any]) -> dict[str, Any]:
    i, n, d, o, theories = row
    return {"id": chapter_id(i), "name": n, "description": d, "order": o, "theories": theories_of(theories)}


def small(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    i, n, s, o, v, skills = rows[0]
    theory = {"id": theory_id(i), "name": n, "summary": s, "order": o, "version": v}
    return {"theory": {**theory, "skills": skills_of(skills)}}


def mid(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    return {"chapter": chapter_of(rows[0])}


def outline(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    return {"chapterSequence": [chapter_of(row) for row in rows[0][0]]}


def big(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    i, title, description, level, version, chapters = rows[0]
    course = {"id": course_id(i), "title": title, "description": description, "level": level}
    return {"course": {**course, "version": version, "chapters": [chapter_of(row) for row in chapters]}}


def mastery(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    return {
        "chapterSequence": [
            {
                "name": chapter,
                "theories": [
                    {
                        "name": theory,
                        "skills": [
                            {
                                "id": skill_id(i),
                                "name": n,
                                "mastery": {
                                    "currentMastery": value,
                                    "confidence": confidence or 0.0,
                                    "masteryCategory": category or "NOT_STARTED",
                                    "numAssessments": count or 0,
                                },
                            }
                            for i, n, value, confidence, category, count in skills
                        ],
                    }
                    for theory, skills in theories
                ],
            }
            for chapter, theories in rows
        ]
    }


def mastery_page(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    nodes = [
        {
            "currentMastery": value,
            "confidence": confidence or 0.0,
            "masteryCategory": category or "NOT_STARTED",
            "numAssessments": count or 0,
            "skill": {
                "id": skill_id(i),
                "name": n,
                "theories": [{"name": theory, "chapter": {"name": chapter}}],
            },
        }
        for i, n, theory, chapter, value, confidence, category, count in rows
    ]
    return {"studentMastery": {"nodes": nodes}}


def class_page(rows: list[list[Any]], _: dict[str, Any]) -> Any:
    columns, students, found = rows[0]
    cells = {user: {skill: (value, category) for skill, value, category in row} for user, row in found}
    none = (None, "NOT_STARTED")
    edges = []
    for i, first, last in students:
        have = cells.get(i, {})
        edges.append(
            {
                "node": {"student": {"id": user_id(i), "firstName": first, "lastName": last}},
                "cells": [
                    {"currentMastery": value, "masteryCategory": category}
                    for value, category in (have.get(skill, none) for skill, _ in columns)
                ],
            }
        )
    skills = [{"id": skill_id(i), "name": n} for i, n in columns]
    return {"classMastery": {"skills": skills, "edges": edges}}


def by_key(variables: dict[str, Any]) -> dict[str, Any]:
    return {"id": key_of(variables["id"])}


def by_course(variables: dict[str, Any]) -> dict[str, Any]:
    return {"id": int(key_of(variables["id"]))}


def by_student(variables: dict[str, Any]) -> dict[str, Any]:
    student = variables.get("studentId")
    return {
        "course": int(key_of(variables["id"])),
        "student": int(key_of(student)) if student else None,
        "first": variables.get("first"),
    }


SHAPES = {
    "small": (SMALL, by_key, small),
    "mid": (MID, by_key, mid),
    "outline": (OUTLINE, by_course, outline),
    "big": (BIG, by_course, big),
    "mastery": (MASTERY, by_student, mastery),
    "mastery_page": (MASTERY_PAGE, by_student, mastery_page),
    "class_page": (CLASS, by_student, class_page),
}

driver: neo4j.AsyncDriver


def route(text: str, bind: Callable[..., Any], shape: Callable[..., Any]) -> Any:
    async def answer(request: Request) -> Response:
        variables = orjson.loads(await request.body())
        async with driver.session(database="neo4j", default_access_mode="READ") as session:
            rows = await (await session.run(text, bind(variables))).values()
        return Response(orjson.dumps({"data": shape(rows, variables)}), media_type="application/json")

    return answer


async def health(_: Request) -> Response:
    return Response(b"ok")


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    global driver
    driver = neo4j.AsyncGraphDatabase.driver(
        os.environ["NEO4J_URI"],
        auth=("neo4j", os.environ["NEO4J_PASSWORD"]),
        notifications_min_severity="OFF",
        telemetry_disabled=True,
    )
    await driver.verify_connectivity()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    yield
    await driver.close()


app = Starlette(
    routes=[
        Route("/health", health),
        *(Route(f"/{name}", route(*parts), methods=["POST"]) for name, parts in SHAPES.items()),
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
