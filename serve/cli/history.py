"""What was typed earlier, at prompts of ours."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MOST = 1000  # lines


@contextmanager
def remembered(file: Path) -> Iterator[None]:
    """Line editing, with the lines of earlier times, where Python has it."""
    try:
        import readline  # not everywhere, and only for people at a terminal
    except ImportError:
        yield
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        readline.read_history_file(file)
    try:
        yield
    finally:
        readline.set_history_length(_MOST)
        with suppress(OSError):
            file.touch(0o600)
            readline.write_history_file(file)
            file.chmod(0o600)
