"""Days and times of a line, in the forms that people have."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Literal, get_args

from ingest.fields import FieldError, is_missing, quote

_EPOCH = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,12})?")
_DAY = re.compile(r"[0-9]{8}")
_FORMS = (
    "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%d %b %Y %H:%M",
    "%d %b %Y, %H:%M", "%m %d, %Y",
)  # fmt: skip
_YEAR_FIRST = re.compile(r"([0-9]{4})[/.]([0-9]{1,2})[/.]([0-9]{1,2})(?![0-9])")
_DAY_FIRST = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?![0-9])")
_SLASHES = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?![0-9])")
_HALF_DAY = re.compile(r"([0-9]{1,2})(:[0-9:.]+)[ \u202f]?([AP])M$", re.IGNORECASE)
_ONE_DIGIT = re.compile(r"(?<=[0-9]{4}-[0-9]{2}-[0-9]{2} )(?=[0-9]:)")
DateFormat = Literal["d/m/y", "m/d/y"]
"""How 05/06/2020 is read; left open, it is refused."""
_LONGEST_TIME = 60  # characters: chosen far above any


def parse_day(text: str, column: str, form: DateFormat | None = None) -> date | None:
    """A date as ISO 8601 writes it (2001-12-19), alone or before a time, in words or with points.

    19-Dec-2001, December 19, 2001, 2001/12/19, 19.12.2001; ``form`` says how slashes part it.
    """
    text = text.strip()
    if is_missing(text):
        return None
    read = None if _EPOCH.fullmatch(text) and not _DAY.fullmatch(text) else _read_time(text, form)
    if read is None:
        raise FieldError(column, _two_days(text, "is not a date such as 2001-12-19"))
    return read.date()


def parse_time(text: str, column: str, form: DateFormat | None = None) -> str:
    """A time as epoch seconds, from seconds, thousandths or millionths since 1970, or ISO 8601.

    UTC unless it says otherwise. Eight digits are a date: 20200501. ``form``
    says how slashes part it.
    """
    text = text.strip()
    if _EPOCH.fullmatch(text) and not _DAY.fullmatch(text):
        _refuse_days(text, column)
        return _seconds(text)
    read = _read_time(text, form)
    if read is None:
        what = "is neither epoch seconds nor a time such as 2001-12-19T20:15:00"
        raise FieldError(column, _two_days(text, what))
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    if read.timestamp() < 0:
        raise FieldError(column, f"{quote(text)} is before 1970")
    return f"{read.timestamp():.6f}".rstrip("0").rstrip(".")


def _strptime(form: str, text: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _seconds(text: str) -> str:
    """Epoch seconds: more than 11 digits count thousandths, more than 14 millionths."""
    digits = len(text.partition(".")[0].lstrip("0"))
    if digits <= 11:
        return text
    scale = 10**3 if digits <= 14 else 10**6 if digits <= 17 else 10**9
    return f"{float(text) / scale:.6f}".rstrip("0").rstrip(".")


def _two_days(text: str, otherwise: str) -> str:
    """Why a text is no day: 05/06/2020 is one in May here and one in June there."""
    found = _SLASHES.match(text)
    two = found is not None and max(int(found[1]), int(found[2])) <= 12 and found[1] != found[2]
    which = f"may be two days: say which by --date-format ({' or '.join(get_args(DateFormat))})"
    return f"{quote(text)} {which if two else otherwise}"


def _by_slashes(found: re.Match[str], form: DateFormat | None) -> str:
    """A date of which only one part can be the month, or as ``form`` says, as ISO 8601 has it;
    others as they are."""
    first, second = int(found[1]), int(found[2])
    if form is None and first != second and max(first, second) <= 12:
        return found[0]
    day_first = first > 12 if form is None else form == "d/m/y"
    month, day = (second, first) if day_first else (first, second)
    return f"{found[3]}-{month:02}-{day:02}"


def _of_24_hours(found: re.Match[str]) -> str:
    """8:15 PM as 20:15."""
    hour = int(found[1]) % 12 + 12 * (found[3] in "pP") if 1 <= int(found[1]) <= 12 else 99
    return f"{hour:02}{found[2]}"


def _refuse_days(text: str, column: str) -> None:
    """Refuse a number that is a year, or a day as spreadsheets count: as seconds it were 1970."""
    days = int(float(text))
    if len(text) == 4 and 1900 <= days <= 2100:
        raise FieldError(column, f"{quote(text)} looks like a year: write a date (2001-12-19)")
    if 20_000 <= days < 60_000:
        day = date(1899, 12, 30) + timedelta(days)
        raise FieldError(
            column, f"{quote(text)} looks like {day} as spreadsheets count: format it as a date"
        )


def _read_time(text: str, form: DateFormat | None = None) -> datetime | None:
    if len(text) > _LONGEST_TIME:
        return None
    text = _YEAR_FIRST.sub(lambda d: f"{d[1]}-{d[2]:0>2}-{d[3]:0>2}", text, count=1)
    text = _DAY_FIRST.sub(lambda d: f"{d[3]}-{d[2]:0>2}-{d[1]:0>2}", text, count=1)
    text = _SLASHES.sub(lambda found: _by_slashes(found, form), text, count=1)
    if text[-1:] in "mM":
        text = _HALF_DAY.sub(_of_24_hours, text)
    readers: tuple[Callable[[str], datetime], ...] = (
        datetime.fromisoformat,
        lambda text: datetime.fromisoformat(_ONE_DIGIT.sub("0", text)),
        *(partial(_strptime, form) for form in _FORMS),
        parsedate_to_datetime,
    )
    for reader in readers:
        try:
            return reader(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
