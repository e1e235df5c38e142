"""uvicorn's HTTP connection, and what keeps a stranger from holding it.

uvicorn waits for the headers of a request for ever, and reads as many as come.
"""

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from palate.settings import Settings
from serve.api.problems import MEDIA_TYPE, HeadersTooLargeError, problem_for

_HEADER_BYTES = 32_768
"""Of one request's headers, besides its address."""

_READ = 65_535
"""Bytes of an address that httptools reads; of a longer one it says in no form of ours that it is
invalid. More than any limit of ours, so what is cut is refused."""

_log = structlog.get_logger()


def limited_protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """Connections with these settings' limits of headers and of connections."""

    class LimitedProtocol(_LimitedProtocol):
        head_seconds = settings.header_timeout
        max_head = settings.max_url_length + _HEADER_BYTES
        max_connections = settings.max_connections

    return LimitedProtocol


class _LimitedProtocol(HttpToolsProtocol):
    head_seconds: float
    max_head: int
    max_connections: int

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._heard = 0.0

    @property
    def _rests(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._heard = self.loop.time()
        self._await_head()
        if len(self.connections) > self.max_connections:
            ours = (c for c in self.connections if isinstance(c, _LimitedProtocol))
            idle = (c for c in ours if c._rests and c is not self)
            min(idle, key=lambda c: c._heard, default=self).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_timer is not None:
            self._head_bytes += len(data)
        self._heard = self.loop.time()
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._rests:
            self._await_head()
        if self._head_timer is not None and self._head_bytes > self.max_head:
            self._refuse(
                HeadersTooLargeError(
                    f"The request's head has over {self.max_head} bytes. Nothing was done. "
                    "Send a shorter address and fewer headers."
                )
            )

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Of what is no HTTP: uvicorn asks for it, and would say it in plain text."""
        self._refuse(HTTPException(400))

    def _refuse(self, error: Exception) -> None:
        """Answer a request that was never read whole, in the form of every error, and hang up."""
        problem, _ = problem_for(error, "", uuid4().hex)
        body = problem.model_dump_json(exclude_none=True).encode()
        status = HTTPStatus(problem.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        _log.info("request_unread", status=problem.status, request_id=problem.request_id)
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        self._forget_head()
        self.url = self.url[:_READ]
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()
