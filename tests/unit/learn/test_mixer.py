"""Weights of the mixer go to what tells which films are liked."""

import numpy as np
import pytest

from learn.mixer import TUNED, MixerTuner


def test_the_part_that_tells_liked_films_gets_the_weight() -> None:
    random = np.random.default_rng(0)
    lists = []
    for _ in range(30):
        parts = random.random((len(TUNED), 50))
        liked = parts[TUNED.index("vote")] > 0.8
        lists.append((parts, liked, int(liked.sum())))
    tuner = MixerTuner(lists)
    start = np.full(len(TUNED), 1 / len(TUNED))
    found = tuner.tune(start)
    assert found.sum() == pytest.approx(1)
    assert TUNED[int(found.argmax())] == "vote"
    assert tuner.ndcg(start) < tuner.ndcg(found) <= 1


def test_films_that_no_source_gave_are_missed_as_well() -> None:
    parts = np.ones((len(TUNED), 1))
    tuner = MixerTuner([(parts, np.array([True]), 2)])
    assert tuner.ndcg(np.ones(len(TUNED))) == pytest.approx(1 / (1 + 1 / np.log2(3)))
