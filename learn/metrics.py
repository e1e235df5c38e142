"""Metrics of search, where each query has one right answer: training uses them too."""

import numpy as np
from numpy.typing import NDArray

from learn.candidates import CandidateLists, Floats, Mask
from learn.models.interface import Ratings
from learn.registry import HEADLINE

_CHECKED = 0.25  # share of users that nothing is fitted to: of 610, intervals of .05


def rank_metrics(ranks: NDArray[np.int64]) -> dict[str, Floats]:
    """Each metric of each query (q,) from the rank of its film, counted from 1; 0: not found.

    With one relevant film, nDCG is 1 / log2(1 + rank) and the reciprocal rank 1 / rank (Järvelin
    and Kekäläinen 2002; Voorhees 1999).
    """
    found = ranks > 0
    rank = np.where(found, ranks, 1)
    inside = {k: (found & (rank <= k)).astype(np.float64) for k in (1, 5, 10)}
    return {
        "ndcg@10": inside[10] / np.log2(1 + rank),
        "mrr": found / rank,
        **{f"hit@{k}": hits for k, hits in inside.items()},
    }


def weigh_by_rarity(popularity: NDArray[np.int64]) -> Floats:
    """Weights of queries by their film's ratings in training: everybody finds what is popular."""
    weights: Floats = 1 / np.sqrt(1 + popularity)
    return weights


def draw_checked(lists: CandidateLists, training: Ratings, seed: int) -> Mask:
    """(q,) the queries of users that nothing is fitted to: for one seed the same users."""
    n = len(training.user_ids)
    drawn = np.random.default_rng(seed).permutation(n)[: max(1, int(n * _CHECKED))]
    return np.isin(lists.people, training.user_ids[drawn])


def measure(lists: CandidateLists, scores: Floats, training: Ratings) -> dict[str, float]:
    """Means over the queries of what rank_metrics() says of these scores (c,), and of HEADLINE
    weighed by rarity."""
    counts = training.per_film
    weights = weigh_by_rarity(counts[np.searchsorted(training.movie_ids, lists.targets)])
    measured = rank_metrics(lists.target_ranks(scores))
    found = {name: round(float(values.mean()), 4) for name, values in measured.items()}
    debiased = float(np.average(measured[HEADLINE], weights=weights))
    return {**found, "debiased " + HEADLINE: round(debiased, 4), "queries": len(lists.queries)}
