"""``/v1/ask``: requests in plain words, and the structures that they are read as."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import AskAnswer
from ask.rules import LONGEST_REQUEST
from ask.structure import Structure
from ask.summaries import word_answer
from serve.api.analysis import SummaryWords
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, in_thread, services

router = APIRouter(route_class=GuardedRoute, tags=["search"])


class AskParameters(BaseModel):
    """A request in plain words."""

    q: str = Field(
        min_length=1,
        max_length=LONGEST_REQUEST,
        description="What is looked for, in plain words.",
        examples=["dark thrillers from the nineties, nothing with Tom Hanks", "films like Shrek"],
    )
    user_id: int | None = Field(
        None, ge=0, le=2**63 - 1, description="Whose taste, where the words name nobody."
    )
    k: int | None = Field(None, ge=1, description="Films returned, where the words say no number.")
    rules: bool = Field(False, description="Read by rules, also where a language model is set.")
    words: SummaryWords = "template"


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
    patient = parameters.words == "llm" or (found.model is not None and not parameters.rules)

    def make() -> Response:
        made = found.asker.ask(
            parameters.q, parameters.user_id, parameters.k, rules=parameters.rules
        )
        writes = parameters.words == "llm"
        return answer(word_answer(made, found.searcher.writer) if writes else made)

    return await in_thread(request, make, patient=patient)


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
    found = services(request)

    def make() -> Response:
        made = found.asker.run(structure)
        return answer(word_answer(made, found.searcher.writer) if words == "llm" else made)

    return await in_thread(request, make, patient=words == "llm")
