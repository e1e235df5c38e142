"""Films as the catalog knows them."""

from typing import Any

from pydantic import Field

from palate.contract.names import Frozen, ItemId


class Movie(Frozen):
    """A film as the catalog knows it."""

    movie_id: int
    item_id: ItemId = None
    title: str
    original_title: str | None
    year: int | None
    imdb_id: str | None
    tmdb_id: int | None
    genres: tuple[str, ...]
    overview: str | None
    runtime_minutes: int | None
    release_date: str | None
    director: str | None
    actors: tuple[str, ...]
    keywords: tuple[str, ...]
    budget: int | None
    revenue: int | None
    poster_url: str | None
    avg_rating: float | None
    rating_count: int
    has_embedding: bool
    sentiment: str | None = Field(
        None, description="Tone of the story: a model's own judgement, unchecked."
    )
    budget_tier: str | None = Field(None, description="From the budget in today's money.")
    revenue_tier: str | None = Field(None, description="From the revenue in today's money.")
    effectiveness: float | None = Field(None, description="0 to 10: return and rating.")
    target_audience: str | None = Field(
        None, description="From a certificate, else a model's own judgement, unchecked."
    )
    estimated: tuple[str, ...] = Field((), description="Which of these a model guessed, unchecked.")
    enriched_by: str | None = None
    enriched_at: str | None = None
    added_at: str | None = Field(None, description="When it came into this catalog.")
    own: dict[str, Any] = Field(default_factory=dict, description="Fields of one's own.")


class ListedFilm(Frozen):
    """A film at its place of a list."""

    rank: int
    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None
    genres: tuple[str, ...]


class SimilarMovie(ListedFilm):
    """A film near another, by the cosine of their centred text embeddings."""

    score: float
    similarity: float
    content: float | None = Field(description="Cosine with the user's taste, when one was given.")


class Suggestion(Frozen):
    """A title that starts as typed."""

    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None
