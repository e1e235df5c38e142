"""How far a predicted rating may be off: what was left over on ratings that were held out.

Split-conformal intervals (Lei et al. 2018, "Distribution-free predictive inference for
regression"), one for each class of users and films that are known about as well (Mondrian: Vovk et
al. 2005): of n held-out ratings the ceil((n + 1) (1 - a / 2))-th smallest and largest residual.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

USER_BANDS = (0, 1, 4, 10, 30, 100, 300)
"""The least ratings of a user in each class: about threefold, as errors fall with the logarithm."""

FILM_BANDS = (0, 1, 5, 20, 100)
"""The least ratings of a film in each class."""

_LEAST = 100  # residuals that a class needs; one with fewer is that of all its users, then of all


@dataclass(frozen=True)
class Intervals:
    """What to add to a prediction, by classes of users and films; lists of rows of users.

    ``within`` is the share of held-out ratings that were at most half a star off.
    """

    level: float
    low: Sequence[Sequence[float]]
    high: Sequence[Sequence[float]]
    within: Sequence[Sequence[float]]
    user_bands: Sequence[int] = USER_BANDS
    film_bands: Sequence[int] = FILM_BANDS

    @classmethod
    def of(
        cls, residuals: Floats, user_ratings: Counts, film_ratings: Counts, level: float
    ) -> Self:
        """From what was left over, stars given less stars predicted (r,), at least one, and how
        many ratings the user and the film had (r,)."""
        users, films = _band(user_ratings, USER_BANDS), _band(film_ratings, FILM_BANDS)
        cells = [
            [
                _describe(_enough(residuals, users == i, films == j), level)
                for j in range(len(FILM_BANDS))
            ]
            for i in range(len(USER_BANDS))
        ]
        low, high, within = ([[cell[k] for cell in row] for row in cells] for k in range(3))
        return cls(level, low, high, within)

    def at(self, user_ratings: int, film_ratings: int) -> tuple[float, float, float]:
        """(low, high, within) of a user and a film with so many ratings."""
        i = int(_band(np.array([user_ratings]), self.user_bands)[0])
        j = int(_band(np.array([film_ratings]), self.film_bands)[0])
        return self.low[i][j], self.high[i][j], self.within[i][j]

    def covered(self, residuals: Floats, user_ratings: Counts, film_ratings: Counts) -> float:
        """The share of residuals (r,) that lie inside."""
        i, j = _band(user_ratings, self.user_bands), _band(film_ratings, self.film_bands)
        low, high = np.asarray(self.low)[i, j], np.asarray(self.high)[i, j]
        return float(np.mean((residuals >= low) & (residuals <= high)))

    def to_json(self) -> str:
        """As text, for models.body."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What to_json() made. Raises ValueError or TypeError for anything else."""
        return cls(**json.loads(text))


def _band(counts: Counts, bands: Sequence[int]) -> Counts:
    return np.asarray(np.searchsorted(bands, counts, side="right") - 1)


def _enough(residuals: Floats, users: NDArray[np.bool_], films: NDArray[np.bool_]) -> Floats:
    for chosen in (users & films, users):
        if int(chosen.sum()) >= _LEAST:
            return residuals[chosen]
    return residuals


def _describe(residuals: Floats, level: float) -> tuple[float, float, float]:
    n = len(residuals)
    rank = min(n, int(np.ceil((n + 1) * (1 + level) / 2)))  # from either end
    ordered = np.sort(residuals)
    low, high = float(ordered[n - rank]), float(ordered[rank - 1])
    return round(low, 4), round(high, 4), round(float(np.mean(np.abs(residuals) <= 0.5)), 4)
