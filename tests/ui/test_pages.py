"""The pages as they leave the server: no browser needed."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import graphql
import pytest
from graphql.execution.values import VariableValues, get_variable_values
from pydantic import SecretStr

from graphql_api import playground, schema
from graphql_api.pages import STATIC, DemoAccount, Facts, explore_page, landing_page
from graphql_api.settings import Environment
from sql.session import Database
from tests.api_fixtures import Api, make_settings, open_api

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "operations").glob("*.graphql"))
FACTS = Facts("development", "SQLite", True, "no graph", "disabled", None, True, True)


def body(response: object) -> str:
    """Return the text of a page."""
    return bytes(response.body).decode()  # type: ignore[attr-defined]


def test_static_files_are_those_of_the_manifest() -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
    names = {path.name for path in STATIC.iterdir()} - {"manifest.json"}
    assert names == set(manifest)
    for name, entry in manifest.items():
        data = (STATIC / name).read_bytes()
        assert len(data) == entry["bytes"], name
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], name


def test_built_files_name_no_other_origin_to_load_from() -> None:
    for path in STATIC.glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"url\(['\"]?https?:|@import|@font-face", text), path.name
    for path in STATIC.glob("*.js"):
        assert not re.search(r"\beval\(|new Function\(|sourceMappingURL", path.read_text(encoding="utf-8")), (
            path.name
        )


def test_each_page_has_a_nonce_of_its_own_and_no_inline_script() -> None:
    first, second = playground.playground_page(), playground.playground_page()
    policies = [page.headers["content-security-policy"] for page in (first, second)]
    assert policies[0] != policies[1]
    for policy in policies:
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
    for page in (first, explore_page(playground=True), landing_page(FACTS)):
        text = body(page)
        scripts = re.findall(r"<script([^>]*)>([^<]*)", text)
        assert all("src=" in tag or 'type="application/json"' in tag for tag, _ in scripts)
        assert not re.search(r"\son\w+=|style=", text)
        assert page.headers["cache-control"] == "no-store"


def test_the_data_block_cannot_be_broken_out_of() -> None:
    account = DemoAccount("</script><script>alert(1)</script>", "a@example.org", "p")
    text = body(playground.playground_page([account]))
    assert "<script>alert" not in text
    block = re.search(r'id="config">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    assert json.loads(block[1])["demoAccounts"][0]["label"] == account.label


def test_demo_accounts_are_named_only_where_they_are_given() -> None:
    assert '"demoAccounts":[]' in body(playground.playground_page())


@pytest.mark.parametrize(
    ("state", "lag", "words"),
    [
        ("ok", None, "up to date"),
        ("ok", 12.0, "has waited for 12.0 seconds"),
        ("unreachable", 600.0, "has waited for 10 minutes"),
        ("disabled", None, "answer GRAPH_UNAVAILABLE"),
    ],
)
def test_landing_page_tells_the_state_of_the_graph(state: str, lag: float | None, words: str) -> None:
    facts = Facts("development", "SQLite", True, "Neo4j server", state, lag, False, False)
    text = body(landing_page(facts))
    assert words in text
    assert 'href="/graphql"' not in text
    assert 'href="/schema.graphql"' not in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_valid_with_its_variables(path: Path) -> None:
    built = schema.build()
    example = playground.read_example(path.read_text(encoding="utf-8"))
    document = graphql.parse(example["query"])
    assert graphql.validate(built, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, graphql.OperationDefinitionNode)
    values = get_variable_values(
        built, operation.variable_definitions or (), json.loads(example["variables"] or "{}")
    )
    assert isinstance(values, VariableValues), values
    assert example["about"].endswith((".", "}."))


def test_html_is_for_those_who_name_it() -> None:
    assert playground.wants_html("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert not playground.wants_html("*/*")
    assert not playground.wants_html("text/html;q=0")
    assert not playground.wants_html(None)


@pytest.mark.parametrize(
    ("environment", "setting", "shown"),
    [
        (Environment.DEVELOPMENT, "auto", True),
        (Environment.DEVELOPMENT, "off", False),
        (Environment.PRODUCTION, "auto", False),
        (Environment.PRODUCTION, "on", True),
    ],
)
async def test_the_playground_is_where_the_settings_want_it(
    sqlite_database: Database, tmp_path: Path, environment: Environment, setting: str, shown: bool
) -> None:
    settings = make_settings(
        tmp_path, environment=environment, playground=setting, jwt_secret=SecretStr("k9$2mZ-qW7" * 4)
    )
    async with open_api(settings, sqlite_database, None) as api:
        page = await api.http.get("/graphql", headers={"accept": "text/html"})
        assert page.status_code == (200 if shown else 404)
        landing = (await api.http.get("/")).text
        assert ('href="/graphql"' in landing) is shown
        assert f'"playground":{json.dumps(shown)}' in (await api.http.get("/explore")).text
        # Without the schema the page would be of no use; in development it is for everybody anyway.
        schema_shown = shown or environment is Environment.DEVELOPMENT
        assert ("data" in await api.ask("{ __schema { queryType { name } } }")) is schema_shown
        schema = await api.http.get("/schema.graphql")
        assert schema.status_code == (200 if schema_shown else 404)
        if schema_shown:
            assert schema.text == (ROOT / "schema.graphql").read_text(encoding="utf-8")
        assert (await api.ask("{ me { id } }"))["data"] == {"me": None}


async def test_built_files_are_kept_by_browsers_as_long_as_they_are_the_same(graphless_api: Api) -> None:
    page = (await graphless_api.http.get("/explore")).text
    script = re.search(r'src="(/static/explore.js\?v=[0-9a-f]{12})"', page)
    assert script is not None
    given = await graphless_api.http.get(script[1], headers={"accept-encoding": "gzip"})
    assert given.headers["content-encoding"] == "gzip"
    assert given.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert given.content == (STATIC / "explore.js").read_bytes()
    # Another version's address gets what is there now, and is not kept.
    for path in ("/static/explore.js", "/static/explore.js?v=000000000000", "/static/manifest.json"):
        assert (await graphless_api.http.get(path)).headers["cache-control"] == "no-cache", path
    assert (await graphless_api.http.get("/static/../settings.py")).status_code == 404
