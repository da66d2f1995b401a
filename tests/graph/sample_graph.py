"""Build one small graph, the same on every engine, and keep its records in plain Python.

Two courses (1 and 2), three students (11, 12, 13). Everything follows from counters, so that a test can
compute what it expects without asking an engine. Names tie on purpose: orders must fall back on the id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graph.client import GraphClient
from graph.statements import Statement

BORN_MILLIS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
BORN = "2026-01-01T00:00:00Z"
RELATION_TYPES = ("PREREQUISITE", "PART_OF", "IS_A", "USED_FOR", "RELATED_TO")
CATEGORIES = ("STRUGGLING", "DEVELOPING", "PROFICIENT", "MASTERED")


def _moment(minutes: int) -> str:
    return f"2026-02-{1 + minutes // 1440:02d}T{minutes // 60 % 24:02d}:{minutes % 60:02d}:00Z"


@dataclass
class Sample:
    """Hold the records of the sample graph, one list of flat dicts for each kind."""

    classes: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    enrolled: list[dict[str, Any]] = field(default_factory=list)
    chapters: list[dict[str, Any]] = field(default_factory=list)
    theories: list[dict[str, Any]] = field(default_factory=list)
    skills: list[dict[str, Any]] = field(default_factory=list)
    teaches: list[dict[str, Any]] = field(default_factory=list)
    concepts: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    requires: list[dict[str, Any]] = field(default_factory=list)
    relations: list[dict[str, Any]] = field(default_factory=list)
    prerequisites: list[dict[str, Any]] = field(default_factory=list)
    readings: list[dict[str, Any]] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    resource_theories: list[dict[str, Any]] = field(default_factory=list)
    covers: list[dict[str, Any]] = field(default_factory=list)
    masteries: list[dict[str, Any]] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)


def build_sample() -> Sample:
    """Return the records."""
    sample = Sample()
    for course in (1, 2):
        sample.classes.append({"id": course, "title": f"Course {course}"})
    sample.people = [{"id": person, "first_name": f"First {person}"} for person in (11, 12, 13)]
    sample.enrolled = [{"student": student, "course": 1} for student in (11, 12, 13)]
    for course, chapter_count in ((1, 4), (2, 2)):
        _add_curriculum(sample, course, chapter_count)
        _add_concepts(sample, course, 12 if course == 1 else 4)
    # The counters meet now and then; an edge is there once.
    sample.mentions = list({(row["theory"], row["concept"]): row for row in sample.mentions}.values())
    sample.requires = list({(row["skill"], row["concept"]): row for row in sample.requires}.values())
    sample.covers = list({(row["resource"], row["concept"]): row for row in sample.covers}.values())
    _add_mastery(sample)
    return sample


def _add_curriculum(sample: Sample, course: int, chapter_count: int) -> None:
    for c in range(chapter_count):
        chapter = f"ch-{course}-{c}"
        sample.chapters.append(
            {"id": chapter, "name": f"Chapter {c}", "order": c, "course_id": course,
             "description": None if c == 1 else f"About {c}", "version": c + 1}
        )  # fmt: skip
        for t in range(3):
            theory = f"th-{course}-{c}-{t}"
            sample.theories.append(
                {"id": theory, "name": f"Theory {c}.{t}", "order": t, "course_id": course, "chapter": chapter,
                 "summary": f"Says {c}.{t}", "version": 1}
            )  # fmt: skip
            for s in range(2):
                skill = f"sk-{course}-{c}-{t}-{s}"
                # Names tie across theories, and run against the order of the ids.
                sample.skills.append(
                    {"id": skill, "name": f"Do {'BA'[s]}{t}", "course_id": course, "version": 2,
                     "description": None if s else "Exactly"}
                )  # fmt: skip
                sample.teaches.append({"theory": theory, "skill": skill})
            kind = "READING" if t != 1 else "VIDEO"
            resource = {"id": f"re-{course}-{c}-{t}", "title": f"Title {2 - t}", "course_id": course,
                        "url": f"https://example.org/{course}/{c}/{t}", "version": 1}  # fmt: skip
            (sample.readings if kind == "READING" else sample.videos).append(resource)
            sample.resource_theories.append({"theory": theory, "resource": resource["id"], "kind": kind})
    # A skill taught twice, in two chapters; a skill of no theory.
    shared = f"sk-{course}-0-0-0"
    sample.teaches.append({"theory": f"th-{course}-1-1", "skill": shared})
    sample.teaches.append({"theory": f"th-{course}-0-2", "skill": shared})
    sample.skills.append(
        {
            "id": f"sk-{course}-loose",
            "name": "Be loose",
            "course_id": course,
            "version": 1,
            "description": None,
        }
    )
    skills = [k["id"] for k in sample.skills if k["course_id"] == course]
    for i in range(0, len(skills) - 3, 2):
        sample.prerequisites.append(
            {"prerequisite": skills[i], "dependent": skills[i + 3], "reason": f"Because {i}",
             "strength": 0.25 + (i % 3) / 4, "origin": "TEACHER" if i % 4 else "EXTRACTED"}
        )  # fmt: skip


def _add_concepts(sample: Sample, course: int, count: int) -> None:
    concepts = [f"co-{course}-{i:02d}" for i in range(count)]
    theories = [t["id"] for t in sample.theories if t["course_id"] == course]
    skills = [k["id"] for k in sample.skills if k["course_id"] == course]
    resources = [r for r in sample.resource_theories if r["resource"].startswith(f"re-{course}")]
    for i, concept in enumerate(concepts):
        name = f"Straße {i % 7}" if i % 5 == 0 else f"Concept {i % 7}"
        sample.concepts.append(
            {"id": concept, "name": name, "key": f"{name.casefold()}#{i}", "course_id": course, "version": 1,
             "definition": None if i % 3 else f"Means {i}",
             "aliases": [] if i % 2 else [f"Alias {i}", "Other Name"]}
        )  # fmt: skip
        for step in range(i % 4):
            sample.mentions.append(
                {"theory": theories[(i * 5 + step * 3) % len(theories)], "concept": concept,
                 "definition": f"Here {i}.{step}", "text_evidence": None if step else "“quote”",
                 "source_document": f"doc{step}.pdf"}
            )  # fmt: skip
        for step in range(i % 3):
            sample.requires.append({"skill": skills[(i * 3 + step) % len(skills)], "concept": concept})
        if i % 2 == 0:
            for step in range(2):
                link = resources[(i + step) % len(resources)]
                sample.covers.append({"resource": link["resource"], "concept": concept, "kind": link["kind"]})
        if i + 1 < count:
            sample.relations.append(
                {"source": concept, "target": concepts[i + 1], "type": RELATION_TYPES[i % 5],
                 "reason": f"Why {i}", "origin": "EXTRACTED"}
            )  # fmt: skip
        if i % 3 == 0 and i + 4 < count:
            sample.relations.append(
                {"source": concepts[i + 4], "target": concept, "type": RELATION_TYPES[(i + 2) % 5],
                 "reason": None, "origin": "TEACHER"}
            )  # fmt: skip
    # Two edges of different types between the same pair.
    sample.relations.append({"source": concepts[0], "target": concepts[1], "type": "RELATED_TO",
                             "reason": "Also", "origin": "TEACHER"})  # fmt: skip


def _add_mastery(sample: Sample) -> None:
    skills = [k["id"] for k in sample.skills if k["course_id"] == 1]
    for student in (11, 12):
        for i, skill in enumerate(skills):
            if (i + student) % 3 == 0:
                continue
            value = ((i * 7 + student) % 20) / 20
            minutes = (i * 37 + student) % 500
            sample.masteries.append(
                {"student": student, "skill": skill, "current_mastery": value, "confidence": (i % 5) / 8,
                 "predicted_next": value / 2, "trend": None if i % 2 else "STABLE",
                 "num_assessments": 1 + i % 3,
                 "mastery_category": CATEGORIES[min(3, int(value * 4))], "updated_at": _moment(minutes),
                 "updated_minutes": minutes}
            )  # fmt: skip
    for i in range(25):
        minutes = (i * 61) % 700
        sample.progress.append(
            {"id": f"pr-{i:02d}", "student": 11 + i % 2, "skill": skills[i % 9], "score": (i % 5) / 4,
             "correct": (i % 5) / 4 >= 0.5, "mastery_after": (i % 10) / 10, "assessed_at": _moment(minutes),
             "recorded_at": _moment(minutes + 1), "assessed_minutes": minutes}
        )  # fmt: skip


MOMENT_ZERO_MILLIS = 1_769_904_000_000  # 2026-02-01T00:00:00Z, minute 0 of _moment

_BORN = "n.created_at = datetime('2026-01-01T00:00:00Z'), n.updated_at = datetime('2026-01-01T00:00:00Z')"
CLEAR = "MATCH (n) DETACH DELETE n"
WRITES: tuple[tuple[str, str], ...] = (
    ("classes", "CREATE (n:CLASS {id: row.id, title: row.title, version: 1})"),
    ("people", "CREATE (n:STUDENT {id: row.id, first_name: row.first_name, version: 1})"),
    ("enrolled", "MATCH (u:STUDENT {id: row.student}) MATCH (c:CLASS {id: row.course}) "
                 "CREATE (u)-[:ENROLLED_IN_CLASS {version: 1}]->(c)"),
    ("chapters", "MATCH (c:CLASS {id: row.course_id}) CREATE (c)-[:COVERS_CHAPTER]->(n:CHAPTER "
                 "{id: row.id, name: row.name, order: row.order, description: row.description, "
                 f"course_id: row.course_id, version: row.version}}) SET {_BORN}"),
    ("chapters", "MATCH (a:CHAPTER {id: row.id}) MATCH (b:CHAPTER {course_id: row.course_id, "
                 "order: row.order + 1}) CREATE (a)-[:NEXT_CHAPTER]->(b)"),
    ("theories", "MATCH (c:CHAPTER {id: row.chapter}) CREATE (c)-[:HAS_THEORY]->(n:THEORY "
                 "{id: row.id, name: row.name, order: row.order, summary: row.summary, "
                 f"course_id: row.course_id, version: row.version}}) SET {_BORN}"),
    ("theories", "MATCH (c:CHAPTER {id: row.chapter})-[:HAS_THEORY]->(b:THEORY "
                 "{order: row.order + 1}) MATCH (a:THEORY {id: row.id}) CREATE (a)-[:NEXT_THEORY]->(b)"),
    ("skills", "CREATE (n:SKILL {id: row.id, name: row.name, description: row.description, "
               f"course_id: row.course_id, version: row.version}}) SET {_BORN}"),
    ("teaches", "MATCH (t:THEORY {id: row.theory}) MATCH (k:SKILL {id: row.skill}) "
                "CREATE (t)-[:HAS_SKILL]->(k)"),
    ("concepts", "CREATE (n:CONCEPT {id: row.id, name: row.name, key: row.key, course_id: "
                 "row.course_id, definition: row.definition, aliases: row.aliases, version: row.version}) "
                 f"SET {_BORN}"),
    ("mentions", "MATCH (t:THEORY {id: row.theory}) MATCH (c:CONCEPT {id: row.concept}) "
                 "CREATE (t)-[:HAS_CONCEPT {definition: row.definition, text_evidence: row.text_evidence, "
                 "source_document: row.source_document, version: 1}]->(c)"),
    ("requires", "MATCH (k:SKILL {id: row.skill}) MATCH (c:CONCEPT {id: row.concept}) "
                 "CREATE (k)-[:REQUIRES_CONCEPT]->(c)"),
    ("relations", "MATCH (s:CONCEPT {id: row.source}) MATCH (t:CONCEPT {id: row.target}) "
                  "CREATE (s)-[:CONCEPT_RELATION {type: row.type, reason: row.reason, origin: row.origin, "
                  "version: 1}]->(t)"),
    ("prerequisites", "MATCH (a:SKILL {id: row.prerequisite}) MATCH (b:SKILL "
                      "{id: row.dependent}) CREATE (a)-[:PREREQUISITE_OF {reason: row.reason, "
                      "strength: row.strength, origin: row.origin, version: 1}]->(b)"),
    *(
        (rows, f"CREATE (n:{label} {{id: row.id, title: row.title, url: row.url, "
               f"course_id: row.course_id, version: row.version}}) SET {_BORN}")
        for rows, label in (("readings", "READING"), ("videos", "VIDEO"))
    ),
    *(
        ("resource_theories", "WITH row WHERE row.kind = "
                              f"'{label}' MATCH (t:THEORY {{id: row.theory}}) "
                              f"MATCH (x:{label} {{id: row.resource}}) CREATE (t)-[:HAS_{label}]->(x)")
        for label in ("READING", "VIDEO")
    ),
    *(
        ("covers", f"WITH row WHERE row.kind = '{label}' MATCH (x:{label} {{id: row.resource}}) "
                   "MATCH (c:CONCEPT {id: row.concept}) CREATE (x)-[:COVERS_CONCEPT]->(c)")
        for label in ("READING", "VIDEO")
    ),
    ("masteries", "MATCH (u:STUDENT {id: row.student}) MATCH (k:SKILL {id: row.skill}) "
                  "CREATE (u)-[r:MASTERS_SKILL {current_mastery: row.current_mastery, "
                  "confidence: row.confidence, predicted_next: row.predicted_next, trend: row.trend, "
                  "num_assessments: row.num_assessments, mastery_category: row.mastery_category, "
                  "version: 1}]->(k) "
                  "SET r.updated_at = datetime(row.updated_at)"),
    ("progress", "MATCH (u:STUDENT {id: row.student}) MATCH (k:SKILL {id: row.skill}) CREATE "
                 "(u)-[:HAS_PROGRESS]->(p:PROGRESS {id: row.id, score: row.score, correct: row.correct, "
                 "mastery_after: row.mastery_after, version: 1})-[:FOR_SKILL]->(k) "
                 "SET p.assessed_at = datetime(row.assessed_at), p.recorded_at = datetime(row.recorded_at)"),
)  # fmt: skip


def writes(sample: Sample) -> list[tuple[str, dict[str, Any]]]:
    """Return the statements and parameters that put the sample into an empty graph, in order."""
    return [(f"UNWIND $rows AS row {text}", {"rows": getattr(sample, rows)}) for rows, text in WRITES]


async def fill(client: GraphClient, sample: Sample) -> None:
    """Put the sample, and nothing else, into a graph."""
    statements = [Statement("clear", CLEAR, {}, "write")]
    statements += [Statement("sample", text, parameters, "write") for text, parameters in writes(sample)]
    await client.write(statements, deadline_seconds=120)
