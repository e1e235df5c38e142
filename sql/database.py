"""Connections: one pool over the database that the settings name.

``PALATE_DATABASE_URL`` names a PostgreSQL or ParadeDB server; unset, Palate starts the
embedded one under ``PALATE_DATA_DIR``.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Self

import psycopg
import sqlalchemy
from psycopg.types.json import set_json_loads
from pydantic_core import from_json
from sqlalchemy import event

from palate.errors import DatabaseUnavailableError, MisuseError, SchemaError
from palate.settings import Settings, get_settings
from palate.statements import Statements, raw, run_script
from sql.address import parse, parts_of, render, show
from sql.embedded import EmbeddedServer
from sql.engines import SearchEngine, detect
from sql.faults import OTHER_LIMIT, explain, reason

_DRIVER = "postgresql+psycopg://"
# A server that vanished without closing is given up after seconds, not a quarter of an hour.
_UNLESS_SAID = {
    "fallback_application_name": "palate",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_statements = Statements.beside(__file__, "session")


class Database:
    """A pool of connections and the search engine behind it. Thread-safe; one a process."""

    def __init__(
        self,
        url: str,
        settings: Settings | None = None,
        server: EmbeddedServer | None = None,
        *,
        schemas: tuple[str, ...] = (),
    ) -> None:
        """``schemas`` are searched for names in this order; empty: the one of the settings."""
        self.settings = settings or get_settings()
        self.server = server
        self.url = parse(url)
        self.schemas = schemas or (self.settings.schema_name,)
        self.engine = _create_engine(self.url, self.settings, self.session)
        if server is not None:
            server.revive(self.engine)

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """The database that the settings name; starts the embedded server when they name none."""
        settings = settings or get_settings()
        if settings.database_url is not None:
            return cls(settings.database_url.get_secret_value(), settings)
        server = EmbeddedServer.start(settings.data_dir)
        return cls(server.url, settings, server)

    def close(self) -> None:
        """Give back every connection, and the embedded server when we are its last user."""
        self.engine.dispose()
        if self.server is not None:
            self.server.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def schema(self) -> str:
        """The schema that names without one are looked up in first, and made in."""
        return self.schemas[0]

    @property
    def is_scratch(self) -> bool:
        """Whether the schema stands before another one, for a while."""
        return len(self.schemas) > 1

    @property
    def is_pooled(self) -> bool:
        """Whether each transaction may run in another session of the server."""
        return self.settings.pooler == "transaction"

    def require_session(self) -> None:
        """Raise MisuseError behind a pooler: what follows holds a lock from one transaction to the
        next, which only one session can."""
        if self.is_pooled:
            raise MisuseError(
                "This needs a session of its own, which a pooler in transaction mode does not "
                "give. Nothing was done. Let PALATE_DATABASE_URL name the server itself for it."
            )

    @property
    def session(self) -> dict[str, Any]:
        """What the statement ``settle_session`` of a new connection takes."""
        timeout = f"{int(self.settings.statement_timeout * 1000)}"
        return {"timeout": timeout, "schemas": list(self.schemas), "local": self.is_pooled}

    @cached_property
    def where(self) -> str:
        """The address as messages say it."""
        return show(self.url)

    @property
    def psql_url(self) -> str:
        """The address as libpq reads it, password included."""
        return render(self.url)

    @cached_property
    def search_path(self) -> str:
        """Where our connections look names up: Palate's schema, the extensions', temporary ones."""
        with self.read() as connection:
            return str(connection.execute(_statements["search_path"]).scalar_one())

    @cached_property
    def search_engine(self) -> SearchEngine:
        """The engine that compiles queries for this database."""
        with self.read() as connection:
            return detect(connection, self.settings)

    @contextmanager
    def read(self) -> Iterator[sqlalchemy.Connection]:
        """A connection on which every statement is its own transaction."""
        with _translated(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def begin(
        self, *, patient: bool = False, one_moment: bool = False
    ) -> Iterator[sqlalchemy.Connection]:
        """A connection in one transaction: committed at the end, undone by an exception.

        ``patient`` lifts the server's limits of time, for loads and other long work; ``one_moment``
        reads only, all of it as it is at the first statement.
        """
        engine = self.engine.execution_options(isolation_level="READ COMMITTED")
        if one_moment:  # said by BEGIN itself: behind a pooler a query of ours comes before others
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with _translated(self), engine.begin() as connection:
            if patient:
                run_script(connection, _statements.raw("be_patient"))
                if (connection.dialect.server_version_info or ()) >= (17,):
                    run_script(connection, _statements.raw("be_patient_since_17"))
            yield connection


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Turn a lost or absent server into an error that says so."""
    where = database.where
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise DatabaseUnavailableError(
            f"No connection to {where} came free in time. Nothing was changed. "
            "Try again, or raise PALATE_POOL_SIZE."
        ) from error
    except (sqlalchemy.exc.DBAPIError, psycopg.Error) as error:
        if (explained := explain(error, where)) is not None:
            raise explained from error
        if isinstance(error, sqlalchemy.exc.DBAPIError) and (
            error.connection_invalidated
            or isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError)
        ):
            raise DatabaseUnavailableError(
                f"The database at {where} does not answer ({reason(error.orig)}). What was not "
                "committed is undone. Start it or correct PALATE_DATABASE_URL; `palate doctor` "
                "looks closer."
            ) from error
        raise


def _create_engine(
    url: sqlalchemy.URL, settings: Settings, session: dict[str, Any]
) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        _DRIVER,
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_use_lifo=True,
        # Of the engine, for most connections are taken to read: as an option of theirs it would be
        # set and taken back each time, a tenth of a search's Python.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args=_UNLESS_SAID | parts_of(url) | {"client_encoding": "UTF8"},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], _record: object) -> None:
        set_json_loads(from_json, connection)  # the same values, a tenth of the time

    if session["local"]:
        _settle_transactions(engine, session)
    else:
        _settle_sessions(engine, session)

    @event.listens_for(engine, "connect", insert=True)
    def check(connection: psycopg.Connection[Any], _record: object) -> None:
        _require_utf8(connection)

    @event.listens_for(engine, "checkout")
    def look(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
        # A server that went away has closed its end, which shows without asking it: asking
        # would be a second round trip for every search.
        line = select.poll()
        line.register(connection.fileno(), select.POLLIN)
        if line.poll(0):
            raise sqlalchemy.exc.DisconnectionError

    return engine


def _require_utf8(connection: psycopg.Connection[Any]) -> None:
    """Titles are of every script, and compared by the server. Raises SchemaError."""
    encoding = (connection.pgconn.parameter_status(b"server_encoding") or b"UTF8").decode()
    if encoding != "UTF8":
        connection.close()
        raise SchemaError(
            f"Palate needs a UTF8 database; this one is {encoding}. Nothing was done. Make one: "
            "CREATE DATABASE films ENCODING 'UTF8' TEMPLATE template0; and let "
            "PALATE_DATABASE_URL name it."
        )


def _settle_sessions(engine: sqlalchemy.Engine, session: dict[str, Any]) -> None:
    own_limit, settle = (_statements.raw(n).encode() for n in ("own_limit", "settle_session"))

    @event.listens_for(engine, "connect", insert=True)  # before SQLAlchemy's own first statements
    def settle_session(connection: psycopg.Connection[Any], _record: object) -> None:
        try:
            connection.execute(own_limit, session)
            connection.execute(settle, session)
            connection.commit()
        except psycopg.Error as error:
            connection.close()  # the pool does not know it yet
            if isinstance(error, psycopg.errors.QueryCanceled):
                raise DatabaseUnavailableError(OTHER_LIMIT) from error
            raise


def _settle_transactions(engine: sqlalchemy.Engine, session: dict[str, Any]) -> None:
    """Behind a pooler: settings that end with the transaction, each statement of `read` in one of
    its own, so that no session of the server is held between them, and no prepared statements."""
    settle = _statements.raw("settle_session")
    engine.update_execution_options(pooled=True)

    def alone(connection: sqlalchemy.Connection) -> bool:
        chosen = connection.get_execution_options().get("isolation_level", "AUTOCOMMIT")
        return bool(chosen == "AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def keep_no_statements(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.prepare_threshold = None

    @event.listens_for(engine, "begin")
    def settle_transaction(connection: sqlalchemy.Connection) -> None:
        if not alone(connection):
            raw(connection).execute(settle.encode(), session)

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: sqlalchemy.Connection, *_: object) -> None:
        if alone(connection):
            script = psycopg.ClientCursor(raw(connection)).mogrify(settle.encode(), session)
            raw(connection).execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {script}".encode())

    @event.listens_for(engine, "after_cursor_execute")
    def commit(connection: sqlalchemy.Connection, *_: object) -> None:
        if alone(connection):
            raw(connection).commit()

    @event.listens_for(engine, "handle_error")
    def undo(context: sqlalchemy.engine.ExceptionContext) -> None:
        if (
            context.connection is not None
            and not context.is_disconnect
            and alone(context.connection)
        ):
            raw(context.connection).rollback()
