"""``POST /v1/feedback``, and ``GET /v1/watch-link``: what follows an answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from palate.contract import Feedback, FeedbackReport, Frozen
from rerank.feedback import MOST_LINES, add_feedback
from search.availability import find_link
from serve.api.parameters import MoviePath
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["feedback"])

_FEEDBACK_BYTES = 500_000

Line = Annotated[Any, WithJsonSchema(Feedback.model_json_schema())]


class NewFeedback(Frozen):
    """What people did with films of answers. What is wrong with one line refuses no other."""

    feedback: tuple[Line, ...] = Field(min_length=1, max_length=MOST_LINES)


class WhereToWatch(Frozen):
    """On which service, where."""

    service: str = Field(
        pattern="^[a-z0-9_-]{1,40}$", description="The service.", examples=["archive"]
    )
    country: str = Field(
        pattern="^[A-Z]{2}$", description="The country, by ISO 3166.", examples=["DE"]
    )


@router.post(
    "/v1/feedback",
    summary="Say what became of an answer",
    **scoped("write", line="write", body=NewFeedback, max_body=_FEEDBACK_BYTES, own=True),
)
def feedback(request: Request) -> FeedbackReport:
    """Films of an answer that were seen, clicked or played, with their positions.

    `answer_id` is that of the answer. It is kept as it is; `palate evaluate clicks` reads it, and
    films that are clicked and played are trending.
    """
    lines = read_body(request, NewFeedback).feedback
    return add_feedback(services(request).database, lines)


@router.get(
    "/v1/watch-link/{movie_id}",
    summary="To where a film can be watched",
    status_code=302,
    response_class=Response,
    **scoped("read", 404, own=True),
)
def watch_link(
    request: Request, movie_id: MoviePath, parameters: Annotated[WhereToWatch, Query()]
) -> Response:
    """Redirect to the film at a service; only to hosts that the operator lists."""
    where = parameters.service, parameters.country
    return RedirectResponse(find_link(services(request).database, movie_id, *where), 302)
