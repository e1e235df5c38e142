"""The learned order: LightGBM LambdaRank over what search_features() says of the candidates.

The active model's text is kept parsed in each process; every search learns from its own statement
which model is active, so that a change reaches all processes with the next search, and there is
no message to miss.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection

from palate.contract import LEVELS
from palate.statements import Statements

_statements = Statements(Path(__file__).parent / "statements" / "learned.sql")
_log = structlog.get_logger(__name__)

Matrix = NDArray[np.float64]

COMPONENTS = ("bm25", "content", "collaborative", "popularity")
"""Features that are components of the blend, as search() scales them."""

SQL_FEATURES = (
    "affinity",
    "affinity_10",
    "affinity_30",
    "log_ratings",
    "mean_rating",
    "year",
    "years_from_last_rating",
    "years_from_own_mean",
    "genres_rated",
    "genres_liked",
    "log_user_ratings",
    "user_mean",
)
"""Columns of search_features() that are features as they are."""

LIST_FEATURES: Mapping[str, Callable[[Mapping[str, Matrix]], Matrix]] = {
    "candidates": lambda columns: np.full(len(columns["bm25"]), float(len(columns["bm25"]))),
    "collaborative_place": lambda columns: _places(columns["collaborative"]),
    "content_place": lambda columns: _places(columns["content"]),
    "scaled_affinity_10": lambda columns: _scaled(columns["affinity_10"]),
    "scaled_affinity_30": lambda columns: _scaled(columns["affinity_30"]),
}
"""Made here from the columns (n,) of a whole list."""

READ = COMPONENTS + SQL_FEATURES
"""Columns of search_features() that FEATURES are made of."""

FEATURES = (*READ, *LIST_FEATURES)

WORDS = {
    "its text": ("bm25", "candidates"),
    "how near it is to what you like": ("content", "content_place"),
    "what people with your ratings liked": ("affinity", "collaborative", "collaborative_place"),
    "what you rated lately": (
        "affinity_10", "affinity_30", "scaled_affinity_10", "scaled_affinity_30",
    ),
    "how many people rated it": ("popularity", "log_ratings"),
    "how people rated it": ("mean_rating", "user_mean"),
    "its year": ("year", "years_from_last_rating", "years_from_own_mean"),
    "its genres": ("genres_rated", "genres_liked"),
    "how much you have rated": ("log_user_ratings",),
}  # fmt: skip
"""Features that say the same thing, under the words for it."""

BY_RATINGS = (
    "how near it is to what you like",
    "what people with your ratings liked",
    "what you rated lately",
    "its genres",
)
"""Words of WORDS for what a user's ratings say of a film."""


def feature_matrix(columns: Mapping[str, Matrix]) -> Matrix:
    """FEATURES of one list of n candidates, (n, len(FEATURES)); NaN where something is missing.

    ``columns`` are READ, (n,) each. Raises KeyError for one that is not there.
    """
    made = {name: make(columns) for name, make in LIST_FEATURES.items()}
    return np.column_stack([columns[name] for name in READ] + [made[name] for name in made])


def _places(column: Matrix) -> Matrix:
    """Share of the others that are greater: 0 for the greatest, equals alike in any order."""
    greater = np.searchsorted(np.sort(-column), -column, side="left")
    return np.where(np.isnan(column), np.nan, greater / max(len(column), 1))


def _scaled(column: Matrix) -> Matrix:
    """From the least, 0, to the greatest, 1; where all are alike .5; NaN stays."""
    known = column[~np.isnan(column)]
    if not len(known) or (span := known.max() - known.min()) == 0:
        return np.where(np.isnan(column), np.nan, 0.5)
    return np.asarray((column - known.min()) / span)


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
        rows = _statements.fetch(connection, "search", parameters)
        head = rows[0]
        rows = [row for row in rows if row["movie_id"] is not None]
        order = self._current(connection, head["order_id"])
        scored = None
        if order is not None and rows and head["user_has_taste"]:
            scored = self._score(order, rows)
        places = range(len(rows)) if scored is None else _places_by(scored[1], rows)
        ordered = tuple(rows[i]["movie_id"] for i in places)
        k = parameters["k"]
        films = _statements.fetch(connection, "films", {"movie_ids": list(ordered[:k])})
        about = {film["movie_id"]: film for film in films}
        shown = [
            {**about[row["movie_id"]], **row}
            for rank, i in enumerate(places[:k], 1)
            if (row := _ranked(rows[i], rank, scored and scored[1][i]))["movie_id"] in about
        ]
        if order is None or scored is None:
            return Page(head, shown, ordered)
        parts = order.contributions(scored[0]) if parameters["explain"] else []
        about_order = {rows[i]["movie_id"]: parts[i] for i in places[:k]} if parts else {}
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
        except Exception as error:  # a stored model must not turn searches into errors
            self._failed = model_id
            _log.warning("learned order cannot be used", model=model_id, error=str(error))
            return None

    def _score(
        self, order: LearnedOrder, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[Matrix, Matrix] | None:
        """The features (n, len(FEATURES)) of the rows and their scores (n,), unless that fails."""
        try:
            matrix = matrix_of(rows)
            return matrix, order.scores(matrix)
        except Exception as error:
            with self._lock:
                self._failed, self._order = order.id, None
            _log.warning("learned order failed", model=order.id, error=str(error))
            return None


def matrix_of(rows: Sequence[Mapping[str, Any]]) -> Matrix:
    """The feature matrix of search_features()'s rows for one query."""
    return feature_matrix(
        {name: np.array([row[name] for row in rows], np.float64) for name in READ}
    )


def _places_by(scores: Matrix, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The rows' indices by pin, level and learned score, ties as the blend has them."""
    levels = np.array([LEVELS.index(row["level"]) for row in rows])
    pins = np.array([row["rank"] if row["pinned"] else np.inf for row in rows])
    places: list[int] = np.lexsort((-scores, -levels, pins)).tolist()
    return places


def _ranked(row: Mapping[str, Any], rank: int, score: float | None) -> Mapping[str, Any]:
    """The row, ranked by its learned score; as it is where there is none."""
    if score is None:
        return row
    moved = row["unpersonalized_rank"] - rank
    return {**row, "rank": rank, "moved": moved, "learned_score": float(score)}
