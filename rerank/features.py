"""What a learned order is told of each candidate: made of columns that SQL gives, in serving and in
training alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rerank.factors import FilmFactors

Matrix = NDArray[np.float64]

COMPONENTS = ("bm25", "content", "collaborative", "popularity")
"""Features that are components of the blend, as search() scales them."""

SUMS = ("affinity", "lately_5", "lately_40", "this_year", "liked", "disliked", "against_mean")
"""Sums over what was rated: late ratings counting more; halved by every 5, by every 40 later ones,
by every year before the last; of those liked and those disliked; by stars above the person's own
mean. The first is told as it is, the others by how many standard deviations a film is above the
mean of the list."""

LIST = (
    "candidates", "gap", "collaborative_deviation", *(f"{name}_deviation" for name in SUMS[1:])
)  # fmt: skip
"""What a candidate is among the others. ``gap`` is to the greatest ``collaborative``, in standard
deviations: that knows every rating, the sums the last two hundred."""

FILM = (
    "log_ratings", "mean_rating", "year", "years_from_last_rating", "years_from_own_mean",
    "genres_rated", "genres_liked", "log_user_ratings", "user_mean",
)  # fmt: skip

FEATURES = (*COMPONENTS, "affinity", *FILM, *LIST)

WORDS = {
    "its text": ("bm25", "candidates"),
    "how near it is to what you like": ("content",),
    "what people with your ratings liked": (
        "affinity", "collaborative", "gap", "collaborative_deviation",
        "liked_deviation", "disliked_deviation", "against_mean_deviation",
    ),
    "what you rated lately": (
        "lately_5_deviation", "lately_40_deviation", "this_year_deviation",
    ),
    "how many people rated it": ("popularity", "log_ratings"),
    "how people rated it": ("mean_rating", "user_mean"),
    "its year": ("year", "years_from_last_rating", "years_from_own_mean"),
    "its genres": ("genres_rated", "genres_liked"),
    "how much you have rated": ("log_user_ratings",),
}  # fmt: skip
"""Features that say the same thing, under the words for it."""

BY_RATINGS = (
    "how near it is to what you like",
    "what people with your ratings liked",
    "what you rated lately",
    "its genres",
)
"""Words of WORDS for what a user's ratings say of a film."""

_RATED = 100  # ratings, the latest, that genres, years and stars are counted over
_YEAR = 31_557_600.0  # seconds


@dataclass(frozen=True)
class Person:
    """A row of latest_ratings(): what h ratings or events tell, the latest first; ``stars`` are NaN
    where only an event tells, ``weights`` where the stars do."""

    rated: Sequence[int]
    stars: Matrix
    weights: Matrix
    times: Matrix
    years: Matrix
    genres: Sequence[tuple[str, ...]]
    middle: float
    ratings: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Person":
        """From the row."""
        return cls(
            row["rated"],
            np.array(row["stars"], np.float64),
            np.array(row["told"], np.float64),
            np.array(row["times"], np.float64),
            np.array(row["years"], np.float64),
            [_genres_in(each) for each in row["rated_genres"]],
            row["middle"],
            row["ratings"],
        )

    def sums(self, factors: FilmFactors) -> Matrix:
        """(len(SUMS), h) what each rating counts in each of SUMS, as factor_weight() weighs it."""
        if factors.away:
            drawn = factors.base + factors.slope * np.maximum(self.stars - 3.5, -1)
            starred = self.stars >= self.middle
            weight = np.where(starred, drawn, 0.2 * (self.stars - self.middle))
        else:
            weight = factors.base + factors.slope * (self.stars - 3.5)
        weight = np.where(np.isnan(self.weights), weight, self.weights)
        liked = weight > 0
        later = np.searchsorted(-self.times, -self.times)
        recency = 1 / np.sqrt(self.ratings) + np.where(
            later < _RATED, factors.recent * 0.5 ** (later / 10), 0
        ) / np.sqrt(min(self.ratings, 14.4))
        years = np.minimum((self.times[0] - self.times) / _YEAR, 60)
        halved = 0.5 ** np.stack([later / 5, later / 40, years])
        times = [recency, *halved, liked, ~liked]
        above = np.nan_to_num(self.stars - _mean(self.stars))
        return np.stack([*(weight * each for each in times), above])

    @cached_property
    def taste_in_genres(self) -> tuple[dict[str, int], dict[str, float]]:
        """How many of the latest ratings each genre has, and how much better than the mean."""
        counts: dict[str, int] = {}
        better: dict[str, float] = {}
        above = np.nan_to_num(self.stars[:_RATED] - self.mean).tolist()
        for genres, stars in zip(self.genres[:_RATED], above, strict=True):
            for genre in genres:
                counts[genre] = counts.get(genre, 0) + 1
                better[genre] = better.get(genre, 0.0) + stars
        return counts, {genre: better[genre] / (counts[genre] + 3) for genre in counts}

    @cached_property
    def mean(self) -> float:
        """Mean stars of the latest ratings; NaN without stars."""
        return _mean(self.stars[:_RATED])

    @cached_property
    def mean_year(self) -> float:
        """Mean year of the films rated last; NaN where none is known."""
        return _mean(self.years[:_RATED])


def feature_matrix(found: Mapping[str, Any], person: Person, factors: FilmFactors | None) -> Matrix:
    """FEATURES of the n candidates of a row of search_columns(), (n, len(FEATURES)); NaN where
    something is missing. ``factors`` have met all films of both."""
    made = {
        name: np.array(found[name], np.float64) for name in (*COMPONENTS, "year", "mean_rating")
    }
    n = len(found["movie_id"])
    if factors is None:
        affinities = np.full((len(SUMS), n), np.nan)
    else:
        affinities = factors.affinities(person.sums(factors), person.rated, found["movie_id"])
    made["affinity"] = affinities[0]
    near = np.where(np.isnan(affinities[0]), np.nan, made["collaborative"])
    deviations = _deviations(np.vstack([affinities[1:], near]))
    names = (*SUMS[1:], "collaborative")
    made |= {f"{name}_deviation": row for name, row in zip(names, deviations, strict=True)}
    made["gap"] = np.fmax.reduce(deviations[-1]) - deviations[-1]
    made["log_ratings"] = np.log1p(np.array(found["rating_count"], np.float64))
    made["years_from_last_rating"] = made["year"] - (person.times[0] / _YEAR + 1970)
    made["years_from_own_mean"] = np.abs(made["year"] - person.mean_year)
    counts, liking = person.taste_in_genres
    made["genres_rated"] = _means(found["genres"], counts) / min(len(person.stars), _RATED)
    made["genres_liked"] = _means(found["genres"], liking)
    made["log_user_ratings"] = np.full(n, np.log1p(person.ratings))
    made["user_mean"], made["candidates"] = np.full(n, person.mean), np.full(n, float(n))
    return np.column_stack([made[name] for name in FEATURES])


def _mean(values: Matrix) -> float:
    """Of those that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


@lru_cache(4096)
def _genres_in(joined: str | None) -> tuple[str, ...]:
    return tuple(joined.split("|")) if joined else ()


def _means(joined: Sequence[str | None], values: Mapping[str, float]) -> Matrix:
    """(n,) means of what each film's genres have, 0 where one has nothing; NaN without genres."""
    means = {}
    for each in set(joined):
        genres = _genres_in(each)
        means[each] = sum(values.get(g, 0) for g in genres) / len(genres) if genres else np.nan
    return np.array([means[each] for each in joined])


def _deviations(rows: Matrix) -> Matrix:
    """(s, n) standard deviations above each row's mean, 0 where all are alike; NaN, which is of
    whole columns, stays."""
    known = rows[:, ~np.isnan(rows[0])]
    if not known.shape[1]:
        return rows
    spread = np.maximum(known.std(axis=1), 1e-9)
    return np.asarray((rows - known.mean(axis=1)[:, None]) / spread[:, None])
