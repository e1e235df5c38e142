"""Users in a request: whose taste it is about, and who has or has not seen the films."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from ask.draft import Draft
from ask.numbers import read_number
from ask.structure import RatedBy
from ask.words import NOUN, any_case, in_one
from palate.contract import PROFILE_PATTERN

_ID = r"(user(_id)?s?( ?(ids?|numbers?|no\.?|#))?|(my|his|her|their)( user)?[ -]?(id|number))"
_AND = r"(,? (and|or|nor|&) |, ?)"
_NUMBER = r"\d+(?!\d|\.\d)"
_USERS = any_case(rf"""\b((?P<for>for|of|by|as) )?(?P<both>both |either |neither )?(the )?
    (users (?P<many>{_NUMBER}('s)?({_AND}{_NUMBER}('s)?)+)|(?P<one>{_ID}( is)? ?[:=#]? ?{_NUMBER}
    ('s)?({_AND}(for )?(the )?user( is)? ?[:=#]? ?{_NUMBER}('s)?)*))(?!\w)""")
_PROFILE = any_case(rf"""\b((with|in|using|on|under) )?
    (the |their |his |her )?profile (?P<name>{PROFILE_PATTERN})\b""")
_WHO = r"@user\d+"
_SAW = r"(seen|watched|rated|saw|viewed)"
_STARS = in_one(r"""(,?( but)?( (?P<not>not))? (it |them )?(with |at )?((?P<over>above|over
    |more than|higher than|better than) |(?P<under>below|under|less than|lower than|worse than
    |fewer than) |(?P<least>at least|no less than|not less than|from) |(?P<most>at most|no more than
    |not more than|up to) |(exactly|only|just) )?(a )?((between |from )?(?P<begin>[0-5]
    (\.\d+)?) (and|to) )?(?P<low>[0-5](\.\d+)?|one|two|three|four|five)(?P<plus>\+)?([ -]?stars?)?
    (?P<down> (or|and) (less|lower|worse|below|under|down|fewer))?(?P<up> (or|and) (more|higher
    |better|above|up|over))?)?""")
_HATED = any_case(rf"""((that |which )?(did )?{_WHO}( has| have)?( really)? (hated?|disliked?
    |loathed?|detested|couldn't stand|didn't (like|enjoy)|rated? (the )?(lowest|worst|least))|(hated
    |disliked|loathed) by {_WHO})(?= ?([?.!,]|$|from|but|and|in|most))( (the )?most)?""")

_LIKED = in_one(r"""(loved?|liked?|enjoy(ed)?|adored?|rated? (highly|(the )?(highest|best))
    |rates highly)( (the )?(most|best))?""")
_FILMS = r"(films?|movies?|ones|what|which|that|titles|stuff|things)"
_NOT_SEEN = any_case(rf"""(?<!\w)((that |which |but )*(not |neither )?{_WHO}( has| have| had
    | did)?(n't| not| never)( yet| already)?( been)?( {_SAW}| see| watch| rate)?( yet| before)?
    |(that |which )?(not |un)(yet )?{_SAW} (yet )?by {_WHO}|(that )?neither {_WHO} (has
    |have) (ever )?{_SAW}|new (to|for) {_WHO})(?!\w| (really )?(like|love|enjoy)\b)""")
_UNLIKED = any_case(rf"""(?<!\w)((would|will|might) {_WHO} (never|not|hate|dislike)( (watch|see|like
    |enjoy|want to see))?|not (meant |made |right )?for {_WHO})(?!\w)""")
_SEEN = tuple(
    any_case(rf"(?<!\w)({pattern})(?!\w)(?!(?-i: [A-Z]))")
    for pattern in (
        rf"did {_WHO} (rate|give|watch|see|score){_STARS}",
        rf"(that |which |have )*{_WHO}('s)?( has| have)?( also| already| both| all| each)*"
        rf" ({_SAW}|gave|given|scored){_STARS}",
        rf"(already )?{_SAW}{_STARS} by {_WHO}",
        rf"(?<!of )(films|movies) (of|by) {_WHO}(?= ?[?.!]*$)",
    )
)
_LOVED = any_case(rf"""\b{_FILMS}( did)? {_WHO} (has |have |had )?((really|both
    |all) )*{_LIKED}(?= ?([?.!,]|$|from|but|and|in|that|with|of))|{_WHO}
    ('s)? (all[- ]time )?favou?rite(?= ([\w-]+ ){{0,3}}(films?|movies?|flicks?))""")  # fmt: skip
_EVERYBODY = any_case(r"""\b(that )?(every(one|body)( else)?|(the )?others|(other|most) people
    |all (my|our) friends|the (whole )?world|all)('s| has| have)? (already )?(seen|watched
    |saw)( already)?(?P<but> (except|but( not)?|and not|apart from|other than)( for)? (me|us|myself
    |@user\d+))?""")
_I_AM = any_case(r"(\bi am|\bi'm|\bthis is|\bmy name is|\bhere is) @user\b[,.:;]?")
_I = any_case(r"\bi\b(?!')")
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
    known = {_LOVED: (LIKED_FROM, None), _HATED: (None, HATED_TO)}
    for pattern in (_LOVED, _HATED, *_SEEN):
        for found in draft.take_all(pattern):
            low, high = known.get(pattern) or _stars(draft, found.groupdict(), found[0])
            if pattern is _HATED and "didn't" in found[0].lower():
                draft.notes.append(f"“didn't like” is read as {HATED_TO:g} stars or less.")
            read += _mentioned(found)
            who = [user for number in _mentioned(found) for user in mentions[number]]
            draft.add("rated_by", *(RatedBy(user_id=user, low=low, high=high) for user in who))
    return read


def _mentioned(found: "re.Match[str]") -> Iterator[int]:
    yield from (int(n) for n in re.findall(rf"{STAND_IN}(\d+)", found[0]))


def _stars(
    draft: Draft, said: Mapping[str, str | None], typed: str
) -> tuple[float | None, float | None]:
    """From how many stars to how many a user gave, who rates in half stars."""
    if not (figure := said.get("low")):
        return None, None
    stars, over, under = read_number(figure), said["over"], said["under"]
    if said["begin"]:
        low, high = sorted((float(said["begin"]), stars))
        return low, high
    if said["not"] and (over or under):
        return (None, stars) if over else (stars, None)
    if over or under:
        bound = (math.floor(stars * 2 + 1) if over else math.ceil(stars * 2 - 1)) / 2
        if not 0.5 <= bound <= 5:
            draft.ignore(typed, "nobody can: ratings go from 0.5 to 5")
            return None, None
        return (bound, None) if over else (None, bound)
    if said["most"] or said["down"]:
        return None, stars
    return stars, None if said["least"] or said["up"] or said["plus"] else stars


_I_HAVE = any_case(rf"""\b(?P<what>{NOUN}|ones?|something|anything|what|that|which|everything
    |things)(?P<that> (that|which))?( (i|we)('ve| have| had)?| (have|did) (i
    |we))(?= (already |also |ever )?(seen|watched|rated|saw|gave|given|scored|loved|liked|enjoyed
    |adored|hated|disliked|didn't (like|enjoy)|rate (the )?(highest|lowest|best|worst)|(hate|dislike
    |love)\W*$)\b)""")

_MY_BEST = any_case(rf"""\b(my|our) (own )?(all[- ]time )?(favou?rite|(best|highest
    |top)[- ]rated)(?= ([\w-]+ )?{NOUN}\b)""")


def read_own(draft: Draft, unwanted: Sequence[tuple[int, int]]) -> None:
    """What whoever asks has seen, rated, loved or hated: films that I have already seen."""
    if draft.take(_MY_BEST):
        draft.add("rated_by", RatedBy(low=LIKED_FROM))
    found = _I_HAVE.search(draft.text)
    if found is None:
        return
    if any(begin <= found.start() < end for begin, end in unwanted):
        begin = next(begin for begin, end in unwanted if begin <= found.start() < end)
        seen = any_case(rf"( already| ever| also)* {_SAW}( already| before)?\b")
        if (rest := seen.match(draft.text, found.end())) is not None:
            draft.cut(begin, rest.end())
            draft.parts["seen"] = "drop"
        return
    that = "" if found["what"].lower() in ("what", "that", "which") else " that"
    draft.text = (
        f"{draft.text[: found.start()]}{found['what']}{that} {STAND_IN}0{draft.text[found.end() :]}"
    )
    _read_rated(draft, [[None]])
    draft.text = draft.text.replace(f"{STAND_IN}0", "I have")
