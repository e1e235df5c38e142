"""What a search is asked and what it answers: the same words in JSON, SQL and Python."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from rapidfuzz import process

from palate.errors import MisuseError
from palate.settings import Settings

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

UserId = Annotated[int, Field(ge=0, le=LARGEST_ID)]

_IN_NAME, _NO_NUMBER = r"[^\s/\x00-\x1f\x7f-\x9f]", r"[^0-9.,+\s/\x00-\x1f\x7f-\x9f-]"
USER_NAME_PATTERN = (
    rf"^(?:{_NO_NUMBER}|[^\s/\x00-\x1f\x7f-\x9f-]{_IN_NAME}*{_NO_NUMBER}){_IN_NAME}*$"
)
LONGEST_USER_NAME = 200
A_USER = (
    "a whole number, or a text of up to 200 characters with a letter, without spaces and slashes"
)
"""What a user may be called by another system."""


def is_user_name(text: str) -> bool:
    """Whether a user may be called so, rather than by a number."""
    return len(text) <= LONGEST_USER_NAME and re.fullmatch(USER_NAME_PATTERN, text) is not None


UserName = Annotated[str, Field(pattern=USER_NAME_PATTERN, max_length=LONGEST_USER_NAME)]

UNKNOWN_USER = LARGEST_ID
"""Stands for a name that nobody has."""

_IN_ID = r"[^\x00-\x1f\x7f-\x9f]"
MovieId = (
    UserId
    | Annotated[str, Field(pattern=rf"^(?:[0-9]+|{_IN_ID}*{_NO_NUMBER}{_IN_ID}*)$", max_length=200)]
)
"""What a film is named by: its ``movie_id``, or the text that its own catalog calls it by."""

A_MOVIE = "a whole number, or a text of up to 200 characters with a letter"
"""What a film may be called by another system."""

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


class SearchRequest(FilmFilters):
    """One search. ``k`` films are returned, chosen among ``candidates`` by text."""

    q: str = Field(description="Words, phrases, field:value, AND OR NOT, ranges.")
    user_id: UserId | None = Field(None, description="Whose taste orders them.")
    profile: Profile = Field("main", description="Which taste.")
    k: int = Field(10, ge=1, description="Films returned.")
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
    rerank: Rerank = Field(
        "none",
        description="Judge the first 40 films again: llm by the language model, small by a local "
        "text model.",
    )
    facets: bool = Field(False, description="Count all matching films by genre and decade.")
    snippets: bool = Field(False, description="The found words marked, as HTML.")
    as_typed: bool = Field(
        False, description="Search for the text as it is typed: try no other reading of it."
    )
    strict: bool = Field(False, description="Refuse what cannot be parsed instead of reading on.")
    cursor: str | None = Field(
        None, max_length=20_000, description="next_cursor of the page before."
    )


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


class Hit(Frozen):
    """One film, where it stands and why: the contributions add up to the score."""

    rank: int
    movie_id: int
    item_id: ItemId = None
    title: str
    original_title: str | None
    year: int | None
    genres: tuple[str, ...]
    director: str | None
    overview: str | None
    runtime_minutes: int | None
    poster_url: str | None
    avg_rating: float | None
    rating_count: int
    score: float
    level: Level = Field(
        description="How near it is to what was typed. Films of a nearer level stand first, "
        "whatever their scores."
    )
    pinned: bool = Field(False, description="An operator pinned it to what was typed.")
    bm25_score: float | None = Field(description="BM25 as the engine gave it, before scaling.")
    components: dict[str, float | None] = Field(description="Each in [0, 1]; null: not used.")
    contributions: dict[str, float] = Field(description="Weight times component; sum: score.")
    learned_score: float | None = Field(
        None, description="What a learned order gave it, when that made the order."
    )
    unpersonalized_rank: int
    moved: int = Field(description="Places gained (positive) or lost against unpersonalised.")
    seen: bool
    rating: float | None = Field(description="The user's own rating of this film.")
    rerank_score: float | None = Field(
        None, description="0 to 10, from whoever reranked it; null: not judged."
    )
    rerank_reason: str | None = Field(
        None, description="The facts that the verdict cites; null: none, or one against itself."
    )
    rank_before: int | None = Field(None, description="Its place before it was reranked.")
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


PARTS = (
    "bm25", "content", "collaborative", "popularity", "trending", "vote", "novelty", "alike",
)  # fmt: skip
"""The parts of a recommendation's score, in the order shown: SQL's recommend()."""

SOURCES = (
    "ann", "recent", "collab", "popularity", "trending", "vote", "alike", "query", "neighbours",
    "serendipity",
)  # fmt: skip
"""Where recommendations come from: SQL's recommend_candidates(), and what `serendipity` chose."""


class RecommendRequest(FilmFilters):
    """Films for one user; ``k`` of the ``candidates`` best of each source are returned."""

    user_id: UserId | None = Field(None, description="Whose taste orders them.")
    profile: Profile = Field("main", description="Which taste.")
    k: int = Field(10, ge=1, description="Films returned.")
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
    rerank: Rerank = Field(
        "none",
        description="Judge the first 40 films again: llm by the language model, small by a local "
        "text model.",
    )
    cursor: str | None = Field(
        None, max_length=20_000, description="next_cursor of the page before."
    )


class Recommendation(Frozen):
    """One film, where it stands and why: the contributions add up to the score."""

    rank: int
    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None
    genres: tuple[str, ...]
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
    sources: tuple[str, ...] = Field((), description="Which sources gave it.")
    rules: tuple[str, ...] = Field(
        (), description="Rules of the operator that changed where it stands, by name."
    )
    rerank_score: float | None = Field(
        None, description="0 to 10, from whoever reranked it; null: not judged."
    )
    rerank_reason: str | None = None
    rank_before: int | None = Field(None, description="Its place before it was reranked.")


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
    diversity: float | None = Field(
        None, description="What films were set apart by; null: they stand by their scores."
    )
    movies: tuple[Recommendation, ...]
    figures: ListFigures | None = Field(
        None, description="What the page is like as a whole; null: not asked for."
    )
    next_cursor: str | None = None


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


class SimilarMovie(Frozen):
    """A film near another, by the cosine of their centred text embeddings."""

    rank: int
    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float
    similarity: float
    content: float | None = Field(description="Cosine with the user's taste, when one was given.")


class Suggestion(Frozen):
    """A title that starts as typed."""

    movie_id: int
    item_id: ItemId = None
    title: str
    year: int | None


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


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("it is no time of this calendar") from error


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time; UTC unless it says otherwise."""


class Event(Frozen):
    """What a user did: with a film, or for `pinned` and `muted` with a genre."""

    type: EventType
    movie_id: MovieId | None = None
    genre: str | None = Field(None, pattern=r"^[^\x00-\x1f\x7f]{1,100}$")
    rating: float | None = Field(None, ge=0.5, le=5, description="Of `rated`: 0.5 to 5.")
    happened_at: Moment | None = Field(None, description="When; left out: now.")
    source: str | None = Field(
        None, pattern=r"^[^\x00-\x1f\x7f]{0,100}$", description="Where it came from."
    )
    event_id: str | None = Field(
        None,
        pattern=r"^[^\s/\x00-\x1f\x7f-\x9f]{1,200}$",
        description="An id of yours: what is sent twice under one id counts once.",
    )


class KnownEvent(Frozen):
    """An event of a user's history. Ratings that came otherwise are events `rated`."""

    event_id: str
    type: EventType
    movie_id: int | None
    item_id: ItemId = None
    title: str | None
    year: int | None
    genre: str | None
    rating: float | None
    happened_at: str
    source: str | None


class EventLine(Frozen):
    """What became of one event that was sent."""

    line: int = Field(description="Its place among those sent, from 1.")
    event_id: str | None
    outcome: Literal["accepted", "known", "refused"]
    reason: str | None = Field(None, description="Why it was refused.")


class EventReport(Frozen):
    """What became of events that were sent, one by one."""

    user_id: int
    profile: str
    accepted: int
    known: int = Field(description="Sent before under the same id: nothing changed.")
    refused: int
    lines: tuple[EventLine, ...]


class History(Frozen):
    """A page of a user's events, the newest first."""

    user_id: int
    profile: str
    events: tuple[KnownEvent, ...]
    next_cursor: str | None = None


class Feedback(Frozen):
    """What somebody did with a film of an answer."""

    answer_id: str = Field(
        pattern=r"^(search|recommend)\.[a-z]{1,20}\.[A-Za-z0-9_-]{8,40}$",
        description="That of the answer.",
    )
    movie_id: MovieId
    kind: Literal["impression", "click", "play"]
    position: int | None = Field(None, ge=1, le=100_000, description="Its rank in the answer.")
    sources: tuple[Annotated[str, Field(pattern="^[a-z_]{1,20}$")], ...] = Field(
        (), max_length=20, description="The sources of the film, as the answer said."
    )
    user_id: UserId | UserName | None = None
    happened_at: Moment | None = None


class RefusedLine(Frozen):
    """A line that was refused."""

    line: int = Field(description="Its place among those sent, from 1.")
    reason: str


class FeedbackReport(Frozen):
    """What became of feedback."""

    accepted: int
    known: int = Field(description="Said before: nothing changed.")
    refused: tuple[RefusedLine, ...]


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


def parse_weights(text: str, known: Sequence[str] = COMPONENTS) -> dict[str, float]:
    """``bm25:0.3,content:0.5`` as numbers.

    Raises ValueError for an unknown or repeated component, or a weight off 0 to MAX_WEIGHT.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition(":"))
        if name in weights:
            raise ValueError(f"{name} is weighted twice")
        weights[name] = _as_number(number)
        check_weights({name: weights[name]}, known)
    return weights


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def check_weights(weights: Mapping[str, float], known: Sequence[str] = COMPONENTS) -> None:
    """Raise ValueError for a name that is no component, or a weight off 0 to MAX_WEIGHT."""
    for name, weight in weights.items():
        if name not in known:
            nearest = process.extractOne(name, known, score_cutoff=60)
            hint = f"did you mean {nearest[0]}" if nearest else f"one of {', '.join(known)}"
            raise ValueError(f"{name!r} is no component; {hint}")
        if not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"the weight of {name} is no number from 0 to {MAX_WEIGHT}")


def check_request(settings: Settings, request: SearchRequest | RecommendRequest) -> None:
    """Raise MisuseError for a limit of the settings that is passed, or weights that cannot be."""
    for name in ("k", "candidates"):
        asked, limit = getattr(request, name), getattr(settings, f"max_{name}")
        if asked > limit:
            raise MisuseError(
                f"{name} is {asked}; at most {limit} are allowed. Ask for fewer, or raise "
                f"PALATE_MAX_{name.upper()}."
            )
    try:
        known = COMPONENTS if isinstance(request, SearchRequest) else PARTS
        check_weights(request.weights or {}, known)
    except ValueError as error:
        raise MisuseError(f"weights: {error}. Nothing was searched.") from error
