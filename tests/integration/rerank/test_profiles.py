"""Taste vectors kept by triggers are those that a full refresh gives, whatever happened."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from sqlalchemy import text

from palate.settings import Settings
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned

Vectors = dict[tuple[int, str], tuple[int, NDArray[np.float32] | None]]

FILMS = 40
USERS = (1, 2, 3)
UPSERT = """
    INSERT INTO ratings (user_id, movie_id, rating) VALUES (%s, %s, %s)
    ON CONFLICT (user_id, profile, movie_id) DO UPDATE SET rating = excluded.rating
"""
BULK = """
    INSERT INTO ratings (user_id, movie_id, rating)
    SELECT u, m, 0.5 + (u * 7 + m * %s) %% 10 / 2.0
    FROM generate_series(1, 3) u, generate_series(1, 40) m
    ON CONFLICT (user_id, profile, movie_id) DO UPDATE SET rating = excluded.rating
"""

COUNTED = """
    SELECT movie_id, count(*), round(avg(rating)::numeric, 2) FROM ratings GROUP BY 1 ORDER BY 1
"""
COUNTED_NOW = """
    SELECT movie_id, n.rating_count, n.avg_rating::numeric FROM movies m, ratings_now(m.movie_id) n
    WHERE n.rating_count <> 0 ORDER BY 1
"""

Operation = tuple[str, tuple[float, ...]]
rating = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.5, 5.0])
user, film = st.sampled_from(USERS), st.integers(1, FILMS)
operations: st.SearchStrategy[list[Operation]] = st.lists(
    st.one_of(
        st.tuples(st.just(UPSERT), st.tuples(user, film, rating)),
        st.tuples(
            st.just("UPDATE ratings SET rating = %s WHERE user_id = %s"), st.tuples(rating, user)
        ),
        st.tuples(
            st.just("DELETE FROM ratings WHERE user_id = %s AND movie_id = %s"),
            st.tuples(user, film),
        ),
        st.tuples(st.just("DELETE FROM ratings WHERE user_id = %s"), st.tuples(user)),
        st.tuples(st.just(BULK), st.tuples(st.integers(1, 9))),
        st.tuples(
            st.just("UPDATE ratings SET user_id = 4 WHERE user_id = %s AND movie_id = %s"
                    " AND NOT EXISTS (SELECT FROM ratings r"
                    " WHERE r.user_id = 4 AND r.movie_id = ratings.movie_id)"),
            st.tuples(user, film),
        ),
        st.tuples(st.just("SELECT refresh_profiles()"), st.just(())),
        st.tuples(st.just("TRUNCATE ratings"), st.just(())),
    ),
    max_size=25,
)  # fmt: skip


def connect(database: Database) -> psycopg.Connection[Any]:
    connection = psycopg.connect(database.psql_url, autocommit=True)
    register_vector(connection)
    return connection


@pytest.fixture(scope="module")
def catalog(server: EmbeddedServer, settings: Settings, empty_template: str) -> Iterator[Database]:
    """Films with random vectors, and one film without."""
    vectors = np.random.default_rng(7).normal(0.3, 1, (FILMS - 1, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with cloned(server, settings, empty_template) as database, connect(database) as connection:
        for movie_id in range(1, FILMS + 1):
            vector = vectors[movie_id - 1] if movie_id < FILMS else None
            connection.execute(
                "INSERT INTO movies (movie_id, title, embedding) VALUES (%s, 'Film', %s)",
                (movie_id, vector),
            )
        connection.execute(
            "INSERT INTO embedding_model (name, dimension, mean)"
            " SELECT 'test', 384, avg(embedding) FROM movies"
        )
        yield database


def read(connection: psycopg.Connection[Any]) -> Vectors:
    rows = connection.execute(
        "SELECT user_id, profile, rating_count, embedding FROM users WHERE rating_count <> 0"
    )
    return {
        (user_id, profile): (count, None if vector is None else vector.to_numpy())
        for user_id, profile, count, vector in rows
    }


def counts(connection: psycopg.Connection[Any], counted: str) -> list[tuple[int, int, float]]:
    return connection.execute(counted).fetchall()


def assert_as_refreshed(connection: psycopg.Connection[Any]) -> None:
    assert counts(connection, COUNTED_NOW) == counts(connection, COUNTED)
    kept = read(connection)
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT refresh_profiles()")
        refreshed = read(connection)
    assert kept.keys() == refreshed.keys()
    for key, (count, vector) in refreshed.items():
        assert kept[key][0] == count
        if vector is None:
            assert kept[key][1] is None
        else:
            assert kept[key][1] == pytest.approx(vector, abs=1e-5)


@settings(max_examples=40)
@given(operations, st.sampled_from([None, 30.0]))
def test_any_interleaving_ends_in_what_a_refresh_gives(
    catalog: Database, steps: list[Operation], half_life: float | None
) -> None:
    with connect(catalog) as connection:
        connection.execute("TRUNCATE ratings, users")
        connection.execute(
            "UPDATE profile_settings SET half_life_days = %s, reference_time = now()", (half_life,)
        )
        for statement, values in steps:
            connection.execute(statement, values)
        assert_as_refreshed(connection)


def test_concurrent_writers_lose_nothing(catalog: Database) -> None:
    def write(seed: int) -> None:
        choose = random.Random(seed)
        with connect(catalog) as connection:
            for _ in range(60):
                connection.execute(
                    UPSERT,
                    (choose.choice(USERS), choose.randint(1, FILMS), choose.choice([0.5, 3, 5])),
                )
            connection.execute(BULK, (seed,))

    with connect(catalog) as connection:
        connection.execute("TRUNCATE ratings, users")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(1, 5)))
        assert_as_refreshed(connection)


def test_who_rate_the_same_films_in_two_orders_do_not_wait_for_each_other(
    catalog: Database,
) -> None:
    with connect(catalog) as one, connect(catalog) as other:
        one.execute("TRUNCATE ratings, users")
        for user_id in range(100, 140):
            one.execute("INSERT INTO ratings VALUES (%s, 'main', 1, 4), (%s, 'main', 2, 3)",
                        (user_id, user_id))  # fmt: skip
        with one.transaction(), other.transaction():
            for connection in (one, other):
                connection.execute("SET LOCAL lock_timeout = '2s'")
            for connection, user_id, film in (
                (one, 1, 1),
                (other, 2, 2),
                (one, 1, 2),
                (other, 2, 1),
            ):
                connection.execute(UPSERT, (user_id, film, 5))
                connection.execute("SELECT fold_rating_counts(%s, 0)", ([film],))
        assert_as_refreshed(one)
        rows = one.execute("SELECT count(*) FROM rating_counts").fetchone()
        assert rows is not None
        assert rows[0] < 2 * 16


def test_synthetic_users_count_in_no_mean_and_a_refresh_knows_who_they_are(
    catalog: Database,
) -> None:
    with connect(catalog) as connection:
        connection.execute("TRUNCATE ratings, users")
        connection.execute("INSERT INTO users (user_id, synthetic) VALUES (5, true), (6, false)")
        connection.execute(UPSERT, (5, 1, 5))
        connection.execute(UPSERT, (6, 1, 2))
        assert counts(connection, COUNTED_NOW) == [(1, 1, 2)]
        connection.execute("UPDATE users SET synthetic = NOT synthetic")
        connection.execute("SELECT refresh_stats()")
        assert counts(connection, COUNTED_NOW) == [(1, 1, 5)]
        connection.execute("DELETE FROM ratings")
        connection.execute("SELECT refresh_stats()")
        assert counts(connection, COUNTED_NOW) == []


def test_a_rating_typed_at_a_prompt_makes_the_profile(catalog: Database) -> None:
    with connect(catalog) as connection:
        connection.execute("INSERT INTO ratings (user_id, movie_id, rating) VALUES (77, 1, 5)")
        assert read(connection)[(77, "main")][1] is not None


def test_a_user_with_ratings_cannot_be_deleted(catalog: Database) -> None:
    with connect(catalog) as connection:
        connection.execute(UPSERT, (88, 1, 5))
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="still has ratings"):
            connection.execute("DELETE FROM users WHERE user_id = 88")
        connection.execute("DELETE FROM ratings WHERE user_id = 88")
        connection.execute("DELETE FROM users WHERE user_id = 88")


def test_one_profile_does_not_touch_another(catalog: Database) -> None:
    with connect(catalog) as connection:
        connection.execute(UPSERT, (99, 1, 5))
        before = read(connection)[(99, "main")]
        connection.execute(
            "INSERT INTO ratings (user_id, profile, movie_id, rating) VALUES (99, 'kids', 2, 5)"
        )
        after = read(connection)
        assert after[(99, "main")][1] == pytest.approx(before[1])
        assert after[(99, "kids")][0] == 1


@pytest.mark.parametrize("factor", [5.5e-16, -5.5e-16, 0.0])
def test_weights_that_cancel_out_are_no_underflow(database: Database, factor: float) -> None:
    scaled = text("SELECT scale('[1e-36, 0.5]'::vector, CAST(:factor AS double precision))::text")
    with database.read() as connection:
        found = connection.execute(scaled, {"factor": factor}).scalar_one()
    assert [float(number) for number in found.strip("[]").split(",")] == [0, 0]
