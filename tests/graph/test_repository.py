"""Ask both engines the same questions and compare with what plain Python says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

import graph.model
import graph.parents
from graph.client import GraphClient
from graph.cursors import InvalidCursor
from graph.plan import Row, Scope
from graph.repository import GraphRepository
from graph.selection import Field, Selection
from graph.shapes import Bound, Edge, Summary
from graph.statements import Statement
from tests.graph import sample_graph
from tests.graph.oracle import Oracle, flat

SEEDS = 6
SAMPLE = sample_graph.build_sample()
VIEWER = Scope(viewer_student_id=11)
TEACHER = Scope(taught_course_ids=(1,))
ADMIN = Scope(is_admin=True)


@pytest.fixture
async def repository(graph_client: GraphClient) -> GraphRepository:
    """Return a repository over the sample graph and nothing else."""
    await sample_graph.fill(graph_client, SAMPLE)
    return GraphRepository(graph_client, deadline_seconds=120)


def ask(
    name: str, arguments: dict[str, Any] | None = None, below: Selection | None = None, alias: str = ""
) -> Field:
    """Return a field."""
    return Field(alias or name, name, arguments or {}, below)


def choose(typename: str, *fields: str | Field) -> Selection:
    """Return a selection on one type."""
    return Selection({typename: tuple(ask(each) if isinstance(each, str) else each for each in fields)})


def connection(typename: str, node: Selection, *parts: str) -> Selection:
    """Return a selection of a page: nodes, pageInfo and what is named."""
    info = choose("PageInfo", "hasNextPage", "hasPreviousPage", "startCursor", "endCursor")
    return choose(f"{typename}Connection", ask("nodes", {}, node), ask("pageInfo", {}, info), *parts)


SUMMARY = choose("MasterySummary", "averageMastery", "skillCount", *graph.model.SUMMARY_COUNTS)


class Chooser:
    """Choose selections at random, but the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (a test's choice, no secret)

    def selection(self, typenames: Sequence[str], depth: int) -> Selection:
        return Selection({typename: self._fields(typename, depth) for typename in typenames})

    def _fields(self, typename: str, depth: int) -> tuple[Field, ...]:
        members = graph.model.TYPES[typename].members
        names = ["id", *members]
        chosen = self.random.sample(names, min(len(names), self.random.randint(1, 6)))
        return tuple(
            self._field(name, members.get(name), f"a{index}" if self.random.random() < 0.3 else name, depth)
            for index, name in enumerate(chosen)
            if depth > 0 or not isinstance(members.get(name), Edge | Bound | Summary)
        )

    def _field(self, name: str, member: Any, alias: str, depth: int) -> Field:
        arguments: dict[str, Any] = {}
        below: Selection | None = None
        if isinstance(member, Edge):
            if member.limit_argument and self.random.random() < 0.5:
                arguments["limit"] = self.random.randint(1, 3)
            if "types" in member.arguments and self.random.random() < 0.5:
                arguments["types"] = self.random.sample(sample_graph.RELATION_TYPES, 2)
            if "direction" in member.arguments and self.random.random() < 0.5:
                arguments["direction"] = self.random.choice(("OUTGOING", "INCOMING"))
            below = self.selection(member.target, depth - 1)
        elif isinstance(member, Bound):
            below = self.selection((member.target,), depth - 1)
        elif isinstance(member, Summary):
            below = SUMMARY
        if getattr(member, "guarded", False) and self.random.random() < 0.6:
            arguments["studentId"] = self.random.choice((11, 12, 13))
        return Field(alias, name, arguments, below)


LOOKUPS: dict[str, list[Any]] = {
    "Chapter": [c["id"] for c in SAMPLE.chapters],
    "Theory": [t["id"] for t in SAMPLE.theories],
    "Skill": [k["id"] for k in SAMPLE.skills],
    "Concept": [c["id"] for c in SAMPLE.concepts],
    "ConceptMention": [(m["theory"], m["concept"]) for m in SAMPLE.mentions],
    "ConceptRelation": [(r["source"], r["type"], r["target"]) for r in SAMPLE.relations],
    "SkillPrerequisite": [(p["prerequisite"], p["dependent"]) for p in SAMPLE.prerequisites],
    "SkillMastery": [(student, k["id"]) for student in (11, 13) for k in SAMPLE.skills],
    "Progress": [p["id"] for p in SAMPLE.progress],
}


@pytest.mark.timeout(900)
async def test_every_selection_answers_as_plain_python_does(repository: GraphRepository) -> None:
    """Covers every field and edge, aliases, arguments, and every kind of viewer."""
    covered: set[tuple[str, str]] = set()
    for seed in range(SEEDS):
        for typename, keys in LOOKUPS.items():
            chooser = Chooser(seed * 100 + len(typename))
            selection = chooser.selection((typename,), 3)
            covered |= _covered(selection)
            scope = (VIEWER, TEACHER, ADMIN, Scope())[seed % 4]
            oracle = Oracle(SAMPLE, scope)
            wanted = chooser.random.sample(keys, min(5, len(keys)))
            found = await repository.lookup(typename, wanted, selection, scope)
            assert {key: flat(row) for key, row in found.items()} == {
                key: oracle.row((typename, key), selection) for key in wanted
            }, (seed, typename)
    every = {(name, field) for name, each in graph.model.TYPES.items() for field in each.members}
    assert not every - covered


def _covered(selection: Selection) -> set[tuple[str, str]]:
    found = set()
    for typename, fields in selection.by_type.items():
        for each in fields:
            found.add((typename, each.name))
            if each.selection:
                found |= _covered(each.selection)
    return found


async def test_lookups_carry_what_policy_needs_and_leave_out_what_is_unknown(
    repository: GraphRepository,
) -> None:
    found = await repository.lookup(["Reading", "Video"], ["re-1-0-0", "re-2-0-1", "no"], Selection(), VIEWER)
    assert {key: (row.typename, row.course_id) for key, row in found.items()} == {
        "re-1-0-0": ("Reading", 1),
        "re-2-0-1": ("Video", 2),
    }
    progress = (await repository.lookup("Progress", ["pr-01"], Selection(), VIEWER))["pr-01"]
    assert (progress.course_id, progress.student_id) == (1, 12)


async def test_outline_of_several_courses_is_one_answer(repository: GraphRepository) -> None:
    mastery = choose("SkillMastery", "id", "currentMastery", "masteryCategory")
    # Asked for more than the edge itself, each is found by itself; else all come as one table.
    whole = choose("SkillMastery", *graph.model.TYPES["SkillMastery"].members)
    whole = choose("SkillMastery", *(each for each in whole.fields("SkillMastery") if each.name != "skill"))
    further = choose("SkillMastery", "id", "trend", ask("skill", {}, choose("Skill", "name")))
    skill = choose(
        "Skill",
        "id",
        "name",
        ask("mastery", {}, mastery),
        ask("mastery", {}, whole, "whole"),
        ask("mastery", {}, further, "further"),
        ask("mastery", {"studentId": 12}, mastery, "other"),
    )
    mention = choose("ConceptMention", "id", ask("concept", {}, choose("Concept", "id", "name")))
    theory = choose("Theory", "id", ask("skills", {}, skill), ask("mentions", {}, mention))
    chapter = choose(
        "Chapter",
        "id",
        "course",
        ask("theories", {}, theory),
        ask("masterySummary", {}, SUMMARY),
        ask("masterySummary", {"studentId": 12}, SUMMARY, "other"),
        ask("skills", {}, skill),
    )
    for scope in (VIEWER, TEACHER, ADMIN, Scope()):
        found = await repository.children("Course", ask("chapters", {}, chapter, "all"), [2, 1, 9], scope)
        oracle = Oracle(SAMPLE, scope)
        assert flat(found[9]) == []
        for course in (1, 2):
            assert flat(found[course]) == [
                oracle.row(("Chapter", c["id"]), chapter) for c in SAMPLE.chapters if c["course_id"] == course
            ]


async def test_chapter_sequence_follows_the_chain_where_order_disagrees(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    text = "MATCH (c:CHAPTER {course_id: 1}) SET c.order = 10 - c.order"
    await graph_client.write([Statement("turn", text, {}, "write")])
    rows = await repository.chapter_sequence(1, ask("chapterSequence", {}, choose("Chapter", "id")), VIEWER)
    assert [row.key for row in rows] == ["ch-1-0", "ch-1-1", "ch-1-2", "ch-1-3"]


async def test_graph_parents_and_documents_have_children(repository: GraphRepository) -> None:
    theories = ask("theories", {}, choose("Theory", "name"))
    found = await repository.children("Chapter", [theories, ask("order")], ["ch-1-1", "no"], VIEWER)
    assert flat(list(found)) == ["ch-1-1"]
    assert found["ch-1-1"]["order"] == 1
    assert [row.key for row in found["ch-1-1"]["theories"]] == ["th-1-1-0", "th-1-1-1", "th-1-1-2"]
    theory = await repository.children(
        "ExtractionDocument", ask("theory", {}, choose("Theory", "id")), ["th-1-0-0", "no"], VIEWER
    )
    assert flat(theory["th-1-0-0"]) == {"": ("Theory", "th-1-0-0"), "id": "th-1-0-0"}
    assert theory["no"] is None


# —— pages: walked forwards and backwards in small steps, every list in every order ——


def _named(kind: str, course: int) -> list[dict[str, Any]]:
    rows = SAMPLE.skills if kind == "Skill" else SAMPLE.concepts
    return sorted((r for r in rows if r["course_id"] == course), key=lambda r: (r["name"], r["id"]))


def _masteries(order: str, course: int = 1, student: int = 11) -> list[tuple[int, str]]:
    oracle = Oracle(SAMPLE, ADMIN)

    def by(row: dict[str, Any]) -> tuple[Any, ...]:
        mastery = oracle.mastery.get((student, row["id"]))
        places = [oracle.place(k["theory"]) for k in SAMPLE.teaches if k["skill"] == row["id"]]
        first = {
            "OUTLINE": min(places, default=(10**9, 0)),
            "WEAKEST": mastery["current_mastery"] if mastery else 2.0,
            "RECENT": -mastery["updated_minutes"] if mastery else 1,
        }[order]
        return (first, row["name"], row["id"])

    return [
        (student, row["id"]) for row in sorted((k for k in SAMPLE.skills if k["course_id"] == course), key=by)
    ]


def _relations(course: int) -> list[tuple[str, str, str]]:
    names = {c["id"]: c["name"] for c in SAMPLE.concepts}
    found = [r for r in SAMPLE.relations if r["source"].startswith(f"co-{course}")]
    found.sort(key=lambda r: (names[r["source"]], r["type"], names[r["target"]], r["source"], r["target"]))
    return [(r["source"], r["type"], r["target"]) for r in found]


def _by_mentions(course: int) -> list[str]:
    count = {c["id"]: sum(m["concept"] == c["id"] for m in SAMPLE.mentions) for c in SAMPLE.concepts}
    return [c["id"] for c in sorted(_named("Concept", course), key=lambda c: -count[c["id"]])]


PROGRESS = [
    p["id"]
    for p in sorted(SAMPLE.progress, key=lambda p: (p["assessed_minutes"], p["id"]), reverse=True)
    if p["student"] == 11
]
PAGES: dict[str, tuple[str, str, Any, dict[str, Any], list[Any]]] = {
    "skills": ("Course", "skills", 1, {}, [k["id"] for k in _named("Skill", 1)]),
    "concepts": ("Course", "concepts", 1, {"orderBy": "NAME"}, [c["id"] for c in _named("Concept", 1)]),
    "mentioned": ("Course", "concepts", 1, {"orderBy": "MENTIONS"}, _by_mentions(1)),
    "relations": ("Course", "conceptRelations", 1, {}, _relations(1)),
    "outline": ("Student", "masteries", 11, {"courseId": 1, "orderBy": "OUTLINE"}, _masteries("OUTLINE")),
    "weakest": ("Student", "masteries", 11, {"courseId": 1, "orderBy": "WEAKEST"}, _masteries("WEAKEST")),
    "recent": ("Student", "masteries", 11, {"courseId": 1, "orderBy": "RECENT"}, _masteries("RECENT")),
    "progress": ("Student", "progress", 11, {}, PROGRESS),
}


@pytest.mark.parametrize("case", PAGES)
async def test_pages_walk_the_whole_list_both_ways(repository: GraphRepository, case: str) -> None:
    parent, name, key, arguments, expected = PAGES[case]
    typename = graph.parents.PARENTS[parent].members[name].target  # type: ignore[union-attr]
    below = connection(typename, choose(typename, "id"), "totalCount")
    for size_name, cursor_name, end, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        seen: list[Any] = []
        cursor: str | None = None
        for step in range(20):
            given = {**arguments, size_name: 4, cursor_name: cursor}
            page = (await repository.children(parent, ask(name, given, below), [key], VIEWER))[key]
            rows = [row.key for row in page.values["nodes"]]
            seen = seen + rows if size_name == "first" else rows + seen
            info = page.values["pageInfo"].values
            assert page.values["totalCount"] == len(expected)
            assert info["hasPreviousPage" if size_name == "first" else "hasNextPage"] is (step > 0)
            assert info[more] is (len(seen) < len(expected))
            cursor = info[end]
            if not info[more]:
                break
        assert seen == expected


async def test_a_cursor_keeps_its_place_while_records_come_and_go(
    repository: GraphRepository, graph_client: GraphClient
) -> None:
    below = connection("Skill", choose("Skill", "id"))
    names = [k["id"] for k in _named("Skill", 1)]
    page = (await repository.children("Course", ask("skills", {"first": 3}, below), [1], VIEWER))[1]
    cursor = page.values["pageInfo"].values["endCursor"]
    for text in (
        "CREATE (:SKILL {id: 'new', name: 'A', course_id: 1})",
        "MATCH (k:SKILL {id: $id}) DETACH DELETE k",
    ):
        await graph_client.write([Statement("change", text, {"id": names[2]}, "write")])
        asked = ask("skills", {"first": 3, "after": cursor}, below)
        rows = (await repository.children("Course", asked, [1], VIEWER))[1].values["nodes"]
        assert [row.key for row in rows] == names[3:6]


async def test_nodes_and_edges_with_aliases_come_from_one_page(repository: GraphRepository) -> None:
    edge = choose(
        "SkillEdge",
        "cursor",
        ask("node", {}, choose("Skill", "name"), "a"),
        ask("node", {}, choose("Skill", "id"), "b"),
    )
    info = choose("PageInfo", "startCursor")
    below = choose(
        "SkillConnection",
        ask("edges", {}, edge, "e"),
        ask("pageInfo", {}, info),
        ask("totalCount", {}, None, "n"),
    )
    fields = [
        ask("skills", {"first": 2}, below, "x"),
        ask("skills", {"first": 1, "search": "do A2"}, below, "y"),
    ]
    found = (await repository.children("Course", fields, [1], VIEWER))[1]
    first, second = (found[name].values["e"][0].values for name in ("x", "y"))
    assert found["x"].values["pageInfo"].values["startCursor"] == first["cursor"]
    assert (found["x"].values["n"], found["y"].values["n"]) == (25, 4)
    assert len(found["x"].values["e"]) == 2
    assert first["a"].values == {"name": "Be loose"}
    assert second["b"].values == {"id": "sk-1-0-2-1"}


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("STRASSE", {"00", "05", "10"}),
        ("other NAME", {"00", "02", "04", "06", "08", "10"}),
        ("alias 1", {"10"}),
    ],
)
async def test_concepts_are_found_by_folded_name_and_by_alias(
    repository: GraphRepository, search: str, expected: set[str]
) -> None:
    asked = ask("concepts", {"search": search, "first": 50}, connection("Concept", choose("Concept", "id")))
    rows = (await repository.children("Course", asked, [1], VIEWER))[1].values["nodes"]
    assert {row.key.removeprefix("co-1-") for row in rows} == expected


async def test_filters_of_lists_hold_together(repository: GraphRepository) -> None:
    below = connection("SkillMastery", choose("SkillMastery", "masteryCategory", "confidence"), "totalCount")
    given = {
        "courseId": 1,
        "chapterId": "ch-1-1",
        "categories": ["NOT_STARTED", "PROFICIENT"],
        "minConfidence": 0,
    }
    oracle = Oracle(SAMPLE, ADMIN)
    inside = oracle.skills_of_chapter("ch-1-1")
    expected = [
        key
        for key in _masteries("OUTLINE")
        if key[1] in inside
        and (oracle.mastery.get(key) or {"mastery_category": "NOT_STARTED"})["mastery_category"]
        in given["categories"]
    ]
    page = await repository.student_mastery(1, 11, ask("studentMastery", given, below), VIEWER)
    assert [row.key for row in page.values["nodes"]] == expected
    assert page.values["totalCount"] == len(expected) > 0
    page = await repository.student_mastery(
        1, 11, ask("studentMastery", {**given, "minConfidence": 0.2}, below), VIEWER
    )
    assert all(row.values["confidence"] >= 0.2 for row in page.values["nodes"])

    since, until = datetime(2026, 2, 1, 4, tzinfo=UTC), datetime(2026, 2, 1, 8, 8, tzinfo=UTC)
    asked = ask(
        "progress",
        {"since": since, "until": until, "skillId": "sk-1-0-0-0"},
        connection("Progress", choose("Progress", "id")),
    )
    found = await repository.children("Student", asked, [11, 12], VIEWER)
    for student in (11, 12):
        assert {row.key for row in found[student].values["nodes"]} == {
            p["id"]
            for p in SAMPLE.progress
            if p["student"] == student
            and p["skill"] == "sk-1-0-0-0"
            and since <= datetime.fromisoformat(p["assessed_at"]) < until
        }


async def test_conceptrelations_at_one_concept(repository: GraphRepository) -> None:
    below = connection("ConceptRelation", choose("ConceptRelation", "id"), "totalCount")
    for direction in (None, "OUTGOING", "INCOMING"):
        for types in (None, ["IS_A", "PART_OF"]):
            given = {"conceptId": "co-1-04", "direction": direction, "types": types, "first": 50}
            page = await repository.concept_relations(1, ask("conceptRelations", given, below), VIEWER)
            assert [row.key for row in page.values["nodes"]] == [
                key
                for key in _relations(1)
                if (
                    "co-1-04"
                    in {"OUTGOING": (key[0],), "INCOMING": (key[2],)}.get(direction or "", (key[0], key[2]))
                )
                and (types is None or key[1] in types)
            ]


async def test_enrollments_have_summaries(repository: GraphRepository) -> None:
    keys = [(1, 11), (1, 12), (1, 13), (2, 11)]
    oracle = Oracle(SAMPLE, ADMIN)
    whole = ask("masterySummary", {}, SUMMARY)
    part = ask("masterySummary", {"chapterId": "ch-1-1"}, SUMMARY, "part")
    found = await repository.children("Enrollment", [whole, part], keys, ADMIN)
    for course, student in keys:
        skills = {k["id"] for k in SAMPLE.skills if k["course_id"] == course}
        for asked, of in ((whole, skills), (part, skills & set(oracle.skills_of_chapter("ch-1-1")))):
            expected = oracle._summary({"student": student, "skills": of}, asked)
            assert flat(found[course, student][asked.response_key]) == expected


# —— the map ——


def _expected_map(
    center: str | None, depth: int, types: list[str] | None, limit: int
) -> tuple[list[str], list[tuple[str, str, str]], bool]:
    edges = [key for key in _relations(1) if types is None or key[1] in types]
    names = {c["id"]: c["name"] for c in SAMPLE.concepts}
    places: dict[str, int] = {}
    if center:
        places = {center: 0}
        for step in range(1, depth + 1):
            near = [c for c, place in places.items() if place == step - 1]
            for source, _, target in edges:
                for here, there in ((source, target), (target, source)):
                    if here in near:
                        places.setdefault(there, step)
    else:
        for concept in SAMPLE.concepts:
            if concept["course_id"] == 1:
                places[concept["id"]] = -sum((e[0] == concept["id"]) + (e[2] == concept["id"]) for e in edges)
    ordered = sorted(places, key=lambda c: (places[c], names[c], c))
    kept = ordered[:limit]
    return kept, [e for e in edges if e[0] in kept and e[2] in kept], len(ordered) > limit


@pytest.mark.parametrize("types", [None, ["IS_A", "PART_OF", "USED_FOR"]])
@pytest.mark.parametrize("center", [None, "co-1-04"])
async def test_map_is_nearest_or_most_connected_with_all_edges_among_them(
    repository: GraphRepository, center: str | None, types: list[str] | None
) -> None:
    concept = choose("Concept", "id", ask("mentions", {"limit": 1}, choose("ConceptMention", "id")))
    relation = choose("ConceptRelation", "type", ask("source", {}, choose("Concept", "name")))
    below = choose("ConceptGraph", "truncated", ask("concepts", {}, concept), ask("relations", {}, relation))
    oracle = Oracle(SAMPLE, VIEWER)
    for depth in (1, 2, 4):
        for limit in (3, 7, 100):
            given = {"centerId": center, "depth": depth, "types": types, "limit": limit}
            found = await repository.concept_map(1, ask("conceptMap", given, below), VIEWER)
            concepts, relations, truncated = _expected_map(center, depth, types, limit)
            assert isinstance(found, Row)
            assert found.values["truncated"] is truncated
            assert flat(found.values["concepts"]) == [oracle.row(("Concept", c), concept) for c in concepts]
            assert flat(found.values["relations"]) == [
                oracle.row(("ConceptRelation", r), relation) for r in relations
            ]


async def test_map_around_a_concept_of_another_course_is_none(repository: GraphRepository) -> None:
    asked = ask("conceptMap", {"centerId": "co-2-01"}, choose("ConceptGraph", "truncated"))
    assert await repository.concept_map(1, asked, VIEWER) is None


async def test_a_cursor_of_another_list_is_refused_by_name(repository: GraphRepository) -> None:
    below = connection("Concept", choose("Concept", "id"))
    page = (await repository.children("Course", ask("concepts", {"orderBy": "NAME"}, below), [1], VIEWER))[1]
    cursor = page.values["pageInfo"].values["endCursor"]
    for bad in (cursor, "nonsense", ""):
        asked = ask("concepts", {"orderBy": "MENTIONS", "last": 2, "before": bad}, below)
        with pytest.raises(InvalidCursor) as refused:
            await repository.children("Course", asked, [1], VIEWER)
        assert refused.value.argument == "before"
