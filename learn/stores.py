"""Files of runs and of studies: SQLite, whose tables are made by the first to open one."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sql.migrate import ALEMBIC


@contextmanager
def opened_by_one(file: Path) -> Iterator[None]:
    """Alone among all processes, and among threads that migrate: MLflow and Optuna make their
    tables when a file is first opened, and two that do so at once get in each other's way."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ALEMBIC:
            yield
