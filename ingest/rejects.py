"""Lines that cannot be loaded: the first one stops the load, or all are set aside in a file."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from ingest.rows import Rejected
from palate.errors import LoadError

OnError = Literal["stop", "skip", "count"]
_HEADER = ("file", "line", "column", "reason", "content")


class RejectedLineError(LoadError):
    """A line that cannot be loaded, while ``on_error`` is ``stop``."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(
            f"{rejected}. Nothing was loaded; the tables are as they were. "
            "Correct the line, or load with --on-error skip."
        )
        self.rejected = rejected


@dataclass(slots=True)
class Refused:
    """How many lines of a file, or of a column of it, were refused, and the first."""

    first: Rejected
    count: int = 0


class Rejects(ExitStack):
    """Takes rejected lines, or, with ``count``, only counts them.

    ``path`` gets them as CSV: file, line, column, reason, content. They are written beside it, and
    take its place when the load is done or ``keep`` says so: what lies there is of one load. A load
    without any takes the file of an earlier one away.
    """

    def __init__(self, on_error: OnError, path: Path) -> None:
        super().__init__()
        self._on_error, self.path = on_error, path
        self._part = Path(f"{path}.part")
        self.count = 0
        self.by_file: dict[str, Refused] = {}
        self._by_column: dict[tuple[str, str | None], Refused] = {}
        self._kept = False

    def add(self, rejected: Rejected) -> None:
        """Set a line aside. Raises RejectedLineError when the load is to stop."""
        if self._on_error == "stop":
            raise RejectedLineError(rejected)
        self.count += 1
        file, column = rejected.file, rejected.column
        self.by_file.setdefault(file, Refused(rejected)).count += 1
        self._by_column.setdefault((file, column), Refused(rejected)).count += 1
        if self._on_error != "count":
            self._write((file, rejected.line, column or "", rejected.reason, rejected.text))

    def texts(self) -> Iterator[str]:
        """What was refused, by file and column, as sentences."""
        for (file, column), refused in self._by_column.items():
            what = f"column {column}" if column else "lines"
            yield (
                f"{file}: {what}: {count_lines(refused.count)} refused (first: line "
                f"{refused.first.line}: {refused.first.reason})."
            )

    @property
    def where(self) -> str:
        """Where they are, as a sentence; nothing where they are only counted."""
        return "" if self._on_error == "count" else f"All are in {self.path}. "

    def keep(self) -> None:
        """What was set aside is wanted, whatever becomes of the load."""
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        super().__exit__(None, None, None)
        if self._on_error == "count":
            return
        if self.count and (self._kept or exc[0] is None):
            self._part.replace(self.path)
        elif self.count:
            self._part.unlink(missing_ok=True)
        elif exc[0] is None and _is_ours(self.path):
            self.path.unlink()

    @cached_property
    def _write(self) -> Callable[[Iterable[object]], object]:
        try:
            file = self._part.open("w", encoding="utf-8", newline="", errors="replace")
        except OSError as error:
            raise LoadError(
                f"Rejected lines cannot be written to {self.path} ({error.strerror}). "
                "The tables are as they were. Name another file with --rejects."
            ) from error
        write: Callable[[Iterable[object]], object] = csv.writer(self.enter_context(file)).writerow
        write(_HEADER)
        return write


def count_lines(count: int) -> str:
    """So many lines, in words."""
    return "1 line" if count == 1 else f"{count:,} lines"


def _is_ours(path: Path) -> bool:
    """Whether a file of rejects lies there, and no other."""
    try:
        with path.open("rb") as file:
            return file.readline(200).strip() == ",".join(_HEADER).encode()
    except OSError:
        return False
