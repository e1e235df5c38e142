"""Training: factors, the blend's weights and the learned order, from the ratings there are.

What is reported is honest: each user's last ratings are held out, everything is learned from the
others in a scratch schema, weights and order are tried on users that they were not fitted to. Then
the factors are learned again from all ratings; the weights and the order stay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learn import registry
from learn.blend import UNMEASURED, BlendTuner
from learn.candidates import CandidateLists, read_weights
from learn.data import read_movies, read_ratings
from learn.features import FeatureLists, fetch_features
from learn.held_out import SETS, Held, held_out
from learn.lambdarank import LambdaRank
from learn.metrics import debiasing_weights, rank_metrics
from learn.models.als import Als
from learn.models.factors import Ease, FactorModel, Svd
from learn.models.interface import Ratings
from learn.models.two_tower.model import TwoTower
from learn.queries import QuerySet
from learn.registry import HEADLINE, StoredModel
from palate.errors import ConflictError, MisuseError
from sql.database import Database

FACTOR_MODELS: Mapping[str, type[FactorModel]] = {
    "svd": Svd,
    "ease": Ease,
    "als": Als,
    "two-tower": TwoTower,
}

TUNED_ON: QuerySet = "one-word"
_MOST_QUERIES: Mapping[QuerySet, int] = {"one-word": 6000, "two-words": 2000, "genre-decade": 1000}
# drawn by seed: more teach little and take long
_FEWEST = 20  # queries: fewer say nothing
_CHECKED = 0.25  # share of users that the order and the weights are tried on

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What a training made. ``refused`` says why a model stayed a candidate."""

    factors: StoredModel
    order: StoredModel | None = None
    refused: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Learned:
    """What the held-out ratings taught. ``unmeasured`` says why they taught nothing."""

    weights: Mapping[str, float] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    order: str | None = None
    order_metrics: Mapping[str, float] = field(default_factory=dict)
    order_parameters: Mapping[str, Any] = field(default_factory=dict)
    unmeasured: str | None = None


def default_model(ratings: Ratings) -> FactorModel:
    """The factor model for a catalog and population of this size.

    EASE did better than the SVD wherever both were measured, and takes seconds where the SVD takes
    half of one; its rank is less where there are few users or films.
    """
    least = min(len(ratings.user_ids), len(ratings.movie_ids))
    return Ease(rank=max(2, min(128, least // 4)))


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
    model = model or default_model(ratings)
    learned = _Learned()
    if evaluate:
        learned = _learn_held_out(database, model, order, candidates, seed, tell)
    tell(f"learning {model.name} factors of rank {model.rank} from {len(ratings):,} ratings")
    model.fit(ratings, movies)
    tell("storing")
    weights = learned.weights
    if weights is None and read_weights(database)["collaborative"] == 0:
        weights = UNMEASURED
    factors = registry.save_factors(database, model, metrics=learned.metrics, weights=weights)
    stored = [factors]
    if learned.order is not None:
        stored.append(
            registry.save_order(
                database, "lambdarank", learned.order, parameters=learned.order_parameters,
                metrics=learned.order_metrics, ratings=ratings,
            )
        )  # fmt: skip
    refused: tuple[str, ...] = ()
    if activate and learned.unmeasured is not None and not force:
        refused = (_not_used(registry.get_model(database, factors), learned.unmeasured),)
    elif activate:
        refused = use(database, stored, force=force)
    found = [registry.get_model(database, model_id) for model_id in stored]
    return Trained(found[0], found[1] if len(found) > 1 else None, refused)


def _not_used(model: StoredModel, why: str) -> str:
    return (
        f"{model} is stored, not in use: how good it is could not be measured. {why} "
        f"`palate models activate {model.id} --force` uses it all the same."
    )


def use(database: Database, model_ids: Sequence[int], *, force: bool) -> tuple[str, ...]:
    """Activate models that belong together, in order; why one was refused, and with it the rest."""
    refused = []
    for model_id in model_ids:
        try:
            registry.activate(database, model_id, force=force)
        except ConflictError as error:
            refused.append(str(error))
            break  # an order learned with factors that are not used is of no use
    return tuple(refused)


def _learn_held_out(
    database: Database,
    model: FactorModel,
    order: LambdaRank | None,
    candidates: int,
    seed: int,
    tell: Tell,
) -> _Learned:
    sets = SETS if order is not None else (TUNED_ON,)
    tell("holding out each user's last ratings")
    try:
        with held_out(database, sets) as held:
            features = _fetch(held, model, candidates, seed, tell)
            start = read_weights(held.database)
    except MisuseError as error:
        return _Learned(unmeasured=str(error))
    lists = features[TUNED_ON].lists
    check = _checked(lists, held.training, seed)
    if (tried := int(check.sum())) < _FEWEST:
        return _Learned(unmeasured=f"Held-out ratings make {tried} queries of {_FEWEST} needed.")
    tell("tuning the blend")
    weights, _ = BlendTuner(lists.where(~check)).tune(start)
    metrics = _measure(lists, lists.blended(weights), held.training, check)
    weights, _ = BlendTuner(lists).tune(weights)
    if order is None:
        return _Learned(weights, metrics)
    tell(f"learning an order from {sum(len(f.lists.queries) for f in features.values()):,} queries")
    joined = _joined(list(features.values()))
    held_back = _checked(joined.lists, held.training, seed)
    text, rounds = order.train(joined, learn=~held_back, check=held_back)
    scores = _predict(text, features[TUNED_ON])
    order_metrics = _measure(lists, scores, held.training, check)
    everyone = np.ones(len(joined.lists.queries), np.bool_)
    final = LambdaRank(**{**order.__dict__, "rounds": rounds})
    text, _ = final.train(joined, learn=everyone)
    return _Learned(weights, metrics, text, order_metrics, {**order.__dict__, "rounds": rounds})


def _fetch(
    held: Held, model: FactorModel, candidates: int, seed: int, tell: Tell
) -> dict[QuerySet, FeatureLists]:
    """The model learned from the earlier ratings, and what search then says of the queries."""
    model.fit(held.training, read_movies(held.database))
    registry.activate(held.database, registry.save_factors(held.database, model, metrics={}))
    features = {}
    for name, queries in held.queries.items():
        order = np.random.default_rng(seed).permutation(len(queries))[: _MOST_QUERIES[name]]
        tell(f"searching: {len(order):,} {name} queries")
        chosen = [queries[i] for i in np.sort(order)]
        features[name] = fetch_features(held.database, chosen, candidates=candidates)
    return features


def _checked(lists: CandidateLists, training: Ratings, seed: int) -> NDArray[np.bool_]:
    """(q,) the queries of the users that nothing is fitted to: the same users for all lists."""
    n = len(training.user_ids)
    drawn = np.random.default_rng(seed).permutation(n)[: max(1, int(n * _CHECKED))]
    users = np.array([query.user_id for query in lists.queries], np.int64)
    return np.isin(users, training.user_ids[drawn])


def _joined(parts: list[FeatureLists]) -> FeatureLists:
    """Lists of several sets of queries as one."""
    first = np.cumsum([0] + [len(part.lists.queries) for part in parts])
    lists = [part.lists for part in parts]
    return FeatureLists(
        CandidateLists(
            [query for one in lists for query in one.queries],
            np.concatenate([one.numbers + n for one, n in zip(lists, first, strict=False)]),
            np.concatenate([one.movie_ids for one in lists]),
            np.concatenate([one.bm25_score for one in lists]),
            {
                name: np.concatenate([one.components[name] for one in lists])
                for name in lists[0].components
            },
            np.concatenate([one.levels for one in lists]),
        ),
        np.concatenate([part.matrix for part in parts]),
    )


def _predict(text: str, features: FeatureLists) -> NDArray[np.float64]:
    import lightgbm

    return np.asarray(lightgbm.Booster(model_str=text).predict(features.matrix))


def _measure(
    lists: CandidateLists,
    scores: NDArray[np.float64],
    training: Ratings,
    chosen: NDArray[np.bool_],
) -> dict[str, float]:
    """Metrics on the queries where ``chosen`` (q,) holds."""
    ranks = lists.target_ranks(scores)[chosen]
    counts = np.bincount(training.columns, minlength=len(training.movie_ids))
    wanted = np.array([query.movie_id for query in lists.queries], np.int64)[chosen]
    weights = debiasing_weights(counts[np.searchsorted(training.movie_ids, wanted)])
    measured = rank_metrics(ranks)
    found = {name: round(float(values.mean()), 4) for name, values in measured.items()}
    debiased = float(np.average(measured[HEADLINE], weights=weights))
    return {**found, "debiased " + HEADLINE: round(debiased, 4), "queries": len(ranks)}
