"""Answer selections from the sample's records in plain Python: what every engine has to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from graph.plan import Row, Scope
from graph.selection import Field, Selection
from tests.graph.sample_graph import Sample

Record = tuple[str, Any]  # typename, key

_CAMEL = {
    "description": "description", "name": "name", "order": "order", "version": "version", "title": "title",
    "url": "url", "summary": "summary", "definition": "definition", "textEvidence": "text_evidence",
    "sourceDocument": "source_document", "type": "type", "reason": "reason", "origin": "origin",
    "strength": "strength", "aliases": "aliases", "score": "score", "correct": "correct",
    "masteryAfter": "mastery_after", "course": "course_id", "student": "student",
}  # fmt: skip
_MASTERY = {
    "currentMastery": ("current_mastery", None), "confidence": ("confidence", 0.0), "trend": ("trend", None),
    "predictedNext": ("predicted_next", None), "numAssessments": ("num_assessments", 0),
    "masteryCategory": ("mastery_category", "NOT_STARTED"),
}  # fmt: skip


def flat(value: Any) -> Any:
    """Return rows as nested dicts that compare."""
    if isinstance(value, Row):
        return {"": (value.typename, value.key), **{name: flat(part) for name, part in value.values.items()}}
    return [flat(part) for part in value] if isinstance(value, list) else value


class Oracle:
    """Resolve fields one at a time, from lists."""

    def __init__(self, sample: Sample, scope: Scope) -> None:
        self.sample, self.scope = sample, scope
        self.records: dict[Record, dict[str, Any]] = {}
        for typename, rows in (
            ("Chapter", sample.chapters), ("Theory", sample.theories), ("Skill", sample.skills),
            ("Concept", sample.concepts), ("Reading", sample.readings), ("Video", sample.videos),
            ("Progress", sample.progress),
        ):  # fmt: skip
            self.records.update({(typename, row["id"]): row for row in rows})
        for row in sample.mentions:
            self.records["ConceptMention", (row["theory"], row["concept"])] = row
        for row in sample.relations:
            self.records["ConceptRelation", (row["source"], row["type"], row["target"])] = row
        for row in sample.prerequisites:
            self.records["SkillPrerequisite", (row["prerequisite"], row["dependent"])] = row
        self.mastery = {(row["student"], row["skill"]): row for row in sample.masteries}

    def row(self, record: Record, selection: Selection | None) -> dict[str, Any]:
        """Return an object as `flat` would."""
        fields = (selection or Selection()).fields(record[0])
        return {"": record, **{asked.response_key: self.answer(record, asked) for asked in fields}}

    def answer(self, record: Record, asked: Field) -> Any:
        """Return the answer of one field."""
        typename, key = record
        if asked.name == "id":
            return key
        edge = getattr(self, f"_{typename}_{asked.name}", None)
        if edge is not None:
            found = edge(key, asked.arguments)
            if isinstance(found, list):
                return [self.row(each, asked.selection) for each in found]
            if isinstance(found, tuple):
                return self.row(found, asked.selection)
            return self._summary(found, asked) if isinstance(found, dict) else found
        if typename == "SkillMastery":
            return self._mastery_value(key, asked)
        row = self.records[record]
        if asked.name in ("createdAt", "updatedAt"):
            return datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        if asked.name in ("assessedAt", "recordedAt"):
            return datetime.fromisoformat(row["assessed_at" if asked.name == "assessedAt" else "recorded_at"])
        if asked.name in row and typename in ("ConceptMention", "ConceptRelation", "SkillPrerequisite"):
            if asked.name in ("theory", "concept", "source", "target", "prerequisite", "dependent"):
                of = {"theory": "Theory", "prerequisite": "Skill", "dependent": "Skill"}.get(
                    asked.name, "Concept"
                )
                return self.row((of, row[asked.name]), asked.selection)
            return row[asked.name]
        if typename == "Progress" and asked.name == "skill":
            return self.row(("Skill", row["skill"]), asked.selection)
        return {"status": "APPROVED", "decidedBy": None, "decidedAt": None}.get(asked.name) or (
            row[_CAMEL[asked.name]] if asked.name in _CAMEL else None
        )

    def _mastery_value(self, key: Any, asked: Field) -> Any:
        row = self.mastery.get(key)
        if asked.name == "student":
            return key[0]
        if asked.name == "skill":
            return self.row(("Skill", key[1]), asked.selection)
        if asked.name == "updatedAt":
            return datetime.fromisoformat(row["updated_at"]) if row else None
        name, missing = _MASTERY[asked.name]
        return row[name] if row else missing

    def _summary(self, found: dict[str, Any], asked: Field) -> dict[str, Any]:
        rows = [self.mastery.get((found["student"], skill)) for skill in found["skills"]]
        values = [row["current_mastery"] for row in rows if row]
        words = [row["mastery_category"] if row else "NOT_STARTED" for row in rows]
        answers: dict[str, Any] = {
            "averageMastery": round(sum(values) / len(values), 12) if values else None,
            "skillCount": len(rows),
            "notStartedCount": words.count("NOT_STARTED"), "strugglingCount": words.count("STRUGGLING"),
            "developingCount": words.count("DEVELOPING"), "proficientCount": words.count("PROFICIENT"),
            "masteredCount": words.count("MASTERED"),
        }  # fmt: skip
        fields = (asked.selection or Selection()).fields("MasterySummary")
        return {"": ("MasterySummary", None), **{each.response_key: answers[each.name] for each in fields}}

    # —— sets ——

    def sorted(self, typename: str, keys: Iterable[Any], *by: str) -> list[Record]:
        """Return records by properties, then by key."""
        return sorted(
            {(typename, key) for key in keys},
            key=lambda record: (*(self.records[record][name] for name in by), record[1]),
        )

    def place(self, theory: str) -> tuple[int, int]:
        """Return where a theory stands in its course."""
        row = self.records["Theory", theory]
        return (self.records["Chapter", row["chapter"]]["order"], row["order"])

    def skills_of_chapter(self, chapter: str) -> dict[str, int]:
        """Return the skills of a chapter with the order of their first theory."""
        found: dict[str, int] = {}
        for link in self.sample.teaches:
            theory = self.records["Theory", link["theory"]]
            if theory["chapter"] == chapter:
                found[link["skill"]] = min(theory["order"], found.get(link["skill"], 99))
        return found

    def _student(self, arguments: Any, course_id: int) -> int | None:
        viewer = self.scope.viewer_student_id
        student = viewer if arguments.get("studentId") is None else arguments["studentId"]
        may = student == viewer or self.scope.is_admin or course_id in self.scope.taught_course_ids
        return student if may else None

    def _neighbour(self, typename: str, key: str, step: int, parent: str) -> Record | None:
        row = self.records[typename, key]
        for other, found in self.records.items():
            if (
                other[0] == typename
                and found[parent] == row[parent]
                and found["order"] == row["order"] + step
            ):
                return other
        return None

    def _by_course(self, theories: Iterable[str]) -> list[Record]:
        return sorted(
            {("Theory", t) for t in theories}, key=lambda record: (*self.place(record[1]), record[1])
        )

    def _resources(self, keys: Iterable[str]) -> list[Record]:
        return [("Reading" if ("Reading", key) in self.records else "Video", key) for key in keys]

    # —— edges: _Type_field(key, arguments) ——

    def _Chapter_next(self, key: str, _: Any) -> Any:
        return self._neighbour("Chapter", key, 1, "course_id")

    def _Chapter_previous(self, key: str, _: Any) -> Any:
        return self._neighbour("Chapter", key, -1, "course_id")

    def _Theory_next(self, key: str, _: Any) -> Any:
        return self._neighbour("Theory", key, 1, "chapter")

    def _Theory_previous(self, key: str, _: Any) -> Any:
        return self._neighbour("Theory", key, -1, "chapter")

    def _Chapter_theories(self, key: str, _: Any) -> Any:
        return self._by_course(t["id"] for t in self.sample.theories if t["chapter"] == key)

    def _Chapter_skills(self, key: str, _: Any) -> Any:
        places = self.skills_of_chapter(key)
        return [
            ("Skill", k)
            for k in sorted(places, key=lambda k: (places[k], self.records["Skill", k]["name"], k))
        ]

    def _Chapter_masterySummary(self, key: str, arguments: Any) -> Any:
        student = self._student(arguments, self.records["Chapter", key]["course_id"])
        return None if student is None else {"student": student, "skills": self.skills_of_chapter(key)}

    def _Theory_chapter(self, key: str, _: Any) -> Any:
        return ("Chapter", self.records["Theory", key]["chapter"])

    def _Theory_skills(self, key: str, _: Any) -> Any:
        return self.sorted("Skill", (k["skill"] for k in self.sample.teaches if k["theory"] == key), "name")

    def _Theory_mentions(self, key: str, _: Any) -> Any:
        concepts = self.sorted(
            "Concept", (m["concept"] for m in self.sample.mentions if m["theory"] == key), "name"
        )
        return [("ConceptMention", (key, concept)) for _, concept in concepts]

    def _Theory_readings(self, key: str, _: Any) -> Any:
        links = [
            r["resource"]
            for r in self.sample.resource_theories
            if r["theory"] == key and r["kind"] == "READING"
        ]
        return self.sorted("Reading", links, "title")

    def _Theory_videos(self, key: str, _: Any) -> Any:
        links = [
            r["resource"]
            for r in self.sample.resource_theories
            if r["theory"] == key and r["kind"] == "VIDEO"
        ]
        return self.sorted("Video", links, "title")

    def _Skill_theories(self, key: str, _: Any) -> Any:
        return self._by_course(k["theory"] for k in self.sample.teaches if k["skill"] == key)

    def _Skill_concepts(self, key: str, _: Any) -> Any:
        return self.sorted(
            "Concept", (r["concept"] for r in self.sample.requires if r["skill"] == key), "name"
        )

    def _Skill_resources(self, key: str, arguments: Any) -> Any:
        theories = {k["theory"] for k in self.sample.teaches if k["skill"] == key}
        required = {r["concept"] for r in self.sample.requires if r["skill"] == key}
        covering = {c["resource"] for c in self.sample.covers if c["concept"] in required}
        found = self._resources(
            {r["resource"] for r in self.sample.resource_theories if r["theory"] in theories}
        )
        found.sort(key=lambda record: (record[1] not in covering, self.records[record]["title"], record[1]))
        return found[: arguments.get("limit", 20)]

    def _Skill_prerequisites(self, key: str, _: Any) -> Any:
        ends = (p["prerequisite"] for p in self.sample.prerequisites if p["dependent"] == key)
        return [("SkillPrerequisite", (end, key)) for _, end in self.sorted("Skill", ends, "name")]

    def _Skill_dependents(self, key: str, _: Any) -> Any:
        ends = (p["dependent"] for p in self.sample.prerequisites if p["prerequisite"] == key)
        return [("SkillPrerequisite", (key, end)) for _, end in self.sorted("Skill", ends, "name")]

    def _Skill_mastery(self, key: str, arguments: Any) -> Any:
        student = self._student(arguments, self.records["Skill", key]["course_id"])
        return None if student is None else ("SkillMastery", (student, key))

    def _Concept_mentionCount(self, key: str, _: Any) -> Any:
        return sum(m["concept"] == key for m in self.sample.mentions)

    def _Concept_mentions(self, key: str, arguments: Any) -> Any:
        theories = self._by_course(m["theory"] for m in self.sample.mentions if m["concept"] == key)
        return [("ConceptMention", (theory, key)) for _, theory in theories][: arguments.get("limit", 20)]

    def _Concept_relations(self, key: str, arguments: Any) -> Any:
        found = []
        for r in self.sample.relations:
            if key not in (r["source"], r["target"]):
                continue
            if arguments.get("types") and r["type"] not in arguments["types"]:
                continue
            if arguments.get("direction") and (r["source"] == key) != (arguments["direction"] == "OUTGOING"):
                continue
            other = r["target"] if r["source"] == key else r["source"]
            found.append((r["type"], self.records["Concept", other]["name"], other, r["source"], r["target"]))
        return [("ConceptRelation", (source, kind, target)) for kind, _, _, source, target in sorted(found)][
            : arguments.get("limit", 50)
        ]

    def _Concept_skills(self, key: str, arguments: Any) -> Any:
        skills = (r["skill"] for r in self.sample.requires if r["concept"] == key)
        return self.sorted("Skill", skills, "name")[: arguments.get("limit", 20)]

    def _Concept_resources(self, key: str, arguments: Any) -> Any:
        found = self._resources({c["resource"] for c in self.sample.covers if c["concept"] == key})
        found.sort(key=lambda record: (self.records[record]["title"], record[1]))
        return found[: arguments.get("limit", 20)]

    def _resource_theories(self, key: str, _: Any) -> Any:
        return self._by_course(r["theory"] for r in self.sample.resource_theories if r["resource"] == key)

    def _resource_concepts(self, key: str, _: Any) -> Any:
        return self.sorted(
            "Concept", (c["concept"] for c in self.sample.covers if c["resource"] == key), "name"
        )

    _Reading_theories: Callable[[Any, str, Any], Any] = _resource_theories
    _Video_theories: Callable[[Any, str, Any], Any] = _resource_theories
    _Reading_concepts: Callable[[Any, str, Any], Any] = _resource_concepts
    _Video_concepts: Callable[[Any, str, Any], Any] = _resource_concepts
