"""What the learned order is told of a list of candidates."""

import numpy as np
import pytest

from rerank.learned import FEATURES, READ, WORDS, feature_matrix


def made(**columns: list[float]) -> dict[str, list[float]]:
    """Features by name of three films; what is not given is 0."""
    matrix = feature_matrix({name: np.array(columns.get(name, [0.0] * 3)) for name in READ})
    return dict(zip(FEATURES, matrix.T.tolist(), strict=True))


def test_every_feature_has_words() -> None:
    assert sorted(name for names in WORDS.values() for name in names) == sorted(FEATURES)


def test_places_and_scaled_affinities_are_of_the_list() -> None:
    found = made(collaborative=[0.5, 0.9, 0.5], affinity_10=[3.0, 1.0, 2.0])
    assert found["collaborative_place"] == [pytest.approx(1 / 3), 0.0, pytest.approx(1 / 3)]
    assert found["scaled_affinity_10"] == [1.0, 0.0, 0.5]


def test_a_column_that_is_missing_is_named() -> None:
    columns = {name: np.zeros(3) for name in READ if name != "genres_liked"}
    with pytest.raises(KeyError, match="genres_liked"):
        feature_matrix(columns)
