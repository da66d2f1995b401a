"""Whatever question leads to a record, it is shown to those who may see it and to nobody else.

The questions are made from the schema: a new field is asked without a change here. `Api` asks each of them on
both execution paths, and the answers have to be the same. LAB_TUTOR_TEST_PATH_DEPTH
makes the paths longer (2 edges below a root field by default; 3 take some minutes).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, get_named_type

from graph.client import GraphClient
from graphql_api import schema as schema_module
from resolvers import ids
from sql.session import Database
from tests.api_fixtures import PROFILES, Actor, Api, make_settings, open_api
from tests.e2e.every_path import Questions, Scene, seen

DEPTH = int(os.environ.get("LAB_TUTOR_TEST_PATH_DEPTH", "2"))
# The questions are as large as the schema; the limits on them are tested elsewhere.
WIDE = {
    "max_fields": 100_000,
    "max_depth": 50,
    "max_cost": 10**9,
    "max_tokens": 100_000,
    "max_aliases": 100_000,
    "max_overlaps": 1_000_000,
    "max_characters": 1_000_000,
    "max_anonymous_body_bytes": 1_000_000,
    "operation_deadline_seconds": 110.0,
    "graph_deadline_seconds": 60.0,
}
REFUSALS = {"FORBIDDEN", "UNAUTHENTICATED"}
# Marks of people without one, asked by somebody who is no student.
ODD = {"BAD_USER_INPUT"}


async def _asked(api: Api, query: str, actor: Actor | None) -> dict[str, Any]:
    body = await api.ask(query, actor)
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    assert codes <= REFUSALS | ODD, (codes, body["errors"][:3], query[:300])
    return body


# Who may see what does not depend on the profile: in production shorter paths have to do.
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name_of_profile", "longest"), [("development", DEPTH), ("production", DEPTH - 1)])
async def test_every_path_shows_what_its_viewer_may_see(
    sqlite_database: Database,
    embedded_client: GraphClient,
    tmp_path: Path,
    name_of_profile: str,
    longest: int,
) -> None:
    settings = make_settings(tmp_path, **PROFILES[name_of_profile]).model_copy(update=WIDE)
    async with open_api(settings, sqlite_database, embedded_client) as api:
        scene = await Scene(api).make()
        visible = await scene.visible()
        everything = sorted(visible["admin"])
        questions = Questions(schema_module.build(), scene, everything)
        wrong: list[str] = []
        counted: Counter[str] = Counter()
        for name, actor in scene.people.items():
            shown: set[str] = set()
            for root, arguments, definition in questions.roots():
                kind = get_named_type(definition.type)
                # All kinds at once: a statement for all ways from there is more than an engine takes.
                depth = longest - 1 if isinstance(kind, GraphQLInterfaceType) else longest
                asked = f"{root}({arguments})" if arguments else root
                api.compared.on = root != "graphDrift"  # tells when it was asked
                body = await _asked(api, f"{{ {asked} {questions.tree(kind, depth)} }}", actor)
                found = set(seen(body["data"]))
                counted["questions"] += 1
                if "errors" in body and body["data"] != {root: None}:
                    # What was refused took its neighbours along: ask for each of them alone.
                    for path in questions.paths(kind, depth):
                        alone = await _asked(api, f"{{ {asked} {path} }}", actor)
                        found |= set(seen(alone["data"]))
                        counted["paths"] += 1
                known = {text for text in found if text in visible["admin"]}
                for leaked in known - visible[name]:
                    wrong.append(f"{name} sees {ids.decode_any(leaked)} by {asked[:80]}")
                for person in scene.people.values():
                    if person and person.email in found and name != "admin" and person is not actor:
                        wrong.append(f"{name} sees the address {person.email} by {asked[:80]}")
                shown |= known
            missing = visible[name] - shown
            if missing:
                wrong.append(f"{name} does not see {sorted(ids.decode_any(one) for one in missing)[:5]}")
        print(dict(counted), {name: len(seen_by) for name, seen_by in visible.items()})
        assert not wrong, "\n".join(sorted(set(wrong)))
