"""ingestExtraction and retryExtraction: accepted at once, worked on in the background."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import select, update

from resolvers import ids
from sql import models
from sql.models import ExtractionStatus
from tests.api_fixtures import Actor, Api
from tests.e2e.mutation_cases import (
    Row,
    ask,
    conflict,
    cypher,
    invalid,
    missing,
    refuse,
    repeat,
    unknown,
)
from tests.e2e.test_course_life import Course

RUN = (
    "run { id status documentCount processedCount failedCount startedBy { id } course { id } sync { state } "
    "documents { id filename sha256 status unchanged lastError findings { kind severity path } } }"
)
READ = f"extractionRun(id: $id) {RUN[4:]}"


def document(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a whole document."""
    return {
        "filename": f"series-{number}.txt",
        "sha256": f"{number:064X}",
        "topic": f"Series {number}",
        "text": "A series is a sum of a sequence. It converges.",
        "summary": "Sums.",
        "chapter": "Series",
        "keywords": ["sum", "sequence", "series", "limit", "converge"],
        "concepts": [
            {"name": "Series", "definition": "A sum.", "textEvidence": "A series is a sum of a  sequence."},
            {"name": "limit", "definition": "As here.", "textEvidence": "nowhere to be found"},
        ],
        "skills": [{"name": f"Sum a series {number}", "description": "By hand.", "concepts": ["SERIES"]}],
        "relations": [
            {"source": "Limit", "type": "PREREQUISITE", "target": "Series", "reason": "Defined by it."}
        ],
        "prerequisites": [],
        "resources": [
            {
                "kind": "VIDEO",
                "title": "Sums",
                "url": f"https://example.org/sums-{number}",
                "concepts": ["Series"],
            }
        ],
    } | changes


async def finished(api: Api, actor: Actor, run_id: str) -> dict[str, Any]:
    """Wait for the worker and the mirror; return the run."""

    async def ended() -> bool:
        return (await ask(api, actor, READ, id=run_id))["status"] in ("FINISHED", "FAILED")

    async with asyncio.timeout(120):
        while not await ended():  # noqa: ASYNC110 - the worker announces nothing
            await asyncio.sleep(0.1)
    await api.drain()
    return await ask(api, actor, READ, id=run_id)  # type: ignore[no-any-return]


async def test_extraction_in_both_stores(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    given = {"courseId": course.id, "documents": [document(1), document(2)]}
    payload = await api.ok("ingestExtraction", teacher, RUN, **given)
    accepted = payload["run"]
    assert accepted["documentCount"] == 2
    assert accepted["startedBy"] == {"id": teacher.id}
    assert accepted["course"] == {"id": course.id}
    assert [row["filename"] for row in accepted["documents"]] == ["series-1.txt", "series-2.txt"]
    (doubt,) = accepted["documents"][0]["findings"]
    assert doubt == {
        "kind": "EVIDENCE_NOT_FOUND",
        "severity": "WARNING",
        "path": ["0", "concepts", "1", "textEvidence"],
    }
    run = await finished(api, teacher, accepted["id"])
    assert (run["status"], run["processedCount"], run["failedCount"]) == ("FINISHED", 2, 0)
    assert run["sync"] == {"state": "SYNCED"}
    chapters = await ask(
        api,
        teacher,
        "chapterSequence(courseId: $id) { name theories { name skills { name concepts { name } } "
        "mentions { sourceDocument concept { name } } videos { url } } }",
        id=course.id,
    )
    series = chapters[-1]
    assert series["name"] == "Series"
    assert series["theories"][0] == {
        "name": "Series 1",
        "skills": [{"name": "Sum a series 1", "concepts": [{"name": "Series"}]}],
        # One concept for all spellings: the course's own name stays.
        "mentions": [
            {"sourceDocument": "series-1.txt", "concept": {"name": "Limit"}},
            {"sourceDocument": "series-1.txt", "concept": {"name": "Series"}},
        ],
        "videos": [{"url": "https://example.org/sums-1"}],
    }
    node = await cypher(api, "MATCH (c:CLASS) RETURN c.extraction_status")
    assert node == [["FINISHED"]]
    # The same hash again writes nothing.
    before = await api.versions()
    again = await api.ok("ingestExtraction", teacher, RUN, **given)
    run = await finished(api, teacher, again["run"]["id"])
    assert [row["unchanged"] for row in run["documents"]] == [True, True]
    after = await api.versions()
    assert {key: value for key, value in after.items() if key[0] != "COURSE"} == {
        key: value for key, value in before.items() if key[0] != "COURSE"
    }

    # What failed is worked on again.
    failed = run["documents"][1]["id"]
    async with api.database.write() as session:
        await session.execute(
            update(models.ExtractionDocument)
            .where(models.ExtractionDocument.id == ids.decode(failed, "doc"))
            .values(status=ExtractionStatus.FAILED, last_error="The server met an error of its own.")
        )
        await session.execute(
            update(models.ExtractionRun)
            .where(models.ExtractionRun.id == ids.decode(run["id"], "run"))
            .values(status=ExtractionStatus.FAILED)
        )
    retried = await api.ok("retryExtraction", teacher, RUN, runId=run["id"], documentIds=[failed, failed])
    assert retried["run"]["id"] == run["id"]
    run = await finished(api, teacher, run["id"])
    assert (run["status"], run["failedCount"]) == ("FINISHED", 0)
    assert [row["lastError"] for row in run["documents"]] == [None, None]
    async with api.database.read() as session:
        entries = await session.execute(select(models.AuditEntry.actor_id, models.AuditEntry.action))
    done = {action for actor_id, action in entries if actor_id == teacher.key}
    assert done >= {"ingestExtraction", "retryExtraction"}


async def test_refusals_of_extraction(api: Api) -> None:
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    other = await Course(api, await api.teacher()).write()
    here = {"courseId": course.id}
    rows: list[Row] = []
    for given in [*unknown("course"), other.id]:
        rows.append(
            (
                "ingestExtraction",
                {"courseId": given, "documents": [document()]},
                missing("COURSE", "courseId"),
            )
        )
    for given in unknown("run"):
        rows.append(("retryExtraction", {"runId": given}, missing("EXTRACTION_RUN", "runId")))
    concept = {"name": "Series"}
    relation = {"source": "Series", "type": "IS_A", "target": "Limit"}
    edge = {"prerequisite": "Sum a series 0", "dependent": "Compute a limit"}
    resource = {"kind": "READING", "title": "T", "url": "https://example.org/r"}
    for changes, path, says in (
        ({"filename": ""}, "filename", "1 to 255 characters"),
        ({"filename": "f" * 256}, "filename", "1 to 255 characters, not 256"),
        ({"sha256": "abc"}, "sha256", "64 hexadecimal digits"),
        ({"topic": "t" * 101}, "topic", "1 to 100"),
        ({"chapter": ""}, "chapter", "1 to 100"),
        ({"summary": "s" * 10_001}, "summary", "0 to 10000"),
        ({"text": "t" * 200_001}, "text", "200,000"),
        ({"keywords": ["k" * 101]}, "keywords.0", "1 to 100"),
        ({"concepts": [concept, {"name": " series"}]}, "concepts.1.name", "twice"),
        ({"concepts": [{"name": f"C{n}"} for n in range(201)]}, "concepts", "at most 200"),
        ({"concepts": [{"name": "Series", "definition": "d" * 4_001}]}, "concepts.0.definition", "4000"),
        ({"concepts": [{"name": "Series", "textEvidence": "d" * 2_001}]}, "concepts.0.textEvidence", "2000"),
        ({"skills": [{"name": "Do", "concepts": ["Unknown"]}]}, "skills.0.concepts.0", "Unknown"),
        ({"skills": [{"name": "Do"}, {"name": "DO"}]}, "skills.1.name", "twice"),
        ({"relations": [{**relation, "target": "Unknown"}]}, "relations.0.target", "Unknown"),
        ({"relations": [{**relation, "target": "series"}]}, "relations.0.target", "where it starts"),
        ({"relations": [relation, relation]}, "relations.1", "twice"),
        (
            # The course says Limit before Derivative.
            {"relations": [{"source": "Derivative", "type": "PREREQUISITE", "target": "limit"}]},
            "relations.0",
            "cycle",
        ),
        ({"prerequisites": [{**edge, "strength": 0}]}, "prerequisites.0.strength", "above 0"),
        ({"prerequisites": [{**edge, "dependent": "Unknown"}]}, "prerequisites.0.dependent", "Unknown"),
        ({"resources": [{**resource, "url": "ftp://example.org"}]}, "resources.0.url", "http"),
        ({"resources": [resource, resource]}, "resources.1.url", "twice"),
    ):
        given = {**here, "documents": [document(7), document(**changes)]}
        rows.append(("ingestExtraction", given, invalid(f"documents.1.{path}", says)))
    rows += [
        ("ingestExtraction", {**here, "documents": []}, invalid("documents", "1 to 50 entries, not 0")),
        (
            "ingestExtraction",
            {
                **here,
                "documents": [{"filename": f"{n}", "sha256": "0" * 64, "topic": "T"} for n in range(51)],
            },
            invalid("documents", "1 to 50 entries, not 51"),
        ),
        (
            "ingestExtraction",
            {**here, "documents": [document(), document()]},
            invalid("documents.1.filename", "Another document"),
        ),
    ]
    await refuse(api, teacher, rows)
    payload = await api.ok("ingestExtraction", teacher, RUN, **here, documents=[document()])
    run = await finished(api, teacher, payload["run"]["id"])
    one = {"runId": run["id"]}
    ready = run["documents"][0]["id"]
    rows = [
        ("retryExtraction", one, conflict("WRONG_STATE", path=["input", "runId"])),
        ("retryExtraction", {**one, "documentIds": []}, conflict("WRONG_STATE")),
        (
            "retryExtraction",
            {**one, "documentIds": [ready]},
            conflict("WRONG_STATE", path=["input", "documentIds", "0"]),
        ),
    ]
    for given in unknown("doc"):
        rows.append(
            (
                "retryExtraction",
                {**one, "documentIds": [given]},
                missing("EXTRACTION_DOCUMENT", "documentIds", "0"),
            )
        )
    await refuse(api, teacher, rows)
    # Somebody else's run is not there, for a student it is no business either.
    await refuse(api, other.teacher, [("retryExtraction", one, missing("EXTRACTION_RUN", "runId"))])
    await api.ok("archiveCourse", teacher, id=course.id)
    await refuse(
        api,
        teacher,
        [
            ("ingestExtraction", {**here, "documents": [document(3)]}, conflict("WRONG_STATE")),
            ("retryExtraction", one, conflict("WRONG_STATE")),
        ],
    )


async def test_a_run_is_started_once_under_a_key(api: Api) -> None:
    teacher = await api.teacher()
    made = await api.ok("createCourse", teacher, "course { id }", title="Sets")
    given = {
        "courseId": made["course"]["id"],
        "documents": [{"filename": "a", "sha256": "0" * 64, "topic": "A"}],
    }
    key = {**given, "idempotencyKey": "one-key"}
    first = await api.ok("ingestExtraction", teacher, "run { id }", **key)
    await finished(api, teacher, first["run"]["id"])
    await repeat(api, teacher, "ingestExtraction", "run", given, {"documents": [document(5)]})
