"""Ratings and films, read from the database as arrays."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from palate.errors import MisuseError
from rerank.models.interface import Ratings
from sql.database import Database
from sql.statements import Statements, raw

statements = Statements(Path(__file__).with_name("statements") / "evaluate.sql")

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
        parts = [_parsed(block) for block in _blocks(copy)]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=_COLUMNS)
    if rows.is_empty():
        raise MisuseError(
            "The database holds no people's ratings to measure with. Nothing was done. "
            "Load some, for example with `palate ingest sample`."
        )
    return Ratings.of(*(rows[name].to_numpy() for name in _COLUMNS))


def _blocks(copy: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """What COPY sends, in large blocks of whole lines: text takes more memory than numbers."""
    block = bytearray()
    for line in copy:
        block += line
        if len(block) > _BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _parsed(block: bytes) -> pl.DataFrame:
    return pl.read_csv(block, has_header=False, schema=_COLUMNS)


def read_films(database: Database) -> list[Film]:
    """Every film of the catalog, by movie_id."""
    with database.read() as connection:
        rows = connection.execute(statements["movies"])
        return [Film(r.movie_id, r.title, r.year, tuple(r.genres)) for r in rows]
