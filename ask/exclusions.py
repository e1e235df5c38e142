"""What a request does not want: not, nothing with, without, except."""

import re
from collections.abc import Iterator

from ask.draft import GAP, Draft, Read
from ask.kinds import find_genres, find_keyword, find_mood
from ask.people import add_person, find_names
from ask.titles import make_title
from ask.words import FILLING
from search.names import Names

_VERBS = r"(?:have|has|contain|feature|include|involve|star|show|want|like|need)"
_CUE = re.compile(
    r"\b(?:"
    r"(?P<but>except(?: for)?|excluding|exclude|other than|apart from|aside from|besides"
    r"|anything but|everything but|all but|leave out|leaving out|minus)"
    rf"|(?:i |we )?(?:do not|don't|doesn't|does not|didn't|won't|can't stand|cannot stand)"
    rf"(?: {_VERBS})?"
    r"|without|nothing|none of|not|no more|no|never|neither|avoid(?:ing)?|hates?"
    r"|isn't|aren't|is not|are not|wasn't|weren't"
    r") ",
    re.IGNORECASE,
)
_END = re.compile(
    rf"[;?!{GAP}]|\.(?:\s|$)|\b(?:but|please|only|just|no|not|without|nothing)\b|@user|$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"^(?:for|from|with|in|since|after|before|under|over|not?|nothing|without|only|directed|by"
    r"|starring|that|which|and no|and not|and nothing|at)\b",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*(?:,\s*(?:and |or |nor )?|(?<!\bblack )\b(?:and|or|nor)\b|&)\s*", re.IGNORECASE
)
_OPENING = re.compile(
    r"^(?:(?:any(?:thing)?|any more|to (?:see|watch)|something|the|a|an|too|so|very|that|much|more"
    r"|films?|movies?|ones?|stuff|have|has|with|by|from|about|like|of|directed|starring|featuring"
    r"|is|are|was|were|either|of those|any of)(?:\s+|$))+",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"(?:\s+(?:films?|movies?|stuff|things?|ones?|elements?|in it|in them))+$")
_PERSONAL = re.compile(r"\b(?:by|with|from|starring|featuring|directed by)\s+$", re.IGNORECASE)


def read_exclusions(draft: Draft, names: Names) -> None:
    """Take what is not wanted out of a draft."""
    while (cue := _CUE.search(draft.text)) is not None:
        start, end = cue.end(), _end(draft.text, cue.end())
        wanted = draft.text[start:end]
        draft.cut(cue.start(), end)
        for item, personal in _items(wanted):
            _exclude(draft, names, item, named=personal, but=cue["but"] is not None)


def _end(text: str, start: int) -> int:
    """Where the list behind a cue ends: at a comma, unless the list goes on with or."""
    found = _END.search(text, start)
    end = found.start() if found else len(text)
    parts = text[start:end].split(",")
    kept = 1
    for number, part in enumerate(parts[1:], 1):
        item = part.strip()
        if _CLAUSE.match(item) or len(item.split()) > 4:
            break
        if re.search(r"^(?:or|and|nor)\b|\b(?:or|nor)\b", item, re.IGNORECASE):
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
    genres, mood, keyword = find_genres(item, names), find_mood(item), find_keyword(item, names)
    if genres:
        draft.add("genres", genres[-1], excluded=True)
        if len(genres) > 1:
            draft.notes.append(f"Of “{item}” only {genres[-1]} was left out.")
    elif mood:
        draft.add("moods", mood, excluded=True)
    elif _excludes_name(draft, names, item, named=named, but=but):
        pass
    elif keyword:
        draft.add("keywords", keyword, excluded=True)
    else:
        _exclude_words(draft, item)


def _excludes_name(draft: Draft, names: Names, item: str, *, named: bool, but: bool) -> bool:
    written_large = item[:1].isupper()
    read = next(find_names(item, names), None)
    film = names.films(item, fuzzy=but)
    whole = " " in item and find_keyword(item, names) is None
    if read is not None and read.found is not None and read.end >= len(item):
        add_person(draft, read, "any", excluded=True)
    elif film is not None and (but or written_large or whole) and film.how != "begin":
        draft.add("titles", *(make_title(each) for each in film.films[:3]), excluded=True)
    elif named and written_large and " " in item:
        add_person(draft, Read(item, len(item), None), "any", excluded=True)
    else:
        return False
    return True


def _exclude_words(draft: Draft, item: str) -> None:
    words = [word for word in re.findall(r"[\w'-]+", item) if word.lower() not in FILLING]
    if not words:
        return
    piece = words[0] if len(words) == 1 else f'"{" ".join(words)}"'
    before = draft.exclude.get("text", "")
    if piece not in before.split():
        draft.exclude["text"] = f"{before} {piece}".strip()
