"""A small fixed catalog on every engine that is there.

``postgres`` always runs, on the embedded server. ``paradedb`` runs on PALATE_TEST_PARADEDB_URL
(a server whose user may make databases), else in a container where Docker is.
"""

import csv
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from palate.settings import Settings
from palate.statements import Statements, raw
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from tests.conftest import cloned
from tests.engine.reference import Film, Reference

HERE = Path(__file__).parent
PARADEDB_IMAGE = "paradedb/paradedb:18-v0.25.3"
ENGINES = ("postgres", "paradedb")
statements = Statements(HERE / "films.sql")


def read_films() -> list[Film]:
    """The catalog: real and invented films with what makes searching hard."""
    with (HERE / "films.csv").open(encoding="utf-8", newline="") as file:
        return [_film(row) for row in csv.DictReader(file)]


def _film(row: dict[str, str]) -> Film:
    film: Film = {name: value or None for name, value in row.items()}
    for name in ("genres", "actors", "keywords"):
        film[name] = row[name].split("|") if row[name] else []
    for name in ("movie_id", "year", "tmdb_id", "runtime_minutes", "rating_count"):
        film[name] = int(row[name]) if row[name] else None
    for name in ("avg_rating", "effectiveness"):
        film[name] = float(row[name]) if row[name] else None
    return film


@contextmanager
def paradedb_url() -> Iterator[str]:
    """A ParadeDB server, or a skip that says why there is none."""
    url = os.environ.get("PALATE_TEST_PARADEDB_URL")
    if url:
        yield url
        return
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        pytest.skip("PALATE_TEST_PARADEDB_URL is not set and Docker does not run")
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(PARADEDB_IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def paradedb_database(settings: Settings) -> Iterator[Database]:
    """A database of its own on ParadeDB, dropped afterwards."""
    with ExitStack() as stack:
        url = sqlalchemy.make_url(stack.enter_context(paradedb_url()))
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        name = f"palate_test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        asked = settings.model_copy(update={"engine": "paradedb"})  # else an error says why not
        database = Database(url.set(database=name).render_as_string(hide_password=False), asked)
        try:
            yield database
        finally:
            database.close()
            with psycopg.connect(plain, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def engine_database(name: str, server: EmbeddedServer, settings: Settings) -> Iterator[Database]:
    """A migrated, empty database on one engine."""
    one = paradedb_database(settings) if name == "paradedb" else cloned(server, settings, None)
    with one as database:
        migrate(database)
        assert database.search_engine.name == name
        yield database


@pytest.fixture(scope="session", params=ENGINES)
def films_database(
    request: pytest.FixtureRequest, server: EmbeddedServer, settings: Settings
) -> Iterator[Database]:
    """The catalog on each engine; read only."""
    with engine_database(request.param, server, settings) as database:
        add_films(database, read_films())
        yield database


@pytest.fixture(scope="session")
def films_on_postgres(server: EmbeddedServer, settings: Settings) -> Iterator[Database]:
    """The catalog on the embedded server; read only."""
    with engine_database("postgres", server, settings) as database:
        add_films(database, read_films())
        yield database


@pytest.fixture(scope="session")
def reference(films_on_postgres: Database) -> Reference:
    """The meaning of queries over the catalog."""
    return make_reference(films_on_postgres)


def make_reference(database: Database) -> Reference:
    """The meaning of queries over the catalog; stems are the database's."""

    @cache
    def stem(word: str) -> str:
        with database.read() as connection:
            return connection.scalar(statements["stem"], {"word": word}) or word

    return Reference(read_films(), stem)


def add_films(database: Database, films: list[Film]) -> None:
    """Insert films and let the planner see them."""
    with database.begin() as connection:
        connection.execute(statements["add_film"], films)
        raw(connection).execute("ANALYZE")


def run(database: Database, query: dict[str, Any], n: int = 1000) -> list[tuple[int, float]]:
    """(movie_id, score) of the best films, best first."""
    with database.read() as connection:
        rows = connection.execute(statements["candidates"], {"query": json.dumps(query), "n": n})
        return [(row.movie_id, row.bm25) for row in rows]


def matches(database: Database, query: dict[str, Any]) -> list[int]:
    """Every film that matches, by movie_id."""
    with database.read() as connection:
        rows = connection.execute(statements["matches"], {"query": json.dumps(query)})
        return list(rows.scalars())
