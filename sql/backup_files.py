"""The two kinds of backup file: how rows are written to each, counted in it, and read back."""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import psycopg
import sqlalchemy
from psycopg.sql import SQL, Composed, Identifier

from palate.errors import BackupError
from palate.statements import Statements, raw
from sql.client_tools import find_tool, open_tool, run_tool
from sql.database import Database
from sql.faults import reason

TABLES = (
    "embedding_model",
    "profile_settings",
    "blend",
    "mixer",
    "sources",
    "followed",
    "own_fields",
    "movies",
    "embedding_sets",
    "embedding_vectors",
    "users",
    "ratings",
    "tags",
    "kept_history",
    "user_names",
    "event_weights",
    "events",
    "feedback",
    "availability",
    "synced",
    "told_names",
    "synonyms",
    "pins",
    "models",
    "movie_factors",
    "user_factors",
    "llm_answers",
    "llm_calls",
)
"""What a backup is of, in the order in which it is restored; everything else is made from it."""

_MANIFEST = "manifest.json"
_FORMAT = "palate-backup-1"
_BLOCK = 1 << 20
_COPY = re.compile(rb"^COPY \S+ \((.*)\) FROM stdin;$")
_LISTED = re.compile(r"^\d+; \d+ \d+ TABLE DATA (.+) \S+ \S+$", re.MULTILINE)
_statements = Statements.beside(__file__, "backup")


class BackupFile(Protocol):
    """A file that holds the rows of Palate's tables."""

    kind: Literal["dump", "csv"]
    revision: str
    """Of the schema that the rows fit."""

    def load(self, connection: sqlalchemy.Connection, table: str) -> int:
        """Copy a table's rows into the one of that name; returns how many the file has."""

    def rows(self, table: str) -> int:
        """How many rows of a table are in the file."""


class Dump:
    """pg_dump's custom format; needs PostgreSQL's own programs."""

    kind: Literal["dump", "csv"] = "dump"

    def __init__(self, path: Path, server_version: int) -> None:
        """Raises BackupError where no program reads it, or it is of something else."""
        tool = find_tool("pg_restore", server_version)
        if tool is None:
            raise no_tool("pg_restore", server_version, "The database is as it was.")
        self._path, self._tool = path, tool
        self._check()
        self.revision = self._find_revision()

    @staticmethod
    def write(
        database: Database, snapshot: str, neighbours: list[str], tool: Path, path: Path
    ) -> None:
        """Dump our schema as a snapshot sees it, without its ``neighbours``' tables."""
        made = run_tool(
            tool,
            "--format=custom",
            f"--schema={database.schema}",
            *(f"--exclude-table={name}" for name in neighbours),
            f"--snapshot={snapshot}",
            "--no-owner",
            "--no-privileges",
            f"--file={path}",
            url=database.url,
        )
        if made.returncode != 0:
            raise BackupError(f"pg_dump failed: {last_line(made.stderr)} No file was written.")

    def load(self, connection: sqlalchemy.Connection, table: str) -> int:
        with closing(self._lines(table)) as lines:
            columns = next(lines, None)
            if columns is None:
                return 0
            name = Identifier(table)
            copy_in = SQL("COPY {} ").format(name) + SQL(f"({columns.decode()}) FROM STDIN")
            with raw(connection).cursor() as cursor:
                with cursor.copy(copy_in) as copy:
                    for line in lines:
                        copy.write(line)
                return cursor.rowcount

    def rows(self, table: str) -> int:
        with closing(self._lines(table)) as lines:
            return max(0, sum(1 for _ in lines) - 1)

    def _lines(self, table: str) -> Generator[bytes]:
        """The columns of a table, then its rows as COPY takes them; nothing where it is absent."""
        arguments = ("--data-only", f"--table={table}", "--file=-", str(self._path))
        with open_tool(self._tool, *arguments) as program:
            assert program.stdout is not None  # noqa: S101  (asked for by open_tool)
            inside = False
            for line in program.stdout:
                if inside:
                    inside = line != b"\\.\n"
                    if inside:
                        yield line
                elif found := _COPY.match(line.rstrip()):
                    inside = True
                    yield found[1]
            if inside or program.wait() != 0:
                raise unreadable(self._path, "pg_restore cannot read it to its end")

    def _check(self) -> None:
        """Raise BackupError for a dump of more than one schema: tables are found by name."""
        listed = run_tool(self._tool, "--list", str(self._path)).stdout
        schemas = sorted({found[1] for found in _LISTED.finditer(listed)})
        if len(schemas) > 1:
            raise unreadable(
                self._path,
                f"it was not made by `palate db backup`, for it has tables of {', '.join(schemas)}",
            )

    def _find_revision(self) -> str:
        with closing(self._lines("schema_version")) as lines:
            found = list(lines)
        if len(found) < 2:
            raise unreadable(self._path, "it is a dump of something else than a Palate database")
        return found[1].decode().strip()


class Csv:
    """A zip of one CSV file a table and a manifest: schema revision, rows, SHA-256."""

    kind: Literal["dump", "csv"] = "csv"

    def __init__(self, path: Path) -> None:
        """Raises BackupError unless every file is what the manifest says."""
        self._path = path
        with self._archive() as archive:
            self._tables = self._check(archive)

    @staticmethod
    def write(connection: sqlalchemy.Connection, revision: str, path: Path) -> None:
        """Write the tables as the connection's transaction sees them."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            tables = {table: _export(connection, archive, table) for table in TABLES}
            manifest = {
                "format": _FORMAT,
                "revision": revision,
                "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "tables": tables,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))

    def load(self, connection: sqlalchemy.Connection, table: str) -> int:
        if table not in self._tables:
            return 0
        with (
            self._archive() as archive,
            archive.open(f"{table}.csv") as file,
            raw(connection).cursor() as cursor,
        ):
            with cursor.copy(_for_table("import", table)) as copy:
                while block := file.read(_BLOCK):
                    copy.write(block)
            found, expected = cursor.rowcount, self.rows(table)
        if found != expected:
            raise unreadable(self._path, f"{table}.csv has {found} rows, not {expected}")
        return expected

    def rows(self, table: str) -> int:
        return int(self._tables[table]["rows"]) if table in self._tables else 0

    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._path)
        except zipfile.BadZipFile as error:
            raise unreadable(self._path, str(error)) from error

    def _check(self, archive: zipfile.ZipFile) -> Mapping[str, Any]:
        try:
            manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
            if manifest["format"] != _FORMAT:
                raise unreadable(self._path, f"its format is {manifest['format']}, not {_FORMAT}")
            for table, said in manifest["tables"].items():
                with archive.open(f"{table}.csv") as file:
                    digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
                if digest != said["sha256"]:
                    raise unreadable(self._path, f"{table}.csv is not what was backed up")
            self.revision = str(manifest["revision"])
            return dict(manifest["tables"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(self._path, f"its manifest is incomplete ({error})") from error


def _export(
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


def count_rows(connection: sqlalchemy.Connection, table: str) -> int:
    """How many rows a table has."""
    row = raw(connection).execute(_for_table("count", table)).fetchone()
    return int(row[0]) if row else 0


def empty(connection: sqlalchemy.Connection, table: str) -> None:
    """Delete what a migration put into a table."""
    raw(connection).execute(_for_table("empty", table))


def _for_table(statement: str, table: str) -> Composed:
    """A statement with the name of a table, one of ours, in its place."""
    return SQL(_statements.raw(statement)).format(table=Identifier(table))


def open_backup(path: Path, server_version: int) -> BackupFile:
    """The file at a path, looked through. Raises BackupError where it is none of ours."""
    try:
        with path.open("rb") as file:
            start = file.read(5)
    except OSError as error:
        raise unreadable(path, str(error.strerror)) from error
    if start == b"PGDMP":
        return Dump(path, server_version)
    if start[:2] == b"PK":
        return Csv(path)
    raise unreadable(path, "it is no backup made by Palate")


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Tell what a damaged file provokes from what the database refuses."""
    damage = (zipfile.BadZipFile, zlib.error, EOFError, psycopg.DataError, psycopg.IntegrityError)
    try:
        yield
    except damage as error:
        raise unreadable(path, reason(error)) from error
    except (psycopg.Error, sqlalchemy.exc.DBAPIError) as error:
        said = reason(error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error)
        raise BackupError(
            f"{path} is not restored, because of the database: {said.rstrip('.')}. It is as it "
            "was. Mend what this names, then restore the same file again."
        ) from error


def no_tool(name: str, version: int, unchanged: str) -> BackupError:
    """The error where PostgreSQL's programs are missing or too old."""
    return BackupError(
        f"There is no {name} for PostgreSQL {version} or newer here. {unchanged} Install "
        f"PostgreSQL's client programs, or make a csv backup, which needs none."
    )


def unreadable(path: Path, why: str) -> BackupError:
    """The error for a file that is none of ours, or damaged."""
    return BackupError(
        f"{path} cannot be restored: {why.rstrip('.')}. The database is as it was. "
        "Try another backup."
    )


def last_line(said: str) -> str:
    """The line that says what went wrong."""
    lines = [line for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()]
    return (wrong or lines or ["no reason given"])[0 if wrong else -1].strip()
