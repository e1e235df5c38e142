"""How a file is written, seen from its start: format, encoding, delimiter, quotes, header."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile

from charset_normalizer import from_bytes

from ingest.fields import is_missing, parse_number, reads
from ingest.files import DataFile, is_zip, open_files
from ingest.foreign import refuse_foreign
from ingest.lines import PREAMBLE, Format, csv_reader
from ingest.names import names_one
from ingest.times import parse_day
from palate.errors import LoadError

SAMPLE = 256 << 10  # bytes
_LINES = 200
_EVIDENCE = 40  # bytes outside ASCII: of fewer, what they are in Western Europe is the best guess
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ("::", "\t", ";", "|", ",")
_PLACE = re.compile(rb"^\s*[0-9]+:\s*$")


def sniff(file: DataFile) -> Format:
    """How a file is written. Raises LoadError where no table can be seen in it."""
    if file.member is None and file.start.startswith(b"PAR1"):
        return Format(kind="parquet")
    if is_zip(file):
        open_files(file.path)
        raise LoadError(
            f"{file.name} is a zip archive in a folder. The tables are as they were. Name it, too."
        )
    with file.open() as stream:
        start = stream.read(SAMPLE)
    refuse_foreign(file.name, start)
    if not start.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        what = "holds nothing but blank lines" if start else "is empty"
        raise LoadError(f"{file.name} {what}. The tables are as they were. Get the file again.")
    whole = len(start) < SAMPLE
    encoding = _encoding(file, start)
    text = start.decode(encoding, "replace").lstrip("\ufeff")
    kind = text.lstrip()[:1]
    if kind == "{":
        return Format(encoding=encoding, kind="json lines")
    if kind == "[":
        return Format(encoding=encoding, kind="json")
    if _PLACE.match(start.split(b"\n", 1)[0]):
        return Format(",", "utf-8", header=False, quoting=False, kind="blocks")
    if "\r" in text and "\n" not in text:
        raise LoadError(
            f"{file.name} ends its lines as old Macintoshes did, by a carriage return alone. The "
            f"tables are as they were. `tr '\\r' '\\n' < {file.name} > new.csv` mends that."
        )
    if not whole and "\n" not in text:
        raise LoadError(
            f"{file.name} begins with a line of more than {SAMPLE >> 10} KiB. The tables are as "
            "they were. Is it a table? Of very many columns keep those that are needed."
        )
    rows = text.split("\n") if whole else text.split("\n")[:-1]
    rows = [row.rstrip("\r") for row in rows if row.strip()][: _LINES + 1]
    return _delimited(file, encoding, list(dropwhile(PREAMBLE.match, rows))[:_LINES] or rows)


def _encoding(file: DataFile, start: bytes) -> str:
    """UTF-8 unless lines outside ASCII say otherwise, wherever in the file they stand."""
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[place:400:2].count(0) > len(start[:400]) * 0.4:
            return encoding
    if (odd := b"".join(_outside_ascii(file))) and not _is_mostly_utf8(odd):
        if sum(byte > 127 for byte in odd) < _EVIDENCE:
            return "cp1252"
        best = from_bytes(odd, cp_isolation=["cp1252", "latin_1", "cp1250", "cp1251", "shift_jis",
                                             "big5", "gb18030", "euc_kr"]).best()  # fmt: skip
        return best.encoding if best is not None else "cp1252"
    return "utf-8"


def _outside_ascii(file: DataFile, most: int = 200) -> Iterable[bytes]:
    """The first lines with a byte outside ASCII."""
    with file.open() as stream:
        while data := stream.read(1 << 20):
            data += stream.readline(1 << 20)
            if data.isascii():
                continue
            for line in data.splitlines(keepends=True):
                if not line.isascii():
                    yield line
                    most -= 1
                    if not most:
                        return


def _is_mostly_utf8(odd: bytes) -> bool:
    """Whether a line reads as UTF-8: in other encodings next to none does by chance."""
    lines, wrong = odd.splitlines(), 0
    for line in lines:
        try:
            line.decode()
        except UnicodeDecodeError:
            wrong += 1
    return wrong * 2 <= len(lines)


def _delimited(file: DataFile, encoding: str, rows: Sequence[str]) -> Format:
    best: tuple[float, int, Format] | None = None
    for delimiter in _DELIMITERS:
        style = _way(delimiter, encoding, rows)
        counts = Counter(len(fields) for fields in _split(rows, style))
        if not counts:
            continue
        columns, agreeing = max(counts.items(), key=lambda one: (one[0] > 1, one[1]))
        share = agreeing / counts.total()
        if columns > 1 and (best is None or (share, columns) > best[:2]):
            best = share, columns, style
    if best is None:
        raise LoadError(
            f"{file.name} is no table: its lines have no comma, semicolon, tab, bar or :: in "
            "common. The tables are as they were. Is it the right file?"
        )
    return replace(best[2], header=_has_header(_split(rows, best[2])))


def _way(delimiter: str, encoding: str, rows: Sequence[str]) -> Format:
    """With quotes where fields stand in them; for commas and semicolons always."""
    if delimiter == "::":
        return Format(delimiter, encoding, quoting=False)
    edge = re.escape(delimiter)
    backslash = re.compile(rf'\\"(?!{edge}|$)')
    doubled = re.compile(rf'[^{edge}\\"]""[^{edge}"]')
    escaped = any(map(backslash.search, rows)) and not any(map(doubled.search, rows))
    inside = re.compile(rf'(?:^|{edge})"[^"]*"(?={edge}|$)')
    if delimiter in ",;" or sum(bool(inside.search(row)) for row in rows) * 2 > len(rows):
        return Format(delimiter, encoding, quoting=True, escape=escaped)
    return Format(delimiter, encoding, quoting=False)


def _split(rows: Sequence[str], style: Format) -> list[list[str]]:
    if not style.quoting:
        return [row.split(style.delimiter) for row in rows]
    reader = csv_reader((f"{row}\n" for row in rows), style, strict=False)
    found = []
    while True:
        try:
            found.append(next(reader))
        except StopIteration:
            return found
        except csv.Error:
            continue


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names columns: no value in it, and others below. Of names that are
    Palate's own, two are enough, whatever else is empty or there twice."""
    first, below = rows[0], rows[1:]
    if any(map(_is_value, first)):
        return False
    if sum(map(names_one, dict.fromkeys(first))) > 1:
        return True
    if any(map(is_missing, first)) or len(set(first)) < len(first):
        return False
    return not below or any(
        _is_value(row[at]) for at in range(len(first)) for row in below if at < len(row)
    )


def _is_value(cell: str) -> bool:
    return reads(parse_number, cell) or (not is_missing(cell) and reads(parse_day, cell))
