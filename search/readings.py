"""Other readings of a text that finds nothing, or almost nothing, as it was typed.

The closest are tried first: words joined or split, initials, numbers written otherwise, typing
mistakes, a last word that is only begun. All are made of the catalog's own words and titles.
"""

import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence

from palate.contract import Reading
from search.mistakes import (
    mistaken_beginning,
    mistaken_title,
    mistaken_words,
    nearest,
    retyped,
)
from search.titles import ARTICLES, YEAR, Catalog, Title, typed_words
from search.vocabulary import NUMERAL_FORMS, WORD_FORMS
from sql.syntax import STOP_WORDS
from sql.text import fold

_MOST_TRIED = 12
"""Readings of one text that are held against the catalog."""

_LEAST_ACRONYM = 4
_LEAST_BEGUN = 4
_MOST_ACRONYM = 10
_TRIPLED = re.compile(r"(.)\1{2,}")

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
    year = YEAR.search(text)
    words = typed_words(YEAR.sub("", text))
    more = {word: 1 for word in words if word not in catalog.words and knows(word)}
    catalog = Catalog(ChainMap(more, catalog.words), catalog.titles)  # type: ignore[arg-type]
    tried = {" ".join(words)}
    if title:
        for reading in mistaken_title(words, catalog, most=1):
            if finds(reading.text):
                yield Reading(
                    kind=reading.kind, text=reading.text + (f" {year[1]}" if year else "")
                )
        return
    if year and mistakes:  # which may belong to the title
        for reading in mistaken_title(typed_words(text), catalog):
            if finds(reading.text):
                yield reading
    for reading in _made(text, words, catalog, mistakes):
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
        for near, _ in nearest(plain, catalog.words, lambda other: catalog.words[other])[:1]:
            better = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near, better)
    return better if better != text and finds(better) else None


def _made(text: str, words: Sequence[str], catalog: Catalog, mistakes: bool) -> Iterator[Reading]:
    if not words or not catalog.words:
        return
    same = [
        *_split(words, catalog), *_joined(words, catalog), *_written_otherwise(words, catalog)
    ]  # fmt: skip
    yield from sorted(same, key=lambda r: r.text.replace(" ", "") not in catalog.titles)
    if mistakes:
        yield from retyped(text, words, catalog)
        yield from _begun_title(words, catalog)
        yield from mistaken_title(words, catalog)
        yield from mistaken_title([_TRIPLED.sub(r"\1\1", word) for word in words], catalog)
        yield from _acronym(words, catalog)
        yield from mistaken_beginning(words, catalog)
        yield from mistaken_words(words, catalog)
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
    article = next((a for a in ARTICLES if word.startswith(a)), "")
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
    """``spider woman`` is Spiderwoman: neighbours that are one word of the catalog; ``th ematrix``
    is The Matrix, the space being one letter off."""
    whole = "".join(words)
    for article in ARTICLES:
        behind = whole.removeprefix(article)
        if len(words) > 1 and behind != whole and behind in catalog.titles:
            yield Reading(kind="split", text=f"{article} {catalog.titles[behind][0].key}")
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
    together = catalog.together(texts)
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
    """``lotr`` is lord of the rings, ``bttf 2`` back to the future part ii: the first letters of a
    title's words, of all, of those that are not small or of the first ones; the most rated."""
    letters = "".join(words)
    if len(words) > 1 and not (len(words) == 2 and words[1].isdecimal()):
        return
    if not _LEAST_ACRONYM <= len(letters) < _MOST_ACRONYM or words[0] in catalog.words:
        return
    best: tuple[int, int, str] | None = None
    for title in itertools.chain.from_iterable(catalog.titles.values()):
        if fit := _initials_fit(letters, title):
            found = fit, title.ratings, title.key
            best = max(best, found) if best else found
    if best:
        begun = best[2].split()[: len(letters)] if best[0] == 1 else [best[2]]
        yield Reading(kind="initials", text=" ".join(begun))


def _initials_fit(letters: str, title: Title) -> int:
    """How well letters are the first ones of a title's words: 3 of all, 2 of those that are not
    small, 1 of the first words, 0 not at all."""
    words = title.key.split()
    if len(words) < _LEAST_ACRONYM - 1 or words[0][0] not in letters[:2]:
        return 0
    short = ["".join(n for n in NUMERAL_FORMS.get(w, ()) if n.isdecimal()) for w in words]
    initials = [n if n and w != "i" else w[0] for w, n in zip(words, short, strict=True)]
    if short[-1] and words[-2] in ("part", "vol", "volume", "chapter"):
        del initials[-2]
    made = "".join(initials)
    if letters in (made, title.written[0] + made):
        return 3
    if letters == "".join(i for i, w in zip(initials, words, strict=False) if w not in STOP_WORDS):
        return 2
    return int(made.startswith(letters))


def _begun_title(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """What titles begin with, letter by letter, is no mistake: ``the sandp`` is The Sandpiper."""
    joined = "".join(words[words[0] in ARTICLES and len(words) > 1 :])
    if len(joined) < _LEAST_BEGUN:
        return
    behind = [title[len(joined) :] for title in catalog.titles if title.startswith(joined)]
    if behind and not any(len(letters) == 1 for letters in behind):
        yield Reading(kind="beginning", text=" ".join(words) + "*")


def _begun(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    last = words[-1]
    if last not in catalog.words and any(word.startswith(last) for word in catalog.words):
        yield Reading(kind="beginning", text=" ".join(words) + "*")
