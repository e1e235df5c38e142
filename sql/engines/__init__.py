"""Search engines behind one seam.

The seam is two things: SQL functions with the same names and signatures (``paradedb.sql``,
``postgres*.sql``: search_candidates, search_matches, suggest_titles, parse_query), and a compiler
from the syntax tree to the jsonb that these functions take.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy

from palate.errors import MisuseError
from palate.settings import Settings
from sql.syntax import Fields, Node


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """What search_candidates takes. ``loose`` is tried when ``query`` finds too little."""

    query: dict[str, Any]
    loose: dict[str, Any] | None = None


class SearchEngine(Protocol):
    """A search engine: its name and its compiler."""

    @property
    def name(self) -> str:
        """The name in settings, and of the engine's SQL file."""

    @property
    def slow_after_writes(self) -> bool:
        """Whether many writes leave the index slower than one made anew."""

    @property
    def fields(self) -> Fields:
        """The searchable fields that the database has at the moment, one's own included."""

    def compile(self, tree: Node) -> CompiledQuery:
        """The engine's own jsonb for a tree. Never fails on a tree that `search.query` made."""

    def missing(self, connection: sqlalchemy.Connection) -> int:
        """How many films the search index lacks, or holds that are gone."""

    def rebuild(self, connection: sqlalchemy.Connection) -> None:
        """Make the index again while searches go on; outside of any transaction."""

    def faults(self, connection: sqlalchemy.Connection) -> list[str]:
        """What an engine says of its own index when asked to look, where it can look."""

    def lacks(self, connection: sqlalchemy.Connection) -> list[str]:
        """What the version in use cannot do, and what that means."""


def detect(connection: sqlalchemy.Connection, settings: Settings) -> SearchEngine:
    """The engine that the settings name, or that the server can be: ParadeDB where it is.

    Raises MisuseError when the settings ask for ParadeDB on a server without it.
    """
    from sql.engines.indexed_words import IndexedWords
    from sql.engines.paradedb import ParadeDB
    from sql.engines.postgres import Postgres
    from sql.known_fields import KnownFields

    available = connection.scalar(
        sqlalchemy.select(sqlalchemy.func.count())
        .select_from(sqlalchemy.table("pg_available_extensions"))
        .where(sqlalchemy.column("name") == "pg_search")
    )
    if settings.engine == "paradedb" and not available:
        raise MisuseError(
            "PALATE_ENGINE is paradedb, but the server has no pg_search extension. Nothing was "
            "done. Use the paradedb/paradedb image, or set PALATE_ENGINE to auto."
        )
    own = KnownFields(connection.engine)
    if settings.engine == "paradedb" or (settings.engine == "auto" and available):
        return ParadeDB(own)
    return Postgres(IndexedWords(connection.engine), own)
