"""Lines that cannot be loaded: the first one stops the load, or all are set aside in a file."""

import csv
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Literal

from ingest.rows import Rejected
from palate.errors import LoadError

OnError = Literal["stop", "skip"]


class RejectedLineError(LoadError):
    """A line that cannot be loaded, while ``on_error`` is ``stop``."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(
            f"{rejected}. Nothing was loaded; the tables are as they were. "
            "Correct the line, or load with --on-error skip."
        )
        self.rejected = rejected


class Rejects(ExitStack):
    """Takes rejected lines. ``path`` gets them as CSV: file, line, column, reason, content.

    The file is made when the first line is rejected, and closed with the context.
    """

    def __init__(self, on_error: OnError, path: Path) -> None:
        super().__init__()
        self._on_error, self.path = on_error, path
        self.count = 0

    def add(self, rejected: Rejected) -> None:
        """Set a line aside. Raises RejectedLineError when the load is to stop."""
        if self._on_error == "stop":
            raise RejectedLineError(rejected)
        self.count += 1
        column = rejected.column or ""
        self._write((rejected.file, rejected.line, column, rejected.reason, rejected.text))

    @cached_property
    def _write(self) -> Callable[[Iterable[object]], object]:
        try:
            file = self.path.open("w", encoding="utf-8", newline="", errors="replace")
        except OSError as error:
            raise LoadError(
                f"Rejected lines cannot be written to {self.path} ({error.strerror}). "
                "The tables are as they were. Name another file with --rejects."
            ) from error
        write: Callable[[Iterable[object]], object] = csv.writer(self.enter_context(file)).writerow
        write(("file", "line", "column", "reason", "content"))
        return write
