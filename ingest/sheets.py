"""Files as records with named columns, however they are written: text, JSON, Parquet, blocks."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any, BinaryIO

from ingest import lines
from ingest.files import DataFile
from ingest.lines import MAX_LINE, Format, Line, Text, as_utf8, parse_line
from ingest.rows import Rejected
from palate.errors import LoadError

_SAMPLE = 1000  # records of JSON whose keys are the columns
_CHUNK = 1 << 20
# Numbers stay as they are written: nothing is rounded on the way.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_BETWEEN = re.compile(r"[\s,]*")
_FILM = re.compile(r"([0-9]+):")


class Sheet:
    """A file that is read as ``Format`` says. Raises LoadError where it is not so."""

    def __init__(self, file: DataFile, style: Format) -> None:
        self.file, self.style = file, style

    @cached_property
    def header(self) -> list[str]:
        """The names of the columns."""
        match self.style.kind:
            case "parquet":
                # polars takes its time and memory to import: only who has Parquet pays.
                from ingest import parquet

                return parquet.read_header(self.file)
            case "json lines" | "json":
                first = islice(self._objects(), _SAMPLE)
                records = (one[1] for one in first if not isinstance(one, Rejected))
                if found := dict.fromkeys(key for record in records for key in _keys(record)):
                    return list(found)
                raise LoadError(
                    f"{self.file.name} holds no JSON object. The tables are as they were. "
                    "It may be one object a line, or a list of objects."
                )
            case "blocks":
                return ["movie", "user", "rating", "date"]
        return lines.read_header(self.file, self.style)

    def records(self) -> Iterator[Line | Rejected]:
        """Its records, or why a line is none."""
        match self.style.kind:
            case "parquet":
                from ingest import parquet

                return parquet.read_lines(self.file)
            case "json lines" | "json":
                return self._json_records()
            case "blocks":
                return self._blocks()
        return lines.read_lines(self.file, self.style, len(self.header))

    def parse_object(self, name: str, style: Format, number: int, raw: bytes) -> Line | Rejected:
        """One line of JSON by itself."""
        line = parse_line(name, Format("\n", style.encoding, quoting=False), number, raw)
        if isinstance(line, Rejected) or not line.text.strip():
            return line
        found = _object(name, number, line.text)
        return found if isinstance(found, Rejected) else self._as_line(*found)

    def _as_line(self, number: int, record: dict[str, Any], text: str) -> Line:
        return Line(number, [_as_text(_value(record, key)) for key in self.header], text)

    def _json_records(self) -> Iterator[Line | Rejected]:
        for found in self._objects():
            yield found if isinstance(found, Rejected) else self._as_line(*found)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any], str] | Rejected]:
        with self.file.open() as stream:
            text = as_utf8(stream, self.style.encoding, self.file.name)
            if self.style.kind == "json":
                yield from _elements(self.file.name, text)
                return
            rows = Text(self.file.name, self.style.encoding, text)
            for row in rows:
                yield from rows.take_rejected()
                if row.strip():
                    yield _object(self.file.name, rows.number, row.rstrip("\r\n"))
            yield from rows.take_rejected()

    def _blocks(self) -> Iterator[Line | Rejected]:
        film = ""
        for line in lines.read_lines(self.file, Format(header=False, quoting=False)):
            if isinstance(line, Rejected):
                yield line
            elif found := _FILM.fullmatch(line.text.strip()):
                film = found[1]
            else:
                yield Line(line.number, [film, *line.fields], line.text)


def _keys(record: dict[str, Any]) -> Iterator[str]:
    """The names of an object's values; those of objects in it behind a point: movie.ids.imdb."""
    for key, value in record.items():
        yield key
        if isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in _keys(value))


def _value(record: dict[str, Any], key: str) -> object:
    if key in record or "." not in key:
        return record.get(key)
    outer, _, inner = key.partition(".")
    within = record.get(outer)
    return _value(within, inner) if isinstance(within, dict) else None


def _object(name: str, number: int, text: str) -> tuple[int, dict[str, Any], str] | Rejected:
    try:
        record = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return Rejected(name, number, None, f"is no JSON ({error})", text)
    if not isinstance(record, dict):
        return Rejected(name, number, None, "is no JSON object", text)
    return number, record, text


def _elements(name: str, stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any], str] | Rejected]:
    """The objects of one JSON list, a chunk at a time; they count from 1."""
    rest, number, ended = "", 0, False
    for chunk in _chunks(name, stream):
        rest, at = rest + chunk, 0
        if number == 0 and not rest.lstrip().startswith("["):
            raise LoadError(f"{name} is no JSON list of objects. The tables are as they were.")
        if number == 0:
            at, number = rest.index("[") + 1, 1
        while not ended:
            at = _BETWEEN.match(rest, at).end()  # type: ignore[union-attr]
            if rest[at : at + 1] == "]":
                ended = True
                break
            try:
                record, end = _DECODER.raw_decode(rest, at)
            except ValueError:
                break
            written = rest[at:end]
            if isinstance(record, dict):
                yield number, record, written
            else:
                yield Rejected(name, number, None, "is no JSON object", written)
            number, at = number + 1, end
        rest = rest[at:]
        if len(rest) > MAX_LINE:
            raise LoadError(
                f"The {max(number, 1):,}. object of {name} is longer than {MAX_LINE >> 20} MiB, or "
                "is no JSON. The tables are as they were."
            )
    if not ended:
        raise LoadError(
            f"{name} is damaged or cut short at its {max(number, 1):,}. object. The tables are as "
            "they were. Get the file again."
        )


def _chunks(name: str, stream: BinaryIO) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8-sig")()
    try:
        while data := stream.read(_CHUNK):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise LoadError(
            f"{name} is no UTF-8 ({error}), as JSON is. The tables are as they were. "
            "Get the file again."
        ) from error


def _as_text(value: object) -> str:
    """A value of JSON as a field: lists and objects as they are written."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
