"""Users in a request: whose taste it is about, and who has or has not seen the films."""

import math
import re
from collections.abc import Iterator, Sequence

from ask.draft import Draft
from ask.structure import RatedBy
from palate.contract import PROFILE_PATTERN

_ID = (
    r"(?:user(?:_id)?s?(?: ?(?:ids?|numbers?|no\.?|#))?|(?:my|his|her|their)(?: user)?[ -]?(?:id"
    r"|number))"
)
_AND = r"(?:,? (?:and|or|nor|&) |, ?)"
_NUMBER = r"\d+(?!\d|\.\d)"
_USERS = re.compile(
    r"\b(?:(?P<for>for|of|by|as) )?(?P<both>both |either |neither )?(?:the )?"
    rf"(?:users (?P<many>{_NUMBER}(?:'s)?(?:{_AND}{_NUMBER}(?:'s)?)+)"
    rf"|(?P<one>{_ID}(?: is)? ?[:=#]? ?{_NUMBER}(?:'s)?"
    rf"(?:{_AND}(?:for )?(?:the )?user(?: is)? ?[:=#]? ?{_NUMBER}(?:'s)?)*))(?!\w)",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"\b(?:(?:with|in|using|on|under) )?(?:the |their |his |her )?"
    rf"profile (?P<name>{PROFILE_PATTERN})\b",
    re.IGNORECASE,
)
_WHO = r"@user(?P<n>\d+)"
_SAW = r"(?:seen|watched|rated|saw|viewed)"
_STARS = (
    r"(?:,?(?: but)?(?: (?P<not>not))? (?:it |them )?(?:with |at )?(?:(?P<over>above|over"
    r"|more than|higher than|better than)"
    r" |(?P<under>below|under|less than|lower than|worse than|fewer than) "
    r"|(?P<least>at least|no less than|not less than|from) "
    r"|(?P<most>at most|no more than|not more than|up to) |(?:exactly|only|just) )?"
    r"(?:a )?(?:(?:between |from )?(?P<begin>[0-5](?:\.\d+)?) (?:and"
    r"|to) )?(?P<low>[0-5](?:\.\d+)?|one|two|three|four|five)(?P<plus>\+)?(?:[ -]?stars?)?"
    r"(?P<down> (?:or|and) (?:less|lower|worse|below|under|down|fewer))?"
    r"(?P<up> (?:or|and) (?:more|higher|better|above|up|over))?)?"
)
_HATED = re.compile(
    rf"(?:(?:that |which )?(?:did )?{_WHO}(?: has| have)?(?: really)? (?:hated?|disliked?|loathed?"
    rf"|detested|couldn't stand|didn't (?:like|enjoy))|(?:hated|disliked|loathed) by"
    rf" {_WHO.replace('<n>', '<m>')})(?= ?(?:[?.!,]|$|from|but|and|in|most))(?: (?:the )?most)?",
    re.IGNORECASE,
)


def _numbered(pattern: str, n: int) -> str:
    """A pattern with its groups numbered, so that it may stand in another several times."""
    return re.sub(r"\(\?P<(\w+)>", rf"(?P<\g<1>{n}>", pattern)


_LIKED = r"(?:loved|liked|enjoyed|adored|rated highly|rates highly)"
_FILMS = r"(?:films?|movies?|ones|what|which|that|titles|stuff|things)"
_NOT_SEEN = re.compile(
    rf"(?<!\w)(?:(?:that |which |but )*(?:not |neither )?{_WHO}(?: has| have| had| did)?"
    rf"(?:n't| not| never)(?: yet| already)?(?: been)?(?: {_SAW}| see| watch| rate)?(?: yet| "
    rf"before)?"
    rf"|(?:that |which )?(?:not |un)(?:yet )?{_SAW} (?:yet )?by {_WHO.replace('<n>', '<m>')}"
    rf"|(?:that )?neither {_WHO.replace('<n>', '<k>')} (?:has|have) (?:ever )?{_SAW}"
    rf"|new (?:to|for) {_WHO.replace('<n>', '<j>')})(?!\w| (?:really )?(?:like|love|enjoy)\b)",
    re.IGNORECASE,
)
_UNLIKED = re.compile(
    rf"(?<!\w)(?:(?:would|will|might) {_WHO} (?:never|not|hate|dislike)"
    rf"(?: (?:watch|see|like|enjoy|want to see))?|not (?:meant |made |right )?for "
    rf"{_WHO.replace('<n>', '<m>')})(?!\w)",
    re.IGNORECASE,
)
_SEEN = re.compile(
    rf"(?<!\w)(?:did {_WHO} (?:rate|give|watch|see|score){_numbered(_STARS, 1)}"
    rf"|(?:that |which |have )*{_WHO.replace('<n>', '<m>')}(?:'s)?(?: has| have)?"
    r"(?: also| already| both| all| each)*"
    rf" (?:{_SAW}|gave|given|scored){_numbered(_STARS, 2)}"
    rf"|(?:already )?{_SAW}{_numbered(_STARS, 3)} by {_WHO.replace('<n>', '<k>')}"
    rf"|(?<!of )(?:films|movies) (?:of|by) {_WHO.replace('<n>', '<j>')}(?= "
    rf"?[?.!]*$))(?!\w)(?!(?-i: [A-Z]))",
    re.IGNORECASE,
)
_LOVED = re.compile(
    rf"\b(?P<films>{_FILMS})(?P<did> did)? {_WHO} (?:has |have |had )?(?:(?:really|both|all) )*"
    rf"{_LIKED}(?= ?(?:[?.!,]|$|from|but|and|in|that|with|of))"
    rf"|{_WHO.replace('<n>', '<m>')}(?:'s)? (?:all[- ]time )?favou?rite(?= (?:[\w-]+ "
    rf"){{0,3}}(?:films?|movies?|flicks?))",
    re.IGNORECASE,
)  # fmt: skip
_EVERYBODY = re.compile(
    r"\b(?:that )?(?:every(?:one|body)(?: else)?|(?:the )?others|(?:other|most) people|all (?:my"
    r"|our) friends|the (?:whole )?world|all)"
    r"(?:'s| has| have)? (?:already )?(?:seen|watched|saw)(?: already)?"
    r"(?P<but> (?:except|but(?: not)?|and not|apart from|other than)(?: for)? (?:me|us|myself"
    r"|@user\d+))?",
    re.IGNORECASE,
)
_I_AM = re.compile(rf"(?:\bi am|\bi'm|\bthis is|\bmy name is|\bhere is) {'@user'}\b[,.:;]?", re.I)
_I = re.compile(r"\bi\b(?!')", re.IGNORECASE)
_NUMBERS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0}
LIKED_FROM, HATED_TO = 4.0, 2.0
"""Stars from and to which a user is said to have loved or hated a film: docs/ask.md."""
STAND_IN = "@user"


def read_users(draft: Draft) -> None:
    """Who is named, and who has or has not seen the films; @user stands for whom it is about."""
    if (profile := draft.take(_PROFILE)) is not None:
        draft.parts["profile"] = profile["name"].lower()
    mentions: list[list[int]] = []

    def stand_in(found: "re.Match[str]") -> str:
        mentions.append([int(number) for number in re.findall(r"\d+", found[0])])
        own = "'s" if found[0].endswith("'s") else ""
        before = f"{found['for']} " if found["for"] else ""
        neither = "neither " if (found["both"] or "").lower() == "neither " else ""
        return f"{before}{neither}{STAND_IN}{len(mentions) - 1}{own}"

    draft.text = _USERS.sub(stand_in, draft.text)
    if (found := draft.take(_EVERYBODY)) is not None:
        draft.parts["fame"] = "known"
        if found["but"]:
            draft.parts["seen"] = "drop"
    if mentions:
        about = _read_seen(draft, mentions)
        draft.text = re.sub(rf"{STAND_IN}\d+", STAND_IN, draft.text)
        if _I_AM.search(draft.text):
            draft.text = _I.sub(STAND_IN, _I_AM.sub(" ", draft.text))
        users = list(dict.fromkeys(user for each in about for user in mentions[each]))
        if users:
            draft.parts["user_id"] = users[0]
            draft.add("users", *users[1:])


def _read_seen(draft: Draft, mentions: list[list[int]]) -> list[int]:
    """Take who has seen what; gives the mentions that are about whose taste it is."""
    spoken = [int(n) for n in re.findall(rf"{STAND_IN}(\d+)", draft.text)]
    used: set[int] = set()
    for found in draft.take_all(_UNLIKED):
        used.update(_mentioned(found))
        draft.ignore(
            "what somebody would not like",
            "it is not guessed; ask for films that a user hated, or what one would think of a film",
        )
    for found in draft.take_all(_NOT_SEEN):
        who = [user for number in _mentioned(found) for user in mentions[number]]
        used.update(_mentioned(found))
        if len(who) == 1:
            draft.parts |= {"seen": "drop", "user_id": who[0]}
        else:
            draft.add("rated_by", *(RatedBy(user_id=user) for user in who), excluded=True)
    used.update(_read_rated(draft, mentions))
    return [number for number in spoken if number not in used]


def _read_rated(draft: Draft, mentions: Sequence[Sequence[int | None]]) -> list[int]:
    """Take who has rated the films, and how; gives the mentions that were read."""
    read: list[int] = []
    for pattern in (_LOVED, _HATED, _SEEN):
        for found in draft.take_all(pattern):
            low, high = {_LOVED: (LIKED_FROM, None), _HATED: (None, HATED_TO)}.get(
                pattern
            ) or _stars(draft, found)
            if pattern is _HATED and "didn't" in found[0].lower():
                draft.notes.append(f"“didn't like” is read as {HATED_TO:g} stars or less.")
            read += _mentioned(found)
            who = [user for number in _mentioned(found) for user in mentions[number]]
            draft.add("rated_by", *(RatedBy(user_id=user, low=low, high=high) for user in who))
    return read


def _mentioned(found: "re.Match[str]") -> Iterator[int]:
    yield from (int(n) for n in re.findall(rf"{STAND_IN}(\d+)", found[0]))


def _stars(draft: Draft, found: "re.Match[str]") -> tuple[float | None, float | None]:
    """From how many stars to how many a user gave, who rates in half stars."""
    for n in "123":
        if (said := found[f"low{n}"]) is None:
            continue
        stars = _NUMBERS.get(said.lower()) or float(said)
        if found[f"begin{n}"]:
            low, high = sorted((float(found[f"begin{n}"]), stars))
            return low, high
        if found[f"not{n}"] and (found[f"over{n}"] or found[f"under{n}"]):
            return (None, stars) if found[f"over{n}"] else (stars, None)
        if found[f"over{n}"] or found[f"under{n}"]:
            step = 0.5 if found[f"over{n}"] else -0.5
            bound = math.floor(stars * 2 + 1) / 2 if step > 0 else math.ceil(stars * 2 - 1) / 2
            if not 0.5 <= bound <= 5:
                draft.ignore(found[0], "nobody can: ratings go from 0.5 to 5")
                return None, None
            return (bound, None) if step > 0 else (None, bound)
        if found[f"most{n}"] or found[f"down{n}"]:
            return None, stars
        return stars, None if found[f"least{n}"] or found[f"up{n}"] or found[f"plus{n}"] else stars
    return None, None


_I_HAVE = re.compile(
    r"\b(?P<what>films?|movies?|ones?|something|anything|what|that|which|titles?|everything|things)"
    r"(?P<that> (?:that|which))?(?: (?:i|we)(?:'ve| have| had)?| (?:have|did) (?:i"
    r"|we))(?= (?:already |also |ever )?"
    r"(?:seen|watched|rated|saw|gave|given|scored|loved|liked|enjoyed|adored|hated|disliked"
    r"|didn't (?:like|enjoy))\b)",
    re.IGNORECASE,
)


def read_own(draft: Draft, unwanted: Sequence[tuple[int, int]]) -> None:
    """What whoever asks has seen, rated, loved or hated: films that I have already seen."""
    found = _I_HAVE.search(draft.text)
    if found is None:
        return
    if any(begin <= found.start() < end for begin, end in unwanted):
        begin = next(begin for begin, end in unwanted if begin <= found.start() < end)
        seen = re.compile(rf"(?: already| ever| also)* {_SAW}(?: already| before)?\b", re.I)
        if (rest := seen.match(draft.text, found.end())) is not None:
            draft.cut(begin, rest.end())
            draft.parts["seen"] = "drop"
        return
    that = found["that"] or ""
    draft.text = (
        f"{draft.text[: found.start()]}{found['what']}{that} {STAND_IN}0{draft.text[found.end() :]}"
    )
    _read_rated(draft, [[None]])
    draft.text = draft.text.replace(f"{STAND_IN}0", "I have")
