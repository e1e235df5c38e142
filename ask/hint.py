"""Whether a typed text is a request in plain words, told from its words: for search's hint."""

import re

from ask.rules import LONGEST_REQUEST
from ask.words import DECADES, FILM, GENRE, any_case
from palate.contract import LEVELS, SearchResponse

_OPERATORS = re.compile(r"[\"():*^~\[\]]|\b(AND|OR|NOT)\b")
_GENRE = rf"({GENRE})"
_YEARS = rf"((18|19|20)\d\ds?|'?\d0s|{'|'.join(DECADES)})"
_AMOUNT = r"(\d[\d.]*|an?|two|three|four|five|ten|ninety|half an?)"
_CUES = (
    r"\w.*\b(films|movies|flicks)|(films|movies|flicks)\b.*\w",
    r"(the|an?|any|which|what|good|best|worst|some) ([\w'-]+ ){0,4}(film|movie)\b.*\w",
    rf"\b{_GENRE}( {FILM})?,? (with|without|from|by|about|for|but|not|no|that|under|over"
    r"|before|after|since|set|starring|directed|like|or|please|of the)",
    rf"\b(a|an|any|some|good|best|worst|top \d+|longest|shortest|newest|oldest|cheapest|funniest"
    rf"|rated|unseen|star) {_GENRE}",
    rf"{_GENRE}.*\b({_YEARS}|first|rated)\b|\b{_YEARS} {_GENRE}",
    rf"\b(under|over|at least|at most|less than|more than|around|about|than) {_AMOUNT}[ "
    rf"-]?(minutes?|mins?|hours?|stars?|ratings?)",
    r"(^|[,;.] )(i|we|my \w+)('ve|'m)? (really |just |absolutely |can't |don't )*(love"
    r"|loved|like|liked|enjoyed?|hated?|adored?"
    r"|stand|dislike|want|need|saw|watched|finished|sick of|tired of|am)\b.* ",
    r"^(something|anything|stuff|more) (\w+ ){0,3}(like|similar|by|with|from|about|in the"
    r"|for|wild$)?",
    r"^like .+ but |.+ but (with|without|funny|scary|older|newer|shorter|longer|not|in|set)\b",
    r"\b(similar to|in the (style|vein|spirit) of|reminiscent of|directed by|starring"
    r"|([a-z]{3,})-style|recommend|suggest me"
    r"|what (should|to|can) (i |we )?watch|predict|would user|user \d+|haven't (seen|watched))\b",
    r"^(how (long|many|much|old|good)|who (directed|made|is in|was in|starred|stars|plays|acted)"
    r"|when (did|was)|what (is|was|year|genre|did)|(which|what) (is|was)|compare|(cast|director"
    r"|runtime|plot|budget|length) of)\b.* \w",
)
_SAYS_MORE = any_case("|".join(f"({cue})" for cue in _CUES))


def understands(text: str) -> bool:
    """Whether ``ask`` would make more of a typed text than a search for its words does.

    Needs no catalog and some microseconds, so it is a guess: of the titles of MovieLens it takes
    one in a hundred for a request. A text with operators is none.
    """
    if len(text) > LONGEST_REQUEST or _OPERATORS.search(text):
        return False
    return _SAYS_MORE.search(" ".join(text.split())) is not None


def hint(found: SearchResponse) -> SearchResponse:
    """The answer to a search; it says so where no title has the words and ``ask`` reads more."""
    titles = LEVELS.index("words in order")
    if any(LEVELS.index(hit.level) >= titles for hit in found.hits[:1]) or found.reading:
        return found
    return found.model_copy(update={"ask": True}) if understands(found.query.text) else found
