"""What the endpoints work with: one set a server, found through the request."""

import gzip
import re
from dataclasses import dataclass, field
from threading import Event

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import Asker
from ingest.catalog import VectorMaker
from llm import LanguageModel
from palate.metrics import stage
from palate.settings import Settings
from rerank.search import Searcher
from serve.api.encoder import ServerEncoder
from serve.api.guard import Guard
from serve.api.limits import RateLimit
from serve.api.lines import Kind, Line
from sql.database import Database

_GZIP_FROM_BYTES = 1024
_GZIP_LEVEL = 4
_READS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


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
    limit: RateLimit
    embed: VectorMaker
    encoder: ServerEncoder
    stopping: Event = field(default_factory=Event)
    """Set once the server is told to stop: it goes on for a moment, and closes what it answered."""


def services(request: Request) -> Services:
    """The services of the application that got this request."""
    found: Services = request.app.state.services
    return found


def answer(request: Request, model: BaseModel) -> Response:
    """``model`` as JSON, written once by pydantic's own serializer."""
    with stage("serialize"):
        body = model.__pydantic_serializer__.to_json(model)
    return respond(request, body, "application/json")


def respond(request: Request, body: bytes, media_type: str) -> Response:
    """``body``, compressed for who reads that; called by threads, so that the loop need not."""
    headers = {"vary": "Accept-Encoding"}
    accepted = request.headers.get("accept-encoding", "")
    if len(body) >= _GZIP_FROM_BYTES and _READS_GZIP.search(accepted):
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=headers)
