"""What is said of predicted ratings holds on users of whom it was not made."""

import numpy as np

from evaluate.predict import report
from learn.models.biased import BiasedMf
from learn.models.interface import Ratings
from learn.train_ratings import measure_residuals


def test_even_people_are_predicted_with_high_confidence_and_held_to_it() -> None:
    """Everybody gives a film what everybody gives it, and half of them anything beside it."""
    draw = np.random.default_rng(0)
    films = np.tile(np.arange(60), 120)
    users = np.repeat(np.arange(120), 60)
    stars = 2.5 + films % 4 * 0.5
    stars = np.where(users % 2 == 0, stars, draw.choice([0.5, 1.5, 3.0, 4.5, 5.0], len(films)))
    ratings = Ratings.of(users, 100 + films, stars, draw.uniform(0, 1e8, len(films)))
    found = report("m", measure_residuals(BiasedMf(rank=4, epochs=4), ratings, None))
    sure = {said.name: said for said in found.by_confidence}
    assert sure["high"].n > 1000
    assert sure["high"].within >= 0.8
    assert sure["low"].n > 1000
    assert sure["low"].within < 0.5
