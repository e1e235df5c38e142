"""Titles as people type them: every form in which a title reaches a search box.

A form makes a text of a title, or None where it does not apply. What is drawn is drawn from the
``random.Random`` that it is given, so that one seed gives one list.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Film(NamedTuple):
    """What is known of a film that somebody looks for."""

    movie_id: int
    title: str
    names: tuple[str, ...]
    year: int | None


Form = Callable[[Film, random.Random], str | None]

_NUMBERS = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
]  # fmt: skip
_ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_JOINED = {"ffi": "ﬃ", "ff": "ﬀ", "fi": "ﬁ", "fl": "ﬂ", "ae": "æ", "oe": "œ", "ss": "ß"}
_ACCENTED = str.maketrans("aeioucnAEIOU", "áéíöüçñÀÊÎÖÛ")
_STROKES = str.maketrans("lodLOD", "łøđŁØĐ")
_ALIKE = str.maketrans("aeopcx", "аеорсх")
_BESIDE = str.maketrans("qwertyuiopasdfghjklzxcvbnm", "wertyuiop[sdfghjkl;xcvbnm,")


def normal(text: str) -> str:
    """Words without marks, case or article: when two titles are one title."""
    bare = unicodedata.normalize("NFKD", text.replace("'", "").replace("’", ""))
    bare = re.sub(r"[\u0300-\u036f]", "", bare).casefold().replace("&", " and ")
    words = re.sub(r"[\W_]+", " ", bare).strip()
    return re.sub(r"^(the|an?) (?=.)", "", words) or text.strip().casefold()


def _changed(text: str, film: Film) -> str | None:
    return text if text.strip() and text != film.title else None


def _by(change: Callable[[str], str], where: str = "") -> Form:
    """The title changed so, where it is one that ``where`` is found in and is another then."""

    def form(film: Film, _: random.Random) -> str | None:
        return _changed(change(film.title), film) if re.search(where, film.title) else None

    return form


def _mapped(words: Mapping[str, str]) -> Form:
    """The first word that has another form, in it."""

    def form(film: Film, _: random.Random) -> str | None:
        for word in film.title.split():
            if other := words.get(word if word in words else word.lower()):
                return film.title.replace(word, other, 1)
        return None

    return form


def _long_word(film: Film, rng: random.Random, least: int = 5) -> str | None:
    words = [w for w in re.findall(r"[A-Za-z]+", film.title) if len(w) >= least]
    return rng.choice(words) if words else None


def _typo(change: Callable[[str, int, random.Random], str], least: int = 5, times: int = 1) -> Form:
    def form(film: Film, rng: random.Random) -> str | None:
        word = _long_word(film, rng, least)
        if word is None:
            return None
        mistaken = word
        for _ in range(times):
            mistaken = change(mistaken, rng.randrange(1, len(mistaken) - 1), rng)
        return _changed(film.title.replace(word, mistaken, 1), film)

    return form


def _swap(word: str, i: int, _: random.Random) -> str:
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _drop(word: str, i: int, _: random.Random) -> str:
    return word[:i] + word[i + 1 :]


def _double(word: str, i: int, _: random.Random) -> str:
    return word[:i] + word[i] + word[i:]


def _wrong(word: str, i: int, rng: random.Random) -> str:
    return word[:i] + rng.choice(_LETTERS.replace(word[i].lower(), "")) + word[i + 1 :]


_YEARS = (
    "{1} {0}", "({1}) {0}", "{0} [{1}]", "{0}, {1}", "{0} from {1}", "{0} '{2:02}",
    "{0} ({1} film)",
)  # fmt: skip
_REQUESTS = (
    "{} movie", "{} film", "the movie {}", "watch {} online", "find me {}", "{} trailer", "{} cast",
    "{} full movie", "{} dvd", "{} blu ray", "{} on netflix", "{} review", "{} streaming",
    "a film called {}",
)  # fmt: skip


_PART = re.compile(r"(?<=\w)[:,]? (?:Part|Vol\.|Volume|Chapter|Episode) (?=[IVX\d])")


def _ampersand(film: Film, _: random.Random) -> str | None:
    if "&" in film.title:
        return film.title.replace("&", "and")
    return _changed(re.sub(r" and ", " & ", film.title, flags=re.IGNORECASE), film)


_DOTTED = r"\b(?:[A-Z]\.){2,}"


def _no_marks(title: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", re.sub(r"['’]", "", title)).split())


def _initials(title: str, between: str) -> str:
    return re.sub(_DOTTED, lambda found: found[0].replace(".", between), title).lower()


def _no_accents(title: str) -> str:
    return re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFD", title))


def _ligatures(title: str) -> str:
    for apart, together in _JOINED.items():
        title = title.replace(apart, together)
    return title


def _joined(film: Film, _: random.Random) -> str | None:
    parts = re.split(r"[ -]", film.title)
    if len(parts) != 2 or len(film.title) <= 7 or parts[0].lower() in ("the", "a", "an"):
        return None
    return "".join(parts)


def _article_joined(film: Film, _: random.Random) -> str | None:
    joined = re.fullmatch(r"The( \w+){1,3}", film.title)
    return film.title.replace(" ", "") if joined and len(film.title) > 7 else None


def _beginning(film: Film, _: random.Random) -> str | None:
    words = film.title.split()
    return " ".join(words[: (len(words) + 1) // 2]) if len(words) > 3 else None


def _lookalikes(film: Film, rng: random.Random) -> str | None:
    """Two Cyrillic letters in a Latin word that has others, too."""
    word = _long_word(film, rng)
    if word is None or not re.search(r"[^aeopcx]", word):
        return None
    return _changed(film.title.replace(word, word.translate(_ALIKE), 1), film)


def _part(film: Film, _: random.Random) -> str | None:
    for name in (film.title, *film.names):
        if re.fullmatch(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]{4,}", name):
            return name[: len(name) // 2]
    return None


def _signs(film: Film, _: random.Random) -> str | None:
    return film.title if re.search(r"[^\w\s'’.,:!-]", film.title) else None


def _short(film: Film, _: random.Random) -> str | None:
    stop = {"the", "a", "it", "up", "her", "us", "them", "from", "that", "on", "in", "of", "to"}
    words = film.title.lower().split()
    return film.title.lower() if len(film.title) < 3 or set(words) <= stop else None


_SMALL = {
    "of": "in", "in": "of", "on": "in", "to": "for", "for": "of", "and": "or", "the": "a",
    "a": "the", "at": "in", "from": "of", "with": "and",
}  # fmt: skip
_SOUNDS = {
    "right": "rite", "night": "nite", "knight": "night", "sea": "see", "son": "sun", "red": "read",
    "dear": "deer", "hear": "here", "weather": "whether", "where": "wear", "there": "their",
    "through": "thru", "wait": "weight", "peace": "piece", "road": "rode", "tale": "tail",
    "whole": "hole", "great": "grate", "love": "luv", "little": "lil", "light": "lite",
    "high": "hi", "heart": "hart", "two": "too", "four": "for", "one": "won", "know": "no",
}  # fmt: skip


def _small_word_wrong(film: Film, _: random.Random) -> str | None:
    first, *words = film.title.lower().split()
    wrong = [_SMALL.get(word, word) for word in words]
    return " ".join([first, *wrong]) if wrong != words else None


def _small_word_added(film: Film, rng: random.Random) -> str | None:
    words = film.title.lower().split()
    if len(words) < 3:
        return None
    place = rng.randrange(1, len(words))
    return " ".join([*words[:place], "the", *words[place:]])


def _sounds(film: Film, _: random.Random) -> str | None:
    words = film.title.lower().split()
    heard = [_SOUNDS.get(word, word) for word in words]
    return " ".join(heard) if len(words) > 1 and heard != words else None


def _plural(film: Film, rng: random.Random) -> str | None:
    word = _long_word(film, rng)
    if word is None or word.endswith("s") or " " not in film.title:
        return None
    return re.sub(rf"\b{word}\b", f"{word}s", film.title, count=1).lower()


def _word_twice(film: Film, rng: random.Random) -> str | None:
    words = film.title.lower().split()
    place = rng.randrange(len(words))
    return " ".join([*words[:place], words[place], *words[place:]]) if len(words) > 1 else None


def _years_around(film: Film, _: random.Random) -> str | None:
    return f"{film.title} {film.year - 1}-{film.year + 1}" if film.year else None


FORMS: dict[str, Form] = {
    "as it stands": lambda film, _: film.title,
    "lower case": lambda film, _: film.title.lower(),
    "capitals": lambda film, _: film.title.upper(),
    "no article": _by(lambda title: re.sub(r"^(The|An?) (?=\S)", "", title)),
    "article last": _by(lambda title: re.sub(r"^(The|An?) (\S.*)$", r"\2, \1", title)),
    "year": lambda film, _: f"{film.title} {film.year}" if film.year else None,
    "year in parentheses": lambda film, _: f"{film.title} ({film.year})" if film.year else None,
    "year otherwise": lambda film, rng: (
        rng.choice(_YEARS).format(film.title, film.year, film.year % 100) if film.year else None
    ),
    "asked for": lambda film, rng: rng.choice(_REQUESTS).format(film.title),
    "no marks": _by(_no_marks),
    "no apostrophe": _by(lambda title: re.sub(r"['’]", "", title).lower()),
    "and or &": _ampersand,
    "initials without dots": _by(lambda title: _initials(title, ""), _DOTTED),
    "initials with spaces": _by(lambda title: _initials(title, " "), _DOTTED),
    "hand beside the keys": _by(lambda title: title.lower().translate(_BESIDE), r"^[A-Za-z ]{6,}$"),
    "joined": _joined,
    "article joined": _article_joined,
    "hyphen left out": _by(lambda title: re.sub(r"(?<=\w)-(?=\w)", "", title).lower(), r"\w-\w"),
    "split": _by(lambda title: re.sub(r"(?<=\w)[-/](?=\w)", " ", title).lower(), r"\w[-/]\w"),
    "part left out": _by(lambda title: _PART.sub(" ", title)),
    "number in words": _mapped(
        {str(n): word for n, word in enumerate(_NUMBERS, 1)}
        | dict(zip(_ROMAN[1:], _NUMBERS[1:], strict=True))
    ),
    "number in digits": _mapped(
        {word: str(n) for n, word in enumerate(_NUMBERS, 1)}
        | {roman: str(n) for n, roman in enumerate(_ROMAN[1:], 2)}
    ),
    "number in Roman": _mapped(
        {str(n): roman for n, roman in enumerate(_ROMAN[1:], 2)}
        | dict(zip(_NUMBERS[1:], _ROMAN[1:], strict=True))
    ),
    "letters swapped": _typo(_swap),
    "letter missing": _typo(_drop),
    "letter doubled": _typo(_double),
    "wrong letter": _typo(_wrong),
    "two typos in ten letters": _typo(_wrong, least=10, times=2),
    "beginning": _beginning,
    "no accents": _by(_no_accents),
    "accents added": _by(lambda title: title.translate(_ACCENTED)),
    "strokes added": _by(lambda title: title.translate(_STROKES)),
    "ligatures": _by(_ligatures),
    "full width": lambda film, _: film.title.translate(_FULL_WIDTH),
    "look-alikes": _lookalikes,
    "part without spaces": _part,
    "signs": _signs,
    "short words": _short,
    "small word wrong": _small_word_wrong,
    "small word added": _small_word_added,
    "sounds alike": _sounds,
    "plural": _plural,
    "word twice": _word_twice,
    "years around": _years_around,
}
