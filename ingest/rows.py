"""What a source hands to the loader: films, blocks of ratings, tags, and lines it cannot read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from ingest.fields import Key
from ingest.notes import Notes

FILE = 1 << 40
"""What the numbers of lines of a second file of the same kind begin at."""


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
    """A film as a source knows it; what the source does not say is None or empty.

    Only facts about films of another file come without title or ``movie_id``.
    """

    line: int
    movie_id: Key | None
    title: str | None
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
    own: Mapping[str, object] | None = None
    """What it says in fields of one's own."""


class Tag(NamedTuple):
    """A word that a user gave a film; tagged_at in epoch seconds."""

    line: int
    user_id: Key
    movie_id: Key
    tag: str
    tagged_at: float | None


@dataclass(slots=True)
class RatingBlock:
    """Many ratings as bytes that COPY reads: ``user_id,movie_id,rating,epoch seconds`` lines.

    ``runs`` maps rows to lines of the file: (index of a row in this block, its line), one entry
    wherever the lines are not consecutive. ``read`` is how many bytes of the file it took.
    ``keyed`` are the ratings whose user or film is not told by a number, as ``copy_keyed`` reads
    them, ``keyed_rows`` of them.
    """

    data: bytes
    rows: int
    runs: list[tuple[int, int]]
    rejected: list[Rejected] = field(default_factory=list)
    read: int = 0
    keyed: bytes = b""
    keyed_rows: int = 0


class Source(ABC):
    """Where films, ratings and tags come from. Reading starts again at every call."""

    name: str
    """What the database remembers having loaded, for example ``ml-latest-small``."""

    location: str
    """Where it lies, for people."""

    file_names: Mapping[str, str] = MappingProxyType({})
    """Its files as messages call them, by what they hold: movies, ratings, tags."""

    names_items: str | None = None
    """How a film is called that only ratings tell of: ``item {}``; None: it is unknown."""

    keeps_highest: bool = False
    """Whether of several ratings of a film by a user the highest counts, not the newest."""

    ratings_size: int | None = None
    """Bytes of ratings to read, for a progress bar; None when unknown."""

    @cached_property
    def notes(self) -> Notes:
        """What is worth knowing of the last reading."""
        return Notes()

    def described(self) -> list[str]:
        """Its files in sentences: what each holds, how it is written, what its columns mean."""
        return []

    def digest(self) -> str | None:
        """Of what it reads and how; None: each load of it is a new one."""
        return None

    @abstractmethod
    def movies(self) -> Iterator[Movie | Rejected]:
        """Every film."""

    def facts(self) -> Iterator[Movie | Rejected]:
        """What else is known of films, by any of their ids."""
        return iter(())

    @abstractmethod
    def ratings(self) -> Iterator[RatingBlock]:
        """Every rating, in blocks of about a megabyte."""

    def tags(self) -> Iterator[Tag | Rejected]:
        """Every tag."""
        return iter(())

    def written(self, what: str) -> Iterator[tuple[int, str]]:  # noqa: ARG002
        """The lines of its movies, ratings or tags as they are written, by their numbers."""
        return iter(())
