"""Parses a learned order as soon as it is activated, so that no search waits for it.

Only a convenience: every search learns from its own statement which order is active, and a message
that is missed is missed by no search.
"""

import threading
from pathlib import Path

import psycopg
import sqlalchemy
import structlog

from palate.errors import PalateError
from palate.statements import Statements
from rerank.search import Searcher
from sql.database import Database

_statements = Statements(Path(__file__).parent / "statements" / "models.sql")
_log = structlog.get_logger(__name__)

_LOOK = 0.5  # seconds between looks at whether the server stops
_AGAIN = 5.0  # seconds until a lost connection is tried again


class ModelWatch(threading.Thread):
    """Listens on a connection of its own while the server runs."""

    def __init__(self, database: Database, searcher: Searcher) -> None:
        super().__init__(name="models", daemon=True)
        self._database, self._searcher = database, searcher
        self._over = threading.Event()

    def run(self) -> None:
        """Listen until stopped, through restarts of the database."""
        while not self._over.is_set():
            try:
                self._listen()
            except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError, PalateError) as error:
                _log.debug("models_not_heard", error=str(error))
                self._over.wait(_AGAIN)

    def stop(self) -> None:
        """End soon; whoever still waits for the database is left behind."""
        self._over.set()
        self.join(2 * _LOOK)

    def _listen(self) -> None:
        with psycopg.connect(
            self._database.psql_url, autocommit=True, connect_timeout=5,
            application_name="palate models",
        ) as connection:  # fmt: skip
            connection.execute(_statements.raw("listen").encode())
            self._searcher.preload_order()
            while not self._over.is_set():
                for _ in connection.notifies(timeout=_LOOK, stop_after=1):
                    self._searcher.preload_order()
