"""What is known of users, and what is said of them when they are forgotten."""

from typing import Any, Literal

from pydantic import Field

from palate.contract.names import Frozen, ItemId


class GenreMean(Frozen):
    """A user's ratings of one genre."""

    genre: str
    count: int
    mean: float


class TastePart(Frozen):
    """A genre, a person or a film that a taste is made of."""

    name: str
    movie_id: int | None = Field(None, description="The film; null: no film.")
    share: float = Field(description="Its part of all of its kind; below 0: it pushes away.")
    films: int = Field(description="Films of the history that tell of it.")


class TasteParts(Frozen):
    """The strongest parts of one kind, in both directions."""

    towards: tuple[TastePart, ...] = ()
    away: tuple[TastePart, ...] = ()


class Taste(Frozen):
    """What a taste is made of."""

    genres: TasteParts
    people: TasteParts
    films: TasteParts


class User(Frozen):
    """A user's profile: what is known and whether it can order a search."""

    user_id: int
    name: str | None = Field(None, description="What another system calls the user.")
    profile: str
    rating_count: int
    event_count: int = Field(0, description="Films that events tell of, beside those rated.")
    mean_rating: float | None
    genres: tuple[GenreMean, ...]
    taste: Taste
    has_vector: bool
    synthetic: bool
    updated_at: str


class ErasedTable(Frozen):
    """What one table held of a user."""

    table: str
    deleted: int
    left: int = Field(description="Rows that tell of the user afterwards, counted.")


class Forgotten(Frozen):
    """What was deleted of a user, and that nothing is left."""

    user_id: int
    ratings_deleted: int
    tables: tuple[ErasedTable, ...]
    statistics: Literal["refreshed", "until the next refresh"] = Field(
        description="Whether popularity and filters by ratings still hold the user's ratings."
    )


class Export(Frozen):
    """Everything that is held about a user, table by table."""

    user_id: int
    name: str | None
    exported_at: str
    tables: dict[str, tuple[dict[str, Any], ...]]


class Rating(Frozen):
    """One rating of one film."""

    user_id: int
    profile: str
    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None
    rating: float
    rated_at: str
