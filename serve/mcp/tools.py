"""The tools that an assistant may call: their names, arguments and answers.

A tool is a function whose first argument is the Toolbox; the others become its input schema.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from ask.answer import Asker
from ask.compare import FEWEST, MOST, compare
from ask.conversation import LONGEST_STATE
from ask.prediction import predict
from ask.preferences import find_preferences
from ask.rules import LONGEST_REQUEST
from palate.contract import (
    Audience,
    BudgetTier,
    EventType,
    Mode,
    Profile,
    RecommendRequest,
    RevenueTier,
    SearchRequest,
    Seen,
)
from palate.errors import MisuseError
from palate.person import PERSON
from rerank import profile as profiles
from rerank.events import add_events
from rerank.people import find_taste, find_user, name_user
from rerank.recommend import recommend
from rerank.search import Searcher
from search.catalog import get_movie, random_movies
from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.chat import Chat
from serve.mcp import outputs
from sql.database import Database

MOST_FILMS = 50
"""Films that one answer has at most: more fill an assistant's memory and nobody reads them."""

_MOST_CHARACTERS = 500

User = Annotated[str | None, Field(max_length=200)]
Few = Annotated[int, Field(ge=1, le=MOST_FILMS)]
Text = Annotated[str, Field(min_length=1, max_length=_MOST_CHARACTERS)]
Film = Annotated[str, Field(min_length=1, max_length=200, description="id or title")]
Year = Annotated[int | None, Field(ge=0, le=9999)]
F = TypeVar("F", bound=Callable[..., BaseModel])


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What tools work with. ``user_id``: whose taste where a call names nobody."""

    database: Database
    searcher: Searcher
    asker: Asker
    user_id: str | None = None

    def whose(self, user_id: str | None) -> int | None:
        """The user that a call is about, if any; of a name nobody has, nothing is known."""
        return find_taste(self.database, user_id or self.user_id)

    def someone(self, user_id: str | None, *, new: bool = False) -> int:
        """The same, where there has to be one; ``new``: who is not there is made.

        Raises MisuseError and NotFoundError.
        """
        who = user_id or self.user_id
        if who is None:
            raise MisuseError("It is not said which user. Nothing was done. Give user_id.")
        found = (name_user if new else find_user)(self.database, who)
        PERSON.set(found)
        return found

    def movie_id(self, movie: str, *, as_written: bool = False) -> int:
        """The film that an id or a title names, uncorrected where something is written of it.

        Raises NotFoundError and MisuseError.
        """
        return self.asker.names.find(movie, as_written=as_written).movie_id


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what it is called with, what it does, and what that needs."""

    name: str
    description: str
    arguments: type[BaseModel]
    answers: type[BaseModel]
    call: Callable[..., BaseModel]
    scope: Scope
    line: Kind

    def run(self, box: Toolbox, given: BaseModel) -> BaseModel:
        """The answer. Raises PalateError."""
        return self.call(box, **{name: getattr(given, name) for name in type(given).model_fields})


TOOLS: dict[str, Tool] = {}
"""Every tool by its name, in the order in which they are listed."""


def tool(line: Kind, scope: Scope = "read") -> Callable[[F], F]:
    """Make a tool of a function."""

    def add(function: F) -> F:
        hints = get_type_hints(function, include_extras=True)
        taken = list(inspect.signature(function).parameters.values())[1:]
        fields: dict[str, Any] = {
            each.name: (hints[each.name], ... if each.default is each.empty else each.default)
            for each in taken
        }
        arguments = create_model(
            function.__name__,
            __config__=ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True),
            **fields,
        )
        name, told = function.__name__, inspect.cleandoc(function.__doc__ or "")
        TOOLS[name] = Tool(name, told, arguments, hints["return"], function, scope, line)
        return function

    return add


@tool("search")
def search_movies(
    box: Toolbox,
    query: Text,
    user_id: User = None,
    k: Few = 10,
    profile: Profile = "main",
    mode: Mode = "lexical",
    seen: Seen = "keep",
    genres: Annotated[tuple[str, ...], Field(max_length=10)] = (),
    year_from: Year = None,
    year_to: Year = None,
    explain: bool = False,
    cursor: Annotated[str | None, Field(max_length=20_000)] = None,
) -> outputs.Films:
    """Find films by words, "phrases", title:x, director:x, AND OR NOT, in a user's order."""
    request = SearchRequest(
        q=query, user_id=box.whose(user_id), profile=profile, k=k, mode=mode, seen=seen,
        genres=genres, year_from=year_from, year_to=year_to, cursor=cursor,
        explain="facts" if explain else "none",
    )  # fmt: skip
    return outputs.found_films(box.searcher.search(request))


@tool("search")
def semantic_search(box: Toolbox, query: Text, user_id: User = None, k: Few = 10) -> outputs.Films:
    """Find films by what a text means, not by its words."""
    request = SearchRequest(q=query, user_id=box.whose(user_id), k=k, mode="semantic")
    return outputs.found_films(box.searcher.search(request))


@tool("search")
def get_movie_details(box: Toolbox, movie: Film) -> outputs.Details:
    """Everything known of a film."""
    return outputs.Details.of(get_movie(box.database, box.movie_id(movie)))


@tool("search")
def get_user_ratings(
    box: Toolbox,
    user_id: User = None,
    k: Few = 20,
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0,
) -> outputs.RatedFilms:
    """A user's ratings, newest first."""
    rows = profiles.list_ratings(box.database, box.someone(user_id), limit=k, offset=offset)
    return outputs.RatedFilms(ratings=tuple(map(outputs.Rated.of, rows)))


@tool("search")
def get_random_movies(box: Toolbox, k: Few = 5) -> outputs.Films:
    """Films at random."""
    return outputs.Films(films=outputs.films(random_movies(box.database, k)))


@tool("search")
def get_recommendations(box: Toolbox, user_id: User = None, k: Few = 10) -> outputs.Films:
    """Films a user has not rated, by what was learned from ratings."""
    request = RecommendRequest(user_id=box.whose(user_id), k=k)
    found = recommend(box.database, request, cache=box.searcher.recommended)
    return outputs.recommended_films(found)


@tool("patient")
def get_llm_recommendations(box: Toolbox, user_id: User = None, k: Few = 10) -> outputs.Films:
    """The same, the first 40 judged again by the server's language model."""
    request = RecommendRequest(user_id=box.whose(user_id), k=k, rerank="llm")
    found = recommend(box.database, request, reranker=box.searcher.reranker)
    return outputs.recommended_films(found)


@tool("analysis")
def predict_rating(box: Toolbox, movie: Film, user_id: User = None) -> outputs.Predicted:
    """The stars a user would give a film."""
    return outputs.Predicted.of(predict(box.database, box.someone(user_id), box.movie_id(movie)))


@tool("analysis")
def summarize_user_preferences(box: Toolbox, user_id: User = None) -> outputs.Taste:
    """What a user likes and dislikes, against everybody."""
    return outputs.taste(find_preferences(box.database, box.someone(user_id)))


@tool("analysis")
def compare_movies(
    box: Toolbox, movies: Annotated[tuple[Film, ...], Field(min_length=FEWEST, max_length=MOST)]
) -> outputs.Sides:
    """Films side by side: money, ratings, running time, who leads."""
    return outputs.Sides.of(compare(box.database, [box.movie_id(each) for each in movies]))


@tool("search")
def get_enriched_movies(
    box: Toolbox,
    tone: Annotated[str | None, Field(max_length=40, pattern="^[a-z -]+$")] = None,
    audience: Audience | None = None,
    budget_tier: BudgetTier | None = None,
    revenue_tier: RevenueTier | None = None,
    min_effectiveness: Annotated[float, Field(ge=0, le=10)] = 0,
    k: Few = 10,
) -> outputs.EnrichedFilms:
    """Films by tone (positive, negative, ...), audience, money, effectiveness (return, rating)."""
    wanted = {
        "sentiment": tone, "target_audience": audience, "budget_tier": budget_tier,
        "revenue_tier": revenue_tier,
    }  # fmt: skip
    clauses = [f'{field}:"{value}"' for field, value in wanted.items() if value]
    clauses.append(f"effectiveness:[{min_effectiveness:.2f} TO 10]")
    found = box.searcher.search(SearchRequest(q=" AND ".join(clauses), k=k, as_typed=True))
    movies = (get_movie(box.database, hit.movie_id) for hit in found.hits)
    return outputs.EnrichedFilms(films=tuple(map(outputs.Enriched.of, movies)))


@tool("patient")
def chat(
    box: Toolbox,
    message: Annotated[str, Field(min_length=1, max_length=LONGEST_REQUEST)],
    user_id: User = None,
    conversation: Annotated[str | None, Field(max_length=LONGEST_STATE)] = None,
) -> outputs.Chatted:
    """Answer "dark thrillers without Tom Hanks"; then, with conversation, "/why 3", "/not 2"."""
    made = Chat(box.database, box.asker).reply(message, box.whose(user_id), after=conversation)
    return outputs.chatted(made)


@tool("search")
def search(box: Toolbox, query: Text) -> outputs.Results:
    """Find films as documents; read one with fetch."""
    found = box.searcher.search(SearchRequest(q=query, user_id=box.whose(None)))
    movies = (get_movie(box.database, hit.movie_id) for hit in found.hits)
    return outputs.Results(results=tuple(outputs.Found.of(outputs.document(m)) for m in movies))


@tool("search")
def fetch(box: Toolbox, id: Film) -> outputs.Document:
    """Read a document that search found."""
    return outputs.document(get_movie(box.database, box.movie_id(id)))


@tool("write", "write")
def rate_movie(
    box: Toolbox,
    movie: Film,
    stars: Annotated[float, Field(ge=0.5, le=5, allow_inf_nan=False)],
    user_id: User = None,
) -> outputs.Rated:
    """Set a user's rating; the next search knows it. Only when the user says so."""
    movie_id = box.movie_id(movie, as_written=True)
    who = box.someone(user_id, new=True)
    return outputs.Rated.of(profiles.rate(box.database, who, movie_id, stars))


@tool("write", "write")
def record_event(
    box: Toolbox,
    type: EventType,
    movie: Annotated[str | None, Field(max_length=200)] = None,
    genre: Annotated[str | None, Field(max_length=100)] = None,
    user_id: User = None,
) -> outputs.Recorded:
    """Note what a user did with a film, or pins or mutes: also a genre. Only if they say so."""
    movie_id = None if movie is None else box.movie_id(movie, as_written=True)
    event = {"type": type, "movie_id": movie_id, "genre": genre, "source": "assistant"}
    who = box.someone(user_id, new=True)
    [line] = add_events(box.database, who, [event]).lines
    if line.outcome == "refused":
        raise MisuseError(f"{line.reason}. Nothing was noted.")
    return outputs.Recorded(event_id=line.event_id or "")
