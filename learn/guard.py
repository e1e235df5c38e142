"""Nothing measured may know the future: held-out ratings must have reached nothing.

Two guards, in every run. What a statement locks says what it reads: no live table may be among
it. And what the scratch database says about users and films must be what its ratings say.
"""

import numpy as np
import sqlalchemy
from numpy.typing import NDArray

from learn.data import statements
from learn.models.interface import Ratings
from learn.registry import fingerprint, list_models
from palate.errors import PalateError
from sql.database import Database

_HALF_LIFE = 63_115_200.0  # seconds: movie_stats' two years
_NEAR = 1e-4


class LeakError(PalateError):
    """Something measured knows held-out ratings; no figure of it would be worth anything."""

    title = "Evaluation leaks"


def check_reads(connection: sqlalchemy.Connection) -> None:
    """Raise LeakError when this transaction has read a table of the live schema."""
    live = connection.execute(statements["live_relations_read"]).scalars().all()
    if live:
        raise LeakError(
            f"Search in the scratch schema read the live {', '.join(live)}, which knows the "
            "future. Nothing was measured. Functions must not name a schema."
        )


def check_statistics(database: Database, training: Ratings) -> None:
    """Raise LeakError unless users, films and models know these ratings and no others."""
    with database.begin(patient=True) as connection:
        films = np.array(connection.execute(statements["film_statistics"]).all(), np.float64)
        users = np.array(connection.execute(statements["user_statistics"]).all(), np.float64)
    rows = np.searchsorted(training.movie_ids, films[:, 0])
    known = np.append(training.movie_ids, -1)[rows] == films[:, 0]
    for column, expected in enumerate(_of_films(training), 1):
        should = np.where(known, np.append(expected, 0.0)[rows], 0.0)
        _compare(_FILM_COLUMNS[column - 1], films[:, column], should)
    for model in list_models(database):
        if model.state == "active" and model.fingerprint != fingerprint(training):
            raise LeakError(
                f"{model} did not learn from the training ratings: it may know the future. "
                "Nothing was measured."
            )
    counts = training.per_user
    _compare("users' rating_count", users[:, 1], counts[counts > 0].astype(np.float64))


_FILM_COLUMNS = (
    "movies.rating_count", "movies.avg_rating", "movie_stats.rating_count",
    "movie_stats.avg_rating", "movie_stats.popularity",
)  # fmt: skip


def _of_films(training: Ratings) -> tuple[NDArray[np.float64], ...]:
    """What each film's ratings give for _FILM_COLUMNS, (m,) each."""
    m = len(training.movie_ids)
    count = training.per_film.astype(np.float64)
    total = np.bincount(training.columns, training.values, minlength=m)
    mean = np.divide(total, count, out=np.zeros(m), where=count > 0)
    age = (training.times.max(initial=-np.inf) - training.times) / _HALF_LIFE
    popularity = np.log1p(np.bincount(training.columns, 0.5**age, minlength=m))
    return count, mean, count, mean, popularity


def _compare(what: str, found: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    tolerance = 0.006 if what == "movies.avg_rating" else _NEAR  # shown with two decimals
    if len(found) == len(expected) and np.allclose(found, expected, rtol=_NEAR, atol=tolerance):
        return
    raise LeakError(
        f"{what} in the scratch schema is not what the training ratings give: it may know the "
        "future. Nothing was measured."
    )
