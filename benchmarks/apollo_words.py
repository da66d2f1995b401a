"""The shapes' questions in the words of @neo4j/graphql, and its answers in the form of the API's.

Sorted as the API sorts. Mastery and the class page start at the students: one filtered connection for each
student, instead of one below each skill of the course.
"""

from __future__ import annotations

import base64
from typing import Any

SKILLS = "skills(sort: [{name: ASC}]) { id name description version }"
THEORIES = (
    f"theories(sort: [{{order: ASC}}]) {{ id name summary order {SKILLS} "
    "concepts(sort: [{name: ASC}]) { id name definition } }"
)
CHAPTERS = f"chapters(sort: [{{order: ASC}}]) {{ id name description order {THEORIES} }}"
CELL = "properties { currentMastery confidence masteryCategory numAssessments }"
PLACE = "id name theories { name order chapters { name order } }"
MINE = f"""students(where: {{id: {{eq: $student}}}}) {{
    skillsConnection(where: {{node: {{courseId: {{eq: $course}}}}}}) {{ edges {{ {CELL} node {{ {PLACE} }} }} }}
  }}"""

DOCUMENTS = {
    "small": f"""query Small($id: ID!) {{
  theories(where: {{id: {{eq: $id}}}}) {{ id name summary order version {SKILLS} }}
}}""",
    "mid": f"""query Mid($id: ID!) {{
  chapters(where: {{id: {{eq: $id}}}}) {{ id name description order {THEORIES} }}
}}""",
    "outline": f"query Outline($course: Int!) {{ courses(where: {{id: {{eq: $course}}}}) {{ {CHAPTERS} }} }}",
    "big": f"""query Big($course: Int!) {{
  courses(where: {{id: {{eq: $course}}}}) {{ id title description level version {CHAPTERS} }}
}}""",
    "mastery": f"query Mastery($course: Int!, $student: Int!) {{ {MINE} }}",
    # The library cannot sort by a node that is two edges away: it gives the whole list and the client cuts it.
    "mastery_page": f"query MasteryPage($course: Int!, $student: Int!) {{ {MINE} }}",
    "class_page": """query ClassPage($course: Int!, $first: Int!) {
  courses(where: {id: {eq: $course}}) {
    chapters(sort: [{order: ASC}], limit: 5) {
      theories(sort: [{order: ASC}]) { skills(sort: [{name: ASC}]) { id name } }
    }
    students(sort: [{lastName: ASC}, {firstName: ASC}, {id: ASC}], limit: $first) {
      id firstName lastName
      skillsConnection(where: {node: {theories: {some: {chapters: {some: {
        order: {lt: 5}, courses: {some: {id: {eq: $course}}}}}}}}}) {
        edges { properties { currentMastery masteryCategory } node { id } }
      }
    }
  }
}""",
}


def variables(given: dict[str, Any]) -> dict[str, Any]:
    """Return the variables with plain keys."""
    asked: dict[str, Any] = {}
    kind, key = _parts(given["id"])
    asked |= {"course": int(key)} if kind == "course" else {"id": key}
    if "studentId" in given:
        asked["student"] = int(_parts(given["studentId"])[1])
    elif "first" in given:
        asked["first"] = given["first"]
    return asked


def _parts(given: str) -> tuple[str, str]:
    kind, _, key = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(":")
    return kind, key


def answer(shape: str, data: Any) -> Any:
    """Return the answer as the API words it."""
    if shape == "small":
        return {"theory": data["theories"][0]}
    if shape == "mid":
        return {"chapter": _chapter(data["chapters"][0])}
    if shape == "outline":
        return {"chapterSequence": [_chapter(each) for each in data["courses"][0]["chapters"]]}
    if shape == "big":
        course = data["courses"][0]
        return {"course": {**course, "chapters": [_chapter(each) for each in course["chapters"]]}}
    if shape == "mastery":
        return _mastery(_edges(data))
    if shape == "mastery_page":
        return _mastery_page(_edges(data)[:100])
    return _class_page(data["courses"][0])


def _chapter(chapter: dict[str, Any]) -> dict[str, Any]:
    return {**chapter, "theories": [_theory(each) for each in chapter["theories"]]}


def _theory(theory: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in theory.items() if name != "concepts"}
    return {**kept, "mentions": [{"concept": each} for each in theory["concepts"]]}


def _edges(data: Any) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = data["students"][0]["skillsConnection"]["edges"]

    def place(edge: dict[str, Any]) -> tuple[int, int, str]:
        theory = edge["node"]["theories"][0]
        return theory["chapters"][0]["order"], theory["order"], edge["node"]["name"]

    return sorted(edges, key=place)


def _mastery(edges: list[dict[str, Any]]) -> dict[str, Any]:
    chapters: dict[str, dict[str, list[Any]]] = {}
    for edge in edges:
        node = edge["node"]
        theory = node["theories"][0]
        skills = chapters.setdefault(theory["chapters"][0]["name"], {}).setdefault(theory["name"], [])
        skills.append({"id": node["id"], "name": node["name"], "mastery": edge["properties"]})
    return {
        "chapterSequence": [
            {
                "name": chapter,
                "theories": [{"name": name, "skills": skills} for name, skills in theories.items()],
            }
            for chapter, theories in chapters.items()
        ]
    }


def _mastery_page(edges: list[dict[str, Any]]) -> dict[str, Any]:
    nodes = []
    for edge in edges:
        node = edge["node"]
        theories = [
            {"name": each["name"], "chapter": {"name": each["chapters"][0]["name"]}}
            for each in node["theories"]
        ]
        nodes.append(
            {**edge["properties"], "skill": {"id": node["id"], "name": node["name"], "theories": theories}}
        )
    return {"studentMastery": {"nodes": nodes}}


def _class_page(course: dict[str, Any]) -> dict[str, Any]:
    skills = [
        skill
        for chapter in course["chapters"]
        for theory in chapter["theories"]
        for skill in theory["skills"]
    ]
    none = {"currentMastery": None, "masteryCategory": "NOT_STARTED"}
    edges = []
    for student in course["students"]:
        have = {each["node"]["id"]: each["properties"] for each in student["skillsConnection"]["edges"]}
        person = {name: student[name] for name in ("id", "firstName", "lastName")}
        cells = [have.get(skill["id"], none) for skill in skills]
        edges.append({"node": {"student": person}, "cells": cells})
    return {"classMastery": {"skills": skills, "edges": edges}}
