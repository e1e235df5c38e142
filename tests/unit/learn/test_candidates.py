"""Orders of candidates, as search() breaks its ties."""

import numpy as np
import pytest

from learn.candidates import CandidateLists
from learn.queries import Query


@pytest.fixture
def lists() -> CandidateLists:
    """Two queries of three and two candidates; the second query's film is not among them."""
    return CandidateLists(
        [Query(1, 30, "a", asked_at=1e9), Query(2, 99, "b", asked_at=0.0)],
        np.array([0, 0, 0, 1, 1]),
        np.array([10, 20, 30, 10, 40]),
        np.array([3.0, 5.0, 5.0, 1.0, 2.0]),
        {
            "bm25": np.array([0.6, 1.0, 1.0, 0.5, 1.0]),
            "content": np.array([0.0, 0.5, 1.0, np.nan, np.nan]),
            "collaborative": np.full(5, np.nan),
            "popularity": np.array([1.0, 0.0, 0.0, 1.0, 0.0]),
        },
        np.zeros(5, np.int64),
        np.array([2001.0, 2002.0, 2002.0, 1970.0, np.nan]),
    )


def test_ties_go_to_the_higher_bm25_then_to_the_lower_movie_id(lists: CandidateLists) -> None:
    assert lists.movie_ids[lists.order(np.zeros(5))].tolist() == [20, 30, 10, 40, 10]
    assert lists.movie_ids[lists.order(np.arange(5.0))].tolist() == [30, 20, 10, 40, 10]


def test_the_rank_of_the_film_wanted(lists: CandidateLists) -> None:
    assert lists.target_ranks(np.zeros(5)).tolist() == [2, 0]
    assert lists.target_ranks(-np.arange(5.0)).tolist() == [3, 0]


def test_a_missing_component_adds_nothing(lists: CandidateLists) -> None:
    blended = lists.blended({"bm25": 1.0, "content": 2.0, "collaborative": 5.0})
    assert blended.tolist() == [0.6, 2.0, 3.0, 0.5, 1.0]


def test_what_came_out_later_is_not_past_but_what_is_wanted_is(lists: CandidateLists) -> None:
    assert lists.past.tolist() == [True, False, True, True, True]
    assert lists.keep(lists.past).target_ranks(np.zeros(5)[lists.past]).tolist() == [1, 0]
