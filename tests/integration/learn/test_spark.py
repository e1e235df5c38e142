"""ALS on Spark, on this machine: read from Parquet, written by executors, used in SQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyspark")
pytest.importorskip("duckdb")

from ingest.features import build_features
from learn import registry
from learn.data import read_ratings
from learn.models.implicit import Als
from learn.spark import train_als
from palate.errors import ConflictError, NotFoundError
from palate.settings import Settings
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of Spark's own
    pytest.mark.timeout(900),
]

MODEL = Als(rank=8, epochs=3)


@pytest.fixture(scope="module")
def learned(
    server: EmbeddedServer,
    settings: Settings,
    sample_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Database, int, Path]]:
    """The sample, its films' ids beyond what Spark counts with, learned once on two threads; a
    virtual machine takes seconds to start."""
    folder = tmp_path_factory.mktemp("spark") / "features"
    with cloned(server, settings, sample_template) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE TEMP TABLE kept AS SELECT * FROM ratings")
            connection.exec_driver_sql("DELETE FROM ratings")
            connection.exec_driver_sql("UPDATE movies SET movie_id = movie_id + 8589934592")
            connection.exec_driver_sql(
                "INSERT INTO ratings (user_id, movie_id, rating, rated_at)"
                " SELECT user_id, movie_id + 8589934592, rating, rated_at FROM kept"
            )
        build_features(database, folder)
        yield database, train_als(database, folder, MODEL, master="local[2]"), folder


def test_executors_store_a_candidate_that_is_activated_like_others(
    learned: tuple[Database, int, Path],
) -> None:
    database, model_id, _ = learned
    stored = registry.get_model(database, model_id)
    assert (stored.kind, stored.name, stored.state) == ("factors", "als", "candidate")
    assert dict(stored.parameters) == MODEL.parameters()
    assert stored.fingerprint is not None
    assert stored.fingerprint.startswith("features-")
    registry.activate(database, model_id)
    with database.read() as connection:
        users = connection.exec_driver_sql("SELECT count(*) FROM user_factors").scalar_one()
    assert users == len(read_ratings(database).user_ids)


def test_what_spark_learned_orders_films_as_als_does_here(
    learned: tuple[Database, int, Path],
) -> None:
    database, model_id, _ = learned
    ratings = read_ratings(database)
    ids, factors_in, factors_out = registry.read_factors(database, model_id)
    assert ids.tolist() == np.unique(ratings.movie_ids[ratings.columns]).tolist()
    assert ids.min() > 2**32
    on_spark = Als(**MODEL.parameters())
    on_spark.ratings = ratings.among(ids)
    on_spark.factors_in, on_spark.factors_out = factors_in, factors_out
    here = Als(**MODEL.parameters()).fit(ratings)
    users = ratings.user_ids[:20]
    correlations = [
        np.corrcoef(a, b)[0, 1]
        for a, b in zip(on_spark.score(users, ids), here.score(users, ids), strict=True)
    ]
    assert np.mean(correlations) > 0.8


def test_nothing_is_left_behind(learned: tuple[Database, int, Path]) -> None:
    database, _, _ = learned
    with database.read() as connection:
        schemas = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'palate_scratch')"
        ).scalar_one()
    assert schemas == 0
    assert "palate-spark-" not in os.environ.get("JAVA_HOME", "")


def test_an_unmeasured_model_is_refused_where_a_measured_one_is_active(
    learned: tuple[Database, int, Path],
) -> None:
    database, model_id, _ = learned
    ratings = read_ratings(database)
    measured = registry.save_factors(
        database, Als(rank=4, epochs=1).fit(ratings), metrics={"ndcg@10": 0.1}
    )
    registry.activate(database, measured, force=True)
    with pytest.raises(ConflictError, match="--force"):
        registry.activate(database, model_id)


def test_without_files_it_says_what_writes_them(sample_database: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="palate features build"):
        train_als(sample_database, tmp_path, MODEL, master="local[2]")
