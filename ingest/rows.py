"""What a source hands to the loader: films, blocks of ratings, tags, and lines it cannot read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not loaded, and why. Lines count from 1; Parquet counts rows."""

    file: str
    line: int
    column: str | None
    reason: str
    text: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}, line {self.line}{column}: {self.reason}"


class Movie(NamedTuple):
    """A film as a source knows it; what the source does not say is None or empty."""

    line: int
    movie_id: int
    title: str
    original_title: str | None = None
    year: int | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    genres: tuple[str, ...] = ()
    overview: str | None = None
    runtime_minutes: int | None = None
    release_date: date | None = None
    director: str | None = None
    actors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    budget: int | None = None
    revenue: int | None = None
    poster_url: str | None = None


class Tag(NamedTuple):
    """A word that a user gave a film; tagged_at in epoch seconds."""

    line: int
    user_id: int
    movie_id: int
    tag: str
    tagged_at: float | None


@dataclass(slots=True)
class RatingBlock:
    """Many ratings as bytes that COPY reads: ``user_id,movie_id,rating,epoch seconds`` lines.

    ``runs`` maps rows to lines of the file: (index of a row in this block, its line), one entry
    wherever the lines are not consecutive. ``read`` is how many bytes of the file it took.
    """

    data: bytes
    rows: int
    runs: list[tuple[int, int]]
    rejected: list[Rejected] = field(default_factory=list)
    read: int = 0


class Source(Protocol):
    """Where films, ratings and tags come from. Reading starts again at every call."""

    @property
    def name(self) -> str:
        """What the database remembers having loaded, for example ``ml-latest-small``."""

    @property
    def location(self) -> str:
        """Where it lies, for people."""

    @property
    def file_names(self) -> Mapping[str, str]:
        """Its files as messages call them, by what they hold: movies, ratings, tags."""

    @property
    def ratings_size(self) -> int | None:
        """Bytes of ratings to read, for a progress bar; None when unknown."""

    def digest(self) -> str | None:
        """Of what it reads and how; None: each load of it is a new one."""

    def movies(self) -> Iterator[Movie | Rejected]:
        """Every film."""

    def ratings(self) -> Iterator[RatingBlock]:
        """Every rating, in blocks of about a megabyte."""

    def tags(self) -> Iterator[Tag | Rejected]:
        """Every tag."""
