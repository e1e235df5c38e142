"""Training the model that predicts ratings, and measuring how far it may be off.

People are held out a part at a time: a model that never met them predicts their next ratings from
their first ones, from none to hundreds. What it is off by makes the intervals. Then one model
learns from everybody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learn import registry
from learn.data import read_movies, read_ratings
from learn.intervals import STARS, Held, Intervals, spread_of
from learn.models.biased import BiasedMf
from learn.models.interface import Movies, Ratings
from learn.prediction import LEVEL, RatingBody
from learn.registry import StoredModel
from learn.split import temporal_split
from palate.errors import ConflictError
from sql.database import Database

Floats = NDArray[np.float64]

_FOLDS = 4
_MOST_USERS = 2000  # held out in all: more make the intervals no better
_LEAST_USERS = 20
_MOST_RATINGS = 2_000_000  # learned from each time they are held out
_KNOWN = (0, 1, 2, 4, 7, 12, 20, 35, 60, 100, 180, 300, 500)
_NEXT = 10  # ratings predicted after each of _KNOWN


@dataclass(frozen=True)
class Residuals:
    """Stars given and predicted, (r,), and what was known then. ``users`` are ids, ``spread`` how
    unevenly they rated; ``last`` holds for their last fifths, predicted from all before."""

    given: Floats
    predicted: Floats
    users: NDArray[np.int64]
    user_ratings: NDArray[np.int64]
    spread: Floats
    film_ratings: NDArray[np.int64]
    last: NDArray[np.bool_]

    @property
    def steps(self) -> NDArray[np.bool_]:
        """Those predicted from so many first ratings: what intervals are made of."""
        return ~self.last

    def held(self, chosen: NDArray[np.bool_]) -> Held:
        """Some of them, for intervals."""
        columns = (self.given, self.predicted, self.spread, self.film_ratings)
        return Held(*columns).take(chosen)

    def halves(self, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The steps of one half of the users, and those of the other."""
        users = np.random.default_rng(seed).permutation(np.unique(self.users))
        first = np.isin(self.users, users[::2])
        return first & self.steps, ~first & self.steps


@dataclass(frozen=True)
class TrainedRatings:
    """What a training made. ``refused`` says why the model stayed a candidate."""

    ratings: StoredModel
    refused: str | None = None


def train_ratings(
    database: Database,
    model: BiasedMf | None = None,
    *,
    activate: bool = True,
    force: bool = False,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> TrainedRatings | None:
    """Learn what stars users would give films, store it and make it active.

    One with a greater error than the active one stays a candidate, unless ``force``. None, and
    nothing is stored, where there are too few users to hold some out. Raises MisuseError when
    there are no ratings.
    """
    ratings, movies = read_ratings(database), read_movies(database, vectors=True)
    model = model or BiasedMf(seed=seed)
    if int((ratings.per_user > 0).sum()) < _LEAST_USERS:
        tell("too few users to learn what stars they would give")
        return None
    residuals = measure_residuals(model, ratings, movies, seed=seed, tell=tell)
    intervals, metrics = calibrate(residuals, seed=seed)
    tell(f"learning {model.name} from {len(ratings):,} ratings")
    model.fit(ratings, movies)
    ones = np.ones((len(model.movie_ids), 1))
    model_id = registry.save_ratings(
        database,
        model,
        RatingBody(model.l2, model.l2_per_rating, model.l2_bias, intervals).to_json(),
        regressors=np.hstack([ones, model.factors]).astype(np.float32),
        expected=np.column_stack([model.mean + model.biases, model.counts]).astype(np.float32),
        metrics=metrics,
    )
    refused = None
    if activate:
        try:
            registry.activate(database, model_id, force=force)
        except ConflictError as error:
            refused = str(error)
    return TrainedRatings(registry.get_model(database, model_id), refused)


def measure_residuals(
    model: BiasedMf,
    ratings: Ratings,
    movies: Movies | None,
    *,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Residuals:
    """What ``model``, learned from the other users each time, is off by on some users' ratings."""
    there = np.flatnonzero(ratings.per_user)
    drawn = np.random.default_rng(seed).permutation(there)[:_MOST_USERS]
    parts = []
    for fold in range(_FOLDS):
        tell(f"predicting held-out ratings: part {fold + 1} of {_FOLDS}")
        held = np.zeros(len(ratings.user_ids), np.bool_)
        held[drawn[fold::_FOLDS]] = True
        model.fit(_draw(ratings.take(np.flatnonzero(~held)), _MOST_RATINGS, seed), movies)
        parts += list(_measure_strangers(model, ratings.take(np.flatnonzero(held))))
    return Residuals(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _draw(ratings: Ratings, most: int, seed: int) -> Ratings:
    """The ratings of so many users, drawn, that there are at most ``most``."""
    if len(ratings) <= most:
        return ratings
    drawn = np.random.default_rng(seed).permutation(len(ratings.user_ids))
    many = np.cumsum(ratings.per_user[drawn])
    return ratings.take(np.sort(drawn[: max(1, int(np.searchsorted(many, most, "right")))]))


def _measure_strangers(
    model: BiasedMf, strangers: Ratings
) -> Iterator[tuple[NDArray[np.generic], ...]]:
    """Columns of Residuals, for users whom the model has not met."""
    strangers = strangers.among(model.movie_ids)
    order = np.lexsort((strangers.columns, strangers.times, strangers.rows))
    place = np.empty(len(strangers), np.int64)  # of each rating in its user's order of time
    place[order] = np.arange(len(strangers)) - np.repeat(strangers.starts[:-1], strangers.per_user)
    late = temporal_split(strangers)
    yield _compare(model, strangers, ~late, late, last=True)
    for known in _KNOWN:
        hidden = (place >= known) & (place < known + _NEXT)
        if hidden.any():
            yield _compare(model, strangers, place < known, hidden, last=False)


def _compare(
    model: BiasedMf, strangers: Ratings, known: NDArray[np.bool_], hidden: NDArray[np.bool_], *,
    last: bool,
) -> tuple[NDArray[np.generic], ...]:  # fmt: skip
    """Ratings that are ``hidden`` (r,), predicted from those that are ``known`` (r,)."""
    seen, asked = strangers.where(known), strangers.where(hidden)
    left = seen.values - model.mean - model.biases[seen.columns]
    return (
        asked.values.astype(np.float64),
        model.stars(seen, asked),
        asked.user_ids[asked.rows],
        seen.per_user[asked.rows],
        spread_of(left, seen.rows, len(seen.user_ids))[asked.rows],
        model.counts[asked.columns],
        np.full(len(asked), last),
    )


def calibrate(residuals: Residuals, *, seed: int = 0) -> tuple[Intervals, dict[str, float]]:
    """The intervals, and what is measured: ``rmse`` and ``mae`` of last fifths; ``coverage``, the
    share of ratings inside intervals made of other users, and ``least coverage``, that of the stars
    of which it is least: both should be LEVEL."""
    r = residuals
    last = (r.given - r.predicted)[r.last]
    tested, others = r.halves(seed)
    held = r.held(tested)
    inside = Intervals.of(r.held(others), LEVEL).covers(held)
    by_stars = [inside[held.given == s].mean() for s in STARS if (held.given == s).any()]
    metrics = {
        "coverage": round(float(inside.mean()), 4),
        "least coverage": round(float(min(by_stars)), 4),
        "held out": int(r.steps.sum()),
    }
    if len(last):
        rmse, mae = float(np.sqrt(np.mean(last**2))), float(np.mean(np.abs(last)))
        metrics = {"rmse": round(rmse, 4), "mae": round(mae, 4), **metrics}
    return Intervals.of(r.held(r.steps), LEVEL), metrics
