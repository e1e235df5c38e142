"""A request while it is read: what is left of the text, and what was understood so far."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

from ask.structure import LONGEST_LIST, MOST, STEPS, Kind, Quantity, Span
from ask.words import any_case
from palate.text import neutral
from sql.text import fold

T = TypeVar("T")

GAP = "¦"
"""Stands where something was understood, so that no rule reads across it."""

_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff¦@]")
_QUOTED = re.compile(r'"([^"]*)"')
PHRASE = re.compile(r"@q(\d+)")
"""The mark that stands for a phrase while the rest is read."""
_QUOTES = str.maketrans("“”„‘’", '"""\'\'')


@dataclass
class Draft:
    """What is left to read, and the parts of the structure that were found."""

    text: str
    phrases: list[str] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    exclude: dict[str, Any] = field(default_factory=dict)
    ranges: dict[Quantity, Span] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    """Words that are left out, and why."""
    only_first: bool = False
    """Whether one film is wanted since the words say so by their number: the longest film."""
    guessed: bool = False
    """Whether a name or word was read as another than it is spelt."""

    @classmethod
    def of(cls, text: str) -> "Draft":
        """A draft of a request: one line, plain quotes, Latin letters without accents."""
        plain = unicodedata.normalize("NFC", neutral(_UNSENDABLE.sub(" ", text))).translate(_QUOTES)
        return cls(" ".join(fold(plain).split()))

    def set_phrases_aside(self, is_name: Callable[[str, str], bool]) -> None:
        """Leave a mark for every "phrase", so that no rule reads inside it; names lose quotes.

        ``is_name`` is asked of the phrase and of what stands before it.
        """

        def mark(found: re.Match[str]) -> str:
            if is_name(found[1], found.string[: found.start()]):
                return found[1]
            self.phrases.append(found[1].strip())
            return f" @q{len(self.phrases) - 1} "

        self.text = _QUOTED.sub(mark, self.text)

    def phrase(self, text: str) -> str | None:
        """The phrase that a mark stands for."""
        found = PHRASE.fullmatch(text.strip())
        return self.phrases[int(found[1])] if found else None

    def take(self, pattern: "str | re.Pattern[str]") -> re.Match[str] | None:
        """The first place that fits, taken out of the text."""
        found = (any_case(pattern) if isinstance(pattern, str) else pattern).search(self.text)
        if found is not None:
            self.cut(found.start(), found.end())
        return found

    def take_all(self, pattern: "str | re.Pattern[str]") -> list[re.Match[str]]:
        """Every place that fits, taken out of the text."""
        found = []
        while (match := self.take(pattern)) is not None and match.end() > match.start():
            found.append(match)
        return found

    def cut(self, start: int, end: int) -> None:
        """Take a piece out of the text."""
        self.text = f"{self.text[:start]} {GAP} {self.text[end:]}"

    def take_read(self, pattern: re.Pattern[str], read: Callable[[re.Match[str]], int]) -> None:
        """Every place that fits and that ``read`` makes something of, up to where that ends.

        ``read`` gives the end; 0: nothing was read there.
        """
        position = 0
        while (found := pattern.search(self.text, position)) is not None:
            end = read(found)
            position = found.start() if end else found.end()
            if end:
                self.cut(found.start(), end)

    def add(self, name: str, *values: Any, excluded: bool = False) -> None:
        """Add to a list of the structure, once each; what is past the longest list is left out."""
        parts = self.exclude if excluded else self.parts
        every = tuple(dict.fromkeys((*parts.get(name, ()), *values)))
        parts[name] = every[:LONGEST_LIST]
        for value in every[LONGEST_LIST:]:
            self.ignore(str(value), f"of a list {LONGEST_LIST} are read")

    def guess(self, typed: str, read: object) -> None:
        """Say that something was read otherwise than it is typed."""
        self.guessed = True
        self.notes.append(f"“{typed}” was read as {read}.")

    def ignore(self, words: str, why: str) -> None:
        """Leave words out, and say so."""
        plain = re.sub(r"@user\d*", "user", words.replace(GAP, " "))
        plain = " ".join(plain.split()).strip(" ,.?!;:")
        if plain and (plain, why) not in self.ignored:
            self.ignored.append((plain, why))

    def leave_out(self, quantity: Quantity, low: float | None, high: float | None) -> None:
        """Bound a number that no film may have; of several spans those that touch become one."""
        if self._impossible(quantity, low, high):
            return
        ranges = self.exclude.setdefault("ranges", {})
        before = [ranges[quantity]] if quantity in ranges else []
        spans = join_spans(quantity, [*before, Span(low=low, high=high)])
        if len(spans) == 1:
            ranges[quantity] = spans[0]
        else:
            why = f"one span of a number is left out, here {_bounds(before[0].low, before[0].high)}"
            self.ignore(f"not {quantity} {_bounds(low, high)}", why)

    def narrow(self, quantity: Quantity, low: float | None, high: float | None) -> None:
        """Bound a number within the bounds that it has; what has nothing in common is left out."""
        if self._impossible(quantity, low, high) or low is high is None:
            return
        before = self.ranges.get(quantity)
        if before is not None:
            within = _within(before, Span(low=low, high=high))
            if within is None:
                kept, lost = _bounds(before.low, before.high), _bounds(low, high)
                why = f"nothing is that and also {kept}, which is kept"
                self.ignore(f"{quantity} {lost}", why)
                return
            low, high = within.low, within.high
        if low is not None and high is not None and low > high:
            self.ignore(f"{quantity} {_bounds(low, high)}", "no film is that")
            return
        self.ranges[quantity] = Span(low=low, high=high)

    def set_alternatives(self, kinds: "list[Kind]") -> None:
        """Kinds of which every film is one; spans of one number that touch become one."""
        quantities = {quantity for kind in kinds for quantity in kind.ranges}
        if len(quantities) == 1 and all(kind.model_fields_set == {"ranges"} for kind in kinds):
            quantity = quantities.pop()
            spans = join_spans(quantity, [kind.ranges[quantity] for kind in kinds])
            if len(spans) == 1:
                self.narrow(quantity, spans[0].low, spans[0].high)
                return
            kinds = [Kind(ranges={quantity: span}) for span in spans]
        self.parts["alternatives"] = tuple(kinds)[:LONGEST_LIST]

    def join(self, other: "Draft", *, without: Collection[str] = ()) -> None:
        """Add what another draft found, but for parts named."""
        for name, value in other.parts.items():
            if name in without or name == "alternatives":
                continue
            if isinstance(value, tuple):
                self.add(name, *value)
            else:
                self.parts.setdefault(name, value)
        for name, value in other.exclude.items():
            if isinstance(value, tuple):
                self.add(name, *value, excluded=True)
            elif name == "ranges":
                for quantity, span in value.items():
                    self.leave_out(quantity, span.low, span.high)
            else:
                before = self.exclude.get("text", "")
                self.exclude[name] = f"{before} {value}".strip() if name == "text" else value
        for quantity, span in other.ranges.items():
            if f"ranges.{quantity}" not in without:
                self.narrow(quantity, span.low, span.high)
        self.notes += [note for note in other.notes if note not in self.notes]
        self.not_found += other.not_found
        self.ignored += [each for each in other.ignored if each not in self.ignored]
        self.guessed |= other.guessed
        self.only_first |= other.only_first

    def _impossible(self, quantity: Quantity, low: float | None, high: float | None) -> bool:
        """Whether no film can be within; then it is left out."""
        least = -MOST if quantity == "profit" else 0
        if (high is None or high >= least) and (low is None or low <= MOST):
            return False
        said = f"below {high + 1:g}" if high is not None and high < least else f"from {low:g}"
        self.ignore(f"{quantity} {said}", "no film is that")
        return True


def _within(one: Span, other: Span) -> Span | None:
    """What two spans have in common."""
    low = max((each for each in (one.low, other.low) if each is not None), default=None)
    high = min((each for each in (one.high, other.high) if each is not None), default=None)
    apart = low is not None and high is not None and low > high
    return None if apart else Span(low=low, high=high)


def join_spans(quantity: Quantity, spans: Sequence[Span]) -> list[Span]:
    """Spans in their order, those that touch as one."""
    step = STEPS.get(quantity, 1)
    made: list[Span] = []
    for span in sorted(spans, key=lambda each: -MOST if each.low is None else each.low):
        last = made[-1] if made else None
        if last and (last.high is None or (span.low or -MOST) <= last.high + step + 1e-9):
            high = None if None in (last.high, span.high) else max(last.high or 0, span.high or 0)
            if last.low is high is None:
                return []
            made[-1] = Span(low=last.low, high=high)
        else:
            made.append(span)
    return made


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"from {low:g} to {high:g}"


@dataclass(frozen=True)
class Read(Generic[T]):
    """A name read from a text that goes on at ``end``; ``found`` None: nothing is called so."""

    text: str
    end: int
    found: T | None

    @property
    def how(self) -> str | None:
        """How it was found: exact, spelling."""
        return getattr(self.found, "how", None)

    @property
    def exact(self) -> bool:
        """Whether something is called exactly so."""
        return self.how == "exact"


def read_list(
    text: str,
    separator: re.Pattern[str],
    read_at: Callable[[int], Read[T] | None],
    most: int = LONGEST_LIST,
    at: int = 0,
) -> Iterator[Read[T]]:
    """The names in a list that begins at a place of a text."""
    position = at
    for _ in range(most):
        read = read_at(position)
        if read is None:
            return
        yield read
        found = separator.match(text, read.end)
        if found is None:
            return
        position = found.end()


def split_pieces(
    text: str, start: int, word: re.Pattern[str], join: re.Pattern[str], most: int
) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """First and last word of what a text goes on with, of at most so many words.

    The longest first; none ends with a word that joins.
    """
    words = list(islice(word.finditer(text, start), most))
    return ((words[0], last) for last in reversed(words) if not join.fullmatch(last[0]))
