"""Metrics of search against hand-computed values and trec_eval."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluate.estimates import bootstrap
from learn.metrics import rank_metrics, weigh_by_rarity


def test_metrics_of_a_few_ranks_by_hand() -> None:
    measured = rank_metrics(np.array([1, 2, 3, 10, 11, 0]))
    assert measured["ndcg@10"] == pytest.approx([1, 0.63093, 0.5, 0.28906, 0, 0], abs=1e-5)
    assert measured["mrr"] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 10, 1 / 11, 0])
    assert measured["hit@1"].tolist() == [1, 0, 0, 0, 0, 0]
    assert measured["hit@5"].tolist() == [1, 1, 1, 0, 0, 0]
    assert measured["hit@10"].tolist() == [1, 1, 1, 1, 0, 0]


TREC = {"ndcg@10": "ndcg_cut_10", "mrr": "recip_rank"} | {
    f"hit@{k}": f"success_{k}" for k in (1, 5, 10)
}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20))
def test_metrics_are_those_of_trec_eval(ranks: list[int]) -> None:
    judge = pytrec_eval.RelevanceEvaluator(
        {f"q{i}": {"film": 1} for i in range(len(ranks))},
        {"ndcg_cut.10", "recip_rank", "success.1,5,10"},
    )
    theirs = judge.evaluate(
        {
            f"q{i}": {
                ("film" if place == rank else f"other{place}"): 100.0 - place
                for place in range(1, 31)
            }
            for i, rank in enumerate(ranks)
        }
    )
    ours = rank_metrics(np.array(ranks))
    for name in ours:
        expected = [theirs[f"q{i}"][TREC[name]] for i in range(len(ranks))]
        assert ours[name] == pytest.approx(expected), name


def test_popular_films_count_less_when_debiased() -> None:
    assert weigh_by_rarity(np.array([0, 3, 99])).tolist() == [1, 0.5, 0.1]


def test_an_estimate_is_the_weighted_mean_inside_its_interval() -> None:
    values = {"metric": np.array([1.0, 0.0, 0.0, 1.0])}
    users = np.array([1, 1, 2, 3])
    estimate = bootstrap(values, users, np.array([1.0, 1.0, 1.0, 2.0]))["metric"]
    assert estimate.mean == pytest.approx(3 / 5)
    assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1


def test_intervals_are_as_wide_as_theory_says() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(3.0, 2.0, 4000)
    estimate = bootstrap({"m": values}, np.arange(4000))["m"]
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 2 / 4000**0.5, rel=0.1)


def test_queries_of_one_user_are_drawn_together() -> None:
    values = np.repeat([0.0, 1.0], 500)
    by_query = bootstrap({"m": values}, np.arange(1000))["m"]
    by_user = bootstrap({"m": values}, np.repeat(np.arange(20), 50))["m"]
    assert by_user.high - by_user.low > 3 * (by_query.high - by_query.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    values, users = {"m": np.arange(50.0)}, np.arange(50) // 3
    assert bootstrap(values, users, seed=4) == bootstrap(values, users, seed=4)
