"""What is said next: “only those from the nineties”, “without the second”, “more like the third”.

Where a talk stands is one small state, held by whoever asks and signed: nothing is stored here.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import Field, ValidationError

from ask.changed import merge
from ask.likes import COMPARATIVES, SAME
from ask.rules import CANNOT, Ignored, Reading, doubt, read_alone
from ask.structure import LONGEST_LIST, Exclusions, Quantity, Sort, Structure, Title, Way
from ask.titles import make_title
from ask.understood import parts_of
from ask.words import NOUN, ORDINALS, any_case, in_one
from palate.contract import LARGEST_ID, Frozen
from palate.errors import MisuseError
from palate.settings import Settings
from search.names import Film, Names
from search.vocabulary import NUMBERS, number_of

LONGEST_STATE = 4_000
"""Characters of a state that are read."""

MOST_SHOWN = 50


class Turn(Frozen):
    """Where a talk stands: what was understood, and the films that were shown, in their order."""

    structure: Structure
    shown: Annotated[
        tuple[Annotated[int, Field(ge=0, le=LARGEST_ID)], ...], Field(max_length=MOST_SHOWN)
    ] = ()


class TurnSigner:
    """Writes turns as text and reads back only its own."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.cursor_secret
        key = secret.get_secret_value() if secret else secrets.token_hex(32)
        self._serializer = URLSafeSerializer(key, salt="palate.ask")

    def write(self, turn: Turn) -> str:
        """The turn as text for an address."""
        structure = turn.structure.model_dump(mode="json", exclude_defaults=True)
        written: str = self._serializer.dumps([structure, turn.shown])
        return written

    def read(self, text: str) -> Turn:
        """The turn behind a text. Raises MisuseError for one that is not ours."""
        try:
            if len(text) > LONGEST_STATE:
                raise ValueError("too long")
            structure, shown = self._serializer.loads(text)
            return Turn(structure=structure, shown=shown)
        except (BadSignature, ValueError, TypeError, ValidationError) as error:
            raise MisuseError(
                "The conversation is not one of ours, or the server that gave it has restarted "
                "without PALATE_CURSOR_SECRET. Nothing was done. Ask again without it."
            ) from error


_THAT = any_case(rf"""(?<!st )\b(the )?(?P<word>{"|".join(ORDINALS)}|last|\d{{1,2}}(st|nd|rd
    |th))( (one|film|movie|result|title)\b( of (them|these|those))?|( of (them|these|those))?(?=\W*$
    |\W+(and|or|but|please|long|about|rated|cost|made|come|came|please)\b|,))|(\bnumber |\bno\. ?
    |#)(?P<digits>\d{{1,2}})\b|\b(?P<it>(?<!make )it|that one|this one)\b""")
_ANEW = any_case(r"""^((ok|okay|actually|no|wait|please|and|well|hm+|sorry|let'?s|can we
    |i want to)[, ]+)*((start|begin)(ing)? (over|again|anew|afresh|fresh|from (scratch|the (start
    |beginning)))|(a )?(new|different|another|fresh) (search|question|topic|request|talk
    |conversation|chat|start)|reset|restart|clear( (all|everything|that|it))?|(forget|scratch|scrap
    |ignore|cancel) (all )?(that|it|about (that|it|all that)|everything|this|the (above|rest
    |filters?)|what i said|all (that|of (it|that)))|never ?mind( that| all that)?
    |something (completely |entirely |totally )?(different|else)( now| please)?(?=\W*$
    |[:,.;]))\b[\s,.;:!-]*""")
"""That a talk begins anew: what was asked before counts no more."""
_SEVERAL = any_case(r"""\bthe (?P<end>first|top|last) (?P<n>two|three|four|five|[2-9])( (ones|films
    |movies))?\b( of (them|these|those))?|\b(?P<all>all (of )?(them|these|those)|(them|these
    |those) all)\b""")
_TOP = any_case(rf"""^((just|only|show( me)?|give me|please) )*(the )?(top |first |best )?
    (?P<n>\d{{1,2}}|{"|".join(NUMBERS)})( (of (them|these|those)|ones|please))*\W*$""")
_SEEN = in_one(r"""(i|we)('ve| have)? (already )?(seen|watched|saw|know|hated?|didn't like
    |don't (like|want))""")
_IF_IN = any_case(r"""\b(only )?(if|when|where) (?P<who>.+?) (is|are|stars?|appears?|plays?) in (it
    |them)\b""")
_OUT = any_case(rf"""^(and |but |please |ok |well |no |,)*({_SEEN}|without|not|except|drop|remove
    |skip|hide|leave out|minus|no|anything but) (?=all |it\b|that one|the |number|#|no\.)""")
_MORE = any_case(r"""^(and |please )*((show|give|find|tell) me )?((some |a few |\d+ )?(more|others?
    |other ones|another( one)?)|(the )?next( (ones|page|\d+))?|what else|anything else
    |go on)( please| films| movies)*[?.!\s]*$""")
_THEY = any_case(r"\b(all (of )?)?(they|them|these|those)( all)?( (films|movies|ones))?\b")
_OF_THOSE = any_case(r"\b(which one|(which )?of (them|these|those))\b")
_WHICH_OF = any_case(r"\bwhich (one|of (them|these|those))\b")
_CUE = any_case(r"""^((and|or|but|ok|okay|now|then|so|please|hm+|actually|no,|yes,|great,|thanks,
    |i meant|(the )?same,? but|make (it|them|that)|let's say|only|just|rather|also|any by|what about
    |how about|maybe|with|without|not|no|from|by|in|before|after|since|under|over|forget( about)?
    |nothing|except|something|anything|the ones|those|ones|which are|that are|sort(ed)?|order(ed)?
    |for user|in the)\b[, ]*)""")
_MARK = any_case(r"\b(ones?|instead|of (them|these|those)|them|those|these|too|as well)\b")
_LEAD = any_case(r"""^(((the )?same,? but|and|or|but|ok|okay|now|then|so|please|actually|yes|great
    |thanks|i meant|make (it|them|that)|let's say|only|just|rather|also|what about|how about|maybe
    |show me|give me|i want|the ones|those|ones|that are|which are)\b[, ]*)+""")
_ORDERS: tuple[tuple[Quantity, Way, str], ...] = (
    ("avg_rating", "more", "better"),
    ("avg_rating", "less", "worse"),
    *COMPARATIVES,
)
_LISTING = ("search", "recommend", "similar", "count")
"""Intents whose films a talk goes on from; of others, conditions are a request of their own."""
_OF_FILMS = frozenset({"intent", "text", "genres", "keywords", "people", "titles", "like_people"})


def read_next(text: str, names: Names, before: Turn) -> Reading:
    """How what is said next is understood, after ``before``. Raises MisuseError."""
    reading = doubt(text, _read_next(text, names, before))
    kept = {part.says for part in parts_of(reading.structure)}
    lost = [part.says for part in parts_of(before.structure) if part.part in _OF_FILMS]
    lists = reading.structure.intent in _LISTING and not (reading.left_out or kept & {*lost})
    if not lists or not lost or _ANEW.match(text) or _names_a_kind(text, reading.structure):
        return reading
    why = "it was asked before, and counts no more"
    return replace(reading, doubts=(Ignored(words=", ".join(lost), why=why),))


def _names_a_kind(text: str, structure: Structure) -> bool:
    """Whether a text says of what kind films are, and so is a request of its own."""
    own = structure.model_dump(exclude_defaults=True).keys() & (_OF_FILMS - {"intent", "people"})
    return bool(own) or any_case(rf"\b{NOUN}\b").search(text) is not None


def _read_next(text: str, names: Names, before: Turn) -> Reading:
    if (anew := _ANEW.match(text)) is not None:
        return _anew(text[anew.end() :], names, before)
    shown = [film for movie_id in before.shown if (film := names.film(movie_id)) is not None]
    text = _IF_IN.sub(r"with \g<who>", text)
    if (top := _TOP.match(text)) is not None and before.structure.intent in _LISTING:
        return Reading(before.structure.changed(k=number_of(top["n"])))
    text = _SEVERAL.sub(lambda found: _one_by_one(found, len(shown)), text)
    if (numbers := _missing(text, shown)) is not None:
        return _unclear(before, text, f"{len(shown)} films were shown: there is no {numbers}")
    places = [_place(found, len(shown)) for found in _THAT.finditer(text)]
    if _OUT.match(text) and (films := [shown[place] for place in places if place is not None]):
        return Reading(_without(before.structure, films))
    if shown and _THEY.search(text) and (about := _of_all(text, names, shown)) is not None:
        return _for_same(about, before)
    if _MORE.match(text):
        return Reading(_without(before.structure, shown))
    if _OF_THOSE.search(text):
        asked = _WHICH_OF.sub("which film", _LEAD.sub("", text))
        reading = read_alone(_OF_THOSE.sub("films", asked), names)
        if reading.structure.model_dump(exclude_defaults=True).keys() <= {"k"}:
            return replace(reading, structure=before.structure.changed(k=reading.structure.k))
        among = Structure(titles=_titles(shown), intent=reading.structure.intent)
        return replace(reading, structure=merge(among, reading.structure, text))
    named = _THAT.sub(lambda found: _title(found, shown), text)
    if len(titles := before.structure.titles) == 1:
        named = SAME.sub(rf"\g<0> as {titles[0]}", named)
    own = read_alone(named, names)
    if named != text:
        held = own.structure.than and own.structure.intent == "search"
        if held and _about_none(own.structure) and before.structure.intent in _LISTING:
            return replace(own, structure=merge(before.structure, own.structure, text))
        return _for_same(own, before)
    counts = own.structure.intent == "count" and _about_none(own.structure)
    follows = counts or _CUE.match(text) or _MARK.search(text) or _order(text)
    if follows or _narrows_only(own, text):
        return _refined(text, names, before)
    return _for_same(own, before)


def _one_by_one(found: "re.Match[str]", shown: int) -> str:
    """``the first two`` as ``the first and the second``."""
    if found["all"]:
        places = range(1, min(shown, len(ORDINALS)) + 1)
    else:
        n = number_of(found["n"])
        last = found["end"].lower() == "last"
        places = range(max(shown - n, 0) + 1, shown + 1) if last else range(1, n + 1)
    words = [word for word, number in ORDINALS.items() if number in places]
    return " and ".join(f"the {word}" for word in words) or found[0]


def _of_all(text: str, names: Names, shown: Sequence[Film]) -> Reading | None:
    """A question about all films shown: how long are they."""
    reading = read_alone(_THEY.sub(str(shown[0]), text, count=1), names)
    if reading.structure.intent != "facts" or not reading.structure.titles:
        return None
    return replace(reading, structure=reading.structure.changed(titles=_titles(shown)))


def _titles(shown: Sequence[Film]) -> tuple[Title, ...]:
    return tuple(map(make_title, shown[:LONGEST_LIST]))


def _anew(text: str, names: Names, before: Turn) -> Reading:
    """What is asked when a talk begins anew, for whom the one before was."""
    asked = _LEAD.sub("", text).strip(" ?.!")
    if asked:
        return _for_same(read_alone(asked, names), before)
    structure = Structure(intent="unclear", user_id=before.structure.user_id)
    return Reading(structure, notes=("The talk begins anew: say what you look for.",))


def _narrows_only(reading: Reading, text: str) -> bool:
    """Whether a text says nothing but bounds, an order or what is not wanted, of no films named."""
    s = reading.structure
    said = bool(s.ranges or s.sort or s.than or s.exclude != Exclusions())
    return said and not s.model_fields_set & _OF_FILMS and not _names_a_kind(text, s)


def _about_none(structure: Structure) -> bool:
    """Whether a structure names no films of its own: only bounds, an order, how many."""
    return not structure.model_fields_set & (_OF_FILMS - {"intent"})


def _order(text: str) -> Sort | None:
    rest = _LEAD.sub("", text).strip(" ?.!")
    before, behind = r"(a bit |much |some |something |\d+ )*", "( ones| films| movies| please)*"
    for by, way, words in _ORDERS:
        if any_case(rf"{before}({words}){behind}").fullmatch(rest):
            return Sort(by=by, descending=way == "more")
    return None


def _refined(text: str, names: Names, before: Turn) -> Reading:
    """The request of before with what is added to it, or set in its place."""
    sort = _order(text)
    if sort is not None:
        return Reading(before.structure.changed(sort=sort))
    reading = read_alone(_LEAD.sub("", text) or text, names)
    if reading.structure.intent == "unclear":
        lacks = bool(reading.ignored) and all(one.why != CANNOT for one in reading.ignored)
        return replace(reading, structure=before.structure) if lacks else reading
    own = reading.structure.intent == "count" and not _about_none(reading.structure)
    if own or before.structure.intent not in _LISTING:
        return _for_same(reading, before)
    merged = merge(before.structure, reading.structure, text)
    if reading.structure.intent == "count":
        merged = merged.changed(intent="count")
    if merged == before.structure and not (reading.ignored or reading.not_found):
        return _unclear(before, text, "this changes nothing of what was asked before")
    return replace(reading, structure=merged)


def _for_same(reading: Reading, before: Turn) -> Reading:
    """A request of its own, for whom the one before was."""
    kept = before.structure
    if reading.structure.user_id is not None or kept.user_id is None:
        return reading
    mine = reading.structure.changed(user_id=kept.user_id, profile=kept.profile)
    return replace(reading, structure=mine)


def _without(structure: Structure, films: Sequence[Film]) -> Structure:
    out = tuple(dict.fromkeys((*structure.exclude.titles, *map(make_title, films))))
    exclude = structure.exclude.model_copy(update={"titles": out[-LONGEST_LIST:]})
    return structure.changed(exclude=exclude)


def _unclear(before: Turn, text: str, why: str) -> Reading:
    structure = Structure(intent="unclear", user_id=before.structure.user_id)
    return Reading(structure, ignored=(Ignored(words=text, why=why),))


def _place(found: "re.Match[str]", count: int) -> int | None:
    """Which of the films shown is meant, from 0; None where it is none of them."""
    if found["it"]:
        return 0 if count else None
    word = (found["word"] or "").lower()
    digits = found["digits"] or word.rstrip("stndrh")
    number = count if word == "last" else ORDINALS.get(word) or int(digits)
    return number - 1 if 1 <= number <= count else None


def _missing(text: str, shown: Sequence[Film]) -> str | None:
    """What names a film by its place that was not shown."""
    for found in _THAT.finditer(text):
        if not found["it"] and _place(found, len(shown)) is None:
            return (found["word"] or f"number {found['digits']}").lower()
    return None


def _title(found: "re.Match[str]", shown: Sequence[Film]) -> str:
    place = _place(found, len(shown))
    return found[0] if place is None else str(shown[place])
