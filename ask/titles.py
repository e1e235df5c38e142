"""Requests about films by name: compare these, would somebody like this, something like that."""

import re
from collections.abc import Iterator
from itertools import islice

from ask.compare import MOST
from ask.draft import GAP, Draft, Read, read_list, split_pieces
from ask.structure import Intent, Title
from ask.words import FILLING, UNREAD, WHO, any_case, in_one
from search.names import LONGEST_TITLE, Film, FilmsFound, Names

_LIKING = in_one(r"""(rather (see|watch)|like|love|enjoy|hate|dislike|rate|give|think (of|about)
    |say (of|about)|make of)""")
_COMPARE = (
    r"^(please |can you |could you )*compare( for (me|us|@user))?( the)?( films?| movies?)?[:,]?"
    r"|\bdifferences? between\b",
    r"\bwhich (one |film |movie |of (them|these) )?(is|was|did|has|made|cost|does)\b[^,:?]*[,:]",
    r"\b(which (one |film |movie )?(is|was)|what('s| is)) (the )?(better|worse|\w+er)"
    r"( film| movie)?\b",
)
_WHICH = any_case(r"""[,:;.?! ]+(so )?(which|who|what)( (one|film|movie))?('s| is| was| are| has
    | did| made| cost| does| do| should| would)\b.*$""")
_VERSUS = any_case(r"\b(vs\.?|versus)(?=\s)")
_PREDICT = (
    rf"\b(how (much )?|what )?(would|will|did|does|might|could|should) {WHO} (really )?"
    rf"(also )?{_LIKING} (?P<title>.+)",
    rf"\b(whether|if) {WHO} ((would|will|might|could|may|can|is|are|going|to|really|also)"
    rf" )*{_LIKING}s? (?P<title>.+)",
    r"\b(is|would) (?P<title>.+?) (be )?(something|an? (\w+ )?"
    rf"(film|movie|pick|choice|fit|match|idea|thing)|one|good|right) (that |which |for )?{WHO}\b.*",
    rf"\bpredict (@user('s)? rating (of|for) |how @user (would|will) {_LIKING} )?"
    r"(?P<title>.+?)( for @user)?$",
    r"\b(the )?rating (of|for) (?P<title>.+?) (by|for|from) @user",
    r"\b(has|have|had|did) @user (ever |already )?(seen|see|watched?|rated?) (?P<title>[A-Z].+)",
    r"^rate (?P<title>.+?) (by|for|as) @user$",
    rf"\bwho (would|will|might) {_LIKING} (?P<title>.+?)( more| better| most| best)?,? @user\W*$",
    rf"\bshould {WHO} (watch|see|try|like|bother with) (?P<title>.+)",
    rf"\bwhich (one )?of (?P<title>.+?) (would|will|does|might|should) {WHO} {_LIKING}",
    rf"\b(would|will|does|might|could) {WHO} (prefer|rather (see|watch|have))[:,]? "
    r"(?P<title>.+ (or|to|over) .+)",
    rf"\bwhich (one )?(would|will|does|might) {WHO} (prefer|like|enjoy|rather (see"
    r"|watch))( more| better| most)?[,:]? (?P<title>.+ or .+)",
)
_PRONOUNS = ("it", "that", "this", "they", "he", "she", "there", "them")
_WOULD = any_case(r"""^(would|will|should|could|might|is|do you think)\b(?!.*\b(films|movies|any
    |something)\b)""")
_TITLED = re.compile(r"(?-i:[A-Z0-9]).*$")
_WHEN = any_case(r",? (tonight|today|now|next|first|again|instead)$")
_AT = any_case(r"^(to )?(the (film|movie) )?(to )?")
_BOUNDARY = any_case(rf"""\s*([,;?!{GAP}\"]|\.(\s|$)|\b(but|for|from|with|without|except|in|that|by
    |directed|set|which|what|please|starring|not|nothing)\b|$)""")
_SEPARATOR = any_case(r"""[\s!?.:;]*(,\s*(and |or |& )?|\b(and|or|vs\.?|versus|with|to|against)\b
    |&)\s*(like )?""")
_OPENING = any_case(r"\s*((the )?(films?|movies?) )?(both |either )?")
_YEAR = re.compile(r"\s*\((\d{4})\)")
_DATED = re.compile(r"(?P<title>.+?),? (from |of |\()?(?P<year>(18|19|20)\d\d)\)?$")
_PART = any_case(r" (\d+|[ivx]+|part)\b")
"""What goes on behind the begin of a sequel's title: Terminator 2."""
_CALLED = any_case(r"""(\b(the |a |that )?(films?|movies?|one) )?(\b(?P<called>called|named|titled
    |entitled) |\b(film|movie) )\"?(?P<title>[^,?]+?)\"?[?.!]?$""")
_JOIN = any_case(r"and|or|&|with|to|vs\.?|versus|,")
_LARGE_LAST = re.compile(r"[A-Z][\w'-]*( [A-Z][\w'-]*)*(?=\W*$)")
"""What ends a list of titles and is none, written large."""
_TOKEN = re.compile(r"[^\s¦]+")

_MOST_JOINTS = 14
"""Words between titles that a list is cut at: ten films, four of them with “and” in the title."""

_MOST_SPELT = 2
"""Pieces of a list that are looked for together as a title that is spelt otherwise."""

_Read = Read[FilmsFound]


def make_title(film: Film) -> Title:
    """A film of the catalog as a structure names it."""
    return Title(movie_id=film.movie_id, title=film.title, year=film.year)


def read_intent(draft: Draft, names: Names) -> Intent | None:
    """The intent of a comparison or a prediction, with its films; else None."""
    return _compare(draft, names) or _predict(draft, names)


def _compare(draft: Draft, names: Names) -> Intent | None:
    for pattern in _COMPARE:
        found = any_case(pattern).search(draft.text)
        if found is None or (pattern != _COMPARE[0] and not any_case(r"\bor\b").search(draft.text)):
            continue
        rest = draft.text[found.end() :].strip(" ?.!") or draft.text[: found.start()].strip(" ,;:")
        break
    else:
        if not _VERSUS.search(draft.text) and not _choice(draft.text, names):
            return None
        rest = _WHICH.sub("", draft.text.rstrip(" ?.!"))
    read = read_listed(rest, names)
    take_titles(draft, read)
    left = rest[read[-1].end :] if read else ""
    if not FILLING.issuperset(re.findall(r"[a-z']+", left.lower())):
        draft.ignore(left, "films are compared in all that is known of them")
    draft.text = ""
    return "compare"


def _choice(text: str, names: Names) -> bool:
    """Whether a text is nothing but films with or between them: ``Toy Story or Shrek?``."""
    films = re.split(r" or |, ", re.sub(r"(?:for )?@user", "", text).strip(" ?.!,"))
    return len(films) > 1 and all(names.films(film, fuzzy=False) for film in films)


def _predict(draft: Draft, names: Names) -> Intent | None:
    for pattern in _PREDICT:
        found = any_case(pattern).search(draft.text)
        if found is None or any_case(r"(what|to (see|watch))\b").match(found["title"]):
            continue
        if any_case(r"^(what|which)\b.*\b(does|would|should) ").match(draft.text) and (
            not re.search(r"\b(think|say|give|rate|prefer|rather|which (one )?of)\b", found[0])
        ):
            continue
        title = _AT.sub("", _WHEN.sub("", found["title"].strip(" ?.!,")))
        if title in _PRONOUNS:
            continue
        read = _whole(title, names)
        if read[0].found is None and (
            ("user_id" not in draft.parts and title.islower())
            or (FILLING | UNREAD).issuperset(read[0].text.lower().split())
            or any_case(r"\b(does|prefer)\b").search(found[0])
        ):
            continue  # as in “does user 5 like horror”: a question about taste
        take_titles(draft, read)
        draft.text = ""
        return "predict"
    if "user_id" in draft.parts and _WOULD.search(draft.text):
        titles = [word for word in _TITLED.finditer(draft.text) if word.start() > 0]
        for large in titles:
            read = [each for each in read_titles(large[0], names) if each.found]
            if read and read[0].exact:
                take_titles(draft, read)
                draft.text = ""
                return "predict"
    return None


def _whole(text: str, names: Names) -> list[_Read]:
    """The films that all of a text names: one, or a list."""
    exact = names.films(text)
    if exact is not None and exact.how == "exact":
        return [_Read(text, len(text), exact)]
    listed = read_listed(text, names)
    if len(listed) > 1 and all(each.found for each in listed):
        return listed
    first = next(read_titles(text, names), None)
    return [first if first and not exact else _Read(text, len(text), exact)]


def read_called(draft: Draft, names: Names) -> None:
    """``the film Her``, ``a movie called It``: films of exactly this title."""
    found = _CALLED.search(draft.text)
    film = found and names.films(found["title"].strip(' "'), fuzzy=False)
    if found and film and (found["called"] or found["title"][:1].isupper()):
        draft.add("titles", *(make_title(each) for each in film.films[:3]))
        draft.cut(found.start(), found.end())


def take_titles(draft: Draft, read: list[_Read]) -> None:
    for each in read:
        if (title := take_title(draft, each)) is not None:
            draft.add("titles", title)


def take_title(draft: Draft, read: _Read) -> Title | None:
    """The film that was read, of which the draft says how; None: nothing is called so."""
    if read.found is None:
        draft.not_found.append(read.text)
        return None
    best = read.found.best
    if not read.exact:
        draft.guess(read.text, best)
    elif others := read.found.films[1:4]:
        draft.notes.append(f"There is also {' and '.join(map(str, others))}.")
    return make_title(best)


def read_titles(text: str, names: Names) -> Iterator[_Read]:
    """The titles that a text begins with; behind the first one, only what is a title exactly."""

    def read_at(position: int) -> _Read | None:
        first, opening = position == 0, _OPENING.match(text, position)
        start = opening.end() if opening else position
        read = _quoted(text, start, names) or _exact(text, start, names)
        if first and (read is None or not _BOUNDARY.match(text, read.end)):
            whole, part = _chunk(text, start, names), read and _PART.match(text, read.end)
            if read is None or (
                whole and whole.end > read.end and (whole.how == "begin" or (part and whole.found))
            ):
                read = whole
        if not first and read is None and (large := _LARGE_LAST.match(text, start)):
            return Read(large[0], large.end(), None)
        filling = read and read.text.islower() and FILLING.issuperset(read.text.split())
        return None if filling and not first else read  # show me is a turn of speech

    return read_list(text, _SEPARATOR, read_at, MOST)


def read_listed(text: str, names: Names) -> list[_Read]:
    """The titles that all of a text lists, found or not, cut so that most of them are found.

    So “Dead or Alive and Fast & Furious” is two films.
    """
    joints = list(islice(_SEPARATOR.finditer(text), _MOST_JOINTS))
    begins, ends = [0, *(j.end() for j in joints)], [*(j.start() for j in joints), len(text)]
    best: list[tuple[int, list[_Read]]] = [(0, [])]
    for last, end in enumerate(ends):
        ways = []
        for first in range(last + 1):
            near = last - first < _MOST_SPELT
            cost, read = _as_title(text, begins[first], end, names, near=near)
            ways.append((best[first][0] + cost * (last + 1 - first), [*best[first][1], *read]))
        best.append(min(ways, key=lambda way: (way[0], -len(way[1]))))
    return best[-1][1][:MOST]


def _as_title(
    text: str, start: int, end: int, names: Names, *, near: bool
) -> tuple[int, list[_Read]]:
    """A piece of a list as a title, and how ill it fits: 0 is exactly one; ``near``: or almost."""
    opening = _OPENING.match(text, start, end)
    piece = text[opening.end() if opening else start : end].strip(' .?!,;:"')
    if not piece:
        return 0, []
    read = _dated(piece, piece, end, names, fuzzy=False)
    if read.found is None and near and len(piece.split()) <= LONGEST_TITLE:
        read = _dated(piece, piece, end, names, fuzzy=True)
    if read.how in (None, "spelling") and end == len(text) and not _SEPARATOR.search(piece):
        begin = _exact(piece, 0, names)
        if begin and not _PART.match(piece, begin.end):
            return 3, [Read(begin.text, end - len(piece) + begin.end, begin.found)]
    return {"exact": 0, "begin": 1, "spelling": 2}.get(read.how or "", 4), [read]


def _quoted(text: str, start: int, names: Names) -> _Read | None:
    found = re.compile(r'\s*"([^"]+)"').match(text, start)
    return found and _dated(text, found[1], found.end(), names, fuzzy=True)


def _exact(text: str, start: int, names: Names) -> _Read | None:
    for first, last in split_pieces(text, start, _TOKEN, _JOIN, LONGEST_TITLE):
        piece = text[first.start() : last.end()].rstrip(",;.?!:")
        read = _dated(text, piece, first.start() + len(piece), names, fuzzy=False)
        if read.found is not None:
            return read
    return None


def _chunk(text: str, start: int, names: Names) -> _Read | None:
    boundary = _BOUNDARY.search(text, start)
    end = boundary.start() if boundary else len(text)
    piece = text[start:end].strip(" .?!")
    return _dated(text, piece, end, names, fuzzy=True) if piece else None


def _dated(text: str, piece: str, end: int, names: Names, *, fuzzy: bool) -> _Read:
    """The film of this title, of the year in parentheses behind it where there is one."""
    inside = re.search(r"\s*\((\d{4})\)$", piece)
    behind = None if inside else _YEAR.match(text, end)
    year = inside or behind
    title = piece[: inside.start()] if inside else piece
    found = names.films(title, int(year[1]) if year else None, fuzzy=fuzzy)
    if found is None and year is None and (dated := _DATED.match(piece)):
        found = names.films(dated["title"], int(dated["year"]), fuzzy=False)
    return _Read(piece, behind.end() if behind else end, found)
