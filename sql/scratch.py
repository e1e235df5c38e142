"""A scratch schema: Palate's tables and functions beside the live ones, with other ratings.

Evaluation must not know the future, and the live tables do. Functions name nothing by schema, so
the same SQL runs over rows of our choice when a connection's search_path starts elsewhere.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import sqlalchemy
import structlog
from numpy.typing import NDArray
from psycopg import sql as psql

from palate.errors import PalateError
from palate.statements import Statements, raw, run_script
from sql.binary_copy import encode_copy, encode_times
from sql.database import Database
from sql.migrate import migrate

_statements = Statements.beside(__file__, "scratch")
_log = structlog.get_logger(__name__)

_COPY_ROWS = 500_000


class ScratchError(PalateError):
    """A scratch schema cannot be made. The live tables are untouched."""

    title = "No scratch schema"


@contextmanager
def scratch(database: Database) -> Iterator[Database]:
    """A database whose first schema is new, migrated and empty; dropped at the end.

    One that a killed process left behind is dropped by the next. Raises ScratchError when the
    role may not create schemas, or when a live table would show through.
    """
    with scratch_schema(database) as schema:
        schemas = (schema, *database.schemas)
        made = Database(database.psql_url, database.settings, schemas=schemas)
        try:
            migrate(made)
            _check_opaque(made)
            yield made
        finally:
            made.close()


@contextmanager
def scratch_schema(database: Database) -> Iterator[str]:
    """The name of a new, empty schema; dropped at the end, as `scratch` is."""
    database.require_session()
    schema = f"palate_scratch_{uuid.uuid4().hex[:12]}"
    with database.read() as keeper:
        _drop_abandoned(keeper)
        keeper.execute(_statements["settle"], {"schema": schema})
        _create(keeper, schema)
        try:
            yield schema
        finally:
            _drop(keeper, schema)


def fill(
    made: Database,
    user_ids: NDArray[np.int64],
    movie_ids: NDArray[np.int64],
    ratings: NDArray[np.float32],
    times: NDArray[np.float64],
) -> None:
    """Give a scratch database the live catalog and these ratings, and refresh what follows.

    One array a column; ``times`` in seconds since 1970. Nothing that live ratings say is copied.
    """
    with made.begin(patient=True) as connection:
        run_script(connection, _named("copy_catalog", home=made.schemas[1]))
        connection.execute(_statements["without_triggers"])
        order = np.lexsort((movie_ids, user_ids))
        for start in range(0, len(order), _COPY_ROWS):
            part = order[start : start + _COPY_ROWS]
            rated_at = encode_times(times[part])
            with raw(connection).cursor().copy(_statements.raw("copy_ratings").encode()) as copy:
                copy.write(encode_copy(user_ids[part], movie_ids[part], ratings[part], rated_at))
        connection.execute(_statements["with_triggers"])
    with made.begin(patient=True) as connection:
        connection.execute(_statements["refresh_profiles"])  # statistics count whom it makes
        connection.execute(_statements["refresh_stats"])
        connection.execute(_statements["analyze"])


def _named(name: str, **identifiers: str) -> str:
    """A statement with identifiers of our own put in."""
    quoted = {key: psql.Identifier(value).as_string(None) for key, value in identifiers.items()}
    return _statements.raw(name).format(**quoted)


def _create(keeper: sqlalchemy.Connection, schema: str) -> None:
    try:
        run_script(keeper, _named("create", schema=schema))
    except psycopg.errors.InsufficientPrivilege as error:
        grant = keeper.execute(_statements["may_create"]).scalar_one()
        raise ScratchError(
            "This needs a schema of its own for the time it takes, and the role may not create "
            f"one. Nothing was done. Let an administrator run: {grant}"
        ) from error


def _check_opaque(made: Database) -> None:
    scratch, home, *_ = made.schemas
    with made.read() as connection:
        rows: Any = connection.execute(
            _statements["seen_through"], {"home": home, "scratch": scratch}
        )
        names = list(rows.scalars())
    if names:
        raise ScratchError(
            f"The live schema has {', '.join(names[:5])}, which this Palate does not make: what "
            "reads it would see live rows. Nothing was done. Move it to another schema."
        )


def _drop_abandoned(keeper: sqlalchemy.Connection) -> None:
    for schema in keeper.execute(_statements["abandoned"]).scalars().all():
        if keeper.execute(_statements["settle"], {"schema": schema}).scalar_one():
            _drop(keeper, schema)


def _drop(keeper: sqlalchemy.Connection, schema: str) -> None:
    """Drop what is in a scratch schema of ours, but nothing that somebody else's stands on."""
    run_script(keeper, _named("drop", schema=schema))
    if keeper.execute(_statements["is_left"], {"schema": schema}).scalar_one():
        _log.warning("not dropped, since something of somebody else's stands on it", schema=schema)
    keeper.execute(_statements["release"], {"schema": schema})
