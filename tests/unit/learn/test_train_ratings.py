"""Held-out ratings: who is held out, what is known of them, and what is predicted."""

import numpy as np
import pytest

from learn import train_ratings
from learn.models.biased import BiasedMf
from learn.models.interface import Ratings
from learn.train_ratings import calibrate, measure_residuals
from tests.unit.learn import structured

SMALL = BiasedMf(rank=4, epochs=4)


def test_every_user_is_predicted_once_from_none_of_the_ratings_and_from_more() -> None:
    ratings = structured.ratings()
    found = measure_residuals(SMALL, ratings, structured.movies())
    assert np.isfinite(found.predicted).all()
    steps = found.steps
    assert sorted(set(found.user_ratings[steps])) == [0, 1, 2, 4, 7, 12]
    cold = steps & (found.user_ratings == 0)
    each, times = np.unique(found.users[cold], return_counts=True)
    assert each.tolist() == list(range(structured.USERS))
    assert set(times) == {10}
    left = np.abs(found.given - found.predicted)
    assert left[steps & (found.user_ratings == 12)].mean() < left[cold].mean() / 2


def test_held_out_users_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[set[int]] = []
    learn = BiasedMf._learn

    def watch(self: BiasedMf, ratings: Ratings, movies: object) -> None:
        met.append(set(ratings.user_ids.tolist()))
        learn(self, ratings, None)

    monkeypatch.setattr(BiasedMf, "_learn", watch)
    found = measure_residuals(SMALL, structured.ratings(), None)
    everybody = set(range(structured.USERS))
    held = [everybody - users for users in met]
    assert set.union(*held) == everybody == set(found.users.tolist())
    assert sum(map(len, held)) == structured.USERS


def test_many_ratings_are_learned_from_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_ratings, "_MOST_RATINGS", 400)
    model = BiasedMf(rank=4, epochs=2)
    measure_residuals(model, structured.ratings(), None)
    assert 300 < len(model.ratings) <= 400


def test_what_is_measured_is_of_users_that_the_intervals_were_not_made_of() -> None:
    found = measure_residuals(SMALL, structured.ratings(), structured.movies())
    intervals, metrics = calibrate(found)
    last = (found.given - found.predicted)[found.last]
    assert metrics["rmse"] == pytest.approx(np.sqrt(np.mean(last**2)), abs=1e-4)
    assert metrics["mae"] == pytest.approx(np.mean(np.abs(last)), abs=1e-4)
    assert metrics["coverage"] >= intervals.level - 0.08
    assert metrics["least coverage"] >= intervals.level - 0.2
