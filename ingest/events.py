"""Events of a file into the database: CSV, Parquet or JSON lines; all of it, or nothing."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from ingest.fields import FieldError, parse_key, parse_text, parse_year
from ingest.files import DataFile
from ingest.layouts import happened
from ingest.lines import Line, missing_columns
from ingest.rejects import OnError, Rejects
from ingest.rows import Rejected
from ingest.scales import parse_score
from ingest.sheets import Sheet
from ingest.sniff import sniff
from ingest.sources.columns import Columns, convert_lines
from ingest.times import parse_time
from palate.contract import PROFILE_PATTERN, UNKNOWN_USER, is_user_name
from palate.errors import LoadError, MisuseError
from palate.statements import Statements, raw, run_script
from sql.database import Database

_statements = Statements.beside(__file__, "events")

FIELDS = (
    "user_id", "type", "movie_id", "title", "year", "genre", "rating", "happened_at", "source",
    "event_id", "profile",
)  # fmt: skip
"""What an event of a file may have, by the names of its columns."""

_LONGEST = {"source": 100, "event_id": 200}

Row = tuple[int, str, str, str | None, str | None, int | None, *tuple[str | None, ...], str]


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
    user: str | None = None,
    on_error: OnError = "stop",
    rejects: Path | None = None,
) -> EventsReport:
    """Write the events of a file in one transaction; the next answer knows them.

    ``type`` and ``user`` stand in for a missing column, ``columns`` names those that are called
    otherwise. A film is told by an id, or by title and year as in files of ratings.
    ``on_error="skip"`` sets lines that cannot be written aside in ``rejects``. Raises
    RejectedLineError at the first such line otherwise, and LoadError; nothing is written then.
    """
    started = time.monotonic()
    file = DataFile(path)
    aside = rejects or Path(re.sub(r"[^\w.-]+", "-", path.name) + "-rejected.csv")
    rows = _read(file, type, user, dict(columns or {}))
    with Rejects(on_error, aside) as rejected, database.begin(patient=True) as connection:
        run_script(connection, _statements.raw("create_staging"))
        staged = _copy(connection, rows, rejected)
        connection.execute(_statements["find_movies"])
        for statement in ("reject_unknown", "reject_events"):
            staged -= _reject(connection, statement, file, rejected)
        if not staged + rejected.count:
            raise LoadError(f"{file.name} holds no events. Nothing was written. Look at the file.")
        connection.execute(_statements["name_users"])
        connection.execute(_statements["find_users"])
        staged -= _reject(connection, "reject_others", file, rejected)
        accepted = connection.execute(_statements["insert_events"]).rowcount
    with database.begin(patient=True) as connection:
        connection.execute(_statements["analyze"])
    return EventsReport(
        file.name, accepted, staged - accepted, rejected.count, aside if rejected.count else None,
        time.monotonic() - started,
    )  # fmt: skip


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


def _read(
    file: DataFile, type: str | None, user: str | None, mapping: Mapping[str, str]
) -> Iterator[Row | Rejected]:
    if unknown := [name for name in mapping if name not in FIELDS]:
        raise MisuseError(
            f"There is no column {', '.join(unknown)} to map. Nothing was loaded. "
            f"Those of events are {', '.join(FIELDS)}."
        )
    sheet = Sheet(file, sniff(file))
    if sheet.style.kind == "json lines":  # whose later lines may say more
        sheet.header = list(dict.fromkeys((*sheet.header, *(mapping.get(f, f) for f in FIELDS))))
    told = happened(file, sheet.header)
    if told is not None:  # whose other columns mean something else
        mapping, type = {**told.columns, **mapping}, type or told.type
    columns = Columns(sheet.header, mapping)
    fields = mapping if told else FIELDS
    needed = [name for name, given in (("user_id", user), ("type", type)) if not given]
    if lacking := [name for name in needed if columns.find(name) is None]:
        remedy = "Name it with --column OURS=YOURS, or give one --type, or --user, for all."
        raise missing_columns(file.name, lacking, sheet.header, remedy)
    if user and columns.find("user_id") is not None:
        raise MisuseError(f"{file.name} says itself whose events they are. Leave --user out.")
    reader = _Reader(columns, fields, type, user)
    return convert_lines(file.name, sheet.records(), len(sheet.header), reader.read)


class _Reader:
    """Lines as rows for COPY."""

    def __init__(
        self, columns: Columns, fields: Iterable[str], type: str | None, user: str | None
    ) -> None:
        self._places = {name: columns.find(name) for name in fields}
        self._type, self._user = type, user

    def read(self, line: Line) -> Row:
        """An event. Raises FieldError."""
        given = {
            name: parse_text(line.fields[at], name, _LONGEST.get(name, 500))
            for name, at in self._places.items()
            if at is not None
        }
        movie, rating, moment = (given.get(name) for name in ("movie_id", "rating", "happened_at"))
        return (
            line.number,
            _user(given.get("user_id") or self._user),
            given.get("type") or self._type or "",
            str(parse_key(movie.removesuffix(".0"), "movie_id")) if movie else None,
            given.get("title") if not movie else None,
            parse_year(given.get("year") or "", "year"),
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
