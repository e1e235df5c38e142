"""Users in a request: whose taste it is about, and who has or has not seen the films."""

import re
from collections.abc import Iterator

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
    r"(?: (?:it |them )?(?:with |at )?(?:at least )?(?P<low>[0-5](?:\.\d)?|one|two|three|four|five)"
    r"(?:[ -]?stars?)?(?: (?:or|and) (?:more|higher|better|above|up))?)?"
)
_LIKED = r"(?:loved|liked|enjoyed|adored|rated highly|rates highly)"
_FILMS = r"(?:films?|movies?|ones|what|which|that|titles|stuff|things)"
_NOT_SEEN = re.compile(
    rf"(?<!\w)(?:(?:that |which |but )*(?:not |neither )?{_WHO}(?: has| have| had| did)?"
    rf"(?:n't| not| never)(?: yet| already)?(?: been)?(?: {_SAW}| see| watch| rate)?(?: yet| "
    rf"before)?"
    rf"|(?:that |which )?(?:not |un)(?:yet )?{_SAW} (?:yet )?by {_WHO.replace('<n>', '<m>')}"
    rf"|(?:that )?neither {_WHO.replace('<n>', '<k>')} (?:has|have) (?:ever )?{_SAW}"
    rf"|new (?:to|for) {_WHO.replace('<n>', '<j>')})(?!\w)",
    re.IGNORECASE,
)
_SEEN = re.compile(
    rf"(?<!\w)(?:did {_WHO} (?:rate|give|watch|see|score){_STARS}"
    rf"|(?:that |which |have )*{_WHO.replace('<n>', '<m>')}(?:'s)?(?: has| have)?(?: also| "
    rf"already)?"
    rf" (?:{_SAW}|gave|given|scored){_STARS.replace('<low>', '<low2>')}"
    rf"|(?:already )?{_SAW}{_STARS.replace('<low>', '<low3>')} by {_WHO.replace('<n>', '<k>')}"
    rf"|(?<!of )(?:films|movies) (?:of|by) {_WHO.replace('<n>', '<j>')}(?= "
    rf"?[?.!]*$))(?!\w)(?!(?-i: [A-Z]))",
    re.IGNORECASE,
)
_LOVED = re.compile(
    rf"\b(?P<films>{_FILMS})(?P<did> did)? {_WHO} (?:has |have |had )?(?:really )?"
    rf"{_LIKED}(?= ?(?:[?.!,]|$|from|but|and|in|that|with|of))"
    rf"|{_WHO.replace('<n>', '<m>')}(?:'s)? (?:all[- ]time )?favou?rite(?= (?:[\w-]+ "
    rf"){{0,3}}(?:films?|movies?|flicks?))",
    re.IGNORECASE,
)  # fmt: skip
_EVERYBODY = re.compile(
    r"\b(?:that )?(?:every(?:one|body)(?: else)?|all (?:my|our) friends|the (?:whole )?world|all)"
    r"(?:'s| has| have)? (?:already )?(?:seen|watched|saw)(?: already)?"
    r"(?P<but> (?:except|but|apart from|other than)(?: for)? (?:me|us|myself|@user\d+))?",
    re.IGNORECASE,
)
_NUMBERS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0}
LIKED_FROM = 4.0
"""Stars from which a user is said to have loved a film: docs/ask.md."""
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
        users = list(dict.fromkeys(user for each in about for user in mentions[each]))
        if users:
            draft.parts["user_id"] = users[0]
            draft.add("users", *users[1:])


def _read_seen(draft: Draft, mentions: list[list[int]]) -> list[int]:
    """Take who has seen what; gives the mentions that are about whose taste it is."""
    spoken = [int(n) for n in re.findall(rf"{STAND_IN}(\d+)", draft.text)]
    used: set[int] = set()
    for found in draft.take_all(_NOT_SEEN):
        who = [user for number in _mentioned(found) for user in mentions[number]]
        used.update(_mentioned(found))
        if len(who) == 1:
            draft.parts |= {"seen": "drop", "user_id": who[0]}
        else:
            draft.add("rated_by", *(RatedBy(user_id=user) for user in who), excluded=True)
    for pattern in (_LOVED, _SEEN):
        for found in draft.take_all(pattern):
            low = _low(found) if pattern is _SEEN else LIKED_FROM
            used.update(_mentioned(found))
            who = [user for number in _mentioned(found) for user in mentions[number]]
            draft.add("rated_by", *(RatedBy(user_id=user, low=low) for user in who))
    return [number for number in spoken if number not in used]


def _mentioned(found: "re.Match[str]") -> Iterator[int]:
    yield from (int(n) for n in re.findall(rf"{STAND_IN}(\d+)", found[0]))


def _low(found: "re.Match[str]") -> float | None:
    said = found["low"] or found["low2"] or found["low3"]
    return None if said is None else _NUMBERS.get(said.lower()) or float(said)
