"""Open-loop load: every request is sent once, by whoever is free, and failures are not hidden."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.open_loop import OpenLoop


def test_every_request_is_timed_once() -> None:
    sent: list[int] = []

    @contextmanager
    def connect() -> Iterator[Callable[[int], object]]:
        yield sent.append

    seconds = OpenLoop(connect, range(50), clients=4, rate=10_000).run(warm_up=0)
    assert sorted(sent) == list(range(50))
    assert len(seconds) == 50
    assert min(seconds) >= 0


def test_each_client_warms_up_with_requests_that_do_not_count() -> None:
    sent: list[int] = []

    @contextmanager
    def connect() -> Iterator[Callable[[int], object]]:
        yield sent.append

    assert len(OpenLoop(connect, range(10), clients=2, rate=10_000).run(warm_up=3)) == 10
    assert len(sent) == 10 + 2 * 3


def test_waiting_for_a_busy_client_counts() -> None:
    @contextmanager
    def connect() -> Iterator[Callable[[int], object]]:
        yield lambda _: time.sleep(0.02)

    seconds = OpenLoop(connect, range(10), clients=1, rate=100_000).run(warm_up=0)
    assert seconds == sorted(seconds)
    assert seconds[-1] >= 9 * 0.02


def test_a_client_that_fails_ends_the_run() -> None:
    first = threading.Event()

    @contextmanager
    def connect() -> Iterator[Callable[[int], object]]:
        def call(_: int) -> None:
            first.set()
            raise ConnectionError("gone")

        yield call

    with pytest.raises((ConnectionError, threading.BrokenBarrierError)):
        OpenLoop(connect, range(10), clients=3, rate=10_000).run(warm_up=1)
    assert first.is_set()
