"""What a search is asked and what it answers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from palate.contract.films import ListedFilm
from palate.contract.names import (
    Direction,
    Explain,
    Frozen,
    Index,
    Level,
    Mode,
    Order,
    Profile,
    ReasonSource,
    Rerank,
    Seen,
    Sort,
    UserId,
)


class FilmFilters(Frozen):
    """What films have to be, in a search, a list or among recommendations."""

    genres: tuple[str, ...] = Field(
        (), max_length=50, description="Only films that are of all these genres."
    )
    year_from: int | None = Field(None, ge=0, le=9999, description="Only films since this year.")
    year_to: int | None = Field(None, ge=0, le=9999, description="Only films up to this year.")
    min_rating: float | None = Field(
        None, ge=0, le=5, description="Only films with at least this mean rating."
    )
    min_ratings: int | None = Field(
        None, ge=0, le=2**31 - 1, description="Only films with at least this many ratings."
    )
    filter: tuple[Annotated[str, Field(max_length=2000)], ...] = Field(
        (),
        max_length=50,
        description="Only films that match all of these: field:value, ranges, AND OR NOT.",
    )


class FilmRequest(FilmFilters):
    """What searches and recommendations have in common: for whom, how many, judged by whom."""

    user_id: UserId | None = Field(None, description="Whose taste orders them.")
    profile: Profile = Field("main", description="Which taste.")
    k: int = Field(10, ge=1, description="Films returned.")
    rerank: Rerank = Field(
        "none",
        description="Judge the first 40 films again: llm by the language model, small by a local "
        "text model.",
    )
    cursor: str | None = Field(
        None, max_length=20_000, description="next_cursor of the page before."
    )


class SearchRequest(FilmRequest):
    """One search. ``k`` films are returned, chosen among ``candidates`` by text."""

    q: str = Field(description="Words, phrases, field:value, AND OR NOT, ranges.")
    candidates: int = Field(100, ge=1, description="Films that text finds and taste orders.")
    weights: dict[str, float] | None = Field(
        None, description="Weights of the blend for this call; the others stay as stored."
    )
    mode: Mode = Field(
        "lexical", description="lexical: BM25; semantic: meaning; hybrid: both, blended."
    )
    seen: Seen = Field(
        "keep", description="Films the user rated or saw: keep, drop before the limit, or mark."
    )
    order: Order = Field(
        "learned",
        description="learned: the trained order, where there is one for this search; blend: the "
        "sum of the contributions, as SQL gives it.",
    )
    sort: Sort | None = Field(
        None,
        description="Order all films that match by this instead of words and taste; what is not "
        "known stands last.",
    )
    direction: Direction | None = Field(
        None, description="Of the sort. Left out: titles and ids rise, all else falls."
    )
    explain: Explain = Field(
        "none",
        description="facts: reasons from the user's own ratings and the catalog; llm: the language "
        "model chooses which of them are told.",
    )
    facets: bool = Field(False, description="Count all matching films by genre and decade.")
    snippets: bool = Field(False, description="The found words marked, as HTML.")
    as_typed: bool = Field(
        False, description="Search for the text as it is typed: try no other reading of it."
    )
    strict: bool = Field(False, description="Refuse what cannot be parsed instead of reading on.")


class QueryRead(Frozen):
    """How the query was understood."""

    text: str
    read_as: str
    notes: tuple[str, ...] = ()


ReadingKind = Literal[
    "split", "initials", "joined", "numerals", "abbreviations", "typos", "beginning"
]


class Reading(Frozen):
    """Another text that was searched for, since the one typed finds nothing, or almost nothing."""

    kind: ReadingKind = Field(description="How it differs from what was typed.")
    text: str


class RankedFilm(ListedFilm):
    """A film, where it stands and why: the contributions add up to the score."""

    director: str | None
    overview: str | None
    runtime_minutes: int | None
    poster_url: str | None
    avg_rating: float | None
    rating_count: int
    score: float
    components: dict[str, float | None] = Field(description="Each in [0, 1]; null: not used.")
    contributions: dict[str, float] = Field(description="Weight times component; sum: score.")
    unpersonalized_rank: int
    moved: int = Field(description="Places gained (positive) or lost against unpersonalised.")
    rating: float | None = Field(description="The user's own rating of this film.")
    rerank_score: float | None = Field(
        None, description="0 to 10, from whoever reranked it; null: not judged."
    )
    rank_before: int | None = Field(None, description="Its place before it was reranked.")


class Hit(RankedFilm):
    """One film, where it stands and why: the contributions add up to the score."""

    original_title: str | None
    level: Level = Field(
        description="How near it is to what was typed. Films of a nearer level stand first, "
        "whatever their scores."
    )
    pinned: bool = Field(False, description="An operator pinned it to what was typed.")
    bm25_score: float | None = Field(description="BM25 as the engine gave it, before scaling.")
    learned_score: float | None = Field(
        None, description="What a learned order gave it, when that made the order."
    )
    seen: bool
    rerank_reason: str | None = Field(
        None, description="The facts that the verdict cites; null: none, or one against itself."
    )
    reasons: tuple[str, ...] | None = None
    reason_source: ReasonSource | None = Field(
        None, description="Who chose the facts: the language model, or the template."
    )
    snippets: dict[str, str] | None = None
    own: dict[str, Any] = Field(default_factory=dict, description="Fields of one's own.")


class Wording(Frozen):
    """What became of the texts whose facts a language model was to choose."""

    model: str | None = Field(description="Null: none is set.")
    texts: int = Field(description="Texts asked for.")
    passed: int = Field(description="Texts whose facts the model chose.")
    regenerated: int = Field(description="Of these, how many only the second time.")
    why_not: str | None = Field(None, description="Why the others are templates.")


class Reranking(Frozen):
    """Whether the order was judged again."""

    reranked: bool = False
    reranked_by: str | None = Field(None, description="The model that judged.")
    why_not_reranked: str | None = Field(None, description="Why the order stayed as it was.")


class Facets(Frozen):
    """How many of all matching films have each value."""

    genres: dict[str, int]
    decades: dict[str, int]
    own: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="Of fields of one's own, the 100 most frequent values."
    )


class SearchResponse(Reranking):
    """The answer to a search."""

    answer_id: str = Field(description="What feedback names the answer by.")
    query: QueryRead
    user_id: int | None
    profile: str
    personalized: bool
    why_not_personalized: str | None
    relaxed: bool = Field(
        description="Too few films had all words: behind them are films that have some."
    )
    mode: Mode
    engine: str
    index: Index = Field(
        "complete",
        description="incomplete: the search index lost films, as a crash may do to ParadeDB's "
        "before 0.24, and is being made again where the server's role may do that.",
    )
    order: Order = Field(description="What ordered the films: `learned`, or `blend` by score.")
    order_model: str | None = Field(None, description="Name and version of the learned order.")
    weights: dict[str, float]
    total: int | None = Field(None, description="All matching films; counted with facets.")
    hits: tuple[Hit, ...]
    facets: Facets | None = None
    wording: Wording | None = Field(None, description="With explain=llm: what the model chose.")
    reading: Reading | None = Field(
        None,
        description="What was searched for instead, where the text finds nothing, or almost "
        "nothing. as_typed searches for the text.",
    )
    did_you_mean: str | None = Field(
        None, description="What would find more, where the text was searched for as it is."
    )
    ask: bool = Field(
        False, description="Whether /v1/ask understands more of the text than its words."
    )
    next_cursor: str | None = None
