"""Several kinds of films in one request: comedies from the 80s or westerns from the 60s."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ask.draft import GAP, Draft
from ask.exclusions import find_unwanted
from ask.structure import Kind, Span
from ask.words import FILM, GENRE, SUBJECT, any_case
from search.names import Names

_JOINT = any_case(r"""(,? ?\bor\b(?! ((new|old|lat|earli|high|low|bett|long|short|few|cheap)er|worse
    |more|less|up(wards?)?|onwards?)\b(?! than))|\b(?P<and>and|&|as well as|plus)(?= ))( (else|maybe
    |even|perhaps|also|alternatively|an?|some|any)\b)* ?""")
_A = any_case(r"\ban?\b")
_MOST_JOINTS = 4
"""Joints that are tried: each costs some readings of a part of the request."""

_BEFORE = any_case(rf"[;:!?{GAP}]|(?<! [A-Z])\.(?=\s)|\beither\b")
_BEHIND = re.compile(rf"[,;:!?{GAP}]|(?<! [A-Z])\.(?=\s|$)")
_NOUN = any_case(rf"\b({GENRE}|(?!stor){FILM}|something|anything|ones?|stuff)(?![\w'-])")
_LOOSE = any_case(r"something|anything|stuff|ones?")
_BETWEEN = any_case(r"\bbetween\b(?!.* and )")
_LISTS = frozenset({"genres", "people", "keywords", "text"})
"""Lists that are read as such: there one entry is enough already."""

Said = dict[str, Any]
"""What is said of films: parts of a `Kind`, a range by its quantity."""
Read = Callable[[Draft], tuple[str, list[str]]]
"""Reads the conditions of a draft; gives the words that are left, and those not understood."""


@dataclass
class _Side:
    """What stands on one side of a joint: as a whole, and before and behind its noun."""

    text: str
    begin: int
    draft: Draft
    unread: list[str]
    said: Said
    noun: "re.Match[str] | None"
    before: Said
    behind: Said

    @property
    def conditions(self) -> Said:
        """What is said of the films behind their noun; all, where there is none."""
        return self.behind if self.noun else self.said

    @property
    def is_kind(self) -> bool:
        """Whether it is a kind of films of its own."""
        return self.noun is not None and bool(self.before or self.behind)

    @property
    def kinds(self) -> list[Said]:
        """What is said, once for each of its own alternatives."""
        own = [self.said | _said_of(kind) for kind in self.draft.parts.get("alternatives", ())]
        return own or [self.said]


def read_alternatives(draft: Draft, names: Names, read: Read, most: int = _MOST_JOINTS) -> None:
    """Take kinds of films that are joined by ``or`` out of a draft.

    Two nouns of which one has a condition of its own are two kinds of films; else it is two
    conditions of what both are joined to. Lists of genres and people are read as such elsewhere.
    """
    position = 0
    for _ in range(most):
        joint = _JOINT.search(draft.text, position)
        if joint is None:
            return
        position = joint.end()
        unwanted = any(begin <= joint.start() < end for begin, end in find_unwanted(draft, names))
        if not unwanted and _read_joint(draft, names, joint, read, most):
            return


@dataclass(frozen=True)
class _Joint:
    """Where two kinds or conditions of films are joined in a draft."""

    draft: Draft
    read: Read
    found: "re.Match[str]"
    start: int
    end: int

    @classmethod
    def of(cls, draft: Draft, read: Read, found: "re.Match[str]") -> "_Joint":
        start = max((m.end() for m in _BEFORE.finditer(draft.text, 0, found.start())), default=0)
        stop = _BEHIND.search(draft.text, found.end())
        return cls(draft, read, found, start, stop.start() if stop else len(draft.text))

    @property
    def either(self) -> bool:
        """Whether one of both is enough: or, not and."""
        return not self.found["and"]

    @property
    def within(self) -> bool:
        """Whether it stands in what films are about."""
        at = self.found.start()
        return any(m.start() < at < m.end() for m in SUBJECT.finditer(self.draft.text))

    def before(self, end: int) -> int:
        """Where the item of a list begins that ends there."""
        return max(self.start, self.draft.text.rfind(",", self.start, end) + 1)

    def listed(self, one: _Side, fits: Callable[[_Side], bool]) -> list[_Side]:
        """A side with those listed before it, as far as they fit."""
        sides, begin = [one], one.begin
        while begin > self.start:
            end, begin = begin - 1, self.before(begin - 1)
            each = self.side(begin, end)
            if not fits(each):
                break
            sides = [each, *sides]
        return sides

    def side(self, begin: int, end: int) -> _Side:
        """What stands on the left, from one place to another."""
        text = self.draft.text[begin:end]
        made = Draft(text, phrases=self.draft.phrases)
        return _side(text, begin, made, self.read, last=True)

    def other(self, names: Names, most: int) -> _Side:
        """What stands on the right, with alternatives of its own."""
        words = self.draft.text[self.found.end() : self.end]
        words = f"about {words}" if self.within else words
        further = Draft(words, phrases=self.draft.phrases)
        read_alternatives(further, names, self.read, most - 1)
        return _side(words, self.found.end(), further, self.read, last=False)


def _read_joint(draft: Draft, names: Names, found: "re.Match[str]", read: Read, most: int) -> bool:
    joint = _Joint.of(draft, read, found)
    other = joint.other(names, most)
    begin = joint.before(found.start())
    while other.noun and begin > joint.start and not _NOUN.search(draft.text, begin, found.start()):
        begin = joint.before(begin - 1)
    one = joint.side(begin, found.start())
    if not one.said or not any(other.kinds) or _BETWEEN.search(one.text):
        return False
    if _are_kinds(one, other, either=joint.either):
        return _set_kinds(joint, one, other)
    if one.noun and other.noun:
        return False
    seconds = [other.before] if other.noun else other.kinds
    own = set.intersection(*(one.conditions.keys() & second.keys() for second in seconds))
    alike = (own if own - _LISTS else set()) if joint.either else _apart(one.conditions, seconds[0])
    if alike:
        return _set_alike(joint, one, other, seconds, alike)
    shared = one.conditions.keys() & seconds[0].keys()
    if found["and"] or shared or not all(seconds):
        for name in shared & {"keywords", "people"} if joint.either else ():
            draft.add("any_of", "people" if name == "people" else "keywords")
        return False
    if joint.within and len(seconds) == 1:  # what follows is said of all: about A or B from the 90s
        about = {name: said for name, said in seconds[0].items() if name in _LISTS}
        draft.join(other.draft, without=about.keys())
        seconds = [about]
    return _set_beside(joint, one, other, seconds)


def _set_kinds(joint: _Joint, one: _Side, other: _Side) -> bool:
    """Two kinds of films, and those listed before them."""
    sides = joint.listed(one, lambda each: each.is_kind)
    kinds = [*(each.said for each in sides), *other.kinds]
    _add_up(joint.draft, one, other, a_single=_A.search(joint.found[0]) is not None)
    return _set(joint, kinds, (*sides, other))


def _set_alike(
    joint: _Joint, one: _Side, other: _Side, seconds: list[Said], alike: set[str]
) -> bool:
    """Conditions of one sort, and those listed before them: behind one noun."""
    sides = [one]
    if one.noun is None:
        sides = joint.listed(one, lambda each: alike <= each.conditions.keys())
    first = max(n for n, side in enumerate(sides) if side.noun or n == 0)
    sides = sides[first:]
    said = (*(each.conditions for each in sides), *seconds)
    picked = [{name: each[name] for name in alike} for each in said]
    return _set(joint, picked, (*sides, other), alike)


def _add_up(draft: Draft, one: _Side, other: _Side, *, a_single: bool) -> None:
    """How many are wanted of both: two thrillers and three comedies."""
    first, second = (side.draft.parts.get("k") for side in (one, other))
    second = 1 if second is None and a_single else second
    if first and second:
        draft.parts["k"] = first + second
        why = f"how many of each is not kept: {first + second} of all kinds are shown"
        draft.ignore(f"{one.text.strip()}, {other.text.strip()}", why)


def _side(text: str, begin: int, draft: Draft, read: Read, *, last: bool) -> _Side:
    nouns = list(_NOUN.finditer(text))
    noun = (nouns[-1] if last else nouns[0]) if nouns else None
    left, unread = read(draft)
    said = _said(draft)
    if left and (said or SUBJECT.search(text)):
        said["text"] = left

    def part(words: str) -> Said:
        made = Draft(words.strip(), phrases=draft.phrases)
        left, _ = read(made)
        return _said(made) | ({"text": left} if left and SUBJECT.search(words) else {})

    before = part(text[: noun.end()]) if noun else {}
    before.pop("genres", None)
    behind = part(text[noun.end() :]) if noun else {}
    return _Side(text, begin, draft, unread, said, noun, before, behind)


def _said(draft: Draft) -> Said:
    parts = {name: value for name, value in draft.parts.items() if name in Kind.model_fields}
    return parts | {f"ranges.{name}": span for name, span in draft.ranges.items()}


def _said_of(kind: Kind) -> Said:
    said = {name: getattr(kind, name) for name in kind.model_fields_set - {"ranges"}}
    return said | {f"ranges.{name}": span for name, span in kind.ranges.items()}


def _kind(said: Said) -> Kind:
    ranges = {name.removeprefix("ranges."): s for name, s in said.items() if "." in name}
    parts = {name: value for name, value in said.items() if "." not in name}
    return Kind(**parts, **({"ranges": ranges} if ranges else {}))


def _are_kinds(one: _Side, other: _Side, *, either: bool) -> bool:
    """Whether both sides are a kind of films of their own."""
    if other.noun is None:
        return False
    if one.noun is None:
        return either and one.said.keys() == {"people"} and "people" not in other.said
    if either:
        several = any(len(side.said.get("genres", ())) > 1 for side in (one, other))
        genres = bool(one.said.get("genres") and other.said.get("genres"))
        loose = _LOOSE.fullmatch(other.noun[0]) and bool(one.said.get("genres") and other.said)
        return bool(one.behind or other.before or (several and genres) or loose)
    counted = "k" in one.draft.parts and bool(one.said and other.said)
    return bool(
        (counted or (one.is_kind and other.is_kind))
        and _apart(one.said, other.kinds[0], genres=True)
    )


def _apart(one: Said, other: Said, *, genres: bool = False) -> set[str]:
    """The conditions of which no film meets both, or that tell what a film is."""
    found = {"genres"} if genres and {"genres"} <= one.keys() & other.keys() else set()
    for name in one.keys() & other.keys():
        if isinstance(one[name], Span) and _are_apart(one[name], other[name]):
            found.add(name)
    return found


def _are_apart(one: Span, other: Span) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _set_beside(joint: _Joint, one: _Side, other: _Side, seconds: list[Said]) -> bool:
    """Conditions of two sorts of the same films: comedies with Tom Hanks or from the 80s."""
    if not one.conditions or not all(seconds):
        return False
    before = one.text[: one.noun.end()] if one.noun else ""
    behind = other.text[other.noun.start() :] if other.noun else ""
    draft = joint.draft
    draft.text = f"{draft.text[: one.begin]}{before} {GAP} {behind}{draft.text[joint.end :]}"
    draft.set_alternatives([_kind(said) for said in (one.conditions, *seconds)])
    return True


def _set(
    joint: _Joint, kinds: list[Said], sides: Sequence[_Side], alike: set[str] | None = None
) -> bool:
    """Set alternatives in the place of both sides; what else these say is asked of all.

    ``alike``: what the alternatives are; None: all that is said of films.
    """
    draft = joint.draft
    rest = f" {GAP} ".join(side.draft.text for side in sides) if alike else GAP
    draft.text = f"{draft.text[: sides[0].begin]} {rest} {draft.text[joint.end :]}"
    for side in sides:
        draft.join(side.draft, without=alike or side.said.keys())
        for word in () if alike else side.unread:
            draft.ignore(word, "this was not understood")
    if not alike and any(side.draft.exclude for side in sides):
        draft.notes.append("What is not wanted holds for all of the films.")
    draft.set_alternatives([_kind(said) for said in kinds])
    return True
