"""Open-loop load: requests come when they come, whether or not earlier ones are answered.

A closed loop hides stalls, because a client that waits sends nothing that could be slow. Here
every request has a time at which it is due, with exponential gaps between them, and what it
waited for a free client counts as its latency. See Schroeder, Wierman, Harchol-Balter, "Open
versus closed: a cautionary tale", NSDI 2006.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

import numpy as np

Request = TypeVar("Request")
Connect = Callable[[], AbstractContextManager[Callable[[Request], object]]]

_SEED = 20
_HEAD_START = 0.05


class OpenLoop(Generic[Request]):
    """One run: the next request that is due goes to the next client that is free."""

    def __init__(
        self, connect: Connect[Request], requests: Sequence[Request], clients: int, rate: float
    ) -> None:
        """``rate`` is requests a second, of all clients together."""
        gaps = np.random.default_rng(_SEED).exponential(1 / rate, len(requests))
        self._connect = connect
        self._requests = requests
        self._due: list[float] = np.cumsum(gaps).tolist()
        self._seconds = [0.0] * len(requests)
        self._taken = 0
        self._lock = threading.Lock()
        self._start = 0.0
        self._ready = threading.Barrier(clients, action=self._begin)
        self._clients = clients

    def run(self, warm_up: int) -> list[float]:
        """Seconds that each request took, in their order.

        Each client first sends ``warm_up`` requests that do not count. Raises what a client
        raises.
        """
        with ThreadPoolExecutor(self._clients) as pool:
            clients = [pool.submit(self._client, warm_up) for _ in range(self._clients)]
            for client in clients:
                client.result()
        return self._seconds

    def _begin(self) -> None:
        self._start = time.perf_counter() + _HEAD_START

    def _client(self, warm_up: int) -> None:
        try:
            with self._connect() as call:
                for request in self._requests[:warm_up]:
                    call(request)
                self._ready.wait()
                while (index := self._take()) is not None:
                    self._seconds[index] = self._send(call, index)
        except BaseException:
            self._ready.abort()
            raise

    def _take(self) -> int | None:
        with self._lock:
            index = self._taken
            self._taken += 1
        return index if index < len(self._requests) else None

    def _send(self, call: Callable[[Request], object], index: int) -> float:
        due = self._start + self._due[index]
        early = due - time.perf_counter()
        if early > 0:
            time.sleep(early)
            due = time.perf_counter()  # waking late is the timer's fault, not the server's
        call(self._requests[index])
        return time.perf_counter() - due
