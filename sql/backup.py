"""Backups: everything a database holds, in one file, and back.

Two kinds of file. A *dump* is pg_dump's custom format, made and read by PostgreSQL's own
client programs; it also carries the search index. A *csv* backup is a zip of one CSV file a
table with a manifest (schema revision, rows, SHA-256), made and read by COPY where there are no
such programs; it moves between engines, since what is derived is made again.

A backup is written beside its place and then renamed, so that a file by that name is whole. A
restore happens in one transaction: a damaged file leaves the database as it was.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import sqlalchemy
from alembic.script import ScriptDirectory
from psycopg.sql import SQL, Composed, Identifier

from palate.errors import BackupError, ConflictError, MissingFileError
from palate.statements import Statements, raw, run_script
from sql.client_tools import find_tool, run_tool
from sql.database import Database
from sql.migrate import migrate, schema_version

Kind = Literal["auto", "dump", "csv"]

TABLES = (
    "embedding_model",
    "profile_settings",
    "blend",
    "sources",
    "movies",
    "users",
    "ratings",
    "tags",
    "models",
    "movie_factors",
    "user_factors",
    "llm_answers",
    "llm_calls",
)
"""What a csv backup holds, in the order it is restored."""

_MANIFEST = "manifest.json"
_FORMAT = "palate-backup-1"
_BLOCK = 1 << 20
_SCHEMA_ENTRY = re.compile(r"\d+; \d+ \d+ (SCHEMA|COMMENT - (SCHEMA|EXTENSION)|EXTENSION) ")
_statements = Statements(Path(__file__).with_name("statements") / "backup.sql")


@dataclass(frozen=True)
class Backup:
    """A backup file: its kind, the schema revision it holds and its size in bytes."""

    path: Path
    kind: Literal["dump", "csv"]
    revision: str
    size: int


def backup(database: Database, path: Path, kind: Kind = "auto") -> Backup:
    """Write everything to ``path``, replacing a file of that name only when complete.

    ``auto`` makes a dump where pg_dump is at least as new as the server, else a csv backup.
    Raises BackupError; no file is left then.
    """
    revision, version = _describe(database)
    if revision is None:
        raise BackupError(
            "The database has no Palate schema, so there is nothing to back up. "
            "No file was written. Check PALATE_DATABASE_URL or PALATE_DATA_DIR."
        )
    tool = find_tool("pg_dump", version) if kind != "csv" else None
    if kind == "dump" and tool is None:
        raise _no_tool("pg_dump", version, "No file was written.")
    with _written_whole(path) as partial:
        if tool is not None:
            _dump(database, tool, partial)
        else:
            _export(database, revision, partial)
        size = partial.stat().st_size
    return Backup(path, "dump" if tool else "csv", revision, size)


def restore(database: Database, path: Path, *, replace: bool = False) -> Backup:
    """Bring back what ``path`` holds, all of it or nothing.

    Raises ConflictError when the database holds data and ``replace`` is not given, BackupError
    when the file is none of ours, damaged, or from a newer Palate. Search, profiles and
    statistics are then those of the backup.
    """
    kind = _kind(path)
    current, version = _describe(database)
    if current is not None and not replace:
        with database.read() as connection:
            _refuse_data(connection)
    if kind == "dump":
        revision = _restore_dump(database, path, version, fresh=current is None)
    else:
        revision = _restore_csv(database, path, replace=replace)
    with database.read() as connection:
        connection.execute(_statements["analyze"])
    return Backup(path, kind, revision, path.stat().st_size)


def _describe(database: Database) -> tuple[str | None, int]:
    """The schema revision of a database and the major version of its server."""
    with database.read() as connection:
        version = connection.execute(_statements["server_version"]).scalar_one()
        return schema_version(connection), int(version)


def _kind(path: Path) -> Literal["dump", "csv"]:
    try:
        with path.open("rb") as file:
            start = file.read(5)
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    if start == b"PGDMP":
        return "dump"
    if start[:2] == b"PK":
        return "csv"
    raise _unreadable(path, "it is no backup made by Palate")


def _refuse_data(connection: sqlalchemy.Connection) -> None:
    if connection.execute(_statements["has_data"]).scalar_one():
        raise ConflictError(
            "The database already holds data. Nothing was changed. Restore into another "
            "database, or give --replace to lose what this one holds."
        )


def _known_revisions() -> list[str]:
    """Every schema revision of this Palate, oldest first."""
    script = ScriptDirectory(str(Path(__file__).with_name("migrations")))
    return [revision.revision for revision in script.walk_revisions()][::-1]


# Dumps


def _dump(database: Database, tool: Path, partial: Path) -> None:
    made = run_tool(
        tool,
        "--format=custom",
        f"--schema={database.schema}",
        "--no-owner",
        "--no-privileges",
        f"--file={partial}",
        url=database.url,
    )
    if made.returncode != 0:
        raise BackupError(f"pg_dump failed: {_last_line(made.stderr)} No file was written.")


def _restore_dump(database: Database, path: Path, version: int, *, fresh: bool) -> str:
    tool = find_tool("pg_restore", version)
    if tool is None:
        raise _no_tool("pg_restore", version, "The database is as it was.")
    revision = _dump_revision(tool, path)
    _refuse_newer(path, revision)
    if fresh:
        with database.begin() as connection:
            run_script(connection, _statements.raw("make_extensions"))
            run_script(connection, f"CREATE SCHEMA IF NOT EXISTS {database.schema}")
    database.engine.dispose()
    with tempfile.NamedTemporaryFile("w", suffix=".list") as contents:
        contents.write(_dump_contents(tool, path))
        contents.flush()
        options = ["--single-transaction", "--no-owner", "--no-privileges"]
        options += [] if fresh else ["--clean", "--if-exists"]
        options += [f"--use-list={contents.name}", str(path)]
        _checked(path, run_tool(tool, *options, url=database.url))
    migrate(database)
    return revision


def _dump_revision(tool: Path, path: Path) -> str:
    """The schema revision that a dump holds."""
    script = _checked(
        path, run_tool(tool, "--data-only", "--table=schema_version", "-f-", str(path))
    )
    found = re.search(r"^COPY \S*schema_version .*\n(\S+)$", script, re.MULTILINE)
    if found is None:
        raise _unreadable(path, "it is a dump of something else than a Palate database")
    return found[1]


def _dump_contents(tool: Path, path: Path) -> str:
    """What a dump holds, line by line, without the schema itself: extensions live in it too."""
    lines = _checked(path, run_tool(tool, "--list", str(path))).splitlines(keepends=True)
    return "".join(line for line in lines if not _SCHEMA_ENTRY.match(line))


def _checked(path: Path, done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode != 0:
        raise _unreadable(path, _last_line(done.stderr))
    return done.stdout


# CSV


def _export(database: Database, revision: str, partial: Path) -> None:
    """Write the tables as one transaction sees them."""
    with (
        database.begin(patient=True) as connection,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        connection.execute(_statements["snapshot"])
        tables = {table: _export_table(connection, archive, table) for table in TABLES}
        manifest = {
            "format": _FORMAT,
            "revision": revision,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tables": tables,
        }
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))


def _export_table(
    connection: sqlalchemy.Connection, archive: zipfile.ZipFile, table: str
) -> dict[str, Any]:
    digest = hashlib.sha256()
    with (
        archive.open(f"{table}.csv", "w", force_zip64=True) as file,
        raw(connection).cursor() as cursor,
    ):
        with cursor.copy(_for_table("export", table)) as copy:
            for block in copy:
                digest.update(block)
                file.write(block)
        return {"rows": cursor.rowcount, "sha256": digest.hexdigest()}


def _restore_csv(database: Database, path: Path, *, replace: bool) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive, path)
            revision = str(manifest["revision"])
            _refuse_newer(path, revision)
            migrate(database)
            _refuse_older(path, revision)
            with database.begin(patient=True) as connection:
                _import(connection, archive, manifest, replace=replace)
    except (zipfile.BadZipFile, zlib.error, EOFError, psycopg.Error) as error:
        raise _unreadable(path, _last_line(str(error))) from error
    return revision


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The manifest, after every file was found to be what it says."""
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
        if manifest["format"] != _FORMAT:
            raise _unreadable(path, f"its format is {manifest['format']}, not {_FORMAT}")
        for table in TABLES:
            with archive.open(f"{table}.csv") as file:
                digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
            if digest != manifest["tables"][table]["sha256"]:
                raise _unreadable(path, f"{table}.csv is not what was backed up")
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, f"its manifest is incomplete ({error})") from error
    return manifest


def _import(
    connection: sqlalchemy.Connection,
    archive: zipfile.ZipFile,
    manifest: dict[str, Any],
    *,
    replace: bool,
) -> None:
    connection.execute(_statements["lock_loads"])
    if not replace:
        _refuse_data(connection)
    run_script(connection, _statements.raw("empty"))
    run_script(connection, _statements.raw("without_profile_triggers"))
    for table in TABLES:
        with archive.open(f"{table}.csv") as file, raw(connection).cursor() as cursor:
            with cursor.copy(_for_table("import", table)) as copy:
                while block := file.read(_BLOCK):
                    copy.write(block)
            rows, expected = cursor.rowcount, manifest["tables"][table]["rows"]
            if rows != expected:
                raise zipfile.BadZipFile(f"{table}.csv has {rows} rows, not {expected}")
    run_script(connection, _statements.raw("with_profile_triggers"))
    connection.execute(_statements["refresh_stats"])


def _for_table(statement: str, table: str) -> Composed:
    """A statement with the name of a table, one of ours, in its place."""
    return SQL(_statements.raw(statement)).format(table=Identifier(table))


# Files and errors


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


def _refuse_newer(path: Path, revision: str) -> None:
    if revision not in _known_revisions():
        raise BackupError(
            f"{path} was made by a newer Palate (schema {revision}). The database is as it was. "
            "Upgrade Palate, then restore again."
        )


def _refuse_older(path: Path, revision: str) -> None:
    newest = _known_revisions()[-1]
    if revision != newest:
        raise BackupError(
            f"{path} has schema {revision}, this Palate {newest}. Nothing was restored. Restore "
            "it with the Palate that made it, then run `palate db migrate` with this one."
        )


def _no_tool(name: str, version: int, unchanged: str) -> BackupError:
    return BackupError(
        f"There is no {name} for PostgreSQL {version} or newer here. {unchanged} Install "
        f"PostgreSQL's client programs, or make a csv backup, which needs none."
    )


def _unreadable(path: Path, reason: str) -> BackupError:
    return BackupError(
        f"{path} cannot be restored: {reason.rstrip('.')}. The database is as it was. "
        "Try another backup."
    )


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()]
    return (wrong or lines or ["no reason given"])[0 if wrong else -1].strip()
