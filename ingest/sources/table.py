"""Your own films, ratings and tags: CSV (also ``.csv.gz``) or Parquet, with a column mapping.

Columns are found by the names of Palate's tables (``movie_id``, ``title``, ``user_id``,
``rating``, ``rated_at``, ``tag``, ``tagged_at``, ...), in any case, with or without underscores,
and by MovieLens' names. ``columns`` maps what is called otherwise: ``{"user_id": "customer"}``.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from ingest.files import DataFile, digest_of
from ingest.lines import Format, Line, missing_columns, read_header, read_lines
from ingest.ratings import RatingColumns, read_ratings
from ingest.rows import Movie, RatingBlock, Rejected, Tag
from ingest.sources.columns import (
    KNOWN,
    NEEDED,
    Columns,
    MovieReader,
    TagReader,
    convert_lines,
)
from palate.errors import MisuseError

_COMMAS = Format(",")


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
        self.name, self._separator = name, separator
        self._mapping = dict(columns or {})
        self._check_mapping()
        paths = {"movies": movies, "ratings": ratings, "tags": tags}
        self._files = {what: DataFile(path) for what, path in paths.items() if path is not None}
        if not self._files:
            raise MisuseError("No file of films, ratings or tags was named. Nothing was loaded.")
        self._columns = {what: self._find_columns(what) for what in self._files}
        self.location = ", ".join(str(file.path) for file in self._files.values())
        self.file_names = {what: file.name for what, file in self._files.items()}

    @property
    def ratings_size(self) -> int | None:
        file = self._files.get("ratings")
        readable = file is not None and self._rating_columns.canonical and not _is_parquet(file)
        return file.size if file is not None and readable else None

    def digest(self) -> str:
        return digest_of(
            sorted(self._files.items()), columns=self._mapping, separator=self._separator
        )

    def movies(self) -> Iterator[Movie | Rejected]:
        if (columns := self._columns.get("movies")) is not None:
            convert = MovieReader(columns, self._separator).read
            file = self._files["movies"]
            yield from convert_lines(file.name, _lines(file), len(columns.header), convert)

    def ratings(self) -> Iterator[RatingBlock]:
        file = self._files.get("ratings")
        if file is None:
            return iter(())
        if _is_parquet(file):
            from ingest.sources import parquet

            return parquet.read_ratings(file, self._rating_columns)
        return read_ratings(file, _COMMAS, self._rating_columns)

    def tags(self) -> Iterator[Tag | Rejected]:
        if (columns := self._columns.get("tags")) is not None:
            file, convert = self._files["tags"], TagReader(columns).read
            yield from convert_lines(file.name, _lines(file), len(columns.header), convert)

    def _check_mapping(self) -> None:
        unknown = [column for column in self._mapping if column not in KNOWN]
        if unknown:
            raise MisuseError(
                f"There is no column {', '.join(unknown)} to map. Nothing was loaded. "
                f"Palate's are {', '.join(sorted(KNOWN))}."
            )

    def _find_columns(self, what: str) -> Columns:
        file = self._files[what]
        header = _header(file)
        columns = Columns(header, self._mapping)
        if lacking := [name for name in NEEDED[what] if columns.find(name) is None]:
            raise missing_columns(
                file.name,
                lacking,
                header,
                "Where it has another name, say so with --column OURS=YOURS: "
                f"--column {lacking[0]}=NAME.",
            )
        return columns

    @cached_property
    def _rating_columns(self) -> RatingColumns:
        changed = self._files["ratings"].path.stat().st_mtime
        return self._columns["ratings"].of_ratings(f"{changed:.0f}")


def _is_parquet(file: DataFile) -> bool:
    return file.path.suffix.lower() in (".parquet", ".pq")


def _header(file: DataFile) -> list[str]:
    if not _is_parquet(file):
        return read_header(file, _COMMAS)
    # polars takes its time and memory to import: only who has Parquet pays.
    from ingest.sources import parquet

    return parquet.read_header(file)


def _lines(file: DataFile) -> Iterator[Line | Rejected]:
    if not _is_parquet(file):
        return read_lines(file, _COMMAS)
    from ingest.sources import parquet

    return parquet.read_lines(file)
