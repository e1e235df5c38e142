"""Records of delimited files: their lines and fields, or why a line cannot be read."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from ingest.fields import FieldError, quote
from ingest.files import DataFile, buffered
from ingest.rows import Rejected
from palate.errors import LoadError

MAX_LINE = 4 << 20  # bytes: chosen far above LONGEST_TEXT, and small beside memory
_LOOK_AHEAD = 256 << 10  # characters a quoted field may go on for: more than LONGEST_TEXT
_BOM = b"\xef\xbb\xbf"
PREAMBLE = re.compile(r'#\s|"?sep=.')  # lines before a header: comments, and Excel's delimiter
csv.field_size_limit(MAX_LINE)

Kind = Literal["delimited", "json lines", "json", "parquet", "blocks"]


@dataclass(frozen=True)
class Format:
    """How a file is written. ``::`` separates without quoting, as in MovieLens 1M and 10M.

    ``quoting`` None: only commas come with quotes. ``escape``: a backslash before a quote makes it
    a part of the field. ``blocks``: Netflix's, where a line ``1:`` names the film of what follows.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    quoting: bool | None = None
    escape: bool = False
    kind: Kind = "delimited"
    most: int = 0  # columns, the last of which may hold the delimiter; 0: any number

    @property
    def quoted(self) -> bool:
        """Whether fields may stand in quotes."""
        return self.delimiter == "," if self.quoting is None else self.quoting


@dataclass(frozen=True, slots=True)
class Line:
    """One record: the line it ends on, its fields, and how it is written."""

    number: int
    fields: Sequence[str]
    text: str = ""

    @property
    def written(self) -> str:
        """The record whole."""
        return self.text or ",".join(self.fields)


def refuse(name: str, line: Line, error: FieldError) -> Rejected:
    """The rejection of a line with a field that cannot be read."""
    return Rejected(name, line.number, error.column or None, error.reason, line.written)


def without_last(fields: Sequence[str], columns: int) -> Sequence[str]:
    """The fields of a line; without an empty one behind the last column, where a line ends in a
    delimiter. Raises FieldError for another number of them."""
    if len(fields) == columns + 1 and not fields[-1]:
        return fields[:-1]
    if len(fields) != columns:
        raise FieldError("", f"{len(fields)} fields where {columns} belong")
    return fields


def read_header(file: DataFile, style: Format) -> list[str]:
    """The names of the columns, in order; their places where there is no header.

    Raises LoadError for an empty file.
    """
    line = next(_records(file, style, None), None)
    if line is None:
        raise LoadError(f"{file.name} is empty. The tables are as they were. Get the file again.")
    if isinstance(line, Rejected):
        raise LoadError(f"{line}. The tables are as they were. Correct the header.")
    if not style.header:
        return [str(place) for place in range(1, len(line.fields) + 1)]
    return [name.strip() for name in line.fields]


def read_lines(
    file: DataFile, style: Format, columns: int | None = None
) -> Iterator[Line | Rejected]:
    """The records of a file after its header; blank lines are left out.

    With ``columns``, a record over several lines that has another number of fields is one line
    whose quote is never closed, and lines of their own.
    """
    records = _records(file, style, columns)
    if style.header:
        next(records, None)
    return records


def _records(file: DataFile, style: Format, columns: int | None) -> Iterator[Line | Rejected]:
    with file.open() as stream:
        recoded = as_utf8(stream, style.encoding, file.name)
        text = Text(file.name, style.encoding, recoded, preamble=style.header)
        if style.quoted:
            yield from _parse_quoted(text, style, columns)
            return
        for row in text:
            yield from text.take_rejected()
            if row.strip("\r\n"):
                row = row.rstrip("\r\n")
                yield Line(text.number, row.split(style.delimiter, style.most - 1), row)
        yield from text.take_rejected()


def _parse_quoted(text: "Text", style: Format, columns: int | None) -> Iterator[Line | Rejected]:
    feed = _Feed(text)
    reader = csv_reader(feed, style)
    while True:
        feed.begin()
        try:
            fields = next(reader)
            if columns is not None and len(feed.taken) > 1 and len(fields) != columns:
                raise csv.Error("a quote is never closed")
        except StopIteration:
            break
        except csv.Error as error:
            number, row = feed.give_back()
            yield Rejected(text.name, number, None, _reason(error), row.rstrip("\r\n"))
            reader = csv_reader(feed, style)
            continue
        yield from text.take_rejected()
        if fields:
            yield Line(feed.number, fields, feed.written)
    yield from text.take_rejected()


class _Feed:
    """Lines for csv.reader, remembered as long as they belong to one record."""

    def __init__(self, text: "Text") -> None:
        self._text = text
        self._lines = iter(text)
        self._back: deque[tuple[int, str]] = deque()
        self._look_ahead = _LOOK_AHEAD
        self._size = 0
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > self._look_ahead:
            raise StopIteration
        if self._back:
            number, row = self._back.popleft()
        else:
            row = next(self._lines)
            number = self._text.number
        self.taken.append((number, row))
        self._size += len(row)
        return row

    def begin(self) -> None:
        """A record begins."""
        self.taken = []
        self._size = 0

    def give_back(self) -> tuple[int, str]:
        """All lines but the first are to be read again; returns that one.

        The more often it happens, the less far the next quote is looked for, so that a file full of
        single quotes is not read over and over.
        """
        first, *others = self.taken
        self._back.extendleft(reversed(others))
        if others:
            self._look_ahead = max(self._look_ahead // 2, 1)
        return first

    @property
    def number(self) -> int:
        """The line that the record ends on."""
        return self.taken[-1][0]

    @property
    def written(self) -> str:
        """The record as it stands in the file."""
        return "".join(row for _, row in self.taken).rstrip("\r\n")


def parse_line(name: str, style: Format, number: int, raw: bytes) -> Line | Rejected:
    """One line by itself."""
    try:
        text = raw.decode(style.encoding)
    except UnicodeDecodeError as error:
        return _undecodable(name, number, raw, error)
    if not style.quoted:
        return Line(number, text.split(style.delimiter), text)
    try:
        return Line(number, next(csv_reader(iter([text]), style), []), text)
    except csv.Error as error:
        return Rejected(name, number, None, _reason(error), text)


def csv_reader(text: Iterator[str], style: Format, *, strict: bool = True) -> Iterator[list[str]]:
    """The fields of lines as a format has them."""
    return csv.reader(
        text, delimiter=style.delimiter, escapechar="\\" if style.escape else None,
        doublequote=not style.escape, strict=strict,
    )  # fmt: skip


class Text:
    """Decoded lines of a stream; those that cannot be decoded are set aside.

    ``preamble``: lines before the header are left out.
    """

    def __init__(
        self, name: str, encoding: str, stream: BinaryIO, *, preamble: bool = False
    ) -> None:
        self.name, self._stream, self._preamble = name, stream, preamble
        self._encoding = encoding if is_by_lines(encoding) else "utf-8"
        self._rejected: list[Rejected] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._stream.readline(MAX_LINE):
            self.number += 1
            if self.number == 1:
                raw = without_bom(raw, self.name)
            _check_length(raw, self.name, self.number)
            try:
                row = raw.decode(self._encoding)
            except UnicodeDecodeError as error:
                self._rejected.append(_undecodable(self.name, self.number, raw, error))
                continue
            self._preamble = self._preamble and PREAMBLE.match(row) is not None
            if not self._preamble:
                yield row

    def take_rejected(self) -> list[Rejected]:
        """The lines that could not be decoded since the last call."""
        taken, self._rejected = self._rejected, []
        return taken


def is_by_lines(encoding: str) -> bool:
    """Whether a line's end is one byte in this encoding, so that a wrong line spoils no other."""
    return not encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))


def as_utf8(stream: BinaryIO, encoding: str, name: str) -> BinaryIO:
    """The bytes of a stream; in UTF-8 where its own encoding cannot be taken apart by lines."""
    if is_by_lines(encoding):
        return stream
    return buffered(_recoded(stream, encoding, name))


def _recoded(stream: BinaryIO, encoding: str, name: str) -> Iterator[bytes]:
    """A stream in UTF-8."""
    text = io.TextIOWrapper(stream, encoding, newline="")
    try:
        while data := text.read(1 << 16):
            yield data.encode()
    except UnicodeError as error:
        raise LoadError(
            f"{name} is damaged or cut short: it is no {text.encoding.upper()} "
            f"({error}). The tables are as they were. Get the file again."
        ) from error


def without_bom(start: bytes, name: str) -> bytes:
    """The start of a file without UTF-8's byte order mark. Raises LoadError for UTF-16."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError(
            f"{name} is written in UTF-16. The tables are as they were. "
            "`palate ingest table` reads it; or save it as UTF-8."
        )
    return start.removeprefix(_BOM)


def _undecodable(name: str, number: int, raw: bytes, error: UnicodeDecodeError) -> Rejected:
    """The rejection of a line in the wrong encoding."""
    written = raw.decode("latin-1").rstrip("\r\n")
    reason = f"byte {error.start + 1} is not {error.encoding.upper()}"
    return Rejected(name, number, None, f"{reason}: save the file as UTF-8", written)


def _check_length(raw: bytes, name: str, number: int) -> None:
    if len(raw) >= MAX_LINE:
        raise LoadError(
            f"{name}, line {number} is longer than {MAX_LINE >> 20} MiB. "
            "The tables are as they were. Is it a text file?"
        )


def missing_columns(
    file: str, wanted: Sequence[str], header: Sequence[str], remedy: str
) -> LoadError:
    """The error for a file that lacks some of the wanted columns, with what to do."""
    lacking = [name for name in wanted if name not in header] or wanted
    return LoadError(
        f"{file} has no column {', '.join(lacking)}; it has {quote(', '.join(header))}. The "
        f"tables are as they were. {remedy}"
    )


def _reason(error: csv.Error) -> str:
    """What is wrong with a line, in the words of whoever wrote it."""
    what = "a value is too long" if "field limit" in str(error) else "quotes are wrong"
    return f"{what} ({error})"
