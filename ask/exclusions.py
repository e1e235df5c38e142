"""What a request does not want: not, nothing with, without, except; what somebody hates."""

import re
from collections.abc import Iterator

from ask.draft import GAP, Draft, Read
from ask.kinds import find_audience, find_genres, find_keyword, find_mood, is_kind
from ask.people import add_person, find_names
from ask.titles import make_title
from ask.words import FILLING, FILM, GENRE, any_case, as_typed, in_one
from search.names import Names, key

_VERBS = in_one(r"""(have|has|contain|feature|include|involve|star|show|want|like|love|enjoy|need
    |care for|watch|get|do|make|end|take)""")
_WHO = r"(i|we|@user|they|he|she|my \w+|our \w+|the kids)"
_CUE = any_case(rf"""\b((?P<but>except( for)?|excluding|exclude|other than|apart from|aside from
    |besides|instead of|rather than|forget( about)?|anything but|everything but|all but|leave out
    |leaving out|minus|skip|no more)|(?P<hate>((but |since |because |and )?{_WHO}('m| am| are
    | really| absolutely| just| also)* )?(hate[sd]?|dislike[sd]?|loathe[sd]?|detest(s|ed)?
    |despise[sd]?|can't stand|cannot stand|couldn't stand|(can't|cannot) bear|((sick|tired|bored
    |fed up)( and tired)?|have had enough|had enough) (of|with)|(allergic to|so over|done with
    |no fans? of|not in the mood for|can do without|could do without|(not |un)interested in)
    |not (really |much )?(a |an )?(big |huge |great )?(fans? of|into|keen on|fond of)|(do not|don't
    |doesn't|does not|didn't|never) (really |much )?(like[sd]?|love|enjoy(ed)?|care for|want to see
    |get on with|fancy)|(am|'m) not (really )?(into|a fan of)))|((i |we )?(do not|don't|doesn't
    |does not|didn't|won't)( {_VERBS})?|without|nothing|none( of)?|not|no|never|neither|avoid(ing)?
    |isn't|aren't|is not|are not|wasn't|weren't|less)( (any|too much|so much|much
    |overly))?)( |$)""")
_BEHIND = as_typed(r"""(?P<item>([A-Z][\w.'-]+ ){1,3}|\w+ )(annoys?|bores?|irritates?|bothers?|puts?
    |scares?) (me|us)( off| too much| to death)?\b""")
_END = any_case(rf"""[;?!{GAP}]|(?<! [A-Z])\.(\s|$)|\b(but|please|only|just|no|not|without|nothing
    |though|any good|recommend|suggest|show me|give me|what)\b|@user|$""")
_CLAUSE = any_case(r"""^(for|from|with|in|since|after|before|under|over|not?|nothing|without|only
    |directed|by|starring|that|which|and no|and not|and nothing|at|something|show|give|any|some
    |recommend|what|prefer|preferably|maybe|ideally|i|we)\b""")
_SPLIT = any_case(r"\s*(?:,\s*(?:and |or |nor )?|(?<!\bblack )\b(?:and|or|nor)\b|&)\s*")
_OPENING = any_case(rf"""^((any(thing)?|any more|to (see|watch)|something|the|a|an|too|so|very|that
    |much|more|{FILM}|ones?|stuff|have|has|with|by|from|about|like|of|as|directed|starring|featuring
    |is|are|was|were|either|of those|any of|made|set|really|all|kind of|sort of|lots of
    |a lot of)(\s+|$))+""")
_CLOSING = as_typed(r"""(\s+((is|are|was|were|appears?|acts?|plays?|stars?) in|films?|movies?|stuff
    |things?|ones?|elements?|(mixed |thrown )?in|in it|in them|in there|at all|either|anymore
    |any more|too|these days|tonight|for))+$""")
_PERSONAL = any_case(r"\b(by|with|from|starring|featuring|directed by)\s+$")
_BY = any_case(r" (by|from|in|directed by|starring)\b")
_FOR = any_case(r"^(?P<item>.+?) (?P<whom>for .+)$")
_KIND_WITH = any_case(r"^(?P<kind>[\w-]+( [\w-]+)?) (with|by|from|starring|directed)\b")

_NOUNS = rf"{FILM}|{GENRE}"
_IS_OUT = any_case(rf""" ((is|was|are|were)(n't| not)( in( it| them)?| part of( it)?)?|(does|do
    |did)(n't| not) (star|appear|act|feature|play|show up)( in( it| them)?)?|never (appears?|acts?
    |plays?)( in( it)?)?)(?= *([,;.?!{GAP}]|$|but|and|or|from|for|with|under|over|before|after
    |since))""")


def _read_absent_people(draft: Draft, names: Names) -> None:
    """``films that Bruce Willis is not in``."""
    for found in list(_IS_OUT.finditer(draft.text))[::-1]:
        words = list(re.finditer(r"[\w.'-]+", draft.text[: found.start()]))[-3:]
        for word in words:
            name = draft.text[word.start() : found.start()]
            read = next(find_names(name, names), None)
            if read and read.found and read.end == len(name):
                add_person(draft, read, "any", excluded=True)
                draft.cut(word.start(), found.end())
                break


def read_exclusions(draft: Draft, names: Names) -> None:
    """Take what is not wanted out of a draft."""
    _read_absent_people(draft, names)
    for found in draft.take_all(_BEHIND):
        _exclude(draft, names, found["item"].strip(), named=True, but=True)
    position = 0
    while (found_next := _next(draft.text, names, position)) is not None:
        cue, end = found_next
        wanted, position = draft.text[cue.end() : end], cue.start()
        draft.cut(cue.start(), end)
        items = list(_items(wanted))
        if not items:
            draft.ignore(f"{cue[0]}{wanted}", "what is not wanted was not understood")
        for item, personal in items:
            _exclude(draft, names, item, named=personal, but=bool(cue["but"] or cue["hate"]))


def find_unwanted(draft: Draft, names: Names) -> Iterator[tuple[int, int]]:
    """Where a text says what is not wanted."""
    position = 0
    while (found := _next(draft.text, names, position)) is not None:
        cue, position = found
        yield cue.start(), position


def _next(text: str, names: Names, position: int) -> "tuple[re.Match[str], int] | None":
    """The next cue that something is said behind, and where that ends."""
    for cue in _CUE.finditer(text, position):
        end = _end(text, cue.end(), names)
        wanted = text[cue.end() : end]
        of_number = cue[0].lower().startswith("less") and wanted.startswith("than")
        if wanted.strip(f" .,{GAP}") and not of_number:
            return cue, end
    return None


def _end(text: str, start: int, names: Names) -> int:
    """Where the list behind a cue ends: at a comma, unless the list goes on with or."""
    found = _END.search(text, start)
    end = found.start() if found else len(text)
    kind = _KIND_WITH.match(text[start:end])
    if kind and is_kind(kind["kind"], names):
        return start + kind.end("kind")
    opening = _OPENING.match(text[start:end])
    named = start + (opening.end() if opening else 0)
    person = next(find_names(text[named:end], names), None)
    if person and person.found and _BY.match(text, named + person.end):
        return named + person.end
    parts = text[start:end].split(",")
    kept = 1
    for number, part in enumerate(parts[1:], 1):
        item = part.strip()
        if _CLAUSE.match(item) or max(len(one.split()) for one in _SPLIT.split(item)) > 4:
            break
        if any_case(r"^and\b|\b(or|nor)\b").search(item):
            kept = number + 1
            break
    return start + len(",".join(parts[:kept]))


def _items(text: str) -> Iterator[tuple[str, bool]]:
    """Each item of a list, and whether it is said of people."""
    personal = False
    for part in _SPLIT.split(text):
        opening = _OPENING.match(part.strip() + " ")
        opened = opening[0] if opening else ""
        personal = bool(_PERSONAL.search(opened)) or (personal and not opened)
        item = _CLOSING.sub("", part.strip()[len(opened.rstrip()) :].strip(" .\"'"))
        if item:
            yield item, personal


def _exclude(draft: Draft, names: Names, item: str, *, named: bool, but: bool) -> None:
    if (phrase := draft.phrase(item)) is not None:
        item, but = phrase, True
    behind = _FOR.match(item) if find_audience(item) is None else None
    if behind and (whose := find_audience(behind["whom"])) is not None:
        draft.parts.setdefault("audience", whose)
        item = behind["item"]
    if (audience := find_audience(item)) is not None:
        if draft.exclude.setdefault("audience", audience) != audience:
            draft.ignore(item, f"one audience is left out, here {draft.exclude['audience']}")
        return
    item = _only_mood(draft, item, names)
    genres, mood, keyword = find_genres(item, names), find_mood(item), find_keyword(item, names)
    words = re.findall(r"[\w'-]+", draft.text)
    wanted = any(genres[-1] in find_genres(word, names) for word in words) if genres else False
    if genres and not wanted:  # else it is asked for elsewhere: horror that is no slasher
        draft.add("genres", genres[-1], excluded=True)
        if len(genres) > 1:
            draft.notes.append(f"Of “{item}” only {genres[-1]} was left out.")
    elif mood:
        draft.add("moods", mood, excluded=True)
    elif key(item) in names.keywords and " " not in item and not item[:1].isupper():
        _exclude_words(draft, item)
    elif genres or not _excludes_name(draft, names, item, named=named, but=but and not keyword):
        if keyword:
            draft.add("keywords", keyword, excluded=True)
        else:
            _exclude_words(draft, item)


def _only_mood(draft: Draft, item: str, names: Names) -> str:
    """Of a mood and a genre the mood: westerns that are not scary; the genre stays to be read."""
    mood, _, genre = item.partition(" ")
    if not (find_mood(mood) and find_genres(genre, names)) or find_genres(item, names):
        return item
    draft.text += f" {GAP} {genre}"
    return mood


def _excludes_name(draft: Draft, names: Names, item: str, *, named: bool, but: bool) -> bool:
    written_large = item[:1].isupper()
    read = next(find_names(item, names), None)
    if read and read.found and any_case(rf"('s)? ({_NOUNS})").fullmatch(item[read.end :]):
        item = item[: read.end]
    film = names.films(item, fuzzy=but)
    whole = " " in item and find_keyword(item, names) is None
    if read is not None and read.found is not None and read.end >= len(item):
        add_person(draft, read, "any", excluded=True)
    elif film is not None and (but or written_large or whole) and _is_meant(film.how, item):
        draft.add("titles", *(make_title(each) for each in film.films[:3]), excluded=True)
        draft.notes.append(f"Of “{item}” only films of exactly this title are left out.")
        if film.how == "spelling":
            draft.guess(item, film.best)
    elif named and written_large and " " in item:
        add_person(draft, Read(item, len(item), None), "any", excluded=True)
    else:
        return False
    return True


def _is_meant(how: str, item: str) -> bool:
    """Whether a film is what is not wanted: by a title written large, or of several words."""
    large = item[:1].isupper()
    return (how == "exact" and (large or " " in item)) or (how == "spelling" and large)


def _exclude_words(draft: Draft, item: str) -> None:
    words = [word for word in re.findall(r"[\w'-]+", item) if word.lower() not in FILLING]
    if not words:
        draft.ignore(f"not {item}", "what is not wanted was not understood")
        return
    piece = words[0] if len(words) == 1 else f'"{" ".join(words)}"'
    before = draft.exclude.get("text", "")
    if piece not in before.split():
        draft.exclude["text"] = f"{before} {piece}".strip()
