"""What a tuner tries parameters on: ratings that neither training nor `palate evaluate` may know.

Each user's last fifth of ratings, which evaluation measures on, is put away first; of the rest the
last fifth makes the queries. Whoever tunes on what is measured measures the tuning.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learn import registry
from learn.candidates import CandidateLists, candidate_scores, fetch_candidates
from learn.data import read_movies
from learn.features import FeatureLists, fetch_features
from learn.held_out import Held, held_out
from learn.lambdarank import LambdaRank
from learn.metrics import rank_metrics
from learn.models.factors import FactorModel
from learn.models.families import MODELS
from learn.models.interface import Model, Ratings
from learn.queries import Query
from learn.registry import HEADLINE
from learn.train import FACTOR_MODELS, TUNED_ON, default_model
from palate.errors import MisuseError
from sql.database import Database

ORDER = "order"

Tell = Callable[[str], None]
Step = Callable[[int, float], None]
"""Told a step, from 1, and the objective there; what it raises ends the attempt. Models and orders
that measure themselves as they learn say so by tell_epoch() instead."""

_MOST_QUERIES = 3000  # drawn by seed: more tell little and take long
_CHECKED = 0.25  # share of users that a learned order is tried on
_TELLING = ("two-tower",)  # models that measure themselves after each epoch
_EARLY = 3  # a model without steps of its own is first tried after a third of its epochs


@dataclass(frozen=True, eq=False)
class Objective:
    """nDCG@10 of one-word queries by parameters: greater is better."""

    defaults: Mapping[str, Any]
    attempt: Callable[[Mapping[str, Any], Step], float]


@contextmanager
def objective(
    database: Database, name: str, *, seed: int = 0, tell: Tell = lambda _: None
) -> Iterator[Objective]:
    """The objective of a model of MODELS, or of the learned order.

    A model's: the candidates of each query ordered by its scores alone, so that neither the blend's
    weights nor its scaling take part. The order's: as it orders them. Raises MisuseError when there
    is no such model or too little is left to make queries of.
    """
    if name != ORDER and name not in MODELS:
        known = ", ".join([ORDER, *sorted(MODELS)])
        raise MisuseError(
            f"There is no model {name} to tune. Nothing was tried. There are {known}."
        )
    tell("putting each user's last ratings away, twice")
    sets = (TUNED_ON,)
    with held_out(database, sets) as measured, held_out(measured.database, sets) as held:
        queries = _drawn(held.queries[TUNED_ON], seed)
        tell(f"searching: {len(queries):,} queries")
        if name == ORDER:
            yield _of_order(held, queries, _teacher(database, held.training), seed)
        else:
            yield _of_model(held, queries, MODELS[name], seed)


def _drawn(queries: Sequence[Query], seed: int) -> list[Query]:
    order = np.random.default_rng(seed).permutation(len(queries))[:_MOST_QUERIES]
    return [queries[i] for i in np.sort(order)]


def _of_model(held: Held, queries: Sequence[Query], family: type[Model], seed: int) -> Objective:
    lists = fetch_candidates(held.database, queries)
    movies = read_movies(held.database)

    defaults = family().parameters()
    seeded = {"seed": seed} if "seed" in defaults else {}

    def attempt(parameters: Mapping[str, Any], step: Step) -> float:
        for epochs in _rungs(family, parameters):
            model = family(**{**parameters, **epochs, **seeded})
            reached = ndcg(lists, candidate_scores(model.fit(held.training, movies), lists))
            if epochs and epochs["epochs"] < parameters["epochs"]:
                step(epochs["epochs"], reached)
        return reached

    return Objective(defaults, attempt)


def _rungs(family: type[Model], parameters: Mapping[str, Any]) -> list[dict[str, int]]:
    """Epochs after which a model is tried: a third of them, then all."""
    most = parameters.get("epochs")
    if most is None or family.name in _TELLING:
        return [{}]
    return [{"epochs": n} for n in sorted({max(1, most // _EARLY), most})]


def ndcg(lists: CandidateLists, scores: NDArray[np.float64]) -> float:
    """Mean nDCG@10 of the queries under these scores (c,)."""
    return float(rank_metrics(lists.target_ranks(scores))[HEADLINE].mean())


def _of_order(held: Held, queries: Sequence[Query], teacher: FactorModel, seed: int) -> Objective:
    teacher.fit(held.training, read_movies(held.database))
    registry.activate(held.database, registry.save_factors(held.database, teacher, metrics={}))
    features = fetch_features(held.database, queries)
    check = checked_users(features.lists, held.training, seed)

    def attempt(parameters: Mapping[str, Any], _: Step) -> float:
        order = LambdaRank(**{**parameters, "seed": seed})
        text, _rounds = order.train(features, learn=~check, check=check)
        return ndcg_of_order(text, features, check)

    return Objective(dict(LambdaRank().__dict__), attempt)


def ndcg_of_order(text: str, features: FeatureLists, chosen: NDArray[np.bool_]) -> float:
    """Mean nDCG@10 that a learned order reaches on the queries where ``chosen`` (q,) holds."""
    import lightgbm

    scores = np.asarray(lightgbm.Booster(model_str=text).predict(features.matrix))
    ranks = features.lists.target_ranks(scores)[chosen]
    return float(rank_metrics(ranks)[HEADLINE].mean())


def checked_users(lists: CandidateLists, training: Ratings, seed: int) -> NDArray[np.bool_]:
    """(q,) the queries of a quarter of the users, drawn by ``seed``."""
    n = len(training.user_ids)
    drawn = np.random.default_rng(seed).permutation(n)[: max(1, int(n * _CHECKED))]
    users = np.array([query.user_id for query in lists.queries], np.int64)
    return np.isin(users, training.user_ids[drawn])


def _teacher(database: Database, training: Ratings) -> FactorModel:
    """A model of the active factors' family, or of the default one."""
    active = registry.active_model(database, "factors")
    if active is None or active.name not in FACTOR_MODELS:
        return default_model(training)
    return FACTOR_MODELS[active.name](**active.parameters)
