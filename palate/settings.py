"""Settings: one class, read from ``PALATE_*`` variables and a ``.env`` file."""

import sys
from functools import lru_cache
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set from outside. The environment name is ``PALATE_`` + the field."""

    model_config = SettingsConfigDict(
        env_prefix="PALATE_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
    )

    # Database
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL or ParadeDB to use. Unset: the embedded server."
    )
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("palate"),
        description="Where the embedded server keeps its files.",
    )
    engine: Literal["auto", "paradedb", "postgres"] = Field(
        "auto", description="Search engine. auto: paradedb where pg_search is there, else postgres."
    )
    pool_size: int = Field(8, ge=1, le=200, description="Connections kept by one process.")
    statement_timeout: float = Field(
        10.0, gt=0, description="Seconds after which the database gives up on one statement."
    )

    # Search
    max_query_length: int = Field(
        2000, ge=10, le=100_000, description="Characters of a query that are read."
    )
    max_query_clauses: int = Field(
        100, ge=1, le=10_000, description="Clauses of a query that are read."
    )
    max_k: int = Field(100, ge=1, le=1000, description="Most films one search may return.")
    max_candidates: int = Field(
        1000, ge=1, le=100_000, description="Most candidates one search may rerank."
    )

    # Text embeddings
    embedding_model: str = Field(
        "all-MiniLM-L6-v2", description="Model that embeds films and semantic queries."
    )
    embedding_url: str | None = Field(
        None, description="OpenAI-compatible endpoint for embeddings. Unset: local model."
    )
    embedding_api_key: SecretStr | None = Field(None, description="Key for embedding_url.")

    # HTTP
    host: str = Field("127.0.0.1", description="Address that `palate serve` listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that `palate serve` listens on.")
    api_keys_file: Path | None = Field(
        None, description="File of API keys, one `name:scope:sha256` a line. Unset: loopback only."
    )
    preload_encoder: bool = Field(
        False, description="Load the text encoder at start, not in the first semantic search."
    )
    request_timeout: float = Field(15.0, gt=0, description="Seconds one HTTP request may take.")
    shutdown_timeout: float = Field(
        20.0, gt=0, description="Seconds that running requests get to finish when the server stops."
    )
    max_running_requests: int = Field(
        200, ge=1, le=100_000, description="Requests answered at once; more are told to retry."
    )
    max_url_length: int = Field(
        65_536, ge=1024, le=1_000_000, description="Bytes of path and query of one request."
    )
    max_body_bytes: int = Field(
        65_536, ge=256, le=100_000_000, description="Bytes of body of one request."
    )
    cursor_secret: SecretStr | None = Field(
        None, description="Key that signs cursors. Unset: made at start, so cursors end with it."
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere."
    )


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()


def env_example() -> str:
    """Every setting as a commented-out ``.env`` line with its default; ``.env.example`` is this."""
    lines = [
        "# Palate's settings. Copy to .env and uncomment what you change.",
        "# Every one is also an environment variable; flags of `palate` go before both.",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else field.default
        lines += ["", f"# {field.description}", f"# PALATE_{name.upper()}={default}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
