"""Matrix factorisation with biases: ridge regressions, alternated; films known by their sides."""

import numpy as np
import pytest

from learn.models.baselines import Bias
from learn.models.biased import BiasedMf
from learn.models.interface import Movies, Ratings
from palate.errors import MisuseError

USERS, FILMS = 60, 50


def stars_of(seed: int = 0) -> tuple[Ratings, Ratings, Movies]:
    """Ratings by two tastes and two genres, some held out; the last film has none that teach."""
    draw = np.random.default_rng(seed)
    tastes, genres = np.arange(USERS) % 2, np.arange(FILMS) % 2
    stars = 3 + np.where(tastes[:, None] == genres, 1.2, -1.2) + draw.normal(0, 0.3, (USERS, FILMS))
    shown = draw.random((USERS, FILMS))
    shown[:, -1] = np.where(np.arange(USERS) % 3 == 0, 0.5, 1)
    users, films = np.nonzero(shown < 0.6)
    made = Ratings.of(users, films, np.clip(stars[users, films], 0.5, 5))
    held = (made.columns == FILMS - 1) | (shown[made.rows, made.columns] < 0.1)
    movies = Movies(np.arange(FILMS), [("Even", "Odd")[genre : genre + 1] for genre in genres])
    return made.where(~held), made.where(held), movies


def rmse(model: BiasedMf | Bias, hidden: Ratings) -> float:
    scores = model.score(hidden.user_ids, hidden.movie_ids)
    return float(np.sqrt(np.mean((hidden.values - scores[hidden.rows, hidden.columns]) ** 2)))


def test_it_predicts_stars_better_than_means_do() -> None:
    training, hidden, movies = stars_of()
    assert rmse(BiasedMf(rank=4).fit(training, movies), hidden) < 0.5
    assert rmse(Bias().fit(training, movies), hidden) > 1.0


def test_a_film_that_nobody_rated_is_what_its_genre_is() -> None:
    training, _, movies = stars_of()
    model = BiasedMf(rank=4).fit(training, movies)
    stars = model.score([0, 1], [FILMS - 1])[:, 0]  # an odd film, for an even and an odd taste
    assert stars[0] < 2.5 < 3.5 < stars[1]


def test_a_user_is_the_ridge_regression_of_the_ratings() -> None:
    training, _, movies = stars_of()
    model = BiasedMf(rank=3, l2=2.0, l2_per_rating=0.5, l2_bias=4.0).fit(training, movies)
    of_user = training.take(np.array([7]))
    films, values = of_user.columns, of_user.values
    x = np.column_stack([np.ones(len(films)), model.factors[films]])
    ridge = np.diag([4.0] + [2.0 + 0.5 * len(films)] * 3)
    left = values - model.mean - model.biases[films]
    expected = np.linalg.solve(x.T @ x + ridge, x.T @ left)
    assert model.users(training)[7] == pytest.approx(expected, abs=1e-5)


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(MisuseError, match="no ratings"):
        BiasedMf().fit(Ratings.of([], [], []))
