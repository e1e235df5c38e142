"""Which ratings are held out: every protocol, each a mask over one set of ratings."""

import numpy as np
from numpy.typing import NDArray

from learn.models.interface import Ratings

Mask = NDArray[np.bool_]

HELD_OUT = 0.2
"""Share of each user's ratings, the last ones, that training and evaluation of search hold out."""


def temporal_split(ratings: Ratings, fraction: float = HELD_OUT) -> Mask:
    """Each user's last ``fraction`` of ratings, rounded down; ratings of one time by movie_id.

    Returns (r,) booleans, True where held out. A user of four ratings keeps them all.
    """
    return ratings.latest(fraction)


def random_split(ratings: Ratings, fraction: float = 0.25, seed: int = 0) -> Mask:
    """``fraction`` of each user's ratings at random, rounded down: (r,) booleans."""
    draws = np.random.default_rng(seed).random(len(ratings))
    return ratings.last(np.lexsort((draws, ratings.rows)), fraction)


def user_split(ratings: Ratings, fraction: float = 0.1, seed: int = 0) -> Mask:
    """Whole users at random, at least one: (n,) booleans, True where held out."""
    n = len(ratings.user_ids)
    held = np.zeros(n, np.bool_)
    held[np.random.default_rng(seed).permutation(n)[: max(1, int(n * fraction + 1e-9))]] = True
    return held
