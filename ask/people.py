"""People in a request: directed by, with, starring, and names that stand alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ask.draft import GAP, Draft
from ask.structure import Person, Role
from ask.words import FILLING, FILM, GENRES
from search.names import Names, PersonFound, key

_CUE = re.compile(
    r"\b(?:(?P<director>directed by|(?:from |by )?(?:the )?directors?|by)"
    r"|(?P<actor>starring|played by|acted by|(?:with |the )?(?:actor|actress))"
    r"|(?P<any>with|from|of|featuring)) (?:both |either )?",
    re.IGNORECASE,
)
_STRONG = re.compile(r"directed by|director|starring|played by|acted by|actor|actress", re.I)
_NAME = re.compile(r"[A-Z][\w.'-]*(?: (?:(?:de|del|la|van|von|der|di|al|bin) )*[A-Z][\w.'-]*)*")
_WORDS = re.compile(r"[^\s,;¦?!]+")
_BOUNDARY = re.compile(
    rf"[,;?!{GAP}]|\.(?:\s|$)|\b(?:but|for|and|or|from|with|without|except|in|about|that|{FILM})\b|$",
    re.IGNORECASE,
)
_FAMILY = re.compile(r"(?:the )?(?P<name>[\w'-]+) (?:brothers|bros\.?|sisters)\b", re.IGNORECASE)
_SURNAME = re.compile(
    r"(?:(?:de|del|della|la|le|van|von|der|den|di|da|du|al) ){0,2}(?P<name>[\w-]+(?:'s)?)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*(?:,\s*(?:and |or |nor )?|\b(?:and|or|nor)\b|&)\s*", re.IGNORECASE)
_JOIN = re.compile(r"and|or|nor|&", re.IGNORECASE)
_MADE = re.compile(rf"(?:'s)? (?:[\w-]+ )?(?:{FILM}|{'|'.join(GENRES)})\b", re.IGNORECASE)
_TWO_WORDS = re.compile(rf"([\w.'-]+ [\w.'-]+)(?:'s)? {FILM}\b", re.IGNORECASE)
_LONGEST_NAME = 5
_FEWEST_FILMS = 3
_WORDS_FIRST = (
    "black white brown green gray grey red blue young long short strong wise hill woods stone king "
    "prince pope bishop knight fox wolf bird marsh fields day may love war west north"
)
_PLAIN_WORDS = FILLING | frozenset(_WORDS_FIRST.split())
"""Surnames that are words first: they need the first name."""


@dataclass(frozen=True)
class Read:
    """A name read at the begin of a text, and where it ends; ``found`` None: nobody's name."""

    text: str
    end: int
    found: PersonFound | None


def read_people(draft: Draft, names: Names) -> None:
    """Take the people out of a draft."""
    position = 0
    while (cue := _CUE.search(draft.text, position)) is not None:
        rest = draft.text[cue.end() :]
        read = list(names_in(rest, names, strong=_STRONG.match(cue[0].strip()) is not None))
        if not read:
            position = cue.end()
            continue
        for each in read:
            add_person(draft, each, _role(cue))
        draft.cut(cue.start(), cue.end() + read[-1].end)
        position = cue.start()
    _standing_alone(draft, names)


def _role(cue: "re.Match[str]") -> Role:
    return "director" if cue["director"] else "actor" if cue["actor"] else "any"


def add_person(draft: Draft, read: Read, role: Role, *, excluded: bool = False) -> None:
    """Add a person, or say that there is nobody of that name who does that."""
    found = read.found
    if found is None:
        draft.not_found.append(read.text)
        return
    person = found.person
    if (role == "actor" and not person.acts) or (role == "director" and not person.directs):
        does = "directs" if person.directs else "acts"
        draft.not_found.append(read.text)
        draft.notes.append(f"{person.name} only {does} in this catalog.")
        return
    if found.how != "exact":
        draft.notes.append(f"“{read.text}” was read as {person.name}.")
    draft.add("people", Person(name=person.name, role=role), excluded=excluded)


def names_in(text: str, names: Names, *, strong: bool = False) -> Iterator[Read]:
    """The names that a text begins with, in a list. ``strong``: what follows must be a name."""
    position = 0
    while True:
        read = _name_at(text, position, names, strong=strong and position == 0)
        if read is None:
            return
        yield read
        separator = _SEPARATOR.match(text, read.end)
        if separator is None:
            return
        position = separator.end()


def _name_at(text: str, start: int, names: Names, *, strong: bool) -> Read | None:
    found = _exact(text, start, names) or _family(text, start, names)
    if found is not None:
        return found
    capitals = _NAME.match(text, start + len("the ") * text.startswith("the ", start))
    if capitals is None:
        if not strong:
            return None
        boundary = _BOUNDARY.search(text, start)
        piece = text[start : boundary.start() if boundary else len(text)].strip(" .")
        return Read(piece, start + len(piece), names.person(piece)) if piece else None
    for piece in (capitals[0], capitals[0].removesuffix("'s")):
        person = names.person(piece)
        if person is not None:
            return Read(piece, capitals.end(), person)
    if strong or " " in capitals[0]:
        return Read(capitals[0], capitals.end(), None)
    return None


def _exact(text: str, start: int, names: Names) -> Read | None:
    words = list(islice(_WORDS.finditer(text, start), _LONGEST_NAME))
    if not words or GAP in text[start : words[0].start()]:
        return None
    for count in range(len(words), 1, -1):
        if _JOIN.fullmatch(words[count - 1][0]):
            continue
        piece = text[words[0].start() : words[count - 1].end()]
        for name in (piece, piece.removesuffix("'s").rstrip(".")):
            person = names.person(name, surname=False, fuzzy=False)
            if person is not None:
                return Read(name, words[count - 1].end(), person)
    return None


def _family(text: str, start: int, names: Names) -> Read | None:
    found = _FAMILY.match(text, start)
    person = found and _surname(found["name"], names, fewest=1)
    return Read(found[0], found.end(), person) if found and person else None


def _surname(word: str, names: Names, fewest: int = _FEWEST_FILMS) -> PersonFound | None:
    if word.lower() in _PLAIN_WORDS or " " in word:
        return None
    found = names.person(word, fuzzy=False)
    return found if found and found.person.films >= fewest else None


def _standing_alone(draft: Draft, names: Names) -> None:
    """Full names anywhere, and surnames that are written large or stand before films."""
    position = 0
    while (word := _WORDS.search(draft.text, position)) is not None:
        read = _exact(draft.text, word.start(), names) or _family(draft.text, word.start(), names)
        if read is None:
            read = (
                _surname_listed(draft.text, word, names)
                or _made_by(draft.text, word, names)
                or _surname_alone(draft.text, word, names)
                or _misspelt(draft.text, word, names)
            )
        if read is None:
            position = word.end()
            continue
        add_person(draft, read, "any")
        draft.cut(word.start(), read.end)
        position = word.start()


def _surname_listed(text: str, word: "re.Match[str]", names: Names) -> Read | None:
    """A surname in a list that goes on with somebody's name: ``scorsese or de palma films``."""
    found = _with_particle(text, word.start(), names)
    separator = found and _SEPARATOR.match(text, found.end)
    following = _WORDS.search(text, separator.end()) if separator else None
    if found is None or following is None:
        return None
    known = (
        _exact(text, following.start(), names)
        or _surname_listed(text, following, names)
        or _surname_alone(text, following, names)
        or _made_by(text, following, names)
    )
    return found if known else None


def _made_by(text: str, word: "re.Match[str]", names: Names) -> Read | None:
    """A surname with its particle before films: ``de palma films``."""
    found = _with_particle(text, word.start(), names)
    return found if found and _MADE.match(text, found.end) else None


def _with_particle(text: str, start: int, names: Names) -> Read | None:
    found = _SURNAME.match(text, start)
    person = found and _surname(found["name"].removesuffix("'s"), names)
    if not found or not person or not key(person.person.name).endswith(key(found[0])):
        return None
    return Read(found[0], found.end(), person)


def _misspelt(text: str, word: "re.Match[str]", names: Names) -> Read | None:
    """A first and a last name before films, almost as somebody is called."""
    found = _TWO_WORDS.match(text, word.start())
    person = found and names.person(found[1], surname=False)
    return Read(found[1], found.end(1), person) if found and person else None


def _surname_alone(text: str, word: "re.Match[str]", names: Names) -> Read | None:
    made = _MADE.match(text, word.end()) or word[0].endswith("'s")
    if not made and not word[0][:1].isupper():
        return None
    person = _surname(word[0].removesuffix("'s").strip('."()'), names)
    return Read(word[0], word.end(), person) if person else None
