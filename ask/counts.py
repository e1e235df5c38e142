"""Questions about many films at once: how many there are; and what is told of none but one."""

from ask.draft import Draft
from ask.words import any_case, in_one

_COUNT = any_case(r"""^(and |so |please |tell me )*(how many (different |of the )?(?!people|users?
    |minutes|hours|ratings|stars|awards|oscars|actors|directors|times|dollars|viewers)
    |(what is |what's )?(the )?(total )?number of (?!ratings|minutes)|count (of )?(all |up )?|(are
    |is) there (any|a|an) |(have you|do you have) any \w+ films? at all)""")
_FIGURE = in_one(r"""(rating|score|stars|length|runtime|run(ning)? time|duration|year|age|budget
    |cost|price|revenue|gross|box[- ]office|earnings|takings|profit|number of (ratings|votes)
    |amount of money)s?""")
_SHARE = any_case(rf"""^(and |so |please |tell me |give me |show me |calculate |compute )*((what
    |which)('s| is| are| was| were)? )?(the )?((percentage|percent|share|fraction|proportion
    |ratio) of( all| the)?(?= )|((average|mean|median|typical|total|combined|overall|summed
    |sum of( the)?)( \w+)??|sum of) {_FIGURE} (of|for|in|across)( all| the)?(?= ))|^(how (much|long
    |expensive|old|good|highly rated|popular)( money)? (are|were|is|was|did|do|have|has)( all
    | the)?(?= .*\b(on average|in total|altogether|combined|together|usually|typically)\b))
    |^how much( money)? (did|do|have)( all)?( the)?(?= .*\b(films|movies)\b( ever)? (make|made
    |earn(ed)?|cost|gross(ed)?)\W*$)|^on average,? how (much|long|expensive|old|good)( money)? (are
    |were|is|was|did|do)( all| the)?(?= )""")


def is_of_many(text: str) -> bool:
    """Whether a figure of many films at once is asked for: the average budget of westerns."""
    return _SHARE.match(text) is not None


_MORE = in_one(r"""(more|fewer|less|better|worse|higher|lower|longer|shorter|newer|older|bigger
    |cheaper|harsher|stricter|kinder|most|fewest|least|best|worst|highest|lowest|longest|shortest
    |biggest)""")
_OF_GROUPS = any_case(rf"""^((are|were|do|does|did|is|has|have)\b(?! there (any
    |some)).*\b{_MORE}\b.*\b(or|than)\b|(who|which|what) (actors?|actress(es)?|directors?|person
    |people|genres?|decades?|years?|users?|countr(y|ies)|studios?)\b.*\b{_MORE}\b|who\b(?! (directed
    |made|is in|was in|starred|plays?|played) the\b).*\b{_MORE}\b|(do|does
    |did) @user \w+ {_MORE}\b)""")


def read_of_groups(draft: Draft) -> bool:
    """Whether people, genres or users are held against each other, which is not done."""
    if not _OF_GROUPS.match(draft.text.strip()) or any_case(r"\b(me|i|we)\b").search(draft.text):
        return False
    draft.parts["intent"] = "unclear"
    draft.ignore(
        draft.text,
        "people, genres, years and users are not held against each other; films are compared, and "
        "each group may be counted: how many westerns",
    )
    return True


def read_how_many(draft: Draft) -> None:
    """Take ``how many`` out of a draft; what follows is read as any request for films."""
    if found := draft.take(_SHARE):
        draft.ignore(found[0], "shares and means of many films are not computed; they are counted")
        draft.parts["intent"] = "count"
        draft.take(r"\b(on average|in total|altogether|combined|together|usually|typically)\b")
        draft.take(r"""\b(made|make|makes|cost|costs|earn(ed|s)?|gross(ed|es)?|run|last
            |rated)(?=\W*$| ¦)""")
    if draft.take(_COUNT):
        draft.parts["intent"] = "count"
        draft.take(r"""\b(does|do|did) (the |this |your )?(catalog(ue)?|data(base)?|you|we) (have
            |has|know|contain|hold)\b""")
        draft.take(r"""\b(are|is|were) (there|they|from|in total)?\b|\bin total\b|\baltogether\b
            |\bexist\b|\bin the (catalog(ue)?|data(base)?)\b""")
