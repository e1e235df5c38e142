"""How good predicted ratings are, and whether what is said of them holds: on held-out users.

Intervals and confidence are made of one half of the held-out users and measured on the other, and
the other way round. See `learn.train_ratings` for how users are held out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learn.data import read_movies, read_ratings
from learn.intervals import STARS, Held, Intervals
from learn.models.biased import BiasedMf
from learn.prediction import LEVEL, rate_confidence
from learn.train_ratings import Residuals, measure_residuals
from sql.database import Database

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Said:
    """Predictions of which the same is said: with one confidence, or of ratings of so many stars.

    ``within``: share at most half a star off. ``covered``: share of ratings inside the interval,
    ``width`` its mean length in stars.
    """

    name: str
    n: int
    within: float
    covered: float
    width: float


@dataclass(frozen=True)
class PredictReport:
    """What was measured; ``rmse`` and ``mae`` of users' last fifths, in stars."""

    model: str
    level: float
    users: int
    rmse: float
    mae: float
    whole: Said
    by_confidence: tuple[Said, ...]
    by_stars: tuple[Said, ...]


@dataclass(frozen=True)
class _Told:
    """Predictions and what was said of them, (r,) each."""

    held: Held
    low: Floats
    high: Floats
    confidence: NDArray[np.str_]

    def said(self, name: str, chosen: NDArray[np.bool_]) -> Said:
        given = self.held.given
        inside = (given >= self.low) & (given <= self.high)
        shares = (self.held.near, inside, self.high - self.low)
        means = (float(each[chosen].mean()) if chosen.any() else 0.0 for each in shares)
        return Said(name, int(chosen.sum()), *means)


def evaluate_predict(
    database: Database, *, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> PredictReport:
    """Measure predictions of ratings. Raises MisuseError when there are no ratings."""
    model = BiasedMf(seed=seed)
    ratings, movies = read_ratings(database), read_movies(database, vectors=True)
    return report(model.name, measure_residuals(model, ratings, movies, seed=seed, tell=tell), seed)


def report(model: str, residuals: Residuals, seed: int = 0) -> PredictReport:
    """What residuals of held-out users show."""
    one, other = residuals.halves(seed)
    told = _join([_tell(residuals, one, other), _tell(residuals, other, one)])
    off = (residuals.given - residuals.predicted)[residuals.last]
    return PredictReport(
        model=model,
        level=LEVEL,
        users=len(np.unique(residuals.users)),
        rmse=float(np.sqrt(np.mean(off**2))),
        mae=float(np.mean(np.abs(off))),
        whole=told.said("all", np.ones(len(told.low), np.bool_)),
        by_confidence=tuple(
            told.said(name, told.confidence == name) for name in ("high", "medium", "low")
        ),
        by_stars=tuple(told.said(f"{s:.1f}", told.held.given == s) for s in STARS),
    )


def _tell(residuals: Residuals, made_of: NDArray[np.bool_], asked: NDArray[np.bool_]) -> _Told:
    """What is said of one half by what the other shows."""
    intervals = Intervals.of(residuals.held(made_of), LEVEL)
    held = residuals.held(asked)
    low, high = intervals.around(held.predicted, held.spread)
    known = zip(held.spread.tolist(), held.film_ratings.tolist(), strict=True)
    confidence = np.array([rate_confidence(intervals.at(*each)[1]) for each in known])
    return _Told(held, low, high, confidence)


def _join(parts: list[_Told]) -> _Told:
    held = [tuple(part.held.__dict__.values()) for part in parts]
    columns = [(part.low, part.high, part.confidence) for part in parts]
    low, high, confidence = (np.concatenate(column) for column in zip(*columns, strict=True))
    return _Told(Held(*map(np.concatenate, zip(*held, strict=True))), low, high, confidence)
