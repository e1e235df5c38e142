"""A client of the HTTP API: ``Client``, and ``AsyncClient`` to be awaited, with the same methods.

with Client("http://127.0.0.1:8080") as palate:
    for hit in palate.search("lord", user_id=10001).hits:
        print(hit.rank, hit.title)
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self, TypeVar

import httpx
from pydantic_core import to_json

from palate.calls import Call, Operations

T = TypeVar("T")

SECONDS = 30.0
"""How long an answer is waited for, unless said otherwise."""


class ApiError(Exception):
    """A problem document (RFC 9457): ``type`` and ``status`` are for programs, ``str()`` is what
    happened, what is unchanged and what to do."""

    def __init__(self, problem: dict[str, Any], retry_after: float | None = None) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or "No answer.")
        self.status: int | None = problem.get("status")
        self.type: str = problem.get("type", "about:blank")
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        self.position: int | None = problem.get("position")
        self.request_id: str | None = problem.get("request_id")
        self.retry_after = retry_after
        """Seconds after which it may be sent again."""


class RefusedError(ApiError):
    """The request cannot be meant: ``errors`` says what is wrong with it."""


class KeyRefusedError(ApiError):
    """No key, an unknown one, or one that may not do this."""


class MissingError(ApiError):
    """There is no such film, user or rating."""


class ChangedError(ApiError):
    """Somebody else changed it first."""


class UnavailableError(ApiError):
    """No answer now: send it again after ``retry_after`` seconds."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: RefusedError, 413: RefusedError, 414: RefusedError, 415: RefusedError, 422: RefusedError,
    401: KeyRefusedError, 403: KeyRefusedError, 404: MissingError, 412: ChangedError,
    408: UnavailableError, 429: UnavailableError, 502: UnavailableError, 503: UnavailableError,
    504: UnavailableError,
}  # fmt: skip


def _check(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"HTTP {answer.status_code}: {answer.text[:200]}"}
    problem.setdefault("status", answer.status_code)
    after = answer.headers.get("retry-after", "")
    kind = _BY_STATUS.get(answer.status_code, ApiError)
    raise kind(problem, float(after) if after.isdecimal() else None)


def _unreached(error: httpx.TransportError) -> UnavailableError:
    return UnavailableError({"detail": f"The server does not answer: {error}."})


def _request(call: Call[Any], content: Any) -> dict[str, Any]:
    headers = dict(call.headers)
    if call.body is not None:
        headers["Content-Type"], content = "application/json", to_json(call.body)
    elif call.lines is not None:
        headers["Content-Type"] = "application/x-ndjson"
    return {
        "method": call.method, "url": call.path, "params": call.query or None,
        "headers": headers, "content": content,
    }  # fmt: skip


def _lines(call: Call[Any]) -> Iterator[bytes]:
    for line in call.lines or ():
        yield json.dumps(line).encode() + b"\n"


async def _awaited_lines(call: Call[Any]) -> AsyncIterator[bytes]:
    for line in _lines(call):
        yield line


def _options(address: str, key: str | None, seconds: float) -> dict[str, Any]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return {"base_url": address, "headers": headers, "timeout": seconds}


class Client(Operations):
    """The API at ``address``, with a key or a user's token where one is needed."""

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        seconds: float = SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(**_options(address, key, seconds), transport=transport)

    def send(self, call: Call[T]) -> T:
        """The answer to any call. Raises ApiError."""
        content = None if call.lines is None else _lines(call)
        try:
            answer = self._http.request(**_request(call, content))
        except httpx.TransportError as error:
            raise _unreached(error) from error
        return call.read(_check(answer))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Operations):
    """As ``Client``, with answers to be awaited."""

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        seconds: float = SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_options(address, key, seconds), transport=transport)

    async def send(self, call: Call[T]) -> T:
        """The answer to any call. Raises ApiError."""
        content = None if call.lines is None else _awaited_lines(call)
        try:
            answer = await self._http.request(**_request(call, content))
        except httpx.TransportError as error:
            raise _unreached(error) from error
        return call.read(_check(answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
