"""What the learned order is told of a list of candidates."""

import numpy as np
import pytest

from rerank.learned import COMPONENTS, FEATURES, SQL_FEATURES, WORDS, feature_matrix


def made(**columns: list[float]) -> dict[str, list[float]]:
    """Features by name of three films; what is not given is 0."""
    components = np.column_stack([columns.get(name, [0.0] * 3) for name in COMPONENTS])
    features = np.column_stack([columns.get(name, [0.0] * 3) for name in SQL_FEATURES])
    matrix = feature_matrix(components, features)
    return dict(zip(FEATURES, matrix.T.tolist(), strict=True))


def test_every_feature_has_words() -> None:
    assert sorted(name for names in WORDS.values() for name in names) == sorted(FEATURES)


def test_places_and_shares_are_of_the_list() -> None:
    found = made(affinity=[1.0, 4.0, -1.0], affinity_10=[3.0, 3.0, 1.0])
    assert found["affinity_share"] == [0.25, 1.0, -0.25]
    assert found["affinity_10_place"] == [0.0, 0.0, pytest.approx(2 / 3)]
    assert found["scaled_affinity_10"] == [1.0, 1.0, 0.0]


def test_affinities_that_are_missing_or_all_below_0_have_no_share() -> None:
    assert np.isnan(made(affinity=[-1.0, -2.0, 0.0])["affinity_share"]).all()
    assert np.isnan(made(affinity=[np.nan] * 3)["affinity_share"]).all()


def test_a_mean_of_few_ratings_says_little() -> None:
    found = made(mean_rating=[np.nan, 5.0, 5.0], log_ratings=np.log1p([0, 5, 95]).tolist())
    assert found["damped_mean_rating"] == pytest.approx([3.5, 4.25, 4.925])
