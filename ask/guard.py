"""What a request says held against what was read of it: words that left no trace there are said.

Whoever read it, and by whichever rule: a word of logic has to be found again in the structure.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from rapidfuzz.fuzz import partial_ratio

from ask.structure import Exclusions, Structure
from ask.understood import describe_structure
from ask.words import AUDIENCES, DECADES, FAME, FILLING, GENRES, KEYWORDS, MOODS, NUMBERS, any_case
from ask.years import DECADE, read_decade

Doubt = tuple[str, str]
"""Words that are not accounted for, and why."""

_LISTING = ("search", "recommend", "similar", "count")
_NO_OR = any_case(r"""\b(whether|why|more) or (not|less)\b|\d(\.\d)? or \d|\bor directed by (him|her
    |them)|\bor,? if|\bor (so|whatever|more|less|fewer|not|otherwise|(new|old|lat|earli|long|short
    |high|low|bett|bigg|small|cheap|young|great)er|worse|above|up|over|under|below|before|after
    (wards)?|onwards?|two|else|(something|anything)(?=\W*$|,| like))\b(?! (than|films|movies))""")
"""Where “or” joins no two things that films may be."""
_FIGURE = rf"(\w*\d\w*'?s?|{'|'.join(DECADES)}|{'|'.join(NUMBERS)}|hours?|minutes?|stars?)"
_OR_OF_FIGURES = any_case(rf"""\b{_FIGURE}( \w+)?,? or ((the|from|in|early|late|mid
    |even)[ -])*'?{_FIGURE}\b""")
_IDIOMS = any_case(r"""\b((not?|nothing|none|never|isn't|aren't|don't want( \w+)?) (\w+ )?(more|less
    |longer|shorter|older|newer|fewer|later|earlier|over|under|above|below|before|after|better|worse
    |higher|lower|made|too|very|that|so|overly|from before|from after|out of|pre|post)\b|(neither
    |nor) too|no (matter|idea|problem|worries|budget|spoilers?|preference|need|rush|doubt|ratings
    |longer|thanks)|not (sure|only|just|least|bad|necessarily|really sure|much|as \w+ as|so \w+ as
    |yet|seen|rated|watched|to mention)|(why|if|or|maybe|and) not|(do|does|did|is|was|were|are|could
    |can|would|has|have|had)(n't| not)( really| even)? (know|mind|care|matter|think|remember|decide
    |wait|find|recall|seen|heard|watched|rated|see|we|you|there|it|need|do|make|get|earn|go wrong
    |put|end|suck|stink|bad|terrible|awful|crap|trash)|(i|we)('ve| have) (never|not)|never (seen
    |heard|ending|mind|made|gets? old|see)|nothing (else|special|like)|without (any )?(spoilers|fail
    |a doubt)|if (there are|there's) none|no\.? ?\d+|nobody|no[ -]one|unless)\b""")
"""Negations that leave out nothing: bounds, turns of speech, what somebody has not seen."""
_NEGATED = any_case(r"""\b(not|no|never|nothing|none|nor|without|except|excluding|excl|minus|avoid
    |anything but|everything but|all but|other than|apart from|aside from|besides|instead of
    |rather than|can't stand|skip|(is|are|was|were|do|does|did|wo|would|ca|should)n't)\b""")
_ASKS = any_case(r"""^(\W*(and|so|but|ok|hey|please|tell me|do you know|i wonder
    |just wondering)\b[ ,]*)*(?P<what>(in |by |for )?(which|what)('s| is| are| was)?( the
    | an?)?( (?!of\b)\w+)? (genres?|actors?|actress(es)?|directors?|people|person|users?|decades?
    |countr(y|ies)|studios?|languages?|songs?|scenes?|characters?|percentage|average|months?
    |difference|reasons?|order|chance|odds|share|cities|city)|(?!(do (you|u)|have you|(is|are|was
    |were) there|(can|could|would|will) you|how about|how many|is it)\b)(how|why|who|whom|whose
    |where|when|has|have|is|are|was|were|does|do|did|will|would|could|should))\b""")
"""Questions that no list of films answers."""
_NEITHER = any_case(rf"({_NEGATED.pattern})[^;.]*\bor\b(?! an? )")
_HOW_MANY = any_case(r"^(and |so |but )*how (many|much)\b")
_COMPARES = any_case(r"""\b((?P<than>(?<!other )(?<!rather )(?<!any )than)|(are|is) there (more
    |fewer|less)|(more|fewer|less|most|least)(?= [\w-]+ (than|or)\b))\b""")
_OWN = any_case(r"""\b(i|we)('ve| have)?( already| just| also)* (seen|watched|rated|gave
    |saw)\b(?! (it )?(once|as an?|when|years|ages|an? \w+ ago))""")
_SCOPE = any_case(r"""\b(no|without|nothing|not) [\w-]+ (longer|shorter|older|newer|over|under|above
    |below|before|after|from|of|in)\b.*""")
_SUPERLATIVE = any_case(r"""\b(longest|shortest|newest|oldest|latest|earliest|cheapest|highest
    |lowest|biggest|smallest|(best|worst|least|most)[ -](rated|known|popular|expensive
    |profitable))\b""")
_COMPARATIVE = any_case(r"""\b(newer|older|more recent|shorter|longer|cheaper
    |better rated)\b(?! than \d)""")
_OTHER = any_case(r"\bother (films|movies|ones|\w+s) (by|with|from|of)\b")
_OF_EACH = any_case(r"\b((by|from|in|for|of|per) (each|every|per)|each|per) (?!other\b)[\w]+")
_DECADE = any_case(rf"(?<![\w']){DECADE}(?!\w)")
_SET_PHRASES = any_case("|".join(KEYWORDS))
_NUMBER = any_case(r"""(?<![\w.$'-])(?<!number )(?<!#)(?<!war )(?P<n>\d+(\.\d+)?)(?![\w.]*\w|['%]
    | ?[- ]?years?\b)""")
_AGES = any_case(r"\baged? \d+((,| and| or|-| to) ?\d+)*")
_ALIKE = 70
_LARGE = re.compile(r"(?<=[\w,] )[A-Z][\w'.-]*")


def find_doubts(text: str, structure: Structure, left_out: str, notes: str) -> Iterator[Doubt]:
    """The words of a request that nothing in its structure answers to.

    ``left_out``, ``notes``: what the answer says of its words anyway.
    """
    if structure.intent == "unclear":
        return
    rest = _without_names(text, structure)
    told = set(re.findall(r"[\w']+", left_out.lower()))
    shown = f"{describe_structure(structure)} {left_out} {notes}".lower()
    found: Iterable[Doubt]
    if structure.intent in _LISTING:
        found = (
            *_contradictions(structure), *_logic(rest, structure), *_questions(rest, structure),
            *_orders(rest, structure), *_mentions(rest, shown), *_decades(rest, shown),
            *_numbers(rest, structure, shown),
        )  # fmt: skip
    else:
        beside = (*structure.genres, *structure.moods, *structure.keywords, structure.text)
        found = ((each, "the films are named, and nothing narrows them") for each in beside if each)
    for words, why in (*found, *_large(text, shown)):
        if not told & set(words.lower().split()):
            yield words, why


def _without_names(text: str, structure: Structure) -> str:
    """A request without the titles, people and words looked for, in which no word is logic."""
    films = (*structure.titles, *structure.exclude.titles, *(one.film for one in structure.than))
    names = [film.title or "" for film in films if film]
    names += [p.name for p in (*structure.people, *structure.exclude.people)]
    names += re.findall(r'"([^"]+)"', f"{text} {structure.text} {structure.exclude.text}")
    if structure.keywords or structure.alternatives or structure.exclude.keywords:
        text = _SET_PHRASES.sub("@", text)
    text = _AGES.sub("@", text)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"\b{re.escape(name)}(?!\w)", "@", text, flags=re.IGNORECASE)
    return text


def _logic(text: str, structure: Structure) -> Iterator[Doubt]:
    """Words that leave out and join."""
    exclude = structure.exclude
    left_out = exclude != Exclusions() or structure.seen == "drop" or bool(structure.than)
    negated = _NEGATED.search(_IDIOMS.sub("@", text))
    rated = bool(structure.rated_by)
    if negated and not (left_out or rated) and negated[0] not in structure.text:
        yield negated[0], "nothing is left out for it"
    kinds = (structure, *structure.alternatives)
    either = structure.alternatives or any(kind.any_of for kind in kinds)
    neither = _NEITHER.search(text) and (left_out or structure.ranges)
    ors = re.search(r"\bor\b", _NO_OR.sub("@", _OR_OF_FIGURES.sub("@", text)), re.IGNORECASE)
    if ors and not (either or neither or len(structure.titles) > 1):
        yield "or", "all of it is asked for at once: ask for each by itself"
    if (scope := _SCOPE.search(text)) and exclude.genres and structure.ranges:
        yield scope[0], "it is not sure how much of this is not wanted"
    own = rated or left_out or structure.titles or structure.like_people
    if (found := _OWN.search(text)) and not own:
        yield found[0], "whose ratings count was not understood"


def _questions(text: str, structure: Structure) -> Iterator[Doubt]:
    """Words that compare and ask."""
    s, exclude = structure, structure.exclude
    rated = s.rated_by or exclude.rated_by
    figures = any((s.ranges, exclude.ranges, s.sort, s.than, s.alternatives, rated))
    figures = figures or "k" in s.model_fields_set
    if (found := _COMPARES.search(_IDIOMS.sub("@", text))) and not figures:
        yield found[0], "nothing is compared"
    if s.intent == "similar" and not s.than and (found := _COMPARATIVE.search(text)):
        yield found[0], "the films are not held against the one they are to be like"
    alike = exclude != Exclusions() or s.seen == "drop" or s.intent == "similar" or s.titles
    if (found := _OTHER.search(text)) and not alike:
        yield found[0], "it is not known other than which"
    if found := _OF_EACH.search(text):
        yield found[0], "films are not taken from groups one by one"
    if s.intent != "count" and (found := _HOW_MANY.match(text)):
        yield found[0], "nothing is counted"
    if (found := _ASKS.match(text)) and s.intent in ("search", "count") and not rated:
        yield found["what"], "such a question is not answered: films are looked for"


def _orders(text: str, structure: Structure) -> Iterator[Doubt]:
    """Superlatives: there is one order."""
    said = list(dict.fromkeys(found[0].lower() for found in _SUPERLATIVE.finditer(text)))
    kept = 1 if structure.sort or structure.than or structure.rated_by else 0
    why = "one order is kept" if kept else "there is no order by it"
    yield from ((word, why) for word in said[kept:])


def _contradictions(structure: Structure) -> Iterator[Doubt]:
    for name in ("genres", "moods", "keywords", "people"):
        without = {*map(str, getattr(structure.exclude, name))}
        for each in map(str, getattr(structure, name)):
            if each in without:
                yield f"not {each}", "it is asked for too"


@cache
def _mentioned() -> list[tuple[re.Pattern[str], tuple[str, ...]]]:
    """Ways to say what films may be, each with how an answer says it."""
    says = {"unknown": ("little known",)}
    return [
        (
            any_case(rf"(?<![\w-])(?<!@ )(?<!@'s )(?<!most )(?<!least )({pattern})(?![\w-]| lov)"),
            tuple(map(str.lower, value)) if isinstance(value, tuple) else says.get(value, (value,)),
        )
        for table in (AUDIENCES, MOODS, FAME, GENRES)
        for pattern, value in table.items()
    ]


def _mentions(text: str, shown: str) -> Iterator[Doubt]:
    """Audiences, moods, genres and fame that are named in a request and not in its structure."""
    for pattern, values in _mentioned():
        found = pattern.search(text)
        if found and not any(each in shown for each in (*values, found[0].lower()[:5])):
            yield found[0], "this was read as something else, or not at all"


def _decades(text: str, shown: str) -> Iterator[Doubt]:
    """Decades that no bound is at."""
    years = [int(year) for year in re.findall(r"\b(?:1[89]|20)\d\d\b", shown)]
    for found in _DECADE.finditer(text):
        begin = read_decade(found[0])
        if not any(begin - 1 <= year <= begin + 10 for year in years):
            yield found[0], "these years count for nothing"


def _numbers(text: str, structure: Structure, shown: str) -> Iterator[Doubt]:
    known = [structure.k, *map(float, re.findall(r"\d+(?:\.\d+)?", shown))]
    for found in _NUMBER.finditer(text):
        n = float(found["n"])
        near = [(each, 10 if 30 <= each <= 400 else 1) for each in (n, n * 60, 1900 + n, 2000 + n)]
        if not any(abs(k - each) <= off for k in known for each, off in near):
            yield found[0], "this number counts for nothing"


def _large(text: str, shown: str) -> Iterator[Doubt]:
    """Names: words written large within a sentence that is not."""
    words = re.findall(r"[A-Za-z][\w'-]*", text)
    if sum(word[0].isupper() for word in words) * 2 > len(words):
        return
    for found in _LARGE.finditer(text):
        word = re.sub(r"'s?$", "", found[0].strip("'.-")).lower()
        known = word.replace("'", "") in FILLING or word.startswith("i'")
        if len(word) > 2 and not known and partial_ratio(word, shown) < _ALIKE:
            yield found[0], "this name counts for nothing"
