"""``GET /v1/search/stream``: the films at once, then each film's reason as it gets worded.

Server-sent events: ``results`` with a search's answer, a ``reason`` a film, ``done``. Whoever goes
away takes the questions to the language model that are under way back with them.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from palate.contract import SearchResponse
from palate.person import PERSON
from rerank.wording import Passage, Worded, Writer
from serve.api.routes import GuardedRoute, scoped
from serve.api.search import SearchParameters
from serve.api.services import services
from serve.api.sse import Event, event, send, with_events

router = APIRouter(route_class=GuardedRoute, tags=["search"])


class StreamParameters(SearchParameters):
    """A search whose reasons follow."""

    explain: Literal["llm"] = Field("llm", description="What follows the films.")


@router.get(
    "/v1/search/stream",
    summary="Search, and the reasons as they are worded",
    **with_events(scoped("read", 400, 501), "results", "reason", "done"),
)
def search_stream(request: Request, parameters: Annotated[StreamParameters, Query()]) -> Response:
    """Send the answer of a search as the event `results`, then `reason` for each film, then `done`.

    Films never wait for words: `results` has the template's reasons. Each `reason` has the
    `movie_id`, its `reasons` and their `reason_source`; `done` is what `wording` is in a search.
    """
    searcher = services(request).searcher
    response, passages = searcher.search_before_wording(parameters)
    worded = searcher.writer.stream(passages)
    return send(_events(response, passages, worded, searcher.writer))


async def _events(
    response: SearchResponse,
    passages: list[Passage],
    worded: AsyncIterator[Worded],
    writer: Writer,
) -> AsyncIterator[Event]:
    PERSON.set(response.user_id)  # the task that sends is not the one that searched
    yield {"event": "results", "data": response.model_dump_json()}
    texts = []
    async with aclosing(worded) as ready:  # type: ignore[type-var]
        async for each in ready:
            texts.append(each)
            yield _reason(each.key, each.sentences, each.source)
    asked = {passage.key for passage in passages}
    for hit in response.hits:
        if hit.movie_id not in asked:
            yield _reason(hit.movie_id, hit.reasons or (), "template")
    yield {"event": "done", "data": writer.account(texts).model_dump_json()}


def _reason(movie_id: int, sentences: tuple[str, ...], source: str) -> Event:
    data = {"movie_id": movie_id, "reasons": sentences, "reason_source": source}
    return event("reason", data)
