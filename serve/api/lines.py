"""Requests wait in line for the database: who would wait too long is told at once, who took too
long or went away is given up, and the statement that runs for them is cancelled.

A line is as wide as the connections its kind of request may use, and has its own time. What is
waited for is told from what lately took how long.
"""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

import anyio
import anyio.to_thread
import psycopg
import sqlalchemy
import structlog
from sqlalchemy import event
from starlette.types import Receive

from palate import metrics
from palate.errors import StatementCancelledError
from palate.settings import Settings
from serve.api.problems import ClientLeftError, OverloadedError, TooSlowError

T = TypeVar("T")

Kind = Literal["search", "analysis", "write", "patient"]
"""What waits together: searches and other short reads; answers made of many statements; changes;
whatever waits for a language model."""

_PATIENT = 32
"""Requests that wait for a language model at once: few hold a connection meanwhile."""

_GLANCE = 0.1
"""Seconds after which it is looked whether the client is still there; most are served by then."""

_CANCELS = 20
"""Times that a statement is cancelled, each _GLANCE apart: between two there is none to cancel."""

_NEWEST = 0.2
"""Weight of the last request in the mean of what one takes."""

_turn: ContextVar["Turn | None"] = ContextVar("turn", default=None)
_log = structlog.get_logger(__name__)


class Turn:
    """The connections that one request holds now, so that its statements can be cancelled."""

    def __init__(self) -> None:
        self.begun = False
        self._lock = threading.Lock()
        self._held: list[psycopg.Connection[Any]] = []
        self.over = False

    def take(self, connection: psycopg.Connection[Any]) -> None:
        """Note a connection. Raises ClientLeftError when the request was given up."""
        with self._lock:
            if self.over:
                raise ClientLeftError("The request was given up. Nothing more was done.")
            self._held.append(connection)

    def give_back(self, connection: psycopg.Connection[Any]) -> None:
        """Forget a connection; not while it is being cancelled, which is for this request only."""
        with self._lock:
            self._held.remove(connection)

    def cancel(self) -> None:
        """Cancel what runs, and let nothing more begin."""
        with self._lock:
            self.over = True
            for connection in self._held:
                try:
                    connection.cancel_safe(timeout=1)
                except psycopg.Error as error:
                    _log.debug("not_cancelled", reason=str(error))


def watch_connections(engine: sqlalchemy.Engine) -> None:
    """Let each request's turn know the connections that it takes from this pool."""
    if not event.contains(engine, "checkout", _take):
        event.listen(engine, "checkout", _take)
        event.listen(engine, "checkin", _give_back)


def in_turn() -> bool:
    """Whether this runs for a request, which is given up when its time is over."""
    return _turn.get() is not None


def _take(connection: Any, record: Any, _proxy: object) -> None:
    if (turn := _turn.get()) is not None:
        turn.take(connection)
        record.info["turn"] = turn, connection


def _give_back(_: object, record: Any) -> None:
    if (taken := record.info.pop("turn", None)) is not None:
        turn, connection = taken  # the record's own is gone where it was lost
        turn.give_back(connection)


class Line:
    """Serves ``width`` requests at once, each within ``seconds`` of its coming."""

    def __init__(
        self, width: int, seconds: float, longest: int, *, cancels_when_left: bool = True
    ) -> None:
        """``longest``: requests that may wait. A change goes on though its client has left."""
        self.width = width
        self._seconds = seconds
        self._longest = longest
        self._cancels_when_left = cancels_when_left
        self._places = asyncio.Semaphore(width)
        self._cancellers = anyio.CapacityLimiter(4)
        self._inside = 0
        self._mean = 0.0

    async def serve(self, receive: Receive, work: Callable[[], Awaitable[T]]) -> T:
        """What ``work`` returns, once there is a place.

        Raises OverloadedError, also when its turn does not come in time, TooSlowError or
        ClientLeftError.
        """
        self.check()
        turn = Turn()
        self._inside += 1
        task = asyncio.ensure_future(self._take_turn(turn, work))
        task.add_done_callback(self._leave)
        try:
            return await self._attend(task, turn, receive)
        except asyncio.CancelledError:  # the server stops, and waits no longer
            task.cancel()
            raise

    def check(self) -> None:
        """Raise OverloadedError where one more would not be answered in time."""
        waiting = self._inside - self.width
        if waiting >= 0 and (waiting >= self._longest or self._expected(waiting) > self._seconds):
            raise self._overloaded(waiting, "More requests wait than can be answered in time.")

    def _expected(self, waiting: int) -> float:
        """Seconds until one more is answered: its turn comes, and then it takes its time."""
        return ((waiting + 1) / self.width + 1) * self._mean

    def _too_long_in_line(self) -> OverloadedError:
        return self._overloaded(self._inside - self.width, "The request waited in line too long.")

    def _overloaded(self, waiting: int, why: str) -> OverloadedError:
        metrics.REQUESTS_REFUSED.labels("overloaded").inc()
        later = max(1, math.ceil(self._expected(waiting) - self._seconds))
        return OverloadedError(
            f"{why} Nothing was done. Try again shortly.", headers={"Retry-After": str(later)}
        )

    async def _take_turn(self, turn: Turn, work: Callable[[], Awaitable[T]]) -> T:
        came = time.perf_counter()
        async with self._places:
            started = time.perf_counter()
            if started - came > _GLANCE and started - came + self._mean > self._seconds:
                raise self._too_long_in_line()
            turn.begun = True
            _turn.set(turn)
            try:
                return await work()
            finally:
                taken = time.perf_counter() - started
                self._mean += _NEWEST * (taken - self._mean)

    async def _attend(self, task: "asyncio.Future[T]", turn: Turn, receive: Receive) -> T:
        """The task's result, unless its time is over or the client leaves before."""
        done, _ = await asyncio.wait({task}, timeout=min(_GLANCE, self._seconds))
        if done:
            return task.result()
        watched: set[asyncio.Future[Any]] = {task}
        if self._cancels_when_left:
            watched.add(asyncio.ensure_future(_until_left(receive)))
        try:
            done, _ = await asyncio.wait(
                watched, timeout=self._seconds - _GLANCE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for left in watched - {task}:
                left.cancel()
        if task not in done:
            await self._give_up(task, turn)
            if done:
                raise ClientLeftError("The client went away. What ran for it was stopped.")
        if task.cancelled():
            raise self._too_long_in_line()
        return _outcome(task, turn, self._seconds, reads=self._cancels_when_left)

    async def _give_up(self, task: "asyncio.Future[T]", turn: Turn) -> None:
        """Cancel what runs for the task until it ends, or for two seconds."""
        if not turn.begun:
            task.cancel()
        for _ in range(_CANCELS):
            if turn.begun:
                await anyio.to_thread.run_sync(turn.cancel, limiter=self._cancellers)
            if (await asyncio.wait({task}, timeout=_GLANCE))[0]:
                return

    def _leave(self, task: "asyncio.Future[Any]") -> None:
        self._inside -= 1
        if not task.cancelled() and (error := task.exception()):
            _log.debug("turn_failed", reason=str(error))  # also where nobody waits for it any more


def _outcome(task: "asyncio.Future[T]", turn: Turn, seconds: float, *, reads: bool) -> T:
    if not task.done():
        raise TooSlowError(
            f"The request took longer than {seconds:g} s and was given up. "
            + ("Nothing was changed. Try again shortly." if reads else
               "A change it asked for may still be made. Look before you send it again.")
        )  # fmt: skip
    if turn.over and isinstance(
        error := task.exception(), ClientLeftError | StatementCancelledError
    ):
        raise TooSlowError(
            f"The request took longer than {seconds:g} s, so what ran for it in the database was "
            "stopped. Nothing was changed. Ask for less: fewer candidates, a narrower query."
        ) from error
    return task.result()


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def make_lines(settings: Settings) -> dict[Kind, Line]:
    """The lines of one server: together hardly more places than the pool has connections."""
    few = max(1, settings.pool_size // 4)
    longest, whole = settings.max_running_requests, settings.request_timeout
    return {
        "search": Line(max(1, settings.pool_size - 2), settings.search_timeout, longest),
        "analysis": Line(few, whole, longest),
        "write": Line(few, settings.write_timeout, longest, cancels_when_left=False),
        "patient": Line(_PATIENT, whole, longest),
    }
