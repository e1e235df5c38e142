"""What recommendations are asked and what they answer."""

from pydantic import Field

from palate.contract.names import Frozen, MovieId, Seen
from palate.contract.search import FilmRequest, RankedFilm, Reranking


class RecommendRequest(FilmRequest):
    """Films for one user; ``k`` of the ``candidates`` best of each source are returned."""

    candidates: int = Field(100, ge=1, description="Best films of each source.")
    weights: dict[str, float] | None = Field(
        None, description="Weights of the mixer for this call; the others stay as stored."
    )
    seen: Seen = Field(
        "drop", description="Films the user rated or saw: drop, or keep and mark them."
    )
    q: str | None = Field(None, max_length=2000, description="A text as one more source.")
    alike_to: tuple[MovieId, ...] = Field(
        (), max_length=50, description="Films whose like is one more source."
    )
    exclude: tuple[MovieId, ...] = Field(
        (), max_length=1000, description="Films that are not recommended; there need be none."
    )
    diversity: float = Field(
        0.7,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How much the score counts beside being unlike films above (MMR); 1: alone.",
    )
    franchise: int = Field(2, ge=0, le=1000, description="Most films of one franchise; 0: any.")
    serendipity: bool = Field(
        True,
        description="Whether the fifth place is for a film far from the taste that people of alike "
        "taste like, where there is one.",
    )
    figures: bool = Field(False, description="Also say what the page is like as a whole.")


class Recommendation(RankedFilm):
    """One film, where it stands and why: the contributions add up to the score."""

    sources: tuple[str, ...] = Field((), description="Which sources gave it.")
    rules: tuple[str, ...] = Field(
        (), description="Rules of the operator that changed where it stands, by name."
    )
    rerank_reason: str | None = None


class ListFigures(Frozen):
    """What films are like together; null where it cannot be told."""

    distance: float | None = Field(
        description="Mean of 1 - cosine of the texts of two of them (intra-list distance)."
    )
    novelty: float | None = Field(
        description="Mean of -log2 of the share of people who rated each: the greater, the rarer."
    )
    coverage: float | None = Field(
        ge=0, le=1, description="Share of the catalog's genres that they have."
    )


class Recommendations(Reranking):
    """Films for one user, the best first."""

    answer_id: str = Field(description="What feedback names the answer by.")
    user_id: int | None
    profile: str
    personalized: bool
    why_not_personalized: str | None
    weights: dict[str, float]
    notes: tuple[str, ...] = Field(
        (), description="Where the text and the filters are read otherwise than they may be meant."
    )
    diversity: float | None = Field(
        None, description="What films were set apart by; null: nothing sets them apart."
    )
    movies: tuple[Recommendation, ...]
    figures: ListFigures | None = Field(
        None, description="What the page is like as a whole; null: not asked for."
    )
    next_cursor: str | None = None
