"""How fast a load is: rows/s against a plain COPY of the same rows, side by side, and memory.

All in a scratch database on the same server: a plain COPY into a table with the keys, checks and
indexes of ``ratings``, before and after (the mean counts, since other work on the machine comes
and goes), and between them the whole load of a generated MovieLens folder: reading, checks,
upserts, statistics.
"""

import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Self, TypeVar

import numpy as np
import polars as pl
import psutil
import psycopg
from psycopg import sql as psql

from ingest.load import load
from ingest.progress import LoadProgress
from ingest.rows import Source
from ingest.sources.movielens import MovieLens
from ingest.sources.table import Table
from palate.statements import Statements, raw, run_script
from sql.database import Database
from sql.migrate import migrate

_statements = Statements.beside(__file__, "ingest")
T = TypeVar("T")
_RATINGS_A_USER = 150
Written = Literal["csv", "jsonl", "parquet"]
_CHUNK = 1 << 20


@dataclass(frozen=True)
class IngestReport:
    """Seconds, rows/s and peak resident memory in MB (``before``: when the load began)."""

    rows: int
    films: int
    plain_seconds: float
    load_seconds: float
    plain_rows_per_second: float
    load_rows_per_second: float
    ratio: float
    second_load_seconds: float
    memory_before_mb: float
    memory_peak_mb: float
    plain_processor: float | None
    load_processor: float | None
    """Microseconds of processor a row that the server took, which other work hardly changes; None
    where it is not on this machine."""


def bench_ingest(
    database: Database,
    rows: int = 1_000_000,
    progress: LoadProgress | None = None,
    written: Written = "csv",
) -> IngestReport:
    """Measure on this database's server; what it holds is not touched.

    Needs the right to create a database, and about 200 bytes of disk a row.
    """
    with tempfile.TemporaryDirectory(prefix="palate-bench-") as temporary:
        folder = Path(temporary) / "generated"
        films = generate(folder, rows)
        source = _source(folder, written)
        with scratch_database(database) as scratch:
            before, taken_before = _measured(scratch, partial(_plain_copy, scratch, folder))
            with PeakMemory() as memory:
                work = partial(load, scratch, source, progress=progress)
                report, taken = _measured(scratch, work)
            after, taken_after = _measured(scratch, partial(_plain_copy, scratch, folder))
            plain = (before + after) / 2
            again = load(scratch, source, progress=progress, again=True)
    return IngestReport(
        rows=rows,
        films=films,
        plain_seconds=plain,
        load_seconds=report.seconds,
        plain_rows_per_second=rows / plain,
        load_rows_per_second=rows / report.seconds,
        ratio=plain / report.seconds,
        second_load_seconds=again.seconds,
        memory_before_mb=memory.before / 1e6,
        memory_peak_mb=memory.peak / 1e6,
        plain_processor=(taken_before + taken_after) / 2 / rows * 1e6 or None,
        load_processor=taken / rows * 1e6 or None,
    )


def _measured(database: Database, work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` returns, and the processor seconds that the server took for it; 0: unknown."""
    server = _server(database)
    before = _taken(server)
    made = work()
    return made, _taken(server) - before


def _server(database: Database) -> psutil.Process | None:
    """The server's first process, where it is on this machine."""
    with database.read() as connection:
        pid = connection.execute(_statements["backend"]).scalar_one()
    with suppress(psutil.Error):
        backend = psutil.Process(pid)
        return backend.parent() if backend.name() == "postgres" else None
    return None


def _taken(server: psutil.Process | None) -> float:
    times = [each.cpu_times() for each in (server, *server.children())] if server else []
    return float(sum(each.user + each.system for each in times))


def _source(folder: Path, written: Written) -> Source:
    """The generated folder; its ratings in another format than CSV."""
    if written == "csv":
        return MovieLens(folder)
    frame = pl.scan_csv(folder / "ratings.csv")
    ratings = folder / f"ratings.{written}"
    if written == "jsonl":
        frame.sink_ndjson(ratings)
    else:
        frame.sink_parquet(ratings)
    return Table("generated", movies=folder / "movies.csv", ratings=ratings)


def generate(folder: Path, rows: int, seed: int = 1) -> int:
    """Write a MovieLens folder of ``rows`` ratings; returns how many films it has.

    Beside it lies ``plain.csv``: the same ratings as COPY reads them.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    films = min(62_000, 1_000 + rows // 250)
    with (folder / "movies.csv").open("w") as file:
        file.write("movieId,title,genres\n")
        file.writelines(
            f"{film},Film {film} (1999),Drama|Fantasy\n" for film in range(1, films + 1)
        )
    with (folder / "ratings.csv").open("w") as ours, (folder / "plain.csv").open("w") as plain:
        ours.write("userId,movieId,rating,timestamp\n")
        for first in range(0, rows, _RATINGS_A_USER):
            count = min(_RATINGS_A_USER, rows - first)
            _write_user(random, films, first, count, ours.write, plain.write)
    return films


def _write_user(
    random: np.random.Generator,
    films: int,
    first: int,
    count: int,
    write: Callable[[str], int],
    write_plain: Callable[[str], int],
) -> None:
    user = first // _RATINGS_A_USER + 1
    rated = np.sort(random.choice(films, count, replace=False)) + 1
    scores = random.integers(1, 11, count) / 2
    times = 1_000_000_000 + first + np.arange(count)
    moments = np.datetime_as_string(times.astype("datetime64[s]"))
    lines = [f"{user},{film},{score}," for film, score in zip(rated, scores, strict=True)]
    write("".join(f"{line}{at}\n" for line, at in zip(lines, times, strict=True)))
    write_plain("".join(f"{line}{at}+00\n" for line, at in zip(lines, moments, strict=True)))


def _plain_copy(database: Database, folder: Path) -> float:
    """Seconds of a COPY into an identical table with its keys."""
    with database.begin(patient=True) as connection:
        run_script(connection, _statements.raw("create_plain"))
        with raw(connection).cursor().copy(_statements.raw("copy_plain_movies").encode()) as copy:
            for line in (folder / "movies.csv").read_text().splitlines()[1:]:
                copy.write_row(line.split(",")[:2])
    started = time.monotonic()
    with (
        database.begin(patient=True) as connection,
        raw(connection).cursor().copy(_statements.raw("copy_plain").encode()) as copy,
        (folder / "plain.csv").open("rb") as file,
    ):
        while data := file.read(_CHUNK):
            copy.write(data)
    seconds = time.monotonic() - started
    with database.begin(patient=True) as connection:
        run_script(connection, _statements.raw("drop_plain"))
    return seconds


@contextmanager
def scratch_database(database: Database) -> Iterator[Database]:
    """A migrated, empty database of its own on the same server, dropped afterwards."""
    name = f"palate_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database.psql_url, autocommit=True) as admin:
        admin.execute(psql.SQL("CREATE DATABASE {}").format(psql.Identifier(name)))
    url = database.url.set(database=name)
    try:
        with Database(url.render_as_string(hide_password=False), database.settings) as scratch:
            migrate(scratch)
            yield scratch
    finally:
        with psycopg.connect(database.psql_url, autocommit=True) as admin:
            admin.execute(psql.SQL("DROP DATABASE {} WITH (FORCE)").format(psql.Identifier(name)))


class PeakMemory:
    """The most resident memory of this process while the context is open, in bytes.

    ``children`` counts the processes that it started as well.
    """

    def __init__(self, interval: float = 0.02, *, children: bool = False) -> None:
        self._interval, self._children = interval, children
        self._over = threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self.peak = 0

    def __enter__(self) -> Self:
        self.before = self.peak = self._resident()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._interval):
            self.peak = max(self.peak, self._resident())

    def _resident(self) -> int:
        total: int = self._process.memory_info().rss
        for child in self._process.children(recursive=True) if self._children else ():
            with suppress(psutil.NoSuchProcess):
                total += child.memory_info().rss
        return total
