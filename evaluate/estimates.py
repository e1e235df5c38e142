"""Means with 95% intervals, users drawn anew."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 100  # samples of users held in memory at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


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
