"""Load a source into the database: all of it, or nothing.

Into an empty catalog ratings go by COPY as they are read, as long as nothing is wrong with them.
Else COPY into temporary tables, checks of whole sets in SQL, then upserts. One transaction under
an advisory lock: a load that is killed or fails leaves the tables as they were, a second load
of the same source changes nothing, and of two loads at once one waits for the other. Searches go on
meanwhile; ratings of users that the source does not have, too.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import psycopg
import sqlalchemy

from ingest.missing import delete_missing
from ingest.progress import LoadProgress
from ingest.rejects import OnError, RejectedLineError, Rejects
from ingest.rows import Source
from ingest.staging import Staged, Staging, statements
from palate.errors import ConflictError, DatabaseUnavailableError, LoadError, PrivilegeError
from palate.statements import run_script
from sql.completeness import settle
from sql.database import Database

_BATCH = 250_000  # ratings a statement: chosen, so that progress is seen


@dataclass(frozen=True)
class Deleted:
    """What --replace deleted, besides what hangs on it."""

    movies: int
    ratings: int
    models: int


@dataclass(frozen=True)
class LoadReport:
    """What a load did. ``changed`` counts rows that were inserted or updated."""

    source: str
    movies: int = 0
    ratings: int = 0
    tags: int = 0
    changed: int = 0
    rejected: int = 0
    rejects: Path | None = None
    deleted: Deleted | None = None
    seconds: float = 0.0
    repeated: bool = False
    """Nothing was done: the database has this very load already."""
    gone: int = 0
    """Films and ratings that were deleted since the files no longer have them."""
    dry_run: bool = False
    """Nothing was written: what a load would do."""
    files: tuple[str, ...] = ()
    """What each file holds, how it is written and what its columns mean, in sentences."""
    notes: tuple[str, ...] = ()
    """What was left out, left empty or not used, in sentences."""
    refused: tuple[str, ...] = ()
    """Which columns lines were refused for, in sentences."""

    @property
    def rows_per_second(self) -> float:
        """Rows of all kinds a second, refreshes included."""
        return (self.movies + self.ratings + self.tags) / max(self.seconds, 1e-9)


def load(
    database: Database,
    source: Source,
    *,
    replace: bool = False,
    on_error: OnError = "stop",
    rejects: Path | None = None,
    progress: LoadProgress | None = None,
    wait: bool = True,
    again: bool = False,
    dry_run: bool = False,
    missing_share: float | None = None,
) -> LoadReport:
    """Load films, ratings and tags, then refresh statistics and taste vectors.

    What was loaded before, to the byte and with no line refused, is loaded only ``again``.
    ``replace`` deletes everything first, tasters and trained models too; ``missing_share`` what the
    source no longer has, unless that is more than such a share. ``on_error="skip"`` sets lines that
    cannot be loaded aside in ``rejects`` (``<source>-rejected.csv``). ``wait=False`` refuses while
    another load runs. ``dry_run`` reads and checks everything and writes nothing.

    Raises RejectedLineError (a LoadError) at the first such line otherwise, LoadError for files
    that cannot be read, ConflictError where the database holds another source. The tables are
    then as they were.
    """
    progress, started = progress or LoadProgress(), time.monotonic()
    path = rejects or Path(re.sub(r"[^\w.-]+", "-", source.name) + "-rejected.csv")
    with Rejects("count" if dry_run else on_error, path) as rejected, _explained():
        source.notes.clear()
        digest = source.digest()
        with database.begin(patient=True) as connection:
            _lock(connection, progress, wait=wait)
            loaded = connection.execute(statements["loaded_source"]).first()
            if not again and _is_loaded(loaded, digest, replace=replace):
                return LoadReport(loaded.name, seconds=time.monotonic() - started, repeated=True)
            _check_source(loaded, source, replace=replace)
            there = connection.execute(statements["what_there_is"]).one() if replace else ()
            job = _Job(connection, source, digest, progress, replace=replace)
            if dry_run:
                staged = job.stage(rejected, loaded)
                connection.rollback()
                return _report(source, staged, rejected, started, dry_run=True)
            staged, changed = job.write(rejected, loaded, directly=missing_share is None)
            gone = delete_missing(connection, source, missing_share, rejected.count)
        _refresh(database, progress, profiles=changed + gone > 0)
    return _report(
        source, staged, rejected, started, changed=changed + gone, gone=gone,
        rejects=path if rejected.count else None, deleted=Deleted(*there) if replace else None,
    )  # fmt: skip


def _report(
    source: Source, staged: Staged, rejected: Rejects, started: float, **done: Any
) -> LoadReport:
    return LoadReport(
        source.name,
        staged.movies,
        staged.ratings,
        staged.tags,
        rejected=rejected.count,
        seconds=time.monotonic() - started,
        files=tuple(source.described()),
        notes=tuple(source.notes.texts()),
        refused=tuple(rejected.texts()),
        **done,
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the database's refusals into errors that say what to do."""
    try:
        yield
    except PrivilegeError as error:
        raise LoadError(
            f"This database role may not load ({error.said}). The tables are as they were. "
            "Load as the role that migrated, or as a member of palate_owner."
        ) from error
    except (psycopg.Error, sqlalchemy.exc.DBAPIError) as error:
        cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
        reason = str(cause).strip().splitlines()[0]
        if isinstance(cause, psycopg.OperationalError):
            raise DatabaseUnavailableError(
                f"The database gave up during the load ({reason}). The tables are as they were. "
                "Load again; `palate doctor` looks closer."
            ) from error
        raise LoadError(
            f"The database refused what it was given ({reason}). The tables are as they were."
        ) from error


def _lock(connection: sqlalchemy.Connection, progress: LoadProgress, *, wait: bool) -> None:
    if connection.execute(statements["try_lock"]).scalar_one():
        return
    holder = connection.execute(statements["holder"]).first()
    who = f" (process {holder.pid}{holder.since})" if holder else ""
    end = f" SELECT pg_terminate_backend({holder.pid}) ends it, undone." if holder else ""
    if not wait:
        raise ConflictError(
            f"Another load is running on this database{who}. Nothing was changed. Try again after "
            f"it.{end}"
        )
    progress.say(f"Another load is running on this database{who}; waiting for it to finish.{end}")
    connection.execute(statements["lock"])


def _is_loaded(
    loaded: sqlalchemy.Row[Any] | None, digest: str | None, *, replace: bool
) -> TypeGuard[sqlalchemy.Row[Any]]:
    """Whether this load would bring what is there: for ``replace``, that and nothing else."""
    if loaded is None or digest is None or not loaded.has_movies:
        return False
    return bool(loaded.digests == [digest] if replace else digest in loaded.digests)


def _check_source(loaded: sqlalchemy.Row[Any] | None, source: Source, *, replace: bool) -> None:
    if loaded is None or loaded.name == source.name or replace:
        return
    raise ConflictError(
        f"This database holds {loaded.name} ({loaded.movies:,} films, {loaded.ratings:,} ratings); "
        f"{source.name} over it would merge strangers. Nothing was changed. Use another database, "
        f"or --replace to delete what is there first; ratings of the films that are here come "
        f"with --name {loaded.name}."
    )


def _check_films(
    connection: sqlalchemy.Connection, loaded: sqlalchemy.Row[Any] | None, source: Source
) -> None:
    """Refuse a source that has the name of the loaded one and other films under its ids."""
    found = connection.execute(statements["strangers"]).one()
    if loaded is None or found.others * 2 <= found.shared:
        return
    raise ConflictError(
        f"{source.location} holds other films than the {loaded.name} in this database: film "
        f"{found.movie_id} is {found.here!r} here and {found.there!r} there, and so are "
        f"{found.others:,} of the {found.shared:,} whose ids both have. Nothing was changed. "
        "Use another database, or --replace to delete what is there first."
    )


@dataclass(frozen=True)
class _Job:
    """A source on its way into the tables."""

    connection: sqlalchemy.Connection
    source: Source
    digest: str | None
    progress: LoadProgress
    replace: bool

    def write(
        self, rejects: Rejects, loaded: sqlalchemy.Row[Any] | None, *, directly: bool
    ) -> tuple[Staged, int]:
        """Write the source, ratings past staging where they may go ``directly`` and can; returns
        what there was, and how many rows changed."""
        empty = self.replace or self.connection.execute(statements["is_empty"]).scalar_one()
        if directly and empty and not self.source.names_items:
            written = self._write_directly(Rejects("stop", rejects.path))
            if written is not None:
                return written
        staged = self.stage(rejects, loaded)
        statement = "insert_ratings" if empty else "upsert_ratings"
        return staged, self._write(staged, rejects, partial(self._write_ratings, staged, statement))

    def stage(self, rejects: Rejects, loaded: sqlalchemy.Row[Any] | None) -> Staged:
        """Copy everything into the staging tables, and take out what must not be loaded."""
        staged = self._staging(rejects).fill()
        self._check_digest()
        if not self.replace:
            _check_films(self.connection, loaded, self.source)
        return staged

    def _write_directly(self, refusing: Rejects) -> tuple[Staged, int] | None:
        """Write a source of which no line is refused; None, and nothing is written, for others."""
        from ingest.direct import REFUSALS, copy_ratings, starts_plain  # polars: who needs it

        plain = starts_plain(self.source)
        self.source.notes.clear()
        if not plain:
            return None
        try:
            with self.connection.begin_nested():
                staged = self._staging(refusing).fill(ratings=False)
                write = partial(copy_ratings, self.connection, self.source, staged, self.progress)
                changed = self._write(staged, refusing, write)
                self._check_digest()
                return staged, changed
        except (RejectedLineError, *REFUSALS):
            self._check_digest()
            self.source.notes.clear()
            return None

    def _staging(self, rejects: Rejects) -> Staging:
        return Staging(self.connection, self.source, rejects, self.progress, self.replace)

    def _check_digest(self) -> None:
        if self.source.digest() != self.digest:
            raise LoadError(
                f"{self.source.location} changed while it was read. The tables are as they were. "
                "Load it when nobody writes to it."
            )

    def _write(
        self, staged: Staged, rejects: Rejects, write_ratings: Callable[[datetime], int]
    ) -> int:
        execute, source = self.connection.execute, self.source
        undated = execute(statements["undated"], {"replace": self.replace}).scalar_one()
        if self.replace:
            self.progress.step("Deleting")
            run_script(self.connection, statements.raw("delete_everything"))
        self.progress.step("Writing films")
        changed = execute(statements["upsert_movies"]).rowcount
        execute(statements["analyze_movies"])
        self.progress.advance(staged.movies)
        changed += write_ratings(undated)
        self.progress.step("Writing tags")
        changed += execute(statements["upsert_tags"]).rowcount
        self.progress.advance(staged.tags)
        counts = {"movies": staged.movies, "ratings": staged.ratings, "tags": staged.tags}
        digests = [self.digest] if self.digest is not None and not rejects.count else []
        what = {"name": source.name, "location": source.location, **counts}
        execute(statements["save_source"], {**what, "digests": digests, "undated": undated})
        return changed

    def _write_ratings(self, staged: Staged, statement: str, undated: datetime) -> int:
        """Write ratings by batches of whole users.

        Whole users, because a profile is locked when its batch ends: no rating of a user is written
        after that, so that a live rating of the same user waits, but never in a circle.
        """
        execute = self.connection.execute
        self.progress.step("Writing ratings", staged.ratings)
        changed, after, left = 0, -1, staged.ratings
        while left > 0:
            most = {"after": after, "rows": min(_BATCH, left) - 1}
            last, rows = execute(statements["next_batch"], most).one()
            batch = {"after": after, "last": last, "undated": undated}
            changed += execute(statements[statement], batch).rowcount
            self.progress.advance(rows, rows)
            after, left = last, left - rows
        return changed


def _refresh(database: Database, progress: LoadProgress, *, profiles: bool) -> None:
    """Statistics, taste vectors and the planner's numbers follow what was loaded.

    Each in its own transaction: what was loaded is there, and stays, whatever happens here.
    """
    progress.step("Refreshing")
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock"])
        connection.execute(statements["refresh_stats"])
    with database.begin(patient=True) as connection:
        if profiles and connection.execute(statements["has_embeddings"]).scalar_one():
            connection.execute(statements["refresh_profiles"])
    with database.begin(patient=True) as connection:
        connection.execute(statements["analyze"])
    settle(database)
