"""Requests to an OpenAI-compatible endpoint: bounded in time, size and number.

Tried again, after growing and jittered waits or the server's own Retry-After, is only what may
go better the second time: timeouts, lost connections, 408, 409, 429 (unless the quota is spent),
5xx, and replies that are no JSON.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import httpx2
import openai
import stamina

from llm.limits import CircuitBreaker, Pace
from llm.providers import Endpoint
from palate.errors import (
    LanguageModelError,
    LanguageModelRefusedError,
    LanguageModelUnavailableError,
    NoCreditError,
)
from palate.retries import read_retry_after
from palate.settings import Settings

Messages = list[dict[str, str]]

# Their details hold headers and questions; what is worth knowing is logged by `llm.asking`.
for _name in ("openai", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Token counts are None where the endpoint does not tell."""

    text: str
    tokens_in: int | None
    tokens_out: int | None


class Attempt(NamedTuple):
    """What is done around every attempt: before it waits for its turn, and while it runs."""

    ready: Callable[[], Awaitable[None]]
    running: Callable[[], AbstractAsyncContextManager[None]]


class TooLargeError(Exception):
    """An answer went on beyond PALATE_LLM_MAX_ANSWER_BYTES."""


class _BadReplyError(Exception):
    """A reply is not of the protocol; it may be the next time."""

    def __repr__(self) -> str:  # as retries are logged
        return "a reply that is not of the protocol"


class _RefusedError(Exception):
    """The endpoint answered with an error. What it wrote is left out: it may repeat the key."""

    def __init__(self, error: openai.APIStatusError) -> None:
        super().__init__(error.status_code)
        self.status = error.status_code
        self.out_of_funds = error.code == "insufficient_quota" or error.status_code == 402
        later = error.status_code in (408, 409, 429) or error.status_code >= 500
        self.overloaded = later and not self.out_of_funds
        self.retry_after = read_retry_after(error.response.headers)

    def __repr__(self) -> str:  # as retries are logged
        return f"status {self.status}"


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends with TooLargeError after so many bytes."""

    def __init__(self, body: httpx2.AsyncByteStream, most: int) -> None:
        self._body, self._left = body, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            self._left -= len(part)
            if self._left < 0:
                raise TooLargeError
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """HTTP with bounded bodies. Compressed ones, whose size is unknown, are refused."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.DecodingError("compressed although identity was asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  (an async transport)
        response.stream = _Bounded(response.stream, self._most)
        return response


class Transport:
    """Asks one endpoint. For one event loop; close it when done."""

    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        self._endpoint = endpoint
        self._timeout = settings.llm_timeout
        self._attempts = settings.llm_attempts
        self._slots = asyncio.Semaphore(settings.llm_concurrency)
        self._pace = Pace(settings.llm_requests_per_minute)
        self._breaker = CircuitBreaker()
        http = httpx2.AsyncClient(
            transport=_BoundedTransport(settings.llm_max_answer_bytes), timeout=self._timeout
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=endpoint.api_key or "none",
            organization="",
            project="",
            http_client=http,
            max_retries=0,
        )
        # Its overloads know nothing of options that are only known at run time.
        self._create: Any = partial(self._client.chat.completions.create, model=endpoint.model)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def models(self) -> list[str]:
        """The names of the endpoint's models."""
        async with self._explained():
            try:
                page = await asyncio.wait_for(self._client.models.list(), self._timeout)
            except openai.APIStatusError as error:
                raise _RefusedError(error) from None
            return [model.id for model in page.data]

    async def complete(
        self,
        messages: Messages,
        *,
        deadline: float,
        attempt: Attempt,
        **options: Any,
    ) -> Reply:
        """One answer. ``deadline`` is the loop's time by which it must be there.

        ``attempt.running`` sees how an attempt fails.
        Raises LanguageModelUnavailableError, LanguageModelError, TooLargeError.
        """
        self._breaker.check()
        async with self._explained(), asyncio.timeout_at(deadline):
            async for again in stamina.retry_context(
                on=_worth_a_retry, attempts=self._attempts, timeout=None, wait_initial=0.2
            ):
                with again:
                    await attempt.ready()
                    await self._pace.wait()
                    async with self._slots, attempt.running(), asyncio.timeout(self._timeout):
                        reply = await self._request(messages, options)
        return reply

    async def _request(self, messages: Messages, options: dict[str, Any]) -> Reply:
        try:
            answer = await self._create(messages=messages, **options)
            text = answer.choices[0].message.content or ""
        except openai.APIStatusError as error:
            raise _RefusedError(error) from None
        except (ValueError, AttributeError, IndexError, TypeError):
            raise _BadReplyError from None
        usage = answer.usage
        return Reply(
            text,
            usage.prompt_tokens if usage else None,
            usage.completion_tokens if usage else None,
        )

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        """Turn what went wrong into our errors, and tell the breaker."""
        try:
            yield
        except (_RefusedError, openai.APIConnectionError, TimeoutError) as error:
            if too_large(error):
                raise TooLargeError from None
            if not isinstance(error, _RefusedError) or error.overloaded:
                self._breaker.failed()
            raise self._error(error) from None
        except (_BadReplyError, openai.APIError, httpx2.HTTPError, ValueError) as error:
            if too_large(error):
                raise TooLargeError from None
            raise LanguageModelError(
                f"What {self._endpoint.host} answered is not of an OpenAI-compatible endpoint. "
                "Nothing was changed. Check PALATE_LLM_URL; most end in /v1."
            ) from None
        else:
            self._breaker.succeeded()

    def _error(self, error: Exception) -> LanguageModelError:
        host, model = self._endpoint.host, self._endpoint.model
        if isinstance(error, _RefusedError):
            message = f"The language model at {host} answered {error.status} for {model!r}"
            if error.overloaded:
                return LanguageModelUnavailableError(
                    f"{message}. Nothing was changed. Try later; answers without it go on."
                )
            kind = LanguageModelRefusedError if error.status in (401, 404) else LanguageModelError
            kind = NoCreditError if error.out_of_funds else kind
            return kind(f"{message}. Nothing was changed. {_advice(error)}")
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            return LanguageModelUnavailableError(
                f"The language model at {host} was too slow. Nothing was changed. Raise "
                "PALATE_LLM_TIMEOUT and PALATE_LLM_DEADLINE, or choose a faster model."
            )
        return LanguageModelUnavailableError(
            f"The language model at {host} cannot be reached. Nothing was changed. "
            "Start it, or check PALATE_LLM_URL."
        )


def may_be_billed(error: BaseException) -> bool:
    """Whether an attempt that failed so may have been answered, and be paid, all the same."""
    return not isinstance(error, _RefusedError) and _cause(error, httpx2.ConnectError) is None


def too_large(error: BaseException) -> bool:
    """Whether an attempt failed because its answer went on beyond the limit."""
    return _cause(error, TooLargeError) is not None


def _worth_a_retry(error: Exception) -> bool | float:
    """Whether to try again; as a number, after how many seconds (the server's Retry-After)."""
    if too_large(error):
        return False
    if isinstance(error, _RefusedError):
        if error.overloaded and error.retry_after is not None:
            return error.retry_after
        return error.overloaded
    return isinstance(error, _BadReplyError | openai.APIConnectionError | TimeoutError)


def _advice(error: _RefusedError) -> str:
    if error.out_of_funds:
        return "Its account has no credit left: top it up."
    if error.status in (401, 403):
        return "Check PALATE_LLM_API_KEY."
    if error.status == 404:
        return "Check PALATE_LLM_URL and PALATE_LLM_MODEL."
    return (
        "Check PALATE_LLM_MODEL; where it knows no JSON schemas, set PALATE_LLM_STRUCTURE to "
        "json_object or text; where it refuses a temperature, PALATE_LLM_TEMPERATURE to false."
    )


def _cause(error: BaseException | None, kind: type[Exception]) -> Exception | None:
    """The error, or the one that led to it, of a kind."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
