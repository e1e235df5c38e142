"""``/v1/ask``: requests in plain words, and the structures that they are read as."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import AskAnswer
from ask.rules import LONGEST_REQUEST
from ask.structure import Structure
from ask.summaries import word_answer
from palate.contract import UserId, Words
from serve.api.parameters import SummaryWords, WhoseWords
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, in_thread, services

router = APIRouter(route_class=GuardedRoute, tags=["search"])


class AskParameters(WhoseWords):
    """A request in plain words."""

    q: str = Field(
        min_length=1,
        max_length=LONGEST_REQUEST,
        description="What is looked for, in plain words.",
        examples=["dark thrillers from the nineties, nothing with Tom Hanks", "films like Shrek"],
    )
    user_id: UserId | None = Field(None, description="Whose taste, where the words name nobody.")
    k: int | None = Field(None, ge=1, description="Films returned, where the words say no number.")
    rules: bool = Field(False, description="Read by rules, also where a language model is set.")


@router.get(
    "/v1/ask",
    summary="Answer a request in plain words",
    response_model=AskAnswer,
    **scoped("read", 400, 404),
)
async def ask(request: Request, parameters: Annotated[AskParameters, Query()]) -> Response:
    """Read a request, link its names to the catalog and answer it by the same search as all else.

    `structure` is how it was read: change it and send it to POST /v1/ask. What the catalog does
    not have is in `not_found`; nothing is made up for it.
    """
    found = services(request)

    def make() -> AskAnswer:
        user_id, k = parameters.user_id, parameters.k
        return found.asker.ask(parameters.q, user_id, k, rules=parameters.rules)

    reads = found.model is not None and not parameters.rules
    return await _answer(request, make, parameters.words, reads)


@router.post(
    "/v1/ask",
    summary="Answer a structure",
    response_model=AskAnswer,
    name="ask_structure",
    **scoped("read", 400, 404, 413, 415),
)
async def ask_structure(
    request: Request, structure: Structure, words: Annotated[SummaryWords, Query()] = "template"
) -> Response:
    """Run a structure, as GET /v1/ask gave it or as it was changed since."""
    return await _answer(request, lambda: services(request).asker.run(structure), words)


async def _answer(
    request: Request, make: Callable[[], AskAnswer], words: Words, reads: bool = False
) -> Response:
    """What ``make`` answers, in these words; ``reads`` where a model reads the request."""
    writer = services(request).searcher.writer

    def work() -> Response:
        return answer(word_answer(make(), writer) if words == "llm" else make())

    return await in_thread(request, work, patient=reads or words == "llm")
