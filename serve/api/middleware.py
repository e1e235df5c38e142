"""What surrounds every request, as plain ASGI: it costs microseconds, not a task group each.

``Requests`` is the outermost: request id, time limit, problem documents, headers, log, metrics.
``Gate`` refuses what should not come further: strangers, long addresses, large bodies.
"""

import asyncio
import re
import uuid
from time import perf_counter
from typing import Any
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palate import metrics
from serve.api.guard import Guard
from serve.api.problems import (
    MEDIA_TYPE,
    AddressTooLongError,
    BodyTooLargeError,
    OverloadedError,
    TooSlowError,
    is_fault,
    problem_for,
)

KEY_NAME = "palate.key"
"""Where a route leaves the name of the API key it accepted, for the log."""

PROBE_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"})
_log = structlog.get_logger()


class Requests:
    """Answer every request, whatever happens, within ``timeout`` seconds."""

    def __init__(self, app: ASGIApp, timeout: float, max_running: int) -> None:
        self._app = app
        self._timeout = timeout
        self._max_running = max_running
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        answer = _Answer(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=answer.request_id):
            self._running += 1
            metrics.REQUESTS_RUNNING.inc()
            try:
                await self._run(answer.scope, receive, answer)
            except Exception as error:
                await answer.fail(error)
            finally:
                self._running -= 1
                metrics.REQUESTS_RUNNING.dec()
                _record(answer, perf_counter() - started)

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if self._running > self._max_running and scope["path"] not in PROBE_PATHS:
            metrics.REQUESTS_REFUSED.labels("overloaded").inc()
            raise OverloadedError(
                "The server is answering as many requests as it can. Nothing was done. "
                "Try again shortly.",
                headers={"Retry-After": "1"},
            )
        task = asyncio.ensure_future(self._app(scope, receive, answer.send))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            task.result()
            return
        answer.close()
        task.add_done_callback(_forget)
        raise TooSlowError(
            f"The request took longer than {self._timeout:g} s and was given up. "
            "A change it asked for may still be made. Look before you send it again."
        )


class Gate:
    """Let through only what the guard allows, with its whole body read, within the limits."""

    def __init__(self, app: ASGIApp, guard: Guard, max_url: int, max_body: int) -> None:
        self._app = app
        self._guard = guard
        self._max_url = max_url
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            client = scope.get("client")
            self._guard.check_origin(client[0] if client else None, headers.get("host", ""))
            self._check_address(scope)
            receive = await self._read_body(headers, receive)
        await self._app(scope, receive, send)

    def _check_address(self, scope: Scope) -> None:
        length = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if length > self._max_url:
            raise AddressTooLongError(
                f"Path and query have {length} bytes; at most {self._max_url} are read. "
                "Nothing was done. Shorten q."
            )

    async def _read_body(self, headers: Headers, receive: Receive) -> Receive:
        length = headers.get("content-length", "0")
        if length == "0" and "transfer-encoding" not in headers:
            return receive
        if length.isdecimal() and int(length) > self._max_body:
            raise self._too_large()
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_body:
                raise self._too_large()
        return _replay(body, receive)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"The body may have at most {self._max_body} bytes. Nothing was done.",
            headers={"Connection": "close"},
        )


class _Answer:
    """The one response to a request; deaf once closed, so that late work cannot garble it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = _request_id(scope)
        self.method: str = scope["method"]
        # A HEAD is a GET whose body is kept back.
        self.scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.status = 0
        self._send = send
        self._closed = False

    @property
    def route(self) -> str:
        """The path's template, so that metrics have one label a route and none a film."""
        return getattr(self.scope.get("route"), "path", "unknown")

    async def send(self, message: Message) -> None:
        if not self._closed:
            await self._send_now(message)

    def close(self) -> None:
        self._closed = True

    async def fail(self, error: Exception) -> None:
        """Send the problem document of ``error``, if nothing was sent yet."""
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
        await self._send_now(start)
        await self._send_now({"type": "http.response.body", "body": body})

    async def _send_now(self, message: Message) -> None:
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
        return given


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
    status = str(answer.status or 499)
    metrics.REQUEST_SECONDS.labels(method, answer.route, status).observe(seconds)
    log = _log.debug if answer.scope["path"] in PROBE_PATHS else _log.info
    log(
        "request",
        method=answer.method,
        route=answer.route,
        status=answer.status,
        key=answer.scope.get(KEY_NAME),
        milliseconds=round(seconds * 1000, 2),
    )


def _forget(task: "asyncio.Future[None]") -> None:
    """Note how work ended that nobody waits for any more."""
    if not task.cancelled() and (error := task.exception()):
        _log.warning("late_request_failed", reason=str(error))


def _replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body that was read, then what comes after it."""
    pending = True

    async def replay() -> Message:
        nonlocal pending
        if pending:
            pending = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay
