"""What is held out, by each protocol."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.models.interface import Ratings
from learn.split import random_split, temporal_split, user_split


def ratings_of(rows: list[tuple[int, int, float, float]]) -> Ratings:
    users, movies, values, times = zip(*rows, strict=True)
    return Ratings.of(users, movies, values, times)


rows = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 40), st.just(4.0), st.integers(0, 9).map(float)),
    min_size=1,
    unique_by=lambda row: row[:2],
)


def test_the_last_fifth_of_each_user_is_held_out() -> None:
    ratings = ratings_of(
        [(1, movie, 4.0, 100.0 - movie) for movie in range(1, 11)]  # film 1 is rated last
        + [(2, movie, 4.0, float(movie)) for movie in range(1, 6)]
        + [(3, movie, 4.0, float(movie)) for movie in range(1, 5)]
    )
    held = temporal_split(ratings)
    films = list(
        zip(
            ratings.user_ids[ratings.rows[held]],
            ratings.movie_ids[ratings.columns[held]],
            strict=True,
        )
    )
    assert films == [(1, 1), (1, 2), (2, 5)]


def test_ratings_of_one_moment_are_ordered_by_film() -> None:
    held = temporal_split(ratings_of([(1, movie, 4.0, 7.0) for movie in (9, 3, 5, 1, 8)]))
    assert held.tolist() == [False, False, False, False, True]


@given(rows, st.sampled_from([0.2, 0.25, 0.5]))
def test_nothing_held_out_is_older_than_what_is_kept(
    given_rows: list[tuple[int, int, float, float]], fraction: float
) -> None:
    ratings = ratings_of(given_rows)
    held = temporal_split(ratings, fraction)
    for row in range(len(ratings.user_ids)):
        part = slice(ratings.starts[row], ratings.starts[row + 1])
        late, times = held[part], ratings.times[part]
        assert late.sum() == int(len(late) * fraction)
        if late.any():
            assert times[~late].max(initial=-np.inf) <= times[late].min()


@given(rows, st.integers(0, 5))
def test_a_random_split_takes_its_share_of_every_user(
    given_rows: list[tuple[int, int, float, float]], seed: int
) -> None:
    ratings = ratings_of(given_rows)
    held = random_split(ratings, 0.25, seed)
    counts = np.diff(ratings.starts)
    assert (np.bincount(ratings.rows[held], minlength=len(counts)) == counts // 4).all()
    assert (held == random_split(ratings, 0.25, seed)).all()


@pytest.mark.parametrize(("users", "expected"), [(1, 1), (10, 1), (30, 3)])
def test_whole_users_are_held_out(users: int, expected: int) -> None:
    ratings = ratings_of([(user, 1, 4.0, 0.0) for user in range(users)])
    assert user_split(ratings, 0.1).sum() == expected
