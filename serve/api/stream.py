"""``GET /v1/search/stream``: the films at once, then each film's reason as it gets worded.

Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): ``results``
with a search's answer, a ``reason`` a film, ``done``. Whoever goes away takes the questions to the
language model that are under way back with them.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from palate.contract import SearchResponse
from rerank.wording import Passage, Worded, Writer
from serve.api.routes import GuardedRoute, scoped
from serve.api.search import SearchParameters
from serve.api.services import in_thread, services

router = APIRouter(route_class=GuardedRoute, tags=["search"])
MEDIA_TYPE = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["results", "reason", "done"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


class StreamParameters(SearchParameters):
    """A search whose reasons follow."""

    explain: Literal["llm"] = Field("llm", description="What follows the films.")


class _Events(Response):
    """Events as they come, until they end or the client goes away."""

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncIterator[bytes], status_code: int = 200) -> None:
        super().__init__(status_code=status_code)
        self._events = events
        del self.headers["content-length"]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": self.status_code}
        start["headers"] = self.raw_headers
        await send(start)
        async with anyio.create_task_group() as group:
            group.start_soon(self._leave, receive, group.cancel_scope)
            async with aclosing(self._events) as events:  # type: ignore[type-var]
                async for event in events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()

    async def _leave(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()


_DOCUMENTED = scoped("read", 400, 501)
_DOCUMENTED["responses"][200] = {"content": {MEDIA_TYPE: {"schema": _EVENT}}}


@router.get(
    "/v1/search/stream",
    summary="Search, and the reasons as they are worded",
    response_class=_Events,
    **_DOCUMENTED,
)
async def search_stream(
    request: Request, parameters: Annotated[StreamParameters, Query()]
) -> Response:
    """Send the answer of a search as the event `results`, then `reason` for each film, then `done`.

    Films never wait for words: `results` has the template's reasons. Each `reason` has the
    `movie_id`, its `reasons` and their `reason_source`; `done` is what `wording` is in a search.
    """
    searcher = services(request).searcher

    def find() -> AsyncIterator[bytes]:
        response, passages = searcher.search_before_wording(parameters)
        names = searcher.writer.prepare()
        worded = searcher.writer.stream(passages, names)
        return _events(response, passages, worded, searcher.writer)

    return _Events(await in_thread(request, find, patient=parameters.rerank == "llm"))


async def _events(
    response: SearchResponse,
    passages: list[Passage],
    worded: AsyncIterator[Worded],
    writer: Writer,
) -> AsyncIterator[bytes]:
    yield _event("results", response.model_dump_json())
    texts = []
    async with aclosing(worded) as ready:  # type: ignore[type-var]
        async for each in ready:
            texts.append(each)
            yield _reason(each.key, each.sentences, each.source)
    asked = {passage.key for passage in passages}
    for hit in response.hits:
        if hit.movie_id not in asked:
            yield _reason(hit.movie_id, hit.reasons or (), "template")
    yield _event("done", writer.account(texts).model_dump_json())


def _reason(movie_id: int, sentences: tuple[str, ...], source: str) -> bytes:
    told = {"movie_id": movie_id, "reasons": sentences, "reason_source": source}
    return _event("reason", json.dumps(told, ensure_ascii=False))


def _event(name: str, data: str) -> bytes:
    """One event; JSON has no line ends of its own."""
    return f"event: {name}\ndata: {data}\n\n".encode()
