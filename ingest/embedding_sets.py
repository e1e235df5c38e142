"""Sets of films' text embeddings: loaded, listed, used one instead of another, deleted."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import sqlalchemy

from ingest.vectors import Model, bad_row, read_vectors
from palate.embedder import plain_name
from palate.errors import (
    ConflictError,
    DatabaseUnavailableError,
    EmbeddingError,
    MisuseError,
    NotFoundError,
)
from palate.statements import Statements, raw
from sql.binary_copy import END, HEADER, encode_rows
from sql.database import Database
from sql.vectors import index_vectors

statements = Statements.beside(__file__, "embeddings")

_NAME = re.compile(r"[a-z0-9_-]{1,40}")

MOST_NUMBERS = 2000
"""Of a vector: what pgvector indexes."""


@dataclass(frozen=True, slots=True)
class EmbeddingReport:
    """What a load did: ``changed`` films have a new vector, ``cleared`` films none any more.

    ``profiles`` is None where the set waits beside the one in use.
    """

    name: str
    model: str
    films: int
    changed: int
    cleared: int
    profiles: int | None
    seconds: float

    def __str__(self) -> str:
        cleared = f" {self.cleared:,} films lost theirs." if self.cleared else ""
        told = (
            f"Loaded {self.films:,} vectors of {self.model} in {self.seconds:.1f} s: "
            f"{self.changed:,} changed.{cleared}"
        )
        if self.profiles is None:
            return f"{told} They wait as {self.name}: `palate embed use {self.name}` uses them."
        return f"{told} {self.profiles:,} profiles follow them."


@dataclass(frozen=True, slots=True)
class EmbeddingSet:
    """Vectors of one model: those in use, or some that wait. ``films`` are all there are."""

    name: str
    model: str
    dimension: int
    films: int
    embedded: int
    loaded_at: datetime
    in_use: bool

    @property
    def coverage(self) -> float:
        """Share of films that have one, 0 to 1."""
        return self.embedded / self.films if self.films else 0.0


@dataclass(frozen=True, slots=True)
class UseReport:
    """What a switch did. ``order_retired``: a learned order; ``weights_tuned``: with the vectors
    before, and kept."""

    name: str
    model: str
    dimension: int
    embedded: int
    films: int
    profiles: int
    order_retired: bool
    weights_tuned: bool
    seconds: float

    def __str__(self) -> str:
        told = [
            f"Searches use {self.name} now: {self.model}, {self.dimension} numbers, "
            f"{self.embedded:,} of {self.films:,} films. {self.profiles:,} profiles follow them. "
            f"It took {self.seconds:.1f} s."
        ]
        if self.order_retired:
            told.append("The learned order was made with other vectors and is retired.")
        if self.weights_tuned:
            told.append("The weights of the blend were tuned with other vectors, and stay.")
        if self.order_retired or self.weights_tuned:
            told.append("`palate train` makes both again.")
        return " ".join(told)


def load_embeddings(
    database: Database,
    path: Path,
    *,
    model: str | None = None,
    name: str | None = None,
    replace: bool = False,
) -> EmbeddingReport:
    """Load a file of vectors (CSV, Parquet or npz): all of it, or nothing.

    Without ``name``, or with that of the set in use, searches use them at once: the mean is that
    of all films with a vector, and every profile is made again in the same transaction. Another
    name is a set that waits. Vectors are brought to length 1. Films that the file does not name
    keep theirs, unless ``replace``: then the file's vectors are all there are. ``model`` names the
    model where the file does not.

    Raises EmbeddingError for a bad row, repeated or unknown films, and vectors of another model or
    dimension than those of the set; NotFoundError where there is no file; MisuseError for a name.
    """
    _check_name(name)
    started = time.monotonic()
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock_loads"])
        sets = read_sets(connection)
        used = next((each.name for each in sets if each.in_use), None)
        target = name or used or "main"
        loaded = next(
            (Model(s.model, s.dimension) for s in sets if s.name == target and s.embedded), None
        )
        staged, films = _stage(connection, path, model, None if replace else loaded)
        _check(connection, path)
        asked = {"name": target, "in_use": used in (None, target)}
        changed, missing = connection.execute(statements["differences"], asked).one()
        cleared, profiles = missing if replace else 0, 0 if asked["in_use"] else None
        if changed or cleared or staged != loaded:
            if replace:
                connection.execute(statements["drop_set"], asked)
            written = {"name": target, "model": staged.name, "dimension": staged.dimension}
            connection.execute(statements["write_set"], written)
            if asked["in_use"]:
                asked["others"] = "lose" if replace or loaded is None else "keep"
                profiles = connection.execute(statements["use_embeddings"], asked).scalar_one()
    index_vectors(database)
    seconds = time.monotonic() - started
    return EmbeddingReport(target, staged.name, films, changed, cleared, profiles, seconds)


def _check_name(name: str | None) -> None:
    if name is not None and not _NAME.fullmatch(name):
        raise MisuseError(
            f"{name!r} is no name of a set. Nothing was changed. A name has a-z, 0-9, _ and -, at "
            "most 40 of them."
        )


def list_sets(database: Database) -> list[EmbeddingSet]:
    """The set in use, then those that wait."""
    with database.read() as connection:
        return read_sets(connection)


def use_set(database: Database, name: str) -> UseReport | None:
    """Let searches use another set, as a whole; None where they do already. What was in use waits.

    Searches go on, ratings wait for as long as users' rows take to be written, who changes films
    waits throughout. Raises NotFoundError; ConflictError for a set without a vector.
    """
    started = time.monotonic()
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock_loads"])
        chosen = _find(connection, name)
        if chosen.in_use:
            return None
        if not chosen.embedded:
            raise ConflictError(
                f"{name} holds no vector any more. Nothing was changed. Load it again with "
                f"`palate ingest embeddings FILE --name {name}`."
            )
        learned = connection.execute(statements["learned"]).one()
        asked = {"name": name, "others": "lose"}
        profiles = connection.execute(statements["use_embeddings"], asked).scalar_one()
        kept = connection.execute(statements["learned"]).one()
    index_vectors(database)
    return UseReport(
        name, chosen.model, chosen.dimension, chosen.embedded, chosen.films, profiles,
        learned.has_order and not kept.has_order, learned.has_weights, time.monotonic() - started,
    )  # fmt: skip


def drop_set(database: Database, name: str) -> EmbeddingSet:
    """Delete a set that waits; gives what it was. Raises NotFoundError, ConflictError."""
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock_loads"])
        found = _find(connection, name)
        if found.in_use:
            raise ConflictError(
                f"{name} is in use. Nothing was deleted. `palate embed use NAME` uses another."
            )
        connection.execute(statements["drop_set"], {"name": name})
    return found


def read_sets(connection: sqlalchemy.Connection) -> list[EmbeddingSet]:
    """The set in use, then those that wait."""
    return [EmbeddingSet(**row) for row in connection.execute(statements["sets"]).mappings()]


def _find(connection: sqlalchemy.Connection, name: str) -> EmbeddingSet:
    for each in read_sets(connection):
        if each.name == name:
            return each
    raise NotFoundError(
        f"There is no set of embeddings {name!r}. Nothing was changed. `palate embed list` shows "
        "those there are."
    )


def _stage(
    connection: sqlalchemy.Connection, path: Path, model: str | None, loaded: Model | None
) -> tuple[Model, int]:
    """Copy the file into staging; gives its model and how many vectors it holds."""
    connection.execute(statements["create_staging"])
    staged, films = Model("", 0), 0
    try:
        with raw(connection).cursor().copy(statements.raw("copy_embeddings").encode()) as copy:
            copy.write(HEADER)
            for batch in read_vectors(path, model):
                if not films:
                    staged = batch.of
                    _check_model(path, staged, loaded)
                films += len(batch.movie_ids)
                copy.write(encode_rows(batch.places, batch.movie_ids, batch.vectors))
            copy.write(END)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"The database went away during the load ({str(error).strip()}). Nothing was changed. "
            "Load again."
        ) from error
    return loaded or staged, films


def _check_model(path: Path, model: Model, loaded: Model | None) -> None:
    if loaded and (plain_name(loaded.name), loaded.dimension) != (
        plain_name(model.name),
        model.dimension,
    ):
        raise EmbeddingError(
            f"{path.name} holds vectors of {model}, the database those of {loaded}; the two do "
            "not mix. Nothing was changed. Load it beside them with --name, make the file with the "
            "database's model, or load one that holds every film with --replace."
        )
    if model.dimension > MOST_NUMBERS:
        raise EmbeddingError(
            f"{path.name} holds vectors of {model}; Palate keeps up to {MOST_NUMBERS} numbers. "
            "Nothing was changed. Choose a smaller model, or ask yours for fewer numbers."
        )


def _check(connection: sqlalchemy.Connection, path: Path) -> None:
    """Checks of the whole set."""
    connection.execute(statements["analyze_staging"])
    if repeated := connection.execute(statements["repeated_film"]).first():
        at, movie_id, first = repeated
        raise bad_row(path, at, "movie_id", f"film {movie_id} has a vector above, at {first}")
    if found := connection.execute(statements["unknown_films"]).first():
        at, movie_id, unknown = found
        others = f" (nor are {unknown - 1:,} films of later rows)" if unknown > 1 else ""
        raise bad_row(path, at, "movie_id", f"film {movie_id} is not in the catalog{others}")
