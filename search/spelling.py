"""Did you mean: the nearest word of the catalog for a word that it does not have."""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from palate.metrics import stage
from palate.statements import Statements
from sql.text import fold

_statements = Statements(Path(__file__).parent / "statements" / "words.sql")

_KEPT_SECONDS = 300.0


class Vocabulary:
    """The catalog's words and in how many films each stands, read again every few minutes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words: Mapping[str, int] = {}
        self._read_at = -_KEPT_SECONDS

    def words(self, connection: Connection) -> Mapping[str, int]:
        """Folded word -> films that have it."""
        with self._lock:
            due = time.monotonic() - self._read_at >= _KEPT_SECONDS
            if due:  # the others go on with what there is, also when reading fails
                self._read_at = time.monotonic()
        if due:
            with suppress(DBAPIError):  # too large a catalog for one statement's time
                self._words = {
                    row.word: row.films for row in connection.execute(_statements["vocabulary"])
                }
        return self._words

    def correct(self, connection: Connection, text: str, words: Sequence[str]) -> str | None:
        """What ``did_you_mean`` finds among the catalog's words."""
        if not words:
            return None
        with stage("spelling"):
            return did_you_mean(text, words, self.words(connection))


def did_you_mean(text: str, words: Sequence[str], known: Mapping[str, int]) -> str | None:
    """``text`` with each of ``words`` that no film has replaced by the nearest one; or None.

    Distance is Damerau-Levenshtein (optimal string alignment): one edit for words of four
    letters, two for longer ones, shorter ones stay; among equals the word of more films wins.
    """
    better = text
    for word in words:
        folded = fold(word)
        if len(folded) < 4 or folded in known:
            continue
        nearest = _nearest(folded, known)
        if nearest is not None:
            better = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", nearest, better)
    return better if better != text else None


def _nearest(word: str, known: Mapping[str, int]) -> str | None:
    limit = 1 if len(word) == 4 else 2
    matches = process.extract(word, list(known), scorer=OSA.distance, score_cutoff=limit, limit=20)
    if not matches:
        return None
    best: str = min(matches, key=lambda match: (match[1], -known[match[0]], match[0]))[0]
    return best
