"""How people are called in requests: nicknames, who did what, surnames that are words first."""

from ask.words import FILLING, any_case, word_set

NICKNAMES = {
    r"arnie|schwarzie": "Arnold Schwarzenegger",
    r"(leo|leonardo) di ?caprio|leo d": "Leonardo DiCaprio",
    r"sly( stallone)?": "Sylvester Stallone",
    r"(bob|bobby) de ?niro|robert deniro": "Robert De Niro",
    r"(dwayne )?the rock(?= (films?|movies?|comed|action))|(?<=with )the rock|(?<=starring "
    r")the rock":
        "Dwayne Johnson",
    r"brangelina": "Brad Pitt and Angelina Jolie",
    r"(marty|martin) scorcese|scorcese|marty scorsese": "Martin Scorsese",
    r"(the )?coens|cohen brothers|coen bros\.?": "Coen brothers",
    r"(the )?wachowskis": "Wachowski",
    r"rdj": "Robert Downey Jr.",
    r"hitch(?= (films?|movies?|thrillers?))": "Alfred Hitchcock",
    r"sam jackson": "Samuel L. Jackson",
    r"jlaw|j-law": "Jennifer Lawrence",
    r"chris nolan": "Christopher Nolan",
    r"ben cumberbatch": "Benedict Cumberbatch",
    r"kate blanchett": "Cate Blanchett",
    r"clooney(?= and)": "George Clooney",
}  # fmt: skip
"""How some people are called -> their names."""
_A_NAME = r"((?:[\w.'-]+ ){0,3}?[\w.'-]+)"
_DID = {
    rf"(?:did|has|have|does) {_A_NAME} (?:ever )?direct(?:ed|s)?": r"directed by \1",
    rf"(?:has|have|did) (?:directed?|made) {_A_NAME}(?=\W*$)": r"directed by \1",
    rf"(?:did|has|have|does) {_A_NAME} (?:ever )?(?:star|act|appear|play|been)(?:red|ed|s)?(?: "
    rf"in)?": r"with \1",
    rf"(?:did|has|have|does) {_A_NAME} (?:ever )?(?:make|made|makes|do|done)": r"by or with \1",
}
PLAIN_WORDS = FILLING | word_set("""black white brown green gray grey red blue young long short
    strong wise hill woods stone king prince pope bishop knight fox wolf bird marsh fields day may
    love war west north star stern bond holly ivy hope grace carpenter baker cook fisher hunter
    mason potter parker page moon rose field forest ford lane park church house home london paris
    england france berlin york washington christmas snow winter summer spring heat bell ball cross
    crow dean duke earl noble savage sharp swift wild strange stranger law power powers price best
    good rich rock stock grant walker driver singer dancer piper steel silver gold golden diamond
    penny cash flynn blood bone little small large big cruel bright light dark night shade rain
    storm waters river lake beach sands wood tree leaf root branch butler constable sheriff marshall
    major sergeant sparks fire burns ash coal frost freeman masters chase hurt pain joy bliss old
    new man friend friends jordan israel holland ireland wales scott""")
"""Surnames that are words first: they need the first name."""


def write_names(text: str) -> str:
    """The text with short forms of names written out, and who did what as ``directed by``."""
    for pattern, written in (*NICKNAMES.items(), *_DID.items()):
        text = any_case(rf"(?<![\w-])(?:{pattern})(?![\w-])").sub(written, text)
    return text
