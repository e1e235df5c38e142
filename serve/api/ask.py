"""``/v1/ask``: requests in plain words, and the structures that they are read as."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from ask.answer import AskAnswer
from ask.conversation import LONGEST_STATE, Turn
from ask.rules import LONGEST_REQUEST
from ask.structure import Structure
from ask.summaries import word_answer
from palate.contract import UserId, Words
from serve.api.middleware import CALLER
from serve.api.parameters import WhoseWords
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["search"])

_STRUCTURE_BYTES = 65_536


class AskParameters(WhoseWords):
    """A request in plain words."""

    q: str = Field(
        min_length=1,
        max_length=LONGEST_REQUEST,
        description="What is looked for, in plain words.",
        examples=["dark thrillers from the nineties, nothing with Tom Hanks", "films like Shrek"],
    )
    user_id: UserId | None = Field(None, description="Whose taste, whomever the words name.")
    k: int | None = Field(None, ge=1, description="Films returned, where the words say no number.")
    rules: bool = Field(False, description="Read by rules, also where a language model is set.")
    conversation: str | None = Field(
        None,
        max_length=LONGEST_STATE,
        pattern=r"^[\w.-]+$",
        description="`conversation` of the answer before, where this is said next.",
    )


@router.get(
    "/v1/ask",
    summary="Answer a request in plain words",
    **scoped("read", 400, 404, line="analysis"),
)
def ask(request: Request, parameters: Annotated[AskParameters, Query()]) -> AskAnswer:
    """Read a request, link its names to the catalog and answer it by the same search as all else.

    `structure` is how it was read, `understood` the same in words: change it and send it to POST
    /v1/ask. What the catalog does not have is in `not_found`, words that count for nothing in
    `ignored`; nothing is made up for them. `conversation` goes back with what is said next:
    “only the ones from the nineties”, “without the second”.
    """
    found = services(request)
    user_id, k = parameters.user_id, parameters.k
    said = parameters.conversation
    after = None if said is None else found.asker.read_conversation(said)
    made = found.asker.ask(parameters.q, user_id, k, rules=parameters.rules, after=after)
    return _answer(request, made, parameters.words, after)


@router.post(
    "/v1/ask",
    summary="Answer a structure",
    **scoped(
        "read", 400, 404, line="analysis", body=Structure, max_body=_STRUCTURE_BYTES, own=True
    ),
)
def ask_structure(request: Request, parameters: Annotated[WhoseWords, Query()]) -> AskAnswer:
    """Run a structure, as GET /v1/ask gave it or as it was changed since."""
    found = services(request)
    return _answer(request, found.asker.run(read_body(request, Structure)), parameters.words)


def _answer(
    request: Request, made: AskAnswer, words: Words, before: Turn | None = None
) -> AskAnswer:
    asker = services(request).asker
    if (caller := request.scope.get(CALLER)) is not None:
        caller.check_structure(made.structure)
    made = asker.write(made, before)
    return word_answer(made, asker.writer) if words == "llm" else made
