"""Sets of embeddings side by side: one is in use, and a switch is whole."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from ingest.embedding_sets import drop_set, list_sets, load_embeddings, use_set
from palate.errors import ConflictError, EmbeddingError, MisuseError, NotFoundError
from palate.statements import Statements
from sql.database import Database
from sql.vectors import index_vectors
from tests.conftest import SAMPLES

VECTORS = Statements(SAMPLES.parent / "tests" / "integration" / "sql" / "vectors.sql")
CHANGED_TASTES = (
    "SELECT count(*) FROM users u FULL JOIN tastes_before k USING (user_id, profile)"
    " WHERE (u.rating_count, u.event_count) IS DISTINCT FROM (k.rating_count, k.event_count)"
    " OR (u.embedding IS NULL) <> (k.embedding IS NULL) OR u.embedding <-> k.embedding > 1e-3"
)
ORDER = "SELECT movie_id FROM search('lord', for_user => 7, k => 50)"


@pytest.fixture
def wide(sample_copy: Database, psql: psycopg.Connection, tmp_path: Path) -> Path:
    """Vectors of 768 numbers of every film but the last ten that have one."""
    rows = psql.execute("SELECT movie_id FROM movies WHERE embedding IS NOT NULL ORDER BY 1")
    ids = [row[0] for row in rows][:-10]
    return vectors(tmp_path / "wide.npz", ids, 768)


def vectors(path: Path, ids: list[int], numbers: int, seed: int = 3) -> Path:
    made: NDArray[Any] = np.random.default_rng(seed).normal(0.2, 1, (len(ids), numbers))
    np.savez(path, movie_id=np.array(ids), embedding=made.astype(np.float32), model=np.array("w"))
    return path


def ask(psql: psycopg.Connection, question: str) -> list[Any]:
    return psql.execute(question.encode()).fetchall()


def assert_as_refreshed(psql: psycopg.Connection) -> None:
    """Every profile, and every film's centred vector, is what ratings and vectors give."""
    assert ask(psql, VECTORS.raw("differ")) == []
    with psql.transaction(force_rollback=True):
        psql.execute("CREATE TEMP TABLE kept AS SELECT * FROM users")
        psql.execute("UPDATE users SET embedding_sum = NULL, rating_count = 0")
        psql.execute("SELECT refresh_profiles()")
        off = ask(psql, "SELECT count(*) FROM users u FULL JOIN kept k USING (user_id, profile)"
                        " WHERE (u.rating_count, u.event_count) IS DISTINCT FROM"
                        " (k.rating_count, k.event_count) OR u.embedding <-> k.embedding > 1e-3"
                        " OR (u.embedding IS NULL) <> (k.embedding IS NULL)")  # fmt: skip
        assert off == [(0,)]


def test_a_set_waits_is_used_and_waits_again(
    sample_copy: Database, psql: psycopg.Connection, wide: Path
) -> None:
    psql.execute("CREATE TEMP TABLE tastes_before AS SELECT * FROM users")
    order = ask(psql, ORDER)
    loaded = load_embeddings(sample_copy, wide, name="wide")
    assert (loaded.films, loaded.changed, loaded.profiles) == (3188, 3188, None)
    assert "palate embed use wide" in str(loaded)
    assert (ask(psql, CHANGED_TASTES), ask(psql, ORDER)) == ([(0,)], order)
    assert load_embeddings(sample_copy, wide, name="wide").changed == 0

    used = use_set(sample_copy, "wide")
    assert used is not None
    assert (used.dimension, used.embedded, used.profiles) == (768, 3188, 600)
    assert [(s.name, s.dimension, s.embedded, s.in_use) for s in list_sets(sample_copy)] == [
        ("wide", 768, 3188, True),
        ("main", 384, 3198, False),
    ]
    assert use_set(sample_copy, "wide") is None
    assert ask(psql, ORDER) != order
    assert_as_refreshed(psql)
    assert len(ask(psql, "SELECT * FROM similar(1)")) == 10
    assert len(ask(psql, "SELECT * FROM recommend(7)")) == 10

    use_set(sample_copy, "main")
    assert (ask(psql, CHANGED_TASTES), ask(psql, ORDER)) == ([(0,)], order)
    drop_set(sample_copy, "wide")
    assert [s.name for s in list_sets(sample_copy)] == ["main"]
    assert ask(psql, "SELECT count(*) FROM embedding_vectors") == [(0,)]


def test_searches_and_ratings_go_on_through_switches(
    sample_copy: Database, psql: psycopg.Connection, wide: Path
) -> None:
    """No error, no rating lost, and every answer is of the one set or of the other."""
    psql.execute("UPDATE profile_settings SET half_life_days = 365")
    psql.execute("SELECT refresh_profiles()")
    load_embeddings(sample_copy, wide, name="wide")
    orders = [ask(psql, ORDER)]
    use_set(sample_copy, "wide")
    orders.append(ask(psql, ORDER))
    stop, written = threading.Event(), list[int]()

    def search() -> None:
        with psycopg.connect(sample_copy.psql_url, autocommit=True) as connection:
            while not stop.is_set():
                assert ask(connection, ORDER) in orders
                ask(connection, "SELECT movie_id FROM recommend(7)")
                ask(connection, "SELECT movie_id FROM similar(1, for_user => 7)")

    def rate(user: int) -> None:
        with psycopg.connect(sample_copy.psql_url, autocommit=True) as connection:
            while not stop.is_set():
                user += 2
                for film in (1, 110, 2203):
                    connection.execute(
                        "INSERT INTO ratings (user_id, movie_id, rating) VALUES (%s, %s, 5)",
                        (user, film),
                    )
                event = '[{"type": "disliked", "movie_id": 3053}]'
                connection.execute("SELECT add_events(%s, %s)", (user, event))
                written.append(user)

    with ThreadPoolExecutor(4) as pool:
        going = [pool.submit(search), pool.submit(search)]
        going += [pool.submit(rate, 500_000), pool.submit(rate, 500_001)]
        try:
            for order, name in enumerate(("main", "wide")):
                use_set(sample_copy, name)
                assert ask(psql, ORDER) == orders[order]
        finally:
            stop.set()
        assert all(done.exception() is None for done in going), [d.exception() for d in going]
    assert orders[0] != orders[1]
    kept = "SELECT count(*) FROM users WHERE user_id >= 500000 AND rating_count = 3"
    assert ask(psql, f"{kept} AND event_count = 1") == [(len(written),)]
    assert_as_refreshed(psql)


@pytest.mark.parametrize("after", [0.05, 0.3, 0.8])
def test_a_switch_that_is_killed_leaves_the_set_there_was(
    sample_copy: Database, psql: psycopg.Connection, wide: Path, after: float
) -> None:
    load_embeddings(sample_copy, wide, name="wide")
    psql.execute("CREATE TEMP TABLE tastes_before AS SELECT * FROM users")
    before = ask(psql, ORDER), list_sets(sample_copy)
    with psycopg.connect(sample_copy.psql_url) as victim:
        killer = threading.Timer(
            after, psql.execute, ("SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
        )

        def switch() -> None:
            victim.execute("SELECT use_embeddings('wide')")
            killer.join()
            victim.execute("SELECT 1")  # it was not committed

        killer.start()
        with pytest.raises(psycopg.OperationalError):
            switch()
        killer.join()
    assert (ask(psql, ORDER), list_sets(sample_copy)) == before
    assert ask(psql, CHANGED_TASTES) == [(0,)]


def test_what_was_learned_with_other_vectors_is_told(
    sample_copy: Database, psql: psycopg.Connection, wide: Path
) -> None:
    psql.execute(
        "INSERT INTO models (kind, name, version, state, metrics, weights, body) VALUES"
        " ('order', 'o', 1, 'active', '{}', NULL, 'trees'),"
        " ('factors', 'f', 1, 'active', '{\"ndcg\": 0.4}', '{\"content\": 0.3}', NULL)"
    )
    load_embeddings(sample_copy, wide, name="wide")
    used = use_set(sample_copy, "wide")
    assert used is not None
    assert (used.order_retired, used.weights_tuned) == (True, True)
    assert "palate train" in str(used)
    assert ask(psql, "SELECT kind, state FROM models ORDER BY 1") == [
        ("factors", "active"),
        ("order", "retired"),
    ]


def test_an_index_follows_the_set_in_use(
    sample_copy: Database, psql: psycopg.Connection, wide: Path
) -> None:
    psql.execute(VECTORS.raw("index_small_catalogs").encode())
    assert index_vectors(sample_copy)
    load_embeddings(sample_copy, wide, name="wide")
    use_set(sample_copy, "wide")
    indexes = (
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'movie_vectors'::regclass"
    )
    assert ("movie_vectors_content_768",) in ask(psql, indexes)
    assert ("movie_vectors_content_384",) not in ask(psql, indexes)
    near = (
        "SELECT movie_id FROM nearest_movies((SELECT embedding FROM users WHERE user_id = 7), 20)"
    )
    found = ask(psql, near)
    psql.execute("DROP INDEX movie_vectors_content_768")
    # Of vectors at random no index finds all; by those of another set it would find none.
    assert len({*found} & {*ask(psql, near)}) >= 12


def test_mistakes_change_nothing(
    sample_copy: Database, psql: psycopg.Connection, wide: Path, tmp_path: Path
) -> None:
    with pytest.raises(MisuseError, match="no name of a set"):
        load_embeddings(sample_copy, wide, name="Wide set")
    with pytest.raises(NotFoundError, match="palate embed list"):
        use_set(sample_copy, "none")
    with pytest.raises(NotFoundError, match="palate embed list"):
        drop_set(sample_copy, "none")
    with pytest.raises(ConflictError, match="main is in use"):
        drop_set(sample_copy, "main")
    load_embeddings(sample_copy, wide, name="wide")
    other = vectors(tmp_path / "other.npz", [1], 32)
    with pytest.raises(EmbeddingError, match=r"w \(32 numbers\), the database those of w \(768"):
        load_embeddings(sample_copy, other, name="wide")
    assert load_embeddings(sample_copy, other, name="wide", replace=True).cleared == 3187
    psql.execute("DELETE FROM embedding_vectors")
    with pytest.raises(ConflictError, match="holds no vector"):
        use_set(sample_copy, "wide")
    with pytest.raises(psycopg.DataError, match="of 2 numbers, where those in use have 384"):
        psql.execute("UPDATE movies SET embedding = '[1,2]' WHERE movie_id = 1")
