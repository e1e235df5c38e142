"""Words for numbers and genres, as people type them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS, TENS = _UNITS.split(), _TENS.split()
NUMBERS: Mapping[str, int] = {
    **{word: number for number, word in enumerate(UNITS)},
    **{word: 10 * number for number, word in enumerate(TENS, 2)},
}
"""Numbers of one word, below a hundred."""

PLURAL_TENS: Mapping[str, int] = {f"{word[:-1]}ies": NUMBERS[word] for word in TENS}
"""``nineties`` -> 90."""


def number_of(words: str) -> int:
    """``ninety-four`` or ``7`` as a number. Raises KeyError for other words."""
    return sum(
        int(word) if word.isdecimal() else NUMBERS[word]
        for word in re.split(r"[- ]", words.lower())
    )


def _other_forms(groups: Iterable[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    forms: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for form in group:
            forms[form] = tuple(dict.fromkeys((*forms.get(form, ()), *group)))
    return forms


_NUMERALS = tuple(
    (str(number), word, roman)
    for number, (word, roman) in enumerate(
        zip(
            [*UNITS[1:], TENS[0]],
            "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(),  # noqa: SIM905
            strict=True,
        ),
        1,
    )
)
_ABBREVIATIONS = (
    "dr doctor,mr mister,mrs missus,st saint street,mt mount,ft fort,jr junior,vol volume,pt part,"
    "vs versus v,2 to,4 for,u you,r are,n and,xmas christmas,bros brothers,capt captain,"
    "sgt sergeant,lt lieutenant,prof professor,col colonel,gen general,ave avenue,co company,"
    "inc incorporated,no number"
)
NUMERAL_FORMS = _other_forms(_NUMERALS)
"""How a number to twenty may be written otherwise: in digits, as a word, Roman."""

WORD_FORMS = _other_forms([*_NUMERALS, *(tuple(g.split()) for g in _ABBREVIATIONS.split(","))])
"""How a word may be written otherwise: a number, or the usual short form."""


@dataclass(frozen=True, slots=True)
class Genre:
    """A genre by MovieLens' name, and the words that say it. A hyphen may be a space.

    ``words`` and ``asked`` say it; ``spellings`` are how other catalogs call it.
    """

    name: str
    words: str
    asked: str = ""
    spellings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The genre as catalogs may call it, MovieLens' name first."""
        return (self.name, *self.spellings)

    @property
    def pattern(self) -> str:
        """A regular expression of the words that ask for it."""
        return "|".join(f"{self.words} {self.asked}".split()).replace("-", "[- ]")


GENRES = (
    Genre(
        "Sci-Fi", "sci-fi scifi science-fiction", "sf space-opera space-operas",
        spellings=("Science Fiction", "Science-Fiction", "SciFi"),
    ),
    Genre(
        "Film-Noir", "noir noirs", "film-noir film-noirs", spellings=("Film Noir", "Noir")
    ),
    Genre(
        "Superhero", "superhero superheroes",
        "superheros super-hero super-heros super-heroes comic-book",
        spellings=("Super Hero", "Comic"),
    ),
    Genre(
        "Documentary", "documentary documentaries", "doc docs", spellings=("Documentaries",)
    ),
    Genre("Musical", "musical musicals", spellings=("Music",)),
    Genre("Western", "western westerns"),
    Genre("Thriller", "thriller thrillers"),
    Genre("Horror", "horror horrors slasher slashers"),
    Genre("Fantasy", "fantasy fantasies"),
    Genre("Adventure", "adventure adventures"),
    Genre("Action", "action", "actioner actioners"),
    Genre("Comedy", "comedy comedies comedic sitcom sitcoms"),
    Genre("Drama", "drama dramas dramatic"),
    Genre(
        "Romance", "romance romances", "love-story love-stories",
        spellings=("Romantic",),
    ),
    Genre("Mystery", "mystery mysteries whodunit whodunits whodunnit whodunnits"),
    Genre(
        "Animation", "animated animation animations cartoon cartoons anime",
        spellings=("Animated",),
    ),
    Genre("History", "history historical", "period", spellings=("Historical",)),
    Genre("Crime", "crime"),
    Genre("War", "war"),
    Genre("Children", "", spellings=("Children's", "Kids", "Family")),
)  # fmt: skip
"""Those without ``words`` and ``asked`` are never read out of a request."""

SPELLINGS: Mapping[str, tuple[str, ...]] = {genre.name: genre.names for genre in GENRES}
"""MovieLens' name -> the names that catalogs have for it."""
