"""Bring a database to this Palate's schema.

Versioned migrations (Alembic) make tables; repeatable ones make functions, and run again when
their text changes. Everything happens in one transaction under an advisory lock: many starters,
one migrates, and a failure leaves the schema as it was.

What functions that changed have to make of all ratings again comes later, each in a transaction of
its own, so that nobody who rates waits for it: the scripts in ``later``, by the names of those that
they follow.
"""

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from palate.errors import (
    BusyError,
    DatabaseUnavailableError,
    NewerSchemaError,
    PrivilegeError,
    SchemaError,
)
from palate.statements import Statements, run_script
from sql.database import Database
from sql.faults import reason
from sql.objects import find_own, function_names, made_by, names
from sql.room import describe, drop_former, lacking, make_roles, make_room
from sql.vectors import index_vectors

ALEMBIC = threading.RLock()
"""Held while Alembic runs: its context is the process's own, so that of two threads that migrate,
say a store of runs and a database, one would work on the other's connection."""

_PATIENCE = 60.0
_ROOT = Path(__file__).parent
_MIGRATIONS = _ROOT / "migrations"
_statements = Statements(_ROOT / "statements" / "migrate.sql")
_log = structlog.get_logger(__name__)


def migrate(database: Database, wait: float = 0, patience: float = _PATIENCE) -> list[str]:
    """Apply what is missing and return its names, in order; an empty list when up to date.

    ``wait`` is how many seconds to wait for a server that does not answer yet; ``patience``, how
    many to try again while a table is in use. A try waits for a lock no longer than searches and
    ratings may well wait behind it. An installation in ``public`` is moved to the schema of the
    settings, unless they name ``public``.
    Raises SchemaError when the schema is newer than this Palate, or when somebody's view stands
    on a function that has to change; PrivilegeError; BusyError.
    """
    _wait_for(database, wait)
    deadline = time.monotonic() + patience
    while True:
        try:
            applied = _apply(database)
            break
        except BusyError as error:
            if time.monotonic() > deadline:
                raise _busy(database, patience) from error
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311
    if "0001" in applied:  # connections made before do not know where the extensions are
        database.engine.dispose()
        log_sequences(database)
    finish(database)
    validate_constraints(database)
    index_vectors(database)  # in a transaction of its own, which keeps nobody from rating
    if not database.is_scratch:
        _tell_lacking(database)
    return applied


def _tell_lacking(database: Database) -> None:
    with database.read() as connection:
        for statement in lacking(connection, database.schema):
            _log.warning("for an administrator, lest psql not find search()", run=statement)


def finish(database: Database) -> None:
    """Run what comes later and did not yet, since what it follows was last changed."""
    for script in sorted((_ROOT / "later").glob("*.sql")):
        body = script.read_text(encoding="utf-8")
        followed = (_ROOT / "functions" / script.name).read_text(encoding="utf-8")
        checksum = hashlib.sha256(f"{followed}\n{body}".encode()).hexdigest()
        with database.begin(patient=True) as connection:
            connection.execute(_statements["lock"])
            name = f"later_{script.stem}"
            if _checksums(connection).get(name) != checksum:
                run_script(connection, body)
                _save_checksum(connection, name, checksum)


def log_sequences(database: Database) -> None:
    """Let no crash take back numbers that were drawn in the transaction that made their sequence.

    Only where nobody else draws yet.
    """
    with database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        connection.execute(_statements["log_sequences"])


def validate_constraints(database: Database) -> None:
    """Hold the rows that are there to constraints that a migration made for new ones only.

    Each in a transaction of its own, under a lock that lets everybody read and write. Where a row
    breaks one, the constraint stays as it was, and the log names it.
    """
    tables = {"schema": database.schema, "tables": [name for _, name in names()]}
    with database.read() as connection:
        found = connection.execute(_statements["not_validated"], tables).all()
    for row in found:
        try:
            with database.begin(patient=True) as connection:
                connection.exec_driver_sql(row.statement)
        except sqlalchemy.exc.IntegrityError as error:
            _log.warning(
                "rows break a constraint that holds for new ones; correct them and migrate again",
                constraint=row.name,
                reason=reason(error.orig),
            )


def _apply(database: Database) -> list[str]:
    engine = database.search_engine.name  # before our connection, which may be the only one
    with _depending(), database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        connection.execute(_statements["wait_little"])
        applied = make_room(connection, database)
        applied += upgrade(connection, database.schema)
        applied += install_functions(connection, engine)
        drop_former(connection, database.schema)  # after what stood on it was made anew
        if not database.is_scratch:
            make_roles(connection, database)
            describe(connection, database.schema, anew=bool(applied))
    return applied


def _busy(database: Database, patience: float) -> BusyError:
    with database.read() as connection:
        holders = connection.execute(_statements["holders"], {"schema": database.schema}).all()
    who = "; ".join(f"{row.who} (process {row.pid}) since {row.seconds} s" for row in holders)
    return BusyError(
        f"Palate's tables were in use for {patience:.0f} s without a pause"
        f"{f', by {who}' if who else ''}. Nothing was changed. Run `palate db migrate` again when "
        "that has ended, or end it: SELECT pg_terminate_backend(process)."
    )


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
    engine = database.search_engine.name  # before our connection, which may be the only one
    with database.read() as connection:
        current = schema_version(connection)
        if current is None:
            barred = connection.execute(_statements["is_barred"], {"schema": database.schema})
            if barred.scalar_one():
                raise PrivilegeError(
                    f"The role that Palate connects as may not use the schema {database.schema}. "
                    "Nothing was done. Connect as a member of palate_app to serve, of palate_read "
                    "to search: GRANT palate_read TO the role."
                )
            raise SchemaError(
                "The database has no Palate schema. Nothing was done. `palate demo` makes one and "
                "loads the sample; `palate db migrate` makes an empty one."
            )
        pending = _unknown_or_pending(current)
        if functions:
            changed = _changed_repeatables(connection, engine)
            pending += [name for name, _, _ in changed]
    if pending:
        raise SchemaError(
            f"The schema is older than this Palate ({', '.join(pending)} missing). "
            "Nothing was done. Run `palate db migrate`."
        )


def _unknown_or_pending(current: str) -> list[str]:
    known = revisions()
    if current not in known:
        raise _newer(current)
    return list(known[known.index(current) + 1 :])


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


def upgrade(connection: sqlalchemy.Connection, schema: str, revision: str = "head") -> list[str]:
    """Apply the versioned migrations up to a revision; returns theirs."""
    config = _config()
    config.attributes |= {"connection": connection, "schema": schema}
    before = schema_version(connection)
    try:
        with ALEMBIC:
            command.upgrade(config, revision)
    except CommandError as error:
        if before is not None and "locate revision" in str(error):
            raise _newer(before) from error
        raise
    known = revisions()
    after = schema_version(connection)
    return list(known[known.index(before) + 1 if before else 0 : known.index(str(after)) + 1])


def _repeatables(engine_name: str) -> Iterator[Path]:
    yield _ROOT / "engines" / "words.sql"
    yield from sorted((_ROOT / "engines").glob(f"{engine_name}*.sql"))
    yield from sorted((_ROOT / "functions").glob("*.sql"))


def _engines_functions() -> list[str]:
    """The functions of every engine."""
    scripts = [s for s in (_ROOT / "engines").glob("*.sql") if s.stem != "words"]
    return [f for s in scripts for f in function_names(made_by(s.read_text(encoding="utf-8")))]


def _changed_repeatables(
    connection: sqlalchemy.Connection, engine_name: str
) -> list[tuple[str, str, str]]:
    """(name, checksum, SQL) of each repeatable migration that is new or has changed."""
    known = _checksums(connection)
    path = connection.execute(_statements["search_path"]).scalar_one()
    changed = []
    for script in _repeatables(engine_name):
        body = script.read_text(encoding="utf-8")
        # Of another engine, or where functions find other schemas, everything is applied again.
        checksum = hashlib.sha256(f"{engine_name}\n{path}\n{body}".encode()).hexdigest()
        if known.get(script.stem) != checksum:
            changed.append((script.stem, checksum, body))
    return changed


@cache
def revisions() -> tuple[str, ...]:
    """Every revision of the tables that this Palate knows, oldest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(revision.revision for revision in script.walk_revisions())[::-1]


def install_functions(connection: sqlalchemy.Connection, engine_name: str) -> list[str]:
    """Apply the repeatable migrations that are new or have changed; returns their names.

    Functions that are bound to what one makes (BEGIN ATOMIC) are without a body meanwhile, or it
    could drop nothing; those that none of them makes get theirs back after it.
    """
    changed = _changed_repeatables(connection, engine_name)
    for place, (name, checksum, body) in enumerate(changed):
        made = function_names(made_by(body))
        if name == engine_name:  # it drops what another engine made
            made += _engines_functions()
        asked = {"made": made, "own": function_names(names())}
        bound = connection.execute(_statements["bound_to"], asked).all()
        anew = {
            again for _, _, other in changed[place:] for again in function_names(made_by(other))
        }
        for row in bound:
            run_script(connection, row.without_body)
        run_script(connection, body)
        for row in bound:
            if row.name not in anew:
                run_script(connection, row.definition)
        _save_checksum(connection, name, checksum)
    return [name for name, _, _ in changed]


def adopt_functions(connection: sqlalchemy.Connection, database: Database) -> None:
    """Let functions that were made in another schema find their tables in the one they are in now,
    without making them again."""
    for own in find_own(connection, database.schema):
        if own.pinned:
            path = connection.execute(_statements["search_path"]).scalar_one()
            run_script(connection, f"ALTER {own} SET search_path = {path}")
    for name, checksum, _ in _changed_repeatables(connection, database.search_engine.name):
        _save_checksum(connection, name, checksum)


def _checksums(connection: sqlalchemy.Connection) -> dict[str, str]:
    rows = connection.execute(_statements["repeatable_checksums"])
    return {row.name: row.checksum for row in rows}


def _save_checksum(connection: sqlalchemy.Connection, name: str, checksum: str) -> None:
    connection.execute(
        _statements["save_repeatable_checksum"], {"name": name, "checksum": checksum}
    )
