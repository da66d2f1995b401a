"""Course files: every finding with its place; imported once, in pieces, resumable; the examples hold."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sql import concepts, course_import, errors, extraction
from sql.course_file import CourseFile, check, skip_invalid
from sql.course_import import import_course
from sql.extraction import (
    ConceptValue,
    DocumentValue,
    PrerequisiteValue,
    RelationValue,
    SkillValue,
)
from sql.extraction_worker import work_once
from sql.models import (
    Chapter,
    Concept,
    ConceptMention,
    ConceptRelation,
    ConceptRelationType,
    Course,
    CourseImport,
    ExtractionDocument,
    ExtractionStatus,
    Kind,
    PrerequisiteStatus,
    PublicationStatus,
    Resource,
    ResourceConcept,
    ResourceTheory,
    Role,
    Skill,
    SkillConcept,
    SkillPrerequisite,
    SkillTheory,
    Theory,
    User,
)
from sql.session import Database
from tests.curriculum_rows import count, records

EXAMPLES = Path(__file__).parents[2] / "examples"

SMALL: dict[str, Any] = {
    "version": 1,
    "course": {"title": "Sets", "description": "About sets.", "level": "BACHELOR"},
    "chapters": [
        {
            "key": "c1",
            "name": "First",
            "theories": [
                {
                    "key": "t1",
                    "name": "Union",
                    "summary": "All of both.",
                    "skills": ["s1"],
                    "mentions": [{"concept": "union", "definition": "Both.", "source_document": "a.pdf"}],
                    "readings": [{"title": "Read", "url": "HTTPS://Example.org/a", "concepts": ["union"]}],
                },
                {
                    "key": "t2",
                    "name": "Cut",
                    "skills": ["s1", "s2"],
                    "readings": [{"title": "Read", "url": "https://example.org/a", "concepts": ["cut"]}],
                    "videos": [{"title": "See", "url": "https://example.org/v"}],
                },
            ],
        },
        {"key": "c2", "name": "Second", "theories": [{"key": "t3", "name": "More", "skills": ["s2"]}]},
    ],
    "concepts": [
        {"key": "set", "name": "set", "aliases": ["Collection"]},
        {"key": "union", "name": "Union"},
        {"key": "cut", "name": "Intersection"},
    ],
    "skills": [
        {"key": "s1", "name": "Unite sets", "concepts": ["union", "set"]},
        {"key": "s2", "name": "Cut sets"},
    ],
    "relations": [
        {"source": "set", "type": "PREREQUISITE", "target": "union", "reason": "Parts first."},
        {"source": "union", "type": "RELATED_TO", "target": "cut"},
    ],
    "skill_prerequisites": [{"prerequisite": "s1", "dependent": "s2", "strength": 0.5}],
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """Return the small file with one place changed."""
    data = copy.deepcopy(SMALL)
    holder: Any = data
    for part in path[:-1]:
        holder = holder[part]
    if isinstance(holder, list) and path[-1] == "+":
        holder.append(to)
    else:
        holder[path[-1]] = to
    return data


def places(data: Any) -> list[str]:
    return [finding.place for finding in check(data)[1]]


def example(name: str) -> tuple[CourseFile, str]:
    content = (EXAMPLES / name).read_bytes()
    file, findings = check(json.loads(content))
    assert findings == []
    assert file is not None
    return file, hashlib.sha256(content).hexdigest()


def small() -> CourseFile:
    file, findings = check(SMALL)
    assert findings == []
    assert file is not None
    return file


@pytest.fixture
async def teacher(database: Database) -> int:
    return await add_teacher(database)


async def add_teacher(database: Database, email: str = "t@example.org") -> int:
    async with database.write() as session:
        user = User(email=email, first_name="T", last_name="T", role=Role.TEACHER)
        session.add(user)
        await session.flush()
        return user.id


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (changed("version", to=2), "version"),
        (changed("course", "title", to=" "), "course.title"),
        (changed("surprise", to=1), "surprise"),
        (changed("chapters", 1, "name", to="x" * 101), "chapters[1].name"),
        (changed("chapters", 1, "key", to="c1"), "chapters[1].key"),
        (changed("chapters", 1, "theories", 0, "key", to="t1"), "chapters[1].theories[0].key"),
        (
            changed("chapters", 0, "theories", 0, "skills", "+", to="none"),
            "chapters[0].theories[0].skills[1]",
        ),
        (
            changed("chapters", 0, "theories", 0, "mentions", 0, "concept", to="none"),
            "chapters[0].theories[0].mentions[0].concept",
        ),
        (
            changed("chapters", 0, "theories", 0, "readings", 0, "url", to="ftp://example.org"),
            "chapters[0].theories[0].readings[0].url",
        ),
        (
            changed("chapters", 0, "theories", 1, "videos", 0, "url", to="https://EXAMPLE.org/a"),
            "chapters[0].theories[1].videos[0].url",
        ),
        (changed("concepts", 2, "name", to="COLLECTION"), "concepts[2].name"),
        (changed("concepts", 2, "name", to="\ufdfa" * 20), "concepts[2].name"),
        (changed("concepts", 2, "name", to="a\x00b"), "concepts[2].name"),
        (changed("skills", 1, "name", to="unite  SETS"), "skills[1].name"),
        (changed("skills", 1, "concepts", to=["none"]), "skills[1].concepts[0]"),
        (changed("relations", 0, "target", to="none"), "relations[0].target"),
        (changed("relations", 0, "type", to="NEAR"), "relations[0].type"),
        (changed("relations", 0, "target", to="set"), "relations[0]"),
        (
            changed("relations", "+", to={"source": "cut", "type": "RELATED_TO", "target": "union"}),
            "relations[2]",
        ),
        (changed("skill_prerequisites", 0, "strength", to=0), "skill_prerequisites[0].strength"),
    ],
)
def test_a_finding_names_its_place(data: dict[str, Any], place: str) -> None:
    file, findings = check(data)
    assert file is None
    assert [finding.place for finding in findings] == [place]


def test_everything_is_found_at_once() -> None:
    data = changed("relations", 0, "target", to="none")
    data["skills"][1]["name"] = "Unite sets"
    data["chapters"][1]["theories"][0]["skills"] = ["x", "y"]
    assert len(places(data)) == 4


def test_a_cycle_is_told_with_its_way() -> None:
    data = changed("skill_prerequisites", "+", to={"prerequisite": "s2", "dependent": "s1", "reason": None})
    (finding,) = check(data)[1]
    assert finding.place in ("skill_prerequisites[0]", "skill_prerequisites[1]")
    assert "s1 → s2 → s1" in finding.message or "s2 → s1 → s2" in finding.message
    file, dropped = skip_invalid(data)
    assert file is not None
    assert len(file.skill_prerequisites) == 1
    assert [one.message for one in dropped] == [finding.message]


def test_bounds_over_the_whole_file_are_checked() -> None:
    data = copy.deepcopy(SMALL)
    data["chapters"][0]["theories"] += [
        {"key": f"x{n}", "name": f"X{n}", "skills": ["s1"]} for n in range(49)
    ]
    assert places(data) == ["chapters[0].theories[50].skills[0]"]
    data = copy.deepcopy(SMALL)
    data["skills"] += [{"key": f"p{n}", "name": f"P{n}"} for n in range(50)]
    data["skill_prerequisites"] += [{"prerequisite": f"p{n}", "dependent": "s2"} for n in range(50)]
    assert places(data) == ["skill_prerequisites[50].dependent"]


def test_what_is_at_fault_is_left_out_and_told() -> None:
    data = changed("concepts", 1, "name", to="")
    file, dropped = skip_invalid(data)
    assert file is not None
    assert check(file.model_dump(mode="json"))[1] == []
    assert {one.key for one in file.concepts} == {"set", "cut"}
    assert file.relations == []
    assert dropped[0].place == "concepts[1].name"
    assert len(dropped) == 6  # the concept, its mention, its reading's and skill's reference, two relations
    assert skip_invalid(changed("course", "title", to=""))[0] is None


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*SMALL, "key", "name", "theories"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_file_breaks_the_check(data: Any) -> None:
    file, findings = check(data)
    assert (file is None) == bool(findings)
    skip_invalid(data)


async def test_a_file_becomes_a_course(database: Database, teacher: int) -> None:
    heard: list[tuple[int, int]] = []
    result = await import_course(
        database,
        teacher_id=teacher,
        file=small(),
        sha256="a" * 64,
        publish=True,
        progress=lambda done, total, _: heard.append((done, total)),
    )
    assert not result.already_imported
    assert result.counts == {
        "CHAPTER": 2,
        "THEORY": 3,
        "SKILL": 2,
        "CONCEPT": 3,
        "CONCEPT_MENTION": 1,
        "CONCEPT_RELATION": 2,
        "SKILL_PREREQUISITE": 1,
        "RESOURCE": 2,
    }
    assert heard == [(n + 1, len(heard)) for n in range(len(heard))]
    async with database.read() as session:
        course = await session.get(Course, result.course_id)
        assert course is not None
        assert (course.title, course.publication_status) == ("Sets", PublicationStatus.PUBLISHED)
        chapters = (await session.scalars(select(Chapter).order_by(Chapter.order))).all()
        assert [(one.name, one.order) for one in chapters] == [("First", 0), ("Second", 1)]
        theories = (
            await session.scalars(
                select(Theory).where(Theory.chapter_id == chapters[0].id).order_by(Theory.order)
            )
        ).all()
        assert [(one.name, one.order) for one in theories] == [("Union", 0), ("Cut", 1)]
        skills = {one.name: one for one in await session.scalars(select(Skill))}
        assert await count(session, SkillTheory) == 4
        assert await count(session, SkillConcept) == 2
        assert await count(session, ResourceTheory) == 3
        assert await count(session, ResourceConcept) == 2
        edge = (await session.scalars(select(SkillPrerequisite))).one()
        assert (edge.prerequisite_id, edge.dependent_id) == (skills["Unite sets"].id, skills["Cut sets"].id)
        assert (edge.strength, edge.status, edge.decided_by_id) == (0.5, PrerequisiteStatus.APPROVED, teacher)
        taken = await concepts.names_taken(session, result.course_id, ["collection", "union"])
        assert len(taken) == 2
        related = (
            await session.scalars(
                select(ConceptRelation).where(ConceptRelation.type == ConceptRelationType.RELATED_TO)
            )
        ).one()
        assert related.source_id < related.target_id


async def test_every_record_is_on_its_way_to_the_graph(database: Database, teacher: int) -> None:
    result = await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64)
    found = await records(database)
    by_kind: dict[str, int] = {}
    for kind, _ in found:
        by_kind[kind.value] = by_kind.get(kind.value, 0) + 1
    assert by_kind == result.counts | {"COURSE": 1, "CHAPTER_SEQUENCE": 1, "THEORY_SEQUENCE": 2}
    async with database.read() as session:
        kinds: list[tuple[Any, Kind]] = [
            (Chapter, Kind.CHAPTER),
            (Theory, Kind.THEORY),
            (Skill, Kind.SKILL),
            (Concept, Kind.CONCEPT),
            (Resource, Kind.RESOURCE),
        ]
        for model, kind in kinds:
            for row in await session.scalars(select(model)):
                assert (row.version, False) == found[kind, row.id]


async def test_the_same_content_is_imported_once_for_a_teacher(database: Database, teacher: int) -> None:
    first = await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64)
    before = await records(database)
    again = await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64)
    assert (again.course_id, again.already_imported, again.counts) == (first.course_id, True, {})
    assert await records(database) == before
    other = await add_teacher(database, "u@example.org")
    theirs = await import_course(database, teacher_id=other, file=small(), sha256="a" * 64)
    assert theirs.course_id != first.course_id
    with pytest.raises(errors.Conflict) as caught:
        await import_course(database, teacher_id=teacher, file=small(), sha256="b" * 64)
    assert caught.value.code == "DUPLICATE"


async def test_a_cut_import_goes_on_where_it_stopped(
    database: Database, teacher: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    for stop_at in range(1, 9):

        def stop(done: int, total: int, label: str, at: int = stop_at) -> None:
            if done == at:
                raise Killed

        with pytest.raises(Killed):
            await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64, progress=stop)
    result = await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64, publish=True)
    async with database.read() as session:
        assert await count(session, Course) == 1
        numbers: list[tuple[type, int]] = [
            (Chapter, 2),
            (Theory, 3),
            (Skill, 2),
            (Concept, 3),
            (Resource, 2),
            (ConceptMention, 1),
            (ConceptRelation, 2),
            (SkillPrerequisite, 1),
        ]
        for model, number in numbers:
            assert await count(session, model) == number
        state = (await session.scalars(select(CourseImport))).one()
        assert (state.course_id, state.pieces_done) == (result.course_id, state.pieces_total)
        assert state.finished_at is not None
        course = await session.get(Course, result.course_id)
        assert course is not None
        assert course.publication_status is PublicationStatus.PUBLISHED


async def test_a_failing_piece_leaves_nothing_of_itself(
    database: Database, teacher: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = course_import._Importer._insert

    async def fail(self: Any, session: Any, kind: Kind, rows: Any) -> None:
        await real(self, session, kind, rows)
        if kind is Kind.THEORY:
            raise RuntimeError

    monkeypatch.setattr(course_import._Importer, "_insert", fail)
    with pytest.raises(RuntimeError):
        await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64)
    async with database.read() as session:
        assert await count(session, Chapter) == 0
        assert await count(session, Skill) == 2
    monkeypatch.undo()
    await import_course(database, teacher_id=teacher, file=small(), sha256="a" * 64)
    async with database.read() as session:
        assert await count(session, Chapter) == 2


@pytest.mark.parametrize(
    ("name", "concepts", "relations"),
    [("metacademy.course.json", 392, 964), ("d2l.course.json", 168, 272)],
)
async def test_the_examples_are_valid_and_imported_in_few_statements(
    sqlite_database: Database, name: str, concepts: int, relations: int
) -> None:
    file, sha256 = example(name)
    teacher = await add_teacher(sqlite_database)
    before = sqlite_database.statement_count
    result = await import_course(sqlite_database, teacher_id=teacher, file=file, sha256=sha256, publish=True)
    # By kinds and chapters, and not by records.
    assert sqlite_database.statement_count - before < sum(result.counts.values()) / 3
    assert (result.counts["CONCEPT"], result.counts["CONCEPT_RELATION"]) == (concepts, relations)
    async with sqlite_database.read() as session:
        assert await count(session, Concept) == concepts
        assert await count(session, ConceptRelation) == relations


async def test_the_example_of_an_extraction_is_accepted_and_written(database: Database, teacher: int) -> None:
    shipped = json.loads((EXAMPLES / "extraction.json").read_text(encoding="utf-8"))
    documents = [
        DocumentValue(
            **{key: one[key] for key in ("filename", "sha256", "text", "chapter", "topic", "summary")},
            keywords=one["keywords"],
            concepts=[
                ConceptValue(item["name"], item["definition"], item["textEvidence"])
                for item in one["concepts"]
            ],
            skills=[SkillValue(item["name"], concepts=item["concepts"]) for item in one["skills"]],
            relations=[
                RelationValue(
                    item["source"], ConceptRelationType(item["type"]), item["target"], item["reason"]
                )
                for item in one["relations"]
            ],
            prerequisites=[PrerequisiteValue(**item) for item in one["prerequisites"]],
        )
        for one in shipped["documents"]
    ]
    async with database.write() as session:
        course = Course(teacher_id=teacher, title="Extracted")
        session.add(course)
        await session.flush()
        assert await extraction.validate_documents(session, course_id=course.id, documents=documents) == []
        await extraction.start_run(session, actor_id=teacher, course_id=course.id, documents=documents)
    while await work_once(database, "worker"):
        pass
    async with database.read() as session:
        rows = (await session.scalars(select(ExtractionDocument))).all()
        assert [(row.status, row.last_error) for row in rows] == [(ExtractionStatus.FINISHED, None)] * 3
        assert await count(session, Theory) == 3
        assert await count(session, Chapter) == 1
        stated = {
            (item["source"], item["target"]) for one in shipped["documents"] for item in one["relations"]
        }
        assert await count(session, ConceptRelation) == len(stated)


def test_what_stands_behind_a_value_of_the_wrong_form_is_found_too() -> None:
    data = {
        "version": 1,
        "course": {"title": ""},
        "chapters": [{"key": "a", "name": "A", "theories": [{"key": "t", "name": "T", "skills": ["nope"]}]}],
        "concepts": [{"key": "c", "name": "C"}, {"key": "d", "name": "c", "colour": "red"}],
        "relations": [
            {"source": "c", "type": "PREREQUISITE", "target": "d"},
            {"source": "d", "type": "PREREQUISITE", "target": "c"},
            {"source": "c", "type": "LIKES", "target": "x"},
        ],
    }
    file, findings = check(data)
    assert file is None
    assert [finding.place for finding in findings] == [
        "course.title",
        "concepts[1].colour",
        "relations[2].type",
        "concepts[1].name",
        "chapters[0].theories[0].skills[0]",
        "relations[2].target",
        "relations[1]",
    ]
