"""A user's preferences: what is rated, how it differs from the crowd, and how sure that is.

SQL's find_preferences() computes the groups (``sql/functions/60_analysis.sql`` says how); here they
become one answer with sentences.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, PlainSerializer

from ask.structure import SummaryBy, WhyNotWorded
from palate.contract import Frozen
from palate.errors import NotFoundError
from palate.items import count
from palate.person import called
from palate.statements import Statements
from palate.text import one_line
from rerank.facts import Fact, write_all
from sql.database import Database

_statements = Statements.beside(__file__, "analysis")

FEWEST_FOR_TRAIT = 5
LEAST_DIFFERENCE = 0.25
"""What the summary calls a trait: so many ratings, and so many stars from the crowd (half of the
smallest step of the scale). Chosen so that a sentence rests on more than chance; not measured."""

MOST_PEOPLE = 20  # as long a list as people read
FEWEST_FOR_CORRELATION = 10  # the interval of fewer is over 1.3 wide at r = 0

Stars = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]
"""Shown to three digits; what is told of it is made of all of them."""


class Trait(Frozen):
    """A user's ratings of one kind of film."""

    name: str
    n: int
    mean: Stars
    crowd: Stars = Field(description="What the crowd gives the same films, damped.")
    shrunken: Stars = Field(description="Difference from the crowd, in stars, shrunken.")


class Correlation(Frozen):
    """Pearson's r of ratings and effectiveness, with its 95 % interval by Fisher's z."""

    n: int
    r: Stars
    low: Stars
    high: Stars


class Preferences(Frozen):
    """What a user's ratings say."""

    user_id: int
    profile: str
    n: int
    mean: Stars
    crowd: Stars
    level: Stars = Field(description="The user's difference from the crowd, in stars, damped.")
    distribution: dict[str, int] = Field(description="Stars -> ratings.")
    genres: tuple[Trait, ...]
    decades: tuple[Trait, ...]
    directors: tuple[Trait, ...]
    actors: tuple[Trait, ...]
    budgets: tuple[Trait, ...]
    sentiments: tuple[Trait, ...]
    audiences: tuple[Trait, ...]
    effectiveness: Correlation | None = Field(
        description="Of ratings with the films' effectiveness; null below ten films that have one."
    )
    summary: tuple[str, ...]
    summary_by: SummaryBy = "rules"
    why_not_worded: WhyNotWorded = None


_KINDS = {
    "genres": "genre", "decades": "decade", "directors": "director", "actors": "actor",
    "budgets": "budget", "sentiments": "sentiment", "audiences": "audience",
}  # fmt: skip


def find_preferences(database: Database, user_id: int, profile: str = "main") -> Preferences:
    """A user's preferences. Raises NotFoundError for a user without ratings."""
    who = {"user_id": user_id, "profile": profile}
    with database.read() as connection:
        rows = connection.execute(_statements["preferences"], who).all()
    if not rows:
        raise NotFoundError(
            f"User {called(user_id)} ({profile}) has rated nothing, so nothing is known of what "
            "they like."
        )
    whole = next(row for row in rows if row.kind == "all")
    made = Preferences(
        **who,
        n=whole.n,
        mean=whole.mean,
        crowd=whole.crowd,
        level=whole.shrunken,
        distribution=dict(sorted(whole.distribution.items())),
        **{name: _traits(rows, kind) for name, kind in _KINDS.items()},
        effectiveness=_correlation(whole.effective_films, whole.r),
        summary=(),
    )
    return made.model_copy(update={"summary": write_all(describe(made))})


def _traits(rows: Sequence[Any], kind: str) -> tuple[Trait, ...]:
    """The groups of a kind, the most rated first; of people not all."""
    found = [row for row in rows if row.kind == kind]
    return tuple(
        Trait(**{name: getattr(row, name) for name in Trait.model_fields})
        for row in (found[:MOST_PEOPLE] if kind in ("director", "actor") else found)
    )


def _correlation(n: int, r: float | None) -> Correlation | None:
    """None for few films, and where all ratings or all films are alike."""
    if n < FEWEST_FOR_CORRELATION or r is None:
        return None
    z = math.atanh(max(-0.999999, min(0.999999, r)))
    half = 1.96 / math.sqrt(n - 3)
    return Correlation(n=n, r=r, low=math.tanh(z - half), high=math.tanh(z + half))


def choose_traits(found: Iterable[Trait], *, above: bool, most: int = 3) -> list[Trait]:
    """The traits worth a sentence: of enough ratings, and far enough from the crowd."""
    sign = 1 if above else -1
    enough = [trait for trait in found if trait.n >= FEWEST_FOR_TRAIT]
    worth = [trait for trait in enough if sign * trait.shrunken >= LEAST_DIFFERENCE]
    return sorted(worth, key=lambda trait: (-abs(trait.shrunken), -trait.n, trait.name))[:most]


def describe(found: Preferences) -> list[list[Fact]]:
    """What is true of a user's ratings, by sentences."""
    who = f"user {called(found.user_id)}"
    average = [
        _fact(f"{who} rated", f"{count(found.n, 'film')}, {found.mean:.1f} stars on average"),
        _fact(f"the crowd gives the films that {who} rated", f"{found.crowd:.1f}"),
    ]
    most = ", ".join(f"{one_line(t.name)} ({t.n})" for t in found.genres[:3])
    sentences = [average, [_fact("rates mostly", most)] if most else []]
    traits = [list(_traits_apart(kind, found, above=up)) for kind in _TOLD for up in (True, False)]
    if not any(traits):
        few = f"{FEWEST_FOR_TRAIT} ratings and {LEAST_DIFFERENCE} stars from the crowd"
        none = "no genre, decade or person stands out: a trait takes"
        sentences.append([_fact(none, few)])
    if len(found.genres) > 1 and len({round(trait.shrunken, 2) for trait in found.genres}) == 1:
        alike = "so few ratings do not tell genres apart: each is estimated at the level of all,"
        sentences.append([_fact(alike, f"{found.level:+.2f} stars from the crowd")])
    return [*sentences, *traits]


_TOLD = ("genres", "decades", "directors", "actors", "budgets", "audiences")


def _traits_apart(kind: str, found: Preferences, *, above: bool) -> Iterator[Fact]:
    says = f"likes {'more' if above else 'less'} than the crowd, by {kind}:"
    for trait in choose_traits(getattr(found, kind), above=above):
        value = f"{one_line(trait.name)} ({trait.shrunken:+.1f} from {trait.n})"
        yield Fact(trait.name, says, value, "your ratings", "for" if above else "against")


def _fact(says: str, value: str) -> Fact:
    return Fact("ratings", says, value, "your ratings")
