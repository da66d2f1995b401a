"""Plain Strawberry: a resolver for each field, data loaders for each edge, the driver; no projection.

What a careful team would write without a compiler: one statement for each level of a question, positional
lists, cached parsing and validation, orjson, uvloop. No accounts, no policy, no limits.
Environment: NEO4J_URI, NEO4J_PASSWORD, PORT.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import gc
import os
from binascii import b2a_base64
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import neo4j
import orjson
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import Info

COURSES = "MATCH (c:CLASS) WHERE c.id IN $keys RETURN c.id, c.title, c.description, c.level, c.version"
CHAPTERS = "MATCH (h:CHAPTER) WHERE h.id IN $keys RETURN h.id, h.name, h.description, h.order"
THEORIES = "MATCH (t:THEORY) WHERE t.id IN $keys RETURN t.id, t.name, t.summary, t.order, t.version"
CHAPTERS_OF = """MATCH (c:CLASS)-[:COVERS_CHAPTER]->(h) WHERE c.id IN $keys
RETURN c.id, h.id, h.name, h.description, h.order ORDER BY h.order, h.id"""
THEORIES_OF = """MATCH (h:CHAPTER)-[:HAS_THEORY]->(t) WHERE h.id IN $keys
RETURN h.id, t.id, t.name, t.summary, t.order, t.version ORDER BY t.order, t.id"""
SKILLS_OF = """MATCH (t:THEORY)-[:HAS_SKILL]->(s) WHERE t.id IN $keys
RETURN t.id, s.id, s.name, s.description, s.version ORDER BY s.name, s.id"""
CONCEPTS_OF = """MATCH (t:THEORY)-[:HAS_CONCEPT]->(k) WHERE t.id IN $keys
RETURN t.id, k.id, k.name, k.definition ORDER BY k.name, k.id"""
THEORIES_OF_SKILLS = """MATCH (s:SKILL)<-[:HAS_SKILL]-(t)<-[:HAS_THEORY]-(h) WHERE s.id IN $keys
RETURN s.id, t.id, t.name, t.summary, t.order, t.version ORDER BY h.order, t.order, t.id"""
CHAPTER_OF = """MATCH (t:THEORY)<-[:HAS_THEORY]-(h) WHERE t.id IN $keys
RETURN t.id, h.id, h.name, h.description, h.order"""
CELLS = """MATCH (u:STUDENT)-[m:MASTERS_SKILL]->(s:SKILL) WHERE u.id IN $students AND s.id IN $skills
RETURN u.id, s.id, m.current_mastery, m.confidence, m.mastery_category, m.num_assessments"""
SKILLS_OF_COURSE = """
MATCH (:CLASS {id: $course})-[:COVERS_CHAPTER]->(h)-[:HAS_THEORY]->(t)-[:HAS_SKILL]->(s)
RETURN s.id, s.name, s.description, s.version ORDER BY h.order, t.order, s.name, s.id LIMIT $first"""
STUDENTS_OF_COURSE = """
MATCH (u)-[:ENROLLED_IN_CLASS]->(:CLASS {id: $course})
RETURN u.id, u.first_name, u.last_name ORDER BY u.last_name, u.first_name, u.id LIMIT $first"""

driver: neo4j.AsyncDriver


async def read(text: str, **parameters: Any) -> list[list[Any]]:
    async with driver.session(database="neo4j", default_access_mode="READ") as session:
        return await (await session.run(text, parameters)).values()


def global_id(prefix: str, key: object) -> str:
    text = b2a_base64(f"{prefix}:{key}".encode(), newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def key_of(given: str) -> str:
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(":")[2]


def of(cls: Any, row: Any) -> Any:
    """Return an object of a type from a row in the order of its attributes."""
    return cls(**dict(zip(names(cls), row, strict=False)))


@functools.cache
def names(cls: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.init]


class Loaders:
    """One data loader for each edge; made for each request."""

    def __init__(self) -> None:
        self.courses = one(COURSES, Course)
        self.chapters = one(CHAPTERS, Chapter)
        self.theories = one(THEORIES, Theory)
        self.chapters_of = many(CHAPTERS_OF, Chapter)
        self.theories_of = many(THEORIES_OF, Theory)
        self.skills_of = many(SKILLS_OF, Skill)
        self.mentions_of = many(CONCEPTS_OF, Concept, mention)
        self.theories_of_skills = many(THEORIES_OF_SKILLS, Theory)
        self.chapter_of = many(CHAPTER_OF, Chapter)
        self.cells: DataLoader[tuple[int, str], SkillMastery] = DataLoader(load_fn=load_cells)


def one(text: str, cls: Any) -> DataLoader[Any, Any]:
    async def load(keys: list[Any]) -> list[Any]:
        found = {row[0]: of(cls, row) for row in await read(text, keys=keys)}
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


def many(text: str, cls: Any, make: Any = None) -> DataLoader[Any, list[Any]]:
    async def load(keys: list[Any]) -> list[list[Any]]:
        found: dict[Any, list[Any]] = defaultdict(list)
        for key, *row in await read(text, keys=keys):
            found[key].append(make(row) if make else of(cls, row))
        return [found[key] for key in keys]

    return DataLoader(load_fn=load)


async def load_cells(keys: list[tuple[int, str]]) -> list[SkillMastery]:
    students = sorted({student for student, _ in keys})
    skills = list(dict.fromkeys(skill for _, skill in keys))
    rows = await read(CELLS, students=students, skills=skills)
    found = {(row[0], row[1]): row for row in rows}
    return [of(SkillMastery, found.get(key, (*key, None, 0.0, "NOT_STARTED", 0))) for key in keys]


@strawberry.type
class Concept:
    key: strawberry.Private[str]
    name: str
    definition: str | None

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("con", self.key))


@strawberry.type
class ConceptMention:
    concept: Concept


def mention(row: Any) -> ConceptMention:
    return ConceptMention(concept=of(Concept, row))


@strawberry.type
class SkillMastery:
    student: strawberry.Private[int]
    skill_key: strawberry.Private[str]
    current_mastery: float | None
    confidence: float
    mastery_category: str
    num_assessments: int
    held: strawberry.Private[Any] = None

    @strawberry.field
    def skill(self) -> Skill:
        return self.held


@strawberry.type
class Skill:
    key: strawberry.Private[str]
    name: str
    description: str | None
    version: int

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("skill", self.key))

    @strawberry.field
    async def theories(self, info: Info) -> list[Theory]:
        return await info.context.theories_of_skills.load(self.key)

    @strawberry.field
    async def mastery(self, info: Info, student_id: strawberry.ID | None = None) -> SkillMastery | None:
        return await info.context.cells.load((int(key_of(student_id)), self.key)) if student_id else None


@strawberry.type
class Theory:
    key: strawberry.Private[str]
    name: str
    summary: str | None
    order: int
    version: int

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("th", self.key))

    @strawberry.field
    async def chapter(self, info: Info) -> Chapter:
        return (await info.context.chapter_of.load(self.key))[0]

    @strawberry.field
    async def skills(self, info: Info) -> list[Skill]:
        return await info.context.skills_of.load(self.key)

    @strawberry.field
    async def mentions(self, info: Info) -> list[ConceptMention]:
        return await info.context.mentions_of.load(self.key)


@strawberry.type
class Chapter:
    key: strawberry.Private[str]
    name: str
    description: str | None
    order: int

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("ch", self.key))

    @strawberry.field
    async def theories(self, info: Info) -> list[Theory]:
        return await info.context.theories_of.load(self.key)


@strawberry.type
class Course:
    key: strawberry.Private[int]
    title: str
    description: str | None
    level: str
    version: int

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("course", self.key))

    @strawberry.field
    async def chapters(self, info: Info) -> list[Chapter]:
        return await info.context.chapters_of.load(self.key)


@strawberry.type
class Student:
    key: strawberry.Private[int]
    first_name: str
    last_name: str

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id("user", self.key))


@strawberry.type
class Enrollment:
    student: Student


Item = TypeVar("Item")


@strawberry.type
class Nodes(Generic[Item]):
    nodes: list[Item]


@strawberry.type
class ClassRow:
    node: Enrollment
    columns: strawberry.Private[list[Skill]]

    @strawberry.field
    async def cells(self, info: Info) -> list[SkillMastery]:
        student = self.node.student.key
        return await info.context.cells.load_many([(student, skill.key) for skill in self.columns])


@strawberry.type
class ClassMastery:
    skills: list[Skill]
    edges: list[ClassRow]


@strawberry.type
class Query:
    @strawberry.field
    async def theory(self, info: Info, id: strawberry.ID) -> Theory | None:
        return await info.context.theories.load(key_of(id))

    @strawberry.field
    async def chapter(self, info: Info, id: strawberry.ID) -> Chapter | None:
        return await info.context.chapters.load(key_of(id))

    @strawberry.field
    async def course(self, info: Info, id: strawberry.ID) -> Course | None:
        return await info.context.courses.load(int(key_of(id)))

    @strawberry.field
    async def chapter_sequence(self, info: Info, course_id: strawberry.ID) -> list[Chapter]:
        return await info.context.chapters_of.load(int(key_of(course_id)))

    @strawberry.field
    async def student_mastery(
        self,
        info: Info,
        course_id: strawberry.ID,
        student_id: strawberry.ID | None = None,
        first: int | None = None,
    ) -> Nodes[SkillMastery]:
        rows = await read(SKILLS_OF_COURSE, course=int(key_of(course_id)), first=first)
        skills = [of(Skill, row) for row in rows]
        student = int(key_of(student_id or ""))
        cells = await info.context.cells.load_many([(student, skill.key) for skill in skills])
        for cell, skill in zip(cells, skills, strict=True):
            cell.held = skill
        return Nodes(nodes=cells)

    @strawberry.field
    async def class_mastery(self, course_id: strawberry.ID, first: int | None = None) -> ClassMastery:
        course = int(key_of(course_id))
        skills = [of(Skill, row) for row in await read(SKILLS_OF_COURSE, course=course, first=100)]
        students = [of(Student, row) for row in await read(STUDENTS_OF_COURSE, course=course, first=first)]
        edges = [ClassRow(node=Enrollment(student=each), columns=skills) for each in students]
        return ClassMastery(skills=skills, edges=edges)


class Door(GraphQL[Loaders, None]):
    async def get_context(self, request: Any, response: Any) -> Loaders:
        return Loaders()

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


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


schema = strawberry.Schema(query=Query, extensions=[ParserCache(maxsize=100), ValidationCache(maxsize=100)])
door = Door(schema)
app = Starlette(routes=[Route("/health", health), Route("/graphql", door)], lifespan=lifespan)

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
