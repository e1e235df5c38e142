"""Features of users, films and interactions as Parquet files, for learning outside the database.

Everything that describes a user or a film is made of training ratings alone: what a model is tried
on must not have helped to make what it is told. DuckDB does the work on disk, so that memory does
not grow with the ratings.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from ingest.rejects import RejectedLineError
from ingest.rows import Rejected, Source
from palate.errors import ConflictError, LoadError, MisuseError, NotFoundError, NotInstalledError
from palate.statements import Statements, raw
from sql.database import Database

if TYPE_CHECKING:
    import duckdb

_statements = Statements.beside(__file__, "features")

VERSION = 1
"""Of the files' schema; statistics.json names the one it has."""

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

_INTERACTIONS = {
    "user_id": pl.Int64(), "movie_id": pl.Int64(), "rating": pl.Float32(),
    "rated_at": pl.Datetime("us", "UTC"), "z_score": pl.Float64(), "weekday": pl.UInt8(),
    "hour": pl.UInt8(),
}  # fmt: skip
SCHEMAS: Mapping[str, Mapping[str, pl.DataType]] = {
    "users": {
        "user_id": pl.Int64(), "rating_count": pl.Int32(), "mean_rating": pl.Float64(),
        "std_rating": pl.Float64(), "min_rating": pl.Float32(), "max_rating": pl.Float32(),
        "rating_range": pl.Float32(), "top_genres": pl.List(pl.String()),
        "ratings_per_month": pl.Float64(), "recency_days": pl.Float64(),
    },
    "movies": {
        "movie_id": pl.Int64(), "title": pl.String(), "year": pl.Int32(),
        "genres": pl.List(pl.String()), "genres_hot": pl.List(pl.UInt8()),
        "rating_count": pl.Int32(), "log_popularity": pl.Float64(), "mean_rating": pl.Float64(),
        "std_rating": pl.Float64(), "trend": pl.Float64(),
    },
    **dict.fromkeys(PARTS, _INTERACTIONS),
}  # fmt: skip
"""The columns of each file; docs/features.md says what they mean."""


@dataclass(frozen=True)
class FeatureStatistics:
    """What ``statistics.json`` holds. Means, deviation and histogram are of training ratings."""

    version: int
    source: str
    made_at: str
    test_fraction: float
    validation_fraction: float
    ratings: int
    users: int
    movies: int
    rated_movies: int
    train: int
    validation: int
    test: int
    mean_rating: float
    std_rating: float
    sparsity: float
    first_rated_at: str
    last_rated_at: str
    rating_counts: dict[str, int]
    genres: list[str]
    """In the order of ``genres_hot``."""
    genre_counts: dict[str, int]


def build_features(
    source: Source | Database,
    folder: Path,
    *,
    test: float = 0.2,
    validation: float = 0.2,
    memory: str = "2GB",
    threads: int = 2,
) -> FeatureStatistics:
    """Write users, movies, train, validation and test as Parquet, and statistics.json.

    Of each user's ratings in order of time the last ``test`` share is the test part, and of the
    rest the last ``validation`` share the validation part. ``memory`` limits what DuckDB keeps.
    The folder is replaced when everything is written; until then it stays as it was.

    Raises LoadError for ratings that cannot be used, ConflictError for a folder that holds
    anything else or cannot be made, MisuseError for a ``memory`` that is none or too little,
    NotInstalledError without DuckDB.
    """
    _check_target(folder)
    with _beside(folder) as temporary:
        work, made = Path(temporary) / "work", Path(temporary) / "made"
        work.mkdir()
        made.mkdir()
        name = _stage_database(source, work) if isinstance(source, Database) else (
            _stage_source(source, work)
        )  # fmt: skip
        with _duckdb(work, memory, threads) as connection:
            _read(connection, work)
            connection.execute(_statements.raw("split"), {"test": test, "validation": validation})
            connection.execute(_statements.raw("drop_ratings"))
            statistics = _write(connection, made, name, test, validation)
        text = json.dumps(asdict(statistics), indent=2, ensure_ascii=False)
        (made / "statistics.json").write_text(text + "\n", encoding="utf-8")
        _replace(folder, made, Path(temporary) / "old")
    return statistics


@contextmanager
def _beside(folder: Path) -> Iterator[str]:
    """A folder to work in, on the same disk."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".features-")
    except OSError as error:
        raise ConflictError(
            f"{folder} cannot be made: {error.strerror}. Nothing was written. Name another folder."
        ) from error
    with temporary as name:
        yield name


def read_features(folder: Path, name: str) -> pl.LazyFrame:
    """One file, ``users``, ``movies``, ``train``, ``validation`` or ``test``, its schema checked.

    Raises NotFoundError, and LoadError where the columns are not SCHEMAS[name].
    """
    path = _existing(folder / f"{name}.parquet")
    frame = pl.scan_parquet(path)
    try:
        found = dict(frame.collect_schema())
    except pl.exceptions.ComputeError as error:
        raise LoadError(f"{path} is no Parquet file. Nothing was read. Build it again.") from error
    expected = SCHEMAS[name]
    if found != dict(expected):
        wrong = [c for c in {**found, **expected} if found.get(c) != expected.get(c)]
        raise LoadError(
            f"{path}: {', '.join(wrong)} are not as version {VERSION} of the schema has them. "
            f"Nothing was read. Build it again with `palate features build {folder}`."
        )
    return frame


def read_statistics(folder: Path) -> FeatureStatistics:
    """What statistics.json says. Raises NotFoundError, and LoadError for another version."""
    path = _existing(folder / "statistics.json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        statistics = FeatureStatistics(**found)
    except (ValueError, TypeError) as error:
        raise LoadError(f"{path} holds no statistics. Nothing was read. Build it again.") from error
    if statistics.version != VERSION:
        raise LoadError(
            f"{path} is of version {statistics.version}, this Palate reads {VERSION}. "
            "Nothing was read. Build it again."
        )
    return statistics


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotFoundError(
            f"There is no {path}. Nothing was read. `palate features build {path.parent}` "
            "writes it."
        )
    return path


def _check_target(folder: Path) -> None:
    """Only an empty folder or one of features is replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConflictError(f"{folder} is a file. Nothing was written. Name a new folder.")
    ours = {"statistics.json", *(f"{name}.parquet" for name in SCHEMAS)}
    found = {path.name for path in folder.iterdir()}
    if found - ours:
        raise ConflictError(
            f"{folder} holds something else than features ({sorted(found - ours)[0]}). "
            "Nothing was written. Name a new folder."
        )


def _stage_database(database: Database, work: Path) -> str:
    copying = _statements.raw("live_ratings").encode()
    with (
        database.begin(patient=True) as connection,
        (work / "ratings.csv").open("wb") as file,
    ):
        with raw(connection).cursor().copy(copying) as copy:
            for block in copy:
                file.write(block)
        rows = connection.execute(_statements["live_movies"]).all()
        _write_movies([tuple(row) for row in rows], work)
        name = connection.execute(_statements["live_source"]).scalar()
    return name or "unnamed"


def _stage_source(source: Source, work: Path) -> str:
    with (work / "ratings.csv").open("wb") as file:
        for block in source.ratings():
            if block.rejected:
                raise RejectedLineError(block.rejected[0])
            file.write(block.data)
    films = []
    for movie in source.movies():
        if isinstance(movie, Rejected):
            raise RejectedLineError(movie)
        films.append((movie.movie_id, movie.title, movie.year, list(movie.genres)))
    _write_movies(films, work)
    return source.name


def _write_movies(films: list[tuple[Any, ...]], work: Path) -> None:
    columns = ("movie_id", "title", "year", "genres")
    schema = {name: SCHEMAS["movies"][name] for name in columns}
    pl.DataFrame(films, schema, orient="row").write_parquet(work / "movies.parquet")


@contextmanager
def _duckdb(work: Path, memory: str, threads: int) -> "Iterator[duckdb.DuckDBPyConnection]":
    try:
        import duckdb
    except ImportError:
        raise NotInstalledError(
            "Features need DuckDB. Nothing was written. Install it in Palate's folder: "
            "pip install -e '.[train]'."
        ) from None
    settings = {
        "memory_limit": memory,
        "threads": str(threads),
        "temp_directory": str(work / "spilled"),
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
    }
    try:
        connection = duckdb.connect(str(work / "work.duckdb"), config=settings)  # type: ignore[arg-type]
    except duckdb.ParserException as error:
        raise MisuseError(
            f"{memory} is no amount of memory. Nothing was written. Write it as 2GB or 500MB."
        ) from error
    try:
        yield connection
    except duckdb.OutOfMemoryException as error:
        raise MisuseError(
            f"{memory} of memory, or the disk, is too little. Nothing was written. Give it more."
        ) from error
    finally:
        connection.close()


def _read(connection: "duckdb.DuckDBPyConnection", work: Path) -> None:
    connection.execute(_statements.raw("read_ratings"), {"path": str(work / "ratings.csv")})
    connection.execute(_statements.raw("read_movies"), {"path": str(work / "movies.parquet")})
    (work / "ratings.csv").unlink()
    if wrong := connection.execute(_statements.raw("wrong_rating")).fetchone():
        user, movie, rating, reason = wrong
        raise LoadError(
            f"The rating {rating} of film {movie} by user {user} {reason}. Nothing was written. "
            "Correct it and build again."
        )
    if repeated := connection.execute(_statements.raw("repeated_rating")).fetchone():
        raise LoadError(
            f"User {repeated[0]} rated film {repeated[1]} twice. Nothing was written. "
            "Keep one of the ratings and build again."
        )


def _write(
    connection: "duckdb.DuckDBPyConnection", made: Path, source: str, test: float, validation: float
) -> FeatureStatistics:
    found = connection.sql(_statements.raw("statistics"))
    facts = dict(zip(found.columns, found.fetchall()[0], strict=True))
    if not facts["ratings"]:
        raise LoadError("There are no ratings to make features of. Nothing was written.")
    genres = [row[0] for row in connection.execute(_statements.raw("genres")).fetchall()]
    connection.execute(_statements.raw("users"))
    _parquet(connection, "FROM user_features ORDER BY user_id", made / "users.parquet")
    _parquet(connection, _statements.raw("movies"), made / "movies.parquet", genres=genres)
    for part in PARTS:
        _parquet(connection, _statements.raw("interactions"), made / f"{part}.parquet", part=part)
    counts = connection.execute(_statements.raw("histogram")).fetchall()
    of_genres = connection.execute(_statements.raw("genre_counts")).fetchall()
    for name in ("first_rated_at", "last_rated_at"):
        facts[name] = datetime.fromtimestamp(facts[name], UTC).isoformat()
    return FeatureStatistics(
        version=VERSION,
        source=source,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        test_fraction=test,
        validation_fraction=validation,
        rating_counts={f"{rating:g}": n for rating, n in counts},
        genres=genres,
        genre_counts=dict(of_genres),
        **facts,
    )


def _parquet(
    connection: "duckdb.DuckDBPyConnection", query: str, path: Path, **parameters: Any
) -> None:
    connection.sql(query, params=parameters or None).write_parquet(str(path), compression="zstd")


def _replace(folder: Path, made: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    made.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
