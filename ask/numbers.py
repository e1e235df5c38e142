"""Numbers in a request: running times, ratings, money."""

import re

from ask.draft import Draft
from ask.structure import MOST, STEPS, Quantity
from ask.words import GAINED, LOST, NOUN, NUMBERS, any_case, in_one

SHORT, LONG, NOT_LONG = 90, 150, 120
ABOUT_MINUTES = 10
"""What short, long, not too long and about mean, as docs/ask.md says."""

COUNT = rf"(\d+([.,]\d+)?|{'|'.join(sorted(NUMBERS, key=len, reverse=True))}|an?)"
_STARS = r"(\d(\.\d+)?|one|two|three|four|five)"
_AFTER_FIGURE = r"((?<=\d)|(?<=\d[ -]))"  # one letter is a unit after figures only: "I am", "ah"
_HOURS = rf"(?P<hours>{COUNT})(?P<half> and a half)?[ -]?(hours?|hrs?|{_AFTER_FIGURE}h)\b"
_TIME = r"(hours?|hrs?|h|minutes?|mins?)\b"
_MINUTES = rf"(?P<minutes>{COUNT})[ -]?(minutes?|mins?\.?|{_AFTER_FIGURE}m)\b"
_LENGTH = in_one(rf"""(half an hour|{_HOURS}(?P<later> and a half)?(,? (and )?(?P<more>
    (?!an? ){COUNT})[ -]?(minutes?|mins?|{_AFTER_FIGURE}m)?\b)?|{_MINUTES})""")

BELOW = r"under|less than|shorter than|below|fewer than|lower than|worse than|cheaper than"
ABOVE = r"over|more than|longer than|above|higher than|better than|upwards of|beyond"
_NOT = r"(no|not|nothing|none|isn't|aren't|never)"
AT_MOST = in_one(rf"""at (the )?most|up to|max(imum)?( of)?|{_NOT} (longer|more|higher|greater
    |bigger|better|above|over) than|{_NOT} (over|above)|within""")
AT_LEAST = in_one(rf"""at (the )?least|min(imum)?( of)?|{_NOT} (less|shorter|fewer|lower|smaller
    |worse|under|below) than|{_NOT} (under|below)|from""")
_ABOUT = r"about|around|roughly|approximately|some|circa"
_COMPARED = in_one(rf"""((?P<most>{AT_MOST})|(?P<least>{AT_LEAST})|(?P<below>{BELOW})
    |(?P<above>{ABOVE})|(?P<about>{_ABOUT})) ?""")
_AFTER = in_one(rf"""(,? ?((?P<orless>or (less|shorter|under|fewer|below|lower)|max(imum)?\b|tops\b
    |at (the )?most\b)|(?P<ormore>\+|min(imum)?\b|at (the )?least\b|(or|and) (more|longer|over
    |better|higher|above|up(wards)?)))(?! {COUNT}\b))?""")
_AFTER_STARS = _AFTER.replace("orless", "orless2").replace("ormore", "ormore2")

_UNITS = {"k": 1e3, "t": 1e3, "m": 1e6, "b": 1e9}
_UNIT_AHEAD = r"(?=\$|(a )?[\w.,]+ ?(k|thousand|m|mio|mill?|millions?|bn?|billions?)\b|[\d,]{5,})"
_AMOUNT = in_one(r"""(?P<{0}sign>\$ ?)?(?P<{0}amount>\d[\d,]*(\.\d+)?|a|one|two|three|five|ten
    |twenty|fifty|a hundred|hundred) ?(?P<{0}unit>k|thousand|m|mio|mill?|millions?|bn?
    |billions?)?\b( ?(us )?(dollars?|usd|bucks))?""")
_SPENT = in_one(r"""(with |on )?(an? )?budgets?|(that )?costs?|costing|made for|shot for|filmed for
    |budgeted( at)?""")
_EARNED = in_one(r"""(that |which )?(gross(ed|ing|es)?|earn(ed|ing|s)?|made|making|took in|takings
    |brought in|(with |an? )*revenues?|(with |an? )*box[- ]office)""")


def read_number(word: str) -> float:
    """``2.5``, ``two`` or ``a`` as a number."""
    text = word.lower()
    if text in ("a", "an"):
        return 1.0
    return float(NUMBERS[text]) if text in NUMBERS else float(text.replace(",", "."))


def _compared(
    draft: Draft,
    quantity: Quantity,
    found: "re.Match[str]",
    value: float,
    around: float,
    *,
    from_it: bool = False,
) -> None:
    """Bound a quantity as the words around the number say, which is ``around`` it otherwise.

    ``from_it``: a bare number is the least one.
    """
    words = {name.rstrip("2") for name, text in found.groupdict().items() if text}
    step = STEPS.get(quantity, 1)
    if words & {"most", "orless"}:
        draft.narrow(quantity, None, value)
    elif words & {"least", "ormore"}:
        draft.narrow(quantity, value, None)
    elif "below" in words:
        draft.narrow(quantity, None, round(value - step, 2))
    elif "above" in words:
        draft.narrow(quantity, round(value + step, 2), None)
    elif from_it and "about" not in words:
        draft.narrow(quantity, value, None)
    else:
        most = 5.0 if quantity == "avg_rating" else MOST
        draft.narrow(quantity, max(0.0, value - around), min(most, value + around))


_TIME_LEFT = any_case(r"""\b(i|we)( have|'ve)( got)?( only| just| about)* (?=[\w.]+
    ( and a half)?[ -]?(hours?|minutes?|mins?|hrs?)\b)""")
_TOO_LONG = any_case(r"""\b(?P<not>not|nothing|isn't|aren't) (too|very|overly
    |that) long\b(?P<or>,? (or|nor) |, (?=too |very ))?(?(or)(too |very )?)""")


def read_runtime(draft: Draft) -> None:
    """``under two hours``, ``about 90 minutes``, ``not too long``, ``I have 2 hours``."""
    draft.text = _TIME_LEFT.sub("at most ", draft.text)
    for found in draft.take_all(rf"""\b(between |from )?(?P<low>{COUNT})( ?{_TIME})?( (and
        |to) | ?[-–] ?)(?P<high>{COUNT})(?P<half> and a half)? ?(?P<unit>{_TIME})"""):
        unit = 1 if found["unit"].lower().startswith("m") else 60
        high = (read_number(found["high"]) + (0.5 if found["half"] else 0)) * unit
        draft.narrow("runtime_minutes", read_number(found["low"]) * unit, high)
    for found in draft.take_all(rf"""\b((that )?(is|are|runs?|lasts?|lasting
        |running) )?({_COMPARED})?{_LENGTH}( long)?{_AFTER}"""):
        _compared(draft, "runtime_minutes", found, _length(found), ABOUT_MINUTES)
    if (too_long := draft.take(_TOO_LONG)) is not None:
        draft.narrow("runtime_minutes", None, NOT_LONG)
        if too_long["or"]:
            begin = too_long.start()
            draft.text = f"{draft.text[:begin]} {too_long['not']} {draft.text[begin + 3 :]}"
    if draft.take(r"\bneither (too )?(long|short),? n?or (too )?(long|short)\b"):
        draft.narrow("runtime_minutes", SHORT, NOT_LONG)
    if draft.take(r"\b(not|nothing) (too|very|that) short\b"):
        draft.narrow("runtime_minutes", SHORT, None)
    near = rf"(?=,? ([\w-]+,? ){{0,2}}?{NOUN}\b)"
    if draft.take(rf"\b(very )?short(?! stor){near}"):
        draft.narrow("runtime_minutes", None, SHORT)
    alone = r"(?<=something ){0}\b|\b{0} and (?=\w+)|(?<=\w) and {0}\b(?=\W*$| [fp])"
    if draft.take(alone.format("short")):
        draft.narrow("runtime_minutes", None, SHORT)
    if draft.take(rf"\b(very )?long{near}|{alone.format('long')}"):
        draft.narrow("runtime_minutes", LONG, None)


def _length(found: "re.Match[str]") -> float:
    if found["minutes"]:
        return read_number(found["minutes"])
    if not found["hours"]:
        return 30.0
    half = 30 if found["half"] or found["later"] else 0
    return read_number(found["hours"]) * 60 + half + read_number(found["more"] or "zero")


def read_ratings(draft: Draft) -> None:
    """``at least 50 ratings``, ``rated above 3.5``, ``4 stars or more``, ``exactly 3 stars``."""
    _read_counts(draft)
    _read_stars(draft)


def _read_counts(draft: Draft) -> None:
    if draft.take(r"""\b((with|have|has|got) no|without( any)?) (ratings|votes)\b
        |\b(that |which )?(nobody|no one|no-one)( has)?( ever)? rated\b|\bunrated\b"""):
        draft.narrow("rating_count", None, 0)
    for found in draft.take_all(rf"\bby ({_COMPARED})?(?P<n>\d+) people\b"):
        _compared(draft, "rating_count", found, float(found["n"]), 0)
    for found in draft.take_all(rf"""\b((with|rated by|seen by) )?({_COMPARED})?(?P<n>\d[\d,]*
        |an? hundred|a thousand|five|ten|twenty|fifty|a dozen)(?P<ormore>\+)? (or more )?(ratings
        |votes|raters|(people|users)( who)? (have )?(rated|seen|watched)( it| them)?)"""):
        word = found["n"].split()[-1].lower()
        value = {"thousand": 1000.0, "dozen": 12.0}.get(word) or read_number(word.replace(",", ""))
        _compared(draft, "rating_count", found, value, value / 10, from_it=True)


def _read_stars(draft: Draft) -> None:
    stars = r"(-| )?(stars?|/ ?5|out of (5|five))"
    for pattern in (
        rf"\b(with |rated |ratings? |scored? |stars? )*(between|from) (?P<low>{_STARS})( "
        rf"stars?)? (and|to) (?P<high>{_STARS})"
        r"(?! ?(hours?|hrs?|h\b|min|films|movies|million|m\b|k\b|dollars))( stars?)?(?![\d.])",
        rf"\b(with |rated )?(?P<low>{_STARS}) ?(to|-|–) ?(?P<high>{_STARS}){stars}",
        rf"\b(with |rated )?exactly (?P<low>{_STARS})(?P<high>){stars}",
        rf"\brated exactly (?P<low>{_STARS})(?P<high>)(?![\w.])",
    ):
        for found in draft.take_all(pattern):
            ends = sorted(read_number(found[end] or found["low"]) for end in ("low", "high"))
            if _on_the_scale(draft, found, ends[1]):
                draft.narrow("avg_rating", *ends)
    for found in draft.take_all(rf"""\b(with |rated |rating |scored? )*(a (mean )?rating )?(of )?
        ({_COMPARED})?(?P<n>{_STARS}){_AFTER}{stars}{_AFTER_STARS}"""):
        _stars(draft, found)
    for found in draft.take_all(rf"""\b((is |are )?(rated|scored)|(with |and )*(a |an )?((mean
        |average) )?(ratings?|scores?|stars))( of| is| are)? ({_COMPARED})?(?P<n>\d(\.\d+)?|one|two
        |three|four|five)(?![\w.]| ?(ratings|votes|people|users)){_AFTER}"""):
        _stars(draft, found)

    for found in draft.take_all(r"""(^|(?<=\w ))((?P<above>above|over|more than|higher than
        |better than)|(?P<least>at least)|(?P<below>below|under|less than|lower than|worse than)
        |(?P<most>at most)) (?P<n>[0-5](\.\d+)?)(?=\W*$| (from|in|by|with|since|before|after|for|and
        |but|or|only|please)\b)"""):
        _stars(draft, found)


def _on_the_scale(draft: Draft, found: "re.Match[str]", value: float) -> bool:
    """Whether ratings go as far; else that is said."""
    if value > 5:
        draft.notes.append(f"“{found[0].strip()}” was left out: ratings go from 0.5 to 5.")
    return value <= 5


def _stars(draft: Draft, found: "re.Match[str]") -> None:
    value = read_number(found["n"])
    if _on_the_scale(draft, found, value):
        _compared(draft, "avg_rating", found, value, 0.25, from_it=True)


def read_money(draft: Draft) -> None:
    """``a budget over $100 million``, ``grossed less than 5 million dollars``."""
    amount, second = _AMOUNT.format("a"), _UNIT_AHEAD + _AMOUNT.format("b")
    single = _UNIT_AHEAD + _AMOUNT.format("c")
    cues: dict[Quantity, str] = {"budget": _SPENT, "revenue": _EARNED}
    for quantity, cue in cues.items():
        for found in draft.take_all(rf"""\b({cue}) ?(of |was |were |is |at |budget )?
            (between {amount} and {second}|({_COMPARED})?{single})( at the box office)?"""):
            _money(draft, quantity, found)
    for words, low, high in ((LOST, None, -1.0), (GAINED, 1.0, None)):
        for found in draft.take_all(rf"""\b(?P<no>(no|not|nothing that|without|except|(any
            |every)thing but|all but) )?({words})(?!\w)"""):
            (draft.leave_out if found["no"] else draft.narrow)("profit", low, high)


def _money(draft: Draft, quantity: Quantity, found: "re.Match[str]") -> None:
    if found["aamount"]:
        low = _dollars(found, "a", found["bunit"])
        draft.narrow(quantity, low, _dollars(found, "b"))
        return
    value = _dollars(found, "c")
    if quantity == "revenue" and not any(
        found[name] for name in ("most", "least", "below", "above")
    ):
        draft.narrow(quantity, value, None)
    else:
        _compared(draft, quantity, found, value, value / 5)


def _dollars(found: "re.Match[str]", name: str, unit_behind: str | None = None) -> float:
    unit = found[f"{name}unit"] or unit_behind or ""
    number = found[f"{name}amount"].lower()
    value = float(NUMBERS[number]) if number in NUMBERS else read_number(number.replace(",", ""))
    return value * _UNITS.get(unit[:1].lower(), 1.0)
