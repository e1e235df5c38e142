"""What training costs on made-up ratings of any number: seconds, processor time and memory."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import psutil

from bench.ingest import PeakMemory, scratch_database
from bench.synthetic import synthetic_ratings
from learn.data import read_ratings
from learn.models.factors import FactorModel
from learn.models.families import FACTOR_MODELS, choose_model
from learn.models.implicit import Als
from learn.models.interface import Ratings
from learn.spark import item_factors, spark_session
from palate.statements import Statements, raw, run_script
from sql.database import Database

_statements = Statements.beside(__file__, "train")
_BLOCK = 1_000_000  # ratings written at once


@dataclass(frozen=True)
class Cost:
    """Of one step: wall and processor seconds, and the most resident memory, in MB, in it."""

    seconds: float
    cpu_seconds: float
    memory_mb: float


@dataclass(frozen=True)
class TrainReport:
    """What it was measured on, and each step's cost."""

    ratings: int
    users: int
    films: int
    model: str
    steps: dict[str, Cost]


def bench_train(
    count: int,
    model: str = "auto",
    *,
    seed: int = 0,
    database: Database | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> TrainReport:
    """Make up ``count`` ratings and learn ``model``'s factors from them.

    With ``database`` they are first written to a scratch database on its server and read from it
    as training does.
    """
    steps: dict[str, Cost] = {}
    say(f"making up {count:,} ratings")
    with Measured(steps, "make up"):
        ratings = synthetic_ratings(count, seed)
    if database is not None:
        say("writing them to a scratch database")
        with scratch_database(database) as scratch:
            _write(scratch, ratings)
            del ratings
            say("reading them")
            with Measured(steps, "read"):
                ratings = read_ratings(scratch)
    chosen = choose_model(ratings) if model == "auto" else FACTOR_MODELS[model]()
    say(f"learning {chosen.name} of rank {chosen.rank}")
    with Measured(steps, "learn"):
        _learn(chosen, ratings)
    users, films = len(ratings.user_ids), len(ratings.movie_ids)
    return TrainReport(len(ratings), users, films, f"{chosen.name} {chosen.rank}", steps)


def bench_spark(
    count: int,
    master: str,
    *,
    rank: int = 64,
    epochs: int = 15,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> TrainReport:
    """Make up ``count`` ratings and learn als' factors from them on Spark; executors' processor
    time and memory are in what is reported. Raises NotInstalledError and SparkError."""
    steps: dict[str, Cost] = {}
    model = Als(rank=rank, epochs=epochs, seed=seed)
    say(f"making up {count:,} ratings")
    with TemporaryDirectory(prefix="palate-bench-") as folder:
        with Measured(steps, "make up"):
            ratings = synthetic_ratings(count, seed)
            users, films, made = len(ratings.user_ids), len(ratings.movie_ids), len(ratings)
            _frame(ratings, slice(None)).write_parquet(Path(folder) / "ratings.parquet")
            del ratings
        say(f"starting Spark on {master}")
        started = Measured(steps, "start Spark")
        with started, spark_session(master) as spark:
            started.next("learn")
            say(f"learning als of rank {rank} in {epochs} epochs")
            learned = item_factors(spark, [str(Path(folder) / "ratings.parquet")], model).count()
    say(f"{learned:,} films have factors")
    return TrainReport(made, users, films, f"als {rank}, {epochs} epochs, {master}", steps)


def _learn(model: FactorModel, ratings: Ratings) -> None:
    model.fit(ratings)
    if not np.isfinite(model.factors_out).all():
        raise ArithmeticError("the factors are not finite")


class Measured:
    """Adds the cost of what happens inside the context, in this process and those that it starts,
    to ``steps``; ``next`` begins another step."""

    def __init__(self, steps: dict[str, Cost], name: str) -> None:
        self._steps, self._name = steps, name

    def __enter__(self) -> None:
        self._memory = PeakMemory(0.05, children=True)
        self._memory.__enter__()
        self._began, self._worked = time.monotonic(), _cpu_seconds()

    def __exit__(self, *exc: object) -> None:
        self._memory.__exit__(*exc)
        self._steps[self._name] = Cost(
            time.monotonic() - self._began,
            _cpu_seconds() - self._worked,
            self._memory.peak / 1e6,
        )

    def next(self, name: str) -> None:
        """End this step and begin the one of this name."""
        self.__exit__()
        self._name = name
        self.__enter__()


def _cpu_seconds() -> float:
    process = psutil.Process()
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += float(times.user + times.system + times.children_user + times.children_system)
    return total


def _write(scratch: Database, ratings: Ratings) -> None:
    """The ratings as rows, without the triggers that follow each: they are not what is measured."""
    with scratch.begin(patient=True) as connection:
        run_script(connection, _statements.raw("without_triggers"))
        connection.execute(_statements["movies"], {"n": len(ratings.movie_ids)})
        connection.execute(_statements["users"], {"n": len(ratings.user_ids)})
        with raw(connection).cursor().copy(_statements.raw("copy").encode()) as copy:
            for start in range(0, len(ratings), _BLOCK):
                part = _frame(ratings, slice(start, start + _BLOCK))
                copy.write(part.write_csv(include_header=False))


def _frame(ratings: Ratings, part: slice) -> pl.DataFrame:
    rows = np.searchsorted(ratings.starts, np.arange(*part.indices(len(ratings))), "right") - 1
    times = ratings.times[part].astype("datetime64[s]").astype("datetime64[ms]")
    return pl.DataFrame(
        {
            "user_id": ratings.user_ids[rows],
            "movie_id": ratings.movie_ids[ratings.columns[part]],
            "rating": ratings.values[part],
            "rated_at": times,
        }
    )
