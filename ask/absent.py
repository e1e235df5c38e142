"""What films have no figure or text for: left out, and said with what is there instead."""

import re

from ask.draft import GAP, Draft
from ask.words import FILM, GENRE, any_case


def _words(text: str) -> str:
    return "|".join(text.split()).replace("_", r"[- ]")


_PEOPLES = _words(
    "french german italian spanish japanese south_korean korean chinese indian british english "
    "scottish irish welsh australian canadian american russian soviet swedish danish norwegian "
    "finnish icelandic polish czech hungarian romanian serbian greek turkish iranian israeli "
    "egyptian nigerian south_african mexican brazilian argentinian argentine chilean cuban "
    "colombian dutch belgian austrian swiss portuguese thai vietnamese taiwanese hong_kong "
    "indonesian filipino scandinavian nordic european asian african latin_american arabic hindi "
    "tamil cantonese mandarin"
)
_COUNTRIES = (
    _words(
        "france germany italy spain japan south_korea korea china india britain great_britain "
        "england "
        "scotland ireland wales australia canada america russia sweden denmark norway finland "
        "iceland "
        "poland hungary romania greece turkey iran israel mexico brazil argentina chile hong_kong "
        "taiwan "
        "thailand belgium austria switzerland portugal new_zealand scandinavia europe asia africa "
        "bollywood hollywood"
    )
    + r"|the (?:uk|us|usa|united states|united kingdom|netherlands)|uk|usa"
)
_NOUN = rf"(?:{FILM}|{GENRE}|new wave|neo-?realism|directors?|actors?|actress(?:es)?)"
_MADE_OF = (
    rf"(?=(?: [\w'{GAP}-]+){{0,3}}? {_NOUN}(?!\w)|\W*$|\W+(?:from|with|but|please|for|that)\b)"
)
_NAME = (
    r"(?:(?-i: (?:[A-Z][\w.'-]*|(?:von|van|de|and)(?= [A-Z]))+(?: [A-Z][\w.'-]*){0,3})"
    r"|(?<=by) (?!the\b|an?\b|my\b)[\w'-]+ [\w'-]+)"
)
_ANY_NAME = r"(?: (?!films?\b|movies?\b|but\b|from\b|in\b)[\w.'-]+){1,2}"
_RATING_BEHIND = (
    r"(?: (?:ratings?|scores?))?(?: (?:of|over|above|under|below|at least|more than) "
    r"\d+(?:\.\d+)?%?)?"
)

_WATCHED_WITH = "with whom and when somebody watches says nothing that films have"
HARMLESS = frozenset({_WATCHED_WITH})
"""What would not have narrowed the films."""
LACKING: dict[str, re.Pattern[str]] = {
    why: any_case(pattern)
    for why, pattern in {
        "films have no awards here; they have mean ratings (“highly rated”)":
            r"\b(?:that |which )?(?:(?:has|have|had) )?(?:(?:won|win|winning|winners? of|got"
            r"|getting|received"
            r"|nominated for|nominees? for)\s+(?:an? |the |any |some |several |many )?)?"
            r"(?:best (?:picture|actors?|actress(?:es)?|director|screenplay|foreign film)"
            r"(?: oscars?)?(?: winners?| winning| nominees?| nominated)?"
            r"|(?:academy awards?|oscars?|golden globes?|baftas?|emmys?|palme d'?or|golden bears?"
            r"|golden lions?|c[eé]sars?|razzies?|(?<!box )(?<!on )awards?)(?:[- ](?:winn(?:ers?"
            r"|ing)|nominees?"
            r"|nominated|nominations?))?|cannes(?: (?:winners?|festival|film festival))?"
            r"|sundance(?: winners?)?)(?: (?:films?|movies?)(?= |$))?",
        ("films have no age rating here; “for kids”, “for families” are read from genres and "
         "keywords"):
            r"\b(?:rated )?(?:pg-?13|nc-?17|(?<!\w)[rgx]-rated|pg(?= |$|-rated))(?:-rated)?(?!\w)"
            r"|\brated (?:r|pg|g|x|m)\b"
            r"|\bfsk ?\d*|\b(?:age|mpaa|content) (?:ratings?|limits?|restrictions?|certificates?)\b"
            r"|\bwhat age is [^?]* for\b",
        "where films can be watched or bought is not in the data":
            r"\b(?:(?:available |streaming |stream(?:able)? |playing |showing |that are |that is "
            r")*on "
            r"(?:netflix|(?:amazon )?prime(?: video)?|amazon|hulu|disney ?\+|disney plus|hbo(?: "
            r"max)?|max|apple tv\+?|paramount\+|peacock|youtube|blu-?ray|dvd|tv|television|vhs)"
            r"|(?:playing |showing |out |now |still |currently )*(?:in|at) (?:the )?(?:cinemas?"
            r"|movie theat(?:er|re)s?|theat(?:er|re)s?)"
            r"(?: (?:now|today|near me|right now|this week))?|(?:on|playing|showing) at (?:the )?"
            r"(?-i:[A-Z])[\w']+|now playing|showtimes?|netflix|hulu"
            r"|(?:to |can (?:i |we )?|where (?:can|could|do) (?:i |we )?)(?:stream|rent|buy"
            r"|download)(?: it)?|streaming)(?!\w)",
        "money by week or country is not in the data; films have a budget and a total revenue":
            r"\b(?:opening|first)[- ](?:weekends?|days?|weeks?)(?: (?:box[- ]office|gross|takings"
            r"|revenue))?(?: of)?"
            r"|\b(?:weekly|daily|domestic|overseas|international)(?: box[- ]office| gross(?:es)?| "
            r"takings| revenues?)"
            r"|\bweek by week\b|\bticket(?:s| sales)? sold\b|\badjusted for inflation\b",
        ("ratings of other sites are not in the data; films have the mean of the ratings here, "
         "0.5 to 5 stars"):
            r"\b(?:that |which )?(?:the )?critics (?:hated?|loved?|panned|praised?|liked?|adored?"
            r"|disliked?)\b"
            r"|\b(?:on |from |with |at )*(?:an? )?(?:rotten tomatoes|tomatometer|metacritic"
            rf"|metascore|imdb|letterboxd|rotten)(?: (?:fresh|certified|top \d+))?{_RATING_BEHIND}",
        "of those who made a film, only directors and actors are in the data":
            r"\bwritten and (?=directed)|"
            rf"\b(?:(?:with |has |that has )?(?:the )?(?:music|scores?|soundtracks?|songs?"
            rf"|screenplays?|scripts?|cinematography|photography"
            rf"|editing|costumes?|story|(?:based on |adapted from )?(?:an? |the )?(?:books?|novels?"
            rf"|stories|plays?|comics?)) (?:is |was |were )?(?:by|from|of)"
            rf"|(?:that (?:was|were) )?(?:written|co-written|composed|scored|produced|executive "
            rf"produced|edited|photographed|lensed|filmed|scripted|penned) by"
            rf"|(?:that (?:was|were) )?shot by){_NAME}"
            rf"|\b(?:writer|screenwriter|composer|producer|cinematographer|editor)s?{_ANY_NAME}"
            r"|\b(?-i:[A-Z][\w'-]+ [A-Z][\w'-]+) (?:scores?|soundtracks?|screenplays?"
            r"|adaptations?|novels?|books?)\b",
        "studios are not in the data":
            r"\b(?:(?:made |produced |released |distributed )?(?:by|from) )?(?:walt )?(?:a24|pixar"
            r"|disney|(?:studio )?ghibli|dreamworks|warner(?: bro(?:s\.?|thers))?"
            r"|paramount|universal(?: pictures| studios)|miramax|lionsgate|blumhouse|aardman|laika"
            r"|mgm|20th century fox|columbia pictures"
            r"|focus features|hammer(?= (?:films?|horror)))(?:['’]s)?(?: style| studios?| "
            r"animation(?! )| productions?)?(?!\w)",
        ("films have no country and no language here; what is in their texts can be searched "
         "(“set in Paris”)"):
            rf"(?<!about )(?<!about the )(?<!about an )(?<!about a )(?<!set in )(?<!set in the "
            rf")(?<!in the )(?<!of the )(?<!a )(?<!the )\b(?:{_PEOPLES})(?:-language| language"
            rf"|-made| made)?{_MADE_OF}"
            rf"|(?<!about )\b(?:(?<=\ba )|(?<=\bthe )|(?<=\ban ))(?:{_PEOPLES})(?:-language| "
            rf"language)?(?=(?: [\w'{GAP}-]+){{0,2}}? {_NOUN}(?!\w))"
            rf"|\b(?:in|with) (?:{_PEOPLES})(?: language| audio| subtitles?| subs)?(?!\w)"
            r"(?!(?-i: [A-Z]))"
            rf"|\b(?:made |produced |shot |filmed )?(?:from|made in|produced in) "
            rf"(?:{_COUNTRIES})(?!\w)"
            r"|\b(?:filmed|shot|produced)(?: on location)? in (?:the )?(?-i:[A-Z][\w-]+"
            rf"(?: [A-Z][\w-]+)*)|\b(?:filmed|shot|produced) in (?:{_COUNTRIES})(?!\w)"
            r"|\b(?:bollywood|nollywood|foreign(?:[- ]language)?|non-english(?:[- ]language)?"
            r"|world cinema|international(?= (?:films?|movies?|cinema))"
            r"|(?:with |in )?(?:\w+ )?(?:subtitles?|subtitled|subs)|(?:not )?dubbed(?: into \w+)?"
            r"|original language)(?:[- ]speaking)?(?!\w)"
            rf"|\b(?:{_PEOPLES})[- ]speaking\b",
        "whether a film is in colour is not in the data":
            r"\b(?:in |shot in |filmed in )?(?:black[- ](?:and|&)[- ]white|b ?[&/] ?w|monochrome"
            r"|technicolou?r|(?<=in )colou?r|full colou?r|4k|hd)(?!\w)",
        "what was when in somebody's life is not in the data":
            r"\b(?:from )?(?:before my time|(?:when|the year) (?:i|we|my \w+) (?:was"
            r"|were) (?:born|\w+))"
            r"(?: (?:kid|child|boy|girl|teen(?:ager)?|young|little))?\b|\b(?:very )?(?:early"
            r"|earlier|later|late)(?=(?: (?-i:[A-Z][a-z]+))+"
            rf"(?: {FILM})?\W*$)"
            r"|\b(?:from |made )?(?:before|after) (?:he|she|they) (?:was|were|became|got|had|made"
            r"|won|hit|went|turned)(?: [\w']+){0,4}",
        _WATCHED_WITH:
            r"\bfor (?:my|our|his|her) (?:little |young |old |\w+-year-old )?(?:niece|nephew|cousin"
            r"|boss|neighbou?r|students?|team|class|brother|sister|mum|mom|mother|dad|father|wife"
            r"|husband|girlfriend|boyfriend|partner|grand(?:ma|pa|mother|father|parents?))s?\b"
            r"|\b(?:that |which )?(?:my|our) \w+ (?:won't|would|wouldn't|will|might|could)"
            r"(?: not| also)? (?:hate|mind|like|love|enjoy|appreciate|watch|stand)\b"
            r"|\b(?:(?:for|on) )?(?:an?|my|our|the) (?:[\w.]+[- ]hours?[- ])?(?:flight|drive"
            r"|journey|(?:train|bus|car) ride)(?: home)?\b"
            r"|\bfor (?:an?|my|our|the|his|her) (?:[\w'-]+ ){0,2}(?:party|sleepover|get-?together"
            r"|wedding|anniversary|birthday|marathon|reunion|holidays?|vacation|trip)\b"
            r"|\bwatching with (?:grand(?:ma|pa)|mum|mom|dad)\b|\bto fall asleep to\b"
            r"|(?:\b(?:to (?:put|have) on )?in the background ?)?\bwhile (?:i|we)(?:'m| are)? \w+"
            r"|\b(?:to (?:watch|see|enjoy)|watch|for (?:watching|viewing)|good|great|perfect"
            r"|ideal)? ?(?:together )?with (?:my|our|the|his|her|a few|some|a group of) "
            r"(?:\w+ )??(?:grand(?:ma|pa|mother|father|parents?)|mum|mom|mother|dad|father"
            r"|parents?|in-laws|wife|husband|partner|girl ?friend|boy ?friend|gf|bf|spouse|date"
            r"|friends?|mates|buddies|brother|sister|siblings?|roommates?|colleagues|coworkers|cat"
            r"|dog)\b"
            r"|\b(?:for (?:a|an|my|our|this|the) )?(?:(?:first|second|hot|romantic|cozy|cosy|quiet"
            r"|long|quick|lazy|rainy|cold|snowy|stormy|gloomy|hungover|sick|boring|late|girls'?"
            r"|guys'?|boys'?|family|movie|film|date|pizza|lunch|plane|train|bus|road|coffee|friday"
            r"|saturday|sunday|monday|tuesday|wednesday|thursday|winter|summer|autumn) "
            r")+(?:nights?|evenings?|days?|afternoons?|mornings?|weekends?|sundays?|saturdays?"
            r"|breaks?|flights?|rides?|journeys?|in bed)(?!\w)"
            r"|\b(?:that |which )?(?:my|our|his|her) (?:friends?|colleagues|parents) (?:have |has "
            r")?(?:saw|seen|watched|liked|loved|recommended)\b"
            r"|\bdate(?=[- ](?:movies?|films?|flicks?)\b)"
            r"|\bfor (?:\d+|two|three|four|five|several|many) people\b"
            r"|\b(?:for|on|this|next) (?:a |an |my |the )?(?:first date|date|saturday|sunday"
            r"|party|flight|sleepover|sick day|plane|weekend|lunch break|long haul)(?!\w)(?! of)",
        "such details of how films were made are not in the data":
            r"\b(?:with )?an? (?:\w+ )?(?:soundtrack|score|cinematography|visuals|acting"
            r"|special effects)\b"
            r"|\b(?:taglines?|trivia|quotes?|bloopers|goofs|trailers?|filming locations?|deleted "
            r"scenes?|posters? of|stunt(?:s|men)?|director'?s cut)(?: of)?\b",
    }.items()
}  # fmt: skip
"""What there is instead, and the words that ask for what is not there; in this order."""

_WRITERS = any_case(
    r"^(?:and )?who (?:wrote|scripted|composed|scored|produced|shot|filmed|edited|sang|owns"
    r"|distributed"
    r"|did the (?:music|score|cinematography|screenplay|soundtrack))(?: the (?:music|score"
    r"|soundtrack|script|screenplay|songs?))?(?: (?:of|for|in))? (?P<title>.+?)\W*$"
)
_SEQUEL = any_case(
    r"^(?:is|are|was|were|will) there (?:be )?(?:an?|any|other) (?:sequels?|prequels?|remakes?"
    r"|spin-?offs?|books?|series) (?:to|of|for) (?P<title>.+?)\W*$"
)
_OF_FILM = any_case(
    r"^(?:(?:what|which|where|in which|in what)(?:'s| is| was| are| were| did| does| do| can| "
    r"could| has| have)?"
    r"(?: (?:the|i|we|you))? ?)?(?:(?:country|language|countries|nationality|awards?|oscars?|age "
    r"rating|tagline"
    r"|trivia|quotes?|mpaa rating|certificate|filming locations?|opening weekend|studio|composer"
    r"|soundtrack|writer|screenwriter|producer|cinematographer)"
    r"(?: (?:is|was|does|did|of|for|from|in|about|made|gross))*|stream|rent|buy|watch|streaming) "
    r"(?P<title>.+?)"
    r"(?: (?:from|in|win|won|get|have|has|made|filmed|shot|set|online|streaming|rated))*\W*$"
    r"|^(?:where|in (?:which|what) (?:country|city|place|town)) (?:was|is|were|did|does) "
    r"(?:the (?:film|movie) )?(?P<title3>.+?) (?:filmed|shot|made|produced|recorded|from)\W*$"
    r"|^(?:did|has|have|was|is|does) (?P<title2>.+?) (?:win|won|get|got|have|nominated|available"
    r"|streaming|on|in|from|subtitled|dubbed)\b.*$"
)


_NEGATED = any_case(
    r"\b(?:(?:that|which|but) )*(?:not|no|non|isn't|aren't|wasn't|weren't|without|except|excluding"
    r"|never|nothing|avoid)(?: (?:any|an?|the|in|on|by|from|made))* $"
)


def film_of_lacking(text: str) -> str | None:
    """The title in a question about a film that the data cannot answer; None for other texts."""
    found = _WRITERS.match(text) or _SEQUEL.match(text) or _OF_FILM.match(text)
    titles = found.groupdict() if found else {}
    sure = titles.get("title") or titles.get("title3")
    return sure or (titles.get("title2") if lacks(text) else None)


def lacks(text: str) -> bool:
    """Whether a text asks for what the data does not have."""
    return any(pattern.search(text) for pattern in LACKING.values())


def read_absent(draft: Draft) -> None:
    """Take out what the data does not have, and say what it has instead."""
    for why, pattern in LACKING.items():
        while (found := pattern.search(draft.text)) is not None:
            negated = _NEGATED.search(draft.text[: found.start()])
            begin = negated.start() if negated else found.start()
            words = draft.text[begin : found.end()]
            draft.cut(begin, found.end())
            draft.ignore(words, why)
