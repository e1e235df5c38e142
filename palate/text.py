"""Text from outside as it may be shown: one line of characters that steer nothing."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # most commands need no pydantic to start
    from pydantic import ValidationError

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


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


_WRONG = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "value_error": "{error}",
    "greater_than_equal": "it is below {ge}",
    "greater_than": "it is not above {gt}",
    "less_than_equal": "it is above {le}",
    "less_than": "it is not below {lt}",
    "finite_number": "it is no finite number",
    "literal_error": "it is none of {expected}",
    "enum": "it is none of {expected}",
    "string_too_short": "it has fewer than {min_length} characters",
    "string_too_long": "it has more than {max_length} characters",
    "string_pattern_mismatch": "it is not written as {pattern}",
    "too_short": "it has fewer than {min_length} values",
    "too_long": "it has more than {max_length} values",
    "json_invalid": "it is no JSON: {error}",
    "none_required": "it can only be null",
    "int": "it is no whole number",
    "float": "it is no number",
    "decimal": "it is no number",
    "bool": "it is neither true nor false",
    "string": "it is no text",
    "list": "it is no list",
    "tuple": "it is no list",
    "dict": "it is no object",
    "model": "it is no object",
    "datetime": "it is no time such as 2001-12-19T20:15:00Z",
    "timezone": "it is no time such as 2001-12-19T20:15:00Z",
    "date": "it is no date such as 2001-12-19",
}  # by the kinds of error of pydantic, or by what these begin with


def say_wrong(found: Mapping[str, Any]) -> str:
    """What is wrong with a value, of one of pydantic's errors, in our words.

    >>> say_wrong({"type": "less_than_equal", "msg": "Input should be ...", "ctx": {"le": 5.0}})
    'it is above 5'
    """
    kind = found["type"]
    words = _WRONG.get(kind) or _WRONG.get(kind.partition("_")[0])
    if words is None:
        return str(found["msg"][:1].lower() + found["msg"][1:]).rstrip(".")
    given = found.get("ctx") or {}
    plain = {k: f"{v:g}" if isinstance(v, float) else v for k, v in given.items()}
    return words.format_map(plain).rstrip(".")


def first_wrong(error: "ValidationError", whole: str = "") -> str:
    """The first thing that is wrong, behind its place; ``whole``: what all of it is called."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or whole
    return f"{where}: {say_wrong(first)}" if where else say_wrong(first)
