"""Your own films, ratings and tags: CSV (also ``.csv.gz``) or Parquet, with a column mapping.

Columns are found by the names of Palate's tables (``movie_id``, ``title``, ``user_id``,
``rating``, ``rated_at``, ``tag``, ``tagged_at``, ...), in any case, with or without underscores,
and by MovieLens' names. ``columns`` maps what is called otherwise: ``{"user_id": "customer"}``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ingest import fields
from ingest.fields import FieldError
from ingest.files import DataFile
from ingest.lines import (
    Format,
    Line,
    missing_columns,
    read_header,
    read_lines,
)
from ingest.ratings import RatingColumns, read_ratings
from ingest.rows import Movie, RatingBlock, Rejected, Tag
from ingest.titles import split_title
from palate.errors import MisuseError

T = TypeVar("T")

_COMMAS = Format(",")
_ALIASES = {
    "rated_at": ("timestamp",),
    "tagged_at": ("timestamp",),
    "runtime_minutes": ("runtime",),
    "actors": ("cast",),
}
_NEEDED = {
    "movies": ("movie_id", "title"),
    "ratings": ("user_id", "movie_id", "rating"),
    "tags": ("user_id", "movie_id", "tag"),
}
_KNOWN = frozenset((*Movie._fields, "user_id", "rating", "rated_at", "tag", "tagged_at")) - {"line"}


class Columns:
    """Which column of a file holds what."""

    def __init__(self, header: Sequence[str], mapping: Mapping[str, str]) -> None:
        self.header = header
        self._mapping = mapping
        self._places = {_plain(name): at for at, name in reversed(list(enumerate(header)))}

    def find(self, column: str) -> int | None:
        """The place of a column of ours in the file; None where the file lacks it."""
        if column in self._mapping:
            return self._places.get(_plain(self._mapping[column]))
        for name in (column, *_ALIASES.get(column, ())):
            if _plain(name) in self._places:
                return self._places[_plain(name)]
        return None

    def place(self, column: str) -> int:
        """The place of a column that the file must have."""
        at = self.find(column)
        assert at is not None, column  # noqa: S101  (the header was checked)
        return at


class Table:
    """Films, ratings and tags from files of your own; each may be left out.

    Lists inside a field (genres, actors, keywords) are separated by ``separator``. Titles are
    split as MovieLens writes them, "Matrix, The (1999)", where the file has no year of its own.
    Ratings without a time get the time at which the file was last changed.
    """

    def __init__(
        self,
        name: str,
        *,
        movies: Path | None = None,
        ratings: Path | None = None,
        tags: Path | None = None,
        columns: Mapping[str, str] | None = None,
        separator: str = "|",
    ) -> None:
        self._name, self._separator = name, separator
        self._mapping = dict(columns or {})
        self._check_mapping()
        paths = {"movies": movies, "ratings": ratings, "tags": tags}
        self._files = {what: DataFile(path) for what, path in paths.items() if path is not None}
        if not self._files:
            raise MisuseError("No file of films, ratings or tags was named. Nothing was loaded.")
        self._columns = {what: self._find_columns(what) for what in self._files}

    @property
    def name(self) -> str:
        return self._name

    @property
    def location(self) -> str:
        return ", ".join(str(file.path) for file in self._files.values())

    @property
    def movies_file(self) -> str:
        return self._name_of("movies")

    @property
    def ratings_file(self) -> str:
        return self._name_of("ratings")

    @property
    def tags_file(self) -> str:
        return self._name_of("tags")

    @property
    def ratings_size(self) -> int | None:
        file = self._files.get("ratings")
        readable = file is not None and self._rating_columns.canonical and not _is_parquet(file)
        return file.size if file is not None and readable else None

    def movies(self) -> Iterator[Movie | Rejected]:
        columns = self._columns.get("movies")
        if columns is not None:
            yield from self._read("movies", _MovieReader(columns, self._separator).read)

    def ratings(self) -> Iterator[RatingBlock]:
        file = self._files.get("ratings")
        if file is None:
            return iter(())
        if _is_parquet(file):
            from ingest.sources import parquet

            return parquet.read_ratings(file, self._rating_columns)
        return read_ratings(file, _COMMAS, self._rating_columns)

    def tags(self) -> Iterator[Tag | Rejected]:
        columns = self._columns.get("tags")
        if columns is not None:
            yield from self._read("tags", _TagReader(columns).read)

    def _check_mapping(self) -> None:
        unknown = [column for column in self._mapping if column not in _KNOWN]
        if unknown:
            raise MisuseError(
                f"There is no column {', '.join(unknown)} to map. Nothing was loaded. "
                f"Palate's are {', '.join(sorted(_KNOWN))}."
            )

    def _find_columns(self, what: str) -> Columns:
        file = self._files[what]
        header = _header(file)
        columns = Columns(header, self._mapping)
        if any(columns.find(name) is None for name in _NEEDED[what]):
            lacking = [name for name in _NEEDED[what] if columns.find(name) is None]
            raise missing_columns(
                file.name,
                lacking,
                header,
                "Where it has another name, say so with --column OURS=YOURS: "
                f"--column {lacking[0]}=NAME.",
            )
        return columns

    def _name_of(self, what: str) -> str:
        return self._files[what].name if what in self._files else what

    def _read(self, what: str, convert: Callable[[Line], T | None]) -> Iterator[T | Rejected]:
        file, columns = self._files[what], self._columns[what]
        for line in _lines(file):
            if isinstance(line, Rejected):
                yield line
                continue
            try:
                if len(line.fields) != len(columns.header):
                    count = len(columns.header)
                    raise FieldError("", f"{len(line.fields)} fields where {count} belong")
                row = convert(line)
            except FieldError as error:
                text = ",".join(line.fields)
                yield Rejected(file.name, line.number, error.column or None, error.reason, text)
                continue
            if row is not None:
                yield row

    @cached_property
    def _rating_columns(self) -> RatingColumns:
        columns, file = self._columns["ratings"], self._files["ratings"]
        return RatingColumns(
            columns.place("user_id"),
            columns.place("movie_id"),
            columns.place("rating"),
            columns.find("rated_at"),
            dict(enumerate(columns.header)),
            len(columns.header),
            f"{file.path.stat().st_mtime:.0f}",
        )


class _MovieReader:
    """Lines of a file of films."""

    def __init__(self, columns: Columns, separator: str) -> None:
        self._places = {name: columns.find(name) for name in Movie._fields}
        self._header = columns.header
        self._separator = separator
        self._whole_titles = self._places["year"] is not None

    def read(self, line: Line) -> Movie:
        def text(name: str) -> str:
            at = self._places[name]
            return "" if at is None else line.fields[at]

        def column(name: str) -> str:
            at = self._places[name]
            return name if at is None else self._header[at]

        def optional_text(name: str) -> str | None:
            return fields.plain_text(text(name), column(name))

        def integer(name: str) -> int | None:
            return fields.optional_integer(text(name), column(name))

        def listed(name: str) -> tuple[str, ...]:
            return fields.names(text(name), column(name), self._separator)

        title = fields.needed_text(text("title"), column("title"))
        original_title, year = optional_text("original_title"), integer("year")
        if not self._whole_titles:
            title, other_names, year = split_title(title)
            original_title = original_title or other_names
        return Movie(
            line.number,
            fields.identifier(text("movie_id"), column("movie_id")),
            title,
            original_title,
            year,
            optional_text("imdb_id"),
            integer("tmdb_id"),
            tuple(name for name in listed("genres") if name != "(no genres listed)"),
            optional_text("overview"),
            integer("runtime_minutes"),
            fields.day(text("release_date"), column("release_date")),
            optional_text("director"),
            listed("actors"),
            listed("keywords"),
            integer("budget"),
            integer("revenue"),
            optional_text("poster_url"),
        )


class _TagReader:
    """Lines of a file of tags."""

    def __init__(self, columns: Columns) -> None:
        self._places = [columns.place(name) for name in _NEEDED["tags"]]
        self._time = columns.find("tagged_at")
        self._header = columns.header

    def read(self, line: Line) -> Tag | None:
        user, movie, text = ((line.fields[at], self._header[at]) for at in self._places)
        tag = fields.plain_text(*text, fields.LONGEST_TAG)
        if tag is None:
            return None
        user_id, movie_id = fields.identifier(*user), fields.identifier(*movie)
        return Tag(line.number, user_id, movie_id, tag, self._tagged_at(line))

    def _tagged_at(self, line: Line) -> float | None:
        if self._time is None or not line.fields[self._time].strip():
            return None
        return float(fields.moment(line.fields[self._time], self._header[self._time]))


def _plain(name: str) -> str:
    """A column's name without case, spaces and underscores."""
    return name.strip().lower().replace("_", "").replace(" ", "")


def _is_parquet(file: DataFile) -> bool:
    return file.path.suffix.lower() in (".parquet", ".pq")


def _header(file: DataFile) -> list[str]:
    if not _is_parquet(file):
        return read_header(file, _COMMAS)
    # polars takes its time and memory to import: only who has Parquet pays.
    from ingest.sources import parquet

    return parquet.header(file)


def _lines(file: DataFile) -> Iterator[Line | Rejected]:
    if not _is_parquet(file):
        return read_lines(file, _COMMAS)
    from ingest.sources import parquet

    return parquet.read_lines(file)
