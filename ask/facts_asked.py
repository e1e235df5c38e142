"""The ways to ask for a fact about a film: each fact with the forms of its questions."""

from ask.structure import Fact
from ask.words import AUDIENCES, GENRE, MOODS

TITLE = r"((the )?(film|movie) )?(?P<title>.+?)( the (film|movie))?"
_IS = r"('s| is| was| are| were)"
_OF = r"((what|who|when|which)('s| is| was| are| were|) )?(the )?{} (of|for|in|to) "
_RATINGS = "(mean |average )?ratings|scores|stars|number of ratings"
_TAKINGS = "revenues|takings"


def _noun(*words: str, of: str = "") -> tuple[str, str]:
    """``the budget of Jaws`` and ``Jaws' budget``; ``of``: what is asked for in the first only."""
    nouns = "|".join(words)
    return (
        _OF.format(f"({nouns}{'|' * bool(of)}{of})") + TITLE,
        rf"{TITLE}('s)?,? ({nouns})",
    )


QUESTIONS: dict[tuple[Fact, ...], tuple[str, ...]] = {
    ("story", "keywords"): (
        rf"(when|where|(in )?(what|which) \w+)({_IS}| does| did) {TITLE} (set|play|happen"
        r"|take place)( in)?",
    ),
    ("length",): (
        rf"how long({_IS}| does| did) {TITLE}( last| run| go on| take)?",
        rf"how long {TITLE} (is|was|lasts|runs)",
        rf"how many (minutes|hours)( long)?({_IS}| does| did) {TITLE}( last| run| long)*",
        *_noun("runtime", "run(ning)? time", "length", "duration", of="number of minutes"),
        rf"is {TITLE} (a )?(very |too |that )?(long|short)( film| movie)?",
    ),
    ("director",): (
        rf"who({_IS} the directors? (of|for|behind)|{_IS} behind| directed| made| helmed| "
        rf"did direct) {TITLE}",
        rf"who {TITLE} (was|is) directed by",
        rf"(by whom|who) (was|is) {TITLE} (directed|made)( by)?",
        *_noun("director( name)?", of="film-?maker|maker"),
        rf"whose (film|movie) (is|was) {TITLE}",
    ),
    ("cast",): (
        rf"(who|which actors?|what actors?|which stars)({_IS}| stars?| starred| plays?| "
        r"played| acts?| acted| appears?| appeared| does star| did star)* (in|on) " + TITLE,
        rf"who( else)?({_IS}| stars| starred)( else)? in {TITLE} (besides|other than"
        r"|apart from|aside from|except( for)?) .+",
        rf"who (does|did) {TITLE} star",
        r"who( else)? (starr?(ed|s)|acts|acted|plays|played|appears|appeared|is|was)"
        rf" (alongside|with|opposite|next to|beside) .+? in {TITLE}",
        rf"who (plays|played|is|was|portrays|portrayed) (?P<role>(the )?[\w' .-]+?) in {TITLE}",
        *_noun("cast( list)?", "actors", of="stars|leads?|main actors?|lead actors?"),
        rf"(is|was|does|did) (?P<person>.+?) (in|play in|star in|act in|appear in|a "
        rf"part of|part of) {TITLE}",
        rf"(is|does|did|has|was) {TITLE} (have|has|star|starring|feature|with) "
        rf"(?P<person>(?-i:[A-Z]).+)",
    ),
    ("release",): (
        rf"when (was|did|is|were|does) {TITLE} (come out|came out|released|made|premiere[ds]?"
        r"|filmed|shot|out|appear|hit (the )?(cinemas|theaters|screens)|start)",
        rf"when (was|is) {TITLE}( from)?",
        rf"when {TITLE} (came out|was (made|released))",
        rf"(from |in )?(what|which) year (was|is|did|does) {TITLE}"
        r"( (made|from|come out|released|filmed|shot|premiere|appear))*",
        *_noun("release( date| year)?", "year", of="date|premiere"),
        rf"how old is {TITLE}",
        rf"is {TITLE} (a )?(very )?(old|new|recent)( film| movie| one)?",
    ),
    ("story",): (
        rf"what({_IS}) {TITLE} about",
        rf"what {TITLE} (is|was) about",
        rf"what (happens|goes on) in {TITLE}",
        *_noun("plot", "story(line)?", "synopsis", "summary", "premise", of="overview"),
    ),
    ("budget",): (
        rf"how (much|expensive)( money)? (did|does|was|is) {TITLE}( cost| to make| spend)*",
        rf"what did {TITLE} cost( to make)?",
        *_noun("budget", of="(budget|cost|production cost|production budget)s?"),
    ),
    ("revenue",): (
        rf"how much( money)? (did|has|does) {TITLE} (make|made|earn(ed)?|gross(ed)?"
        r"|take in|bring in|rake in|take)( at the box office| worldwide| in total| overall)*",
        rf"how much( money)? {TITLE} (made|earned|grossed)( at the box office| worldwide)*",
        rf"how much( money)? (was|has been|got) (made|earned|grossed) by {TITLE}",
        rf"what (did|has) {TITLE} (make|made|earn(ed)?|gross(ed)?|take in)"
        rf"( at the box office| worldwide| in total| overall)*",
        rf"how (well )?(did|has) {TITLE} (do|done|perform(ed)?)( well)? at the box[- ]office",
        rf"how (commercially )?successful (was|is) {TITLE}",
        *_noun("box[- ]office( gross| takings)?", "gross", "revenue", "earnings", of=_TAKINGS),
    ),
    ("profit",): (
        rf"how much( money)? (did|has|does) {TITLE} (lose|lost)",
        rf"did {TITLE} (lose|flop|bomb|fail|succeed)( money| at the box office)*",
        rf"(did|has) {TITLE} (make|made|turn(ed)?|earn) (a |any |its |back )*(profit"
        rf"|money|budget|loss)( back)?",
        rf"(was|is) {TITLE} (profitable|a (flop|hit|bomb|success|box[- ]office \w+"
        rf"|commercial \w+))",
        _OF.format("profit") + TITLE,
    ),
    ("genres", "keywords"): (
        rf"(is|was) {TITLE} (a |an )?(very |too |really |that |actually "
        rf")?({'|'.join(MOODS)})( film| movie)?",
        rf"(is|was) {TITLE} (an? (good|suitable|ok|okay) (film|movie) |suitable |good "
        rf"|ok |okay |appropriate )?for ({'|'.join(AUDIENCES)}|.*kids|.*children|.*year.olds?)",
    ),
    ("genres",): (
        r"(what|which) (genres?|kind of (film|movie)|type of (film|movie)|sort of "
        rf"(film|movie))({_IS}| does| do) {TITLE}( belong to| in)?",
        *_noun("genres?"),
        rf"is {TITLE} an? (?P<genre>{GENRE})( film| movie)?",
    ),
    ("rating",): (
        rf"(has|have) (any(one|body)|some(one|body)|you)( \w+)? (seen|watched) {TITLE}",
        rf"how (good|bad|well rated|popular|highly rated)({_IS}) {TITLE}",
        rf"how (is|was) {TITLE} (rated|reviewed|received)",
        r"(is|was) it (actually |really |still )?(any good|good|worth (it|watching|seeing"
        rf"|a watch|my time))( to (watch|see))? {TITLE}",
        rf"should (i|we) (watch|see|bother with|check out) {TITLE}",
        rf"(is|was) {TITLE} (any |a )?(good|bad|worth (a watch|the hype|my time"
        r"|watching|seeing|it)|well rated|popular|great|terrible)( film| movie| one)?",
        rf"what do (people|others|users|the crowd|viewers) (think|say) (of|about) {TITLE}",
        *_noun("(mean |average )?rating", "score", of=_RATINGS),
        rf"{TITLE}('s)? reviews",
        r"how many (people|users|viewers|ratings|votes|raters)( have| has| did| does)?"
        rf"( rated?| seen| watched| voted for| does| did| has)* {TITLE}( have| has| get| got)?",
        rf"(does|did|has) {TITLE} (have|get|got) (a |any )?(good|high|bad|low|great"
        rf"|decent)? ?(ratings?|reviews?|scores?)",
        rf"how many stars (does|did|has) {TITLE} (have|get|got)",
    ),
    ("keywords",): (
        rf"(is|was) {TITLE} (really |actually |also )?(based on|adapted from|inspired by"
        r"|about|an? (remake|sequel|prequel|reboot|adaptation|true story)|set in|set during)\b.*",
        *_noun("keywords?", of="themes?|topics?|tags?"),
    ),
    ("original title",): (
        _OF.format(r"original (title|name)") + TITLE,
        rf"what (other|is the other|is the original) (name|title) (does|of|for|has) "
        rf"{TITLE}( have)?",
    ),
    (): (
        r"(please )?(tell me|tell|what do you know|information|info|details|facts|i want "
        r"to know)( more| all| everything)?"
        rf"( (that )?(you|there is|we)( know| have| to know)?)? (about|on|of) {TITLE}",
        r"(everything|all|anything|more)( that)?( you (know|have)| there is( to know)?)? "
        rf"(about|on) {TITLE}",
        rf"(please )?describe {TITLE}",
        rf"what({_IS}) {TITLE}",
    ),
}  # fmt: skip
"""Facts, and the ways to ask for them; the first that fits and names a film is meant."""
