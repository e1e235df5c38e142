"""Intervals of predicted ratings hold as many ratings as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.intervals import Counts, Floats, Intervals


def drawn(n: int, seed: int) -> tuple[Floats, Counts, Counts]:
    """Residuals that are wider for users and films that are known less."""
    draw = np.random.default_rng(seed)
    users, films = (10 ** draw.uniform(0, 2.5, (2, n)) - 1).astype(np.int64)
    spread = 1 + 1 / (1 + users) + 2 / (1 + films)
    return draw.standard_t(4, n) * spread + 0.1, users, films


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_new_ratings_lie_inside_as_often_as_the_level_says(level: float) -> None:
    intervals = Intervals.of(*drawn(8000, 1), level=level)
    residuals, users, films = drawn(8000, 2)
    assert intervals.covered(residuals, users, films) == pytest.approx(level, abs=0.02)
    few = users < 4
    assert intervals.covered(residuals[few], users[few], films[few]) == pytest.approx(
        level, abs=0.04
    )


def test_what_is_known_less_has_a_wider_interval() -> None:
    intervals = Intervals.of(*drawn(8000, 1), level=0.8)
    (low, high, within), (lower, higher, seldom) = intervals.at(150, 30), intervals.at(150, 0)
    assert higher - lower > high - low
    assert seldom < within


@given(st.lists(st.floats(-4.5, 4.5), min_size=1, max_size=300), st.floats(0.1, 0.99))
def test_the_ratings_it_was_made_of_are_covered_at_least_so_often(
    residuals: list[float], level: float
) -> None:
    nothing = np.zeros(len(residuals), np.int64)
    intervals = Intervals.of(np.round(residuals, 3), nothing, nothing, level)
    low, high, within = intervals.at(0, 0)
    assert low <= high
    assert 0 <= within <= 1
    assert intervals.covered(np.round(residuals, 3), nothing, nothing) >= level - 1e-9


def test_it_is_read_as_it_was_written() -> None:
    made = Intervals.of(*drawn(500, 3), level=0.8)
    read = Intervals.from_json(made.to_json())
    assert read.at(12, 3) == made.at(12, 3)
    with pytest.raises(TypeError):
        Intervals.from_json("{}")
