"""What asks for no films: hello, delete my ratings, what is the weather like."""

import re
from collections.abc import Callable

from ask.words import BETWEEN, FILM, GENRE, any_case, word_set

_NOT_FILMS = any_case(r"""^((start over|begin again|reset|restart|undo|go back|never ?mind
    |forget (it|that))[\s.!]*$)|^
    (please |can you |could you |would you |i want you to |you should )*((delete|remove|erase|drop
    |book|buy|order|translate|call|email|send|open|write|sing|calculate|update|insert|download
    |remind|turn|cancel|sort out|solve|fix|pay|sell|upload|install)\b(?! (by|of|in)\b)
    |play (some |the |a |my )*(music|song|playlist|radio|game)|((hi+|hello+|he+y+|hallo|hola|howdy
    |yo|sup|greetings|good (morning|evening|day|night|afternoon)|thanks?|thank you|thx|cheers|bye
    |goodbye|see (you|ya)|ok(ay)?|cool|nice|great|lol|haha+|yes|no|maybe|hmm+|help|test(ing)?|sorry
    |what's up|how('s| is) it going|how are you( doing)?|who are you|what are you|are you (a |an )?
    (bot|robot|ai|human|real|there)|who (made|built|wrote) (you|this)|tell me a joke|what('s
    | is) your name|nice to meet you|palate|there|all|everyone|everybody|folks|guys|again|so much
    |a lot|very much|friend|mate|you|me|today|please)\b[\s,?.!]*)+$|
    (so )?what (all |else |things? |kinds? of (things|questions) )?(can|could|may|should|do) (you|i
    |we|one|this|it|palate) (do|ask|say|type|know|understand|answer|help)\b( (you|me|us|here|this|it
    |with|for|to|films?|movies?|about|palate))*\W*$|how (do(es)?|can|should) (this|it|you|i|one
    |palate) (work|ask|use|search|start)\b( (this|it|you|here))*\W*$|(rate|give|score) .+ ([0-5]
    (\.\d)?|one|two|three|four|five)( ?/ ?5)?( ?stars?)?( for (me|@user))?[\s.!]*$)""")
ASKS = any_case(r"""^((what|who|whom|whose|why|when|where|how|which)\b|(is|are|was|do|does|did|can
    |could|will|would|should|am) (it|you|i|we|he|she|they|there|the|this|that|a|an|my|your
    |\w+)\b)""")
"""How questions begin."""
_FOREIGN = word_set("""ein eine einen einem welche welcher welches filme filmen kino ist sind gibt
    nicht mit ohne oder aber ich suche zeig zeige empfiehl mochte bitte wie mir heute uber fur jahre
    jahren gute un une des quel quelle quels quelles est sont avec sans je cherche voudrais dans
    comme mais meilleur meilleurs bonne annees pour moi qui una unos unas con sin quiero busco
    recomiendame recomienda pelicula peliculas pero mas como anos mejor mejores cual cuales para
    sobre alguna algun comedia noventa ochenta jemand vorrei cerco che migliori quero um uma filmes
    com sem melhores een het zoek welke geen""")
_PARTICLES = frozenset(
    {"de", "del", "der", "das", "die", "den", "von", "la", "le", "les", "el", "du"}
)
_ENGLISH = BETWEEN | {"without", "like", "about", "any", "not", "but", "how", "best", "good"} - {
    "film"
}
_LONGEST_TITLE = 12
"""Words of a title that are looked at."""

_HAS_FILMS = any_case(rf"""\b({FILM}|watch|watching|see|seen|recs?|recommend\w*|suggest\w*
    |{GENRE})\b""")


def is_no_request(text: str) -> bool:
    """Whether a text asks for something that is done nowhere here: hello, delete my ratings."""
    return _NOT_FILMS.match(text.strip()) is not None


def is_not_english(text: str, is_title: Callable[[str], bool]) -> bool:
    """Whether a text, but for the titles in it, has more words of German, French, Spanish and their
    like than of English."""
    return _is_foreign(text) and _is_foreign(_without_titles(text, is_title))


def _is_foreign(text: str) -> bool:
    words = set(re.findall(r"[a-z]+", text.lower()))
    foreign = words & _FOREIGN
    count = len(foreign) + len(words & _PARTICLES)
    return bool(foreign) and count > max(1, len(words & _ENGLISH))


def _without_titles(text: str, is_title: Callable[[str], bool]) -> str:
    words, left, at = text.split(), [], 0
    while at < len(words):
        ends = range(min(len(words), at + _LONGEST_TITLE), at + 1, -1)
        end = next((end for end in ends if is_title(" ".join(words[at:end]))), None)
        if end is None:
            left.append(words[at])
        at = end or at + 1
    return " ".join(left)


def asks_of_the_world(text: str) -> bool:
    """Whether a text is a question without any word for films in it."""
    return ASKS.match(text.strip()) is not None and not _HAS_FILMS.search(text)
