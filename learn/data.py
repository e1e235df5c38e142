"""Ratings and films, read from the database as arrays: what models learn from."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from learn.models.interface import Movies, Ratings
from palate.errors import MisuseError
from palate.statements import Statements, raw
from sql.database import Database

statements = Statements.beside(__file__, "data")

_BLOCK = 1 << 24  # bytes of text parsed at once
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
    copying = statements.raw("ratings").encode()
    with database.begin(patient=True) as connection, raw(connection).cursor().copy(copying) as copy:
        parts = [parse_ratings(block) for block in _join_blocks(copy)]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=_COLUMNS)
    if rows.is_empty():
        raise MisuseError(
            "The database holds no people's ratings to measure with. Nothing was done. "
            "Load some, for example with `palate ingest sample`."
        )
    return Ratings.of(*(rows[name].to_numpy() for name in _COLUMNS))


def _join_blocks(copy: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """What COPY sends, in large blocks of whole lines: text takes more memory than numbers."""
    block = bytearray()
    for line in copy:
        block += line
        if len(block) > _BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def parse_ratings(block: bytes) -> pl.DataFrame:
    """Ratings as CSV without a header: user_id, movie_id, rating, seconds since 1970."""
    return pl.read_csv(block, has_header=False, schema=_COLUMNS)


def read_films(database: Database) -> list[Film]:
    """Every film of the catalog, by movie_id."""
    with database.read() as connection:
        rows = connection.execute(statements["films"])
        return [Film(r.movie_id, r.title, r.year, tuple(r.genres)) for r in rows]


def read_movies(database: Database, *, vectors: bool = True) -> Movies:
    """Every film, with what enrichment says of it and, unless not wanted, centred text vectors, 0
    where a film has none."""
    with database.begin(patient=True) as connection:
        rows = connection.execute(statements["movies"]).all()
        ids = np.array([row.movie_id for row in rows], np.int64)
        years = np.array([row.year if row.year else np.nan for row in rows], np.float32)
        genres, traits = [tuple(row.genres) for row in rows], [tuple(row.traits) for row in rows]
        found = Movies(ids, genres, years, traits=traits)
        if not vectors:
            return found
        numbers = connection.execute(statements["dimension"]).scalar() or 0
        matrix = np.zeros((len(ids), numbers), np.float32)
        for movie_id, vector in connection.execute(statements["vectors"]):
            matrix[np.searchsorted(ids, movie_id)] = np.fromstring(
                vector[1:-1], np.float32, sep=","
            )
    return dataclasses.replace(found, vectors=matrix)
