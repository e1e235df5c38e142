"""Intervals of predicted ratings hold as many ratings as they say, whatever the ratings are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.intervals import STARS, Held, Intervals, spread_of


def drawn(n: int, seed: int) -> Held:
    """Ratings, and predictions that are drawn to the middle, more so of uneven users."""
    draw = np.random.default_rng(seed)
    given = draw.choice(STARS, n, p=np.array([1, 3, 1, 6, 3, 20, 10, 28, 8, 20]) / 100)
    spread = draw.choice([0.45, 0.75, 1.2], n)
    predicted = 3.6 + (given - 3.6) * (1.1 - 0.6 * spread) + draw.normal(0, 0.4 * spread)
    return Held(given, np.clip(predicted, 0.5, 5), spread, draw.integers(0, 200, n))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_new_ratings_lie_inside_as_often_as_the_level_says(level: float) -> None:
    intervals, new = Intervals.of(drawn(20_000, 1), level), drawn(20_000, 2)
    inside = intervals.covers(new)
    for stars in STARS:
        assert inside[new.given == stars].mean() >= level - 0.07, stars
    for spread in (0.45, 0.75, 1.2):
        assert inside[new.spread == spread].mean() == pytest.approx(level, abs=0.12)


def test_uneven_users_have_wider_intervals_and_less_confidence() -> None:
    intervals = Intervals.of(drawn(20_000, 1), 0.8)
    (lows, highs) = intervals.around(np.array([3.6, 3.6]), np.array([0.45, 1.2]))
    assert highs[1] - lows[1] > highs[0] - lows[0]
    assert intervals.at(0.45, 30)[0] > intervals.at(1.2, 30)[0]


@given(
    st.lists(st.tuples(st.sampled_from(STARS.tolist()), st.floats(0.5, 5)), min_size=1),
    st.floats(0.1, 0.99),
)
def test_the_ratings_it_was_made_of_are_covered_at_least_so_often(
    ratings: list[tuple[float, float]], level: float
) -> None:
    given_, predicted = np.array(ratings).T
    held = Held(given_, predicted, np.ones(len(ratings)), np.zeros(len(ratings), np.int64))
    made = Intervals.of(held, level)
    inside = made.covers(held)
    for stars in np.unique(given_):
        assert inside[given_ == stars].mean() >= level - 1 / (given_ == stars).sum() - 1e-9
    low, high = made.around(predicted, held.spread)
    assert (low <= predicted).all()
    assert (predicted <= high).all()
    assert ((low >= 0.5) & (high <= 5)).all()


def test_a_few_ratings_pull_the_spread_little() -> None:
    left = np.array([1.0, -1.0, *np.tile([0.1, -0.1], 50)])
    one, many, none = spread_of(left, np.array([0, 0, *([1] * 100)]), 3)
    assert many < 0.4 < none < one
    assert none == pytest.approx(np.sqrt(0.76))
