"""Catalog titles, "Lord of the Rings, The (2001)", split into what people read and type.

MovieLens writes one string for the title, its other names and the year. ``split_title`` keeps
every word of it: what leaves the title goes to ``original_title`` or ``year``.
"""

import re
import unicodedata
from typing import NamedTuple

_DASHES = "-‐‑‒–—"
_YEAR = re.compile(
    rf"\s*\((?P<year>(?:18[7-9]|19\d|20\d)\d)\s*(?:[{_DASHES}]\s*(?:\d{{4}})?\s*)?\)$"
)
# IMDb's marks of a video, television or game release, as MovieLens 100K still has them.
_MEDIUM = re.compile(r"\s*\((?:V|TV|VG)\)$")
_ALSO_KNOWN_AS = re.compile(r"^a\.?\s?k\.?\s?a\b\.?:?\s*(?=\S)", re.IGNORECASE)
# Parentheses that belong to the title: "Or (The Unexpected Virtue of Ignorance)", "(Part 1)".
_OWN_OPENING = re.compile(r"(?:^|[:,\s])or$", re.IGNORECASE)
_OWN_GROUP = re.compile(r"^(?:part|vol|volume|chapter|episode|season)\b", re.IGNORECASE)

# Articles that catalogs move behind the title.
# fmt: off
_ARTICLES = frozenset((
    "the", "a", "an", "da",  # English
    "le", "la", "les", "un", "une",  # French
    "der", "die", "das", "ein", "eine", "den",  # German
    "el", "los", "las", "lo", "una", "unos", "unas",  # Spanish
    "il", "i", "gli", "uno",  # Italian
    "o", "os", "as", "um", "uma",  # Portuguese
    "de", "het", "een", "det", "en", "ett", "et",  # Dutch, Danish, Norwegian, Swedish
))
# fmt: on
_ELIDED = frozenset(("l'", "l’", "d'", "d’", "un'", "un’", "gl'", "gl’"))
_INVERTED = re.compile(r"^(?P<rest>.*\S),\s*(?P<article>\w+|\w{1,2}['’])$", re.DOTALL)
# The Italian article "I" is a pronoun in "Me, Myself, I".
_ENGLISH_I = re.compile(r"\b(?:me|myself|you)\b", re.IGNORECASE)


class Title(NamedTuple):
    """A title as people write it; other names joined by " / "; the first year of its run."""

    title: str
    original_title: str | None
    year: int | None


def split_title(text: str) -> Title:
    """Split a catalog title into title, other names and year.

    >>> split_title("City of Lost Children, The (Cité des enfants perdus, La) (1995)")
    Title(title='The City of Lost Children', original_title='La Cité des enfants perdus', year=1995)

    A text without a year keeps its parentheses, which may be its own. Those at the front or inside,
    and those not set off by a space, always stay: "(500) Days of Summer", "Frontière(s)".
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    text, year = _split_year(text)
    title, groups = _split_groups(text)
    if year is None and not all(map(_ALSO_KNOWN_AS.match, groups)):
        title, groups = text, []
    others = dict.fromkeys(name for name in map(_other_name, groups) if name)
    title = restore_article(title)
    others.pop(title, None)
    return Title(title, " / ".join(others) or None, year)


def restore_article(title: str) -> str:
    """Put a trailing article back in front: "Avventura, L'" becomes "L'Avventura"."""
    found = _INVERTED.match(title)
    if found is None:
        return title
    rest, article = found["rest"], found["article"]
    if article.lower() in _ELIDED:
        return f"{article}{rest}"
    if article.lower() not in _ARTICLES or (article == "I" and _ENGLISH_I.search(rest)):
        return title
    return f"{article} {rest}"


def _split_year(text: str) -> tuple[str, int | None]:
    """The text without the year and the medium behind it."""
    bare = _MEDIUM.sub("", text)
    found = _YEAR.search(bare)
    if found is None or found.start() == 0:
        return text, None
    return _MEDIUM.sub("", bare[: found.start()]).rstrip(), int(found["year"])


def _split_groups(text: str) -> tuple[str, list[str]]:
    """Take the balanced parentheses off the end: "A (b) (c)" gives "A", ["b", "c"]."""
    groups: list[str] = []
    while text.endswith(")"):
        start = _opening(text)
        if start is None or start == 0 or text[start - 1] != " ":
            break
        rest, group = text[:start].rstrip(), text[start + 1 : -1].strip()
        if not rest or not group or _OWN_OPENING.search(rest) or _OWN_GROUP.match(group):
            break
        groups.insert(0, group)
        text = rest
    return text, groups


def _opening(text: str) -> int | None:
    """Where the parenthesis that the last character closes was opened."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == ")") - (text[position] == "(")
        if depth == 0:
            return position
    return None


def _other_name(group: str) -> str:
    return restore_article(_ALSO_KNOWN_AS.sub("", group))
