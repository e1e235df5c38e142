"""Text as search compares it: the Python twin of search_clean() in the engines' SQL."""

import re
import unicodedata

_MARKS = re.compile("([A-Za-z])[\u0300-\u036f]+")
_LETTERS = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "TH",
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D",
        "ħ": "h", "Ħ": "H", "ı": "i", "²": "2", "³": "3", "¹": "1",
    }
)  # fmt: skip


def fold(text: str) -> str:
    """Latin letters without accents: ``Amélie`` is ``Amelie``, ``Søren`` is ``Soren``."""
    if text.isascii():
        return text
    bare = _MARKS.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)
