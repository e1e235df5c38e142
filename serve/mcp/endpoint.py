"""``POST /mcp``: the server over streamable HTTP, stateless, behind the same keys as all else."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope

from serve.api.app import allow
from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.api.middleware import BODY
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import Services
from serve.mcp.server import Context, make_server
from serve.mcp.tools import Toolbox

T = TypeVar("T")
PATH = "/mcp"
_BODY_BYTES = 65_536
_RECEIVE = "palate.receive"


def add_mcp(app: FastAPI) -> None:
    """Let ``app`` answer at ``/mcp``."""
    found: Services = app.state.services
    server = make_server(Toolbox(found.database, found.searcher, found.asker), _HttpDoor(found))
    manager = StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=_BODY_BYTES
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with manager.run():
            yield

    async def mcp(request: Request) -> Response:
        return _Exchange(manager, request.scope[BODY])

    needs = scoped("read", line=None)
    needs["openapi_extra"]["x-max-body"] = _BODY_BYTES
    router = APIRouter(route_class=GuardedRoute, lifespan=lifespan)
    router.add_api_route(PATH, mcp, methods=["POST"], include_in_schema=False, **needs)
    app.include_router(router)
    allow(app, PATH, "POST")


class _HttpDoor:
    """Keys and lines are those of the HTTP API."""

    def __init__(self, found: Services) -> None:
        self._found = found

    def check(self, context: Context, scope: Scope) -> None:
        self._found.guard.authorize(_request(context).headers, scope)

    async def run(self, context: Context, line: Kind, work: Callable[[], T]) -> T:
        receive = _request(context).scope[_RECEIVE]
        in_thread = partial(anyio.to_thread.run_sync, work)
        return await self._found.lines[line].serve(receive, in_thread)


def _request(context: Context) -> Request:
    found: Request | None = context.request
    if found is None:
        raise RuntimeError("a message came by no request")
    return found


class _Exchange(Response):
    """One message and its answer; the body was received already."""

    def __init__(self, manager: StreamableHTTPSessionManager, body: bytes) -> None:
        super().__init__()
        self._manager = manager
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def replay() -> Message:
            first, self._message = self._message, None
            return await receive() if first is None else first

        inner: dict[str, Any] = {**scope, _RECEIVE: receive}
        await self._manager.handle_request(inner, replay, send)
