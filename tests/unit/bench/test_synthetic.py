"""Made-up ratings have the shape that they are measured for."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from bench.synthetic import synthetic_ratings
from bench.train import bench_train
from learn.registry import fingerprint


def test_they_repeat_by_seed() -> None:
    first = synthetic_ratings(30_000, seed=1)
    assert fingerprint(first) == fingerprint(synthetic_ratings(30_000, seed=1))
    assert fingerprint(first) != fingerprint(synthetic_ratings(30_000, seed=2))


def test_users_and_films_have_long_tails() -> None:
    ratings = synthetic_ratings(200_000)
    assert len(ratings) == pytest.approx(200_000, rel=0.05)
    per_user = np.diff(ratings.starts)
    per_film = np.sort(np.bincount(ratings.columns, minlength=len(ratings.movie_ids)))[::-1]
    assert np.median(per_user) < per_user.mean()
    assert per_film[: len(per_film) // 10].sum() > 0.3 * len(ratings)
    assert set(np.unique(ratings.values * 2)) <= set(range(1, 11))
    keys = ratings.rows * len(ratings.movie_ids) + ratings.columns
    assert (np.diff(keys) > 0).all()  # in order, and no film twice


def test_training_on_them_is_measured() -> None:
    report = bench_train(20_000, "svd")
    assert report.model == "svd 64"
    assert list(report.steps) == ["make up", "learn"]
    assert all(cost.seconds > 0 and cost.memory_mb > 0 for cost in report.steps.values())
