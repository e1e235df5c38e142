"""MovieLens, in every layout that GroupLens has published.

- CSV: ``movies.csv``, ``ratings.csv``, ``links.csv``, ``tags.csv`` (latest-small, latest, 20M,
  25M, 32M)
- ``::``: ``movies.dat``, ``ratings.dat``, ``tags.dat`` (1M in Latin-1, 10M in UTF-8)
- 100K: ``u.item``, ``u.data``, ``u.genre`` (tabs and bars, Latin-1)

as a folder or as the zip archive it comes in, which is read without unpacking.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ingest.fields import (
    LONGEST_TAG,
    FieldError,
    day,
    identifier,
    moment,
    names,
    needed_text,
    optional_integer,
    plain_text,
)
from ingest.files import DataFile, find_files
from ingest.lines import (
    Format,
    Line,
    missing_columns,
    read_header,
    read_lines,
)
from ingest.ratings import RatingColumns, read_ratings
from ingest.rows import Movie, RatingBlock, Rejected, Tag
from ingest.sources.metadata import Metadata
from ingest.titles import split_title
from palate.errors import LoadError

_NO_GENRES = "(no genres listed)"


@dataclass(frozen=True)
class Layout:
    """The files of one layout and how they are written."""

    movies: str
    ratings: str
    tags: str | None
    links: str | None
    movies_format: Format
    ratings_format: Format
    header: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_COMMAS = Format(",")
_CSV = Layout(
    "movies.csv",
    "ratings.csv",
    "tags.csv",
    "links.csv",
    _COMMAS,
    _COMMAS,
    {
        "movies.csv": ("movieId", "title", "genres"),
        "ratings.csv": ("userId", "movieId", "rating", "timestamp"),
        "tags.csv": ("userId", "movieId", "tag", "timestamp"),
        "links.csv": ("movieId", "imdbId", "tmdbId"),
    },
)
_COLONS = Format("::", header=False)
_DAT = Layout("movies.dat", "ratings.dat", "tags.dat", None, _COLONS, _COLONS)
_100K = Layout(
    "u.item",
    "u.data",
    None,
    None,
    Format("|", "latin-1", header=False),
    Format("\t", header=False),
)
_RATING_COLUMNS = RatingColumns(
    0, 1, 2, 3, {0: "userId", 1: "movieId", 2: "rating", 3: "timestamp"}, 4
)


class MovieLens:
    """A MovieLens folder or zip archive, optionally with TMDB-like metadata.

    Raises NotFoundError where nothing is there, LoadError where it is no MovieLens.
    """

    def __init__(self, location: Path, metadata: Path | None = None) -> None:
        self._path = location
        self._files = find_files(location)
        self._layout = self._find_layout()
        self._metadata = Metadata(metadata) if metadata is not None else None
        for name in (self._layout.movies, self._layout.ratings):
            self._files[name].require_content()
        self._check_headers()

    @property
    def name(self) -> str:
        return self._path.resolve().name.removesuffix(".zip").lower()

    @property
    def location(self) -> str:
        return str(self._path)

    @property
    def movies_file(self) -> str:
        return self._files[self._layout.movies].name

    @property
    def ratings_file(self) -> str:
        return self._files[self._layout.ratings].name

    @property
    def tags_file(self) -> str:
        return self._files[self._layout.tags].name if self._layout.tags in self._files else "tags"

    @property
    def ratings_size(self) -> int | None:
        return self._files[self._layout.ratings].size

    def movies(self) -> Iterator[Movie | Rejected]:
        file = self._files[self._layout.movies]
        style = self._text_format(file, self._layout.movies_format)
        for line in read_lines(file, style):
            if isinstance(line, Rejected):
                yield line
                continue
            try:
                yield self._movie(line)
            except FieldError as error:
                yield _rejected(file, line, error)

    def ratings(self) -> Iterator[RatingBlock]:
        file = self._files[self._layout.ratings]
        return read_ratings(file, self._layout.ratings_format, _RATING_COLUMNS)

    def tags(self) -> Iterator[Tag | Rejected]:
        file = self._files.get(self._layout.tags) if self._layout.tags else None
        if file is None:
            return
        style = self._text_format(file, self._layout.ratings_format)
        for line in read_lines(file, style):
            if isinstance(line, Rejected):
                yield line
                continue
            try:
                tag = _tag(line)
            except FieldError as error:
                yield _rejected(file, line, error)
                continue
            if tag is not None:
                yield tag

    def _find_layout(self) -> Layout:
        for layout in (_CSV, _DAT, _100K):
            if {layout.movies, layout.ratings} <= self._files.keys():
                return layout
        raise LoadError(
            f"{self._path} is no MovieLens data set: it has neither movies.csv and ratings.csv, "
            "nor movies.dat and ratings.dat, nor u.item and u.data. The tables are as they were. "
            "Give the folder or zip file that GroupLens publishes."
        )

    def _check_headers(self) -> None:
        for name, wanted in self._layout.header.items():
            file = self._files.get(name)
            if file is not None:
                header = read_header(file, _COMMAS)
                if tuple(header[: len(wanted)]) != wanted:
                    raise missing_columns(
                        file.name, wanted, header, "`palate ingest csv` reads other layouts."
                    )

    def _text_format(self, file: DataFile, style: Format) -> Format:
        """1M is Latin-1 and 10M UTF-8, under the same names."""
        if self._layout is not _DAT:
            return style
        with file.open() as stream:
            try:
                stream.read().decode()
            except UnicodeDecodeError:
                return Format(style.delimiter, "latin-1", style.header)
        return style

    def _movie(self, line: Line) -> Movie:
        movie = self._item(line) if self._layout is _100K else self._listed(line)
        return self._metadata.complete(movie) if self._metadata is not None else movie

    def _listed(self, line: Line) -> Movie:
        """A line of movies.csv or movies.dat: id, title, genres."""
        movie_id, text, genres = _fields(line, 3)
        number = identifier(movie_id, "movieId")
        title = split_title(needed_text(text, "title"))
        imdb_id, tmdb_id = self._links.get(number, (None, None))
        return Movie(
            line.number,
            number,
            title.title,
            title.original_title,
            title.year,
            imdb_id,
            tmdb_id,
            () if genres.strip() == _NO_GENRES else names(genres, "genres"),
        )

    def _item(self, line: Line) -> Movie:
        """A line of u.item: id, title, release, video release, URL, a flag a genre."""
        fields = _fields(line, 5 + len(self._genres))
        title = split_title(needed_text(fields[1], "title"))
        released = day(fields[2], "release date")
        return Movie(
            line.number,
            identifier(fields[0], "movie id"),
            title.title,
            title.original_title,
            title.year or (released.year if released else None),
            genres=tuple(
                genre
                for genre, flag in zip(self._genres, fields[5:], strict=True)
                if flag.strip() == "1" and genre != "unknown"
            ),
            release_date=released,
        )

    @cached_property
    def _links(self) -> dict[int, tuple[str | None, int | None]]:
        """movie_id -> imdb_id as links.csv writes it ("0114709"), tmdb_id."""
        file = self._files.get(self._layout.links) if self._layout.links else None
        if file is None:
            return {}
        links = {}
        for line in read_lines(file, _COMMAS):
            try:
                if isinstance(line, Rejected):
                    raise LoadError(f"{line}. The tables are as they were.")
                movie_id, imdb_id, tmdb_id = _fields(line, 3)
                links[identifier(movie_id, "movieId")] = (
                    imdb_id.strip() or None,
                    optional_integer(tmdb_id, "tmdbId"),
                )
            except FieldError as error:
                raise LoadError(
                    f"{_rejected(file, line, error)}. The tables are as they were. "
                    "Correct the line, or leave the file out."
                ) from error
        return links

    @cached_property
    def _genres(self) -> list[str]:
        file = self._files.get("u.genre")
        if file is None:
            raise LoadError(
                f"{self._path} has no u.genre, which names the genres of u.item. "
                "The tables are as they were. Put it back."
            )
        lines = read_lines(file, Format("|", "latin-1", header=False))
        return [line.fields[0] for line in lines if isinstance(line, Line)]


def _tag(line: Line) -> Tag | None:
    """A line of tags: user, film, tag, time. An empty tag says nothing."""
    user_id, movie_id, text, time = _fields(line, 4)
    tag = plain_text(text, "tag", LONGEST_TAG)
    if tag is None:
        return None
    return Tag(
        line.number,
        identifier(user_id, "userId"),
        identifier(movie_id, "movieId"),
        tag,
        float(moment(time, "timestamp")),
    )


def _fields(line: Line, count: int) -> list[str]:
    if len(line.fields) != count:
        raise FieldError("", f"{len(line.fields)} fields where {count} belong")
    return list(line.fields)


def _rejected(file: DataFile, line: Line | Rejected, error: FieldError) -> Rejected:
    if isinstance(line, Rejected):
        return line
    return Rejected(
        file.name, line.number, error.column or None, error.reason, ",".join(line.fields)
    )
