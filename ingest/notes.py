"""What a reading noticed and nobody has to act on: nothing is left out without a word."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.fields import FieldError


@dataclass(slots=True)
class _Tally:
    count: int
    first: str


class Notes:
    """Counts of what was noticed, each with its first case, and sentences."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._said: dict[str, None] = {}

    def clear(self) -> None:
        """A new reading begins."""
        self._tallies.clear()
        self._said.clear()

    def count(self, file: str, what: str, first: str, times: int = 1) -> None:
        """``what`` happened in a file: ``column year left empty``; ``first`` is such a case."""
        tally = self._tallies.setdefault((file, what), _Tally(0, first))
        tally.count += times

    def left_empty(self, file: str, what: str, line: int, error: FieldError) -> None:
        """A field of a line could not be read."""
        self.count(file, f"{what} left empty", f"line {line}: {error.reason}")

    def cut(self, file: str) -> None:
        """A file's last line has no end."""
        self.say(
            f"{file}: its last line has no end: if the file was cut off, that line may be, too."
        )

    def say(self, sentence: str) -> None:
        """A whole sentence, once."""
        self._said[sentence] = None

    def texts(self) -> Iterator[str]:
        """Everything, as sentences."""
        yield from self._said
        for (file, what), tally in self._tallies.items():
            yield f"{file}: {what}: {tally.count:,} (first: {tally.first})."
