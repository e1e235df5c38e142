"""A client of the HTTP API: ``Client``, and ``AsyncClient`` to be awaited, with the same methods.

with Client("http://127.0.0.1:8080") as palate:
    for hit in palate.search("lord", user_id=10001).hits:
        print(hit.rank, hit.title)
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import update_wrapper
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

import httpx
from pydantic_core import to_json

from palate import calls
from palate.calls import Call

P = ParamSpec("P")
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


class _Now(Generic[P, T]):
    """A call as a method that answers."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call

    def __get__(self, client: "Client", owner: object) -> Callable[P, T]:
        def send(*args: P.args, **options: P.kwargs) -> T:
            return client.send(self._call(*args, **options))

        return update_wrapper(send, self._call)


class _Awaited(Generic[P, T]):
    """A call as a method to be awaited."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call

    def __get__(self, client: "AsyncClient", owner: object) -> Callable[P, Awaitable[T]]:
        def send(*args: P.args, **options: P.kwargs) -> Awaitable[T]:
            return client.send(self._call(*args, **options))

        return update_wrapper(send, self._call)


def _options(address: str, key: str | None, seconds: float) -> dict[str, Any]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return {"base_url": address, "headers": headers, "timeout": seconds}


class Client:
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    search = _Now(calls.search)
    multi_search = _Now(calls.multi_search)
    suggest = _Now(calls.suggest)
    ask = _Now(calls.ask)
    ask_structure = _Now(calls.ask_structure)
    chat = _Now(calls.chat)
    recommend = _Now(calls.recommend_by_body)
    trace_recommend = _Now(calls.trace_recommend)
    predict = _Now(calls.predict)
    compare = _Now(calls.compare)
    preferences = _Now(calls.preferences)
    similar_movies = _Now(calls.similar_movies)
    list_movies = _Now(calls.list_movies)
    read_movie = _Now(calls.read_movie)
    movie_version = _Now(calls.movie_version)
    put_movie = _Now(calls.put_movie)
    patch_movie = _Now(calls.patch_movie)
    remove_movie = _Now(calls.remove_movie)
    write_movies = _Now(calls.write_movies)
    write_ratings = _Now(calls.write_ratings)
    job = _Now(calls.job)
    user = _Now(calls.user)
    forget = _Now(calls.forget)
    export = _Now(calls.export)
    ratings = _Now(calls.ratings)
    rating = _Now(calls.rating)
    rate = _Now(calls.rate)
    unrate = _Now(calls.unrate)
    add_events = _Now(calls.add_events)
    list_events = _Now(calls.list_events)
    undo_events = _Now(calls.undo_events)
    undo_event = _Now(calls.undo_event)
    feedback = _Now(calls.feedback)
    rules = _Now(calls.rules)
    put_rules = _Now(calls.put_rules)
    make_token = _Now(calls.make_token)
    healthz = _Now(calls.healthz)
    readyz = _Now(calls.readyz)


class AsyncClient:
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

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    search = _Awaited(calls.search)
    multi_search = _Awaited(calls.multi_search)
    suggest = _Awaited(calls.suggest)
    ask = _Awaited(calls.ask)
    ask_structure = _Awaited(calls.ask_structure)
    chat = _Awaited(calls.chat)
    recommend = _Awaited(calls.recommend_by_body)
    trace_recommend = _Awaited(calls.trace_recommend)
    predict = _Awaited(calls.predict)
    compare = _Awaited(calls.compare)
    preferences = _Awaited(calls.preferences)
    similar_movies = _Awaited(calls.similar_movies)
    list_movies = _Awaited(calls.list_movies)
    read_movie = _Awaited(calls.read_movie)
    movie_version = _Awaited(calls.movie_version)
    put_movie = _Awaited(calls.put_movie)
    patch_movie = _Awaited(calls.patch_movie)
    remove_movie = _Awaited(calls.remove_movie)
    write_movies = _Awaited(calls.write_movies)
    write_ratings = _Awaited(calls.write_ratings)
    job = _Awaited(calls.job)
    user = _Awaited(calls.user)
    forget = _Awaited(calls.forget)
    export = _Awaited(calls.export)
    ratings = _Awaited(calls.ratings)
    rating = _Awaited(calls.rating)
    rate = _Awaited(calls.rate)
    unrate = _Awaited(calls.unrate)
    add_events = _Awaited(calls.add_events)
    list_events = _Awaited(calls.list_events)
    undo_events = _Awaited(calls.undo_events)
    undo_event = _Awaited(calls.undo_event)
    feedback = _Awaited(calls.feedback)
    rules = _Awaited(calls.rules)
    put_rules = _Awaited(calls.put_rules)
    make_token = _Awaited(calls.make_token)
    healthz = _Awaited(calls.healthz)
    readyz = _Awaited(calls.readyz)
