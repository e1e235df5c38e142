"""People in a request: directed by, with, starring, and names that stand alone."""

import re
from collections.abc import Iterator

from rapidfuzz.distance import OSA

from ask.called import PLAIN_WORDS, write_names
from ask.draft import GAP, Draft, Read, read_list, split_pieces
from ask.kinds import is_kind
from ask.structure import Person, Role
from ask.words import FILM, NOUN, any_case
from search.names import Names, PersonFound, Somebody, key

_CUE = any_case(r"""\b((?P<director>directed by|(from |by )?(the )?directors?|by(?! or with))
    |(?P<actor>starring|played by|acted by|(with |the )?(actor|actress))|(?P<any>by or with|with
    |from|of|featur(ing|es?)|stars?)) (both |either )?""")
_STRONG = any_case(r"directed by|director|starring|played by|acted by|actor|actress")
_PARTICLE = r"(de|del|della|la|le|van|von|der|den|di|da|du|al|bin)"
_CAPITAL = r"(([A-Z]\.)+|[A-Z][\w'-]*((?<=Jr|Sr|Dr|St)\.)?)"
_NAME = re.compile(rf"{_CAPITAL}( ({_PARTICLE} )*{_CAPITAL})*")
_WORDS = re.compile(r"[^\s,;¦?!]+")
_BOUNDARY = any_case(rf"""[,;?!{GAP}]|\.(\s|$)|\b(but|for|and|or|from|with|without|except|in|about
    |that|{FILM})\b|$""")
_FAMILY = any_case(r"(the )?(?P<name>[\w'-]+) (brothers|bros\.?|sisters)\b")
_SURNAME = any_case(rf"({_PARTICLE} ){{0,2}}(?P<name>[\w-]+('s)?)")
_SEPARATOR = any_case(r"\s*(,\s*(and |or |nor )?|\b(and|or|nor)\b|&)\s*")
_JOIN = any_case(r"and|or|nor|&")
_MADE = any_case(rf"('s)? ([\w-]+ )?{NOUN}\b")
_OF_FILMS = any_case(rf" {NOUN}\b")
_ABOUT = any_case(r"\b(about|(films?|movies?|documentar(y|ies)) on) (the )?$")
"""Of whom films tell, who need not have made them."""
_NOBODY = any_case(r"""(an? |the |some |any |other )*(wom[ae]n|m[ae]n|female|male|somebody|someone
    |anyone|anybody|people|him|her|them|me|directors?|actors?|actress(es)?|same|famous|unknown|new
    |young|old)\b""")
"""What stands behind ``directed by`` and names nobody."""
_GOOD = any_case(r"\b(a|any|some) (good|great|nice|classic|early|late) $")
_TWO_WORDS = any_case(rf"([\w.'-]+ [\w.'-]+)('s)? {NOUN}\b")
_TWO_LISTED = any_case(r"([\w.'-]+ [\w.'-]+),? (and|or|&) ")
_TWO_CAPITALS = re.compile(rf"({_CAPITAL} {_CAPITAL})('s)?(?![\w'-])")
_HIMSELF = any_case(r"""(,? ?\b(and|or) )?\b(directed|made|produced) by (him|her|them|himself
    |herself)\b""")
_ANY_OF_THEM = any_case(r"""\b(any|either)( one)? of (them|these|those)\b( (is|are|will|would) (fine
    |ok(ay)?|do|good|enough))?|\bnot together\b|,? or both\b""")
_OR = any_case(r"\bor\b")
_TOGETHER = any_case(r"\b(both )?(together|in the same (film|movie))\b")
_ENDED = r"(?=\s*($|[,;?!.]|\b(and|or|but|from|in|without|not|before|after|since)\b))"
_SHORT, _LONG = 5, 8
"""Letters of a word from which one is one slip, and two are."""
_LONGEST_NAME = 5  # words: one more than any director of the sample has
_FEWEST_FILMS = 3  # before a surname alone is read as its bearer: chosen against chance finds


def read_people(draft: Draft, names: Names) -> None:
    """Take the people out of a draft."""
    draft.text = _HIMSELF.sub(" ", write_names(draft.text))
    any_of = draft.take(_ANY_OF_THEM) is not None
    both = _TOGETHER.sub(" ", draft.text)
    together, draft.text = both != draft.text, both
    last: list[int] = []  # where those end that stand alone

    def read_cue(cue: "re.Match[str]") -> int:
        strong = _STRONG.match(cue[0].strip()) is not None
        read = list(find_names(draft.text, names, strong=strong, at=cue.end()))
        for each in read:
            add_person(
                draft, each, "director" if cue["director"] else "actor" if cue["actor"] else "any"
            )
        if (nobody := _NOBODY.match(draft.text, cue.end())) and not read and strong:
            unsaid = any_case(r"(some|any)").match(nobody[0])
            draft.ignore("" if unsaid else cue[0] + nobody[0], "it is not said who that is")
        if read and _OR.search(draft.text[cue.end() : read[-1].end]):
            draft.add("any_of", "people")
        return read[-1].end if read else 0

    def read_alone(word: "re.Match[str]") -> int:
        between = draft.text[last[-1] : word.start()].replace(GAP, " ").strip() if last else ""
        read = _standing_alone(draft.text, word, names)
        if read is None and _JOIN.fullmatch(between) and word[0][:1].isupper():
            person = names.person(word[0], fuzzy=False)
            read = Read(word[0], word.end(), person) if person else None
        if read is None:
            return 0
        if _OR.fullmatch(between):
            draft.add("any_of", "people")
        last.append(word.start() + len(f" {GAP} "))
        add_person(draft, read, "any")
        return read.end

    draft.take_read(_CUE, read_cue)
    draft.take_read(_WORDS, read_alone)
    if any_of and len(draft.parts.get("people", ())) > 1:
        draft.add("any_of", "people")
    if together and "people" in draft.parts.get("any_of", ()):
        draft.parts["any_of"] = tuple(n for n in draft.parts["any_of"] if n != "people")


def does(person: Somebody, role: Role) -> bool:
    """Whether somebody does in this catalog what is asked for."""
    return {"any": True, "director": person.directs, "actor": person.acts}[role]


def add_person(
    draft: Draft, read: Read[PersonFound], role: Role, *, excluded: bool = False
) -> None:
    """Add a person, or say that there is nobody of that name who does that."""
    found = read.found
    if found is None:
        draft.not_found.append(read.text)
        return
    person = found.person
    if not does(person, role):
        draft.not_found.append(read.text)
        only = "directs" if person.directs else "acts"
        draft.notes.append(f"{person.name} only {only} in this catalog.")
        return
    surname = key(person.name).rpartition(" ")[2]
    several = found.how == "surname" and re.search(rf"{surname}(s| \w+)$", read.text.lower())
    if found.how == "spelling" or several:
        draft.guess(read.text, person.name)
    elif found.how != "exact":
        draft.notes.append(f"“{read.text}” was read as {person.name}.")
    draft.add("people", Person(name=person.name, role=role), excluded=excluded)


def find_names(
    text: str, names: Names, *, strong: bool = False, at: int = 0
) -> Iterator[Read[PersonFound]]:
    """The names in a list from ``at`` on. ``strong``: what stands there must be a name."""

    def read_at(position: int) -> Read[PersonFound] | None:
        return _name_at(text, position, names, strong=strong and position == at)

    return read_list(text, _SEPARATOR, read_at, at=at)


def _name_at(text: str, start: int, names: Names, *, strong: bool) -> Read[PersonFound] | None:
    by = any_case(r"\bby $").search(text[:start]) is not None
    found = _exact(text, start, names) or _family(text, start, names)
    if found is not None:
        return found
    capitals = _NAME.match(text, start + len("the ") * text.startswith("the ", start))
    if capitals is None:
        if not strong:
            return _typed_small(text, start, names)
        if _NOBODY.match(text, start):
            return None
        boundary = _BOUNDARY.search(text, start)
        piece = text[start : boundary.start() if boundary else len(text)].strip(" .")
        person = _spelt_so(piece, names.person(piece)) or _surname_like(piece, names)
        return Read(piece, start + len(piece), person) if piece else None
    for piece in (capitals[0], capitals[0].removesuffix("'s")):
        if piece.lower() in PLAIN_WORDS:
            continue
        person = _spelt_so(piece, names.person(piece))
        if person is not None:
            return Read(piece, capitals.end(), person)
    if " " not in capitals[0] and (near := _surname_like(capitals[0], names)):
        return Read(capitals[0], capitals.end(), near)
    if _NOBODY.match(capitals[0]):
        return None
    word = key(capitals[0])
    unknown = by and not names.has_word(word) and word not in names.keywords
    named = strong or " " in capitals[0] or unknown
    return Read(capitals[0], capitals.end(), None) if named else None


def _typed_small(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    """A surname behind a cue, typed small: ``by verhoeven``; no word that a film may be about."""
    two = re.compile(rf"[a-z][\w'-]+ [a-z][\w'-]{{3,}}{_ENDED}").match(text, start)
    person = two and _spelt_so(two[0], names.person(two[0], surname=False))
    if two and person:
        return Read(two[0], two.end(), person)
    word = re.compile(rf"[\w'-]{{4,}}{_ENDED}").match(text, start)
    if word is None or key(word[0]) in names.keywords or names.is_given_name(word[0]):
        return None
    found = _surname(word[0], names) or _surname_like(word[0], names)
    own = found is not None and key(found.person.name).endswith(key(word[0]))
    other = found is None or (found.how == "surname" and not own)
    return None if other else Read(word[0], word.end(), found)


def _spelt_so(typed: str, found: PersonFound | None) -> PersonFound | None:
    """Whom a name means that is spelt otherwise: a letter or two a word, short ones exactly."""
    if found is None or found.how != "spelling":
        return found
    given, called = key(typed).split(), key(found.person.name).split()
    if len(given) != len(called):
        slips = OSA.distance("".join(given), "".join(called))
        return found if slips <= (len("".join(called)) > _LONG) else None
    alike = given[0] == called[0]
    near = all(
        _same_word(a, b) or (alike and OSA.distance(a, b) <= 1)
        for a, b in zip(given[1:], called[1:], strict=True)
    )
    first = OSA.distance(given[0], called[0])
    sure = len(given[-1]) > _SHORT or given[0] == called[0] or given[1:] == called[1:]
    return found if near and first <= (2 if len(given[0]) > _SHORT else 1) and sure else None


def _same_word(a: str, b: str) -> bool:
    """Whether a word is another with a slip of the keys; short ones by a letter too few or many."""
    slips = OSA.distance(a, b)
    if min(len(a), len(b)) < _SHORT:
        return slips == 0 or (slips == 1 and len(a) != len(b) and min(len(a), len(b)) == _SHORT - 1)
    return slips <= 1 + (len(a) >= _LONG)


def _surname_like(word: str, names: Names) -> PersonFound | None:
    """Whose surname a long word almost is that is no word of the catalog: ``schwarzeneger``."""
    if len(word) < _LONG - 1 or names.has_word(key(word)) or word.lower() in PLAIN_WORDS:
        return None
    found = names.surname_like(word, _FEWEST_FILMS)
    plural = found is not None and f"{key(found.person.name)}s".endswith(key(word))
    return None if plural else found


def _exact(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    for first, last in split_pieces(text, start, _WORDS, _JOIN, _LONGEST_NAME):
        piece = text[first.start() : last.end()]
        if last is first or len(key(piece).split()) < 2 or GAP in text[start : first.start()]:
            return None
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
    if word.lower() in PLAIN_WORDS or " " in word or is_kind(word, names):
        return None
    found = names.person(word, fuzzy=False)
    if found is None or found.person.films < fewest:
        return None
    own = key(found.person.name).endswith(key(word))
    plural = word.islower() and word.endswith("s") and not own
    return None if plural and fewest > 1 else found


def _standing_alone(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """Full names anywhere, and surnames that are written large or stand before films."""
    if _ABOUT.search(text[: word.start()]):
        return None
    return (
        _exact(text, word.start(), names)
        or _family(text, word.start(), names)
        or _surname_listed(text, word, names)
        or _made_by(text, word, names)
        or _misspelt(text, word, names)
        or _surname_alone(text, word, names)
        or _first_name(text, word, names)
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


def _in_other_name(text: str, word: "re.Match[str]", names: Names) -> bool:
    """Whether a surname stands behind somebody else's first name, or in a name: James Bond."""
    before = re.search(r"([\w.'-]+) $", text[: word.start()])
    if before is None or _goes_on(text, word):
        return _goes_on(text, word)
    other = before[1]
    large = other[:1].isupper() and before.start() > 0 and word[0][:1].isupper()
    return other.lower() not in PLAIN_WORDS and (large or names.is_given_name(other))


def _goes_on(text: str, word: "re.Match[str]") -> bool:
    """Whether a name written large goes on behind a word: Harry Potter."""
    behind = re.match(r" (?=[A-Z])", text[word.end() :])
    particle = any_case(_PARTICLE).fullmatch(word[0])
    of_films = _OF_FILMS.match(text, word.end())
    return bool(behind) and word[0][:1].isupper() and not (particle or of_films)


def _made_by(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """A surname with its particle before films: ``de palma films``."""
    if _in_other_name(text, word, names):
        return None
    found = _with_particle(text, word.start(), names)
    sure = found and (found.text[:1].isupper() or _MADE.match(text, found.end))
    return found if sure and (" " in found.text or _MADE.match(text, found.end)) else None  # type: ignore[union-attr]


def _with_particle(text: str, start: int, names: Names) -> Read[PersonFound] | None:
    found = _SURNAME.match(text, start)
    person = found and _surname(found["name"].removesuffix("'s"), names)
    if not found or not person or not key(person.person.name).endswith(key(found[0])):
        return None
    return Read(found[0], found.end(), person)


def _misspelt(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """A first and a last name, written large or before films, almost as somebody is called."""
    for pattern in (_TWO_WORDS, _TWO_CAPITALS):
        found = pattern.match(text, word.start())
        person = found and _spelt_so(found[1], names.person(found[1], surname=False))
        if found and person and person.how == "spelling":
            return Read(found[1], found.end(1), person)
    listed = _TWO_LISTED.match(text, word.start())
    if listed and _exact(text, listed.end(), names):
        person = _spelt_so(listed[1], names.person(listed[1], surname=False))
        if person is not None:
            return Read(listed[1], listed.end(1), person)
    near = _surname_like(word[0].strip('."()'), names) if _MADE.match(text, word.end()) else None
    return Read(word[0], word.end(), near) if near else None


def _surname_alone(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    made = _MADE.match(text, word.end()) or word[0].endswith("'s")
    if not made and not word[0][:1].isupper() and not _GOOD.search(text[: word.start()]):
        return None
    if _in_other_name(text, word, names):
        return None
    person = _surname(word[0].removesuffix("'s").strip('."()'), names)
    return Read(word[0], word.end(), person) if person else None


def _first_name(text: str, word: "re.Match[str]", names: Names) -> Read[PersonFound] | None:
    """A first name that is one person's above all, before films or written large: Denzel."""
    made = _MADE.match(text, word.end()) or word[0].endswith("'s")
    name = word[0].removesuffix("'s").strip('."()')
    if not (made or name[:1].isupper()) or name.lower() in PLAIN_WORDS or len(name) < _SHORT - 1:
        return None
    if names.films(name, fuzzy=False) or key(name) in names.keywords:
        return None
    if _in_other_name(text, word, names):
        return None
    behind = re.match(r"('s)? [A-Z]", text[word.start() + len(name) :])
    found = None if behind else names.first_name(name, _FEWEST_FILMS)
    return Read(word[0], word.end(), found) if found else None
