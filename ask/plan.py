"""A message that asks for several things: films are found, then compared, then predicted.

Whoever plans, the rules or a language model, only says which of the message's own words find the
films, how many of them count and what follows: a plan is made once, before anything is found, so
that nothing a film says can change it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ask.rules import LONGEST_REQUEST
from ask.words import any_case
from search import vocabulary
from sql.syntax import split_words
from sql.text import fold

MOST_FILMS = 5
"""Films that are compared and predicted at most."""

Then = Literal["compare", "predict"]
_NUMBERS = "|".join(vocabulary.UNITS[2 : MOST_FILMS + 1])
_MANY = rf"(the |my )?(?P<n>{_NUMBERS}|[2-{MOST_FILMS}]) (?P<find>"
_BEST = r"(best|top|greatest|worst|latest|newest|oldest|longest|shortest|most|least|highest)\b"
_WHICH = r"which (one |film |movie |of (them|these|the two) )?"
_WHO = r"(i'd|(would |do |will )?(i|user \d+)( would| will)?)"
_LIKE = rf"{_WHO} (like|enjoy|prefer|love)"
_RULES = (
    any_case(rf"""compare {_MANY}{_BEST}.+?)(?P<predict>[,;.]? (and |then |and then )?
        (tell me |say |tell us )?{_WHICH}{_LIKE}.*)?[.?!]*"""),
    any_case(rf"which of {_MANY}{_BEST}.+?)(?P<predict> {_LIKE}.*)[.?!]*"),
)
_SEVERAL = any_case(r"\b(compare|versus|vs|which|then|predict|rather)\b")


class Plan(BaseModel):
    """What a message asks for, in steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    find: Annotated[str, Field(max_length=LONGEST_REQUEST)]
    films: Annotated[int, Field(ge=1, le=MOST_FILMS)]
    then: Annotated[tuple[Then, ...], Field(max_length=4)]


def may_be_several(text: str) -> bool:
    """Whether a message may ask for more than one step: only then a model is asked to plan it."""
    return _SEVERAL.search(text) is not None


def plan_by_rules(text: str) -> Plan | None:
    """The plan of a message of a known form: `compare the two best heist films, and tell me which
    I'd like more`."""
    for rule in _RULES:
        if found := rule.fullmatch(" ".join(text.split())):
            asked: dict[Then, bool] = {
                "compare": rule is _RULES[0], "predict": bool(found["predict"])
            }  # fmt: skip
            then = tuple(step for step, wanted in asked.items() if wanted)
            return Plan(find=found["find"], films=vocabulary.number_of(found["n"]), then=then)
    return None


def checked(plan: Plan, text: str) -> Plan | None:
    """The plan, of the message's own words alone; None where that leaves nothing, or one step."""
    said = set(split_words(fold(text).lower()))
    words = [word for word in split_words(plan.find) if fold(word).lower() in said]
    then = tuple(dict.fromkeys(plan.then))
    if not words or not then or (plan.films < 2 and "compare" in then):
        return None
    return plan.model_copy(update={"find": " ".join(words), "then": then})
