"""Settings: every one of them comes from the environment (prefix LAB_TUTOR_) or from a .env file.

Units are in the names. A value that cannot be used stops the start with one sentence that names the
variable and the bound; a secret is shown neither in that sentence nor in a repr.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import secrets
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

PREFIX = "LAB_TUTOR_"
MIN_SECRET_CHARACTERS = 32
NEO4J_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
DATABASE_SCHEMES = ("sqlite+aiosqlite", "postgresql+asyncpg")

# Secrets that are written in tutorials, in .env examples or in this project's own papers.
DEFAULT_SECRETS = frozenset(
    {
        "changeme",
        "change-me",
        "secret",
        "development",
        "change-me-change-me-change-me-change-me",
        "your-256-bit-secret",
        "please-change-this-secret-before-use",
    }
)


class Environment(StrEnum):
    """Where the server runs: development is open to look into, production is not."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class SettingsError(Exception):
    """The settings cannot be used; each line of the text is one thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _seconds(default: float, description: str, *, least: float = 0.0, most: float = 3600.0) -> Any:
    return Field(default=default, ge=least, le=most, allow_inf_nan=False, description=description)


def _count(default: int, description: str, *, least: int = 1, most: int = 1_000_000) -> Any:
    return Field(default=default, ge=least, le=most, description=description)


class Settings(BaseSettings):
    """All that an operator can set. `docs/operating.md` lists them with their bounds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    # Where things are
    environment: Environment = Field(
        default=Environment.DEVELOPMENT,
        description="development (introspection, GraphiQL) or production (neither; demands a secret).",
    )
    playground: str = Field(
        default="auto",
        pattern="^(auto|on|off)$",
        description="The page at /graphql: on (with the introspection that it needs), off, or auto: on in "
        "development, off in production.",
    )
    data_folder: Path = Field(
        default=Path("var"),
        description="Folder of the SQLite file, the embedded graph and the development secret.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="SQLAlchemy URL, sqlite+aiosqlite:///... or postgresql+asyncpg://...; "
        "left out, it is lab-tutor.db in the data folder.",
    )

    # The graph
    neo4j_uri: str | None = Field(
        default=None,
        description="URI of a Neo4j server; left out, the embedded engine where it is installed.",
    )
    neo4j_username: str = Field(
        default="neo4j", min_length=1, max_length=255, description="User of the Neo4j server."
    )
    neo4j_password: SecretStr | None = Field(default=None, description="Password of that user.")
    neo4j_database: str | None = Field(
        default=None, max_length=63, description="Database to use; left out, the server's default."
    )
    graph_required: bool = Field(
        default=False, description="true: refuse to start without a graph, instead of starting without it."
    )
    graph_deadline_seconds: float = _seconds(
        5.0, "Longest time that one graph query may take.", least=0.1, most=600.0
    )
    mirror_in_server: bool = Field(
        default=True, description="Run the mirror's worker inside the API; false: run `lab-tutor mirror run`."
    )
    mirror_write_seconds: float = _seconds(
        30.0, "Longest time that the mirror waits for one batch to be written.", least=0.5, most=250.0
    )
    mirror_lease_seconds: float = _seconds(
        60.0,
        "How long a batch belongs to one worker; a killed worker's is taken over afterwards.",
        least=1.0,
        most=300.0,
    )
    inline_deadline_seconds: float = _seconds(
        1.5, "How long a mutation waits for its change to reach the graph; 0: not at all.", most=30.0
    )

    # The server
    host: str = Field(default="127.0.0.1", min_length=1, max_length=255, description="Address to listen on.")
    port: int = _count(8000, "Port to listen on.", most=65_535)
    workers: int = _count(1, "Processes that serve requests.", most=64)
    operation_deadline_seconds: float = _seconds(
        20.0, "Longest time that one GraphQL operation may take.", least=0.1, most=600.0
    )
    fast_path: bool = Field(
        default=True,
        description="Answer what is the graph's alone without graphql-core's execution; the answers are the same.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins that browsers may call from, separated by commas; none by default."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For names the client, separated by commas; "
        "left out, nobody's does.",
    )
    log_format: str = Field(
        default="auto",
        pattern="^(auto|json|text)$",
        description="json (one object a line), text, or auto: text on a terminal, json elsewhere.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least severity that is logged."
    )

    # Accounts
    jwt_secret: SecretStr | None = Field(
        default=None,
        description="Signs access tokens, at least 32 characters; development makes one and keeps it "
        "in the data folder.",
    )
    jwt_previous_secret: SecretStr | None = Field(
        default=None,
        description="The secret before the last change: its tokens are accepted until they expire.",
    )
    access_token_seconds: int = _count(900, "Lifetime of an access token.", least=30, most=900)
    refresh_token_seconds: int = _count(
        1_209_600, "Lifetime of a refresh token that is not used.", least=60, most=31_536_000
    )
    teacher_registration: bool = Field(
        default=False, description="true: anybody may register as a teacher; false: an admin makes teachers."
    )
    argon2_time_cost: int = _count(2, "Passes of argon2id over its memory.", most=20)
    argon2_memory_kib: int = _count(
        19_456, "Memory of one argon2id hash, in KiB.", least=8_192, most=1_048_576
    )
    argon2_parallelism: int = _count(1, "Lanes of one argon2id hash.", most=16)
    hashing_threads: int = _count(2, "Passwords that are hashed at the same time.", most=64)
    login_attempts_per_account: int = _count(10, "Log-in attempts on one account in the window.", most=10_000)
    login_attempts_per_address: int = _count(
        100, "Log-in attempts from one address within the window.", most=1_000_000
    )
    login_window_seconds: int = _count(900, "Length of the log-in window.", most=86_400)

    # Limits on requests
    max_body_bytes: int = _count(2_000_000, "Longest request body.", least=1_024, most=100_000_000)
    max_anonymous_body_bytes: int = _count(
        65_536, "Longest request body without a valid access token.", least=1_024, most=100_000_000
    )
    max_body_values: int = _count(
        20_000, "Values of a request body: items of lists and of objects.", least=100
    )
    body_timeout_seconds: float = _seconds(
        15.0, "Longest time that a request body may take to arrive.", least=0.1, most=600.0
    )
    max_depth: int = _count(12, "Deepest nesting of a document, fragments expanded.", most=50)
    max_fields: int = _count(500, "Fields of a document, fragments expanded.", most=10_000)
    max_aliases: int = _count(60, "Aliases in a document, fragments expanded.", most=1_000)
    max_directives: int = _count(50, "Directives in a document, fragments expanded.", most=1_000)
    max_operations: int = _count(10, "Operations in a document.", most=100)
    max_tokens: int = _count(5_000, "Tokens of a document.", least=100, most=100_000)
    max_characters: int = _count(50_000, "Characters of a document.", least=1_000, most=1_000_000)
    max_overlaps: int = _count(
        1_000,
        "Pairs of fields under one name at one place of a document, which validation compares.",
        least=10,
    )
    max_cost: int = _count(
        50_000, "Objects that an answer may hold by the sizes of its lists; docs/api.md says how they count."
    )
    max_streams_per_address: int = _count(
        100, "WebSockets and event streams that one client address may have open in a process.", most=100_000
    )
    max_streams_per_person: int = _count(
        50, "WebSockets and event streams that one account may have open in a process.", most=100_000
    )
    max_subscriptions_per_socket: int = _count(
        20, "Operations that may run at the same time on one WebSocket.", most=1_000
    )
    max_page_size: int = _count(100, "Longest page of a list.", most=100)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            try:
                parts = urlsplit(origin)
                well_formed = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.path
                _ = parts.port
            except ValueError:
                well_formed = False
            if not well_formed:
                raise ValueError(
                    f"{origin!r} is no origin; an origin is a scheme, a host and perhaps a port, "
                    "such as https://app.example.org"
                )
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy!r} is no address or network, such as 10.0.0.7 or 10.0.0.0/24"
                ) from None
            if network.prefixlen == 0:
                raise ValueError(f"{proxy!r} is everybody: then anybody may say who they are")
        return value

    @field_validator("neo4j_uri")
    @classmethod
    def _check_neo4j_uri(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("is no URI; it looks like neo4j://host:7687") from None
        if parts.scheme not in NEO4J_SCHEMES:
            raise ValueError(f"must start with one of {', '.join(s + '://' for s in NEO4J_SCHEMES)}")
        if not host:
            raise ValueError("names no host; it looks like neo4j://host:7687")
        if parts.username or parts.password:
            # A URI ends in logs and in health answers; a password has no business there.
            raise ValueError(
                "must not hold a user or a password; "
                "they go to LAB_TUTOR_NEO4J_USERNAME and LAB_TUTOR_NEO4J_PASSWORD"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        scheme = text.partition("://")[0]
        if scheme in ("postgresql", "postgres", "postgresql+asyncpg"):
            address, mark, options = text.partition("://")[2].partition("?")
            # As libpq and every provider's papers name it; asyncpg's name is another.
            options = re.sub(r"(^|&)sslmode=", r"\1ssl=", options)
            return SecretStr(f"postgresql+asyncpg://{address}{mark}{options}")
        if scheme == "sqlite":
            return SecretStr("sqlite+aiosqlite://" + text.partition("://")[2])
        if scheme not in DATABASE_SCHEMES or "://" not in text:
            raise ValueError("must start with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        return value

    @field_validator("jwt_secret", "jwt_previous_secret")
    @classmethod
    def _check_secret_length(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET_CHARACTERS:
            raise ValueError(f"must have at least {MIN_SECRET_CHARACTERS} characters")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.jwt_secret is None:
            raise ValueError(
                "LAB_TUTOR_JWT_SECRET: must be set in production, to at least "
                f"{MIN_SECRET_CHARACTERS} random characters (for example from: openssl rand -hex 32)"
            )
        if self.environment is Environment.PRODUCTION and self.jwt_secret is not None:
            secret = self.jwt_secret.get_secret_value()
            if secret.lower() in DEFAULT_SECRETS or len(set(secret)) < 8:
                raise ValueError(
                    "LAB_TUTOR_JWT_SECRET: is a default or a repeated text, which anybody can guess; "
                    "production needs a random one (for example from: openssl rand -hex 32)"
                )
        if self.mirror_lease_seconds <= self.mirror_write_seconds:
            raise ValueError(
                "LAB_TUTOR_MIRROR_LEASE_SECONDS: must be longer than LAB_TUTOR_MIRROR_WRITE_SECONDS, or two "
                "workers write the same records at once"
            )
        if self.neo4j_uri is not None and self.neo4j_password is None:
            raise ValueError("LAB_TUTOR_NEO4J_PASSWORD: must be set when LAB_TUTOR_NEO4J_URI is")
        return self

    @property
    def is_production(self) -> bool:
        """Say whether the closed profile is on."""
        return self.environment is Environment.PRODUCTION

    @property
    def has_playground(self) -> bool:
        """Say whether browsers get the playground at /graphql."""
        return self.playground == "on" or (self.playground == "auto" and not self.is_production)

    @property
    def has_introspection(self) -> bool:
        """Say whether the schema may be asked for: always, but in production without a playground."""
        return not self.is_production or self.has_playground

    @property
    def sql_url(self) -> str:
        """Return the SQLAlchemy URL, with its password: for `sql.session.Database` and nobody else."""
        given = self.database_url.get_secret_value()
        return given or f"sqlite+aiosqlite:///{(self.data_folder / 'lab-tutor.db').as_posix()}"

    @property
    def graph_folder(self) -> Path:
        """Return the folder of the embedded engine."""
        return self.data_folder / "graph"

    def signing_secret(self) -> str:
        """Return the secret of access tokens, made and kept in the data folder where development gave none.

        Raises SettingsError when the kept secret cannot be read or written.
        """
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        return _kept_secret(self.data_folder / "jwt-secret")


def _kept_secret(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_EXCL: of two processes that start together one writes, the other reads what it wrote.
        with contextlib.suppress(FileExistsError):
            temporary = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(32))
                # A link appears whole or not at all: nobody reads half a secret.
                os.link(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no plain text"
        raise SettingsError(
            [f"LAB_TUTOR_DATA_FOLDER: the secret for tokens cannot be kept in {path}: {reason}"]
        ) from None
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise SettingsError(
            [f"{path}: holds fewer than {MIN_SECRET_CHARACTERS} characters; remove it and start again"]
        )
    return secret


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment and .env; named overrides win (None leaves one alone).

    Raises SettingsError with one sentence for each setting that cannot be used, and for each variable of
    the .env file with our prefix that no setting has (most likely a misspelt name).
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    problems: list[str] = []
    settings: Settings | None = None
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems += [_sentence(dict(found)) for found in error.errors(include_input=False, include_url=False)]
    except (OSError, UnicodeDecodeError):
        problems.append(".env: cannot be read as UTF-8 text")
    problems += _unknown_names()
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def _unknown_names() -> list[str]:
    try:
        from_file = DotEnvSettingsSource(Settings, env_file=".env").env_vars
    except (OSError, UnicodeDecodeError):
        return []
    names = {name.upper() for name in (*os.environ, *from_file)}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return [
        f"{name}: is no setting of Lab Tutor; is it misspelt? (docs/operating.md lists them)"
        for name in sorted(names)
        if name.startswith(PREFIX) and name not in known and not name.startswith(OTHER_NAMES)
    ]


# Variables with our prefix that are no settings: the tests' servers and the admin's password of the CLI.
OTHER_NAMES = (PREFIX + "TEST_", PREFIX + "ADMIN_PASSWORD")

_NUMBERS = {
    "greater_than_equal": ("must be at least", "ge"),
    "less_than_equal": ("must be at most", "le"),
    "string_too_short": ("must not be shorter than", "min_length"),
    "string_too_long": ("must not be longer than", "max_length"),
}


def _sentence(found: Mapping[str, Any]) -> str:
    """Turn one finding of pydantic into a sentence that starts with the variable's name."""
    context: Mapping[str, Any] = found.get("ctx") or {}
    kind = str(found["type"])
    if kind == "value_error":
        told = str(context.get("error", found["msg"]))
    elif kind in _NUMBERS:
        words, bound = _NUMBERS[kind]
        told = f"{words} {context[bound]}"
    elif kind == "enum":
        told = f"must be one of {context['expected']}"
    elif kind == "string_pattern_mismatch":
        told = f"must be one of {', '.join(str(context['pattern']).strip('^()$').split('|'))}"
    elif kind.startswith("int"):
        told = "must be a whole number"
    elif kind.startswith("float") or kind == "finite_number":
        told = "must be a number"
    elif kind.startswith("bool"):
        told = "must be true or false"
    else:
        told = str(found["msg"])
    location = found.get("loc") or ()
    if not location:  # found by _check_together, which names the variable itself
        return told
    name = str(location[0]).upper()
    description = Settings.model_fields[str(location[0])].description or ""
    bounds = _bounds(str(location[0]))
    ending = f" (bounds: {bounds})" if bounds and kind not in ("value_error", "enum") else ""
    return f"{PREFIX}{name}: {told}{ending}. {description}".strip()


def _bounds(name: str) -> str:
    metadata = Settings.model_fields[name].metadata
    least = next((item.ge for item in metadata if hasattr(item, "ge")), None)
    most = next((item.le for item in metadata if hasattr(item, "le")), None)
    return f"{least} to {most}" if least is not None and most is not None else ""


def describe_settings() -> list[tuple[str, str, str, str]]:
    """Return (variable, default, bounds, description) of each setting, in the order of this file."""
    rows: list[tuple[str, str, str, str]] = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr) or default is None or default == ():
            shown = ""
        elif isinstance(default, bool):
            shown = str(default).lower()
        else:
            shown = str(default)
        rows.append((PREFIX + name.upper(), shown, _bounds(name), field.description or ""))
    return rows


if __name__ == "__main__":  # prints the table of docs/operating.md
    for row in describe_settings():
        sys.stdout.write("| `" + row[0] + "` | " + " | ".join(row[1:]) + " |\n")
