"""Lines that cannot be loaded: the first one stops the load, or all are set aside in a file."""

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

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


class Rejects:
    """Takes rejected lines. ``path`` gets them as CSV: file, line, column, reason, content.

    The file is made when the first line is rejected.
    """

    def __init__(self, on_error: OnError, path: Path) -> None:
        self._on_error, self.path = on_error, path
        self._writer: csv.DictWriter[str] | None = None
        self._open = ExitStack()
        self.count = 0

    def add(self, rejected: Rejected) -> None:
        """Set a line aside. Raises RejectedLineError when the load is to stop."""
        if self._on_error == "stop":
            raise RejectedLineError(rejected)
        self.count += 1
        self._write().writerow(
            {
                "file": rejected.file,
                "line": rejected.line,
                "column": rejected.column or "",
                "reason": rejected.reason,
                "content": rejected.text,
            }
        )

    def _write(self) -> "csv.DictWriter[str]":
        if self._writer is None:
            try:
                file = self._open.enter_context(
                    self.path.open("w", encoding="utf-8", newline="", errors="replace")
                )
            except OSError as error:
                raise LoadError(
                    f"Rejected lines cannot be written to {self.path} ({error.strerror}). "
                    "The tables are as they were. Name another file with --rejects."
                ) from error
            columns = ["file", "line", "column", "reason", "content"]
            self._writer = csv.DictWriter(file, columns)
            self._writer.writeheader()
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._open.close()
