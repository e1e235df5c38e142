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
from typing import Any, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from palate.contract import Reading
from palate.statements import Statements
from search.vocabulary import NUMERAL_FORMS, WORD_FORMS
from sql.syntax import split_words
from sql.text import fold

_statements = Statements(Path(__file__).parent / "statements" / "words.sql")

_KEPT_SECONDS = 300.0
_MOST_TRIED = 12
"""Readings of one text that are held against the catalog."""

_LEAST_MISTAKEN = 4
_LONG = 10
"""A word, or a title, of so many letters may have a mistake, and from LONG on two."""

_LEAST_ACRONYM = 4
_MISTAKE = 3
"""The cost of one mistake, above all that makes it unlikely."""

_ARTICLES = ("the", "a", "an")

_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ′")
_YEAR = re.compile(r"(?<=\S)[\s,._]+(?:from\s+)?[(\[]?((?:18|19|20)\d\d)[)\]]?\s*$")
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

    def lacks(self, text: str) -> bool:
        """Whether a word of a text is in no title and no name as it is typed."""
        return any(word not in self.words for word in typed_words(_YEAR.sub("", text)))


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
                    _by_joined(connection.execute(_statements["names"])),
                )
        return self._catalog


def _by_joined(rows: Iterable[Row[Any]]) -> dict[str, list[Title]]:
    titles: dict[str, list[Title]] = {}
    for row in rows:
        titles.setdefault(row.joined, []).append(Title(row.key, row.written, row.ratings))
    return titles


def typed_words(text: str) -> list[str]:
    """The words of a text as titles are compared: the twin of SQL's title_words()."""
    plain = _AND.sub(" and ", fold(text.translate(_APOSTROPHES)))
    return [word.lower() for word in split_words(plain)]


Finds = Callable[[str], bool]


def readings(
    text: str,
    catalog: Catalog,
    knows: Finds,
    finds: Finds,
    *,
    mistakes: bool = True,
    title: bool = False,
) -> Iterator[Reading]:
    """The readings of a text that find films, the closest first; a year behind it stays.

    ``knows`` says whether the catalog has a word, wherever; ``finds`` whether a text finds films
    under the filters of the search. Without ``mistakes`` only as other ways to write the same; with
    ``title`` only as a whole title mistyped once.
    """
    year = _YEAR.search(text)
    words = typed_words(_YEAR.sub("", text))
    more = {word: 1 for word in words if word not in catalog.words and knows(word)}
    catalog = Catalog(ChainMap(more, catalog.words), catalog.titles)  # type: ignore[arg-type]
    tried = {" ".join(words)}
    if title:
        for reading in _mistaken_title(words, catalog, most=1):
            if finds(reading.text):
                yield Reading(
                    kind=reading.kind, text=reading.text + (f" {year[1]}" if year else "")
                )
        return
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
    same = [
        *_split(words, catalog), *_joined(words, catalog), *_written_otherwise(words, catalog)
    ]  # fmt: skip
    yield from sorted(same, key=lambda r: r.text.replace(" ", "") not in catalog.titles)
    if mistakes:
        yield from _begun_title(words, catalog)
        yield from _mistaken_title(words, catalog)
        yield from _acronym(words, catalog)
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
    article = next((a for a in _ARTICLES if word.startswith(a)), "")
    behind = word.removeprefix(article)
    for joined, titles in catalog.titles.items():
        if (word in joined or joined.startswith(behind)) and titles[0].ratings > ratings:
            for title in titles:
                run = _run(word, title.key.split()) or _run(word, [article, *title.key.split()])
                if run and title.ratings > ratings:
                    best, ratings = run, title.ratings
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


def _written_otherwise(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``rocky 2 stallone`` is rocky ii stallone, ``doctor strangelove`` dr strangelove: what is a
    whole title first, then what stands in one."""
    forms = [[f for f in (w, *WORD_FORMS.get(w, ())) if f in catalog.words] or [w] for w in words]
    texts = [" ".join(chosen) for chosen in itertools.islice(itertools.product(*forms), 200)]
    together = _together(texts, catalog)
    texts.sort(key=lambda t: (t.replace(" ", "") not in catalog.titles, -together[t]))
    for text in itertools.islice(dict.fromkeys(texts), _MOST_TRIED // 2):
        changed = [
            place for place, (one, other) in enumerate(zip(words, text.split(), strict=True))
            if one != other
        ]  # fmt: skip
        numerals = all(text.split()[i] in NUMERAL_FORMS.get(words[i], ()) for i in changed)
        if numerals and all(_stands_so(text.split(), i, catalog) for i in changed):
            yield Reading(kind="numerals", text=text)
        elif not numerals and together[text] >= 0:
            yield Reading(kind="abbreviations", text=text)


def _stands_so(words: Sequence[str], place: int, catalog: Catalog) -> bool:
    """Whether a title has the word at ``place`` beside a neighbour of it."""
    pairs = [" ".join(words[i : i + 2]) for i in (place - 1, place) if 0 <= i < len(words) - 1]
    keys = (f" {title.key} " for titles in catalog.titles.values() for title in titles)
    return not pairs or any(f" {pair} " in key for key in keys for pair in pairs)


def _acronym(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``lotr`` is lord of the rings: the first letters of the words of the most rated title."""
    letters = words[0]
    if len(words) > 1 or not _LEAST_ACRONYM <= len(letters) < _LONG or letters in catalog.words:
        return
    titles = itertools.chain.from_iterable(catalog.titles.values())
    named = [t for t in titles if "".join(w[0] for w in t.key.split()).startswith(letters)]
    if named:
        best = max(named, key=lambda title: title.ratings)
        yield Reading(kind="initials", text=" ".join(best.key.split()[: len(letters)]))


def _limit(text: str) -> int:
    return 0 if len(text) < _LEAST_MISTAKEN else 1 if len(text) < _LONG else 2


def _mistaken_title(words: Sequence[str], catalog: Catalog, most: int = 2) -> Iterator[Reading]:
    """The nearest whole titles, with at ``most`` so many mistakes; of those equally near the ones
    with the article that was typed, or without one, then those of as many words, and the most rated
    first."""
    article = words[0] in _ARTICLES and len(words) > 1
    near = _nearest(
        "".join(words[1:] if article else words),
        catalog.titles,
        lambda joined: catalog.titles[joined][0].ratings,
    )
    titles = [
        (title.written, cost)
        for joined, cost in near
        if cost < _MISTAKE * (most + 1)
        for title in catalog.titles[joined]
    ]

    def farness(title: tuple[str, int]) -> tuple[int, bool, int]:
        written = title[0].split()
        return title[1], (written[0] in _ARTICLES) != article, abs(len(written) - len(words))

    for written, _ in sorted(titles, key=farness)[:3]:
        yield Reading(kind="typos", text=written)


def _nearest(
    typed: str, known: Mapping[str, object], weight: Callable[[str], int], limit: int | None = None
) -> list[tuple[str, int]]:
    """What is near enough to what was typed, and how unlikely it is meant; the likeliest first.

    Distance is Damerau-Levenshtein (optimal string alignment). Of three letters two may be swapped;
    a digit is never a mistake.
    """
    limit = limit or _limit(typed)
    if not limit:
        swapped = {typed[1:2] + typed[:1] + typed[2:], typed[:1] + typed[2:3] + typed[1:2]}
        return [(word, 1) for word in sorted(swapped - {typed}) if word in known]
    found = process.extract(typed, list(known), scorer=OSA.distance, score_cutoff=limit, limit=None)
    digits = re.findall(r"\d", typed)
    costs = {
        word: _MISTAKE * int(distance) + _surprise(typed, word)
        for word, distance, _ in found
        if re.findall(r"\d", word) == digits
    }
    return sorted(costs.items(), key=lambda near: (near[1], -weight(near[0]), near[0]))


def _surprise(typed: str, meant: str) -> int:
    """How much less likely a mistake is than others of its distance: 0 to 2.

    Letters left out, doubled or swapped are one way each to go wrong at their place; a wrong letter
    and one too many are one of 25. The first letter is seldom wrong.
    """
    slip = (
        len(typed) < len(meant)
        or sorted(typed) == sorted(meant)
        or _single(typed) == _single(meant)
    )
    return (not slip) + (typed[:1] != meant[:1])


def _single(word: str) -> str:
    """A word with each doubled letter once."""
    return "".join(letter for letter, _ in itertools.groupby(word))


def _mistaken_words(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """Each word that no film has by the nearest that some have; a word that films have is none.

    Words that stand in one title come first; only such may have several mistakes.
    """
    several = len(words) > 1
    near = [
        [(word, 0)]
        if word in catalog.words
        else _nearest(
            word,
            catalog.words,
            lambda other: catalog.words[other],
            2 if several and len(word) >= _LONG - 2 else None,
        )[:8]
        or [(word, 0)]
        for word in words
    ]
    variants = itertools.islice(itertools.product(*near), 200)
    texts = {" ".join(w for w, _ in variant): sum(d for _, d in variant) for variant in variants}
    together = _together(texts, catalog)
    for text in sorted(texts, key=lambda text: (-together[text], texts[text])):
        if together[text] >= 0 or texts[text] < 2 * _MISTAKE or not several:
            yield Reading(kind="typos", text=text)


def _together(texts: Iterable[str], catalog: Catalog) -> dict[str, int]:
    """How often films were rated whose title has all the words of each text; -1: there is none."""
    wanted = {text: set(text.split()) for text in texts}
    found = dict.fromkeys(wanted, -1)
    if not wanted:
        return found
    for key, _, rated in itertools.chain.from_iterable(catalog.titles.values()):
        words = set(key.split())
        for text, needed in wanted.items():
            if needed <= words and rated > found[text]:
                found[text] = rated
    return found


def _begun_title(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """What titles begin with, letter by letter, is no mistake: ``the sandp`` is The Sandpiper."""
    joined = "".join(words[words[0] in _ARTICLES and len(words) > 1 :])
    if len(joined) < _LEAST_MISTAKEN:
        return
    behind = [title[len(joined) :] for title in catalog.titles if title.startswith(joined)]
    if behind and not any(len(letters) == 1 for letters in behind):
        yield Reading(kind="beginning", text=" ".join(words) + "*")


def _begun(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    last = words[-1]
    if last not in catalog.words and any(word.startswith(last) for word in catalog.words):
        yield Reading(kind="beginning", text=" ".join(words) + "*")
