"""How search time grows with the catalog: made-up films in a scratch database.

Words are drawn by Zipf's law from a vocabulary that holds the terms which are searched, so that
matches grow with the catalog as they do among real films.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.ingest import scratch_database
from bench.search import Latency, bench_search
from bench.ways import TERMS
from ingest.embedding_sets import load_embeddings
from ingest.load import load
from ingest.rows import Movie, RatingBlock, Rejected, Source, Tag
from sql.database import Database

SIZES = (10_000, 30_000, 100_000)

_GENRES = ("Action", "Comedy", "Drama", "Fantasy", "Horror", "Romance", "Sci-Fi", "Thriller")
_VOCABULARY = 20_000
_FIRST_TERM_RANK = 40  # below the commonest words, which are no one's query
_ZIPF = 1.05
_DIMENSION = 384
_TASTES = 40  # directions around which films' vectors lie
_USERS, _RATINGS = 50, 100
_EPOCH = 1_500_000_000


@dataclass(frozen=True)
class Growth:
    """Latencies at one size; ``load_seconds`` is how long films and vectors took to load."""

    films: int
    load_seconds: float
    latencies: tuple[Latency, ...]


class MadeUpFilms(Source):
    """``size`` films, and people who rated some of them: the same at every call."""

    name = "made-up"
    location = "made up"
    ratings_size: int | None = None

    def __init__(self, size: int) -> None:
        self.size = size
        self.file_names: dict[str, str] = {}

    def movies(self) -> Iterator[Movie | Rejected]:
        """Titles of two to four words, overviews of twenty."""
        rng = np.random.default_rng(1)
        words = vocabulary()
        chance = 1 / np.arange(1, len(words) + 1) ** _ZIPF
        drawn = rng.choice(len(words), size=(self.size, 24), p=chance / chance.sum())
        # Each drawn by itself, so that a larger catalog begins with the smaller one's films.
        lengths = np.random.default_rng(2).integers(2, 5, self.size)
        genres = np.random.default_rng(3).integers(0, len(_GENRES), (self.size, 2))
        years = np.random.default_rng(4).integers(1930, 2026, self.size)
        for i in range(self.size):
            text = [words[word] for word in drawn[i]]
            yield Movie(
                line=i + 1,
                movie_id=i,
                title=" ".join(text[: lengths[i]]).title(),
                year=int(years[i]),
                genres=tuple({_GENRES[genre] for genre in genres[i]}),
                overview=" ".join(text[4:]),
            )

    def ratings(self) -> Iterator[RatingBlock]:
        """Fifty people with a hundred ratings each, of the first films."""
        rng = np.random.default_rng(2)
        lines = []
        for user_id in range(_USERS):
            rated = rng.choice(min(SIZES[0], self.size), _RATINGS, replace=False)
            stars = rng.integers(1, 11, _RATINGS) / 2
            lines += [
                f"{user_id},{movie_id},{rating},{_EPOCH}\n"
                for movie_id, rating in zip(rated, stars, strict=True)
            ]
        yield RatingBlock("".join(lines).encode(), len(lines), [(0, 1)])

    def tags(self) -> Iterator[Tag | Rejected]:
        """None."""
        return iter(())

    def vectors(self) -> NDArray[np.float16]:
        """(size, 384), of length 1, around some forty directions."""
        rng = np.random.default_rng(3)
        directions = rng.standard_normal((_TASTES, _DIMENSION)).astype(np.float32)
        made = directions[rng.integers(0, _TASTES, self.size)]
        made += rng.standard_normal((self.size, _DIMENSION)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made.astype(np.float16)


def vocabulary() -> list[str]:
    """Words by falling frequency: made-up ones, with the searched terms among them."""
    searched = [word for term in TERMS for word in term.split()]
    made_up = [f"w{number:x}" for number in range(_VOCABULARY - len(searched))]
    return made_up[:_FIRST_TERM_RANK] + searched + made_up[_FIRST_TERM_RANK:]


def bench_growth(
    database: Database,
    sizes: Sequence[int] = SIZES,
    *,
    requests: int = 300,
    rate: float = 50,
    say: Callable[[str], None] = lambda _: None,
) -> list[Growth]:
    """Measure searches over SQL at each size, in a scratch database on the same server."""
    grown = []
    with scratch_database(database) as scratch:
        for size in sorted(sizes):
            say(f"Loading {size:,} films")
            started = time.monotonic()
            fill(scratch, MadeUpFilms(size))
            loaded = time.monotonic() - started
            report = bench_search(
                scratch,
                clients=(1,),
                candidates=(100,),
                over=("SQL",),
                requests=requests,
                rate=rate,
                say=say,
            )
            grown.append(Growth(size, loaded, report.latencies))
    return grown


def fill(database: Database, films: MadeUpFilms) -> None:
    """Load the films, their ratings and their vectors."""
    load(database, films)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npz"
        np.savez(
            path,
            movie_id=np.arange(films.size, dtype=np.int64),
            embedding=films.vectors(),
            model=np.array("made-up"),
        )
        load_embeddings(database, path)
