"""Read what the compiler writes: golden texts, stable plans, parameters, refusals; engines only EXPLAIN."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from graph.client import GraphClient
from graph.compiler import (
    Plan,
    PlanCache,
    Scope,
    UnknownField,
    compile_chapter_sequence,
    compile_children,
    compile_class_mastery,
    compile_concept_map,
    compile_concept_relations,
    compile_lookup,
    compile_student_mastery,
)
from graph.cursors import InvalidCursor, decode_cursor, encode_cursor
from graph.selection import Field, Selection
from graph.statements import Statement

STUDENT = Scope(viewer_student_id=11)
TEACHER = Scope(taught_course_ids=(1, 2))


def ask(
    name: str, arguments: dict[str, Any] | None = None, below: Selection | None = None, alias: str = ""
) -> Field:
    """Return a field."""
    return Field(alias or name, name, arguments or {}, below)


def choose(typename: str, *fields: str | Field) -> Selection:
    """Return a selection on one type."""
    return Selection({typename: tuple(ask(each) if isinstance(each, str) else each for each in fields)})


def written(asked: Field, indent: str = "") -> str:
    """Return a field as GraphQL would write it, with raw keys for ids."""
    alias = f"{asked.response_key}: " if asked.response_key != asked.name else ""
    arguments = ", ".join(
        f"{name}: {json.dumps(value, default=str)}" for name, value in asked.arguments.items()
    )
    line = f"{indent}{alias}{asked.name}{f'({arguments})' if arguments else ''}"
    if asked.selection is None:
        return line
    lines = [line + " {"]
    for typename, fields in asked.selection.by_type.items():
        if len(asked.selection.by_type) > 1:
            lines += [
                f"{indent}  ... on {typename} {{",
                *(written(f, indent + "    ") for f in fields),
                f"{indent}  }}",
            ]
        else:
            lines += [written(each, indent + "  ") for each in fields]
    return "\n".join([*lines, indent + "}"])


CELL = choose("SkillMastery", "id", "currentMastery", "confidence", "masteryCategory")
SUMMARY = choose("MasterySummary", "averageMastery", "masteredCount", "skillCount")
RESOURCE = Selection({"Reading": (ask("id"), ask("title")), "Video": (ask("id"), ask("title"), ask("url"))})
MENTION = choose(
    "ConceptMention", "id", "definition", "textEvidence", ask("concept", {}, choose("Concept", "id", "name"))
)
OUTLINE = ask(
    "chapters",
    {},
    choose(
        "Chapter",
        *("id", "name", "description", "order", "version", "createdAt", "course"),
        ask(
            "theories",
            {},
            choose(
                "Theory",
                *("id", "name", "summary", "order"),
                ask("skills", {}, choose("Skill", "id", "name", ask("mastery", {}, CELL))),
                ask("mentions", {}, MENTION),
                ask("readings", {}, choose("Reading", "id", "title", "url")),
                ask("videos", {}, choose("Video", "id", "title", "url")),
            ),
        ),
    ),
)
DASHBOARD = ask(
    "chapters",
    {},
    choose(
        "Chapter",
        "id",
        ask("masterySummary", {}, SUMMARY),
        ask("skills", {}, choose("Skill", "id", "name", ask("mastery", {"studentId": 12}, CELL))),
    ),
)
CONCEPT = ask(
    "concept",
    {},
    choose(
        "Concept",
        *("id", "name", "aliases", "definition", "mentionCount"),
        ask(
            "mentions",
            {"limit": 5},
            choose(
                "ConceptMention",
                "id",
                "sourceDocument",
                ask(
                    "theory", {}, choose("Theory", "id", ask("chapter", {}, choose("Chapter", "id", "name")))
                ),
            ),
        ),
        ask("resources", {"limit": 5}, RESOURCE),
    ),
)
RELATION = choose(
    "ConceptRelation",
    *("id", "type", "reason"),
    ask("source", {}, choose("Concept", "id")),
    ask("target", {}, choose("Concept", "id")),
)
MAP = ask(
    "conceptMap",
    {"centerId": "c", "depth": 2, "types": ["IS_A"], "limit": 150},
    choose(
        "ConceptGraph",
        "truncated",
        ask("concepts", {}, choose("Concept", "id", "name")),
        ask("relations", {}, RELATION),
    ),
)
PAGE_INFO = ask("pageInfo", {}, choose("PageInfo", "hasNextPage", "hasPreviousPage", "endCursor"))


def _page(typename: str, node: Selection, *parts: str | Field) -> Selection:
    return choose(f"{typename}Connection", ask("nodes", {}, node), *parts)


def _keys(*fields: Field) -> Selection:
    return Selection({"Concept": fields})


MASTERY = ask(
    "studentMastery",
    {"studentId": 12, "orderBy": "WEAKEST", "categories": ["STRUGGLING"], "first": 50},
    _page(
        "SkillMastery",
        choose("SkillMastery", "id", "currentMastery", ask("skill", {}, choose("Skill", "name"))),
        PAGE_INFO,
        "totalCount",
    ),
)
RELATIONS = ask(
    "conceptRelations",
    {
        "conceptId": "c",
        "direction": "OUTGOING",
        "first": 10,
        "after": encode_cursor("", ["A", "IS_A", "B", "a", "b"]),
    },
    _page("ConceptRelation", RELATION, PAGE_INFO),
)
PROGRESS = ask(
    "progress",
    {"since": datetime(2026, 2, 1, tzinfo=UTC), "last": 30},
    _page(
        "Progress",
        choose("Progress", "id", "score", "assessedAt", ask("skill", {}, choose("Skill", "id", "name"))),
        PAGE_INFO,
    ),
)
SKILL = choose(
    "Skill",
    "id",
    ask("prerequisites", {}, choose("SkillPrerequisite", "id", "strength", "status", "decidedBy")),
    ask("resources", {}, RESOURCE),
)
SEARCH = ask(
    "concepts",
    {"search": "Straße NET", "orderBy": "MENTIONS", "first": 20},
    _page("Concept", choose("Concept", "id"), "totalCount"),
)
CLASS = ask(
    "classMastery",
    {"first": 30},
    choose(
        "ClassMasteryConnection",
        "totalCount",
        ask("skills", {}, choose("Skill", "id", "name")),
        ask(
            "edges",
            {},
            choose(
                "ClassMasteryEdge",
                "cursor",
                ask("node", {}, choose("Enrollment", ask("masterySummary", {"chapterId": "ch"}, SUMMARY))),
                ask("cells", {}, CELL),
            ),
        ),
        PAGE_INFO,
    ),
)
CLASS_OF_CHAPTER = ask(
    "classMastery",
    {"chapterId": "ch"},
    choose(
        "ClassMasteryConnection",
        ask(
            "edges",
            {},
            choose(
                "ClassMasteryEdge",
                ask(
                    "cells",
                    {},
                    choose("SkillMastery", "trend", "updatedAt", ask("skill", {}, choose("Skill", "name"))),
                ),
            ),
        ),
    ),
)
TOTAL = ask("masterySummary", {"chapterId": "ch"}, SUMMARY)

CASES: dict[str, tuple[Field, Callable[[], Plan]]] = {
    "outline": (OUTLINE, lambda: compile_children("Course", OUTLINE, [1], STUDENT)),
    "dashboard": (DASHBOARD, lambda: compile_children("Course", DASHBOARD, [1], TEACHER)),
    "chapter_sequence": (OUTLINE, lambda: compile_chapter_sequence(1, OUTLINE, STUDENT)),
    "concept": (
        CONCEPT,
        lambda: compile_lookup("Concept", ["c"], CONCEPT.selection or Selection(), STUDENT),
    ),
    "skill": (ask("skill", {}, SKILL), lambda: compile_lookup("Skill", ["a", "b"], SKILL, STUDENT)),
    "resource": (
        ask("node", {}, RESOURCE),
        lambda: compile_lookup(["Reading", "Video"], ["r"], RESOURCE, STUDENT),
    ),
    "concept_map": (MAP, lambda: compile_concept_map(1, MAP, STUDENT)),
    "student_mastery": (MASTERY, lambda: compile_student_mastery(1, 12, MASTERY, TEACHER)),
    "concept_relations": (RELATIONS, lambda: compile_concept_relations(1, RELATIONS, STUDENT)),
    "progress": (PROGRESS, lambda: compile_children("Student", PROGRESS, [11], STUDENT)),
    "concept_search": (SEARCH, lambda: compile_children("Course", SEARCH, [1], STUDENT)),
    "class_mastery": (CLASS, lambda: compile_class_mastery(1, [11, 12], CLASS, TEACHER)),
    "class_mastery_of_chapter": (
        CLASS_OF_CHAPTER,
        lambda: compile_class_mastery(1, [11, 12], CLASS_OF_CHAPTER, TEACHER),
    ),
    "enrollment_summary": (TOTAL, lambda: compile_children("Enrollment", TOTAL, [(1, 11)], STUDENT)),
}


@pytest.mark.parametrize("case", CASES)
def test_statements_read_as_agreed(case: str, golden: Callable[[str, str], None]) -> None:
    asked, compile_plan = CASES[case]
    plan = compile_plan()
    question = "\n".join(f"// {line}" for line in written(asked).splitlines())
    parameters = json.dumps(plan.parameters, indent=2, ensure_ascii=False, default=str)
    answer = "\n".join(f"// {line}" for line in f"{plan.name} {parameters}".splitlines())
    golden(f"compiler/{case}.cypher", f"{question}\n\n{plan.text}\n\n{answer}\n")


async def test_every_golden_statement_is_understood(graph_client: GraphClient) -> None:
    for _, compile_plan in CASES.values():
        plan = compile_plan()
        await graph_client.read(
            Statement(plan.name, f"EXPLAIN {plan.text}", plan.parameters), deadline_seconds=120
        )


def _with_other_values(asked: Field) -> Field:
    """Return the same structure with other values, those left alone that decide the text."""
    other: dict[str, Any] = {
        "limit": 7, "studentId": 99, "first": 3, "conceptId": "x", "centerId": "x",
        "types": ["PART_OF", "IS_A"], "direction": "INCOMING", "search": "other words here",
        "categories": [], "chapterId": "x",
        "after": encode_cursor("", ["x", "x", "x", "x", "x"]),
        "last": 2,
        "since": datetime(2020, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    below = asked.selection and Selection(
        {
            name: tuple(_with_other_values(each) for each in fields)
            for name, fields in asked.selection.by_type.items()
        }
    )
    arguments = {name: other.get(name, value) for name, value in asked.arguments.items()}
    return dataclasses.replace(asked, arguments=arguments, selection=below)


@pytest.mark.parametrize("asked", [OUTLINE, DASHBOARD, SEARCH])
def test_other_values_of_arguments_are_the_same_statement(asked: Field) -> None:
    cache = PlanCache()
    first = compile_children("Course", asked, [1], STUDENT, cache)
    second = compile_children("Course", _with_other_values(asked), [2, 3], TEACHER, cache)
    fresh = compile_children("Course", _with_other_values(asked), [2, 3], TEACHER)
    assert first.text == second.text == fresh.text
    assert second.parameters == fresh.parameters != first.parameters
    assert len(cache) == 1


def test_roots_are_cached_by_structure_too() -> None:
    cache = PlanCache()
    for values in (lambda asked: asked, _with_other_values):
        assert (
            compile_concept_map(1, values(MAP), STUDENT, cache).text
            == compile_concept_map(1, MAP, STUDENT).text
        )
        plan = compile_concept_relations(1, values(RELATIONS), STUDENT, cache)
        assert plan.text == compile_concept_relations(1, RELATIONS, STUDENT).text
        compile_student_mastery(1, 12, values(MASTERY), STUDENT, cache)
    assert len(cache) == 3
    other = dataclasses.replace(MAP, arguments={**MAP.arguments, "depth": 3})
    assert compile_concept_map(1, other, STUDENT, cache).text != compile_concept_map(1, MAP, STUDENT).text


def test_a_cache_drops_what_was_used_longest_ago() -> None:
    cache = PlanCache(most=2)
    for name in ("name", "order", "version", "name"):
        compile_lookup("Chapter", ["c"], choose("Chapter", name), STUDENT, cache)
    assert len(cache) == 2
    assert len(PlanCache(most_characters=1)) == 0


@pytest.mark.parametrize(
    ("given", "scope", "student", "visible"),
    [
        ({}, STUDENT, 11, True),
        ({}, TEACHER, None, False),
        ({"studentId": 12}, STUDENT, 12, False),
        ({"studentId": 11}, STUDENT, 11, True),
        ({"studentId": 12}, Scope(is_admin=True), 12, True),
    ],
)
def test_marks_are_asked_for_whom_the_viewer_may_see(
    given: dict[str, Any], scope: Scope, student: int | None, visible: bool
) -> None:
    plan = compile_lookup("Skill", ["k"], choose("Skill", ask("mastery", given, CELL)), scope)
    assert plan.parameters["skill_mastery_student"] == student
    if student is not None:
        assert plan.parameters["skill_mastery_visible"] is visible
    assert plan.parameters["taught_course_ids"] == list(scope.taught_course_ids)


def test_no_client_text_reaches_the_statement() -> None:
    plan = compile_lookup(
        "Concept", ["'] RETURN 1 //"], _keys(ask("mentions", {"limit": 5}, MENTION, "a1")), STUDENT
    )
    assert "RETURN 1" not in plan.text
    with pytest.raises(ValueError, match="not a name"):
        compile_lookup("Concept", ["c"], _keys(ask("skills", {}, choose("Skill", "id"), "x) //")), STUDENT)


def test_keys_of_long_and_colliding_paths_stay_apart() -> None:
    skills = choose("Skill", "id", ask("theories", {}, choose("Theory", "id"), "b"))
    plan = compile_lookup(
        "Concept",
        ["c"],
        _keys(
            ask("skills", {"limit": 1}, skills, "a"),
            ask("skills", {"limit": 2}, skills, "a_b"),
            ask("skills", {"limit": 3}, skills, "x" * 300),
        ),
        STUDENT,
    )
    assert sorted(value for name, value in plan.parameters.items() if name != "keys") == [1, 2, 3, 50, 50, 50]


@pytest.mark.parametrize(
    ("parent", "field"),
    [("Course", "title"), ("Course", "enrollments"), ("Theory", "course"), ("Skill", "nothing")],
)
def test_fields_of_another_store_are_refused(parent: str, field: str) -> None:
    with pytest.raises(UnknownField, match=f"{parent}.{field}"):
        compile_children(parent, ask(field), [1], STUDENT)


def test_cursors_come_back_as_they_went() -> None:
    values = ["Straße “x” 🎓", 3, 0.1 + 0.2, 2.0]
    kinds = (str, int, float, float)
    cursor = encode_cursor("WEAKEST", values)
    assert decode_cursor(cursor, "WEAKEST", kinds, "after") == values
    assert not set(cursor) & set("+/=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "é",
        "WzFd",
        "x" * 5000,
        encode_cursor("OTHER", ["a", 1]),
        encode_cursor("NAME", ["a"]),
        encode_cursor("NAME", [1, 1]),
        encode_cursor("NAME", ["a", True]),
        encode_cursor("NAME", ["a", 2**70]),
        encode_cursor("NAME", ["a", 1.5]),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor) as refused:
        decode_cursor(cursor, "NAME", (str, int), "after")
    assert refused.value.argument == "after"
