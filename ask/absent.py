"""What films have no figure or text for: left out, and said with what is there instead."""

import re

from ask.draft import GAP, Draft
from ask.words import FILM, GENRE, any_case, in_one


def _words(text: str) -> str:
    return "|".join(text.split()).replace("_", r"[- ]")


_PEOPLES = _words("""french german italian spanish japanese south_korean korean chinese indian
    british english scottish irish welsh australian canadian american russian soviet swedish danish
    norwegian finnish icelandic polish czech hungarian romanian serbian greek turkish iranian
    israeli egyptian nigerian south_african mexican brazilian argentinian argentine chilean cuban
    colombian dutch belgian austrian swiss portuguese thai vietnamese taiwanese hong_kong indonesian
    filipino scandinavian nordic european asian african latin_american arabic hindi tamil cantonese
    mandarin""")
_COUNTRIES = _words("""france germany italy spain japan south_korea korea china india britain
    great_britain england scotland ireland wales australia canada america russia sweden denmark
    norway finland iceland poland hungary romania greece turkey iran israel mexico brazil argentina
    chile hong_kong taiwan thailand belgium austria switzerland portugal new_zealand scandinavia
    europe asia africa bollywood hollywood""") + (
    r"|the (uk|us|usa|united states|united kingdom|netherlands)|uk|usa"
)
_NOUN = rf"({FILM}|{GENRE}|new wave|neo-?realism|directors?|actors?|actress(es)?)"
_MADE_OF = rf"(?=( [\w'{GAP}-]+){{0,3}}? {_NOUN}(?!\w)|\W*$|\W+(from|with|but|please|for|that)\b)"
_NAME = in_one(r"""((?-i: ([A-Z][\w.'-]*|(von|van|de|and)(?= [A-Z]))+( [A-Z][\w.'-]*){0,3})
    |(?<=by) (?!the\b|an?\b|my\b)[\w'-]+ [\w'-]+)""")
_ANY_NAME = r"( (?!films?\b|movies?\b|but\b|from\b|in\b)[\w.'-]+){1,2}"
_RATING_BEHIND = in_one(r"""( (ratings?|scores?))?( (of|over|above|under|below|at least
    |more than) \d+(\.\d+)?%?)?""")

_WATCHED_WITH = "with whom and when somebody watches says nothing that films have"
HARMLESS = frozenset({_WATCHED_WITH})
"""What would not have narrowed the films."""
LACKING: dict[str, re.Pattern[str]] = {
    why: any_case(pattern)
    for why, pattern in {
        "films have no awards here; they have mean ratings (“highly rated”)":
            r"\b(that |which )?((has|have|had) )?((won|win|winning|winners? of|got|getting|received"
            r"|nominated for|nominees? for)\s+(an? |the |any |some |several |many )?)?(best "
            r"(picture|actors?|actress(es)?|director|screenplay|foreign film)( oscars?)?( winners?"
            r"| winning| nominees?| nominated)?|(academy awards?|oscars?|golden globes?|baftas?"
            r"|emmys?|palme d'?or|golden bears?|golden lions?|c[eé]sars?|razzies?|(?<!box )"
            r"(?<!on )awards?)([- ](winn(ers?|ing)|nominees?|nominated|nominations?))?|cannes( "
            r"(winners?|festival|film festival))?|sundance( winners?)?)( (films?|movies?)(?= |$))?",
        ("films have no age rating here; “for kids”, “for families” are read from genres and "
         "keywords"):
            r"\b(rated )?(pg-?13|nc-?17|(?<!\w)[rgx]-rated|pg(?= |$|-rated))(-rated)?(?!\w)"
            r"|\brated (r|pg|g|x|m)\b|\bfsk ?\d*|\b(age|mpaa|content) (ratings?|limits?"
            r"|restrictions?|certificates?)\b|\bwhat age is [^?]* for\b",
        "where films can be watched or bought is not in the data":
            r"\b((available |streaming |stream(able)? |playing |showing |that are |that is )*on "
            r"(netflix|(amazon )?prime( video)?|amazon|hulu|disney ?\+|disney plus|hbo( max)?|max"
            r"|apple tv\+?|paramount\+|peacock|youtube|blu-?ray|dvd|tv|television|vhs)|(playing "
            r"|showing |out |now |still |currently )*(in|at) (the )?(cinemas?|movie theat(er|re)s?"
            r"|theat(er|re)s?)( (now|today|near me|right now|this week))?|(on|playing|showing) at "
            r"(the )?(?-i:[A-Z])[\w']+|now playing|showtimes?|netflix|hulu|(to |can (i |we )?"
            r"|where (can|could|do) (i |we )?)(stream|rent|buy|download)( it)?|streaming)(?!\w)",
        "money by week or country is not in the data; films have a budget and a total revenue":
            r"\b(opening|first)[- ](weekends?|days?|weeks?)( (box[- ]office|gross|takings"
            r"|revenue))?( of)?|\b(weekly|daily|domestic|overseas|international)( box[- ]office| "
            r"gross(es)?| takings| revenues?)|\bweek by week\b|\bticket(s| sales)? sold\b"
            r"|\badjusted for inflation\b",
        ("ratings of other sites are not in the data; films have the mean of the ratings here, "
         "0.5 to 5 stars"):
            r"\b(that |which )?(the )?critics (hated?|loved?|panned|praised?|liked?|adored?"
            r"|disliked?)\b|\b(on |from |with |at )*(an? )?(rotten tomatoes|tomatometer|metacritic"
            rf"|metascore|imdb|letterboxd|rotten)( (fresh|certified|top \d+))?{_RATING_BEHIND}",
        "of those who made a film, only directors and actors are in the data":
            r"\bwritten and (?=directed)|\b((with |has |that has )?(the )?(music|scores?"
            r"|soundtracks?|songs?|screenplays?|scripts?|cinematography|photography|editing"
            r"|costumes?|story|(based on |adapted from )?(an? |the )?(books?|novels?|stories|plays?"
            r"|comics?)) (is |was |were )?(by|from|of)|(that (was|were) )?(written|co-written"
            r"|composed|scored|produced|executive produced|edited|photographed|lensed|filmed"
            rf"|scripted|penned) by|(that (was|were) )?shot by){_NAME}|\b(writer|screenwriter"
            rf"|composer|producer|cinematographer|editor)s?{_ANY_NAME}|\b(?-i:[A-Z][\w'-]+ "
            r"[A-Z][\w'-]+) (scores?|soundtracks?|screenplays?|adaptations?|novels?|books?)\b",
        "studios are not in the data":
            r"\b((made |produced |released |distributed )?(by|from) )?(walt )?(a24|pixar|disney|"
            r"(studio )?ghibli|dreamworks|warner( bro(s\.?|thers))?|paramount|universal( pictures| "
            r"studios)|miramax|lionsgate|blumhouse|aardman|laika|mgm|20th century fox|columbia "
            r"pictures|focus features|hammer(?= (films?|horror)))(['’]s)?( style| studios?| "
            r"animation(?! )| productions?)?(?!\w)",
        ("films have no country and no language here; what is in their texts can be searched "
         "(“set in Paris”)"):
            r"(?<!about )(?<!about the )(?<!about an )(?<!about a )(?<!set in )(?<!set in the )"
            rf"(?<!in the )(?<!of the )(?<!a )(?<!the )\b({_PEOPLES})(-language| language|-made| "
            rf"made)?{_MADE_OF}|(?<!about )\b((?<=\ba )|(?<=\bthe )|(?<=\ban ))({_PEOPLES})"
            rf"(-language| language)?(?=( [\w'{GAP}-]+){{0,2}}? {_NOUN}(?!\w))|\b(in|with) "
            rf"({_PEOPLES})( language| audio| subtitles?| subs)?(?!\w)(?!(?-i: [A-Z]))|\b(made "
            rf"|produced |shot |filmed )?(from|made in|produced in) ({_COUNTRIES})(?!\w)|\b(filmed"
            r"|shot|produced)( on location)? in (the )?(?-i:[A-Z][\w-]+( [A-Z][\w-]+)*)|\b(filmed"
            rf"|shot|produced) in ({_COUNTRIES})(?!\w)|\b(bollywood|nollywood|foreign"
            r"([- ]language)?|non-english([- ]language)?|world cinema|international(?= (films?"
            r"|movies?|cinema))|(with |in )?(\w+ )?(subtitles?|subtitled|subs)|(not )?dubbed( into "
            rf"\w+)?|original language)([- ]speaking)?(?!\w)|\b({_PEOPLES})[- ]speaking\b",
        "whether a film is in colour is not in the data":
            r"\b(in |shot in |filmed in )?(black[- ](and|&)[- ]white|b ?[&/] ?w|monochrome"
            r"|technicolou?r|(?<=in )colou?r|full colou?r|4k|hd)(?!\w)",
        "what was when in somebody's life is not in the data":
            r"\b(from )?(before my time|(when|the year) (i|we|my \w+) (was|were) (born|\w+))( (kid"
            r"|child|boy|girl|teen(ager)?|young|little))?\b|\b(very )?(early|earlier|later|late)(?="
            rf"( (?-i:[A-Z][a-z]+))+( {FILM})?\W*$)|\b(from |made )?(before|after) (he|she|they) "
            r"(was|were|became|got|had|made|won|hit|went|turned)( [\w']+){0,4}",
        _WATCHED_WITH:
            r"\bfor (my|our|his|her) (little |young |old |\w+-year-old )?(niece|nephew|cousin|boss"
            r"|neighbou?r|students?|team|class|brother|sister|mum|mom|mother|dad|father|wife"
            r"|husband|girlfriend|boyfriend|partner|grand(ma|pa|mother|father|parents?))s?\b|\b"
            r"(that |which )?(my|our) \w+ (won't|would|wouldn't|will|might|could)( not| also)? "
            r"(hate|mind|like|love|enjoy|appreciate|watch|stand)\b|\b((for|on) )?(an?|my|our|the) "
            r"([\w.]+[- ]hours?[- ])?(flight|drive|journey|(train|bus|car) ride)( home)?\b|\bfor "
            r"(an?|my|our|the|his|her) ([\w'-]+ ){0,2}(party|sleepover|get-?together|wedding"
            r"|anniversary|birthday|marathon|reunion|holidays?|vacation|trip)\b|\bwatching with "
            r"(grand(ma|pa)|mum|mom|dad)\b|\bto fall asleep to\b|(\b(to (put|have) on )?in the "
            r"background ?)?\bwhile (i|we)('m| are)? \w+|\b(to (watch|see|enjoy)|watch|for "
            r"(watching|viewing)|good|great|perfect|ideal)? ?(together )?with (my|our|the|his|her"
            r"|a few|some|a group of) (\w+ )??(grand(ma|pa|mother|father|parents?)|mum|mom|mother"
            r"|dad|father|parents?|in-laws|wife|husband|partner|girl ?friend|boy ?friend|gf|bf"
            r"|spouse|date|friends?|mates|buddies|brother|sister|siblings?|roommates?|colleagues"
            r"|coworkers|cat|dog)\b|\b(for (a|an|my|our|this|the) )?((first|second|hot|romantic"
            r"|cozy|cosy|quiet|long|quick|lazy|rainy|cold|snowy|stormy|gloomy|hungover|sick|boring"
            r"|late|girls'?|guys'?|boys'?|family|movie|film|date|pizza|lunch|plane|train|bus|road"
            r"|coffee|friday|saturday|sunday|monday|tuesday|wednesday|thursday|winter|summer"
            r"|autumn) )+(nights?|evenings?|days?|afternoons?|mornings?|weekends?|sundays?"
            r"|saturdays?|breaks?|flights?|rides?|journeys?|in bed)(?!\w)|\b(that |which )?(my|our"
            r"|his|her) (friends?|colleagues|parents) (have |has )?(saw|seen|watched|liked|loved"
            r"|recommended)\b|\bdate(?=[- ](movies?|films?|flicks?)\b)|\bfor (\d+|two|three|four"
            r"|five|several|many) people\b|\b(for|on|this|next) (a |an |my |the )?(first date|date"
            r"|saturday|sunday|party|flight|sleepover|sick day|plane|weekend|lunch break|long haul)"
            r"(?!\w)(?! of)",
        "such details of how films were made are not in the data":
            r"\b(with )?an? (\w+ )?(soundtrack|score|cinematography|visuals|acting|special "
            r"effects)\b|\b(taglines?|trivia|quotes?|bloopers|goofs|trailers?|filming locations?"
            r"|deleted scenes?|posters? of|stunt(s|men)?|director'?s cut)( of)?\b",
    }.items()
}  # fmt: skip
"""What there is instead, and the words that ask for what is not there; in this order."""

_WRITERS = any_case(r"""^(and )?who (wrote|scripted|composed|scored|produced|shot|filmed|edited|sang
    |owns|distributed|did the (music|score|cinematography|screenplay|soundtrack))( the (music|score
    |soundtrack|script|screenplay|songs?))?( (of|for|in))? (?P<title>.+?)\W*$""")
_SEQUEL = any_case(r"""^(is|are|was|were|will) there (be )?(an?|any|other) (sequels?|prequels?
    |remakes?|spin-?offs?|books?|series) (to|of|for) (?P<title>.+?)\W*$""")
_OF_FILM = any_case(r"""^((what|which|where|in which|in what)('s| is| was| are| were| did| does| do
    | can| could| has| have)?( (the|i|we|you))? ?)?((country|language|countries|nationality|awards?
    |oscars?|age rating|tagline|trivia|quotes?|mpaa rating|certificate|filming locations?
    |opening weekend|studio|composer|soundtrack|writer|screenwriter|producer|cinematographer)( (is
    |was|does|did|of|for|from|in|about|made|gross))*|stream|rent|buy|watch
    |streaming) (?P<title>.+?)( (from|in|win|won|get|have|has|made|filmed|shot|set|online|streaming
    |rated))*\W*$|^(where|in (which|what) (country|city|place|town)) (was|is|were|did
    |does) (the (film|movie) )?(?P<title3>.+?) (filmed|shot|made|produced|recorded|from)\W*$|^(did
    |has|have|was|is|does) (?P<title2>.+?) (win|won|get|got|have|nominated|available|streaming|on|in
    |from|subtitled|dubbed)\b.*$""")

_NEGATED = any_case(r"""\b((that|which|but) )*(not|no|non|isn't|aren't|wasn't|weren't|without|except
    |excluding|never|nothing|avoid)( (any|an?|the|in|on|by|from|made))* $""")


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
