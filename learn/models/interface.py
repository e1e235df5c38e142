"""What every model of taste is given and what it offers.

Parameter names are the same everywhere: ``rank`` (numbers a film), ``l2`` (ridge), ``epochs``,
``learning_rate``, ``neighbours``, ``half_life_days``, ``seed``. Shapes: n users, m films.

Every model is a function of a user's ratings: it learns about films, and makes a user's scores from
that user's ratings at the time of asking. Folding in new users or ratings is no special case.
"""

import copy
import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
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
        return np.repeat(np.arange(len(self.user_ids)), np.diff(self.starts))

    def where(self, mask: NDArray[np.bool_]) -> "Ratings":
        """The ratings where ``mask`` (r,) holds; users and films stay."""
        counts = np.r_[0, np.cumsum(mask)][self.starts]
        return Ratings(
            self.user_ids, self.movie_ids, counts,
            self.columns[mask], self.values[mask], self.times[mask],
        )  # fmt: skip

    def of_user(self, user_id: int) -> tuple[Ids, NDArray[np.float32], NDArray[np.float64]]:
        """One user's films, values and times. Raises NotFoundError."""
        row = places(self.user_ids, [user_id], "user")[0]
        part = slice(self.starts[row], self.starts[row + 1])
        return self.movie_ids[self.columns[part]], self.values[part], self.times[part]

    def take(self, user_rows: NDArray[np.int64]) -> "Ratings":
        """The ratings of some users, by place; sorted places, each once."""
        lengths = np.diff(self.starts)[user_rows]
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

    A model implements ``_learn`` and ``_score_all`` and lists the arrays it learned.
    """

    name: ClassVar[str]
    learned: ClassVar[tuple[str, ...]] = ()
    """Attributes that ``_learn`` sets: arrays, which save() writes and load() reads."""
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

    def recommend(
        self, user: int | Ratings, k: int = 10, *, exclude_seen: bool = True
    ) -> tuple[Ids, Scores]:
        """The ``k`` best films, and their scores, for a known user or for one user's ratings.

        Raises NotFoundError for a user that the model does not know.
        """
        if isinstance(user, Ratings):
            return self.fold_in(user).recommend(int(user.user_ids[0]), k, exclude_seen=exclude_seen)
        scores = self.score([user], self.movie_ids)[0]
        if exclude_seen:
            seen, _, _ = self.ratings.of_user(user)
            scores[places(self.movie_ids, seen, "film")] = -np.inf
        return _best(self.movie_ids, scores, k)

    def similar(self, movie_id: int, k: int = 10) -> tuple[Ids, Scores]:
        """The ``k`` films that somebody who rated only this one 5 stars would be given."""
        places(self.movie_ids, [movie_id], "film")
        nobody = 0
        return self.recommend(Ratings.of([nobody], [movie_id], [5.0]), k)

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

    def save(self, path: Path) -> None:
        """Write the model as plain arrays (.npz); nothing in it is pickled."""
        kept = {f"ratings.{f.name}": getattr(self.ratings, f.name)
                for f in dataclasses.fields(Ratings)}  # fmt: skip
        arrays = {name: np.asarray(getattr(self, name)) for name in self.learned}
        about = json.dumps({"name": self.name, "parameters": self.parameters()})
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, about=np.array(about), **kept, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what save() wrote. Raises MisuseError for the file of another model."""
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["name"] != cls.name:
                raise MisuseError(f"{path.name} holds a model {about['name']}, not {cls.name}.")
            model = cls(**about["parameters"])
            model.ratings = Ratings(
                **{f.name: file[f"ratings.{f.name}"] for f in dataclasses.fields(Ratings)}
            )
            for name in cls.learned:
                setattr(model, name, file[name])
        return model

    @abstractmethod
    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        """Set the attributes that ``learned`` lists. The columns of ``ratings`` are all films."""

    @abstractmethod
    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        """The scores (n, m) of the users of ``ratings``, whose columns are all films."""


def _best(movie_ids: Ids, scores: Scores, k: int) -> tuple[Ids, Scores]:
    order = np.lexsort((movie_ids, -scores))[:k]
    order = order[np.isfinite(scores[order])]
    return movie_ids[order], scores[order]
