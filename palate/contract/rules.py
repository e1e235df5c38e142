"""What an operator says of searches."""

from pydantic import Field

from palate.contract.names import Frozen, MovieId


class Synonym(Frozen):
    """A word or phrase that is searched for where another is typed."""

    phrase: str = Field(min_length=1, max_length=100, description="What is typed.")
    other: str = Field(min_length=1, max_length=100, description="What is searched for as well.")
    both_ways: bool = Field(True, description="Whether each stands for the other.")


class Pin(Frozen):
    """A film that stands first, or is never shown, where a text is typed."""

    query: str = Field(min_length=1, max_length=300, description="What is typed, in any case.")
    movie_id: MovieId
    place: int | None = Field(
        None, ge=1, le=1000, description="Which pinned film comes first; null: never shown."
    )


class Rules(Frozen):
    """What an operator says of searches."""

    synonyms: tuple[Synonym, ...] = Field((), max_length=1000)
    pins: tuple[Pin, ...] = Field((), max_length=1000)
