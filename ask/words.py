"""The words that the rules know: genres, moods, audiences, money, numbers and filling."""

import re
from collections.abc import Mapping
from functools import cache

from ask.structure import Acclaim, Fame, Mood
from palate.contract import Audience, BudgetTier, RevenueTier
from search import vocabulary


def in_one(pattern: str) -> str:
    """A pattern without its line breaks and what indents them."""
    return re.sub(r"\n *", "", pattern)


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def as_typed(pattern: str) -> re.Pattern[str]:
    """A pattern that holds in the case in which it is written; its lines are one."""
    return re.compile(in_one(pattern))


@cache
def any_case(pattern: str) -> re.Pattern[str]:
    """A pattern of words in whatever case they are typed; its lines are one.

    What is read of a match has a name: groups without one only group, but for those of COMPARED
    and of replacements (``\\1``); patterns to split by have none.
    """
    return re.compile(in_one(pattern), re.IGNORECASE)


FILM = r"(films?|movies?|flicks?|pictures?|titles?|stor(y|ies)|cinema|dvds?)"

GENRES: dict[str, tuple[str, ...]] = {
    r"rom[- ]?coms?|romantic comed(y|ies)": ("Comedy", "Romance"),
    r"dramed(y|ies)|comedy[- ]dramas?": ("Comedy", "Drama"),
    **{genre.pattern: (genre.name,) for genre in vocabulary.GENRES if genre.words},
}
"""Ways to say a genre -> the genres, all of them meant."""
GENRE = "|".join(GENRES)
NOUN = rf"({FILM}|{GENRE})"
"""A word for a genre, and for films or a kind of them."""

MOODS: dict[str, Mood] = {
    r"dark(er|est)?|gritty|grittier|bleak(er|est)?|grim(mer)?|disturbing|violent": "dark",
    r"funn(y|ier|iest)|fun|jokes?|laugh(s|ing)?|hilarious|humou?rous|humou?r|amusing"
    r"|laugh[- ]out[- ]loud|(that |to )?(will |would )?makes? (me|us|you) laugh": "funny",
    r"feel[- ]?good|uplifting|heart[- ]?warming|light[- ]?hearted|cheerful|happy(?! (ending|end"
    r"|birthday|new))|happier|lighter|light(?=,| and\b| films?\b| movies?\b| comed| fun| "
    r"entertainment| +¦| *$)|charming|sweet|(that |to )?(will |would )?(cheer(s|ing)?|lift(s|ing)?"
    r"|picks?) ((me|us|you) )?up|co[sz]y": "feel-good",
    r"scar(y|ier|iest)|frightening|terrifying|creepy|creepier|spooky": "scary",
    r"romantic": "romantic",
    r"(that |to )?(will |would )?(makes? (me|us|you)|to) ((ugly )?cry|weep|bawl"
    r"|sob)( (my|our|your) eyes out)?|sad(der|dest)?|tear[- "
    r"]?jerk(er|ing)s?|heart[- ]?breaking|depressing|tragic|moving": "sad",
    r"tense|suspense(ful)?|gripping|thrilling|exciting|edge[- ]of[- ](my|the|your)[- ]seat"
    r"|fast[- ]paced|nail[- ]?bit(er|ing)s?": "tense",
    r"thought[- ]provoking|thoughtful|mind[- ]?(bend|blow)(ing|ers?)|cerebral|intelligent|smart"
    r"(er)?|philosophical|clever|(that |to )?(will |would )?(makes? (me|us|you) think|(mess|screw)"
    r"(es|s)? with (your|my|the) (head|mind)|(blows?|bends?) (your|my) mind)": "thoughtful",
    r"epics?|sweeping|grand|spectacular": "epic",
}  # fmt: skip

AUDIENCES: dict[str, Audience] = {
    r"(suitable |good |okay |ok |fit )?(for|(with|and)(?= an? \d+[- ]year)) (the |my |our |young "
    r"|little |small )*(an? )?(kids?|child(ren)?s?|toddlers?|(\d{1,2}|[a-z]+)[- ]year[- ]olds?)(,? "
    r"(who (is|are) |aged? |ages )?\d{1,2}((,| and| or|-| to) ?\d{1,2})*(?! (min|film|movie)))?"
    r"|with ((my|our|the|two|three|small|little|young) )+(kids|children)|(kids?|children)['’]?s?"
    r"(?= (films?|movies?|flicks?))|((my|our|an?|the|and|or|,) ?)+\d{1,2}[- ]year[- ]olds?( (can"
    r"|could|will|would|might) (watch|see|like|love|enjoy))?|(my|our|the|young|small|little) (kids?"
    r"|children)( (will|would|can|could|might) (like|love|enjoy|watch))?|(that |which )?(my |our "
    r"|the )?(kids|children) (can|could|may|will) (watch|see|enjoy|like)|kid[- ]friendly"
    r"|child[- ]friendly|nightmares? for (the |my )?(kids|children)|(we|i)('ve)?( have)?( got)? "
    r"(small |young |little |my |our |the |some |two |three )*(kids|children)( (here|around"
    r"|watching|in the room|with us|at home))*|(kids|children) (will be |are )(here|around|watching"
    r"|in the room|with us)": "kids",
    r"for (the |my |our )*(whole |entire )?famil(y|ies)( night)?|family([- ]friendly)?(?= (films?"
    r"|movies?|flicks?|comed|adventure|drama|fantas|animat))|family[- ]friendly": "families",
    r"(for (the |my |our )*)?(teen(ager)?s?|teenaged?|young adults?)": "teens",
    r"for (grown[- ]?ups?|adults?)( only)?|adults?[- ]only|grown[- ]up": "adults",
}  # fmt: skip

BUDGETS: dict[str, tuple[BudgetTier, ...]] = {
    r"(with |on |of )?(a |an )?(very )?(big|large|huge|high|massive|enormous|giant"
    r"|generous)[- ]budgets?|(?<!most )(?<!less )expensive|costly|lavish|big[- ]money": (
        "high", "ultra_high"),
    r"(that |which )?costs? (a lot|a fortune|loads|so much)( of money)?( to make)?": (
        "high", "ultra_high"),
    r"(with |on |of )?(a |an )?(very )?(low|small|tiny|shoestring|micro|modest|no)"
    r"[- ]budgets?|(made |shot |filmed )?for (almost|nearly|next to|practically) nothing"
    r"|cheap(ly made)?|inexpensive|on a shoestring": ("low",),
    r"(with |on |of )?(a |an )?(medium|mid|average|middling)[- ](size[d]? )?budgets?":
        ("medium",),
}  # fmt: skip

REVENUES: dict[str, tuple[RevenueTier, ...]] = {
    r"block[- ]?busters?": ("blockbuster",),
    r"box[- ]office (hits?|success(es)?|smash(es)?)|smash hits?|(big |huge )?hits(?! ?m[ae]n)|(big"
    r"|huge) hit|(that |which )?(made|earned|grossed) (a )?(fortune|killing|lots? of money|lots"
    r"|big money|(lots?|loads|tons|heaps|a lot|a ton|so much) of (money|cash))|commercial success"
    r"(es)?|high[- ]grossing":
        ("high", "blockbuster"),
    r"(that |which )?(made|earned|grossed) (very |so |too )?(little|(next to"
    r"|almost) nothing)( money)?|(that |which )?(nobody (paid|went) to see)": ("low",),
}  # fmt: skip

_COST = r"((it|they) cost( to make)?|(its|their|the) budgets?|was spent on (it|them))"
_BACK = r"((its|their|the) (money|budgets?|costs?)( back)?)"
_MADE = r"(made|make|earned|earn|grossed|gross|brought in|took in|turned|turn)"
LOST = in_one(rf"""(?<!biggest )(?<!greatest )(?<!worst )(?<!about )((that |which )?(flopped|bombed
    |tanked|(failed|lost out)(?= (at|financially|commercially))|(did not|didn't) (do
    |perform) (very |so |that )?well(?= at)|underperformed(?= at)|(did|performed) (very )?(badly
    |poorly)(?= at)|lost (a lot of |lots of |tons of |some )?money|(were |was |are )?unprofitable
    |(did not|didn't|never|failed to) ({_MADE} (any |a )?(money|profits?|{_BACK})|(earn|make
    |get) back {_BACK}|recoup {_BACK}|break even)|{_MADE} (back )?less( money)? than {_COST}
    |cost more than (it|they) {_MADE})( at the box[- ]office| financially| commercially)?
    |(?<!office )(?<!commercial )(?<!financial )(big |huge )?
    (box[- ]office |commercial |financial )?flops?( at the box[- ]office)?
    |(big |huge )?(box[- ]office |commercial |financial )(bombs?|failures?|disasters?
    |disappointments?)|money[- ]losers?)""")
GAINED = in_one(rf"""(that |which )?({_MADE} (a profit|profits?|(some )?money(?! at)|{_BACK})
    |(earned|made|got) back {_BACK}|recouped {_BACK}|broke even|{_MADE} more( money)? than {_COST}
    |cost less than (it|they) {_MADE}|(?<!most )(?<!least )(were |was |are )?profitable)
    ( at the box[- ]office)?""")
"""That a film made less, and more, than it cost."""

ACCLAIM: dict[str, Acclaim] = {
    r"(critically |universally )?acclaimed|(that )?(every(one|body)|people|critics and "
    r"fans) (loves?|adores?)|(that )?(got |has |have |had )?(great|good"
    r"|rave) reviews|(very )?(highly|well)[- ]rated|(critics?'? )?favou?rites"
    r"|well[- ]reviewed|(with )?better ratings|excellent|masterpieces?|brilliant|amazing|awesome"
    r"|outstanding|(that |which )(are|is) (really |actually |also )?(great|good)|(with "
    r")?(an? )?(high|great|excellent|good) (ratings?|reviews?)":
        "high",
    r"(that )?(every(one|body)|people|most people) (hates?|dislikes?|loathes?)( but "
    r"(you|i) .*$)?|(badly|poorly)[- ]rated|(with )?(bad|low|poor) (ratings?|reviews?)"
    r"|terrible|awful|(so )?bad(?! (guys?|boys?|cops?|blood|luck|people))|lousy": "low",
}  # fmt: skip

FAME: dict[str, Fame] = {
    r"hidden (gems?|treasures?)|(little|lesser)[- ]known|obscure|under[- ]?(rated|seen)|overlooked"
    r"|forgotten|unknown|(that )?((almost |hardly )?(nobody|no one|no-one)|few( people)?) (knows?"
    r"|ha(s|ve) (seen|heard of)|saw|watched)": "unknown",
    r"popular|famous|well[- ]known|(that )?every(body|one) (knows|has seen)": "known",
}  # fmt: skip

KINDS: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {
    "audience": AUDIENCES, "budget": BUDGETS, "revenue": REVENUES, "acclaim": ACCLAIM, "fame": FAME
}  # fmt: skip
"""Parts of a structure -> ways to say a value of it, in the order in which they are read."""

KEYWORDS: dict[str, tuple[str, ...]] = {
    r"(based on |from |inspired by |about )?(a |an )?(true|real)([- ]life)?"
    r" (stor(y|ies)|events?|life)":
        ("based on true story", "true story", "based on true events"),
    r"world war (two|ii|2)|ww ?(ii|2)|second world war": ("world war ii", "second world war"),
    r"world war (one|i|1)|ww ?(i|1)|(first|great) world war": ("world war i",),
    r"vietnam war|vietnam(?= (films?|movies?))": ("vietnam war", "vietnam"),
    r"(based on|adapted from|adaptations? of) (a |the )?(books?|novels?)":
        ("based on novel", "based on a book"),
    r"(based on|adapted from) (a |the )?(video ?)?games?":
        ("based on video game", "based on a game"),
    r"(based on|adapted from) (a |the )?(comics?|comic books?|graphic novels?)":
        ("based on comic book", "based on comic", "based on a comic"),
    r"(based on|adapted from) (a |the )?(plays?|musicals?)": ("based on play",),
    r"ai(?= |$)|artificial intelligence": ("artificial intelligence",),
    r"remakes?": ("remake",),
    r"sequels?": ("sequel",),
    r"coming[- ]of[- ]age": ("coming of age",),
    r"time[- ]travel(l?ing|l?ers?)?": ("time travel",),
    r"post[- ]apocalyptic|post[- ]apocalypse": ("post-apocalyptic", "post apocalyptic"),
    r"serial[- ]killers?": ("serial killer",),
    r"black comed(y|ies)|dark comed(y|ies)": ("black comedy", "dark comedy"),
    r"silent (films?|movies?|ones?)": ("silent film",),
    r"(directed )?by (a )?(women|woman|female directors?)|women directors?|female "
    r"directors?": ("woman director",),
    r"(plot |surprise |with a )?twist(s)?( ending)?": ("plot twist", "twist ending", "twist"),
    r"bio-?pics?|biograph(y|ies|ical)": ("biography", "biopic"),
    r"independent (films?|movies?)|indie(s| (films?|movies?))?": ("independent film",),
}  # fmt: skip
"""Ways to say a keyword of several words, where the catalog has it."""

NUMBERS = {
    **vocabulary.NUMBERS,
    "a couple of": 2,
    "half a dozen": 6,
    "a dozen": 12,
    "hundred": 100,
    "a hundred": 100,
}

_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
ORDINALS = {word: number for number, word in enumerate(_ORDINALS.split(), 1)}

DECADES = {
    **{word: 1900 + number for word, number in vocabulary.PLURAL_TENS.items()},
    "noughties": 2000, "aughts": 2000, "two thousands": 2000, "tens": 2010, "twenty-tens": 2010,
}  # fmt: skip

FILLING = word_set("""i me my we us our you your he she they them it its am im id ill ive a an the
    this that these those some any something anything one ones thing things stuff and or but nor so
    also too then than as at be is are was were been by for from in into of off on out over to with
    within about around do does did done have has had having can could would should will may might
    must shall want wants wanted like likes liked love loved loves enjoy enjoyed need needs feel
    feeling watch watching see seeing seen show shows showing find finding give get got look looking
    search list name tell bring pick choose let lets try play please thanks thank hi hello hey ok
    okay just really very quite kind sort type types kinds more much many few lot lots plenty other
    others another else ever again even film films movie movies flick flicks picture pictures title
    titles story stories cinema good nice decent best great solid worth what which who whom whose
    where when why how there here what's who's where's there's it's actually maybe perhaps probably
    preferably definitely absolutely currently basically literally seeking hunting after recs rec
    suggestions ideas idea tips tip wondering anyone anybody someone somebody everyone guys folks
    help ask asking question guess say said told think though although once either neither catalog
    catalogue database suitable run released release lasting lasts lasted running runs scoring
    scored scores rated produced filmed premiered aired came come comes coming clocking gimme lemme
    wanna gonna dunno know knows knew way ways manner bit nearly roughly approximately exactly
    simply purely mainly mostly especially genuinely truly super pretty fairly totally completely
    overall options option selection viewing rewatch watchable youve weve theyve youre theyre hes
    shes during adore adored gotten possible possibly available rather instead prefer fan fans cool
    proper actual old-fashioned certain particular specific across among tonight tired today
    tomorrow now mood bored set made make makes making featuring starring directed director
    directors actor actors actress called named titled based only all every everything each whole
    both couple recommend recommendation recommendations recommended suggest suggestion suggested
    next already anyway anyways apparently honestly seriously lately usually often sometimes always
    finally generally hopefully obviously personally recently somehow somewhat specifically
    typically together kinda sorta btw imo imho tbh lol haha asap dude bro mate buddy yall yo still
    yet stop worked works working compared per year years genre genres category categories element
    elements kindly yep yeah yes nope hmm keep keeps kept trying tried heard hear remember check
    checked thinking thought gets going goes go went put work used happen happens focus focuses
    focused focusing feature features contain contains include includes including top definitively
    besides wish wished hoping hope craving crave desperate hiya missus fancy mind him evening night
    weekend favor favour favorite favourite favorites favourites people persons viewers audience
    audiences percent user""")
"""Words that say nothing about a film."""

SUBJECT = any_case(r"""\b(about|(films?|movies?|ones?|story|stories|something|anything)( where
    | in which)|involving|concerning|dealing with|on the (topic|subject|theme) of|set (in|on|at
    |during|around)|tak(es?|ing) place (in|on|at)|revolv(es?|ing) around)(?P<what>((?! (where|that
    |which|when|who)\b)[^,;.?!¦])*)""")
"""What films are about: there every word counts, but for those between words."""
BETWEEN = word_set("""a an the and or of in on to with my your their his her its this that these
    those some any is are was were who which what it me you we i for from by at as film films movie
    movies""")

UNREAD = word_set("""than before after until unless while because if whether rather shorter longer
    older newer later earlier better worse bigger smaller cheaper most least less fewer similar same
    different except arent isnt wasnt werent dont doesnt didnt wont cant couldnt wouldnt shouldnt
    havent hasnt hadnt longest shortest newest oldest cheapest latest earliest biggest smallest
    highest lowest not no never nor none nobody nothing without versus vs every first second third
    fourth fifth half last next between""")
"""Words that say how others are meant: what is left of them was not understood."""

RECOMMEND = any_case(r"""\bsurprise (me|us)\b|\b(pick|choose) (something|one|a film
    |a movie)( for (me|us))?\b|\b(recommend(ation|ations|ed)?|suggest(ion|ions)?)\b|\bwhat (should
    |could|can|might|shall) (@user|i|we|he|she|they) (watch|see|try|put on)\b|\brandom(?= (film
    |movie|one)\b)|\b(what|which)( \w+){0,3}? (would|will|might|could) (@user|i|we|he|she
    |they) (\w+ )?(like|love|enjoy)( best| most| to (see|watch))?\b""")
_SPELT = """
    action actions adventure adventures animated animation comedy comedies crime documentary
    documentaries drama dramas fantasy fantasies historical horror horrors musical musicals mystery
    mysteries romance romances romantic thriller thrillers western westerns superhero superheroes
    funny funnier hilarious scary scarier creepy suspenseful thoughtful uplifting
    recommend recommendation recommendations suggest suggestion suggestions similar compare predict
    without nothing except between before after since starring directed director
    film movie films movies something anything minutes budget ratings popular recent
    children family teenagers
    blockbuster blockbusters seventies eighties nineties sixties fifties
"""
SPELT = tuple(_SPELT.split())
"""Words that are known when a key slipped: ``thriler``, ``horor``."""

SPELT_LIKE = word_set("""alter auction auctions aviation faction reaction excerpt excepts poplar
    creme crimes crims chime adventurer adventurers adventurous animate animating animator
    animations budgets childrens comely compared creep creeps directors documentarian fantasizes
    files fills filmes fils firms fanny funky hilariously historia historian historic historically
    honor humor hysterical mastery minuets miseries moves mysterious nothin predicts ravings
    recommended recommends regent resent romanced scaly scar scare scared scarf scars seventeen
    sparring staring starting starving stirring suggesting suggestive suggests teenage teenaged
    thrilled thrills""")
"""Words of their own that are one letter from one of those."""

SHORT_FORMS = {
    r"w/ ?o(ut)?": "without",
    r"(i |we )?(don't|do not) (really )?(care|mind) (about |which |what )(the )?\w+": "",
    r"regardless of (the )?\w+|no matter (the|what|which) \w+": "",
    r"w/": "with",
    r"(any|every)(one|body) but": "someone other than",
    r"(?P<did>did|does) not(?= (really )?(like|enjoy))": r"\g<did>n't",
    r"s(ome)?th(ing|ng)?\.?|smth|summat": "something",
    r"hav": "have",
    r"nowt|nuthin'?|nothin'": "nothing",
    r"owt|anythin'": "anything",
    r"pl[sz]|plz+|pls+": "please",
    r"gud|gd": "good",
    r"u(?!-)": "you",
    r"r(?= (good|great|the|there|some|any|u|you|we))": "are",
    r"wat|wut|wht": "what",
    r"frm": "from",
    r"abt": "about",
    r"wiht|wth|iwth|whit|wit(?= )": "with",
    r"fro(?= the)": "from",
    r"(?P<who>what|who|how|where|when|that|there|he|she|here)s": r"\g<who>'s",
    r"(?P<do>do|does|did|is|are|was|were|wo|would|could|should|have|has|had|ai|ca)nt": r"\g<do>n't",
    r"(?P<i>i|we|they|you)(?P<have>ve|m|(?<!we)re(?= ))": r"\g<i>'\g<have>",
    r"ppl": "people",
    r"(that )?(almost )?(nobody|no one|no-one|few people|hardly anyone)( ever| really)*"
    r" (talks?|speaks?|cares?|mentions?|remembers?)( about| of)?": "little-known",
    r"(?P<fan>[\w.'-]+( [\w.'-]+){0,2}) fans (will|would|might|should|also|can) (like|love"
    r"|enjoy)": r"for fans of \g<fan>",
    r"stop (showing|recommending|suggesting|giving)( me| us)?": "without",
    r"(do not|don't) (show|recommend|suggest|give|include|list)( me| us)?": "without",
    r"b/c|cuz|coz": "because",
    r"(?P<tens>\d0)('?ies|er|-ties)": r"\g<tens>s",
    r"how long time": "how long",
    r"(?P<bound>under|over|below|above|less than|more than|at most|at least) (?P<sum>\$?\d[\d.,]* ?"
    r"(k|m|thousand|million)?)( dollars?)? (?P<money>budget|box[- ]office|revenue)":
        r"\g<money> \g<bound> \g<sum>",
    r"(does|do) (there )?exists?( (some|any|an?))?(?= )": "",
    r"not (a single|one single|even one)": "no",
    r"(the )?first decade of (this|the (21st|new)) (century|millennium)": "the 2000s",
    r"(that |which )?((do|does|did|is|are)(n't| not)|never) (\w+ly )?(suck|stink|bad"
    r"|terrible|awful|crap|garbage|trash)": "well-rated",
    r"(that |which )?((do|does)(n't| not) end (badly|sadly)|ends? (well|happily))":
        "with a happy ending",
    r"(where|in which) (nobody|no[ -]one)( (gets?|is|ever))*(?= (?!has|knows|saw)\w)":
        "without",
    r"(?P<unit>minutes|mins?),? (but|and) (?P<bound>over|under|above|below|at least|at most"
    r"|more than|less than|longer than|shorter than) (?P<n>\d{2,3})(?=\W*$|,)":
        r"\g<unit> but \g<bound> \g<n> minutes",
    r"(in|of|from) (the )?(?P<genre>[\w-]+) (genre|category)": r"of \g<genre>",
    r"or,? (failing that|if not|if (there are|there's) none|alternatively),?": "or",
    "thx|ty": "thanks",
    "(not|never) (not|never|without)": "with",
    rf"no (?P<noun>{FILM}|{GENRE}) (?P<how>longer|shorter|over|under|above|below)":
        r"\g<noun> not \g<how>",
}  # fmt: skip
"""How some things are typed -> written out; two negations are none."""

COMPARED = (
    r"^\W*(?:should|shall) (?:i|we) (?:watch|see|try|pick|choose|rent|go (?:for|with)) (.+?) or "
    r"(.+?)(?:,? (?:tonight|today|now|first|next|instead))*[?.! ]*$",
    r"^\W*(?:(?:i|we) )?(?:(?:can't|cannot|couldn't) (?:decide|choose|pick)|(?:i'm |am )?torn)"
    r" between (.+?) (?:and|or) (.+?)[?.! ]*$",
    r"^(.+?) or (.+?)[?,.:; -]+(?:which|what)(?: one| of (?:them|these|the two))? (?:should|would"
    r"|do|shall) (?:i|we|you) .*$",
    r"^\W*between (.+?) and (.+?),? (?:which|what|who)\b.*$",
    r"^\W*(?:how|in what way) (?:do|does|did) (.+?) (?:and|,) (.+?) (?:compare|differ)\b.*$",
    r"^(.+?) (?:and|with|to) (.+?),? (?:compared|side by side|head to head)[?.! ]*$",
    r"^\W*(?:how (?:do|does|did) )?(.+?) compares?d? (?:to|with|against) (.+?)[?.! ]*$",
    r"^\W*what (?:separates|distinguishes|sets) (.+?)(?: apart)? from (.+?)[?.! ]*$",
    r"^\W*what (?:do|does) (.+?) (?:and|share with) (.+?)(?: have in common| share)?[?.! ]*$",
    r"^\W*(?:is|was|are|were|did|does|has) (.+?)"
    r"(?: (?:better|worse|higher|lower|bigger|well|highly|much|far|an?|lot|bit|any|really|as|more"
    r"|less|do|did|make|made|cost|earn|get|have|has|got))* [\w-]+ (?:than|as) (.+?)[?.! ]*$",
)
"""Comparisons of two films, which all are read as one. Only where both are films."""

WHO = r"(@user|i|we|he|she|they)"
UNSEEN = any_case(rf"""\b((that |which )?{WHO}( probably| maybe| still| surely)?('ve| have
    | has)?( probably| maybe)?(n't| not| never)( yet| probably)? (seen|watched|rated)( yet| before)?
    |(but |and )?(i|we) (didn't|did not|haven't|have not)\W*$|unseen|unwatched|new to (@user|me|us)
    |(what |that |which )?(have |did )?{WHO}('ve| have| might have| may have)? miss(ed)?( out on)?
    |(nothing|not|none|no films?|no movies?) (that |which )?{WHO}('ve| have| has)?( already)? (seen
    |watched|rated)( already| before)?)(?!\w)""")
