"""Ratings and films, read from the database as arrays."""

import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from palate.errors import MisuseError
from rerank.models.interface import Ratings
from sql.database import Database
from sql.statements import Statements, raw

statements = Statements(Path(__file__).with_name("statements") / "evaluate.sql")

_COLUMNS = {
    "user_id": pl.Int64, "movie_id": pl.Int64, "rating": pl.Float32, "rated_at": pl.Float64
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Film:
    """What queries are made of."""

    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]


def read_ratings(database: Database) -> Ratings:
    """Every person's ratings of profile ``main``. Raises MisuseError when there are none."""
    buffer = io.BytesIO()
    copying = statements.raw("ratings").encode()
    with database.begin(patient=True) as connection, raw(connection).cursor().copy(copying) as copy:
        for block in copy:
            buffer.write(block)
    buffer.seek(0)
    rows = pl.read_csv(buffer, schema=_COLUMNS)
    if rows.is_empty():
        raise MisuseError(
            "The database holds no people's ratings to measure with. Nothing was done. "
            "Load some, for example with `palate ingest sample`."
        )
    return Ratings.of(*(rows[name].to_numpy() for name in _COLUMNS))


def read_films(database: Database) -> list[Film]:
    """Every film of the catalog, by movie_id."""
    with database.read() as connection:
        rows = connection.execute(statements["movies"])
        return [Film(r.movie_id, r.title, r.year, tuple(r.genres)) for r in rows]
