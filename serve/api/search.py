"""``GET /v1/search`` and ``GET /v1/suggest``."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from ask.hint import hint
from palate.contract import (
    COMPONENTS,
    Frozen,
    Profile,
    SearchRequest,
    SearchResponse,
    Suggestion,
    UserId,
    parse_weights,
)
from search.catalog import suggest as suggest_titles
from serve.api.parameters import WrittenWeights
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, services

router = APIRouter(route_class=GuardedRoute, tags=["search"])


def _read_weights(value: Any) -> Any:
    return parse_weights(value) if isinstance(value, str) else value


Weights = Annotated[WrittenWeights, BeforeValidator(_read_weights)]


class SearchParameters(SearchRequest):
    """A search as its address spells it."""

    q: str = Field(
        description='Words, "phrases", field:value, AND OR NOT + -, ranges, prefix*, fuzzy~1. '
        "What cannot be parsed is searched as words.",
        examples=["lord", "title:matrix AND year:[2000 TO 2020]"],
    )
    weights: Weights = Field(
        None,
        description="Weights of the blend for this call, as component:weight with commas between; "
        f"components: {', '.join(COMPONENTS)}. The others stay as stored.",
        examples=["bm25:0.3,content:0.5"],
    )


class Suggestions(Frozen):
    """Titles that start as typed, best first."""

    prefix: str
    suggestions: tuple[Suggestion, ...]


class SuggestParameters(Frozen):
    """What was typed so far."""

    q: str = Field(max_length=200, description="What was typed so far.", examples=["lord of"])
    k: int = Field(10, ge=1, le=50, description="Titles returned.")
    user_id: UserId | None = Field(None, description="Whose taste orders equally known titles.")
    profile: Profile = Field("main", description="Which taste.")


@router.get(
    "/v1/search",
    summary="Search, in the order of a user's taste",
    response_model=SearchResponse,
    **scoped("read", 400, 501),
)
def search(request: Request, parameters: Annotated[SearchParameters, Query()]) -> Response:
    """Find films by text and order them by the taste of `user_id`.

    Without `user_id`, or for a user of whom nothing is known, the order is the text's own and the
    answer says why. The contributions of each hit add up to its score; `moved` is how many places
    taste lifted it.
    """
    return answer(request, hint(services(request).searcher.search(parameters)))


@router.get(
    "/v1/suggest",
    summary="Titles that start as typed",
    response_model=Suggestions,
    **scoped("read"),
)
def suggest(request: Request, parameters: Annotated[SuggestParameters, Query()]) -> Response:
    """Complete a title while it is being typed."""
    asked = parameters.q, parameters.k, parameters.user_id, parameters.profile
    suggestions = suggest_titles(services(request).database, *asked)
    return answer(request, Suggestions(prefix=parameters.q, suggestions=tuple(suggestions)))
