"""Ratings by user: made, cut, joined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.models.interface import Ratings, weigh_recency, weigh_taste
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


def test_below_the_middle_a_rating_pushes_away() -> None:
    mixed = Ratings.of([1] * 4, [1, 2, 3, 4], [5.0, 4.0, 3.0, 2.0])
    assert weigh_taste(mixed) == pytest.approx([1.75, 1.25, -0.1, -0.3])


@given(st.sampled_from([0.5, 1.0, 2.0]), st.integers(1, 3000))
def test_who_dislikes_everything_alike_stays_a_hater(stars: float, count: int) -> None:
    hater = Ratings.of(np.ones(count), np.arange(count), np.full(count, stars))
    assert (weigh_taste(hater) < 0).all()


def test_the_middle_rises_with_the_persons_own_mean() -> None:
    kind = Ratings.of(np.ones(400), np.arange(400), [3.5] + [5.0] * 399)
    assert weigh_taste(kind)[0] < 0 < weigh_taste(kind)[1]
    strict = Ratings.of(np.ones(400), np.arange(400), [3.0] + [1.0] * 399)
    assert weigh_taste(strict)[1] < 0 < weigh_taste(strict)[0]


def test_the_later_a_rating_the_more_it_counts_and_one_time_counts_alike() -> None:
    dated = Ratings.of([1] * 3 + [2] * 3, [1, 2, 3] * 2, np.full(6, 4.0), [3, 1, 1, 5, 5, 5])
    weights = weigh_recency(dated) * np.sqrt(3)
    assert weights[0] == pytest.approx(3)
    assert weights[1] == weights[2] == pytest.approx(1 + 2 * 0.5**0.1)
    assert weights[3:] == pytest.approx([3, 3, 3])
