"""Say which label, edge or property answers which GraphQL field: the one table of the graph.

Adding a field or an edge is one line here. Templates are explained in graph/shapes.py. Every list has a bound
and a total order; far ends carry no label where the edge's type fixes it (measured: 10 % less work).
"""

from __future__ import annotations

from collections.abc import Mapping

from graph.shapes import (
    Absent,
    Argument,
    Bound,
    Constant,
    Edge,
    GraphType,
    Kind,
    Member,
    Scalar,
    Summary,
    plain,
    real,
    time,
)

RESOURCE = ("Reading", "Video")
BY_COURSE = ("@chapter.order", "@item.order", "@item.id")
MENTION = {"r": "r", "theory": "theory", "concept": "concept"}
RELATION = {"r": "r", "source": "source", "target": "target"}
PREREQUISITE = {"r": "r", "prerequisite": "prerequisite", "dependent": "dependent"}
MASTERY = {"r": "r", "skill": "skill", "student": "student"}
PROGRESS = {"self": "item", "skill": "skill", "student": "student"}

VERSIONED: Mapping[str, Member] = {
    "version": plain("version"),
    "createdAt": time("created_at"),
    "updatedAt": time("updated_at"),
}
COURSE: Mapping[str, Member] = {"course": Scalar("@self.course_id")}


def _one(target: str, match: str) -> Edge:
    return Edge((target,), match, many=False)


def _resource(label: str) -> GraphType:
    return GraphType(
        name=label.capitalize(),
        label=label,
        key=("@self.id",),
        course="@self.course_id",
        lookup=f"MATCH (@self:{label} {{id: @key}})",
        members={
            **VERSIONED,
            "title": plain("title"),
            "url": plain("url"),
            "theories": Edge(
                ("Theory",), f"MATCH (@self)<-[:HAS_{label}]-(@item)<-[:HAS_THEORY]-(@chapter)", BY_COURSE
            ),
            "concepts": Edge(
                ("Concept",), "MATCH (@self)-[:COVERS_CONCEPT]->(@item)", ("@item.name", "@item.id")
            ),
        },
    )


CHAPTER = GraphType(
    name="Chapter",
    key=("@self.id",),
    course="@self.course_id",
    lookup="MATCH (@self:CHAPTER {id: @key})",
    members={
        **VERSIONED,
        **COURSE,
        "name": plain("name"),
        "description": plain("description"),
        "order": plain("order"),
        "next": _one("Chapter", "MATCH (@self)-[:NEXT_CHAPTER]->(@item)"),
        "previous": _one("Chapter", "MATCH (@self)<-[:NEXT_CHAPTER]-(@item)"),
        "theories": Edge(
            ("Theory",), "MATCH (@self)-[:HAS_THEORY]->(@item)", ("@item.order", "@item.id"), bound=100
        ),
        "skills": Edge(
            ("Skill",),
            "MATCH (@self)-[:HAS_THEORY]->(@theory)-[:HAS_SKILL]->(@item)",
            ("@place", "@item.name", "@item.id"),
            then="WITH @item, min(@theory.order) AS @place",
            bound=1000,
        ),
        "masterySummary": Summary(
            "MATCH (@self)-[:HAS_THEORY]->()-[:HAS_SKILL]->(@skill)",
            then="WITH DISTINCT @skill OPTIONAL MATCH (:STUDENT {id: @student})-[@r:MASTERS_SKILL]->(@skill)",
            guarded=True,
            # Down the tree: from a theory up, an engine would look at all of the theory's edges for each skill.
            joined=(
                "CALL (@course) { "
                "MATCH (:STUDENT {id: @student})-[@edge:MASTERS_SKILL]->(@skill) "
                "WHERE @skill.course_id = @course RETURN @skill, @edge, null AS @place "
                "UNION ALL MATCH (:CLASS {id: @course})-[:COVERS_CHAPTER]->(@place)-[:HAS_THEORY]->()"
                "-[:HAS_SKILL]->(@skill) RETURN @skill, null AS @edge, @place } "
                "WITH @skill, head(collect(@edge)) AS @r, collect(DISTINCT @place) AS @places "
                "UNWIND @places AS @parent"
            ),
        ),
    },
)

THEORY = GraphType(
    name="Theory",
    key=("@self.id",),
    course="@self.course_id",
    lookup="MATCH (@self:THEORY {id: @key})",
    members={
        **VERSIONED,
        "name": plain("name"),
        "summary": plain("summary"),
        "order": plain("order"),
        "chapter": _one("Chapter", "MATCH (@self)<-[:HAS_THEORY]-(@item)"),
        "next": _one("Theory", "MATCH (@self)-[:NEXT_THEORY]->(@item)"),
        "previous": _one("Theory", "MATCH (@self)<-[:NEXT_THEORY]-(@item)"),
        "skills": Edge(("Skill",), "MATCH (@self)-[:HAS_SKILL]->(@item)", ("@item.name", "@item.id")),
        "mentions": Edge(
            ("ConceptMention",),
            "MATCH (@self)-[@r:HAS_CONCEPT]->(@concept)",
            ("@concept.name", "@concept.id"),
            roles={**MENTION, "theory": "self"},
            bound=200,
        ),
        "readings": Edge(("Reading",), "MATCH (@self)-[:HAS_READING]->(@item)", ("@item.title", "@item.id")),
        "videos": Edge(("Video",), "MATCH (@self)-[:HAS_VIDEO]->(@item)", ("@item.title", "@item.id")),
    },
)

SKILL = GraphType(
    name="Skill",
    key=("@self.id",),
    course="@self.course_id",
    lookup="MATCH (@self:SKILL {id: @key})",
    members={
        **VERSIONED,
        **COURSE,
        "name": plain("name"),
        "description": plain("description"),
        "theories": Edge(
            ("Theory",), "MATCH (@self)<-[:HAS_SKILL]-(@item)<-[:HAS_THEORY]-(@chapter)", BY_COURSE
        ),
        "concepts": Edge(
            ("Concept",), "MATCH (@self)-[:REQUIRES_CONCEPT]->(@item)", ("@item.name", "@item.id")
        ),
        "resources": Edge(
            RESOURCE,
            "MATCH (@self)<-[:HAS_SKILL]-()-[:HAS_READING|HAS_VIDEO]->(@item)",
            ("@covers DESC", "@item.title", "@item.id"),
            then=(
                "WITH DISTINCT @self, @item WITH @item, EXISTS { "
                "MATCH (@self)-[:REQUIRES_CONCEPT]->()<-[:COVERS_CONCEPT]-(@item) } AS @covers"
            ),
            bound=20,
            limit_argument="limit",
        ),
        "prerequisites": Edge(
            ("SkillPrerequisite",),
            "MATCH (@self)<-[@r:PREREQUISITE_OF]-(@prerequisite)",
            ("@prerequisite.name", "@prerequisite.id"),
            roles={**PREREQUISITE, "dependent": "self"},
        ),
        "dependents": Edge(
            ("SkillPrerequisite",),
            "MATCH (@self)-[@r:PREREQUISITE_OF]->(@dependent)",
            ("@dependent.name", "@dependent.id"),
            roles={**PREREQUISITE, "prerequisite": "self"},
            bound=1000,
        ),
        "mastery": Edge(
            ("SkillMastery",),
            "OPTIONAL MATCH (:STUDENT {id: @student})-[@r:MASTERS_SKILL]->(@self)",
            order=(),  # one row, always
            roles={**MASTERY, "skill": "self"},
            many=False,
            guarded=True,
            joined=(
                "MATCH (:STUDENT {id: @student})-[@r:MASTERS_SKILL]->(@skill) WHERE @skill.course_id = @course"
            ),
        ),
    },
)

CONCEPT = GraphType(
    name="Concept",
    key=("@self.id",),
    course="@self.course_id",
    lookup="MATCH (@self:CONCEPT {id: @key})",
    members={
        **VERSIONED,
        **COURSE,
        "name": plain("name"),
        "aliases": Scalar("@self.aliases", Kind.LIST),
        "definition": plain("definition"),
        "mentionCount": Scalar("COUNT { (@self)<-[:HAS_CONCEPT]-() }"),
        "mentions": Edge(
            ("ConceptMention",),
            "MATCH (@self)<-[@r:HAS_CONCEPT]-(@theory)<-[:HAS_THEORY]-(@chapter)",
            ("@chapter.order", "@theory.order", "@theory.id"),
            roles={**MENTION, "concept": "self"},
            bound=20,
            limit_argument="limit",
        ),
        "relations": Edge(
            ("ConceptRelation",),
            "MATCH (@self)-[@r:CONCEPT_RELATION]-(@other)",
            ("@r.type", "@other.name", "@other.id", "@source.id"),
            then="WITH @r, @other, startNode(@r) AS @source, endNode(@r) AS @target",
            roles=RELATION,
            arguments={
                "types": Argument("@r.type IN $types"),
                "direction": Argument("(startNode(@r) = @self) = $direction", "outgoing"),
            },
            bound=50,
            limit_argument="limit",
        ),
        "skills": Edge(
            ("Skill",),
            "MATCH (@self)<-[:REQUIRES_CONCEPT]-(@item)",
            ("@item.name", "@item.id"),
            bound=20,
            limit_argument="limit",
        ),
        "resources": Edge(
            RESOURCE,
            "MATCH (@self)<-[:COVERS_CONCEPT]-(@item)",
            ("@item.title", "@item.id"),
            bound=20,
            limit_argument="limit",
        ),
    },
)

CONCEPT_MENTION = GraphType(
    name="ConceptMention",
    key=("@theory.id", "@concept.id"),
    course="@theory.course_id",
    lookup="MATCH (@theory:THEORY {id: @key[0]})-[@r:HAS_CONCEPT]->(@concept:CONCEPT {id: @key[1]})",
    members={
        "theory": Bound("Theory", {"self": "theory"}),
        "concept": Bound("Concept", {"self": "concept"}),
        "definition": plain("definition", "r"),
        "textEvidence": plain("text_evidence", "r"),
        "sourceDocument": plain("source_document", "r"),
    },
)

CONCEPT_RELATION = GraphType(
    name="ConceptRelation",
    key=("@source.id", "@r.type", "@target.id"),
    course="@source.course_id",
    lookup=(
        "MATCH (@source:CONCEPT {id: @key[0]})-[@r:CONCEPT_RELATION {type: @key[1]}]->"
        "(@target:CONCEPT {id: @key[2]})"
    ),
    members={
        "source": Bound("Concept", {"self": "source"}),
        "target": Bound("Concept", {"self": "target"}),
        "type": plain("type", "r"),
        "reason": plain("reason", "r"),
        "origin": plain("origin", "r"),
    },
)

SKILL_PREREQUISITE = GraphType(
    name="SkillPrerequisite",
    key=("@prerequisite.id", "@dependent.id"),
    course="@prerequisite.course_id",
    lookup=(
        "MATCH (@prerequisite:SKILL {id: @key[0]})-[@r:PREREQUISITE_OF]->(@dependent:SKILL {id: @key[1]})"
    ),
    members={
        "prerequisite": Bound("Skill", {"self": "prerequisite"}),
        "dependent": Bound("Skill", {"self": "dependent"}),
        "reason": plain("reason", "r"),
        "strength": real("@r.strength"),
        "origin": plain("origin", "r"),
        "status": Constant("APPROVED"),  # proposals and refusals are not mirrored
        "decidedBy": Absent(),
        "decidedAt": Absent(),
    },
)

SKILL_MASTERY = GraphType(
    name="SkillMastery",
    key=("@student", "@skill.id"),
    course="@skill.course_id",
    student="@student",
    lookup=(
        "MATCH (@skill:SKILL {id: @key[1]}) "
        "OPTIONAL MATCH (:STUDENT {id: @key[0]})-[@r:MASTERS_SKILL]->(@skill) "
        "WITH @key, @skill, @r, @key[0] AS @student"
    ),
    members={
        "student": Scalar("@student"),
        "skill": Bound("Skill", {"self": "skill"}),
        "currentMastery": real("@r.current_mastery"),
        "confidence": real("@r.confidence", missing=0.0),
        "predictedNext": real("@r.predicted_next"),
        "trend": plain("trend", "r"),
        "numAssessments": plain("num_assessments", "r", missing=0),
        "masteryCategory": plain("mastery_category", "r", missing="NOT_STARTED"),
        "updatedAt": time("updated_at", "r"),
    },
)

PROGRESS_RECORD = GraphType(
    name="Progress",
    key=("@self.id",),
    course="@skill.course_id",
    student="@student",
    lookup=(
        "MATCH (@person:STUDENT)-[:HAS_PROGRESS]->(@self:PROGRESS {id: @key})-[:FOR_SKILL]->(@skill) "
        "WITH @key, @self, @skill, @person.id AS @student"
    ),
    members={
        "student": Scalar("@student"),
        "skill": Bound("Skill", {"self": "skill"}),
        "score": real("@self.score"),
        "correct": plain("correct"),
        "masteryAfter": real("@self.mastery_after"),
        "assessedAt": time("assessed_at"),
        "recordedAt": time("recorded_at"),
    },
)

TYPES: Mapping[str, GraphType] = {
    graph_type.name: graph_type
    for graph_type in (
        CHAPTER,
        THEORY,
        SKILL,
        CONCEPT,
        _resource("READING"),
        _resource("VIDEO"),
        CONCEPT_MENTION,
        CONCEPT_RELATION,
        SKILL_PREREQUISITE,
        SKILL_MASTERY,
        PROGRESS_RECORD,
    )
}
RESOURCE_LOOKUP = (
    "OPTIONAL MATCH (@reading:READING {id: @key}) OPTIONAL MATCH (@video:VIDEO {id: @key}) "
    "WITH @key, coalesce(@reading, @video) AS @self WHERE @self IS NOT NULL"
)

SUMMARY_COUNTS: Mapping[str, str] = {
    "notStartedCount": "NOT_STARTED",
    "strugglingCount": "STRUGGLING",
    "developingCount": "DEVELOPING",
    "proficientCount": "PROFICIENT",
    "masteredCount": "MASTERED",
}
