"""Ratings held out: the one place that decides what training and evaluation may not know."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learn.data import read_films, read_movies, read_ratings
from learn.models.factors import FactorModel
from learn.models.interface import Ratings
from learn.queries import Query, QuerySet, make_queries
from learn.registry import activate, save_factors
from learn.split import temporal_split
from palate.errors import MisuseError
from sql.database import Database
from sql.scratch import fill, scratch

SETS: tuple[QuerySet, ...] = ("one-word", "two-words", "genre-decade")

TUNED_ON: QuerySet = "one-word"
"""The set that whatever is tuned is tuned on: what people type most, and the hardest to order."""


@dataclass(frozen=True)
class Held:
    """What an evaluation runs on: a scratch database of training ratings, and the held-out ones."""

    database: Database
    training: Ratings
    queries: Mapping[QuerySet, Sequence[Query]]
    ratings: Ratings
    """All of them, those held out included."""

    def learn(self, model: FactorModel) -> None:
        """Let ``model`` learn from the training ratings, and search in the database by it."""
        model.fit(self.training, read_movies(self.database))
        activate(self.database, save_factors(self.database, model, metrics={}))

    def draw(self, name: QuerySet, most: int, seed: int) -> list[Query]:
        """At most so many queries of a set, in their order."""
        queries = self.queries[name]
        drawn = np.random.default_rng(seed).permutation(len(queries))[:most]
        return [queries[i] for i in np.sort(drawn)]


@contextmanager
def hold_out(
    database: Database,
    sets: Sequence[QuerySet],
    *,
    fraction: float = 0.2,
    users: int | None = None,
    seed: int = 0,
) -> Iterator[Held]:
    """A scratch database without each user's last ratings, and the queries these make.

    ``users`` asks of so many users only, drawn by ``seed``; everybody's earlier ratings teach.
    Raises MisuseError when nothing is held out, ScratchError without the right to make a schema.
    """
    ratings, films = read_ratings(database), read_films(database)
    mask = temporal_split(ratings, fraction)
    asked = mask & _draw_users(ratings, users, seed)
    queries = {name: make_queries(name, films, ratings, asked) for name in sets}
    if not any(queries.values()):
        raise MisuseError(
            "No held-out rating makes a query: users have too few ratings, or none of 4 stars. "
            "Nothing was measured."
        )
    training = ratings.where(~mask)
    with scratch(database) as made:
        fill(
            made,
            training.user_ids[training.rows],
            training.movie_ids[training.columns],
            training.values,
            training.times,
        )
        yield Held(made, training, queries, ratings)


def _draw_users(ratings: Ratings, users: int | None, seed: int) -> NDArray[np.bool_]:
    """(r,) whether each rating's user is among those asked of."""
    n = len(ratings.user_ids)
    drawn = np.zeros(n, np.bool_)
    drawn[np.random.default_rng(seed).permutation(n)[:users]] = True
    return drawn[ratings.rows]
