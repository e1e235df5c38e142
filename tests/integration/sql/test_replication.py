"""Two servers and PostgreSQL's own logical replication between them: what is rated on the one
changes taste, factors, statistics and search on the other."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from palate.settings import Settings
from palate.statements import Statements, raw, run_script
from sql import embedded
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from sql.stats import refresh_stats

HERE = Path(__file__).parent
FILMS = (HERE / "backup_films.sql").read_text(encoding="utf-8")
STATEMENTS = Statements(HERE / "replication.sql")
PATIENCE = 60.0

EVERYTHING = "taste"
"""Catalog, ratings, taste and models are published: what docs/operations.md shows."""
RATINGS = "no_taste"
"""Catalog, ratings and models only: the subscriber makes taste itself."""


@contextmanager
def another_server() -> Iterator[EmbeddedServer]:
    folder = Path(tempfile.mkdtemp(prefix="palate-"))
    folder.chmod(0o711)
    server = EmbeddedServer.start(folder, durable=False)
    try:
        yield server
    finally:
        server.leave()
        EmbeddedServer.destroy(folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[EmbeddedServer, EmbeddedServer]]:
    """Two servers that can replicate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded._SETTINGS, "wal_level", "logical")
        patch.setitem(embedded._SETTINGS, "max_wal_senders", "4")
        with another_server() as publisher, another_server() as subscriber:
            yield publisher, subscriber


@pytest.fixture(params=[EVERYTHING, RATINGS])
def pair(
    request: pytest.FixtureRequest, servers: tuple[EmbeddedServer, EmbeddedServer]
) -> Iterator[tuple[Database, Database]]:
    """A publisher with films, ratings and an active model, and a subscriber that has copied it."""
    settings = Settings(_env_file=None)
    publisher, subscriber = (Database(server.url, settings, server) for server in servers)
    migrate(publisher)
    with publisher.begin() as connection:
        run_script(connection, FILMS)
        run_script(connection, STATEMENTS.raw("add_model"))
        if request.param == RATINGS:  # who is synthetic is written in `users`
            run_script(connection, "UPDATE users SET synthetic = false")
        run_script(connection, STATEMENTS.raw(f"publish_{request.param}"))
    migrate(subscriber)
    with subscriber.begin() as connection:
        run_script(connection, STATEMENTS.raw("make_empty"))
    subscribe = STATEMENTS.raw("subscribe").format(
        host=publisher.url.query["host"], database=publisher.url.database
    )
    execute(subscriber, subscribe)
    until(lambda: execute(subscriber, STATEMENTS.raw("copied")) == [(True,)])
    if request.param == RATINGS:  # tables are copied in any order
        execute(subscriber, "SELECT refresh_profiles()")
        execute(subscriber, STATEMENTS.raw("refresh_active_factors"))
    try:
        yield publisher, subscriber
    finally:
        for database in (subscriber, publisher):
            execute(database, "DROP SUBSCRIPTION IF EXISTS palate")
            execute(database, "DROP PUBLICATION IF EXISTS palate")
            execute(database, "DROP SCHEMA palate CASCADE")
            database.engine.dispose()


def execute(database: Database, statement: str) -> list[Any]:
    with database.read() as connection:
        cursor = raw(connection).execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def until(true: Callable[[], bool]) -> None:
    """Wait for the subscriber."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "the subscriber does not get there"
        time.sleep(0.05)


def knowledge(database: Database) -> dict[str, list[Any]]:
    """What a search goes by: taste, factors, statistics, and what it finds."""
    refresh_stats(database)
    found = {
        name: execute(database, STATEMENTS.raw(name))
        for name in ("tastes", "factors", "statistics", "counts", "ratings", "recommended")
    }
    for user in (1, 3, 77):
        for text in ("lord", "krull", "amelie", "king kong"):
            query = f"SELECT movie_id, round(score::numeric, 3) FROM search('{text}', {user})"
            found[f"{text} {user}"] = execute(database, query)
    return found


def arrived(publisher: Database, subscriber: Database) -> None:
    """Wait until the subscriber has what is committed on the publisher."""
    [(position,)] = execute(publisher, "SELECT pg_current_wal_lsn()::text")
    until(lambda: execute(publisher, STATEMENTS.raw("confirmed").format(lsn=position)) == [(True,)])
    until(lambda: knowledge(subscriber) == knowledge(publisher))


def test_what_is_rated_changes_taste_and_search_on_the_subscriber(
    pair: tuple[Database, Database],
) -> None:
    publisher, subscriber = pair
    arrived(publisher, subscriber)  # the initial copy

    execute(publisher, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (77, 2, 5)")
    execute(publisher, "INSERT INTO ratings (user_id, movie_id, rating) SELECT 77, n, 4 "
                       "FROM generate_series(10, 20) n")  # fmt: skip
    arrived(publisher, subscriber)
    execute(publisher, "UPDATE ratings SET rating = 1 WHERE user_id = 77 AND movie_id < 15")
    execute(publisher, "DELETE FROM ratings WHERE user_id = 1 AND movie_id % 2 = 0")
    arrived(publisher, subscriber)

    execute(publisher, STATEMENTS.raw("happen"))
    arrived(publisher, subscriber)
    assert execute(subscriber, STATEMENTS.raw("events")) == execute(
        publisher, STATEMENTS.raw("events")
    )

    execute(publisher, "UPDATE movies SET title = 'Krull' WHERE movie_id = 3")
    execute(publisher, "INSERT INTO movies (movie_id, title) VALUES (99, 'Lord Krull')")
    execute(publisher, "DELETE FROM movies WHERE movie_id = 99")
    execute(publisher, "INSERT INTO movies (movie_id, title) VALUES (98, 'Krull Lord')")
    arrived(publisher, subscriber)
    assert execute(subscriber, "SELECT movie_id FROM search('krull') ORDER BY 1") == [(3,), (98,)]

    execute(publisher, STATEMENTS.raw("activate_another"))
    arrived(publisher, subscriber)

    execute(publisher, "SELECT refresh_profiles()")  # ages count from another moment then
    arrived(publisher, subscriber)

    execute(publisher, "TRUNCATE ratings, events")
    arrived(publisher, subscriber)
    assert execute(subscriber, "SELECT count(embedding) FROM users") == [(0,)]


def test_a_subscriber_that_was_away_catches_up(pair: tuple[Database, Database]) -> None:
    publisher, subscriber = pair
    execute(subscriber, "ALTER SUBSCRIPTION palate DISABLE")
    before = execute(subscriber, STATEMENTS.raw("tastes"))
    for film in range(1, 30):
        execute(publisher, STATEMENTS.raw("rate").format(film=film))
    assert execute(subscriber, STATEMENTS.raw("tastes")) == before
    assert execute(subscriber, "SELECT movie_id FROM search('lord', 1)")
    execute(subscriber, "ALTER SUBSCRIPTION palate ENABLE")
    arrived(publisher, subscriber)
