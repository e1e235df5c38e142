"""Backups: everything of Palate's in one file, and back.

Two kinds of file (see ``sql.backup_files``). A *dump* is pg_dump's custom format of our schema,
made and read by PostgreSQL's own client programs. A *csv* backup is a zip of one CSV file a table,
made and read by COPY where there are no such programs.

A backup is written beside its place, its rows are counted against the tables, and then it is
renamed, so that a file by that name is whole. A restore fills a new schema with the rows, makes
what follows from them, counts and searches there, and then changes places with the live objects in
one short transaction: a damaged file leaves the database as it was, and so do neighbours stay.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
import sqlalchemy
import structlog

from palate.errors import (
    BackupError,
    BusyError,
    ConflictError,
    MissingFileError,
    PalateError,
    SchemaError,
)
from palate.statements import Statements, run_script
from sql.backup_files import (
    TABLES,
    BackupFile,
    Csv,
    Dump,
    count_rows,
    damage_told,
    empty,
    no_tool,
    open_backup,
)
from sql.client_tools import find_tool
from sql.database import Database
from sql.faults import reason
from sql.migrate import (
    adopt_functions,
    check_schema,
    finish,
    install_functions,
    log_sequences,
    revisions,
    schema_version,
    upgrade,
    validate_constraints,
)
from sql.objects import find_own
from sql.room import Addition, additions, columns, describe, make_roles, make_room, move
from sql.scratch import scratch_schema
from sql.vectors import index_vectors

Kind = Literal["auto", "dump", "csv"]

_PATIENCE = 60.0
_statements = Statements.beside(__file__, "backup")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Backup:
    """A backup file: its kind, the schema revision it holds and its size in bytes."""

    path: Path
    kind: Literal["dump", "csv"]
    revision: str
    size: int


def backup(database: Database, path: Path, kind: Kind = "auto") -> Backup:
    """Write everything to ``path``, replacing a file of that name only when complete.

    ``auto`` makes a dump where pg_dump is at least as new as the server, else, and behind a pooler,
    which takes no settings of pg_dump's, a csv backup.
    Raises BackupError; no file is left then.
    """
    revision, version = _look(database)
    if revision is None:
        raise BackupError(
            "The database has no Palate schema, so there is nothing to back up. "
            "No file was written. Check PALATE_DATABASE_URL, PALATE_SCHEMA or PALATE_DATA_DIR."
        )
    dumps = kind == "dump" or (kind == "auto" and not database.is_pooled)
    tool = find_tool("pg_dump", version) if dumps else None
    if kind == "dump" and tool is None:
        raise no_tool("pg_dump", version, "No file was written.")
    with (
        _written_whole(path) as partial,
        database.begin(patient=True, one_moment=True) as connection,
    ):
        if tool is not None:
            snapshot = connection.execute(_statements["export_snapshot"]).scalar_one()
            neighbours = _neighbours(connection, database.schema)
            Dump.write(database, snapshot, neighbours, tool, partial)
        else:
            Csv.write(connection, revision, partial)
        _check_written(connection, open_backup(partial, version))
        size = partial.stat().st_size
    return Backup(path, "dump" if tool else "csv", revision, size)


def restore(database: Database, path: Path, *, replace: bool = False) -> Backup:
    """Bring back what ``path`` holds, all of it or nothing.

    Raises ConflictError when the database holds data and ``replace`` is not given, or when
    something of somebody else's stands on Palate's tables; BackupError when the file is none of
    ours, damaged, or from a newer Palate.
    """
    current, version = _look(database)
    if current is not None:
        if not replace:
            _refuse_data(database)
        with database.read() as connection:
            _refuse_dependents(connection, database.schema)
    file = open_backup(path, version)
    if file.revision not in revisions():
        raise BackupError(
            f"{path} was made by a newer Palate (schema {file.revision}). The database is as it "
            "was. Upgrade Palate, then restore again."
        )
    with scratch_schema(database) as filled, scratch_schema(database) as aside:
        made = Database(database.psql_url, database.settings, schemas=(filled, *database.schemas))
        try:
            with damage_told(path):
                _fill(made, file)
            _check_filled(made, file, path)
        finally:
            made.close()
        put_on = _swap(database, filled, aside, current=_is_current(database))
    with database.read() as connection:
        connection.execute(_statements["analyze"])
    index_vectors(database)
    _put_on_late(database, put_on)
    return Backup(path, file.kind, file.revision, path.stat().st_size)


def _look(database: Database) -> tuple[str | None, int]:
    """The schema revision of a database and the major version of its server."""
    with database.read() as connection:
        version = connection.execute(_statements["server_version"]).scalar_one()
        return schema_version(connection), int(version)


def _refuse_data(database: Database) -> None:
    with database.read() as connection:
        if connection.execute(_statements["has_data"]).scalar_one():
            raise ConflictError(
                "The database already holds data. Nothing was changed. Restore into another "
                "database, or give --replace to lose what this one holds."
            )


def _neighbours(connection: sqlalchemy.Connection, schema: str) -> list[str]:
    """Tables of our schema that are not ours."""
    own = [one.oid for one in find_own(connection, schema)]
    found = connection.execute(_statements["neighbours"], {"schema": schema, "own": own})
    return list(found.scalars())


def _check_written(connection: sqlalchemy.Connection, file: BackupFile) -> None:
    """Raise BackupError unless each table's rows are in the file."""
    for table in TABLES:
        there = count_rows(connection, table)
        if (written := file.rows(table)) != there:
            raise BackupError(
                f"The file holds {written:,} of the {there:,} rows of {table}, so it is no backup. "
                "No file was written. Try again, or make a csv backup."
            )


def _fill(made: Database, file: BackupFile) -> None:
    """Make the tables as the file knows them, fill them, and bring them to this Palate's schema."""
    engine = made.search_engine.name  # before our connection, which may be the only one
    with made.begin(patient=True) as connection:
        make_room(connection, made)
        upgrade(connection, made.schema, file.revision)
        loaded = _load(connection, made.schema, file, TABLES)
        upgrade(connection, made.schema)
        connection.execute(_statements["go_on_counting"])
        install_functions(connection, engine)
        # Scripts of functions make tables, too.
        _load(connection, made.schema, file, [table for table in TABLES if table not in loaded])
        connection.execute(_statements["refresh_stats"])
        connection.execute(_statements["analyze"])
    log_sequences(made)
    finish(made)
    validate_constraints(made)


def _load(
    connection: sqlalchemy.Connection, schema: str, file: BackupFile, tables: Iterable[str]
) -> list[str]:
    """Fill those of the tables that are there; returns them."""
    there = {one.name.rpartition(".")[2] for one in find_own(connection, schema)}
    found = [table for table in tables if table in there]
    for table in found:
        empty(connection, table)
        file.load(connection, table)
    return found


def _check_filled(made: Database, file: BackupFile, path: Path) -> None:
    """Raise BackupError unless every row came back and one search finds its film."""
    with made.read() as connection:
        for table in TABLES:
            found = count_rows(connection, table)
            if found != (expected := file.rows(table)):
                raise BackupError(
                    f"Of {path}, {found:,} of {expected:,} rows of {table} came back. The "
                    "database is as it was. Try another backup."
                )
        if connection.execute(_statements["finds_a_film"]).scalar() is False:
            raise BackupError(
                f"Of {path} every row came back, but a search does not find a film by its title. "
                "The database is as it was. Restore it with the Palate that made it."
            )


def _is_current(database: Database) -> bool:
    try:
        check_schema(database)
    except SchemaError:
        return False
    return True


def _swap(database: Database, filled: str, aside: str, *, current: bool) -> list[Addition]:
    """Put the live objects aside and the filled ones in their place, in one short transaction.

    A try waits no longer for a lock than searches may well wait behind it. Returns what others had
    put on the live ones.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with database.begin(patient=True) as connection:
                connection.execute(_statements["wait_little"])
                put_on = _change_places(connection, database, filled, aside, current=current)
            _tell_subscribers(put_on)
            return put_on
        except BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311


def _change_places(
    connection: sqlalchemy.Connection, database: Database, filled: str, aside: str, *, current: bool
) -> list[Addition]:
    """One try. Where the schema is not ``current``, what an earlier version put on its own tables
    looks like somebody else's, but for grants, publications and policies."""
    live = database.schema
    make_room(connection, database)
    _refuse_dependents(connection, live)
    had = columns(connection, live)
    found = additions(connection, live)
    put_on = [one for one in found if current or not one.by_version]
    move(connection, live, aside)
    move(connection, filled, live)
    _refuse_columns(had - columns(connection, live))
    _put_on_again(connection, live, put_on)
    adopt_functions(connection, database)
    make_roles(connection, database)
    describe(connection, live, anew=True)
    return put_on


def _refuse_dependents(connection: sqlalchemy.Connection, schema: str) -> None:
    own = find_own(connection, schema)
    where = {"catalogs": [one.catalog for one in own], "own": [one.oid for one in own]}
    found = list(connection.execute(_statements["dependents"], where).scalars())
    if found:
        raise ConflictError(
            f"Something of somebody else's stands on what is Palate's: {', '.join(found)}. The "
            "database is as it was. Keep its definition (\\d+ or \\sf in psql) and its rows, drop "
            "it, restore, and create it again."
        )


def _refuse_columns(lost: set[str]) -> None:
    if lost:
        raise ConflictError(
            f"Palate's tables have columns of somebody else's: {', '.join(sorted(lost))}. The "
            "database is as it was. Keep what they hold, drop them, restore, and add them again."
        )


def _put_on_again(connection: sqlalchemy.Connection, schema: str, put_on: list[Addition]) -> None:
    """Put on the new objects what was on the former ones and takes a moment."""
    there = {one.statement for one in additions(connection, schema)}
    for one in put_on:
        if one.late or one.statement in there:
            continue
        try:
            run_script(connection, one.statement)
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error as error:
            raise ConflictError(
                f"What somebody put on Palate's tables cannot be put on the restored ones: "
                f"{one.statement} ({reason(error)}). The database is as it was. Restore as a role "
                "that may do this, or undo it first and do it again afterwards."
            ) from error


def _put_on_late(database: Database, put_on: list[Addition]) -> None:
    """The rest: indexes and such, each in a transaction of its own."""
    with database.read() as connection:
        there = {one.statement for one in additions(connection, database.schema)}
    for one in put_on:
        if not one.late or one.statement in there:
            continue
        try:
            with database.begin(patient=True) as connection:
                run_script(connection, one.statement)
        except (PalateError, psycopg.Error) as error:
            _log.warning(
                "not on the restored tables any more; correct and run it",
                statement=one.statement,
                reason=reason(error.__cause__ or error),
            )


def _tell_subscribers(put_on: list[Addition]) -> None:
    published = [one for one in put_on if one.statement.startswith("ALTER PUBLICATION")]
    if published:
        _log.warning(
            "subscribers keep the rows that they have: empty their tables and let them copy again",
            published=len(published),
        )


@contextmanager
def _written_whole(path: Path) -> Iterator[Path]:
    """A private file beside ``path`` that takes its name once it is complete and on disk."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        partial = Path(name)
        try:
            yield partial
            os.fsync(handle)
            partial.replace(path)
        finally:
            os.close(handle)
            partial.unlink(missing_ok=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(
            f"There is no folder {path.parent}. No file was written. Choose another folder, or "
            "make it first."
        ) from error
    except OSError as error:
        raise BackupError(
            f"{path} cannot be written: {error.strerror or error}. No file was written there. "
            "Choose another folder, or free some space."
        ) from error
