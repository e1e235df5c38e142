"""Other readings of a text that finds nothing, or almost nothing, as it was typed.

The closest are tried first: words joined or split, initials, numbers written otherwise, typing
mistakes, a last word that is only begun. All are made of the catalog's own words and titles.
"""

import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence

from palate.contract import Reading, ReadingKind
from search.mistakes import (
    mistaken_beginning,
    mistaken_title,
    mistaken_titles,
    mistaken_with_more,
    mistaken_words,
    nearest,
    retyped,
)
from search.titles import ARTICLES, PARTS, YEAR, Catalog, Title, typed_words
from search.vocabulary import NUMERAL_FORMS, WORD_FORMS
from sql.syntax import STOP_WORDS
from sql.text import fold

_MOST_TRIED = 16
"""Readings of one text that are held against the catalog."""

_LEAST_ACRONYM = 3
_LEAST_BEGUN = 4
_MOST_ACRONYM = 12
_MOST_CHOICES = 3
"""Titles that one reading offers."""

_BEFORE_NUMBERS = ("part", "vol", "volume", "chapter", "episode")
_TRIPLED = re.compile(r"(.)\1{2,}")

Finds = Callable[[str], bool]


def readings(
    text: str,
    catalog: Catalog,
    knows: Finds,
    finds: Finds,
    *,
    alike: Callable[[str], Sequence[str]] = lambda _: (),
    mistakes: bool = True,
    title: bool = False,
) -> Iterator[Reading]:
    """The readings of a text that find films, the closest first; a year behind it stays.

    ``knows`` says whether the catalog has a word, wherever; ``finds`` whether a text finds films
    under the filters of the search, ``alike`` which titles sound like a text, as the catalog's are
    joined. Without ``mistakes`` only as other ways to write the same; with
    ``title`` only as a whole title mistyped once.
    """
    year = YEAR.search(text)
    words = typed_words(YEAR.sub("", text))
    more = {word: 1 for word in words if word not in catalog.words and knows(word)}
    catalog = Catalog(ChainMap(more, catalog.words), catalog.titles)  # type: ignore[arg-type]
    tried = {" ".join(words)}
    if year and mistakes and not title:  # which may belong to the title
        for reading in mistaken_title(typed_words(text), catalog):
            if finds(reading.text):
                yield reading
    sounding = [catalog.titles[key][0] for key in alike(" ".join(words)) if key in catalog.titles]
    made = (
        _meant(words, catalog, sounding, begun=False)
        if title
        else _made(text, words, catalog, sounding, mistakes)
    )
    for reading in made:
        if year and " OR " in reading.text:
            continue  # the year decides
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


def _made(
    text: str, words: Sequence[str], catalog: Catalog, alike: Sequence[Title], mistakes: bool
) -> Iterator[Reading]:
    if not words or not catalog.words:
        return
    same = [
        *_split(words, catalog), *_joined(words, catalog), *_written_otherwise(words, catalog)
    ]  # fmt: skip
    yield from (reading for reading in same if _whole(reading, catalog))
    if mistakes:
        yield from retyped(text, catalog)
        yield from _meant(words, catalog, alike)
    yield from (reading for reading in same if not _whole(reading, catalog))
    if mistakes:
        yield from mistaken_title(words, catalog)
        yield from mistaken_title([_TRIPLED.sub(r"\1\1", word) for word in words], catalog)
        yield from mistaken_with_more(words, catalog)
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
    for text in itertools.islice(dict.fromkeys(texts), _MOST_TRIED // 3):
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


def _acronyms(words: Sequence[str], catalog: Catalog) -> list[tuple[int, Title]]:
    """Titles of whose words letters are the first ones, and how well, as `_initials_fit` says, the
    likeliest first. ``lotr`` is lord of the rings, ``bttf 2`` back to the future part ii, ``hp
    azkaban`` harry potter and the prisoner of azkaban."""
    unknown = [word for word in words if word not in catalog.words]
    numbered = len(words) == 2 and words[1].isdecimal()
    if not numbered and len(unknown) != 1:
        return []
    letters = "".join(words) if numbered else unknown[0]
    others = set() if numbered else {*words} - {letters}
    if not _LEAST_ACRONYM - bool(others) <= len(letters) <= _MOST_ACRONYM:
        return []
    fits = [
        (fit * (title.ratings + 1), fit, title)
        for title in itertools.chain.from_iterable(catalog.titles.values())
        if (not others or others <= set(title.key.split()))
        and (fit := _initials_fit(letters, title))
    ]
    likeliest = sorted(fits, key=lambda found: -found[0])[:_MOST_CHOICES]
    least = 1 if others or letters[-1].isdecimal() or len(letters) > _LEAST_ACRONYM else 2
    return [(f, t) for odds, f, t in likeliest if f >= least and 10 * odds >= likeliest[0][0]]


def _initials_fit(letters: str, title: Title) -> int:
    """How well letters are the first ones of a title's words: 3 of all, 2 of those that are not
    small or of its last part, 1 of the first words, 0 not at all."""
    fit = _first_ones(letters, title.key, title.written[0])
    if fit < 2 and (": " in title.written or " - " in title.written):
        part = PARTS.split(title.written)[-1]
        behind = part.removeprefix("the ")
        if behind and behind[0] in letters[:2]:
            fit = max(fit, 2 * (_first_ones(letters, " ".join(typed_words(behind)), part[0]) > 1))
    return fit


def _first_ones(letters: str, key: str, article: str) -> int:
    """Numbers are digits or letters; ``and`` and what says that a number follows may be left
    out."""
    if not key or key[0] not in letters[:2] or key.count(" ") < max(1, len(letters) - 4):
        return 0
    words = key.split()
    digits = ["".join(n for n in NUMERAL_FORMS.get(w, ()) if n.isdecimal()) for w in words]
    begun = 0
    for left_out in ((), ("and",), _BEFORE_NUMBERS, STOP_WORDS):
        for numbers in (digits, [""] * len(words)):
            made = "".join(
                number if number and word != "i" else word[0]
                for word, number in zip(words, numbers, strict=True)
                if word not in left_out
            )
            if letters in (made, article + made):
                return 2 if left_out is STOP_WORDS else 3
            begun |= made.startswith(letters) or (article + made).startswith(letters)
    return begun


def _meant(
    words: Sequence[str], catalog: Catalog, alike: Sequence[Title], *, begun: bool = True
) -> Iterator[Reading]:
    """Whole titles that may be meant: mistyped once, spelt as they sound, only begun (``the sandp``
    is The Sandpiper), or said by their initials. Several are one reading, the most rated first,
    but those that only sound so behind those mistyped."""
    if not words:
        return
    mistyped = mistaken_titles(words, catalog, most=1)
    longer = _begun_titles(words, catalog) if begun else []
    if len(longer) > _MOST_CHOICES:
        yield Reading(kind="beginning", text=" ".join(words) + "*")
        return
    initials = _acronyms(words, catalog)
    kinds: dict[Title, ReadingKind] = dict.fromkeys([*alike, *mistyped], "typos")
    kinds |= dict.fromkeys(longer, "beginning")
    if initials and (initials[0][0] > 1 or len(words) > 1):  # with more, a beginning is enough
        kinds |= {title: "initials" for fit, title in initials if fit > 1 or len(words) > 1}
    heard = set(alike).difference(mistyped) if mistyped else set()
    chosen = sorted(kinds, key=lambda title: (title in heard, -title.ratings))[:_MOST_CHOICES]
    if len(chosen) > 1:
        texts = [" ".join(typed_words(title.written)) or title.written for title in chosen]
        texts = [f"({text})" if " " in text else text for text in texts]
        yield Reading(kind=kinds[chosen[0]], text=" OR ".join(texts))
    for title in chosen:
        yield Reading(kind=kinds[title], text=title.written)
    if begun and initials and initials[0][1] not in kinds:
        key = initials[0][1].key
        first = len(words[0]) - (words[0][0] != key[0])  # without the article's
        yield Reading(kind="initials", text=" ".join(key.split()[:first]))


def _begun_titles(words: Sequence[str], catalog: Catalog) -> list[Title]:
    """The titles that begin with what was typed, unless a letter alone is missing: one a name."""
    joined = "".join(words[words[0] in ARTICLES and len(words) > 1 :])
    if len(joined) < _LEAST_BEGUN:
        return []
    begun = [titles[0] for title, titles in catalog.titles.items() if title.startswith(joined)]
    nearly = any(len(title.key.replace(" ", "")) == len(joined) + 1 for title in begun)
    return [] if nearly else begun


def _whole(reading: Reading, catalog: Catalog) -> bool:
    return reading.text.replace(" ", "") in catalog.titles


def _begun(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    last = words[-1]
    if last not in catalog.words and any(word.startswith(last) for word in catalog.words):
        yield Reading(kind="beginning", text=" ".join(words) + "*")
