"""What the learned order is told of a list of candidates."""

from typing import Any

import numpy as np
import pytest

from rerank.factors import FilmFactors
from rerank.features import FEATURES, WORDS, Person, feature_matrix

RATED: dict[str, Any] = {
    "rated": [7, 8], "stars": [5.0, 2.0], "told": [None, None], "times": [1e9, 0.0],
    "years": [1999, None], "rated_genres": ["Drama|War", ""], "middle": 3.5, "ratings": 2,
}  # fmt: skip
FOUND: dict[str, Any] = {
    "movie_id": [1, 2, 3], "bm25": [1.0, 0.5, 0.2], "content": [None] * 3,
    "collaborative": [0.5, 0.9, 0.5], "popularity": [0.0] * 3, "year": [2001, 1990, None],
    "mean_rating": [3.0, None, 4.0], "rating_count": [9, 0, 1], "genres": ["War", "Drama|War", ""],
}  # fmt: skip


def factors() -> FilmFactors:
    """Two numbers a film; the model does not know film 3."""
    made = FilmFactors(1, {"slope": 0.5})
    one, other = np.eye(2, dtype="f4")
    made._kept |= {each: np.stack([one, one]) for each in (7, 1)}
    made._kept |= {each: np.stack([other, other]) for each in (8, 2)}
    return made


def made(known: FilmFactors | None = None, **columns: list[Any]) -> dict[str, list[float]]:
    """Features by name of three films."""
    matrix = feature_matrix(FOUND | columns, Person.of(RATED), known)
    return dict(zip(FEATURES, matrix.T.tolist(), strict=True))


def test_every_feature_has_words() -> None:
    assert sorted(name for names in WORDS.values() for name in names) == sorted(FEATURES)


def test_nearness_is_told_among_the_films_that_the_model_knows() -> None:
    found = made(factors())
    assert found["collaborative_deviation"] == pytest.approx([-1, 1, np.nan], nan_ok=True)
    assert found["gap"] == pytest.approx([2, 0, np.nan], nan_ok=True)


def test_years_and_genres_are_told_against_the_ratings() -> None:
    found = made()
    assert found["years_from_own_mean"] == pytest.approx([2, 9, np.nan], nan_ok=True)
    assert found["genres_rated"] == pytest.approx([0.5, 0.5, np.nan], nan_ok=True)
    assert found["genres_liked"] == pytest.approx([1.5 / 4, 1.5 / 4, np.nan], nan_ok=True)


def test_what_was_liked_draws_near_and_what_was_not_pushes_away() -> None:
    found = made(factors(), movie_id=[1, 2, 1])
    assert found["affinity"][0] > 0 > found["affinity"][1]
    assert found["disliked_deviation"][1] < 0 < found["liked_deviation"][0]


def test_a_film_that_the_model_does_not_know_has_no_affinity() -> None:
    found = made(factors())
    assert np.isnan([found["affinity"][2], found["gap"][2], found["liked_deviation"][2]]).all()
    assert np.isfinite(found["affinity"][:2]).all()


def test_without_factors_there_are_no_affinities() -> None:
    assert np.isnan(made()["affinity"]).all()
    assert np.isnan(made()["collaborative_deviation"]).all()


def test_a_column_that_is_missing_is_named() -> None:
    columns = {name: column for name, column in FOUND.items() if name != "popularity"}
    with pytest.raises(KeyError, match="popularity"):
        feature_matrix(columns, Person.of(RATED), None)


def test_a_film_watched_and_not_rated_counts_by_its_event() -> None:
    told = RATED | {"stars": [5.0, None], "told": [None, 0.4]}
    matrix = feature_matrix(FOUND | {"movie_id": [1, 2, 1]}, Person.of(told), factors())
    found = dict(zip(FEATURES, matrix.T.tolist(), strict=True))
    assert found["affinity"][1] > 0
    assert found["user_mean"] == [5.0] * 3
