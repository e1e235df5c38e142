"""Text from outside as it may be shown: one line of characters that steer nothing."""

import re
import unicodedata

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

_ITEMS = re.compile(
    # What is in quotes, or belongs to a name of a field, a file or an address, is no word of ours.
    r"""(?<!\w)'[^']*'(?!\w) | "[^"]*" | “[^”]*” | `[^`]*`
    | (?<![\w./=-]) (?<!palate\ )
      (?P<article>an?\ |) (?P<word>films?|movies?) (?! [\w/=-] | \.\w )""",
    re.VERBOSE | re.IGNORECASE,
)


def as_items(text: str) -> str:
    """Words of ours that speak of films, with the catalog's word for what it holds.

    Quotations, and names of fields, files and addresses, stay.
    """
    from palate.settings import get_settings  # `palate --help` needs no settings

    one, _, many = get_settings().item_word.partition(",")
    return text if one == "film" else _ITEMS.sub(lambda found: _item(found, one, many), text)


def _item(found: re.Match[str], one: str, many: str) -> str:
    was = found["word"]
    if not was:
        return found[0]
    word = (many or f"{one}s") if was[-1] in "sS" else one
    word = word.capitalize() if was[0].isupper() else word
    article = found["article"]
    return word if not article else f"{article[0]}{'n' * (word[0] in 'aeiou')} {word}"


def neutral(text: str) -> str:
    """The text without characters that steer a terminal or turn the order of letters round.

    Control characters become ``�``; direction marks, other invisible format characters and lone
    surrogates go. Tabs, newlines and the joiners that scripts and emoji are written with stay.
    """
    return _STEERING.sub(lambda found: "�" if unicodedata.category(found[0]) == "Cc" else "", text)


def one_line(text: str) -> str:
    """The text neutral and on one line, with single spaces."""
    return " ".join(neutral(text).split())


def name_film(title: str, year: int | None) -> str:
    """``Alien (1979)``, as sentences say it; the title alone where the year is not known."""
    return f"{one_line(title)} ({year})" if year else one_line(title)


def count(n: int, noun: str) -> str:
    """``1 rating``, ``2,000 ratings``."""
    return as_items(f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s")
