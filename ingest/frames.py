"""Blocks of lines as polars reads them: the columns of ratings, picked in one go."""

import io
from collections.abc import Mapping

import polars as pl

from ingest.lines import Format


def pick(
    block: bytes, style: Format, wanted: Mapping[int, str], count: int, last: str | None
) -> bytes | None:
    """The ``wanted`` columns of every line, by place and name, as CSV; None where a line has to be
    looked at, for example since it has not ``count`` fields. ``last`` is added to each."""
    lines = block.count(b"\n")
    try:
        if style.kind == "json lines":
            frame = _read_objects(block, list(wanted.values()))
        elif b'"' in block or block.count(style.delimiter.encode()) != lines * (count - 1):
            return None
        else:
            frame = _read_lines(block, style, list(wanted))
    except pl.exceptions.PolarsError:
        return None
    if frame.height != lines:
        return None
    if last is not None:
        frame = frame.with_columns(pl.lit(last).alias(" last"))
    return frame.write_csv(include_header=False, quote_style="never").encode()


def _read_objects(block: bytes, names: list[str]) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(block), schema=dict.fromkeys(names, pl.String)).select(names)


def _read_lines(block: bytes, style: Format, places: list[int]) -> pl.DataFrame:
    delimiter = style.delimiter
    if len(delimiter) > 1:
        block, delimiter = block.replace(delimiter.encode(), b"\x1f"), "\x1f"
    frame = pl.read_csv(
        io.BytesIO(block), has_header=False, separator=delimiter, infer_schema=False,
        quote_char=None,
    )  # fmt: skip
    return frame.select(pl.nth(places))
