"""MovieLens, in every layout that GroupLens has published.

- CSV: ``movies.csv``, ``ratings.csv``, ``links.csv``, ``tags.csv`` (latest-small, latest, 20M,
  25M, 32M)
- ``::``: ``movies.dat``, ``ratings.dat``, ``tags.dat`` (1M in Latin-1, 10M in UTF-8)
- 100K: ``u.item``, ``u.data``, ``u.genre`` (tabs and bars, Latin-1)

as a folder or as the zip archive it comes in, which is read without unpacking.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ingest.fields import FieldError, Key, parse_id, parse_integer, parse_needed_text
from ingest.files import DataFile, digest_of, find_files
from ingest.lines import Format, Line, missing_columns, read_header, read_lines
from ingest.mapping import Part
from ingest.ratings import RatingColumns, read_ratings
from ingest.rows import Movie, RatingBlock, Rejected, Source, Tag
from ingest.sources.columns import Columns, MovieReader, TagReader, convert_lines
from ingest.sources.metadata import Metadata
from ingest.times import parse_day
from ingest.titles import split_title
from palate.errors import LoadError

T = TypeVar("T")

_HEADERS = {
    "movies": ("movieId", "title", "genres"),
    "ratings": ("userId", "movieId", "rating", "timestamp"),
    "tags": ("userId", "movieId", "tag", "timestamp"),
    "links": ("movieId", "imdbId", "tmdbId"),
}


@dataclass(frozen=True)
class Layout:
    """The files of one layout, by what they hold, and how films and all others are written."""

    files: Mapping[str, str]
    movies_format: Format
    others_format: Format


_COMMAS, _COLONS = Format(","), Format("::", header=False)
_CSV = Layout({what: f"{what}.csv" for what in _HEADERS}, _COMMAS, _COMMAS)
_DAT = Layout({what: f"{what}.dat" for what in ("movies", "ratings", "tags")}, _COLONS, _COLONS)
_100K = Layout(
    {"movies": "u.item", "ratings": "u.data"},
    Format("|", "latin-1", header=False),
    Format("\t", header=False),
)  # fmt: skip


class MovieLens(Source):
    """A MovieLens folder or zip archive, optionally with TMDB-like metadata.

    Raises NotFoundError where nothing is there, LoadError where it is no MovieLens.
    """

    def __init__(self, location: Path, metadata: Path | None = None) -> None:
        self.name = location.resolve().name.removesuffix(".zip").lower()
        self.location = str(location)
        self._found = find_files(location)
        self._layout = self._find_layout()
        self._files = {
            what: self._found[name]
            for what, name in self._layout.files.items()
            if name in self._found
        }
        self.file_names = {what: file.name for what, file in self._files.items()}
        self._metadata = Metadata(metadata) if metadata is not None else None
        self._read = {**self._files, **({"metadata": DataFile(metadata)} if metadata else {})}
        if self._layout is _100K and "u.genre" in self._found:
            self._read["genres"] = self._found["u.genre"]
        for what in ("movies", "ratings"):
            self._files[what].require_content()
        self._check_headers()
        self.ratings_size = self._files["ratings"].size

    def digest(self) -> str:
        return digest_of(sorted(self._read.items()))

    def written(self, what: str) -> Iterator[tuple[int, str]]:
        for line in self._lines(what):
            if isinstance(line, Line):
                yield line.number, line.written

    def movies(self) -> Iterator[Movie | Rejected]:
        for file in self._files.values():
            if file.is_cut:
                self.notes.cut(file.name)
        films: set[Key | None] = set()
        of_100k = self._layout is _100K
        read = self._read_item if of_100k else self._read_movie
        count = 5 + len(self._genres) if of_100k else len(_HEADERS["movies"])
        for row in self._rows("movies", count, read):
            if isinstance(row, Movie):
                films.add(row.movie_id)
                yield row if self._metadata is None else self._metadata.complete(row)
            else:
                yield row
        self._note_what_matches_nothing(films)

    def ratings(self) -> Iterator[RatingBlock]:
        columns = RatingColumns(0, 1, 2, 3, _HEADERS["ratings"], timeless=False)
        return read_ratings(self._files["ratings"], self._layout.others_format, columns)

    def tags(self) -> Iterator[Tag | Rejected]:
        if "tags" in self._files:
            part = Part(file=self._files["tags"].name, holds="tags")
            reader = TagReader(Columns(_HEADERS["tags"]), part, self.notes)
            yield from self._rows("tags", len(_HEADERS["tags"]), reader.read)

    def _note_what_matches_nothing(self, films: set[Key | None]) -> None:
        """Lines of links and records of metadata that are about no film that is here."""
        lost = [film for film in self._links if film not in films]
        if lost:
            name = self.file_names["links"]
            self.notes.count(name, "film that is not in the list of films", str(lost[0]), len(lost))
        if self._metadata is not None:
            self._metadata.note(self.notes)
        read = {file.name.rpartition("/")[2] for file in self._read.values()}
        unread = [one for one in sorted(self._found.keys() - read) if not one.startswith("README")]
        if unread:
            self.notes.say(f"{self.location}: not read: {', '.join(unread)}.")

    def _find_layout(self) -> Layout:
        for layout in (_CSV, _DAT, _100K):
            if {layout.files["movies"], layout.files["ratings"]} <= self._found.keys():
                return layout
        raise LoadError(
            f"{self.location} is no MovieLens data set: it has neither movies.csv and ratings.csv, "
            "nor movies.dat and ratings.dat, nor u.item and u.data. The tables are as they were. "
            "Give the folder or zip file that GroupLens publishes."
        )

    def _check_headers(self) -> None:
        for what, file in self._files.items() if self._layout is _CSV else ():
            header, wanted = read_header(file, _COMMAS), _HEADERS[what]
            if tuple(header[: len(wanted)]) != wanted:
                raise missing_columns(
                    file.name, wanted, header, "`palate ingest csv` reads other layouts."
                )

    def _rows(
        self, what: str, columns: int, convert: Callable[[Line], T | None]
    ) -> Iterator[T | Rejected]:
        lines = self._lines(what, columns)
        return convert_lines(self._files[what].name, lines, columns, convert)

    def _lines(self, what: str, columns: int | None = None) -> Iterator[Line | Rejected]:
        """The lines of a file. 1M is Latin-1 and 10M UTF-8, under the same names."""
        file, layout = self._files[what], self._layout
        style = layout.movies_format if what == "movies" else layout.others_format
        if layout is _DAT:
            with file.open() as stream:
                try:
                    stream.read().decode()
                except UnicodeDecodeError:
                    style = replace(style, encoding="latin-1")
        return read_lines(file, style, columns)

    def _read_movie(self, line: Line) -> Movie:
        """A line of movies.csv or movies.dat: id, title, genres."""
        movie = self._reader.read(line)
        imdb_id, tmdb_id = self._links.get(movie.movie_id, (None, None))
        return movie._replace(imdb_id=imdb_id, tmdb_id=tmdb_id)

    def _read_item(self, line: Line) -> Movie:
        """A line of u.item: id, title, release, video release, URL, a flag a genre."""
        title, released = split_title(parse_needed_text(line.fields[1], "title")), None
        try:
            released = parse_day(line.fields[2], "release date")
        except FieldError as error:
            self.notes.left_empty(self.file_names["movies"], "release date", line.number, error)
        flags = zip(self._genres, line.fields[5:], strict=True)
        return Movie(
            line.number,
            parse_id(line.fields[0], "movie id"),
            title.title,
            title.original_title,
            title.year or (released.year if released else None),
            genres=tuple(g for g, flag in flags if flag.strip() == "1" and g != "unknown"),
            release_date=released,
        )

    @cached_property
    def _reader(self) -> MovieReader:
        columns = Columns(_HEADERS["movies"], holds="movies")
        return MovieReader(
            columns, Part(file=self.file_names["movies"], holds="movies"), self.notes
        )

    @cached_property
    def _links(self) -> dict[Key | None, tuple[str | None, int | None]]:
        """movie_id -> imdb_id as links.csv writes it ("0114709"), tmdb_id."""
        links: dict[Key | None, tuple[str | None, int | None]] = {}
        for row in self._rows("links", 3, self._read_link) if "links" in self._files else ():
            if isinstance(row, Rejected):
                raise LoadError(
                    f"{row}. The tables are as they were. Correct the line, or leave the file out."
                )
            links[row[0]] = row[1:]
        return links

    def _read_link(self, line: Line) -> tuple[int, str | None, int | None]:
        (movie_id, imdb_id, tmdb_id), number = line.fields, None
        try:
            number = parse_integer(tmdb_id, "tmdbId")
        except FieldError as error:
            self.notes.left_empty(self.file_names["links"], "column tmdbId", line.number, error)
        return parse_id(movie_id, "movieId"), imdb_id.strip() or None, number

    @cached_property
    def _genres(self) -> list[str]:
        file = self._found.get("u.genre")
        if file is None:
            raise LoadError(
                f"{self.location} has no u.genre, which names the genres of u.item. "
                "The tables are as they were. Put it back."
            )
        lines = read_lines(file, Format("|", "latin-1", header=False))
        return [line.fields[0] for line in lines if isinstance(line, Line)]
