"""Kinds of films: genres, moods, keywords, audience, money, fame; and how many are wanted."""

import re
from collections.abc import Mapping
from typing import TypeVar

from ask.draft import GAP, Draft
from ask.structure import Mood
from ask.words import AUDIENCES, FILM, GENRE, GENRES, KEYWORDS, KINDS, MOODS, NUMBERS, any_case
from palate.contract import Audience
from search.names import Names, key
from search.vocabulary import SPELLINGS

T = TypeVar("T")

_A_NUMBER = rf"\d{{1,3}}|{'|'.join(word for word in NUMBERS if word not in ('zero', 'hundred'))}"
_N = rf"(?P<n>{_A_NUMBER})"
_COUNT = any_case(rf"""((^|{GAP}|:)\s*|\b(give|gimme|lemme|show|find|get|recommend|suggest|list|name
    |tell|bring|pick|me|us|top|best|the|first|any|another|want|need|like|love|watch|see|choose|some
    |only|just|about|with|please)\s+)(({_A_NUMBER}) (or|to) )?{_N}\s+(?=([\w'{GAP}-]+\s+){{0,6}}?
    ({FILM}|{GENRE}|more)\b)""")
_AT_MOST = any_case(rf"""\b((no|not|nothing) (more|over) than|not? over|at (the )?most|up to
    |(a )?max(imum)?( of)?|only|just|limit(ed)? (it |them )?to|(?P<below>fewer than|less than|under)
    |(?P<least>at least)) (the )?{_N}(?=( (?!(and a half|to|or|hours?|minutes?|mins?|stars?|years?
    |people|users|ratings|votes|million|dollars)\b)[\w'-]+){{0,4}} ({FILM}|{GENRE}|results?|of (them
    |these|those))(?!\w))""")
_MOST_LAST = any_case(rf"""(, ?|\band )((please )?(no more than|not more than|at (the )?most
    |max(imum)?( of)?|only|just|limit) {_N}|{_N.replace("<n>", "<n2>")} (at (the )?most|max(imum)?
    |tops))( (of (them|these|those)|please|results?|films?|movies?))?(?=\W*$)""")
PROPOSALS = any_case(rf"""\b(?P<n>\d{{1,2}}
    |{"|".join(word for word in NUMBERS if word != "zero")}) (\w+ )?(?=(recommendations?
    |suggestions?|recs|ideas|picks|tips|options)\b)""")
_NO_COUNT = any_case(rf"(?<!\w)(?P<n>-\d{{1,9}}|0|\d{{3,9}})\s+(?={FILM}\b|({GENRE})\b)")
_TOP = any_case(r"\b(?P<top>top)[ -](\d{1,3} ?(or|to|-) ?)?(?P<n>\d{1,3})\b")
_GENRE = rf"({GENRE})"
_EITHER_GENRE = any_case(rf"""\b{_GENRE}( {FILM})?,? or (an? |some |maybe |even |perhaps |{GAP} +
    | +)*{_GENRE}(?!\w)|\b(comedies|westerns|dramas|thrillers|musicals|documentaries|mysteries
    |romances|cartoons) and (comedies|westerns|dramas|thrillers|musicals|documentaries|mysteries
    |romances|cartoons)\b""")
"""Of two genres one is enough: comedies or musicals."""
_NO_GENRE_AFTER = any_case(r"\b(about|the|world|civil|cold|star|vietnam|at|true|of|on) $")
"""What goes before a word that names a genre elsewhere: about war, the adventure."""
_FILMS_LAST = any_case(rf" {FILM}$")
_ARTICLE = any_case(r"^(an?|the) ")
_MOST_KEYWORD_WORDS = 4  # of the sample's keywords none is longer
_MOST_FILMS = 100  # as PALATE_MAX_K by default


def find_genre(names: Names, genre: str) -> str | None:
    """The catalog's own name of a genre; None where it has none."""
    for spelling in SPELLINGS.get(genre, (genre,)):
        if key(spelling) in names.genres:
            return names.genres[key(spelling)]
    return None


def find_genres(text: str, names: Names) -> tuple[str, ...]:
    """The genres that a text names as a whole, as the catalog has them."""
    wanted = text.strip()
    if (genres := _whole(GENRES, wanted)) is not None:
        return tuple(name for genre in genres if (name := find_genre(names, genre)))
    own = names.genres.get(key(wanted)) or names.genres.get(key(wanted).removesuffix("s"))
    return (own,) if own else ()


def is_kind(text: str, names: Names) -> bool:
    """Whether a text as a whole is a genre or a mood."""
    return bool(find_mood(text) or find_genres(text, names))


def find_mood(text: str) -> Mood | None:
    """The mood that a text names as a whole."""
    return _whole(MOODS, text)


def _whole(table: Mapping[str, T], *texts: str) -> T | None:
    """What the first pattern of a table stands for that all of a text fits."""
    found = (
        value
        for pattern, value in table.items()
        for text in texts
        if any_case(pattern).fullmatch(text.strip())
    )
    return next(found, None)


def find_audience(text: str) -> Audience | None:
    """The audience that a text names as a whole: for kids, kids."""
    return _whole(AUDIENCES, text, f"for {text.strip()}", f"{text.strip()} films")


def find_keyword(text: str, names: Names) -> str | None:
    """The catalog's keyword of several words that a text is."""
    wanted = key(text)
    if (keywords := _whole(KEYWORDS, text)) is not None:
        return _known_keyword(keywords, names)
    if " " not in wanted or _FILMS_LAST.search(wanted):
        return None
    return names.keywords.get(wanted) or names.keywords.get(wanted.removesuffix("s"))


def _known_keyword(keywords: tuple[str, ...], names: Names) -> str | None:
    return next((names.keywords[key(k)] for k in keywords if key(k) in names.keywords), None)


def read_count(draft: Draft) -> None:
    """How many films are wanted, at most 100."""
    if (odd := _NO_COUNT.search(draft.text)) is not None and not 1 <= int(odd["n"]) <= _MOST_FILMS:
        number = _MOST_FILMS if int(odd["n"]) > 0 else None
        if number:
            draft.parts["k"] = number
        why = f"at most {number} are" if number else "that is no number of films that can be"
        draft.notes.append(f"“{odd[0].strip()}”: {why} shown.")
        draft.cut(odd.start(), odd.end())
        return
    found = _TOP.search(draft.text) or _COUNT.search(draft.text) or PROPOSALS.search(draft.text)
    if found is None:
        return
    number = NUMBERS.get(found["n"].lower()) or int(found["n"])
    if 1 <= number <= _MOST_FILMS:
        draft.parts["k"] = number
        begin = found.start("n")
        draft.text = f"{draft.text[:begin]}{GAP}{draft.text[found.end('n') :]}"


def read_most(draft: Draft) -> None:
    """How many films are wanted at most: no more than five westerns, two at most."""
    for pattern in (_AT_MOST, _MOST_LAST):
        if "k" not in draft.parts and (found := draft.take(pattern)) is not None:
            groups = found.groupdict()
            said = found["n"] or found["n2"]
            number = NUMBERS.get(said.lower()) or int(said)
            number = max(number - bool(groups.get("below")), 10 if groups.get("least") else 0)
            if 1 <= number <= _MOST_FILMS:
                draft.parts["k"] = number
            else:
                draft.ignore(found[0], "that is no number of films that can be shown")


def read_kinds(draft: Draft, names: Names) -> None:
    """Take the kinds of films out of a draft."""
    for name, table in KINDS.items():
        before = r"(?<!\w)" if name == "audience" else r"(?<![\w-])"
        for pattern, value in table.items():
            if (found := draft.take(rf"{before}({pattern})(?!\w)")) is None:
                continue
            if isinstance(value, tuple):
                draft.add(name, *value)
            elif draft.parts.setdefault(name, value) != value:
                draft.ignore(found[0], f"it is asked for films that are {draft.parts[name]} too")
    _read_keywords(draft, names)
    _read_genres(draft, names)
    for pattern, mood in MOODS.items():
        if draft.take_all(rf"\b({pattern})(?!\w)"):
            draft.add("moods", mood)


def read_set_phrases(draft: Draft, names: Names) -> None:
    """Take the keywords that people say in many ways: based on a true story."""
    for pattern, keywords in KEYWORDS.items():
        known = _known_keyword(keywords, names)
        if known and draft.take(rf"(?<![\w-])({pattern})(?!\w)"):
            draft.add("keywords", known)


def _read_keywords(draft: Draft, names: Names) -> None:
    words = list(re.finditer(rf"[^\s,;{GAP}]+", draft.text))
    for count in range(_MOST_KEYWORD_WORDS, 1, -1):
        for first in range(len(words) - count + 1):
            begin, end = words[first].start(), words[first + count - 1].end()
            piece = draft.text[begin:end]
            found = find_keyword(piece, names)
            if (
                found
                and GAP not in piece
                and not any_case(rf"{FILM} set").fullmatch(piece)
                and not find_genres(piece, names)
                and not find_mood(_ARTICLE.sub("", piece))
            ):
                draft.add("keywords", found)
                draft.cut(begin, end)
                _read_keywords(draft, names)
                return


def _read_genres(draft: Draft, names: Names) -> None:
    if _EITHER_GENRE.search(draft.text):
        draft.add("any_of", "genres")
    for pattern, genres in GENRES.items():
        found = [find_genre(names, genre) for genre in genres]
        if not all(found):
            if len(genres) == 1 and (word := any_case(rf"\b({pattern})\b").search(draft.text)):
                draft.notes.append(
                    f"This catalog has no genre {genres[0]}: “{word[0]}” is looked for in texts."
                )
            continue

        def read(match: "re.Match[str]", found: list[str | None] = found) -> int:
            if _NO_GENRE_AFTER.search(draft.text[: match.start()]):
                return 0
            draft.add("genres", *found)
            return match.end()

        draft.take_read(any_case(rf"\b({pattern})(?!\w)(?! of\b)"), read)
    for name in names.genres.values():
        if len(name) > 3 and draft.take(rf"\b{re.escape(name)}s?(?!\w)"):
            draft.add("genres", name)
