"""What an operator says of recommendations: rules of a file that is read again when it changes.

A broken edit keeps the rules that were read last, and is said in the log, the metrics and by
`palate doctor`.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

import structlog
from pydantic import Field, ValidationError, model_validator

from palate.contract import LARGEST_ID, Audience, Frozen, Profile
from palate.errors import MisuseError
from palate.metrics import RULES_FILE_BROKEN
from palate.text import first_wrong

_log = structlog.get_logger(__name__)
_MOST_BYTES = 1_000_000

Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Names = Annotated[tuple[str, ...], Field(max_length=1000)]


class Films(Frozen):
    """Which films: all that is said has to hold; of a list, one of it is enough."""

    movie_ids: tuple[Id, ...] = Field((), max_length=10_000)
    genres: Names = ()
    keywords: Names = ()
    directors: Names = ()
    actors: Names = ()
    audiences: tuple[Audience, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    rating_from: float | None = Field(None, description="Mean rating; unrated films have none.")
    rating_to: float | None = None
    ratings_from: int | None = Field(None, description="How many ratings.")
    ratings_to: int | None = None

    def match(self, film: Mapping[str, Any]) -> bool:
        """Whether a film, a row of the statement `films`, is one of them."""
        return (
            _among(self.movie_ids, [film["movie_id"]])
            and _among(self.genres, film["genres"])
            and _among(self.keywords, film["keywords"])
            and _among(self.directors, [film["director"]])
            and _among(self.actors, film["actors"])
            and _among(self.audiences, [film["target_audience"]])
            and _between(self.year_from, film["year"], self.year_to)
            and _between(self.rating_from, film["avg_rating"], self.rating_to)
            and _between(self.ratings_from, film["rating_count"], self.ratings_to)
        )


class Rule(Frozen):
    """One rule: of which films, and one thing that is done with them."""

    name: str = Field(min_length=1, max_length=100, description="What answers call it.")
    films: Films = Films()
    profiles: tuple[Profile, ...] = Field((), description="Only for these tastes; empty: for all.")
    remove: bool = Field(False, description="They are not recommended.")
    keep_only: bool = Field(False, description="No others are recommended.")
    boost: float | None = Field(None, gt=1, le=100, description="Their scores times this.")
    bury: float | None = Field(None, ge=0, lt=1, description="Their scores times this.")
    pin: int | None = Field(None, ge=1, le=1000, description="The first of them stands here.")
    cap: int | None = Field(None, ge=0, le=1000, description="Most of them in any ten in a row.")

    @model_validator(mode="after")
    def does_one_thing(self) -> Self:
        """Exactly one of what can be done."""
        amounts = (self.boost, self.bury, self.pin, self.cap)
        if sum((self.remove, self.keep_only, *(x is not None for x in amounts))) != 1:
            raise ValueError(f"{self.name!r}: say one of remove, keep_only, boost, bury, pin, cap")
        return self

    @property
    def factor(self) -> float:
        """What scores are multiplied by."""
        return next((x for x in (self.boost, self.bury) if x is not None), 1.0)


class BusinessRules(Frozen):
    """The rules of a file, in the order in which they are applied."""

    rules: tuple[Rule, ...] = Field((), max_length=200)

    @model_validator(mode="after")
    def names_differ(self) -> Self:
        """A rule is named in answers, so every one needs a name of its own."""
        twice = [n for n, times in Counter(rule.name for rule in self.rules).items() if times > 1]
        if twice:
            raise ValueError(f"two rules are called {twice[0]!r}")
        return self

    def of(self, profile: str) -> "BusinessRules":
        """The rules that hold for a profile."""
        return BusinessRules(
            rules=tuple(r for r in self.rules if not r.profiles or profile in r.profiles)
        )


def parse_business_rules(text: str) -> BusinessRules:
    """Rules as a file has them. Raises MisuseError, which says where it is wrong."""
    try:
        return BusinessRules.model_validate_json(text)
    except ValidationError as error:
        raise MisuseError(f"{first_wrong(error, 'the file')}. Nothing was changed.") from error


class RulesFile:
    """A file of rules that is read again when it changes. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises MisuseError for a file that cannot be used."""
        self._path, self._lock = path, threading.Lock()
        self._seen = self._look()
        self._rules = self._read()
        self.version = 0
        self.broken: str | None = None

    def current(self) -> BusinessRules:
        """The rules that were read last."""
        seen = self._look()
        if seen != self._seen:
            with self._lock:
                if seen != self._seen:
                    self._seen = seen
                    self._reload()
        return self._rules

    def _reload(self) -> None:
        try:
            self._rules, self.broken = self._read(), None
            self.version += 1  # behind the rules: who sees it sees them
            _log.info("rules_file_read", path=str(self._path), rules=len(self._rules.rules))
        except MisuseError as error:
            self.broken = str(error)
            _log.warning("rules_file_broken", path=str(self._path), reason=self.broken)
        RULES_FILE_BROKEN.set(self.broken is not None)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> BusinessRules:
        try:
            with self._path.open(encoding="utf-8") as file:
                text = file.read(_MOST_BYTES + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise MisuseError(
                f"The rules file {self._path} cannot be read ({error}). Correct PALATE_RULES_FILE."
            ) from error
        if len(text) > _MOST_BYTES:
            raise MisuseError(f"The rules file {self._path} is longer than {_MOST_BYTES:,} bytes.")
        try:
            return parse_business_rules(text)
        except MisuseError as error:
            raise MisuseError(f"The rules file {self._path}: {error}") from error


@cache
def open_rules(path: Path) -> RulesFile:
    """The file of a path, one a process. Raises MisuseError for one that cannot be used."""
    return RulesFile(path)


def rules_for(path: Path | None, profile: str) -> BusinessRules:
    """The rules that hold now for a profile; none without a file."""
    return BusinessRules() if path is None else open_rules(path).current().of(profile)


def rules_version(path: Path | None) -> int:
    """A number that changes with the rules; asked for before them, none newer is missed."""
    if path is None:
        return 0
    file = open_rules(path)
    file.current()
    return file.version


def weigh(rules: BusinessRules, film: Mapping[str, Any]) -> tuple[tuple[str, ...], float]:
    """The names of the rules that change a film's score, and what they multiply it by."""
    met = [rule for rule in rules.rules if rule.factor != 1 and rule.films.match(film)]
    return tuple(rule.name for rule in met), prod(rule.factor for rule in met)


def named(rules: BusinessRules, moved: int, film: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the rules that moved a film, which ``arrange`` said by bits; of other rules that
    a file has since, none that is not about the film."""
    return tuple(
        r.name for at, r in enumerate(rules.rules)
        if moved >> at & 1 and (r.pin is not None or r.cap is not None) and r.films.match(film)
    )  # fmt: skip


def pinned_films(rules: BusinessRules) -> set[int]:
    """The films that rules pin by their ids."""
    return {movie_id for rule in rules.rules if rule.pin for movie_id in rule.films.movie_ids}


def taken_out_by(rules: BusinessRules, film: Mapping[str, Any]) -> str | None:
    """The first rule that takes a film out."""
    return next(
        (r.name for r in rules.rules
         if (r.remove or r.keep_only) and r.films.match(film) is r.remove),
        None,
    )  # fmt: skip


def arrange(
    rules: BusinessRules,
    order: Sequence[int],
    films: Mapping[int, Mapping[str, Any]],
    behind: Iterable[int] = (),
) -> tuple[list[int], dict[int, int]]:
    """The order with caps kept and pins in their places, of films ``behind`` it only those pinned;
    and by which rules films were moved: a bit for each rule, the first the lowest."""
    arranged, moved = list(order), dict[int, int]()
    for at, rule in enumerate(rules.rules):
        if rule.cap is not None:
            matching = {each for each in order if rule.films.match(films[each])}
            arranged, held = _capped(arranged, matching, rule.cap)
            moved |= {each: moved.get(each, 0) | 1 << at for each in held}
    for at, rule in enumerate(rules.rules):
        if rule.pin is not None:
            several = itertools.chain(arranged, behind)
            first = next((e for e in several if rule.films.match(films[e])), None)
            if first is not None:
                arranged = [each for each in arranged if each != first]
                arranged.insert(rule.pin - 1, first)
                moved[first] = moved.get(first, 0) | 1 << at
    return arranged, moved


def _capped(
    order: Sequence[int], matching: set[int], most: int, window: int = 10
) -> tuple[list[int], set[int]]:
    """Films behind which others wait until no ten in a row hold more than ``most`` of them; and
    those that waited."""
    kept, held, waiting = list[int](), set[int](), list(order)
    while waiting:
        recent = sum(each in matching for each in kept[-(window - 1) :])
        fitting = (i for i, e in enumerate(waiting) if recent < most or e not in matching)
        at = next(fitting, len(waiting))
        held.update(waiting[:at])
        if at == len(waiting):
            break
        kept.append(waiting.pop(at))
    return kept, held


def _among(wanted: Sequence[Any], there: Iterable[Any]) -> bool:
    return not wanted or bool(
        {_plain(each) for each in wanted} & {_plain(each) for each in there if each is not None}
    )


def _plain(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _between(low: float | None, value: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
