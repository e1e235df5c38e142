"""The order of films in a request: longest, oldest, best rated; sorted by year."""

import re

from ask.draft import GAP, Draft
from ask.structure import Quantity, Sort
from ask.words import FILM, GENRE, ORDINALS, any_case, in_one
from search.names import Names

_RATED = r"[- ](rated|reviewed|scor(ed|ing)|regarded)"
_WELL_KNOWN = r"(popular|rated|watched|viewed|seen|famous|(widely |well[- ])?known)"
_TIME = r"( (running ?times?|run ?times?|lengths?|durations?))?"
_MONEY = r"(the )?most( money)?( at the box office)?"
_SUPERLATIVES: dict[tuple[Quantity, bool], str] = {
    ("runtime_minutes", True): rf"(very )?longest{_TIME}|lengthiest",
    ("runtime_minutes", False): rf"(very )?shortest{_TIME}|briefest",
    ("rating_count", True): rf"most[- ]{_WELL_KNOWN}|best[- ]known"
    r"|(with|has|have|had|got) the (most|highest number of) (ratings|votes|viewers)",
    ("rating_count", False): rf"least[- ]{_WELL_KNOWN}"
    r"|(with|has|have|had|got) the (fewest|least) (ratings|votes|viewers)",
    ("budget", True): r"most expensive|costliest|priciest"
    r"|((with|has|have|had) )?(the )?(biggest|largest|highest)[- ]budget(s|ed)?"
    r"|that cost (the )?most",
    ("budget", False): r"cheapest|least expensive"
    r"|((with|has|have|had) )?(the )?(smallest|lowest|tiniest)[- ]budget(s|ed)?"
    r"|that cost (the )?least",
    ("profit", True): r"most profitable|biggest profits?",
    ("profit", False): r"(biggest|greatest|worst) (box[- ]office |commercial |financial )?"
    r"(flops?|bombs?|failures?|losers?|disasters?)( at the box[- ]office)?"
    rf"|least profitable|(that )?lost {_MONEY}",
    ("revenue", True): r"(biggest|greatest) (box[- ]office |commercial )?"
    r"(hits?|success(es)?)|(highest|top|biggest|best)[- ](gross(ing|ers?)|earning|earners?)"
    r"|most (commercially )?(successful|lucrative)|highest revenues?"
    rf"|(that |which )?(made|earned|grossed|took in) {_MONEY}",
    ("revenue", False): r"(lowest|worst)[- ](gross(ing|ers?)|earning)|least successful"
    r"|(that |which )?(made|earned|grossed) (the )?least( money)?",
    ("year", True): r"(very )?(newest|latest|most recent)",
    ("year", False): r"(very )?(oldest|earliest)",
    ("avg_rating", True): rf"(best|highest|top){_RATED}|(with|has|have) the (best|highest)"
    r" (ratings?|scores?|reviews?)",
    ("avg_rating", False): rf"(worst|lowest|poorest){_RATED}|(with|has|have) the"
    r" (worst|lowest) (ratings?|scores?|reviews?)",
}
_OTHERS = r"(sequel|prequel|remake|reboot|spin-?off|biopic|adaptation|flop|classic|franchise)"
_NOUN = rf"({FILM}|{GENRE}|{_OTHERS}s?)"
_LOOSE: dict[tuple[Quantity, bool], str] = {
    ("avg_rating", True): r"(the )?((very |absolute )?(best|greatest|finest)|top)"
    r"(?! (friends?|man|men|picture|actor|actress|director|seller|interests?|secret|gun|hat|of "
    r"both|known)\b)",
    ("avg_rating", False): r"(the )?(very |absolute )?worst(?! (nightmare|case|enemy)\b)",
    ("year", False): rf"(the )?(very )?first(?= ({FILM})\b)",
    ("year", True): rf"(the )?(very )?last(?= ({FILM})\b)",
}
"""Words that are an order only where films are spoken of."""
_FIELDS: dict[str, tuple[Quantity, bool]] = {
    r"(mean |average )?(ratings?|scores?|stars?)": ("avg_rating", True),
    r"popularity|(number|count) of ratings": ("rating_count", True),
    r"release( date| year)?|years?|dates?|age": ("year", False),
    r"(running |run)?(time|length)|runtime|duration": ("runtime_minutes", True),
    r"budgets?|costs?": ("budget", True),
    r"revenues?|box[- ]office|gross|earnings": ("revenue", True),
    r"profits?": ("profit", True),
}
_SORTED = in_one(r"""((and )?(sort(ed)?|order(ed)?|rank(ed)?|arranged?)( them)? by
    |in (the )?order of|by)( the| their)? (?P<field>{field})\b(,? ?((?P<up>asc(ending)?|increasing
    |(lowest|shortest|oldest|worst|cheapest) first)|(?P<down>desc(ending)?|decreasing|(highest
    |longest|newest|best|most expensive) first)))?""")
_CHRONOLOGICAL = any_case(r"""\b(in )?(?P<back>reverse )?(chronological(ly)?( order)?\b
    |(?<=in )order(?=\W*$))""")
_FROM_TO: dict[str, tuple[Quantity, bool]] = {
    r"best to worst": ("avg_rating", True), r"worst to best": ("avg_rating", False),
    r"old(est)? to new(est)?": ("year", False), r"new(est)? to old(est)?": ("year", True),
    r"short(est)? to long(est)?": ("runtime_minutes", False),
    r"long(est)? to short(est)?": ("runtime_minutes", True),
}  # fmt: skip
_ORDINALS = dict(list(ORDINALS.items())[1:5]) | {"2nd": 2, "3rd": 3}
_ORDINAL = any_case(rf"\b(?P<n>{'|'.join(_ORDINALS)})[- ]$")
_ONE = in_one(rf"""(film(?![- ]noir)|movie|flick|picture|one|comedy|western|thriller|musical
    |documentary|blockbuster|{_OTHERS})""")
_ONE_BEHIND = any_case(rf"^(\s*[\w'.{GAP}-]+){{0,5}}?\s+{_ONE}\b(?!['-])")
_MANY_BEHIND = any_case(rf"""^(\s*[\w'.{GAP}-]+){{0,5}}?\s+(films|movies|flicks|pictures|ones|\w+ies
    |\w+ers|westerns|dramas|musicals|romances)\b""")
_ONE_BEFORE = any_case(rf"\b((which|what) ([\w'-]+ ){{0,3}}?|the |a ){_ONE}\b")

_NOT_FIRST = any_case(rf""",? ?(but )?(not|except( for)?|without|other than|apart from
    |besides) (just |only )?the (very )?(first|top|number|most \w+|least \w+|\w+est|best
    |worst)( \w+)? (one|of (them|all)|{FILM})(?=\W*$|[,;])|,? ?(but )?(skip|leave out|leaving out
    |skipping|without) the (first|best|top)( one)?(?=\W*$|[,;])""")


def read_not_first(draft: Draft) -> None:
    """``the best westerns, but not the best one``: an order begins with its first."""
    if (found := draft.take(_NOT_FIRST)) is not None:
        draft.ignore(found[0], "an order begins with its first; leave that film out by its name")
        draft.parts.setdefault("k", 10)


def read_order(draft: Draft, names: Names) -> None:
    """Take the order out of a draft, and that only the first is wanted: ``the longest film``."""
    if _sorted_by(draft) or _superlative(draft, _SUPERLATIVES, names):
        return
    _superlative(draft, _LOOSE, names)


def _sorted_by(draft: Draft) -> bool:
    if (found := draft.take(_CHRONOLOGICAL)) is not None:
        return _sort(draft, "year", descending=bool(found["back"]))
    for words, (by, descending) in _FROM_TO.items():
        if draft.take(rf"\b((ranked|sorted|ordered|listed) )?from ({words})\b"):
            return _sort(draft, by, descending=descending)
    first = any_case(r"\bfirst\b").search(draft.text)
    for (by, descending), words in _SUPERLATIVES.items():
        if first and draft.take(rf",? ?\b(the )?({words}) (ones? |films? |movies? )?first\b"):
            for field, (same, _) in _FIELDS.items():
                if same == by:
                    draft.take(rf"\b{_SORTED.replace('{field}', field)}")
            return _sort(draft, by, descending=descending)
    for field, (by, descending) in _FIELDS.items():
        if (found := draft.take(rf"\b{_SORTED.replace('{field}', field)}")) is not None:
            down = bool(found["down"]) or (descending and not found["up"])
            return _sort(draft, by, descending=down)
    return False


def _sort(draft: Draft, by: Quantity, *, descending: bool) -> bool:
    draft.parts["sort"] = Sort(by=by, descending=descending)
    return True


def _superlative(draft: Draft, table: dict[tuple[Quantity, bool], str], names: Names) -> bool:
    for (by, descending), words in table.items():
        found = any_case(rf"(?<![\w-])({words})(?![\w-])").search(draft.text)
        if found is None or _is_keyword(draft.text, found, names):
            continue
        if table is _LOOSE and not _of_films(draft.text, found):
            continue
        before, behind = draft.text[: found.start()], draft.text[found.end() :]
        ordinal = _ORDINAL.search(before)
        if ordinal:
            draft.parts["k"] = _ORDINALS[ordinal["n"].lower()]
            draft.ignore(ordinal["n"], "of an order the first ones are shown")
        elif "k" not in draft.parts and _one(before, behind):
            draft.parts["k"], draft.only_first = 1, True
        draft.cut(ordinal.start() if ordinal else found.start(), found.end())
        return _sort(draft, by, descending=descending)
    return False


def _is_keyword(text: str, found: "re.Match[str]", names: Names) -> bool:
    """Whether the word and the one behind it are a keyword: best friend."""
    behind = re.match(r"\s+([\w'-]+)", text[found.end() :])
    return bool(behind) and f"{found[0]} {behind[1]}".lower() in names.keywords  # type: ignore[index]


def _of_films(text: str, found: "re.Match[str]") -> bool:
    """Whether films are spoken of: best films, best of the 90s, Hitchcock's best."""
    behind = text[found.end() :]
    return bool(
        any_case(rf"(\s*[\w'.,{GAP}-]+){{0,6}}?\s*\b{_NOUN}(?!\w)").match(behind)
        or re.match(rf"\s*([?.!{GAP}]|$|\d|of\b|by\b|from\b|with\b|in\b|ever\b)", behind)
        or any_case(rf"\b{_NOUN}\b").search(text[: found.start()])
    )


def _one(before: str, behind: str) -> bool:
    one, many = _ONE_BEHIND.match(behind), _MANY_BEHIND.match(behind)
    if one or many:
        return bool(one) and (not many or len(one[0]) < len(many[0]))  # type: ignore[index]
    return bool(_ONE_BEFORE.search(before)) and not any_case(r"\b(films|movies)\b").search(before)
