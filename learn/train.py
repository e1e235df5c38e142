"""Training: factors, the blend's weights and the learned order, from the ratings there are.

One way through: hold out each user's last ratings, learn factors from the others, search with them,
tune the blend's weights, learn an order, learn the factors again from all ratings, store it all.
What is reported is honest: weights and order are tried on users that they were not fitted to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from learn import registry
from learn.blend import BlendTuner
from learn.candidates import CandidateLists, read_weights
from learn.data import read_movies, read_ratings
from learn.held_out import LEARNED_FROM, TUNED_ON, Held, hold_out
from learn.lambdarank import LambdaRank, predict
from learn.metrics import draw_checked, measure
from learn.models.factors import FactorModel
from learn.models.families import choose_model
from learn.models.interface import Ratings
from learn.queries import Query, QuerySet
from learn.registry import StoredModel
from palate.errors import ConflictError, MisuseError
from sql.database import Database

_MOST_QUERIES: Mapping[QuerySet, int] = {"one-word": 12000, "two-words": 2000, "genre-decade": 1000}
# drawn by seed: a decision, so that training takes two minutes
_CUT, _MOST_CUT = (1, 2, 3, 5, 10, 20), 500
# ratings left of users who ask again, so that weights and order know newcomers, and queries of each
_FEWEST = 20  # queries: fewer say nothing

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What a training made. ``refused`` says why a model stayed a candidate."""

    factors: StoredModel
    order: StoredModel | None = None
    refused: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Order:
    """A learned order: its text, what made it, how good it is."""

    text: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class _Learned:
    """What the held-out ratings taught. ``unmeasured`` says why they taught nothing."""

    weights: Mapping[str, float] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    order: _Order | None = None
    unmeasured: str | None = None


def train(
    database: Database,
    model: FactorModel | None = None,
    *,
    evaluate: bool = True,
    order: LambdaRank | None = LambdaRank(),  # noqa: B008  (frozen)
    activate: bool = True,
    force: bool = False,
    candidates: int = 200,
    seed: int = 0,
    tell: Tell = lambda _: None,
) -> Trained:
    """Learn from the ratings in ``database``, store what was learned and make it active.

    ``evaluate=False`` only learns factors: no metrics, no order, and weights that were not
    measured where factors had none. A model that does worse than the active one, or that too few
    ratings are there to measure, stays a candidate, unless ``force``. Raises MisuseError when
    there is nothing to learn from, ScratchError without the right to make a schema.
    """
    ratings, movies = read_ratings(database), read_movies(database)
    model = model or choose_model(ratings)
    learned = _Learned()
    if evaluate:
        learned = _learn_held_out(database, model, order, candidates, seed, tell)
    tell(f"learning {model.name} factors of rank {model.rank} from {len(ratings):,} ratings")
    model.fit(ratings, movies)
    tell("storing")
    stored = _store(database, model, learned, ratings)
    refused: tuple[str, ...] = ()
    if activate and learned.unmeasured is not None and not force:
        refused = (_explain_unmeasured(registry.get_model(database, stored[0]), learned),)
    elif activate:
        refused = use(database, stored, force=force)
    found = [registry.get_model(database, model_id) for model_id in stored]
    return Trained(found[0], found[1] if len(found) > 1 else None, refused)


def _learn_held_out(
    database: Database,
    model: FactorModel,
    order: LambdaRank | None,
    candidates: int,
    seed: int,
    tell: Tell,
) -> _Learned:
    tell("holding out each user's last ratings")
    try:
        with hold_out(database, LEARNED_FROM if order is not None else (TUNED_ON,)) as held:
            held.learn(model)
            lists = {}
            for name in held.queries:
                queries = held.draw(name, _MOST_QUERIES[name], seed)
                tell(f"searching: {len(queries):,} {name} queries")
                lists[name] = _fetch(held, queries, candidates, order)
            cut = []
            for known in _CUT:
                tell(f"searching with {known} ratings known")
                queries = held.cut(held.draw(TUNED_ON, _MOST_CUT, seed + known), known)
                cut.append(_fetch(held, queries, candidates, order))
            start = read_weights(held.database)
            missing = _MOST_QUERIES[TUNED_ON] - len(held.queries[TUNED_ON])
            earlier = []
            if order is not None and missing > 0:
                earlier = _fetch_earlier(held, model, missing, candidates, order, seed, tell)
    except MisuseError as error:
        return _Learned(unmeasured=str(error))
    check = draw_checked(lists[TUNED_ON], held.training, seed)
    if (tried := int(check.sum())) < _FEWEST:
        return _Learned(unmeasured=f"Held-out ratings make {tried} queries of {_FEWEST} needed.")
    checked = lists[TUNED_ON].where(check)
    tell("tuning the blend")
    tuned_on = CandidateLists.join([lists[TUNED_ON], *cut])
    learned_from = tuned_on.where(~draw_checked(tuned_on, held.training, seed))
    weights, _ = BlendTuner(learned_from).tune(start)
    metrics = measure(checked, checked.blended(weights), held.training)
    weights, _ = BlendTuner(tuned_on).tune(weights)
    if order is None:
        return _Learned(weights, metrics)
    everything = CandidateLists.join([*lists.values(), *cut, *earlier])
    tell(f"learning an order from {len(everything.queries):,} queries")
    return _Learned(weights, metrics, _learn_order(order, everything, checked, held.training, seed))


def _fetch(
    held: Held, queries: Sequence[Query], candidates: int, order: LambdaRank | None
) -> CandidateLists:
    """The candidates that could be the answer: others would teach to prefer what is old."""
    lists = held.fetch(queries, candidates=candidates, features=order is not None)
    return lists.keep(lists.past)


def _fetch_earlier(
    held: Held, model: FactorModel, most: int, candidates: int, order: LambdaRank, seed: int,
    tell: Tell,
) -> list[CandidateLists]:  # fmt: skip
    """Lists of one-word queries one slice of time earlier, by factors that know nothing later."""
    tell("holding out the ratings before these, too")
    try:
        with hold_out(held.database, (TUNED_ON,)) as earlier:
            earlier.learn(model)
            queries = earlier.draw(TUNED_ON, most, seed)
            tell(f"searching: {len(queries):,} earlier {TUNED_ON} queries")
            return [_fetch(earlier, queries, candidates, order)]
    except MisuseError:
        return []  # too few ratings for a second slice


def _learn_order(
    order: LambdaRank, lists: CandidateLists, checked: CandidateLists, training: Ratings, seed: int
) -> _Order:
    """An order of all ``lists``, in as many rounds as were best for users that taught nothing;
    measured on ``checked`` by one that did not learn from them."""
    check = draw_checked(lists, training, seed)
    text, rounds = order.train(lists.where(~check), lists.where(check))
    metrics = measure(checked, predict(text, checked), training)
    final = replace(order, rounds=rounds)
    text, _ = final.train(lists)
    return _Order(text, final.__dict__, metrics)


def _store(
    database: Database, model: FactorModel, learned: _Learned, ratings: Ratings
) -> list[int]:
    """The ids of the factors and, where one was learned, of the order: candidates."""
    stored = [
        registry.save_factors(database, model, metrics=learned.metrics, weights=learned.weights)
    ]
    if (order := learned.order) is not None:
        stored.append(
            registry.save_order(
                database, "lambdarank", order.text, parameters=order.parameters,
                metrics=order.metrics, ratings=ratings,
            )
        )  # fmt: skip
    return stored


def _explain_unmeasured(model: StoredModel, learned: _Learned) -> str:
    return (
        f"{model} is stored, not in use: how good it is could not be measured. "
        f"{learned.unmeasured} `palate models activate {model.id} --force` uses it all the same."
    )


def use(database: Database, model_ids: Sequence[int], *, force: bool) -> tuple[str, ...]:
    """Activate models that belong together, in order; why one was refused, and with it the rest."""
    for model_id in model_ids:
        try:
            registry.activate(database, model_id, force=force)
        except ConflictError as error:
            return (str(error),)  # an order learned with factors that are not used is of no use
    return ()
