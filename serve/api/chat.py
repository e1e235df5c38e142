"""``POST /v1/chat``: talk, answered as it is made."""

import json
from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import Field
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from ask.conversation import LONGEST_STATE
from ask.rules import LONGEST_REQUEST
from palate.contract import Frozen, UserId, Words
from serve.api.middleware import CALLER
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services
from serve.chat import Chat, ChatReply

router = APIRouter(route_class=GuardedRoute, tags=["search"])

_MESSAGE_BYTES = 16_384
_SEND_SECONDS = 10
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["text", "films", "answer", "done"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


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


_DOCUMENTED = scoped(
    "read", 400, 404, line="patient", body=Message, max_body=_MESSAGE_BYTES, own=True
)
_DOCUMENTED["responses"][200] = {"content": {"text/event-stream": {"schema": _EVENT}}}


@router.post("/v1/chat", summary="Talk", response_class=EventSourceResponse, **_DOCUMENTED)
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
    return EventSourceResponse(_events(reply), sep="\n", send_timeout=_SEND_SECONDS)


def _events(reply: ChatReply) -> Iterator[dict[str, str]]:
    for sentence in reply.text:
        yield _event("text", sentence)
    yield _event("films", [film.model_dump() for film in reply.films])
    if reply.answer is not None:
        yield {"event": "answer", "data": reply.answer.model_dump_json()}
    yield _event("done", {"conversation": reply.conversation})


def _event(name: str, data: object) -> dict[str, str]:
    return {"event": name, "data": json.dumps(data, ensure_ascii=False)}
