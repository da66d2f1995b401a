"""Two teachers' courses and everybody around them, who may see which record, and all questions that lead to one.

Who may see what is written here again, in SQL rows and plain Python: the test compares it with what the API says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from sqlalchemy import select

from resolvers import ids
from sql import models
from sql.models import Role
from tests.api_fixtures import Actor, Api
from tests.e2e.test_course_life import Course
from tests.e2e.test_mutations_extraction import document, finished

ABSENT_UUID = "2f1c9c8e-8f5e-4b0e-9f43-0c1d2e3f4a5b"
ABSENT_NUMBER = 987_654_321
# Records of a curriculum: who sees the course sees them.
CURRICULUM = (
    models.Chapter,
    models.Theory,
    models.Skill,
    models.SkillPrerequisite,
    models.Concept,
    models.ConceptRelation,
    models.Resource,
)


@dataclass
class Scene:
    """Courses `shown` and `draft` of one teacher, `other` and `other_draft` of another, and people."""

    api: Api
    people: dict[str, Actor | None] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        """Return somebody who is signed in."""
        found = self.people[name]
        assert found is not None
        return found

    async def make(self) -> Scene:
        api = self.api
        self.people = {
            "anonymous": None,
            "student": await api.student("Outside"),
            "enrolled": await api.student("Inside"),
            "other student": await api.student("Elsewhere"),
            "student of both": await api.student("Everywhere"),
            "teacher": await api.teacher(),
            "other teacher": await api.teacher(),
            "admin": await api.admin(),
        }
        for name in ("student", "enrolled", "other student", "student of both"):
            made = await api.ok(
                "setMetadata", self.actor(name), "metadata { id }", key="goal", value=f"goal of {name}"
            )
            self.entries[name] = made["metadata"]["id"]
        for name, who, title in (
            ("shown", "teacher", "Shown"),
            ("draft", "teacher", "Draft"),
            ("other", "other teacher", "Other"),
            ("other draft", "other teacher", "Other draft"),
        ):
            self.courses[name] = await self._course(self.actor(who), title)
        for name, students in (
            ("shown", ("enrolled", "student of both")),
            ("other", ("other student", "student of both")),
        ):
            await self._live(name, students)
        await api.drain()
        return self

    async def _course(self, teacher: Actor, title: str) -> Course:
        api = self.api
        course = await Course(api, teacher).write()
        await api.ok("updateCourse", teacher, id=course.id, title=title, description=f"About {title}.")
        for chapter in course.chapters[1:]:
            await api.ok("deleteChapter", teacher, id=chapter)
        await api.ok("updateSkill", teacher, id=course.skills[1], theoryIds=[course.theories[1]])
        await api.ok(
            "setPrerequisite", teacher, prerequisiteId=course.skills[0], dependentId=course.skills[1]
        )
        return course

    async def _live(self, name: str, students: tuple[str, ...]) -> None:
        api, course = self.api, self.courses[name]
        teacher = course.teacher
        await api.ok("publishCourse", teacher, id=course.id)
        for student in students:
            await api.ok("joinCourse", self.actor(student), courseId=course.id)
        results = [
            {
                "studentId": self.actor(student).id,
                "skillId": course.skills[0],
                "score": 1,
                "idempotencyKey": f"{name} {student}",
            }
            for student in students
        ]
        await api.ok("recordAssessments", teacher, assessments=results)
        run = await api.ok(
            "ingestExtraction", teacher, "run { id }", courseId=course.id, documents=[document()]
        )
        self.runs[name] = run["run"]["id"]
        await finished(api, teacher, run["run"]["id"])

    # —— Who may see what ——

    async def visible(self) -> dict[str, set[str]]:
        """Return for each person the ids of all records that they may see."""
        async with self.api.database.read() as session:
            rows: dict[type, list[Any]] = {}
            for model in (
                *CURRICULUM,
                models.User,
                models.Course,
                models.Enrollment,
                models.Metadata,
                models.ConceptMention,
                models.Mastery,
                models.Assessment,
                models.ExtractionRun,
                models.ExtractionDocument,
            ):
                rows[model] = list(await session.scalars(select(model)))
        courses = {row.id: row for row in rows[models.Course]}
        joined = {(row.student_id, row.course_id) for row in rows[models.Enrollment]}
        theories = {row.id: row.course_id for row in rows[models.Theory]}
        answer: dict[str, set[str]] = {"anonymous": set()}
        for name, person in self.people.items():
            if person is None:
                continue
            viewer = next(row for row in rows[models.User] if row.id == person.key)
            admin = viewer.role is Role.ADMIN
            runs = {key for key, course in courses.items() if admin or course.teacher_id == viewer.id}
            sees = {
                key
                for key, course in courses.items()
                if key in runs
                or course.publication_status is models.PublicationStatus.PUBLISHED
                or (viewer.id, key) in joined
            }
            own = {student for student, course in joined if course in runs}

            def may(row: Any, viewer: models.User, runs: set[int], sees: set[int], own: set[int]) -> bool:
                admin = viewer.role is Role.ADMIN
                match row:
                    case models.User():
                        return admin or row.id in {viewer.id, *own} or row.role is Role.TEACHER
                    case models.Course():
                        return row.id in sees
                    case models.ConceptMention():
                        return theories[row.theory_id] in sees
                    case models.Metadata():
                        return admin or row.student_id in {viewer.id, *own}
                    case models.Enrollment() | models.Mastery() | models.Assessment():
                        return row.student_id == viewer.id or row.course_id in runs
                    case models.ExtractionRun() | models.ExtractionDocument():
                        return row.course_id in runs
                return row.course_id in sees

            answer[name] = {
                ids.resolve(row)
                for table in rows.values()
                for row in table
                if may(row, viewer, runs, sees, own)
            }
        return answer


# —— All questions ——


class Questions:
    """Every path from a root field, to a bounded depth, with the ids of a scene in all arguments."""

    def __init__(self, schema: GraphQLSchema, scene: Scene, everything: list[str]) -> None:
        self.schema = schema
        self.scene = scene
        self.everything = everything
        self.students = [
            person.id for name, person in scene.people.items() if person and "student" in name
        ] + [scene.actor("enrolled").id]
        self.course_ids = [course.id for course in scene.courses.values()]

    def roots(self) -> Iterator[tuple[str, str, GraphQLField]]:
        """Return (name, arguments, field) of each root field with each id that it may be asked with."""
        assert self.schema.query_type is not None
        for name, definition in self.schema.query_type.fields.items():
            for arguments in self._root_arguments(name, definition):
                yield name, arguments, definition

    def _root_arguments(self, name: str, definition: GraphQLField) -> list[str]:
        scene = self.scene
        by_type = {
            "chapter": [course.chapters[0] for course in scene.courses.values()],
            "theory": [course.theories[0] for course in scene.courses.values()],
            "skill": [course.skills[0] for course in scene.courses.values()],
            "concept": [course.concepts[0] for course in scene.courses.values()],
            "course": self.course_ids,
            "student": self.students,
            "extractionRun": list(scene.runs.values()),
        }
        if name == "nodes":
            size = 100
            return [
                "ids: [" + " ".join(f'"{one}"' for one in self.everything[start : start + size]) + "]"
                for start in range(0, len(self.everything), size)
            ]
        if name == "node":
            return [f'id: "{one}"' for one in (*scene.entries.values(), *scene.runs.values())]
        if name == "studentMastery":
            return [
                f'courseId: "{course}", studentId: "{student}"'
                for course in self.course_ids[::2]
                for student in self.students
            ]
        if "courseId" in definition.args:
            return [f'courseId: "{one}"' for one in self.course_ids]
        if name in by_type:
            return [f'id: "{one}"' for one in by_type[name]]
        required = [key for key, argument in definition.args.items() if is_required_argument(argument)]
        assert required in ([], ["token"]), f"say with which ids {name} is to be asked"
        return ['token: "nonsense"'] if required else [""]

    def tree(self, kind: GraphQLNamedType, depth: int) -> str:
        """Return a selection of every field below a type, to a depth."""
        if isinstance(kind, GraphQLObjectType):
            return "{ __typename " + " ".join(self._selected(kind, depth)) + " }"
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        parts = [
            f"... on {one.name} {{ {' '.join(self._selected(one, depth, one.name + '_'))} }}"
            for one in self.schema.get_possible_types(kind)
        ]
        return "{ __typename " + " ".join(parts) + " }"

    def paths(self, kind: GraphQLNamedType, depth: int) -> Iterator[str]:
        """Return one selection for each path below a type: on the way nothing but the way."""
        kinds = [kind] if isinstance(kind, GraphQLObjectType) else self.schema.get_possible_types(kind)  # type: ignore[arg-type]
        for one in kinds:
            around = "{ %s }" if one is kind else f"{{ ... on {one.name} {{ %s }} }}"
            yield around % " ".join(["__typename", *self._selected(one, 0)])
            for name, definition in one.fields.items():
                below = get_named_type(definition.type)
                if is_leaf_type(below) or depth == 0:
                    continue
                for place, arguments in enumerate(self._arguments(definition)):
                    for path in self.paths(below, depth - 1):
                        yield around % f"p{place}: {name}{arguments} {path}"

    def _selected(self, kind: GraphQLObjectType, depth: int, prefix: str = "") -> Iterator[str]:
        for name, definition in kind.fields.items():
            below = get_named_type(definition.type)
            if is_leaf_type(below):
                if not any(is_required_argument(one) for one in definition.args.values()):
                    yield f"{prefix}{name}: {name}" if prefix else name
            elif depth > 0:
                for place, arguments in enumerate(self._arguments(definition)):
                    yield f"{prefix}{name}{place}: {name}{arguments} {self.tree(below, depth - 1)}"

    def _arguments(self, definition: GraphQLField) -> list[str]:
        """Return the arguments to ask a field with: each student or course that it can be asked for."""
        if "courseId" in definition.args:
            return [f'(courseId: "{one}")' for one in self.course_ids]
        if "studentId" in definition.args:
            return ["", *(f'(studentId: "{one}")' for one in self.students[1:])]
        assert not [one for one in definition.args.values() if is_required_argument(one)]
        return [""]


def seen(value: Any) -> Iterator[str]:
    """Return every text of an answer."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str):
            yield item
