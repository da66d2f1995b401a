"""What operators do: dead letters tried again, drift told and mended, the graph written again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from resolvers import ids
from sql import models, sync_claims, sync_state
from sql.models import Kind
from tests.api_fixtures import Actor, Api
from tests.e2e.mutation_cases import Row, conflict, cypher, done, missing, refuse, unknown
from tests.e2e.test_course_life import Course
from tests.mirror.test_projection import do

RECORDS = (
    "totalCount nodes { id recordKind recordId state version appliedVersion attempts nextAttemptAt lastError "
    "changedAt } pageInfo { hasNextPage endCursor }"
)
DRIFT = (
    "query($courseId: ID, $limit: Int! = 100) { graphDrift(courseId: $courseId, limit: $limit) { checkedAt "
    "checkedCount findingCount findings { kind recordKind recordId message fields { field before after } } } }"
)


async def records(api: Api, admin: Actor, **given: Any) -> dict[str, Any]:
    head = "query($f: SyncRecordFilter, $n: Int, $a: String)"
    query = f"{head} {{ syncRecords(filter: $f, first: $n, after: $a) {{ {RECORDS} }} }}"
    variables = {"f": given.get("filter"), "n": given.get("first"), "a": given.get("after")}
    page: dict[str, Any] = (await api.data(query, admin, **variables))["syncRecords"]
    return page


async def drift(api: Api, admin: Actor, **given: Any) -> dict[str, Any]:
    report: dict[str, Any] = (await api.data(DRIFT, admin, **given))["graphDrift"]
    assert datetime.fromisoformat(report["checkedAt"]).utcoffset() is not None
    return report


async def bury(api: Api, kind: Kind, key: Any) -> None:
    """Make a record that changed a dead letter, as a refusal of the graph does."""
    async with api.database.write() as session:
        version = await sync_state.record(session, kind, key)
        row = (
            await session.scalars(
                select(models.SyncRecord).where(
                    models.SyncRecord.kind == kind, models.SyncRecord.key == str(key)
                )
            )
        ).one()
        assert (
            await sync_claims.bury(session, [row.id], "GraphRejected: Neo.ClientError", version=version) == 1
        )


async def test_dead_letters_in_both_stores(api: Api) -> None:
    teacher, admin = await api.teacher(), await api.admin()
    course = await Course(api, teacher).write()
    chapter, theory = course.chapters[0], course.theories[0]
    await bury(api, Kind.CHAPTER, ids.decode(chapter, "ch"))
    await bury(api, Kind.THEORY, ids.decode(theory, "th"))
    page = await records(api, admin, filter={"state": "FAILED"})
    assert page["totalCount"] == 2
    (first, second) = page["nodes"]
    assert (first["recordKind"], first["recordId"], first["state"]) == ("CHAPTER", chapter, "FAILED")
    assert (first["attempts"], first["lastError"]) == (1, "GraphRejected: Neo.ClientError")
    assert first["version"] == first["appliedVersion"] + 1
    assert first["nextAttemptAt"] is None
    assert (second["recordKind"], second["recordId"]) == ("THEORY", theory)
    assert (await records(api, admin, filter={"state": "FAILED"}, first=1))["pageInfo"]["hasNextPage"]

    payload = await done(api, "retrySync", admin, "retriedCount sync { version }", ids=[first["id"]])
    assert (payload["retriedCount"], payload["sync"]["version"]) == (1, 0)
    left = await records(api, admin, filter={"state": "FAILED"})
    assert [one["id"] for one in left["nodes"]] == [second["id"]]
    # One that is no dead letter is left alone.
    assert (await done(api, "retrySync", admin, "retriedCount", ids=[first["id"]]))["retriedCount"] == 0
    assert (await done(api, "retrySync", admin, "retriedCount"))["retriedCount"] == 1
    assert (await records(api, admin, filter={"state": "FAILED"}))["totalCount"] == 0
    again = await api.data(
        "query($i: ID!) { node(id: $i) { ... on SyncRecord { state } } }", admin, i=first["id"]
    )
    assert again == {"node": {"state": "SYNCED"}}
    nobody = await api.data("query($i: ID!) { node(id: $i) { id } }", teacher, i=first["id"])
    assert nobody == {"node": None}

    async with api.database.read() as session:
        entries = (
            await session.scalars(select(models.AuditEntry).where(models.AuditEntry.action == "retrySync"))
        ).all()
    assert [(entry.actor_id, entry.changes[0]["after"]) for entry in entries] == [
        (admin.key, 1),
        (admin.key, 0),
        (admin.key, 1),
    ]


async def test_accounts_by_filter(plain_api: Api) -> None:
    api = plain_api
    teacher, student, admin = await api.teacher(), await api.student(), await api.admin()
    course = await Course(api, teacher).write()
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    query = "query($c: ID!) { course(id: $c) { enrollments { nodes { id } } } }"
    (joined,) = (await api.data(query, teacher, c=course.id))["course"]["enrollments"]["nodes"]
    everything = await records(api, admin, first=100)
    assert everything["totalCount"] == len(everything["nodes"])
    assert [one["changedAt"] for one in everything["nodes"]] == sorted(
        one["changedAt"] for one in everything["nodes"]
    )
    # The order of a course's chapters is told as the course's.
    of_course = await records(api, admin, filter={"recordId": course.id})
    assert [one["recordKind"] for one in of_course["nodes"]] == ["COURSE", "COURSE"]
    kinds = await records(api, admin, filter={"recordKind": "ENROLLMENT"})
    assert [one["recordId"] for one in kinds["nodes"]] == [joined["id"]]
    found = await records(api, admin, filter={"recordId": joined["id"], "state": "SYNCED"})
    assert found["totalCount"] == 1
    # What is deleted has an account still, which can be found by the id that it shows.
    await api.ok("removeStudents", teacher, courseId=course.id, studentIds=[student.id])
    (gone,) = (await records(api, admin, filter={"recordKind": "ENROLLMENT"}))["nodes"]
    assert (await records(api, admin, filter={"recordId": gone["recordId"]}))["nodes"] == [gone]
    for nothing in (
        {"state": "DISABLED"},
        {"state": "PENDING"},
        {"recordKind": "EXTRACTION_RUN"},
        {"recordId": "nonsense"},
        {"recordId": ids.encode("run", "2f1c9c8e-8f5e-4b0e-9f43-0c1d2e3f4a5b")},
        {"recordId": ids.encode("enr", 987_654_321)},
    ):
        assert (await records(api, admin, filter=nothing))["totalCount"] == 0, nothing


async def test_drift_in_both_stores(api: Api) -> None:
    teacher, admin = await api.teacher(), await api.admin()
    course, other = await Course(api, teacher).write(), await Course(api, await api.teacher()).write()
    assert (await drift(api, admin))["findings"] == []
    assert api.graph is not None
    chapter, skill = (ids.decode(course.chapters[0], "ch"), ids.decode(course.skills[0], "skill"))
    await do(api.graph, "MATCH (n:CHAPTER {id: $id}) SET n.name = 'By hand', n.mine = 7", id=chapter)
    await do(api.graph, "MATCH (n:SKILL {id: $id}) DETACH DELETE n", id=skill)
    await do(api.graph, "CREATE (:SKILL {id: 'stray', course_id: $id})", id=ids.decode(course.id, "course"))
    await do(
        api.graph, "MATCH (n:THEORY {id: $id}) SET n.summary = 'x'", id=ids.decode(other.theories[0], "th")
    )
    report = await drift(api, admin, courseId=course.id)
    found = {(one["kind"], one["recordKind"], one["recordId"]): one for one in report["findings"]}
    assert set(found) >= {
        ("DIFFERENT", "CHAPTER", course.chapters[0]),
        ("MISSING", "SKILL", course.skills[0]),
        ("EXTRA", "SKILL", ids.encode("skill", "stray")),
    }
    assert report["findingCount"] == len(report["findings"])
    assert {one["recordId"] for one in report["findings"]}.isdisjoint({other.theories[0]})
    assert found["DIFFERENT", "CHAPTER", course.chapters[0]]["fields"] == [
        {"field": "mine", "before": "7", "after": None},
        {"field": "name", "before": "By hand", "after": "Limits"},
    ]
    whole = await drift(api, admin, limit=1)
    assert (whole["findingCount"], len(whole["findings"])) == (report["findingCount"] + 1, 1)
    # Gravest first.
    assert whole["findings"][0]["kind"] == "MISSING"
    before = await api.versions()
    payload = await done(api, "repairDrift", admin, "repairedCount", courseId=course.id)
    assert payload["repairedCount"] >= 3
    assert await api.versions() == before
    # Only what was reported for the course.
    left = await drift(api, admin)
    assert [(one["kind"], one["recordId"]) for one in left["findings"]] == [("DIFFERENT", other.theories[0])]
    assert (await done(api, "repairDrift", admin, "repairedCount"))["repairedCount"] == 1
    assert (await done(api, "repairDrift", admin, "repairedCount"))["repairedCount"] == 0
    assert (await drift(api, admin))["findingCount"] == 0


async def test_the_graph_is_written_again_in_both_stores(api: Api) -> None:
    teacher, student, admin = await api.teacher(), await api.student(), await api.admin()
    course = await Course(api, teacher).write()
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    assert api.graph is not None
    before = await api.versions()
    await do(api.graph, "MATCH (n) DETACH DELETE n")
    await do(api.graph, "CREATE (:FOREIGN {id: 'mine'}), (:SKILL {id: 'stray'})")
    payload = await api.ok("rebuildGraph", admin, "recordCount")
    # Chapters without theories have an order too, though nothing ever changed it.
    after = await api.versions()
    assert payload["recordCount"] == len(after)
    assert before.items() <= after.items()
    assert payload["sync"]["state"] == "PENDING"
    waiting = await api.data("{ mirrorStatus { pendingCount } }", admin)
    assert waiting["mirrorStatus"]["pendingCount"] > 0
    await api.application.operations.settled()
    await api.drain()
    state = await api.data(
        "query($t: ID!) { sync(token: $t, waitMs: 0) { state } }", admin, t=payload["sync"]["token"]
    )
    assert state["sync"]["state"] == "SYNCED"
    assert (await drift(api, admin))["findings"] == []
    assert await cypher(api, "MATCH (n:FOREIGN) RETURN n.id") == [["mine"]]
    assert await api.versions() == after

    # One course, then one person: with what belongs to it, and no more.
    await do(api.graph, "MATCH (n:CHAPTER) DETACH DELETE n")
    await do(api.graph, "MATCH (n:STUDENT) DETACH DELETE n")
    first = await api.ok("rebuildGraph", admin, "recordCount", id=course.id)
    await api.application.operations.settled()
    await api.drain()
    # The enrollment is in line already, and waits for its student.
    assert {one["recordKind"] for one in (await drift(api, admin))["findings"]} == {"USER"}
    second = await api.ok("rebuildGraph", admin, "recordCount", id=student.id)
    await api.application.operations.settled()
    await api.drain()
    assert (await drift(api, admin))["findings"] == []
    assert first["recordCount"] > second["recordCount"] == 2


async def test_refusals(api: Api) -> None:
    admin = await api.admin()
    rows: list[Row] = [
        *(("retrySync", {"ids": [bad]}, missing("SYNC_RECORD", "ids", "0")) for bad in unknown("rec")),
        *(("repairDrift", {"courseId": bad}, missing("COURSE", "courseId")) for bad in unknown("course")),
        *(("rebuildGraph", {"id": bad}, missing("COURSE")) for bad in unknown("course")),
        ("rebuildGraph", {"id": ids.encode("user", 987_654_321)}, missing("USER")),
    ]
    await refuse(api, admin, rows)
    many = ["nonsense"] * 501
    query = "mutation($i: [ID!]) { retrySync(input: {ids: $i}) { __typename } }"
    assert await api.code(query, admin, i=many) == "BAD_USER_INPUT"
    for limit in (0, 501, -1):
        assert await api.code(
            "query($n: Int!) { graphDrift(limit: $n) { checkedCount } }", admin, n=limit
        ) == ("BAD_USER_INPUT")
    for nothing in ("nonsense", ids.encode("course", 987_654_321)):
        assert await api.data(
            "query($i: ID) { graphDrift(courseId: $i) { checkedCount } }", admin, i=nothing
        ) == {"graphDrift": None}


async def test_without_a_graph(graphless_api: Api) -> None:
    api = graphless_api
    admin = await api.admin()
    rows: list[Row] = [("rebuildGraph", {}, conflict("WRONG_STATE"))]
    await refuse(api, admin, rows)
    assert await api.code("{ graphDrift { checkedCount } }", admin) == "GRAPH_UNAVAILABLE"
    repair = "mutation { repairDrift(input: {}) { __typename } }"
    assert await api.code(repair, admin) == "GRAPH_UNAVAILABLE"
    page = await records(api, admin, filter={"state": "DISABLED"})
    assert page["totalCount"] == 1
    assert page["nodes"][0]["state"] == "DISABLED"
    assert (await records(api, admin, filter={"state": "PENDING"}))["totalCount"] == 0


@pytest.mark.parametrize("name", ["retrySync", "repairDrift", "rebuildGraph"])
async def test_an_operation_leaves_an_audit_entry(plain_api: Api, name: str) -> None:
    api = plain_api
    admin = await api.admin()
    payload = await api.ok(name, admin)
    async with api.database.read() as session:
        entry = (
            await session.scalars(select(models.AuditEntry).where(models.AuditEntry.action == name))
        ).one()
    assert (entry.actor_id, entry.record_kind) == (admin.key, "SYNC_RECORD")
    # The entry leads to the write, and so to all that was put in line.
    assert ids.encode("sync", entry.record_key) == payload["sync"]["token"]
