"""What the server learns by itself while it runs, so that no request waits for it.

Only conveniences: a search learns from its own statement which order is active, and names are read
when they are first needed.
"""

import threading
from abc import abstractmethod

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from palate.errors import PalateError
from palate.statements import Statements
from rerank.search import Searcher
from search.names import CatalogNames
from sql.database import Database

_statements = Statements.beside(__file__, "models")
_log = structlog.get_logger(__name__)


class Watch(threading.Thread):
    """Looks until stopped, through restarts of the database."""

    again = 5.0
    """Seconds until it looks again: after each look, or after a lost connection."""

    def __init__(self) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.over = threading.Event()

    @abstractmethod
    def look(self) -> None:
        """Look once, or until ``over``."""

    def run(self) -> None:
        """Look again and again."""
        while not self.over.is_set():
            try:
                self.look()
            except (psycopg.Error, SQLAlchemyError, PalateError) as error:
                _log.debug("not_seen", by=self.name, error=str(error))
            self.over.wait(self.again)

    def stop(self) -> None:
        """End soon; whoever still waits for the database is left behind."""
        self.over.set()
        self.join(1)


class ModelWatch(Watch):
    """Parses a learned order as soon as it is activated, told by a connection of its own."""

    def __init__(self, database: Database, searcher: Searcher) -> None:
        super().__init__()
        self._database, self._searcher = database, searcher

    def look(self) -> None:
        """Listen for changes until stopped; a pooler's sessions hear nothing, so look."""
        if self._database.is_pooled:
            self._searcher.preload_order()
            return
        with psycopg.connect(
            self._database.psql_url, autocommit=True, connect_timeout=5,
            application_name="palate models",
        ) as connection:  # fmt: skip
            connection.execute(_statements.raw("listen").encode())
            self._searcher.preload_order()
            while not self.over.is_set():
                for _ in connection.notifies(timeout=0.5, stop_after=1):
                    self._searcher.preload_order()


class NamesWatch(Watch):
    """Reads the catalog's names again soon after films were written."""

    again = 10.0

    def __init__(self, names: CatalogNames) -> None:
        super().__init__()
        self._names = names

    def look(self) -> None:
        """Read them where films were written since; the first time is left to who needs them."""
        self._names.refresh()
