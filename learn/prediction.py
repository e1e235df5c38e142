"""What stars a user would give a film: a value, an interval, and the ratings it rests on.

The active rating model (kind ``ratings``) predicts where there is one. Without one it is the bias
baseline, made from the ratings by SQL. Needs no more than numpy: what serves need not train.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection

from learn.intervals import Intervals, spread_of
from palate.errors import NotFoundError
from palate.person import called
from palate.statements import Statements
from sql.database import Database

_log = structlog.get_logger(__name__)
_statements = Statements.beside(__file__, "prediction")

Confidence = Literal["high", "medium", "low"]

LEVEL = 0.8
"""The share of ratings that the interval is meant to hold."""

LOWEST, HIGHEST = 0.5, 5.0
"""The scale of stars."""

_BIAS_L2 = 5.0  # as the baseline `bias`, and as crowd_rating() in SQL
_NORMAL_80 = 1.2816  # quantile .9 of the normal distribution
_ENOUGH = 20  # residuals, for the spread of the baseline
_NEAR_TEXT = 0.15  # cosine of centred text vectors: from where reasons cite a film
_NEAR_FACTORS = 0.5  # cosine of films' factors: decided, 60 degrees
_SHOWN = 10

HIGH, MEDIUM = 0.8, 0.5
"""Shares of predictions at most half a star off: four of five, every second. Decided."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """One of the user's ratings that a prediction rests on.

    ``influence`` is what it adds to the prediction, in stars; ``similarity`` of the two films is
    from -1 to 1, None where it is not known.
    """

    movie_id: int
    title: str
    year: int | None
    rating: float
    influence: float
    similarity: float | None


BASELINE = "bias"
"""What ``model`` says of a prediction by the damped means."""


@dataclass(frozen=True)
class RatingPrediction:
    """The stars that a user is expected to give a film.

    ``value`` is ``expected`` (what anybody would give) plus the influence of every one of the
    user's ratings, kept within 0.5 and 5. ``low`` to ``high`` holds a share ``level`` of ratings,
    whatever they turn out to be: ``calibrated`` on held-out ones, else by the spread of the film's
    and the user's.
    """

    user_id: int
    profile: str
    movie_id: int
    title: str
    year: int | None
    value: float
    low: float
    high: float
    level: float
    calibrated: bool
    confidence: Confidence
    within_half_star: float | None
    """Share of held-out ratings at most half a star off, of users who rate as evenly and films as
    well known."""
    expected: float
    ratings: int
    """The user's ratings that it was made from."""
    neighbours: int
    """How many of them are of films near this one."""
    distance: float | None
    """Mean of 1 - similarity over those; None without any."""
    rests_on: tuple[Evidence, ...]
    """At most ten ratings, those of most influence first."""
    model: str
    """``biased-mf 3``, or ``bias`` without a stored model."""
    why: str | None = None
    """Why it says little about this user or film, where it does."""
    rated: float | None = None
    """What the user gave the film; the prediction is made from the other ratings."""


@dataclass(frozen=True)
class RatingBody:
    """What a stored rating model holds besides its films: ridges and intervals."""

    l2: float
    l2_per_rating: float
    l2_bias: float
    intervals: Intervals

    def to_json(self) -> str:
        """As text, for models.body."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What to_json() made. Raises ValueError or TypeError for anything else."""
        found = json.loads(text)
        return cls(**{**found, "intervals": Intervals(**found["intervals"])})


def predict_rating(
    database: Database, user_id: int, movie_id: int, profile: str = "main"
) -> RatingPrediction:
    """Predict a user's rating of a film, rated already or not.

    An unknown user gets what anybody is expected to give, and ``why``. Raises NotFoundError for
    an unknown film.
    """
    who = {"user_id": user_id, "profile": profile, "movie_id": movie_id}
    with database.read() as connection:
        film = connection.execute(_statements["film"], who).mappings().first()
        if film is None:
            raise NotFoundError(f"There is no film {movie_id}. Nothing was predicted.")
        if film["model_id"] is None:
            return _predict_by_baseline(
                connection, who, film, "no rating model is in use; `palate train` makes one"
            )
        name = f"{film['model_name']} {film['model_version']}"
        if film["factors"] is None:
            return _predict_by_baseline(
                connection, who, film, f"the film came after {name} was trained; train again"
            )
        try:
            body = RatingBody.from_json(film["model"])
        except (ValueError, TypeError, KeyError):
            _log.exception("the rating model cannot be read", model=name)
            return _predict_by_baseline(
                connection, who, film, f"{name} cannot be read by this Palate; train again"
            )
        rows = connection.execute(_statements["rated"], who | {"model_id": film["model_id"]}).all()
    return _by_model(who, film, rows, body, name)


def _by_model(
    who: dict[str, Any], film: Any, rows: Sequence[Any], body: RatingBody, name: str
) -> RatingPrediction:
    """The user's ridge regression, as in ``BiasedMf``: linear in each rating."""
    x, (expected, film_ratings) = _vector(film["factors"]), _vector(film["expected"])
    films = np.array([_vector(row.factors) for row in rows]).reshape(-1, len(x))
    left = np.array([row.rating - _vector(row.expected)[0] for row in rows])
    ridge = np.full(len(x), body.l2 + body.l2_per_rating * len(rows))
    ridge[0] = body.l2_bias
    influence = films @ np.linalg.solve(films.T @ films + np.diag(ridge), x) * left
    value = float(np.clip(expected + influence.sum(), LOWEST, HIGHEST))
    spread = spread_of(left, np.zeros(len(rows), np.int64), 1)
    low, high = (float(each[0]) for each in body.intervals.around(np.array([value]), spread))
    within, surely = body.intervals.at(float(spread[0]), int(film_ratings))
    similar = _cosines(films[:, 1:], x[1:])
    near = similar[similar >= _NEAR_FACTORS]
    return RatingPrediction(
        **_name_both(who, film),
        value=value,
        low=low,
        high=high,
        level=body.intervals.level,
        calibrated=True,
        confidence=rate_confidence(surely),
        within_half_star=within,
        expected=float(expected),
        ratings=len(rows),
        neighbours=len(near),
        distance=float(1 - near.mean()) if len(near) else None,
        rests_on=_rank_evidence(rows, influence, similar.tolist()),
        model=name,
        why=_join_reasons(
            None
            if film_ratings
            else "nobody had rated this film; it is known by its genres, year and text",
            None if rows else _explain_unknown(who),
        ),
    )


def _predict_by_baseline(
    connection: Connection, who: dict[str, Any], film: Any, because: str
) -> RatingPrediction:
    """The damped means of the film and of the user (Koren, Bell and Volinsky 2009)."""
    of_film = connection.execute(_statements["baseline"], who).one()
    rows = connection.execute(_statements["baseline_rated"], who).all()
    left = np.array([row.rating - row.expected for row in rows])
    influence = left / (len(rows) + _BIAS_L2)
    value = float(np.clip(of_film.expected + influence.sum(), LOWEST, HIGHEST))
    spread = _measure_spread(np.r_[left, of_film.residuals], len(rows), of_film.rating_count)
    similar = [row.similarity for row in rows]
    near = [one for one in similar if one is not None and one >= _NEAR_TEXT]
    return RatingPrediction(
        **_name_both(who, film),
        value=value,
        low=max(LOWEST, value - spread),
        high=min(HIGHEST, value + spread),
        level=LEVEL,
        calibrated=False,
        confidence="low",
        within_half_star=None,
        expected=float(of_film.expected),
        ratings=len(rows),
        neighbours=len(near),
        distance=float(1 - np.mean(near)) if near else None,
        rests_on=_rank_evidence(rows, influence, similar),
        model=BASELINE,
        why=_join_reasons(
            because,
            None if of_film.rating_count else "nobody has rated this film",
            None if rows else _explain_unknown(who),
        ),
    )


def _measure_spread(residuals: Floats, user_ratings: int, film_ratings: int) -> float:
    """Half the interval, in stars, were ratings normal; the whole scale where there are few."""
    if len(residuals) < _ENOUGH:
        return HIGHEST - LOWEST
    variance = float(np.mean(residuals**2))
    means = 1 / (user_ratings + _BIAS_L2) + 1 / (film_ratings + _BIAS_L2)
    return _NORMAL_80 * float(np.sqrt(variance * (1 + means)))


def _rank_evidence(
    rows: Sequence[Any], influence: Floats, similarity: Sequence[float | None]
) -> tuple[Evidence, ...]:
    order = np.argsort(-np.abs(influence), kind="stable")[:_SHOWN]
    return tuple(
        Evidence(
            rows[i].movie_id, rows[i].title, rows[i].year, rows[i].rating, float(influence[i]),
            similarity[i],
        )
        for i in order
    )  # fmt: skip


def _name_both(who: dict[str, Any], film: Any) -> dict[str, Any]:
    return {
        "user_id": who["user_id"], "profile": who["profile"], "movie_id": film["movie_id"],
        "title": film["title"], "year": film["year"], "rated": film["rated"],
    }  # fmt: skip


def _vector(text: str) -> Floats:
    """pgvector's text."""
    return np.fromstring(text[1:-1], sep=",")


def _cosines(films: Floats, film: Floats) -> Floats:
    norms = np.linalg.norm(films, axis=1) * np.linalg.norm(film)
    return np.asarray(films @ film / np.maximum(norms, 1e-12))


def rate_confidence(surely: float) -> Confidence:
    """What is said of predictions of which at least such a share is at most half a star off."""
    return "high" if surely >= HIGH else "medium" if surely >= MEDIUM else "low"


def _explain_unknown(who: dict[str, Any]) -> str:
    return f"user {called(who['user_id'])} has rated no other film"


def _join_reasons(*reasons: str | None) -> str | None:
    return "; ".join(reason for reason in reasons if reason) or None
