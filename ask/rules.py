"""A request in plain words read by rules: no model, the same answer every time."""

import re
from dataclasses import dataclass

from pydantic import ValidationError

from ask.draft import PHRASE, Draft
from ask.exclusions import read_exclusions
from ask.kinds import find_genres, find_mood, read_count, read_kinds
from ask.numbers import read_money, read_ratings, read_runtime, read_years
from ask.people import read_people
from ask.plainer import make_plainer, write_figures
from ask.structure import Exclusions, Structure
from ask.titles import read_intent
from ask.words import FILLING, RECOMMEND, UNSEEN
from palate.contract import PROFILE_PATTERN
from palate.errors import MisuseError
from search.names import Names

LONGEST_REQUEST = 500
"""Characters of a request that is read; longer ones are refused."""

_USER = re.compile(
    r"\b(?:(?:for|of|by|as) )?(?:(?:the )?user(?:_id)?(?: ?(?:id|number|no\.?|#))?"
    r"|(?:my|his|her|their)(?: user)?[ -]?(?:id|number))(?: is)? ?[:=#]? ?"
    r"(?P<id>\d+)(?P<own>'s)?(?!\w)",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"\b(?:(?:with|in|using|on|under) )?(?:the |their |his |her )?"
    rf"profile (?P<name>{PROFILE_PATTERN})\b",
    re.IGNORECASE,
)
_SUMMARISE = (
    r"\bwhat\b.*\b(?:does|do|did|would) @user (?:really |usually |generally )?"
    r"(?:like|love|enjoy|prefer|hate|dislike|watch)"
    r"(?: best| most)?\W*$",
    r"\b(?:which|what) (?:kinds?|sorts?|types?|genres?|films?|movies?|directors?)\b.*@user\b"
    r".*\b(?:like|love|enjoy|prefer|hate|favou?r)",
    r"\bwhat\b.*(?:\bis @user|@user is) (?:really )?into\W*$",
    r"\bdoes @user (?:really )?(?:like|love|enjoy|prefer|hate|favou?r)\b",
    r"\b(?:summari[sz]e|describe|tell me about|who is|profile of|analy[sz]e)\b.*@user",
    r"\b(?:tastes?|preferences|profile|favou?rites?|favou?rite \w+)(?: of)? @user",
    r"@user(?:'s)?,? (?:tastes?|preferences|profile|favou?rites?|favou?rite \w+)",
)
_WORD = re.compile(r"[\w'-]+")


@dataclass(frozen=True)
class Reading:
    """How a request was read: the structure, what is to be said of it, and what is unknown."""

    structure: Structure
    notes: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()
    read_by: str = "rules"


def read_request(text: str, names: Names) -> Reading:
    """Read a request. Names are linked to the catalog; what it does not have is ``not_found``.

    Never fails but for its length (MisuseError): what no rule knows is searched as words.
    """
    if len(text) > LONGEST_REQUEST:
        raise MisuseError(
            f"The request has {len(text)} characters; {LONGEST_REQUEST} are read. Nothing was "
            "done. Say it shorter, or use `palate search`."
        )
    draft = Draft.of(text)
    _read_user(draft)
    if _is_title(draft.text, names):
        draft.parts["text"] = draft.text.strip()
    else:
        _read(draft, names)
    return Reading(_structure(draft), tuple(draft.notes), tuple(dict.fromkeys(draft.not_found)))


def _read(draft: Draft, names: Names) -> None:
    make_plainer(draft, names)
    if (intent := read_intent(draft, names)) is not None:
        draft.parts["intent"] = intent
    elif not RECOMMEND.search(draft.text) and any(
        re.search(pattern, draft.text, re.IGNORECASE) for pattern in _SUMMARISE
    ):
        draft.parts["intent"] = "summarise"
        draft.text = ""
    draft.set_phrases_aside(lambda name: names.person(name, surname=False, fuzzy=False) is not None)
    recommended = draft.take_all(RECOMMEND)
    if recommended and intent is None and "intent" not in draft.parts:
        draft.parts["intent"] = "recommend"
    if draft.take_all(UNSEEN):
        draft.parts["seen"] = "drop"
    write_figures(draft)
    read_money(draft)
    read_ratings(draft)
    read_runtime(draft)
    read_years(draft, names.latest_year)
    read_exclusions(draft, names)
    read_count(draft)
    read_people(draft, names)
    read_kinds(draft, names)
    if words := _left(draft):
        draft.parts["text"] = words


def _read_user(draft: Draft) -> None:
    """The first user that is named; @user stands for them in the text from here on."""
    if (profile := draft.take(_PROFILE)) is not None:
        draft.parts["profile"] = profile["name"].lower()
    users = list(_USER.finditer(draft.text))
    if not users:
        return
    draft.parts["user_id"] = int(users[0]["id"])
    others = {match["id"] for match in users} - {users[0]["id"]}
    if others:
        draft.notes.append(f"Only user {users[0]['id']} is looked at, not {', '.join(others)}.")
    draft.text = _USER.sub(_stand_in, draft.text)


def _stand_in(found: "re.Match[str]") -> str:
    before = re.split(r"user|my|his|her|their", found[0], maxsplit=1, flags=re.IGNORECASE)[0]
    return f"{before}@user{found['own'] or ''}"


def _is_title(text: str, names: Names) -> bool:
    """A request that is a film's title and nothing else."""
    wanted = text.strip(' "?.!')
    if find_genres(wanted, names) or find_mood(wanted):
        return False
    return '"' not in text and names.films(wanted, fuzzy=False) is not None


def _left(draft: Draft) -> str:
    """The words that no rule took, without those that say nothing of a film."""
    without = re.sub(r"(?:\b(?:for|of|by) )?@user(?:'s)?", " ", draft.text)
    marks = [draft.phrase(mark[0]) for mark in PHRASE.finditer(without)]
    words = [
        word.removesuffix("'s").strip("'-") for word in _WORD.findall(PHRASE.sub(" ", without))
    ]
    kept = [word for word in words if word.lower().replace("'", "") not in FILLING and word]
    return " ".join([f'"{phrase}"' for phrase in marks if phrase] + kept)


def _structure(draft: Draft) -> Structure:
    parts = dict(draft.parts)
    try:
        return Structure(
            **parts, ranges=draft.ranges, exclude=Exclusions.model_validate(draft.exclude)
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MisuseError(
            f"The request cannot be meant: {where}: {first['msg']}. Nothing was done."
        ) from error
