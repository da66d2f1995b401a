"""Who may do what, as one table: each mutation, each root field and each field that shows somebody's data.

The code decides in `resolvers.policy` and in the conditions of `sql`; the tests try every cell of this table over
HTTP, and docs/permissions.md is printed from it.

`Y`: answered (a problem about the values counts). `N`: as if the record were not there. `F`: FORBIDDEN.
`U`: UNAUTHENTICATED.

The people stand around a published course of `teacher`: `enrolled` is in it, `other_student` is in a course of
`other_teacher`, `student` is in none.
"""

from __future__ import annotations

PEOPLE = (
    "anonymous",
    "student",
    "enrolled",
    "other_student",
    "teacher",
    "other_teacher",
    "admin",
)

# —— Mutations ——

_EDIT = "U F F F Y F Y"
_OPERATE = "U F F F F F Y"
MUTATIONS: dict[str, str] = {
    "changePassword": "U Y Y Y Y Y Y",
    "updateUser": "U N Y N N N Y",  # of the enrolled student
    "setUserRole": _OPERATE,
    "setMetadata": "U N Y N N N Y",  # of the enrolled student
    "removeMetadata": "U N Y N N N Y",  # of the enrolled student
    "createCourse": "U F F F Y Y Y",
    "updateCourse": _EDIT,
    "archiveCourse": _EDIT,
    "restoreCourse": _EDIT,
    "deleteCourse": _EDIT,
    "publishCourse": _EDIT,
    "unpublishCourse": _EDIT,
    "joinCourse": "U Y Y Y F F F",
    "leaveCourse": "U N Y N F F F",
    "enrollStudents": _EDIT,
    "removeStudents": _EDIT,
    "createChapter": _EDIT,
    "updateChapter": _EDIT,
    "deleteChapter": _EDIT,
    "moveChapter": _EDIT,
    "reorderChapters": _EDIT,
    "createTheory": _EDIT,
    "updateTheory": _EDIT,
    "deleteTheory": _EDIT,
    "moveTheory": _EDIT,
    "createResource": _EDIT,
    "updateResource": _EDIT,
    "deleteResource": _EDIT,
    "createSkill": _EDIT,
    "updateSkill": _EDIT,
    "deleteSkill": _EDIT,
    "setPrerequisite": _EDIT,
    "removePrerequisite": _EDIT,
    "createConcept": _EDIT,
    "updateConcept": _EDIT,
    "deleteConcept": _EDIT,
    "setConceptMention": _EDIT,
    "removeConceptMention": _EDIT,
    "setConceptRelation": _EDIT,
    "removeConceptRelation": _EDIT,
    "recordAssessments": _EDIT,
    "ingestExtraction": _EDIT,
    "retryExtraction": _EDIT,
    "retrySync": _OPERATE,
    "repairDrift": _OPERATE,
    "rebuildGraph": _OPERATE,
}
# Anybody may try these: that is what they are for.
OPEN = ("register", "logIn", "refresh", "logOut")

# —— Root fields and fields that show somebody's data ——

_VISIBLE = "U Y Y Y Y Y Y"
_OF_THE_STUDENT = "U N Y N Y N Y"
# Field -> (a question about the course or about `enrolled`, outcomes).
FIELDS: dict[str, tuple[str, str]] = {
    "Query.me": ("{ me { id } }", "N Y Y Y Y Y Y"),
    "Query.node": ("query($s: ID!) { node(id: $s) { id } }", _OF_THE_STUDENT),
    "Query.nodes": ("query($s: ID!) { nodes(ids: [$s]) { id } }", _OF_THE_STUDENT),
    "Query.course": ("query($c: ID!) { course(id: $c) { id } }", _VISIBLE),
    "Query.courses": ("{ courses { nodes { id } } }", _VISIBLE),
    "Query.student": ("query($s: ID!) { student(id: $s) { id } }", _OF_THE_STUDENT),
    "Query.users": ("{ users { nodes { id } } }", "U F F F Y Y Y"),
    "Query.chapter": ("query($h: ID!) { chapter(id: $h) { id } }", _VISIBLE),
    "Query.theory": ("query($t: ID!) { theory(id: $t) { id } }", _VISIBLE),
    "Query.skill": ("query($k: ID!) { skill(id: $k) { id } }", _VISIBLE),
    "Query.concept": ("query($n: ID!) { concept(id: $n) { id } }", _VISIBLE),
    "Query.chapterSequence": ("query($c: ID!) { chapterSequence(courseId: $c) { id } }", _VISIBLE),
    "Query.conceptMap": ("query($c: ID!) { conceptMap(courseId: $c) { concepts { id } } }", _VISIBLE),
    "Query.conceptRelations": (
        "query($c: ID!) { conceptRelations(courseId: $c) { nodes { id } } }",
        _VISIBLE,
    ),
    "Query.studentMastery": (
        "query($s: ID!, $c: ID!) { studentMastery(courseId: $c, studentId: $s) { totalCount } }",
        "U F Y F Y F Y",
    ),
    "Query.classMastery": (
        "query($c: ID!) { classMastery(courseId: $c) { totalCount } }",
        "U F F F Y F Y",
    ),
    "Query.extractionRun": ("query($r: ID!) { extractionRun(id: $r) { id } }", "U N N N Y N Y"),
    "Query.sync": ("query($y: ID!) { sync(token: $y) { version } }", "U N N N Y N Y"),
    "Query.mirrorStatus": ("{ mirrorStatus { health } }", _OPERATE),
    "Query.syncRecords": ("{ syncRecords { totalCount } }", _OPERATE),
    "Query.graphDrift": ("query($c: ID!) { graphDrift(courseId: $c) { findingCount } }", _OPERATE),
    "Course.enrollments": (
        "query($c: ID!) { course(id: $c) { enrollments { nodes { student { id } } } } }",
        "U N Y N Y N Y",
    ),
    "Course.extractionRuns": (
        "query($c: ID!) { course(id: $c) { extractionRuns { nodes { id } } } }",
        "U N N N Y N Y",
    ),
    "Course.readiness": ("query($c: ID!) { course(id: $c) { readiness { ready } } }", "U N N N Y N Y"),
    "User.email": ("query($s: ID!) { student(id: $s) { email } }", "U N Y N N N Y"),
    "Student.metadata": ("query($s: ID!) { student(id: $s) { metadata { key } } }", _OF_THE_STUDENT),
    "Student.enrollments": (
        "query($s: ID!) { student(id: $s) { enrollments { nodes { id } } } }",
        _OF_THE_STUDENT,
    ),
    "Student.progress": ("query($s: ID!) { student(id: $s) { progress { nodes { id } } } }", _OF_THE_STUDENT),
    "Student.masteries": (
        "query($s: ID!, $c: ID!) { student(id: $s) { masteries(courseId: $c) { nodes { id } } } }",
        _OF_THE_STUDENT,
    ),
    "Skill.mastery": (
        "query($s: ID!, $k: ID!) { skill(id: $k) { mastery(studentId: $s) { numAssessments } } }",
        _OF_THE_STUDENT,
    ),
    "Chapter.masterySummary": (
        "query($s: ID!, $h: ID!) { chapter(id: $h) { masterySummary(studentId: $s) { skillCount } } }",
        _OF_THE_STUDENT,
    ),
}
