"""Bring a database to this Palate's schema.

Versioned migrations (Alembic) make tables; repeatable ones make functions, and run again when
their text changes. Everything happens in one transaction under an advisory lock: many starters,
one migrates, and a failure leaves the schema as it was.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from palate.errors import DatabaseUnavailableError, NewerSchemaError, SchemaError
from palate.statements import Statements, run_script
from sql.database import Database

ALEMBIC = threading.RLock()
"""Held while Alembic runs: its context is the process's own, so that of two threads that migrate,
say a store of runs and a database, one would work on the other's connection."""

_ROOT = Path(__file__).parent
_MIGRATIONS = _ROOT / "migrations"
_statements = Statements(_ROOT / "statements" / "migrate.sql")


def migrate(database: Database, wait: float = 0) -> list[str]:
    """Apply what is missing and return its names, in order; an empty list when up to date.

    ``wait`` is how many seconds to wait for a server that does not answer yet.
    Raises SchemaError when the schema is newer than this Palate, or when somebody's view stands
    on a function that has to change.
    """
    _wait_for(database, wait)
    engine = database.search_engine
    with _depending(), database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        applied = _apply_versioned(connection)
        applied += _apply_repeatable(connection, engine.name)
        connection.execute(_statements["make_roles"])
        if applied:
            connection.execute(_statements["make_comments"])
        return applied


@contextmanager
def _depending() -> Iterator[None]:
    """Name what stands on a function that cannot change under it."""
    try:
        yield
    except psycopg.errors.DependentObjectsStillExist as error:
        found = "; ".join((error.diag.message_detail or str(error)).splitlines())
        raise SchemaError(
            f"Functions of Palate have to change, but something of yours stands on them: {found}. "
            "Nothing was changed. Keep its definition (\\d+ in psql), drop it, run "
            "`palate db migrate`, and create it again."
        ) from error


def schema_version(connection: sqlalchemy.Connection) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    exists = connection.execute(_statements["has_schema_version"]).scalar_one()
    if not exists:
        return None
    return connection.execute(_statements["schema_version"]).scalar()


def check_schema(database: Database, *, functions: bool = True) -> None:
    """Raise SchemaError unless the schema is what this Palate expects.

    ``functions=False`` looks at the tables only: while a new version rolls out, its functions
    serve the old one's searches too.
    """
    with database.read() as connection:
        current = schema_version(connection)
        if current is None:
            raise SchemaError(
                "The database has no Palate schema. Nothing was done. Run `palate db migrate`."
            )
        pending = _unknown_or_pending(current)
        if functions:
            changed = _changed_repeatables(connection, database.search_engine.name)
            pending += [name for name, _, _ in changed]
    if pending:
        raise SchemaError(
            f"The schema is older than this Palate ({', '.join(pending)} missing). "
            "Nothing was done. Run `palate db migrate`."
        )


def _unknown_or_pending(current: str) -> list[str]:
    script = ScriptDirectory.from_config(_config())
    revisions = [r.revision for r in script.walk_revisions()][::-1]
    if current not in revisions:
        raise _newer(current)
    return revisions[revisions.index(current) + 1 :]


def _newer(current: str) -> NewerSchemaError:
    return NewerSchemaError(
        f"The schema is at {current}, which this Palate does not know: it was migrated by a "
        "newer one. Nothing was changed. Upgrade Palate, or restore a backup of the older schema."
    )


def _wait_for(database: Database, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            with database.read() as connection:
                connection.execute(_statements["ping"])
            return
        except DatabaseUnavailableError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _apply_versioned(connection: sqlalchemy.Connection) -> list[str]:
    config = _config()
    config.attributes["connection"] = connection
    before = schema_version(connection)
    try:
        with ALEMBIC:
            command.upgrade(config, "head")
    except CommandError as error:
        if before is not None and "locate revision" in str(error):
            raise _newer(before) from error
        raise
    revisions = [r.revision for r in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    return revisions[revisions.index(before) + 1 :] if before else revisions


def _repeatables(engine_name: str) -> Iterator[Path]:
    yield _ROOT / "engines" / "words.sql"
    yield from sorted((_ROOT / "engines").glob(f"{engine_name}*.sql"))
    yield from sorted((_ROOT / "functions").glob("*.sql"))


def _changed_repeatables(
    connection: sqlalchemy.Connection, engine_name: str
) -> list[tuple[str, str, str]]:
    """(name, checksum, SQL) of each repeatable migration that is new or has changed."""
    known = {
        row.name: row.checksum for row in connection.execute(_statements["repeatable_checksums"])
    }
    changed = []
    for path in _repeatables(engine_name):
        body = path.read_text(encoding="utf-8")
        # Of another engine, everything is applied again: the functions have the same names.
        checksum = hashlib.sha256(f"{engine_name}\n{body}".encode()).hexdigest()
        if known.get(path.stem) != checksum:
            changed.append((path.stem, checksum, body))
    return changed


def _apply_repeatable(connection: sqlalchemy.Connection, engine_name: str) -> list[str]:
    applied = []
    for name, checksum, body in _changed_repeatables(connection, engine_name):
        run_script(connection, body)
        connection.execute(
            _statements["save_repeatable_checksum"], {"name": name, "checksum": checksum}
        )
        applied.append(name)
    return applied
