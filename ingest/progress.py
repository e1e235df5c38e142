"""Progress of a load: a bar with rows/s on a terminal, log lines elsewhere."""

import time
from types import TracebackType
from typing import Protocol, Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_log = structlog.get_logger(__name__)


class LoadProgress(Protocol):
    """What the loader tells whoever watches. Steps follow one another."""

    def step(self, name: str, total: int | None = None) -> None:
        """A step begins; ``total`` is what the ``amount`` of its advances adds up to."""

    def advance(self, rows: int, amount: int = 0) -> None:
        """Rows done since the last call."""

    def say(self, message: str) -> None:
        """Something worth knowing happened."""


class SilentProgress:
    """Watches nothing."""

    def step(self, name: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, rows: int, amount: int = 0) -> None:
        """Nothing."""

    def say(self, message: str) -> None:
        """Nothing."""


class LogProgress:
    """One log line when a step ends and every ``interval`` seconds within it."""

    def __init__(self, interval: float = 10) -> None:
        self._interval = interval
        self._name: str | None = None
        self._rows, self._started, self._logged = 0, 0.0, 0.0

    def step(self, name: str, total: int | None = None) -> None:  # noqa: ARG002
        self.end()
        self._name, self._rows = name, 0
        self._started = self._logged = time.monotonic()

    def advance(self, rows: int, amount: int = 0) -> None:  # noqa: ARG002
        self._rows += rows
        if time.monotonic() - self._logged >= self._interval:
            self._logged = time.monotonic()
            _log.info(self._name, rows=self._rows, rows_per_second=self._rate())

    def say(self, message: str) -> None:
        _log.info(message)

    def end(self) -> None:
        """The last step is over."""
        if self._name is not None and self._rows:
            _log.info(f"{self._name}: done", rows=self._rows, rows_per_second=self._rate())
        self._name = None

    def _rate(self) -> int:
        return round(self._rows / max(time.monotonic() - self._started, 1e-3))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()


class BarProgress:
    """A bar a step."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            TextColumn("{task.fields[count]:>36}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._rows, self._started = 0, 0.0

    def step(self, name: str, total: int | None = None) -> None:
        self._complete()
        self._rows, self._started = 0, time.monotonic()
        self._task = self._bars.add_task(name, total=total, count="")

    def advance(self, rows: int, amount: int = 0) -> None:
        self._rows += rows
        rate = round(self._rows / max(time.monotonic() - self._started, 1e-3))
        if self._task is not None:
            count = f"{self._rows:,} rows {rate:>12,} rows/s"
            self._bars.update(self._task, advance=amount, count=count)

    def say(self, message: str) -> None:
        self._bars.console.print(message)

    def _complete(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None:
            self._complete()
        self._bars.stop()


def watch(console: Console) -> BarProgress | LogProgress:
    """Progress for this console, as a context manager: a bar on a terminal, else log lines."""
    return BarProgress(console) if console.is_terminal else LogProgress()
