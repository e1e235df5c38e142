"""Metrics of lists of recommended films, one list a user."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learn.models.interface import Ids, Movies, Ratings

Floats = NDArray[np.float64]

CUTOFFS = (5, 10, 20, 50, 100)


def top_n_metrics(lists: Ids, relevant: Sequence[Ids]) -> dict[str, Floats]:
    """Each metric of each user (n,) at each of CUTOFFS.

    ``lists`` (n, l) holds films, the best first, -1 after the last; ``relevant`` the films to be
    found, at least one a user. All count alike. Average precision is divided by the number of
    relevant films, as trec_eval does; nDCG by the best possible list's gain (Järvelin and
    Kekäläinen 2002).
    """
    length = lists.shape[1]
    counts = np.array([len(films) for films in relevant], np.float64)
    hits = np.stack([np.isin(row, films) for row, films in zip(lists, relevant, strict=True)])
    ranks = np.arange(1, length + 1)
    discounts = 1 / np.log2(1 + ranks)
    found = np.cumsum(hits, axis=1)
    precision_at_hits = hits * found / ranks
    measured: dict[str, Floats] = {}
    for k in CUTOFFS:
        cut = hits[:, :k]
        best = np.cumsum(1 / np.log2(1 + np.arange(1, k + 1)))
        first = np.where(cut.any(axis=1), cut.argmax(axis=1) + 1, np.inf)
        total = cut.sum(axis=1)
        measured |= {
            f"recall@{k}": total / counts,
            f"precision@{k}": total / k,
            f"ndcg@{k}": cut
            @ discounts[: cut.shape[1]]
            / best[np.minimum(counts, k).astype(np.int64) - 1],
            f"map@{k}": precision_at_hits[:, :k].sum(axis=1) / counts,
            f"hit@{k}": (total > 0).astype(np.float64),
            f"mrr@{k}": 1 / first,
        }
    return measured


def beyond_accuracy(
    lists: Ids, training: Ratings, movies: Movies, ndcg: Floats, activity: NDArray[np.int64]
) -> dict[str, float]:
    """What lists (n, k) are like besides right.

    ``coverage``: share of the catalog that is recommended to anybody. ``novelty``: mean
    -log2 of the share of users who rated a film (Zhou et al. 2010). ``popularity``: mean training
    ratings of what is recommended (ARP). ``diversity``: mean 1 - cosine of the text vectors of two
    films of a list (Ziegler et al. 2005), left out where there are none. ``fairness gap``: nDCG of
    the more active half of the users less the others'.
    """
    shown = lists[lists >= 0]
    n_users = int((training.per_user > 0).sum())
    counts = training.per_film
    rows = np.searchsorted(training.movie_ids, shown)
    known = np.append(training.movie_ids, -1)[rows] == shown
    popularity = np.where(known, np.append(counts, 0)[rows], 0)
    facts = {
        "coverage": len(np.unique(shown)) / len(movies.movie_ids),
        "novelty": float(-np.log2((1 + popularity) / (1 + n_users)).mean()),
        "popularity": float(popularity.mean()),
        "fairness gap": _gap(ndcg, activity),
    }
    if movies.vectors is not None and movies.vectors.any():
        facts["diversity"] = _diversity(lists, movies.movie_ids, movies.vectors)
    return facts


def _gap(ndcg: Floats, activity: NDArray[np.int64]) -> float:
    active = activity > np.median(activity)
    if active.all() or not active.any():
        return 0.0
    return float(ndcg[active].mean() - ndcg[~active].mean())


def _diversity(lists: Ids, movie_ids: Ids, vectors: NDArray[np.float32]) -> float:
    """Mean over lists of the mean distance of two different films that have vectors."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    distances = []
    for films in lists:
        rows = np.searchsorted(movie_ids, films[films >= 0])
        rows = rows[length[rows, 0] > 0]
        k = len(rows)
        if k > 1:
            total = unit[rows].sum(axis=0)
            distances.append(1 - (float(total @ total) - k) / (k * (k - 1)))
    return float(np.mean(distances)) if distances else 0.0
