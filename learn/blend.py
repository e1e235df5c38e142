"""Weights of the blend, tuned so that held-out films stand high."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learn import registry
from learn.candidates import CandidateLists, Floats, fetch_candidates, read_weights
from learn.held_out import TUNED_ON, hold_out
from learn.metrics import draw_checked
from palate.errors import ConflictError
from rerank.features import COMPONENTS
from sql.database import Database

_STEPS = (0.3, 0.15, 0.08, 0.04, 0.02)  # weights are then known to .02: less is noise
_NOBODY = 0.05  # how much strangers count: docs/quality.md, "the blend's weights give up"
_IMPERSONAL = np.array([name in ("bm25", "popularity") for name in COMPONENTS], np.float64)


class BlendTuner:
    """nDCG@10 of weights on one set of candidate lists, quickly."""

    def __init__(self, lists: CandidateLists) -> None:
        self._starts = lists.starts[:-1][np.diff(lists.starts) > 0]
        self._numbers = np.repeat(
            np.arange(len(self._starts)), np.diff(lists.starts)[np.diff(lists.starts) > 0]
        )
        self._parts = np.stack([np.nan_to_num(lists.components[name]) for name in COMPONENTS])
        self._is_target = lists.wanted
        self._tie = -lists.bm25_score * 1e-9 + lists.movie_ids * 1e-15
        self._queries = len(lists.queries)

    def ndcg(self, weights: Floats) -> float:
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

        A component that no candidate has keeps weight 0. What those see of whom nothing is known
        counts a little: else popularity, which taste replaces, would be lost to them.
        """
        there = np.abs(self._parts).sum(axis=1) > 0
        first = np.array([max(start[name], 0.1) for name in COMPONENTS])
        best = climb(first, there, self._worth)
        weights = {name: round(float(w), 4) for name, w in zip(COMPONENTS, best, strict=True)}
        return weights, self.ndcg(best)

    def _worth(self, weights: Floats) -> float:
        return self.ndcg(weights) + _NOBODY * self.ndcg(weights * _IMPERSONAL)


def climb(start: Floats, there: NDArray[np.bool_], worth: Callable[[Floats], float]) -> Floats:
    """The weights of the greatest worth found, which add up to 1; 0 where nothing is ``there``.

    Coordinate search: each weight in turn a step up or down, the steps getting smaller.
    """
    best = start * there
    best /= max(best.sum(), 1e-9)
    reached = worth(best)
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for i in np.flatnonzero(there):
                for sign in (1, -1):
                    tried = best.copy()
                    tried[i] = max(tried[i] + sign * step, 0)
                    tried /= max(tried.sum(), 1e-9)
                    value = worth(tried)
                    if value > reached + 1e-5:
                        best, reached, improved = tried, value, True
    return best


@dataclass(frozen=True)
class TunedBlend:
    """Weights before and after, and the nDCG@10 of both on users that neither was fitted to."""

    before: Mapping[str, float]
    after: Mapping[str, float]
    ndcg_before: float
    ndcg_after: float
    queries: int

    @property
    def worse(self) -> bool:
        """Whether the stored weights do better."""
        return self.ndcg_after < self.ndcg_before


def tune_blend(
    database: Database, *, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> TunedBlend:
    """Tune the weights on each user's last ratings, with the active factors' family trained
    without them. Nothing live is changed.

    Raises MisuseError when there is nothing to tune on, ScratchError without the right to make a
    schema.
    """
    before = read_weights(database)
    tell("holding out each user's last ratings")
    with hold_out(database, (TUNED_ON,)) as held:
        held.learn_active(database)
        queries = held.queries[TUNED_ON]
        tell(f"searching: {len(queries):,} queries")
        lists = fetch_candidates(held.database, queries)
        lists = lists.keep(lists.past)
    tell("tuning the blend")
    checked = draw_checked(lists, held.training, seed)
    tuned, _ = BlendTuner(lists.where(~checked)).tune(before)
    tried = BlendTuner(lists.where(checked))
    final, _ = BlendTuner(lists).tune(tuned)
    was, now = (tried.ndcg(np.array([w[name] for name in COMPONENTS])) for w in (before, tuned))
    return TunedBlend(before, final, was, now, int(checked.sum()))


def apply_blend(database: Database, tuned: TunedBlend, *, force: bool = False) -> None:
    """Use the tuned weights from the next search on, and keep them with the active factors.

    Raises ConflictError when the stored weights do better, unless ``force``.
    """
    refuse_worse(tuned, force=force)
    registry.use_weights(database, tuned.after)


def refuse_worse(tuned: TunedBlend, *, force: bool) -> None:
    """Raise ConflictError where the weights in use do better, unless ``force``."""
    if tuned.worse and not force:
        raise ConflictError(
            f"The tuned weights reached nDCG@10 {tuned.ndcg_after:.4f} where those in use reached "
            f"{tuned.ndcg_before:.4f}. Nothing was changed. Use --force to take them all the same."
        )
