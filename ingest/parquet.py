"""Parquet files as lines and blocks of ratings, a slice at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import polars as pl

from ingest.files import DataFile
from ingest.lines import Line
from ingest.ratings import RatingColumns, build_blocks, take_clean_block
from ingest.rows import RatingBlock
from palate.errors import LoadError, MissingFileError

_SLICE = 50_000  # rows


def read_header(file: DataFile) -> list[str]:
    """The names of the columns. Raises LoadError for what is no Parquet."""
    return _scan(file).collect_schema().names()


def read_lines(file: DataFile) -> Iterator[Line]:
    """Rows as text, numbered from 1: lists joined by ``|``, times as epoch seconds."""
    numbers = count(1)
    for frame in _slices(file):
        for row in _as_text(frame).iter_rows():
            yield Line(next(numbers), row)


def read_ratings(file: DataFile, columns: RatingColumns) -> Iterator[RatingBlock]:
    """The ratings, a slice a block."""
    places = (columns.user, columns.movie, columns.rating, columns.time)
    wanted = [place for place in places if place is not None]
    quick = len(wanted) == len(places) and not (columns.scale.stars or columns.scale.unrated)
    number = 1
    for frame in _slices(file):
        block = None
        if quick and not columns.keep:
            picked = _plain_times(frame.select(pl.nth(wanted)))
            data = picked.write_csv(include_header=False).encode()
            block = take_clean_block(data, number + columns.offset)
        if block is not None:
            yield block
        else:
            lines = map(Line, count(number), _as_text(frame).iter_rows())
            yield from build_blocks(file.name, lines, columns)
        number += frame.height


def _scan(file: DataFile) -> pl.LazyFrame:
    if not file.path.exists():
        raise MissingFileError(f"There is no file {file.path}. Nothing was loaded.")
    frame = pl.scan_parquet(file.path)
    with _explained(file):
        frame.collect_schema()
    return frame


def _slices(file: DataFile) -> Iterator[pl.DataFrame]:
    frame, offset = _scan(file), 0
    while True:
        with _explained(file):
            part = frame.slice(offset, _SLICE).collect()
        if part.is_empty():
            return
        yield part
        offset += part.height


def _plain_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Times as epoch seconds."""
    return frame.with_columns(pl.col(pl.Datetime).dt.epoch("us") / 1_000_000)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    return (
        _plain_times(frame)
        .with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join("|"))
        .select(pl.all().cast(pl.String).fill_null(""))
    )


@contextmanager
def _explained(file: DataFile) -> Iterator[None]:
    """Say what is wrong with a file that polars cannot read."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        raise LoadError(
            f"{file.name} is no whole Parquet file ({str(error).splitlines()[0]}). "
            "The tables are as they were. Get the file again."
        ) from error
