"""Settings: defaults, bounds, secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from graphql_api.settings import PREFIX, Settings, SettingsError, describe_settings, load_settings

GOOD_SECRET = "7f3c9d5be1a84062b9d0c7e6f5a4832170961b2c3d4e5f60"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def problems(**overrides: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    return caught.value.problems


def test_defaults_need_nothing() -> None:
    settings = load_settings()
    assert settings.sql_url == "sqlite+aiosqlite:///var/lab-tutor.db"
    assert settings.neo4j_uri is None
    assert settings.host == "127.0.0.1"
    assert settings.port == 8000
    assert settings.inline_deadline_seconds == 1.5
    assert settings.max_depth == 12
    assert settings.max_page_size == 100
    assert settings.mirror_in_server is True
    assert settings.is_production is False


def test_every_setting_has_a_description() -> None:
    assert [row[0] for row in describe_settings() if not row[3]] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "70000", "LAB_TUTOR_PORT: must be at most 65535 (bounds: 1 to 65535)"),
        ("PORT", "abc", "LAB_TUTOR_PORT: must be a whole number (bounds: 1 to 65535)"),
        ("MAX_PAGE_SIZE", "101", "LAB_TUTOR_MAX_PAGE_SIZE: must be at most 100 (bounds: 1 to 100)"),
        ("INLINE_DEADLINE_SECONDS", "nan", "LAB_TUTOR_INLINE_DEADLINE_SECONDS: must be"),
        ("INLINE_DEADLINE_SECONDS", "-1", "LAB_TUTOR_INLINE_DEADLINE_SECONDS: must be at least 0"),
        ("ENVIRONMENT", "staging", "LAB_TUTOR_ENVIRONMENT: must be one of 'development' or 'production'"),
        ("GRAPH_REQUIRED", "perhaps", "LAB_TUTOR_GRAPH_REQUIRED: must be true or false"),
        ("LOG_FORMAT", "xml", "LAB_TUTOR_LOG_FORMAT: must be one of auto, json, text"),
        ("PLAYGROUND", "yes", "LAB_TUTOR_PLAYGROUND: must be one of auto, on, off"),
        ("NEO4J_URI", "http://host:7474", "LAB_TUTOR_NEO4J_URI: must start with one of bolt://"),
        ("NEO4J_URI", "bolt://", "LAB_TUTOR_NEO4J_URI: names no host"),
        ("NEO4J_URI", "bolt://host:port", "LAB_TUTOR_NEO4J_URI: is no URI"),
        ("DATABASE_URL", "mysql://host/db", "LAB_TUTOR_DATABASE_URL: must start with sqlite+aiosqlite:///"),
        ("JWT_SECRET", "short", "LAB_TUTOR_JWT_SECRET: must have at least 32 characters"),
        ("CORS_ORIGINS", "https://a.example,*", "LAB_TUTOR_CORS_ORIGINS: '*' is no origin"),
        ("TRUSTED_PROXIES", "10.0.0.1,*", "LAB_TUTOR_TRUSTED_PROXIES: '*' is no address or network"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "LAB_TUTOR_TRUSTED_PROXIES: '10.0.0.1/8' is no address or network"),
        ("TRUSTED_PROXIES", "::/0", "LAB_TUTOR_TRUSTED_PROXIES: '::/0' is everybody"),
        ("PROT", "80", "LAB_TUTOR_PROT: is no setting of Lab Tutor"),
    ],
)
def test_a_malformed_setting_is_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    [sentence] = problems()
    assert sentence.startswith(expected)
    assert "\n" not in sentence


def test_all_malformed_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_PORT", "0")
    monkeypatch.setenv("LAB_TUTOR_WORKERS", "many")
    assert len(problems()) == 2


def test_production_refuses_to_start_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_ENVIRONMENT", "production")
    [sentence] = problems()
    assert sentence.startswith("LAB_TUTOR_JWT_SECRET: must be set in production")


@pytest.mark.parametrize("secret", ["a" * 40, "change-me-change-me-change-me-change-me"])
def test_production_refuses_a_guessable_secret(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("LAB_TUTOR_ENVIRONMENT", "production")
    monkeypatch.setenv("LAB_TUTOR_JWT_SECRET", secret)
    [sentence] = problems()
    assert sentence.startswith("LAB_TUTOR_JWT_SECRET: is a default")
    assert secret not in sentence


def test_production_starts_with_a_random_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_ENVIRONMENT", "production")
    monkeypatch.setenv("LAB_TUTOR_JWT_SECRET", GOOD_SECRET)
    assert load_settings().signing_secret() == GOOD_SECRET


def test_development_makes_a_secret_once_and_keeps_it_private(tmp_path: Path) -> None:
    settings = load_settings(data_folder=tmp_path / "data")
    first = settings.signing_secret()
    assert len(first) == 64
    assert settings.signing_secret() == first
    kept = tmp_path / "data" / "jwt-secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["jwt-secret"]


def test_a_kept_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jwt-secret").write_text("short")
    with pytest.raises(SettingsError, match="holds fewer than 32 characters"):
        load_settings(data_folder=tmp_path).signing_secret()


def test_secrets_are_in_no_repr_and_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_JWT_SECRET", GOOD_SECRET)
    monkeypatch.setenv("LAB_TUTOR_NEO4J_URI", "bolt://127.0.0.1:7687")
    monkeypatch.setenv("LAB_TUTOR_NEO4J_PASSWORD", "graph-password")
    monkeypatch.setenv("LAB_TUTOR_DATABASE_URL", "postgresql://user:sql-password@127.0.0.1/db")
    settings = load_settings()
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    for hidden in (GOOD_SECRET, "graph-password", "sql-password"):
        assert hidden not in shown
    assert settings.sql_url == "postgresql+asyncpg://user:sql-password@127.0.0.1/db"
    monkeypatch.setenv("LAB_TUTOR_PORT", "0")
    assert all(
        hidden not in sentence for sentence in problems() for hidden in ("graph-password", GOOD_SECRET)
    )


def test_a_password_in_the_graph_uri_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_NEO4J_URI", "bolt://neo4j:hidden@127.0.0.1:7687")
    sentences = problems()
    assert "must not hold a user or a password" in sentences[0]
    assert all("hidden" not in sentence for sentence in sentences)


def test_a_graph_uri_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_NEO4J_URI", "bolt://127.0.0.1:7687")
    assert problems() == ["LAB_TUTOR_NEO4J_PASSWORD: must be set when LAB_TUTOR_NEO4J_URI is"]


def test_an_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LAB_TUTOR_PORT=9001\nLAB_TUTOR_HOST=0.0.0.0\nOTHER=1\n")
    monkeypatch.setenv("LAB_TUTOR_PORT", "9002")
    settings = load_settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)  # noqa: S104 (a value to compare, nothing listens)


def test_a_misspelt_name_in_the_env_file_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LAB_TUTOR_NEO4J_URL=bolt://host\n")
    [sentence] = problems()
    assert sentence.startswith("LAB_TUTOR_NEO4J_URL: is no setting of Lab Tutor")


def test_origins_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_CORS_ORIGINS", "https://a.example, http://localhost:3000/")
    assert load_settings().cors_origins == ("https://a.example", "http://localhost:3000")


def test_an_override_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TUTOR_PORT", "9002")
    assert load_settings(port=9100, host=None).port == 9100
    assert problems(port=99_999) == [
        "LAB_TUTOR_PORT: must be at most 65535 (bounds: 1 to 65535). Port to listen on."
    ]


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings(jwt_secret=SecretStr(GOOD_SECRET)).port = 1  # type: ignore[misc]


def test_the_papers_list_every_setting_as_it_is() -> None:
    """docs/operating.md holds what `python -m graphql_api.settings` prints."""
    papers = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = [f"| `{row[0]}` | " + " | ".join(row[1:]) + " |" for row in describe_settings()]
    assert [row for row in rows if row not in papers] == []
