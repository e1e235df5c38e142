"""Questions about films: how long, who directed, when, how many."""

import re
from collections.abc import Iterator

from ask.absent import film_of_lacking, lacks, read_absent
from ask.counts import is_of_many
from ask.draft import GAP, Draft, Read
from ask.facts_asked import QUESTIONS, TITLE
from ask.no_request import ASKS
from ask.numbers import read_runtime
from ask.people import find_names
from ask.structure import Fact, Person, Role
from ask.titles import make_title, take_titles
from ask.words import FILLING, FILM, UNREAD, any_case, in_one
from rerank.diversity import franchise_of
from search.names import FilmsFound, Names

_DIRECTED = (
    rf"(did|has) (?P<person>.+?) (direct|directed|make|made|film|filmed) {TITLE}",
    rf"(is|was) {TITLE} (by|directed by|made by|from) (?P<person>.+)",
)
_LONGER = any_case(r"""^(is|was) (?P<title>.+?) (?P<than>(longer|shorter|more|less) than .+|(over
    |under|above|below) .+)$""")
_MOST = any_case(r"""^(is|was|are) (?P<title>.+?) (really |actually |still )?(?P<most>
    (one of )?the (\w+ )?(most|best|worst|least|first|only|\w+est)\b.*)$""")
_LEAD = any_case(r"""^((so|hey|ok|please|and|tell me(?! about)|(do you|(does )?any(one
    |body))( here)? (happen to )?(know|remember)s?|(can|could) (you|any(one|body)) (please )?(tell
    |say)( to)? me|i wonder|i want to know|i'?d like to know|(what('s| is) )?(the )?name of|give me
    |show me|what about),? )+""")
_TAIL = any_case(r"""([ ,]+(again|exactly|actually|btw|by the way|originally|please|anyway|then
    |really|though|without (any )?spoilers|no spoilers|spoiler[- ]free|in short|briefly
    |in a nutshell|do you know|any ?one know|if i may ask))+$""")
_WHAT_IS_ITS = any_case(r"^(what|who|when)('s| is| was) (?=.+'s [\w ]+$)")
_SEQUELS = any_case(r"""((what|which|who)('s| is| are| was)? |(is|are|was|were) there |(find
    |show)( me)? |recommend )?((the|an?|any|all)( the)? )?(sequels?|follow-?ups?) (to|of
    |for) (?P<title>.+)""")
_NEAR_SEQUELS = 40  # films of like titles among which those of the same franchise are looked for
_NUMBERED = any_case(r"""^(the )?(?P<n>first|original|1st|second|2nd|third|3rd|fourth
    |4th) (?P<base>.+?)( (film|movie|one|part))?$""")
_IS_IT = any_case(r"^(is|was|are|were|does|did|do|has|have|can) (the (film|movie) )?")
_PLACES = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_AND = any_case(r"""(?:[?.!]|,? and) (?=(?:is it|by whom|with whom|in what year|who|what|when|how
    |which|where)\b)""")
_NOUNS = in_one(r"""(budget|box[- ]office|revenue|gross|profit|runtime|running time|length|director
    |cast|actors|plot|story|year|release date|rating|genres?|keywords)""")
_AND_ITS = tuple(
    any_case(pattern)
    for pattern in (
        r"^(?P<one>.+?) of (?P<title>.+?),? and (its|the) (?P<other>[\w ]+)$",
        rf"^(?P<title>.+?)('s)?[:,]? (?P<one>{_NOUNS}),?( and| &|,) (the )?(?P<other>{_NOUNS})$",
        rf"^(the )?(?P<one>{_NOUNS}),?( and| &|,) (the )?(?P<other>{_NOUNS}) (of|for)"
        r" (?P<title>.+)$",
    )
)
_FACT_WORDS: dict[str, Fact] = {
    r"long(est)?|short(est)?|length|runtime|running|minutes|hours": "length",
    r"director|directed|directs?|filmmaker|behind": "director",
    r"cast|actors?|actress(es)?|stars?|starred|starring|plays|played": "cast",
    r"year|when|first|oldest|newest|released?|came|come|(?<!year.)old|premiered?|date": "release",
    r"plot|story|storyline|happens|synopsis|summary|about": "story",
    r"budget|cost|costs|expensive|spent": "budget",
    r"gross|grossed|box|earn|earned|revenue|money|financially|commercially": "revenue",
    r"profit|profitable|flop|flopped|bomb|bombed|hit": "profit",
    r"genres?|kind|type": "genres",
    r"rated|ratings?|score|scores|good|bad|worth|stars|reviews|popular|reception": "rating",
}  # fmt: skip
_ABOUT_ONE = any_case(rf"""^(the )?({"|".join(_FACT_WORDS)}|facts?|info|information
    |details)\b.*\b(of|for|in|about)\b""")
_OF_MANY = any_case(r"""\b(films|movies|flicks|like|similar|same|recommend\w*|suggest\w*|than|or
    |other|else|best|worst|most|longest|shortest|any|there)\b|@user|\b(what|which|some) (film
    |movie)\b""")
_BARE: dict[str, tuple[Fact, ...]] = {
    "when": ("release",), "who": ("director",), "by whom": ("director",), "how long": ("length",),
    "in what year": ("release",), "what year": ("release",), "with whom": ("cast",),
}  # fmt: skip
"""What a bare word asks for behind another question: who made it, and when?"""
_PRONOUN = any_case(r"(it|that|this|that one|(the|this|that) (film|movie)|its?)")
_NO_TITLE = any_case(rf"""\b({FILM}|longest|shortest|best|worst|newest|oldest|cheapest|most|least
    |highest|lowest|@user|user|i|me|you|we|there|like|similar|other than)\b""")
_STRONG: frozenset[Fact] = frozenset(
    {"director", "cast", "length", "release", "budget", "revenue", "story", "rating", "genres"}
)


def read_question(draft: Draft, names: Names, *, lacking_left_out: bool = False) -> bool:
    """Read a question about films that it names; whether it is one, and nothing is left to read.

    What the data lacks is left out and said: the imdb score of Fargo.
    """
    text = _TAIL.sub("", _LEAD.sub("", draft.text).strip(" ?.!"))
    text = _WHAT_IS_ITS.sub("", text)
    if any(read(draft, text, names) for read in (_longer, _most, _yes_no, _sequels)):
        return True
    facts: list[Fact] = []
    film: FilmsFound | None = None
    typed = ""
    for clause in _clauses(text):
        read = _fact(clause.strip(" ?.!,"), names, pronoun=film is not None or not facts)
        if read is None:
            break
        asked, title, found, person, role = read
        facts += asked
        if found is not None:
            film, typed = found, title
        if role is not None:
            draft.ignore(role, "whom somebody plays in a film is not in the data")
        if person is not None:
            people = _people(person, names)
            draft.add("people", *people)
            draft.not_found += [] if people else [person]
    else:
        if film is not None:
            return _answer(draft, film, typed, tuple(dict.fromkeys(facts)))
    if lacks(text) and not lacking_left_out and ASKS.match(text):
        rest = Draft(text)
        read_absent(rest)
        rest.text = " ".join(rest.text.replace(GAP, " ").split())
        if read_question(rest, names, lacking_left_out=True) or _only_film(rest, names):
            draft.parts, draft.text = rest.parts, ""
            draft.notes += rest.notes
            draft.ignored += rest.ignored
            return True
    others = (_lacking, _by_words, _unknown)
    return any(read_other(draft, text, names) for read_other in others)


def _clauses(text: str) -> list[str]:
    """What is asked, one after another: ``the year of Jaws and its director``."""
    for both in filter(None, (pattern.match(text) for pattern in _AND_ITS)):
        return [f"{both['one']} of {both['title']}", f"{both['other']} of {both['title']}"]
    return _AND.split(text)


def _fact(
    clause: str, names: Names, *, pronoun: bool
) -> tuple[tuple[Fact, ...], str, FilmsFound | None, str | None, str | None] | None:
    """The facts that a clause asks for, with the film that it names; None: it asks for none."""
    if pronoun and clause.lower() in _BARE:
        return _BARE[clause.lower()], clause, None, None, None
    for facts, title, groups in _forms(clause):
        of_before = bool(pronoun and _PRONOUN.fullmatch(title) and facts)
        film = None if of_before else _film(title, names, sure=bool(facts))
        if of_before or film is not None:
            return facts, title, film, groups.get("person"), groups.get("role")
    return None


def _forms(text: str) -> Iterator[tuple[tuple[Fact, ...], str, dict[str, str | None]]]:
    """The questions that a text may be: the facts, the title, and all that they name."""
    for facts, patterns in QUESTIONS.items():
        for pattern in patterns:
            if found := any_case(pattern).fullmatch(text):
                yield facts, found["title"].strip(" \"'"), found.groupdict()


def _film(title: str, names: Names, *, sure: bool = True) -> FilmsFound | None:
    """The film that a title names; ``sure``: it may be spelt otherwise."""
    dated = re.fullmatch(r"(?P<title>.+?),?\s*\(?(?P<year>(18|19|20)\d\d)\)?", title)
    if dated and (film := names.films(dated["title"], int(dated["year"]), fuzzy=False)):
        return film
    exact = names.films(title, fuzzy=False)
    if exact is None and (numbered := _NUMBERED.match(title)):
        number = _PLACES.get(numbered["n"].lower())
        base = numbered["base"]
        exact = names.films(f"{base} {number}" if number else base, fuzzy=False)
    if exact is not None or not sure or _NO_TITLE.search(title):
        return exact
    return names.films(title)


def _answer(draft: Draft, film: FilmsFound, typed: str, facts: tuple[Fact, ...]) -> bool:
    draft.parts |= {"intent": "facts", "facts": facts}
    take_titles(draft, [Read(typed, len(typed), film)])
    draft.text = ""
    return True


def _people(text: str, names: Names, role: Role = "any") -> list[Person]:
    read = find_names(text.strip(), names)
    return [Person(name=each.found.person.name, role=role) for each in read if each.found]


def _yes_no(draft: Draft, text: str, names: Names) -> bool:
    """``did Spielberg direct Jaws``: the fact, with whom it is held against."""
    for pattern in _DIRECTED:
        found = any_case(pattern).fullmatch(text)
        film = found and _film(found["title"], names, sure=False)
        if found and film:
            people = _people(found["person"], names, "director")
            draft.add("people", *people)
            draft.not_found += [] if people else [found["person"]]
            return _answer(draft, film, found["title"], ("director",))
    return False


def _longer(draft: Draft, text: str, names: Names) -> bool:
    """``is Gladiator longer than two hours``: the fact, which the bound is held against."""
    found = _LONGER.match(text)
    film = found and _film(found["title"], names, sure=False)
    if not found or not film:
        return False
    kept, draft.text = draft.text, found["than"]
    read_runtime(draft)
    if "runtime_minutes" in draft.ranges:
        return _answer(draft, film, found["title"], ("length",))
    draft.text = kept
    return False


def _most(draft: Draft, text: str, names: Names) -> bool:
    """``was Titanic the most expensive film``: the fact; no place among all films is told."""
    found = _MOST.match(text)
    film = found and _film(found["title"], names, sure=False)
    if not found or not film:
        return False
    facts = _facts_in(re.split(r"\b(?:when|that|ever|of|in)\b", found["most"])[0]) or ["rating"]
    draft.ignore(found["most"], "a place among all films is told by their order: ask for that")
    return _answer(draft, film, found["title"], tuple(facts))


def _sequels(draft: Draft, text: str, names: Names) -> bool:
    """``the sequel to Jaws``: later films that are called like it."""
    found = _SEQUELS.fullmatch(text)
    film = found and _film(found["title"], names, sure=False)
    if not found or not film:
        return False
    first, name = film.best, franchise_of(film.best.title)
    alike = (each for each in names.near(name, _NEAR_SEQUELS) if franchise_of(each.title) == name)
    later = [each for each in alike if (each.year or 0) > (first.year or 0)]
    if later:
        draft.guessed = True
        draft.notes.append(f"What goes on from {first} is not in the data: these are called so.")
        draft.add("titles", *map(make_title, sorted(later, key=lambda each: each.year or 0)))
        draft.text = ""
    return bool(later)


def _facts_in(words: str) -> list[Fact]:
    return [f for known, f in _FACT_WORDS.items() if any_case(rf"\b({known})\b").search(words)]


def _lacking(draft: Draft, text: str, names: Names) -> bool:
    """A question that the data has no answer to: all that is known of the film, and what is not."""
    title = film_of_lacking(text)
    film = title and _film(title.strip(" ?.!"), names, sure=False)
    asked = _IS_IT.match(text)
    if not film and asked and (begun := _begun(text[asked.end() :], names)):
        title, film = begun if lacks(text[asked.end() + len(begun[0]) :]) else (None, None)
    if not title or not film:
        return False
    before = len(draft.ignored)
    draft.text = re.sub(re.escape(title), " ", draft.text, count=1)
    read_absent(draft)
    if len(draft.ignored) == before:
        draft.ignore(re.sub(re.escape(title), "", text, count=1), "this is not in the data")
    return _answer(draft, film, title, ())


def _by_words(draft: Draft, text: str, names: Names) -> bool:
    """A question in other words, with a title in it: its words tell the fact; the rest is said."""
    if not (ASKS.match(text) or _ABOUT_ONE.match(text)) or _OF_MANY.search(text):
        return False
    found = _title_in(text, names)
    if found is None:
        return False
    start, end, film = found
    rest = f"{text[:start]} {text[end:]}"
    facts = _facts_in(rest)
    if not facts and not _IS_IT.match(text):
        return False
    known, said = any_case("|".join(_FACT_WORDS)), re.findall(r"[\w'-]+", rest)
    left = [w for w in said if w.lower() not in FILLING | UNREAD and not known.fullmatch(w)]
    if not facts:
        facts = [] if draft.ignored else ["genres", "keywords"]
    elif left:
        draft.ignore(" ".join(left), "this was not understood")
    return _answer(draft, film, text[start:end], tuple(dict.fromkeys(facts)))


def _title_in(text: str, names: Names) -> tuple[int, int, FilmsFound] | None:
    """The longest title written large in a text, where it stands."""
    words = list(re.finditer(r"[\w'&:.-]+", text))
    for count in range(min(len(words), 8), 0, -1):
        for first in range(len(words) - count + 1):
            start, end = words[first].start(), words[first + count - 1].end()
            piece = text[start:end].rstrip(".:")
            if not piece[:1].isupper() or (first == 0 and count < 2):
                continue
            if film := names.films(piece, fuzzy=False):
                return start, start + len(piece), film
    return None


def _only_film(draft: Draft, names: Names) -> bool:
    """Whether nothing but a film is left to read: all that is known of it is asked for."""
    words = draft.text.split()
    while words and words[0].lower() in FILLING and not names.films(" ".join(words), fuzzy=False):
        words.pop(0)
    film = names.films(" ".join(words), fuzzy=False) if words else None
    return film is not None and _answer(draft, film, film.best.title, ())


def _unknown(draft: Draft, text: str, names: Names) -> bool:
    """A question whose film the catalog does not have."""
    if is_of_many(text):
        return False
    for facts, title, _ in _forms(text) if ASKS.match(text) else ():
        if (
            not title
            or not set(facts) & _STRONG
            or _PRONOUN.fullmatch(title)
            or (FILLING | UNREAD).issuperset(title.lower().split())
            or _NO_TITLE.search(title)
            or _people(title, names)
        ):
            continue
        if begun := _begun(title, names):
            draft.ignore(title[len(begun[0]) :], "this was not understood")
            return _answer(draft, begun[1], begun[0], ())
        draft.parts |= {"intent": "facts", "facts": facts}
        draft.not_found.append(title)
        draft.text = ""
        return True
    return False


def _begun(title: str, names: Names) -> tuple[str, FilmsFound] | None:
    """The film whose title a text begins with, and how it is typed: ``Waterworld sink``."""
    words = title.split()
    for n in range(len(words) - 1, 0, -1):
        typed = " ".join(words[:n])
        film = names.films(typed, fuzzy=False)
        if film is not None and typed[:1].isupper():
            return typed, film
    return None
