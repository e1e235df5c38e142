"""Records of delimited files: their lines and fields, or why a line cannot be read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.fields import quote
from ingest.files import DataFile
from ingest.rows import Rejected
from palate.errors import LoadError

MAX_LINE = 4 << 20  # bytes: chosen far above LONGEST_TEXT, and small beside memory
_BOM = b"\xef\xbb\xbf"


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
            yield Rejected(name, text.number, None, _reason(error), text.last)
            continue
        yield from text.take_rejected()
        if fields:
            yield Line(text.number, fields)
    yield from text.take_rejected()


def parse_line(name: str, style: Format, number: int, raw: bytes) -> Line | Rejected:
    """One line by itself."""
    try:
        text = raw.decode(style.encoding)
    except UnicodeDecodeError as error:
        return _undecodable(name, number, raw, error)
    if style.delimiter == "::":
        return Line(number, text.split("::"))
    try:
        return Line(number, next(_reader([text], style.delimiter), []))
    except csv.Error as error:
        return Rejected(name, number, None, _reason(error), text)


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
                self._rejected.append(_undecodable(self._name, self.number, raw, error))
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


def _undecodable(name: str, number: int, raw: bytes, error: UnicodeDecodeError) -> Rejected:
    """The rejection of a line in the wrong encoding."""
    reason = f"byte {error.start + 1} is not {error.encoding.upper()}: save the file as UTF-8"
    return Rejected(name, number, None, reason, raw.decode("latin-1").rstrip("\r\n"))


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
