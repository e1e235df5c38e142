"""People in a request: directed by, with, starring, and names that stand alone."""

import re
from collections.abc import Iterator

from ask.draft import GAP, Draft, Read, read_list, split_pieces
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
_LONGEST_NAME = 5  # words: one more than any director of the sample has
_FEWEST_FILMS = 3  # before a surname alone is read as its bearer: chosen against chance finds
_WORDS_FIRST = (
    "black white brown green gray grey red blue young long short strong wise hill woods stone king "
    "prince pope bishop knight fox wolf bird marsh fields day may love war west north"
)
_PLAIN_WORDS = FILLING | frozenset(_WORDS_FIRST.split())
"""Surnames that are words first: they need the first name."""


def read_people(draft: Draft, names: Names) -> None:
    """Take the people out of a draft."""

    def read_cue(cue: "re.Match[str]") -> int:
        rest = draft.text[cue.end() :]
        read = list(find_names(rest, names, strong=_STRONG.match(cue[0].strip()) is not None))
        for each in read:
            add_person(draft, each, _role(cue))
        return cue.end() + read[-1].end if read else 0

    def read_alone(word: "re.Match[str]") -> int:
        read = _standing_alone(draft.text, word, names)
        if read is not None:
            add_person(draft, read, "any")
        return read.end if read else 0

    draft.take_read(_CUE, read_cue)
    draft.take_read(_WORDS, read_alone)


def _role(cue: "re.Match[str]") -> Role:
    return "director" if cue["director"] else "actor" if cue["actor"] else "any"


def add_person(
    draft: Draft, read: Read[PersonFound], role: Role, *, excluded: bool = False
) -> None:
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


def find_names(text: str, names: Names, *, strong: bool = False) -> Iterator[Read[PersonFound]]:
    """The names that a text begins with, in a list. ``strong``: what follows must be a name."""

    def read_at(position: int) -> Read[PersonFound] | None:
        return _name_at(text, position, names, strong=strong and position == 0)

    return read_list(text, _SEPARATOR, read_at)


def _name_at(text: str, start: int, names: Names, *, strong: bool) -> Read[PersonFound] | None:
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


def _exact(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    for first, last in split_pieces(text, start, _WORDS, _JOIN, _LONGEST_NAME):
        if last is first or GAP in text[start : first.start()]:
            return None
        piece = text[first.start() : last.end()]
        for name in (piece, piece.removesuffix("'s").rstrip(".")):
            person = names.person(name, surname=False, fuzzy=False)
            if person is not None:
                return Read(name, last.end(), person)
    return None


def _family(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    found = _FAMILY.match(text, start)
    person = found and _surname(found["name"], names, fewest=1)
    return Read(found[0], found.end(), person) if found and person else None


def _surname(word: str, names: Names, fewest: int = _FEWEST_FILMS) -> PersonFound | None:
    if word.lower() in _PLAIN_WORDS or " " in word:
        return None
    found = names.person(word, fuzzy=False)
    return found if found and found.person.films >= fewest else None


def _standing_alone(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """Full names anywhere, and surnames that are written large or stand before films."""
    return (
        _exact(text, word.start(), names)
        or _family(text, word.start(), names)
        or _surname_listed(text, word, names)
        or _made_by(text, word, names)
        or _surname_alone(text, word, names)
        or _misspelt(text, word, names)
    )


def _surname_listed(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
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


def _made_by(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """A surname with its particle before films: ``de palma films``."""
    found = _with_particle(text, word.start(), names)
    return found if found and _MADE.match(text, found.end) else None


def _with_particle(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    found = _SURNAME.match(text, start)
    person = found and _surname(found["name"].removesuffix("'s"), names)
    if not found or not person or not key(person.person.name).endswith(key(found[0])):
        return None
    return Read(found[0], found.end(), person)


def _misspelt(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """A first and a last name before films, almost as somebody is called."""
    found = _TWO_WORDS.match(text, word.start())
    person = found and names.person(found[1], surname=False)
    return Read(found[1], found.end(1), person) if found and person else None


def _surname_alone(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    made = _MADE.match(text, word.end()) or word[0].endswith("'s")
    if not made and not word[0][:1].isupper():
        return None
    person = _surname(word[0].removesuffix("'s").strip('."()'), names)
    return Read(word[0], word.end(), person) if person else None
