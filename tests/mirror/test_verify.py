"""verify sees every kind of drift; repair mends what it reports; rebuild brings a wiped graph back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from graph.client import GraphClient, GraphConfig
from graph.embedded.engine import EmbeddedEngine
from graph.schema import definitions
from mirror import verify as verify_module
from mirror.compare import Finding
from mirror.rebuild import rebuild
from mirror.repair import repair
from mirror.verify import verify
from mirror.worker import Mirror
from sql import sync_marks, sync_state
from sql.models import Chapter, Course, Enrollment, Kind, Metadata, SyncRecord
from sql.scopes import EVERYTHING
from sql.session import Database
from tests.graph_fixtures import PatientClient, wipe_graph
from tests.mirror import world
from tests.mirror.test_projection import ask, do, settle
from tests.mirror.world import CHAPTER_1, CHAPTER_2, COURSE, FAST, METADATA, STUDENT, THEORY_1


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pause lets writers finish before a second look; here nobody writes meanwhile.
    monkeypatch.setattr(verify_module, "PAUSE_SECONDS", 0.0)


# What is done to the graph by hand -> kind of drift, kind of record, key.
DRIFT: dict[str, tuple[str, str, Kind | None, str]] = {
    "missing node": (
        f'MATCH (n:METADATA {{id: "{METADATA}"}}) DETACH DELETE n',
        "MISSING",
        Kind.METADATA,
        METADATA,
    ),
    "changed property": (
        'MATCH (n:METADATA) SET n.value = "fast"',
        "DIFFERENT",
        Kind.METADATA,
        METADATA,
    ),
    "added property": (
        'MATCH (n:STUDENT) SET n.email = "u2@example.org"',
        "DIFFERENT",
        Kind.USER,
        str(STUDENT),
    ),
    "removed property": ("MATCH (n:CLASS) REMOVE n.title", "DIFFERENT", Kind.COURSE, str(COURSE)),
    "changed time": (
        'MATCH (n:CLASS) SET n.created_at = datetime("2020-01-01T00:00:00Z")',
        "DIFFERENT",
        Kind.COURSE,
        str(COURSE),
    ),
    "extra node": ('CREATE (:SKILL {id: "stray"})', "EXTRA", Kind.SKILL, "stray"),
    "extra user": ("CREATE (:TEACHER {id: 99})", "EXTRA", Kind.USER, "99"),
    "extra node with a number below zero": ("CREATE (:CLASS {id: -5})", "EXTRA", Kind.COURSE, "-5"),
    "extra node with a colon": ("CREATE (:SKILL {id: 'a:b'})", "EXTRA", Kind.SKILL, "a:b"),
    "text for a whole number": ("CREATE (:CLASS {id: 'one'})", "EXTRA", None, ":CLASS"),
    "fraction for a whole number": ("CREATE (:TEACHER {id: 9.5})", "EXTRA", None, ":TEACHER"),
    "whole number for a text": ("CREATE (:SKILL {id: 5})", "EXTRA", None, ":SKILL"),
    "truth for a text": ("CREATE (:PROGRESS {id: true})", "EXTRA", None, ":PROGRESS"),
    "empty text": ("CREATE (:CONCEPT {id: ''})", "EXTRA", None, ":CONCEPT"),
    "node without id and an edge to it": (
        "MATCH (a:STUDENT), (s:THEORY {order: 0}) CREATE (a)-[:MASTERS_SKILL]->(k:SKILL {name: 'x'})<-[:HAS_SKILL]-(s)",
        "EXTRA",
        None,
        ":SKILL",
    ),
    "extra label": (
        f'MATCH (n:THEORY {{id: "{THEORY_1}"}}) SET n:FOREIGN',
        "DIFFERENT",
        Kind.THEORY,
        THEORY_1,
    ),
    "two labels of ours": ("CREATE (:STUDENT:TEACHER {id: 99})", "EXTRA", Kind.USER, "99"),
    "label taken away": ("MATCH (n:METADATA) REMOVE n:METADATA", "MISSING", Kind.METADATA, METADATA),
    "extra owned relationship": (
        f'MATCH (a:SKILL {{id: "{world.SKILL_2}"}}), (c:CONCEPT {{key: "tree"}}) CREATE (a)-[:REQUIRES_CONCEPT]->(c)',
        "EXTRA",
        Kind.SKILL,
        world.SKILL_2,
    ),
    "extra relationship to itself": (
        f'MATCH (a:SKILL {{id: "{world.SKILL_1}"}}) CREATE (a)-[:PREREQUISITE_OF]->(a)',
        "EXTRA",
        Kind.SKILL_PREREQUISITE,
        f"{world.SKILL_1}:{world.SKILL_1}",
    ),
    "the wrong way round": (
        "MATCH (a:CLASS), (b:CHAPTER {order: 0}) CREATE (b)-[:COVERS_CHAPTER]->(a)",
        "EXTRA",
        None,
        "COVERS_CHAPTER",
    ),
    "relation of no type": (
        'MATCH (a:CONCEPT {key: "tree"}), (b:CONCEPT) WHERE a <> b CREATE (a)-[:CONCEPT_RELATION]->(b)',
        "EXTRA",
        Kind.CONCEPT_RELATION,
        f"{world.CONCEPT_2}:None:{world.CONCEPT_1}",
    ),
    "relation of an unknown type": (
        'MATCH (a:CONCEPT {key: "tree"}), (b:CONCEPT) WHERE a <> b CREATE (a)-[:CONCEPT_RELATION {type: "EATS"}]->(b)',
        "EXTRA",
        Kind.CONCEPT_RELATION,
        f"{world.CONCEPT_2}:EATS:{world.CONCEPT_1}",
    ),
    "property on a relationship": (
        "MATCH ()-[r:ENROLLED_IN_CLASS]->() SET r.seat = 4",
        "DIFFERENT",
        Kind.ENROLLMENT,
        f"{COURSE}:{STUDENT}",
    ),
    "property on an owned relationship": (
        "MATCH ()-[r:TEACHES_CLASS]->() SET r.since = 1",
        "DIFFERENT",
        Kind.COURSE,
        str(COURSE),
    ),
    "looped chain": (
        "MATCH (a:CHAPTER {order: 2}), (b:CHAPTER {order: 0}) CREATE (a)-[:NEXT_CHAPTER]->(b)",
        "EXTRA",
        Kind.CHAPTER_SEQUENCE,
        str(COURSE),
    ),
    "doubled chain": (
        "MATCH (a:CHAPTER {order: 0})-[:NEXT_CHAPTER]->(b) CREATE (a)-[:NEXT_CHAPTER]->(b)",
        "DUPLICATE",
        Kind.CHAPTER_SEQUENCE,
        str(COURSE),
    ),
    "another version": (
        "MATCH (n:SKILL {name: 'Walk'}) SET n.version = 9",
        "DIFFERENT",
        Kind.SKILL,
        world.SKILL_1,
    ),
    "node without id": ("CREATE (:SKILL {name: 'x'})", "EXTRA", None, ":SKILL"),
    "missing relationship": (
        "MATCH ()-[r:ENROLLED_IN_CLASS]->() DELETE r",
        "MISSING",
        Kind.ENROLLMENT,
        f"{COURSE}:{STUDENT}",
    ),
    "missing owned relationship": (
        "MATCH ()-[r:COVERS_CHAPTER]->(n:CHAPTER {order: 0}) DELETE r",
        "MISSING",
        Kind.CHAPTER,
        CHAPTER_1,
    ),
    "duplicate relationship": (
        "MATCH (a:STUDENT)-[r:ENROLLED_IN_CLASS]->(c:CLASS) "
        "CREATE (a)-[:ENROLLED_IN_CLASS {version: r.version, enrolled_at: r.enrolled_at}]->(c)",
        "DUPLICATE",
        Kind.ENROLLMENT,
        f"{COURSE}:{STUDENT}",
    ),
    "duplicate owned relationship": (
        f'MATCH (a:CHAPTER)-[r:HAS_THEORY]->(c:THEORY {{id: "{THEORY_1}"}}) '
        "CREATE (a)-[:HAS_THEORY {version: r.version}]->(c)",
        "DUPLICATE",
        Kind.THEORY,
        THEORY_1,
    ),
    "second owner": (
        f'MATCH (a:CHAPTER {{id: "{CHAPTER_2}"}}), (c:THEORY {{id: "{THEORY_1}"}}) CREATE (a)-[:HAS_THEORY]->(c)',
        "EXTRA",
        Kind.THEORY,
        THEORY_1,
    ),
    "extra relationship": (
        'MATCH (a:THEORY {order: 1}), (c:CONCEPT {key: "tree"}) CREATE (a)-[:HAS_CONCEPT]->(c)',
        "EXTRA",
        Kind.CONCEPT_MENTION,
        f"{world.THEORY_2}:{world.CONCEPT_2}",
    ),
    "relationship between wrong labels": (
        "MATCH (a:TEACHER), (c:CHAPTER {order: 0}) CREATE (a)-[:MASTERS_SKILL]->(c)",
        "EXTRA",
        None,
        "MASTERS_SKILL",
    ),
    "changed relationship": (
        "MATCH ()-[r:PREREQUISITE_OF]->() SET r.strength = 0.9",
        "DIFFERENT",
        Kind.SKILL_PREREQUISITE,
        f"{world.SKILL_1}:{world.SKILL_2}",
    ),
    "broken chain": (
        "MATCH (:CHAPTER {order: 0})-[r:NEXT_CHAPTER]->() DELETE r",
        "MISSING",
        Kind.CHAPTER_SEQUENCE,
        str(COURSE),
    ),
    "forked chain": (
        "MATCH (a:CHAPTER {order: 0}), (b:CHAPTER {order: 2}) CREATE (a)-[:NEXT_CHAPTER]->(b)",
        "EXTRA",
        Kind.CHAPTER_SEQUENCE,
        str(COURSE),
    ),
    "wrong order": (
        "MATCH (a:CHAPTER {order: 2}) SET a.order = 7",
        "DIFFERENT",
        Kind.CHAPTER_SEQUENCE,
        str(COURSE),
    ),
}


# On the embedded engine an index that was made over nodes fixes their types: whatever is written then is
# converted or refused. Other tests have constraints made again, so these get an engine of their own.
OF_WRONG_TYPES = [
    "text for a whole number",
    "fraction for a whole number",
    "whole number for a text",
    "truth for a text",
]


def apart(every: Iterable[str]) -> list[list[str]]:
    """Return names of DRIFT in groups that can be done together: no two of a group touch the same record."""
    groups: list[tuple[set[str], list[str]]] = []
    for name in every:
        key = DRIFT[name][3]
        for keys, names in groups:
            if key not in keys:
                keys.add(key)
                names.append(name)
                break
        else:
            groups.append(({key}, [name]))
    return [names for _, names in groups]


@pytest.mark.parametrize(
    "names",
    apart(name for name in DRIFT if name not in OF_WRONG_TYPES),
    ids=lambda names: f"{names[0]} and {len(names) - 1} more",
)
async def test_drift_is_found_named_and_mended(mirror: Mirror, names: list[str]) -> None:
    await find_and_mend(mirror, names)


async def test_ids_of_wrong_types_are_found_and_mended(
    filled: Database, graph_config: GraphConfig, tmp_path: Path
) -> None:
    engine = await EmbeddedEngine.start(tmp_path / "graph") if graph_config.embedded else None
    try:
        async with PatientClient.open(graph_config if engine is None else engine.config) as client:
            for names in apart(OF_WRONG_TYPES):
                await client.ensure_schema()
                await wipe_graph(client)
                async with filled.write() as session:
                    await sync_marks.put_in_line(session, EVERYTHING)
                mirror = Mirror(filled, client, FAST)
                await find_and_mend(mirror, names)
                await mirror.close()
    finally:
        if engine is not None:
            await engine.stop()


async def find_and_mend(mirror: Mirror, names: list[str]) -> None:
    """Bring everything over, do some drift by hand, and mend it."""
    graph_client = mirror.client
    assert graph_client is not None
    await mirror.drain()
    for name in names:
        await do(graph_client, DRIFT[name][0])
    report = await verify(mirror.database, graph_client)
    found = [(item.kind, item.record_kind, item.key) for item in report.findings]
    assert [name for name in names if DRIFT[name][1:] not in found] == []
    assert not report.clean
    as_json = json.loads(json.dumps(report.to_json()))
    assert as_json["checkedCount"] >= 25
    assert len(as_json["findings"]) == as_json["findingCount"] == len(found)
    # A dry run says the same and changes nothing; then what was reported is mended, and no more.
    assert sorted(map(str, await repaired(mirror, apply=False))) == sorted(map(str, report.findings))
    await do(graph_client, "CREATE (:FOREIGN {id: 'mine'})")
    before = await versions(mirror)
    await repaired(mirror, apply=True)
    await settle(mirror)
    assert await ask(graph_client, "MATCH (n:FOREIGN) WHERE n.id = 'mine' RETURN count(n)") == [[1]]
    if "another version" not in names:
        assert await versions(mirror) == before


async def repaired(mirror: Mirror, *, apply: bool) -> list[Finding]:
    """Run a repair; return what it found."""
    assert mirror.client is not None
    return [
        finding
        async for findings, _ in repair(mirror.database, mirror.client, apply=apply)
        for finding in findings
    ]


async def versions(mirror: Mirror) -> dict[tuple[Kind, str], int]:
    """Return the version of every record."""
    async with mirror.database.read() as session:
        rows = await session.execute(select(SyncRecord.kind, SyncRecord.key, SyncRecord.version))
        return {(kind, key): version for kind, key, version in rows}


async def test_a_changed_property_is_told_with_both_values(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    await do(graph_client, 'MATCH (n:METADATA) SET n.value = "fast"')
    report = await verify(mirror.database, graph_client)
    assert len(report.findings) == 1
    (field,) = report.findings[0].fields
    assert (field.field, field.graph, field.sql) == ("value", "fast", "slow")


async def test_dropped_constraints_and_indexes_are_found_and_made_again(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    # All at once: a server plans every statement anew after each change of its schema.
    names = [definition.name for definition in definitions()]
    for definition in definitions():
        kind = "CONSTRAINT" if definition.unique else "INDEX"
        await do(graph_client, f"DROP {kind} {definition.name} IF EXISTS")
    try:
        report = await verify(mirror.database, graph_client, everything=False)
        found = [(item.kind, item.key) for item in report.findings if item.record_kind is None]
        assert found == [("CONSTRAINT_MISSING", name) for name in names]
        await repaired(mirror, apply=True)
        assert await graph_client.missing_schema() == []
    finally:
        await graph_client.ensure_schema()


async def test_a_dropped_constraint_and_duplicate_nodes_are_found_and_mended(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    await do(graph_client, "DROP CONSTRAINT metadata_id IF EXISTS")
    try:
        missing = await graph_client.missing_schema()
        assert missing == ["metadata_id"]
        await do(graph_client, f'CREATE (:METADATA {{id: "{METADATA}", value: "copy"}})')
        report = await verify(mirror.database, graph_client)
        kinds = {(item.kind, item.key) for item in report.findings}
        assert ("CONSTRAINT_MISSING", "metadata_id") in kinds
        assert ("DUPLICATE", METADATA) in kinds
        await rebuild(mirror.database, graph_client, config=FAST)
        await settle(mirror)
    finally:
        await do(graph_client, 'MATCH (n:METADATA) WHERE n.value = "copy" DETACH DELETE n')
        await graph_client.ensure_schema()


async def test_records_on_their_way_are_no_drift(mirror: Mirror, graph_client: GraphClient) -> None:
    assert (await verify(mirror.database, graph_client)).clean
    await settle(mirror)
    async with mirror.database.write() as session:
        row = await session.get(Chapter, CHAPTER_1)
        assert row is not None
        row.name = "later"
        await sync_state.record(session, Kind.CHAPTER, CHAPTER_1)
    assert (await verify(mirror.database, graph_client)).clean


async def test_a_wiped_graph_comes_back_and_foreign_labels_stay(
    mirror: Mirror, graph_client: GraphClient
) -> None:
    await settle(mirror)
    await do(graph_client, "MATCH (n) DETACH DELETE n")
    await do(graph_client, 'CREATE (:FOREIGN {id: "mine"}), (:SKILL {id: "stray"}), (:CLASS {id: 77})')
    steps: list[tuple[int, int]] = []
    done = await rebuild(
        mirror.database, graph_client, progress=lambda now, total: steps.append((now, total)), config=FAST
    )
    assert (done.marked, done.strays, done.applied, done.pending) == (25, 2, 25, 0)
    # Compared, then written; it never goes back.
    assert steps[-1] == (50, 50)
    assert steps == sorted(steps)
    await settle(mirror)
    assert await ask(graph_client, "MATCH (n:FOREIGN) RETURN n.id") == [["mine"]]


async def test_small_batches_find_the_same(mirror: Mirror, graph_client: GraphClient) -> None:
    await settle(mirror)
    await do(graph_client, 'CREATE (:SKILL {id: "stray"}) CREATE (:SKILL {id: "stray2"})')
    await do(graph_client, "MATCH ()-[r:NEXT_CHAPTER]->() DELETE r")
    large = await verify(mirror.database, graph_client)
    small = await verify(mirror.database, graph_client, batch_size=1)
    assert {str(item) for item in small.findings} == {str(item) for item in large.findings}
    assert len(large.findings) == 4


async def test_rebuild_marks_records_that_lost_their_marks(mirror: Mirror, graph_client: GraphClient) -> None:
    async with mirror.database.write() as session:
        await session.execute(delete(SyncRecord))
    assert {item.kind for item in (await verify(mirror.database, graph_client)).findings} == {"MISSING"}
    await rebuild(mirror.database, graph_client, config=FAST)
    await settle(mirror)


async def test_the_same_is_true_on_both_databases(database: Any, graph_client: GraphClient) -> None:
    async with database.write() as session:
        await world.build(session)
    mirror = Mirror(database, graph_client, FAST)
    await settle(mirror)
    report = await verify(database, graph_client, batch_size=2)
    assert (report.checked_count, report.findings) == (25, [])
    async with database.write() as session:
        row = await session.get(Metadata, METADATA)
        await world.remove(session, Kind.METADATA, METADATA, row)
        course = await session.get(Course, COURSE)
        assert course is not None
        course.title = "Other"
        await sync_state.record(session, Kind.COURSE, COURSE)
        enrollment = await session.get(Enrollment, 1)
        await world.remove(session, Kind.ENROLLMENT, f"{COURSE}:{STUDENT}", enrollment)
    await settle(mirror)
    await rebuild(database, graph_client, config=FAST)
    await settle(mirror)
