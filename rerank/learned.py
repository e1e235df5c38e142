"""The learned order: LightGBM LambdaRank over features of the candidates.

The active model's text is kept parsed in each process; every search learns from its own statement
which model is active, so that a change reaches all processes with the next search, and there is
no message to miss.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from palate.contract import COMPONENTS, LEVELS
from palate.statements import Statements
from rerank.factors import FilmFactors
from rerank.features import FEATURES, WORDS, Matrix, Person, feature_matrix

_statements = Statements.beside(__file__, "learned")
_log = structlog.get_logger(__name__)


SAID = (
    "rank", "movie_id", "title", "year", "score", *COMPONENTS,
    *(f"{name}_contribution" for name in COMPONENTS), "bm25_score", "unpersonalized_rank",
    "moved", "rating", "personalized", "relaxed", "level", "pinned",
)  # fmt: skip
"""Columns of search_columns() that are a hit's."""


class LearnedOrder:
    """One model, ready to order candidates. Thread-safe."""

    def __init__(self, model_id: int, name: str, body: str) -> None:
        import lightgbm

        self.id = model_id
        self.name = name
        self._booster = lightgbm.Booster(model_str=body)
        if tuple(self._booster.feature_name()) != FEATURES:
            raise ValueError("it was trained on other features than this Palate makes")

    def scores(self, matrix: Matrix) -> Matrix:
        """(n,) scores of the candidates of one list: greater is better."""
        return np.asarray(self._booster.predict(matrix, num_threads=1))

    def contributions(self, matrix: Matrix) -> list[dict[str, float]]:
        """What each group of WORDS adds to each candidate's score against the list's mean.

        From TreeSHAP (Lundberg et al. 2018), as LightGBM's ``pred_contrib`` gives it.
        """
        values = np.asarray(self._booster.predict(matrix, num_threads=1, pred_contrib=True))
        values = values[:, :-1] - values[:, :-1].mean(axis=0)
        grouped = {
            words: values[:, [FEATURES.index(name) for name in names]].sum(axis=1)
            for words, names in WORDS.items()
        }
        return [
            {words: float(column[i]) for words, column in grouped.items()}
            for i in range(len(values))
        ]


def _stored(connection: Connection, model_id: int) -> LearnedOrder:
    row = connection.execute(_statements["order"], {"id": model_id}).one()
    return LearnedOrder(model_id, f"{row.name} {row.version}", row.body)


def unusable(connection: Connection) -> str | None:
    """Why searches here pass over the active learned order; None where they use it or none is."""
    model_id = connection.execute(_statements["active_order"]).scalar()
    try:
        if model_id is not None:
            _stored(connection, model_id)
    except Exception as error:  # whatever keeps a search from using it
        return str(error)
    return None


@dataclass(frozen=True)
class Page:
    """What a statement found: what it says of the user, the page's films in order, every film's
    id in order; when a learned order made it, its name and what it says of each film."""

    head: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    ordered: tuple[int, ...]
    model: str | None = None
    contributions: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


class LearnedPages:
    """Pages in the active learned order; in the blend's when there is none or it fails.

    The model is parsed once a process, and again when a search finds that another is active.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: LearnedOrder | None = None
        self._failed: int | None = None
        self._features = FeatureMaker()

    @property
    def expected(self) -> bool:
        """Whether the last search found a learned order active."""
        return self._order is not None

    def appeared(self, model_id: int | None) -> bool:
        """Whether this model, which a search found active, is one to try."""
        return model_id is not None and model_id != self._failed

    def preload(self, connection: Connection) -> None:
        """Parse the active model now, before a search asks for it."""
        self._current(connection, connection.execute(_statements["active_order"]).scalar())

    def page(self, connection: Connection, parameters: Mapping[str, Any]) -> Page:
        """The first page of a search, from the parameters of its statement."""
        found = _statements.fetch(connection, "search", parameters)[0]
        order = self._current(connection, found["order_id"])
        scored = None
        if order is not None and found["movie_id"] and found["user_has_taste"] and found["rated"]:
            scored = self._score(connection, order, found)
        places = _places_by(scored and scored[1], found)
        movie_ids = found["movie_id"] or []
        ordered = tuple(movie_ids[i] for i in places)
        k = parameters["k"]
        asked = {name: parameters[name] for name in ("user_id", "profile")}
        shown_ids = {"movie_ids": list(ordered[:k])}
        films = _statements.fetch(connection, "films", asked | shown_ids)
        about = {film["movie_id"]: film for film in films}
        shown = [
            {**about[row["movie_id"]], **row}
            for rank, i in enumerate(places[:k], 1)
            if (row := _row(found, i, rank, scored and scored[1]))["movie_id"] in about
        ]
        head = {**found, **shown[0]} if shown else found
        if order is None or scored is None:
            return Page(head, shown, ordered)
        parts = order.contributions(scored[0]) if parameters["explain"] else []
        about_order = {movie_ids[i]: parts[i] for i in places[:k]} if parts else {}
        return Page(head, shown, ordered, order.name, about_order)

    def _current(self, connection: Connection, model_id: int | None) -> LearnedOrder | None:
        with self._lock:
            if model_id is None:
                self._order = None
            elif self.appeared(model_id) and (self._order is None or self._order.id != model_id):
                self._order = self._load(connection, model_id)
            return self._order

    def _load(self, connection: Connection, model_id: int) -> LearnedOrder | None:
        try:
            return _stored(connection, model_id)
        except SQLAlchemyError as error:  # which may pass: the next search tries again
            _log.warning("learned order was not read", model=model_id, error=str(error))
            return None
        except Exception as error:  # a stored model must not turn searches into errors
            self._failed = model_id
            _log.warning("learned order cannot be used", model=model_id, error=str(error))
            return None

    def _score(
        self, connection: Connection, order: LearnedOrder, found: Mapping[str, Any]
    ) -> tuple[Matrix, Matrix] | None:
        """The features (n, len(FEATURES)) of the n films and their scores (n,), unless that
        fails."""
        try:
            matrix = self._features.matrix(connection, found, found)
            return matrix, order.scores(matrix)
        except SQLAlchemyError:
            raise
        except Exception as error:
            with self._lock:
                self._failed, self._order = order.id, None
            _log.warning("learned order failed", model=order.id, error=str(error))
            return None


class FeatureMaker:
    """Makes features, with the factors of the films that it has met. Thread-safe."""

    def __init__(self) -> None:
        self._factors: FilmFactors | None = None

    def matrix(
        self, connection: Connection, found: Mapping[str, Any], rated: Mapping[str, Any]
    ) -> Matrix:
        """The features (n, len(FEATURES)) of a row of search_columns() for a row of
        latest_ratings()."""
        factors, model_id = self._factors, rated["factors_id"]
        if model_id is None:
            factors = None
        elif factors is None or factors.id != model_id:
            factors = self._factors = FilmFactors(model_id, rated["parameters"])
        person = Person.of(rated)
        if factors is not None:
            factors.fetch(connection, [*person.rated, *found["movie_id"]])
        return feature_matrix(found, person, factors)


def _places_by(scores: Matrix | None, found: Mapping[str, Any]) -> list[int]:
    """The films' indices by pin, level and learned score, ties as the blend has them."""
    n = len(found["movie_id"] or ())
    if scores is None:
        return list(range(n))
    levels = np.array([LEVELS.index(level) for level in found["level"]])
    pins = np.where(found["pinned"], found["rank"], np.inf)
    places: list[int] = np.lexsort((-scores, -levels, pins)).tolist()
    return places


def _row(found: Mapping[str, Any], i: int, rank: int, scores: Matrix | None) -> dict[str, Any]:
    """What search() says of one film, ranked by its learned score where there is one."""
    row = {name: found[name][i] for name in SAID}
    if scores is None:
        return row
    moved = row["unpersonalized_rank"] - rank
    return {**row, "rank": rank, "moved": moved, "learned_score": float(scores[i])}
