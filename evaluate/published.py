"""Published protocols, repeated on data that the user names, beside what was published for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from evaluate.recommend import Measured, Trial, make_trial, measure
from ingest.rows import Movie
from ingest.sources.movielens import MovieLens
from learn.data import parse_ratings
from learn.models.baselines import Popularity
from learn.models.factors import Ease
from learn.models.implicit import Als
from learn.models.interface import Model, Movies, Ratings, WeightedModel
from learn.models.mixed import Mixed
from palate.errors import MisuseError

Name = Literal["ml-100k", "ml-1m", "ml-20m"]


@dataclass(frozen=True)
class Figure:
    """One published value."""

    model: str
    metric: str
    value: float
    source: str


@dataclass(frozen=True)
class Protocol:
    """How ratings are split and what was published for it. ``about`` says the split in words; what
    a rating counts is chosen by the first of ``metrics``, inside the training ratings."""

    about: str
    metrics: Sequence[str]
    split: Callable[[Ratings, int], Mapping[str, Trial]]
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Row:
    """A model's metrics, ours or published (then with its source and only some of them)."""

    model: str
    setting: str
    values: Mapping[str, float]
    source: str = ""


def _split_100k(ratings: Ratings, seed: int) -> Mapping[str, Trial]:
    return {"random quarter": make_trial(ratings, "random-75-25", seed)}


def _split_1m(ratings: Ratings, seed: int) -> Mapping[str, Trial]:
    """Positive ratings of each user by time: 70% known, 20% to choose parameters by, which we do
    not need, 10% to be found. A control shuffles the times of what is known."""
    liked = ratings.where(ratings.values >= 4)
    last, later = liked.latest(0.1), liked.latest(0.3)
    known, masked = liked.where(~later), liked.where(~last)
    hidden = liked.where(last)
    shuffled = replace(known, times=np.random.default_rng(seed).permutation(known.times))
    return {
        "as published": Trial(known, known, hidden, 0.0, False, masked),
        "all but the last tenth known": Trial(masked, masked, hidden, 0.0, False),
        "order shuffled": Trial(shuffled, shuffled, hidden, 0.0, False, masked),
    }


def _split_20m(ratings: Ratings, seed: int) -> Mapping[str, Trial]:
    """Strangers: a fifth of the positive ratings of 10,000 users whom the model does not meet in
    training, found from the others; users with fewer than five are left out."""
    liked = ratings.where(ratings.values > 3.5)
    liked = liked.take(np.flatnonzero(liked.per_user >= 5))
    draw = np.random.default_rng(seed).permutation(len(liked.user_ids))
    asked = min(10_000, len(draw) // 14)  # as many again would choose parameters
    strangers = liked.take(np.sort(draw[:asked]))
    order = np.random.default_rng(seed).random(len(strangers))
    hidden = strangers.last(np.lexsort((order, strangers.rows)), 0.2)
    training = liked.take(np.sort(draw[2 * asked :]))
    known = strangers.where(~hidden)
    return {"strangers": Trial(training, known, strangers.where(hidden), 0.0, True)}


_RECOMMENDERS = "github.com/recommenders-team/recommenders, benchmark of movie recommenders"
_DIFFREC = "Wang et al. 2023, Diffusion Recommender Model"
_STECK = "Steck 2019, Embarrassingly shallow autoencoders for sparse data"
_LIANG = "Liang et al. 2018, Variational autoencoders for collaborative filtering"

PROTOCOLS: Mapping[Name, Protocol] = {
    "ml-100k": Protocol(
        "a random quarter of each user's ratings, whatever the stars, is to be found",
        ("ndcg@10", "precision@10", "recall@10"),
        _split_100k,
        [Figure("best of the benchmark", "ndcg@10", 0.4751, _RECOMMENDERS)],
    ),
    "ml-1m": Protocol(
        "of each user's ratings of 4 stars and more by time, the last tenth is to be found from "
        "the first seven",
        ("recall@10", "recall@20", "ndcg@10", "ndcg@20"),
        _split_1m,
        [
            Figure("EASE", "recall@10", 0.1082, _DIFFREC),
            Figure("EASE", "ndcg@10", 0.0909, _DIFFREC),
            Figure("DiffRec", "recall@10", 0.1058, _DIFFREC),
            Figure("DiffRec", "ndcg@10", 0.0901, _DIFFREC),
        ],
    ),
    "ml-20m": Protocol(
        "a fifth of the ratings of 4 stars and more of users whom the model has not met",
        ("ndcg@100", "capped recall@20", "capped recall@50"),
        _split_20m,
        [
            Figure("EASE", "ndcg@100", 0.420, _STECK),
            Figure("EASE", "capped recall@20", 0.391, _STECK),
            Figure("EASE", "capped recall@50", 0.521, _STECK),
            Figure("Mult-VAE", "ndcg@100", 0.426, _LIANG),
            Figure("Mult-VAE", "capped recall@20", 0.395, _LIANG),
            Figure("Mult-VAE", "capped recall@50", 0.537, _LIANG),
        ],
    ),
}

COUNTS: Sequence[Mapping[str, Any]] = (
    {"recent": 2.0, "away": True},
    {"recent": 0.0, "away": False},
    {"recent": 0.0, "away": False, "slope": 0.0},
)
"""What a rating may count: late ones more and dislikes pushing away, as the product has it; by its
stars alone; all alike."""

MODELS: Mapping[str, Callable[[], Model]] = {
    "popularity": Popularity, "ease": Ease, "als": Als, "mixed": Mixed
}  # fmt: skip


def read_movielens(location: Path) -> tuple[Ratings, Movies]:
    """A MovieLens folder or archive, read as it is. Raises LoadError, NotFoundError."""
    source = MovieLens(location)
    rows = pl.concat([parse_ratings(block.data) for block in source.ratings()])
    films = [film for film in source.movies() if isinstance(film, Movie)]
    films.sort(key=lambda film: int(film.movie_id or 0))
    years = np.array([film.year or np.nan for film in films], np.float32)
    movies = Movies(
        np.array([film.movie_id for film in films], np.int64),
        [film.genres for film in films],
        years,
    )
    return Ratings.of(*(rows[name].to_numpy() for name in rows.columns)), movies


def repeat_protocol(
    name: Name,
    location: Path,
    *,
    models: Sequence[str] = tuple(MODELS),
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Every model under a published protocol, and what was published.

    Raises LoadError for data that is no MovieLens, MisuseError for a model that there is not.
    """
    if unknown := set(models) - set(MODELS):
        raise MisuseError(
            f"There is no model {', '.join(sorted(unknown))} to measure. Nothing was measured. "
            f"There are {', '.join(MODELS)}."
        )
    protocol = PROTOCOLS[name]
    tell(f"reading {location}")
    ratings, movies = read_movielens(location)
    rows = []
    for setting, trial in protocol.split(ratings, seed).items():
        for chosen in models:
            tell(f"{setting}: {chosen}")
            model = MODELS[chosen]()
            if isinstance(model, WeightedModel):
                model = _choose_counts(model, protocol, trial.training, movies, seed + 1)
            found = _measured(model, trial, movies, protocol.metrics)
            rows.append(Row(chosen, setting, found))
    return rows + [
        Row(one.model, "published", {one.metric: one.value}, one.source) for one in protocol.figures
    ]


def _choose_counts(
    model: WeightedModel, protocol: Protocol, ratings: Ratings, movies: Movies, seed: int
) -> WeightedModel:
    """The model with what a rating counts that is best where ``ratings``, which are all that it may
    know, are split once more."""
    trial = next(iter(protocol.split(ratings, seed).values()))
    first = protocol.metrics[:1]
    tried = [replace(model, **counts) for counts in COUNTS]
    reached = [_measured(one, trial, movies, first)[first[0]] for one in tried]
    return tried[int(np.argmax(reached))]


def _measured(
    model: Model, trial: Trial, movies: Movies, metrics: Sequence[str]
) -> dict[str, float]:
    asked = np.flatnonzero(trial.hidden.per_user)
    found = measure(copy(model).fit(trial.training, movies), trial, movies, asked)
    return dict(_means(found, trial, metrics))


def _means(found: Measured, trial: Trial, metrics: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Means over users; ``capped recall@k`` is of at most k films to be found (Liang et al.)."""
    counts = trial.hidden.per_user
    counts = counts[counts > 0]
    for metric in metrics:
        if metric.startswith("capped "):
            k = int(metric.partition("@")[2])
            values = found.values[f"precision@{k}"] * k / np.minimum(counts, k)
        else:
            values = found.values[metric]
        yield metric, round(float(values.mean()), 4)
