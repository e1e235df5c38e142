"""``POST /v1/multi-search``: several searches in one call, each answered in its place."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter
from pydantic import Field, WithJsonSchema
from starlette.requests import Request

from ask.hint import hint
from palate.contract import Frozen, SearchRequest, SearchResponse
from palate.errors import MisuseError, PalateError
from serve.api.problems import Problem, problem_for
from serve.api.routes import GuardedRoute, read_body, read_given, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["search"])

MOST_SEARCHES = 20
_SEARCHES_BYTES = 262_144
_OWN_FAULT = 500
"""From this status on it is no search's own fault, and the others would fare no better."""

Line = Annotated[Any, WithJsonSchema(SearchRequest.model_json_schema())]


class Searches(Frozen):
    """Searches to be answered together. What is wrong with one refuses no other."""

    searches: tuple[Line, ...] = Field(
        min_length=1,
        max_length=MOST_SEARCHES,
        description="1 to 20 searches, each with the parameters of GET /v1/search.",
    )


class SearchOutcome(Frozen):
    """What one search came to: an answer, or a problem."""

    answer: SearchResponse | None = Field(None, description="Null: there is a problem.")
    problem: Problem | None = Field(None, description="Why it was refused; null: it was not.")


class SearchOutcomes(Frozen):
    """What each search came to."""

    answers: tuple[SearchOutcome, ...] = Field(description="In the order of the searches, 1 to 20.")


@router.post(
    "/v1/multi-search",
    summary="Several searches in one call",
    **scoped("read", line="analysis", body=Searches, max_body=_SEARCHES_BYTES, own=True),
)
def multi_search(request: Request) -> SearchOutcomes:
    """Answer up to 20 searches, each as GET /v1/search would: its answer or its problem stands in
    its place. A language model or text model judges or words in GET /v1/search only.
    """
    searches = read_body(request, Searches).searches
    outcomes = tuple(_search(request, each) for each in searches)
    return SearchOutcomes(answers=outcomes)


def _search(request: Request, given: object) -> SearchOutcome:
    try:
        asked = read_given(request, given, SearchRequest)
        if asked.explain == "llm" or asked.rerank != "none":
            raise MisuseError(
                "A model judges and words one search at a time. Nothing was searched. "
                "Send this one to /v1/search, or without `explain=llm` and `rerank`."
            )
        return SearchOutcome(answer=hint(services(request).searcher.search(asked)))
    except PalateError as error:
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        problem, _ = problem_for(error, request.url.path, request_id)
        if problem.status >= _OWN_FAULT and problem.status != 501:
            raise
        return SearchOutcome(problem=problem)
