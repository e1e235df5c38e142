"""What a language model answered, and where answers and calls are kept."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")

_MOST_ANSWERS = 1000  # kept in memory: chosen
_DAY = 86_400.0  # seconds

Outcome = Literal["ok", "repaired", "invalid", "failed", "cut"]
"""How a call ended: a good answer, good after a repair, never good, no answer, an answer cut."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What something cost. ``cost`` is in US dollars; None: no price is known for the model."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = 0.0

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: "Usage") -> "Usage":
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out, cost)

    def __sub__(self, other: "Usage") -> "Usage":
        cost = None if self.cost is None or other.cost is None else self.cost - other.cost
        return Usage(self.tokens_in - other.tokens_in, self.tokens_out - other.tokens_out, cost)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A checked answer. ``usage`` and ``seconds`` are 0 when it came from the store."""

    value: T
    model: str
    prompt: str
    cached: bool
    repaired: bool
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be spent; None: no limit. ``cost`` is in US dollars."""

    tokens: int | None = None
    cost: float | None = None

    def allows(self, spent: Usage) -> bool:
        """Whether that much may have been spent. An unknown cost is not held against it."""
        return (self.tokens is None or spent.tokens <= self.tokens) and (
            self.cost is None or spent.cost is None or spent.cost <= self.cost
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One question as it is recorded. Never holds a key; texts only when the settings say so."""

    model: str
    prompt: str
    estimate: Usage
    question: str | None = None


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How the question ended."""

    outcome: Outcome
    usage: Usage
    seconds: float
    answer: str | None = None


class AnswerStore(Protocol):
    """Where answers and calls are kept. Its methods may be called from several threads."""

    def find(self, key: str) -> str | None:
        """The answer kept under the key, unless it is too old."""

    def keep(self, key: str, model: str, prompt: str, answer: str, seconds: float) -> None:
        """Keep an answer for so many seconds."""

    def reserve(self, call: Call, day: Budget) -> int | None:
        """Record that a call begins; its number, or None where its estimate, added to what was
        spent and reserved in the last 24 hours, is beyond the budget ``day``."""

    def settle(self, number: int, end: CallEnd) -> None:
        """Record how the call ended; what it spent replaces the estimate."""


@dataclass
class MemoryStore:
    """Keeps answers and counts in this process."""

    _answers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _calls: dict[int, tuple[float, Usage]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: str) -> str | None:
        """The answer kept under the key, unless it is too old."""
        answer, until = self._answers.get(key, ("", 0.0))
        return answer if time.monotonic() < until else None

    def keep(self, key: str, model: str, prompt: str, answer: str, seconds: float) -> None:  # noqa: ARG002
        """Keep an answer for so many seconds."""
        if len(self._answers) >= _MOST_ANSWERS:
            self._answers.pop(next(iter(self._answers)))
        self._answers[key] = (answer, time.monotonic() + seconds)

    def reserve(self, call: Call, day: Budget) -> int | None:
        """Begin a call, unless that goes beyond the day's budget."""
        with self._lock:
            now = time.monotonic()
            self._calls = {n: each for n, each in self._calls.items() if each[0] >= now - _DAY}
            spent = sum((usage for _, usage in self._calls.values()), Usage())
            if not day.allows(spent + call.estimate):
                return None
            number = next(self._numbers)
            self._calls[number] = (now, call.estimate)
            return number

    def settle(self, number: int, end: CallEnd) -> None:
        """End a call."""
        with self._lock:
            began, _ = self._calls.get(number, (time.monotonic(), Usage()))
            self._calls[number] = (began, end.usage)
