"""The HTTP application: routes, and around them what every request passes through."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp

from ask.answer import Asker, make_reader
from ingest.catalog import VectorMaker
from llm import open_llm
from llm.store import PostgresStore
from palate import __version__
from palate.settings import Settings
from rerank.business import open_rules
from rerank.search import Searcher
from serve.api import (
    analysis,
    ask,
    catalog,
    chat,
    events,
    feedback,
    health,
    instantsearch,
    movies,
    multi_search,
    rules,
    search,
    stream,
    token,
    users,
)  # fmt: skip
from serve.api.encoder import ServerEncoder
from serve.api.guard import Guard
from serve.api.keys import KeyRing
from serve.api.limits import RateLimit
from serve.api.lines import make_lines, watch_connections
from serve.api.middleware import Direct, Requests
from serve.api.openapi import document
from serve.api.problems import MethodNotAllowedError
from serve.api.routes import GuardedRoute
from serve.api.services import Services
from serve.api.tokens import TokenSigner
from serve.api.watches import ModelWatch, NamesWatch
from sql.database import Database

_OTHER_THREADS = 4
_FIRST_LOOK_SECONDS = 2.0
_DESCRIPTION = (
    "BM25 finds the candidates, each user's taste orders them. Errors are problem documents "
    "(RFC 9457). Unknown query parameters are refused. Every answer carries X-Request-ID."
)


_ENDPOINTS = (
    search, multi_search, instantsearch, stream, ask, chat, analysis, movies, catalog, users,
    events, feedback, rules, token, health,
)  # fmt: skip
"""What the API is made of, in the order of its document."""

Faces = Callable[[FastAPI], None]
"""Adds to the API what is no part of it: the page, MCP."""


def create_guard(settings: Settings, *, insecure: bool = False) -> Guard:
    """The guard that the settings ask for. Raises MisuseError for an unusable keys file."""
    keys = KeyRing(settings.api_keys_file) if settings.api_keys_file else None
    secret = settings.token_secret
    tokens = TokenSigner(secret.get_secret_value()) if secret else None
    return Guard(keys, insecure=insecure, tokens=tokens, origins=settings.allowed_origins)


class _Application(FastAPI):
    """FastAPI with Palate's own OpenAPI document, made once."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings

    # FastAPI's asks for telemetry at every request, and has layers around each that catch, limit
    # and tell what `Requests` does.
    __call__ = Starlette.__call__

    def build_middleware_stack(self) -> ASGIApp:
        """What every request passes through."""
        found: Services = self.state.services
        routes = AsyncExitStackMiddleware(self.router)
        return Requests(
            ExceptionMiddleware(routes, handlers=self.exception_handlers),
            guard=found.guard,
            max_url=self._settings.max_url_length,
            stopping=found.stopping,
            direct=_direct(endpoints.router for endpoints in _ENDPOINTS),
        )

    def openapi(self) -> dict[str, Any]:
        """The document that ``/openapi.json`` serves."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self, self._settings)
        return self.openapi_schema


def create_app(
    database: Database,
    settings: Settings,
    *,
    insecure: bool = False,
    faces: Faces | None = None,
) -> FastAPI:
    """The application over ``database``, which stays the caller's to close.

    Without API keys it answers only clients on this machine, unless ``insecure``.
    Raises MisuseError for an unusable keys or rules file or a language model that is set by half,
    and NotInstalledError where one is set without its client.
    """
    app = _Application(
        settings,
        title="Palate",
        version=__version__,
        summary="Search results, to taste",
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={HTTPException: _refuse},
    )
    found = _services(database, settings, create_guard(settings, insecure=insecure))
    app.state.services = found
    app.state.readiness = health.Readiness(database, found.searcher.index)
    watch_connections(database.engine)
    for endpoints in _ENDPOINTS:
        app.include_router(endpoints.router)
    app.state.methods = []
    for path, operations in {**app.openapi()["paths"], "/openapi.json": ["get"]}.items():
        allow(app, path, *operations)
    if faces is not None:
        faces(app)
    return app


def _services(database: Database, settings: Settings, guard: Guard) -> Services:
    if settings.rules_file is not None:
        open_rules(settings.rules_file)  # at start, not at the first recommendation
    model = open_llm(settings, PostgresStore(database))
    encoder = ServerEncoder(settings)
    searcher = Searcher(database, settings, encoder, model)
    asker = Asker(database, searcher, make_reader(model, settings))
    lines = make_lines(settings)
    embed = VectorMaker(database, searcher.encoder.load)
    limit = RateLimit(settings.requests_per_minute)
    return Services(database, settings, searcher, asker, model, guard, lines, limit, embed, encoder)


def _direct(routers: Iterable[APIRouter]) -> Direct:
    routes = itertools.chain.from_iterable(router.routes for router in routers)
    return {
        (method, route.path): (route, route.guarded)
        for route in routes
        if isinstance(route, GuardedRoute) and "{" not in route.path
        for method in route.methods or ()
    }


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # A thread for each place in line, and some for those who need no place.
    found: Services = app.state.services
    threads = anyio.to_thread.current_default_thread_limiter()
    threads.total_tokens = sum(line.width for line in found.lines.values()) + _OTHER_THREADS
    readiness: health.Readiness = app.state.readiness
    watches = (
        readiness,
        ModelWatch(found.database, found.searcher),
        NamesWatch(found.asker.names),
    )
    for watch in watches:
        watch.start()
    await anyio.to_thread.run_sync(readiness.looked.wait, _FIRST_LOOK_SECONDS)
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()
        await anyio.to_thread.run_sync(found.embed.stop)
        if found.model is not None:
            found.model.close()


def allow(app: FastAPI, path: str, *methods: str) -> None:
    """Let ``Allow`` say which methods a path has."""
    known = {method.upper() for method in methods} | {"OPTIONS"}
    known |= {"HEAD"} if "GET" in known else set()
    app.state.methods.append((compile_path(path)[0], ", ".join(sorted(known))))


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer OPTIONS, and name the methods a path has to whoever used another one."""
    if not isinstance(error, HTTPException) or error.status_code != 405:
        raise error
    path = request.scope["path"]
    allowed = next((m for pattern, m in request.app.state.methods if pattern.match(path)), "")
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allowed})
    raise MethodNotAllowedError(
        f"This path answers to {allowed}. Nothing was done.", headers={"Allow": allowed}
    )
