"""What requests have in common: whose taste, which film, whose words."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, WithJsonSchema

from palate.contract import Frozen, MovieId, Profile, UserId, Words

UserPath = Annotated[
    UserId,
    Path(
        description="The user's id in your system: a number, or a text with a letter in it.",
        examples=[10001],
    ),
]
_MOVIE = Path(
    description="The film's id: its movie_id, or the text that your own catalog calls it by.",
    examples=[1, "tt0111161"],
)
MoviePath = Annotated[int, _MOVIE]
"""A film that there is, by whichever id: endpoints get its number."""

AnyMoviePath = Annotated[MovieId, _MOVIE]
"""The id of a film that need not be there yet, as it was sent."""

_WEIGHT = r"[a-z0-9]+:[0-9]+(\.[0-9]+)?"
WrittenWeights = Annotated[
    dict[str, float] | None,
    WithJsonSchema({"type": "string", "pattern": f"^{_WEIGHT}(,{_WEIGHT})*$"}),
]
"""Weights as an address has them: name:weight with commas between."""

Film = Annotated[str, Field(min_length=1, max_length=200)]
SummaryWords = Annotated[
    Words,
    Field(description="llm: the language model words the summary, from its facts only."),
]


class WhichTaste(Frozen):
    """Which of the user's tastes."""

    profile: Profile = Field("main", description="Which taste of the user.")


TasteQuery = Annotated[WhichTaste, Query()]


class WhoseTaste(WhichTaste):
    """Whose taste joins in, if anybody's."""

    user_id: UserId | None = Field(None, description="Whose taste joins in ordering them.")


class WhoseWords(Frozen):
    """Who words the summary."""

    words: SummaryWords = "template"
