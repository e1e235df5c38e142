"""Films' text embeddings: made from their texts, counted."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ingest.embedding_sets import read_sets
from ingest.progress import LoadProgress
from ingest.vectors import COLUMNS, Model, VectorBatch, format_csv, read_vectors, write_vectors
from palate.embedder import Embedder
from palate.errors import ConflictError, EmbeddingError, MisuseError, NotFoundError
from palate.statements import Statements
from sql.database import Database

statements = Statements.beside(__file__, "embeddings")

_PART_HEADER = f"{','.join(COLUMNS)}\n".encode()


@dataclass(frozen=True, slots=True)
class GenerateReport:
    """What was made: ``films`` vectors are in ``path``, ``resumed`` of them from an earlier run."""

    path: Path | None
    model: str
    films: int
    resumed: int
    seconds: float
    name: str | None = None

    def __str__(self) -> str:
        if self.path is None:
            return "Every film has a vector already; nothing was written."
        resumed = f", {self.resumed:,} of them by an earlier run" if self.resumed else ""
        return (
            f"Wrote {self.films:,} vectors of {self.model} to {self.path}{resumed}, in "
            f"{self.seconds:.1f} s. Load them with `palate ingest embeddings {self.path}`"
            f"{f' --name {self.name}' if self.name else ''}."
        )


@dataclass(frozen=True, slots=True)
class EmbeddingStats:
    """How many films have a vector, and of which model."""

    films: int
    embedded: int
    model: str | None
    dimension: int | None
    loaded_at: datetime | None

    @property
    def missing(self) -> int:
        """Films without a vector."""
        return self.films - self.embedded

    @property
    def coverage(self) -> float:
        """Share of films that have one, 0 to 1."""
        return self.embedded / self.films if self.films else 0.0


def describe_film(
    title: str,
    year: int | None = None,
    genres: Iterable[str] = (),
    director: str | None = None,
    keywords: Iterable[str] = (),
    overview: str | None = None,
) -> str:
    """The text that stands for a film. Parts that are missing are left out.

    >>> describe_film("Alien", 1979, ["Horror", "Sci-Fi"], "Ridley Scott", ["space"])
    'Alien (1979). Horror, Sci-Fi. About space. Directed by Ridley Scott.'
    """
    named = f"{title} ({year})" if year else title
    parts = [
        named,
        ", ".join(genres),
        f"About {', '.join(keywords)}" if (keywords := list(keywords)) else "",
        f"Directed by {director}" if director else "",
        overview or "",
    ]
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def embed_films(embedder: Embedder, films: Iterable[Any]) -> NDArray[np.float32]:
    """Vectors of the texts of films, rows of ``film_texts``."""
    return embedder.embed([
        describe_film(f.title, f.year, f.genres, f.director, f.keywords, f.overview) for f in films
    ])  # fmt: skip


def generate(
    database: Database,
    path: Path,
    *,
    embedder: Embedder,
    movie_ids: Sequence[int] | None = None,
    name: str | None = None,
    batch_size: int = 256,
    progress: LoadProgress | None = None,
) -> GenerateReport:
    """Embed every film without a vector, or the films ``movie_ids``, into .csv or .parquet.

    ``name`` is the set that lacks them, be it one that is not there yet; without, that in use.

    What is done is kept in ``<path>.part.csv``: a run that was stopped goes on from there. The file
    itself appears when it is whole. Nothing in the database changes.

    Raises NotFoundError for unknown ids; EmbeddingError when the model fails, when the partial
    file is of another model, or when the file cannot be written; MisuseError for another ending.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise MisuseError(
            f"{path.name} ends in neither .csv nor .parquet. Nothing was done. Name it so."
        )
    progress, started = progress or LoadProgress(), time.monotonic()
    wanted = _wanted(database, movie_ids, name)
    if not len(wanted):
        return GenerateReport(None, embedder.name, 0, 0, 0.0, name)
    part = path.with_name(f"{path.name}.part.csv")
    try:
        with _partial(part, embedder) as (file, done):
            resumed = np.intersect1d(wanted, done)
            todo = np.setdiff1d(wanted, done)
            if len(resumed):
                progress.say(f"{len(resumed):,} films are in {part.name} already.")
            progress.step("Embedding", len(todo))
            for start in range(0, len(todo), batch_size):
                n = _embed(database, todo[start : start + batch_size], embedder, file)
                progress.advance(n, n)
            whole = _only(read_vectors(part), wanted)
            write_vectors(path, whole, embedder.dimension)
            part.unlink()
    except OSError as error:
        raise EmbeddingError(
            f"{error.filename or path} cannot be written ({error.strerror}). What was embedded is "
            f"in {part.name}. Make room or choose another place, then run it again."
        ) from error
    seconds = time.monotonic() - started
    return GenerateReport(path, embedder.name, len(wanted), len(resumed), seconds, name)


def count_embeddings(database: Database) -> EmbeddingStats:
    """How many films have a vector, and of which model."""
    with database.read() as connection:
        return EmbeddingStats(**connection.execute(statements["stats"]).mappings().one())


def _wanted(
    database: Database, movie_ids: Sequence[int] | None, name: str | None
) -> NDArray[np.int64]:
    with database.read() as connection:
        if movie_ids is None:
            waits = name and name not in [s.name for s in read_sets(connection) if s.in_use]
            statement = "films_without_vector_of" if waits else "films_without_vector"
            found = connection.execute(statements[statement], {"name": name} if waits else {})
            return np.fromiter(found.scalars(), np.int64)
        ids = sorted(set(movie_ids))
        known = connection.execute(statements["known_films"], {"movie_ids": ids}).scalars().all()
    if unknown := sorted(set(ids) - set(known)):
        listed = ", ".join(str(movie_id) for movie_id in unknown[:10])
        raise NotFoundError(f"These films are not in the catalog: {listed}. Nothing was done.")
    return np.array(known, np.int64)


def _embed(
    database: Database, movie_ids: NDArray[np.int64], embedder: Embedder, file: BinaryIO
) -> int:
    """Embed these films and append them to the partial file; gives how many there were."""
    with database.read() as connection:
        films = connection.execute(
            statements["film_texts"], {"movie_ids": movie_ids.tolist()}
        ).all()
    vectors = embed_films(embedder, films)
    ids = np.array([film.movie_id for film in films], np.int64)
    file.write(format_csv(embedder.name, ids, vectors).encode())
    file.flush()
    os.fsync(file.fileno())
    return len(films)


@contextmanager
def _partial(part: Path, embedder: Embedder) -> Iterator[tuple[BinaryIO, NDArray[np.int64]]]:
    """The partial file, ready to append to, and the films that it holds."""
    with part.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"Another run is writing {part.name}. Nothing was done. Wait for it, or write to "
                "another file."
            ) from None
        file.seek(0)
        end = _end_of_last_line(file)
        file.truncate(end)
        if end == 0:
            file.write(_PART_HEADER)
            file.flush()
        done = np.zeros(0, np.int64)
        if end > len(_PART_HEADER):
            done = np.concatenate([_own(batch, part, embedder) for batch in read_vectors(part)])
        yield file, done


def _end_of_last_line(file: BinaryIO) -> int:
    """Where the last whole line ends: the run before may have been killed within one."""
    end = 0
    while line := file.readline():
        if line.endswith(b"\n"):
            end += len(line)
    return end


def _own(batch: VectorBatch, part: Path, embedder: Embedder) -> NDArray[np.int64]:
    due = Model(embedder.name, embedder.dimension)
    if batch.of != due:
        raise EmbeddingError(
            f"{part.name} holds vectors of {batch.of}, not of {due}. Nothing was done. Delete it, "
            "or go on with its model."
        )
    return batch.movie_ids


def _only(batches: Iterable[VectorBatch], wanted: NDArray[np.int64]) -> Iterator[VectorBatch]:
    """The batches without films that are not wanted any more."""
    for batch in batches:
        keep = np.isin(batch.movie_ids, wanted)
        if keep.any():
            yield VectorBatch(
                batch.model, batch.places[keep], batch.movie_ids[keep], batch.vectors[keep]
            )
