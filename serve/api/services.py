"""What the endpoints work with: one set a server, found through the request."""

from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from palate.llm import LanguageModel
from palate.metrics import stage
from palate.settings import Settings
from rerank.ask.answer import Asker
from rerank.search import Searcher
from serve.api.guard import Guard
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


def services(request: Request) -> Services:
    """The services of the application that got this request."""
    found: Services = request.app.state.services
    return found


def answer(model: BaseModel) -> Response:
    """``model`` as JSON, written once by pydantic's own serializer."""
    with stage("serialize"):
        return Response(model.model_dump_json(), media_type="application/json")
