"""Ratings by user: made, cut, joined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.models.interface import Ratings
from palate.errors import MisuseError

pairs = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)), unique=True, min_size=1, max_size=40
)


def of(rows: list[tuple[int, int]]) -> Ratings:
    users, movies = zip(*rows, strict=True)
    return Ratings.of(users, movies, [0.5 + (u + m) % 10 / 2 for u, m in rows])


def as_set(ratings: Ratings) -> set[tuple[int, int, float]]:
    return set(
        zip(
            ratings.user_ids[ratings.rows].tolist(),
            ratings.movie_ids[ratings.columns].tolist(),
            ratings.values.tolist(),
            strict=True,
        )
    )


@given(pairs)
def test_every_rating_is_kept_in_any_order(rows: list[tuple[int, int]]) -> None:
    made = of(rows)
    assert as_set(made) == {(u, m, 0.5 + (u + m) % 10 / 2) for u, m in rows}
    assert as_set(of(rows[::-1])) == as_set(made)
    assert made.matrix.sum() == pytest.approx(made.values.sum())


@given(pairs, st.integers(0, 9))
def test_parts_are_what_they_say(rows: list[tuple[int, int]], limit: int) -> None:
    made = of(rows)
    low = made.where(made.movie_ids[made.columns] < limit)
    assert as_set(low) == {row for row in as_set(made) if row[1] < limit}
    assert as_set(made.among(np.arange(limit))) == as_set(low)
    some = np.arange(0, len(made.user_ids), 2)
    kept = set(made.user_ids[some].tolist())
    assert as_set(made.take(some)) == {row for row in as_set(made) if row[0] in kept}


@given(pairs, pairs)
def test_newer_ratings_of_a_user_replace_the_older(
    old: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    newer = {user for user, _ in new}
    expected = {row for row in as_set(of(old)) if row[0] not in newer} | as_set(of(new))
    assert as_set(of(old).joined(of(new))) == expected


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(MisuseError, match="twice"):
        Ratings.of([1, 1], [2, 2], [3.0, 4.0])
    with pytest.raises(MisuseError, match="no number"):
        Ratings.of([1], [2], [np.nan])
