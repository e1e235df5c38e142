"""Nearest films: vectors follow their films, and a large catalog is not read as a whole."""

import psycopg
import pytest

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


def test_a_search_is_the_same_whether_what_it_reads_is_copied_or_not(
    sample_copy: Database, psql: psycopg.Connection
) -> None:
    """What something changed is looked up where it comes from until it is copied again."""
    learned = Svd(rank=16).fit(read_ratings(sample_copy))
    one, other = (save_factors(sample_copy, learned, metrics={}) for _ in range(2))
    activate(sample_copy, one)
    assert _copied(psql)
    read = _read(sample_copy, "person")
    assert read["candidate_features"] >= 100
    assert read.keys().isdisjoint({"movie_stats", "movie_vectors", "movie_factors"})
    for change in (
        "UPDATE movies SET embedding = NULL WHERE movie_id % 10 = 1",
        "UPDATE movies SET embedding = l2_normalize(embedding + (SELECT mean FROM embedding_model))"
        " WHERE movie_id % 7 = 0",
        "UPDATE embedding_model SET mean = (SELECT avg(embedding) FROM movies)",
        "DELETE FROM ratings WHERE movie_id % 3 = 0",
        "SELECT refresh_stats()",
        STATEMENTS.raw("change_factors"),
        STATEMENTS.raw("lose_factors"),
        "DELETE FROM movies WHERE movie_id % 3 = 0",
        "INSERT INTO movies (movie_id, title) SELECT n, 'Lord King of Love'"
        " FROM generate_series(3, 300, 3) n",
        f"SELECT activate_model({other})",
        "DELETE FROM embedding_model",
        "TRUNCATE movie_factors",
    ):
        psql.execute(change.encode())
        found = _searches(psql)
        with psql.transaction(force_rollback=True):
            psql.execute("DELETE FROM candidate_features")
            assert _searches(psql) == found, change
        index_vectors(sample_copy)
        assert _copied(psql)
        assert _searches(psql) == found, change


def test_what_a_search_asks_of_nobody_is_not_looked_for_among_everybody(
    sample_copy: Database,
) -> None:
    learned = Svd(rank=16).fit(read_ratings(sample_copy))
    activate(sample_copy, save_factors(sample_copy, learned, metrics={}))
    assert "user_factors" not in _read(sample_copy, "context_of_nobody")


def test_a_vector_that_is_written_by_an_old_snapshot_is_not_searched_by_its_copy(
    sample_copy: Database, psql: psycopg.Connection
) -> None:
    """It does not see the copies made since, so it fails."""
    write = b"UPDATE movies SET embedding = NULL WHERE movie_id = 1"
    psql.execute("DELETE FROM candidate_features")
    with psycopg.connect(sample_copy.psql_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT")
        index_vectors(sample_copy)
        with pytest.raises(psycopg.errors.SerializationFailure):
            old.execute(write)
        old.rollback()
        old.execute(write)  # again, as whoever chose that level has to
    assert psql.execute("SELECT FROM candidate_features WHERE movie_id = 1").fetchall() == []


def test_a_plan_made_while_nothing_was_copied_is_made_again(
    sample_copy: Database, psql: psycopg.Connection
) -> None:
    """It would read all copies for each film."""
    psql.execute("SET plan_cache_mode = force_generic_plan")
    psql.execute("DELETE FROM candidate_features")
    psql.execute("VACUUM ANALYZE candidate_features")
    search, read = (STATEMENTS.raw(name).encode() for name in ("person", "copies_read"))
    psql.execute(search, {"user": 1}, prepare=True)
    index_vectors(sample_copy)
    with psql.transaction():
        before = psql.execute(read).fetchall()
        psql.execute(search, {"user": 1}, prepare=True)
        after = psql.execute(read).fetchall()
    assert after[0][0] - before[0][0] < 1000


def test_copies_wait_for_nobody_for_long(sample_copy: Database, psql: psycopg.Connection) -> None:
    psql.execute("DELETE FROM candidate_features")
    with psql.transaction():
        psql.execute("DELETE FROM movie_vectors WHERE movie_id = 1")
        index_vectors(sample_copy)  # while a vector is written
    assert not _copied(psql)
    index_vectors(sample_copy)
    assert _copied(psql)


def _copied(psql: psycopg.Connection) -> bool:
    return psql.execute(STATEMENTS.raw("not_copied").encode()).fetchone() == (0,)


def _searches(psql: psycopg.Connection) -> list[tuple[object, ...]]:
    return psql.execute(STATEMENTS.raw("searches").encode()).fetchall()


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
    read = _read(database, name)
    table = max(read, key=lambda name: read[name])
    return table, read[table]


def _read(database: Database, name: str) -> dict[str, int]:
    """Of which tables one statement reads rows, and how many."""
    rows_read = STATEMENTS.raw("rows_read").encode()
    with psycopg.connect(database.psql_url) as connection:
        before: dict[str, int] = dict(connection.execute(rows_read).fetchall())
        connection.execute(STATEMENTS.raw(name).encode(), {"user": 1})
        after: dict[str, int] = dict(connection.execute(rows_read).fetchall())
    read = {table: rows - before.get(table, 0) for table, rows in after.items()}
    return {table: rows for table, rows in read.items() if rows}
