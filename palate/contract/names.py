"""Names, ids and choices that requests, answers, tables and flags have in common."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

COMPONENTS = ("bm25", "semantic", "content", "collaborative", "popularity")
"""The parts of a score, in the order in which they are shown."""

PART_NAMES = {
    "bm25": "text",
    "semantic": "meaning",
    "content": "taste",
    "collaborative": "peers",
    "popularity": "popularity",
    "trending": "trending",
    "vote": "votes",
    "novelty": "novelty",
    "alike": "alike",
}
"""What a part of a score is called on a screen."""

MAX_WEIGHT = 100
"""The greatest weight of a component in one call: more would only scale the score."""

PROFILE_PATTERN = "[a-z0-9_-]{1,40}"
"""What a profile's name is made of; tables check the same."""

LARGEST_ID = 2**63 - 1
"""Of users and films: PostgreSQL's bigint."""

_IN_NAME, _NO_NUMBER = r"[^\s/\x00-\x1f\x7f-\x9f]", r"[^0-9.,+\s/\x00-\x1f\x7f-\x9f-]"
USER_NAME_PATTERN = (
    rf"^(?:0[0-9]+|(?:{_NO_NUMBER}|[^\s/\x00-\x1f\x7f-\x9f-](?: ?{_IN_NAME})* ?{_NO_NUMBER})"
    rf"(?: ?{_IN_NAME})*)$"
)
LONGEST_USER_NAME = 200
A_USER = (
    "a whole number, or a text of up to 200 characters with a letter, or of digits behind a 0, "
    "without slashes and with no more than one space at a time, inside"
)
"""What a user may be called by another system."""


def is_user_name(text: str) -> bool:
    """Whether a user may be called so, rather than by a number."""
    return len(text) <= LONGEST_USER_NAME and re.fullmatch(USER_NAME_PATTERN, text) is not None


def _whole(given: object) -> object:
    """A number as it is written: +5, 7.0 and 1_000 may be meant otherwise by who keeps them."""
    if isinstance(given, str) and not re.fullmatch("-?(0|[1-9][0-9]*)", given):
        raise ValueError(f"a user is {A_USER}")
    return given


def _told_as(what: str) -> WrapValidator:
    """One reason, whichever of the things that it may be a value comes nearest."""

    def read(given: object, as_either: ValidatorFunctionWrapHandler) -> object:
        try:
            return as_either(given)
        except ValidationError:
            raise ValueError(what) from None

    return WrapValidator(read)


_Number = Annotated[int, Field(ge=0, le=LARGEST_ID)]
UserId = Annotated[_Number, BeforeValidator(_whole)]
UserName = Annotated[str, Field(pattern=USER_NAME_PATTERN, max_length=LONGEST_USER_NAME)]
UserKey = Annotated[
    Annotated[UserId, Field(lt=LARGEST_ID)] | UserName, _told_as(f"a user is {A_USER}")
]
"""What a user is named by who sends something of theirs."""

UNKNOWN_USER = LARGEST_ID
"""Stands for a name that nobody has."""
NOBODY_GIVEN = "no user_id was given"
"""Why an answer is not personalised that was asked for nobody."""


def known_user(user_id: int | None) -> int | None:
    """The number of a user, as answers tell it; None where nobody has the name that was given."""
    return None if user_id == UNKNOWN_USER else user_id


_IN_ID = r"[^\x00-\x1f\x7f-\x9f]"
A_MOVIE = "a whole number, or a text of up to 200 characters with a letter"
"""What a film may be called by another system."""

MovieId = Annotated[
    _Number
    | Annotated[
        str, Field(pattern=rf"^(?:[0-9]+|{_IN_ID}*{_NO_NUMBER}{_IN_ID}*)$", max_length=200)
    ],
    _told_as(f"a film is {A_MOVIE}"),
]
"""What a film is named by: its ``movie_id``, or the text that its own catalog calls it by."""

ItemId = Annotated[
    str | None, Field(description="What the film's own catalog calls it, where that is no number.")
]

Profile = Annotated[str, Field(pattern=f"^{PROFILE_PATTERN}$")]

Mode = Literal["lexical", "semantic", "hybrid"]
Seen = Literal["keep", "drop", "mark"]
Explain = Literal["none", "facts", "llm"]
Rerank = Literal["none", "llm", "small"]
Words = Literal["template", "llm"]
ReasonSource = Literal["model", "template"]
Order = Literal["learned", "blend"]
Index = Literal["complete", "incomplete"]
Audience = Literal["kids", "families", "teens", "adults"]
BudgetTier = Literal["low", "medium", "high", "ultra_high"]
RevenueTier = Literal["low", "medium", "high", "blockbuster"]

Level = Literal[
    "some words",
    "all words",
    "words in order",
    "beginning",
    "title spelt otherwise",
    "title without article",
    "title",
    "title as written",
]
"""How near a film is to what was typed, the farthest first: SQL's match_level."""

LEVELS: tuple[Level, ...] = get_args(Level)


EventType = Literal[
    "watched", "liked", "rated", "saved", "clicked", "not_interested", "disliked", "pinned", "muted"
]  # fmt: skip
"""What somebody does with a film; `pinned` and `muted` may also tell of a genre."""


class Frozen(BaseModel):
    """What every request and answer is: unchangeable, and nothing but the fields it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def build(cls, values: dict[str, Any]) -> Self:
        """One of ``values``: every field, in their order, and known to be right.

        As model_construct, but for asking each field for its default: of a page's films that took
        a fifth of all Python of a search.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


Sort = Literal[
    "movie_id", "title", "year", "release_date", "runtime_minutes", "avg_rating", "rating_count",
    "popularity", "added_at",
]  # fmt: skip
"""What films can be ordered by instead of words and taste."""

Direction = Literal["asc", "desc"]

PARTS = (
    "bm25", "content", "collaborative", "popularity", "trending", "vote", "novelty", "alike",
)  # fmt: skip
"""The parts of a recommendation's score, in the order shown: SQL's recommend()."""

SOURCES = (
    "ann", "recent", "collab", "popularity", "trending", "vote", "alike", "query", "neighbours",
    "serendipity",
)  # fmt: skip
"""Where recommendations come from: SQL's recommend_candidates(), and what `serendipity` chose."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("it is no time of this calendar") from error


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time; UTC unless it says otherwise."""
