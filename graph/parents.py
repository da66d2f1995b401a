"""Say which graph fields hang from the key of a SQL record, and how the concept map is drawn.

The second half of the table in graph/model.py, in the same form; templates are explained in graph/shapes.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from graph.model import MASTERY, PROGRESS, RELATION
from graph.shapes import Argument, Edge, GraphType, Order, Page, SortKey, Summary

# Behind every skill that the course's outline knows.
UNPLACED = 1_000_000_000
# A chapter has few skills: from there, instead of asking each skill of the course whether it is inside.
_IN_CHAPTER = "MATCH (:CHAPTER {id: $chapterId})-[:HAS_THEORY]->()-[:HAS_SKILL]->(@item)"
_PLACE = SortKey("@place", int)
_SKILL_NAME = (SortKey("@item.name"), SortKey("@item.id"))

# The course's skills and the student's edges are two sets; grouping by the skill joins them. Walking from
# each skill to the student costs several times as much, and a join hint is Neo4j's alone. In the order of the
# outline the tree of the course is a third set.
_SKILLS = "MATCH (@item:SKILL {course_id: $courseId}) RETURN @item, null AS @edge"
_EDGES = (
    "UNION ALL MATCH (:STUDENT {id: @student})-[@edge:MASTERS_SKILL]->(@item) "
    "WHERE @item.course_id = $courseId RETURN @item, @edge"
)
_TREE = (
    "UNION ALL MATCH (:CLASS {id: $courseId})-[:COVERS_CHAPTER]->(@chapter)-[:HAS_THEORY]->(@theory)"
    "-[:HAS_SKILL]->(@item) RETURN @item, null AS @edge, @chapter.order * 1000 + @theory.order AS @at"
)
STUDENT_MASTERIES = Page(
    "SkillMastery",
    match=f"CALL (@student) {{ {_SKILLS} {_EDGES} }}",
    then="WITH @student, @item, head(collect(@edge)) AS @r",
    roles={**MASTERY, "skill": "item", "student": "student"},
    arguments={"courseId": Argument()},
    late_arguments={
        "chapterId": Argument(
            match=(
                f"{_IN_CHAPTER} WHERE @item.course_id = $courseId WITH DISTINCT @student, @item "
                "OPTIONAL MATCH (:STUDENT {id: @student})-[@edge:MASTERS_SKILL]->(@item)"
            )
        ),
        "categories": Argument("coalesce(@r.mastery_category, 'NOT_STARTED') IN $categories"),
        "minConfidence": Argument("coalesce(@r.confidence, 0.0) >= $minConfidence", "real"),
    },
    orders={
        "OUTLINE": Order(
            (_PLACE, *_SKILL_NAME),
            prepare=(
                "OPTIONAL MATCH (@item)<-[:HAS_SKILL]-(@theory)<-[:HAS_THEORY]-(@chapter) "
                "WITH @student, @item, @r, "
                f"coalesce(min(@chapter.order * 1000 + @theory.order), {UNPLACED}) AS @place"
            ),
            match=f"CALL (@student) {{ {_SKILLS}, null AS @at {_EDGES}, null AS @at {_TREE} }}",
            then=(
                f"WITH @student, @item, head(collect(@edge)) AS @r, coalesce(min(@at), {UNPLACED}) AS @place"
            ),
        ),
        "WEAKEST": Order((SortKey("coalesce(@r.current_mastery, 2.0)", float), *_SKILL_NAME)),
        "RECENT": Order((SortKey("coalesce(@r.updated_at.epochMillis, -1)", int, True), *_SKILL_NAME)),
    },
)

# SQL types: only the fields that the graph answers, hanging from the key of the SQL row.
SQL_COURSE = GraphType(
    name="Course",
    key=("@self",),
    lookup="",
    members={
        "chapters": Edge(
            ("Chapter",),
            "MATCH (:CLASS {id: @self})-[:COVERS_CHAPTER]->(@item)",
            ("@item.order", "@item.id"),
            bound=200,
        ),
        "chapterSequence": Edge(
            ("Chapter",),
            "MATCH (:CLASS {id: @self})-[:COVERS_CHAPTER]->(@head) "
            "WHERE NOT EXISTS { MATCH ()-[:NEXT_CHAPTER]->(@head) } "
            "MATCH @path = (@head)-[:NEXT_CHAPTER*0..199]->(@item)",
            ("@place", "@item.id"),
            # A chapter that a broken chain reaches twice is listed once, where it comes first.
            then="WITH @item, min(length(@path)) AS @place",
            bound=200,
        ),
        "skills": Page(
            "Skill",
            match="MATCH (@item:SKILL {course_id: @self})",
            arguments={
                "search": Argument("all(word IN $search WHERE toLower(@item.name) CONTAINS word)", "words"),
                "chapterId": Argument(
                    match=f"{_IN_CHAPTER} WHERE @item.course_id = @self WITH DISTINCT @self, @item"
                ),
            },
            orders={"": Order(_SKILL_NAME)},
        ),
        "concepts": Page(
            "Concept",
            match="MATCH (@item:CONCEPT {course_id: @self})",
            where="@item.key IS NOT NULL",  # lets Neo4j use the index on (course_id, key)
            arguments={
                "search": Argument(
                    "(all(word IN $search WHERE @item.key CONTAINS word[1]) OR any(name IN @item.aliases "
                    "WHERE all(word IN $search WHERE toLower(name) CONTAINS word[0])))",
                    "folded_words",
                )
            },
            orders={
                "NAME": Order(_SKILL_NAME),
                "MENTIONS": Order(
                    (SortKey("@count", int, True), *_SKILL_NAME),
                    prepare="WITH @item, COUNT { (@item)<-[:HAS_CONCEPT]-() } AS @count",
                ),
            },
        ),
        "conceptRelations": Page(
            "ConceptRelation",
            match="MATCH (@source:CONCEPT {course_id: @self})-[@r:CONCEPT_RELATION]->(@target)",
            where="@source.key IS NOT NULL",
            roles=RELATION,
            arguments={
                "conceptId": Argument(
                    match=(
                        "MATCH (@center:CONCEPT {id: $conceptId})-[@r:CONCEPT_RELATION]-() "
                        "WHERE @center.course_id = @self "
                        "WITH DISTINCT @self, @r, startNode(@r) AS @source, endNode(@r) AS @target"
                    )
                ),
                "types": Argument("@r.type IN $types"),
                # Only together with conceptId, which is then the end that the direction is seen from.
                "direction": Argument(
                    "CASE WHEN $direction THEN @source.id ELSE @target.id END = $conceptId", "outgoing"
                ),
            },
            orders={
                "": Order(
                    (
                        SortKey("@source.name"),
                        SortKey("@r.type"),
                        SortKey("@target.name"),
                        SortKey("@source.id"),
                        SortKey("@target.id"),
                    )
                )
            },
        ),
    },
)

SQL_STUDENT = GraphType(
    name="Student",
    key=("@student",),
    lookup="",
    members={
        "masteries": STUDENT_MASTERIES,
        "progress": Page(
            "Progress",
            match="MATCH (:STUDENT {id: @student})-[:HAS_PROGRESS]->(@item)-[:FOR_SKILL]->(@skill)",
            roles=PROGRESS,
            arguments={
                "skillId": Argument("@skill.id = $skillId"),
                # Of no client: what a teacher may see of somebody who learns elsewhere too.
                "taughtCourseIds": Argument("@skill.course_id IN $taughtCourseIds"),
                "since": Argument("@item.assessed_at >= datetime($since)", "iso"),
                "until": Argument("@item.assessed_at < datetime($until)", "iso"),
            },
            orders={
                "": Order(
                    (SortKey("@item.assessed_at.epochMillis", int, True), SortKey("@item.id", str, True))
                )
            },
        ),
    },
)

SQL_EXTRACTION_DOCUMENT = GraphType(
    name="ExtractionDocument",
    key=("@self",),
    lookup="",
    members={"theory": Edge(("Theory",), "MATCH (@item:THEORY {id: @self})", many=False)},
)

# Answered for all students of a course together: graph/class_matrix.py.
SQL_ENROLLMENT = GraphType(
    name="Enrollment", key=("@course", "@student"), lookup="", members={"masterySummary": Summary("")}
)

PARENTS: Mapping[str, GraphType] = {
    graph_type.name: graph_type
    for graph_type in (SQL_COURSE, SQL_STUDENT, SQL_ENROLLMENT, SQL_EXTRACTION_DOCUMENT)
}
# The map has a shape of its own; see graph/concept_map.py. <depth> is one of four digits, so four texts.
MAP_AROUND = (
    "MATCH (@center:CONCEPT {id: $center}) WHERE @center.course_id = $course "
    "MATCH @path = (@center)-[:CONCEPT_RELATION*0..<depth>]-(@item)<types> "
    "WITH @item, min(length(@path)) AS @place"
)
MAP_AROUND_TYPES = " WHERE all(edge IN relationships(@path) WHERE edge.type IN $types)"
MAP_COURSE = (
    "MATCH (@item:CONCEPT {course_id: $course}) WHERE @item.key IS NOT NULL "
    "WITH @item, -COUNT { MATCH (@item)-[@edge:CONCEPT_RELATION]-()<types> } AS @place"
)
MAP_COURSE_TYPES = " WHERE @edge.type IN $types"
MAP_ORDER = ("@place", "@item.name", "@item.id")
MAP_RELATIONS = (
    "UNWIND @concepts AS @source "
    "MATCH (@source)-[@r:CONCEPT_RELATION]->(@target) WHERE @target IN @concepts<types>"
)
MAP_RELATIONS_TYPES = " AND @r.type IN $types"
MAP_RELATIONS_ORDER = ("@source.name", "@r.type", "@target.name", "@source.id", "@target.id")
# A class, students by skills; see graph/class_matrix.py. The first skills of a course in its order are those of its
# first theories: with these in order, Neo4j looks at no more theories than it takes (PartialTop). A skill of several
# theories stands where the first of them is.
CLASS_COLUMNS = (
    "MATCH (:CLASS {id: @course})-[:COVERS_CHAPTER]->(@chapter)-[:HAS_THEORY]->(@theory)\n"
    "WITH @theory, @chapter.order * 1000 + @theory.order AS @place ORDER BY @place\n"
    "MATCH (@theory)-[:HAS_SKILL]->(@item) WHERE COUNT { (@item)<-[:HAS_SKILL]-() } = 1 OR NOT EXISTS { "
    "MATCH (@item)<-[:HAS_SKILL]-(@other)<-[:HAS_THEORY]-(@above) "
    "WHERE @above.order * 1000 + @other.order < @place }\n"
    "WITH DISTINCT @item, @place"
)
# Where those are fewer than fit, what no theory of a chapter has.
CLASS_LOOSE = (
    "UNWIND CASE WHEN size(@placed) < $limit THEN [@course] ELSE [] END AS @searched\n"
    "MATCH (@loose:SKILL {course_id: @searched}) WHERE NOT @loose IN @placed\n"
    "WITH @loose ORDER BY @loose.name, @loose.id LIMIT $limit"
)
_OF_CHAPTER = f"{_IN_CHAPTER} WHERE @item.course_id = @course"
CLASS_COLUMNS_OF_CHAPTER = (
    f"{_OF_CHAPTER} WITH DISTINCT @item\n"
    "MATCH (@item)<-[:HAS_SKILL]-(@theory)<-[:HAS_THEORY]-(@chapter)\n"
    "WITH @item, min(@chapter.order * 1000 + @theory.order) AS @place"
)
CLASS_ORDER = ("@place", "@item.name", "@item.id")
CLASS_SKILLS = "MATCH (@item:SKILL {course_id: @course})"
CLASS_SKILLS_OF_CHAPTER = _OF_CHAPTER
CLASS_PEOPLE = "UNWIND @students AS @student MATCH (@item:STUDENT {id: @student})"
# Edges between two sets, walked from the side that has fewer of them: a page of a large class from its
# students, a chapter of a small one from its skills. Neither planner chooses, so the statement counts.
CLASS_COUNTS = (
    "WITH @skills, @people, @pairs, "
    "COLLECT { UNWIND @skills AS @each RETURN sum(COUNT { (@each)<-[:MASTERS_SKILL]-() }) } AS @up, "
    "COLLECT { UNWIND @people AS @each RETURN sum(COUNT { (@each)-[:MASTERS_SKILL]->() }) } AS @down"
)
CLASS_FROM_SKILLS = (
    "WITH @skills, @people, @pairs, @up, @down WHERE @up[0] <= @down[0]\n"
    "UNWIND @skills AS @skill MATCH (@skill)<-[@r:MASTERS_SKILL]-(@student) WHERE @student IN @people"
)
# The student's id comes along: it is not read again for each edge.
CLASS_FROM_PEOPLE = (
    "WITH @skills, @people, @pairs, @up, @down WHERE @up[0] > @down[0]\n"
    "UNWIND @pairs AS @pair WITH @skills, @pair[0] AS @who, @pair[1] AS @student\n"
    "MATCH (@student)-[@r:MASTERS_SKILL]->(@skill) WHERE @skill IN @skills"
)
