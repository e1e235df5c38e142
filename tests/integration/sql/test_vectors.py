"""Nearest films: vectors follow their films, and a large catalog is not read as a whole."""

import psycopg

from learn.data import read_ratings
from learn.models.factors import Svd
from learn.registry import activate, save_factors
from palate.statements import Statements
from sql.database import Database
from sql.vectors import index_vectors
from tests.conftest import SAMPLES

STATEMENTS = Statements(SAMPLES.parent / "tests" / "integration" / "sql" / "vectors.sql")
USERS = range(1, 16)


def test_vectors_follow_their_films(psql: psycopg.Connection) -> None:
    differ = STATEMENTS.raw("differ").encode()
    assert psql.execute("SELECT count(*) FROM movie_vectors").fetchone() == (3198,)
    for change in (
        "UPDATE movies SET embedding = l2_normalize(embedding + (SELECT mean FROM embedding_model))"
        " WHERE movie_id % 7 = 0",
        "UPDATE movies SET embedding = NULL WHERE movie_id % 100 = 1",
        "INSERT INTO movies (movie_id, title, embedding)"
        " SELECT 900000, 'New', embedding FROM movies WHERE embedding IS NOT NULL LIMIT 1",
        "UPDATE embedding_model SET mean = (SELECT avg(embedding) FROM movies)",
        "DELETE FROM movies WHERE movie_id = 900000",
        "DELETE FROM embedding_model",
    ):
        psql.execute(change.encode())
        assert psql.execute(differ).fetchall() == [], change
    assert psql.execute("SELECT count(*) FROM movie_vectors").fetchone() == (0,)


def test_an_index_finds_what_reading_every_film_finds(
    sample_copy: Database, psql: psycopg.Connection
) -> None:
    """Of twenty films recommended, or similar, at least 95 of 100 are those of the exact answer."""
    learned = Svd(rank=16).fit(read_ratings(sample_copy))
    one, other = (save_factors(sample_copy, learned, metrics={}) for _ in range(2))
    activate(sample_copy, one)
    psql.execute("INSERT INTO events (user_id, type, genre) VALUES (15, 'muted', 'Drama')")
    assert not index_vectors(sample_copy)  # 3,198 films are read faster
    exact = _answers(psql)
    psql.execute(STATEMENTS.raw("index_small_catalogs").encode())
    assert index_vectors(sample_copy)
    assert not index_vectors(sample_copy)
    found = _answers(psql)
    same = sum(len(exact[key] & found[key]) for key in exact)
    assert same >= 0.95 * sum(map(len, exact.values()))
    assert all(len(found[key]) == len(exact[key]) for key in exact)
    dramas = {row[0] for row in psql.execute(STATEMENTS.raw("dramas").encode())}
    assert found["recommend", 15]
    assert not dramas & found["recommend", 15]
    assert found["recommend_drama", 15] == set()

    for name in ("sources", "similar"):
        table, rows = _most_read(sample_copy, name)
        assert rows < 1000, (name, table)

    # Another model: exact until its directions are made.
    activate(sample_copy, other)
    assert psql.execute("SELECT DISTINCT model_id FROM movie_directions").fetchall() == [(other,)]


def _answers(psql: psycopg.Connection) -> dict[tuple[str, int], set[int]]:
    return {
        (name, user): {
            row[0] for row in psql.execute(STATEMENTS.raw(name).encode(), {"user": user})
        }
        for name in ("recommend", "recommend_drama", "similar")
        for user in USERS
    }


def _most_read(database: Database, name: str) -> tuple[str, int]:
    """The table of which one statement reads the most rows, and how many those are."""
    rows_read = STATEMENTS.raw("rows_read").encode()
    with psycopg.connect(database.psql_url) as connection:
        before: dict[str, int] = dict(connection.execute(rows_read).fetchall())
        connection.execute(STATEMENTS.raw(name).encode(), {"user": 1})
        after: dict[str, int] = dict(connection.execute(rows_read).fetchall())
    read = {table: rows - before.get(table, 0) for table, rows in after.items()}
    table = max(read, key=lambda name: read[name])
    return table, read[table]
