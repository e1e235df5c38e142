"""What the films are to be like: films that somebody loved, films of a person, and how else."""

import re
from collections.abc import Iterator

from ask.absent import lacks
from ask.draft import GAP, Draft, Read
from ask.kinds import read_count
from ask.people import find_names
from ask.structure import Held, Person, Quantity, Than, Title, Way
from ask.titles import make_title, read_listed, read_titles, take_title, take_titles
from ask.words import DECADES, FILLING, FILM, GENRE, NOUN, RECOMMEND, any_case, as_typed, in_one
from search.names import FilmsFound, Names, PersonFound

_WHO = r"(@user|i|we|you|he|she|they)"
_MANY = in_one(r"""((more|something|anything|stuff|films?|movies?|flicks?|things?|recommendations?
    |one|suggestions?)( that( is| are)?)? )?""")
_LIKE = any_case(rf"""\b{_MANY}(just |exactly |a lot |much |very |most |kind of )*(?P<cue>like
    |similar(ly)? (in (\w+ and )?\w+ )?to|in the (style|vein|spirit|manner|mould|mold|tradition
    |same vein) (of|as)|reminiscent of|along the lines of|the same as|comparable to|resembl(ing|es?)
    |(that )?reminds? (me|us) of|(with |in )?(the |a )?(same|similar) (\w+ )?(vibe|feel|feeling|mood
    |tone|style|energy|atmosphere|kind|sort|spirit)s? (as|to|of)|for (the )?fans of
    |(just )?as (?P<as>\w+) as|close to|akin to|[aà] la|with (the |a )?(vibes?|feel(ing)?) of
    |inspired by) """)
_NO_LIKE = any_case(rf"""(\b{_WHO}|\b(would|might|could|may|don't|looks?|do|not|will|to|you|people
    |else))('d)? $""")
_WHAT_IS = any_case(r"(what|how)('s| is| are| was) (the|it|this|that|your|my)\b")
_LOVES = any_case(rf"""((?<!\w)((since|as|because|if|when|and) )?({_WHO}|people( who| that)?
    |those who|everyone who|fans who|someone who|my (kids?|wife|husband|son|daughter|friends?
    |family))('ve| have| had|'m
    | am)? (really |just |absolutely |already |recently |also |all |both |do |totally )*(loved?s?
    |likes?|liked|enjoy(ed|s)?|adore[ds]?|watched|saw|seen|finished|a (big |huge )?fan of|fans? of
    |obsessed with|into)|(^|[.,;!] ?)(just |recently |absolutely |really )*(loved|liked|enjoyed
    |adored|watched|saw|finished|(a |big |huge )*fan of|seen)|\bmy (all[- ]time |very )?fav
    (ou?rite)?s?( (films?|movies?|ones?))?( of all time)? (is|are|include|includes|being)|\bwhat (to
    |should (i|we|they|@user)) (watch|see|try) (next )?(after|if (i|we|you) (loved|liked|enjoyed
    |like|love))|\b(more|something) (of that|of the same) as|\bafter (watching|seeing
    |finishing)) """)
_ALL_OF = as_typed(rf"""\b(({_WHO}('m| am) )?(an? )?
    ([Bb]ig |[Hh]uge |massive |great )*fans? of (the )?|({_WHO}('ve| have
    | had)? (already |just |now )*(seen|watched|loved?|liked?|enjoyed?|finished|went through
    |been through) )?((almost |nearly |pretty much )?(all|every(thing)?|most|the whole filmography
    |the films|the movies)( the)?( films?| movies?)?( (of|by|from))?) )(?=[A-Z])""")
_PRONOUN = "it|her|us|them|that|this|him|you|me|the|both|all|everything"
_SEEN_ONLY = any_case(r"\b(watched|saw|seen|finished|into)\W*$")
_AFTER = re.compile(r"(finishing |watching |seeing )?(?P<title>[A-Z][\w' :-]*)")
_MORE = any_case(r"""\b(like (it|that|this|them|those)|similar|else|more|recommend\w*|suggest\w*
    |same|next|equally|just as|another|what (should|would|could|can|to)|watch)\b""")
_NO_TITLE = any_case(rf"(in |from )?(the )?('?\d0'?s|\d{{4}}s|{'|'.join(DECADES)})\b")
_NO_NAME = any_case(r"""(that|this|it|these|those|to|me|him|her|them|watching|seeing|an?|films?
    |movies?)\b""")
_BUT = any_case(rf"""^(something |anything )?(?P<title>[^,]+?),? (but|only
    |except) (it'?s |is )?(only )?(?=(with|more|less|in|set|much|not|a|an|no|from|for|without|older
    |newer|funny|scary|better|worse)\b|\w+er\b|\s*{GAP})""")
_NAME = r"(?P<name>[\w.'-]+( [\w.'-]+){0,2}?)"
_STYLE = tuple(
    any_case(rf"\b{pattern}")
    for pattern in (
        rf"{_NAME}([- ](style|esque|like|ish|type)|esque|ian)\b( (?=([\w-]+ )?{NOUN}\b))?",
        rf"(that |which )?(feels? like|look like|could (be|have been))? ?{_NAME}"
        r" (could|might|would) have (made|directed|shot|filmed|done)( (it|them))?\b",
        rf"in (the )?{_NAME}('s?)? (own )?(mou?ld|tradition|style|manner|vein|spirit|way)\b",
        rf"feels? like {_NAME} (made|directed|did)( (it|them))?\b",
    )
)
_BEHIND_NAME = any_case(rf"""('s|')?( (do(es)?|makes?|did|made|would make)( (it|them))?\b)?( (style
    |work|early work|later work)\b)?( {FILM}\b)?""")
_BEFORE_NAME = any_case(rf"^((what|the|those|a|an|any|some|of|by|from|{FILM}|work|works|stuff) )*")
COMPARATIVES: tuple[tuple[Quantity, Way, str], ...] = (
    ("year", "more", "newer|more recent|later|more modern|less old"),
    ("year", "less", "older|earlier|more classic|less recent"),
    ("runtime_minutes", "more", "longer"),
    ("runtime_minutes", "less", "shorter|less long|not (as|so) long"),
    ("rating_count", "more", "more popular|better known|more famous"),
    ("rating_count", "less", "less (popular|known)|more obscure|lesser known"),
    ("avg_rating", "more", "better rated|higher rated|with better reviews"),
    ("avg_rating", "less", "worse rated|lower rated"),
    ("budget", "more", "more expensive|bigger budget|with a (bigger|larger|higher) budget"),
    ("budget", "less", "cheaper|less expensive|with a (smaller|lower) budget"),
    ("profit", "more", "more profitable"),
    ("profit", "less", "less profitable"),
)
"""Ways to say that films have more or less of a figure than others."""
_BEFORE_THAN = r"(\b(but|only|just|and|a bit|much|a little|slightly|far) )*\b"
_ENDS_IN_NOUN = any_case(rf"(\b{NOUN}( from)?|{GAP}|,)\s*$")
_AFTERWARDS = any_case(rf"""\b(what|which (films|movies)|films|movies)?( do(es)?| did| that)?( other
    | those)? ?(people|fans|users|viewers|everybody|everyone|someone|they)( who
    | that)?( also)? (like|love|enjoy|watch|see)?( too| also| as well)?\b|\balso (like|love|enjoy
    |watch|see)d?\b|\b(what|who|anything|something|is there anything|what's)? ?(else )(is|are
    |do(es)?|can)?( there)?( you (have|recommend))?( like (it|that|them))?|\b(like|similar to) (it
    |that|this|them|those|these)\b|\bsimilar\b( (ones|films|movies|stuff))?|\b(and )?(want|need
    |give me|show me|looking for|suggest|any)? ?more( of (that|this|those|the same))?\b(?! than)
    |\bwhat('s)? (next|to watch( next)?)\b|\bwhat (would|should|could|will|might) {_WHO} (like|love
    |enjoy|watch|see|try)( next)?\b|\bwho else (makes?|does|directs?|made)\b( (films?|movies?|stuff
    |things?))?( like (that|this|those|these|him|her|them))?|\b(another|others?)\b(?! than)
    |\bnext\b""")

_RATING = r"((with|have|has|having) )?(an? |the )?{} (rating|score)s? than"
_EARNED = r"(that |which )?(made|make|earned|grossed|took in) {}( money)?( at the box office)? than"
_COST = r"(that |which )?cost {}( money)?( to make)? than"
_MADE = r"(?P<made>(made|released|shot|filmed|produced|came out|come out|out|but|and) )?"
_DIRECTOR = in_one(r"""((directed |made )?(by|from|of) )?(the )?(same )?(directors?|film-?makers?
    |(man|woman|guy|one|person|people) (who|that) (directed|made)|whoever (directed|made))( (as|of
    |behind))?""")
_ACTOR = in_one(r"""(starring|with|by) (the )?(same )?((lead|main|leading) )?(actor|actress|star
    |lead|man|woman|guy) (as in|as|of|from|in)""")
_WAYS: tuple[tuple[Held, Way, str], ...] = (
    *((by, way, rf"({words}) than") for by, way, words in COMPARATIVES),
    ("avg_rating", "more", "better than"),
    ("avg_rating", "more", _RATING.format("(higher|better)")),
    ("avg_rating", "less", "worse than"),
    ("avg_rating", "less", _RATING.format("(lower|worse)")),
    ("revenue", "more", _EARNED.format("more")),
    ("revenue", "less", _EARNED.format("less")),
    ("budget", "more", _COST.format("more")),
    ("budget", "less", _COST.format("less")),
    ("year", "less", rf"{_MADE}(?-i:before)"),
    ("year", "more", rf"{_MADE}(?-i:after|since)"),
    ("runtime_minutes", "same", "(just |exactly |about )?as long as"),
    ("year", "same", "((made |released )?(from|of|in) )?the (same )?year( (as|of"
     "|that|when))?"),
    ("decade", "same", "((from|of|in) )?the (same )?(decade|era) (as|of)"),
    ("director", "same", _DIRECTOR),
    ("actor", "same", _ACTOR),
)  # fmt: skip
_HELD = tuple(
    (by, way, any_case(rf"(?<!\w)(?P<not>(not|never|isn't|aren't|no) )?({words}) "))
    for by, way, words in _WAYS
)
"""Ways to hold films against another that is named behind them."""
SAME = any_case(r"""\b(by|from|with|of|in) the same ((?P<director>director|film-?maker)
    |(?P<year>year)|(?P<decade>decade|era)|(?P<actor>(lead )?(actor|actress)|star|lead))\b""")
_BEHIND_HELD = any_case(r""" (came out|come out|was (made|released)|did|does|has|had|is|was|got|cost
    |made|directed)\b""")
_ANOTHER = any_case(r"\b(other|another|else)\b")
_TURNED: dict[Way, Way] = {"less": "more", "more": "less"}


def read_than(draft: Draft, names: Names) -> None:
    """``shorter than Alien``, ``by the director of Fargo``: what is held against another film."""
    for by, way, cue in _HELD:

        def read(found: "re.Match[str]", by: Held = by, way: Way = way) -> int:
            loose = found.groupdict().get("made", "") is None
            read = next(read_titles(draft.text[found.end() :], names), None)
            if (
                (loose and not _ENDS_IN_NOUN.search(draft.text[: found.start()]))
                or not (read and (read.exact or (read.how == "begin" and not read.text.islower())))
                or _is_word(read)
                or FILLING.issuperset(re.split(r"[\d\s]+", read.text))
            ):
                return 0
            end = found.end() + read.end
            behind = _BEHIND_HELD.match(draft.text, end)
            if found["not"] and way == "same":
                draft.ignore(found[0] + read.text, "what is not wanted is left out by its name")
                return end
            film = take_title(draft, read)
            draft.add("than", Than(by=by, way=_TURNED[way] if found["not"] else way, film=film))
            if way == "same" and _ANOTHER.search(draft.text):
                draft.add("titles", film, excluded=True)
            return behind.end() if behind else end

        draft.take_read(cue, read)
    if than := draft.parts.get("than"):
        _read_too(draft, than[0].film)


def _read_too(draft: Draft, film: Title | None) -> None:
    """``newer than it``, ``by the same director``: what is held against a film named before."""
    for by, way, words in COMPARATIVES:
        than = r" than (it|this|that( one)?)\b"
        if draft.take(rf"{_BEFORE_THAN}({words}){than}|(but|and) ({words})\b(?! than)"):
            draft.add("than", Than(by=by, way=way, film=film))
    for found in draft.take_all(SAME):
        same = next(name for name, said in found.groupdict().items() if said)
        draft.add("than", Than.model_validate({"by": same, "way": "same", "film": film}))


def read_likes(draft: Draft, names: Names) -> bool:
    """Take what the films are to be like out of a draft; whether they are to be like something."""
    found = (
        _changed(draft, names)
        or _seen_all_of(draft, names)
        or _style(draft, names)
        or _like(draft, names)
        or _loved(draft, names)
    )
    if found:
        read_count(draft)
        draft.take_all(_AFTERWARDS)
        _read_than(draft)
    return found


def _changed(draft: Draft, names: Names) -> bool:
    """``Ocean's Eleven but with women``."""
    found = _BUT.search(draft.text)
    film = found and names.films(found["title"])
    if not found or not film or film.how == "spelling":
        return False
    take_titles(draft, [Read(found["title"], found.end(), film)])
    draft.cut(0, found.end())
    return True


def _seen_all_of(draft: Draft, names: Names) -> bool:
    """``I've seen all of Nolan, who else makes films like that?``"""
    found = _ALL_OF.search(draft.text)
    if found is None or not (_MORE.search(draft.text[found.end() :])):
        return False
    read = next(find_names(draft.text[found.end() :], names), None)
    if read is None or not _like_person(draft, read):
        return False
    behind = _BEHIND_NAME.match(draft.text, found.end() + read.end)
    draft.cut(found.start(), behind.end() if behind else found.end() + read.end)
    return True


def _style(draft: Draft, names: Names) -> bool:
    for pattern in _STYLE:
        for found in pattern.finditer(draft.text):
            words = found["name"].split()
            for first in range(len(words)):
                name, begin = " ".join(words[first:]), " ".join(["", *words[:first]])
                large = name if names.person(name, fuzzy=False) is None else name.title()
                person = next(find_names(large, names), None)
                if person is not None and person.found is not None and person.found.person.directs:
                    _like_person(draft, person)
                elif (
                    name[:1].isupper()
                    and any_case(r"(-like|style|esque|type) *$").search(found[0])
                    and (film := names.films(name, fuzzy=False))
                ):  # Groundhog Day style, Matrix-esque
                    take_titles(draft, [Read(film.best.title, found.end(), film)])
                else:
                    continue
                draft.cut(found.start("name") + len(begin), found.end())
                return True
    return False


def _like_person(draft: Draft, read: Read[PersonFound]) -> bool:
    if read.found is None:
        return False
    person = read.found.person
    if read.found.how == "spelling":
        draft.guess(read.text, person.name)
    draft.add("like_people", Person(name=person.name, role="director" if person.directs else "any"))
    return True


def _like(draft: Draft, names: Names) -> bool:
    for found in _LIKE.finditer(draft.text):
        before = draft.text[: found.start("cue")]
        if found["cue"].lower() == "like" and (_NO_LIKE.search(before) or _WHAT_IS.match(before)):
            continue
        if any_case(r"\b(nothing|not|anything but) $").search(before):
            continue
        end = _titles_or_people(draft, found.end(), names)
        if end:
            draft.cut(found.start(), end)
            draft.text += f" {found['as']}" if found["as"] else ""
            return True
    return False


def _titles_or_people(draft: Draft, start: int, names: Names) -> int:
    """What stands behind a cue: films, or somebody's films; where it ends, and 0 for neither."""
    rest = draft.text[start:]
    opening = _BEFORE_NAME.match(rest)
    skipped = opening.end() if opening else 0
    if _NO_TITLE.match(rest):
        return 0
    titles = list(_films(rest, names))
    if titles and titles[0].found is None and lacks(titles[0].text):
        return 0
    if titles and _is_word(titles[0]):
        titles = []
    exact = any(read.exact for read in titles)
    if not exact and (end := _person_at(draft, rest, skipped, names)):
        return start + end
    if not titles or (not exact and _NO_NAME.match(rest)):
        return 0
    take_titles(draft, titles)
    return start + titles[-1].end


def _person_at(draft: Draft, rest: str, skipped: int, names: Names) -> int:
    """Somebody whose films are meant: Christopher Nolan's, a Guy Ritchie movie."""
    end = 0
    for read in find_names(rest[skipped:], names):
        if (end and read.how == "spelling") or not _like_person(draft, read):
            break
        end = skipped + read.end
    behind = _BEHIND_NAME.match(rest, end) if end else None
    return behind.end() if behind else end


def _films(rest: str, names: Names) -> Iterator[Read[FilmsFound]]:
    """The films behind a cue. An article is the title's, where that has it: A Beautiful Mind."""
    article = any_case(r"(?P<a>an?) ").match(rest)
    for number, read in enumerate(read_titles(rest, names)):
        if number == 0 and read.found is None and (several := _several(read, names)):
            yield from several
            return
        if number == 0 and article and read.found is not None:
            title, a = read.found.best.title.lower(), article["a"].lower()
            if not title.startswith(f"{a} ") and not title.endswith(f", {a}"):
                return
        yield read


def _several(read: Read[FilmsFound], names: Names) -> list[Read[FilmsFound]]:
    """What names no film as a whole, as a list of films, one of which is one exactly."""
    listed = read_listed(read.text, names)
    large = all(one.text[:1].isupper() or one.text[:1].isdigit() for one in listed)
    if len(listed) < 2 or not (large and any(one.exact for one in listed)):
        return []
    offset = read.end - len(read.text)
    return [Read(one.text, offset + one.end, one.found) for one in listed]


def _loved(draft: Draft, names: Names) -> bool:
    """``I loved Whiplash and Black Swan, what next?`` Only films that are titles exactly."""
    begin, found_any = 0, False
    while (found := _LOVES.search(draft.text, begin)) is not None:
        rest = draft.text[found.end() :]
        read = list(_films(rest, names))
        known = [each for each in read if each.exact and not _is_word(each)]
        if not known and (after := _AFTER.match(rest)) and "after" in found[0].lower():
            draft.not_found.append(after["title"])
            draft.cut(found.start(), found.end() + after.end())
            return True
        if not known or (known[0] is not read[0] and len(read) == 1):
            begin = found.end()
            continue
        if _SEEN_ONLY.search(found[0]) and not _MORE.search(rest) and not found_any:
            begin = found.end()
            if "already" in found[0].lower() or RECOMMEND.search(draft.text):
                films = (make_title(each.found.best) for each in known if each.found)
                draft.add("titles", *films, excluded=True)
                draft.cut(found.start(), found.end() + known[-1].end)
                begin = 0
            continue
        kept = [each for each in read if each in known or each.found is None]
        take_titles(draft, kept)
        draft.cut(found.start(), found.end() + kept[-1].end)
        found_any, begin = True, 0
    return found_any


def _is_word(read: Read[FilmsFound]) -> bool:
    """A title of one word that is more likely no title: I loved it, I like horror."""
    text = read.text.strip()
    if not text.islower():
        return False
    return re.fullmatch(rf"{_PRONOUN}|{GENRE}", text) is not None


def _read_than(draft: Draft) -> None:
    """``but shorter``: less or more of a figure than the film has."""
    _read_too(draft, None)
    before, behind = _BEFORE_THAN, rf"(?! than\b)(\s*$|(?=[\s,.;!?{GAP}]))"
    for quantity, way, words in COMPARATIVES:
        if draft.take(rf"{before}({words}){behind}"):
            draft.add("than", Than(by=quantity, way=way))
