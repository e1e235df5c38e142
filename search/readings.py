"""Other readings of a text that finds nothing, or almost nothing, as it was typed.

The closest are tried first: words joined or split, initials, numbers written otherwise, typing
mistakes, a last word that is only begun. All are made of the catalog's own words and titles.
"""

import itertools
import re
import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from palate.contract import Reading
from palate.statements import Statements
from sql.syntax import split_words
from sql.text import fold

_statements = Statements(Path(__file__).parent / "statements" / "words.sql")

_KEPT_SECONDS = 300.0
_MOST_TRIED = 12
"""Readings of one text that are held against the catalog."""

_LEAST_MISTAKEN = 4
_LONG = 10
_ARTICLES = ("the", "a", "an")
"""A word, or a title, of so many letters may have a mistake, and from LONG on two."""

_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ′")
_YEAR = re.compile(r"(?<=\S)\s+\(?((?:18|19|20)\d\d)\)?\s*$")
_NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip
_ROMAN = (
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv",
    "xvi", "xvii", "xviii", "xix", "xx",
)  # fmt: skip
_WRITTEN: dict[str, tuple[str, ...]] = {
    form: forms
    for forms in zip(map(str, range(1, 21)), _NUMBERS, _ROMAN, strict=True)
    for form in forms
}


class Title(NamedTuple):
    """A title: its words without article, as it is written, and how often it was rated."""

    key: str
    written: str
    ratings: int


@dataclass(frozen=True)
class Catalog:
    """What readings are made of.

    ``words`` of titles and people and how many films have each; ``titles`` by their words without
    article and spaces.
    """

    words: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, Title] = field(default_factory=dict)


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
                self._catalog = Catalog(
                    {row.word: row.films for row in connection.execute(_statements["vocabulary"])},
                    {
                        row.joined: Title(row.key, row.written, row.ratings)
                        for row in connection.execute(_statements["names"])
                    },
                )
        return self._catalog


def typed_words(text: str) -> list[str]:
    """The words of a text as titles are compared: the twin of SQL's title_words()."""
    plain = fold(text.translate(_APOSTROPHES)).replace("&", " and ")
    return [word.lower() for word in split_words(plain)]


Finds = Callable[[str], bool]


def readings(
    text: str, catalog: Catalog, knows: Finds, finds: Finds, *, mistakes: bool = True
) -> Iterator[Reading]:
    """The readings of a text that find films, the closest first; a year behind it stays.

    ``knows`` says whether the catalog has a word, wherever; ``finds`` whether a text finds films
    under the filters of the search. Without ``mistakes`` only as other ways to write the same.
    """
    year = _YEAR.search(text)
    words = typed_words(_YEAR.sub("", text))
    more = {word: 1 for word in words if word not in catalog.words and knows(word)}
    catalog = Catalog(ChainMap(more, catalog.words), catalog.titles)  # type: ignore[arg-type]
    tried = {" ".join(words)}
    if year and mistakes:  # which may belong to the title
        for reading in _mistaken_title(typed_words(text), catalog):
            if finds(reading.text):
                yield reading
    for reading in _made(words, catalog, mistakes):
        if reading.text not in tried and len(tried) <= _MOST_TRIED:
            tried.add(reading.text)
            if finds(reading.text):
                behind = f" {year[1]}" if year else ""
                yield Reading(kind=reading.kind, text=reading.text + behind)


def correct(
    text: str, words: Sequence[str], catalog: Catalog, knows: Finds, finds: Finds
) -> str | None:
    """``text`` with each of ``words`` that the catalog has nowhere replaced by the nearest one;
    None where there is none or it ``finds`` nothing."""
    better = text
    for word in words:
        plain = fold(word).lower()
        if plain in catalog.words or knows(word):
            continue
        for near, _ in _nearest(plain, catalog.words, lambda other: catalog.words[other])[:1]:
            better = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near, better)
    return better if better != text and finds(better) else None


def _made(words: Sequence[str], catalog: Catalog, mistakes: bool) -> Iterator[Reading]:
    if not words or not catalog.words:
        return
    yield from _split(words, catalog)
    yield from _joined(words, catalog)
    yield from _numbers(words, catalog)
    if mistakes:
        yield from _mistaken_title(words, catalog)
        yield from _mistaken_words(words, catalog)
        yield from _begun(words, catalog)


def _split(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``starwars`` is star wars, ``swat`` S.W.A.T.: words that stand so in a title."""
    parts = [[word] if word in catalog.words else _parts(word, catalog) for word in words]
    if any(len(part) > 1 for part in parts):
        initials = all(len(w) == 1 for part in parts if len(part) > 1 for w in part)
        text = " ".join(itertools.chain.from_iterable(parts))
        yield Reading(kind="initials" if initials else "split", text=text)


def _parts(word: str, catalog: Catalog) -> list[str]:
    """The words of a title that make this one, those of the most rated title; or the word."""
    best, ratings = [word], -1
    for joined, (key, _, rated) in catalog.titles.items():
        if word in joined and rated > ratings and (run := _run(word, key.split())):
            best, ratings = run, rated
    return best


def _run(word: str, title: Sequence[str]) -> list[str] | None:
    for start in range(len(title)):
        made = ""
        for end in range(start, len(title)):
            made += title[end]
            if made == word:
                return list(title[start : end + 1])
            if not word.startswith(made):
                break
    return None


def _joined(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``spider woman`` is Spiderwoman: neighbours that are one word of the catalog."""
    for i in range(len(words) - 1):
        if words[i] + words[i + 1] in catalog.words:
            yield Reading(
                kind="joined", text=" ".join([*words[:i], words[i] + words[i + 1], *words[i + 2 :]])
            )


def _numbers(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``rocky 2 stallone`` is rocky ii stallone."""
    forms = [[f for f in _WRITTEN.get(w, ()) if f in catalog.words] or [w] for w in words]
    for chosen in itertools.islice(itertools.product(*forms), _MOST_TRIED):
        yield Reading(kind="numerals", text=" ".join(chosen))


def _limit(text: str) -> int:
    return 0 if len(text) < _LEAST_MISTAKEN else 1 if len(text) < _LONG else 2


def _mistaken_title(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """The nearest whole titles; of those equally near the ones with the article that was typed, or
    without one, and the most rated first."""
    article = words[0] in _ARTICLES and len(words) > 1
    near = _nearest(
        "".join(words[1:] if article else words),
        catalog.titles,
        lambda joined: catalog.titles[joined].ratings,
    )
    titles = [(catalog.titles[joined].written, distance) for joined, distance in near]
    titles.sort(key=lambda each: (each[1], (each[0].split()[0] in _ARTICLES) != article))
    for written, _ in titles[:3]:
        yield Reading(kind="typos", text=written)


def _nearest(
    typed: str, known: Mapping[str, object], weight: Callable[[str], int]
) -> list[tuple[str, int]]:
    """What is near enough to what was typed, and by how many mistakes; the nearest first.

    Distance is Damerau-Levenshtein (optimal string alignment). Of three letters two may be swapped.
    """
    limit = _limit(typed)
    if not limit:
        swapped = {typed[1:2] + typed[:1] + typed[2:], typed[:1] + typed[2:3] + typed[1:2]}
        return [(word, 1) for word in sorted(swapped - {typed}) if word in known]
    found = process.extract(typed, list(known), scorer=OSA.distance, score_cutoff=limit, limit=None)
    ranked = sorted(found, key=lambda match: (match[1], -weight(match[0]), match[0]))
    return [(word, int(distance)) for word, distance, _ in ranked]


def _mistaken_words(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """Each word that no film has by the nearest that some have; a word that films have is none.

    Words that stand in one title come first.
    """
    near = [
        [(word, 0)]
        if word in catalog.words
        else _nearest(word, catalog.words, lambda other: catalog.words[other])[:8] or [(word, 0)]
        for word in words
    ]
    variants = itertools.islice(itertools.product(*near), 200)
    texts = {" ".join(w for w, _ in variant): sum(d for _, d in variant) for variant in variants}
    together = _together(texts, catalog)
    for text in sorted(texts, key=lambda text: (-together[text], texts[text])):
        yield Reading(kind="typos", text=text)


def _together(texts: Iterable[str], catalog: Catalog) -> dict[str, int]:
    """How often films were rated whose title has all the words of each text; -1: there is none."""
    wanted = {text: set(text.split()) for text in texts}
    found = dict.fromkeys(wanted, -1)
    if not wanted:
        return found
    for key, _, rated in catalog.titles.values():
        words = set(key.split())
        for text, needed in wanted.items():
            if needed <= words and rated > found[text]:
                found[text] = rated
    return found


def _begun(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    last = words[-1]
    if last not in catalog.words and any(word.startswith(last) for word in catalog.words):
        yield Reading(kind="beginning", text=" ".join(words) + "*")
