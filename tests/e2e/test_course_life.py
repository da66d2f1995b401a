"""From HTTP mutation to graph query: a course written through GraphQL and asked of the graph."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_fixtures import Actor, Api

OUTLINE = """
query($courseId: ID!) {
  course(id: $courseId) {
    title
    teacher { firstName }
    chapters {
      name order next { name } previous { name }
      theories {
        name order
        skills { name concepts { name } }
        mentions { definition textEvidence concept { name key: name } }
        readings { title url concepts { name } }
        videos { title }
      }
    }
  }
}
"""


class Course:
    """A small course, written through the API."""

    def __init__(self, api: Api, teacher: Actor) -> None:
        self.api, self.teacher = api, teacher

    async def write(self) -> Course:
        api, teacher = self.api, self.teacher
        self.id = (await api.ok("createCourse", teacher, "course { id }", title="Calculus"))["course"]["id"]
        self.chapters = [
            (await api.ok("createChapter", teacher, "chapter { id }", courseId=self.id, name=name))[
                "chapter"
            ]["id"]
            for name in ("Limits", "Derivatives", "Integrals")
        ]
        self.theories = [
            (await api.ok("createTheory", teacher, "theory { id }", chapterId=self.chapters[0], name=name))[
                "theory"
            ]["id"]
            for name in ("Sequences", "Continuity")
        ]
        self.concepts = [
            (await api.ok("createConcept", teacher, "concept { id }", courseId=self.id, name=name))[
                "concept"
            ]["id"]
            for name in ("Limit", "Epsilon", "Derivative")
        ]
        self.skills = [
            (
                await api.ok(
                    "createSkill",
                    teacher,
                    "skill { id }",
                    courseId=self.id,
                    name=name,
                    theoryIds=[self.theories[0]],
                    conceptIds=[self.concepts[0]],
                )
            )["skill"]["id"]
            for name in ("Compute a limit", "Apply the definition")
        ]
        await api.ok(
            "setConceptMention",
            teacher,
            theoryId=self.theories[0],
            conceptId=self.concepts[0],
            definition="What a sequence comes close to.",
            textEvidence="A limit is a value.",
        )
        await api.ok(
            "setConceptRelation",
            teacher,
            sourceId=self.concepts[0],
            type="PREREQUISITE",
            targetId=self.concepts[2],
            reason="A derivative is a limit.",
        )
        await api.ok(
            "createResource",
            teacher,
            kind="READING",
            title="On limits",
            url="https://example.org/limits",
            theoryIds=[self.theories[0]],
            conceptIds=[self.concepts[0]],
        )
        return self

    async def names(self, actor: Actor | None = None) -> list[str]:
        data = await self.api.data(
            "query($id: ID!) { chapterSequence(courseId: $id) { name } }", actor or self.teacher, id=self.id
        )
        return [chapter["name"] for chapter in data["chapterSequence"]]


async def test_a_course_is_written_and_asked_of_the_graph(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    body = await api.ask(OUTLINE, teacher, courseId=course.id)
    assert "errors" not in body, body
    answer = body["data"]["course"]
    assert answer["title"] == "Calculus"
    assert answer["teacher"] == {"firstName": "Tea"}
    assert [(c["name"], c["order"]) for c in answer["chapters"]] == [
        ("Limits", 0),
        ("Derivatives", 1),
        ("Integrals", 2),
    ]
    assert [c["next"] and c["next"]["name"] for c in answer["chapters"]] == ["Derivatives", "Integrals", None]
    assert [c["previous"] and c["previous"]["name"] for c in answer["chapters"]] == [
        None,
        "Limits",
        "Derivatives",
    ]
    theories = answer["chapters"][0]["theories"]
    assert [theory["name"] for theory in theories] == ["Sequences", "Continuity"]
    assert theories[0] == {
        "name": "Sequences",
        "order": 0,
        "skills": [
            {"name": "Apply the definition", "concepts": [{"name": "Limit"}]},
            {"name": "Compute a limit", "concepts": [{"name": "Limit"}]},
        ],
        "mentions": [
            {
                "definition": "What a sequence comes close to.",
                "textEvidence": "A limit is a value.",
                "concept": {"name": "Limit", "key": "Limit"},
            }
        ],
        "readings": [
            {"title": "On limits", "url": "https://example.org/limits", "concepts": [{"name": "Limit"}]}
        ],
        "videos": [],
    }
    assert body["extensions"]["graph"]["lagMs"] == 0


async def test_every_write_of_the_course_is_synced_inline(api: Api) -> None:
    teacher = await api.teacher()
    payload = await api.ok("createCourse", teacher, "course { id version }", title="Sets")
    assert payload["sync"]["state"] == "SYNCED"
    assert payload["course"]["version"] == 1
    data = await api.data(
        "query($t: ID!) { sync(token: $t, waitMs: 1000) { state version attempts lastError } }",
        teacher,
        t=payload["sync"]["token"],
    )
    assert data["sync"]["state"] == "SYNCED"
    assert data["sync"]["lastError"] is None


async def test_a_reorder_keeps_the_chain_whole(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    first, second, third = course.chapters
    payload = await api.ok(
        "reorderChapters",
        teacher,
        "chapters { id order name }",
        courseId=course.id,
        chapterIds=[third, first, second],
    )
    assert [(c["id"], c["order"]) for c in payload["chapters"]] == [(third, 0), (first, 1), (second, 2)]
    assert await course.names() == ["Integrals", "Limits", "Derivatives"]
    await api.ok("moveChapter", teacher, id=second, order=0)
    assert await course.names() == ["Derivatives", "Integrals", "Limits"]
    await api.ok("deleteChapter", teacher, "deleted { kind count }", id=third)
    assert await course.names() == ["Derivatives", "Limits"]
    await api.ok("createChapter", teacher, courseId=course.id, name="Series", order=1)
    assert await course.names() == ["Derivatives", "Series", "Limits"]


async def test_a_student_joins_is_assessed_and_reads_mastery(api: Api) -> None:
    teacher, student = await api.teacher(), await api.student()
    course = await Course(api, teacher).write()
    await api.ok("updateCourse", teacher, id=course.id, description="Limits and more.")
    # A draft can not be joined, and what is not published is as if it were not there.
    refused = await api.mutate("joinCourse", student, courseId=course.id)
    assert refused["__typename"] == "NotFoundProblem"
    gates = await api.mutate("publishCourse", teacher, id=course.id)
    assert gates["__typename"] == "ConflictProblem"
    assert gates["code"] == "WRONG_STATE"
    await api.ok("deleteChapter", teacher, id=course.chapters[1])
    await api.ok("deleteChapter", teacher, id=course.chapters[2])
    await api.ok("updateSkill", teacher, id=course.skills[1], theoryIds=[course.theories[1]])
    await api.ok("publishCourse", teacher, id=course.id)
    joined = await api.ok(
        "joinCourse", student, "enrollment { id course { studentCount viewerCan } }", courseId=course.id
    )
    assert joined["enrollment"]["course"] == {"studentCount": 1, "viewerCan": ["LEAVE"]}
    recorded = await api.ok(
        "recordAssessments",
        teacher,
        "recordedCount repeatedCount masteries "
        "{ id currentMastery numAssessments masteryCategory trend skill { name } student { id } }",
        assessments=[
            {
                "studentId": student.id,
                "skillId": course.skills[0],
                "score": 1,
                "assessedAt": f"2026-03-0{day}T09:30:00Z",
                "idempotencyKey": f"quiz-{day}",
            }
            for day in (1, 2, 3)
        ],
    )
    assert (recorded["recordedCount"], recorded["repeatedCount"]) == (3, 0)
    (mastery,) = recorded["masteries"]
    assert mastery["numAssessments"] == 3
    assert mastery["skill"] == {"name": "Compute a limit"}
    assert mastery["student"] == {"id": student.id}
    answer = await api.data(
        """query($c: ID!) {
          me { ... on Student { progress(first: 2) { totalCount nodes { score masteryAfter skill { name } } } } }
          studentMastery(courseId: $c) {
            totalCount
            nodes { id currentMastery numAssessments masteryCategory updatedAt skill { name } }
          }
          course(id: $c) { viewerEnrollment { masterySummary { skillCount notStartedCount averageMastery } } }
        }""",
        student,
        c=course.id,
    )
    assert answer["me"]["progress"]["totalCount"] == 3
    assert [node["skill"]["name"] for node in answer["me"]["progress"]["nodes"]] == ["Compute a limit"] * 2
    masteries = answer["studentMastery"]
    assert masteries["totalCount"] == 2
    by_skill = {node["skill"]["name"]: node for node in masteries["nodes"]}
    assert by_skill["Compute a limit"]["currentMastery"] == mastery["currentMastery"]
    assert by_skill["Compute a limit"]["id"] == mastery["id"]
    assert by_skill["Compute a limit"]["updatedAt"] == "2026-03-03T09:30:00.000Z"
    assert by_skill["Apply the definition"] == {
        **by_skill["Apply the definition"],
        "currentMastery": None,
        "numAssessments": 0,
        "masteryCategory": "NOT_STARTED",
        "updatedAt": None,
    }
    summary = answer["course"]["viewerEnrollment"]["masterySummary"]
    average = summary.pop("averageMastery")
    assert summary == {"skillCount": 2, "notStartedCount": 1}
    assert average == pytest.approx(mastery["currentMastery"])


async def test_relations_and_maps_of_concepts(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    limit, epsilon, derivative = course.concepts
    await api.ok(
        "setConceptRelation", teacher, sourceId=epsilon, type="PART_OF", targetId=limit, reason="It bounds."
    )
    data: dict[str, Any] = await api.data(
        """query($c: ID!, $k: ID!) {
          conceptRelations(courseId: $c) {
            totalCount pageInfo { hasNextPage }
            nodes { type reason origin source { name } target { name } }
          }
          incoming: conceptRelations(courseId: $c, conceptId: $k, direction: INCOMING) { nodes { type } }
          conceptMap(courseId: $c, centerId: $k, depth: 1) {
            truncated concepts { name } relations { type source { name } target { name } }
          }
          concept(id: $k) { mentionCount relations(types: [PREREQUISITE]) { type target { name } } }
        }""",
        teacher,
        c=course.id,
        k=limit,
    )
    assert data["conceptRelations"]["totalCount"] == 2
    assert data["conceptRelations"]["nodes"] == [
        {
            "type": "PART_OF",
            "reason": "It bounds.",
            "origin": "TEACHER",
            "source": {"name": "Epsilon"},
            "target": {"name": "Limit"},
        },
        {
            "type": "PREREQUISITE",
            "reason": "A derivative is a limit.",
            "origin": "TEACHER",
            "source": {"name": "Limit"},
            "target": {"name": "Derivative"},
        },
    ]
    assert data["incoming"] == {"nodes": [{"type": "PART_OF"}]}
    assert [c["name"] for c in data["conceptMap"]["concepts"]] == ["Limit", "Derivative", "Epsilon"]
    assert data["conceptMap"]["truncated"] is False
    assert len(data["conceptMap"]["relations"]) == 2
    assert data["concept"] == {
        "mentionCount": 1,
        "relations": [{"type": "PREREQUISITE", "target": {"name": "Derivative"}}],
    }
    cycle = await api.mutate(
        "setConceptRelation", teacher, sourceId=derivative, type="PREREQUISITE", targetId=limit
    )
    assert cycle["__typename"] == "CycleProblem"
    ids = [node["id"] for node in cycle["cycle"]]
    assert ids[0] == ids[-1]
    assert set(ids) == {limit, derivative}


async def test_records_are_refetched_by_their_ids(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    wanted = [course.id, course.chapters[0], course.skills[0], "nonsense", teacher.id, course.concepts[1]]
    data = await api.data(
        """query($ids: [ID!]!) { nodes(ids: $ids) {
          __typename id ... on Course { title } ... on Chapter { name } ... on Skill { name theories { name } }
          ... on User { firstName } ... on Concept { name }
        } }""",
        teacher,
        ids=wanted,
    )
    assert [node and node["__typename"] for node in data["nodes"]] == [
        "Course",
        "Chapter",
        "Skill",
        None,
        "Teacher",
        "Concept",
    ]
    assert [node and node["id"] for node in data["nodes"]] == [i if i != "nonsense" else None for i in wanted]
    assert data["nodes"][2]["theories"] == [{"name": "Sequences"}]
