"""What a language model answered, and where answers and calls are kept."""

import itertools
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")

_MOST_ANSWERS = 1000  # kept in memory: chosen
_DAY = 86_400.0  # seconds

_AT_MOST = 10.0
"""How far beyond what is held for them answers may go that are asked for at once: decided."""

Room = Literal["go", "wait", "spent"]
"""Whether a call may begin, only after others have ended, or not at all."""

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

    def times(self, factor: float) -> "Usage":
        """So many times as much."""
        cost = None if self.cost is None else self.cost * factor
        return Usage(math.ceil(self.tokens_in * factor), math.ceil(self.tokens_out * factor), cost)

    def share_of(self, other: "Usage") -> float:
        """How many times the other it is, in tokens or in money, whichever is more."""
        money = self.cost / other.cost if self.cost and other.cost else 0.0
        return max(self.tokens / max(other.tokens, 1), money)


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

    def room(self, spent: Usage, running: Usage, wanted: Usage) -> Room:
        """Whether a call that is to cost ``wanted`` fits in beside what is spent and is running."""
        if not self.allows(spent + wanted):
            return "spent"
        if not running.tokens or self.allows(spent + (running + wanted).times(_AT_MOST)):
            return "go"
        return "wait"


@dataclass(frozen=True, slots=True)
class Call:
    """One question as it is recorded. Never holds a key; texts only when the settings say so."""

    model: str
    prompt: str
    estimate: Usage
    question: str | None = None
    longest: float = 3600.0
    """Seconds after which it no longer runs, whether or not that was recorded."""


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

    def reserve(self, call: Call, day: Budget) -> int | Room:
        """Record that a call begins; its number, or why it may not, by what was spent and is held
        for others in the last 24 hours and by the budget ``day``."""

    def settle(self, number: int, end: CallEnd) -> None:
        """Record how the call ended; what it spent replaces the estimate."""


@dataclass
class MemoryStore:
    """Keeps answers and counts in this process."""

    _answers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _calls: dict[int, tuple[float, Usage]] = field(default_factory=dict)
    _running: dict[int, Usage] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: str) -> str | None:
        answer, until = self._answers.get(key, ("", 0.0))
        return answer if time.monotonic() < until else None

    def keep(self, key: str, model: str, prompt: str, answer: str, seconds: float) -> None:  # noqa: ARG002
        if len(self._answers) >= _MOST_ANSWERS:
            self._answers.pop(next(iter(self._answers)))
        self._answers[key] = (answer, time.monotonic() + seconds)

    def reserve(self, call: Call, day: Budget) -> int | Room:
        with self._lock:
            now = time.monotonic()
            self._calls = {n: each for n, each in self._calls.items() if each[0] >= now - _DAY}
            spent = sum((usage for _, usage in self._calls.values()), Usage())
            room = day.room(spent, sum(self._running.values(), Usage()), call.estimate)
            if room != "go":
                return room
            number = next(self._numbers)
            self._running[number] = call.estimate
            return number

    def settle(self, number: int, end: CallEnd) -> None:
        with self._lock:
            self._running.pop(number, None)
            self._calls[number] = (time.monotonic(), end.usage)
