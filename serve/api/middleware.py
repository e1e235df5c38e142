"""What surrounds every request, as plain ASGI: it costs microseconds, not a task group each.

``Requests`` is the outermost: it refuses strangers, long addresses and what can be read in two
ways, and gives every answer its request id, headers, problem document, metrics and line in the log.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from threading import Event
from time import perf_counter
from typing import Any
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palate import metrics
from serve.api.guard import Guard
from serve.api.problems import (
    MEDIA_TYPE,
    AddressTooLongError,
    AmbiguousRequestError,
    ClientLeftError,
    is_fault,
    problem_for,
)

KEY_NAME = "palate.key"
"""Where a route leaves the name of the API key it accepted, for the log."""

CALLER = "palate.caller"
"""Where a route leaves who asks."""

HEADERS = "palate.headers"
"""Where a route leaves headers of its answer."""

BODY = "palate.body"
"""Where a route leaves the body it received. What nobody received is not waited for either."""

PROBE_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_EXPOSED = b"ETag, Retry-After, X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, PUT, DELETE, POST, PATCH"),
    (
        b"access-control-allow-headers",
        b"Authorization, X-API-Key, Content-Type, If-Match, If-None-Match, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"})
_log = structlog.get_logger()

Direct = Mapping[tuple[str, str], tuple[BaseRoute, Callable[[Request], Awaitable[Response]]]]
"""By method and path: routes whose path has no parts, and what answers them."""


class Requests:
    """Let through who may come, and answer every request, whatever happens."""

    def __init__(
        self, app: ASGIApp, guard: Guard, max_url: int, stopping: Event, direct: Direct
    ) -> None:
        """``direct`` routes are found here: what ``app`` asks of every route in turn, and puts
        around each, takes longer than all else that a request costs before its search."""
        self._app = app
        self._direct = direct
        self._guard = guard
        self._max_url = max_url
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        answer = _Answer(scope, send, self._guard, self._stopping)
        with structlog.contextvars.bound_contextvars(request_id=answer.request_id):
            metrics.REQUESTS_RUNNING.inc()
            try:
                self._check(scope)
                await self._answer(answer, receive)
            except Exception as error:
                await answer.fail(error)
            finally:
                metrics.REQUESTS_RUNNING.dec()
                _record(answer, perf_counter() - started)

    async def _answer(self, answer: "_Answer", receive: Receive) -> None:
        scope = answer.scope
        found = self._direct.get((scope["method"], scope["path"]))
        if found is None or scope.get("root_path"):
            await self._app(scope, receive, answer.send)
            return
        scope["route"], respond = found
        scope["path_params"] = {}
        response = await respond(Request(scope, receive, answer.send))
        await response(scope, receive, answer.send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        _check_framing(scope, headers)
        client = scope.get("client")
        self._guard.check_origin(client[0] if client else None, headers)
        length = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if length > self._max_url:
            raise AddressTooLongError(
                f"Path and query have {length} bytes; at most {self._max_url} are read. "
                "Nothing was done. Shorten q."
            )


def _check_framing(scope: Scope, headers: Headers) -> None:
    """Refuse what this server and one in front of it may read differently (RFC 9112, 3.2, 6.1)."""
    if len(headers.getlist("host")) > 1 or (
        scope["http_version"] == "1.1" and "host" not in headers
    ):
        raise AmbiguousRequestError("A request names its Host once. Nothing was done.")
    if "transfer-encoding" in headers and "content-length" in headers:
        raise AmbiguousRequestError(
            "A body has a length or comes in chunks, not both. Nothing was done."
        )


class _Answer:
    """The one response to a request."""

    def __init__(self, scope: Scope, send: Send, guard: Guard, stopping: Event) -> None:
        self._guard = guard
        self.request_id = _request_id(scope)
        self.method: str = scope["method"]
        # A HEAD is a GET whose body is kept back.
        self.scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.status = 0
        self._send = send
        self._stopping = stopping

    @property
    def route(self) -> str:
        """The path's template, so that metrics have one label a route and none a film."""
        return getattr(self.scope.get("route"), "path", "unknown")

    async def fail(self, error: Exception) -> None:
        """Send the problem document of ``error``, if nothing was sent yet and somebody waits."""
        if isinstance(error, ClientLeftError):
            self.status = error.status
            return
        problem, headers = problem_for(error, quote(self.scope["path"]), self.request_id)
        if is_fault(error):
            _log.error("request_failed", path=self.scope["path"], exc_info=error)
        elif problem.status >= 500:
            _log.warning("request_failed", path=self.scope["path"], reason=str(error))
        if self.status:
            raise error
        body = problem.model_dump_json(exclude_none=True).encode()
        sent = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **headers}
        raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in sent.items()]
        start = {"type": "http.response.start", "status": problem.status, "headers": raw}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._with_headers(message.get("headers", []))}
        elif self.method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def _with_headers(self, headers: Any) -> list[tuple[bytes, bytes]]:
        given = list(headers)
        names = {name for name, _ in given}
        given += [header for header in _SECURITY_HEADERS if header[0] not in names]
        given.append((b"x-request-id", self.request_id.encode("ascii")))
        left: dict[str, str] = self.scope.get(HEADERS, {})
        given += [
            (header, value.encode())
            for name, value in left.items()
            if (header := name.lower().encode()) not in names
        ]
        given += self._cross_origin()
        if self._stopping.is_set() or self._has_unread_body():
            given.append((b"connection", b"close"))
        return given

    def _cross_origin(self) -> list[tuple[bytes, bytes]]:
        """What lets pages of listed sites read the answer (fetch.spec.whatwg.org)."""
        origin = next((v for n, v in self.scope["headers"] if n == b"origin"), None)
        if origin is None or not self._guard.lets_in(origin.decode("latin-1")):
            return []
        allowed = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        if self.method == "OPTIONS":
            return [*allowed, *_PREFLIGHT]
        return [*allowed, (b"access-control-expose-headers", _EXPOSED)]

    def _has_unread_body(self) -> bool:
        return BODY not in self.scope and any(
            (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
            for name, value in self.scope["headers"]
        )


def _request_id(scope: Scope) -> str:
    """The client's X-Request-ID where it is a plain token, so that it can stand in any log."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(given):
                return given
    return uuid.uuid4().hex


def _record(answer: _Answer, seconds: float) -> None:
    # Labels are ours, never the client's: a name it made up would be a new time series each.
    method = answer.method if answer.method in _METHODS else "other"
    status = str(answer.status or ClientLeftError.status)
    metrics.REQUEST_SECONDS.labels(method, answer.route, status).observe(seconds)
    _audit(answer)
    log = _log.debug if answer.scope["path"] in PROBE_PATHS else _log.info
    log(
        "request",
        method=answer.method,
        route=answer.route,
        status=answer.status,
        key=answer.scope.get(KEY_NAME),
        milliseconds=round(seconds * 1000, 2),
    )


def _audit(answer: _Answer) -> None:
    """A line for each write, done or refused: who, from where, what."""
    extra = getattr(answer.scope.get("route"), "openapi_extra", None) or {}
    if extra.get("x-scope") not in ("write", "admin") or answer.method in ("GET", "HEAD"):
        return
    client = answer.scope.get("client")
    _log.info(
        "audit",
        method=answer.method,
        path=answer.scope["path"],
        status=answer.status,
        key=answer.scope.get(KEY_NAME),
        address=client[0] if client else None,
    )
