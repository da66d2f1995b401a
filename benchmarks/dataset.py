"""The data that everything is measured on: written to SQL in bulk, then mirrored to the graph by the product.

Every id and value follows from its place, so that two runs ask the same questions and a peer needs no list.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from graph.client import GraphClient, GraphConfig
from graph.errors import GraphUnavailable
from mirror import projection
from sql import passwords
from sql.models import (
    Base,
    Chapter,
    Concept,
    ConceptMention,
    Course,
    CourseLevel,
    Credential,
    Enrollment,
    Kind,
    Mastery,
    MasteryCategory,
    MasteryTrend,
    PublicationStatus,
    Role,
    Skill,
    SkillTheory,
    SyncRecord,
    Theory,
    User,
)
from sql.session import Database, migrate

NAMESPACE = uuid.UUID("6f1d5c1e-2f2a-4a8e-9d53-0b8d5f3a7c10")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TEACHER_ID = 1
FIRST_STUDENT_ID = 2  # enrolled in every course, and has mastered something of every skill of course 1
PASSWORD = "a long benchmark passphrase"
ROWS_AT_ONCE = 5_000
RECORDS_AT_ONCE = 2_000
WRITE_SECONDS = 300.0
SCHEMA_ATTEMPTS = 20
# The table and not the class, whose insert would take None for "not given": a clean record has no next attempt.
SYNC_RECORDS = insert(SyncRecord.__table__)

CATEGORIES = (
    MasteryCategory.STRUGGLING,
    MasteryCategory.DEVELOPING,
    MasteryCategory.PROFICIENT,
    MasteryCategory.MASTERED,
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each record; skills and concepts are counted for each theory.

    `odd` are the chapters of further courses, which only the cost against the answer's size asks for.
    """

    name: str
    courses: int
    students: int
    masteries: int
    chapters: int = 30
    theories: int = 5
    skills: int = 4
    concepts: int = 6
    odd: tuple[int, ...] = ()

    def chapters_of(self, course: int) -> int:
        """Return the number of chapters of a course."""
        return self.chapters if course <= self.courses else self.odd[course - self.courses - 1]

    @property
    def all_courses(self) -> range:
        """Return the ids of all courses."""
        return range(1, self.courses + len(self.odd) + 1)


SIZES = {
    "full": Size("full", courses=20, students=2_000, masteries=100_000, odd=(2, 18, 180)),
    "quick": Size("quick", courses=2, students=200, masteries=10_000, odd=(2, 18)),
    "growth": Size("growth", courses=1, students=20, masteries=1_000),
}


def key(kind: str, *place: int) -> str:
    """Return the uuid of the record at a place, such as key("skill", course, chapter, theory, number)."""
    return str(uuid.uuid5(NAMESPACE, ":".join([kind, *map(str, place)])))


def global_id(prefix: str, *parts: object) -> str:
    """Return the id that the API shows for a key."""
    text = ":".join([prefix, *map(str, parts)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def email(user_id: int) -> str:
    """Return the address that an account logs in with."""
    return f"user{user_id}@example.org"


def theories(size: Size) -> Iterator[tuple[int, int, int]]:
    """Yield (course, chapter, theory) for every theory, in order."""
    for course in size.all_courses:
        for chapter in range(size.chapters_of(course)):
            for theory in range(size.theories):
                yield course, chapter, theory


def course_of(size: Size, student_id: int) -> int:
    """Return the course in which a student works."""
    return (student_id - FIRST_STUDENT_ID) % size.courses + 1


def _times(minutes: int = 0) -> dict[str, Any]:
    moment = START + timedelta(minutes=minutes)
    return {"created_at": moment, "updated_at": moment, "version": 1}


def _users(size: Size) -> Iterator[dict[str, Any]]:
    for user_id in range(1, size.students + FIRST_STUDENT_ID):
        role = Role.TEACHER if user_id == TEACHER_ID else Role.STUDENT
        yield {
            "id": user_id,
            "email": email(user_id),
            "first_name": f"Given{user_id % 97}",
            "last_name": f"Family{user_id:05}",
            "role": role,
            "active": True,
            **_times(),
        }


def _courses(size: Size) -> Iterator[dict[str, Any]]:
    for course in size.all_courses:
        yield {
            "id": course,
            "teacher_id": TEACHER_ID,
            "title": f"Course {course:02}",
            "description": f"What course {course} is about, in a sentence of usual length.",
            "level": CourseLevel.MASTER,
            "publication_status": PublicationStatus.PUBLISHED,
            **_times(),
        }


def _enrollments(size: Size) -> Iterator[dict[str, Any]]:
    number = 0
    for student_id in range(FIRST_STUDENT_ID, size.students + FIRST_STUDENT_ID):
        everywhere = student_id == FIRST_STUDENT_ID
        for course in size.all_courses if everywhere else (course_of(size, student_id),):
            number += 1
            row = {"id": number, "course_id": course, "student_id": student_id}
            yield {**row, "enrolled_at": START, **_times()}


def _chapters(size: Size) -> Iterator[dict[str, Any]]:
    for course in size.all_courses:
        for chapter in range(size.chapters_of(course)):
            yield {
                "id": key("chapter", course, chapter),
                "course_id": course,
                "name": f"Chapter {chapter + 1} of course {course}",
                "description": "What the chapter is about, in a sentence.",
                "order": chapter,
                **_times(),
            }


def _theories(size: Size) -> Iterator[dict[str, Any]]:
    for course, chapter, theory in theories(size):
        yield {
            "id": key("theory", course, chapter, theory),
            "course_id": course,
            "chapter_id": key("chapter", course, chapter),
            "name": f"Theory {chapter + 1}.{theory + 1}",
            "summary": "What the theory says, in brief: a sentence or two that a reader sees first.",
            "order": theory,
            **_times(),
        }


def _skills(size: Size) -> Iterator[dict[str, Any]]:
    for place in theories(size):
        for number in range(size.skills):
            name = f"Apply {place[1] + 1}.{place[2] + 1}.{number + 1}"
            yield {
                "id": key("skill", *place, number),
                "course_id": place[0],
                "name": name,
                "name_key": name.casefold(),
                "description": "What exactly is mastered, in a sentence.",
                **_times(),
            }


def _skill_theories(size: Size) -> Iterator[dict[str, Any]]:
    for place in theories(size):
        for number in range(size.skills):
            yield {"skill_id": key("skill", *place, number), "theory_id": key("theory", *place)}


def _concepts(size: Size) -> Iterator[dict[str, Any]]:
    for place in theories(size):
        for number in range(size.concepts):
            name = f"Concept {place[1] + 1}.{place[2] + 1}.{number + 1}"
            yield {
                "id": key("concept", *place, number),
                "course_id": place[0],
                "name": name,
                "key": name.casefold(),
                "definition": "What it means in this course, in one sentence of usual length.",
                "aliases": [],
                "by_hand": True,
                **_times(),
            }


def _mentions(size: Size) -> Iterator[dict[str, Any]]:
    for place in theories(size):
        for number in range(size.concepts):
            yield {
                "theory_id": key("theory", *place),
                "concept_id": key("concept", *place, number),
                "definition": "What the theory says of it.",
                "text_evidence": "A quote from the text.",
                "source_document": "chapter.pdf",
                **_times(),
            }


def _mastery(student_id: int, place: tuple[int, int, int, int]) -> dict[str, Any]:
    # Spread over 0..1 without a pattern that a sort would find.
    value = (student_id * 7919 + (place[1] * 211 + place[2] * 37 + place[3] * 11)) % 1_000 / 1_000
    moment = START + timedelta(minutes=(student_id * 13 + place[1] * 7 + place[3]) % 40_000)
    return {
        "student_id": student_id,
        "skill_id": key("skill", *place),
        "course_id": place[0],
        "current_mastery": value,
        "confidence": 0.25 + value / 2,
        "predicted_next": 0.1 + 0.8 * value,
        "trend": MasteryTrend.STABLE,
        "num_assessments": 3,
        "mastery_category": CATEGORIES[int(value * 4)],
        "assessed_at": moment,
        "state": {},
        **_times(),
    }


def _masteries(size: Size) -> Iterator[dict[str, Any]]:
    """Yield exactly `size.masteries` rows: the first student has all of course 1, the rest a like share."""
    skills = {
        course: [
            (course, chapter, theory, number)
            for chapter in range(size.chapters)
            for theory in range(size.theories)
            for number in range(size.skills)
        ]
        for course in range(1, size.courses + 1)
    }
    for place in skills[1]:
        yield _mastery(FIRST_STUDENT_ID, place)
    others = size.students - 1
    rest = size.masteries - len(skills[1])
    for number in range(others):
        student_id = FIRST_STUDENT_ID + 1 + number
        count = rest // others + (number < rest % others)
        for place in skills[course_of(size, student_id)][:count]:
            yield _mastery(student_id, place)


TABLES: tuple[tuple[type[Base], Any], ...] = (
    (User, _users),
    (Course, _courses),
    (Enrollment, _enrollments),
    (Chapter, _chapters),
    (Theory, _theories),
    (Skill, _skills),
    (SkillTheory, _skill_theories),
    (Concept, _concepts),
    (ConceptMention, _mentions),
    (Mastery, _masteries),
)


async def write_sql(url: str, size: Size) -> int:
    """Fill an empty database; return the number of rows."""
    await migrate(url)
    database = Database(url)
    written = 0
    try:
        hashed = await passwords.hash_password(PASSWORD)
        async with database.write() as session:
            for model, rows in TABLES:
                iterator = rows(size)
                while batch := list(islice(iterator, ROWS_AT_ONCE)):
                    await session.execute(insert(model), batch)
                    written += len(batch)
            await session.execute(
                insert(Credential),
                [{"user_id": user_id, "password_hash": hashed} for user_id in (TEACHER_ID, FIRST_STUDENT_ID)],
            )
    finally:
        await database.dispose()
    return written


def records(size: Size) -> dict[Kind, Iterator[str]]:
    """Return the keys of all mirrored records, as the sync state has them."""
    return {
        Kind.USER: (str(row["id"]) for row in _users(size)),
        Kind.COURSE: (str(row["id"]) for row in _courses(size)),
        Kind.ENROLLMENT: (f"{row['course_id']}:{row['student_id']}" for row in _enrollments(size)),
        Kind.CHAPTER: (row["id"] for row in _chapters(size)),
        Kind.CHAPTER_SEQUENCE: (str(row["id"]) for row in _courses(size)),
        Kind.THEORY: (row["id"] for row in _theories(size)),
        Kind.THEORY_SEQUENCE: (row["id"] for row in _chapters(size)),
        Kind.SKILL: (row["id"] for row in _skills(size)),
        Kind.CONCEPT: (row["id"] for row in _concepts(size)),
        Kind.CONCEPT_MENTION: (f"{row['theory_id']}:{row['concept_id']}" for row in _mentions(size)),
        Kind.MASTERY: (f"{row['student_id']}:{row['skill_id']}" for row in _masteries(size)),
    }


async def mirror(url: str, size: Size, graph: GraphConfig, progress: Callable[[str], None]) -> int:
    """Bring a graph that has none of it to what SQL says; return the number of records.

    The product's own projections and statements, in larger batches than its worker takes; the sync state
    says "applied", as it would after a rebuild.
    """
    database, client = Database(url), GraphClient.open(graph)
    done = 0
    try:
        await _schema(client)
        keys_of = records(size)
        for kind in projection.KINDS_BY_RANK:
            count = 0
            while keys := list(islice(keys_of.get(kind, iter(())), RECORDS_AT_ONCE)):
                async with database.write() as session:
                    await session.execute(SYNC_RECORDS, [_applied(kind, each) for each in keys])
                async with database.read() as session:
                    plan = await projection.plan(session, {kind: keys})
                await client.write(plan.statements, deadline_seconds=WRITE_SECONDS)
                count += len(keys)
            if count:
                progress(f"{count} {kind.value.lower()} records in the graph")
            done += count
    finally:
        await client.close()
        await database.dispose()
    return done


async def _schema(client: GraphClient) -> None:
    """Make constraints and indexes; a server that has just started may take longer than its first deadlines."""
    for _ in range(SCHEMA_ATTEMPTS):
        try:
            await client.ensure_schema(deadline_seconds=WRITE_SECONDS)
        except GraphUnavailable:
            await asyncio.sleep(2)
        else:
            return
    raise GraphUnavailable("timeout")


def _applied(kind: Kind, record: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "key": record,
        "version": 1,
        "applied_version": 1,
        "projection_version": projection.PROJECTION_VERSION,
        "next_attempt_at": None,
        "changed_at": START,
        "applied_at": START,
    }
