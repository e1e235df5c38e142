"""EASE as two factors, against the matrix of films times films that it stands for."""

import numpy as np
import pytest

from learn.models import factors
from learn.models.factors import Ease, FullEase
from learn.models.interface import Movies, Ratings, weigh_recency, weigh_taste
from learn.models.stacked import known_sides, with_windows
from tests.unit.learn import structured


def by_definition(ratings: Ratings, l2: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """B = I - P / diag(P) with P = (X'X + l2 s1^2 I)^-1, of the ratings alone."""
    weighted = ratings.with_values(1 + 0.5 * (ratings.values - 3.5)).toarray().astype(np.float64)
    ridge = l2 * np.linalg.norm(weighted, 2) ** 2
    inverse = np.linalg.inv(weighted.T @ weighted + ridge * np.eye(weighted.shape[1]))
    items = np.eye(len(inverse)) - inverse / np.diag(inverse)
    tastes = ratings.with_values(weigh_taste(ratings) * weigh_recency(ratings)).toarray()
    return np.asarray(tastes @ items)


def test_with_every_singular_value_it_is_the_closed_form() -> None:
    ratings = structured.ratings()
    model = FullEase(degree_exponent=0.0, l2=0.02, window=0).fit(ratings)
    found = model.score(ratings.user_ids, ratings.movie_ids)
    assert found == pytest.approx(by_definition(ratings, 0.02), abs=1e-4)


def test_two_factors_are_the_full_model_for_films_not_rated() -> None:
    ratings, movies = structured.ratings(), structured.movies()
    full = FullEase().fit(ratings, movies)
    short = Ease(rank=1000, near=0).fit(ratings, movies)
    users, films = ratings.user_ids, full.movie_ids
    unrated = full.ratings.matrix.toarray() == 0
    assert short.score(users, films)[unrated] == pytest.approx(
        full.score(users, films)[unrated], abs=1e-4
    )


def test_large_matrices_are_cut_by_lanczos_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings, movies = structured.ratings(), structured.movies()
    exact = Ease(rank=8).fit(ratings, movies).score(ratings.user_ids, movies.movie_ids)
    monkeypatch.setattr(factors, "_SHORT", 0)
    lanczos = Ease(rank=8).fit(ratings, movies).score(ratings.user_ids, movies.movie_ids)
    assert lanczos == pytest.approx(exact, abs=1e-3)


def test_a_film_that_nobody_rated_is_for_those_who_like_its_kind() -> None:
    ratings = structured.ratings()
    model = Ease(rank=20).fit(ratings, structured.movies())
    scores = model.score(np.arange(structured.USERS), [structured.COLD_FILM])[:, 0]
    assert scores[::2].mean() > 2 * scores[1::2].mean()  # it is an even film


def test_films_rated_together_draw_each_other_more() -> None:
    chance = np.repeat([0.9, 0.9, 0.1], 20)  # twenty films early, twenty late, others now and then
    users, films = np.nonzero(np.random.default_rng(0).random((40, 60)) < chance)
    ratings = Ratings.of(users, films, np.full(len(users), 4), np.where(films < 20, films, 100))
    newcomer = Ratings.of([99], [0], [4], [0])

    def lead(near: float) -> float:
        model = Ease(rank=30, window=0, near=near).fit(ratings).fold_in(newcomer)
        scores = model.score([99], np.arange(40))[0]
        return float(scores[1:20].mean() / scores[20:].mean())

    assert lead(0.3) > lead(0) + 0.1


def test_what_is_known_of_films_has_the_lengths_it_is_given() -> None:
    movies = Movies(
        np.array([1, 2]), [("Drama", "War"), ()], np.array([1999, np.nan], np.float32),
        np.array([[3, 4], [0, 0]], np.float32), [("tone dark",), ()],
    )  # fmt: skip
    sides = known_sides(movies, np.array([1, 2, 3]), text=2.0, genres=0.5, years=0.1)
    assert np.linalg.norm(sides[0, :2]) == pytest.approx(2)
    assert np.linalg.norm(sides[0, 2:5]) == pytest.approx(0.5)
    assert np.linalg.norm(sides[0, 5:]) == pytest.approx(0.1)
    assert not sides[1:].any()
    assert known_sides(None, np.array([1, 2]), 1, 1, 1).shape == (2, 0)


def test_a_users_ratings_are_there_again_in_runs_from_the_latest_back() -> None:
    times = [30, 10, 20, 5, 5, 5]  # the second user's order is not known
    ratings = Ratings.of([1, 1, 1, 2, 2, 2], [10, 11, 12, 10, 11, 12], np.arange(1, 7) / 2, times)
    assert with_windows(ratings, ratings.matrix, 2).toarray().tolist() == [
        [0.5, 1.0, 1.5],
        [2.0, 2.5, 3.0],
        [0.5, 0.0, 1.5],
        [0.0, 1.0, 0.0],
        [2.0, 2.5, 3.0],
    ]
    assert with_windows(ratings, ratings.matrix, 0).shape == (2, 3)
