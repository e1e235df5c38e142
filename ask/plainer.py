"""A request made plainer before it is read: short forms, slips of the keys, numbers in words."""

import re

from rapidfuzz.distance import OSA

from ask.draft import Draft
from ask.words import COMPARED, SHORT_FORMS, SPELT, SPELT_LIKE, any_case, as_typed
from ask.years import read_decade
from search.names import Names
from search.vocabulary import NUMBERS, PLURAL_TENS, TENS, UNITS, number_of

_WORD = re.compile(r"(?<![\w@'-])[a-z]{4,}(?![\w'-])|^[A-Z][a-z]{3,}(?![\w'-])")
_LONG = 9  # letters from which two slips are one word still
_THANKS = any_case(r"""[\s,.!]*\b(thanks?( you)?( (so|very) much| a lot| in advance)?|cheers
    |please)\W*$""")

_EVER = any_case(r""",? \bof all[- ]times?\b|,? \b(ever made|ever|in (the )?history)(?=\W*$| [^a-z]
    | (by|with|from|in|about)\b)""")
_TALK = any_case(r"""\b(long[- ]time (lurker|reader)s?|first (time )?post(er|ing)?\b|
    (i'm |i am |im )?new (here|to( this (sub|forum|site))?)(?= |\W*$)|(i'm |i am )?
    (so |very )?sorry (if|for|that|about) [^,.:;!?]*|(i )?hope (this|that|it)('s| is) (ok(ay)?
    |allowed|fine|the right)\b[^,.:;!?]*|(i know )?(it's|it is
    |this is) (probably |maybe )?an? (long shot|stretch|(silly|stupid|dumb|weird|odd) (question
    |request|one))|(i )?(would|'d) be (most |very |really |so )?(grateful|thankful)( for| if)?|
    (that )?(you|any(one|body)) (could|can|might) (point me (to|towards)|think of|name)|(where
    |what) (should|do|can|could) (i|we) (start|begin)( with)?|(i|we|my \w+)('ve| have
    | has) never (really )?(seen|watched)(?= (an?|any|many) )|(an? |this )?(old )?(film
    |movie) (that )?i (saw|watched)( (once|years ago|as a (kid|child|teen)|when i was [\w ]+
    |a (long )?\w+ ago))+|thanks to (this|the) \w+|(my )?english is(n't| not) (my|so|very
    |the)\b[^,.:;!?]*|(last night|yesterday|the other day|this (morning|weekend))(?= (i|we)\b)|wow
    |omg|whoa|((i'm|i am|i've been|we're|been) )?(feeling|feel|felt|(?<=i'm )|(?<=i am ))( ?(so
    |really|very|an? bit|a little|kinda|kind of|quite|pretty|super|too))* ?(sad|down|low|blue
    |depressed|lonely|sick|ill|tired|anxious|stressed|bored|unwell)(?! (of|with|and tired)\b)
    ( (today|tonight|lately|right now|and))*|(i |we )?(had|have|having|it's been|after) an? (\w+ )?
    (bad|rough|hard|long|terrible|awful|stressful|tough) (day|week|month|time)( at work)?)\b,?""")
"""Talk around a request, and how whoever asks feels."""
_NUMBERED = as_typed(r"""(?P<base>[A-Z][\w']*( [A-Z][\w']*)*) (?P<numbers>\d
    ((, | and | or | & |, and | vs\.? )\d)+)(?!\w)""")
_FIRST_OF = any_case(r"""\b(the )?(first|original) (?P<n>two|three|2|3) (?P<base>(?-i:[A-Z])[\w']*
    ( (?-i:[A-Z])[\w']*)*)( (films|movies|ones))?""")
_VOLUMES = any_case(r"""(?P<base>(?-i:[A-Z])[\w']*( [\w']+)*?) (?P<unit>vol\.?|volume|part|episode
    |chapter) (?P<one>\d|[ivx]+)(?P<join> and | or | & |,? vs\.? | versus )((?P=unit) )?(?P<two>\d
    |[ivx]+)\b""")
_BELOW_TEN = "|".join(UNITS[1:10])
_TWO_DIGITS = rf"({'|'.join(TENS)})([- ]({_BELOW_TEN}))?|{'|'.join(UNITS[10:])}"
_OF_CENTURY = any_case(rf"""\b(?P<century>nineteen|twenty|eighteen)[- ](hundred (and )?)?
    ((?P<decade>{"|".join(PLURAL_TENS)})|(?P<year>{_TWO_DIGITS})|(oh|o|hundred)[- ]
    (?P<unit>{_BELOW_TEN}))\b""")
_OF_MILLENNIUM = any_case(rf"""\btwo thousand( and)?[- ](?P<year>{_TWO_DIGITS}|{_BELOW_TEN})\b
    |(?<=\byear )two thousand\b|(?<=\bin )two thousand\b|(?<=\bsince )two thousand\b
    |(?<=\bfrom )two thousand\b|(?<=\bbefore )two thousand\b|(?<=\bafter )two thousand\b""")
_SHORT_YEAR = re.compile(r"(?<![\w'])'(?P<year>\d\d)(?![\w'])")
_COMPOUND = any_case(rf"\b(?P<tens>{'|'.join(TENS)})[- ](?P<unit>{_BELOW_TEN})\b")
_LARGE = any_case(rf"""\b(?P<n>{_TWO_DIGITS}|{_BELOW_TEN}|an?|\d{{1,3}}) (?P<unit>hundred
    |thousand)(?= (films?|movies?|minutes|ratings|votes|people)\b)""")


def make_plainer(draft: Draft, names: Names) -> None:
    """Write short forms out, mend slips of the keys, and bring comparisons to one form."""
    draft.text = _TALK.sub(" ", draft.text)
    draft.text = _EVER.sub(" ", _THANKS.sub("", draft.text))
    draft.text = _NUMBERED.sub(lambda found: _parts(found, names), draft.text)
    draft.text = _VOLUMES.sub(
        r"\g<base> \g<unit> \g<one>\g<join>\g<base> \g<unit> \g<two>", draft.text
    )
    draft.text = _FIRST_OF.sub(lambda found: _first_of(found, names), draft.text)
    for pattern, written in SHORT_FORMS.items():
        draft.text = any_case(rf"(?<![\w'-])({pattern})(?![\w'])").sub(written, draft.text)
    draft.text = _WORD.sub(lambda found: _mend(found[0], draft, names), draft.text)
    for pattern in COMPARED:
        found = any_case(pattern).search(draft.text)
        if found and all(names.films(name.strip()) for name in found.groups()):
            draft.text = found.expand(r"compare \1 and \2")


def _parts(found: "re.Match[str]", names: Names) -> str:
    """``Jaws 1, 2 and 3`` as ``Jaws, Jaws 2 and Jaws 3``, where there is the first."""
    base = found["base"]
    if names.films(base, fuzzy=False) is None:
        return found[0]
    return re.sub(r"\d", lambda n: base if n[0] == "1" else f"{base} {n[0]}", found["numbers"])


def _first_of(found: "re.Match[str]", names: Names) -> str:
    """``the first two Toy Story films`` as ``Toy Story and Toy Story 2``, where there is one."""
    base = found["base"]
    if names.films(base, fuzzy=False) is None:
        return found[0]
    return " and ".join([base, *(f"{base} {n}" for n in range(2, number_of(found["n"]) + 1))])


def _mend(word: str, draft: Draft, names: Names) -> str:
    """The word that the rules know and that is one slip of the keys away; else the word."""
    typed = word.lower()
    if {typed, f"{typed}s"} & {*SPELT, *SPELT_LIKE} or names.has_word(typed):
        return word
    near = [
        known
        for known in SPELT
        if known[0] == typed[0]
        and OSA.distance(known, typed, score_cutoff=2) <= (2 if len(known) >= _LONG else 1)
    ]
    if len({known.rstrip("s") for known in near}) != 1:
        return word
    draft.notes.append(f"“{word}” was read as {near[0]}.")
    return near[0]


def write_figures(draft: Draft) -> None:
    """Write years and larger numbers in words as figures: ``nineteen ninety-four`` is 1994."""
    draft.text = _SHORT_YEAR.sub(lambda found: str(read_decade(found["year"])), draft.text)
    draft.text = _OF_CENTURY.sub(_year_of_century, draft.text)
    draft.text = _OF_MILLENNIUM.sub(
        lambda found: str(2000 + number_of(found["year"] or "zero")), draft.text
    )
    draft.text = _COMPOUND.sub(lambda found: str(number_of(found[0])), draft.text)
    draft.text = _LARGE.sub(_large, draft.text)


def _year_of_century(found: "re.Match[str]") -> str:
    century = 100 * NUMBERS[found["century"].lower()]
    if found["decade"]:
        return f"{century + PLURAL_TENS[found['decade'].lower()]}s"
    return str(century + number_of(found["year"] or found["unit"]))


def _large(found: "re.Match[str]") -> str:
    count = 1 if found["n"].lower() in ("a", "an") else number_of(found["n"])
    return str(count * (100 if found["unit"].lower() == "hundred" else 1000))
