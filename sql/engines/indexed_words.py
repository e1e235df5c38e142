"""The words that the `postgres` index holds: what fuzzy words are expanded to."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy
from rapidfuzz import process
from rapidfuzz.distance import OSA

from palate.statements import Statements

_statements = Statements(Path(__file__).parents[1] / "statements" / "indexed_words.sql")

_SECONDS_KEPT = 60.0
_MOST_WORDS = 100


class Lexemes(Protocol):
    """Where fuzzy words find what is near them."""

    def near(self, field: str, text: str, distance: int) -> Sequence[str]:
        """Indexed words of a field at most so many mistakes away, nearest first."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    read_at: float
    lexemes: list[str]


class IndexedWords:
    """The indexed words of each field, read once and again when the index has changed.

    Swapping two letters is one mistake (optimal string alignment), as on ParadeDB.
    """

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def near(self, field: str, text: str, distance: int) -> Sequence[str]:
        with self._engine.connect() as connection:
            found: set[tuple[float, str]] = set()
            stems = connection.scalar(_statements["stems"], {"field": field, "text": text})
            lexemes = self._lexemes(connection, field)
        for stem in stems or ():
            found.update(
                (mistakes, lexeme)
                for lexeme, mistakes, _ in process.extract(
                    stem, lexemes, scorer=OSA.distance, score_cutoff=distance, limit=None
                )
            )
        return [lexeme for _, lexeme in sorted(found)[:_MOST_WORDS]]

    def lexemes(self, field: str) -> list[str]:
        """The indexed words of a field, stemmed."""
        with self._engine.connect() as connection:
            return self._lexemes(connection, field)

    def _lexemes(self, connection: sqlalchemy.Connection, field: str) -> list[str]:
        version: int = connection.execute(_statements["version"]).scalar_one()
        now = time.monotonic()
        with self._lock:
            kept = self._kept.get(field)
            if kept and kept.version == version and now - kept.read_at < _SECONDS_KEPT:
                return kept.lexemes
        lexemes = list(connection.scalars(_statements["lexemes"], {"field": field}))
        with self._lock:
            self._kept[field] = _Kept(version, now, lexemes)
        return lexemes
