"""Fields of a line: text into values, or FieldError with the reason a person can act on."""

import ast
import json
import re
from collections.abc import Callable, Collection, Iterable

from palate.contract import A_USER, LARGEST_ID, USER_NAME_PATTERN
from sql.own_fields import Type

_WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
_ID = re.compile(r"0|[1-9][0-9]{0,18}")
_USER = re.compile(USER_NAME_PATTERN)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,15},[0-9]{1,2}")
_GROUPS = tuple(
    (mark, point, re.compile(rf"[+-]?[0-9]{{1,3}}(?:\{mark}[0-9]{{3}})+(?:\{point}[0-9]+)?"))
    for mark, point in (",.", ".,")
)  # of thousands
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_EXCEL = re.compile(r'="([^"]*)"')
# What the search index can hold of one field, and the key of tags of one tag.
LONGEST_TEXT = 100_000
LONGEST_TAG = 600
LONGEST_ADDRESS = 1000
LONGEST_ID = 200
MOST_VALUES = 1000  # of a list: chosen far above any
ANY = re.compile(r"[|;,]|\s/\s")  # what parts a list that is parted in several ways
NO_TEXT = re.compile("[\0\ud800-\udfff]")
FIRST_YEAR, LAST_YEAR = 1870, 2200  # as the table's own check
LONGEST_FILM = 6000  # minutes, likewise
_MISSING = frozenset(("", '=""', "\\N", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "NaT"))
_BOOLEANS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
             "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip
Key = int | str
"""An id: a number where it is one, else the text as it was given."""


class FieldError(ValueError):
    """A field that cannot be read: its column and the reason."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column, self.reason = column, reason


def reads(reader: Callable[[str, str], object], text: str) -> bool:
    """Whether a text can be read so."""
    try:
        reader(text, "")
    except FieldError:
        return False
    return True


def quote(text: str) -> str:
    """A value for a message: quoted, short."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def is_missing(text: str) -> bool:
    """Whether a field says that nothing is known."""
    return text.strip() in _MISSING


def parse_id(text: str, column: str) -> int:
    """A whole number from 0, as ids are; 12.0 is 12."""
    found = parse_whole(text, column)
    if found < 0:
        raise FieldError(column, f"{quote(text.strip())} is negative: ids count from 0")
    if found > LARGEST_ID:
        raise FieldError(column, f"{quote(text.strip())} is beyond {LARGEST_ID}, the largest id")
    return found


def parse_key(text: str, column: str) -> Key:
    """An id of any kind: a whole number from 0, or a text such as tt0111161.

    What looks like a number stays a text where the number would lose something: 0345.
    """
    text = _bare(text)
    if _ID.fullmatch(text):
        return parse_id(text, column)
    if _WHOLE.fullmatch(text) and not text.startswith(("0", "+")):
        return parse_id(text, column)
    if text in _MISSING:
        raise FieldError(column, f"{quote(text)} is no id")
    if len(text) > LONGEST_ID:
        raise FieldError(column, f"an id has up to {LONGEST_ID} characters")
    return _storable(text, column)


def parse_number_id(text: str, column: str) -> int:
    """An id of a file whose ids are numbers: a text among them is told as what it is."""
    written = _bare(text)
    if is_missing(text):
        raise FieldError(column, f"{quote(written)} is no id")
    if _WHOLE.fullmatch(written) is None:
        raise FieldError(column, f"{quote(written)} is not a whole number as the other ids are")
    if re.match("0[0-9]", written):
        raise FieldError(
            column,
            f"{quote(written)} as a number loses its zeros: text_ids of a mapping keeps them",
        )
    return parse_id(written, column)


def parse_user(text: str, column: str) -> Key:
    """A user's id: A_USER."""
    found = parse_key(text, column)
    if isinstance(found, str) and _USER.fullmatch(found) is None:
        raise FieldError(column, f"{quote(found)} is no user's id: that is {A_USER}")
    return found


def id_parser(name: str, text_ids: Collection[str]) -> Callable[[str, str], Key]:
    """What reads ``user_id`` or ``movie_id``: numbers, but for those of ``text_ids``."""
    if name not in text_ids:
        return parse_number_id
    return parse_user if name == "user_id" else parse_key


def parse_whole(text: str, column: str) -> int:
    """A whole number. 12.0 is 12."""
    text = text.strip()
    if _WHOLE.fullmatch(text) is None or len(text) > 40:
        raise FieldError(column, f"{quote(text)} is not a whole number")
    _refuse_either(text, column)
    return int(text.partition(".")[0])


def parse_integer(text: str, column: str) -> int | None:
    """A whole number from 0, or None where the field is empty."""
    return None if is_missing(text) else parse_id(text, column)


def parse_year(text: str, column: str) -> int | None:
    """A year in which a film may have come out, by itself or at the front of a date."""
    text = text.strip()
    if text in _MISSING:
        return None
    year = parse_whole(text if not re.match(r"\d{4}-\d\d", text) else text[:4], column)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FieldError(column, f"{year} is no year of a film ({FIRST_YEAR} to {LAST_YEAR})")
    return year


def parse_minutes(text: str, column: str) -> int | None:
    """Minutes, rounded; a unit behind them may stand: ``142 min``."""
    text = re.sub(r"\s*min(ute)?s?\.?$", "", text.strip())
    if text in _MISSING:
        return None
    minutes = round(float(parse_number(text, column)))
    if not 1 <= minutes <= LONGEST_FILM:
        raise FieldError(column, f"{quote(text)} is not between 1 and {LONGEST_FILM} minutes")
    return minutes


def parse_money(text: str, column: str) -> int | None:
    """An amount, rounded; None for 0, which catalogs write for what they do not know."""
    text = text.strip().removeprefix("$")
    if text in _MISSING:
        return None
    _refuse_either(text, column)
    whole = _GROUPS[0][2].fullmatch(text)  # of amounts, three digits are no decimals
    amount = round(float(parse_number(text.replace(",", "") if whole else text, column)))
    if not 0 <= amount <= LARGEST_ID:
        raise FieldError(column, f"{quote(text)} is no amount")
    return amount or None


def parse_number(text: str, column: str) -> str:
    """A decimal number, kept as text: the database reads it. ``4,5`` is 4.5, ``1.234,5`` 1234.5."""
    text = text.strip()
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    for mark, point, grouped in _GROUPS:
        if (text.count(mark) > 1 or point in text) and grouped.fullmatch(text):
            text = text.replace(mark, "").replace(point, ".")
            break
    if _NUMBER.fullmatch(text) is None:
        raise FieldError(column, f"{quote(text)} is not a number")
    return text


def _refuse_either(text: str, column: str) -> None:
    """Refuse what is one number here and a thousand times as much elsewhere: 32.000."""
    if _EITHER.fullmatch(text):
        less = text.rstrip("0").rstrip(".")
        more = text.replace(".", "")
        raise FieldError(column, f"{quote(text)} may be {less} or {more}: write it without a point")


def _bare(text: str) -> str:
    """A cell without outer spaces, and without what keeps spreadsheets from reading it: ="0345"."""
    text = text.strip()
    return found[1] if (found := _EXCEL.fullmatch(text)) else text


def parse_text(text: str, column: str, longest: int = LONGEST_TEXT) -> str | None:
    """Text without outer spaces; None when empty."""
    if len(text) > longest:
        raise FieldError(column, f"is longer than {longest:,} characters")
    text = _bare(_storable(text, column))
    return text if text not in ("", "\\N") else None


def _storable(text: str, column: str) -> str:
    """Text that PostgreSQL can hold. JSON may name halves of characters, as \\ud800."""
    if (found := NO_TEXT.search(text)) is not None:
        what = "a NUL character" if found[0] == "\0" else "half a character"
        raise FieldError(column, f"holds {what}")
    return text


def parse_needed_text(text: str, column: str) -> str:
    """Text that must not be empty."""
    found = parse_text(text, column)
    if found is None:
        raise FieldError(column, "is empty")
    return found


def parse_address(text: str, column: str) -> str | None:
    """An address that a page may show: http or https; None when empty."""
    found = parse_text(text, column, LONGEST_ADDRESS)
    if found is not None and re.match(r"https?://[^/\s]", found, re.IGNORECASE) is None:
        raise FieldError(
            column, f"{quote(found)} is no address that begins with http:// or https://"
        )
    return found


def parse_names(
    text: str, column: str, separator: str = "|", job: str | None = None
) -> tuple[str, ...]:
    """A list of names in one field, each once, in their order.

    Parted by ``separator`` (``any``: by ANY), or written as JSON or Python write a list, of names
    or of objects with a ``name``: ``["Drama"]``, ``[{'id': 18, 'name': 'Drama'}]``; of a crew those
    who had a ``job``.
    """
    text = parse_text(text, column) or ""
    if text in _MISSING:
        return ()
    values: Iterable[object] = ANY.split(text) if separator == "any" else text.split(separator)
    if text[0] in "[{" and text[-1] in "]}":
        values = _read_list(text, column)
    names = (
        (value.get("name") if job in (None, value.get("job", job)) else None)
        if isinstance(value, dict)
        else value
        for value in values
    )
    found = (str(name).strip() for name in names if name is not None)
    return tuple(dict.fromkeys(_storable(name, column) for name in found if name))


def _read_list(text: str, column: str) -> list[object]:
    readers: tuple[Callable[[str], object], ...] = (json.loads, ast.literal_eval)
    for reader in readers:
        try:
            found = reader(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list) else [found]
    raise FieldError(column, f"{quote(text)} looks like a list and is none")


def parse_own(text: str, column: str, type_: Type, separator: str = "|") -> object:
    """A value of a field of one's own, as JSON has it; None where it says nothing.

    Numbers count from 0: what is filtered by ranges is not negative.
    """
    if type_ == "text[]":
        return list(parse_names(text, column, separator)) or None
    if is_missing(text):
        return None
    if type_ == "integer":
        found = parse_whole(text, column)
        if not 0 <= found < 10**18:
            raise FieldError(column, f"{quote(text.strip())} is not from 0 to 10^18")
        return found
    if type_ == "numeric":
        return _parse_amount(text, column)
    if type_ == "boolean":
        read = _BOOLEANS.get(text.strip().lower())
        if read is None:
            raise FieldError(column, f"{quote(text.strip())} is neither true nor false")
        return read
    return parse_text(text, column)


def check_own(value: object, column: str, type_: Type) -> object:
    """A value of a field of one's own, sent as JSON; None where it says nothing."""
    if value is None:
        return None
    sent: dict[Type, type | tuple[type, ...]] = {
        "text[]": list, "boolean": bool, "integer": int, "numeric": (int, float),
    }  # fmt: skip
    number = type_ in ("integer", "numeric")
    if not isinstance(value, sent.get(type_, str)) or (number and isinstance(value, bool)):
        raise FieldError(column, f"{quote(json.dumps(value))} is no {type_}")
    if isinstance(value, list):
        if len(value) > MOST_VALUES or not all(isinstance(each, str) for each in value):
            raise FieldError(column, f"it is no list of at most {MOST_VALUES} texts")
        texts = (parse_own(each, column, "text") for each in value)
        return list(dict.fromkeys(text for text in texts if text is not None)) or None
    return value if isinstance(value, bool) else parse_own(str(value), column, type_)


def _parse_amount(text: str, column: str) -> int | float:
    number = float(parse_number(text, column))
    if not 0 <= number < 10**14:
        raise FieldError(column, f"{quote(text.strip())} is not from 0 to 10^14")
    return int(number) if number == int(number) else number
