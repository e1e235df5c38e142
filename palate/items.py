"""What the catalog holds, in the word that the settings have for it."""

import re

from palate.errors import MisuseError

_ITEMS = re.compile(
    # What is in quotes, or belongs to a name of a field, a file or an address, is no word of ours.
    r"""(?<!\w)'[^']*'(?!\w) | "[^"]*" | “[^”]*” | `[^`]*`
    | (?<![\w./=-]) (?<!palate\ )
      (?P<article>an?\ |) (?P<word>films?|movies?) (?! [\w/=-] | \.\w )""",
    re.VERBOSE | re.IGNORECASE,
)


def as_items(text: str) -> str:
    """Words of ours that speak of films, with the catalog's word for what it holds.

    Quotations, and names of fields, files and addresses, stay; so does all where no settings can
    be read, which the text may be about.
    """
    from palate.settings import get_settings  # `palate --help` needs no settings

    try:
        one, _, many = get_settings().item_word.partition(",")
    except MisuseError:
        return text
    return text if one == "film" else _ITEMS.sub(lambda found: _item(found, one, many), text)


def _item(found: re.Match[str], one: str, many: str) -> str:
    was = found["word"]
    if not was:
        return found[0]
    word = (many or f"{one}s") if was[-1] in "sS" else one
    word = word.capitalize() if was[0].isupper() else word
    article = found["article"]
    return word if not article else f"{article[0]}{'n' * (word[0] in 'aeiou')} {word}"


def count(n: int, noun: str) -> str:
    """``1 rating``, ``2,000 ratings``."""
    return as_items(f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s")
