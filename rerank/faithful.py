"""Whether a text says only what facts say: the filter of everything that a model words.

A text passes when every film, person, number and genre that it names is among the facts, when it is
plain English of the length asked for, and when it does not call liked what was rated low. Names
of the facts are taken out first, wherever they stand; what is left may hold no other name.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from search.names import Names, key
from search.vocabulary import NUMBERS, PLURAL_TENS, TOLD

LIKED = 3.5
"""The least rating that may be called liking."""

_NAMED = " \ufffc "  # stands where a name of the facts stood
_MARKUP = re.compile(r"[<>*`#\[\]{}|\\^~=]|\b_|_\b|https?:|www\.|://|\.(?:com|net|org|io)\b|&\w+;")
_QUOTED = re.compile(r"[\"“”„«»]")
_NUMBER = re.compile(r"(?<![\w.])[-+]?(\d[\d,]*(?:\.\d+)?)(%?)(s?)(?!\w)")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ODD = re.compile(r"\w*\d\w*[^\W\d_]\w*|\w+(?:-\w+){3,}|\w{26,}")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_DECADE = re.compile(r"\d{3}0s|\d+(?:st|nd|rd|th)")
_LONGEST_NAME = 7  # words of a text that are held against the catalog at once
_LEAST_ENGLISH = 0.2
_LEAST_WORDS = 4  # of a sentence, beside names
_MOST_DIGITS = 2  # behind the point; with three, a point may stand between thousands

_COMMON = frozenset(
    Path(__file__).with_name("common_words.txt").read_text(encoding="utf-8").split()
)
"""Words with which a sentence may begin, and of which English is known."""
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_NUMBER_WORDS: Mapping[str, float] = {
    word: float(value)
    for word, value in (
        *(each for each in (*NUMBERS.items(), *PLURAL_TENS.items()) if each[1] > 1),
        *zip(_ORDINALS.split(), range(3, 13), strict=True),
        ("twice", 2), ("thrice", 3), ("dozen", 12), ("hundred", 100), ("hundreds", 100),
        ("thousand", 1000), ("thousands", 1000), ("million", 1e6), ("millions", 1e6),
        ("billion", 1e9),
    )
}  # fmt: skip
_LIKING = re.compile(r"\b(?:liked|loved?|enjoy(?:ed|s)?|favou?rites?|adored?|fan of)\b", re.I)
_HATING = re.compile(
    r"\b(?:hate[ds]?|dislike[ds]?|loathe[ds]?"
    r"|(?:not|never|hardly|n't|didn't|don't) (?:really |much )?(?:like|love|enjoy)(?:d|ed)?)\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not(?! only| just| merely)|never|n't|didn['’]t|don['’]t|dislike[ds]?|hardly|less)\b",
    re.I,
)


@dataclass(frozen=True)
class Facts:
    """What a text may name.

    ``names`` are titles and people, ``numbers`` every figure, ``genres`` as the catalog writes
    them, ``sentences`` true ones whose words may be used. ``rated``: title -> the reader's rating.
    """

    names: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    genres: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    rated: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def figures(self) -> frozenset[float]:
        """Every number, those in names and sentences too; without their signs."""
        texts = " ".join((*self.names, *self.sentences))
        told = (_value(n) for n, _, _ in _NUMBER.findall(texts))
        decades = (float(n) for n in re.findall(r"(\d{3}0)s", texts))
        return frozenset((*map(abs, self.numbers), *self.rated.values(), *told, *decades))

    @cached_property
    def counts(self) -> frozenset[float]:
        """The whole numbers, which may be written as words: no ratings."""
        texts = " ".join((*self.names, *self.sentences))
        told = (_value(n) for n, _, _ in _NUMBER.findall(texts) if "." not in n)
        return frozenset((*map(abs, self.numbers), *told))

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the sentences and genres, names taken out."""
        plain = _without_names(" ".join(self.sentences), self._patterns)
        return frozenset(w.casefold() for w in _WORD.findall(f"{plain} {' '.join(self.genres)}"))

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The genres in lower case."""
        return frozenset(genre.casefold() for genre in self.genres)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return name_patterns(self.names)

    def without_names(self, text: str) -> str:
        """The text with a mark where a name of the facts stood."""
        return _without_names(text, self._patterns)


def name_patterns(names: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """What finds each name in a text, in any case, the longest first."""
    plain = sorted({_plain(name) for name in names if name.strip()}, key=len, reverse=True)
    return tuple(re.compile(rf"(?<!\w){re.escape(n)}(?!\w)", re.IGNORECASE) for n in plain)


def check(
    text: str,
    facts: Facts,
    *,
    shortest: int,
    longest: int,
    names: Names | None = None,
    empty: bool = False,
) -> None:
    """Raise ValueError, saying what is wrong, unless the text says only what the facts say.

    ``empty``: it need not name any of them.

    ``shortest`` and ``longest`` in characters. With the catalog's ``names`` titles and people of
    two words or more are also known where they are not capitalised.
    """
    if not shortest <= len(text) <= longest:
        raise ValueError(f"the text has {len(text)} characters, not {shortest} to {longest}")
    if any(unicodedata.category(c).startswith("C") for c in text):
        raise ValueError("the text has control characters or more than one line")
    left = facts.without_names(_plain(text))
    if not empty and _NAMED not in left and not _NUMBER.search(left):
        raise ValueError("it names nothing of the data")
    said_before = [sentence.casefold().rstrip(".!?") for sentence in _SENTENCE.split(text)]
    if len(set(said_before)) < len(said_before):
        raise ValueError("it says the same thing twice")
    for wrong in (_not_plain, _not_english, _other_numbers, _other_genres, _other_names):
        if said := wrong(left, facts):
            raise ValueError(said)
    if names is not None and (said := _in_catalog(left, facts, names)):
        raise ValueError(f"it names “{said}”, which is not in the data")
    for sentence in _SENTENCE.split(_plain(text)):
        if said := _contradicts(sentence, facts):
            raise ValueError(said)


def _plain(text: str) -> str:
    """The text in one normal form, with plain apostrophes."""
    return unicodedata.normalize("NFKC", text).replace("’", "'")


def _without_names(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    text = _plain(text)
    for pattern in patterns:
        text = pattern.sub(_NAMED, text)
    return text


def _not_plain(left: str, _facts: Facts) -> str:
    if found := _MARKUP.search(left):
        return f"it has markup or an address: {found[0]!r}"
    if _QUOTED.search(left.replace(f'"{_NAMED}"', _NAMED)):
        return "it has quotation marks"
    odd = next((w[0] for w in _ODD.finditer(left) if not _DECADE.fullmatch(w[0])), None)
    return f"{odd!r} is no plain word" if odd else ""


def _not_english(left: str, _facts: Facts) -> str:
    if any(c.isalpha() and not unicodedata.name(c, "").startswith("LATIN") for c in left):
        return "it is not English"
    words = [word.casefold() for word in _WORD.findall(left)]
    common = sum(word in _COMMON for word in words)
    if len(words) < _LEAST_WORDS or common < _LEAST_ENGLISH * len(words):
        return "it is not a plain English sentence"
    return ""


def _other_numbers(left: str, facts: Facts) -> str:
    for written, percent, decade in _NUMBER.findall(left):
        if not _known(written, facts, percent=bool(percent), decade=bool(decade)):
            return f"the number {written}{percent} is not in the data"
    for word in (part for w in _WORD.findall(left) for part in w.casefold().split("-")):
        value = _NUMBER_WORDS.get(word)
        if value is not None and value not in facts.counts and word not in facts.words:
            return f"the number “{word}” is not in the data"
    return ""


def _known(written: str, facts: Facts, *, percent: bool, decade: bool) -> bool:
    """Whether a number is one of the facts', as it is or rounded to the digits written."""
    value, digits = _value(written), len(written.partition(".")[2])
    if digits > _MOST_DIGITS:
        return False

    def means(figure: float) -> bool:
        if decade and figure // 10 * 10 == value:
            return True
        if percent and round(figure * 100, digits) == value:
            return True
        return figure == value or (digits > 0 and round(figure, digits) == value)

    return any(means(figure) for figure in facts.figures)


def _value(written: str) -> float:
    return float(written.replace(",", ""))


def _other_genres(left: str, facts: Facts) -> str:
    text = left.casefold().replace("science fiction", "science-fiction")
    for word in _WORD.findall(text):
        for each in {word, *word.split("-")}:
            genre = TOLD.get(each)
            if genre is None or each in facts.words:
                continue
            if not facts.kinds & {name.casefold() for name in genre.names}:
                return f"the genre “{each}” is not in the data"
    return ""


def _other_names(left: str, facts: Facts) -> str:
    """A capitalised word that is no plain word and not in the facts."""
    for sentence in _SENTENCE.split(left):
        for place, word in enumerate(_WORD.findall(sentence)):
            plain = word.casefold().removesuffix("'s")
            known = plain in facts.words or plain in TOLD
            if place == 0:
                known = known or plain in _COMMON or plain.split("'")[0] in _COMMON
            if word[0].isupper() and not known:
                return f"“{word}” is not in the data"
    return ""


def _in_catalog(left: str, facts: Facts, names: Names) -> str:
    """A film or person of the catalog that is named without capitals; of two words or more."""
    told = " ".join(facts.sentences).casefold()
    for part in re.split(r"[^\w\s'-]+|\ufffc", left):
        words = part.split()
        for start in range(len(words)):
            for end in range(start + 2, min(start + _LONGEST_NAME, len(words)) + 1):
                phrase = " ".join(words[start:end]).removesuffix("'s")
                plain = all(word.casefold() in _COMMON for word in words[start:end])
                if not plain and phrase.casefold() not in told and _named(phrase, names):
                    return phrase
            whose = words[start].casefold().removesuffix("'s")
            owned = words[start].endswith("'s") and whose not in facts.words | _COMMON
            if owned and names.person(whose, fuzzy=False):
                return whose
    return ""


def _named(phrase: str, names: Names) -> bool:
    if names.person(phrase, surname=False, fuzzy=False):
        return True
    found = names.films(phrase, fuzzy=False)
    if found is None:
        return False
    title = found.best.title.casefold()
    return title == phrase.casefold() or len(key(phrase).split()) > 1


def _contradicts(sentence: str, facts: Facts) -> str:
    """What a sentence about one of the reader's own ratings gets wrong."""
    about = {t: r for t, r in facts.rated.items() if name_patterns([t])[0].search(sentence)}
    if not about:
        return ""
    low = next((t for t, r in about.items() if r < LIKED), None)
    if low and _LIKING.search(facts.without_names(sentence)) and not _NOT.search(sentence):
        return f"{low} was not liked: it was given {about[low]:.1f}"
    high = next((t for t, r in about.items() if r >= LIKED), None)
    if high and low is None and _HATING.search(facts.without_names(sentence)):
        return f"{high} was liked: it was given {about[high]:.1f}"
    if len(about) > 1 and _swapped(sentence, about, facts):
        return "a rating is not that of the film beside it"
    others = set(facts.rated.values()) - set(about.values()) - {abs(n) for n in facts.numbers}
    for written, _, _ in _NUMBER.findall(facts.without_names(sentence)):
        if _value(written) in others:
            return f"{written} is not the rating of {next(iter(about))}"
    return ""


def _swapped(sentence: str, about: Mapping[str, float], facts: Facts) -> bool:
    """Whether ratings in a sentence about several films stand beside the wrong ones.

    All of them stand before their films (5.0 to Up), or all behind (Up with 5.0).
    """
    titles = [
        (found.start(), found.end(), rating)
        for title, rating in about.items()
        for found in name_patterns([title])[0].finditer(sentence)
    ]
    told = [
        (found.start(), _value(found[1]))
        for found in _NUMBER.finditer(sentence)
        if not any(start <= found.start() < end for start, end, _ in titles)
    ]
    ratings = {*about.values()} - {abs(n) for n in facts.numbers}
    told = [(at, value) for at, value in told if value in ratings]
    before = all(_nearest(titles, at, ahead=True) == value for at, value in told)
    behind = all(_nearest(titles, at, ahead=False) == value for at, value in told)
    return not (before or behind)


def _nearest(titles: list[tuple[int, int, float]], at: int, *, ahead: bool) -> float | None:
    """The rating of the next film, or of the one before."""
    found = [t for t in titles if (t[0] > at if ahead else t[1] <= at)]
    return (min(found) if ahead else max(found))[2] if found else None
