"""Recommendation, measured: films a model puts on top, against the films users went on to rate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluate.estimates import Estimate, bootstrap
from evaluate.runs import Outcomes, Run, about
from evaluate.topn import CUTOFFS, beyond_accuracy, top_n_metrics
from learn.data import read_movies, read_ratings
from learn.models.interface import Ids, Model, Movies, Ratings
from learn.queries import LIKED
from learn.split import random_split, temporal_split, user_split
from palate.errors import MisuseError
from sql.database import Database

Protocol = Literal["temporal", "random-75-25", "strong"]
PROTOCOLS: tuple[Protocol, ...] = ("temporal", "random-75-25", "strong")

_BATCH = 256  # users scored at once
_KEPT = ("ndcg@10", "recall@10", "precision@10", "map@10", "hit@10", "mrr@10", "recall@100")


@dataclass(frozen=True)
class Trial:
    """One protocol's material. ``asked`` are users by place; ``known`` is what they have rated.

    ``training`` is learned from; ``known`` and ``hidden`` are the asked users' ratings, and a
    hidden one is relevant from ``relevant_from`` stars. ``folded`` says that a model meets the
    asked users only after it has learned. Films of ``masked`` are left out of lists: by default the
    known ones.
    """

    training: Ratings
    known: Ratings
    hidden: Ratings
    relevant_from: float
    folded: bool
    masked: Ratings | None = None


@dataclass(frozen=True)
class ProtocolResult:
    """Every model under one protocol. ``beyond`` is what accuracy does not say, at 10."""

    users: int
    relevant: int
    accuracy: dict[str, dict[str, Estimate]]
    beyond: dict[str, dict[str, float]]


def make_trial(ratings: Ratings, protocol: Protocol, seed: int = 0) -> Trial:
    """Split ratings by a protocol.

    ``temporal``: each user's last fifth, of which those of 4 stars and more are to be found.
    ``random-75-25``: a random quarter of each user's, all to be found: the protocol of the
    recommenders benchmark (github.com/recommenders-team/recommenders). ``strong``: a fifth of the
    users, whom the model does not meet in training; their last fifth, from 4 stars, is to be found
    from the rest (Liang et al. 2018).
    """
    if protocol == "strong":
        held = user_split(ratings, 0.2, seed)
        strangers = ratings.take(np.flatnonzero(held))
        late = temporal_split(strangers)
        training = ratings.take(np.flatnonzero(~held))
        return Trial(training, strangers.where(~late), strangers.where(late), LIKED, True)
    temporal = protocol == "temporal"
    late = temporal_split(ratings) if temporal else random_split(ratings, 0.25, seed)
    training = ratings.where(~late)
    return Trial(training, training, ratings.where(late), LIKED if temporal else 0.0, False)


def evaluate_recommend(
    database: Database,
    models: Mapping[str, Callable[[], Model]],
    *,
    protocols: Sequence[Protocol] = PROTOCOLS,
    users: int | None = None,
    samples: int = 1000,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Train and measure every model under every protocol.

    ``users`` asks so many only; all teach. Raises MisuseError when nothing is held out.
    """
    ratings, movies = read_ratings(database), read_movies(database, vectors=True)
    results: dict[str, Any] = {}
    outcomes: dict[str, Outcomes] = {}
    for protocol in protocols:
        trial = make_trial(ratings, protocol, seed)
        asked = _choose_users(trial, users, seed)
        measured = {}
        for name, make in models.items():
            tell(f"{protocol}: {name}")
            model = make().fit(trial.training, movies)
            measured[name] = measure(model, trial, movies, asked)
        results[protocol] = _summarize(trial, asked, measured, samples=samples, seed=seed)
        outcomes[protocol] = Outcomes(
            trial.hidden.user_ids[asked].tolist(),
            [],
            {name: {key: one.values[key].tolist() for key in _KEPT}
             for name, one in measured.items()},
        )  # fmt: skip
    parameters = {
        "protocols": list(protocols), "models": list(models), "users_asked": users,
        "samples": samples, "seed": seed,
    }  # fmt: skip
    return Run(about("recommend", database, ratings, parameters), results, outcomes)


def _choose_users(trial: Trial, users: int | None, seed: int) -> NDArray[np.int64]:
    """Places of the users who have something to find."""
    relevant = trial.hidden.values >= trial.relevant_from
    there = np.unique(trial.hidden.rows[relevant])
    if not len(there):
        raise MisuseError(
            "Users have too few ratings to hold any out that could be recommended. "
            "Nothing was measured."
        )
    drawn = np.random.default_rng(seed).permutation(len(there))[:users]
    return np.sort(there[drawn])


@dataclass(frozen=True)
class Measured:
    """One model under one protocol: each asked user's metrics (n,), and facts over all of them."""

    values: dict[str, NDArray[np.float64]]
    beyond: dict[str, float]


def measure(model: Model, trial: Trial, movies: Movies, asked: NDArray[np.int64]) -> Measured:
    """A trained model's metrics for the asked users (places in ``trial.hidden.user_ids``)."""
    if trial.folded:
        model = model.fold_in(trial.known)
    masked = trial.known if trial.masked is None else trial.masked
    lists, errors = [], [np.zeros(0)]
    for start in range(0, len(asked), _BATCH):
        rows = asked[start : start + _BATCH]
        scores = model.score(trial.known.user_ids[rows], model.movie_ids)
        if model.predicts_ratings:
            errors.append(_measure_errors(model, trial.hidden.take(rows), scores))
        lists.append(_choose_best(model, masked.take(rows), scores))
    best = np.concatenate(lists)
    hidden = trial.hidden.where(trial.hidden.values >= trial.relevant_from)
    relevant = [
        hidden.movie_ids[hidden.columns[hidden.starts[row] : hidden.starts[row + 1]]]
        for row in asked
    ]
    values = top_n_metrics(best, relevant)
    activity = trial.known.per_user[asked]
    beyond = beyond_accuracy(best[:, :10], trial.training, movies, values["ndcg@10"], activity)
    if model.predicts_ratings:
        wrong = np.concatenate(errors)
        beyond |= {"rmse": float(np.sqrt((wrong**2).mean())), "mae": float(np.abs(wrong).mean())}
    return Measured(values, beyond)


def _choose_best(model: Model, known: Ratings, scores: NDArray[np.float32]) -> Ids:
    """The best films that these users have not rated, (n, longest cut-off); ties by movie_id."""
    scores = scores.copy()
    seen = known.among(model.movie_ids)
    scores[seen.rows, seen.columns] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, : CUTOFFS[-1]]
    films = np.where(np.isfinite(np.take_along_axis(scores, order, 1)), model.movie_ids[order], -1)
    missing = CUTOFFS[-1] - films.shape[1]
    return np.pad(films, ((0, 0), (0, max(0, missing))), constant_values=-1)


def _measure_errors(
    model: Model, hidden: Ratings, scores: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Stars predicted, kept on the scale, less stars given; films that it does not know: none."""
    there = hidden.among(model.movie_ids)
    predicted = np.clip(scores[there.rows, there.columns], 0.5, 5.0)
    return predicted.astype(np.float64) - there.values


def _summarize(
    trial: Trial,
    asked: NDArray[np.int64],
    measured: Mapping[str, Measured],
    *,
    samples: int,
    seed: int,
) -> ProtocolResult:
    relevant = trial.hidden.take(asked).values >= trial.relevant_from
    accuracy = {
        name: bootstrap(one.values, asked, samples=samples, seed=seed)
        for name, one in measured.items()
    }
    beyond = {name: one.beyond for name, one in measured.items()}
    return ProtocolResult(len(asked), int(relevant.sum()), accuracy, beyond)
