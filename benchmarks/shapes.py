"""What is asked: the operation of each shape, its variables, and the same question in each peer's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.dataset import FIRST_STUDENT_ID, TEACHER_ID, Size, global_id, key

SKILL = "id name description version"
THEORY = f"id name summary order skills {{ {SKILL} }} mentions {{ concept {{ id name definition }} }}"
CHAPTER = f"id name description order theories {{ {THEORY} }}"
# No moment among them: @neo4j/graphql needs the APOC plug-in for a DateTime of a relationship.
CELL = "currentMastery confidence masteryCategory numAssessments"

SMALL = (
    f"query Small($id: ID!) {{ theory(id: $id) {{ id name summary order version skills {{ {SKILL} }} }} }}"
)
MID = f"query Mid($id: ID!) {{ chapter(id: $id) {{ {CHAPTER} }} }}"
OUTLINE = f"query Outline($id: ID!) {{ chapterSequence(courseId: $id) {{ {CHAPTER} }} }}"
BIG = (
    "query Big($id: ID!) { course(id: $id) { id title description level version "
    f"chapters {{ {CHAPTER} }} }} }}"
)
MASTERY = (
    "query Mastery($id: ID!, $studentId: ID) { chapterSequence(courseId: $id) { name theories { name "
    f"skills {{ id name mastery(studentId: $studentId) {{ {CELL} }} }} }} }} }}"
)
MASTERY_PAGE = (
    "query MasteryPage($id: ID!, $studentId: ID, $first: Int) { studentMastery(courseId: $id, "
    f"studentId: $studentId, first: $first) {{ nodes {{ {CELL} "
    "skill { id name theories { name chapter { name } } } } } }"
)
CLASS_PAGE = (
    "query ClassPage($id: ID!, $first: Int) { classMastery(courseId: $id, first: $first) { "
    "skills { id name } edges { node { student { id firstName lastName } } "
    "cells { currentMastery masteryCategory } } } }"
)

PAGE_ROWS = 100  # the longest page that the API gives
CLASS_ROWS = 30


@dataclass(frozen=True, slots=True)
class Shape:
    """One question. `variables` are sent in turn."""

    name: str
    title: str
    document: str
    viewer: int
    variables: Callable[[Size], list[dict[str, Any]]]


def _theories(size: Size) -> list[dict[str, Any]]:
    places = [(1, chapter, theory) for chapter in range(size.chapters) for theory in range(size.theories)]
    return [{"id": global_id("th", key("theory", *place))} for place in places]


def _chapters(size: Size) -> list[dict[str, Any]]:
    return [{"id": global_id("ch", key("chapter", 1, chapter))} for chapter in range(size.chapters)]


def _courses(size: Size) -> list[dict[str, Any]]:
    return [{"id": global_id("course", course)} for course in (1, min(2, size.courses))]


def _student(size: Size) -> list[dict[str, Any]]:
    return [{"id": global_id("course", 1), "studentId": global_id("user", FIRST_STUDENT_ID)}]


def _student_page(size: Size) -> list[dict[str, Any]]:
    return [{**each, "first": PAGE_ROWS} for each in _student(size)]


def _class(size: Size) -> list[dict[str, Any]]:
    return [{"id": global_id("course", 1), "first": CLASS_ROWS}]


SHAPES: tuple[Shape, ...] = (
    Shape("small", "one theory with its 4 skills", SMALL, FIRST_STUDENT_ID, _theories),
    Shape("mid", "a chapter, 5 theories x (4 skills + 6 concepts)", MID, FIRST_STUDENT_ID, _chapters),
    Shape(
        "outline",
        "30 chapters x 5 theories x (4 skills + 6 concepts), from the graph alone",
        OUTLINE,
        FIRST_STUDENT_ID,
        _courses,
    ),
    Shape("big", "the same below its course, which SQL answers", BIG, FIRST_STUDENT_ID, _courses),
    Shape(
        "mastery",
        "a student's mastery of 600 skills, by chapter and theory",
        MASTERY,
        FIRST_STUDENT_ID,
        _student,
    ),
    Shape(
        "mastery_page",
        "the first 100 of those skills as a page",
        MASTERY_PAGE,
        FIRST_STUDENT_ID,
        _student_page,
    ),
    Shape("class_page", "30 students x 100 skills", CLASS_PAGE, TEACHER_ID, _class),
)
