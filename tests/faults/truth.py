"""Compare SQL and the graph with statements of their own: plain SELECTs against plain MATCHes.

Nothing of the mirror is used here. What is asked of the graph is everything that it holds, so that a ghost, a
copy or a stray is seen as well as a gap.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import neo4j
from neo4j.exceptions import Neo4jError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from graph.client import GraphConfig

CONSTRAINTS = Path(__file__).parents[2] / "graph" / "cypher" / "schema" / "constraints.cypher"

# Label -> (kind in sync_records, SELECT of its key, its version and its properties).
NODES = {
    "STUDENT": ("USER", "SELECT id, first_name, last_name FROM users WHERE role = 'STUDENT'"),
    "TEACHER": ("USER", "SELECT id, first_name, last_name FROM users WHERE role = 'TEACHER'"),
    "CLASS": ("COURSE", "SELECT id, title, description, level, publication_status FROM courses"),
    "CHAPTER": ("CHAPTER", 'SELECT id, name, description, course_id, "order" FROM chapters'),
    "THEORY": ("THEORY", 'SELECT id, name, summary, course_id, "order" FROM theories'),
    "SKILL": ("SKILL", "SELECT id, name, description, course_id FROM skills"),
    "CONCEPT": ("CONCEPT", 'SELECT id, name, "key", definition, course_id FROM concepts'),
    "READING": ("RESOURCE", "SELECT id, title, url, course_id FROM resources WHERE kind = 'READING'"),
    "VIDEO": ("RESOURCE", "SELECT id, title, url, course_id FROM resources WHERE kind = 'VIDEO'"),
    "METADATA": ("METADATA", 'SELECT id, "key", value FROM metadata_entries'),
    "PROGRESS": ("PROGRESS", "SELECT id, score, mastery_after FROM assessments WHERE retracted_at IS NULL"),
}

# (type, label of the start, label of the end, SELECT of (start id, end id, *properties), names of properties).
EDGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("TEACHES_CLASS", "TEACHER", "CLASS", "SELECT teacher_id, id FROM courses", ()),
    ("ENROLLED_IN_CLASS", "STUDENT", "CLASS", "SELECT student_id, course_id FROM enrollments", ()),
    ("COVERS_CHAPTER", "CLASS", "CHAPTER", "SELECT course_id, id FROM chapters", ()),
    ("HAS_THEORY", "CHAPTER", "THEORY", "SELECT chapter_id, id FROM theories", ()),
    ("HAS_SKILL", "THEORY", "SKILL", "SELECT theory_id, skill_id FROM skill_theories", ()),
    ("REQUIRES_CONCEPT", "SKILL", "CONCEPT", "SELECT skill_id, concept_id FROM skill_concepts", ()),
    (
        "PREREQUISITE_OF",
        "SKILL",
        "SKILL",
        "SELECT prerequisite_id, dependent_id, strength FROM skill_prerequisites WHERE status = 'APPROVED'",
        ("strength",),
    ),
    (
        "HAS_CONCEPT",
        "THEORY",
        "CONCEPT",
        "SELECT theory_id, concept_id, definition FROM concept_mentions",
        ("definition",),
    ),
    (
        "CONCEPT_RELATION",
        "CONCEPT",
        "CONCEPT",
        "SELECT source_id, target_id, type FROM concept_relations",
        ("type",),
    ),
    *(
        (f"HAS_{kind}", "THEORY", kind, f"{_select} WHERE kind = '{kind}'", ())
        for kind in ("READING", "VIDEO")
        for _select in (
            "SELECT theory_id, resource_id FROM resource_theories JOIN resources ON id = resource_id",
        )
    ),
    *(
        ("COVERS_CONCEPT", kind, "CONCEPT", f"{_select} WHERE kind = '{kind}'", ())
        for kind in ("READING", "VIDEO")
        for _select in (
            "SELECT resource_id, concept_id FROM resource_concepts JOIN resources ON id = resource_id",
        )
    ),
    ("HAS_METADATA", "STUDENT", "METADATA", "SELECT student_id, id FROM metadata_entries", ()),
    (
        "MASTERS_SKILL",
        "STUDENT",
        "SKILL",
        "SELECT student_id, skill_id, current_mastery FROM masteries",
        ("current_mastery",),
    ),
    (
        "HAS_PROGRESS",
        "STUDENT",
        "PROGRESS",
        "SELECT student_id, id FROM assessments WHERE retracted_at IS NULL",
        (),
    ),
    (
        "FOR_SKILL",
        "PROGRESS",
        "SKILL",
        "SELECT id, skill_id FROM assessments WHERE retracted_at IS NULL",
        (),
    ),
)
CHAINS = {
    "NEXT_CHAPTER": ("CHAPTER", 'SELECT course_id, id FROM chapters ORDER BY course_id, "order"'),
    "NEXT_THEORY": ("THEORY", 'SELECT chapter_id, id FROM theories ORDER BY chapter_id, "order"'),
}


async def _rows(engine: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in (await connection.execute(text(statement))).all()]


async def waiting(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    """Return (kind, key, version, applied version, last error, dead at) of what is not in the graph yet."""
    return await _rows(
        engine,
        "SELECT kind, key, version, applied_version, last_error, dead_at FROM sync_records "
        "WHERE version > applied_version OR next_attempt_at IS NOT NULL ORDER BY id",
    )


# Table -> kind: what has a version of its own beside the one of its mark.
MARKED = {
    "users": "USER",
    "courses": "COURSE",
    "chapters": "CHAPTER",
    "theories": "THEORY",
    "skills": "SKILL",
    "concepts": "CONCEPT",
    "resources": "RESOURCE",
}

UNEQUAL = (
    "SELECT r.id, r.version, s.version, s.deleted FROM {table} r LEFT JOIN sync_records s "
    "ON s.kind = '{kind}' AND s.key = CAST(r.id AS TEXT) "
    "WHERE s.version IS NULL OR s.deleted OR r.version NOT IN (0, s.version)"
)
ROWLESS = (
    "SELECT s.key, s.version FROM sync_records s LEFT JOIN {table} r ON s.key = CAST(r.id AS TEXT) "
    "WHERE s.kind = '{kind}' AND NOT s.deleted AND r.id IS NULL"
)
PLACES = (
    'SELECT {owner}, count(*), min("order"), max("order"), count(DISTINCT "order") '
    "FROM {table} GROUP BY {owner}"
)
# What a create writes beside its row, each part with the others.
HALVES = {
    "audit entry without a theory": "SELECT a.record_key FROM audit_entries a LEFT JOIN sync_records s "
    "ON s.kind = 'THEORY' AND s.key = a.record_key WHERE a.action = 'createTheory' AND s.id IS NULL",
    "theory without its audit entry": "SELECT t.id FROM theories t LEFT JOIN audit_entries a "
    "ON a.action = 'createTheory' AND a.record_key = t.id WHERE t.id NOT LIKE '00000000-%' AND a.id IS NULL",
    "chapter without its audit entries": "SELECT s.key, s.version, count(a.id) FROM sync_records s "
    "LEFT JOIN audit_entries a ON a.record_key = s.key WHERE s.kind = 'CHAPTER' AND s.version > 1 "
    "GROUP BY s.key, s.version HAVING count(a.id) < s.version - 1",
    "receipt of half a write": "SELECT i.key FROM idempotency_receipts i "
    "LEFT JOIN sync_records s ON s.kind = 'THEORY' AND s.key = i.record_key "
    "LEFT JOIN audit_entries a ON a.action = 'createTheory' AND a.record_key = i.record_key "
    "LEFT JOIN sync_write_records w ON w.write_id = i.write_id AND w.kind = 'THEORY' "
    "WHERE i.mutation = 'createTheory' AND (s.id IS NULL OR a.id IS NULL OR w.write_id IS NULL)",
}


async def torn(engine: AsyncEngine) -> list[str]:
    """Return what one transaction writes together and is not there together, as lines.

    Rows of the small world have version 0 until their first change.
    """
    found = []
    for table, kind in MARKED.items():
        rows = await _rows(engine, UNEQUAL.format(table=table, kind=kind))
        found += [f"row and mark of {table}: {row}" for row in rows]
        rows = await _rows(engine, ROWLESS.format(table=table, kind=kind))
        found += [f"mark without a row in {table}: {row}" for row in rows]
    for table, owner in (("chapters", "course_id"), ("theories", "chapter_id")):
        rows = await _rows(engine, PLACES.format(table=table, owner=owner))
        found += [f"order of {table}: {row}" for row in rows if row[2:] != (0, row[1] - 1, row[1])]
    for what, statement in HALVES.items():
        found += [f"{what}: {row}" for row in await _rows(engine, statement)]
    return found


async def _wanted(engine: AsyncEngine) -> Counter[Any]:
    """Return every node and edge that SQL asks for."""
    versions = {
        (kind, key): version
        for kind, key, version in await _rows(engine, "SELECT kind, key, version FROM sync_records")
    }
    wanted: Counter[Any] = Counter()
    for label, (kind, statement) in NODES.items():
        names = [name.strip().strip('"') for name in statement[7:].partition(" FROM ")[0].split(",")]
        for row in await _rows(engine, statement):
            properties = {"version": versions[kind, str(row[0])], **dict(zip(names, row, strict=True))}
            wanted[label, _frozen(properties)] += 1
    for type_, start, end, statement, names in EDGES:
        for row in await _rows(engine, statement):
            wanted[type_, start, row[0], end, row[1], _frozen(dict(zip(names, row[2:], strict=True)))] += 1
    for type_, (label, statement) in CHAINS.items():
        rows = await _rows(engine, statement)
        for (owner, first), (other, second) in itertools.pairwise(rows):
            if owner == other:
                wanted[type_, label, first, label, second, _frozen({})] += 1
    return wanted


def _frozen(properties: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in properties.items() if value is not None))


async def _held(driver: neo4j.AsyncDriver, database: str | None, foreign: set[str]) -> Counter[Any]:
    """Return every node and edge that the graph holds, with the properties that SQL is compared by."""
    names = {
        label: {name.strip().strip('"') for name in statement[7:].partition(" FROM ")[0].split(",")}
        for label, (_, statement) in NODES.items()
    }
    edge_names = {(type_, start): set(keys) for type_, start, _, _, keys in EDGES}
    nodes = await _ask(driver, database, "MATCH (n) RETURN labels(n), properties(n)")
    edges = await _ask(
        driver,
        database,
        "MATCH (a)-[r]->(b) RETURN type(r), labels(a), a.id, labels(b), b.id, properties(r)",
    )
    held: Counter[Any] = Counter()
    for labels, properties in nodes:
        label = ":".join(sorted(labels))
        if label in foreign or label == "MIRROR_TOMBSTONE":
            continue
        known = names.get(label, set()) | {"version"}
        if "_lock" in properties:
            held["left over", label, "_lock"] += 1
        held[label, _frozen({name: properties.get(name) for name in known})] += 1
    for type_, starts, start_id, ends, end_id, properties in edges:
        start, end = ":".join(sorted(starts)), ":".join(sorted(ends))
        if start in foreign or end in foreign:
            continue
        known = edge_names.get((type_, start), set())
        held[
            type_, start, start_id, end, end_id, _frozen({name: properties.get(name) for name in known})
        ] += 1
    return held


async def _ask(driver: neo4j.AsyncDriver, database: str | None, statement: str) -> list[list[Any]]:
    async def work(transaction: neo4j.AsyncManagedTransaction) -> list[list[Any]]:
        result = await transaction.run(statement)
        return [record.values() async for record in result]

    async with driver.session(database=database) as session:
        return await session.execute_read(work)


async def by_hand(graph: GraphConfig, statement: str, parameters: dict[str, Any]) -> list[list[Any]]:
    """Run a statement in a transaction of its own, as an operator with a shell would."""

    async def work(transaction: neo4j.AsyncManagedTransaction) -> list[list[Any]]:
        result = await transaction.run(statement, parameters)
        return [record.values() async for record in result]

    driver = neo4j.AsyncGraphDatabase.driver(graph.uri, auth=(graph.username, graph.password))
    async with driver, driver.session(database=graph.database) as session:
        return await session.execute_write(work)


WHOLE_IDS = {"STUDENT", "TEACHER", "CLASS"}  # the other ids are texts
PROBE = 2_147_483_001  # a 32-bit number, as the keys of SQL are


async def _unguarded(driver: neo4j.AsyncDriver, database: str | None) -> list[str]:
    """Return the labels and properties of which the graph takes two nodes with the same values."""
    found = []
    pattern = re.compile(r"FOR \(n:(\w+)\) REQUIRE \(?([^)]*?)\)? IS UNIQUE")
    for label, properties in pattern.findall(CONSTRAINTS.read_text(encoding="utf-8")):
        names = [name.strip().removeprefix("n.") for name in properties.split(",")]
        # The embedded engine gives the properties of an index that it makes over nodes the type of what it
        # finds there, down to 32 bits for small numbers, and refuses everything else from then on.
        whole = {"course_id", "id"} if label in WHOLE_IDS else {"course_id"}
        values = ", ".join(f"{name}: {PROBE if name in whole else repr(str(PROBE))}" for name in names)
        async with driver.session(database=database) as session:
            transaction = await session.begin_transaction()
            try:
                await (await transaction.run(f"CREATE (:{label} {{{values}}})")).consume()
                await (await transaction.run(f"CREATE (:{label} {{{values}}})")).consume()
                # The embedded engine looks at the commit, Neo4j at once.
                await transaction.commit()
            except Neo4jError as error:
                if "Constraint" not in (error.code or ""):
                    raise
                continue
            finally:
                await transaction.close()
            found.append(f"{label}({', '.join(names)})")
            delete = await session.run(f"MATCH (n:{label} {{{values}}}) DELETE n")
            await delete.consume()
    return found


async def differences(
    engine: AsyncEngine, graph: GraphConfig, *, foreign: set[str] | None = None
) -> list[str]:
    """Return every difference between SQL and the graph as a line; nodes of `foreign` labels are left out."""
    driver = neo4j.AsyncGraphDatabase.driver(graph.uri, auth=(graph.username, graph.password))
    async with driver:
        wanted = await _wanted(engine)
        held = await _held(driver, graph.database, foreign or set())
        missing = [f"missing x{count}: {item}" for item, count in (wanted - held).items()]
        extra = [f"extra x{count}: {item}" for item, count in (held - wanted).items()]
        unguarded = [f"no constraint: {name}" for name in await _unguarded(driver, graph.database)]
    return sorted(missing + extra + unguarded)
