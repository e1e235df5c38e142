"""What the endpoints work with: one set a server, found through the request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import anyio.to_thread
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import Asker
from llm import LanguageModel
from palate.metrics import stage
from palate.settings import Settings
from rerank.search import Searcher
from serve.api.guard import Guard
from sql.database import Database

T = TypeVar("T")

_WAITING = 32


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one server."""

    database: Database
    settings: Settings
    searcher: Searcher
    asker: Asker
    model: LanguageModel | None
    guard: Guard
    patient: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(_WAITING), kw_only=True
    )
    """Threads of requests that wait for a language model, apart from all others."""


def services(request: Request) -> Services:
    """The services of the application that got this request."""
    found: Services = request.app.state.services
    return found


def answer(model: BaseModel) -> Response:
    """``model`` as JSON, written once by pydantic's own serializer."""
    with stage("serialize"):
        return Response(model.model_dump_json(), media_type="application/json")


async def in_thread(request: Request, work: Callable[[], T], *, patient: bool) -> T:
    """What ``work`` returns, from a thread; ``patient`` where it may wait for a language model."""
    limiter = services(request).patient if patient else None
    return await anyio.to_thread.run_sync(work, limiter=limiter)
