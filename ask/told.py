"""Names that the catalog lacks, looked up at TMDB: titles of other languages, other spellings.

What is found is a film or a person of the catalog all the same. TMDB is told the name and nothing
else, once in thirty days, and only where there is a key.
"""

import json
import time
from contextlib import suppress
from threading import Lock
from typing import Any

from ingest.polite import PoliteClient, SyncError
from ingest.sync import tmdb_client
from palate.errors import RefusedByDatabaseError
from palate.statements import Statements
from search.names import Film, Names, key, parted_year
from sql.database import Database

_statements = Statements.beside(__file__, "told")
_MOST_LETTERS = 100
_MOST_MEANT = 5
_PAUSE = 60.0  # seconds without questions where none is answered


class ToldNames:
    """What TMDB makes of names, kept in the database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._locale = database.settings.sync_locales[0]
        self._lock = Lock()
        self._client: PoliteClient | None = None
        self._not_before = 0.0

    def find(self, text: str, names: Names) -> str | None:
        """How the catalog calls the film or the person of this name; None: there is no key, or TMDB
        means none of the catalog's. Raises SyncError where it does not answer; it is then left
        alone for a minute."""
        title, year = parted_year(text.strip())
        if self._database.settings.tmdb_api_key is None or not 0 < len(key(title)) <= _MOST_LETTERS:
            return None
        for meant in self._meant(title):
            if name := meant.get("person"):
                found = names.person(name, surname=False, fuzzy=False)
                if found and year is None:
                    return found.person.name
            elif (film := self._film(meant["tmdb_id"], names)) and year in (None, film.year):
                return str(film)
        return None

    def _meant(self, title: str) -> list[dict[str, Any]]:
        asked = {"name": key(title), "locale": self._locale}
        with self._database.read() as connection:
            known = connection.execute(_statements["known"], asked).scalar()
        if known is not None:
            return list(known)
        meant = self._ask(title)
        with suppress(RefusedByDatabaseError), self._database.begin() as connection:
            connection.execute(_statements["remember"], asked | {"meant": json.dumps(meant)})
        return meant

    def _ask(self, title: str) -> list[dict[str, Any]]:
        with self._lock:
            if time.monotonic() < self._not_before:
                raise SyncError(
                    "TMDB did not answer lately. Nothing was asked. Try again in a minute."
                )
            self._client = self._client or tmdb_client(
                self._database.settings, attempts=1, timeout=3
            )
            try:
                told = self._client.get("search/multi", query=title)
            except SyncError:
                self._not_before = time.monotonic() + _PAUSE
                raise
        return read_meant(told)

    def _film(self, tmdb_id: int, names: Names) -> Film | None:
        with self._database.read() as connection:
            movie_id = connection.execute(_statements["film"], {"tmdb_id": tmdb_id}).scalar()
        return None if movie_id is None else names.film(movie_id)


def read_meant(told: Any) -> list[dict[str, Any]]:
    """The films, by TMDB's ids, and people of its answer; what is neither is left out."""
    results = told.get("results") if isinstance(told, dict) else None
    meant: list[dict[str, Any]] = []
    for each in results if isinstance(results, list) else []:
        kind, name = (
            (each.get("media_type"), each.get("name")) if isinstance(each, dict) else ("", "")
        )
        if kind == "movie" and type(each.get("id")) is int and 0 < each["id"] < 2**31:
            meant.append({"tmdb_id": each["id"]})
        elif kind == "person" and isinstance(name, str) and 0 < len(name) <= _MOST_LETTERS:
            meant.append({"person": name})
    return meant[:_MOST_MEANT]
