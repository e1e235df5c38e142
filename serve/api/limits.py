"""How many requests a key, a user or an address may send in a minute."""

import math
import threading
import time
from collections import Counter

from serve.api.problems import TooManyRequestsError

_WINDOW = 60.0
_MOST_KNOWN = 100_000
"""Callers that are counted in one minute; behind them all others count as one."""

Headers = dict[str, str]


class RateLimit:
    """Counts requests by the minute, within one process."""

    def __init__(self, most: int | None) -> None:
        """``most`` requests a minute of one caller; None: any number."""
        self._most = most
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._ends = 0.0

    def take(self, caller: str) -> Headers:
        """Count one request; the headers that say what is left (RateLimit header fields for HTTP,
        draft 6). Raises TooManyRequestsError."""
        if self._most is None:
            return {}
        with self._lock:
            now = time.monotonic()
            if now >= self._ends:
                self._counts.clear()
                self._ends = now + _WINDOW
            if caller not in self._counts and len(self._counts) >= _MOST_KNOWN:
                caller = ""
            self._counts[caller] += 1
            used, wait = self._counts[caller], max(1, math.ceil(self._ends - now))
        headers = {
            "RateLimit-Limit": str(self._most),
            "RateLimit-Remaining": str(max(0, self._most - used)),
            "RateLimit-Reset": str(wait),
        }
        if used > self._most:
            raise TooManyRequestsError(
                f"More than {self._most} requests came within a minute. Nothing was done. Try "
                f"again in {wait} s.",
                headers={**headers, "Retry-After": str(wait)},
            )
        return headers
