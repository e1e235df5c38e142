"""What keeps requests bounded: pace, a circuit breaker, and estimates of tokens."""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping

from palate.errors import LanguageModelUnavailableError

_BYTES_PER_TOKEN = 2.5  # fewer than English has, so that budgets are not passed
_TOKENS_PER_MESSAGE = 8  # the marks around it, on the high side


def estimate_tokens(messages: Iterable[Mapping[str, str]], schema: str = "") -> int:
    """Tokens of a question, on the high side: English has about four bytes a token."""
    texts = [message["content"] for message in messages]
    size = sum(len(text.encode()) for text in texts) + len(schema)
    return math.ceil(size / _BYTES_PER_TOKEN) + _TOKENS_PER_MESSAGE * len(texts)


class Pace:
    """Lets one request pass every ``60 / per_minute`` seconds. For one event loop."""

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)


class CircuitBreaker:
    """After ``failures`` failed questions in a row, nothing is asked for ``pause`` seconds.

    Both are chosen, not measured.
    Then one question is let through: a good answer closes the breaker, a failure opens it again.
    """

    def __init__(self, failures: int = 5, pause: float = 30.0) -> None:
        self._most = failures
        self._pause = pause
        self._failed = 0
        self._closed_until = 0.0

    def check(self) -> None:
        """Raise LanguageModelUnavailableError while nothing is to be asked."""
        left = self._closed_until - time.monotonic()
        if self._failed >= self._most:
            if left > 0:
                raise LanguageModelUnavailableError(
                    f"The language model failed {self._failed} times in a row and is left alone "
                    f"for {math.ceil(left)} s. Nothing was asked. Answers without it go on; "
                    "`palate doctor` looks closer."
                )
            self._closed_until = time.monotonic() + self._pause  # the others wait for this one

    def succeeded(self) -> None:
        """The model answered."""
        self._failed = 0

    def failed(self) -> None:
        """The model did not answer."""
        self._failed += 1
        self._closed_until = time.monotonic() + self._pause
