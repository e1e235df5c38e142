"""A request in plain words read by rules: no model, the same answer every time."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field, ValidationError

from ask.absent import HARMLESS, read_absent
from ask.alternatives import read_alternatives
from ask.counts import read_how_many, read_of_groups
from ask.draft import GAP, PHRASE, Draft
from ask.exclusions import find_unwanted, read_exclusions
from ask.guard import find_doubts
from ask.kinds import PROPOSALS, is_kind, read_count, read_kinds, read_most, read_set_phrases
from ask.likes import read_likes, read_than
from ask.no_request import asks_of_the_world, is_no_request, is_not_english
from ask.numbers import read_money, read_ratings, read_runtime
from ask.order import read_not_first, read_order
from ask.people import read_people
from ask.plainer import make_plainer, write_figures
from ask.questions import read_question
from ask.seen import read_own, read_users
from ask.structure import Exclusions, Structure
from ask.titles import read_called, read_intent
from ask.words import (
    BETWEEN,
    FILLING,
    FILM,
    NUMBERS,
    RECOMMEND,
    SUBJECT,
    UNREAD,
    UNSEEN,
    any_case,
    as_typed,
    word_set,
)
from ask.years import read_years
from palate.contract import Frozen
from palate.errors import MisuseError
from palate.text import first_wrong
from search.names import Names

LONGEST_REQUEST = 500
"""Characters of a request that is read; longer ones are refused."""

_SUMMARISE = (
    r"\bwhat\b.*\b(does|do|did|would) @user (really |usually |generally )?"
    r"(like|love|enjoy|prefer|hate|dislike|watch)( best| most)?\W*$",
    r"@user\W.*\b(what|which)\b.*\b(do|does|did) (he|she|they) (really |usually |most )?"
    r"(like|love|enjoy|prefer|hate|dislike|watch)( best| most)?\W*$",
    r"\b(which|what) (kinds?|sorts?|types?|genres?|films?|movies?|directors?)\b.*@user\b"
    r".*\b(like|love|enjoy|prefer|hate|favou?r)",
    r"\bwhat (does|do|did|would) @user (think|say|feel|make) (of|about) ",
    r"\bwhat\b.*(\bis @user|@user is) (really )?into\W*$",
    r"\bdoes @user (really )?(like|love|enjoy|prefer|hate|favou?r)\b",
    r"@user (really )?(likes?|loves?|hates?|enjoys?|prefers?|is into) what\W*$",
    r"@user\W+(likes?|dislikes?|loves|hates|tastes?|preferences|profile)( (and|or|&) \w+)?\W*$",
    r"^(what|who|which)('s| is| are)? (my|our) (all[- ]time )?favou?rite (genres?"
    r"|directors?|actors?|actress(es)?|decades?|kinds?)\b",
    r"\b(summari[sz]e|describe|tell me about|who is|profile of|analy[sz]e)\b.*@user",
    r"\b(tastes?|preferences|profile|favou?rites?|favou?rite \w+)( of|,)? @user",
    r"@user('s)?,? (tastes?|preferences|profile|favou?rites?|favou?rite \w+)",
)
_AFTER = any_case(r"\b(i'm|i am|we're|we are|what i'm|someone) after\b")
_OURS = any_case(r"""(?<!about )(?<!with )\b(my|our) (\w+ )?(girlfriend|boyfriend|gf|bf|wife|husband
    |partner|mum|mom|mother|dad|father|son|daughter|brother|sister|friends?|parents|grand\w+
    |roommates?|flatmates?|family|kids?|colleagues?|cousins?|uncle|aunt|teacher|class)\b( (loves?
    |likes?|enjoys?|prefers?|adores?|wants?|is into|are into|said|says|thinks?))?""")
_CUE = any_case(r"(\b(like|to|than|as|of|loved?|liked|enjoyed|seen|saw|watched|and|or)|,)\W*$")
_WORD = re.compile(r"[\w'-]+")
_NUMBER = re.compile(rf"\d{{1,2}}|{'|'.join(NUMBERS)}")
_OR = any_case(r",? \bor\b ")
_CONTRACTED = any_case(r"(?<=\w)'(s|d|ll|ve|re|m)$")
_BEFORE_FILMS = any_case(rf"( [\w'-]+)?\s*({GAP}|{FILM}\b)")
_BEHIND_CUE = any_case(r"""\b(with|about|in|on|at|of|an?|some|something|anything|more|very|really
    |too|set|and|or|by|from|featuring|involving|like|that's|that is|who's|who is|they're)\s+((an?
    |the|lots of|some|any|really|very) )*$|[,;]\s*$""")
_TITLE_WORDS = 6
_OF_TASTE = word_set("""taste tastes preferences profile favourite favourites favorite favorites
    summarise summarize describe analyse analyze think thinks feel genre genres hate hates dislike
    dislikes prefers usually generally""")
_SPEAKS_OF_FILMS = as_typed(rf"""\b({FILM}|about|something|anything|user|watch|with|want|need
    |looking|any)\b|@|[A-Z\"(:]|[^\w\s' -]""")
_UNREAD_WHY = "how this bears on the rest was not understood"
CANNOT = (
    "this is no request for films; films can be searched, recommended, compared and predicted, and "
    "be asked how long they are, who made them and when"
)

NO_ENGLISH = "requests are read in English; titles and names may be of any language"

Sure = Literal["high", "some", "low"]


class Ignored(Frozen):
    """Words of a request that count for nothing in its answer."""

    words: str
    why: str = Field(description="And what there is instead, where there is something.")


@dataclass(frozen=True)
class Reading:
    """How a request was read: the structure, what is to be said of it, and what is unknown."""

    structure: Structure
    notes: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()
    read_by: str = "rules"
    ignored: tuple[Ignored, ...] = ()
    doubts: tuple[Ignored, ...] = ()
    """Words that nothing in the structure answers to, whoever read it."""
    guessed: bool = False
    only_first: bool = False

    def noted(self, note: str) -> "Reading":
        """The same with one more note."""
        return replace(self, notes=(*self.notes, note))

    @property
    def left_out(self) -> tuple[Ignored, ...]:
        """All words that count for nothing."""
        return (*self.ignored, *self.doubts)

    @property
    def sure(self) -> Sure:
        """high: all by names and numbers; some: by words in texts too; low: a part is left out."""
        if self.left_out or self.not_found:
            return "low"
        kinds = (self.structure, *self.structure.alternatives)
        by_words = any(kind.text for kind in kinds) or self.structure.exclude.text
        return "some" if by_words or self.guessed else "high"


def read_request(text: str, names: Names) -> Reading:
    """Read a request as `read_alone`, and say which of its words left no trace."""
    return doubt(text, read_alone(text, names))


def doubt(text: str, reading: Reading) -> Reading:
    """A reading with the words of its request that nothing in it answers to."""
    left_out = " ".join((*(one.words for one in reading.ignored), *reading.not_found))
    found = find_doubts(text, reading.structure, left_out, " ".join(reading.notes))
    return replace(reading, doubts=tuple(Ignored(words=words, why=why) for words, why in found))


def read_alone(text: str, names: Names) -> Reading:
    """Read a request. Names are linked to the catalog; what it does not have is ``not_found``.

    Never fails but for its length (MisuseError): what no rule knows is searched as words.
    """
    if len(text) > LONGEST_REQUEST:
        raise MisuseError(
            f"The request has {len(text)} characters; {LONGEST_REQUEST} are read. Nothing was "
            "done. Say it shorter, or use `palate search`."
        )
    draft = Draft.of(text)
    read_users(draft)
    if _is_title(draft.text, names):
        draft.parts["text"] = draft.text.strip()
    else:
        _read(draft, names)
    return Reading(
        _structure(draft),
        tuple(draft.notes),
        tuple(dict.fromkeys(draft.not_found)),
        ignored=tuple(Ignored(words=words, why=why) for words, why in draft.ignored),
        guessed=draft.guessed,
        only_first=draft.only_first,
    )


def _read(draft: Draft, names: Names) -> None:
    foreign = is_not_english(draft.text, lambda title: bool(names.films(title, fuzzy=False)))
    make_plainer(draft, names)
    if foreign or is_no_request(draft.text):
        draft.parts["intent"] = "unclear"
        draft.ignore(draft.text, NO_ENGLISH if foreign else CANNOT)
        return
    if read_question(draft, names):
        return

    def read_part(part: Draft) -> tuple[str, list[str]]:
        read_conditions(part, names)
        return _left(part, names)

    asked = draft.text
    read_how_many(draft)
    intent = read_intent(draft, names)
    if intent is None and read_of_groups(draft):
        return
    if intent is not None:
        draft.parts["intent"] = intent
    elif not RECOMMEND.search(draft.text) and any(
        any_case(pattern).search(draft.text) for pattern in _SUMMARISE
    ):
        draft.parts["intent"] = "summarise"
        _ignore_rest(draft, names)

    def is_name(phrase: str, before: str) -> bool:
        if names.person(phrase, surname=False, fuzzy=False) is not None:
            return True
        return _CUE.search(before) is not None and names.films(phrase, fuzzy=False) is not None

    draft.set_phrases_aside(is_name)
    if intent is None:
        read_than(draft, names)
        if read_likes(draft, names):
            draft.parts["intent"] = intent = "similar"
    if "k" not in draft.parts and PROPOSALS.search(draft.text):
        read_count(draft)
    recommended = draft.take_all(RECOMMEND)
    if recommended and "intent" not in draft.parts:
        draft.parts["intent"] = "recommend"
    read_own(draft, list(find_unwanted(draft, names)))
    read_alternatives(draft, names, read_part)
    read_conditions(draft, names)
    draft.text = _AFTER.sub(" ", _OURS.sub(" ", draft.text))
    words, unread = _left(draft, names)
    if words:
        draft.parts["text"] = words
    _check(draft, asked, unread)


def _ignore_rest(draft: Draft, names: Names) -> None:
    """Of a taste everything is summed up: what would narrow it is left out."""
    rest = " ".join(
        word for word in _left(draft, names)[0].split() if word.lower() not in _OF_TASTE
    )
    draft.ignore(rest, "a taste is summed up as a whole")
    draft.text = ""


def read_conditions(draft: Draft, names: Names) -> None:
    """Everything that films may be asked to be, in the order in which words are understood."""
    read_called(draft, names)
    if draft.take_all(UNSEEN):
        draft.parts["seen"] = "drop"
    read_absent(draft)
    write_figures(draft)
    read_money(draft)
    read_ratings(draft)
    read_runtime(draft)
    read_years(draft, names.latest_year)
    read_most(draft)
    read_not_first(draft)
    read_exclusions(draft, names)
    read_order(draft, names)
    read_count(draft)
    read_set_phrases(draft, names)
    read_people(draft, names)
    read_kinds(draft, names)


def _check(draft: Draft, asked: str, unread: list[str]) -> None:
    """A request of which nothing is understood is searched for as it is typed, or is none."""
    understood = set(draft.parts) - {"text", "user_id", "users", "profile", "k"}
    if understood or draft.ranges or draft.exclude:
        _say_unread(draft, unread)
        return
    text = draft.parts.get("text", "")
    if not text and not draft.ignored and len(asked.split()) <= 2 and _is_short(asked):
        text = asked
    lost = not all(why in HARMLESS for _, why in draft.ignored)
    if (text and asks_of_the_world(asked)) or (lost and not text):
        if not draft.ignored:
            draft.ignore(asked, CANNOT)
        draft.parts["intent"] = "unclear"
        draft.parts.pop("text", None)
    elif text and not draft.ignored and not draft.not_found and _is_short(asked):
        draft.parts["text"] = asked.strip(' "?.!')
        return
    _say_unread(draft, unread)


def _say_unread(draft: Draft, unread: list[str]) -> None:
    """Say which words were left that bear on others."""
    for word in unread:
        bears = word.lower().replace("'", "") in UNREAD
        draft.ignore(word, _UNREAD_WHY if bears else "this was not understood")


def _is_short(asked: str) -> bool:
    """Whether a request may be a title, or the begin of one: every word of it counts then."""
    return len(asked.split()) <= _TITLE_WORDS and not _SPEAKS_OF_FILMS.search(asked)


def _is_title(text: str, names: Names) -> bool:
    """A request that is a film's title and nothing else."""
    wanted = text.strip(' "?.!')
    return (
        '"' not in text
        and not is_kind(wanted, names)
        and names.films(wanted, fuzzy=False) is not None
    )


def _is_adverb(word: str, names: Names) -> bool:
    """Whether a word says how, and no film is called so or about it: ideally."""
    return len(word) > 5 and word.endswith("ly") and word not in names.keywords


def _left(draft: Draft, names: Names) -> tuple[str, list[str]]:
    """The words that no rule took and films may have, and those that were not understood."""
    without = re.sub(r"(\b(for|of|by) )?@user('s)?", " ", draft.text)
    marks = [draft.phrase(mark[0]) for mark in PHRASE.finditer(without)]
    without = PHRASE.sub(" ", without)
    subjects = [found.span("what") for found in SUBJECT.finditer(without)]
    alone = not (set(draft.parts) - {"user_id", "users", "profile", "k"} or draft.ranges)
    kept: dict[str, None] = {}
    unread, last = [], -1
    for found in _WORD.finditer(without):
        word = _CONTRACTED.sub("", found[0]).strip("'-")
        bare = word.lower().replace("'", "")
        if not word:
            continue
        in_subject = any(begin <= found.start() < end for begin, end in subjects)
        if in_subject and word.lower() not in BETWEEN:
            kept[word] = None
        elif bare in UNREAD or ("k" in draft.parts and _NUMBER.fullmatch(bare)):
            unread.append(word)
        elif bare in FILLING or _is_adverb(bare, names):
            continue
        elif alone or last == found.start() - 1 or _is_content(without, found, names):
            kept[word] = None
            last = found.end()
        else:
            unread.append(word)
    if len(subjects) == 1 and not any(marks):
        subject = without[slice(*subjects[0])]
        pieces = [" ".join(w for w in kept if w in each) for each in _OR.split(subject)]
        if len(pieces) > 1 and all(pieces) and sum(len(p.split()) for p in pieces) == len(kept):
            draft.add("any_of", "text")
            return " ".join(f'"{p}"' if " " in p else p for p in pieces), unread
    return " ".join([*(f'"{phrase}"' for phrase in marks if phrase), *kept]), unread


def _is_content(text: str, word: "re.Match[str]", names: Names) -> bool:
    """Whether films are looked for by a word that stands beside what was understood.

    A name, a keyword, what stands before films or a kind of them, or behind such as with and a.
    """
    bare = word[0].lower().removesuffix("s")
    return (
        (word[0][:1].isupper() and word.start() > 0)
        or {word[0].lower(), bare} & names.keywords.keys() != set()
        or _BEFORE_FILMS.match(text, word.end()) is not None
        or _BEHIND_CUE.search(text[: word.start()]) is not None
    )


def _structure(draft: Draft) -> Structure:
    parts = dict(draft.parts)
    try:
        return Structure(
            **parts, ranges=draft.ranges, exclude=Exclusions.model_validate(draft.exclude)
        )
    except ValidationError as error:
        raise MisuseError(
            f"The request cannot be meant: {first_wrong(error)}. Nothing was done."
        ) from error
