"""How far a predicted rating may be off: what was left over on ratings that were held out.

The interval is label-conditional conformal (Vovk, Gammerman and Shafer 2005, "Algorithmic Learning
in a Random World", 4.5): a rating is inside where the prediction is no more unusual than those of
held-out ratings of just so many stars. So the share of ratings inside is what it says whatever the
rating turns out to be, 0.5 as well as 4. How often a prediction is at most half a star off is
counted among users who rate about as evenly and films that are known about as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STARS: Floats = np.arange(0.5, 5.01, 0.5)

SPREADS = (0.0, 0.5, 0.56, 0.62, 0.7, 0.8, 0.9, 1.05)
"""The least spread of a user's ratings in each class."""

FILM_BANDS = (0, 1, 5, 20, 100)
"""The least ratings of a film in each class."""

_LEAST = 100  # ratings that a class needs; one with fewer is that of all its users, then of all
_LEAST_OF_STARS = 40  # the same of a class's ratings of so many stars
_PRIOR, _VARIANCE = 10, 0.76
"""As in preferences(): a user's variance is pooled with ten ratings of an average rater."""


def spread_of(left: Floats, rows: Counts, users: int) -> Floats:
    """How far each user's ratings lie from the films' and the user's own level, in stars, (users,).

    ``left`` (r,) are ratings less what anybody is expected to give, ``rows`` (r,) their users.
    """
    n = np.bincount(rows, minlength=users)
    mean = np.bincount(rows, left, users) / np.maximum(n, 1)
    squares = np.bincount(rows, (left - mean[rows]) ** 2, users)
    return np.asarray(np.sqrt((squares + _PRIOR * _VARIANCE) / (n + _PRIOR)))


@dataclass(frozen=True)
class Held:
    """Held-out ratings: the stars given and predicted (r,), the users' spread (r,) and the films'
    ratings (r,) when they were predicted."""

    given: Floats
    predicted: Floats
    spread: Floats
    film_ratings: Counts

    @property
    def near(self) -> NDArray[np.bool_]:
        """Which are at most half a star off."""
        return np.asarray(np.abs(self.given - self.predicted) <= 0.5)

    def take(self, chosen: NDArray[np.bool_]) -> "Held":
        """Some of them."""
        return Held(*(column[chosen] for column in self.__dict__.values()))


@dataclass(frozen=True)
class Intervals:
    """By classes of users: the least and the greatest prediction with which a rating of each number
    of STARS is inside. By classes of users and films: ``within``, the share of predictions at most
    half a star off, and ``surely``, that less a standard error."""

    level: float
    least: Sequence[Sequence[float]]
    greatest: Sequence[Sequence[float]]
    within: Sequence[Sequence[float]]
    surely: Sequence[Sequence[float]]
    spreads: Sequence[float] = SPREADS
    film_bands: Sequence[int] = FILM_BANDS

    @classmethod
    def of(cls, held: Held, level: float) -> Self:
        """From held-out ratings, at least one."""
        users, films = _band(held.spread, SPREADS), _band(held.film_ratings, FILM_BANDS)
        bounds = [
            [
                _bounds(held.predicted[_enough(held.given == s, users == i)], s, level)
                for s in STARS.tolist()
            ]
            for i in range(len(SPREADS))
        ]
        near = held.near
        shares = [
            [_share(near, users == i, films == j) for j in range(len(FILM_BANDS))]
            for i in range(len(SPREADS))
        ]
        first, second = ([[pair[k] for pair in row] for row in bounds] for k in (0, 1))
        within, surely = ([[pair[k] for pair in row] for row in shares] for k in (0, 1))
        return cls(level, first, second, within, surely)

    def at(self, spread: float, film_ratings: int) -> tuple[float, float]:
        """(within, surely) of such a user and film."""
        i = int(_band(np.array([spread]), self.spreads)[0])
        j = int(_band(np.array([film_ratings]), self.film_bands)[0])
        return self.within[i][j], self.surely[i][j]

    def around(self, predicted: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """From and to, (r,) each, of predictions (r,) for users of such spreads (r,)."""
        rows = _band(spread, self.spreads)
        fits = predicted[:, None] <= np.asarray(self.greatest)[rows]
        low = np.where(fits.any(axis=1), STARS[fits.argmax(axis=1)], predicted)
        fits = predicted[:, None] >= np.asarray(self.least)[rows]
        high = np.where(fits.any(axis=1), STARS[::-1][fits[:, ::-1].argmax(axis=1)], predicted)
        return np.minimum(low, predicted), np.maximum(high, predicted)

    def covers(self, held: Held) -> NDArray[np.bool_]:
        """Which ratings lie inside, (r,)."""
        low, high = self.around(held.predicted, held.spread)
        return np.asarray((held.given >= low) & (held.given <= high))


def _band(values: NDArray[np.generic], bands: Sequence[float]) -> Counts:
    return np.asarray(np.searchsorted(bands, values, side="right") - 1)


def _enough(stars: NDArray[np.bool_], users: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ratings of so many stars by such users; by all, where those are few."""
    chosen = stars & users
    return chosen if int(chosen.sum()) >= _LEAST_OF_STARS else stars


def _bounds(predicted: Floats, stars: float, level: float) -> tuple[float, float]:
    """The predictions between which a share ``level`` of these lies.

    What is left out is shared by place: a rating at an end of the scale is missed on one side only.
    """
    upper = (STARS[-1] - stars) / (STARS[-1] - STARS[0])  # 1 for the least stars, 0 for the most
    ordered, n = np.sort(predicted), len(predicted)
    above = int(np.floor((n + 1) * (1 - level) * upper))
    below = int(np.floor((n + 1) * (1 - level) * (1 - upper)))
    least = float(ordered[below - 1]) if below else float(STARS[0])
    greatest = float(ordered[n - above]) if above else float(STARS[-1])
    return round(least, 4), round(greatest, 4)


def _share(
    near: NDArray[np.bool_], users: NDArray[np.bool_], films: NDArray[np.bool_]
) -> tuple[float, float]:
    chosen = next(
        (each for each in (users & films, users) if int(each.sum()) >= _LEAST),
        np.ones(len(near), np.bool_),
    )
    share = float(near[chosen].mean())
    error = float(np.sqrt(share * (1 - share) / chosen.sum()))
    return round(share, 4), round(share - error, 4)
