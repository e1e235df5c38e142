"""Ratings of a file as blocks that COPY reads.

A file has up to tens of millions of ratings. A block whose every line one regular expression
accepts goes to the database as it is, at some 50 ns a row; only a block that it refuses is taken
apart line by line, to say which line is wrong and why.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from ingest.fields import FieldError, parse_id, parse_number, parse_time
from ingest.files import DataFile
from ingest.lines import MAX_LINE, Format, Line, parse_line, read_lines, without_bom
from ingest.rows import RatingBlock, Rejected
from palate.errors import LoadError

_BYTES = 1 << 20  # read at once: chosen, little beside what a process takes anyway
_ROWS = 40_000  # about as many as such a block holds
_CLEAN = re.compile(
    rb"(?>[0-9]{1,18}+,[0-9]{1,18}+,[0-9](?:\.[0-9]{1,3}+)?+,[0-9]{1,10}+(?:\.[0-9]{1,6}+)?+\n)*+"
)


@dataclass(frozen=True)
class RatingColumns:
    """Where a line holds user, film, rating and time, and what the file calls them.

    ``time`` None: the file has none, and ``default_time`` (epoch seconds) stands in.
    """

    user: int
    movie: int
    rating: int
    time: int | None
    names: Mapping[int, str]
    count: int
    default_time: str = "0"

    @property
    def canonical(self) -> bool:
        """Whether lines are already what COPY reads."""
        return (self.user, self.movie, self.rating, self.time, self.count) == (0, 1, 2, 3, 4)


def read_ratings(file: DataFile, style: Format, columns: RatingColumns) -> Iterator[RatingBlock]:
    """The ratings of a delimited file, block by block."""
    if not columns.canonical:
        yield from build_blocks(file.name, read_lines(file, style), columns)
        return
    first = 1
    with file.open() as stream:
        for raw in _raw_blocks(stream, file.name):
            block = without_bom(raw, file.name) if first == 1 else raw
            if first == 1 and style.header:
                block = block.partition(b"\n")[2]
                first += 1
            found = take_clean_block(_with_commas(block, style), first)
            if found is None:
                found = _block_by_lines(file.name, style, columns, block, first)
            found.read = len(raw)
            yield found
            first += block.count(b"\n")


def take_clean_block(data: bytes, first: int) -> RatingBlock | None:
    """The bytes as a block that begins at line ``first``; None unless every line is as it must be.

    >>> take_clean_block(b"1,2,4.5,964982703\\n", first=2).runs
    [(0, 2)]
    """
    if _CLEAN.fullmatch(data) is None:
        return None
    rows = data.count(b"\n")
    return RatingBlock(data, rows, [(0, first)] if rows else [])


def build_blocks(
    name: str, lines: Iterable[Line | Rejected], columns: RatingColumns
) -> Iterator[RatingBlock]:
    """Ratings from records that have to be looked at one by one."""
    block = _Block()
    for line in lines:
        block.add(line if isinstance(line, Rejected) else _rating(name, line, columns), line)
        if block.full:
            yield block.close()
            block = _Block()
    yield block.close()


def _block_by_lines(
    name: str, style: Format, columns: RatingColumns, data: bytes, first: int
) -> RatingBlock:
    block = _Block()
    for at, raw in enumerate(data.split(b"\n")[:-1], first):
        line = parse_line(name, style, at, raw.removesuffix(b"\r"))
        block.add(line if isinstance(line, Rejected) else _rating(name, line, columns), line)
    return block.close()


class _Block:
    """A block in the making."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._runs: list[tuple[int, int]] = []
        self._rejected: list[Rejected] = []
        self._expected = -1

    def add(self, row: str | Rejected | None, line: Line | Rejected) -> None:
        """A row for COPY, or its rejection, or nothing for a blank line."""
        if isinstance(row, Rejected):
            self._rejected.append(row)
        elif row is not None and isinstance(line, Line):
            if line.number != self._expected:
                self._runs.append((len(self._rows), line.number))
            self._expected = line.number + 1
            self._rows.append(row)

    @property
    def full(self) -> bool:
        return len(self._rows) + len(self._rejected) >= _ROWS

    def close(self) -> RatingBlock:
        data = "".join(self._rows).encode()
        return RatingBlock(data, len(self._rows), self._runs, self._rejected)


def _raw_blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """About a megabyte each, ending with a line's end."""
    while data := stream.read(_BYTES):
        rest = stream.readline(MAX_LINE) if not data.endswith(b"\n") else b""
        if len(rest) >= MAX_LINE:
            raise LoadError(
                f"{name} has a line longer than {MAX_LINE >> 20} MiB. "
                "The tables are as they were. Is it a text file?"
            )
        data += rest
        yield data if data.endswith(b"\n") else data + b"\n"


def _with_commas(block: bytes, style: Format) -> bytes:
    clean = block.replace(b"\r\n", b"\n")
    return clean if style.delimiter == "," else clean.replace(style.delimiter.encode(), b",")


def _rating(name: str, line: Line, columns: RatingColumns) -> str | Rejected | None:
    """The line as COPY reads it; None when blank."""
    fields, names = line.fields, columns.names
    if not any(field.strip() for field in fields):
        return None
    try:
        if len(fields) != columns.count:
            raise FieldError("", f"{len(fields)} fields where {columns.count} belong")
        user = parse_id(fields[columns.user], names[columns.user])
        movie = parse_id(fields[columns.movie], names[columns.movie])
        rating = parse_number(fields[columns.rating], names[columns.rating])
        time = columns.default_time
        if columns.time is not None:
            time = parse_time(fields[columns.time], names[columns.time])
        return f"{user},{movie},{rating},{time}\n"
    except FieldError as error:
        return Rejected(name, line.number, error.column or None, error.reason, ",".join(fields))
