"""The HTTP application: routes, and around them what every request passes through."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from ask.answer import Asker, make_reader
from llm import open_llm
from llm.store import PostgresStore
from palate import __version__
from palate.settings import Settings
from rerank.search import Searcher
from serve.api import analysis, ask, health, movies, search, stream, users
from serve.api.guard import Guard
from serve.api.keys import KeyRing
from serve.api.middleware import Gate, Requests
from serve.api.openapi import document
from serve.api.problems import MethodNotAllowedError
from serve.api.services import Services
from serve.api.watches import ModelWatch, NamesWatch
from sql.database import Database

_GZIP_FROM_BYTES = 1024
_GZIP_LEVEL = 4
_DESCRIPTION = (
    "BM25 finds the candidates, each user's taste orders them. Errors are problem documents "
    "(RFC 9457). Unknown query parameters are refused. Every answer carries X-Request-ID."
)


def create_guard(settings: Settings, *, insecure: bool = False) -> Guard:
    """The guard that the settings ask for. Raises MisuseError for an unusable keys file."""
    keys = KeyRing(settings.api_keys_file) if settings.api_keys_file else None
    return Guard(keys, insecure=insecure)


class _Application(FastAPI):
    """FastAPI with Palate's own OpenAPI document, made once."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings

    def openapi(self) -> dict[str, Any]:
        """The document that ``/openapi.json`` serves."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self, self._settings)
        return self.openapi_schema


def create_app(database: Database, settings: Settings, *, insecure: bool = False) -> FastAPI:
    """The application over ``database``, which stays the caller's to close.

    Without API keys it answers only clients on this machine, unless ``insecure``.
    Raises MisuseError for an unusable keys file or a language model that is set by half, and
    NotInstalledError where one is set without its client.
    """
    app = _Application(
        settings,
        title="Palate",
        version=__version__,
        summary="Search results, to taste",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            HTTPException: _refuse,
            RequestValidationError: _raise,
        },
    )
    guard = create_guard(settings, insecure=insecure)
    model = open_llm(settings, PostgresStore(database))
    searcher = Searcher(database, settings, model=model)
    asker = Asker(database, searcher, make_reader(model))
    app.state.services = Services(database, settings, searcher, asker, model, guard)
    app.state.readiness = health.Readiness(database)
    for router in (
        search.router,
        stream.router,
        ask.router,
        analysis.router,
        movies.router,
        users.router,
        health.router,
    ):
        app.include_router(router)
    app.state.methods = _methods_by_path(app.openapi())
    app.add_middleware(
        Gate, guard=guard, max_url=settings.max_url_length, max_body=settings.max_body_bytes
    )
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=_GZIP_LEVEL)
    app.add_middleware(
        Requests, timeout=settings.request_timeout, max_running=settings.max_running_requests
    )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # As many threads as connections: who waits, waits in line and not for a connection.
    found: Services = app.state.services
    anyio.to_thread.current_default_thread_limiter().total_tokens = found.settings.pool_size
    watches = ModelWatch(found.database, found.searcher), NamesWatch(found.asker.names)
    for watch in watches:
        watch.start()
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()
        if found.model is not None:
            found.model.close()


def _methods_by_path(made: dict[str, Any]) -> list[tuple[re.Pattern[str], str]]:
    """What ``Allow`` says of each path."""
    paths = {**made["paths"], "/openapi.json": {"get": {}}}
    return [(compile_path(path)[0], _methods(operations)) for path, operations in paths.items()]


def _methods(operations: dict[str, Any]) -> str:
    methods = {method.upper() for method in operations} | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


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


async def _raise(_: Request, error: Exception) -> Response:
    """Leave the error to the outermost middleware, which writes every problem document."""
    raise error
