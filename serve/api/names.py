"""Reads the catalog's names again soon after films were written; no request waits for it."""

import threading

import sqlalchemy
import structlog

from palate.errors import PalateError
from search.names import CatalogNames

_log = structlog.get_logger(__name__)

_LOOK = 10.0  # seconds between looks at whether films were written


class NamesWatch(threading.Thread):
    """Looks now and then while the server runs."""

    def __init__(self, names: CatalogNames) -> None:
        super().__init__(name="names", daemon=True)
        self._names = names
        self._over = threading.Event()

    def run(self) -> None:
        """Look until stopped, through restarts of the database."""
        while not self._over.wait(_LOOK):
            try:
                self._names.refresh()
            except (sqlalchemy.exc.SQLAlchemyError, PalateError) as error:
                _log.debug("names_not_read", error=str(error))

    def stop(self) -> None:
        """End at once; names that are being read are left behind."""
        self._over.set()
