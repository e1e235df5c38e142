"""Ratings straight into their table, where nobody can have rated and nothing is wrong with any.

The table's own constraints are the checks then: films that are unknown, ratings off the scale,
repeated keys. Whatever is not as it should be, or has an id that is no number, sends the whole
source through the staging tables instead, which can say which line it is.
"""

import io
from datetime import datetime
from itertools import chain

import polars as pl
import psycopg
import sqlalchemy

from ingest.progress import LoadProgress
from ingest.ratings import future
from ingest.rows import RatingBlock, Source
from ingest.staging import Staged, statements
from palate.statements import raw
from sql.binary_copy import END, HEADER, encode_rows, encode_times

_BATCH = 250_000  # ratings a statement: chosen, so that what its triggers keep stays small
_SCHEMA = {"user": pl.Int64, "movie": pl.Int64, "rating": pl.Float32, "at": pl.Float64}


class NotPlainError(Exception):
    """There are ratings that have to be looked at one by one."""


REFUSALS = (NotPlainError, psycopg.IntegrityError, psycopg.DataError, pl.exceptions.PolarsError)
"""What sends a source through the staging tables."""


def starts_plain(source: Source) -> bool:
    """Whether nothing of the first ratings has to be looked at: films are written before them."""
    first = next(source.ratings(), None)
    return first is None or not (first.rejected or first.keyed_rows)


def copy_ratings(
    connection: sqlalchemy.Connection,
    source: Source,
    staged: Staged,
    progress: LoadProgress,
    undated: datetime,
) -> int:
    """Copy the ratings of a source into ``ratings``; returns how many.

    Raises one of REFUSALS; the transaction is then good for nothing but its savepoint.
    """
    progress.step("Writing ratings", source.ratings_size)
    copy_statement = statements.raw("copy_ratings_directly").encode()
    blocks = source.ratings()
    for first in blocks:
        rows = 0
        with raw(connection).cursor().copy(copy_statement) as copy:
            copy.write(HEADER)
            for block in chain([first], blocks):
                copy.write(_encode(block, undated))
                progress.advance(block.rows, block.read)
                rows += block.rows
                if rows >= _BATCH:
                    break
            copy.write(END)
        staged.ratings += rows
    return staged.ratings


def _encode(block: RatingBlock, undated: datetime) -> bytes:
    """The rows of a block as the binary format has them. Raises NotPlainError."""
    if block.rejected or block.keyed_rows:
        raise NotPlainError
    if not block.rows:
        return b""
    frame = pl.read_csv(io.BytesIO(block.data), has_header=False, schema=_SCHEMA, null_values="\\N")
    at = frame["at"].fill_null(undated.timestamp()).to_numpy()
    if len(at) != block.rows or future(at.max()):
        raise NotPlainError
    columns = (frame[name].to_numpy() for name in ("user", "movie", "rating"))
    return encode_rows(*columns, encode_times(at))
