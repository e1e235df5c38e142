"""Facts that MovieLens lacks, from a file of TMDB-like records: one JSON object a line.

Joined by ``tmdb_id``, which links.csv gives. Read: overview, budget, revenue, runtime,
release_date, director, cast, keywords, original_title, poster_url or poster_path.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ingest.fields import LONGEST_FILM, NO_TEXT, FieldError, parse_address
from ingest.files import DataFile
from ingest.notes import Notes
from ingest.rows import Movie
from ingest.times import parse_day
from palate.errors import LoadError

T = TypeVar("T")

_POSTERS = "https://image.tmdb.org/t/p/w342"


class Metadata:
    """The records of a ``.jsonl`` or ``.jsonl.gz`` file, by tmdb_id."""

    def __init__(self, path: Path) -> None:
        self._file = DataFile(path)
        self._records: dict[int, Mapping[str, Any]] = {}
        self._again: list[int] = []
        for key, record in _read(self._file):
            if key in self._records:
                self._again.append(key)
            self._records[key] = record
        self._matched: set[int] = set()

    def __len__(self) -> int:
        return len(self._records)

    def note(self, notes: Notes) -> None:
        """Say which records are about no film that was completed."""
        lost = [key for key in self._records if key not in self._matched]
        if lost:
            what = "record of a film that is not here"
            notes.count(self._file.name, what, f"tmdb_id {lost[0]}", len(lost))
        if self._again:
            what = "second record of a film, which replaces the first"
            notes.count(self._file.name, what, f"tmdb_id {self._again[0]}", len(self._again))

    def complete(self, movie: Movie) -> Movie:
        """The film with what the file knows about it; its title, year and genres stay."""
        facts = self._records.get(movie.tmdb_id) if movie.tmdb_id is not None else None
        if facts is None or movie.tmdb_id is None:
            return movie
        self._matched.add(movie.tmdb_id)
        poster = facts.get("poster_path")
        original = _text(facts.get("original_title"))
        return movie._replace(
            original_title=movie.original_title or (original if original != movie.title else None),
            overview=_text(facts.get("overview")),
            runtime_minutes=_positive(facts.get("runtime"), LONGEST_FILM),
            release_date=_parsed(parse_day, facts.get("release_date")),
            director=", ".join(_names(facts.get("director"))) or None,
            actors=_names(facts.get("cast")),
            keywords=_names(facts.get("keywords")),
            budget=_positive(facts.get("budget")),
            revenue=_positive(facts.get("revenue")),
            poster_url=_parsed(parse_address, facts.get("poster_url"))
            or (f"{_POSTERS}{poster}" if poster else None),
        )


def _read(file: DataFile) -> Sequence[tuple[int, Mapping[str, Any]]]:
    records = []
    with file.open() as stream:
        for number, line in enumerate(stream, 1):
            try:
                record = json.loads(line)
                records.append((int(record["tmdb_id"]), record))
            except (ValueError, KeyError, TypeError) as error:
                raise LoadError(
                    f"{file.name}, line {number} is not a JSON object with a tmdb_id ({error}). "
                    "The tables are as they were. Correct the line or leave the file out."
                ) from error
    return records


def _text(value: object) -> str | None:
    return (NO_TEXT.sub("", value).strip() or None) if isinstance(value, str) else None


def _parsed(parse: Callable[[str, str], T], value: object) -> T | None:
    try:
        return parse(value, "") if isinstance(value, str) else None
    except FieldError:
        return None


def _names(value: object) -> tuple[str, ...]:
    """A list of names, or one name."""
    values = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(filter(None, map(_text, values))))


def _positive(value: object, highest: int = 10**15) -> int | None:
    """A count; TMDB writes 0 for what it does not know."""
    if not isinstance(value, int | float):
        return None
    return round(value) if 1 <= value <= highest else None
