"""Is every film in the search index? Where not, searches say so and the index is made again.

pg_search before 0.24 does not write its index to the WAL: a server that is killed while films are
written loses some of them from the index for good. Counting both finds that.
"""

import threading
import time

import sqlalchemy
import structlog
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from palate.errors import DatabaseUnavailableError
from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "completeness")

_SECONDS_TRUSTED = 60.0
_log = structlog.get_logger(__name__)


class IndexWatch:
    """Whether the index holds every film, looked at again each minute and after a reconnect.

    What is missing is put back by a rebuild beside, where the role may do that. Thread-safe; one
    a process.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._looked_at = -_SECONDS_TRUSTED
        self._missing = 0
        self._tried_at = -_SECONDS_TRUSTED
        self._rebuilding: threading.Thread | None = None
        event.listen(database.engine, "connect", self._distrust)

    @property
    def missing(self) -> int:
        """Films that the index lacked when it was looked at last."""
        return self._missing

    def complete(self, connection: sqlalchemy.Connection) -> bool:
        """Whether searches find every film. Looks again where the last look is old."""
        with self._lock:
            due = time.monotonic() - self._looked_at >= _SECONDS_TRUSTED
            if due:  # the others go on with what is known
                self._looked_at = time.monotonic()
        if due:
            try:
                self._missing = self._database.search_engine.missing(connection)
            except DBAPIError as error:  # a look must not turn a search into an error
                _log.warning("the search index cannot be looked at", error=str(error.orig))
            if self._missing:
                _log.warning("films are missing from the search index", films=self._missing)
                self._start_rebuild()
        return not self._missing

    def wait(self, seconds: float) -> None:
        """Wait for a rebuild that runs, if one does."""
        if self._rebuilding is not None:
            self._rebuilding.join(seconds)

    def _distrust(self, *_: object) -> None:
        self._looked_at = -_SECONDS_TRUSTED

    def _start_rebuild(self) -> None:
        with self._lock:
            if time.monotonic() - self._tried_at >= _SECONDS_TRUSTED:
                self._tried_at = time.monotonic()
                self._rebuilding = threading.Thread(target=self._rebuild, daemon=True)
                self._rebuilding.start()

    def _rebuild(self) -> None:
        try:
            if rebuild(self._database):
                _log.info("the search index was made again")
                self._distrust()
        except (DatabaseUnavailableError, DBAPIError) as error:
            _log.warning("the search index cannot be made again", error=str(error))


def rebuild(database: Database) -> bool:
    """Make the search index again beside the one in use; False where another does it, this role may
    not, or a pooler has no session for it.

    Raises DatabaseUnavailableError.
    """
    if database.is_pooled:
        return False
    with database.read() as connection:
        if not connection.execute(_statements["may_rebuild"]).scalar():
            return False
        if not connection.execute(_statements["try_lock"]).scalar():
            return False
        limit = connection.execute(_statements["time_limit"]).scalar()
        try:
            connection.execute(_statements["limit_time"], {"limit": "0"})
            database.search_engine.rebuild(connection)
        finally:
            connection.execute(_statements["limit_time"], {"limit": limit})
            connection.execute(_statements["unlock"])
    return True


def repair(database: Database) -> int:
    """Make the search index again where it lacks films; how many it lacked, 0 where it was left.

    Raises DatabaseUnavailableError.
    """
    with database.read() as connection:
        missing = database.search_engine.missing(connection)
    return missing if missing and rebuild(database) else 0


def settle(database: Database) -> None:
    """After many writes: make the index again where that makes it faster.

    Raises DatabaseUnavailableError.
    """
    if database.search_engine.slow_after_writes:
        rebuild(database)
