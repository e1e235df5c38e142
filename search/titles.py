"""The catalog's words and titles, as readings of a text are made of them."""

import itertools
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from palate.statements import Statements
from sql.syntax import split_words
from sql.text import fold

_statements = Statements.beside(__file__, "words")

_KEPT_SECONDS = 300.0
ARTICLES = ("the", "a", "an")
LONG = 8
"""A word, or a title, of so many letters may have two mistakes."""

_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ′")
YEAR = re.compile(r"(?<=\S)[\s,._]+(?:from\s+)?[(\[]?((?:18|19|20)\d\d)(?: film(?=\)))?[)\]]?\s*$")
PARTS = re.compile(r":\s+|\s+-\s+")
"""What stands between a title and its subtitle."""
_AND = re.compile(r"&|(?<=\s)\+(?=\s)")


class Title(NamedTuple):
    """A title: its words without article, as it is written, and how often it was rated."""

    key: str
    written: str
    ratings: int


@dataclass(frozen=True)
class Catalog:
    """What readings are made of.

    ``words`` of titles and people and how many films have each; ``titles`` by their words without
    article and spaces, the most rated first.
    """

    words: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, Sequence[Title]] = field(default_factory=dict)

    def may_be_mistyped(self, text: str) -> bool:
        """Whether a word of a text is in no title and no name as it is typed, or its words make a
        long title: ``beauty and the best``."""
        words = typed_words(YEAR.sub("", text))
        return any(word not in self.words for word in words) or (
            len(words) > 1 and len("".join(words)) >= LONG
        )

    def together(self, texts: Iterable[str]) -> dict[str, int]:
        """How often films were rated whose title has all the words of each text; -1: there is
        none."""
        needed_by = {text: set(text.split()) for text in texts}
        found = dict.fromkeys(needed_by, -1)
        wanted = {t: needed for t, needed in needed_by.items() if needed <= self.words.keys()}
        if not wanted:
            return found
        for key, _, rated in itertools.chain.from_iterable(self.titles.values()):
            words = set(key.split())
            for text, needed in wanted.items():
                if needed <= words and rated > found[text]:
                    found[text] = rated
        return found


class Vocabulary:
    """The catalog's words and titles, read again every few minutes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._catalog = Catalog()
        self._read_at = -_KEPT_SECONDS

    def read(self, connection: Connection) -> Catalog:
        """The catalog as it was at most a few minutes ago."""
        with self._lock:
            due = time.monotonic() - self._read_at >= _KEPT_SECONDS
            if due:  # the others go on with what there is, also when reading fails
                self._read_at = time.monotonic()
        if due:
            with suppress(DBAPIError):  # too large a catalog for one statement's time
                words = connection.execute(_statements["vocabulary"])
                titles: dict[str, list[Title]] = {}
                for joined, *title in connection.execute(_statements["names"]):
                    titles.setdefault(joined, []).append(Title(*title))
                self._catalog = Catalog({row.word: row.films for row in words}, titles)
        return self._catalog


def typed_words(text: str) -> list[str]:
    """The words of a text as titles are compared: the twin of SQL's title_words()."""
    plain = _AND.sub(" and ", fold(text.translate(_APOSTROPHES)))
    return [word.lower() for word in split_words(plain)]
