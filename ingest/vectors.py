"""Files of text embeddings: CSV, Parquet and npz, read and written by batches.

CSV and Parquet have the columns ``movie_id``, ``model`` and ``embedding`` (in CSV as
``[0.1,-0.2,...]``); npz has the arrays ``movie_id`` (n), ``embedding`` (n, dimension) and
``model`` (one text).
"""

import csv
import io
import itertools
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.io.plugins import register_io_source

from ingest.files import DataFile
from palate.errors import EmbeddingError, LoadError, MissingFileError

COLUMNS = ("movie_id", "model", "embedding")
BATCH = 1000  # rows: 1.5 MB of 384 numbers
_MAX_NPZ = 4 << 30  # bytes, held in memory at once; a million films of 384 numbers take 1.5 GB


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name} ({self.dimension} numbers)"


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """n rows of a file: where each stands (from 1), its film, and its vector of length 1."""

    model: str
    places: NDArray[np.int64]  # (n,)
    movie_ids: NDArray[np.int64]  # (n,)
    vectors: NDArray[np.float32]  # (n, dimension)

    @property
    def of(self) -> Model:
        """The model that made them."""
        return Model(self.model, self.vectors.shape[1])


def read_vectors(path: Path, model: str | None = None) -> Iterator[VectorBatch]:
    """The file's rows in order, checked and normalised; ``model`` where the file names none.

    Raises EmbeddingError for what is no file of vectors and at the first bad row, naming it;
    MissingFileError where there is no file. CSV and Parquet are streamed; npz is held in memory.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}. Nothing was changed.")
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    readers = {"csv": _read_csv, "parquet": _read_parquet, "npz": _read_npz}
    if kind not in readers:
        raise EmbeddingError(
            f"{path.name} is neither .csv, .csv.gz, .parquet nor .npz. Nothing was changed. "
            "Name the file by its format."
        )
    seen: VectorBatch | None = None
    for batch in readers[kind](path, model):
        seen = seen or batch
        checked = _checked(path, batch)
        if batch.of != seen.of:
            column = "embedding" if batch.model == seen.model else "model"
            reason = f"vectors of {batch.of} after those of {seen.of}"
            raise bad_row(path, int(batch.places[0]), column, reason)
        yield checked
    if seen is None:
        raise EmbeddingError(f"{path.name} holds no vectors. Nothing was changed.")


def bad_row(path: Path, number: int, column: str, reason: str) -> EmbeddingError:
    """The error for one bad row: CSV files have lines, the others have rows."""
    unit = "line" if ".csv" in path.name.lower() else "row"
    return EmbeddingError(
        f"{path.name}, {unit} {number}, {column}: {reason}. Nothing was changed. Correct the file "
        "or make it again with `palate embed generate`."
    )


def format_csv(model: str, movie_ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """Rows as CSV text; seven digits are what single precision holds."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for movie_id, vector in zip(movie_ids.tolist(), vectors.tolist(), strict=True):
        writer.writerow([movie_id, model, f"[{','.join(f'{value:.7g}' for value in vector)}]"])
    return text.getvalue()


def write_vectors(path: Path, batches: Iterable[VectorBatch], dimension: int) -> None:
    """Write .csv or .parquet by batches. The file appears when it is whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".parquet":
            _write_parquet(unfinished, batches, dimension)
        else:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                file.write(",".join(COLUMNS) + "\n")
                for batch in batches:
                    file.write(format_csv(batch.model, batch.movie_ids, batch.vectors))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_parquet(path: Path, batches: Iterable[VectorBatch], dimension: int) -> None:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "movie_id": pl.Int64,
        "model": pl.String,
        "embedding": pl.Array(pl.Float32, dimension),
    }

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        for batch in batches:
            models = [batch.model] * len(batch.movie_ids)
            columns = zip(schema, (batch.movie_ids, models, batch.vectors), strict=True)
            yield pl.DataFrame(dict(columns), schema=schema)

    register_io_source(frames, schema=schema).sink_parquet(path, row_group_size=4 * BATCH)


def _read_csv(path: Path, model: str | None) -> Iterator[VectorBatch]:
    rows = (_parsed(path, number, values) for number, values in _csv_rows(path, model))
    for (name, _), alike in itertools.groupby(rows, lambda row: (row[1], len(row[3]))):
        while batch := list(itertools.islice(alike, BATCH)):
            places, _, ids, vectors = zip(*batch, strict=True)
            yield VectorBatch(name, np.array(places), np.array(ids, np.int64), np.array(vectors))


def _csv_rows(path: Path, model: str | None) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values of each row."""
    try:
        with DataFile(path).open() as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            rows = csv.reader(text, strict=True)
            header = [name.strip().lower() for name in next(rows, [])]
            _require_columns(path, header, model)
            for row in rows:
                if row and len(row) != len(header):
                    wrong = f"{len(row)} values, not {len(header)}"
                    raise bad_row(path, rows.line_num, "row", wrong)
                if row:
                    values = dict(zip(header, row, strict=True))
                    yield rows.line_num, {"model": model or "", **values}
    except csv.Error as error:
        raise bad_row(path, rows.line_num, "row", f"this is no CSV ({error})") from error
    except UnicodeDecodeError as error:
        raise EmbeddingError(
            f"{path.name} is not UTF-8 text. Nothing was changed. Save it as UTF-8."
        ) from error
    except LoadError as error:
        raise EmbeddingError(str(error)) from error


def _parsed(
    path: Path, number: int, values: dict[str, str]
) -> tuple[int, str, int, NDArray[np.float32]]:
    """Place, model, film and vector of a row."""
    film, reason = values["movie_id"], ""
    try:
        column, reason = "movie_id", f"{film[:40]!r} is no whole number"
        movie_id = int(film)
        column, reason = "embedding", "this is no list of numbers such as [0.1,-0.2]"
        numbers = np.array(values["embedding"].strip().strip("[]").split(","), np.float64)
    except ValueError:
        raise bad_row(path, number, column, reason) from None
    if not values["model"]:
        raise bad_row(path, number, "model", "the model's name is missing")
    return number, values["model"], movie_id, numbers.astype(np.float32)


def _read_parquet(path: Path, model: str | None) -> Iterator[VectorBatch]:
    try:
        frame = pl.scan_parquet(path)
        names = frame.collect_schema().names()
        _require_columns(path, names, model)
        columns = [
            pl.col("movie_id").cast(pl.Int64),
            pl.col("embedding").cast(pl.List(pl.Float32)),
            pl.col("model").cast(pl.String) if "model" in names else pl.lit(model).alias("model"),
        ]
        done = 0
        for rows in frame.select(columns).collect_batches(chunk_size=BATCH, maintain_order=True):
            if len(rows):
                yield from _parquet_batches(path, rows, done)
            done += len(rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EmbeddingError(
            f"{path.name} is no Parquet file of vectors ({str(error).splitlines()[0][:200]}). "
            "Nothing was changed. Make it again with `palate embed generate`."
        ) from error


def _parquet_batches(path: Path, rows: pl.DataFrame, done: int) -> Iterator[VectorBatch]:
    """The rows as one batch; where the model changes, as several."""
    for column in ("movie_id", "model", "embedding"):
        if (empty := rows[column].is_null().arg_max()) is not None and rows[column][empty] is None:
            raise bad_row(path, done + empty + 1, column, "the value is missing")
    lengths = rows["embedding"].list.len()
    if (odd := (lengths != lengths[0]).arg_max()) is not None and lengths[odd] != lengths[0]:
        reason = f"{lengths[odd]} numbers where the rows before have {lengths[0]}"
        raise bad_row(path, done + odd + 1, "embedding", reason)
    vectors = rows["embedding"].explode(empty_as_null=False).to_numpy().reshape(len(rows), -1)
    places = np.arange(done + 1, done + len(rows) + 1)
    models = rows["model"].to_numpy()
    starts = [0, *(np.flatnonzero(models[1:] != models[:-1]) + 1).tolist(), len(rows)]
    for start, end in itertools.pairwise(starts):
        ids = rows["movie_id"].to_numpy()[start:end]
        yield VectorBatch(str(models[start]), places[start:end], ids, vectors[start:end])


def _read_npz(path: Path, model: str | None) -> Iterator[VectorBatch]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MAX_NPZ:
            raise EmbeddingError(
                f"{path.name} unpacks to {size >> 30} GiB, more than npz files may. "
                "Nothing was changed. Use Parquet."
            )
        with np.load(path, allow_pickle=False) as arrays:
            _require_columns(path, arrays.files, model)
            ids, vectors = arrays["movie_id"], arrays["embedding"]
            name = str(arrays["model"]) if "model" in arrays.files else str(model)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise EmbeddingError(
            f"{path.name} is no npz file of vectors ({error}). Nothing was changed."
        ) from error
    kinds = ids.dtype.kind in "iu" and vectors.dtype.kind == "f"
    if not kinds or ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
        raise EmbeddingError(
            f"{path.name} holds movie_id {ids.shape} {ids.dtype} and embedding {vectors.shape} "
            f"{vectors.dtype}, not n whole numbers and n vectors. Nothing was changed."
        )
    for start in range(0, len(ids), BATCH):
        rows = slice(start, start + BATCH)
        places = np.arange(start + 1, start + len(ids[rows]) + 1)
        batch = ids[rows].astype(np.int64), vectors[rows].astype(np.float32)
        yield VectorBatch(name, places, *batch)


def _require_columns(path: Path, found: Iterable[str], model: str | None) -> None:
    """Raise EmbeddingError for a file that lacks a column that no option stands for."""
    if missing := {"movie_id", "embedding", *([] if model else ["model"])} - set(found):
        raise EmbeddingError(
            f"{path.name} has no {' and no '.join(sorted(missing))}. Nothing was changed. "
            f"A file of vectors has {', '.join(COLUMNS)}."
        )


def _checked(path: Path, batch: VectorBatch) -> VectorBatch:
    """The batch with vectors of length 1. Raises EmbeddingError at the first bad row."""
    vectors = batch.vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    for wrong, column, reason in (
        (batch.movie_ids < 0, "movie_id", "the number of a film is not negative"),
        (~np.isfinite(vectors).all(axis=1), "embedding", "a number of it is not finite"),
        (lengths < 1e-6, "embedding", "all its numbers are zero"),
    ):
        if wrong.any():
            raise bad_row(path, int(batch.places[wrong.argmax()]), column, reason)
    unit = (vectors / lengths[:, None]).astype(np.float32)
    return VectorBatch(batch.model, batch.places, batch.movie_ids, unit)
