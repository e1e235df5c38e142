"""Events of a file into the database: CSV, Parquet or JSON lines; all of it, or nothing."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from ingest.fields import (
    FieldError,
    parse_id,
    parse_text,
)
from ingest.files import DataFile
from ingest.lines import Format, Line, missing_columns, read_header, read_lines
from ingest.rejects import OnError, Rejects
from ingest.rows import Rejected
from ingest.scales import parse_score
from ingest.sources.columns import Columns, convert_lines
from ingest.times import parse_time
from palate.contract import PROFILE_PATTERN, UNKNOWN_USER, is_user_name
from palate.errors import LoadError, MisuseError
from palate.statements import Statements, raw, run_script
from sql.database import Database

_statements = Statements(Path(__file__).parent / "statements" / "events.sql")

FIELDS = (
    "user_id", "type", "movie_id", "genre", "rating", "happened_at", "source", "event_id",
    "profile",
)  # fmt: skip
"""What an event of a file may have, by the names of its columns."""

_COMMAS = Format(",")
_LONGEST = {"source": 100, "event_id": 200}

Row = tuple[int, str, str, int | None, *tuple[str | None, ...], str]


@dataclass(frozen=True)
class EventsReport:
    """What became of a file's events. ``known`` were there already."""

    file: str
    accepted: int
    known: int
    rejected: int
    rejects: Path | None
    seconds: float


def load_events(
    database: Database,
    path: Path,
    *,
    type: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: OnError = "stop",
    rejects: Path | None = None,
) -> EventsReport:
    """Write the events of a file in one transaction; the next answer knows them.

    ``type`` stands in for a missing column, ``columns`` names those that are called otherwise.
    ``on_error="skip"`` sets lines that cannot be written aside in ``rejects``. Raises
    RejectedLineError at the first such line otherwise, and LoadError; nothing is written then.
    """
    started = time.monotonic()
    file = DataFile(path)
    aside = rejects or Path(re.sub(r"[^\w.-]+", "-", path.name) + "-rejected.csv")
    rows = _read(file, type, dict(columns or {}))
    with Rejects(on_error, aside) as rejected, database.begin(patient=True) as connection:
        run_script(connection, _statements.raw("create_staging"))
        staged = _copy(connection, rows, rejected)
        staged -= _reject(connection, "reject_events", file, rejected)
        if not staged + rejected.count:
            raise LoadError(f"{file.name} holds no events. Nothing was written. Look at the file.")
        connection.execute(_statements["name_users"])
        connection.execute(_statements["find_users"])
        staged -= _reject(connection, "reject_others", file, rejected)
        accepted = connection.execute(_statements["insert_events"]).rowcount
    with database.begin(patient=True) as connection:
        connection.execute(_statements["analyze"])
    return EventsReport(
        file.name,
        accepted,
        staged - accepted,
        rejected.count,
        aside if rejected.count else None,
        time.monotonic() - started,
    )


def _reject(connection: sqlalchemy.Connection, which: str, file: DataFile, rejects: Rejects) -> int:
    """Set the lines aside that a statement takes out; gives how many there are."""
    found = connection.execute(_statements[which]).all()
    for line, reason, content in sorted(found):
        rejects.add(Rejected(file.name, line, None, reason, content))
    return len(found)


def _copy(
    connection: sqlalchemy.Connection, rows: Iterator[Row | Rejected], rejects: Rejects
) -> int:
    count = 0
    with raw(connection).cursor().copy(_statements.raw("copy_events").encode()) as copy:
        for row in rows:
            if isinstance(row, Rejected):
                rejects.add(row)
            else:
                copy.write_row(row)
                count += 1
    return count


def _read(file: DataFile, type: str | None, mapping: Mapping[str, str]) -> Iterator[Row | Rejected]:
    if unknown := [name for name in mapping if name not in FIELDS]:
        raise MisuseError(
            f"There is no column {', '.join(unknown)} to map. Nothing was loaded. "
            f"Those of events are {', '.join(FIELDS)}."
        )
    header, lines = _open(file, mapping)
    columns = Columns(header, {} if header == list(FIELDS) else mapping)
    needed = ("user_id",) if type else ("user_id", "type")
    if lacking := [name for name in needed if columns.find(name) is None]:
        remedy = "Name it with --column OURS=YOURS, or give one --type for all."
        raise missing_columns(file.name, lacking, header, remedy)
    return convert_lines(file.name, lines, len(header), _Reader(columns, type).read)


def _open(
    file: DataFile, mapping: Mapping[str, str]
) -> tuple[list[str], Iterator[Line | Rejected]]:
    """The names of a file's columns, and its lines."""
    name = file.path.name.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        return list(FIELDS), _read_objects(file, mapping)
    if name.endswith((".parquet", ".pq")):
        from ingest import parquet  # polars takes its time to import

        return parquet.read_header(file), parquet.read_lines(file)
    return read_header(file, _COMMAS), read_lines(file, _COMMAS)


def _read_objects(file: DataFile, mapping: Mapping[str, str]) -> Iterator[Line | Rejected]:
    with file.open() as stream:
        for number, text in enumerate(stream, 1):
            if not text.strip():
                continue
            try:
                found = json.loads(text)
                if not isinstance(found, dict):
                    raise ValueError("no object")
            except (ValueError, RecursionError) as error:
                shown = text.decode("utf-8", "replace").rstrip()
                yield Rejected(file.name, number, None, f"is no JSON object ({error})", shown)
                continue
            values = (found.get(mapping.get(name, name)) for name in FIELDS)
            yield Line(number, ["" if value is None else str(value) for value in values])


class _Reader:
    """Lines as rows for COPY."""

    def __init__(self, columns: Columns, type: str | None) -> None:
        self._places = {name: columns.find(name) for name in FIELDS}
        self._type = type

    def read(self, line: Line) -> Row:
        """An event. Raises FieldError."""
        given = {
            name: parse_text(line.fields[at], name, _LONGEST.get(name, 200))
            for name, at in self._places.items()
            if at is not None
        }
        movie, rating, moment = (given.get(name) for name in ("movie_id", "rating", "happened_at"))
        return (
            line.number,
            _user(given.get("user_id")),
            given.get("type") or self._type or "",
            parse_id(movie.removesuffix(".0"), "movie_id") if movie else None,
            given.get("genre"),
            parse_score(rating, "rating") if rating else None,
            parse_time(moment, "happened_at") if moment else None,
            given.get("source"),
            _without_spaces(given.get("event_id")),
            _profile(given.get("profile") or "main"),
        )


def _user(text: str | None) -> str:
    if text is None:
        raise FieldError("user_id", "is empty")
    number = text.isdecimal() and text.isascii() and int(text) < UNKNOWN_USER
    if not number and not is_user_name(text):
        raise FieldError("user_id", f"nobody can be called {text[:40]!r}")
    return text


def _without_spaces(text: str | None) -> str | None:
    if text is not None and re.search(r"[\s/\x00-\x1f\x7f-\x9f]", text):
        raise FieldError("event_id", "has a space or a slash in it")
    return text


def _profile(text: str) -> str:
    if not re.fullmatch(PROFILE_PATTERN, text):
        raise FieldError("profile", f"{text[:40]!r} is not made of a-z, 0-9, - and _")
    return text
