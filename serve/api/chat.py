"""``POST /v1/chat``: talk, answered as it is made."""

from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ask.conversation import LONGEST_STATE
from ask.rules import LONGEST_REQUEST
from palate.contract import Frozen, UserId, Words
from serve.api.middleware import CALLER
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services
from serve.api.sse import Event, event, send, with_events
from serve.chat import Chat, ChatReply

router = APIRouter(route_class=GuardedRoute, tags=["search"])

_MESSAGE_BYTES = 16_384


class Message(Frozen):
    """One message of a talk."""

    message: str = Field(
        min_length=1,
        max_length=LONGEST_REQUEST,
        description="What is said: a request in plain words, `/why 3`, `/more`, `/not 2`.",
    )
    user_id: UserId | None = Field(None, description="Whose taste, whomever the words name.")
    conversation: str | None = Field(
        None,
        max_length=LONGEST_STATE,
        pattern=r"^[\w.-]+$",
        description="`conversation` of the reply before, where this is said next.",
    )
    rules: bool = Field(False, description="Read by rules, also where a language model is set.")
    words: Words = Field(
        "template", description="llm: the language model chooses what a summary tells."
    )


_NEEDS = scoped("read", 400, 404, line="patient", body=Message, max_body=_MESSAGE_BYTES, own=True)


@router.post("/v1/chat", summary="Talk", **with_events(_NEEDS, "text", "films", "answer", "done"))
def chat(request: Request) -> Response:
    """Answer one message of a talk as server-sent events.

    `text` is a sentence each, `films` what later messages may name by place, `answer` all that was
    found as POST /v1/ask has it, and `done` has `conversation`, to be sent with what is said next.
    """
    asked, found = read_body(request, Message), services(request)
    reply = Chat(found.database, found.asker).reply(
        asked.message,
        asked.user_id,
        after=asked.conversation,
        rules=asked.rules,
        words=asked.words,
    )
    caller = request.scope.get(CALLER)
    if caller is not None and reply.answer is not None:
        caller.check_structure(reply.answer.structure)
    return send(_events(reply))


def _events(reply: ChatReply) -> Iterator[Event]:
    for sentence in reply.text:
        yield event("text", sentence)
    yield event("films", [film.model_dump() for film in reply.films])
    if reply.answer is not None:
        yield {"event": "answer", "data": reply.answer.model_dump_json()}
    yield event("done", {"conversation": reply.conversation})
