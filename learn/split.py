"""Which ratings are held out: every protocol, each a mask over one set of ratings."""

import numpy as np
from numpy.typing import NDArray

from learn.models.interface import Ratings

Mask = NDArray[np.bool_]


def temporal_split(ratings: Ratings, fraction: float = 0.2) -> Mask:
    """Each user's last ``fraction`` of ratings, rounded down; ratings of one time by movie_id.

    Returns (r,) booleans, True where held out. A user of four ratings keeps them all.
    """
    columns = ratings.movie_ids[ratings.columns]
    order = np.lexsort((columns, ratings.times, ratings.rows))
    return _last(ratings, order, fraction)


def random_split(ratings: Ratings, fraction: float = 0.25, seed: int = 0) -> Mask:
    """``fraction`` of each user's ratings at random, rounded down: (r,) booleans."""
    draws = np.random.default_rng(seed).random(len(ratings))
    return _last(ratings, np.lexsort((draws, ratings.rows)), fraction)


def user_split(ratings: Ratings, fraction: float = 0.1, seed: int = 0) -> Mask:
    """Whole users at random, at least one: (n,) booleans, True where held out."""
    n = len(ratings.user_ids)
    held = np.zeros(n, np.bool_)
    held[np.random.default_rng(seed).permutation(n)[: max(1, int(n * fraction + 1e-9))]] = True
    return held


def _last(ratings: Ratings, order: NDArray[np.int64], fraction: float) -> Mask:
    """The end of each user's ratings, which ``order`` sorts within users that follow each other."""
    counts = np.diff(ratings.starts)
    kept = counts - (counts * fraction + 1e-9).astype(np.int64)
    place = np.arange(len(ratings)) - np.repeat(ratings.starts[:-1], counts)
    held = np.empty(len(ratings), np.bool_)
    held[order] = place >= np.repeat(kept, counts)
    return held
