"""Columns of a file of films, ratings or tags, and its lines as rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar, get_type_hints

from ingest.fields import (
    LONGEST_TAG,
    FieldError,
    parse_day,
    parse_id,
    parse_integer,
    parse_names,
    parse_needed_text,
    parse_text,
    parse_time,
)
from ingest.lines import Line
from ingest.ratings import RatingColumns
from ingest.rows import Movie, Rejected, Tag
from ingest.titles import split_title

T = TypeVar("T")

NO_GENRES = "(no genres listed)"
NEEDED = {
    "movies": ("movie_id", "title"),
    "ratings": ("user_id", "movie_id", "rating"),
    "tags": ("user_id", "movie_id", "tag"),
}
KNOWN = frozenset((*Movie._fields, "user_id", "rating", "rated_at", "tag", "tagged_at")) - {"line"}

_ALIASES = {
    "rated_at": ("timestamp",),
    "tagged_at": ("timestamp",),
    "happened_at": ("timestamp", "time", "at", "rated_at"),
    "runtime_minutes": ("runtime",),
    "actors": ("cast",),
}
_PARSERS: Mapping[Any, Callable[[str, str], Any]] = {
    int: parse_id,
    str: parse_needed_text,
    int | None: parse_integer,
    str | None: parse_text,
    date | None: parse_day,
}


class Columns:
    """Which column of a file holds what."""

    def __init__(self, header: Sequence[str], mapping: Mapping[str, str] | None = None) -> None:
        self.header = header
        self._mapping = mapping or {}
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

    def of_ratings(self, default_time: str = "0") -> RatingColumns:
        """Where a file of ratings has them; ``default_time`` where it has no times."""
        return RatingColumns(
            self.place("user_id"),
            self.place("movie_id"),
            self.place("rating"),
            self.find("rated_at"),
            dict(enumerate(self.header)),
            len(self.header),
            default_time,
        )


def convert_lines(
    file_name: str,
    lines: Iterable[Line | Rejected],
    columns: int,
    convert: Callable[[Line], T | None],
) -> Iterator[T | Rejected]:
    """The rows of lines that have so many ``columns``, or why a line is none; None: no row."""
    for line in lines:
        if isinstance(line, Rejected):
            yield line
            continue
        try:
            if len(line.fields) != columns:
                raise FieldError("", f"{len(line.fields)} fields where {columns} belong")
            row = convert(line)
        except FieldError as error:
            text = ",".join(line.fields)
            yield Rejected(file_name, line.number, error.column or None, error.reason, text)
            continue
        if row is not None:
            yield row


class MovieReader:
    """Lines of a file of films: a field of Movie is read by its type, from the column it has."""

    def __init__(self, columns: Columns, separator: str = "|") -> None:
        def parse_list(text: str, column: str) -> tuple[str, ...]:
            return parse_names(text, column, separator)

        self._fields = [
            (name, at, columns.header[at], _PARSERS.get(kind, parse_list))
            for name, kind in get_type_hints(Movie).items()
            if name != "line" and (at := columns.find(name)) is not None
        ]
        self._whole_titles = columns.find("year") is not None

    def read(self, line: Line) -> Movie:
        """A film. Its title is split as MovieLens writes titles, where there is no year."""
        facts = {name: parse(line.fields[at], column) for name, at, column, parse in self._fields}
        facts["genres"] = tuple(g for g in facts.get("genres", ()) if g != NO_GENRES)
        if not self._whole_titles:
            title = split_title(facts["title"])
            other_names = facts.get("original_title") or title.original_title
            facts |= {"title": title.title, "original_title": other_names, "year": title.year}
        return Movie(line.number, **facts)


class TagReader:
    """Lines of a file of tags."""

    def __init__(self, columns: Columns) -> None:
        self._places = [columns.place(name) for name in NEEDED["tags"]]
        self._time = columns.find("tagged_at")
        self._header = columns.header

    def read(self, line: Line) -> Tag | None:
        """A tag; None for an empty one, which says nothing."""
        user, movie, text = ((line.fields[at], self._header[at]) for at in self._places)
        tag = parse_text(*text, LONGEST_TAG)
        if tag is None:
            return None
        return Tag(line.number, parse_id(*user), parse_id(*movie), tag, self._tagged_at(line))

    def _tagged_at(self, line: Line) -> float | None:
        if self._time is None or not line.fields[self._time].strip():
            return None
        return float(parse_time(line.fields[self._time], self._header[self._time]))


def _plain(name: str) -> str:
    """A column's name without case, spaces and underscores."""
    return name.strip().lower().replace("_", "").replace(" ", "")
