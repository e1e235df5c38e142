"""Columns of a file of films, ratings or tags, and its lines as rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ingest import fields
from ingest.fields import FieldError, Key, is_missing, parse_names, parse_text, quote
from ingest.lines import Line, refuse, without_last
from ingest.mapping import Holds, Part
from ingest.names import ALIASES, ALSO_OF_MOVIES, FACT_KEYS, NEEDED, OF, plain
from ingest.notes import Notes
from ingest.rows import Movie, Rejected, Tag
from ingest.times import parse_day, parse_time
from ingest.titles import split_title
from sql.own_fields import Type

T = TypeVar("T")

NO_GENRES = "(no genres listed)"


class Columns:
    """Which column of a file holds what."""

    def __init__(
        self,
        header: Sequence[str],
        mapping: Mapping[str, str] | None = None,
        holds: Holds | None = None,
        own: Mapping[str, Type] | None = None,
    ) -> None:
        """``mapping`` goes before the names that are known for what a file ``holds``; ``own`` are
        fields of one's own, of films."""
        self.header, self.holds = header, holds
        self.own = own if own and holds in ("movies", "facts") else {}
        self._mapping = mapping or {}
        self._places = {plain(name): at for at, name in reversed(list(enumerate(header)))}

    def find(self, column: str) -> int | None:
        """The place of a column of ours in the file; None where the file lacks it."""
        if column in self._mapping:
            return self.at(self._mapping[column])
        more = ALSO_OF_MOVIES if self.holds in ("movies", "facts") else {}
        aliases = more.get(column, ALIASES.get(column, ()))
        needed = NEEDED[self.holds] if self.holds else ()
        for name in (column, *aliases):
            found = self.at(name)
            taken = found in map(self.at, self._mapping.values())
            if found is not None and not (taken and (name != column or column not in needed)):
                return found
        return None

    def at(self, name: str) -> int | None:
        """The place of a column of the file, by its own name."""
        return self._places.get(plain(name))

    def place(self, column: str) -> int:
        """The place of a column that the file must have."""
        at = self.find(column)
        assert at is not None, column  # noqa: S101  (the header was checked)
        return at

    def found(self) -> dict[str, int]:
        """Every column of ours that the file has, and where."""
        if self.holds is None:
            return {}
        places = {name: self.find(name) for name in (*OF[self.holds], *self.own)}
        return {name: at for name, at in places.items() if at is not None}

    def unused(self) -> list[str]:
        """The file's columns that nothing is read from."""
        used = set(self.found().values())
        names = {at: name or f"column {at + 1}" for at, name in enumerate(self.header)}

        def is_read_within(outer: str) -> bool:
            return any(names[at].startswith(f"{outer}.") for at in used)

        # Of an object either its parts are told, or it is as a whole.
        return [
            name
            for at, name in names.items()
            for outer in (name.rpartition(".")[0],)
            if at not in used
            and not is_read_within(name)
            and (outer not in self.header or is_read_within(outer))
        ]


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
            cells = without_last(line.fields, columns)
            row = convert(line if cells is line.fields else replace(line, fields=cells))
        except FieldError as error:
            yield refuse(file_name, line, error)
            continue
        if row is not None:
            yield row


class MovieReader:
    """Lines of a file of films. A field that cannot be read is left empty, and noted.

    Without its id or title a line is no film; where it is only to complete one, any id is enough.
    """

    def __init__(self, columns: Columns, part: Part, notes: Notes) -> None:
        self._part, self._notes, self._complete = part, notes, part.holds == "facts"
        self._parse_id = fields.id_parser("movie_id", part.text_ids)
        places = [(name, at, columns.header[at]) for name, at in columns.found().items()]
        parsers = self._parsers()
        self._fields = [
            (*place, parsers.get(place[0], parse_text))
            for place in places
            if place[0] not in columns.own
        ]
        self._own = [(*place, columns.own[place[0]]) for place in places if place[0] in columns.own]
        self._needed = ("movie_id",) if self._complete else NEEDED["movies"]
        self._whole_titles = columns.find("year") is not None

    def read(self, line: Line) -> Movie:
        """A film. Its title is split as MovieLens writes titles where there is no year."""
        facts: dict[str, Any] = {"movie_id": None, "title": None}
        for name, at, column, parse in self._fields:
            try:
                facts[name] = parse(line.fields[at], column)
            except FieldError as error:
                if name in self._needed:
                    raise
                self._left_empty(line, column, error)
            if name == "genres":
                self._note_separators(line, line.fields[at], column)
        facts["genres"] = tuple(g for g in facts.get("genres", ()) if g != NO_GENRES)
        if facts["title"] and not self._whole_titles:
            title = split_title(facts["title"])
            other_names = facts.get("original_title") or title.original_title
            facts |= {"title": title.title, "original_title": other_names, "year": title.year}
        if facts.get("year") is None and facts.get("release_date") is not None:
            facts["year"] = facts["release_date"].year
        if facts.get("original_title") == facts["title"]:
            facts["original_title"] = None
        if self._complete and all(facts.get(key) is None for key in FACT_KEYS):
            raise FieldError("", "names no film: it has no id")
        return Movie(line.number, **facts, own=self._read_own(line) if self._own else None)

    def _note_separators(self, line: Line, cell: str, column: str) -> None:
        """Say where a genre may be several, parted by something else."""
        separator = self._part.separator
        if separator == "any" or cell.strip()[:1] in ("[", "{"):
            return
        if (set("|;,/") - {separator}) & set(cell):
            hint = "--separator any parts by | ; , and ' / '"
            what = f"column {column} not parted by {separator} alone, kept as it is ({hint})"
            self._notes.count(self._part.file, what, f"line {line.number}: {quote(cell)}")

    def _read_own(self, line: Line) -> dict[str, object]:
        said: dict[str, object] = {}
        for name, at, column, type_ in self._own:
            try:
                value = fields.parse_own(line.fields[at], column, type_, self._part.separator)
            except FieldError as error:
                self._left_empty(line, column, error)
                continue
            if value is not None:
                said[name] = value
        return said

    def _left_empty(self, line: Line, column: str, error: FieldError) -> None:
        self._notes.left_empty(self._part.file, f"column {column}", line.number, error)

    def _parsers(self) -> Mapping[str, Callable[[str, str], Any]]:
        """What reads each column; all others are texts."""
        return {
            "movie_id": self._parse_key,
            "title": parse_text if self._complete else fields.parse_needed_text,
            "year": fields.parse_year,
            "tmdb_id": fields.parse_integer,
            "runtime_minutes": fields.parse_minutes,
            "release_date": partial(parse_day, form=self._part.date_format),
            "budget": fields.parse_money,
            "revenue": fields.parse_money,
            "director": self._parse_director,
            "overview": _parse_prose,
            "poster_url": fields.parse_address,
            **dict.fromkeys(("genres", "actors", "keywords"), self._parse_list),
        }

    def _parse_key(self, text: str, column: str) -> Key | None:
        if self._complete and is_missing(text):
            return None
        return self._parse_id(text, column)

    def _parse_list(self, text: str, column: str) -> tuple[str, ...]:
        return parse_names(text, column, self._part.separator)

    def _parse_director(self, text: str, column: str) -> str | None:
        if text.strip()[:1] not in ("[", "{"):
            return parse_text(text, column)
        return ", ".join(parse_names(text, column, job="Director")) or None


def _parse_prose(text: str, column: str) -> str | None:
    """Text; paragraphs of a JSON list one after the other."""
    if text.strip()[:1] == "[" and text.strip()[-1:] == "]":
        try:
            return " ".join(parse_names(text, column)) or None
        except FieldError:
            pass
    return parse_text(text, column)


class TagReader:
    """Lines of a file of tags."""

    def __init__(self, columns: Columns, part: Part, notes: Notes) -> None:
        self._part, self._notes, self._header = part, notes, columns.header
        self._parsers = [fields.id_parser(name, part.text_ids) for name in ("user_id", "movie_id")]
        self._places = [columns.place(name) for name in NEEDED["tags"]]
        self._time = columns.find("tagged_at")

    def read(self, line: Line) -> Tag | None:
        """A tag; None for an empty one, which says nothing."""
        *ids, text = ((line.fields[at], self._header[at]) for at in self._places)
        tag = parse_text(*text, fields.LONGEST_TAG)
        if tag is None:
            self._notes.count(self._part.file, "empty tag left out", f"line {line.number}")
            return None
        user, movie = (parse(*id_) for parse, id_ in zip(self._parsers, ids, strict=True))
        return Tag(line.number, user, movie, tag, self._tagged_at(line))

    def _tagged_at(self, line: Line) -> float | None:
        if self._time is None or is_missing(line.fields[self._time]):
            return None
        moment = line.fields[self._time], self._header[self._time]
        return float(parse_time(*moment, self._part.date_format))
