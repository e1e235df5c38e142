"""What asks for no films: hello, delete my ratings, what is the weather like."""

from ask.words import FILM, GENRE, any_case

_NOT_FILMS = any_case(
    r"^(?:(?:start over|begin again|reset|restart|undo|go back|never ?mind|forget (?:it|that))"
    r"[\s.!]*$)|^(?:please |can you |could you |would you |i want you to |you should )*"
    r"(?:(?:delete|remove|erase|drop|book|buy|order|translate|call|email|send|open|write|sing"
    r"|calculate|update|insert"
    r"|download|remind|turn|cancel|sort out|solve|fix|pay|sell|upload|install)\b(?! (?:by|of|in)\b)"
    r"|play (?:some |the |a |my )*(?:music|song|playlist|radio|game)"
    r"|(?:(?:hi+|hello+|he+y+|hallo|hola|howdy|yo|sup|greetings|good (?:morning|evening|day|night"
    r"|afternoon)|thanks?|thank you|thx|cheers|bye|goodbye|see (?:you|ya)|ok(?:ay)?|cool|nice"
    r"|great|lol|haha+|yes|no|maybe|hmm+|help|test(?:ing)?|sorry|what's up|how(?:'s| is) it going"
    r"|how are you(?: doing)?|who are you|what are you|are you (?:a |an )?(?:bot|robot|ai|human"
    r"|real|there)|who (?:made|built|wrote) (?:you|this)|tell me a joke|what(?:'s| is) your name"
    r"|nice to meet you|palate|there|all|everyone|everybody|folks|guys|again|so much|a lot|very "
    r"much|friend|mate|you|me|today|please)\b[\s,?.!]*)+$"
    r"|(?:so )?what (?:all |else |things? |kinds? of (?:things|questions) )?(?:can|could|may|should"
    r"|do) (?:you|i|we|one|this|it|palate) (?:do|ask|say|type|know|understand|answer|help)\b"
    r"(?: (?:you|me|us|here|this|it|with|for|to|films?|movies?|about|palate))*\W*$"
    r"|how (?:do(?:es)?|can|should) (?:this|it|you|i|one|palate) (?:work|ask|use|search|start)\b"
    r"(?: (?:this|it|you|here))*\W*$"
    r"|(?:rate|give|score) .+ (?:[0-5](?:\.\d)?|one|two|three|four|five)(?: ?/ ?5)?(?: "
    r"?stars?)?(?: for (?:me|@user))?[\s.!]*$)"
)
ASKS = any_case(
    r"^(?:(?:what|who|whom|whose|why|when|where|how|which)\b|(?:is|are|was|do|does|did|can|could"
    r"|will|would|should|am) (?:it|you|i|we|he|she|they|there|the|this|that|a|an|my|your|\w+)\b)"
)
"""How questions begin."""
_HAS_FILMS = any_case(
    rf"\b(?:{FILM}|watch|watching|see|seen|recs?|recommend\w*|suggest\w*|{GENRE})\b"
)


def is_no_request(text: str) -> bool:
    """Whether a text asks for something that is done nowhere here: hello, delete my ratings."""
    return _NOT_FILMS.match(text.strip()) is not None


def asks_of_the_world(text: str) -> bool:
    """Whether a text is a question without any word for films in it."""
    return ASKS.match(text.strip()) is not None and not _HAS_FILMS.search(text)
