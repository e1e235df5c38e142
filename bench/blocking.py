"""What searches and ratings wait for while things are made again.

One client searches and one rates all the time, in a scratch database with the sample or with many
made-up ratings; beside the same without anything being made, that is what blocking is measured by.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psycopg
import sqlalchemy

from bench.growth import MadeUpFilms, fill
from bench.ingest import scratch_database
from ingest.load import load
from ingest.rows import RatingBlock
from ingest.sources.sample import sample
from palate.errors import PalateError
from palate.statements import Statements, run_script
from sql.database import Database
from sql.migrate import migrate

_RATINGS_A_USER = 200
_EPOCH = 1_000_000_000
_PAUSE = 0.005  # seconds between two requests of a client
_statements = Statements.beside(__file__, "blocking")


@dataclass
class Waits:
    """How long requests of one kind took, in milliseconds, and which failed."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        """Milliseconds that so many per cent took at most; 0 where there was none."""
        return float(np.percentile(self.milliseconds, percent)) if self.milliseconds else 0.0


@dataclass(frozen=True)
class Blocking:
    """One thing that was made again for a while: how often, and what others waited."""

    what: str
    times: int
    searches: Waits
    ratings: Waits


class ManyRatings(MadeUpFilms):
    """Made-up films, more of them the more ratings there are, two hundred of each user."""

    def __init__(self, count: int) -> None:
        super().__init__(3_000 + count // 250)
        self.ratings_size = count

    def ratings(self) -> Iterator[RatingBlock]:
        """In blocks of a user each."""
        rng, count = np.random.default_rng(4), self.ratings_size or 0
        for place, first in enumerate(range(0, count, _RATINGS_A_USER)):
            rated = rng.choice(self.size, min(_RATINGS_A_USER, count - first), replace=False)
            stars = rng.integers(1, 11, len(rated)) / 2
            lines = [
                f"{place + 1},{film},{rating},{_EPOCH + first}\n"
                for film, rating in zip(rated, stars, strict=True)
            ]
            yield RatingBlock("".join(lines).encode(), len(lines), [(0, first + 1)])


def bench_blocking(
    database: Database, seconds: float, say: Callable[[str], None], ratings: int | None = None
) -> list[Blocking]:
    """Measure each for so many seconds; the first measures nothing being made.

    On the sample, or on so many made-up ``ratings``.
    """
    with scratch_database(database) as scratch:
        if ratings is None:
            with sample() as source:
                load(scratch, source)
        else:
            say(f"loading {ratings:,} made-up ratings ...")
            fill(scratch, ManyRatings(ratings))
        with scratch.begin() as connection:
            run_script(connection, _statements.raw("add_models"))
        with scratch.read() as connection:
            models = list(connection.execute(_statements["models"]).scalars())
        measured = []
        for what, make in _makers(scratch, models).items():
            say(f"{what} ...")
            measured.append(_measure(scratch, what, make, seconds))
    return measured


def _makers(database: Database, models: list[int]) -> dict[str, Callable[[], object]]:
    turns = iter(range(10**9))

    def run(statement: str, **values: object) -> None:
        with database.begin(patient=True) as connection:
            connection.execute(_statements[statement], values)

    def migrate_anew() -> None:
        run("functions_changed")
        migrate(database)

    return {
        "nothing": lambda: time.sleep(0.1),
        "refresh_search()": lambda: run("refresh_search"),
        "refresh_profiles()": lambda: run("refresh_profiles"),
        "refresh_stats()": lambda: run("refresh_stats"),
        "activate_model()": lambda: run("activate", model=models[next(turns) % len(models)]),
        "palate db migrate, every function": migrate_anew,
    }


def _measure(database: Database, what: str, make: Callable[[], object], seconds: float) -> Blocking:
    searches, ratings = Waits(), Waits()
    with _client(database, "search", searches), _client(database, "rate", ratings):
        until, times = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            make()
            times += 1
    return Blocking(what, times, searches, ratings)


@contextmanager
def _client(database: Database, statement: str, waits: Waits) -> Iterator[None]:
    """Run a statement again and again while the context is open."""
    over = threading.Event()

    def work() -> None:
        for turn in iter(range(10**9)):
            if over.is_set():
                return
            started = time.perf_counter()
            try:
                with database.read() as connection:
                    connection.execute(_statements[statement], {"turn": turn}).all()
            except (PalateError, sqlalchemy.exc.SQLAlchemyError, psycopg.Error) as error:
                waits.errors.append(str(error))
            waits.milliseconds.append((time.perf_counter() - started) * 1000)
            over.wait(_PAUSE)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield
        finally:
            over.set()
        working.result()
