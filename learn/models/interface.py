"""What every model of taste is given and what it offers.

Parameter names are the same everywhere: ``rank`` (numbers a film), ``l2`` (ridge), ``epochs``,
``learning_rate``, ``neighbours``, ``half_life_days``, ``seed``. Shapes: n users, m films.

Every model is a function of a user's ratings: it learns about films, and makes a user's scores from
that user's ratings at the time of asking. Folding in new users or ratings is no special case.
"""

import copy
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from palate.errors import MisuseError, NotFoundError

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]

_NO_ID = np.iinfo(np.int64).min
_BATCH = 512  # users scored at once, so that memory follows the catalog and not the population


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings by user, compressed by rows. ``user_ids`` and ``movie_ids`` are sorted and unique,
    and may name users and films without ratings."""

    user_ids: Ids  # (n,)
    movie_ids: Ids  # (m,)
    starts: NDArray[np.int64]  # (n + 1,): user i's ratings are starts[i] to starts[i + 1]
    columns: NDArray[np.int32]  # (r,): places in movie_ids, sorted within a user
    values: NDArray[np.float32]  # (r,): 0.5 to 5
    times: NDArray[np.float64]  # (r,): seconds since 1970

    @classmethod
    def of(
        cls,
        user_ids: ArrayLike,
        movie_ids: ArrayLike,
        values: ArrayLike,
        times: ArrayLike | None = None,
        *,
        users: ArrayLike | None = None,
        movies: ArrayLike | None = None,
    ) -> Self:
        """From one array a column, in any order; ``users`` and ``movies`` name further ids.

        Raises MisuseError when a user rated a film twice or a value is no number.
        """
        u, i = np.asarray(user_ids, np.int64), np.asarray(movie_ids, np.int64)
        v = np.asarray(values, np.float32)
        t = np.zeros(len(u)) if times is None else np.asarray(times, np.float64)
        if not np.isfinite(v).all():
            raise MisuseError("A rating is no number. Nothing was learned.")
        all_users = np.unique(u if users is None else np.r_[u, np.asarray(users, np.int64)])
        all_movies = np.unique(i if movies is None else np.r_[i, np.asarray(movies, np.int64)])
        order = np.lexsort((i, u))
        rows, columns = np.searchsorted(all_users, u[order]), np.searchsorted(all_movies, i[order])
        if ((np.diff(rows) == 0) & (np.diff(columns) == 0)).any():
            raise MisuseError("A user rated a film twice. Nothing was learned.")
        starts = np.searchsorted(rows, np.arange(len(all_users) + 1))
        return cls(all_users, all_movies, starts, columns.astype(np.int32), v[order], t[order])

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """The values, (n, m)."""
        return self.with_values(self.values)

    def with_values(self, values: NDArray[Any]) -> sparse.csr_matrix:
        """Other values at the same places, (n, m)."""
        shape = len(self.user_ids), len(self.movie_ids)
        return sparse.csr_matrix((values, self.columns, self.starts), shape)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Place in ``user_ids`` of each rating, (r,)."""
        return np.repeat(np.arange(len(self.user_ids)), self.per_user)

    @cached_property
    def per_user(self) -> NDArray[np.int64]:
        """How many ratings each user has, (n,)."""
        return np.diff(self.starts)

    @cached_property
    def per_film(self) -> NDArray[np.int64]:
        """How many ratings each film has, (m,)."""
        return np.bincount(self.columns, minlength=len(self.movie_ids))

    def last(self, order: NDArray[np.int64], fraction: float) -> NDArray[np.bool_]:
        """(r,) whether a rating is in the end of its user's, ``fraction`` of them rounded down.

        ``order`` (r,) sorts ratings within users that follow each other.
        """
        counts = self.per_user
        kept = counts - (counts * fraction + 1e-9).astype(np.int64)
        place = np.arange(len(self)) - np.repeat(self.starts[:-1], counts)
        found = np.empty(len(self), np.bool_)
        found[order] = place >= np.repeat(kept, counts)
        return found

    def latest(self, fraction: float) -> NDArray[np.bool_]:
        """(r,) whether a rating is among its user's last by time, ties by movie_id."""
        return self.last(np.lexsort((self.columns, self.times, self.rows)), fraction)

    def where(self, mask: NDArray[np.bool_]) -> "Ratings":
        """The ratings where ``mask`` (r,) holds; users and films stay."""
        counts = np.r_[0, np.cumsum(mask)][self.starts]
        return Ratings(
            self.user_ids, self.movie_ids, counts,
            self.columns[mask], self.values[mask], self.times[mask],
        )  # fmt: skip

    def take(self, user_rows: NDArray[np.int64]) -> "Ratings":
        """The ratings of some users, by place; sorted places, each once."""
        lengths = self.per_user[user_rows]
        starts = np.r_[0, np.cumsum(lengths)]
        index = np.arange(starts[-1]) - np.repeat(starts[:-1] - self.starts[user_rows], lengths)
        return Ratings(
            self.user_ids[user_rows], self.movie_ids, starts,
            self.columns[index], self.values[index], self.times[index],
        )  # fmt: skip

    def among(self, movie_ids: Ids) -> "Ratings":
        """The ratings of these films (sorted), which become the columns; users stay."""
        place = np.searchsorted(movie_ids, self.movie_ids)
        known = np.append(movie_ids, _NO_ID)[place] == self.movie_ids
        kept = self.where(known[self.columns])
        columns = place[kept.columns].astype(np.int32)
        return dataclasses.replace(kept, movie_ids=movie_ids, columns=columns)

    def joined(self, newer: "Ratings") -> "Ratings":
        """These users with ``newer``'s beside or, where both have one, in place of them."""
        stays = ~np.isin(self.user_ids, newer.user_ids)
        old = self.take(np.flatnonzero(stays))
        return Ratings.of(
            np.r_[old.user_ids[old.rows], newer.user_ids[newer.rows]],
            np.r_[old.movie_ids[old.columns], newer.movie_ids[newer.columns]],
            np.r_[old.values, newer.values],
            np.r_[old.times, newer.times],
            users=np.r_[old.user_ids, newer.user_ids],
            movies=np.r_[old.movie_ids, newer.movie_ids],
        )


@dataclass(frozen=True, eq=False)
class Movies:
    """What is known of films besides ratings; rows follow ``movie_ids`` (m,), sorted."""

    movie_ids: Ids
    genres: Sequence[tuple[str, ...]] = ()  # m, or empty
    years: NDArray[np.float32] | None = None  # (m,), NaN where unknown
    vectors: NDArray[np.float32] | None = None  # (m, d) centred text vectors, 0 where there is none
    traits: Sequence[tuple[str, ...]] = ()  # m, or empty: such as ``budget high``


def places(known: Ids, ids: ArrayLike, what: str) -> NDArray[np.int64]:
    """Where ``ids`` stand in the sorted ``known``. Raises NotFoundError."""
    wanted = np.asarray(ids, np.int64)
    found = np.searchsorted(known, wanted)
    missing = np.append(known, _NO_ID)[found] != wanted
    if missing.any():
        raise NotFoundError(f"The model knows no {what} {wanted[missing][0]}.")
    return found


@dataclass
class Model(ABC):
    """A model of taste: its fields are its parameters.

    A model implements ``_learn`` and ``_score_all``.
    """

    name: ClassVar[str]
    personal: ClassVar[bool] = True
    """Whether users differ in what they are given."""
    predicts_ratings: ClassVar[bool] = False
    """Whether scores are in stars."""
    on_request: ClassVar[bool] = False
    """Whether it is only measured when it is named: it takes long, or needs an extra."""

    ratings: Ratings = field(init=False, repr=False, compare=False)

    def fit(self, ratings: Ratings, movies: Movies | None = None) -> Self:
        """Learn from ``ratings``. Films that only ``movies`` names are known but cold."""
        ids = ratings.movie_ids
        if movies is not None:
            ids = np.union1d(ids, movies.movie_ids)
        self.ratings = ratings.among(ids)
        self._learn(self.ratings, movies)
        return self

    def score(self, user_ids: ArrayLike, movie_ids: ArrayLike) -> Scores:
        """Every user's score of every film, (len(user_ids), len(movie_ids)), all finite.

        Stars where ``predicts_ratings``; else comparable within one user only.
        Raises NotFoundError for an id that the model does not know.
        """
        rows = places(self.ratings.user_ids, user_ids, "user")
        columns = places(self.ratings.movie_ids, movie_ids, "film")
        unique, back = np.unique(rows, return_inverse=True)
        parts = [
            self._score_all(self.ratings.take(unique[i : i + _BATCH]))[:, columns]
            for i in range(0, len(unique), _BATCH)
        ]
        if not parts:
            return np.zeros((0, len(columns)), np.float32)
        scores: Scores = np.concatenate(parts)[back].astype(np.float32)
        return scores

    def fold_in(self, ratings: Ratings) -> Self:
        """A model that knows these users as well, by these ratings; nothing is trained.

        Ratings of films that the model does not know are left out.
        """
        wider = copy.copy(self)
        wider.ratings = self.ratings.joined(ratings.among(self.movie_ids))
        return wider

    @property
    def movie_ids(self) -> Ids:
        """Every film that the model knows, sorted."""
        return self.ratings.movie_ids

    def parameters(self) -> dict[str, Any]:
        """The parameters by name."""
        return {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "ratings"
        }

    @abstractmethod
    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        """Learn. The columns of ``ratings`` are all films."""

    @abstractmethod
    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        """The scores (n, m) of the users of ``ratings``, whose columns are all films."""


@dataclass
class WeightedModel(Model):
    """A model that weighs ratings by their stars: ``base + slope * (rating - 3.5)`` in learning,
    weigh_taste() in scoring.

    ``recent``: how much more late ratings count in scoring. ``away``: whether those below the
    middle push away there; else they weigh as in learning.
    """

    rank: int = 64
    base: float = 1.0
    slope: float = 0.5
    recent: float = 2.0
    away: bool = True
    seed: int = 0

    def _weights(self, ratings: Ratings) -> NDArray[np.float32]:
        """(r,) what each rating counts."""
        return np.asarray(self.base + self.slope * (ratings.values - 3.5), np.float32)

    def _weighted(self, ratings: Ratings) -> sparse.csr_matrix:
        return ratings.with_values(self._weights(ratings))

    def _tastes(self, ratings: Ratings) -> sparse.csr_matrix:
        """(n, m) what each rating counts in its user's taste."""
        weights: NDArray[Any] = self._weights(ratings)
        if self.away:
            weights = weigh_taste(ratings, self.base, self.slope)
        weights = weights * weigh_recency(ratings, self.recent)
        return ratings.with_values(weights.astype(np.float32))


def weigh_taste(ratings: Ratings, base: float = 1.0, slope: float = 0.5) -> NDArray[np.float64]:
    """(r,) how far each rating draws its user towards a film, or pushes away: taste_weight() in
    SQL."""
    counts = ratings.per_user
    stars = np.bincount(ratings.rows, ratings.values, len(counts))
    middle = (np.ceil(2 * (350 + stars) / (100 + counts)) / 2)[ratings.rows]
    liked = base + slope * np.maximum(ratings.values - 3.5, -1)
    return np.asarray(
        np.where(ratings.values >= middle, liked, 0.2 * (ratings.values - middle)), np.float64
    )


def weigh_recency(ratings: Ratings, recent: float = 2.0) -> NDArray[np.float64]:
    """(r,) recency() in SQL of each rating; ``recent``: how much more those given last count."""
    order = np.lexsort((-ratings.times, ratings.rows))
    rows, times = ratings.rows[order], ratings.times[order]
    first = np.ones(len(order), np.bool_)  # of ratings of one user and time
    first[1:] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
    place = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    later = np.empty(len(order), np.int64)
    later[order] = place - ratings.starts[:-1][rows]
    counts = ratings.per_user[ratings.rows]
    halved = np.where(later < 100, recent * 0.5 ** (later / 10), 0)
    return np.asarray(1 / np.sqrt(counts) + halved / np.sqrt(np.minimum(counts, 14.4)))
