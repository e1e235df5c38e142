"""Metrics of recommended lists: by hand, and against trec_eval."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluate.topn import CUTOFFS, beyond_accuracy, top_n_metrics
from learn.models.interface import Movies, Ratings


def lists_of(*lists: list[int]) -> np.ndarray:
    made = np.full((len(lists), 100), -1, np.int64)
    for row, films in zip(made, lists, strict=True):
        row[: len(films)] = films
    return made


def test_metrics_of_one_list_by_hand() -> None:
    # Found at 2 and 4 of three that are relevant.
    measured = top_n_metrics(lists_of([9, 1, 8, 2, 7]), [np.array([1, 2, 3])])
    assert measured["recall@5"] == pytest.approx([2 / 3])
    assert measured["precision@5"] == pytest.approx([2 / 5])
    assert measured["precision@10"] == pytest.approx([2 / 10])
    assert measured["hit@5"] == [1]
    assert measured["mrr@5"] == pytest.approx([1 / 2])
    assert measured["map@5"] == pytest.approx([(1 / 2 + 2 / 4) / 3])
    gain = 1 / np.log2(3) + 1 / np.log2(5)
    assert measured["ndcg@5"] == pytest.approx([gain / (1 + 1 / np.log2(3) + 1 / np.log2(4))])


def test_a_list_that_finds_nothing_is_worth_nothing() -> None:
    measured = top_n_metrics(lists_of([9], []), [np.array([1]), np.array([1])])
    assert all((values == 0).all() for values in measured.values())


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 150), unique=True, min_size=1, max_size=100),
            st.sets(st.integers(1, 150), min_size=1, max_size=120),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_metrics_are_those_of_trec_eval(users: list[tuple[list[int], set[int]]]) -> None:
    cutoffs = ",".join(map(str, CUTOFFS))
    judge = pytrec_eval.RelevanceEvaluator(
        {str(i): dict.fromkeys(map(str, relevant), 1) for i, (_, relevant) in enumerate(users)},
        {f"{name}.{cutoffs}" for name in ("ndcg_cut", "map_cut", "P", "recall", "success")},
    )
    theirs = judge.evaluate(
        {
            str(i): {str(film): 1000.0 - place for place, film in enumerate(films)}
            for i, (films, _) in enumerate(users)
        }
    )
    ours = top_n_metrics(
        lists_of(*(films for films, _ in users)), [np.array(sorted(r)) for _, r in users]
    )
    names = {"ndcg": "ndcg_cut", "map": "map_cut", "precision": "P", "recall": "recall",
             "hit": "success"}  # fmt: skip
    for name, trec in names.items():
        for k in CUTOFFS:
            expected = [theirs[str(i)][f"{trec}_{k}"] for i in range(len(users))]
            assert ours[f"{name}@{k}"] == pytest.approx(expected), f"{name}@{k}"


def test_facts_beyond_accuracy_by_hand() -> None:
    training = Ratings.of([1, 2, 3, 1], [10, 10, 10, 11], [4.0] * 4, movies=[12, 13])
    vectors = np.array([[1, 0], [0, 2], [1, 1], [0, 0]], np.float32)
    facts = beyond_accuracy(
        np.array([[10, 11], [10, -1], [11, 10]]),
        training,
        Movies(np.array([10, 11, 12, 13]), vectors=vectors),
        np.array([0.5, 0.1, 0.2]),
        np.array([9, 1, 2]),
    )
    assert facts["coverage"] == 2 / 4
    assert facts["popularity"] == pytest.approx((3 * 3 + 1 * 2) / 5)
    assert facts["novelty"] == pytest.approx((3 * -np.log2(4 / 4) + 2 * -np.log2(2 / 4)) / 5)
    assert facts["diversity"] == pytest.approx(1.0)  # of the two lists of two films
    assert facts["fairness gap"] == pytest.approx(0.5 - 0.15)


def test_films_without_vectors_say_nothing_about_diversity() -> None:
    training = Ratings.of([1], [10], [4.0])
    movies = Movies(np.array([10]))
    facts = beyond_accuracy(np.array([[10]]), training, movies, np.ones(1), np.ones(1, np.int64))
    assert "diversity" not in facts
    assert facts["fairness gap"] == 0
