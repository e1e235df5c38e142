"""What a tuner tries parameters on: ratings that neither training nor `palate evaluate` may know.

Each user's last fifth of ratings, which evaluation measures on, is put away first; of the rest the
last fifth makes the queries. Whoever tunes on what is measured measures the tuning.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from learn.candidates import CandidateLists, Floats, fetch_candidates, score_candidates
from learn.data import read_movies
from learn.held_out import TUNED_ON, Held, hold_out, like_active
from learn.lambdarank import LambdaRank, predict
from learn.metrics import draw_checked, rank_metrics
from learn.models.factors import FactorModel
from learn.models.families import MODELS, choose_model
from learn.models.interface import Model
from learn.queries import Query
from learn.registry import HEADLINE
from palate.errors import MisuseError
from sql.database import Database

ORDER = "order"

Tell = Callable[[str], None]
Step = Callable[[int, float], None]
"""Told a step, from 1, and the objective there; what it raises ends the attempt. Models and orders
that measure themselves as they learn say so by tell_epoch() instead."""

_MOST_QUERIES = 3000  # drawn by seed: more tell little and take long
_TELLING = ("two-tower",)  # models that measure themselves after each epoch
_EARLY = 3  # a model without steps of its own is first tried after a third of its epochs


@dataclass(frozen=True, eq=False)
class Objective:
    """nDCG@10 of one-word queries by parameters: greater is better."""

    defaults: Mapping[str, Any]
    attempt: Callable[[Mapping[str, Any], Step], float]


@contextmanager
def open_objective(
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
    with hold_out(database, sets) as measured, hold_out(measured.database, sets) as held:
        queries = held.draw(TUNED_ON, _MOST_QUERIES, seed)
        tell(f"searching: {len(queries):,} queries")
        if name == ORDER:
            teacher = like_active(database) or choose_model(held.training)
            yield _make_for_order(held, queries, teacher, seed)
        else:
            yield _make_for_model(held, queries, MODELS[name], seed)


def _make_for_model(
    held: Held, queries: Sequence[Query], family: type[Model], seed: int
) -> Objective:
    lists = fetch_candidates(held.database, queries)
    lists = lists.keep(lists.past)
    movies = read_movies(held.database)

    defaults = family().parameters()
    seeded = {"seed": seed} if "seed" in defaults else {}

    def attempt(parameters: Mapping[str, Any], step: Step) -> float:
        for epochs in _list_rungs(family, parameters):
            model = family(**{**parameters, **epochs, **seeded})
            reached = ndcg(lists, score_candidates(model.fit(held.training, movies), lists))
            if epochs and epochs["epochs"] < parameters["epochs"]:
                step(epochs["epochs"], reached)
        return reached

    return Objective(defaults, attempt)


def _list_rungs(family: type[Model], parameters: Mapping[str, Any]) -> list[dict[str, int]]:
    """Epochs after which a model is tried: a third of them, then all."""
    most = parameters.get("epochs")
    if most is None or family.name in _TELLING:
        return [{}]
    return [{"epochs": n} for n in sorted({max(1, most // _EARLY), most})]


def ndcg(lists: CandidateLists, scores: Floats) -> float:
    """Mean nDCG@10 of the queries under these scores (c,)."""
    return float(rank_metrics(lists.target_ranks(scores))[HEADLINE].mean())


def _make_for_order(
    held: Held, queries: Sequence[Query], teacher: FactorModel, seed: int
) -> Objective:
    held.learn(teacher)
    lists = fetch_candidates(held.database, queries, features=True)
    lists = lists.keep(lists.past)
    check = draw_checked(lists, held.training, seed)
    learned, checked = lists.where(~check), lists.where(check)

    def attempt(parameters: Mapping[str, Any], _: Step) -> float:
        order = LambdaRank(**{**parameters, "seed": seed})
        text, _rounds = order.train(learned, checked)
        return ndcg(checked, predict(text, checked))

    return Objective(dict(LambdaRank().__dict__), attempt)
