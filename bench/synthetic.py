"""Made-up ratings with the shape of MovieLens 25M: long tails of users and films, and tastes.

MovieLens 25M has 162,541 users and 59,047 films; a user has 71 ratings in the median and 154 in the
mean, 20 at least, and the most rated film a third of a percent of all.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from learn.models.interface import Ratings

_RATINGS, _USERS, _FILMS = 25_000_095, 162_541, 59_047
_LEAST, _MEDIAN, _SPREAD = 20, 51.0, 1.42  # ratings a user: the least, and a lognormal above it
_HEAD, _TAIL = 150, 1.5  # popularity falls with (place + head) ** -tail
_TASTES = 20  # every user likes one of so many kinds of films, and draws half of them from it
_SURPLUS = 1.8  # drawn with replacement: films drawn twice count once
_CHUNK = 4_000  # users drawn at once
_FIRST, _YEARS = 800_000_000.0, 7.5e8  # seconds


def synthetic_ratings(count: int, seed: int = 0, films: int | None = None) -> Ratings:
    """About ``count`` ratings, repeatable by ``seed``; made in parts, so that memory is theirs.

    ``films``: of so many, instead of as many as so many ratings would be of."""
    random = np.random.default_rng(seed)
    share = count / _RATINGS
    users = max(2, round(_USERS * share))
    films = films or max(_TASTES, round(_FILMS * min(1.0, share**0.5)))
    lengths = np.zeros(users, np.int64)
    columns, values = np.zeros(count, np.int32), np.zeros(count, np.float32)
    end = 0
    for first, numbers, chosen, stars in _parts(random, users, films, count):
        room = count - end
        lengths[first : first + len(numbers)] = numbers
        columns[end : end + len(chosen)], values[end : end + len(stars)] = (
            chosen[:room], stars[:room],
        )  # fmt: skip
        end = min(end + len(chosen), count)
    starts = np.minimum(np.r_[0, np.cumsum(lengths)], end)
    times = _FIRST + random.random(end) * _YEARS
    return Ratings(np.arange(1, users + 1), np.arange(1, films + 1), starts,
                   columns[:end], values[:end], times)  # fmt: skip


def _parts(
    random: np.random.Generator, users: int, films: int, count: int
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]]:
    """Chunks of users: the first, each one's number of ratings, films by place, and stars."""
    wanted = _LEAST + random.lognormal(np.log(_MEDIAN), _SPREAD, users)
    wanted = np.minimum(wanted * count / wanted.sum(), films / 3).astype(np.int64) + 1
    cumulated = np.cumsum((np.arange(films) + _HEAD) ** -_TAIL)
    cumulated /= cumulated[-1]
    quality = random.normal(0, 0.5, films)
    for first in range(0, users, _CHUNK):
        lengths = wanted[first : first + _CHUNK]
        user = np.repeat(np.arange(len(lengths)), (lengths * _SURPLUS).astype(np.int64) + 1)
        film = np.searchsorted(cumulated, random.random(len(user))).clip(0, films - 1)
        taste = random.integers(0, _TASTES, len(lengths))[user]
        film = np.where(random.random(len(user)) < 0.5, film - film % _TASTES + taste, film)
        drawn = np.unique(user * films + film.clip(0, films - 1))
        surplus = len(drawn) - int(lengths.sum())
        if surplus > 0:
            drawn = np.delete(drawn, random.choice(len(drawn), surplus, replace=False))
        user, film = np.divmod(drawn, films)
        liked = random.normal(3.4, 0.9, len(film)) + quality[film]
        stars = (np.round(liked * 2) / 2).clip(0.5, 5).astype(np.float32)
        yield first, np.bincount(user, minlength=len(lengths)), film.astype(np.int32), stars
