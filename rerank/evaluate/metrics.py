"""Metrics of search, where each query has one right answer, and how sure they are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

METRICS = ("ndcg@10", "mrr", "hit@1", "hit@5", "hit@10")

_BLOCK = 100  # samples of users held in memory at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


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


def bootstrap(
    values: Mapping[str, Floats],
    groups: NDArray[np.int64],
    weights: Floats | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Weighted means of ``values`` (q,) with 95% percentile intervals.

    Users are drawn with replacement, each with all of its queries: one user's queries succeed or
    fail together, so drawing queries would promise too much. ``groups`` (q,) names each query's
    user; ``weights`` (q,) are 1 by default.
    """
    weights = np.ones(len(groups)) if weights is None else weights
    columns = np.stack([weights, *(weights * column for column in values.values())], axis=1)
    users, place = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(users), columns.shape[1]))
    np.add.at(sums, place, columns)
    total = sums.sum(axis=0)
    drawn = _resampled(sums, samples, np.random.default_rng(seed))
    low, high = np.percentile(drawn[:, 1:] / drawn[:, :1], [2.5, 97.5], axis=0)
    return {
        name: Estimate(float(total[i + 1] / total[0]), float(low[i]), float(high[i]))
        for i, name in enumerate(values)
    }


def _resampled(sums: Floats, samples: int, draw: np.random.Generator) -> Floats:
    """Sums over users drawn with replacement, (samples, columns)."""
    n = len(sums)
    parts = [
        draw.multinomial(n, np.full(n, 1 / n), size=min(_BLOCK, samples - start)) @ sums
        for start in range(0, samples, _BLOCK)
    ]
    return np.concatenate(parts)
