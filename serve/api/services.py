"""What the endpoints work with: one set a server, found through the request."""

from dataclasses import dataclass, field
from threading import Event

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import Asker
from llm import LanguageModel
from palate.metrics import stage
from palate.settings import Settings
from rerank.search import Searcher
from serve.api.guard import Guard
from serve.api.lines import Kind, Line
from sql.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one server."""

    database: Database
    settings: Settings
    searcher: Searcher
    asker: Asker
    model: LanguageModel | None
    guard: Guard
    lines: dict[Kind, Line]
    stopping: Event = field(default_factory=Event)
    """Set once the server is told to stop: it goes on for a moment, and closes what it answered."""


def services(request: Request) -> Services:
    """The services of the application that got this request."""
    found: Services = request.app.state.services
    return found


def answer(model: BaseModel) -> Response:
    """``model`` as JSON, written once by pydantic's own serializer."""
    with stage("serialize"):
        return Response(model.model_dump_json(), media_type="application/json")
