"""Personalised search, measured: does a ranking find the film that its user went on to like?

Each user's last ratings are held out. A query is made of each held-out film that the user liked,
and search runs in a scratch schema where only the earlier ratings exist. Films that came out after
the wanted one was rated cannot be the answer: figures leave them out, and say what they are with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluate.estimates import Estimate, bootstrap
from evaluate.rankings import (
    Learned,
    Ranking,
    Weighted,
    active_order,
    check,
    single_components,
)
from evaluate.runs import Outcomes, Run, about
from learn.candidates import CandidateLists, Floats, read_weights, score_candidates
from learn.data import read_movies
from learn.guard import check_statistics
from learn.held_out import SETS, TUNED_ON, Held, hold_out
from learn.metrics import rank_metrics, weigh_by_rarity
from learn.models.interface import Model, Ratings, places
from learn.queries import Query, QuerySet
from learn.split import HELD_OUT
from rerank.search import Searcher
from sql.database import Database

BASELINE = "bm25"

ACTIVITY = (0, 30, 100, 300)
"""Bands of users, by ratings in training: from each number up to the next."""
KNOWN = (0, 1, 2, 3, 5, 10, 20)
"""Ratings that are left of a user's, the latest, to see what the first ones are worth."""
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
    with_future: float
    """nDCG@10 with films that came out after the wanted one was rated."""
    by_known: dict[str, float] = field(default_factory=dict)
    """nDCG@10 by how many ratings were known: those of KNOWN and ``all``, on the same queries."""


@dataclass(frozen=True)
class SetResult:
    """Every ranking on one set of queries."""

    queries: int
    users: int
    found: float
    """Share of queries whose film is among the candidates: no ranking can find the others'."""
    rankings: dict[str, RankingResult]


def summarize(
    queries: Sequence[Query],
    ranks: Mapping[str, NDArray[np.int64]],
    with_future: Mapping[str, NDArray[np.int64]],
    training: Ratings,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> SetResult:
    """Metrics, intervals and bands from the rank (q,) each ranking gave each query's film, without
    and with films that came out later."""
    users = np.array([query.user_id for query in queries], np.int64)
    activity, popularity = _ratings_of(training, queries)
    weights = weigh_by_rarity(popularity)
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
            float(rank_metrics(with_future[name])["ndcg@10"].mean()),
        )
    found = float((ranks[BASELINE] > 0).mean())
    return SetResult(len(queries), len(np.unique(users)), found, results)


def _ratings_of(
    training: Ratings, queries: Sequence[Query]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many training ratings each query's user and film have, (q,) each."""
    users = places(training.user_ids, [query.user_id for query in queries], "user")
    films = places(training.movie_ids, [query.movie_id for query in queries], "film")
    popularity = training.per_film
    return training.per_user[users], popularity[films].astype(np.int64)


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


_MOST_CUT = 1000  # queries asked with few ratings known, drawn by seed: intervals of .02

Ranks = dict[str, NDArray[np.int64]]
Prepare = Callable[[Database], None]
"""Trains, in the scratch database, the models that are to be measured."""


def evaluate_search(
    database: Database,
    *,
    sets: Sequence[QuerySet] = SETS,
    prepare: Prepare | None = None,
    alone: Mapping[str, Callable[[], Model]] | None = None,
    candidates: int = 200,
    fraction: float = HELD_OUT,
    users: int | None = None,
    samples: int = 1000,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Measure every ranking on every set of queries.

    ``alone`` makes models that learn from the training ratings and order candidates by their scores
    alone. Raises MisuseError when there is nothing to measure, ScratchError without the right to
    make a schema, EvaluationError when the measured order is not the order that search gives.
    """
    tell("holding out ratings")
    with hold_out(database, sets, fraction=fraction, users=users, seed=seed) as held:
        tell("training on what is left")
        if prepare:
            prepare(held.database)
        check_statistics(held.database, held.training)
        movies = read_movies(held.database)
        models = {name: make().fit(held.training, movies) for name, make in (alone or {}).items()}
        results: dict[str, Any] = {}
        outcomes: dict[str, Outcomes] = {}
        for name, queries in held.queries.items():
            if not queries:
                continue
            tell(f"{name}: {len(queries):,} queries")
            ranks, with_future = _rank(held, queries, models, candidates, seed)
            found = summarize(
                queries, ranks, with_future, held.training, samples=samples, seed=seed
            )
            if name == TUNED_ON:
                tell("asking again with few ratings known")
                found = _add_known(found, held, candidates, seed)
            results[name], outcomes[name] = found, _outcomes(queries, ranks)
        parameters = {
            "sets": list(sets), "candidates": candidates, "fraction": fraction,
            "users_asked": users, "samples": samples, "seed": seed,
            "held_out": len(held.ratings) - len(held.training),
            "weights": read_weights(held.database),
        }  # fmt: skip
    return Run(about("search", database, held.ratings, parameters), results, outcomes)


def _rank(
    held: Held, queries: Sequence[Query], models: Mapping[str, Model], candidates: int, seed: int
) -> tuple[Ranks, Ranks]:
    """(q,) ranks under every ranking and model, without and with films that came out later; held
    to the search that people make."""
    lists, rankings = _rankings(held, queries, candidates)
    most = max(candidates, held.database.settings.max_candidates)
    settings = held.database.settings.model_copy(update={"max_candidates": most})
    check(Searcher(held.database, settings), lists, rankings, candidates, seed=seed)
    scores = {each.name: each.scores(lists) for each in rankings}
    scores |= {name: score_candidates(model, lists) for name, model in models.items()}
    everything = {name: lists.target_ranks(column) for name, column in scores.items()}
    return _rank_past(lists, scores), everything


def _outcomes(queries: Sequence[Query], ranks: Ranks) -> Outcomes:
    return Outcomes(
        [query.user_id for query in queries],
        [query.movie_id for query in queries],
        {ranking: {"rank": column.tolist()} for ranking, column in ranks.items()},
    )


def _rank_past(lists: CandidateLists, scores: Mapping[str, Floats]) -> Ranks:
    """(q,) ranks under each of the scores (c,) among films that had come out."""
    kept = lists.keep(lists.past)
    return {name: kept.target_ranks(column[lists.past]) for name, column in scores.items()}


def _add_known(result: SetResult, held: Held, candidates: int, seed: int) -> SetResult:
    """The result with what every ranking reaches where few of the user's ratings are known."""
    queries = held.draw(TUNED_ON, _MOST_CUT, seed)
    reached: dict[str, dict[str, float]] = {}
    for known in (*KNOWN, None):
        asked = queries if known is None else held.cut(queries, known)
        lists, rankings = _rankings(held, asked, candidates)
        scores = {each.name: each.scores(lists) for each in rankings}
        for name, ranks in _rank_past(lists, scores).items():
            of_ranking = reached.setdefault(name, {})
            of_ranking["all" if known is None else str(known)] = float(
                rank_metrics(ranks)["ndcg@10"].mean()
            )
    return replace(
        result,
        rankings={
            name: replace(one, by_known=reached.get(name, {}))
            for name, one in result.rankings.items()
        },
    )


def _rankings(
    held: Held, queries: Sequence[Query], candidates: int
) -> tuple[CandidateLists, list[Ranking]]:
    """The candidates, and everything that can order them."""
    order = active_order(held.database)
    weights = read_weights(held.database)
    lists = held.fetch(queries, candidates=candidates, features=order is not None)
    there = [one for one in single_components() if not np.isnan(lists.components[one.name]).all()]
    learned = [] if order is None else [Learned(order, weights)]
    return lists, [*there, Weighted("blend", weights), *learned]
