"""Words as they are compared: lower case, without accents."""

import unicodedata


def fold(word: str) -> str:
    """The word in lower case without combining marks: ``Amélie`` becomes ``amelie``."""
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
