"""Ratings held out: the one place that decides what training and evaluation may not know."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learn.candidates import CandidateLists, fetch_candidates
from learn.data import read_films, read_movies, read_ratings, statements
from learn.models.factors import FactorModel
from learn.models.families import FACTOR_MODELS
from learn.models.interface import Ratings
from learn.queries import Query, QuerySet, make_queries
from learn.registry import activate, active_model, save_factors
from learn.split import HELD_OUT, temporal_split
from palate.errors import MisuseError
from sql.database import Database
from sql.scratch import fill, scratch

SETS: tuple[QuerySet, ...] = ("one-word", "any-word", "two-words", "genre-decade")

LEARNED_FROM: tuple[QuerySet, ...] = ("one-word", "two-words", "genre-decade")
"""Those whose films are to be told apart by taste: most of any word's lists are short."""

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

    def learn_active(self, live: Database) -> None:
        """The same with a model as ``live`` has one active, if it has."""
        if (model := like_active(live)) is not None:
            self.learn(model)

    def cut(self, queries: Sequence[Query], known: int) -> list[Query]:
        """The same queries, asked by copies of whom the last ``known`` ratings are known.

        Copies are synthetic: they teach nothing and count in no statistic.
        """
        shift = (known + 1) * (int(self.ratings.user_ids[-1]) + 1)
        people = {query.user_id for query in queries}
        with self.database.begin(patient=True) as connection:
            values = {"user_ids": sorted(people), "shift": shift, "known": known}
            connection.execute(statements["copy_users"], values)
            connection.execute(statements["copy_ratings"], values)
        return [
            dataclasses.replace(query, user_id=query.user_id + shift, person=query.user_id)
            for query in queries
        ]

    def fetch(
        self, queries: Sequence[Query], *, candidates: int = 200, features: bool = False
    ) -> CandidateLists:
        """fetch_candidates() less what a copy's person rated: nobody looks for these again."""
        lists = fetch_candidates(self.database, queries, candidates=candidates, features=features)
        rated = np.stack([
            self.training.user_ids[self.training.rows],
            self.training.movie_ids[self.training.columns],
        ], axis=1)  # fmt: skip
        asked = np.stack([lists.people[lists.numbers], lists.movie_ids], axis=1)
        return lists.keep(~_rows_among(asked, rated))

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
    fraction: float = HELD_OUT,
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


def like_active(database: Database) -> FactorModel | None:
    """A model, to be learned, of the family and the parameters of the active factors."""
    active = active_model(database, "factors")
    if active is None or active.name not in FACTOR_MODELS:
        return None
    return FACTOR_MODELS[active.name](**active.parameters)


def _rows_among(rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether each of the pairs ``rows`` (n, 2) is among ``others`` (m, 2)."""
    _, place = np.unique(np.concatenate([others, rows]), axis=0, return_inverse=True)
    return np.isin(place[len(others) :], place[: len(others)])


def _draw_users(ratings: Ratings, users: int | None, seed: int) -> NDArray[np.bool_]:
    """(r,) whether each rating's user is among those asked of."""
    n = len(ratings.user_ids)
    drawn = np.zeros(n, np.bool_)
    drawn[np.random.default_rng(seed).permutation(n)[:users]] = True
    return drawn[ratings.rows]
