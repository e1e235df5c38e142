"""What a request in plain words asks for: one validated structure, to read, edit and run again."""

import re
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from palate.contract import (
    LARGEST_ID,
    Audience,
    BudgetTier,
    Frozen,
    Profile,
    RevenueTier,
    UserId,
    known_user,
)
from palate.text import name_film, neutral

Intent = Literal[
    "search", "recommend", "similar", "predict", "compare", "summarise", "facts", "count", "unclear"
]
Fact = Literal[
    "length", "director", "cast", "release", "story", "genres", "keywords", "rating", "budget",
    "revenue", "profit", "original title",
]  # fmt: skip
Role = Literal["any", "director", "actor"]
Mood = Literal[
    "dark", "funny", "feel-good", "scary", "romantic", "sad", "tense", "thoughtful", "epic"
]
Quantity = Literal[
    "year", "runtime_minutes", "avg_rating", "rating_count", "budget", "revenue", "profit"
]
Held = Quantity | Literal["director", "actor", "decade"]
"""What a film is held against another by."""
Way = Literal["less", "more", "same"]
Listed = Literal["genres", "keywords", "people", "text"]
Fame = Literal["known", "unknown"]
Acclaim = Literal["high", "low"]

T = TypeVar("T")

LONGEST_LIST = 20
LONGEST_TEXT = 500
"""Entries of a list and characters of a text that a structure may hold."""

_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # also what no database can hold


def _plain(text: str) -> str:
    return neutral(_UNSENDABLE.sub(" ", text))


Name = Annotated[str, AfterValidator(_plain), Field(min_length=1, max_length=200)]
Text = Annotated[str, AfterValidator(_plain), Field(max_length=LONGEST_TEXT)]

MOST = 1e12
"""No number of a film is more."""

STEPS: dict[Quantity, float] = {"avg_rating": 0.01}
"""How far apart two numbers are at least, where it is not 1: means have two digits."""


class Span(Frozen):
    """Numbers from ``low`` to ``high``, both included; null: open on that side."""

    low: float | None = Field(None, ge=-MOST, le=MOST)
    high: float | None = Field(None, ge=-MOST, le=MOST)

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a range needs low or high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


class Person(Frozen):
    """Somebody who made a film, as the catalog spells the name."""

    name: Name
    role: Role = "any"

    def __str__(self) -> str:
        return self.name


class Sort(Frozen):
    """An order by a figure; films of which it is unknown are left out."""

    by: Quantity
    descending: bool = True


class RatedBy(Frozen):
    """That a user has rated a film: with ``low`` stars or more, ``high`` or less, where said."""

    user_id: UserId | None = Field(None, description="Null: whoever asks.")
    low: float | None = Field(None, ge=0, le=5)
    high: float | None = Field(None, ge=0, le=5)


class Title(Frozen):
    """A film: by its id, or by its title, which is then looked up."""

    movie_id: int | None = Field(None, ge=0, le=LARGEST_ID)
    title: Name | None = None
    year: int | None = Field(None, ge=0, le=9999)

    @model_validator(mode="after")
    def _names_a_film(self) -> Self:
        if self.movie_id is None and self.title is None:
            raise ValueError("a film needs movie_id or title")
        return self

    def __str__(self) -> str:
        if self.title is None:
            return f"film {self.movie_id}"
        return name_film(self.title, self.year)


class Than(Frozen):
    """Less or more of a figure than a film has, or the same."""

    by: Held = Field(description="Actor: the first of the film's cast.")
    way: Way = Field(description="same: of the length, within ten minutes.")
    film: Title | None = Field(None, description="Null: the first film that it is about.")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.way != "same" and self.by in ("director", "actor", "decade"):
            raise ValueError(f"by {self.by} films are the same, not less or more")
        return self


ToldUser = Annotated[UserId | None, PlainSerializer(known_user, when_used="json")]
"""A user, as answers tell it: null where nobody has the name that was given."""

SummaryBy = Annotated[str, Field(description="rules, or the model that chose its facts.")]
WhyNotWorded = Annotated[
    str | None, Field(description="With words=llm: why the summary is by rules, where it is.")
]

Many = Annotated[tuple[T, ...], Field(max_length=LONGEST_LIST)]


class Exclusions(Frozen):
    """What no film of the answer may be, have or be made by."""

    text: Text = ""
    genres: Many[Name] = ()
    keywords: Many[Name] = ()
    people: Many[Person] = ()
    titles: Many[Title] = ()
    moods: Many[Mood] = ()
    audience: Audience | None = None
    ranges: dict[Quantity, Span] = Field({})
    rated_by: Many[RatedBy] = ()


class Kind(Frozen):
    """What films are. Every part narrows; what is empty does not."""

    text: Text = Field("", description="Words looked for in the films' texts.")
    genres: Many[Name] = Field((), description="Every film is of all these genres.")
    keywords: Many[Name] = Field((), description="Every film has all these keywords.")
    people: Many[Person] = Field((), description="Every film is made by all of them.")
    any_of: Annotated[tuple[Listed, ...], Field(max_length=4)] = Field(
        (), description="The lists of which one entry is enough."
    )
    moods: Many[Mood] = Field((), description="Every film shows a sign of each.")
    audience: Audience | None = Field(None, description="Whom the films are for.")
    budget: Annotated[tuple[BudgetTier, ...], Field(max_length=4)] = Field(
        (), description="The films' budget tier is one of these."
    )
    revenue: Annotated[tuple[RevenueTier, ...], Field(max_length=4)] = Field(
        (), description="The films' revenue tier is one of these."
    )
    fame: Fame | None = Field(
        None, description="known: of the tenth with most ratings; unknown: of the half with least."
    )
    acclaim: Acclaim | None = Field(
        None, description="high: of the fifth with the best mean rating; low: with the worst."
    )
    ranges: dict[Quantity, Span] = Field({}, description="Numbers between bounds.")


class Structure(Kind):
    """A request as it was understood: what the films are, and what is wanted of them."""

    intent: Intent = "search"
    alternatives: Many[Kind] = Field(
        (), description="Every film is one of these, beside what is asked of all."
    )
    titles: Many[Title] = Field((), description="Films that the request is about.")
    like_people: Many[Person] = Field((), description="Similar: to the films of these people.")
    than: Many[Than] = Field(
        (), description="Every film has less or more of a figure than another, or the same."
    )
    facts: Annotated[tuple[Fact, ...], Field(max_length=12)] = Field(
        (), description="What is asked about the films; empty: all that is known."
    )
    rated_by: Many[RatedBy] = Field((), description="Users who have all rated every film.")
    exclude: Exclusions = Exclusions()
    sort: Sort | None = Field(None, description="The order; null: by text, or by taste.")
    user_id: ToldUser = Field(None, description="Whose taste it is about.")
    users: Many[UserId] = Field((), description="Predict: further users.")
    profile: Profile = Field("main", description="Which taste.")
    seen: Literal["keep", "drop"] = Field("keep", description="Films that the user has rated.")
    k: int = Field(10, ge=1, le=1000, description="Films returned.")

    def changed(self, **parts: Any) -> Self:
        """The same with other parts, which are not validated."""
        return self.model_copy(update=parts)

    @property
    def movie_ids(self) -> list[int]:
        """The films that it is about, as far as the catalog has them."""
        return [title.movie_id for title in self.titles if title.movie_id is not None]

    @model_validator(mode="before")
    @classmethod
    def _is_unwrapped(cls, data: object) -> object:
        if isinstance(data, dict) and "structure" in data:
            raise ValueError("this is an answer: send only what stands in its `structure`")
        return data
