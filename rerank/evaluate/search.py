"""Personalised search, measured: does a ranking find the film that its user went on to like?

Each user's last ratings are held out. A query is made of each held-out film that the user liked,
and search runs in a scratch schema where only the earlier ratings exist.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.errors import MisuseError
from rerank.evaluate.candidates import (
    CandidateLists,
    candidate_scores,
    fetch_candidates,
    read_weights,
)
from rerank.evaluate.data import read_films, read_ratings
from rerank.evaluate.guard import check_statistics
from rerank.evaluate.metrics import Estimate, bootstrap, debiasing_weights, rank_metrics
from rerank.evaluate.queries import Query, QuerySet, make_queries
from rerank.evaluate.rankings import (
    Learned,
    Ranking,
    Weighted,
    active_order,
    check,
    single_components,
)
from rerank.evaluate.runs import Outcomes, Run, about
from rerank.evaluate.split import temporal_split
from rerank.models.data import read_movies
from rerank.models.features import fetch_features
from rerank.models.interface import Model, Ratings, places
from rerank.search import Searcher
from sql.database import Database
from sql.scratch import fill, scratch

BASELINE = "bm25"
SETS: tuple[QuerySet, ...] = ("one-word", "two-words", "genre-decade")

ACTIVITY = (0, 30, 100, 300)
"""Bands of users, by ratings in training: from each number up to the next."""
POPULARITY = (0, 1, 6, 21, 51)
"""Bands of wanted films, by ratings in training; the first band is of films nobody has rated."""


@dataclass(frozen=True)
class Band:
    """Queries whose user or film has ``first`` to ``last`` ratings in training; None: and more."""

    first: int
    last: int | None
    queries: int
    ndcg: float


@dataclass(frozen=True)
class RankingResult:
    """One ranking on one set of queries. Differences are to BM25 on the same queries."""

    metrics: dict[str, Estimate]
    debiased: dict[str, Estimate]
    difference: dict[str, Estimate]
    debiased_difference: dict[str, Estimate]
    by_activity: tuple[Band, ...]
    by_popularity: tuple[Band, ...]


@dataclass(frozen=True)
class SetResult:
    """Every ranking on one set of queries."""

    queries: int
    users: int
    found: float
    """Share of queries whose film is among the candidates: no ranking can find the others'."""
    rankings: dict[str, RankingResult]


@dataclass(frozen=True)
class Held:
    """What an evaluation runs on: a scratch database of training ratings, and the held-out ones."""

    database: Database
    training: Ratings
    queries: Mapping[QuerySet, Sequence[Query]]
    ratings: Ratings
    """All of them, those held out included."""


@contextmanager
def held_out(
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
    asked = mask & _drawn(ratings, users, seed)
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


def _drawn(ratings: Ratings, users: int | None, seed: int) -> NDArray[np.bool_]:
    """(r,) whether each rating's user is among those asked of."""
    n = len(ratings.user_ids)
    drawn = np.zeros(n, np.bool_)
    drawn[np.random.default_rng(seed).permutation(n)[:users]] = True
    return drawn[ratings.rows]


def evaluate_rankings(
    lists: CandidateLists,
    scores: Mapping[str, NDArray[np.float64]],
    training: Ratings,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> SetResult:
    """Measure rankings given as scores (c,) of the candidates; BM25's must be among them."""
    ranks = {name: lists.target_ranks(column) for name, column in scores.items()}
    return summarize(lists.queries, ranks, training, samples=samples, seed=seed)


def summarize(
    queries: Sequence[Query],
    ranks: Mapping[str, NDArray[np.int64]],
    training: Ratings,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> SetResult:
    """Metrics, intervals and bands from the rank (q,) each ranking gave each query's film."""
    users = np.array([query.user_id for query in queries], np.int64)
    activity, popularity = _ratings_of(training, queries)
    weights = debiasing_weights(popularity)
    baseline = rank_metrics(ranks[BASELINE])

    def estimate(values: Mapping[str, NDArray[np.float64]], debias: bool) -> dict[str, Estimate]:
        return bootstrap(values, users, weights if debias else None, samples=samples, seed=seed)

    results = {}
    for name, of_film in ranks.items():
        measured = rank_metrics(of_film)
        better = {metric: measured[metric] - baseline[metric] for metric in measured}
        results[name] = RankingResult(
            estimate(measured, False),
            estimate(measured, True),
            estimate(better, False),
            estimate(better, True),
            _bands(measured["ndcg@10"], activity, ACTIVITY),
            _bands(measured["ndcg@10"], popularity, POPULARITY),
        )
    found = float((ranks[BASELINE] > 0).mean())
    return SetResult(len(queries), len(np.unique(users)), found, results)


def _ratings_of(
    training: Ratings, queries: Sequence[Query]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many training ratings each query's user and film have, (q,) each."""
    users = places(training.user_ids, [query.user_id for query in queries], "user")
    films = places(training.movie_ids, [query.movie_id for query in queries], "film")
    popularity = np.bincount(training.columns, minlength=len(training.movie_ids))
    return np.diff(training.starts)[users], popularity[films].astype(np.int64)


def _bands(
    values: NDArray[np.float64], counts: NDArray[np.int64], edges: Sequence[int]
) -> tuple[Band, ...]:
    bands = []
    for i, first in enumerate(edges):
        last = edges[i + 1] - 1 if i + 1 < len(edges) else None
        inside = (counts >= first) & (counts <= (np.inf if last is None else last))
        if inside.any():
            bands.append(Band(first, last, int(inside.sum()), float(values[inside].mean())))
    return tuple(bands)


Prepare = Callable[[Database], None]
"""Trains, in the scratch database, the models that are to be measured."""


def evaluate_search(
    database: Database,
    *,
    sets: Sequence[QuerySet] = SETS,
    prepare: Prepare | None = None,
    alone: Mapping[str, Callable[[], Model]] | None = None,
    candidates: int = 200,
    fraction: float = 0.2,
    users: int | None = None,
    samples: int = 1000,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Measure every ranking on every set of queries.

    ``alone`` makes models, each of which learns from the training ratings and orders the candidates
    by its scores alone, in Python.

    Raises MisuseError when there is nothing to measure, ScratchError without the right to make a
    schema, EvaluationError when the measured order is not the order that search gives.
    """
    tell("holding out ratings")
    with held_out(database, sets, fraction=fraction, users=users, seed=seed) as held:
        tell("training on what is left")
        if prepare:
            prepare(held.database)
        check_statistics(held.database, held.training)
        movies = read_movies(held.database)
        models = {name: make().fit(held.training, movies) for name, make in (alone or {}).items()}
        settings = held.database.settings.model_copy(
            update={"max_candidates": max(candidates, held.database.settings.max_candidates)}
        )
        searcher = Searcher(held.database, settings)
        results: dict[str, Any] = {}
        outcomes: dict[str, Outcomes] = {}
        for name in sets:
            queries = held.queries[name]
            if not queries:
                continue
            tell(f"{name}: {len(queries):,} queries")
            lists, rankings = _rankings(held.database, queries, candidates)
            check(searcher, lists, rankings, candidates, seed=seed)
            scores = {each.name: each.scores(lists) for each in rankings}
            scores |= {each: candidate_scores(model, lists) for each, model in models.items()}
            ranks = {each: lists.target_ranks(column) for each, column in scores.items()}
            results[name] = summarize(queries, ranks, held.training, samples=samples, seed=seed)
            outcomes[name] = Outcomes(
                [query.user_id for query in queries],
                [query.movie_id for query in queries],
                {ranking: {"rank": column.tolist()} for ranking, column in ranks.items()},
            )
        parameters = {
            "sets": list(sets), "candidates": candidates, "fraction": fraction,
            "users_asked": users, "samples": samples, "seed": seed,
            "held_out": len(held.ratings) - len(held.training),
            "weights": read_weights(held.database),
        }  # fmt: skip
    return Run(about("search", database, held.ratings, parameters), results, outcomes)


def _rankings(
    database: Database, queries: Sequence[Query], candidates: int
) -> tuple[CandidateLists, list[Ranking]]:
    """The candidates, and everything that can order them."""
    order = active_order(database)
    if order is None:
        lists = fetch_candidates(database, queries, candidates=candidates)
        return lists, _of_blend(database, lists)
    features = fetch_features(database, queries, candidates=candidates)
    learned = Learned(order, features.matrix, read_weights(database))
    return features.lists, [*_of_blend(database, features.lists), learned]


def _of_blend(database: Database, lists: CandidateLists) -> list[Ranking]:
    """Each component that the database has, alone, and the blend with its stored weights."""
    there = [one for one in single_components() if not np.isnan(lists.components[one.name]).all()]
    return [*there, Weighted("blend", read_weights(database))]
