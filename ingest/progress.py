"""Progress of a load: a bar with rows/s on a terminal, log lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LOG_SECONDS = 10.0
"""Between two log lines of a step: few enough to read for a load of minutes."""

_log = structlog.get_logger(__name__)


class LoadProgress:
    """Whoever watches a load; this one looks away. Steps follow one another."""

    def step(self, name: str, total: int | None = None) -> None:
        """A step begins; ``total`` is what the ``amount`` of its advances adds up to."""

    def advance(self, rows: int, amount: int = 0) -> None:
        """Rows done since the last call."""

    def say(self, message: str) -> None:
        """Something worth knowing happened."""


class _Counting(LoadProgress):
    """Counts the rows of a step."""

    _name, _rows, _started = "", 0, 0.0

    def step(self, name: str, total: int | None = None) -> None:  # noqa: ARG002
        self.end()
        self._name, self._rows, self._started = name, 0, time.monotonic()

    def advance(self, rows: int, amount: int = 0) -> None:  # noqa: ARG002
        self._rows += rows

    def end(self) -> None:
        """The last step is over."""

    def _rate(self) -> int:
        """Rows a second."""
        return round(self._rows / max(time.monotonic() - self._started, 1e-3))


class _Log(_Counting):
    """One log line when a step ends and every ``seconds`` within it."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._logged = seconds, 0.0

    def step(self, name: str, total: int | None = None) -> None:
        super().step(name, total)
        self._logged = self._started

    def advance(self, rows: int, amount: int = 0) -> None:
        super().advance(rows, amount)
        if time.monotonic() - self._logged >= self._seconds:
            self._logged = time.monotonic()
            _log.info(self._name, rows=self._rows, rows_per_second=self._rate())

    def say(self, message: str) -> None:
        _log.info(message)

    def end(self) -> None:
        if self._name and self._rows:
            _log.info(f"{self._name}: done", rows=self._rows, rows_per_second=self._rate())


class _Bars(_Counting):
    """A bar a step."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._task = bars, TaskID(-1)

    def step(self, name: str, total: int | None = None) -> None:
        super().step(name, total)
        self._task = self._bars.add_task(name, total=total, count="")

    def advance(self, rows: int, amount: int = 0) -> None:
        super().advance(rows, amount)
        count = f"{self._rows:,} rows {self._rate():>12,} rows/s"
        if self._name:
            self._bars.update(self._task, advance=amount, count=count)

    def say(self, message: str) -> None:
        self._bars.console.print(message)

    def end(self) -> None:
        if self._name:
            self._bars.update(self._task, total=1, completed=1)


@contextmanager
def watch(console: Console, seconds: float = LOG_SECONDS) -> Iterator[LoadProgress]:
    """Progress for this console: bars on a terminal, else a log line every so many ``seconds``."""
    if not console.is_terminal:
        log = _Log(seconds)
        yield log
        log.end()
        return
    count = TextColumn("{task.fields[count]:>36}")
    columns = TextColumn("{task.description:<18}"), BarColumn(), count, TimeElapsedColumn()
    with Progress(*columns, console=console) as shown:
        bars = _Bars(shown)
        yield bars
        bars.end()
