"""Does taste move films the right way? Fantasy films up for the lovers, down for the haters."""

import itertools
import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from palate.statements import Statements
from sql.database import Database
from test_users.tasters import TASTERS, list_ids, require_tasters

TERMS = ("lord", "king", "magic", "witch", "dragon", "ring")
CANDIDATES = 100  # as a search's default
TOP = 10  # the first page
LEAST = 2  # films of each kind that a term needs before its order says anything

_statements = Statements.beside(__file__, "tasters")


class Place(NamedTuple):
    """Where one candidate stands; taste moves it within its level only."""

    rank: int
    fantasy: bool
    level: str = ""


@dataclass(frozen=True)
class Order:
    """Where one search's fantasy films stand: how many in the top 10, and their mean rank."""

    in_top: int
    mean_rank: float | None

    @classmethod
    def of(cls, places: Iterable[Place]) -> "Order":
        """The order's account, from every candidate's place."""
        ranks = [place.rank for place in places if place.fantasy]
        return cls(sum(rank <= TOP for rank in ranks), fmean(ranks) if ranks else None)


@dataclass(frozen=True)
class TermCheck:
    """One term for one pair: the same candidates in three orders.

    ``best`` and ``worst`` are the mean ranks of fantasy films when these are first and last of
    their levels.
    """

    term: str
    pair: str
    candidates: int
    fantasy: int
    plain: Order
    lover: Order
    hater: Order
    best: float = 0
    worst: float = math.inf

    @property
    def counts(self) -> bool:
        """Whether there are enough films of both kinds for the order to say anything."""
        return self.fantasy >= LEAST and self.candidates - self.fantasy >= LEAST

    @property
    def moved(self) -> float:
        """Places between the hater's mean rank of fantasy films and the lover's."""
        return (self.hater.mean_rank or 0) - (self.lover.mean_rank or 0)

    @property
    def complaint(self) -> str | None:
        """What is wrong, if anything. An order that is already extreme need not move further."""
        plain, lover, hater = self.plain.mean_rank, self.lover.mean_rank, self.hater.mean_rank
        if not self.counts or plain is None or lover is None or hater is None:
            return None
        if lover >= plain > self.best:
            return f"{self.term}: the {self.pair} lover's fantasy films do not rank higher"
        if hater <= plain < self.worst:
            return f"{self.term}: the {self.pair} hater's fantasy films do not rank lower"
        return None


@dataclass(frozen=True)
class Report:
    """The whole check."""

    terms: tuple[TermCheck, ...]
    basic_moved: float
    extreme_moved: float
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """True when taste did what it should."""
        return not self.complaints


def check_tasters(database: Database, offset: int = 0, terms: tuple[str, ...] = TERMS) -> Report:
    """Search each term for nobody and for each taster, and compare where fantasy films stand.

    Raises NotFoundError when the tasters are not there, ConflictError when they have no vectors.
    """
    searchers = [None, *list_ids(offset)]
    with database.read() as connection:
        require_tasters(connection, offset)
        rows = connection.execute(
            _statements["ranks"],
            {"terms": list(terms), "user_ids": searchers, "candidates": CANDIDATES},
        ).all()
    films = {term: {row.movie_id for row in rows if row.term == term} for term in terms}
    places: dict[tuple[str, int | None], list[Place]] = {
        (term, user_id): [] for term in terms for user_id in searchers
    }
    for row in rows:
        places[row.term, row.user_id].append(Place(row.rank, row.fantasy, row.level))
    return judge(
        [
            _compare(term, pair, places[term, None], places[term, lover], places[term, hater])
            for term in terms
            for pair, lover, hater in _pairs(offset)
        ],
        films,
    )


def judge(checks: Iterable[TermCheck], films: Mapping[str, Set[int]]) -> Report:
    """The verdict on the terms: each must move the right way, the extreme pair at least as far,
    and different words must find different ``films``."""
    terms = tuple(checks)
    complaints = [check.complaint for check in terms if check.complaint]
    complaints += [
        f"{one} and {other} find the same {len(films[one])} films"
        for one, other in itertools.combinations(films, 2)
        if len(films[one]) >= LEAST and films[one] == films[other]
    ]
    basic, extreme = _mean_moved(terms, "basic"), _mean_moved(terms, "extreme")
    if not any(check.counts for check in terms):
        complaints.append("no term finds two fantasy and two other films, so nothing was shown")
    if extreme < basic:
        complaints.append(
            f"the extreme pair moves fantasy films {extreme:.1f} places on average, "
            f"less than the basic pair's {basic:.1f}"
        )
    return Report(terms, basic, extreme, tuple(complaints))


def _pairs(offset: int) -> list[tuple[str, int, int]]:
    basic_lover, basic_hater, extreme_lover, extreme_hater = (
        taster.user_id + offset for taster in TASTERS
    )
    return [("basic", basic_lover, basic_hater), ("extreme", extreme_lover, extreme_hater)]


def _compare(
    term: str, pair: str, plain: list[Place], lover: list[Place], hater: list[Place]
) -> TermCheck:
    fantasy = sum(place.fantasy for place in plain)
    orders = Order.of(plain), Order.of(lover), Order.of(hater)
    return TermCheck(term, pair, len(plain), fantasy, *orders, *_bounds(plain))


def _bounds(places: list[Place]) -> tuple[float, float]:
    """The mean ranks of fantasy films, when they are first and when they are last of each level."""
    first: list[int] = []
    last: list[int] = []
    start = 1
    for _, level in itertools.groupby(sorted(places), key=lambda place: place.level):
        of_level = list(level)
        fantasy = sum(place.fantasy for place in of_level)
        end = start + len(of_level)
        first += range(start, start + fantasy)
        last += range(end - fantasy, end)
        start = end
    return (fmean(first), fmean(last)) if first else (0, math.inf)


def _mean_moved(terms: tuple[TermCheck, ...], pair: str) -> float:
    moved = [check.moved for check in terms if check.pair == pair and check.counts]
    return fmean(moved) if moved else 0.0
