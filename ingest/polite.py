"""Questions to another service: at a pace, bounded in size, tried again where that may help.

Keys may stand in addresses, so neither errors nor logs hold one.
"""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import httpx
import stamina

from palate.errors import PalateError
from palate.retries import read_retry_after

_MOST_BYTES = 4_000_000
_ATTEMPTS = 5
_LONGEST_WAIT = 60.0

logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold whole addresses


class SyncError(PalateError):
    """Another service does not tell what it was asked: what it told before is kept."""

    status = 502
    title = "Service not synced"


class _AgainError(Exception):
    """The answer may be another one the next time."""

    def __init__(self, status: int, after: float | None = None) -> None:
        super().__init__(status)
        self.status, self.after = status, after

    def __repr__(self) -> str:  # as retries are logged
        return f"status {self.status}"


class PoliteClient:
    """Asks one service, never more often than ``per_second``. For one thread."""

    def __init__(
        self,
        name: str,
        url: str,
        key_name: str,
        per_second: float,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        attempts: int = _ATTEMPTS,
        timeout: float = 30,
    ) -> None:
        """``name`` is how errors call it, ``key_name`` the setting of its key; at a question
        so many ``attempts`` are made, each of ``timeout`` seconds at the most."""
        self._name, self._url, self._key_name = name, url.rstrip("/"), key_name
        self._parameters = dict(parameters or {})
        self._gap, self._next = 1 / per_second, 0.0
        self._attempts = attempts
        self._client = httpx.Client(timeout=timeout, headers=dict(headers or {}))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **parameters: str) -> Any | None:
        """What the service says there, read as JSON; None where it knows nothing of it.

        Raises SyncError.
        """
        try:
            for attempt in stamina.retry_context(on=_after, attempts=self._attempts, timeout=300):
                with attempt:
                    return self._get(path, parameters)
        except _AgainError as error:
            raise self._failed(f"answers {error.status}, again and again", "Try later.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failed(
                f"cannot be reached ({type(error).__name__})", "Look at the network, then go on."
            ) from None
        return None

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any | None:
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + self._gap
        asked = self._parameters | dict(parameters)
        body = bytearray()
        with self._client.stream("GET", f"{self._url}/{path}", params=asked) as answer:
            status = answer.status_code
            if status == httpx.codes.NOT_FOUND:
                return None
            if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise self._failed(f"refuses the key ({status})", f"Correct {self._key_name}.")
            if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
                raise _AgainError(status, read_retry_after(answer.headers, _LONGEST_WAIT))
            if status != httpx.codes.OK:
                raise self._failed(f"answers {status}", "See its documentation.")
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise self._failed("answers without an end", "Look at its address.")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self._failed("answers what is no JSON", "Look at its address.") from None

    def _failed(self, how: str, what_to_do: str) -> SyncError:
        return SyncError(
            f"{self._name} {how}. What it told of films before is kept, and the same command goes "
            f"on from there. {what_to_do}"
        )


def _after(error: Exception) -> bool | float:
    """Whether to try again; as a number, after how many seconds (the server's Retry-After)."""
    if isinstance(error, _AgainError):
        return True if error.after is None else error.after
    return isinstance(error, httpx.TransportError)
