"""Weights of the blend, tuned so that held-out films stand high."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from learn.candidates import CandidateLists

TUNED = ("bm25", "content", "collaborative", "popularity")

UNMEASURED: Mapping[str, float] = {
    "bm25": 0.15, "content": 0.2, "collaborative": 0.55, "popularity": 0.1
}  # fmt: skip
"""Weights for factors that nothing was held out to tune with."""

_STEPS = (0.3, 0.15, 0.08, 0.04, 0.02)
_NOBODY = 0.05  # how much those count of whom nothing is known
_IMPERSONAL = np.array([name in ("bm25", "popularity") for name in TUNED], np.float64)


class BlendTuner:
    """nDCG@10 of weights on one set of candidate lists, quickly."""

    def __init__(self, lists: CandidateLists) -> None:
        targets = np.array([query.movie_id for query in lists.queries], np.int64)
        self._starts = lists.starts[:-1][np.diff(lists.starts) > 0]
        self._numbers = np.repeat(
            np.arange(len(self._starts)), np.diff(lists.starts)[np.diff(lists.starts) > 0]
        )
        self._parts = np.stack([np.nan_to_num(lists.components[name]) for name in TUNED])
        self._is_target = lists.movie_ids == targets[lists.numbers]
        self._tie = -lists.bm25_score * 1e-9 + lists.movie_ids * 1e-15
        self._queries = len(lists.queries)

    def ndcg(self, weights: NDArray[np.float64]) -> float:
        """Mean nDCG@10; a query whose film is no candidate counts 0."""
        scores = weights @ self._parts - self._tie
        of_target = np.full(len(self._starts), np.inf)
        of_target[self._numbers[self._is_target]] = scores[self._is_target]
        better = scores > of_target[self._numbers]
        ranks = np.add.reduceat(better, self._starts) + 1
        gains = np.where((ranks <= 10) & np.isfinite(of_target), 1 / np.log2(ranks + 1), 0)
        return float(gains.sum() / max(self._queries, 1))

    def tune(self, start: Mapping[str, float]) -> tuple[dict[str, float], float]:
        """The best weights found, which add up to 1, and their nDCG@10.

        Coordinate search: each weight in turn a step up or down, the steps getting smaller. A
        component that no candidate has keeps weight 0. What those see of whom nothing is known
        counts a little: else popularity, which taste replaces, would be lost to them.
        """
        there = np.abs(self._parts).sum(axis=1) > 0
        best = np.array([max(start[name], 0.1) for name in TUNED]) * there
        best /= max(best.sum(), 1e-9)
        reached = self._worth(best)
        for step in _STEPS:
            improved = True
            while improved:
                improved = False
                for i in np.flatnonzero(there):
                    for sign in (1, -1):
                        tried = best.copy()
                        tried[i] = max(tried[i] + sign * step, 0)
                        tried /= max(tried.sum(), 1e-9)
                        value = self._worth(tried)
                        if value > reached + 1e-5:
                            best, reached, improved = tried, value, True
        return {name: round(float(w), 4) for name, w in zip(TUNED, best, strict=True)}, self.ndcg(
            best
        )

    def _worth(self, weights: NDArray[np.float64]) -> float:
        return self.ndcg(weights) + _NOBODY * self.ndcg(weights * _IMPERSONAL)
