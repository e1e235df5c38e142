"""What was meant where letters are mistyped: other keys, swapped, missing, doubled or wrong."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from palate.contract import Reading
from search.titles import ARTICLES, LONG, Catalog, Title, typed_words

_LEAST_MISTAKEN = 4
"""A word, or a title, of so many letters may have a mistake, and from LONG on two."""

_LEAST_BEGUN = 8
_MISTAKE = 3
"""The cost of one mistake, above all that makes it unlikely."""


def _limit(text: str) -> int:
    return 0 if len(text) < _LEAST_MISTAKEN else 1 if len(text) < LONG else 2


def mistaken_title(words: Sequence[str], catalog: Catalog, most: int = 2) -> Iterator[Reading]:
    """The nearest whole titles, with at ``most`` so many mistakes; of those equally near the ones
    with the article that was typed, or without one, then those of as many words, and the most rated
    first."""
    for title, _ in _near_titles(words, catalog, most)[:3]:
        yield Reading(kind="typos", text=title.written)


def mistaken_titles(words: Sequence[str], catalog: Catalog, most: int = 2) -> list[Title]:
    """Of those titles all that are as near as the nearest but for the number of words, one of each
    name."""
    names: dict[str, Title] = {}
    near = _near_titles(words, catalog, most)
    for title, farness in near:
        if farness == near[0][1]:
            names.setdefault(title.key.replace(" ", ""), title)
    return list(names.values())


def _near_titles(
    words: Sequence[str], catalog: Catalog, most: int
) -> list[tuple[Title, tuple[int, bool]]]:
    """Titles, each with what its mistakes cost and whether only one of both has an article."""
    article = words[0] in ARTICLES and len(words) > 1
    near = nearest(
        "".join(words[1:] if article else words),
        catalog.titles,
        lambda joined: catalog.titles[joined][0].ratings,
    )
    titles = [
        (title, (cost, (title.written.split()[0] in ARTICLES) != article))
        for joined, cost in near
        if cost < _MISTAKE * (most + 1)
        for title in catalog.titles[joined]
    ]
    return sorted(titles, key=lambda t: (*t[1], abs(len(t[0].written.split()) - len(words))))


def mistaken_with_more(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``forest gump comedy``: a whole title mistyped once, before words that are none of it."""
    for end in range(len(words) - 1, max(0, len(words) - 4), -1):
        if len("".join(words[:end])) >= _LEAST_BEGUN:
            for title in mistaken_titles(words[:end], catalog, most=1)[:1]:
                if typed_words(title.written) != words[:end]:
                    yield Reading(kind="typos", text=" ".join([title.written, *words[end:]]))


def mistaken_beginning(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """``the retrun of the ki`` is how The Return of the King begins: the first letters of a longer
    title, mistyped once, with the rest of its last word."""
    bare = words[words[0] in ARTICLES :]
    typed = "".join(bare)
    if len(bare) < 2 or len(typed) < _LEAST_BEGUN:
        return
    begun: dict[str, Title] = {}
    for joined, titles in catalog.titles.items():  # the most rated first
        for end in range(len(typed) - 1, min(len(typed) + 2, len(joined))):
            begun.setdefault(joined[:end], titles[0])
    for letters, cost in nearest(typed, begun, lambda letters: begun[letters].ratings)[:3]:
        if cost < 2 * _MISTAKE:
            key = begun[letters].key.split()
            ends = itertools.accumulate(map(len, key))
            last = next(i for i, end in enumerate(ends, 1) if end >= len(letters))
            yield Reading(kind="typos", text=" ".join(key[:last]))


_LATIN = ("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_CYRILLIC = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю.")
_KEYS = (
    str.maketrans("".join(_CYRILLIC), "".join(_LATIN)),
    str.maketrans("".join(_LATIN), "".join(_CYRILLIC)),
    str.maketrans("yz", "zy"),
    str.maketrans("aqzwm;", "qawz;m"),
    {ord(b): a for row in _LATIN for a, b in itertools.pairwise(row)},
    {ord(a): b for row in _LATIN for a, b in itertools.pairwise(row)},
)
"""What other keys would have typed: of a Cyrillic, a Latin, a German or a French keyboard, or those
to the left or to the right, where a hand stood beside its own."""

_AS_LETTERS = (str.maketrans("0134578@$", "oleastbas"), str.maketrans("0134578@$", "oieastbas"))


def retyped(text: str, catalog: Catalog) -> Iterator[Reading]:
    """``ьфекшч`` is matrix on another keyboard, ``h0use`` house: whole titles only."""
    signs = re.search(r"[a-z]\d|\d[a-z]|[@$]\w", text.lower())
    for letters in (*(_AS_LETTERS if signs else ()), *_KEYS):
        meant = typed_words(text.lower().translate(letters))
        joined = "".join(meant[bool(meant) and meant[0] in ARTICLES and len(meant) > 1 :])
        if len("".join(meant)) >= _LEAST_MISTAKEN and joined in catalog.titles:
            yield Reading(kind="typos", text=" ".join(meant))


def nearest(
    typed: str, known: Mapping[str, object], weight: Callable[[str], int]
) -> list[tuple[str, int]]:
    """What is near enough to what was typed, and how unlikely it is meant; the likeliest first.

    Distance is Damerau-Levenshtein (optimal string alignment). Of three letters two may be swapped;
    a digit is never a mistake.
    """
    if not (limit := _limit(typed)):
        if len(typed) < 3:
            return []
        swapped = {typed[1:2] + typed[:1] + typed[2:], typed[:1] + typed[2:3] + typed[1:2]}
        return [(word, 1) for word in sorted(swapped - {typed}) if word in known]
    found = process.extract(typed, list(known), scorer=OSA.distance, score_cutoff=2, limit=None)
    digits, single = re.findall(r"\d", typed), _single(typed)

    def mistakes(word: str, distance: int) -> int:
        # A letter doubled that is not instead of one that is, mooneybal, is one mistake.
        return 1 if len(word) == len(typed) and _single(word) == single else distance

    costs = {
        word: _MISTAKE * mistakes(word, int(distance)) + _surprise(typed, word)
        for word, distance, _ in found
        if mistakes(word, int(distance)) <= limit and re.findall(r"\d", word) == digits
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


def mistaken_words(words: Sequence[str], catalog: Catalog) -> Iterator[Reading]:
    """Each word that no film has by the nearest that some have; a word that films have is none.

    Words that stand in one title come first; only such may have several mistakes.
    """
    several = len(words) > 1
    near = [
        [(word, 0)]
        if word in catalog.words
        else nearest(word, catalog.words, lambda other: catalog.words[other])[:8] or [(word, 0)]
        for word in words
    ]
    variants = itertools.islice(itertools.product(*near), 200)
    texts = {" ".join(w for w, _ in variant): sum(d for _, d in variant) for variant in variants}
    together = catalog.together(texts)
    for text in sorted(texts, key=lambda text: (-together[text], texts[text])):
        if together[text] >= 0 or texts[text] < 2 * _MISTAKE or not several:
            yield Reading(kind="typos", text=text)
