"""Settings: one class, read from ``PALATE_*`` variables and a ``.env`` file."""

import difflib
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from palate.errors import MisuseError
from palate.text import say_wrong


def _own_schema(name: str) -> str:
    """A schema that can be ours alone."""
    if name.startswith("pg_") or name == "information_schema":
        raise ValueError(
            "it is PostgreSQL's own; write [a-z_][a-z0-9_]*, neither pg_... nor information_schema"
        )
    return name


class Settings(BaseSettings):
    """Everything that can be set from outside. The environment name is ``PALATE_`` + the field."""

    model_config = SettingsConfigDict(
        env_prefix="PALATE_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # Database
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL or ParadeDB to use. Unset: the embedded server."
    )
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("palate"),
        description="Where the embedded server, runs of training and studies are kept.",
    )
    # Not named `schema`, which every pydantic model has.
    schema_name: Annotated[str, AfterValidator(_own_schema)] = Field(
        "palate",
        alias="PALATE_SCHEMA",
        pattern="^[a-z_][a-z0-9_]{0,62}$",  # the same with and without quotes
        description="Schema of the database that everything of Palate's lives in.",
    )
    engine: Literal["auto", "paradedb", "postgres"] = Field(
        "auto", description="Search engine. auto: paradedb where pg_search is there, else postgres."
    )
    pooler: Literal["none", "transaction"] = Field(
        "none",
        description="transaction: the address is that of a pooler, such as PgBouncer, which lends "
        "another session for each transaction.",
    )
    pool_size: int = Field(8, ge=1, le=200, description="Connections kept by one process.")
    statement_timeout: float = Field(
        10.0, gt=0, description="Seconds after which the database gives up on one statement."
    )

    item_word: str = Field(
        "film",
        pattern=r"^[a-z][a-z ]{0,29}(,[a-z][a-z ]{0,29})?$",
        description="What messages, pages and reasons call what the catalog holds: book, or with "
        "its plural dish,dishes. Fields, commands and addresses keep their names.",
    )

    # Search
    max_query_length: int = Field(
        2000, ge=10, le=100_000, description="Characters of a query that are read."
    )
    max_query_clauses: int = Field(
        100, ge=1, le=10_000, description="Clauses of a query that are read."
    )
    max_query_phrases: int = Field(20, ge=0, le=10_000, description="Phrases of a query.")
    max_query_slop: int = Field(
        20, ge=0, le=10_000, description="Sum of the slop of a query's phrases: each ~N is N."
    )
    max_query_prefixes: int = Field(
        20, ge=0, le=10_000, description="Prefixes of a query; others are whole words."
    )
    max_clause_words: int = Field(
        30, ge=2, le=10_000, description="Words of one clause of a query, as of one phrase."
    )
    max_k: int = Field(100, ge=1, le=1000, description="Most films one search may return.")
    max_candidates: int = Field(
        1000, ge=1, le=100_000, description="Most candidates one search may rerank."
    )

    rules_file: Path | None = Field(
        None, description="JSON file of rules for recommendations; read again when it changes."
    )

    recommend_cache_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="Seconds that recommendations are kept for who asks again; a person's next "
        "event, a model and rules count at once. 0: none are.",
    )

    feedback_days: int = Field(
        400,
        ge=0,
        le=36_500,
        description="Days that feedback is kept; `palate db refresh` deletes older ones. 0: all.",
    )

    # Text embeddings
    embedding_model: str = Field(
        "all-MiniLM-L6-v2", description="Model that embeds films and semantic queries."
    )
    embedding_url: str | None = Field(
        None, description="OpenAI-compatible endpoint for embeddings. Unset: local model."
    )
    embedding_api_key: SecretStr | None = Field(None, description="Key for embedding_url.")

    # What other services know of films
    tmdb_api_key: SecretStr | None = Field(
        None, description="Key or read access token of TMDB, for `palate sync tmdb`."
    )
    tmdb_url: str = Field("https://api.themoviedb.org/3", description="Address of TMDB's API.")
    justwatch_token: SecretStr | None = Field(
        None, description="Token of a partner of JustWatch's, for `palate sync justwatch`."
    )
    justwatch_url: str = Field(
        "https://apis.justwatch.com/contentpartner/v2/content",
        description="Address of JustWatch's API for partners.",
    )
    sync_locales: tuple[Annotated[str, Field(pattern="^[a-z]{2}_[A-Z]{2}$")], ...] = Field(
        ("en_US",),
        min_length=1,
        max_length=50,
        description='Languages and countries that are asked for: ["en_US", "de_DE"].',
    )
    sync_services: tuple[Annotated[str, Field(pattern="^[a-z0-9_-]{1,40}$")], ...] = Field(
        (), max_length=200, description='Where to watch: ["netflix", "mubi"]. Empty: anywhere.'
    )
    sync_per_second: float = Field(
        4.0, gt=0, le=1000, description="Most questions a second to one of these services."
    )

    # Language model
    llm_provider: (
        Literal["openai", "openrouter", "gemini", "ollama", "vllm", "llama.cpp"] | None
    ) = Field(None, description="Service that answers, for its address. Unset: only llm_url.")
    llm_url: str | None = Field(
        None, description="OpenAI-compatible endpoint of a language model. Unset: rules only."
    )
    llm_api_key: SecretStr | None = Field(None, description="Key for the language model.")
    llm_model: str | None = Field(None, description="Name of the language model.")
    llm_structure: Literal["json_schema", "json_object", "text"] = Field(
        "json_schema", description="How the endpoint is asked for JSON; schemas where it has them."
    )
    llm_temperature: bool = Field(
        True, description="Send a temperature of 0. Off for models that refuse one."
    )
    llm_thinking_tokens: int = Field(
        0, ge=0, description="Tokens an answer may take beyond its text, for models that think."
    )
    llm_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds that one request to the model may take."
    )
    llm_deadline: float = Field(
        90.0, gt=0, le=7200, description="Seconds that one question may take, retries included."
    )
    llm_attempts: int = Field(
        3, ge=1, le=10, description="Times that a failed request is tried, when that may help."
    )
    llm_concurrency: int = Field(4, ge=1, le=256, description="Requests to the model at once.")
    llm_requests_per_minute: float | None = Field(
        None, gt=0, description="Most requests to the model a minute. Unset: no limit."
    )
    llm_max_input_tokens: int = Field(
        8000, ge=100, description="Longest question, in estimated tokens."
    )
    llm_max_answer_bytes: int = Field(
        262_144, ge=1024, description="Bytes after which an answer is cut off."
    )
    llm_run_tokens: int | None = Field(None, ge=0, description="Most tokens a process may use.")
    llm_run_cost: float | None = Field(None, ge=0, description="Most dollars a process may spend.")
    llm_day_tokens: int | None = Field(None, ge=0, description="Most tokens in 24 hours.")
    llm_day_cost: float | None = Field(None, ge=0, description="Most dollars in 24 hours.")
    llm_prices: dict[str, tuple[float, float]] = Field(
        {}, description='Dollars a million tokens read and written: {"model": [0.15, 0.60]}.'
    )
    llm_cache_days: float = Field(
        30.0, ge=0, description="Days that answers of the model are kept. 0: none are."
    )
    llm_record_content: bool = Field(
        False, description="Record questions and answers too, not only their counts and costs."
    )

    llm_ask_seconds: float = Field(
        8.0, gt=0, le=600, description="Seconds that the reading of a request is waited for."
    )
    llm_reason_seconds: float = Field(
        10.0, gt=0, le=600, description="Seconds that reasons and summaries are waited for."
    )
    llm_rerank_seconds: float = Field(
        3.0, gt=0, le=600, description="Seconds that a reranking is waited for."
    )
    rerank_window: int = Field(
        40, ge=2, le=100, description="Films, from the first on, that a reranking judges."
    )
    rerank_places: int = Field(
        20, ge=0, le=40, description="Most places that a film gains or loses by a reranking."
    )

    # Learning
    mlflow_tracking_uri: str | None = Field(
        None,
        description="Where runs of training are kept: an MLflow server or database. "
        "Unset: a file in data_dir. off: nowhere.",
    )

    # HTTP
    host: str = Field("127.0.0.1", description="Address that `palate serve` listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that `palate serve` listens on.")
    workers: int = Field(
        1, ge=1, le=64, description="Processes that serve; they share pool_size between them."
    )
    api_keys_file: Path | None = Field(
        None, description="File of API keys, one `name:scope:sha256` a line. Unset: loopback only."
    )
    token_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs tokens for single users, 32 characters or more. Unset: there are none.",
    )
    allowed_origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/*\s]+$")], ...] = Field(
        (),
        max_length=100,
        description='Sites whose pages may ask from a browser: ["https://app.example.org"].',
    )
    requests_per_minute: int | None = Field(
        None, ge=1, description="Most requests of one key, user or address. Unset: any number."
    )
    web: bool = Field(True, description="Show the page at / for people. false: only the API.")
    poster_hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$")], ...] = Field(
        ("image.tmdb.org",),
        max_length=20,
        description="Hosts that the page may load posters from, as a JSON list; others are drawn.",
    )
    preload_encoder: bool = Field(
        False, description="Load the text encoder at start, not in the first semantic search."
    )
    request_timeout: float = Field(
        15.0, gt=0, description="Seconds one HTTP request may take, where no other limit is less."
    )
    search_timeout: float = Field(
        5.0, gt=0, description="Seconds a search, or another short read, may take over HTTP."
    )
    write_timeout: float = Field(5.0, gt=0, description="Seconds a change may take over HTTP.")
    header_timeout: float = Field(
        10.0, gt=0, description="Seconds until a client has sent all headers of a request."
    )
    body_timeout: float = Field(
        10.0, gt=0, description="Seconds until a client has sent all of a body."
    )
    shutdown_timeout: float = Field(
        20.0, gt=0, description="Seconds that running requests get to finish when the server stops."
    )
    max_running_requests: int = Field(
        200, ge=1, le=100_000, description="Requests that wait at once; more are told to retry."
    )
    max_connections: int = Field(
        1000, ge=1, le=100_000, description="Connections at once; for one more an idle one is shut."
    )
    max_url_length: int = Field(
        65_000, ge=1024, le=65_000, description="Bytes of path and query of one request."
    )
    max_body_bytes: int = Field(
        4_000_000, ge=256, le=100_000_000, description="Most bytes of body of any request."
    )
    max_bulk_bytes: int = Field(
        100_000_000, ge=1024, description="Most bytes of a file of films or ratings that is sent."
    )
    cursor_secret: SecretStr | None = Field(
        None, description="Key that signs cursors. Unset: made at start, so cursors end with it."
    )

    watch_hosts: tuple[str, ...] = Field(
        (), description='Hosts that /v1/watch-link may send people to: ["archive.org"].'
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: JSON where a server tells no terminal, else console."
    )


SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)
)
"""Settings whose values are never shown."""


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once. Raises MisuseError."""
    return read_settings({})


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """Flags before ``PALATE_*`` variables before the ``.env`` file.

    Raises MisuseError, which names the first setting that is wrong and shows no value.
    """
    try:
        return Settings(**flags)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        of_letters = "string_" * (name in SECRETS and first["type"] == "too_short")
        wrong = say_wrong({**first, "type": of_letters + first["type"]})
    except SettingsError as error:  # of a value that is to be JSON, before it is looked at
        name, wrong = str(error).split('"')[1], "it is no JSON"
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(
            f"The file .env cannot be read ({type(error).__name__}). Nothing was done. Correct it, "
            "or start elsewhere."
        ) from None
    name = variable(name) if name in Settings.model_fields else name
    raise MisuseError(f"{name}: {wrong}. Nothing was done. Correct it.")


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return Settings.model_fields[name].alias or f"PALATE_{name.upper()}"


def misspelt(variables: Iterable[str]) -> dict[str, str]:
    """Variables that are no setting but nearly one, with the one that was probably meant."""
    settings = [variable(name) for name in Settings.model_fields]
    near = {
        name: difflib.get_close_matches(name.upper(), settings, n=1, cutoff=0.9)
        for name in variables
        if name.upper() not in settings
    }
    return {name: found[0] for name, found in near.items() if found}


def env_example() -> str:
    """Every setting as a commented-out ``.env`` line with its default; ``.env.example`` is this."""
    lines = [
        "# Palate's settings. Copy to .env and uncomment what you change.",
        "# Every one is also an environment variable; flags of `palate` go before both.",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else field.default
        lines += ["", f"# {field.description}", f"# {variable(name)}={default}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
