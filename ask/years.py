"""Years in a request: decades, bounds before and behind them, words for old and new."""

import re
from typing import Literal

from ask.draft import GAP, Draft
from ask.numbers import COUNT, read_number
from ask.words import DECADES, FILM, GENRE, NOUN, in_one

OLD_UNTIL = 1979
RECENT_YEARS = 4
"""What old and recent mean, as docs/ask.md says."""

_YEAR = r"(18[89]|19\d|20\d)\d"
DECADE = rf"(the )?'?({_YEAR[:-2]}0'?s|\d0'?s|{'|'.join(DECADES)})"
_PART = in_one(r"""((the )?(?P<{0}part>early|mid|middle|late|first half of
    |second half of)( |-)?(of )?)?(the )?""")
_TO = r"\s*(-|–|to|through|until|till)\s*(from )?"
_NOTHING = in_one(r"""(nothing|none|not?( anything| films?| movies?| (the |any )?ones?| those)?
    |never|isn't|aren't|wasn't|weren't|not made|weren't made|(were|are|was|is) not( made
    | released)?)""")
_IN = r"((that (was|were|is) )?(released |made |shot |set )?(in|from|of|during|by) (the )?)?"

_PARTS = {
    "first half of": (0, 4), "second half of": (5, 9), "early": (0, 3), "mid": (4, 6),
    "middle": (4, 6), "late": (7, 9),
}  # fmt: skip


def read_decade(text: str) -> int:
    """The first year of ``nineties``, ``'80s`` or ``1980s``; two digits are of 1920 to 2010."""
    word = re.sub(r"^the |'", "", text.lower()).strip()
    if word in DECADES:
        return DECADES[word]
    number = int(word.removesuffix("s"))
    if number >= 100:
        return number
    return number + (2000 if number < 20 else 1900)


def read_years(draft: Draft, latest: int | None) -> None:
    """Years and decades, and words for old and new."""
    _last_years(draft, latest)
    for read in (_year_spans, _decade_spans, _bounded_years, _loose_years):
        read(draft)
    if draft.take(r"\bnot (too|that|so|very) old\b"):
        draft.narrow("year", OLD_UNTIL + 1, None)
    recent = draft.take(rf"""\b(the )?(most )?(recent|newer|current|new(?= {NOUN}\b)
        |(?<=thing )new)( years| releases?)?\b""")
    bound = draft.ranges.get("year")
    if recent and latest and (bound is None or bound.low is None):
        draft.narrow("year", latest - RECENT_YEARS, None)
    if draft.take(rf"""(?<!about )(?<!about an )(?<!how )\bold(er|ies)?\b(?= +([\w¦-]+ +){{0,4}}?
        ({FILM}|{GENRE})\b)|\bclassics?\b|\bvintage\b|\bold[- ]time\b"""):
        draft.narrow("year", None, OLD_UNTIL)


def _last_years(draft: Draft, latest: int | None) -> None:
    """``the past ten years``, counted back from the catalog's last year."""
    found = draft.take(rf"""\b(from |of |in |within |during |made in |over )?(the )?(last
        |past)( (?P<n>{COUNT}|couple of|few))? (?P<unit>years?|decades?)\b""")
    if found is None or not latest:
        return
    said = (found["n"] or "a").lower()
    number = {"couple of": 2.0, "few": 3.0}.get(said) or read_number(said)
    years = number * (10 if found["unit"].lower().startswith("d") else 1)
    draft.narrow("year", latest + 1 - years, None)
    draft.notes.append(f"Years are counted back from {latest}, the catalog's last.")


def _year_spans(draft: Draft) -> None:
    for found in draft.take_all(rf"""\b(between (?P<low2>{_YEAR}) (and|or|to) (?P<high2>{_YEAR})
        |(from |in )?(?P<low>{_YEAR}){_TO}(?P<high>{_YEAR}))\b"""):
        draft.narrow("year", *sorted(int(year) for year in found.groupdict().values() if year))


def _decade_spans(draft: Draft) -> None:
    first, second = _PART.format("a"), _PART.format("b")
    for opening, between in ((r"\bbetween ", " (and|or|to) "), (rf"(\b{_IN})?(?<!\w)", _TO)):
        for found in draft.take_all(rf"""{opening}{first}(?P<low>{DECADE}){between}{second}
            (?P<high>{DECADE})(?!\w)"""):
            (low, _), (_, high) = _decade(found, "low", "apart"), _decade(found, "high", "bpart")
            draft.narrow("year", min(low, high), max(low, high))


def _decade(found: "re.Match[str]", name: str, part: str) -> tuple[int, int]:
    begin = read_decade(found[name])
    low, high = _PARTS.get((found[part] or "").lower(), (0, 9))
    return begin + low, begin + high


_WHEN = rf"(the year )?((?P<year>{_YEAR})|{_PART.format('a')}(?P<low>{DECADE}))(?![\w'])"
_MADE_IN = r"((made |released |shot |dating |out )?(from|in|of|by|since|around) )?"
_AND = r"( ?, ?| )?(or|and|&) (even |any(thing)? |(made |released )?(in )?)?"
_Way = Literal["from", "to", "before", "after"]
_BEFORE: dict[str, _Way] = {
    rf"{_NOTHING} (too )?(made |released )?(from )?(older than|before|earlier than"
    r"|prior to|pre-?)": "from",
    rf"{_NOTHING} (made |released )?(from )?(newer than|after|later than|since|past|post-?)":
        "to",
    r"(from )?((any ?time |way |well |just )?before|prior to|older than|earlier than"
    r"|pre-?)": "before",
    r"(from )?((any ?time |way |well |just )?after|newer than|more recent than"
    r"|later than|younger than|post-?|past)": "after",
    r"(ever )?(since|(starting|beginning) (in|from|with)|as of|from at least)": "from",
    r"(from )?(up )?(until|till|through)|(from )?up to|(from )?at (the )?latest": "to",
}  # fmt: skip
_BEHIND_YEAR: dict[str, _Way] = {
    rf"({_AND}(later|newer|after(wards?)?|above|up(wards?)?|younger|onwards?|since"
    r"|more recent(ly)?|beyond|thereafter)| ?onwards?| ?forwards?| on(?= |$|[,.])| ?\+"
    r"| ?(-|–|to|until|till|through) ?(now|today|the present( day)?|present|this year"
    r"|date)| at the earliest|,? earliest)": "from",
    rf"({_AND}(before|earlier|older|below|prior|under)| at the latest|,? latest"
    r"| ?backwards?| and back)": "to",
}  # fmt: skip
_NOT_IN = rf"\b{_NOTHING} (made |released |shot )?(from |in |of |during )(the )?"

_OR_ALSO = rf",? (or|nor|and) (?=[\w' ]*(\d0'?s|{_YEAR}|{'|'.join(DECADES)})\b)"
"""That more years are not wanted: not from the 60s or the 90s."""


def _bounded_years(draft: Draft) -> None:
    for behind, way in _BEHIND_YEAR.items():
        for found in draft.take_all(rf"""(?<!\w){_MADE_IN}{_WHEN}{behind}(?!\w)(?! (the )?({_YEAR}
            |{DECADE}))"""):
            _bound(draft, way, *_years_of(found))
    while (out := draft.take(rf"{_NOT_IN}{_WHEN}(?P<more>{_OR_ALSO})?")) is not None:
        draft.leave_out("year", *_years_of(out))
        if out["more"]:
            rest = draft.text[out.start() :].lstrip(f" {GAP}")
            draft.text = f"{draft.text[: out.start()]} not from {rest}"
    for words, way in _BEFORE.items():
        for found in draft.take_all(rf"\b({words}) ?{_WHEN}"):
            _bound(draft, way, *_years_of(found))


def _bound(draft: Draft, way: _Way, first: int, last: int) -> None:
    bounds: dict[_Way, tuple[int | None, int | None]] = {
        "from": (first, None), "to": (None, last), "before": (None, first - 1),
        "after": (last + 1, None),
    }  # fmt: skip
    draft.narrow("year", *bounds[way])


def _loose_years(draft: Draft) -> None:
    if draft.take(r"\b(from |of |in )?(this|the 21st|the twenty-first) century\b"):
        draft.narrow("year", 2000, None)
    if draft.take(r"\b(from |of |in )?the (last|20th|twentieth) century\b"):
        draft.narrow("year", None, 1999)
    if draft.take(r"\b(from |around |at )*the turn of the (millennium|century)\b"):
        draft.narrow("year", 1999, 2001)
    for found in draft.take_all(rf"(?<!\w){_IN}{_PART.format('a')}(?P<low>{DECADE})(?!\w)"):
        draft.narrow("year", *_decade(found, "low", "apart"))
    for found in draft.take_all(rf"\b{_IN}(the year )?(?P<year>{_YEAR})\b"):
        draft.narrow("year", int(found["year"]), int(found["year"]))


def _years_of(found: "re.Match[str]") -> tuple[int, int]:
    if found["year"]:
        return int(found["year"]), int(found["year"])
    return _decade(found, "low", "apart")
