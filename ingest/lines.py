"""Lines of delimited files: whole rows for films and tags, blocks of bytes for ratings.

A file has up to tens of millions of ratings. A block whose every line one regular expression
accepts goes to the database as it is, at some 50 ns a row; only a block that it refuses is taken
apart line by line, to say which line is wrong and why.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.fields import FieldError, identifier, moment, number, shown
from ingest.files import DataFile
from ingest.rows import RatingBlock, Rejected
from palate.errors import LoadError

BLOCK = 1 << 20
MAX_LINE = 4 << 20
_BOM = b"\xef\xbb\xbf"
CLEAN_RATINGS = re.compile(
    rb"(?>[0-9]{1,18}+,[0-9]{1,18}+,[0-9](?:\.[0-9]{1,3}+)?+,[0-9]{1,10}+(?:\.[0-9]{1,6}+)?+\n)*+"
)


@dataclass(frozen=True)
class Format:
    """How a file is written. ``::`` separates without quoting, as in MovieLens 1M and 10M."""

    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One record: the line it ends on, and its fields."""

    number: int
    fields: Sequence[str]


def read_header(file: DataFile, style: Format) -> list[str]:
    """The names of the columns, in order. Raises LoadError for an empty file."""
    for line in _records(file, style):
        if isinstance(line, Rejected):
            raise LoadError(f"{line}. The tables are as they were. Save the file as UTF-8.")
        return [name.strip() for name in line.fields]
    raise LoadError(f"{file.name} is empty. The tables are as they were. Get the file again.")


def read_lines(file: DataFile, style: Format) -> Iterator[Line | Rejected]:
    """The records of a file after its header; blank lines are left out."""
    records = _records(file, style)
    if style.header:
        next(records, None)
    return records


def _records(file: DataFile, style: Format) -> Iterator[Line | Rejected]:
    with file.open() as stream:
        yield from _parse(file.name, style, stream)


def _parse(name: str, style: Format, stream: BinaryIO) -> Iterator[Line | Rejected]:
    text = _Text(name, style.encoding, stream)
    if style.delimiter == "::":
        for row in text:
            if row.strip():
                yield Line(text.number, row.rstrip("\r\n").split("::"))
            yield from text.take_rejected()
        yield from text.take_rejected()
        return
    reader = _reader(text, style.delimiter)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Rejected(name, text.number, None, f"quotes are wrong ({error})", text.last)
            continue
        yield from text.take_rejected()
        if fields:
            yield Line(text.number, fields)
    yield from text.take_rejected()


def _reader(text: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Only commas come with quotes: a quote in u.item is a part of the title."""
    if delimiter == ",":
        return csv.reader(text, strict=True)
    return csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)


class _Text:
    """Decoded lines of a stream; those that cannot be decoded are set aside."""

    def __init__(self, name: str, encoding: str, stream: BinaryIO) -> None:
        self._name, self._encoding, self._stream = name, encoding, stream
        self._rejected: list[Rejected] = []
        self.number = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        while raw := self._stream.readline(MAX_LINE):
            self.number += 1
            if self.number == 1:
                raw = without_bom(raw, self._name)
            _check_length(raw, self._name, self.number)
            try:
                self.last = raw.decode(self._encoding)
            except UnicodeDecodeError as error:
                self._rejected.append(undecodable(self._name, self.number, raw, error))
                continue
            yield self.last

    def take_rejected(self) -> list[Rejected]:
        taken, self._rejected = self._rejected, []
        return taken


def without_bom(start: bytes, name: str) -> bytes:
    """The start of a file without UTF-8's byte order mark. Raises LoadError for UTF-16."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError(
            f"{name} is written in UTF-16. The tables are as they were. Save it as UTF-8."
        )
    return start.removeprefix(_BOM)


def undecodable(name: str, number: int, raw: bytes, error: UnicodeDecodeError) -> Rejected:
    """The rejection of a line in the wrong encoding."""
    reason = f"byte {error.start + 1} is not {error.encoding.upper()}: save the file as UTF-8"
    return Rejected(name, number, None, reason, raw.decode("latin-1").rstrip("\r\n"))


def _check_length(raw: bytes, name: str, number: int) -> None:
    if len(raw) >= MAX_LINE:
        raise LoadError(
            f"{name}, line {number} is longer than {MAX_LINE >> 20} MiB. "
            "The tables are as they were. Is it a text file?"
        )


# Ratings


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
        yield from blocks_of_rows(file.name, read_lines(file, style), columns)
        return
    delimiter = style.delimiter.encode()
    number = 1
    with file.open() as stream:
        for raw in _raw_blocks(stream, file.name):
            block = without_bom(raw, file.name) if number == 1 else raw
            if number == 1 and style.header:
                block = block.partition(b"\n")[2]
                number += 1
            lines = block.count(b"\n")
            yield _block(file.name, style, columns, block, number, delimiter, len(raw))
            number += lines


def _raw_blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """About a megabyte each, ending with a line's end."""
    while data := stream.read(BLOCK):
        rest = stream.readline(MAX_LINE) if not data.endswith(b"\n") else b""
        if len(rest) >= MAX_LINE:
            raise LoadError(
                f"{name} has a line longer than {MAX_LINE >> 20} MiB. "
                "The tables are as they were. Is it a text file?"
            )
        data += rest
        yield data if data.endswith(b"\n") else data + b"\n"


def _block(
    name: str,
    style: Format,
    columns: RatingColumns,
    block: bytes,
    number: int,
    delimiter: bytes,
    read: int,
) -> RatingBlock:
    clean = block.replace(b"\r\n", b"\n")
    if delimiter != b",":
        clean = clean.replace(delimiter, b",")
    if CLEAN_RATINGS.fullmatch(clean):
        rows = clean.count(b"\n")
        return RatingBlock(clean, rows, [(0, number)] if rows else [], read=read)
    lines = (
        _one_line(name, style, number + index, raw) for index, raw in enumerate(block.splitlines())
    )
    found = next(blocks_of_rows(name, lines, columns, limit=None), RatingBlock(b"", 0, []))
    found.read = read
    return found


def _one_line(name: str, style: Format, number: int, raw: bytes) -> Line | Rejected:
    try:
        text = raw.decode(style.encoding)
    except UnicodeDecodeError as error:
        return undecodable(name, number, raw, error)
    if style.delimiter == "::":
        return Line(number, text.split("::") if text.strip() else [])
    try:
        return Line(number, next(_reader([text], style.delimiter), []))
    except csv.Error as error:
        return Rejected(name, number, None, f"quotes are wrong ({error})", text)


def blocks_of_rows(
    name: str,
    lines: Iterator[Line | Rejected],
    columns: RatingColumns,
    limit: int | None = 40_000,
) -> Iterator[RatingBlock]:
    """Ratings from records that have to be looked at one by one, ``limit`` rows a block."""
    rows: list[str] = []
    runs: list[tuple[int, int]] = []
    rejected: list[Rejected] = []
    expected = -1
    for line in lines:
        row = line if isinstance(line, Rejected) else _rating(name, line, columns)
        if isinstance(row, Rejected):
            rejected.append(row)
        elif row is not None and isinstance(line, Line):
            if line.number != expected:
                runs.append((len(rows), line.number))
            expected = line.number + 1
            rows.append(row)
        if limit is not None and len(rows) + len(rejected) >= limit:
            yield RatingBlock("".join(rows).encode(), len(rows), runs, rejected)
            rows, runs, rejected, expected = [], [], [], -1
    if rows or rejected:
        yield RatingBlock("".join(rows).encode(), len(rows), runs, rejected)


def _rating(name: str, line: Line, columns: RatingColumns) -> str | Rejected | None:
    """The line as COPY reads it; None when blank."""
    fields = line.fields
    if not any(field.strip() for field in fields):
        return None
    try:
        if len(fields) != columns.count:
            raise FieldError("", f"{len(fields)} fields where {columns.count} belong")
        user, movie, rating = (
            convert(fields[at], columns.names[at]) for at, convert in _converters(columns)
        )
        time = columns.default_time
        if columns.time is not None:
            time = moment(fields[columns.time], columns.names[columns.time])
        return f"{user},{movie},{rating},{time}\n"
    except FieldError as error:
        return Rejected(name, line.number, error.column or None, error.reason, ",".join(fields))


def _converters(
    columns: RatingColumns,
) -> tuple[tuple[int, Callable[[str, str], int | str]], ...]:
    return (
        (columns.user, identifier),
        (columns.movie, identifier),
        (columns.rating, number),
    )


def missing_columns(file: str, wanted: Sequence[str], header: Sequence[str]) -> LoadError:
    """The error for a file that lacks columns."""
    lacking = ", ".join(name for name in wanted if name not in header)
    return LoadError(
        f"{file} has no column {lacking}; it has {shown(', '.join(header))}. The tables are as "
        "they were. Name the columns that hold them."
    )
