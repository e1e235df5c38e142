"""Fields of a line: text into values, or FieldError with the reason a person can act on."""

import re
from datetime import UTC, date, datetime

_INTEGER = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?")
_EPOCH = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
# What the search index can hold of one field, and the key of tags of one tag.
LONGEST_TEXT = 100_000
LONGEST_TAG = 600
_MISSING = frozenset(("", "\\N", "NA", "NaN", "nan", "null", "NULL", "None"))


class FieldError(ValueError):
    """A field that cannot be read: its column and the reason."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column, self.reason = column, reason


def quote(text: str) -> str:
    """A value for a message: quoted, short."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def parse_id(text: str, column: str) -> int:
    """A whole number from 0, as ids are."""
    text = text.strip()
    if _INTEGER.fullmatch(text) is None:
        raise FieldError(column, f"{quote(text)} is not a whole number")
    return int(text)


def parse_integer(text: str, column: str) -> int | None:
    """A whole number from 0, or None where the field is empty. 12.0 is 12."""
    text = text.strip()
    if text in _MISSING:
        return None
    return parse_id(text.removesuffix(".0"), column)


def parse_number(text: str, column: str) -> str:
    """A decimal number, kept as text: the database reads it."""
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        raise FieldError(column, f"{quote(text)} is not a number")
    return text


def parse_text(text: str, column: str, longest: int = LONGEST_TEXT) -> str | None:
    """Text without outer spaces; None when empty."""
    if "\x00" in text:
        raise FieldError(column, "holds a NUL character")
    if len(text) > longest:
        raise FieldError(column, f"is longer than {longest:,} characters")
    return text.strip() or None


def parse_needed_text(text: str, column: str) -> str:
    """Text that must not be empty."""
    found = parse_text(text, column)
    if found is None:
        raise FieldError(column, "is empty")
    return found


def parse_names(text: str, column: str, separator: str = "|") -> tuple[str, ...]:
    """A list of names in one field, each once, in their order."""
    parse_text(text, column)
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(separator)))))


def parse_day(text: str, column: str) -> date | None:
    """A date as ISO 8601 writes it (2001-12-19) or MovieLens 100K (19-Dec-2001)."""
    text = text.strip()
    if text in _MISSING:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        pass
    try:
        return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).date()
    except ValueError:
        raise FieldError(column, f"{quote(text)} is not a date such as 2001-12-19") from None


def parse_time(text: str, column: str) -> str:
    """A time as epoch seconds, from epoch seconds or ISO 8601 (UTC unless it says otherwise)."""
    text = text.strip()
    if _EPOCH.fullmatch(text):
        return text
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(
            column, f"{quote(text)} is neither epoch seconds nor a time such as 2001-12-19T20:15:00"
        ) from None
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    if read.timestamp() < 0:
        raise FieldError(column, f"{quote(text)} is before 1970")
    return f"{read.timestamp():.6f}".rstrip("0").rstrip(".")
