"""Metrics of search, where each query has one right answer: training uses them too."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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


def debiasing_weights(popularity: NDArray[np.int64]) -> Floats:
    """Weights of queries by their film's ratings in training: everybody finds what is popular."""
    weights: Floats = 1 / np.sqrt(1 + popularity)
    return weights
