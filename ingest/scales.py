"""Scores of other scales as stars from 0.5 to 5, by a rule that is shown."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ingest.fields import FieldError, parse_number, quote
from palate.errors import MisuseError

LOWEST, HIGHEST = 0.5, 5.0
EMPTY = "empty"
"""What stands for no score at all among those that are none."""
_RANGE = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*-\s*([0-9]+(?:\.[0-9]+)?)\s*")
_OUT_OF = re.compile(
    r"([0-9]+(?:[.,][0-9]+)?)\s*(?:(?:/|out of)\s*([0-9]+)(?:\s*stars?)?|(%)|stars?)", re.IGNORECASE
)
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_IN_WORDS = re.compile(rf"({'|'.join(_WORDS)})( and a half)?(?: stars?)?", re.IGNORECASE)
_GLYPHS = re.compile(r"(?=[★⭐½])[★⭐]*½?☆*")
_THUMBS = dict.fromkeys(("1", "true", "up", "yes", "like", "liked", "+1", "t", "y", "👍"), 4.5) | (
    dict.fromkeys(("0", "-1", "false", "down", "no", "dislike", "disliked", "f", "n", "👎"), 1.0)
)


@dataclass(frozen=True)
class Scale:
    """How a score becomes stars. ``rule`` says it in words; ``stars`` None: as it is.

    ``unrated`` are the scores that only say that somebody saw it: -1, or 0 below a scale from 1.
    """

    text: str = "0.5-5"
    rule: str = "stars as they are"
    stars: Callable[[str, str], str] | None = field(default=None, compare=False)
    unrated: frozenset[str] = frozenset()
    keep_highest: bool = False
    """Of several lines of a user and a film the highest counts, not the newest."""


STARS = Scale()


def off_scale(stars: float, lowest: float, highest: float) -> str:
    """What is wrong with no stars, and which scale may be meant; as the checks in SQL say it."""
    said = f"{stars:g} is not on the scale from {LOWEST} to {HIGHEST:g}; "
    if highest <= 1:
        return f"{said}--scale {-1 if lowest < 0 else 0}-1 may be meant"
    if highest <= HIGHEST:
        return f"{said}--unrated leaves such lines out"
    low = "0-10" if lowest < 1 else "1-10"
    meant = low if highest <= 10 else "0-100" if highest <= 100 else "counts"
    return f"{said}{highest:g} is the highest: --scale {meant} may be meant"


def parse_score(score: str, column: str, highest: float = HIGHEST) -> str:
    """A score as a number; it may say what it is out of, which is the scale's ``highest``.

    4/5, 8 out of 10, 80%, 4 stars, ★★★★½, four and a half stars.
    """
    try:
        return parse_number(score, column)
    except FieldError as error:
        text, most = score.strip().replace("\ufe0f", ""), f"{highest:g}"
        if _GLYPHS.fullmatch(text):
            found = f"{sum(map(text.count, '★⭐')) + text.count('½') / 2:g}"
            most = "5"
        elif written := _IN_WORDS.fullmatch(text):
            found = f"{_WORDS.index(written[1].lower()) + (0.5 if written[2] else 0):g}"
        elif written := _OUT_OF.fullmatch(text):
            found = parse_number(written[1], column)
            most = "100" if written[3] else written[2] or most
        else:
            raise FieldError(column, f"{error.reason}; {_hint(text)}") from error
    if float(most) != highest:
        meant = f"{0 if most == '100' else 1}-{most}"
        raise FieldError(column, f"{quote(text)} is out of {most}: --scale {meant} may be meant")
    return found


def _hint(text: str) -> str:
    """What to do about a score that is no number."""
    if text.lower() in ("", "nan"):
        return f"--unrated {text or EMPTY} leaves such lines out"
    if text.lower() in _THUMBS:
        return "--scale thumbs may be meant"
    if len(text) > 20 or not text.isalpha():
        return "--scale says how other scores are read"
    return f"--scale says what words count: --scale {text.lower()}=4.5,..."


def parse_scale(text: str, unrated: str = "") -> Scale:
    """``1-10``, ``0-100``, ``thumbs``, ``counts`` or events ``view=3,cart=4,buy=5``.

    Raises MisuseError for anything else.
    """
    names = (one.strip() for one in unrated.split(","))
    seen = frozenset("" if name == EMPTY else name for name in names if name)
    plain = text.strip().lower()
    if plain == "thumbs":
        return Scale(plain, "up is 4.5 stars, down 1", _of_words(_THUMBS), seen)
    if plain == "counts":
        rule = "once is 3 stars, each doubling half a star more, up to 5"
        return Scale(plain, rule, _of_count, seen)
    if found := _RANGE.fullmatch(plain):
        return _of_range(plain, float(found[1]), float(found[2]), seen)
    if "=" in plain:
        return _of_events(plain, seen)
    raise MisuseError(
        f"--scale {text!r} is no scale. Nothing was loaded. Write the lowest and the highest score "
        "(1-10), thumbs, counts, or stars for each event (view=3,cart=4,buy=5)."
    )


def _of_range(text: str, low: float, high: float, unrated: frozenset[str]) -> Scale:
    if high <= low:
        raise MisuseError(f"--scale {text}: the second number is the higher one.")
    if high == HIGHEST and low >= LOWEST:
        return Scale(text, "stars as they are", None, unrated)

    def stars(score: str, column: str) -> str:
        value = float(parse_score(score, column, high))
        if not low <= value <= high:
            raise FieldError(column, f"{score.strip()} is not on the scale from {text}")
        return f"{LOWEST + (HIGHEST - LOWEST) * (value - low) / (high - low):.4g}"

    rule = f"{low:g} is {LOWEST} stars, {high:g} is {HIGHEST:g}, evenly between"
    return Scale(text, rule, stars, unrated)


def _of_count(score: str, column: str) -> str:
    times = float(parse_number(score, column))
    if times <= 0:
        raise FieldError(
            column, f"{score.strip()} times is no count: --unrated {score.strip()} leaves it out"
        )
    return f"{min(max(3 + math.log2(times) / 2, LOWEST), HIGHEST):.4g}"


def _of_events(text: str, unrated: frozenset[str]) -> Scale:
    words: dict[str, float] = {}
    for pair in text.split(","):
        word, _, stars = (part.strip() for part in pair.partition("="))
        try:
            words[word] = float(stars)
        except ValueError:
            words[word] = math.nan
        if not (word and LOWEST <= words[word] <= HIGHEST):
            raise MisuseError(
                f"--scale: {pair!r} gives no stars from {LOWEST} to {HIGHEST:g}. Nothing was "
                "loaded. Write EVENT=STARS, for example view=3."
            )
    rule = ", ".join(f"{word} is {stars:g} stars" for word, stars in words.items())
    rule += "; of several events the highest counts"
    return Scale(text, rule, _of_words(words), unrated, keep_highest=True)


def _of_words(words: Mapping[str, float]) -> Callable[[str, str], str]:
    def stars(score: str, column: str) -> str:
        word = score.strip().lower()
        found = words.get(word, words.get(word.removesuffix(".0")))
        if found is None:
            known = ", ".join(words)
            raise FieldError(column, f"{quote(score.strip())} is none of {known}")
        return f"{found:g}"

    return stars
